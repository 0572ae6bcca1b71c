/* SPDX-License-Identifier: MIT */
/* Priority: the number behind the name of a pod's priority class. */
#include <errno.h>

#include "objects/api/admission/admission.h"

/* Of several defaults, the one with the lowest value. */
static void find_default(struct step *s, const struct value *v, void *arg)
{
	struct value **found = arg;

	(void)s;
	if (!value_bool(value_get(v, "globalDefault"), 0) ||
	    (*found &&
	     value_int(value_get(v, "value"), 0) >= value_int(value_get(*found, "value"), 0)))
		return;
	value_unref(*found);
	*found = value_ref(v);
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

static struct value *admit_priority(struct step *s, struct value *taken)
{
	const char *name = value_dig_str(taken, "spec", "priorityClassName", NULL), *policy = NULL;
	const struct value *asked = value_dig(taken, "spec", "priority", NULL);
	CLEANUP_VALUE struct value *class = NULL;
	int64_t value = 0;

	if (name && *name) {
		class = look_up(s, "priorityclasses", "scheduling.k8s.io", "", name);
		if (!class && !system_priority(name, &value)) {
			forbid(s, EACCES, "no PriorityClass with name %s was found", name);
			return taken;
		}
	} else {
		look_at_all(s, "priorityclasses", "scheduling.k8s.io", "", find_default, &class);
	}
	if (class && !(name && *name))
		taken = value_bury(taken,
				   value_new_string(value_dig_str(class, "metadata", "name", NULL)),
				   "spec", "priorityClassName", NULL);
	if (class) {
		value = value_int(value_get(class, "value"), 0);
		policy = value_dig_str(class, "preemptionPolicy", NULL);
	}
	if (asked && value_int(asked, 0) != value) {
		forbid(s, EACCES,
		       "the integer value of priority (%lld) must not be provided in pod spec; "
		       "priority admission controller computed %lld from the given PriorityClass "
		       "name",
		       (long long)value_int(asked, 0), (long long)value);
		return taken;
	}
	taken = value_bury(taken, value_new_int(value), "spec", "priority", NULL);
	if (!value_dig(taken, "spec", "preemptionPolicy", NULL))
		taken = value_bury(taken,
				   value_new_string(policy ? policy : "PreemptLowerPriority"),
				   "spec", "preemptionPolicy", NULL);
	return taken;
}

const struct plugin pod_priority = {
	.plural = "pods", .group = "", .when = ON_CREATE, .admit = admit_priority};
