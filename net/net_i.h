/* SPDX-License-Identifier: MIT */
/* The node's network from inside. */
#pragma once

#include <pthread.h>

#include "net/lease.h"
#include "net/link.h"
#include "net/rules.h"

struct net {
	pthread_mutex_t lock; /* the leases, which net_render reads from other threads */
	struct leases leases;
	struct rules rules;
	struct netlink nl;
	int own_netns; /* to come back to */
	int bridge;    /* index */
	unsigned mtu;
	struct in_addr gateway;
	char gateway_text[INET_ADDRSTRLEN];
	char name[IFNAMSIZ]; /* of the bridge */
};
