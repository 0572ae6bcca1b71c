/* SPDX-License-Identifier: MIT */
/*
 * Built-in admission: rules that look at other objects, or choose for the user
 * what he left open.
 * Source: Kubernetes "Admission Control in Kubernetes", the plugins named below.
 */
#include "objects/api/api_i.h"

#include <errno.h>

typedef struct value *(*admit_fn)(struct step *s, struct value *taken);

/* An object of this batch, or of the store; owned. */
static struct value *look_up(struct step *s, const char *plural, const char *group, const char *ns,
			     const char *name)
{
	const struct kind *k = kind_find(group, "v1", plural);
	uint64_t rv;

	return k ? run_current(s->run, (struct objkey){k, ns, name}, &rv) : NULL;
}

/* -- NamespaceLifecycle -- */

static void check_namespace(struct step *s)
{
	CLEANUP_VALUE struct value *ns = NULL;

	if (s->live || !(s->r->kind->flags & KIND_NAMESPACED))
		return;
	ns = look_up(s, "namespaces", "", "", s->r->ns);
	if (!ns)
		fault_add_code(&s->r->faults, ENOENT, "namespaces \"%s\" not found", s->r->ns);
	else if (object_deleting(ns))
		fault_add_code(&s->r->faults, EACCES,
			       "%s \"%s\" is forbidden: unable to create new content in namespace "
			       "%s because it is "
			       "being terminated",
			       kind_resource(s->r->kind), s->r->name, s->r->ns);
}

/* -- ServiceAccount -- */

static struct value *pod_service_account(struct step *s, struct value *taken)
{
	const char *name = value_dig_str(taken, "spec", "serviceAccountName", NULL);
	const char *old_name = value_dig_str(taken, "spec", "serviceAccount", NULL);

	if (!name || !*name)
		name = old_name && *old_name ? old_name : "default";
	if (!old_name || !str_eq(old_name, name))
		taken = value_bury(taken, value_new_string(name), "spec", "serviceAccount", NULL);
	if (!value_dig_str(taken, "spec", "serviceAccountName", NULL))
		taken = value_bury(
			taken,
			value_new_string(value_dig_str(taken, "spec", "serviceAccount", NULL)),
			"spec", "serviceAccountName", NULL);
	return taken;
}

/* -- Priority -- */

static struct value *default_priority_class(struct step *s)
{
	const struct kind *k = kind_find("scheduling.k8s.io", "v1", "priorityclasses");
	struct object_list all = {0};
	struct value *found = NULL;

	if (!k || !store_count(s->run->api->store, k, NULL))
		return NULL;
	store_list(s->run->api->store, k, NULL, &all);
	for (size_t i = 0; i < all.n; i++) {
		const struct value *v = all.list[i]->value;

		/* of several, the one with the lowest value */
		if (value_bool(value_get(v, "globalDefault"), 0) &&
		    (!found || value_int(value_get(v, "value"), 0) <
				       value_int(value_get(found, "value"), 0))) {
			value_unref(found);
			found = value_ref(v);
		}
	}
	object_list_fini(&all);
	return found;
}

/* The two classes that every cluster has, whether or not their objects are there. */
static int system_priority(const char *name, int64_t *value)
{
	if (str_eq(name, "system-node-critical"))
		*value = 2000001000;
	else if (str_eq(name, "system-cluster-critical"))
		*value = 2000000000;
	else
		return 0;
	return 1;
}

static struct value *pod_priority(struct step *s, struct value *taken)
{
	const char *name = value_dig_str(taken, "spec", "priorityClassName", NULL), *policy = NULL;
	const struct value *asked = value_dig(taken, "spec", "priority", NULL);
	CLEANUP_VALUE struct value *class = NULL;
	int64_t value = 0;

	if (name && *name) {
		class = look_up(s, "priorityclasses", "scheduling.k8s.io", "", name);
		if (!class && !system_priority(name, &value)) {
			fault_add_code(
				&s->r->faults, EACCES,
				"pods \"%s\" is forbidden: no PriorityClass with name %s was found",
				s->r->name, name);
			return taken;
		}
	} else if ((class = default_priority_class(s))) {
		taken = value_bury(taken,
				   value_new_string(value_dig_str(class, "metadata", "name", NULL)),
				   "spec", "priorityClassName", NULL);
	}
	if (class) {
		value = value_int(value_get(class, "value"), 0);
		policy = value_dig_str(class, "preemptionPolicy", NULL);
	}
	if (asked && value_int(asked, 0) != value) {
		fault_add_code(&s->r->faults, EACCES,
			       "pods \"%s\" is forbidden: the integer value of priority (%lld) "
			       "must not be provided in "
			       "pod spec; priority admission controller computed %lld from the "
			       "given PriorityClass name",
			       s->r->name, (long long)value_int(asked, 0), (long long)value);
		return taken;
	}
	taken = value_bury(taken, value_new_int(value), "spec", "priority", NULL);
	if (!value_dig(taken, "spec", "preemptionPolicy", NULL))
		taken = value_bury(taken,
				   value_new_string(policy ? policy : "PreemptLowerPriority"),
				   "spec", "preemptionPolicy", NULL);
	return taken;
}

/* -- DefaultTolerationSeconds -- */

#define DEFAULT_TOLERATION_SECONDS 300

static int tolerates(const struct value *tolerations, const char *taint)
{
	for (size_t i = 0; i < value_count(tolerations); i++) {
		const struct value *t = value_at(tolerations, i);
		const char *key = value_dig_str(t, "key", NULL),
			   *effect = value_dig_str(t, "effect", NULL);

		if ((!key || !*key || str_eq(key, taint)) &&
		    (!effect || !*effect || str_eq(effect, "NoExecute")))
			return 1;
	}
	return 0;
}

static struct value *pod_tolerations(struct step *s, struct value *taken)
{
	static const char *const taints[] = {"node.kubernetes.io/not-ready",
					     "node.kubernetes.io/unreachable"};
	const struct value *was = value_dig(taken, "spec", "tolerations", NULL);
	CLEANUP_VALUE struct value *before = was ? value_ref(was) : NULL;
	struct value *list = before ? value_ref(before) : value_new_list();

	for (size_t i = 0; i < ARRAY_LEN(taints); i++) {
		struct value *t;

		if (tolerates(before, taints[i]))
			continue;
		t = value_set_str(value_new_map(), "key", taints[i]);
		t = value_set_str(t, "operator", "Exists");
		t = value_set_str(t, "effect", "NoExecute");
		list = value_append(
			list, value_set_int(t, "tolerationSeconds", DEFAULT_TOLERATION_SECONDS));
	}
	return value_bury(taken, list, "spec", "tolerations", NULL);
}

/* -- Service addresses -- */

static struct value *service_numbers(struct step *s, struct value *taken)
{
	return pools_assign(s->run->api->pools, taken, s->live, &s->run->claims, &s->r->faults);
}

/* -- the table -- */

enum admit_when { ON_CREATE = 1, ON_UPDATE = 2 };

static const struct {
	const char *group, *plural;
	unsigned when;
	admit_fn fn;
} rules[] = {
	{"", "pods", ON_CREATE, pod_service_account},
	{"", "pods", ON_CREATE, pod_priority},
	{"", "pods", ON_CREATE, pod_tolerations},
	{"", "services", ON_CREATE | ON_UPDATE, service_numbers},
};

struct value *admit(struct step *s, struct value *taken)
{
	unsigned when = s->live ? ON_UPDATE : ON_CREATE;

	check_namespace(s);
	for (size_t i = 0; i < ARRAY_LEN(rules) && !s->r->faults.n; i++)
		if ((rules[i].when & when) && str_eq(rules[i].plural, s->r->kind->plural) &&
		    str_eq(rules[i].group, s->r->kind->group))
			taken = rules[i].fn(s, taken);
	return taken;
}

void admit_delete(struct step *s)
{
	if (!*s->r->kind->group && str_eq(s->r->kind->plural, "services"))
		pools_leave(s->run->api->pools, s->live, &s->run->claims);
}
