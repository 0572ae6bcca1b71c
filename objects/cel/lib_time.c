/* SPDX-License-Identifier: MIT */
/* Timestamps and durations: their texts, and their parts in any time zone. */
#include <errno.h>

#include "objects/cel/lib.h"
#include "objects/codec/civil.h"
#include "objects/timezone.h"

#define FN(name) static struct cel_val name(struct cel_run *r, const struct cel_val *a, size_t n)

#define SECOND 1000000000ll

int cel_parse_timestamp(const char *s, size_t n, struct cel_val *out)
{
	char text[64];
	int64_t sec;
	int32_t nsec;

	if (n >= sizeof(text))
		return -EINVAL;
	memcpy(text, s, n);
	text[n] = '\0';
	if (strlen(text) != n || time_parse(text, &sec, &nsec) < 0 || sec < -62135596800 ||
	    sec > 253402300799)
		return -EINVAL;
	*out = (struct cel_val){.kind = CEL_TIMESTAMP, .i = sec, .n = (uint32_t)nsec};
	return 0;
}

int cel_parse_duration(const char *s, size_t n, int64_t *nanos)
{
	char text[64];

	if (n >= sizeof(text))
		return -EINVAL;
	memcpy(text, s, n);
	text[n] = '\0';
	return strlen(text) == n ? duration_parse(text, nanos, NULL) : -EINVAL;
}

/* -- parts -- */

struct moment {
	int year, month, day, hour, minute, second; /* month and day from 1 */
	int weekday, yearday;                       /* from 0; Sunday is 0 */
};

static struct moment moment_of(int64_t t)
{
	struct moment out;
	int64_t days = civil_split(t, &out.second);

	civil_date(days, &out.year, &out.month, &out.day);
	out.weekday = civil_weekday(days);
	out.yearday = (int)(days - civil_days(out.year, 1, 1));
	out.hour = out.second / 3600;
	out.minute = out.second / 60 % 60;
	out.second %= 60;
	return out;
}

/* "+02:00", "-08:00", "02:00". Return: whether it is such an offset. */
static int fixed_zone(const char *text, int64_t *east)
{
	const char *s = text + (*text == '-' || *text == '+');

	if (strlen(s) != 5 || s[2] != ':' || strspn(s, "0123456789:") != 5)
		return 0;
	*east = (s[0] - '0') * 36000 + (s[1] - '0') * 3600 + (s[3] - '0') * 600 + (s[4] - '0') * 60;
	*east = *text == '-' ? -*east : *east;
	return 1;
}

static int east_of(const char *name, int64_t t, int64_t *east)
{
	CLEANUP(zone_freep) struct zone *zone = NULL;

	if (fixed_zone(name, east))
		return 0;
	if (!(zone = zone_open(name, NULL)))
		return -ENOENT;
	*east = zone_offset(zone, t);
	return 0;
}

/* The moment that a call is about; its time zone is the second argument. */
static int local_moment(struct cel_run *r, const struct cel_val *a, size_t n, struct moment *out,
			struct cel_val *error)
{
	int64_t east = 0;

	if (n == 2) {
		const char *zone = cel_c_string(r, a[1]);

		cel_work(r, 500);
		if (!zone || east_of(zone, a[0].i, &east) < 0) {
			*error = cel_error(r, "unknown time zone %s", zone ? zone : "");
			return -1;
		}
	}
	*out = moment_of(a[0].i + east);
	return 0;
}

#define PART(name, expression)                                                                     \
	FN(name)                                                                                   \
	{                                                                                          \
		struct moment m;                                                                   \
		struct cel_val error;                                                              \
                                                                                                   \
		if (local_moment(r, a, n, &m, &error) < 0)                                         \
			return error;                                                              \
		return cel_int(expression);                                                        \
	}

PART(year, m.year)
PART(month, m.month - 1)
PART(date, m.day)
PART(day_of_month, m.day - 1)
PART(day_of_week, m.weekday)
PART(day_of_year, m.yearday)
PART(hours, m.hour)
PART(minutes, m.minute)
PART(seconds, m.second)

FN(millis)
{
	return cel_int(a->n / 1000000);
}

FN(duration_hours)
{
	return cel_int(a->i / (3600 * SECOND));
}

FN(duration_minutes)
{
	return cel_int(a->i / (60 * SECOND));
}

FN(duration_seconds)
{
	return cel_int(a->i / SECOND);
}

FN(duration_millis)
{
	return cel_int(a->i / 1000000);
}

#define BOTH(name, fn)                                                                             \
	{name, ".t>i", fn, COST_1},                                                                \
	{                                                                                          \
		name, ".ts>i", fn, COST_1                                                          \
	}

static const struct cel_function rows[] = {
	BOTH("getFullYear", year),
	BOTH("getMonth", month),
	BOTH("getDate", date),
	BOTH("getDayOfMonth", day_of_month),
	BOTH("getDayOfWeek", day_of_week),
	BOTH("getDayOfYear", day_of_year),
	BOTH("getHours", hours),
	BOTH("getMinutes", minutes),
	BOTH("getSeconds", seconds),
	BOTH("getMilliseconds", millis),
	{"getHours", ".r>i", duration_hours, COST_1},
	{"getMinutes", ".r>i", duration_minutes, COST_1},
	{"getSeconds", ".r>i", duration_seconds, COST_1},
	{"getMilliseconds", ".r>i", duration_millis, COST_1},
};
CEL_LIBRARY(lib_time, rows);
