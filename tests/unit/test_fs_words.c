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

static void test_memfiles(void **state)
{
	struct memfiles *all = memfiles_new();
	struct err err = ERR_INIT;
	struct memfile *a = memfile_make(all, "apply/a", MEMFILE_SCRATCH, 1, 1, 0600, &err), *b;

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
	/* the oldest goes when there are too many */
	for (unsigned i = 0; i < MEMFILES_MAX + 10; i++) {
		CLEANUP_FREE char *path = xasprintf("apply/f%u", i);

		a = memfile_make(all, path, MEMFILE_SCRATCH, 1, 1, 0600, &err);
		assert_non_null(a);
		memfile_unref(a);
	}
	assert_null(memfile_get(all, "apply/f0"));
	memfiles_free(all);
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
		cmocka_unit_test(test_words),    cmocka_unit_test(test_words_refused),
		cmocka_unit_test(test_escape),   cmocka_unit_test(test_scratch_names),
		cmocka_unit_test(test_memfiles), cmocka_unit_test(test_cri_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
