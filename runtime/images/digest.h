/* SPDX-License-Identifier: MIT */
/* SHA-256 digests, in the notation of OCI: "sha256:<64 lower-case hex digits>". */
#pragma once

#include "util/base.h"

#define DIGEST_HEX_SIZE 65 /* 64 digits and the NUL */
#define DIGEST_SIZE     (sizeof("sha256:") - 1 + DIGEST_HEX_SIZE)

struct digest; /* of a stream: digest_stream.c, in k8sfs-image only */

struct digest *digest_new(void) __attribute__((returns_nonnull));
void digest_free(struct digest *d);
void digest_add(struct digest *d, const void *data, size_t len);
/* The digits so far; once. */
void digest_finish(struct digest *d, char hex[DIGEST_HEX_SIZE]);
DEFINE_CLEANUP(struct digest *, digest_free)

/* "sha256:<hex>" of one block. */
void digest_of(const void *data, size_t len, char out[DIGEST_SIZE]);

/* "sha256:" and 64 digits; nothing else. */
int digest_valid(const char *s);
int digest_hex_valid(const char *s);
/* The digits of a valid digest. */
static inline const char *digest_hex(const char *digest)
{
	return digest + sizeof("sha256:") - 1;
}
