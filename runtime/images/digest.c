/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 of documents by libmd: see digest.h. The daemon checks a few KiB at a
 * start, for which OpenSSL's 3 MB of memory are too much.
 */
#include "runtime/images/digest.h"

#include <sha2.h>

void digest_of(const void *data, size_t len, char out[DIGEST_SIZE])
{
	memcpy(out, "sha256:", 7);
	SHA256Data(data, len, out + 7);
}

int digest_hex_valid(const char *s)
{
	return strspn(s, "0123456789abcdef") == 64 && s[64] == '\0';
}

int digest_valid(const char *s)
{
	return str_starts(s, "sha256:") && digest_hex_valid(s + 7);
}
