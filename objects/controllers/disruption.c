/* SPDX-License-Identifier: MIT */
/*
 * PodDisruptionBudgets: how many of their pods are healthy, how many must be, and so how many
 * may be evicted now. Evictions (objects/api) take from status.disruptionsAllowed.
 * Source: Kubernetes "Disruptions"; pkg/controller/disruption.
 */
#include "objects/controllers/controller.h"
#include "objects/controllers/facts.h"
#include "objects/quantity.h"
#include "objects/selector.h"
#include "util/strmap.h"

#define DELETION_TIMEOUT 120 /* seconds in which an evicted pod must begin to end */

static const struct kind *budget_kind(void)
{
	return kind_find("policy", "v1", "poddisruptionbudgets");
}

static const struct value *labels_of(const struct object *o)
{
	return value_dig(o->value, "metadata", "labels", NULL);
}

/* -- who is concerned -- */

static void enqueue_all(struct controller *c, const char *ns, const struct object *pod,
			const struct object *old)
{
	struct object_list all;

	if (!store_count(controller_store(c), budget_kind(), ns))
		return;
	store_list(controller_store(c), budget_kind(), ns, &all);
	for (size_t i = 0; i < all.n; i++) {
		struct selector *sel = selector_from_object(
			value_dig(all.list[i]->value, "spec", "selector", NULL), NULL);

		if (!pod || (sel && (selector_matches(sel, labels_of(pod)) ||
				     (old && selector_matches(sel, labels_of(old))))))
			controller_enqueue(c, object_key(all.list[i]));
		selector_free(sel);
	}
	object_list_fini(&all);
}

static void observe(struct controller *c, const struct change *ch)
{
	const struct object *o = ch->now;

	if (o->kind == budget_kind() && ch->type != CHANGE_DELETED)
		controller_enqueue(c, object_key(o));
	else if (is_kind(o, K_POD))
		enqueue_all(c, o->ns, o, ch->old);
	else if ((o->kind->flags & KIND_SCALE) && ch->type == CHANGE_MODIFIED &&
		 !value_equal(value_get(o->value, "spec"), value_get(ch->old->value, "spec")))
		enqueue_all(c, o->ns, NULL, NULL); /* another scale: another expectation */
}

/* -- what is expected -- */

struct count {
	struct store *store;
	const struct object *budget;
	struct object_list pods; /* that the selector takes */
	int64_t expected, desired, healthy;
	size_t unmanaged;
	char *failure; /* owned */
};

static void keep_matching(struct object_list *pods, const struct value *label_selector)
{
	struct selector *sel = selector_from_object(label_selector, NULL);
	size_t n = 0;

	for (size_t i = 0; i < pods->n; i++) {
		if (sel && selector_matches(sel, labels_of(pods->list[i])))
			pods->list[n++] = pods->list[i];
		else
			object_unref(pods->list[i]);
	}
	pods->n = n;
	selector_free(sel);
}

/* The controller of a pod, or its controller in turn (a ReplicaSet's Deployment): what has the
 * scale. Owned. */
static struct object *scaled_by(struct store *s, const struct object *pod)
{
	const char *uid = controller_uid(pod->value);
	struct object *o = uid ? store_get_uid(s, uid) : NULL;
	const char *above = o ? controller_uid(o->value) : NULL;
	struct object *top = above ? store_get_uid(s, above) : NULL;

	if (!top || !(top->kind->flags & KIND_SCALE)) {
		object_unref(top);
		return o;
	}
	object_unref(o);
	return top;
}

/* The replicas that the pods' controllers are to have, each controller once. */
static void expect_scales(struct count *n)
{
	struct strmap seen = STRMAP_INIT;

	for (size_t i = 0; i < n->pods.n && !n->failure; i++) {
		struct object *o = scaled_by(n->store, n->pods.list[i]);
		const struct value *ref = object_controller(n->pods.list[i]->value);

		if (!ref)
			n->unmanaged++;
		else if (!o || !(o->kind->flags & KIND_SCALE))
			n->failure = xasprintf("found no controllers for pod \"%s\"",
					       n->pods.list[i]->name);
		else if (!strmap_set(&seen, o->uid, n))
			n->expected += INT_AT(o->value, "spec", "replicas");
		object_unref(o);
	}
	strmap_fini(&seen);
}

static void expect(struct count *n)
{
	const struct value *spec = value_get(n->budget->value, "spec");
	const struct value *min = value_get(spec, "minAvailable"),
			   *max = value_get(spec, "maxUnavailable");
	int64_t share = 0;

	if (min && value_is(min, VALUE_INT)) {
		n->desired = value_int(min, 0);
		n->expected = (int64_t)n->pods.n;
		return;
	}
	expect_scales(n);
	if (n->failure || (!min && !max))
		return;
	if (int_or_percent(min ? min : max, n->expected, 1, &share)) {
		n->failure = xstrdup("neither a number nor a percentage");
		return;
	}
	n->desired = min ? share : n->expected - share;
	if (n->desired < 0)
		n->desired = 0;
}

/* -- pods whose eviction was granted and that are still there -- */

/* Those that may still end; the time until the first of them is overdue goes to wait_out. */
static struct value *still_disrupted(const struct count *n, int64_t now, int64_t *wait_out)
{
	const struct value *was = value_dig(n->budget->value, "status", "disruptedPods", NULL);
	struct value *left = value_new_map();

	for (size_t i = 0; i < n->pods.n; i++) {
		const struct object *pod = n->pods.list[i];
		const struct value *at = value_get(was, pod->name);
		int64_t until = time_of(value_str(at, NULL)) + DELETION_TIMEOUT;

		if (!at || object_deleting(pod->value) || until <= now)
			continue;
		if (!*wait_out || until - now < *wait_out)
			*wait_out = until - now;
		left = value_set(left, pod->name, value_ref(at));
	}
	return left;
}

static void tell_overdue(const struct count *n, int64_t now, struct plan *plan)
{
	const struct value *was = value_dig(n->budget->value, "status", "disruptedPods", NULL);

	for (size_t i = 0; i < n->pods.n; i++) {
		const struct object *pod = n->pods.list[i];
		const char *at = value_str(value_get(was, pod->name), NULL);

		if (at && !object_deleting(pod->value) && time_of(at) + DELETION_TIMEOUT <= now)
			plan_event(plan, pod, "Warning", "NotDeleted",
				   "Pod was expected by PDB %s/%s to be deleted but it wasn't",
				   n->budget->ns, n->budget->name);
	}
}

static void count_healthy(struct count *n, const struct value *disrupted)
{
	for (size_t i = 0; i < n->pods.n; i++) {
		const struct value *pod = n->pods.list[i]->value;

		n->healthy += !object_deleting(pod) &&
			      !value_get(disrupted, n->pods.list[i]->name) && pod_is_ready(pod);
	}
}

/* -- status -- */

static struct value *with_condition(const struct count *n, struct value *taken, int64_t allowed)
{
	const char *reason = n->failure    ? "SyncFailed"
			     : allowed > 0 ? "SufficientPods"
					   : "InsufficientPods";
	char now[32];
	struct value *c = condition_new("DisruptionAllowed", allowed > 0 ? "True" : "False", reason,
					n->failure ? n->failure : "", api_now(now));

	if (!value_get(c, "message"))
		c = value_set_str(c, "message", "");
	c = value_set_int(c, "observedGeneration",
			  INT_AT(n->budget->value, "metadata", "generation"));
	return condition_put(taken, c);
}

static struct value *status_of(const struct count *n, struct value *taken_disrupted)
{
	const struct value *was = value_get(n->budget->value, "status");
	int64_t allowed = n->healthy - n->desired;
	struct value *s = was ? value_ref(was) : value_new_map();

	if (allowed < 0 || n->expected <= 0 || n->failure)
		allowed = 0;
	if (!n->failure) {
		s = value_set_int(s, "currentHealthy", n->healthy);
		s = value_set_int(s, "desiredHealthy", n->desired);
		s = value_set_int(s, "expectedPods", n->expected);
	}
	s = value_set_int(s, "disruptionsAllowed", allowed);
	s = value_set_int(s, "observedGeneration",
			  INT_AT(n->budget->value, "metadata", "generation"));
	if (value_count(taken_disrupted)) {
		s = value_set(s, "disruptedPods", taken_disrupted);
	} else {
		value_unref(taken_disrupted);
		s = value_del(s, "disruptedPods");
	}
	return with_condition(n, s, allowed);
}

static void tell_state(const struct count *n, struct plan *plan)
{
	if (n->failure)
		plan_event(plan, n->budget, "Warning", "CalculateExpectedPodCountFailed",
			   "Failed to calculate the number of expected pods: %s", n->failure);
	else if (!n->pods.n)
		plan_event(plan, n->budget, "Normal", "NoPods", "No matching pods found");
	else if (n->unmanaged)
		plan_event(plan, n->budget, "Warning", "UnmanagedPods",
			   "Pods selected by this PodDisruptionBudget were found to be unmanaged. "
			   "As a result, the status of the PDB cannot be calculated correctly, "
			   "which may result in undefined behavior. To account for these pods "
			   "please set \".spec.minAvailable\" field of the PDB to an integer "
			   "value.");
}

static int sync(struct controller *c, struct objkey key, struct plan *plan, struct err *err)
{
	struct object *budget = store_get(controller_store(c), key);
	struct count n = {.store = controller_store(c), .budget = budget};
	int64_t now = now_seconds(), wait = 0;
	struct value *disrupted;

	(void)err;
	if (!budget)
		return 0;
	store_list(n.store, known_kind(K_POD), key.ns, &n.pods);
	keep_matching(&n.pods, value_dig(budget->value, "spec", "selector", NULL));
	expect(&n);
	tell_state(&n, plan);
	tell_overdue(&n, now, plan);
	disrupted = still_disrupted(&n, now, &wait);
	count_healthy(&n, disrupted);
	plan_status(plan, budget, status_of(&n, disrupted));
	if (wait)
		plan_again(plan, (uint64_t)wait * 1000 + 1000);
	object_list_fini(&n.pods);
	free(n.failure);
	object_unref(budget);
	return 0;
}

const struct controller_class disruption_controller = {
	.name = "controllermanager", /* what its events say in Kubernetes */
	.observe = observe,
	.sync = sync,
};
