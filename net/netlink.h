/* SPDX-License-Identifier: MIT */
/*
 * rtnetlink requests: messages built by libnl, sent as one batch, answered with
 * the kernel's errno and its own words (extended acks). See rtnetlink(7).
 */
#pragma once

#include <netlink/msg.h>

#include "util/err.h"

struct netlink { /* one socket; belongs to the network namespace that it was opened in */
	struct nl_sock *sock;
	unsigned seq;
};

int netlink_open(struct netlink *nl, struct err *err) MUST_CHECK;
void netlink_close(struct netlink *nl);

/* A request of this type with room for attributes; header is what follows the nlmsghdr. */
struct nl_msg *netlink_msg(int type, int flags, const void *header, size_t len)
	__attribute__((returns_nonnull));

/*
 * Send n messages at once and wait for the answer to each. All are freed. The first failure is
 * returned: -errno, with text; later ones have been tried all the same.
 */
int netlink_do(struct netlink *nl, struct nl_msg **msgs, size_t n, const char *what,
	       struct err *err) MUST_CHECK;

/* Called for each object of the answer; the message is valid only there. */
typedef void (*netlink_fn)(void *arg, struct nlmsghdr *h);
/* Ask for one object or, with NLM_F_DUMP in the message, for all. The message is freed. */
int netlink_ask(struct netlink *nl, struct nl_msg *msg, netlink_fn fn, void *arg, const char *what,
		struct err *err) MUST_CHECK;
