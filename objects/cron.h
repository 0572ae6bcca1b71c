/* SPDX-License-Identifier: MIT */
/*
 * The schedules of CronJobs: minute, hour, day of month, month, day of week, or a word like
 * @hourly, or `@every 1h30m`. Exactly what Kubernetes takes, with its texts.
 *
 * Source: github.com/robfig/cron, ParseStandard, which Kubernetes uses; crontab(5) for days.
 */
#pragma once

#include "objects/timezone.h"

struct cron {
	uint64_t minutes; /* bit n: at n */
	uint32_t hours, days, months, weekdays;
	int any_day,
		any_weekday; /* "*": the other of the two alone counts; neither: one is enough */
	int64_t every;       /* seconds; 0: the fields above count */
};

/* err: without the field's name, as "expected exactly 5 fields, found 3: [0 1 2]". */
int cron_parse(const char *text, struct cron *out, struct err *err) MUST_CHECK;
/*
 * The first whole minute after a moment whose hands in that zone fit. An hour that clocks leave
 * out has none, one that they repeat has two, as with Kubernetes. -ENOENT: none within five years.
 */
int cron_next(const struct cron *c, const struct zone *zone, int64_t after, int64_t *out)
	MUST_CHECK;
