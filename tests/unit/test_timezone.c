/* SPDX-License-Identifier: MIT */
/* Offsets of zones, held against the C library's; and rules of files that nobody would ship. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <time.h>

#include "objects/codec/timezone_i.h"
#include "objects/timezone.h"

static void same_as_libc(const char *name)
{
	CLEANUP(zone_freep) struct zone *z = zone_open(name, NULL);

	assert_non_null(z);
	setenv("TZ", name, 1);
	tzset();
	/* from 1950 to 2100, about every six hours, never at the same minute */
	for (int64_t t = -631152000; t < 4102444800; t += 6 * 3600 + 17 * 60 + 1) {
		time_t when = (time_t)t;
		struct tm tm;

		localtime_r(&when, &tm);
		if (tm.tm_gmtoff != zone_offset(z, t))
			fail_msg("%s at %lld: %d, the C library says %ld", name, (long long)t,
				 zone_offset(z, t), tm.tm_gmtoff);
	}
	unsetenv("TZ");
	tzset();
}

static void test_agrees_with_the_c_library(void **state)
{
	static const char *const names[] = {
		"Europe/Berlin",     "America/New_York",  "Australia/Lord_Howe", "Asia/Kolkata",
		"America/Sao_Paulo", "Africa/Casablanca", "Europe/Dublin",       "Asia/Kathmandu",
		"Pacific/Apia",      "America/Nuuk",      "Antarctica/Troll",    "Etc/GMT-14",
		"Asia/Tehran",       "Pacific/Chatham",   "America/Santiago",    "EST5EDT",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		same_as_libc(names[i]);
}

static void test_utc_needs_no_database(void **state)
{
	static const char *const names[] = {"", "UTC"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		CLEANUP(zone_freep) struct zone *z = zone_open(names[i], NULL);

		assert_non_null(z);
		assert_int_equal(zone_offset(z, 0), 0);
		assert_int_equal(zone_offset(z, INT64_MAX), 0);
		assert_int_equal(zone_offset(z, INT64_MIN), 0);
	}
}

static void refused(const char *name, int code, const char *text)
{
	struct err err = ERR_INIT;

	assert_null(zone_open(name, &err));
	assert_int_equal(err.code, code);
	assert_string_equal(err.msg, text);
}

static void test_names_that_are_none(void **state)
{
	refused("Europe/Atlantis", ENOENT, "unknown time zone Europe/Atlantis");
	refused("Europe", ENOENT, "unknown time zone Europe");
	refused("zone.tab", ENOENT, "unknown time zone zone.tab");
	refused("/etc/passwd", EINVAL, "time: invalid location name");
	refused("../../../etc/passwd", EINVAL, "time: invalid location name");
	refused("Europe/../../../../etc/passwd", EINVAL, "time: invalid location name");
}

static void test_rules(void **state)
{
	static const struct {
		const char *rule;
		int64_t t;
		int32_t offset;
	} good[] = {
		{"UTC0", 0, 0},
		{"<+0545>-5:45", 0, 20700},
		{"CET-1CEST,M3.5.0,M10.5.0/3", 1711846799, 3600}, /* 2024-03-31T00:59:59Z */
		{"CET-1CEST,M3.5.0,M10.5.0/3", 1711846800, 7200},
		{"CET-1CEST,M3.5.0,M10.5.0/3", 1729990799, 7200}, /* 2024-10-27T00:59:59Z */
		{"CET-1CEST,M3.5.0,M10.5.0/3", 1729990800, 3600},
		{"AEST-10AEDT,M10.1.0,M4.1.0/3", 1704067200, 39600}, /* 2024-01-01 */
		{"AEST-10AEDT,M10.1.0,M4.1.0/3", 1719792000, 36000}, /* 2024-07-01 */
		{"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 1711846799, -7200},
		{"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 1711846800, -3600},
		{"XXX4YYY3,J60,J300", 1709265600, -14400},   /* 2024-03-01T04:00Z, is before 2:00 */
		{"XXX4YYY3,J60,J300", 1709272800, -10800},   /* 6:00Z is 2:00 */
		{"EST5EDT,0/0,J365/25", 1704067200, -14400}, /* summer all year */
	};
	static const char *const bad[] = {
		"",
		"U0",
		"<UTC0",
		"UTC",
		"UTC168",
		"UTC0:60",
		"UTC0X",
		"CET-1CEST",
		"CET-1CEST,",
		"CET-1CEST,M3.5.0",
		"A1B2,M3.5.0,M10.5.0",
		"CET-1CEST,M13.5.0,M10.5.0",
		"CET-1CEST,M3.6.0,M10.5.0",
		"CET-1CEST,M3.5.7,M10.5.0",
		"CET-1CEST,J0,J1",
		"CET-1CEST,366,1",
		"CET-1CEST,M3.5.0,M10.5.0/3x",
		"CET-1CEST,M3.5.0/200,M10.5.0",
	};
	struct zone_rule r;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(zone_rule_parse(good[i].rule, &r), 0);
		if (zone_rule_offset(&r, good[i].t) != good[i].offset)
			fail_msg("%s at %lld: %d", good[i].rule, (long long)good[i].t,
				 zone_rule_offset(&r, good[i].t));
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (zone_rule_parse(bad[i], &r) != -EINVAL)
			fail_msg("%s is taken", bad[i]);
}

static void test_files_cut_short(void **state)
{
	/* version 2: an empty block of 32 bits, then one turn from +1h to +2h, and no rule */
	static const char file[] = "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
				   "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\1"
				   "\0\0\0\0\0\0\0"
				   "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
				   "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\2\0\0\0\4"
				   "\0\0\0\0\0\0\0\144\1"
				   "\0\0\016\020\0\0\0\0\034\040\1\0CET\0"
				   "\n\n";
	size_t len = sizeof(file) - 1;
	CLEANUP(zone_freep) struct zone *z = zone_parse(file, len, NULL);

	assert_non_null(z);
	assert_int_equal(zone_offset(z, 99), 3600);
	assert_int_equal(zone_offset(z, 100), 7200);
	for (size_t n = 0; n < len; n++) {
		char *copy = xmalloc(n + 1); /* so that a sanitizer sees what is read behind it */
		struct err err = ERR_INIT;

		memcpy(copy, file, n);
		assert_null(zone_parse(copy, n, &err));
		assert_int_equal(err.code, EINVAL);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agrees_with_the_c_library),
		cmocka_unit_test(test_utc_needs_no_database),
		cmocka_unit_test(test_names_that_are_none),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_files_cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
