/* SPDX-License-Identifier: MIT */
/*
 * Eviction by taints: a pod leaves a node with a NoExecute taint that it does not
 * tolerate, at once or when its tolerationSeconds are over.
 * Source: Kubernetes "Taints and Tolerations"; pkg/controller/tainteviction.
 */
#include "objects/controllers/controller.h"
#include "objects/controllers/facts.h"
#include "objects/controllers/scheduler/place.h"
#include "util/strmap.h"

#define TOLERATE_MAX (100LL * 365 * 86400) /* seconds: longer is for ever */

struct tainted {
	struct strmap nodes; /* names of those with NoExecute taints */
	struct strmap since; /* uid of a pod that has to leave later -> seconds when that was first
				seen */
};

static void fini(struct controller *c)
{
	struct tainted *t = controller_state(c);

	strmap_fini(&t->nodes);
	strmap_fini(&t->since);
}

static int has_no_execute(const struct value *node)
{
	const struct value *taints = value_dig(node, "spec", "taints", NULL);

	for (size_t i = 0; i < value_count(taints); i++)
		if (str_eq(STR_AT(value_at(taints, i), "effect"), "NoExecute"))
			return 1;
	return 0;
}

static void observe(struct controller *c, const struct change *ch)
{
	struct tainted *t = controller_state(c);
	const char *node;

	if (is_kind(ch->now, K_NODE)) {
		int is = ch->type != CHANGE_DELETED && has_no_execute(ch->now->value);

		if (strmap_set(&t->nodes, ch->now->name, is ? t : NULL) || is)
			controller_enqueue(c, object_key(ch->now));
	} else if (is_kind(ch->now, K_POD) && ch->type == CHANGE_DELETED) {
		strmap_del(&t->since, ch->now->uid);
	} else if (t->nodes.n && is_kind(ch->now, K_POD)) {
		node = STR_AT(ch->now->value, "spec", "nodeName");
		if (node && strmap_get(&t->nodes, node))
			controller_enqueue(c, (struct objkey){known_kind(K_NODE), "", node});
	}
}

/* How long a pod may stay with this taint: seconds from timeAdded; -1: for ever. */
static int64_t tolerated_for(const struct value *pod, const struct value *taint)
{
	const struct value *list = value_dig(pod, "spec", "tolerations", NULL);
	int64_t least = INT64_MAX;
	int tolerated = 0;

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *seconds = value_get(value_at(list, i), "tolerationSeconds");
		struct value *one = value_append(value_new_list(), value_ref(value_at(list, i)));

		if (tolerates(one, taint)) {
			tolerated = 1;
			if (seconds && value_int(seconds, 0) < least)
				least = value_int(seconds, 0);
		}
		value_unref(one);
	}
	if (!tolerated)
		return 0;
	if (least > TOLERATE_MAX)
		return -1;
	return least > 0 ? least : 0;
}

/* When the pod has to leave (seconds since the epoch), 0: now, -1: it may stay. A taint without a
 * time counts from `seen`. */
static int64_t leaves_at(const struct value *pod, const struct value *node, int64_t seen)
{
	const struct value *taints = value_dig(node, "spec", "taints", NULL);
	int64_t at = -1;

	for (size_t i = 0; i < value_count(taints); i++) {
		const struct value *taint = value_at(taints, i);
		int64_t seconds, then;

		if (!str_eq(STR_AT(taint, "effect"), "NoExecute"))
			continue;
		seconds = tolerated_for(pod, taint);
		if (seconds == 0)
			return 0;
		then = time_of(STR_AT(taint, "timeAdded"));
		then = (then ? then : seen) + seconds;
		if (seconds > 0 && (at < 0 || then < at))
			at = then;
	}
	return at;
}

static void look_at_pod(struct tainted *t, const struct object *pod, const struct object *node,
			struct plan *plan)
{
	int64_t seen = (int64_t)(intptr_t)strmap_get(&t->since, pod->uid), at, left;

	if (!seen)
		seen = now_seconds();
	at = leaves_at(pod->value, node->value, seen);
	strmap_set(&t->since, pod->uid, at > 0 ? (void *)(intptr_t)seen : NULL);
	if (at < 0)
		return;
	left = at - now_seconds();
	if (at > 0 && left > 0) {
		plan_again(plan, (uint64_t)left * 1000);
		return;
	}
	plan_delete(plan, pod);
	plan_event_after(plan, pod, "Normal", "TaintManagerEviction",
			 "Marking for deletion Pod %s/%s", pod->ns, pod->name);
}

static int sync(struct controller *c, struct objkey key, struct plan *plan, struct err *err)
{
	struct tainted *t = controller_state(c);
	struct object *node = store_get(controller_store(c), key);
	struct object_list pods;

	if (!node)
		return 0;
	store_list(controller_store(c), known_kind(K_POD), NULL, &pods);
	for (size_t i = 0; i < pods.n; i++)
		if (!object_deleting(pods.list[i]->value) &&
		    str_eq(STR_AT(pods.list[i]->value, "spec", "nodeName"), node->name))
			look_at_pod(t, pods.list[i], node, plan);
	object_list_fini(&pods);
	object_unref(node);
	return 0;
}

const struct controller_class taint_eviction_controller = {
	.name = "taint-eviction-controller",
	.state_size = sizeof(struct tainted),
	.fini = fini,
	.observe = observe,
	.sync = sync,
};
