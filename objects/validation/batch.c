/* SPDX-License-Identifier: MIT */
/*
 * Jobs and CronJobs: pods that end, and when they start.
 * Source: Kubernetes pkg/apis/batch/validation/validation.go; robfig/cron (standard parser).
 */
#include <errno.h>
#include <strings.h>

#include "objects/cron.h"
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

static void check_schedule(const char *schedule, const struct path *at, struct faults *faults)
{
	struct err err = ERR_INIT;
	struct cron parsed;

	if (strstr(schedule, "TZ"))
		say_text(faults, at, schedule,
			 "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
	else if (*schedule && cron_parse(schedule, &parsed, &err) < 0)
		say_text(faults, at, schedule, err.msg);
}

static void check_time_zone(const struct value *name, const struct path *at, struct faults *faults)
{
	CLEANUP(zone_freep) struct zone *zone = NULL;
	struct err err = ERR_INIT;

	if (!value_strlen(name))
		say_invalid(faults, at, name, "timeZone must be nil or non-empty string");
	else if (strcasecmp(value_str(name, ""), "local") == 0)
		say_invalid(faults, at, name,
			    "timeZone must be an explicit time zone as defined in "
			    "https://www.iana.org/time-zones");
	else if (!(zone = zone_open(value_str(name, ""), &err)))
		say_invalid(faults, at, name, err.msg);
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
	check_schedule(schedule, PATH_FIELD(here, "schedule"), faults);
	if (zone)
		check_time_zone(zone, PATH_FIELD(here, "timeZone"), faults);
}
