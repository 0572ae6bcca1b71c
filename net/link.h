/* SPDX-License-Identifier: MIT */
/* Links of this node and of pods: bridge, veth pairs, their addresses and routes. */
#pragma once

#include <net/if.h>
#include <netinet/in.h>

#include "net/netlink.h"
#include "net/subnet.h"

#define MAC_SIZE 6

/* The address of an interface follows from its IP address: a reused one needs no new ARP entry. */
void link_mac(struct in_addr ip, unsigned char mac[MAC_SIZE]);

/* Make the bridge, or take over the one of this name; its address is the only one. Return: its
 * index. */
int link_bridge(struct netlink *nl, const char *name, struct in_addr ip, unsigned prefix,
		unsigned mtu, struct err *err);

struct pod_link {
	const char *host_name; /* of the node's end */
	int bridge;            /* index */
	struct in_addr ip, gateway;
	unsigned prefix, mtu;
	int hairpin; /* the pod can reach itself by an address that is translated to its own */
};
/* The pair, its far end made inside of the pod's namespace as eth0, the near one a port of the
 * bridge and up. */
int link_veth(struct netlink *nl, const struct pod_link *l, int netns_fd, struct err *err)
	MUST_CHECK;
/* Inside: lo and eth0 up, address, default route. `inside` is a socket of the pod's namespace. */
int link_configure(struct netlink *inside, const struct pod_link *l, struct err *err) MUST_CHECK;
/*
 * Wait until the node's end carries packets: after its peer came up the kernel switches it on
 * aside, and what is sent before that is lost (an ARP request would be repeated after a second).
 * Since Linux 6.8 asking for a link makes it happen now; before, it has happened within
 * milliseconds.
 */
int link_settle(struct netlink *nl, const char *name, struct err *err) MUST_CHECK;
/* True when eth0 is there with this address: an earlier attach had come that far. */
int link_configured(struct netlink *inside, struct in_addr ip);

int link_hairpin(struct netlink *nl, const char *name, struct err *err) MUST_CHECK;
/* 0 when there is none. */
int link_index(struct netlink *nl, const char *name);
/* Deleting is slow (20 ms): for rollback and purge only. A missing link is fine. */
int link_delete(struct netlink *nl, const char *name, struct err *err) MUST_CHECK;

/* What net_render and purge need to know. */
struct link_info {
	int index, master;
	char name[IFNAMSIZ], kind[16];
	unsigned char mac[MAC_SIZE];
	unsigned mtu;
	int up, carrier, operational;
	uint64_t rx_bytes, tx_bytes;
};
typedef void (*link_fn)(void *arg, const struct link_info *l);
int link_each(struct netlink *nl, link_fn fn, void *arg, struct err *err) MUST_CHECK;
/* The MTU towards the outside: of the default route's interface, 1500 without one. */
unsigned link_outside_mtu(struct netlink *nl);
/* The name of another interface whose network overlaps this one. Return: true if there is one. */
int link_overlap(struct netlink *nl, struct in_addr net, unsigned prefix, int except,
		 char name[IFNAMSIZ]);
