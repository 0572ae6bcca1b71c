/* SPDX-License-Identifier: MIT */
/*
 * The life of nodes: a node whose Lease is not renewed any more is unknown; what
 * conditions and cordoning say becomes taints, which the scheduler and the
 * eviction of pods read.
 *
 * Only nodes whose Lease says for how long it holds are expected to renew it. What the Lease says
 * from before the daemon's start counts as said at the start: nobody could renew it. Source:
 * Kubernetes "Nodes", "Taints and Tolerations"; pkg/controller/nodelifecycle.
 */
#include "objects/controllers/controller.h"
#include "objects/controllers/facts.h"

#define LEASES      "kube-node-lease"
#define GRACE       50 /* seconds without renewal: node-monitor-grace-period */
#define NOT_READY   "node.kubernetes.io/not-ready"
#define UNREACHABLE "node.kubernetes.io/unreachable"

struct node_life {
	int64_t started;   /* seconds */
	uint64_t revision; /* of the store, then */
};

static void init(struct controller *c)
{
	struct node_life *l = controller_state(c);

	l->started = now_seconds();
	l->revision = store_revision(controller_store(c));
}

static void observe(struct controller *c, const struct change *ch)
{
	if (is_kind(ch->now, K_NODE) && ch->type != CHANGE_DELETED)
		controller_enqueue(c, object_key(ch->now));
	else if (known_kind(K_LEASE) && is_kind(ch->now, K_LEASE) && ch->type == CHANGE_ADDED &&
		 str_eq(ch->now->ns, LEASES))
		controller_enqueue(c, (struct objkey){known_kind(K_NODE), "", ch->now->name});
}

/* -- silence -- */

/* Seconds since the epoch of the last sign of life; 0: none is expected. */
static int64_t last_sign(struct controller *c, const struct object *node)
{
	const struct node_life *l = controller_state(c);
	struct store *s = controller_store(c);
	struct object *lease;
	int64_t t = 0;

	if (!known_kind(K_LEASE))
		return 0;
	lease = store_get(s, (struct objkey){known_kind(K_LEASE), LEASES, node->name});
	if (lease && value_dig(lease->value, "spec", "leaseDurationSeconds", NULL))
		t = time_of(STR_AT(lease->value, "spec", "renewTime"));
	if (t && lease->rv <= l->revision && t < l->started)
		t = l->started;
	object_unref(lease);
	return t;
}

static struct value *unknown(struct value *status, const char *type)
{
	const struct value *was = condition(status, type);
	const char *beat = STR_AT(was, "lastHeartbeatTime");
	char now[32];
	struct value *c = condition_new(type, "Unknown", "NodeStatusUnknown",
					"Kubelet stopped posting node status.", api_now(now));

	if (beat)
		c = value_set_str(c, "lastHeartbeatTime", beat);
	return condition_put(status, c);
}

static int plan_unknown(struct plan *plan, const struct object *node)
{
	static const char *const types[] = {"MemoryPressure", "DiskPressure", "PIDPressure",
					    "Ready"};
	const struct value *was = value_get(node->value, "status");
	struct value *status;

	if (condition_is(was, "Ready", "Unknown"))
		return 0;
	status = was ? value_ref(was) : value_new_map();
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		status = unknown(status, types[i]);
	plan_status(plan, node, status);
	plan_event_after(plan, node, "Normal", "NodeNotReady",
			 "Node %s status is now: NodeNotReady", node->name);
	return 1;
}

/* Return: whether the node was found silent just now. */
static int check_lease(struct controller *c, const struct object *node, struct plan *plan)
{
	int64_t sign = last_sign(c, node), left;

	if (!sign)
		return 0;
	left = sign + GRACE - now_seconds();
	if (left > 0) {
		plan_again(plan, (uint64_t)(left + 1) * 1000);
		return 0;
	}
	/* It may come back without a word to us: a renewed Lease is no change that is observed. */
	plan_again(plan, GRACE * 1000ull);
	return plan_unknown(plan, node);
}

/* -- taints -- */

struct rule {
	const char *key, *effect;
	const char *condition,
		*status; /* NULL condition: spec.unschedulable; NULL status: absent */
};

static const struct rule rules[] = {
	{NOT_READY, "NoSchedule", "Ready", "False"},
	{NOT_READY, "NoSchedule", "Ready", NULL},
	{UNREACHABLE, "NoSchedule", "Ready", "Unknown"},
	{"node.kubernetes.io/memory-pressure", "NoSchedule", "MemoryPressure", "True"},
	{"node.kubernetes.io/disk-pressure", "NoSchedule", "DiskPressure", "True"},
	{"node.kubernetes.io/pid-pressure", "NoSchedule", "PIDPressure", "True"},
	{"node.kubernetes.io/network-unavailable", "NoSchedule", "NetworkUnavailable", "True"},
	{"node.kubernetes.io/unschedulable", "NoSchedule", NULL, NULL},
	{NOT_READY, "NoExecute", "Ready", "False"},
	{UNREACHABLE, "NoExecute", "Ready", "Unknown"},
};

static int rule_holds(const struct rule *r, const struct value *node)
{
	const char *is;

	if (!r->condition)
		return value_bool(value_dig(node, "spec", "unschedulable", NULL), 0);
	is = STR_AT(condition(value_get(node, "status"), r->condition), "status");
	return str_eq(is, r->status);
}

static int taint_wanted(const struct value *node, const char *key, const char *effect)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (str_eq(rules[i].key, key) && str_eq(rules[i].effect, effect) &&
		    rule_holds(&rules[i], node))
			return 1;
	return 0;
}

static int is_ours(const char *key, const char *effect)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (str_eq(rules[i].key, key) && str_eq(rules[i].effect, effect))
			return 1;
	return 0;
}

static int has_taint(const struct value *taints, const char *key, const char *effect)
{
	for (size_t i = 0; i < value_count(taints); i++)
		if (str_eq(STR_AT(value_at(taints, i), "key"), key) &&
		    str_eq(STR_AT(value_at(taints, i), "effect"), effect))
			return 1;
	return 0;
}

static struct value *make_taint(const char *key, const char *effect)
{
	struct value *t = value_set_str(value_new_map(), "key", key);
	char now[32];

	t = value_set_str(t, "effect", effect);
	return value_set_str(t, "timeAdded", api_now(now));
}

static struct value *with_taints(void *arg, struct value *taken, struct err *err)
{
	const struct value *was = value_dig(taken, "spec", "taints", NULL);
	struct value *list = was ? value_ref(was) : value_new_list();

	for (size_t i = value_count(list); i-- > 0;) {
		const char *key = STR_AT(value_at(list, i), "key"),
			   *effect = STR_AT(value_at(list, i), "effect");

		if (is_ours(key, effect) && !taint_wanted(taken, key, effect))
			list = value_del_at(list, i);
	}
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (rule_holds(&rules[i], taken) && !has_taint(list, rules[i].key, rules[i].effect))
			list = value_append(list, make_taint(rules[i].key, rules[i].effect));
	if (value_equal(list, was) || (!was && !value_count(list))) {
		value_unref(list);
		return taken;
	}
	if (value_count(list) == 0) {
		value_unref(list);
		list = NULL;
	}
	return value_bury(taken, list, "spec", "taints", NULL);
}

static int taints_differ(const struct object *node)
{
	CLEANUP_VALUE struct value *next = with_taints(NULL, value_ref(node->value), NULL);

	return next != node->value;
}

static int sync(struct controller *c, struct objkey key, struct plan *plan, struct err *err)
{
	struct object *node = store_get(controller_store(c), key);

	if (node && !object_deleting(node->value) && !check_lease(c, node, plan) &&
	    taints_differ(node))
		plan_mutate(plan, node, with_taints, NULL, NULL);
	object_unref(node);
	return 0;
}

const struct controller_class node_lifecycle_controller = {
	.name = "node-controller",
	.state_size = sizeof(struct node_life),
	.init = init,
	.observe = observe,
	.sync = sync,
};
