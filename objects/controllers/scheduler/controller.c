/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: pods without a node get the best one that fits.
 *
 * It has one key for all pods: a run takes the pods in line by priority, counts
 * each on its node at once (so the next one sees what is left), and plans all
 * the bindings together. A pod that fits nowhere waits until something changes
 * that may help; that it still does is told after a back-off (1 s doubling to 10 s).
 * Source: Kubernetes "Kubernetes Scheduler"; pkg/scheduler.
 */
#include <errno.h>

#include "objects/controllers/facts.h"
#include "objects/controllers/scheduler/heap.h"
#include "objects/controllers/scheduler/place.h"
#include "objects/controllers/scheduler/preempt.h"

#define BATCH          500 /* pods in one run: others on the loop get their turn */
#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS 10000

struct scheduler {
	struct cluster cluster;
	struct pod_heap line;
	struct sched_pod *waiting; /* unschedulable ones */
	uint64_t seq;
	size_t start; /* rotates among equal nodes */
};

static struct objkey the_key(void)
{
	return (struct objkey){known_kind(K_POD), "", ""};
}

static void init(struct controller *c)
{
	struct scheduler *s = controller_state(c);

	cluster_init(&s->cluster);
}

static void fini(struct controller *c)
{
	struct scheduler *s = controller_state(c);

	cluster_fini(&s->cluster);
	heap_fini(&s->line);
}

/* -- waiting -- */

static void stop_waiting(struct scheduler *s, struct sched_pod *p)
{
	if (!p->unschedulable)
		return;
	p->unschedulable = 0;
	if (p->prev_waiting)
		p->prev_waiting->next_waiting = p->next_waiting;
	else
		s->waiting = p->next_waiting;
	if (p->next_waiting)
		p->next_waiting->prev_waiting = p->prev_waiting;
	p->prev_waiting = p->next_waiting = NULL;
}

static void start_waiting(struct scheduler *s, struct sched_pod *p)
{
	if (p->unschedulable)
		return;
	p->unschedulable = 1;
	p->prev_waiting = NULL;
	p->next_waiting = s->waiting;
	if (s->waiting)
		s->waiting->prev_waiting = p;
	s->waiting = p;
}

static void stand_in_line(struct controller *c, struct sched_pod *p)
{
	struct scheduler *s = controller_state(c);

	if (p->queued)
		return;
	stop_waiting(s, p);
	p->seq = ++s->seq;
	heap_push(&s->line, p);
	controller_enqueue(c, the_key());
}

/* Something changed that may help pods which fit nowhere. */
static void wake_waiting(struct controller *c, int only_affine)
{
	struct scheduler *s = controller_state(c);
	struct sched_pod *p, *next;

	for (p = s->waiting; p; p = next) {
		next = p->next_waiting;
		if (!only_affine || p->affinity.n)
			stand_in_line(c, p);
	}
}

/* -- changes -- */

static int wants_node(const struct object *o)
{
	const char *node = STR_AT(o->value, "spec", "nodeName"),
		   *who = STR_AT(o->value, "spec", "schedulerName");

	return !(node && *node) && (!who || str_eq(who, "default-scheduler")) &&
	       !pod_is_terminal(o->value) && !object_deleting(o->value) &&
	       !value_count(value_dig(o->value, "spec", "schedulingGates", NULL));
}

static void pod_left(struct controller *c, struct sched_pod *p)
{
	struct scheduler *s = controller_state(c);
	int counted = p->node != NULL;

	heap_remove(&s->line, p);
	stop_waiting(s, p);
	cluster_pod_gone(&s->cluster, p);
	if (counted)
		wake_waiting(c, 0);
}

/* A pod that waits is tried again when what it asks for is edited, not when its status is. */
static int asks_anew(const struct change *ch)
{
	return !ch->old || value_get(ch->old->value, "spec") != value_get(ch->now->value, "spec") ||
	       !value_equal(value_dig(ch->old->value, "metadata", "labels", NULL),
			    value_dig(ch->now->value, "metadata", "labels", NULL));
}

static void observe_pod(struct controller *c, const struct change *ch)
{
	struct scheduler *s = controller_state(c);
	struct sched_pod *p = cluster_find_pod(&s->cluster, ch->now->uid);
	struct sched_node *was = p ? p->node : NULL;
	const char *node = STR_AT(ch->now->value, "spec", "nodeName");

	if (ch->type == CHANGE_DELETED) {
		if (p)
			pod_left(c, p);
		return;
	}
	if (p && p->o->rv > ch->now->rv)
		return; /* seen newer, by the list at the start */
	if (node && *node && p)
		p->assumed = 0;
	p = cluster_pod(&s->cluster, ch->now);
	p->pending = !p->assumed && wants_node(ch->now);
	if (!p->pending) {
		heap_remove(&s->line, p);
		stop_waiting(s, p);
	} else if (!p->unschedulable || asks_anew(ch)) {
		stand_in_line(c, p);
	}
	if (was && !p->node)
		wake_waiting(c, 0);
	else if (p->node && (!was || asks_anew(ch)))
		wake_waiting(c, 1);
}

static void observe(struct controller *c, const struct change *ch)
{
	struct scheduler *s = controller_state(c);

	if (is_kind(ch->now, K_POD)) {
		observe_pod(c, ch);
	} else if (is_kind(ch->now, K_NODE)) {
		if (cluster_node(&s->cluster, ch->now, ch->type == CHANGE_DELETED))
			wake_waiting(c, 0);
	} else if (is_kind(ch->now, K_PVC)) {
		wake_waiting(c, 0);
	}
}

/* -- bindings -- */

struct binding {
	struct value *node; /* owned string */
	char *uid;          /* owned */
};

static void binding_free(void *arg)
{
	struct binding *b = arg;

	value_unref(b->node);
	free(b->uid);
	free(b);
}

static struct value *scheduled_condition(const char *status, const char *reason,
					 const char *message)
{
	char now[32];

	return condition_new("PodScheduled", status, reason, message, api_now(now));
}

static struct value *with_scheduled(struct value *taken, struct value *condition)
{
	const struct value *was = value_get(taken, "status");

	return value_set(taken, "status",
			 condition_put(was ? value_ref(was) : value_new_map(), condition));
}

static struct value *bind(void *arg, struct value *taken, struct err *err)
{
	const struct binding *b = arg;
	const char *node = STR_AT(taken, "spec", "nodeName");

	if (!str_eq(STR_AT(taken, "metadata", "uid"), b->uid) || object_deleting(taken))
		err_set(err, EINVAL, "the pod is being deleted");
	else if (node && *node)
		err_set(err, EINVAL, "the pod is already assigned to node \"%s\"", node);
	else
		return with_scheduled(
			value_bury(taken, value_ref(b->node), "spec", "nodeName", NULL),
			scheduled_condition("True", NULL, NULL));
	value_unref(taken);
	return NULL;
}

static void plan_binding(struct plan *plan, const struct sched_pod *p, const struct sched_node *n)
{
	struct binding *b = xcalloc(1, sizeof(*b));

	b->node = value_new_string(n->name);
	b->uid = xstrdup(p->o->uid);
	plan_mutate(plan, p->o, bind, b, binding_free)->flags |= API_BINDING;
	plan_event_after(plan, p->o, "Normal", "Scheduled", "Successfully assigned %s/%s to %s",
			 p->o->ns, p->o->name, n->name);
}

/* -- no node fits -- */

static void value_free(void *arg)
{
	value_unref(arg);
}

static struct value *tell_unschedulable(void *arg, struct value *taken, struct err *err)
{
	const char *node = STR_AT(taken, "spec", "nodeName");

	if (node && *node)
		return taken;
	return with_scheduled(taken,
			      scheduled_condition("False", "Unschedulable", value_str(arg, "")));
}

/* The same reason again is not worth a write more often than the back-off says. */
static void plan_unschedulable(struct plan *plan, struct sched_pod *p, const char *message)
{
	const struct value *was = condition(value_get(p->o->value, "status"), "PodScheduled");
	int is_new =
		!str_eq(STR_AT(was, "message"), message) || !str_eq(STR_AT(was, "status"), "False");
	uint64_t now = loop_now_ms(), ms = BACKOFF_MIN_MS << (p->attempts < 4 ? p->attempts : 4);

	if (!is_new && now < p->not_before)
		return;
	p->attempts++;
	p->not_before = now + (ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS);
	if (is_new)
		plan_mutate(plan, p->o, tell_unschedulable, value_new_string(message), value_free)
			->flags |= API_STATUS;
	plan_event(plan, p->o, "Warning", "FailedScheduling", "%s", message);
}

/* Claims are the pod's, not the nodes': one that is missing is said once for all nodes. */
static char *missing_claim(struct controller *c, const struct sched_pod *p)
{
	const struct value *volumes = value_dig(p->o->value, "spec", "volumes", NULL);

	for (size_t i = 0; known_kind(K_PVC) && i < value_count(volumes); i++) {
		const char *claim =
			STR_AT(value_at(volumes, i), "persistentVolumeClaim", "claimName");
		struct object *o;

		if (!claim)
			continue;
		o = store_get(controller_store(c),
			      (struct objkey){known_kind(K_PVC), p->o->ns, claim});
		if (!o)
			return xasprintf("persistentvolumeclaim \"%s\" not found", claim);
		object_unref(o);
	}
	return NULL;
}

/* -- preemption -- */

static struct value *nominate(void *arg, struct value *taken, struct err *err)
{
	return value_bury(taken, value_ref(arg), "status", "nominatedNodeName", NULL);
}

static struct value *tell_disruption(void *arg, struct value *taken, struct err *err)
{
	const struct value *was = value_get(taken, "status");
	char now[32];

	return value_set(
		taken, "status",
		condition_put(was ? value_ref(was) : value_new_map(),
			      condition_new("DisruptionTarget", "True", "PreemptionByScheduler",
					    "default-scheduler: preempting to accommodate a higher "
					    "priority pod",
					    api_now(now))));
}

/* Pods that leave for us already: wait for them. */
static int waits_for_leaving(const struct sched_pod *p, const struct cluster *cl)
{
	const char *name = STR_AT(p->o->value, "status", "nominatedNodeName");
	const struct sched_node *n = name ? strmap_get(&cl->nodes_by_name, name) : NULL;

	for (const struct sched_pod *q = n ? n->pods : NULL; q; q = q->next_on_node)
		if (q->priority < p->priority && object_deleting(q->o->value))
			return 1;
	return 0;
}

static void preempt(const struct placing *pl, struct plan *plan)
{
	struct sched_pod *p = pl->pod;
	struct preemption pre;

	if (str_eq(STR_AT(pl->spec, "preemptionPolicy"), "Never") || waits_for_leaving(p, pl->cl) ||
	    !find_victims(pl, &pre))
		return;
	for (size_t i = 0; i < pre.n; i++) {
		const struct object *victim = pre.victims[i]->o;

		pre.victims[i]->evicting = 1;
		plan_mutate(plan, victim, tell_disruption, NULL, NULL)->flags |= API_STATUS;
		plan_join(plan);
		plan_delete(plan, victim);
		plan_event_after(plan, victim, "Normal", "Preempted",
				 "Preempted by pod %s on node %s", p->o->uid, pre.node->name);
	}
	plan_mutate(plan, p->o, nominate, value_new_string(pre.node->name), value_free)->flags |=
		API_STATUS;
	free(pre.victims);
}

static struct sched_node *place(struct controller *c, struct sched_pod *p, struct plan *plan,
				char **why_out)
{
	struct scheduler *s = controller_state(c);
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	CLEANUP_FREE char *claim = missing_claim(c, p);
	struct reasons why = {0};
	struct sched_node *best = NULL;
	struct placing pl;

	if (!claim) {
		placing_init(&pl, &s->cluster, controller_store(c), p);
		best = best_node(&pl, s->start++, &why);
		if (!best) {
			start_waiting(s, p);
			preempt(&pl, plan);
		}
		placing_fini(&pl);
	}
	if (!best) {
		buf_addf(&text, "0/%zu nodes are available: %s", s->cluster.n_nodes,
			 claim ? claim : "");
		reasons_render(&why, &text);
		buf_addc(&text, '.');
		*why_out = s->cluster.n_nodes ? buf_steal(&text)
					      : xstrdup("no nodes available to schedule pods");
	}
	reasons_fini(&why);
	return best;
}

static void schedule(struct controller *c, struct sched_pod *p, struct plan *plan)
{
	struct scheduler *s = controller_state(c);
	CLEANUP_FREE char *why = NULL;
	struct sched_node *n = place(c, p, plan, &why);

	if (n) {
		p->assumed = 1;
		p->pending = 0;
		cluster_count(&s->cluster, p, n);
		plan_binding(plan, p, n);
	} else {
		start_waiting(s, p);
		plan_unschedulable(plan, p, why);
	}
}

static int sync(struct controller *c, struct objkey key, struct plan *plan, struct err *err)
{
	struct scheduler *s = controller_state(c);
	struct sched_pod *p;

	for (int i = 0; i < BATCH && (p = heap_pop(&s->line)); i++)
		schedule(c, p, plan);
	if (s->line.n)
		controller_enqueue(c, the_key());
	return 0;
}

/* A binding was refused: the pod stands where the store says. */
static void failed(struct controller *c, struct objkey key, const struct plan_fault *faults,
		   size_t n, struct plan *plan)
{
	for (size_t i = 0; i < n; i++) {
		struct object *o = store_get(controller_store(c), faults[i].key);
		struct scheduler *s = controller_state(c);
		struct sched_pod *p = o ? cluster_find_pod(&s->cluster, o->uid) : NULL;

		if (p)
			p->evicting = 0;
		if (p && p->assumed) {
			p->assumed = 0;
			observe_pod(c, &(struct change){CHANGE_MODIFIED, o->rv, o, NULL});
		}
		object_unref(o);
	}
}

const struct controller_class scheduler_controller = {
	.name = "default-scheduler",
	.manager = "kube-scheduler",
	.state_size = sizeof(struct scheduler),
	.init = init,
	.fini = fini,
	.observe = observe,
	.sync = sync,
	.failed = failed,
};
