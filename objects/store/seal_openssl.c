/* SPDX-License-Identifier: MIT */
/* k8sfs-seal.so: see seal_cipher.h. */
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "objects/store/seal_cipher.h"

static int mac(const uint8_t key[SEAL_KEY_BYTES], const void *data, size_t len,
	       uint8_t out[SEAL_KEY_BYTES])
{
	unsigned n = 0;

	return HMAC(EVP_sha256(), key, SEAL_KEY_BYTES, data, len, out, &n) && n == SEAL_KEY_BYTES
		       ? 0
		       : -1;
}

/* One piece each of bound text and of text: both are far below 2 GiB (values have a maximum). */
static int fits(size_t bound_len, size_t len)
{
	return bound_len <= INT_MAX && len <= INT_MAX - SEAL_TAG_BYTES;
}

static int seal(const uint8_t key[SEAL_KEY_BYTES], const uint8_t nonce[SEAL_NONCE_BYTES],
		const void *bound, size_t bound_len, const void *plain, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n, good;

	good = c && fits(bound_len, len) &&
	       EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
	       EVP_EncryptUpdate(c, NULL, &n, bound, (int)bound_len) == 1 &&
	       EVP_EncryptUpdate(c, out, &n, plain, (int)len) == 1 && (size_t)n == len &&
	       EVP_EncryptFinal_ex(c, out + len, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG_BYTES, out + len) == 1;
	EVP_CIPHER_CTX_free(c);
	return good ? 0 : -1;
}

static int open_sealed(const uint8_t key[SEAL_KEY_BYTES], const uint8_t nonce[SEAL_NONCE_BYTES],
		       const void *bound, size_t bound_len, const void *sealed, size_t len,
		       uint8_t *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t *tag = (uint8_t *)sealed + len; /* only read */
	int n, good;

	good = c && fits(bound_len, len) &&
	       EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
	       EVP_DecryptUpdate(c, NULL, &n, bound, (int)bound_len) == 1 &&
	       EVP_DecryptUpdate(c, out, &n, sealed, (int)len) == 1 && (size_t)n == len &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG_BYTES, tag) == 1 &&
	       EVP_DecryptFinal_ex(c, out + len, &n) == 1;
	EVP_CIPHER_CTX_free(c);
	return good ? 0 : -1;
}

const struct seal_cipher k8sfs_seal_cipher = {.mac = mac, .seal = seal, .open = open_sealed};
