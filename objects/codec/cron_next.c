/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "objects/codec/civil.h"
#include "objects/cron.h"

#define YEARS 5 /* a schedule that has nothing in so many has nothing ever, but for 29 February */

/* The hands of the clock in a zone. */
struct clock {
	int year, month, day, weekday;
	int second; /* of the day */
};

static struct clock clock_at(const struct zone *zone, int64_t t)
{
	struct clock c;
	int64_t days = civil_split(t + zone_offset(zone, t), &c.second);

	civil_date(days, &c.year, &c.month, &c.day);
	c.weekday = civil_weekday(days);
	return c;
}

static int has(uint64_t bits, int n)
{
	return bits >> n & 1;
}

/* crontab(5): when both days are given, one of them is enough. */
static int day_fits(const struct cron *c, const struct clock *now)
{
	int day = has(c->days, now->day), weekday = has(c->weekdays, now->weekday);

	if (!has(c->months, now->month))
		return 0;
	return c->any_day || c->any_weekday ? day && weekday : day || weekday;
}

/* As far as nothing is missed: when the clocks are changed on the way, by the minute. */
static int64_t ahead(const struct zone *zone, int64_t t, int by, const struct clock *now)
{
	if (zone_offset(zone, t) == zone_offset(zone, t + by - 1))
		return t + by;
	return t + 60 - now->second % 60;
}

int cron_next(const struct cron *c, const struct zone *zone, int64_t after, int64_t *out)
{
	int64_t t = after + 1;
	struct clock now = clock_at(zone, t);
	int last_year = now.year + YEARS;

	if (c->every) {
		*out = after + c->every;
		return 0;
	}
	for (; now.year <= last_year; now = clock_at(zone, t)) {
		if (!day_fits(c, &now)) {
			t = ahead(zone, t, 86400 - now.second, &now);
		} else if (!has(c->hours, now.second / 3600)) {
			t = ahead(zone, t, 3600 - now.second % 3600, &now);
		} else if (!has(c->minutes, now.second / 60 % 60) || now.second % 60) {
			t += 60 - now.second % 60;
		} else {
			*out = t;
			return 0;
		}
	}
	return -ENOENT;
}
