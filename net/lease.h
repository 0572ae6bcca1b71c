/* SPDX-License-Identifier: MIT */
/*
 * Who has which address of the pod range. A lease is a file named by its
 * address: the pod's uid on the first line, then a line per hostPort,
 * "tcp 8080 80 0.0.0.0" (protocol, on the host, in the pod, address of the host).
 * The files outlive the daemon, not a reboot, as do the pods.
 *
 * Addresses are given out in order, round the range, so that one that was freed
 * rests as long as possible; the file `last` remembers the place.
 */
#pragma once

#include <net/if.h>

#include "net/net.h"
#include "net/subnet.h"
#include "util/strmap.h"

struct lease {
	char *uid;
	struct in_addr ip;
	uint32_t index; /* in the range */
	struct host_port *ports;
	size_t n_ports;
	char host_link[IFNAMSIZ]; /* the node's end of the pair */
};

struct leases {
	char *dir;
	struct subnet range;
	char *bridge;         /* tells this daemon's links from another's */
	struct strmap by_uid; /* uid -> struct lease */
	uint64_t *used;       /* a bit per address */
	uint32_t last;
};

int leases_open(struct leases *all, const char *dir, const struct subnet *range, const char *bridge,
		struct err *err) MUST_CHECK;
/* The files stay. */
void leases_close(struct leases *all);

struct lease *lease_find(const struct leases *all, const char *uid);
/* Who has an address; NULL: nobody. */
struct lease *lease_find_ip(const struct leases *all, struct in_addr ip);
/* A new one on any address, or on this (0: any); stored on disk. -EADDRNOTAVAIL, -EADDRINUSE. */
struct lease *lease_new(struct leases *all, const char *uid, struct in_addr ip, struct err *err);
/* Replace the ports, on disk too. */
int lease_set_ports(struct leases *all, struct lease *l, const struct host_port *ports, size_t n,
		    struct err *err) MUST_CHECK;
void lease_free(struct leases *all, struct lease *l);
/* Somebody else's port that one of these would be. */
const struct lease *lease_port_conflict(const struct leases *all, const char *uid,
					const struct host_port *ports, size_t n,
					const struct host_port **which);
const char *protocol_name(const struct host_port *p);
