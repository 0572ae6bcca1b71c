/* SPDX-License-Identifier: MIT */
/*
 * What sealing needs of a cryptographic library, as a table: k8sfs-seal.so has it from OpenSSL and
 * is loaded by whoever has a key. Who has none does not pay for that library's memory.
 *
 * Locking: any thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SEAL_KEY_BYTES   32u
#define SEAL_NONCE_BYTES 12u
#define SEAL_TAG_BYTES   16u

struct seal_cipher {
	/* HMAC-SHA-256 (RFC 2104). Return: 0, -1 when the library failed. */
	int (*mac)(const uint8_t key[SEAL_KEY_BYTES], const void *data, size_t len,
		   uint8_t out[SEAL_KEY_BYTES]);
	/* AES-256-GCM (NIST SP 800-38D). out: len bytes and the tag. Return: 0, -1. */
	int (*seal)(const uint8_t key[SEAL_KEY_BYTES], const uint8_t nonce[SEAL_NONCE_BYTES],
		    const void *bound, size_t bound_len, const void *plain, size_t len,
		    uint8_t *out);
	/* sealed: len bytes and the tag; out: len bytes. Return: 0; -1 when it is not what was
	 * sealed with this key, nonce and bound text: then out is nothing to look at. */
	int (*open)(const uint8_t key[SEAL_KEY_BYTES], const uint8_t nonce[SEAL_NONCE_BYTES],
		    const void *bound, size_t bound_len, const void *sealed, size_t len,
		    uint8_t *out);
};

/* The module's one symbol. */
#define SEAL_CIPHER_SYMBOL "k8sfs_seal_cipher"
extern const struct seal_cipher k8sfs_seal_cipher;
