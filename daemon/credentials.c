/* SPDX-License-Identifier: MIT */
/* What pods are known by: tokens of their accounts. */
#include <errno.h>

#include "daemon/daemon_i.h"

int open_credentials(struct daemon *d, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/tokens.jwks", d->options.state);

	d->tokens = tokens_open(path, d->store, err);
	return d->tokens ? 0 : -err->code;
}

int pod_token(void *arg, const struct value *pod, const char *account, const char *audience,
	      int64_t seconds, struct buf *out, struct err *err)
{
	struct daemon *d = arg;
	CLEANUP_VALUE struct value *audiences =
		audience ? value_append(value_new_list(), value_new_string(audience)) : NULL;
	const struct token_request r = {
		.ns = value_dig_str(pod, "metadata", "namespace", NULL),
		.account = account,
		.bound_kind = "Pod",
		.bound_name = value_dig_str(pod, "metadata", "name", NULL),
		.bound_uid = value_dig_str(pod, "metadata", "uid", NULL),
		.audiences = audiences,
		.seconds = seconds,
	};

	return tokens_issue(d->tokens, &r, out, NULL, err);
}
