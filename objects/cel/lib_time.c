/* SPDX-License-Identifier: MIT */
/* Timestamps and durations: their texts, and their parts in any time zone. */
#include <ctype.h>
#include <errno.h>

#include "objects/cel/lib.h"
#include "objects/cel/zone.h"

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

/* Go's time.ParseDuration: "-1h15m30.5s". */
int cel_parse_duration(const char *s, size_t n, int64_t *nanos)
{
	static const struct {
		const char *name;
		int64_t nanos;
	} units[] = {{"ns", 1},       {"us", 1000},  {"\xc2\xb5s", 1000}, {"\xce\xbcs", 1000},
		     {"ms", 1000000}, {"s", SECOND}, {"m", 60 * SECOND},  {"h", 3600 * SECOND}};
	char text[64], *p = text;
	__int128 sum = 0;
	int negative;

	if (!n || n >= sizeof(text))
		return -EINVAL;
	memcpy(text, s, n);
	text[n] = '\0';
	negative = *p == '-';
	p += *p == '-' || *p == '+';
	if (str_eq(p, "0")) {
		*nanos = 0;
		return 0;
	}
	if (strlen(text) != n || !*p)
		return -EINVAL;
	while (*p) {
		__int128 whole = 0, fraction = 0, scale = 1;
		size_t u = 0, length, any = 0;

		for (; isdigit((unsigned char)*p); p++, any = 1)
			whole = whole < ((__int128)1 << 64) ? whole * 10 + (*p - '0') : whole;
		if (*p == '.')
			for (p++; isdigit((unsigned char)*p); p++, any = 1)
				if (scale < 1000000000000000ll) {
					fraction = fraction * 10 + (*p - '0');
					scale *= 10;
				}
		length = strcspn(p, "0123456789.");
		while (u < ARRAY_LEN(units) &&
		       (strlen(units[u].name) != length || memcmp(units[u].name, p, length) != 0))
			u++;
		if (!any || u == ARRAY_LEN(units))
			return -EINVAL;
		sum += whole * units[u].nanos + fraction * units[u].nanos / scale;
		if (sum > INT64_MAX)
			return -EINVAL;
		p += length;
	}
	*nanos = negative ? -(int64_t)sum : (int64_t)sum;
	return 0;
}

/* -- parts -- */

struct moment {
	int64_t year;
	int month, day, hour, minute, second; /* month and day from 1 */
	int weekday, yearday;                 /* from 0; Sunday is 0 */
};

static struct moment moment_of(int64_t t)
{
	int64_t days = t / 86400, rest = t % 86400, z, era, of_era, of_year, m;
	struct moment out;
	int leap;

	if (rest < 0) {
		rest += 86400;
		days--;
	}
	z = days + 719468; /* from 0000-03-01 */
	era = (z >= 0 ? z : z - 146096) / 146097;
	of_era = z - era * 146097;
	out.year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	of_year = of_era - (365 * out.year + out.year / 4 - out.year / 100);
	m = (5 * of_year + 2) / 153;
	out.day = (int)(of_year - (153 * m + 2) / 5 + 1);
	out.month = (int)(m < 10 ? m + 3 : m - 9);
	out.year += era * 400 + (out.month <= 2);
	leap = out.year % 4 == 0 && (out.year % 100 != 0 || out.year % 400 == 0);
	out.yearday = (int)(out.month > 2 ? of_year + 59 + leap : of_year - 306);
	out.weekday = (int)(((days + 4) % 7 + 7) % 7);
	out.hour = (int)(rest / 3600);
	out.minute = (int)(rest / 60 % 60);
	out.second = (int)(rest % 60);
	return out;
}

/* The moment that a call is about; its time zone is the second argument. */
static int local_moment(struct cel_run *r, const struct cel_val *a, size_t n, struct moment *out,
			struct cel_val *error)
{
	int64_t east = 0;

	if (n == 2) {
		const char *zone = cel_c_string(r, a[1]);

		cel_work(r, 500);
		if (!zone || zone_offset(zone, a[0].i, &east) < 0) {
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
