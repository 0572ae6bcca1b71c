/* SPDX-License-Identifier: MIT */
/* Where a pod can run, in the order in which Kubernetes asks: the first filter that refuses a node
 * gives the reason. */
#include "objects/controllers/scheduler/place.h"

#include "objects/controllers/facts.h"
#include "objects/selector.h"

/* -- reasons -- */

void reasons_fini(struct reasons *r)
{
	strmap_fini(&r->counts);
}

void reason_add(struct reasons *r, const char *text)
{
	if (r)
		strmap_set(&r->counts, text, (char *)strmap_get(&r->counts, text) + 1);
}

static int cmp_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void reasons_render(const struct reasons *r, struct buf *out)
{
	char **lines = xcalloc(r->counts.n + 1, sizeof(*lines));
	size_t n = 0;

	STRMAP_FOREACH (s, &r->counts)
		lines[n++] = xasprintf("%zu %s", (size_t)(uintptr_t)s->val, s->key);
	qsort(lines, n, sizeof(*lines), cmp_text);
	for (size_t i = 0; i < n; i++) {
		buf_addf(out, "%s%s", i ? ", " : "", lines[i]);
		free(lines[i]);
	}
	free(lines);
}

/* -- taints -- */

static int toleration_matches(const struct value *t, const struct value *taint)
{
	const char *effect = STR_AT(t, "effect"), *key = STR_AT(t, "key"),
		   *op = STR_AT(t, "operator");
	const char *want = STR_AT(t, "value"), *is = STR_AT(taint, "value");

	if (effect && *effect && !str_eq(effect, STR_AT(taint, "effect")))
		return 0;
	if (key && *key && !str_eq(key, STR_AT(taint, "key")))
		return 0;
	if (str_eq(op, "Exists"))
		return 1;
	return key && *key && str_eq(want ? want : "", is ? is : "");
}

int tolerates(const struct value *tolerations, const struct value *taint)
{
	for (size_t i = 0; i < value_count(tolerations); i++)
		if (toleration_matches(value_at(tolerations, i), taint))
			return 1;
	return 0;
}

static int has_untolerated_taint(const struct value *spec, const struct sched_node *n)
{
	const struct value *taints = value_dig(n->o->value, "spec", "taints", NULL);

	for (size_t i = 0; i < value_count(taints); i++) {
		const char *effect = STR_AT(value_at(taints, i), "effect");

		if (!str_eq(effect, "PreferNoSchedule") &&
		    !tolerates(value_get(spec, "tolerations"), value_at(taints, i)))
			return 1;
	}
	return 0;
}

static int is_cordoned(const struct value *spec, const struct sched_node *n)
{
	struct value *taint;
	int refused;

	if (!value_bool(value_dig(n->o->value, "spec", "unschedulable", NULL), 0))
		return 0;
	taint = value_set_str(
		value_set_str(value_new_map(), "key", "node.kubernetes.io/unschedulable"), "effect",
		"NoSchedule");
	refused = !tolerates(value_get(spec, "tolerations"), taint);
	value_unref(taint);
	return refused;
}

/* -- node selectors -- */

static int is_in(const struct value *values, const char *s)
{
	for (size_t i = 0; i < value_count(values); i++)
		if (s && str_eq(value_str(value_at(values, i), NULL), s))
			return 1;
	return 0;
}

static int compares(const char *is, const char *op, const struct value *values)
{
	const char *bound = value_str(value_count(values) ? value_at(values, 0) : NULL, NULL);
	char *end_a, *end_b;
	long long a, b;

	if (!is || !bound)
		return 0;
	a = strtoll(is, &end_a, 10);
	b = strtoll(bound, &end_b, 10);
	if (*end_a || *end_b || end_a == is || end_b == bound)
		return 0;
	return *op == 'G' ? a > b : a < b;
}

static int requirement_matches(const struct value *r, const char *is)
{
	const char *op = STR_AT(r, "operator");
	const struct value *values = value_get(r, "values");

	if (str_eq(op, "In"))
		return is_in(values, is);
	if (str_eq(op, "NotIn"))
		return !is_in(values, is);
	if (str_eq(op, "Exists"))
		return is != NULL;
	if (str_eq(op, "DoesNotExist"))
		return is == NULL;
	return op && compares(is, op, values);
}

int node_selector_term_matches(const struct value *term, const struct object *node)
{
	const struct value *expressions = value_get(term, "matchExpressions"),
			   *fields = value_get(term, "matchFields");

	for (size_t i = 0; i < value_count(expressions); i++) {
		const char *key = STR_AT(value_at(expressions, i), "key");

		if (!key ||
		    !requirement_matches(value_at(expressions, i), object_label(node->value, key)))
			return 0;
	}
	for (size_t i = 0; i < value_count(fields); i++)
		if (!str_eq(STR_AT(value_at(fields, i), "key"), "metadata.name") ||
		    !requirement_matches(value_at(fields, i), node->name))
			return 0;
	return value_count(expressions) + value_count(fields) > 0;
}

int node_selected(const struct value *spec, const struct object *node)
{
	const struct value *wanted = value_get(spec, "nodeSelector");
	const struct value *terms = value_dig(spec, "affinity", "nodeAffinity",
					      "requiredDuringSchedulingIgnoredDuringExecution",
					      "nodeSelectorTerms", NULL);

	for (size_t i = 0; i < value_count(wanted); i++)
		if (!str_eq(object_label(node->value, value_key_at(wanted, i)),
			    value_str(value_at(wanted, i), "")))
			return 0;
	if (!terms)
		return 1;
	for (size_t i = 0; i < value_count(terms); i++)
		if (node_selector_term_matches(value_at(terms, i), node))
			return 1;
	return 0;
}

/* -- ports and resources -- */

static int ports_clash(const struct host_port_use *a, const struct host_port_use *b)
{
	return a->port == b->port && str_eq(a->protocol, b->protocol) &&
	       (str_eq(a->ip, b->ip) || str_eq(a->ip, "0.0.0.0") || str_eq(b->ip, "0.0.0.0"));
}

static int ports_taken(const struct sched_pod *p, const struct sched_node *n)
{
	if (!p->n_ports)
		return 0;
	for (const struct sched_pod *q = n->pods; q; q = q->next_on_node)
		for (size_t i = 0; i < q->n_ports; i++)
			for (size_t j = 0; j < p->n_ports; j++)
				if (q != p && !q->lifted && ports_clash(&q->ports[i], &p->ports[j]))
					return 1;
	return 0;
}

int resources_fit(const struct placing *pl, const struct sched_node *n, struct reasons *why)
{
	const struct amounts *a = &pl->pod->requests;
	int fits = 1;

	for (size_t i = 0; i < a->n; i++) {
		int id = a->list[i].id;

		if (a->list[i].n <= n->can[id] - n->used[id])
			continue;
		fits = 0;
		if (!why)
			break;
		if (id == RES_PODS) {
			reason_add(why, "Too many pods");
		} else {
			CLEANUP_FREE char *text =
				xasprintf("Insufficient %s", resource_name(pl->cl, id));

			reason_add(why, text);
		}
	}
	return fits;
}

int node_fits(const struct placing *pl, const struct sched_node *n, struct reasons *why)
{
	const char *reason = NULL;

	if (is_cordoned(pl->spec, n))
		reason = "node(s) were unschedulable";
	else if (has_untolerated_taint(pl->spec, n))
		reason = "node(s) had untolerated taint(s)";
	else if (!node_selected(pl->spec, n->o))
		reason = "node(s) didn't match Pod's node affinity/selector";
	else if (ports_taken(pl->pod, n))
		reason = "node(s) didn't have free ports for the requested pod ports";
	else if (!resources_fit(pl, n, why))
		return 0;
	else
		reason = spread_refuses(pl, n);
	if (!reason)
		reason = pod_affinity_refuses(pl, n);
	if (reason)
		reason_add(why, reason);
	return !reason;
}
