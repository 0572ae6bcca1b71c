/* SPDX-License-Identifier: MIT */
/*
 * The node's network: one bridge, a veth pair per pod, addresses from the pod
 * range, masquerade to the outside and hostPorts by nftables (a table of our
 * own, `inet k8sfs-<bridge>`; nobody else's rules are touched).
 *
 * A pod's end lives in its network namespace: when the namespace goes, the
 * kernel removes the pair. So detaching only frees the address and hostPorts.
 *
 * Locking: all calls on the loop's thread, except net_render.
 */
#pragma once

#include <netinet/in.h>

#include "util/buf.h"
#include "util/err.h"

struct net;

struct net_config {
	const char *pod_cidr;     /* "10.244.0.0/24" */
	const char *service_cidr; /* "10.96.0.0/16" */
	const char *bridge;       /* "k8s0"; one name per daemon (derived from the mount point) */
	const char *run_dir;      /* leases: <run>/net/<address> holds the pod's uid */
	const char *cluster_domain, *dns_address; /* for resolv.conf; NULL: host's resolv.conf */
};

/*
 * Makes bridge, table and forwarding; what exists already is taken over, the leases and ports of
 * running pods (those with a directory <run>/pods/<uid>, if there is a <run>/pods) included.
 */
struct net *net_open(const struct net_config *cfg, struct err *err);
void net_close(struct net *n);
/* Remove bridge, table, leases, and forwarding if it was off: --stop --purge. net_close() follows.
 */
int net_purge(struct net *n, struct err *err) MUST_CHECK;

struct host_port {
	unsigned host_port, container_port;
	int udp;          /* 0 tcp, 1 udp, 2 sctp */
	uint32_t host_ip; /* network order, 0: any */
};

/*
 * Give the namespace behind netns_fd an address (the one that uid has already, if any),
 * eth0, lo up and a default route. ip_out as text. Again for the same pod: the same address, the
 * ports given now. Errors: -EADDRNOTAVAIL when the range is full, -EADDRINUSE for a host port that
 * another pod has.
 */
int net_attach(struct net *n, const char *uid, int netns_fd, const struct host_port *ports,
	       size_t n_ports, char ip_out[INET_ADDRSTRLEN], struct err *err) MUST_CHECK;
/* After a restart of the daemon: the pod still has this address and these ports. */
int net_adopt(struct net *n, const char *uid, const char *ip, const struct host_port *ports,
	      size_t n_ports, struct err *err) MUST_CHECK;
/* Idempotent. */
void net_detach(struct net *n, const char *uid);
/* After all running pods were adopted: detach every pod that has a lease from before and is not to
 * be kept. */
void net_collect(struct net *n, int (*keep)(void *arg, const char *uid), void *arg);
/* The gateway: the node's own address on the bridge. */
const char *net_gateway(const struct net *n);

/* Files of /k8s/net: "addresses", "links", "ports". Any thread. */
int net_render(struct net *n, const char *what, struct buf *out, struct err *err) MUST_CHECK;
