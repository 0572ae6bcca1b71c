/* SPDX-License-Identifier: MIT */
#include "objects/controllers/scheduler/cluster.h"

#include "objects/controllers/facts.h"
#include "objects/controllers/scheduler/requests.h"
#include "objects/selector.h"

void cluster_init(struct cluster *cl)
{
	static const char *const fixed[RES_FIRST_OTHER] = {"cpu", "memory", "ephemeral-storage",
							   "pods"};

	*cl = (struct cluster){.n_resources = RES_FIRST_OTHER};
	for (int i = 0; i < RES_FIRST_OTHER; i++)
		cl->resources[i] = xstrdup(fixed[i]);
}

const char *resource_name(const struct cluster *cl, int id)
{
	return cl->resources[id];
}

/* -- counting -- */

static struct sched_node *node_get(struct cluster *cl, const char *name)
{
	struct sched_node *n = strmap_get(&cl->nodes_by_name, name);

	if (n)
		return n;
	n = xcalloc(1, sizeof(*n));
	n->name = xstrdup(name);
	n->can = xcalloc(RES_MAX, sizeof(*n->can));
	n->used = xcalloc(RES_MAX, sizeof(*n->used));
	strmap_set(&cl->nodes_by_name, name, n);
	return n;
}

static void node_free(struct sched_node *n)
{
	object_unref(n->o);
	strmap_fini(&n->owners);
	free(n->can);
	free(n->used);
	free(n->name);
	free(n);
}

static void node_drop_if_unused(struct cluster *cl, struct sched_node *n)
{
	if (n->o || n->n_pods)
		return;
	strmap_del(&cl->nodes_by_name, n->name);
	node_free(n);
}

static void count_owner(struct sched_node *n, const struct object *pod, int by)
{
	const char *uid = controller_uid(pod->value);

	if (uid) /* a count of 0 removes the entry */
		strmap_set(&n->owners, uid, (char *)strmap_get(&n->owners, uid) + by);
}

static void sum_up(struct sched_node *n, const struct sched_pod *p, int sign)
{
	for (size_t i = 0; i < p->requests.n; i++)
		n->used[p->requests.list[i].id] += sign * p->requests.list[i].n;
	n->score_cpu += sign * p->score_cpu;
	n->score_memory += sign * p->score_memory;
	count_owner(n, p->o, sign);
}

static void uncount(struct cluster *cl, struct sched_pod *p)
{
	struct sched_node *n = p->node;

	sum_up(n, p, -1);
	n->n_pods--;
	if (p->prev_on_node)
		p->prev_on_node->next_on_node = p->next_on_node;
	else
		n->pods = p->next_on_node;
	if (p->next_on_node)
		p->next_on_node->prev_on_node = p->prev_on_node;
	if (p->anti_affinity.n) {
		if (p->prev_anti)
			p->prev_anti->next_anti = p->next_anti;
		else
			cl->anti = p->next_anti;
		if (p->next_anti)
			p->next_anti->prev_anti = p->prev_anti;
	}
	p->node = NULL;
	node_drop_if_unused(cl, n);
}

void cluster_count(struct cluster *cl, struct sched_pod *p, struct sched_node *n)
{
	if (p->node == n)
		return;
	if (p->node)
		uncount(cl, p);
	if (!n)
		return;
	p->node = n;
	sum_up(n, p, 1);
	n->n_pods++;
	p->prev_on_node = NULL;
	p->next_on_node = n->pods;
	if (n->pods)
		n->pods->prev_on_node = p;
	n->pods = p;
	if (p->anti_affinity.n) {
		p->prev_anti = NULL;
		p->next_anti = cl->anti;
		if (cl->anti)
			cl->anti->prev_anti = p;
		cl->anti = p;
	}
}

/* -- pods -- */

static void terms_fini(struct terms *t)
{
	for (size_t i = 0; i < t->n; i++)
		selector_free(t->list[i].selector);
	free(t->list);
	*t = (struct terms){0};
}

static void terms_init(struct terms *t, const struct value *list, int preferred)
{
	*t = (struct terms){0};
	if (!value_count(list))
		return;
	t->list = xcalloc(value_count(list), sizeof(*t->list));
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *v = value_at(list, i);
		const struct value *term = preferred ? value_get(v, "podAffinityTerm") : v;
		struct selector *sel = selector_from_object(value_get(term, "labelSelector"), NULL);

		if (!sel || !STR_AT(term, "topologyKey")) {
			selector_free(sel);
			continue;
		}
		t->list[t->n++] = (struct term){sel, value_get(term, "namespaces"),
						value_get(term, "namespaceSelector"),
						STR_AT(term, "topologyKey"), INT_AT(v, "weight")};
	}
}

static void ports_init(struct sched_pod *p)
{
	const struct value *containers = value_dig(p->o->value, "spec", "containers", NULL);

	p->ports = NULL;
	p->n_ports = 0;
	for (size_t i = 0; i < value_count(containers); i++) {
		const struct value *ports = value_get(value_at(containers, i), "ports");

		for (size_t j = 0; j < value_count(ports); j++) {
			const struct value *port = value_at(ports, j);
			const char *ip = STR_AT(port, "hostIP"),
				   *protocol = STR_AT(port, "protocol");

			if (INT_AT(port, "hostPort") <= 0)
				continue;
			p->ports = xreallocarray(p->ports, p->n_ports + 1, sizeof(*p->ports));
			p->ports[p->n_ports++] = (struct host_port_use){ip && *ip ? ip : "0.0.0.0",
									protocol ? protocol : "TCP",
									INT_AT(port, "hostPort")};
		}
	}
}

static void facts_fini(struct sched_pod *p)
{
	free(p->requests.list);
	free(p->ports);
	terms_fini(&p->affinity);
	terms_fini(&p->anti_affinity);
	terms_fini(&p->liked);
	terms_fini(&p->disliked);
	object_unref(p->o);
}

static void facts_init(struct cluster *cl, struct sched_pod *p, const struct object *o)
{
	const struct value *affinity = value_dig(o->value, "spec", "affinity", NULL);
	const struct value *to = value_get(affinity, "podAffinity"),
			   *from = value_get(affinity, "podAntiAffinity");

	p->o = object_ref(o);
	p->priority = (int32_t)INT_AT(o->value, "spec", "priority");
	requests_of_pod(cl, o->value, &p->requests);
	pod_score_requests(o->value, &p->score_cpu, &p->score_memory);
	ports_init(p);
	terms_init(&p->affinity, value_get(to, "requiredDuringSchedulingIgnoredDuringExecution"),
		   0);
	terms_init(&p->liked, value_get(to, "preferredDuringSchedulingIgnoredDuringExecution"), 1);
	terms_init(&p->anti_affinity,
		   value_get(from, "requiredDuringSchedulingIgnoredDuringExecution"), 0);
	terms_init(&p->disliked, value_get(from, "preferredDuringSchedulingIgnoredDuringExecution"),
		   1);
}

struct sched_pod *cluster_find_pod(struct cluster *cl, const char *uid)
{
	return strmap_get(&cl->pods, uid);
}

/* A status says nothing about what a pod takes: only the snapshot is replaced. */
static int only_status_changed(const struct object *was, const struct object *is)
{
	return value_get(was->value, "spec") == value_get(is->value, "spec") &&
	       value_equal(value_dig(was->value, "metadata", "labels", NULL),
			   value_dig(is->value, "metadata", "labels", NULL)) &&
	       str_eq(controller_uid(was->value), controller_uid(is->value));
}

struct sched_pod *cluster_pod(struct cluster *cl, const struct object *o)
{
	const char *name = STR_AT(o->value, "spec", "nodeName");
	struct sched_pod *p = strmap_get(&cl->pods, o->uid);
	struct sched_node *node = p ? p->node : NULL;

	if (!p) {
		p = xcalloc(1, sizeof(*p));
		strmap_set(&cl->pods, o->uid, p);
		facts_init(cl, p, o);
	} else if (only_status_changed(p->o, o)) {
		struct object *old = p->o;

		/* spec is the same tree: what is borrowed from it stays */
		p->o = object_ref(o);
		object_unref(old);
	} else {
		if (!p->assumed || !node || !node->o)
			node = NULL; /* one that is there outlives the recount */
		cluster_count(cl, p, NULL);
		facts_fini(p);
		facts_init(cl, p, o);
	}
	if (pod_is_terminal(o->value))
		node = NULL;
	else if (name && *name)
		node = node_get(cl, name);
	else if (!p->assumed)
		node = NULL;
	cluster_count(cl, p, node);
	return p;
}

void cluster_pod_gone(struct cluster *cl, struct sched_pod *p)
{
	cluster_count(cl, p, NULL);
	strmap_del(&cl->pods, p->o->uid);
	facts_fini(p);
	free(p);
}

/* -- nodes -- */

static int same_at(const struct object *a, const struct object *b, const char *x, const char *y)
{
	const struct value *va = value_dig(a->value, x, y, NULL),
			   *vb = value_dig(b->value, x, y, NULL);

	return va == vb || value_equal(va, vb);
}

static void learn_allocatable(struct cluster *cl, struct sched_node *n)
{
	const struct value *can = value_dig(n->o->value, "status", "allocatable", NULL);

	if (!value_count(can))
		can = value_dig(n->o->value, "status", "capacity", NULL);
	memset(n->can, 0, RES_MAX * sizeof(*n->can));
	for (size_t i = 0; i < value_count(can); i++) {
		int id = resource_id(cl, value_key_at(can, i));

		if (id >= 0)
			n->can[id] = resource_amount(id, value_at(can, i));
	}
}

static void node_enter(struct cluster *cl, struct sched_node *n)
{
	n->at = cl->n_nodes;
	if ((cl->n_nodes & (cl->n_nodes - 1)) == 0)
		cl->nodes = xreallocarray(cl->nodes, cl->n_nodes ? cl->n_nodes * 2 : 1,
					  sizeof(*cl->nodes));
	cl->nodes[cl->n_nodes++] = n;
}

static void node_leave(struct cluster *cl, struct sched_node *n)
{
	cl->nodes[n->at] = cl->nodes[--cl->n_nodes];
	cl->nodes[n->at]->at = n->at;
}

int cluster_node(struct cluster *cl, const struct object *o, int gone)
{
	struct sched_node *n = node_get(cl, o->name);
	struct object *was = n->o;
	int changed;

	n->o = gone ? NULL : object_ref(o);
	if (gone) {
		if (was)
			node_leave(cl, n);
		node_drop_if_unused(cl, n);
		object_unref(was);
		return 0;
	}
	if (!was)
		node_enter(cl, n);
	changed = !was || !same_at(was, o, "metadata", "labels") ||
		  !same_at(was, o, "spec", "taints") || !same_at(was, o, "spec", "unschedulable") ||
		  !same_at(was, o, "status", "allocatable");
	object_unref(was);
	if (changed)
		learn_allocatable(cl, n);
	return changed;
}

void cluster_fini(struct cluster *cl)
{
	STRMAP_FOREACH (s, &cl->pods) {
		facts_fini(s->val);
		free(s->val);
	}
	STRMAP_FOREACH (s, &cl->nodes_by_name)
		node_free(s->val);
	strmap_fini(&cl->pods);
	strmap_fini(&cl->nodes_by_name);
	free(cl->nodes);
	for (int i = 0; i < cl->n_resources; i++)
		free(cl->resources[i]);
}
