/* SPDX-License-Identifier: MIT */
/* Quantities: parsing, canonical text, rounding; int-or-percent. Cases of apimachinery's
 * quantity_test.go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "objects/quantity.h"

static struct quantity parse(const char *text)
{
	struct quantity q = {0, 0};
	struct err err = ERR_INIT;

	if (quantity_parse(text, &q, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return q;
}

static void test_canonical_text(void **state)
{
	static const char *const cases[][2] = {
		{"0", "0"},
		{"0n", "0"},
		{"0Mi", "0"},
		{"-0", "0"},
		{"1", "1"},
		{"1000m", "1"},
		{"1500m", "1500m"},
		{"0.5", "500m"},
		{".5", "500m"},
		{"5.", "5"},
		{"+1", "1"},
		{"-1", "-1"},
		{"1000", "1k"},
		{"1000000", "1M"},
		{"1200", "1200"},
		{"100", "100"},
		{"0.0001", "100u"},
		{"1n", "1n"},
		{"0.1n", "1n"},
		{"1.5n", "2n"},
		{"1Ki", "1Ki"},
		{"1024Ki", "1Mi"},
		{"64Mi", "64Mi"},
		{"1.5Gi", "1536Mi"},
		{"0.5Gi", "512Mi"},
		{"0.5Ki", "512"},
		{"1000Ki", "1000Ki"},
		{"1024", "1024"},
		{"0.1Ki", "102400m"},
		{"1e3", "1e3"},
		{"1E3", "1e3"},
		{"1E", "1E"},
		{"12e-3", "12e-3"},
		{"1.5e3", "1500"},
		{"100e3", "100e3"},
		{"1e0", "1"},
		{"1024Mi", "1Gi"},
		{"1025Mi", "1025Mi"},
		{"8Ei", "9223372036854775807"},
		{"1e100", "9223372036854775807"},
		{"-1e100", "-9223372036854775807"},
		{"1e-100", "1e-9"},
		{"0e100000000000000000", "0"},
		{"000000000000000000000000000000000000000000000000000001", "1"},
		{"1.000000000000000000000000000000000000000000000000000000000000001",
		 "1000000001n"},
		{"123456789012345678.123456789", "123456789012345678123456789n"},
		{"7.9Ei", "9108079886394091110400m"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct quantity q;
		char buf[64];

		q = parse(cases[i][0]);
		if (strcmp(quantity_render(&q, buf), cases[i][1]) != 0)
			print_message("%s\n", cases[i][0]);
		assert_string_equal(quantity_render(&q, buf), cases[i][1]);
	}
}

static void test_canonical_text_reads_back(void **state)
{
	static const char *const texts[] = {
		"1",   "1500m",      "64Mi",          "1.5Gi", "0.1Ki",           "-7u",
		"1e3", "12345.678k", "999999999999n", "3.3Ei", "9007199254740993"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct quantity a = parse(texts[i]), b;
		char buf[64];

		b = parse(quantity_render(&a, buf));
		assert_int_equal(quantity_cmp(&a, &b), 0);
	}
}

static void test_malformed_is_refused(void **state)
{
	static const char *const bad[] = {"",         " ",     "1 ",   " 1",  "1.1.M", "1+1.0M",
					  "0.1mi",    "0.1am", "aoeu", ".5i", "1i",    "-3.01i",
					  "-3.01e-",  "1e",    "1ee3", "--1", "Mi",    ".",
					  "-",        "1K",    "1Mib", "1m5", "0x10",  "1_000",
					  "\xd9\xa1", "1e3.5", "1E+",  "5%"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct quantity q;
		struct err err = ERR_INIT;

		if (quantity_parse(bad[i], &q, &err) == 0)
			fail_msg("'%s' is accepted", bad[i]);
		assert_true(strlen(err.msg) > 0);
	}
}

static void test_rounding_is_away_from_zero(void **state)
{
	struct quantity q = parse("1500m"), neg = parse("-1500m"), small = parse("1n"),
			big = parse("8Ei");

	assert_int_equal(quantity_units(&q), 2);
	assert_int_equal(quantity_millis(&q), 1500);
	assert_int_equal(quantity_units(&neg), -2);
	assert_int_equal(quantity_units(&small), 1);
	assert_int_equal(quantity_millis(&small), 1);
	assert_int_equal(quantity_units(&big), INT64_MAX);
	assert_int_equal(quantity_millis(&big), INT64_MAX);
	assert_true(quantity_cmp(&neg, &small) < 0 && quantity_cmp(&big, &q) > 0);
}

static void test_from_numbers_of_a_manifest(void **state)
{
	CLEANUP_VALUE struct value *two = value_new_int(2), *half = value_new_double(0.5);
	CLEANUP_VALUE struct value *text = value_new_string("128Mi"), *flag = value_new_bool(1);
	struct quantity q;
	char buf[64];

	assert_int_equal(quantity_from_value(two, &q, NULL), 0);
	assert_string_equal(quantity_render(&q, buf), "2");
	assert_int_equal(quantity_from_value(half, &q, NULL), 0);
	assert_string_equal(quantity_render(&q, buf), "500m");
	assert_int_equal(quantity_from_value(text, &q, NULL), 0);
	assert_int_equal(quantity_units(&q), 128 << 20);
	assert_int_equal(quantity_from_value(flag, &q, NULL), -EINVAL);
	assert_int_equal(quantity_from_value(NULL, &q, NULL), -EINVAL);
}

static int64_t percent(const char *text, int64_t total, int up)
{
	CLEANUP_VALUE struct value *v = value_new_string(text);
	int64_t out = -77;

	assert_int_equal(int_or_percent(v, total, up, &out), 0);
	return out;
}

static void test_int_or_percent(void **state)
{
	static const char *const bad[] = {"", "%", "25", "25%%", "x%", "2.5%", " 25%"};
	CLEANUP_VALUE struct value *three = value_new_int(3);
	int64_t out;

	assert_int_equal(int_or_percent(three, 10, 0, &out), 0);
	assert_int_equal(out, 3);
	assert_int_equal(percent("25%", 10, 1), 3);
	assert_int_equal(percent("25%", 10, 0), 2);
	assert_int_equal(percent("100%", 7, 1), 7);
	assert_int_equal(percent("0%", 7, 1), 0);
	assert_int_equal(percent("1%", 1, 1), 1);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CLEANUP_VALUE struct value *v = value_new_string(bad[i]);

		assert_int_equal(int_or_percent(v, 10, 0, &out), -EINVAL);
	}
	assert_int_equal(int_or_percent(NULL, 10, 0, &out), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical_text),
		cmocka_unit_test(test_canonical_text_reads_back),
		cmocka_unit_test(test_malformed_is_refused),
		cmocka_unit_test(test_rounding_is_away_from_zero),
		cmocka_unit_test(test_from_numbers_of_a_manifest),
		cmocka_unit_test(test_int_or_percent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
