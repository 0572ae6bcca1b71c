/* SPDX-License-Identifier: MIT */
/* Pods near and apart from each other: affinity, anti-affinity, spreading over domains. */
#include "objects/controllers/facts.h"
#include "objects/controllers/scheduler/place.h"
#include "objects/selector.h"

const char *node_label(const struct sched_node *n, const char *key)
{
	return n->o ? object_label(n->o->value, key) : NULL;
}

static const struct value *labels_of(const struct sched_pod *p)
{
	return value_dig(p->o->value, "metadata", "labels", NULL);
}

/* -- affinity terms -- */

static int in_namespaces(struct store *s, const struct term *t, const struct sched_pod *of,
			 const char *ns)
{
	struct selector *sel;
	struct object *o;
	int matches;

	if (!value_count(t->namespaces) && !t->ns_selector)
		return str_eq(of->o->ns, ns);
	for (size_t i = 0; i < value_count(t->namespaces); i++)
		if (str_eq(value_str(value_at(t->namespaces, i), NULL), ns))
			return 1;
	sel = t->ns_selector ? selector_from_object(t->ns_selector, NULL) : NULL;
	o = sel ? store_get(s, (struct objkey){known_kind(K_NAMESPACE), "", ns}) : NULL;
	matches = o && selector_matches(sel, value_dig(o->value, "metadata", "labels", NULL));
	object_unref(o);
	selector_free(sel);
	return matches;
}

/* Whether a term of pod `of` means the pod p. */
static int term_means(struct store *s, const struct term *t, const struct sched_pod *of,
		      const struct sched_pod *p)
{
	return selector_matches(t->selector, labels_of(p)) && in_namespaces(s, t, of, p->o->ns);
}

static int all_terms_mean(struct store *s, const struct terms *ts, const struct sched_pod *of,
			  const struct sched_pod *p)
{
	for (size_t i = 0; i < ts->n; i++)
		if (!term_means(s, &ts->list[i], of, p))
			return 0;
	return ts->n > 0;
}

static void mark(struct strmap *m, const char *key, const struct sched_node *n, intptr_t base,
		 intptr_t by)
{
	const char *value = node_label(n, key);
	CLEANUP_FREE char *text = value ? xasprintf("%s=%s", key, value) : NULL;
	intptr_t was;

	if (!text)
		return;
	was = (intptr_t)strmap_get(m, text);
	strmap_set(m, text, (void *)((was ? was : base) + by));
}

static intptr_t marked(const struct strmap *m, const char *key, const struct sched_node *n)
{
	const char *value = node_label(n, key);
	CLEANUP_FREE char *text = value && m->n ? xasprintf("%s=%s", key, value) : NULL;

	return text ? (intptr_t)strmap_get(m, text) : 0;
}

static void weigh(struct placing *pl, const struct terms *ts, const struct sched_pod *other,
		  int sign)
{
	for (size_t i = 0; i < ts->n; i++)
		if (term_means(pl->store, &ts->list[i], pl->pod, other))
			mark(&pl->attraction, ts->list[i].topology, other->node, ATTRACTION_BASE,
			     sign * (intptr_t)ts->list[i].weight);
}

static void look_at(struct placing *pl, const struct sched_pod *other)
{
	const struct sched_pod *p = pl->pod;

	if (all_terms_mean(pl->store, &p->affinity, p, other))
		for (size_t i = 0; i < p->affinity.n; i++)
			mark(&pl->near, p->affinity.list[i].topology, other->node, 0, 1);
	for (size_t i = 0; i < p->anti_affinity.n; i++)
		if (term_means(pl->store, &p->anti_affinity.list[i], p, other))
			mark(&pl->apart, p->anti_affinity.list[i].topology, other->node, 0, 1);
	weigh(pl, &p->liked, other, 1);
	weigh(pl, &p->disliked, other, -1);
}

void pod_topologies_init(struct placing *pl)
{
	const struct sched_pod *p = pl->pod;

	if (p->affinity.n + p->anti_affinity.n + p->liked.n + p->disliked.n)
		STRMAP_FOREACH (s, &pl->cl->nodes_by_name)
			for (const struct sched_pod *q = ((struct sched_node *)s->val)->pods; q;
			     q = q->next_on_node)
				if (q != p)
					look_at(pl, q);
	for (const struct sched_pod *q = pl->cl->anti; q; q = q->next_anti)
		for (size_t i = 0; i < q->anti_affinity.n; i++)
			if (q != p && term_means(pl->store, &q->anti_affinity.list[i], q, p))
				mark(&pl->repelled, q->anti_affinity.list[i].topology, q->node, 0,
				     1);
	pl->own_terms_match = all_terms_mean(pl->store, &p->affinity, p, p);
}

static int is_near(const struct placing *pl, const struct sched_node *n)
{
	const struct terms *ts = &pl->pod->affinity;
	int all = 1;

	for (size_t i = 0; i < ts->n; i++) {
		if (!node_label(n, ts->list[i].topology))
			return 0;
		all &= marked(&pl->near, ts->list[i].topology, n) > 0;
	}
	/* The first pod of a group that wants to be together may start anywhere. */
	return all || (pl->near.n == 0 && pl->own_terms_match);
}

static int is_apart(const struct placing *pl, const struct sched_node *n)
{
	const struct terms *ts = &pl->pod->anti_affinity;

	for (size_t i = 0; i < ts->n; i++)
		if (marked(&pl->apart, ts->list[i].topology, n))
			return 0;
	return 1;
}

static int is_repelled(const struct placing *pl, const struct sched_node *n)
{
	if (!pl->repelled.n)
		return 0;
	STRMAP_FOREACH (s, &pl->repelled) {
		const char *eq = strchr(s->key, '='); /* no '=' in label keys */
		CLEANUP_FREE char *key = xstrndup(s->key, (size_t)(eq - s->key));

		if (str_eq(node_label(n, key), eq + 1))
			return 1;
	}
	return 0;
}

const char *pod_affinity_refuses(const struct placing *pl, const struct sched_node *n)
{
	if (!is_near(pl, n))
		return "node(s) didn't match pod affinity rules";
	if (!is_apart(pl, n))
		return "node(s) didn't match pod anti-affinity rules";
	return is_repelled(pl, n) ? "node(s) didn't satisfy existing pods anti-affinity rules"
				  : NULL;
}

int64_t pod_attraction(const struct placing *pl, const struct sched_node *n)
{
	int64_t sum = 0;

	STRMAP_FOREACH (s, &pl->attraction) {
		const char *eq = strchr(s->key, '=');
		CLEANUP_FREE char *key = xstrndup(s->key, (size_t)(eq - s->key));

		if (str_eq(node_label(n, key), eq + 1))
			sum += (intptr_t)s->val - ATTRACTION_BASE;
	}
	return sum;
}

/* -- topology spread constraints -- */

static int honors(const struct value *constraint, const char *policy, int otherwise)
{
	const char *text = STR_AT(constraint, policy);

	return text ? str_eq(text, "Honor") : otherwise;
}

static int is_eligible(const struct placing *pl, const struct value *constraint,
		       const struct sched_node *n)
{
	const struct value *taints = value_dig(n->o->value, "spec", "taints", NULL);

	if (honors(constraint, "nodeAffinityPolicy", 1) && !node_selected(pl->spec, n->o))
		return 0;
	for (size_t i = 0; honors(constraint, "nodeTaintsPolicy", 0) && i < value_count(taints);
	     i++)
		if (!str_eq(STR_AT(value_at(taints, i), "effect"), "PreferNoSchedule") &&
		    !tolerates(value_get(pl->spec, "tolerations"), value_at(taints, i)))
			return 0;
	return 1;
}

static intptr_t count_matching(const struct placing *pl, const struct selector *sel,
			       const struct sched_node *n)
{
	intptr_t count = 0;

	for (const struct sched_pod *q = n->pods; q; q = q->next_on_node)
		count += q != pl->pod && str_eq(q->o->ns, pl->pod->o->ns) &&
			 !object_deleting(q->o->value) && selector_matches(sel, labels_of(q));
	return count;
}

/* matchLabelKeys: the pod's own values of these labels narrow the selector. */
static struct selector *spread_selector(const struct placing *pl, const struct value *constraint)
{
	const struct value *keys = value_get(constraint, "matchLabelKeys"),
			   *was = value_get(constraint, "labelSelector");
	struct value *v = was ? value_ref(was) : value_new_map();
	struct selector *sel;

	for (size_t i = 0; was && i < value_count(keys); i++) {
		const char *key = value_str(value_at(keys, i), "");
		const struct value *label = value_get(pl->labels, key);

		if (label)
			v = value_bury(v, value_ref(label), "matchLabels", key, NULL);
	}
	sel = selector_from_object(was ? v : NULL, NULL);
	value_unref(v);
	return sel;
}

static void spread_init(struct placing *pl, struct spread *s, const struct value *constraint)
{
	struct selector *sel = spread_selector(pl, constraint);

	*s = (struct spread){.key = STR_AT(constraint, "topologyKey"), .least = INT64_MAX};
	s->max_skew = INT_AT(constraint, "maxSkew");
	s->min_domains = value_int(value_get(constraint, "minDomains"), 1);
	s->hard = !str_eq(STR_AT(constraint, "whenUnsatisfiable"), "ScheduleAnyway");
	s->self = sel && selector_matches(sel, pl->labels);
	for (size_t i = 0; i < pl->cl->n_nodes; i++) {
		const struct sched_node *n = pl->cl->nodes[i];
		const char *value = s->key ? node_label(n, s->key) : NULL;
		intptr_t was = value ? (intptr_t)strmap_get(&s->domains, value) : 0;

		if (value && is_eligible(pl, constraint, n))
			strmap_set(
				&s->domains, value,
				(void *)((was ? was : 1) + (sel ? count_matching(pl, sel, n) : 0)));
	}
	STRMAP_FOREACH (d, &s->domains)
		if ((intptr_t)d->val - 1 < s->least)
			s->least = (intptr_t)d->val - 1;
	if ((int64_t)s->domains.n < s->min_domains || s->least == INT64_MAX)
		s->least = 0;
	selector_free(sel);
}

void spreads_init(struct placing *pl)
{
	const struct value *list = value_get(pl->spec, "topologySpreadConstraints");

	if (!value_count(list))
		return;
	pl->spreads = xcalloc(value_count(list), sizeof(*pl->spreads));
	for (; pl->n_spreads < value_count(list); pl->n_spreads++)
		spread_init(pl, &pl->spreads[pl->n_spreads], value_at(list, pl->n_spreads));
}

static int64_t in_domain(const struct spread *s, const char *value)
{
	intptr_t n = (intptr_t)strmap_get(&s->domains, value);

	return n ? n - 1 : 0;
}

const char *spread_refuses(const struct placing *pl, const struct sched_node *n)
{
	for (size_t i = 0; i < pl->n_spreads; i++) {
		const struct spread *s = &pl->spreads[i];
		const char *value = s->key ? node_label(n, s->key) : NULL;

		if (!s->hard)
			continue;
		if (!value)
			return "node(s) didn't match pod topology spread constraints (missing "
			       "required label)";
		if (in_domain(s, value) + s->self - s->least > s->max_skew)
			return "node(s) didn't match pod topology spread constraints";
	}
	return NULL;
}

int64_t spread_crowding(const struct placing *pl, const struct sched_node *n)
{
	int64_t sum = 0;

	for (size_t i = 0; i < pl->n_spreads; i++) {
		const struct spread *s = &pl->spreads[i];
		const char *value = s->key ? node_label(n, s->key) : NULL;

		if (!s->hard)
			sum += value ? in_domain(s, value) : INT32_MAX;
	}
	return sum;
}
