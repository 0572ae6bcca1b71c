/* SPDX-License-Identifier: MIT */
/*
 * One POST over HTTPS, waited for: what a webhook is asked with. It knows nothing of what is asked.
 *
 * No redirects, no proxy, no other protocol, no connection that is used again. The server must
 * have a certificate for the host of the URL from who is trusted.
 *
 * Locking: any thread; who asks waits, so not on a thread that others need (util/jobs.h).
 */
#pragma once

#include "util/buf.h"
#include "util/err.h"

struct https_post {
	const char *url; /* "https://host[:port]/path" */
	const char *
		connect_to; /* "10.244.0.7:8443": instead of the URL's host and port; NULL: those */
	const void *trust;  /* certificates, PEM; NULL: the machine's */
	size_t trust_len;
	const void *body; /* JSON */
	size_t body_len;
	unsigned timeout_ms; /* of the whole */
	size_t max_answer;   /* bytes */
};

/* How whoever asks reaches the network: https_post() or, in tests, something else. Adds the body
 * of the answer. Return: 0 with its status (200 ...), or -errno: ETIMEDOUT, ECANCELED when the
 * house closes, EFBIG, ECONNREFUSED, EHOSTUNREACH, EIO; err as Go's net/http words it. */
typedef int (*https_post_fn)(void *arg, const struct https_post *p, long *status_out,
			     struct buf *answer, struct err *err);

struct https;

struct https *https_new(void);
/* arg: a struct https. */
int https_post(void *arg, const struct https_post *p, long *status_out, struct buf *answer,
	       struct err *err) MUST_CHECK;
/* Requests under way fail at once with ECANCELED, and so does each later one. */
void https_stop(struct https *h);
/* No request may be under way. NULL is fine. */
void https_free(struct https *h);
