/* SPDX-License-Identifier: MIT */
/*
 * Jobs and CronJobs: pods that end, and when they start.
 * Source: Kubernetes pkg/apis/batch/validation/validation.go; robfig/cron (standard parser).
 */
#include <errno.h>
#include <strings.h>

#include "objects/validation/checks.h"
#include "objects/validation/say.h"

#define CRON_NAME_MAX 52 /* 11 more go to the Jobs' names */

/* What a Job is about stays; only one that has not begun may still change its template. */
static void check_job_update(const struct value *now, const struct value *old,
			     const struct path *at, struct faults *faults)
{
	static const char *const fixed[] = {"selector",         "completionMode",
					    "podFailurePolicy", "backoffLimitPerIndex",
					    "managedBy",        "template"};
	size_t n = ARRAY_LEN(fixed);

	if (value_bool(value_get(old, "suspend"), 0))
		n--;
	for (size_t i = 0; i < n; i++)
		if (!value_equal(value_get(now, fixed[i]), value_get(old, fixed[i])))
			say_immutable(faults, PATH_FIELD(at, fixed[i]), value_get(now, fixed[i]),
				      "field is immutable");
	if (!str_eq(text_of(old, "completionMode"), "Indexed") &&
	    !value_equal(value_get(now, "completions"), value_get(old, "completions")))
		say_immutable(faults, PATH_FIELD(at, "completions"), value_get(now, "completions"),
			      "field is immutable");
}

void check_job_spec(const struct value *now, const struct value *old, const struct value *root,
		    const struct path *at, struct faults *faults)
{
	static const char *const policies[] = {"OnFailure", "Never", NULL};
	const struct value *policy = value_dig(now, "template", "spec", "restartPolicy", NULL);
	const struct path *here = PATH_FIELD(PATH_FIELD(at, "template"), "spec");

	if (!policy || str_eq(value_str(policy, ""), "Always"))
		say_required(faults, PATH_FIELD(here, "restartPolicy"),
			     "valid values: \"OnFailure\", \"Never\"");
	else
		check_enum(policies, policy, PATH_FIELD(here, "restartPolicy"), faults);
	if (str_eq(text_of(now, "completionMode"), "Indexed") && !value_get(now, "completions"))
		say_required(faults, PATH_FIELD(at, "completions"),
			     "when completion mode is Indexed");
	if (old && str_eq(text_of(root, "kind"), "Job")) /* a CronJob's template may change */
		check_job_update(now, old, at, faults);
}

/* One of `names` from the base on, or a number. Return: -1 when neither. */
static long cron_value(const char *s, size_t n, const char *const *names, long base)
{
	long v = 0;

	for (size_t i = 0; names && names[i]; i++)
		if (n == strlen(names[i]) && strncasecmp(s, names[i], n) == 0)
			return base + (long)i;
	if (!n || n > 4 || strspn(s, "0123456789") < n)
		return -1;
	for (size_t i = 0; i < n; i++)
		v = 10 * v + (s[i] - '0');
	return v;
}

/* *, a, a-b, each with /step */
static int cron_range_ok(const char *s, size_t n, long min, long max, const char *const *names)
{
	const char *slash = memchr(s, '/', n), *dash;
	size_t span = slash ? (size_t)(slash - s) : n;
	long from, to;

	if (slash && cron_value(slash + 1, n - span - 1, NULL, 0) <= 0)
		return 0;
	if (span == 1 && (*s == '*' || *s == '?'))
		return 1;
	dash = memchr(s, '-', span);
	from = cron_value(s, dash ? (size_t)(dash - s) : span, names, min);
	to = dash ? cron_value(dash + 1, span - (size_t)(dash - s) - 1, names, min) : from;
	return from >= min && to <= max && from <= to;
}

static int cron_field_ok(const char *s, size_t n, long min, long max, const char *const *names)
{
	while (n) {
		const char *comma = memchr(s, ',', n);
		size_t part = comma ? (size_t)(comma - s) : n;

		if (!cron_range_ok(s, part, min, max, names))
			return 0;
		if (!comma)
			return 1;
		s += part + 1;
		n -= part + 1;
	}
	return 0;
}

static int schedule_ok(const char *s)
{
	static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
					     "aug", "sep", "oct", "nov", "dec", NULL};
	static const char *const days[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};
	static const char *const words[] = {"@yearly", "@annually", "@monthly", "@weekly",
					    "@daily",  "@midnight", "@hourly"};
	static const struct {
		long min, max;
		const char *const *names;
	} fields[] = {{0, 59, NULL}, {0, 23, NULL}, {1, 31, NULL}, {1, 12, months}, {0, 6, days}};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq(s, words[i]))
			return 1;
	if (str_starts(s, "@every "))
		return s[7] >= '0' && s[7] <= '9';
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		size_t n;

		s += strspn(s, " \t");
		n = strcspn(s, " \t");
		if (!cron_field_ok(s, n, fields[i].min, fields[i].max, fields[i].names))
			return 0;
		s += n;
	}
	return !s[strspn(s, " \t")];
}

void check_cron_job(const struct value *now, const struct value *old, const struct value *root,
		    const struct path *at, struct faults *faults)
{
	const struct value *spec = value_get(now, "spec"), *zone = value_get(spec, "timeZone");
	const char *name = value_str(value_dig(now, "metadata", "name", NULL), "");
	const char *schedule = text_of(spec, "schedule");
	const struct path *here = PATH_FIELD(at, "spec");

	if (strlen(name) > CRON_NAME_MAX)
		say_text(faults, PATH_FIELD(PATH_FIELD(at, "metadata"), "name"), name,
			 "must be no more than 52 characters");
	if (strstr(schedule, "TZ"))
		say_text(faults, PATH_FIELD(here, "schedule"), schedule,
			 "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
	else if (*schedule && !schedule_ok(schedule))
		say_text(faults, PATH_FIELD(here, "schedule"), schedule,
			 "must be five fields: minute, hour, day of month, month, day of week; or "
			 "@hourly, @daily, @weekly, @monthly, @yearly");
	if (zone && (!value_strlen(zone) || strcasecmp(value_str(zone, ""), "local") == 0))
		say_invalid(faults, PATH_FIELD(here, "timeZone"), zone, "unknown time zone");
}
