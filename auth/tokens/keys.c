/* SPDX-License-Identifier: MIT */
/*
 * See keys.h. By nettle: OpenSSL, which k8sfs-image checks layers with, would cost the daemon
 * 3 MB of memory for one signature an hour.
 */
#include "auth/tokens/keys.h"

#include <errno.h>
#include <nettle/ecc-curve.h>
#include <nettle/ecdsa.h>
#include <nettle/sha2.h>
#include <sys/random.h>
#include <unistd.h>

#include "objects/codec.h"
#include "util/fd.h"

#define FIELD_BYTES    32u
#define KEYS_MAX       16u
#define FILE_MAX       65536u
#define THUMBPRINT_MAX 44u

struct key {
	struct ecc_point pub;
	struct ecc_scalar secret;
	char id[THUMBPRINT_MAX];
};

struct signing_keys {
	struct key list[KEYS_MAX];
	size_t n;
};

static void random_bytes(void *ctx, size_t len, uint8_t *out)
{
	(void)ctx;
	while (len) {
		ssize_t n = getrandom(out, len, 0);

		if (n < 0 && errno != EINTR)
			abort(); /* no kernel since 3.17 does that */
		if (n > 0) {
			out += n;
			len -= (size_t)n;
		}
	}
}

static void number_bytes(const mpz_t number, uint8_t out[FIELD_BYTES])
{
	nettle_mpz_get_str_256(FIELD_BYTES, out, number);
}

static void add_coordinates(const struct key *k, uint8_t x[FIELD_BYTES], uint8_t y[FIELD_BYTES])
{
	mpz_t mx, my;

	mpz_inits(mx, my, NULL);
	ecc_point_get(&k->pub, mx, my);
	number_bytes(mx, x);
	number_bytes(my, y);
	mpz_clears(mx, my, NULL);
}

/* RFC 7638: SHA-256 of the members that make the key, in this order, without blanks. */
static void set_id(struct key *k)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT, id = BUF_INIT;
	uint8_t x[FIELD_BYTES], y[FIELD_BYTES], digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx ctx;

	add_coordinates(k, x, y);
	buf_adds(&text, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"");
	base64url_add(&text, x, sizeof(x));
	buf_adds(&text, "\",\"y\":\"");
	base64url_add(&text, y, sizeof(y));
	buf_adds(&text, "\"}");
	sha256_init(&ctx);
	sha256_update(&ctx, text.len, (const uint8_t *)text.data);
	sha256_digest(&ctx, sizeof(digest), digest);
	base64url_add(&id, digest, sizeof(digest));
	memcpy(k->id, id.data, id.len + 1);
}

static struct key *key_add(struct signing_keys *k)
{
	struct key *key = &k->list[k->n++];

	ecc_point_init(&key->pub, nettle_get_secp_256r1());
	ecc_scalar_init(&key->secret, nettle_get_secp_256r1());
	return key;
}

/* -- the file -- */

static int read_number(const struct value *jwk, const char *member, mpz_t out, struct err *err)
{
	const struct value *text = value_get(jwk, member);
	CLEANUP(buf_fini) struct buf bytes = BUF_INIT;

	if (base64url_decode(value_str(text, ""), value_strlen(text), &bytes) < 0 ||
	    bytes.len != FIELD_BYTES)
		return err_set(err, EINVAL, "%s: must be %u bytes in base64url", member,
			       FIELD_BYTES);
	nettle_mpz_set_str_256_u(out, bytes.len, (const uint8_t *)bytes.data);
	explicit_bzero(bytes.data, bytes.len);
	return 0;
}

/* The point must be on the curve, and the one that belongs to the secret. */
static int set_numbers(struct key *k, const mpz_t x, const mpz_t y, const mpz_t d, struct err *err)
{
	struct ecc_point own;
	mpz_t own_x, own_y;
	int same;

	if (!ecc_point_set(&k->pub, x, y) || !ecc_scalar_set(&k->secret, d))
		return err_set(err, EINVAL, "x, y, d: no key of the curve P-256");
	ecc_point_init(&own, nettle_get_secp_256r1());
	ecc_point_mul_g(&own, &k->secret);
	mpz_inits(own_x, own_y, NULL);
	ecc_point_get(&own, own_x, own_y);
	same = mpz_cmp(own_x, x) == 0 && mpz_cmp(own_y, y) == 0;
	mpz_clears(own_x, own_y, NULL);
	ecc_point_clear(&own);
	return same ? 0 : err_set(err, EINVAL, "x, y: not the public part of d");
}

static int read_key(struct signing_keys *all, const struct value *jwk, struct err *err)
{
	struct key *k;
	mpz_t x, y, d;
	int rc;

	if (all->n == KEYS_MAX)
		return err_set(err, E2BIG, "more than %u keys", KEYS_MAX);
	if (!str_eq(value_dig_str(jwk, "kty", NULL), "EC") ||
	    !str_eq(value_dig_str(jwk, "crv", NULL), "P-256"))
		return err_set(err, EINVAL, "kty, crv: must be \"EC\" and \"P-256\"");
	k = key_add(all);
	mpz_inits(x, y, d, NULL);
	rc = read_number(jwk, "x", x, err);
	if (rc == 0)
		rc = read_number(jwk, "y", y, err);
	if (rc == 0)
		rc = read_number(jwk, "d", d, err);
	if (rc == 0)
		rc = set_numbers(k, x, y, d, err);
	mpz_clears(x, y, d, NULL);
	if (rc == 0)
		set_id(k);
	return rc;
}

static int read_keys(struct signing_keys *all, const char *path, struct err *err)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	CLEANUP_VALUE struct value *set = NULL;
	const struct value *keys;
	int rc = fd_read_file(path, FILE_MAX, &text, err);

	if (rc < 0)
		return rc;
	set = json_parse(buf_str(&text), text.len, err);
	if (text.len)
		explicit_bzero(text.data, text.len);
	if (!set)
		return err_wrap(err, "%s", path);
	keys = value_get(set, "keys");
	for (size_t i = 0; i < value_count(keys); i++)
		if (read_key(all, value_at(keys, i), err) < 0)
			return err_wrap(err, "%s: keys[%zu]", path, i);
	if (!all->n)
		return err_set(err, EINVAL, "%s: no keys; move it away and a new one is made",
			       path);
	return 0;
}

static void render_key(const struct key *k, struct buf *out)
{
	uint8_t x[FIELD_BYTES], y[FIELD_BYTES], d[FIELD_BYTES];
	mpz_t secret;

	add_coordinates(k, x, y);
	mpz_init(secret);
	ecc_scalar_get(&k->secret, secret);
	number_bytes(secret, d);
	mpz_clear(secret);
	buf_addf(out, "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"%s\",\"x\":\"",
		 k->id);
	base64url_add(out, x, sizeof(x));
	buf_adds(out, "\",\"y\":\"");
	base64url_add(out, y, sizeof(y));
	buf_adds(out, "\",\"d\":\"");
	base64url_add(out, d, sizeof(d));
	buf_adds(out, "\"}]}\n");
	explicit_bzero(d, sizeof(d));
}

static int make_keys(struct signing_keys *all, const char *path, struct err *err)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	struct key *k = key_add(all);
	int rc;

	ecdsa_generate_keypair(&k->pub, &k->secret, NULL, random_bytes);
	set_id(k);
	render_key(k, &text);
	rc = fd_replace_file(path, text.data, text.len, 0600, 1, err);
	explicit_bzero(text.data, text.len);
	return rc;
}

struct signing_keys *signing_keys_open(const char *path, struct err *err)
{
	struct signing_keys *k = xcalloc(1, sizeof(*k));
	int rc = access(path, F_OK) == 0 ? read_keys(k, path, err) : make_keys(k, path, err);

	if (rc < 0) {
		signing_keys_free(k);
		return NULL;
	}
	return k;
}

void signing_keys_free(struct signing_keys *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->n; i++) {
		ecc_point_clear(&k->list[i].pub);
		ecc_scalar_clear(&k->list[i].secret);
	}
	free(k);
}

const char *signing_keys_id(const struct signing_keys *k)
{
	return k->list[0].id;
}

/* -- signatures -- */

static void digest_of(const void *data, size_t len, uint8_t out[SHA256_DIGEST_SIZE])
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, len, data);
	sha256_digest(&ctx, SHA256_DIGEST_SIZE, out);
}

void signing_keys_sign(const struct signing_keys *k, const void *data, size_t len,
		       uint8_t signature[SIGNATURE_BYTES])
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct dsa_signature s;

	digest_of(data, len, digest);
	dsa_signature_init(&s);
	ecdsa_sign(&k->list[0].secret, NULL, random_bytes, sizeof(digest), digest, &s);
	number_bytes(s.r, signature);
	number_bytes(s.s, signature + FIELD_BYTES);
	dsa_signature_clear(&s);
}

int signing_keys_verify(const struct signing_keys *k, const char *id, const void *data, size_t len,
			const uint8_t signature[SIGNATURE_BYTES])
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct dsa_signature s;
	int good = 0;

	digest_of(data, len, digest);
	dsa_signature_init(&s);
	nettle_mpz_set_str_256_u(s.r, FIELD_BYTES, signature);
	nettle_mpz_set_str_256_u(s.s, FIELD_BYTES, signature + FIELD_BYTES);
	for (size_t i = 0; i < k->n && !good; i++)
		if (!id || str_eq(id, k->list[i].id))
			good = ecdsa_verify(&k->list[i].pub, sizeof(digest), digest, &s);
	dsa_signature_clear(&s);
	return good;
}
