/* SPDX-License-Identifier: MIT */
#include "objects/controllers/deployment/deployment_i.h"

#include <stdio.h>

#include "objects/quantity.h"

static struct value *progressing(const struct deployment *d, const char *status, const char *reason,
				 const char *message)
{
	char now[32];
	struct value *c =
		condition_new("Progressing", status, reason, message, time_render(d->now, now));

	return value_set_str(c, "lastUpdateTime", now);
}

void set_progress(struct deployment *d, const char *status, const char *reason, const char *fmt,
		  const char *name)
{
	const char *hole = strstr(fmt, "%s");
	CLEANUP_FREE char *message =
		hole ? xasprintf("%.*s%s%s", (int)(hole - fmt), fmt, name, hole + 2) : xstrdup(fmt);

	d->status = condition_set(d->status, progressing(d, status, reason, message));
}

static const char *progress_reason(const struct value *status)
{
	return STR_AT(condition(status, "Progressing"), "reason");
}

void note_pause(struct deployment *d)
{
	const char *reason = progress_reason(d->status);
	int noted = str_eq(reason, "DeploymentPaused");

	if (d->deadline == NO_DEADLINE || str_eq(reason, "ProgressDeadlineExceeded"))
		return;
	if (d->paused && !noted)
		set_progress(d, "Unknown", "DeploymentPaused", "Deployment is paused", NULL);
	else if (!d->paused && noted)
		set_progress(d, "Unknown", "DeploymentResumed", "Deployment is resumed", NULL);
}

/* -- counts -- */

static struct value *set_count(struct value *taken, const char *key, int64_t n)
{
	return n > 0 ? value_set_int(taken, key, n) : value_del(taken, key);
}

static void set_available_condition(struct deployment *d)
{
	int enough = sum_available(d) >= d->replicas - max_unavailable(d);
	struct value *c;
	char now[32];

	c = condition_new("Available", enough ? "True" : "False",
			  enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
			  enough ? "Deployment has minimum availability."
				 : "Deployment does not have minimum availability.",
			  time_render(d->now, now));
	d->status = condition_set(d->status, value_set_str(c, "lastUpdateTime", now));
}

void count_status(struct deployment *d)
{
	int64_t actual = 0, ready = 0, terminating = 0;

	EACH_SET(s, d)
	{
		actual += s->actual;
		ready += s->ready;
		terminating += s->terminating;
	}
	d->status = value_set_int(d->status, "observedGeneration",
				  INT_AT(d->o->value, "metadata", "generation"));
	d->status = set_count(d->status, "replicas", actual);
	d->status = set_count(d->status, "updatedReplicas", d->new_set ? d->new_set->actual : 0);
	d->status = set_count(d->status, "readyReplicas", ready);
	d->status = set_count(d->status, "availableReplicas", sum_available(d));
	d->status = set_count(d->status, "unavailableReplicas", sum_replicas(d) - sum_available(d));
	d->status = value_set_int(d->status, "terminatingReplicas", terminating);
	set_available_condition(d);
}

/* -- progress -- */

int is_complete(const struct deployment *d, const struct value *status)
{
	return INT_AT(status, "updatedReplicas") == d->replicas &&
	       INT_AT(status, "replicas") == d->replicas &&
	       INT_AT(status, "availableReplicas") == d->replicas &&
	       INT_AT(status, "observedGeneration") >=
		       INT_AT(d->o->value, "metadata", "generation");
}

static int made_progress(const struct deployment *d)
{
	const struct value *was = value_get(d->o->value, "status"), *is = d->status;
	int64_t old_was = INT_AT(was, "replicas") - INT_AT(was, "updatedReplicas");
	int64_t old_is = INT_AT(is, "replicas") - INT_AT(is, "updatedReplicas");

	return INT_AT(is, "updatedReplicas") > INT_AT(was, "updatedReplicas") || old_is < old_was ||
	       INT_AT(is, "readyReplicas") > INT_AT(was, "readyReplicas") ||
	       INT_AT(is, "availableReplicas") > INT_AT(was, "availableReplicas");
}

static int timed_out(const struct deployment *d)
{
	const struct value *c = condition(d->status, "Progressing");
	const char *reason = STR_AT(c, "reason");

	if (!c || str_eq(reason, "NewReplicaSetAvailable"))
		return 0;
	return str_eq(reason, "ProgressDeadlineExceeded") ||
	       time_of(STR_AT(c, "lastUpdateTime")) + d->deadline < d->now;
}

static void tell_progress(struct deployment *d, const char *status, const char *reason,
			  const char *what)
{
	CLEANUP_FREE char *message =
		xasprintf("%s \"%s\" %s", d->new_set ? "ReplicaSet" : "Deployment",
			  d->new_set ? d->new_set->name : d->o->name, what);

	d->status = condition_set(d->status, progressing(d, status, reason, message));
}

/* Here progress of the same reason counts too: lastUpdateTime is what the deadline runs from. */
static void tell_steps(struct deployment *d)
{
	const struct value *was = condition(d->status, "Progressing");
	CLEANUP_FREE char *since = NULL;

	if (str_eq(STR_AT(was, "status"), "True"))
		since = xstrdup(STR_AT(was, "lastTransitionTime"));
	d->status = condition_remove(d->status, "Progressing");
	tell_progress(d, "True", "ReplicaSetUpdated", "is progressing.");
	if (since) {
		struct value *list = value_ref(value_get(d->status, "conditions"));
		size_t last = value_count(list) - 1;
		struct value *c = value_ref(value_at(list, last));

		c = value_set_str(c, "lastTransitionTime", since);
		d->status = value_set(d->status, "conditions", value_set_at(list, last, c));
	}
}

static void judge_progress(struct deployment *d)
{
	const char *reason = progress_reason(d->status);

	if (d->deadline == NO_DEADLINE) {
		d->status = condition_remove(d->status, "Progressing");
		return;
	}
	if (INT_AT(d->status, "replicas") == INT_AT(d->status, "updatedReplicas") &&
	    str_eq(reason, "NewReplicaSetAvailable"))
		return; /* no rollout is on its way */
	if (is_complete(d, d->status))
		tell_progress(d, "True", "NewReplicaSetAvailable", "has successfully progressed.");
	else if (made_progress(d))
		tell_steps(d);
	else if (timed_out(d))
		tell_progress(d, "False", "ProgressDeadlineExceeded", "has timed out progressing.");
}

static const struct value *failure_of(const struct deployment *d)
{
	const struct value *c = NULL;

	if (d->new_set)
		c = condition(value_get(d->new_set->value, "status"), "ReplicaFailure");
	EACH_SET(s, d)
	if (!c)
		c = condition(value_get(s->value, "status"), "ReplicaFailure");
	return c;
}

static void tell_failure(struct deployment *d)
{
	const struct value *failure = failure_of(d);
	struct value *c;

	if (!failure) {
		d->status = condition_remove(d->status, "ReplicaFailure");
		return;
	}
	c = value_ref(failure);
	c = value_set_str(c, "lastUpdateTime", STR_AT(failure, "lastTransitionTime"));
	d->status = condition_set(d->status, c);
}

static void look_again_at_deadline(struct deployment *d)
{
	const struct value *c = condition(d->status, "Progressing");
	int64_t left;

	if (d->deadline == NO_DEADLINE || !c || is_complete(d, d->status) ||
	    str_eq(STR_AT(c, "reason"), "ProgressDeadlineExceeded") ||
	    str_eq(STR_AT(c, "reason"), "NewReplicaSetAvailable"))
		return;
	left = time_of(STR_AT(c, "lastUpdateTime")) + d->deadline - d->now;
	d->again_ms = (uint64_t)((left > 0 ? left : 0) + 1) * 1000;
}

void rollout_status(struct deployment *d)
{
	count_status(d);
	judge_progress(d);
	tell_failure(d);
	look_again_at_deadline(d);
}
