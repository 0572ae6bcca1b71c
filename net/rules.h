/* SPDX-License-Identifier: MIT */
/*
 * The node's packet rules: one nftables table of our own, by libnftables
 * in a process of its own (nft.c).
 *
 *	outgoing traffic of pods leaves with the node's address (masquerade);
 *	a connection to a hostPort, from anywhere, goes to the pod that has it:
 *	two maps, by port and by address and port, so that a pod is one element more.
 */
#pragma once

#include "net/lease.h"

struct rules {
	char *helper;                /* k8sfs-nft */
	char *table;                 /* "k8sfs-<bridge>" */
	const struct leases *leases; /* borrowed */
};

/* Replace the table, if there is one, by one with the ports of all leases, in one transaction. */
int rules_open(struct rules *r, const struct leases *leases, struct err *err) MUST_CHECK;
void rules_close(struct rules *r);
int rules_add_ports(struct rules *r, const struct lease *l, struct err *err) MUST_CHECK;
/* None of them is missed when it is not there. */
int rules_remove_ports(struct rules *r, const struct lease *l, struct err *err) MUST_CHECK;
int rules_delete(struct rules *r, struct err *err) MUST_CHECK;
