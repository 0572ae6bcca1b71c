/* SPDX-License-Identifier: MIT */
/* JSON: what is accepted, what is refused and where, and that rendering reads back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "objects/codec.h"

static struct value *parse(const char *text)
{
	struct err err = ERR_INIT;
	struct value *v = json_parse(text, strlen(text), &err);

	if (!v)
		print_message("%s: %s\n", text, err.msg);
	assert_non_null(v);
	return v;
}

static void expect_rendered(const char *text, const char *wanted)
{
	CLEANUP_VALUE struct value *v = parse(text);
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	json_render(v, &out);
	assert_string_equal(buf_str(&out), wanted);
}

static void expect_refused_n(const char *text, size_t n, const char *what)
{
	struct err err = ERR_INIT;

	assert_null(json_parse(text, n, &err));
	if (!strstr(err.msg, what))
		print_message("%s: got '%s', wanted '%s'\n", text, err.msg, what);
	assert_non_null(strstr(err.msg, what));
}

static void expect_refused(const char *text, const char *what)
{
	expect_refused_n(text, strlen(text), what);
}

static void test_values_render_canonically(void **state)
{
	expect_rendered(" {\"b\" : [1, -2,\t3.5e0, true,false , null], \"a\":{}, \"c\" : [] }\r\n",
			"{\"a\":{},\"b\":[1,-2,3.5,true,false,null],\"c\":[]}");
	expect_rendered("\"\\u00e9\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\\"\\\\\"",
			"\"\u00e9\U0001F600/\\u0008\\u000c\\n\\r\\t\\\"\\\\\"");
	expect_rendered("{\"a\\u0062\\\"\":\"x\\ny\"}", "{\"ab\\\"\":\"x\\ny\"}");
}

static void test_numbers(void **state)
{
	CLEANUP_VALUE struct value *max = parse("9223372036854775807");
	CLEANUP_VALUE struct value *min = parse("-9223372036854775808");
	CLEANUP_VALUE struct value *over = parse("9223372036854775808");
	CLEANUP_VALUE struct value *point = parse("1.0");

	assert_int_equal(value_int(max, 0), INT64_MAX);
	assert_int_equal(value_int(min, 0), INT64_MIN);
	assert_true(value_is(over, VALUE_DOUBLE));
	assert_true(value_is(point, VALUE_DOUBLE));
	expect_rendered("[0,-0,0.1,1e21,1e20,1e-7,0.000001,1.7976931348623157e308,5e-324]",
			"[0,0,0.1,1e+21,100000000000000000000,1e-7,0.000001,"
			"1.7976931348623157e+308,5e-324]");
}

static void test_pretty_is_indented_by_four(void **state)
{
	CLEANUP_VALUE struct value *v = parse("{\"a\":[1,{\"b\":{}}],\"c\":[]}");
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	json_render_pretty(v, &out);
	assert_string_equal(buf_str(&out), "{\n    \"a\": [\n        1,\n        {\n            "
					   "\"b\": {}\n        }\n    ],\n    \"c\": []\n}\n");
}

static void test_refusals_name_the_place(void **state)
{
	expect_refused("", "line 1, column 1: the text ends");
	expect_refused("{\n  \"a\": 1,\n}", "line 3, column 1: '}'");
	expect_refused("[1 2]", "column 4: '2' where ',' or ']'");
	expect_refused("[1,]", "']' where a value");
	expect_refused("{a:1}", "'a' where a name");
	expect_refused("{\"a\" 1}", "where ':'");
	expect_refused("tru", "'t' where a value");
	expect_refused("nullx", "where the end of the text");
	expect_refused("1 2", "where the end of the text");
	expect_refused("'a'", "where a value");
	expect_refused("// c\n1", "where a value");
	expect_refused("\"abc", "ends within a string");
	expect_refused("\"abc\\", "ends within an escape");
	expect_refused("\"a\nb\"", "control character 0x0a");
	expect_refused("\"\\x41\"", "unknown escape");
	expect_refused("\"\\u12\"", "four hexadecimal digits");
	expect_refused("\xef\xbb\xbf{}", "byte 0xef");
}

static void test_bad_numbers_are_refused(void **state)
{
	static const char *const bad[] = {"01",       "-",         "+1",   ".5",    "1.",
					  "1e",       "1e+",       "0x10", "1e999", "NaN",
					  "Infinity", "-Infinity", "1_0",  "--1"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_INIT;

		assert_null(json_parse(bad[i], strlen(bad[i]), &err));
		assert_int_equal(err.code, EINVAL);
	}
}

static void test_duplicate_names_are_refused(void **state)
{
	expect_refused("{\"a\":1,\"b\":2,\"a\":3}", "key \"a\" already set in map");
	expect_refused("{\"a\":1,\"\\u0061\":2}", "key \"a\" already set in map");
}

static void test_text_must_be_text(void **state)
{
	expect_refused("\"\\u0000\"", "NUL");
	expect_refused_n("\"a\0b\"", 5, "control character 0x00");
	expect_refused("\"\xff\"", "invalid UTF-8");
	expect_refused("\"\xc0\x80\"", "invalid UTF-8");
	expect_refused("\"\xed\xa0\x80\"", "invalid UTF-8");
	expect_refused("\"\xf4\x90\x80\x80\"", "invalid UTF-8");
	expect_refused("\"\xe2\x82", "invalid UTF-8");
	expect_refused("\"\\ud800\"", "surrogate");
	expect_refused("\"\\udc00\\ud800\"", "surrogate");
	expect_refused("\"\\ud800\\u0041\"", "surrogate");
}

static void test_depth_is_bounded(void **state)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT;
	CLEANUP_VALUE struct value *v = NULL;
	struct err err = ERR_INIT;

	for (int i = 0; i < VALUE_MAX_DEPTH; i++)
		buf_addc(&b, '[');
	for (int i = 0; i < VALUE_MAX_DEPTH; i++)
		buf_addc(&b, ']');
	v = json_parse(b.data, b.len, &err);
	assert_non_null(v);
	b.len = 0;
	for (int i = 0; i < 10000; i++)
		buf_adds(&b, "{\"a\":");
	expect_refused_n(b.data, b.len, "nested deeper than 128 levels");
}

static void test_size_is_bounded(void **state)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT;
	struct err err = ERR_INIT;

	buf_pad(&b, CODEC_MAX_JSON_BYTES + 1);
	assert_null(json_parse(b.data, b.len, &err));
	assert_int_equal(err.code, EFBIG);
}

static void test_every_cut_of_a_text_is_refused(void **state)
{
	static const char text[] =
		"{\"a\":[1,2.5e3,\"x\\u00e9\\n\xc3\xa9\",true,null],\"b\":{\"c\":false}}";

	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		CLEANUP_FREE char *exact =
			n ? xmalloc(n) : NULL; /* no byte behind the end to lean on */

		if (n)
			memcpy(exact, text, n);
		assert_null(json_parse(exact, n, NULL));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_render_canonically),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_pretty_is_indented_by_four),
		cmocka_unit_test(test_refusals_name_the_place),
		cmocka_unit_test(test_bad_numbers_are_refused),
		cmocka_unit_test(test_duplicate_names_are_refused),
		cmocka_unit_test(test_text_must_be_text),
		cmocka_unit_test(test_depth_is_bounded),
		cmocka_unit_test(test_size_is_bounded),
		cmocka_unit_test(test_every_cut_of_a_text_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
