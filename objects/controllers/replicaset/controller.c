/* SPDX-License-Identifier: MIT */
/*
 * ReplicaSets and ReplicationControllers: so many pods of one template, no more and no less. What
 * tells the two apart is a row at the end of this file.
 * Source: Kubernetes "ReplicaSet", "ReplicationController"; pkg/controller/replicaset and
 * pkg/controller/replication, which runs the former's code under another kind.
 */
#include <errno.h>

#include "objects/controllers/claims.h"
#include "objects/controllers/facts.h"
#include "objects/controllers/replicaset/rank.h"

#define BURST 500 /* pods made or deleted in one run: others on the loop get their turn */

/* A kind whose objects are sets of pods. */
struct set_kind {
	struct claimant claims;
	int tells_terminating; /* status.terminatingReplicas */
};

struct rs_state {
	struct orphans orphans; /* pods */
	struct strmap slow; /* uid of a set whose pods were refused -> how many it may try next */
};

struct tally { /* of active pods */
	int64_t replicas, labeled, ready, available, terminating;
};

struct rs_sync {
	struct controller *c;
	const struct set_kind *set;
	struct rs_state *state;
	struct object *rs;
	struct plan *plan;
	struct object_list pods; /* claimed */
	int64_t now, want, min_ready;
};

static void fini(struct controller *c)
{
	struct rs_state *s = controller_state(c);

	orphans_fini(&s->orphans);
	strmap_fini(&s->slow);
}

static const struct kind *kind_of(const struct controller *c)
{
	const struct set_kind *set = controller_data(c);

	return known_kind(set->claims.kind);
}

static void observe(struct controller *c, const struct change *ch)
{
	const struct set_kind *set = controller_data(c);
	struct rs_state *s = controller_state(c);

	if (is_kind(ch->now, K_POD)) {
		claims_observe(c, &s->orphans, &set->claims, ch);
	} else if (ch->now->kind == kind_of(c)) {
		if (ch->type == CHANGE_DELETED)
			strmap_del(&s->slow, ch->now->uid);
		controller_enqueue(c, object_key(ch->now));
	}
}

/* -- more pods -- */

/* The name is made here and not by the write path, so that the event can tell it. */
static struct value *new_name(const struct rs_sync *y)
{
	struct value *name = NULL;
	struct object *taken;
	char suffix[6];

	do {
		value_unref(name);
		api_random_suffix(suffix, 5);
		name = value_new_stringf("%.57s-%s", y->rs->name, suffix);
		taken = store_get(
			controller_store(y->c),
			(struct objkey){known_kind(K_POD), y->rs->ns, value_str(name, "")});
		object_unref(taken);
	} while (taken);
	return name;
}

static struct value *pod_from_template(const struct rs_sync *y, struct value *owners)
{
	const struct object *rs = y->rs;
	const struct value *template = value_dig(rs->value, "spec", "template", NULL);
	struct value *meta = value_new_map(), *pod = value_new_map();
	static const char *const copied[] = {"annotations", "finalizers", "labels"};

	for (size_t i = 0; i < ARRAY_LEN(copied); i++)
		meta = value_set(meta, copied[i],
				 value_ref(value_dig(template, "metadata", copied[i], NULL)));
	meta = value_set(meta, "name", new_name(y));
	meta = value_set(meta, "generateName", value_new_stringf("%s-", rs->name));
	meta = value_set_str(meta, "namespace", rs->ns);
	meta = value_set(meta, "ownerReferences", value_ref(owners));
	pod = value_set_str(pod, "apiVersion", "v1");
	pod = value_set_str(pod, "kind", "Pod");
	pod = value_set(pod, "metadata", meta);
	return value_set(pod, "spec", value_ref(value_get(template, "spec")));
}

/* A set whose pods were refused tries one, then two, four ...: a quota is not asked a thousand
 * times. */
static int64_t within_slow_start(struct rs_sync *y, int64_t missing)
{
	uintptr_t may = (uintptr_t)strmap_get(&y->state->slow, y->rs->uid);

	if (!may)
		return missing;
	strmap_set(&y->state->slow, y->rs->uid, (void *)(may < (1u << 20) ? may * 2 : may));
	return missing < (int64_t)may ? missing : (int64_t)may;
}

/* Nothing can be made in a namespace that ends; saying so helps nobody. */
static int namespace_ends(const struct rs_sync *y)
{
	struct object *ns = store_get(controller_store(y->c),
				      (struct objkey){known_kind(K_NAMESPACE), "", y->rs->ns});
	int ends = ns && object_deleting(ns->value);

	object_unref(ns);
	return ends;
}

static void create_pods(struct rs_sync *y, int64_t missing)
{
	struct value *owners;

	if (namespace_ends(y))
		return;
	owners = value_append(value_new_list(), object_owner_reference(y->rs));
	missing = within_slow_start(y, missing < BURST ? missing : BURST);
	for (int64_t i = 0; i < missing; i++) {
		struct value *pod = pod_from_template(y, owners);
		const char *name = STR_AT(pod, "metadata", "name");
		CLEANUP_FREE char *copy = xstrdup(name);

		plan_create(y->plan, known_kind(K_POD), y->rs->ns, pod);
		plan_event_after(y->plan, y->rs, "Normal", "SuccessfulCreate", "Created pod: %s",
				 copy);
	}
	value_unref(owners);
}

/* -- fewer pods -- */

static void count_pods_by_node(struct store *s, const char *rs_uid, struct strmap *by_node)
{
	struct object_list pods;

	store_list_owned(s, rs_uid, &pods);
	for (size_t i = 0; i < pods.n; i++) {
		const char *node = STR_AT(pods.list[i]->value, "spec", "nodeName");

		if (node && is_kind(pods.list[i], K_POD) && pod_is_active(pods.list[i]->value))
			strmap_set(by_node, node, (char *)strmap_get(by_node, node) + 1);
	}
	object_list_fini(&pods);
}

/* Pods of all sets of the same Deployment count: spreading is the workload's, not one revision's.
 */
static void count_related_by_node(struct rs_sync *y, struct strmap *by_node)
{
	const char *owner = controller_uid(y->rs->value);
	struct object_list sets;

	if (!owner) {
		count_pods_by_node(controller_store(y->c), y->rs->uid, by_node);
		return;
	}
	store_list_owned(controller_store(y->c), owner, &sets);
	for (size_t i = 0; i < sets.n; i++)
		if (sets.list[i]->kind == y->rs->kind)
			count_pods_by_node(controller_store(y->c), sets.list[i]->uid, by_node);
	object_list_fini(&sets);
}

static void delete_pods(struct rs_sync *y, int64_t active, int64_t surplus)
{
	struct ranked_pod *ranked = xcalloc((size_t)active, sizeof(*ranked));
	struct strmap by_node = STRMAP_INIT;
	size_t n = 0;

	if (surplus < active)
		count_related_by_node(y, &by_node);
	for (size_t i = 0; i < y->pods.n; i++) {
		const char *node = STR_AT(y->pods.list[i]->value, "spec", "nodeName");

		if (pod_is_active(y->pods.list[i]->value))
			ranked[n++] = (struct ranked_pod){
				y->pods.list[i],
				node ? (int64_t)(uintptr_t)strmap_get(&by_node, node) : 0};
	}
	if (surplus < active)
		rank_pods(ranked, n, y->now);
	for (size_t i = 0; i < (size_t)surplus && i < BURST; i++) {
		plan_delete(y->plan, ranked[i].pod);
		plan_event_after(y->plan, y->rs, "Normal", "SuccessfulDelete", "Deleted pod: %s",
				 ranked[i].pod->name);
	}
	strmap_fini(&by_node);
	free(ranked);
}

/* -- status -- */

static int has_labels(const struct value *labels, const struct value *wanted)
{
	for (size_t i = 0; i < value_count(wanted); i++)
		if (!value_equal(value_get(labels, value_key_at(wanted, i)), value_at(wanted, i)))
			return 0;
	return 1;
}

static struct tally count_pods(const struct rs_sync *y)
{
	const struct value *wanted =
		value_dig(y->rs->value, "spec", "template", "metadata", "labels", NULL);
	struct tally t = {0};

	for (size_t i = 0; i < y->pods.n; i++) {
		const struct value *pod = y->pods.list[i]->value;

		if (!pod_is_active(pod)) {
			t.terminating += object_deleting(pod) && !pod_is_terminal(pod);
			continue;
		}
		t.replicas++;
		t.labeled += has_labels(value_dig(pod, "metadata", "labels", NULL), wanted);
		t.ready += pod_is_ready(pod);
		t.available += pod_is_available(pod, y->min_ready, y->now);
	}
	return t;
}

static struct value *set_count(struct value *taken, const char *key, int64_t n)
{
	return n ? value_set_int(taken, key, n) : value_del(taken, key);
}

static struct value *make_status(const struct rs_sync *y, const struct tally *t)
{
	const struct value *was = value_get(y->rs->value, "status");
	struct value *status = was ? value_ref(was) : value_new_map();

	status = value_set_int(status, "replicas", t->replicas);
	status = set_count(status, "fullyLabeledReplicas", t->labeled);
	status = set_count(status, "readyReplicas", t->ready);
	status = set_count(status, "availableReplicas", t->available);
	if (y->set->tells_terminating)
		status = value_set_int(status, "terminatingReplicas", t->terminating);
	if (t->replicas == y->want)
		status = condition_remove(status, "ReplicaFailure");
	return value_set_int(status, "observedGeneration",
			     INT_AT(y->rs->value, "metadata", "generation"));
}

/* -- the run -- */

static int sync_set(struct rs_sync *y, struct err *err)
{
	struct selector *sel =
		y->set->claims.selector(value_dig(y->rs->value, "spec", "selector", NULL), err);
	struct tally t;

	if (!sel)
		return err_wrap(err, "spec.selector");
	claim_objects(&y->state->orphans, controller_store(y->c), y->rs, known_kind(K_POD), sel,
		      y->plan, &y->pods);
	selector_free(sel);
	t = count_pods(y);
	if (!object_deleting(y->rs->value)) {
		if (t.replicas < y->want)
			create_pods(y, y->want - t.replicas);
		else if (t.replicas > y->want)
			delete_pods(y, t.replicas, t.replicas - y->want);
		else
			strmap_del(&y->state->slow, y->rs->uid);
	}
	plan_status(y->plan, y->rs, make_status(y, &t));
	if (y->min_ready > 0 && t.ready > t.available)
		plan_again(y->plan, (uint64_t)y->min_ready * 1000);
	return 0;
}

static int sync(struct controller *c, struct objkey key, struct plan *plan, struct err *err)
{
	struct rs_sync y = {.c = c,
			    .set = controller_data(c),
			    .state = controller_state(c),
			    .plan = plan,
			    .now = now_seconds()};
	int rc;

	y.rs = store_get(controller_store(c), key);
	if (!y.rs)
		return 0;
	y.want = value_int(value_dig(y.rs->value, "spec", "replicas", NULL), 1);
	y.min_ready = INT_AT(y.rs->value, "spec", "minReadySeconds");
	rc = sync_set(&y, err);
	object_list_fini(&y.pods);
	object_unref(y.rs);
	return rc;
}

static void failed(struct controller *c, struct objkey key, const struct plan_fault *faults,
		   size_t n, struct plan *plan)
{
	struct rs_state *state = controller_state(c);
	struct object *rs = store_get(controller_store(c), key);
	const struct plan_fault *f = NULL;
	struct err err = ERR_INIT;
	struct value *status;
	char now[32];

	for (size_t i = 0; i < n && !f; i++)
		if (faults[i].key.kind == known_kind(K_POD) &&
		    (faults[i].verb == API_CREATE || faults[i].verb == API_DELETE) &&
		    faults[i].faults->code !=
			    EEXIST) /* of two random names one is taken: another will be found */
			f = &faults[i];
	if (rs && f) {
		const char *reason = f->verb == API_CREATE ? "FailedCreate" : "FailedDelete";

		faults_to_err(f->faults, &err);
		if (f->verb == API_CREATE)
			strmap_set(&state->slow, rs->uid, (void *)1);
		plan_event(plan, rs, "Warning", reason, "Error %s: %s",
			   f->verb == API_CREATE ? "creating" : "deleting", err.msg);
		status = value_ref(value_get(rs->value, "status"));
		status = condition_set(
			status ? status : value_new_map(),
			condition_new("ReplicaFailure", "True", reason, err.msg, api_now(now)));
		plan_status(plan, rs, status);
	}
	object_unref(rs);
}

static struct selector *selector_of_map(const struct value *map, struct err *err)
{
	(void)err;
	return selector_from_map(map);
}

static const struct set_kind replica_sets = {{K_REPLICASET, selector_from_object}, 1};
static const struct set_kind replication_controllers = {{K_REPLICATIONCONTROLLER, selector_of_map},
							0};

/* clang-format off */
#define SET_CONTROLLER(called, kind)                                                               \
	{                                                                                          \
		.name = called,                                                                    \
		.data = &(kind),                                                                   \
		.state_size = sizeof(struct rs_state),                                             \
		.fini = fini,                                                                      \
		.observe = observe,                                                                \
		.sync = sync,                                                                      \
		.failed = failed,                                                                  \
	}
/* clang-format on */

const struct controller_class replicaset_controller =
	SET_CONTROLLER("replicaset-controller", replica_sets);
const struct controller_class replication_controller =
	SET_CONTROLLER("replication-controller", replication_controllers);
