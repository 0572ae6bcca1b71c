/* SPDX-License-Identifier: MIT */
/* Encryption at rest: what is sealed opens in its place with its key, and nowhere else. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "objects/codec.h"
#include "objects/store/backend.h"
#include "objects/store/seal.h"
#include "objects/store/store.h"
#include "util/fd.h"

static const uint8_t key_a[SEAL_KEY_BYTES] = "the first key is 32 bytes long.",
		     key_b[SEAL_KEY_BYTES] = "another one, as long as that is";

static struct sealer *sealer_of(const uint8_t *first, const uint8_t *second)
{
	struct err err = ERR_INIT;
	struct sealer *s = sealer_new(&err);

	if (!s || (first && sealer_add_key(s, first, &err) < 0) ||
	    (second && sealer_add_key(s, second, &err) < 0))
		fail_msg("%s", err.msg);
	return s;
}

static void seal(struct sealer *s, const char *place, const char *text, struct buf *out)
{
	struct err err = ERR_INIT;

	if (sealer_seal(s, place, strlen(place), text, strlen(text), out, &err) < 0)
		fail_msg("%s", err.msg);
}

/* Return: as sealer_open(); nothing is given out by a refusal. */
static int open_it(struct sealer *s, const char *place, const struct buf *sealed, const char *text)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	struct err err = ERR_INIT;
	int rc = sealer_open(s, place, strlen(place), sealed->data, sealed->len, &out, &err);

	if (rc < 0)
		assert_int_equal(out.len, 0);
	else
		assert_string_equal(buf_str(&out), text);
	return rc;
}

static void test_opens_in_its_place_alone(void **state)
{
	struct sealer *s = sealer_of(key_a, NULL), *other = sealer_of(key_b, NULL),
		      *both = sealer_of(key_b, key_a), *later = sealer_of(key_a, NULL);
	CLEANUP(buf_fini) struct buf sealed = BUF_INIT, empty = BUF_INIT;

	seal(s, "here", "swordfish", &sealed);
	assert_null(memmem(sealed.data, sealed.len, "swordfish", 9));
	assert_int_equal(open_it(s, "here", &sealed, "swordfish"), 0);
	assert_int_equal(open_it(later, "here", &sealed, "swordfish"), 0);
	assert_int_equal(open_it(both, "here", &sealed, "swordfish"), 0);
	assert_int_equal(open_it(s, "there", &sealed, NULL), -EBADMSG);
	assert_int_equal(open_it(s, "", &sealed, NULL), -EBADMSG);
	assert_int_equal(open_it(other, "here", &sealed, NULL), -ENOKEY);
	assert_true(sealer_is_current(s, sealed.data, sealed.len));
	assert_false(sealer_is_current(both, sealed.data, sealed.len));
	seal(s, "here", "", &empty);
	assert_int_equal(open_it(later, "here", &empty, ""), 0);
	sealer_free(s);
	sealer_free(other);
	sealer_free(both);
	sealer_free(later);
}

static void test_each_changed_byte_is_noticed(void **state)
{
	struct sealer *s = sealer_of(key_a, NULL);
	CLEANUP(buf_fini) struct buf sealed = BUF_INIT;

	seal(s, "here", "swordfish", &sealed);
	for (size_t i = 0; i < sealed.len; i++) {
		sealed.data[i] ^= 1;
		assert_true(open_it(s, "here", &sealed, NULL) < 0);
		sealed.data[i] ^= 1;
	}
	for (; sealed.len; sealed.len--) {
		struct buf cut = {sealed.data, sealed.len - 1, 0};

		assert_true(open_it(s, "here", &cut, NULL) < 0);
	}
	sealer_free(s);
}

/* salt and count are what a nonce is made of: bytes 9 to 33. */
static void test_no_nonce_comes_twice(void **state)
{
	enum { N = 200, AT = 9, LEN = 24 };
	CLEANUP(buf_fini) struct buf seen = BUF_INIT;

	for (int start = 0; start < 3; start++) {
		struct sealer *s = sealer_of(key_a, NULL);

		for (int i = 0; i < N; i++) {
			CLEANUP(buf_fini) struct buf sealed = BUF_INIT;

			seal(s, "here", "x", &sealed);
			for (size_t at = 0; at < seen.len; at += LEN)
				assert_memory_not_equal(seen.data + at, sealed.data + AT, LEN);
			buf_add(&seen, sealed.data + AT, LEN);
		}
		sealer_free(s);
	}
}

/* -- a store -- */

static char dir[64], path[96];

static int setup(void **state)
{
	strcpy(dir, "/tmp/k8sfs-seal-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/db", dir);
	return 0;
}

static int teardown(void **state)
{
	assert_int_equal(fd_remove_tree(dir, NULL), 0);
	return 0;
}

static const char *const secrets[] = {"secrets", NULL};

/* first NULL: plain; both NULL: no keys at all. NULL with err. */
static struct store *open_store(const uint8_t *first, const uint8_t *second, struct err *err)
{
	struct sealer *s = first    ? sealer_of(first, second)
			   : second ? sealer_of(second, NULL)
				    : NULL;
	struct backend *b = backend_sqlite_open(path, err);

	assert_non_null(b);
	return store_open(backend_sealed(b, s, first != NULL, secrets), err);
}

static struct store *must_open(const uint8_t *first, const uint8_t *second)
{
	struct err err = ERR_INIT;
	struct store *s = open_store(first, second, &err);

	if (!s)
		fail_msg("%s", err.msg);
	return s;
}

static void refused(const uint8_t *first, const uint8_t *second, int code, const char *why)
{
	struct err err = ERR_INIT;

	assert_null(open_store(first, second, &err));
	assert_int_equal(err.code, code);
	if (!strstr(err.msg, why))
		fail_msg("expected \"%s\", got \"%s\"", why, err.msg);
}

static void put(struct store *s, const char *plural, const char *name, const char *text)
{
	const struct kind *k = kind_find("", "v1", plural);
	struct value *v = value_set_str(value_new_map(), "kind", k->kind);
	struct store_txn *txn = store_txn_new();
	struct buf bytes = BUF_INIT;

	buf_addf(&bytes, "manifest of %s", text);
	v = value_set_str(v, "apiVersion", "v1");
	v = value_bury(v, value_new_string(name), "metadata", "name", NULL);
	v = value_bury(v, value_new_string("default"), "metadata", "namespace", NULL);
	v = value_bury(v, value_new_string(text), "data", "k", NULL);
	store_txn_put(txn, (struct objkey){k, "default", name}, v, STORE_ANY);
	store_txn_record_put(txn, "m", name, "{\"faults\":\"swordfish\"}", &bytes);
	assert_int_equal(store_commit_wait(s, txn, NULL), 0);
	store_txn_free(txn);
}

static void expect(struct store *s, const char *plural, const char *name, const char *text)
{
	CLEANUP_OBJECT struct object *o =
		store_get(s, (struct objkey){kind_find("", "v1", plural), "default", name});
	CLEANUP_FREE char *bytes = xasprintf("manifest of %s", text);
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	assert_non_null(o);
	assert_string_equal(value_dig_str(o->value, "data", "k", NULL), text);
	assert_int_equal(store_record_read(s, "m", name, &out, NULL), 0);
	assert_string_equal(buf_str(&out), bytes);
}

/* In the database, or in what it has not yet written there. */
static int is_on_disk(const char *text)
{
	static const char *const ends[] = {"", "-wal"};
	int found = 0;

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		CLEANUP_FREE char *name = xasprintf("%s%s", path, ends[i]);
		CLEANUP(buf_fini) struct buf all = BUF_INIT;

		if (fd_read_file(name, 1u << 26, &all, NULL) == 0 && all.len)
			found |= memmem(all.data, all.len, text, strlen(text)) != NULL;
	}
	return found;
}

static void run_sql(const char *sql)
{
	CLEANUP_FREE char *line = xasprintf("sqlite3 %s \"%s\"", path, sql);

	assert_int_equal(system(line), 0);
}

static void test_keys_of_a_store(void **state)
{
	struct store *s = must_open(NULL, NULL);

	put(s, "secrets", "old", "swordfish");
	put(s, "configmaps", "c", "lettuce");
	assert_true(is_on_disk("swordfish"));
	store_close(s);

	/* sealed from now on, and what was there, too */
	s = must_open(key_a, NULL);
	assert_false(is_on_disk("swordfish"));
	expect(s, "secrets", "old", "swordfish");
	put(s, "secrets", "new", "swordfish 2");
	put(s, "configmaps", "d", "lettuce 2");
	expect(s, "secrets", "new", "swordfish 2");
	assert_false(is_on_disk("swordfish"));
	assert_false(is_on_disk("manifest of"));
	assert_true(is_on_disk("lettuce"));
	store_close(s);

	refused(NULL, NULL, ENOKEY, "no key is given");
	refused(key_b, NULL, ENOKEY, "which was not given");

	/* another key in front; then the old one is of no use */
	s = must_open(key_b, key_a);
	expect(s, "secrets", "old", "swordfish");
	expect(s, "configmaps", "d", "lettuce 2");
	store_close(s);
	refused(key_a, NULL, ENOKEY, "which was not given");
	s = must_open(key_b, NULL);
	expect(s, "secrets", "new", "swordfish 2");
	store_close(s);

	/* and back */
	s = must_open(NULL, key_b);
	expect(s, "secrets", "new", "swordfish 2");
	assert_true(is_on_disk("swordfish"));
	store_close(s);
	s = must_open(NULL, NULL);
	expect(s, "secrets", "old", "swordfish");
	store_close(s);
}

static void test_values_cannot_be_swapped(void **state)
{
	struct store *s = must_open(key_a, NULL);

	put(s, "secrets", "mine", "lettuce");
	put(s, "secrets", "theirs", "swordfish");
	store_close(s);
	if (access("/usr/bin/sqlite3", X_OK) < 0)
		skip();
	run_sql("UPDATE object SET body = (SELECT body FROM object WHERE id = 'default/theirs') "
		"WHERE id = 'default/mine'");
	refused(key_a, NULL, EBADMSG, "another place");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opens_in_its_place_alone),
		cmocka_unit_test(test_each_changed_byte_is_noticed),
		cmocka_unit_test(test_no_nonce_comes_twice),
		cmocka_unit_test_setup_teardown(test_keys_of_a_store, setup, teardown),
		cmocka_unit_test_setup_teardown(test_values_cannot_be_swapped, setup, teardown),
	};

	kinds_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
