/* SPDX-License-Identifier: MIT */
/* Tokens of ServiceAccounts: what is issued is recognised, and nothing else is. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/tokens/keys.h"
#include "auth/tokens/tokens.h"
#include "objects/codec.h"
#include "objects/codec/base64.h"
#include "objects/store/backend.h"
#include "util/fd.h"

struct fixture {
	char dir[64], keys[96];
	struct store *store;
	struct tokens *tokens;
};

static void put(struct fixture *f, const char *plural, const char *ns, const char *json)
{
	struct value *v = json_parse(json, strlen(json), NULL);
	struct objkey key = {kind_find("", "v1", plural), ns,
			     value_dig_str(v, "metadata", "name", NULL)};
	struct store_txn *txn = store_txn_new();

	assert_non_null(v);
	store_txn_put(txn, key, v, STORE_ANY);
	assert_int_equal(store_commit_wait(f->store, txn, NULL), 0);
	store_txn_free(txn);
}

static void drop(struct fixture *f, const char *plural, const char *ns, const char *name)
{
	struct store_txn *txn = store_txn_new();

	store_txn_delete(txn, (struct objkey){kind_find("", "v1", plural), ns, name}, STORE_ANY);
	assert_int_equal(store_commit_wait(f->store, txn, NULL), 0);
	store_txn_free(txn);
}

static void put_account(struct fixture *f, const char *uid)
{
	CLEANUP_FREE char *json =
		xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"ServiceAccount\",\"metadata\":{"
			  "\"name\":\"bot\",\"namespace\":\"prod\",\"uid\":\"%s\"}}",
			  uid);

	put(f, "serviceaccounts", "prod", json);
}

static void put_pod(struct fixture *f, const char *uid)
{
	CLEANUP_FREE char *json =
		xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\","
			  "\"namespace\":\"prod\",\"uid\":\"%s\"},\"spec\":{\"nodeName\":\"n1\"}}",
			  uid);

	put(f, "pods", "prod", json);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct err err = ERR_INIT;
	struct backend *b;
	char path[96];

	strcpy(f->dir, "/tmp/k8sfs-tokens-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(path, sizeof(path), "%s/db", f->dir);
	snprintf(f->keys, sizeof(f->keys), "%s/tokens.jwks", f->dir);
	b = backend_sqlite_open(path, &err);
	f->store = b ? store_open(b, &err) : NULL;
	f->tokens = f->store ? tokens_open(f->keys, f->store, &err) : NULL;
	if (!f->tokens)
		fail_msg("%s", err.msg);
	put_account(f, "u-bot");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tokens_free(f->tokens);
	store_close(f->store);
	assert_int_equal(fd_remove_tree(f->dir, NULL), 0);
	free(f);
	return 0;
}

/* pod: bound to it. Owned. */
static char *issue(struct fixture *f, int64_t seconds, const char *pod)
{
	struct token_request r = {.ns = "prod",
				  .account = "bot",
				  .bound_kind = pod ? "Pod" : NULL,
				  .bound_name = pod,
				  .seconds = seconds};
	struct buf out = BUF_INIT;
	struct err err = ERR_INIT;

	if (tokens_issue(f->tokens, &r, &out, NULL, &err) < 0)
		fail_msg("%s", err.msg);
	return buf_steal(&out);
}

/* Owned; NULL: refused, for a reason that holds this text. */
static struct value *user(struct fixture *f, const char *token, const char *refusal)
{
	struct value *audiences = NULL, *v;
	struct err err = ERR_INIT;

	v = tokens_authenticate(f->tokens, token, strlen(token), NULL, &audiences, &err);
	if (refusal && (v || !strstr(err.msg, refusal)))
		fail_msg("expected a refusal \"%s\", got \"%s\"", refusal, v ? "none" : err.msg);
	if (!refusal && !v)
		fail_msg("%s", err.msg);
	value_unref(audiences);
	return v;
}

static void refused(struct fixture *f, const char *token, const char *why)
{
	value_unref(user(f, token, why));
}

static void test_issued_is_recognised(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *token = issue(f, 3600, NULL);
	CLEANUP_VALUE struct value *u = user(f, token, NULL);

	assert_string_equal(value_dig_str(u, "username", NULL), "system:serviceaccount:prod:bot");
	assert_string_equal(value_dig_str(u, "uid", NULL), "u-bot");
	assert_string_equal(value_str(value_at(value_get(u, "groups"), 1), ""),
			    "system:serviceaccounts:prod");
	assert_int_equal(value_count(value_get(u, "groups")), 3);
}

static void test_account_must_be_there(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *token = issue(f, 3600, NULL);
	struct token_request nobody = {.ns = "prod", .account = "nobody", .seconds = 60};
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(tokens_issue(f->tokens, &nobody, &out, NULL, &err), -ENOENT);
	assert_int_equal(out.len, 0);
	drop(f, "serviceaccounts", "prod", "bot");
	refused(f, token, "service account has been deleted");
	put_account(f, "u-another"); /* of the same name */
	refused(f, token, "service account has been deleted");
}

static void test_bound_to_a_pod(void **state)
{
	struct fixture *f = *state;
	struct token_request r = {.ns = "prod",
				  .account = "bot",
				  .bound_kind = "Pod",
				  .bound_name = "p",
				  .bound_uid = "u-other",
				  .seconds = 60};
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(tokens_issue(f->tokens, &r, &out, NULL, &err), -ENOENT);
	put_pod(f, "u-pod");
	put(f, "nodes", "",
	    "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"n1\",\"uid\":\"u-"
	    "n1\"}}");
	err_clear(&err);
	assert_int_equal(tokens_issue(f->tokens, &r, &out, NULL, &err), -EBUSY);
	r.bound_kind = "Deployment";
	err_clear(&err);
	assert_int_equal(tokens_issue(f->tokens, &r, &out, NULL, &err), -EINVAL);

	CLEANUP_FREE char *token = issue(f, 3600, "p");
	CLEANUP_VALUE struct value *u = user(f, token, NULL);
	const struct value *extra = value_get(u, "extra");

	assert_string_equal(
		value_str(value_at(value_get(extra, "authentication.kubernetes.io/pod-name"), 0),
			  ""),
		"p");
	assert_string_equal(
		value_str(value_at(value_get(extra, "authentication.kubernetes.io/node-uid"), 0),
			  ""),
		"u-n1");
	drop(f, "nodes", "", "n1"); /* named, not what it is bound to */
	value_unref(user(f, token, NULL));
	drop(f, "pods", "prod", "p");
	refused(f, token, "bound to has been deleted");
	put_pod(f, "u-pod-2");
	refused(f, token, "bound to has been deleted");
}

static void test_time(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *late = issue(f, 0, NULL);
	CLEANUP_FREE char *long_ago = issue(f, -1000000, NULL);

	refused(f, late, "token has expired");
	refused(f, long_ago, "token has expired");
}

static void put_secret(struct fixture *f, const char *uid, const char *token)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	CLEANUP_FREE char *json = NULL;

	base64_add(token, strlen(token), &text);
	json = xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"s\","
			 "\"namespace\":\"prod\",\"uid\":\"%s\"},\"data\":{\"token\":\"%s\"}}",
			 uid, buf_str(&text));
	put(f, "secrets", "prod", json);
}

/* Without an end: for as long as the Secret holds it. */
static void test_of_a_secret(void **state)
{
	struct fixture *f = *state;
	struct token_request r = {
		.ns = "prod", .account = "bot", .bound_kind = "Secret", .bound_name = "s"};
	CLEANUP(buf_fini) struct buf token = BUF_INIT;
	struct err err = ERR_INIT;

	put_secret(f, "u-s", "");
	assert_int_equal(tokens_issue(f->tokens, &r, &token, NULL, &err), 0);
	refused(f, buf_str(&token), "not the one in its secret");
	put_secret(f, "u-s", buf_str(&token));
	value_unref(user(f, buf_str(&token), NULL));
	put_secret(f, "u-another", buf_str(&token));
	refused(f, buf_str(&token), "bound to has been deleted");
	drop(f, "secrets", "prod", "s");
	refused(f, buf_str(&token), "not the one in its secret");
}

static void test_audiences(void **state)
{
	struct fixture *f = *state;
	CLEANUP_VALUE struct value *vault = yaml_parse_value("[vault, other]", 14, NULL);
	CLEANUP_VALUE struct value *wanted = yaml_parse_value("[x, vault]", 10, NULL);
	struct token_request r = {
		.ns = "prod", .account = "bot", .audiences = vault, .seconds = 600};
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	struct value *both = NULL, *u;
	struct err err = ERR_INIT;
	int64_t expires = 0;

	assert_int_equal(tokens_issue(f->tokens, &r, &out, &expires, &err), 0);
	assert_true(expires > 1700000000);
	refused(f, out.data, "audiences"); /* not the daemon's */
	u = tokens_authenticate(f->tokens, out.data, out.len, wanted, &both, &err);
	assert_non_null(u);
	assert_int_equal(value_count(both), 1);
	assert_string_equal(value_str(value_at(both, 0), ""), "vault");
	value_unref(u);
	value_unref(both);
}

static void test_every_changed_character_is_noticed(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *token = issue(f, 3600, NULL);
	size_t len = strlen(token);

	for (size_t i = 0; i < len; i++) {
		char was = token[i];

		token[i] = was == 'A' ? 'B' : 'A';
		refused(f, token, "invalid bearer token");
		token[i] = '\n';
		refused(f, token, "invalid bearer token");
		token[i] = was;
	}
	for (size_t i = 0; i < len; i += 7) {
		CLEANUP_FREE char *cut = xstrndup(token, i);

		refused(f, cut, "invalid bearer token");
	}
	value_unref(user(f, token, NULL));
}

/* "alg" is not the token's to choose. */
static void test_unsigned_and_other_algorithms(void **state)
{
	static const char *const heads[] = {"{\"alg\":\"none\"}", "{\"alg\":\"HS256\"}",
					    "{\"alg\":\"ES256\",\"kid\":\"nobody's\"}", "[]", ""};
	struct fixture *f = *state;
	CLEANUP_FREE char *token = issue(f, 3600, NULL);
	const char *rest = strchr(token, '.');

	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		CLEANUP(buf_fini) struct buf forged = BUF_INIT;

		base64url_add(&forged, heads[i], strlen(heads[i]));
		buf_adds(&forged, rest);
		refused(f, buf_str(&forged), "invalid bearer token");
	}
	CLEANUP_FREE char *bare = xstrndup(token, (size_t)(strrchr(token, '.') + 1 - token));

	refused(f, bare, "signature is not ours");
	refused(f, "", "not a JWT");
	refused(f, "..", "signature is not ours");
	CLEANUP_FREE char *large = xmalloc(TOKEN_MAX_BYTES + 2);

	memset(large, '.', TOKEN_MAX_BYTES + 1);
	large[TOKEN_MAX_BYTES + 1] = '\0';
	refused(f, large, "not a JWT");
}

static void test_keys_stay_and_are_for_root_only(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *token = issue(f, 3600, NULL);
	struct stat st;

	assert_int_equal(stat(f->keys, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	tokens_free(f->tokens);
	f->tokens = tokens_open(f->keys, f->store, NULL);
	value_unref(user(f, token, NULL));
	/* another key knows none of it */
	tokens_free(f->tokens);
	assert_int_equal(unlink(f->keys), 0);
	f->tokens = tokens_open(f->keys, f->store, NULL);
	refused(f, token, "signature is not ours");
}

static void test_rotation(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *old_token = issue(f, 3600, NULL);
	CLEANUP(buf_fini) struct buf old = BUF_INIT, fresh = BUF_INIT, both = BUF_INIT;
	CLEANUP_FREE char *second = xasprintf("%s/second", f->dir);
	struct signing_keys *k = signing_keys_open(second, NULL);

	signing_keys_free(k);
	assert_int_equal(fd_read_file(f->keys, 65536, &old, NULL), 0);
	assert_int_equal(fd_read_file(second, 65536, &fresh, NULL), 0);
	/* {"keys":[NEW, OLD]} */
	buf_addf(&both, "%.*s,%s", (int)(strrchr(fresh.data, ']') - fresh.data), fresh.data,
		 strchr(old.data, '[') + 1);
	assert_int_equal(fd_replace_file(f->keys, both.data, both.len, 0600, 0, NULL), 0);
	tokens_free(f->tokens);
	f->tokens = tokens_open(f->keys, f->store, NULL);
	assert_non_null(f->tokens);
	value_unref(user(f, old_token, NULL));

	CLEANUP_FREE char *new_token = issue(f, 3600, NULL);

	value_unref(user(f, new_token, NULL));
	tokens_free(f->tokens);
	f->tokens = tokens_open(second, f->store, NULL);
	value_unref(user(f, new_token, NULL));
	refused(f, old_token, "signature is not ours");
}

static void test_damaged_key_files_are_refused(void **state)
{
	static const char good[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
				   "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
				   "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\",\"d\":"
				   "\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\"}]}";
	static const char *const bad[] = {"", "{", "{\"keys\":[]}", "{\"keys\":[{}]}",
					  "{\"keys\":[{\"kty\":\"RSA\"}]}"};
	struct fixture *f = *state;
	CLEANUP_FREE char *path = xasprintf("%s/k", f->dir);
	struct signing_keys *k;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(fd_replace_file(path, bad[i], strlen(bad[i]), 0600, 0, NULL), 0);
		err_clear(&err);
		assert_null(signing_keys_open(path, &err));
		assert_non_null(strstr(err.msg, path));
	}
	/* each of the three numbers changed: no point of the curve, or not of this secret */
	for (const char *at = strstr(good, "\"x\":\""); at; at = strstr(at + 5, "\":\"")) {
		CLEANUP_FREE char *text = xstrdup(good);
		char *digit = text + (at - good) + 8;

		*digit = *digit == 'Q' ? 'R' : 'Q';
		assert_int_equal(fd_replace_file(path, text, strlen(text), 0600, 0, NULL), 0);
		assert_null(signing_keys_open(path, NULL));
	}
	assert_int_equal(fd_replace_file(path, good, strlen(good), 0600, 0, NULL), 0);
	k = signing_keys_open(path, &err);
	assert_non_null(k);
	signing_keys_free(k);
}

/* RFC 7515, appendix A.3: a key, a text and its signature that others made. */
static void test_signature_of_the_rfc(void **state)
{
	static const char key[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
				  "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
				  "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\",\"d\":"
				  "\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\"}]}";
	static const char text[] =
		"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQog"
		"Imh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
	static const char signature[] =
		"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8IS"
		"lSApmWQxfKTUJqPP3-Kg6NU1Q";
	struct fixture *f = *state;
	CLEANUP_FREE char *path = xasprintf("%s/rfc", f->dir);
	CLEANUP(buf_fini) struct buf bytes = BUF_INIT;
	uint8_t own[SIGNATURE_BYTES];
	struct signing_keys *k;

	assert_int_equal(fd_replace_file(path, key, strlen(key), 0600, 0, NULL), 0);
	k = signing_keys_open(path, NULL);
	assert_non_null(k);
	assert_int_equal(base64url_decode(signature, strlen(signature), &bytes), 0);
	assert_int_equal(bytes.len, SIGNATURE_BYTES);
	assert_true(signing_keys_verify(k, NULL, text, strlen(text), (uint8_t *)bytes.data));
	assert_true(signing_keys_verify(k, signing_keys_id(k), text, strlen(text),
					(uint8_t *)bytes.data));
	assert_false(signing_keys_verify(k, "x", text, strlen(text), (uint8_t *)bytes.data));
	assert_false(signing_keys_verify(k, NULL, text, strlen(text) - 1, (uint8_t *)bytes.data));
	signing_keys_sign(k, text, strlen(text), own);
	assert_true(signing_keys_verify(k, NULL, text, strlen(text), own));
	memset(own, 0, sizeof(own));
	assert_false(signing_keys_verify(k, NULL, text, strlen(text), own));
	signing_keys_free(k);
}

static void test_base64url(void **state)
{
	static const char *const wrong[] = {"Zg==", "Zh",   "Z",    "Zm 8",
					    "Zm+8", "Zm/8", "Zm8=", "\n"};
	CLEANUP(buf_fini) struct buf b = BUF_INIT;

	(void)state;
	base64url_add(&b, "", 0);
	base64url_add(&b, "f", 1);
	base64url_add(&b, "\xff\xfe", 2);
	assert_string_equal(buf_str(&b), "Zg__4");
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		CLEANUP(buf_fini) struct buf out = BUF_INIT;

		assert_int_equal(base64url_decode(wrong[i], strlen(wrong[i]), &out), -EINVAL);
		assert_int_equal(out.len, 0);
	}
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_issued_is_recognised),
		T(test_account_must_be_there),
		T(test_bound_to_a_pod),
		T(test_time),
		T(test_of_a_secret),
		T(test_audiences),
		T(test_every_changed_character_is_noticed),
		T(test_unsigned_and_other_algorithms),
		T(test_keys_stay_and_are_for_root_only),
		T(test_rotation),
		T(test_damaged_key_files_are_refused),
		T(test_signature_of_the_rfc),
		cmocka_unit_test(test_base64url),
	};

	kinds_init();
	return cmocka_run_group_tests_name("tokens", tests, NULL, NULL);
}
