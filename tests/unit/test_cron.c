/* SPDX-License-Identifier: MIT */
/* Schedules: the grammar that Kubernetes takes, and when they come, held against a plain search. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "objects/cron.h"
#include "objects/quantity.h"

static void test_grammar(void **state)
{
	static const char *const good[] = {
		"* * * * *",
		"*/5 * * * *",
		"0 0 1 1 *",
		"1-5,7,9-11/2 * * * *",
		"5/15 * * * *",
		"? ? ? ? ?",
		"0 0 * jan-MAR sun,Tue",
		"@yearly",
		"@annually",
		"@monthly",
		"@weekly",
		"@daily",
		"@midnight",
		"@hourly",
		"@every 1h30m",
		"@every 100ms",
		"  0\t0  * * * ",
		"00 007 +1 * 0",
		"*-3 * * * *",
		",1,,2, * * * *",
		"59 23 31 12 6",
		"*/100 * * * *",
	};
	static const struct {
		const char *text, *why;
	} bad[] = {
		{"", "empty spec string"},
		{"   ", "expected exactly 5 fields, found 0: []"},
		{"* * * *", "expected exactly 5 fields, found 4: [* * * *]"},
		{"* * * * * *", "expected exactly 5 fields, found 6: [* * * * * *]"},
		{"60 * * * *", "end of range (60) above maximum (59): 60"},
		{"* 24 * * *", "end of range (24) above maximum (23): 24"},
		{"* * 0 * *", "beginning of range (0) below minimum (1): 0"},
		{"* * * 13 *", "end of range (13) above maximum (12): 13"},
		{"* * * * 7", "end of range (7) above maximum (6): 7"},
		{"5-3 * * * *", "beginning of range (5) beyond end of range (3): 5-3"},
		{"*/0 * * * *", "step of range should be a positive number: */0"},
		{"1/2/3 * * * *", "too many slashes: 1/2/3"},
		{"1-2-3 * * * *", "too many hyphens: 1-2-3"},
		{"x * * * *", "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid "
			      "syntax"},
		{"-1 * * * *", "failed to parse int from : strconv.Atoi: parsing \"\": invalid "
			       "syntax"},
		{"1/-5 * * * *", "negative number (-5) not allowed: -5"},
		{"* * * foo *", "failed to parse int from foo: strconv.Atoi: parsing \"foo\": "
				"invalid syntax"},
		{"jan * * * *", "failed to parse int from jan: strconv.Atoi: parsing \"jan\": "
				"invalid syntax"},
		{"99999999999999999999 * * * *", NULL},
		{"@every", "unrecognized descriptor: @every"},
		{"@Daily", "unrecognized descriptor: @Daily"},
		{"@every 5", "failed to parse duration @every 5: time: invalid duration \"5\""},
	};
	struct cron c;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct err err = ERR_INIT;

		if (cron_parse(good[i], &c, &err) < 0)
			fail_msg("%s: %s", good[i], err.msg);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(cron_parse(bad[i].text, &c, &err), -EINVAL);
		if (bad[i].why)
			assert_string_equal(err.msg, bad[i].why);
	}
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t nano;
	} good[] = {
		{"0", 0},
		{"-0", 0},
		{"1ns", 1},
		{"1.5us", 1500},
		{"2\xc2\xb5s", 2000},
		{"2\xce\xbcs", 2000},
		{"1h30m", 5400000000000},
		{"-1.5s", -1500000000},
		{".5m", 30000000000},
		{"1.s", 1000000000},
		{"9223372036854775807ns", INT64_MAX},
		{"-9223372036854775808ns", INT64_MIN},
		{"0.000000000000000000000001s", 0},
	};
	static const char *const bad[] = {
		"",
		"+",
		"1",
		"s",
		".s",
		"1d",
		"1h 30m",
		"1.2.3s",
		"9223372036854775808ns",
		"1000000000h",
		"1hm",
		"--1s",
		"1e3s",
	};
	int64_t nano;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(duration_parse(good[i].text, &nano, NULL), 0);
		assert_int_equal(nano, good[i].nano);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (duration_parse(bad[i], &nano, NULL) != -EINVAL)
			fail_msg("%s is taken", bad[i]);
}

static int64_t point(const char *text)
{
	int64_t t;

	assert_int_equal(time_parse(text, &t, NULL), 0);
	return t;
}

static void next_is(const char *schedule, const char *zone, const char *after, const char *want)
{
	CLEANUP(zone_freep) struct zone *z = zone_open(zone, NULL);
	struct cron c;
	int64_t got;

	assert_non_null(z);
	assert_int_equal(cron_parse(schedule, &c, NULL), 0);
	if (!want) {
		assert_int_equal(cron_next(&c, z, point(after), &got), -ENOENT);
		return;
	}
	assert_int_equal(cron_next(&c, z, point(after), &got), 0);
	if (got != point(want)) {
		char buf[32];

		fail_msg("%s in %s after %s: %s", schedule, zone, after, time_render(got, buf));
	}
}

static void test_known_moments(void **state)
{
	next_is("0/15 * * * *", "", "2012-07-09T14:45:00Z", "2012-07-09T15:00:00Z");
	next_is("0/15 * * * *", "", "2012-07-09T14:59:59Z", "2012-07-09T15:00:00Z");
	next_is("20-35/15 * * * *", "", "2012-07-09T23:46:00Z", "2012-07-10T00:20:00Z");
	next_is("0 0 9 APR-OCT ?", "", "2012-07-09T23:35:51Z", "2012-08-09T00:00:00Z");
	next_is("0 0 */5 APR,AUG,OCT MON", "", "2012-07-09T23:35:51Z", "2012-08-01T00:00:00Z");
	next_is("0 0 ? OCT MON", "", "2012-07-09T23:35:51Z", "2012-10-01T00:00:00Z");
	next_is("0 0 1,15 * 3", "", "2026-11-02T00:00:00Z", "2026-11-04T00:00:00Z");
	next_is("0 0 * FEB MON", "", "2012-07-09T23:35:00Z", "2013-02-04T00:00:00Z");
	next_is("0 0 29 2 ?", "", "2013-01-01T00:00:00Z", "2016-02-29T00:00:00Z");
	next_is("0 0 31 2 ?", "", "2013-01-01T00:00:00Z", NULL);
	next_is(", * * * *", "", "2013-01-01T00:00:00Z", NULL);
	next_is("@every 90s", "", "2013-01-01T00:00:01Z", "2013-01-01T00:01:31Z");
	next_is("@every 1ms", "", "2013-01-01T00:00:01Z", "2013-01-01T00:00:02Z");
	/* New York puts its clocks forward at 2:00 of 2012-03-11 and back at 2:00 of 2012-11-04 */
	next_is("30 2 11 3 ?", "America/New_York", "2012-03-11T00:00:00-05:00",
		"2013-03-11T02:30:00-04:00");
	next_is("0 * * * ?", "America/New_York", "2012-03-11T01:00:00-05:00",
		"2012-03-11T03:00:00-04:00");
	next_is("0 2 * * ?", "America/New_York", "2012-03-11T00:00:00-05:00",
		"2012-03-12T02:00:00-04:00");
	next_is("0 1 * * ?", "America/New_York", "2012-11-04T00:00:00-04:00",
		"2012-11-04T01:00:00-04:00");
	next_is("0 1 * * ?", "America/New_York", "2012-11-04T01:00:00-04:00",
		"2012-11-04T01:00:00-05:00");
	next_is("0 1 * * ?", "America/New_York", "2012-11-04T01:00:00-05:00",
		"2012-11-05T01:00:00-05:00");
	/* Sao Paulo's clocks went forward at midnight */
	next_is("0 9 * * ?", "America/Sao_Paulo", "2018-11-03T12:00:00-03:00",
		"2018-11-04T09:00:00-02:00");
	next_is("0 0 4 11 ?", "America/Sao_Paulo", "2018-11-03T12:00:00-03:00",
		"2019-11-04T00:00:00-03:00");
}

/* What fits, minute by minute, on the C library's clock. */
static int64_t searched(const struct cron *c, int64_t after)
{
	for (int64_t t = after - after % 60 + 60;; t += 60) {
		time_t when = (time_t)t;
		struct tm tm;
		int day, weekday;

		localtime_r(&when, &tm);
		day = c->days >> tm.tm_mday & 1;
		weekday = c->weekdays >> tm.tm_wday & 1;
		if ((c->any_day || c->any_weekday ? day && weekday : day || weekday) &&
		    c->months >> (tm.tm_mon + 1) & 1 && c->hours >> tm.tm_hour & 1 &&
		    c->minutes >> tm.tm_min & 1)
			return t;
	}
}

static unsigned rnd(unsigned *seed, unsigned n)
{
	*seed = *seed * 1103515245 + 12345;
	return (*seed >> 8) % n;
}

static void test_agrees_with_a_plain_search(void **state)
{
	static const char *const zones[] = {"Europe/Berlin", "America/New_York",
					    "Australia/Lord_Howe", "America/Sao_Paulo",
					    "Asia/Kathmandu"};
	unsigned seed = 4711;

	for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
		CLEANUP(zone_freep) struct zone *z = zone_open(zones[i], NULL);

		assert_non_null(z);
		setenv("TZ", zones[i], 1);
		tzset();
		for (int n = 0; n < 200; n++) {
			int64_t after = 1500000000 + (int64_t)rnd(&seed, 1u << 24) * 20;
			char text[64];
			struct cron c;
			int64_t got;

			snprintf(text, sizeof(text), "%u %u-%u %s %s %s", rnd(&seed, 60),
				 rnd(&seed, 3), 3 + rnd(&seed, 3),
				 rnd(&seed, 2) ? "*" : "*/7,28-31",
				 rnd(&seed, 2) ? "*" : "3-4,10-11", rnd(&seed, 2) ? "?" : "0");
			assert_int_equal(cron_parse(text, &c, NULL), 0);
			assert_int_equal(cron_next(&c, z, after, &got), 0);
			if (got != searched(&c, after))
				fail_msg("%s in %s after %lld: %lld, not %lld", text, zones[i],
					 (long long)after, (long long)got,
					 (long long)searched(&c, after));
		}
		unsetenv("TZ");
		tzset();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grammar),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_known_moments),
		cmocka_unit_test(test_agrees_with_a_plain_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
