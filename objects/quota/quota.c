/* SPDX-License-Identifier: MIT */
/* One ResourceQuota: which objects it is about, and how much of it is used. */
#include "objects/quota.h"

static int is_core(const struct kind *k, const char *plural)
{
	return !*k->group && str_eq(k->plural, plural);
}

/* -- scopes -- */

/* Quality of service "BestEffort": no container asks for, or limits, cpu or memory. */
static int is_best_effort(const struct value *pod)
{
	static const char *const lists[] = {"containers", "initContainers"};
	static const char *const which[] = {"requests", "limits"};

	for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
		const struct value *list = value_dig(pod, "spec", lists[l], NULL);

		for (size_t i = 0; i < value_count(list); i++)
			for (size_t w = 0; w < ARRAY_LEN(which); w++) {
				const struct value *r =
					value_dig(value_at(list, i), "resources", which[w], NULL);

				if (value_get(r, "cpu") || value_get(r, "memory"))
					return 0;
			}
	}
	for (size_t w = 0; w < ARRAY_LEN(which); w++)
		if (value_count(value_dig(pod, "spec", "resources", which[w], NULL)))
			return 0;
	return 1;
}

static int crosses_namespaces(const struct value *terms, const char *wrapped)
{
	for (size_t i = 0; i < value_count(terms); i++) {
		const struct value *t = value_at(terms, i);

		if (wrapped)
			t = value_get(t, wrapped);
		if (value_count(value_get(t, "namespaces")) || value_get(t, "namespaceSelector"))
			return 1;
	}
	return 0;
}

static int has_cross_namespace_affinity(const struct value *pod)
{
	static const char *const ways[] = {"podAffinity", "podAntiAffinity"};

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		const struct value *a = value_dig(pod, "spec", "affinity", ways[i], NULL);

		if (crosses_namespaces(
			    value_get(a, "requiredDuringSchedulingIgnoredDuringExecution"), NULL) ||
		    crosses_namespaces(
			    value_get(a, "preferredDuringSchedulingIgnoredDuringExecution"),
			    "podAffinityTerm"))
			return 1;
	}
	return 0;
}

static int holds(const struct value *list, const char *text)
{
	for (size_t i = 0; i < value_count(list); i++)
		if (str_eq(value_str(value_at(list, i), NULL), text))
			return 1;
	return 0;
}

/* A name against a requirement: In, NotIn, Exists, DoesNotExist. */
static int name_matches(const char *name, const char *op, const struct value *values)
{
	int there = name && *name;

	if (str_eq(op, "Exists"))
		return there;
	if (str_eq(op, "DoesNotExist"))
		return !there;
	if (str_eq(op, "In"))
		return there && holds(values, name);
	return str_eq(op, "NotIn") && !(there && holds(values, name));
}

static int pod_in_scope(const struct value *pod, const char *scope, const char *op,
			const struct value *values)
{
	int ends = value_dig(pod, "spec", "activeDeadlineSeconds", NULL) != NULL;

	if (str_eq(scope, "Terminating"))
		return ends;
	if (str_eq(scope, "NotTerminating"))
		return !ends;
	if (str_eq(scope, "BestEffort"))
		return is_best_effort(pod);
	if (str_eq(scope, "NotBestEffort"))
		return !is_best_effort(pod);
	if (str_eq(scope, "CrossNamespacePodAffinity"))
		return has_cross_namespace_affinity(pod);
	if (!str_eq(scope, "PriorityClass"))
		return 0;
	return name_matches(value_dig_str(pod, "spec", "priorityClassName", NULL), op, values);
}

static int in_scope(const struct kind *k, const struct value *obj, const char *scope,
		    const char *op, const struct value *values)
{
	if (is_core(k, "pods"))
		return pod_in_scope(obj, scope, op, values);
	return is_core(k, "persistentvolumeclaims") && str_eq(scope, "VolumeAttributesClass") &&
	       name_matches(value_dig_str(obj, "spec", "volumeAttributesClassName", NULL), op,
			    values);
}

int quota_covers(const struct value *quota, const struct kind *k, const struct value *obj)
{
	const struct value *scopes = value_dig(quota, "spec", "scopes", NULL);
	const struct value *terms =
		value_dig(quota, "spec", "scopeSelector", "matchExpressions", NULL);

	for (size_t i = 0; i < value_count(scopes); i++)
		if (!in_scope(k, obj, value_str(value_at(scopes, i), ""), "Exists", NULL))
			return 0;
	for (size_t i = 0; i < value_count(terms); i++) {
		const struct value *t = value_at(terms, i);

		if (!in_scope(k, obj, value_dig_str(t, "scopeName", NULL),
			      value_dig_str(t, "operator", NULL), value_get(t, "values")))
			return 0;
	}
	return 1;
}

/* -- counting -- */

/* These say more than that they are there. */
static int is_measured(const struct kind *k)
{
	return is_core(k, "pods") || is_core(k, "services") || is_core(k, "persistentvolumeclaims");
}

static int limits_any(const struct value *hard, const struct usage *u)
{
	for (size_t i = 0; i < u->n; i++)
		if (value_get(hard, u->list[i].name))
			return 1;
	return 0;
}

static void add_objects(struct store *s, const struct kind *k, const struct value *quota,
			struct usage *sum)
{
	struct object_list all;

	store_list(s, k, value_dig_str(quota, "metadata", "namespace", NULL), &all);
	for (size_t i = 0; i < all.n; i++) {
		CLEANUP_USAGE struct usage one = USAGE_INIT;

		if (!quota_covers(quota, k, all.list[i]->value))
			continue;
		usage_of_object(k, all.list[i]->value, &one);
		for (size_t j = 0; j < one.n; j++)
			usage_add(sum, one.list[j].name, &one.list[j].amount);
	}
	object_list_fini(&all);
}

/* Objects of this kind that only count: no need to look at each. */
static void add_count(struct store *s, const struct kind *k, const struct value *quota,
		      struct usage *sum)
{
	CLEANUP_USAGE struct usage one = USAGE_INIT;
	size_t n = store_count(s, k, value_dig_str(quota, "metadata", "namespace", NULL));

	if (!n || !quota_covers(quota, k, NULL))
		return;
	usage_of_object(k, NULL, &one);
	if (!limits_any(value_dig(quota, "spec", "hard", NULL), &one))
		return;
	for (size_t i = 0; i < one.n; i++) {
		one.list[i].amount.nano *= (__int128)n;
		usage_add(sum, one.list[i].name, &one.list[i].amount);
	}
}

struct value *quota_used(struct store *s, const struct value *quota)
{
	const struct value *hard = value_dig(quota, "spec", "hard", NULL);
	struct value *used = value_new_map();
	CLEANUP_USAGE struct usage sum = USAGE_INIT;
	char text[64];

	for (size_t i = 0; i < kinds_count(); i++) {
		const struct kind *k = kind_at(i);

		if (!(k->flags & KIND_NAMESPACED) || (k->flags & KIND_VIRTUAL))
			continue;
		if (is_measured(k))
			add_objects(s, k, quota, &sum);
		else
			add_count(s, k, quota, &sum);
	}
	for (size_t i = 0; i < value_count(hard); i++) {
		const char *name = value_key_at(hard, i);
		const struct quantity *q = usage_get(&sum, name);

		used = value_set_str(used, name, q ? quantity_render(q, text) : "0");
	}
	return used;
}

int quota_is_counted(const struct value *quota)
{
	const struct value *hard = value_dig(quota, "spec", "hard", NULL);
	const struct value *used = value_dig(quota, "status", "used", NULL);

	for (size_t i = 0; i < value_count(hard); i++)
		if (!value_get(used, value_key_at(hard, i)))
			return 0;
	return 1;
}
