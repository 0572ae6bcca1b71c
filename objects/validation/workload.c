/* SPDX-License-Identifier: MIT */
/*
 * What makes pods from a template: the selector must find them again, the
 * template must be of a kind that stays, and a strategy must be able to move.
 * Source: Kubernetes pkg/apis/apps/validation/validation.go.
 */
#include <errno.h>

#include "objects/quantity.h"
#include "objects/selector.h"
#include "objects/validation/checks.h"
#include "objects/validation/say.h"

static int selects_all(const struct value *selector)
{
	return !value_count(value_get(selector, "matchLabels")) &&
	       !value_count(value_get(selector, "matchExpressions"));
}

static void check_selector(const struct value *spec, const char *word, const struct path *at,
			   struct faults *faults)
{
	const struct value *selector = value_get(spec, "selector");
	const struct value *labels = value_dig(spec, "template", "metadata", "labels", NULL);
	const struct path *labels_at =
		PATH_FIELD(PATH_FIELD(PATH_FIELD(at, "template"), "metadata"), "labels");
	CLEANUP(faults_fini) struct faults inner = FAULTS_INIT;
	CLEANUP(selector_freep) struct selector *s = NULL;

	if (!selector) /* required: the tables say so; and one that selects nothing matches nothing
			*/
		return say_invalid(faults, labels_at, labels,
				   "`selector` does not match template `labels`");
	if (selects_all(selector)) {
		fault_add(faults, PATH_FIELD(at, "selector"), FAULT_INVALID, NULL,
			  "empty selector is invalid for %s", word);
		return;
	}
	/* its own check names what is wrong inside; Kubernetes names the whole, too */
	check_label_selector(selector, NULL, NULL, NULL, &inner);
	s = inner.n ? NULL : selector_from_object(selector, NULL);
	if (!s)
		say_invalid(faults, PATH_FIELD(at, "selector"), selector, "invalid label selector");
	else if (!selector_matches(s, labels))
		say_invalid(faults, labels_at, labels,
			    "`selector` does not match template `labels`");
}

static void check_template(const struct value *spec, const char *word, const struct path *at,
			   struct faults *faults)
{
	static const char *const always[] = {"Always", NULL};
	const struct value *pod = value_dig(spec, "template", "spec", NULL);
	const struct value *policy = value_get(pod, "restartPolicy");
	const struct path *here = PATH_FIELD(PATH_FIELD(at, "template"), "spec");

	if (policy)
		check_enum(always, policy, PATH_FIELD(here, "restartPolicy"), faults);
	if (value_get(pod, "activeDeadlineSeconds"))
		fault_add(faults, PATH_FIELD(here, "activeDeadlineSeconds"), FAULT_FORBIDDEN, NULL,
			  "activeDeadlineSeconds in %s is not Supported", word);
	if (value_count(value_get(pod, "ephemeralContainers")))
		say_forbidden(faults, PATH_FIELD(here, "ephemeralContainers"),
			      "ephemeral containers not supported in pod templates");
}

/* Several pods cannot write one disk. */
static void check_disks(const struct value *spec, const struct path *at, struct faults *faults)
{
	const struct value *volumes = value_dig(spec, "template", "spec", "volumes", NULL);
	const struct path *here =
		PATH_FIELD(PATH_FIELD(PATH_FIELD(at, "template"), "spec"), "volumes");

	if (value_int(value_get(spec, "replicas"), 1) <= 1)
		return;
	for (size_t i = 0; i < value_count(volumes); i++) {
		const struct value *disk = value_get(value_at(volumes, i), "gcePersistentDisk");

		if (!disk || value_bool(value_get(disk, "readOnly"), 0))
			continue;
		say_invalid(faults,
			    PATH_FIELD(PATH_FIELD(PATH_INDEX(here, i), "gcePersistentDisk"),
				       "readOnly"),
			    value_new_bool(0),
			    "must be ReadOnly for replicated pods > 1, as GCE PDs can only be "
			    "mounted on multiple machines if they are read-only");
	}
}

/* An int or a percentage, not below 0, as a percentage at most 100. Return: whether it is 0. */
static int check_share(const struct value *v, int capped, const struct path *at,
		       struct faults *faults)
{
	const char *text = value_str(v, NULL);
	size_t digits = text ? strspn(text, "0123456789") : 0;
	int64_t n = 0;

	if (value_is(v, VALUE_INT)) {
		if (value_int(v, 0) < 0)
			say_invalid(faults, at, v, "must be greater than or equal to 0");
		return value_int(v, 0) == 0;
	}
	if (!text || !digits || !str_eq(text + digits, "%") || digits > 6) {
		say_invalid(faults, at, v,
			    "a valid percent string must be a numeric string followed by an ending "
			    "'%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')");
		return 0;
	}
	for (size_t i = 0; i < digits; i++)
		n = 10 * n + (text[i] - '0');
	if (capped && n > 100)
		say_invalid(faults, at, v, "must not be greater than 100%");
	return n == 0;
}

static void check_strategy(const struct value *strategy, const struct path *at,
			   struct faults *faults)
{
	static const char *const types[] = {"Recreate", "RollingUpdate", NULL};
	const struct value *rolling = value_get(strategy, "rollingUpdate");
	const struct value *type = value_get(strategy, "type");
	const struct path *here = PATH_FIELD(at, "rollingUpdate");
	int still, no_surge;

	if (str_eq(value_str(type, ""), "Recreate")) {
		if (rolling)
			say_forbidden(faults, here,
				      "may not be specified when strategy `type` is 'Recreate'");
		return;
	}
	if (!str_eq(value_str(type, ""), "RollingUpdate"))
		return check_enum(types, type, at, faults);
	if (!rolling)
		return say_required(faults, here, "this should be defaulted and never be nil");
	still = check_share(value_get(rolling, "maxUnavailable"), 1,
			    PATH_FIELD(here, "maxUnavailable"), faults);
	no_surge = check_share(value_get(rolling, "maxSurge"), 0, PATH_FIELD(here, "maxSurge"),
			       faults);
	if (still && no_surge)
		say_invalid(faults, PATH_FIELD(here, "maxUnavailable"),
			    value_get(rolling, "maxUnavailable"),
			    "may not be 0 when `maxSurge` is 0");
}

void check_deployment_spec(const struct value *now, const struct value *old,
			   const struct value *root, const struct path *at, struct faults *faults)
{
	const struct value *deadline = value_get(now, "progressDeadlineSeconds");

	check_selector(now, "deployment", at, faults);
	check_template(now, "ReplicaSet", at, faults);
	check_disks(now, at, faults);
	check_strategy(value_get(now, "strategy"), PATH_FIELD(at, "strategy"), faults);
	if (deadline && value_int(deadline, 0) >= 0 &&
	    value_int(deadline, 0) <= value_int(value_get(now, "minReadySeconds"), 0))
		say_invalid(faults, PATH_FIELD(at, "progressDeadlineSeconds"), deadline,
			    "must be greater than minReadySeconds");
}

/* A DaemonSet moves either by surge or by gaps. */
static void check_daemon_strategy(const struct value *strategy, const struct path *at,
				  struct faults *faults)
{
	const struct value *rolling = value_get(strategy, "rollingUpdate");
	const struct path *here = PATH_FIELD(at, "rollingUpdate");
	int still, no_surge;

	if (!str_eq(text_of(strategy, "type"), "RollingUpdate"))
		return;
	if (!rolling)
		return say_required(faults, here, "");
	still = check_share(value_get(rolling, "maxUnavailable"), 1,
			    PATH_FIELD(here, "maxUnavailable"), faults);
	no_surge = check_share(value_get(rolling, "maxSurge"), 1, PATH_FIELD(here, "maxSurge"),
			       faults);
	if (still && no_surge)
		say_required(faults, PATH_FIELD(here, "maxUnavailable"),
			     "cannot be 0 when maxSurge is 0");
	else if (!still && !no_surge)
		say_invalid(faults, PATH_FIELD(here, "maxSurge"), value_get(rolling, "maxSurge"),
			    "may not be set when maxUnavailable is non-zero");
}

void check_daemon_set_spec(const struct value *now, const struct value *old,
			   const struct value *root, const struct path *at, struct faults *faults)
{
	check_selector(now, "daemonset", at, faults);
	check_template(now, "DaemonSet", at, faults);
	check_daemon_strategy(value_get(now, "updateStrategy"), PATH_FIELD(at, "updateStrategy"),
			      faults);
}

/* Kubernetes looks at no more of a StatefulSet's template: its volumes are not there yet. */
void check_stateful_set_spec(const struct value *now, const struct value *old,
			     const struct value *root, const struct path *at, struct faults *faults)
{
	static const char *const free_fields[] = {"replicas",
						  "ordinals",
						  "template",
						  "updateStrategy",
						  "minReadySeconds",
						  "revisionHistoryLimit",
						  "persistentVolumeClaimRetentionPolicy"};
	const struct value *meta = value_dig(now, "template", "metadata", NULL);
	const struct path *here = PATH_FIELD(at, "template");
	CLEANUP_VALUE struct value *like = NULL;

	check_selector(now, "statefulset", at, faults);
	check_template(now, "StatefulSet", at, faults);
	check_labels(value_get(meta, "labels"), PATH_FIELD(here, "labels"), faults);
	check_annotations(value_get(meta, "annotations"), PATH_FIELD(here, "annotations"), faults);
	if (!old)
		return;
	like = value_ref(now);
	for (size_t i = 0; i < ARRAY_LEN(free_fields); i++)
		like = value_set(like, free_fields[i], value_ref(value_get(old, free_fields[i])));
	if (value_equal(like, old))
		return;
	say_forbidden(faults, at,
		      "updates to statefulset spec for fields other than 'replicas', 'ordinals', "
		      "'template', 'updateStrategy', 'revisionHistoryLimit', "
		      "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden");
	fault_set_code(faults, EPERM);
}

void check_replication_controller_spec(const struct value *now, const struct value *old,
				       const struct value *root, const struct path *at,
				       struct faults *faults)
{
	const struct value *selector = value_get(now, "selector");
	const struct value *template = value_get(now, "template");
	const struct value *labels = value_dig(template, "metadata", "labels", NULL);
	const struct path *here = PATH_FIELD(at, "template");
	CLEANUP(selector_freep) struct selector *s = NULL;

	if (!value_count(selector))
		say_required(faults, PATH_FIELD(at, "selector"), "");
	if (!template)
		return say_required(faults, here, "");
	s = selector_from_map(selector);
	if (value_count(selector) && s && !selector_matches(s, labels))
		say_invalid(faults, PATH_FIELD(PATH_FIELD(here, "metadata"), "labels"), labels,
			    "`selector` does not match template `labels`");
	check_template(now, "ReplicationController", at, faults);
	check_disks(now, at, faults);
}

void check_replica_set_spec(const struct value *now, const struct value *old,
			    const struct value *root, const struct path *at, struct faults *faults)
{
	check_selector(now, "replica set", at, faults);
	check_template(now, "ReplicaSet", at, faults);
	check_disks(now, at, faults);
}
