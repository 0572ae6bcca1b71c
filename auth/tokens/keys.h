/* SPDX-License-Identifier: MIT */
/*
 * The keys that tokens are signed with: ECDSA on P-256 with SHA-256 ("ES256", RFC 7518 3.4),
 * kept as a JWK set (RFC 7517) in a file of root's. The first key signs, all of them verify: to
 * rotate, put a new one in front and take the old one out when its tokens have expired.
 *
 * Locking: immutable once opened; any thread.
 */
#pragma once

#include "util/buf.h"
#include "util/err.h"

#define SIGNATURE_BYTES 64 /* r and s, 32 bytes each, big-endian */

struct signing_keys;

/* The file is made, with one new key, when it is not there; mode 0600. NULL with err. */
struct signing_keys *signing_keys_open(const char *path, struct err *err);
void signing_keys_free(struct signing_keys *k);

/* Name of the key that signs: its thumbprint (RFC 7638), 43 characters. Borrowed. */
const char *signing_keys_id(const struct signing_keys *k);
void signing_keys_sign(const struct signing_keys *k, const void *data, size_t len,
		       uint8_t signature[SIGNATURE_BYTES]);
/* id: of the key that is said to have signed, NULL: any. Return: 1 when it did. */
int signing_keys_verify(const struct signing_keys *k, const char *id, const void *data, size_t len,
			const uint8_t signature[SIGNATURE_BYTES]);

/* base64url without padding (RFC 7515, appendix C). */
void base64url_add(struct buf *out, const void *data, size_t len);
/* Appends the bytes. Return: 0, or -EINVAL for anything that is not exactly that. */
int base64url_decode(const char *text, size_t len, struct buf *out) MUST_CHECK;
