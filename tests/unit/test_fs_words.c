/* SPDX-License-Identifier: MIT */
/* Names and command lines: quoting, escaping, scratch names, the CRI log format. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fs/cri_log.h"
#include "fs/escape.h"
#include "fs/extent.h"
#include "fs/memfile.h"
#include "fs/words.h"

static void expect_words(const char *line, size_t n, ...)
{
	struct err err = ERR_INIT;
	struct words w;
	va_list ap;

	assert_int_equal(words_split(line, strlen(line), &w, &err), 0);
	assert_int_equal(w.n, n);
	va_start(ap, n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(w.word[i], va_arg(ap, const char *));
	va_end(ap);
	assert_null(w.word[n]);
	words_fini(&w);
}

static void test_words(void **state)
{
	(void)state;
	expect_words("", 0);
	expect_words("  \t ", 0);
	expect_words("scale 5", 2, "scale", "5");
	expect_words("  exec\tsh  -c 'echo it''s' ", 4, "exec", "sh", "-c", "echo it's");
	expect_words("a ''", 2, "a", "");
	expect_words("a'b c'd", 1, "ab cd");
	expect_words("''''", 1, "'");
}

static void test_words_refused(void **state)
{
	struct err err = ERR_INIT;
	struct words w;
	char many[2 * (WORDS_MAX + 1)];

	(void)state;
	assert_int_equal(words_split("echo 'x", 7, &w, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "quote"));
	assert_null(w.word);
	assert_int_equal(words_split("a\0b", 3, &w, NULL), -EINVAL);
	for (size_t i = 0; i < sizeof(many); i++)
		many[i] = i % 2 ? ' ' : 'x';
	assert_int_equal(words_split(many, sizeof(many), &w, NULL), -EINVAL);
	assert_int_equal(words_split(many, sizeof(many) - 2, &w, NULL), 0);
	assert_int_equal(w.n, WORDS_MAX);
	words_fini(&w);
}

static void expect_name(const char *key, const char *name)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	name_escape(key, &out);
	assert_string_equal(buf_str(&out), name);
	CLEANUP_FREE char *back = name_unescape(name);

	assert_string_equal(back, key);
}

static void test_escape(void **state)
{
	(void)state;
	expect_name("app", "app");
	expect_name("app.kubernetes.io/name", "app.kubernetes.io%2Fname");
	expect_name("", "%");
	expect_name("%", "%25");
	expect_name(".", "%2E");
	expect_name("..", "%2E.");
	expect_name("...", "...");
	expect_name("100%", "100%");
	expect_name("%2F", "%252F");
	expect_name("a%zz", "a%zz");
	CLEANUP_FREE char *nul = name_unescape("a%00b");

	assert_string_equal(nul, "a%00b");
}

static void test_scratch_names(void **state)
{
	static const char *const scratch[] = {"web.yaml~",   ".web.yaml.swp", "#web.yaml#",
					      ".#web.yaml",  "sedAbC123",     ".web.yaml.Xy12Ab",
					      "web.yaml.bak"};
	static const char *const kept[] = {"web.yaml", "x.yml", "a.json", "sed.yaml"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(scratch); i++)
		assert_true(name_is_scratch(scratch[i]));
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		assert_false(name_is_scratch(kept[i]));
}

static const struct memfile_owner hers = {"alice", 1, 1}, his_own = {"bob", 2, 2};

static void test_memfiles(void **state)
{
	struct memfiles *all = memfiles_new();
	struct err err = ERR_INIT;
	struct memfile *a = memfile_make(all, "apply/a", MEMFILE_SCRATCH, &hers, 0600, &err), *b;

	(void)state;
	assert_int_equal(memfile_write(a, "hello", 5, 0), 0);
	assert_int_equal(memfile_write(a, "!", 1, -1), 0);
	assert_int_equal(memfile_write(a, "x", 1, 1ll << 40), -EFBIG);
	assert_int_equal(memfile_resize(a, -1), -EFBIG);
	assert_string_equal(a->data.data, "hello!");
	memfile_rename(a, "apply/b");
	assert_null(memfile_get(all, "apply/a"));
	b = memfile_get(all, "apply/b");
	assert_ptr_equal(a, b);
	memfile_unref(b);
	memfile_drop(a);
	assert_null(memfile_get(all, "apply/b"));
	assert_string_equal(a->data.data, "hello!"); /* who has it open goes on with it */
	memfile_unref(a);
	/* a user's oldest goes when he has too many, nobody else's */
	memfile_unref(memfile_make(all, "apply/his", MEMFILE_SCRATCH, &his_own, 0600, &err));
	for (unsigned i = 0; i < MEMFILES_USER_MAX + 10; i++) {
		CLEANUP_FREE char *path = xasprintf("apply/f%u", i);

		a = memfile_make(all, path, MEMFILE_SCRATCH, &hers, 0600, &err);
		assert_non_null(a);
		memfile_unref(a);
	}
	assert_null(memfile_get(all, "apply/f0"));
	assert_int_equal(memfiles_count(all), MEMFILES_USER_MAX + 1);
	a = memfile_get(all, "apply/his");
	assert_non_null(a);
	memfile_unref(a);
	memfiles_free(all);
}

static void test_bytes_of_a_user(void **state)
{
	struct memfiles *all = memfiles_new();
	static char block[MEMFILE_MAX];
	struct err err = ERR_INIT;
	struct memfile *open[MEMFILES_USER_BYTES_MAX / MEMFILE_MAX + 1], *his;
	size_t n = ARRAY_LEN(open);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		CLEANUP_FREE char *path = xasprintf("apply/f%zu", i);

		/* as open files, which nothing takes away */
		open[i] = memfile_make(all, path, MEMFILE_SCRATCH, &hers, 0600, &err);
		if (i < n - 1)
			assert_int_equal(memfile_write(open[i], block, sizeof(block), 0), 0);
		else
			assert_null(open[i]);
	}
	assert_int_equal(err.code, EDQUOT);
	his = memfile_make(all, "apply/his", MEMFILE_SCRATCH, &his_own, 0600, &err);
	assert_int_equal(memfile_write(his, "x", 1, 0), 0);
	memfile_unref(his);
	for (size_t i = 0; i < n - 1; i++)
		memfile_unref(open[i]);
	/* and closed ones make way */
	his = memfile_make(all, "apply/new", MEMFILE_SCRATCH, &hers, 0600, &err);
	assert_non_null(his);
	memfile_unref(his);
	memfiles_free(all);
}

static void test_extent(void **state)
{
	static const struct {
		const char *text;
		enum extent extent;
	} cases[] = {
		{"", EXTENT_OPEN},
		{"\n", EXTENT_OPEN},
		{"# later\n", EXTENT_OPEN},
		{"spec: {replicas: 3}", EXTENT_OPEN},
		{"spec: {replicas: 3}\n", EXTENT_LINE},
		{"spec: {replicas: 3} # three\n", EXTENT_LINE},
		{"spec:\n", EXTENT_OPEN},
		{"spec: # all\n", EXTENT_OPEN},
		{"spec:\n  replicas: 3\n", EXTENT_WHOLE},
		{"metadata:\n  labels:\n", EXTENT_OPEN},
		{"spec: {replicas: 3,\n", EXTENT_OPEN},
		{"note: |\n", EXTENT_OPEN},
		{"note: it's\n", EXTENT_LINE},
		{"note: 'it''s {'\n", EXTENT_LINE},
		{"note: \"a\\\"{\"\n", EXTENT_LINE},
		{"note: \"open\n", EXTENT_OPEN},
		{"{\"spec\": {\"replicas\": 3}}\n", EXTENT_WHOLE},
		{"{\"spec\": {\"replicas\": 3}\n", EXTENT_OPEN},
		{"[{\"op\": \"x\"}]\n", EXTENT_WHOLE},
		{"  {\"a\": \"}\"}\n", EXTENT_WHOLE},
		{"}\n", EXTENT_LINE},
		{"a\\\n", EXTENT_LINE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (extent_of(cases[i].text, strlen(cases[i].text)) != cases[i].extent)
			fail_msg("%s", cases[i].text);
	assert_int_equal(extent_of("\"\\\n", 3), EXTENT_OPEN); /* ends in an escape */
}

static void test_cri_log(void **state)
{
	static const char log[] = "2016-10-06T00:17:09.669794202Z stdout F one\n"
				  "2016-10-06T00:17:09.669794203Z stdout P two \n"
				  "2016-10-06T00:17:09.669794204Z stdout F parts\n"
				  "2016-10-06T00:17:09.669794205Z stderr F \n"
				  "junk\n"
				  "2016-10-06T00:17:10.000000000Z stdout F not yet en";
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	size_t used = cri_log_decode(log, sizeof(log) - 1, &out);

	(void)state;
	assert_string_equal(buf_str(&out), "one\ntwo parts\n\njunk\n");
	assert_string_equal(log + used, "2016-10-06T00:17:10.000000000Z stdout F not yet en");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),           cmocka_unit_test(test_words_refused),
		cmocka_unit_test(test_escape),          cmocka_unit_test(test_scratch_names),
		cmocka_unit_test(test_memfiles),        cmocka_unit_test(test_cri_log),
		cmocka_unit_test(test_bytes_of_a_user), cmocka_unit_test(test_extent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
