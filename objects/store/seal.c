/* SPDX-License-Identifier: MIT */
/* See seal.h. */
#include "objects/store/seal.h"

#include <dlfcn.h>
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>

#include "util/helper.h"

#define FORM         1
#define ID_BYTES     8u
#define SALT_BYTES   16u
#define AT_ID        1u
#define AT_SALT      (AT_ID + ID_BYTES)
#define AT_COUNT     (AT_SALT + SALT_BYTES)
#define AT_TEXT      (AT_COUNT + 8u)
#define N_REMEMBERED 64u /* derived keys: one for each start that sealed what is there */

/* What the key's HMAC is taken of, so that neither is ever the other. */
#define FOR_ID   0
#define FOR_SALT 1

struct key {
	uint8_t key[SEAL_KEY_BYTES], id[ID_BYTES];
};

struct derived {
	uint8_t id[ID_BYTES], salt[SALT_BYTES], key[SEAL_KEY_BYTES];
	int used;
};

struct sealer {
	void *module;
	const struct seal_cipher *cipher;
	struct key *keys; /* owned */
	size_t n_keys;
	uint8_t salt[SALT_BYTES], own[SEAL_KEY_BYTES]; /* what seals: of the first key */
	_Atomic uint64_t count;
	pthread_mutex_t lock;
	struct derived remembered[N_REMEMBERED]; /* lock */
	size_t next;                             /* lock: whose turn it is to be forgotten */
};

static int derive(const struct sealer *s, const uint8_t *key, uint8_t what, const void *of,
		  size_t len, uint8_t out[SEAL_KEY_BYTES], struct err *err)
{
	uint8_t text[1 + SALT_BYTES] = {what};

	memcpy(text + 1, of, len);
	return s->cipher->mac(key, text, 1 + len, out) == 0
		       ? 0
		       : err_set(err, EIO, "OpenSSL failed: HMAC-SHA-256");
}

struct sealer *sealer_new(struct err *err)
{
	CLEANUP_FREE char *path = helper_find("k8sfs-seal.so", "objects/store", err);
	void *module = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	const struct seal_cipher *cipher = module ? dlsym(module, SEAL_CIPHER_SYMBOL) : NULL;
	struct sealer *s;

	if (!cipher) {
		if (path)
			err_set(err, ELIBACC, "%s", dlerror());
		if (module)
			dlclose(module);
		return NULL;
	}
	s = xcalloc(1, sizeof(*s));
	s->module = module;
	s->cipher = cipher;
	pthread_mutex_init(&s->lock, NULL);
	if (getrandom(s->salt, SALT_BYTES, 0) != SALT_BYTES) {
		err_sys(err, errno, "getrandom");
		sealer_free(s);
		return NULL;
	}
	return s;
}

void sealer_free(struct sealer *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_keys; i++)
		explicit_bzero(&s->keys[i], sizeof(s->keys[i]));
	free(s->keys);
	pthread_mutex_destroy(&s->lock);
	dlclose(s->module);
	explicit_bzero(s, sizeof(*s));
	free(s);
}

int sealer_add_key(struct sealer *s, const uint8_t key[SEAL_KEY_BYTES], struct err *err)
{
	static const char id_of[] = "id";
	uint8_t id[SEAL_KEY_BYTES];
	struct key *grown;

	if (derive(s, key, FOR_ID, id_of, sizeof(id_of), id, err) < 0 ||
	    (!s->n_keys && derive(s, key, FOR_SALT, s->salt, SALT_BYTES, s->own, err) < 0))
		return -err->code;
	grown = xcalloc(s->n_keys + 1, sizeof(*grown)); /* not grown in place: no copy is left */
	if (s->n_keys)
		memcpy(grown, s->keys, s->n_keys * sizeof(*grown));
	memcpy(grown[s->n_keys].key, key, SEAL_KEY_BYTES);
	memcpy(grown[s->n_keys].id, id, ID_BYTES);
	if (s->n_keys)
		explicit_bzero(s->keys, s->n_keys * sizeof(*grown));
	free(s->keys);
	s->keys = grown;
	s->n_keys++;
	return 0;
}

static void nonce_of(uint64_t count, uint8_t nonce[SEAL_NONCE_BYTES])
{
	uint64_t big = htobe64(count);

	memset(nonce, 0, SEAL_NONCE_BYTES);
	memcpy(nonce + SEAL_NONCE_BYTES - sizeof(big), &big, sizeof(big));
}

static uint8_t *extend(struct buf *out, size_t more)
{
	size_t was = out->len;

	buf_reserve(out, more);
	buf_resize(out, was + more);
	return (uint8_t *)out->data + was;
}

int sealer_seal(struct sealer *s, const void *bound, size_t bound_len, const void *plain,
		size_t len, struct buf *out, struct err *err)
{
	uint64_t count = atomic_fetch_add(&s->count, 1), big = htobe64(count);
	uint8_t nonce[SEAL_NONCE_BYTES];
	uint8_t *text = extend(out, AT_TEXT + len + SEAL_TAG_BYTES);

	nonce_of(count, nonce);
	text[0] = FORM;
	memcpy(text + AT_ID, s->keys[0].id, ID_BYTES);
	memcpy(text + AT_SALT, s->salt, SALT_BYTES);
	memcpy(text + AT_COUNT, &big, sizeof(big));
	return s->cipher->seal(s->own, nonce, bound, bound_len, plain, len, text + AT_TEXT) == 0
		       ? 0
		       : err_set(err, EIO, "OpenSSL failed: AES-256-GCM");
}

int seal_is_sealed(const void *text, size_t len)
{
	return len && *(const uint8_t *)text == FORM;
}

int sealer_is_current(const struct sealer *s, const void *sealed, size_t len)
{
	return s->n_keys && len > AT_SALT &&
	       memcmp((const uint8_t *)sealed + AT_ID, s->keys[0].id, ID_BYTES) == 0;
}

static const struct key *key_of(const struct sealer *s, const uint8_t *id, struct err *err)
{
	for (size_t i = 0; i < s->n_keys; i++)
		if (memcmp(s->keys[i].id, id, ID_BYTES) == 0)
			return &s->keys[i];
	err_set(err, ENOKEY, "sealed with the key %02x%02x%02x%02x, which was not given", id[0],
		id[1], id[2], id[3]);
	return NULL;
}

/* The key of that key and salt; remembered, as one start has sealed many. */
static int derived_key(struct sealer *s, const struct key *key, const uint8_t *salt,
		       uint8_t out[SEAL_KEY_BYTES], struct err *err)
{
	struct derived *d;
	int rc = 1;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; rc > 0 && i < N_REMEMBERED; i++) {
		d = &s->remembered[i];
		if (!d->used || memcmp(d->id, key->id, ID_BYTES) != 0 ||
		    memcmp(d->salt, salt, SALT_BYTES) != 0)
			continue;
		memcpy(out, d->key, SEAL_KEY_BYTES);
		rc = 0;
	}
	if (rc > 0) {
		rc = derive(s, key->key, FOR_SALT, salt, SALT_BYTES, out, err);
		d = &s->remembered[s->next++ % N_REMEMBERED];
		d->used = rc == 0;
		memcpy(d->id, key->id, ID_BYTES);
		memcpy(d->salt, salt, SALT_BYTES);
		memcpy(d->key, out, SEAL_KEY_BYTES);
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

int sealer_open(struct sealer *s, const void *bound, size_t bound_len, const void *sealed,
		size_t len, struct buf *out, struct err *err)
{
	const uint8_t *text = sealed;
	uint8_t nonce[SEAL_NONCE_BYTES], derived[SEAL_KEY_BYTES];
	const struct key *key;
	size_t was = out->len, plain_len = len - AT_TEXT - SEAL_TAG_BYTES;
	uint64_t big;
	int rc;

	if (!seal_is_sealed(sealed, len) || len < AT_TEXT + SEAL_TAG_BYTES)
		return err_set(err, EBADMSG, "no sealed text");
	key = key_of(s, text + AT_ID, err);
	if (!key || derived_key(s, key, text + AT_SALT, derived, err) < 0)
		return -err->code;
	memcpy(&big, text + AT_COUNT, sizeof(big));
	nonce_of(be64toh(big), nonce);
	rc = s->cipher->open(derived, nonce, bound, bound_len, text + AT_TEXT, plain_len,
			     extend(out, plain_len));
	explicit_bzero(derived, sizeof(derived));
	if (rc == 0)
		return 0;
	buf_resize(out, was);
	return err_set(err, EBADMSG,
		       "does not open: it was changed, or put here from another place");
}
