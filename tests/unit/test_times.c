/* SPDX-License-Identifier: MIT */
/* RFC 3339 both ways, and ages as kubectl prints them (duration_test.go). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <time.h>

#include "objects/quantity.h"

static void test_known_points(void **state)
{
	static const struct {
		const char *text;
		int64_t sec;
		int32_t nsec;
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0, 0},
		{"1969-12-31T23:59:59Z", -1, 0},
		{"2000-02-29T12:00:00Z", 951825600, 0},
		{"2026-11-23T20:17:18Z", 1795465038, 0},
		{"2026-11-23T21:17:18+01:00", 1795465038, 0},
		{"2026-11-23T14:47:18-05:30", 1795465038, 0},
		{"2026-11-23T20:17:18.5Z", 1795465038, 500000000},
		{"2026-11-23T20:17:18.000000001Z", 1795465038, 1},
		{"2026-11-23T20:17:18.1234567899999Z", 1795465038, 123456789},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t sec;
		int32_t nsec;

		assert_int_equal(time_parse(cases[i].text, &sec, &nsec), 0);
		assert_int_equal(sec, cases[i].sec);
		assert_int_equal(nsec, cases[i].nsec);
	}
	assert_int_equal(time_parse("2026-11-23T20:17:18Z", NULL, NULL), 0);
}

static void test_agrees_with_the_c_library(void **state)
{
	for (int64_t t = -62135596800; t < 253402300800; t += 86400 * 17 + 3607) {
		time_t when = (time_t)t;
		struct tm tm;
		char libc[32], buf[32];
		int64_t back;

		gmtime_r(&when, &tm);
		strftime(libc, sizeof(libc), "T%H:%M:%SZ", &tm);
		assert_string_equal(time_render(t, buf) + 10, libc);
		assert_int_equal(atoi(buf), tm.tm_year + 1900);
		assert_int_equal(time_parse(buf, &back, NULL), 0);
		assert_int_equal(back, t);
	}
}

static void test_malformed_is_refused(void **state)
{
	static const char *const bad[] = {"",
					  "2026",
					  "2026-11-23",
					  "2026-11-23 20:17:18Z",
					  "2026-11-23T20:17:18",
					  "2026-13-01T00:00:00Z",
					  "2026-02-29T00:00:00Z",
					  "2026-04-31T00:00:00Z",
					  "2026-00-10T00:00:00Z",
					  "2026-01-00T00:00:00Z",
					  "2026-11-23T24:00:00Z",
					  "2026-11-23T20:60:18Z",
					  "2026-11-23T20:17:60Z",
					  "2026-11-23T20:17:18.Z",
					  "2026-11-23T20:17:18+1:00",
					  "2026-11-23T20:17:18+25:00",
					  "2026-11-23T20:17:18Zx",
					  "26-11-23T20:17:18Z",
					  "2026-1-3T20:17:18Z",
					  " 2026-11-23T20:17:18Z",
					  "now"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(time_parse(bad[i], NULL, NULL), -EINVAL);
}

static void test_times_out_of_range_stay_text(void **state)
{
	char buf[32];

	assert_string_equal(time_render(INT64_MAX, buf), "9999-12-31T23:59:59Z");
	assert_string_equal(time_render(INT64_MIN, buf), "0000-01-01T00:00:00Z");
}

static void test_ages(void **state)
{
	static const struct {
		int64_t s;
		const char *text;
	} cases[] = {
		{-2, "<invalid>"},
		{-1, "0s"},
		{0, "0s"},
		{1, "1s"},
		{119, "119s"},
		{120, "2m"},
		{121, "2m1s"},
		{599, "9m59s"},
		{600, "10m"},
		{10799, "179m"},
		{10800, "3h"},
		{11100, "3h5m"},
		{28799, "7h59m"},
		{28800, "8h"},
		{172799, "47h"},
		{172800, "2d"},
		{176400, "2d1h"},
		{691199, "7d23h"},
		{691200, "8d"},
		{63071999, "729d"},
		{63072000, "2y"},
		{63158400, "2y1d"},
		{252287999, "7y364d"},
		{252288000, "8y"},
		{INT64_MAX, "99999y"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char buf[16];

		assert_string_equal(age_render(cases[i].s, buf), cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_points),
		cmocka_unit_test(test_agrees_with_the_c_library),
		cmocka_unit_test(test_malformed_is_refused),
		cmocka_unit_test(test_times_out_of_range_stay_text),
		cmocka_unit_test(test_ages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
