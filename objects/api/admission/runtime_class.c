/* SPDX-License-Identifier: MIT */
/* RuntimeClass: its overhead and its choice of nodes become the pod's. */
#include <errno.h>

#include "objects/api/admission/admission.h"

static struct value *set_overhead(struct step *s, const struct value *class, struct value *taken)
{
	const struct value *fixed = value_dig(class, "overhead", "podFixed", NULL);
	const struct value *said = value_dig(taken, "spec", "overhead", NULL);

	if (said && !fixed)
		forbid(s, EACCES,
		       "pod rejected: Pod Overhead set without corresponding RuntimeClass defined "
		       "Overhead");
	else if (said && !value_equal(said, fixed))
		forbid(s, EACCES,
		       "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined "
		       "Overhead");
	if (said || !fixed)
		return taken;
	return value_bury(taken, value_ref(fixed), "spec", "overhead", NULL);
}

static struct value *merge_node_selector(struct step *s, const struct value *class,
					 struct value *taken)
{
	const struct value *more = value_dig(class, "scheduling", "nodeSelector", NULL);
	const struct value *said = value_dig(taken, "spec", "nodeSelector", NULL);
	struct value *merged = said ? value_ref(said) : value_new_map();

	for (size_t i = 0; i < value_count(more); i++) {
		const char *key = value_key_at(more, i), *want = value_str(value_at(more, i), "");
		const char *has = value_str(value_get(said, key), NULL);

		if (has && !str_eq(has, want))
			forbid(s, EACCES,
			       "conflict: runtimeClass.scheduling.nodeSelector[%s] = %s; "
			       "pod.spec.nodeSelector[%s] = %s",
			       key, want, key, has);
		merged = value_set_str(merged, key, want);
	}
	if (!value_count(more)) {
		value_unref(merged);
		return taken;
	}
	return value_bury(taken, merged, "spec", "nodeSelector", NULL);
}

static int has_equal(const struct value *list, const struct value *v)
{
	for (size_t i = 0; i < value_count(list); i++)
		if (value_equal(value_at(list, i), v))
			return 1;
	return 0;
}

static struct value *merge_tolerations(const struct value *class, struct value *taken)
{
	const struct value *more = value_dig(class, "scheduling", "tolerations", NULL);
	const struct value *said = value_dig(taken, "spec", "tolerations", NULL);
	struct value *merged;

	if (!value_count(more))
		return taken;
	merged = said ? value_ref(said) : value_new_list();
	for (size_t i = 0; i < value_count(more); i++)
		if (!has_equal(merged, value_at(more, i)))
			merged = value_append(merged, value_ref(value_at(more, i)));
	return value_bury(taken, merged, "spec", "tolerations", NULL);
}

static struct value *admit_class(struct step *s, struct value *taken)
{
	const char *name = value_dig_str(taken, "spec", "runtimeClassName", NULL);
	CLEANUP_VALUE struct value *class = NULL;

	if (name && *name && !(class = look_up(s, "runtimeclasses", "node.k8s.io", "", name))) {
		forbid(s, EACCES, "pod rejected: RuntimeClass \"%s\" not found", name);
		return taken;
	}
	taken = set_overhead(s, class, taken);
	return merge_tolerations(class, merge_node_selector(s, class, taken));
}

const struct plugin runtime_class = {
	.plural = "pods", .group = "", .when = ON_CREATE, .admit = admit_class};
