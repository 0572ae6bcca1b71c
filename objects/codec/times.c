/* SPDX-License-Identifier: MIT */
/* Points in time as RFC 3339 has them, and ages as kubectl prints them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "objects/codec/civil.h"
#include "objects/quantity.h"

/* Exactly n digits in [low, high], then past them. */
static int number(const char **s, int n, int low, int high, int *out)
{
	int v = 0;

	for (int i = 0; i < n; i++, (*s)++) {
		if (**s < '0' || **s > '9')
			return 0;
		v = v * 10 + (**s - '0');
	}
	*out = v;
	return v >= low && v <= high;
}

static int literal(const char **s, char c)
{
	return *(*s)++ == c;
}

static int fraction(const char **s, int32_t *nsec)
{
	int32_t scale = 100000000;

	*nsec = 0;
	if (**s != '.')
		return 1;
	(*s)++;
	if (**s < '0' || **s > '9')
		return 0;
	for (; **s >= '0' && **s <= '9'; (*s)++) {
		*nsec += (**s - '0') * scale;
		scale /= 10;
	}
	return 1;
}

/* Z or +hh:mm. Return: whether it is one, and the seconds east of Greenwich. */
static int offset(const char **s, int *out)
{
	int h, m, east;

	*out = 0;
	if (**s == 'Z') {
		(*s)++;
		return 1;
	}
	if (**s != '+' && **s != '-')
		return 0;
	east = *(*s)++ == '+';
	if (!number(s, 2, 0, 23, &h) || !literal(s, ':') || !number(s, 2, 0, 59, &m))
		return 0;
	*out = (east ? 1 : -1) * (h * 3600 + m * 60);
	return 1;
}

int time_parse(const char *s, int64_t *sec_out, int32_t *nsec_out)
{
	int year, month, day, h, m, sec, east;
	int32_t nsec;

	if (!number(&s, 4, 0, 9999, &year) || !literal(&s, '-') || !number(&s, 2, 1, 12, &month) ||
	    !literal(&s, '-') || !number(&s, 2, 1, civil_days_in(year, month), &day))
		return -EINVAL;
	if (!literal(&s, 'T') || !number(&s, 2, 0, 23, &h) || !literal(&s, ':') ||
	    !number(&s, 2, 0, 59, &m) || !literal(&s, ':') || !number(&s, 2, 0, 59, &sec))
		return -EINVAL;
	if (!fraction(&s, &nsec) || !offset(&s, &east) || *s)
		return -EINVAL;
	if (sec_out)
		*sec_out = civil_days(year, month, day) * 86400 + h * 3600 + m * 60 + sec - east;
	if (nsec_out)
		*nsec_out = nsec;
	return 0;
}

const char *time_render(int64_t t, char buf[32])
{
	int rest, year, month, day;
	int64_t days = civil_split(t, &rest);

	if (days < -719528 || days > 2932896) /* years 0 to 9999 */
		return strcpy(buf, days < 0 ? "0000-01-01T00:00:00Z" : "9999-12-31T23:59:59Z");
	civil_date(days, &year, &month, &day);
	snprintf(buf, 32, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)year % 10000,
		 (unsigned)month % 100, (unsigned)day % 100, (unsigned)(rest / 3600) % 100,
		 (unsigned)(rest / 60 % 60), (unsigned)(rest % 60));
	return buf;
}

/* "3d4h", "3d" when the smaller part is 0. */
static void two_parts(char *buf, int64_t big, char big_unit, int64_t small, char small_unit)
{
	if (small)
		snprintf(buf, 16, "%" PRId64 "%c%" PRId64 "%c", big, big_unit, small, small_unit);
	else
		snprintf(buf, 16, "%" PRId64 "%c", big, big_unit);
}

/* apimachinery, pkg/util/duration: HumanDuration. */
const char *age_render(int64_t s, char buf[16])
{
	int64_t minutes = s / 60, hours = s / 3600, days = s / 86400;

	if (s < -1)
		return strcpy(buf, "<invalid>");
	if (s < 120)
		two_parts(buf, s < 0 ? 0 : s, 's', 0, 0);
	else if (minutes < 10)
		two_parts(buf, minutes, 'm', s % 60, 's');
	else if (minutes < 180)
		two_parts(buf, minutes, 'm', 0, 0);
	else if (hours < 8)
		two_parts(buf, hours, 'h', minutes % 60, 'm');
	else if (hours < 48)
		two_parts(buf, hours, 'h', 0, 0);
	else if (hours < 192)
		two_parts(buf, days, 'd', hours % 24, 'h');
	else if (days < 730)
		two_parts(buf, days, 'd', 0, 0);
	else if (days < 2920)
		two_parts(buf, days / 365, 'y', days % 365, 'd');
	else
		two_parts(buf, days / 365 > 99999 ? 99999 : days / 365, 'y', 0, 0);
	return buf;
}
