/* SPDX-License-Identifier: MIT */
/*
 * ServiceAccount tokens: JWTs (RFC 7519, RFC 7515) with the claims of Kubernetes ("Managing
 * Service Accounts", bound service account tokens). A token is worth something for as long as its
 * account and the object that it is bound to are there, whatever its expiry says.
 *
 * Locking: any thread.
 */
#pragma once

#include "objects/store/store.h"

#define TOKEN_ISSUER    "https://kubernetes.default.svc.cluster.local"
#define TOKEN_MAX_BYTES 16384u

struct tokens;

/* key_path: see keys.h. Borrows the store. NULL with err. */
struct tokens *tokens_open(const char *key_path, struct store *store, struct err *err);
void tokens_free(struct tokens *t);

struct token_request { /* borrowed */
	const char *ns, *account;
	/* What it dies with besides the account; NULL: nothing. kind: "Pod", "Secret", "Node". */
	const char *bound_kind, *bound_name;
	const char *bound_uid;         /* NULL: of whatever has that name */
	const struct value *audiences; /* list of strings; NULL or empty: TOKEN_ISSUER */
	int64_t seconds;               /* lifetime; 0, bound to a Secret: as long as that has it */
};

/*
 * Appends the token. Return: 0, -ENOENT when the account or the bound object is not there, -EBUSY
 * when that is another one than bound_uid says. expires_out: seconds since 1970, may be NULL.
 */
int tokens_issue(struct tokens *t, const struct token_request *r, struct buf *out,
		 int64_t *expires_out, struct err *err) MUST_CHECK;

/*
 * Whose it is, as TokenReview's status.user: {username, uid, groups, extra}; owned. audiences
 * (list of strings; NULL or empty: TOKEN_ISSUER): at least one must be the token's;
 * *audiences_out, owned, are those. NULL with err (EACCES) for a token that is worth nothing.
 */
struct value *tokens_authenticate(struct tokens *t, const char *token, size_t len,
				  const struct value *audiences, struct value **audiences_out,
				  struct err *err);
