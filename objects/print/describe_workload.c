/* SPDX-License-Identifier: MIT */
/* Workloads, as `kubectl describe` shows them. */
#include <inttypes.h>

#include "objects/codec.h"
#include "objects/print/print_i.h"
#include "objects/quantity.h"
#include "objects/selector.h"

#define REVISION "deployment.kubernetes.io/revision"

static void describe_selector(struct page_writer *w)
{
	CLEANUP(selector_freep)
	struct selector *s = selector_from_spec(value_dig(w->o, "spec", "selector", NULL), NULL);
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	if (s)
		selector_render(s, &text);
	line(w, 0, "Selector:\t%s\n", text.len ? buf_str(&text) : s ? "<none>" : "<error>");
}

static void describe_created(struct page_writer *w)
{
	char date[40];

	line(w, 0, "CreationTimestamp:\t%s\n",
	     date_of_time(text_at(w->o, NULL, "metadata", "creationTimestamp", NULL), "", date));
}

static void describe_own_labels(struct page_writer *w)
{
	describe_labels(w, "Labels", value_dig(w->o, "metadata", "labels", NULL));
	describe_annotations(w, "Annotations", value_dig(w->o, "metadata", "annotations", NULL));
}

static int is_owned_by(const struct object *o, const struct object *owner)
{
	return str_eq(text_at(object_controller(o->value), NULL, "uid", NULL), owner->uid);
}

/* "Pods Status:" from the pods that the object controls. */
static void describe_pods_status(struct page_writer *w)
{
	static const char *const phases[] = {"Running", "Pending", "Succeeded", "Failed"};
	struct object_list pods = {NULL, 0, 0};
	size_t counts[ARRAY_LEN(phases)] = {0};

	if (w->store)
		store_list_owned(w->store, w->object->uid, &pods);
	for (size_t i = 0; i < pods.n; i++)
		for (size_t j = 0; j < ARRAY_LEN(phases); j++)
			counts[j] +=
				str_eq(pods.list[i]->kind->kind, "Pod") &&
				is_owned_by(pods.list[i], w->object) &&
				str_eq(text_at(pods.list[i]->value, "", "status", "phase", NULL),
				       phases[j]);
	object_list_fini(&pods);
	line(w, 0, "Pods Status:\t%zu Running / %zu Waiting / %zu Succeeded / %zu Failed\n",
	     counts[0], counts[1], counts[2], counts[3]);
}

static void add_replica_set(struct buf *out, const struct value *rs)
{
	buf_addf(out, "%s%s (%" PRId64 "/%" PRId64 " replicas created)", out->len ? ", " : "",
		 text_at(rs, "", "metadata", "name", NULL),
		 int_at(rs, 0, "status", "replicas", NULL),
		 int_at(rs, 0, "spec", "replicas", NULL));
}

/* The one of the Deployment's revision is new; of the others those that still have replicas. */
static void describe_replica_sets(struct page_writer *w)
{
	const char *revision = object_annotation(w->o, REVISION);
	CLEANUP(buf_fini) struct buf old = BUF_INIT, now = BUF_INIT;
	struct object_list sets = {NULL, 0, 0};

	if (w->store)
		store_list_owned(w->store, w->object->uid, &sets);
	for (size_t i = 0; i < sets.n; i++) {
		const struct value *rs = sets.list[i]->value;

		if (!str_eq(sets.list[i]->kind->kind, "ReplicaSet") ||
		    !is_owned_by(sets.list[i], w->object))
			continue;
		if (revision && str_eq(object_annotation(rs, REVISION), revision))
			add_replica_set(&now, rs);
		else
			add_replica_set(&old, rs);
	}
	object_list_fini(&sets);
	line(w, 0, "OldReplicaSets:\t%s\n", old.len ? buf_str(&old) : "<none>");
	line(w, 0, "NewReplicaSet:\t%s\n", now.len ? buf_str(&now) : "<none>");
}

static void describe_strategy(struct page_writer *w)
{
	const struct value *strategy = value_dig(w->o, "spec", "strategy", NULL);
	const struct value *rolling = value_get(strategy, "rollingUpdate");
	CLEANUP(buf_fini) struct buf unavailable = BUF_INIT, surge = BUF_INIT;

	line(w, 0, "StrategyType:\t%s\n", text_at(strategy, "", "type", NULL));
	line(w, 0, "MinReadySeconds:\t%" PRId64 "\n",
	     int_at(w->o, 0, "spec", "minReadySeconds", NULL));
	if (!rolling)
		return;
	add_scalar(&unavailable, value_get(rolling, "maxUnavailable"));
	add_scalar(&surge, value_get(rolling, "maxSurge"));
	line(w, 0, "RollingUpdateStrategy:\t%s max unavailable, %s max surge\n",
	     buf_str(&unavailable), buf_str(&surge));
}

void describe_deployment(struct page_writer *w)
{
	const struct value *status = value_get(w->o, "status");

	describe_head(w, 1);
	describe_created(w);
	describe_own_labels(w);
	describe_selector(w);
	line(w, 0,
	     "Replicas:\t%" PRId64 " desired | %" PRId64 " updated | %" PRId64 " total | %" PRId64
	     " available | %" PRId64 " unavailable\n",
	     int_at(w->o, 1, "spec", "replicas", NULL), int_at(status, 0, "updatedReplicas", NULL),
	     int_at(status, 0, "replicas", NULL), int_at(status, 0, "availableReplicas", NULL),
	     int_at(status, 0, "unavailableReplicas", NULL));
	describe_strategy(w);
	describe_template(w, value_dig(w->o, "spec", "template", NULL));
	describe_conditions(w);
	describe_replica_sets(w);
	describe_events(w);
}

void describe_replica_set(struct page_writer *w)
{
	describe_head(w, 1);
	describe_selector(w);
	describe_own_labels(w);
	describe_controlled_by(w);
	line(w, 0, "Replicas:\t%" PRId64 " current / %" PRId64 " desired\n",
	     int_at(w->o, 0, "status", "replicas", NULL),
	     int_at(w->o, 1, "spec", "replicas", NULL));
	describe_pods_status(w);
	describe_template(w, value_dig(w->o, "spec", "template", NULL));
	describe_conditions(w);
	describe_events(w);
}

static void describe_claims(struct page_writer *w)
{
	const struct value *claims = value_dig(w->o, "spec", "volumeClaimTemplates", NULL);

	line(w, 0, "Volume Claims:%s\n", value_count(claims) ? "" : "\t<none>");
	for (size_t i = 0; i < value_count(claims); i++) {
		const struct value *c = value_at(claims, i);

		line(w, 1, "Name:\t%s\n", text_at(c, "", "metadata", "name", NULL));
		line(w, 1, "StorageClass:\t%s\n", text_at(c, "", "spec", "storageClassName", NULL));
		describe_labels(w, "  Labels", value_dig(c, "metadata", "labels", NULL));
		describe_annotations(w, "  Annotations",
				     value_dig(c, "metadata", "annotations", NULL));
		line(w, 1, "Capacity:\t%s\n",
		     text_at(c, "<default>", "spec", "resources", "requests", "storage", NULL));
		line(w, 1, "Access Modes:\t[");
		add_strings(&w->text, value_dig(c, "spec", "accessModes", NULL), " ", "");
		line(w, 0, "]\n");
	}
}

void describe_stateful_set(struct page_writer *w)
{
	const struct value *rolling =
		value_dig(w->o, "spec", "updateStrategy", "rollingUpdate", NULL);

	describe_head(w, 1);
	describe_created(w);
	describe_selector(w);
	describe_own_labels(w);
	line(w, 0, "Replicas:\t%" PRId64 " desired | %" PRId64 " total\n",
	     int_at(w->o, 1, "spec", "replicas", NULL),
	     int_at(w->o, 0, "status", "replicas", NULL));
	line(w, 0, "Update Strategy:\t%s\n",
	     text_at(w->o, "", "spec", "updateStrategy", "type", NULL));
	if (rolling)
		line(w, 1, "Partition:\t%" PRId64 "\n", int_at(rolling, 0, "partition", NULL));
	describe_pods_status(w);
	describe_template(w, value_dig(w->o, "spec", "template", NULL));
	describe_claims(w);
	describe_events(w);
}

void describe_daemon_set(struct page_writer *w)
{
	static const char *const counts[][2] = {
		{"Desired Number of Nodes Scheduled", "desiredNumberScheduled"},
		{"Current Number of Nodes Scheduled", "currentNumberScheduled"},
		{"Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"},
		{"Number of Nodes Scheduled with Available Pods", "numberAvailable"},
		{"Number of Nodes Misscheduled", "numberMisscheduled"},
	};

	describe_head(w, 1);
	describe_selector(w);
	describe_labels(w, "Node-Selector",
			value_dig(w->o, "spec", "template", "spec", "nodeSelector", NULL));
	describe_own_labels(w);
	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		line(w, 0, "%s: %" PRId64 "\n", counts[i][0],
		     int_at(w->o, 0, "status", counts[i][1], NULL));
	describe_pods_status(w);
	describe_template(w, value_dig(w->o, "spec", "template", NULL));
	describe_events(w);
}

static void job_times(struct page_writer *w)
{
	const char *start = text_at(w->o, NULL, "status", "startTime", NULL);
	const char *end = text_at(w->o, NULL, "status", "completionTime", NULL);
	int64_t from, to;
	char date[40], age[16];

	if (start)
		line(w, 0, "Start Time:\t%s\n", date_of_time(start, "", date));
	if (end)
		line(w, 0, "Completed At:\t%s\n", date_of_time(end, "", date));
	if (start && end && time_parse(start, &from, NULL) == 0 && time_parse(end, &to, NULL) == 0)
		line(w, 0, "Duration:\t%s\n", age_render(to - from, age));
}

static void optional_count(struct page_writer *w, const char *title, const char *key)
{
	const struct value *v = value_dig(w->o, "spec", key, NULL);
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	if (v)
		scalar_render(v, &text);
	line(w, 0, "%s:\t%s\n", title, v ? buf_str(&text) : "<unset>");
}

void describe_job(struct page_writer *w)
{
	const struct value *status = value_get(w->o, "status");

	describe_head(w, 1);
	describe_selector(w);
	describe_own_labels(w);
	describe_controlled_by(w);
	optional_count(w, "Parallelism", "parallelism");
	optional_count(w, "Completions", "completions");
	optional_count(w, "Backoff Limit", "backoffLimit");
	if (value_dig(w->o, "spec", "activeDeadlineSeconds", NULL))
		line(w, 0, "Active Deadline Seconds:\t%" PRId64 "s\n",
		     int_at(w->o, 0, "spec", "activeDeadlineSeconds", NULL));
	job_times(w);
	line(w, 0,
	     "Pods Statuses:\t%" PRId64 " Active / %" PRId64 " Succeeded / %" PRId64 " Failed\n",
	     int_at(status, 0, "active", NULL), int_at(status, 0, "succeeded", NULL),
	     int_at(status, 0, "failed", NULL));
	describe_template(w, value_dig(w->o, "spec", "template", NULL));
	describe_events(w);
}
