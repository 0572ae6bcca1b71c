/* SPDX-License-Identifier: MIT */
/* Base64: the vectors of RFC 4648, section 10, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "objects/codec/base64.h"

static void test_vectors(void **state)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"Zg==", "f"},
		{"Zm8=", "fo"},
		{"Zm9v", "foo"},
		{"Zm9vYg==", "foob"},
		{"Zm9vYmE=", "fooba"},
		{"Zm9vYmFy", "foobar"},
		{"+/+/", "\xfb\xff\xbf"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(buf_fini) struct buf out = BUF_INIT, text = BUF_INIT;
		size_t n = strlen(cases[i][0]);

		base64_add(cases[i][1], strlen(cases[i][1]), &text);
		assert_string_equal(buf_str(&text), cases[i][0]);
		assert_true(base64_is_valid(cases[i][0], n));
		assert_true(base64_decode(cases[i][0], n, &out));
		assert_string_equal(buf_str(&out), cases[i][1]);
		assert_int_equal(base64_size(cases[i][0], n), out.len);
	}
}

static void test_white_space(void **state)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	assert_true(base64_decode("Zm9v\n YmFy\r\n", 12, &out));
	assert_string_equal(buf_str(&out), "foobar");
	assert_int_equal(base64_size("Zm9v\n YmFy\r\n", 12), 6);
	assert_false(base64_is_valid("Zm9v\nYmF", 8));
}

static void test_malformed(void **state)
{
	static const char *const bad[] = {"Z",    "Zg",   "Zg=",  "Zg===", "=",    "====",
					  "Z===", "Zg=v", "Zm9-", "Zm9vZ", "Zm9_", "Zm\xc3\xa9"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CLEANUP(buf_fini) struct buf out = BUF_INIT;
		size_t n = strlen(bad[i]);

		if (base64_is_valid(bad[i], n) || base64_decode(bad[i], n, &out))
			fail_msg("%s is taken", bad[i]);
	}
}

static void test_bytes_of_nul(void **state)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	assert_true(base64_decode("AAAA", 4, &out));
	assert_int_equal(out.len, 3);
	assert_memory_equal(out.data, "\0\0\0", 3);
	assert_false(base64_is_valid("AA\0A", 4));
	assert_false(base64_decode("AA\0A", 4, &out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_white_space),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_bytes_of_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
