/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>

#include "objects/codec/civil.h"
#include "objects/codec/timezone_i.h"

#define HOURS_MAX 167 /* RFC 8536, 3.3.1 */
#define DAY       86400

/* -- text -- */

static int number(const char **s, int low, int high, int *out)
{
	int v = 0, digits = 0;

	for (; isdigit((unsigned char)**s) && digits < 4; (*s)++, digits++)
		v = v * 10 + (**s - '0');
	*out = v;
	return digits && v >= low && v <= high;
}

/* An abbreviation: letters, or anything between < and >. */
static int skip_name(const char **s)
{
	const char *from = *s;

	if (**s == '<') {
		*s += strcspn(*s, ">");
		if (**s != '>')
			return 0;
		(*s)++;
		return 1;
	}
	while (isalpha((unsigned char)**s))
		(*s)++;
	return *s - from >= 3;
}

/* [+-]hh[:mm[:ss]] */
static int clock_time(const char **s, int32_t *out)
{
	int sign = **s == '-' ? -1 : 1, h, m = 0, sec = 0;

	if (**s == '-' || **s == '+')
		(*s)++;
	if (!number(s, 0, HOURS_MAX, &h))
		return 0;
	if (**s == ':') {
		(*s)++;
		if (!number(s, 0, 59, &m))
			return 0;
		if (**s == ':') {
			(*s)++;
			if (!number(s, 0, 59, &sec))
				return 0;
		}
	}
	*out = sign * (h * 3600 + m * 60 + sec);
	return 1;
}

static int turn_day(const char **s, struct zone_turn *t)
{
	if (**s == 'J') {
		t->form = TURN_JULIAN;
		(*s)++;
		return number(s, 1, 365, &t->day);
	}
	if (**s != 'M') {
		t->form = TURN_DAY;
		return number(s, 0, 365, &t->day);
	}
	t->form = TURN_WEEKDAY;
	(*s)++;
	return number(s, 1, 12, &t->month) && *(*s)++ == '.' && number(s, 1, 5, &t->week) &&
	       *(*s)++ == '.' && number(s, 0, 6, &t->day);
}

static int turn(const char **s, struct zone_turn *t)
{
	if (**s != ',')
		return 0;
	(*s)++;
	t->time = 2 * 3600;
	if (!turn_day(s, t))
		return 0;
	if (**s != '/')
		return 1;
	(*s)++;
	return clock_time(s, &t->time);
}

int zone_rule_parse(const char *s, struct zone_rule *r)
{
	int32_t west;

	*r = (struct zone_rule){.there = 1};
	if (!skip_name(&s) || !clock_time(&s, &west))
		return -EINVAL;
	r->standard = -west;
	if (!*s)
		return 0;
	r->summer = 1;
	if (!skip_name(&s))
		return -EINVAL;
	r->daylight = r->standard + 3600;
	if (*s != ',') {
		if (!clock_time(&s, &west))
			return -EINVAL;
		r->daylight = -west;
	}
	return turn(&s, &r->start) && turn(&s, &r->end) && !*s ? 0 : -EINVAL;
}

/* -- time -- */

static int64_t day_of_turn(const struct zone_turn *t, int year)
{
	int leap = civil_days_in(year, 2) == 29;
	int64_t first, day;

	if (t->form == TURN_JULIAN) /* 29 February is never counted */
		return civil_days(year, 1, 1) + t->day - 1 + (leap && t->day >= 60);
	if (t->form == TURN_DAY)
		return civil_days(year, 1, 1) + t->day;
	first = civil_days(year, t->month, 1);
	day = (t->day - civil_weekday(first) + 7) % 7 + 7 * (int64_t)(t->week - 1);
	if (day >= civil_days_in(year, t->month)) /* week 5 is the last one */
		day -= 7;
	return first + day;
}

int32_t zone_rule_offset(const struct zone_rule *r, int64_t t)
{
	int year, month, day, second;
	int64_t start, end;

	if (!r->summer)
		return r->standard;
	civil_date(civil_split(t + r->standard, &second), &year, &month, &day);
	start = day_of_turn(&r->start, year) * DAY + r->start.time - r->standard;
	end = day_of_turn(&r->end, year) * DAY + r->end.time - r->daylight;
	if (start < end)
		return t >= start && t < end ? r->daylight : r->standard;
	/* south of the equator summer goes over the new year */
	return t >= end && t < start ? r->standard : r->daylight;
}
