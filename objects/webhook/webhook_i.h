/* SPDX-License-Identifier: MIT */
/* Inside objects/webhook only. */
#pragma once

#include "objects/webhook.h"

struct webhooks {
	struct store *store;
	https_post_fn post;
	void *arg;
};

/*
 * Where a service is reached now: "address:port", owned. Its port is the one that clients see
 * (443 by default). NULL with err.
 */
char *endpoint_of(struct store *store, const char *ns, const char *name, int64_t port,
		  struct err *err);
