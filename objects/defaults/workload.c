/* SPDX-License-Identifier: MIT */
/*
 * Defaults of workloads that depend on other fields: what a strategy needs by
 * its type, selector and labels from the template, counts of a Job.
 */
#include "objects/defaults/fills.h"

/* rollingUpdate is there (its fields have static defaults) when the type is RollingUpdate. */
static struct value *fill_rolling(struct value *taken)
{
	const char *type = value_str(value_get(taken, "type"), "RollingUpdate");

	if (!str_eq(type, "RollingUpdate"))
		return taken;
	return fill_absent_field(taken, "rollingUpdate", value_new_map());
}

struct value *fill_deployment_strategy(struct value *taken, const struct value *root)
{
	return fill_rolling(taken);
}

struct value *fill_daemon_set_strategy(struct value *taken, const struct value *root)
{
	return fill_rolling(taken);
}

/* A StatefulSet gets rollingUpdate only along with the type. */
struct value *fill_stateful_set_strategy(struct value *taken, const struct value *root)
{
	return value_get(taken, "type") ? taken : fill_rolling(taken);
}

/* Each claim of a StatefulSet says what it is. */
struct value *fill_stateful_set_spec(struct value *taken, const struct value *root)
{
	const struct value *claims = value_get(taken, "volumeClaimTemplates");
	struct value *fresh = NULL;

	for (size_t i = 0; i < value_count(claims); i++) {
		const struct value *was = value_at(claims, i);
		struct value *c;

		if (!value_is(was, VALUE_MAP) ||
		    (value_get(was, "apiVersion") && value_get(was, "kind")))
			continue;
		c = fill_absent_field(value_ref(was), "apiVersion", value_new_string("v1"));
		c = fill_absent_field(c, "kind", value_new_string("PersistentVolumeClaim"));
		fresh = value_set_at(fresh ? fresh : value_ref(claims), i, c);
	}
	return fresh ? value_set(taken, "volumeClaimTemplates", fresh) : taken;
}

static struct value *fill_labels(struct value *taken, const struct value *labels)
{
	if (!value_count(labels) || value_count(value_dig(taken, "metadata", "labels", NULL)))
		return taken;
	return value_bury(taken, value_ref(labels), "metadata", "labels", NULL);
}

struct value *fill_replication_controller(struct value *taken, const struct value *root)
{
	const struct value *labels =
		value_dig(taken, "spec", "template", "metadata", "labels", NULL);
	CLEANUP_VALUE struct value *keep = value_ref(labels);

	if (!value_count(labels))
		return taken;
	if (!value_count(value_dig(taken, "spec", "selector", NULL)))
		taken = value_bury(taken, value_ref(labels), "spec", "selector", NULL);
	return fill_labels(taken, keep);
}

static struct value *fill_job_spec(struct value *spec)
{
	int failure_policy = value_get(spec, "podFailurePolicy") != NULL;

	if (!value_get(spec, "completions") && !value_get(spec, "parallelism"))
		spec = value_set_int(spec, "completions", 1);
	spec = fill_absent_field(spec, "parallelism", value_new_int(1));
	if (!value_get(spec, "backoffLimitPerIndex"))
		spec = fill_absent_field(spec, "backoffLimit", value_new_int(6));
	else
		spec = fill_absent_field(spec, "backoffLimit", value_new_int(INT32_MAX));
	spec = fill_absent_field(spec, "completionMode", value_new_string("NonIndexed"));
	spec = fill_absent_field(spec, "suspend", value_new_bool(0));
	spec = fill_absent_field(
		spec, "podReplacementPolicy",
		value_new_string(failure_policy ? "Failed" : "TerminatingOrFailed"));
	return spec;
}

/* Of a Job itself: what a CronJob holds is filled when it becomes one. */
struct value *fill_job(struct value *taken, const struct value *root)
{
	const struct value *was = value_get(taken, "spec");
	CLEANUP_VALUE struct value *labels =
		value_ref(value_dig(taken, "spec", "template", "metadata", "labels", NULL));
	struct value *spec;

	if (was && !value_is(was, VALUE_MAP))
		return taken;
	spec = fill_job_spec(was ? value_ref(was) : value_new_map());
	if (spec == was)
		value_unref(spec);
	else
		taken = value_set(taken, "spec", spec);
	return fill_labels(taken, labels);
}

struct value *job_select_own(struct value *taken)
{
	CLEANUP_VALUE struct value *uid = value_ref(value_dig(taken, "metadata", "uid", NULL));
	CLEANUP_VALUE struct value *name = value_ref(value_dig(taken, "metadata", "name", NULL));
	const struct value *was = value_dig(taken, "spec", "template", "metadata", "labels", NULL);
	struct value *labels;

	if (!value_strlen(uid) || !value_is(value_get(taken, "spec"), VALUE_MAP) ||
	    value_bool(value_dig(taken, "spec", "manualSelector", NULL), 0) ||
	    value_dig(taken, "spec", "selector", NULL))
		return taken;
	labels = value_is(was, VALUE_MAP) ? value_ref(was) : value_new_map();
	/* both spellings: the old one is what scripts look for */
	labels = fill_absent_field(labels, "controller-uid", value_ref(uid));
	labels = fill_absent_field(labels, "job-name", value_ref(name));
	labels = fill_absent_field(labels, "batch.kubernetes.io/controller-uid", value_ref(uid));
	labels = fill_absent_field(labels, "batch.kubernetes.io/job-name", value_ref(name));
	taken = value_bury(taken, labels, "spec", "template", "metadata", "labels", NULL);
	return value_bury(taken, value_ref(uid), "spec", "selector", "matchLabels",
			  "batch.kubernetes.io/controller-uid", NULL);
}
