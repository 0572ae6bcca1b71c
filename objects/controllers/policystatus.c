/* SPDX-License-Identifier: MIT */
/*
 * ValidatingAdmissionPolicies: status.typeChecking says what the expressions would be told of the
 * types that the policy names. Nothing is refused for it.
 * Source: Kubernetes pkg/controller/validatingadmissionpolicystatus.
 */
#include "objects/controllers/controller.h"
#include "objects/controllers/facts.h"
#include "objects/policy/policy.h"

static int is_policy(const struct kind *k)
{
	return str_eq(k->plural, "validatingadmissionpolicies") &&
	       str_eq(k->group, "admissionregistration.k8s.io");
}

static void observe(struct controller *c, const struct change *ch)
{
	if (is_policy(ch->now->kind) && ch->type != CHANGE_DELETED)
		controller_enqueue(c, object_key(ch->now));
}

static int sync(struct controller *c, struct objkey key, struct plan *plan, struct err *err)
{
	struct object *o = store_get(controller_store(c), key);
	int64_t generation = o ? INT_AT(o->value, "metadata", "generation") : 0;
	struct value *checking, *warnings, *status;

	if (o && INT_AT(o->value, "status", "observedGeneration") != generation) {
		warnings = policy_type_warnings(value_get(o->value, "spec"));
		checking = value_new_map();
		if (value_count(warnings))
			checking = value_set(checking, "expressionWarnings", STEAL(warnings));
		value_unref(warnings);
		status = value_ref(value_get(o->value, "status"));
		status = value_set(status ? status : value_new_map(), "typeChecking", checking);
		plan_status(plan, o, value_set_int(status, "observedGeneration", generation));
	}
	object_unref(o);
	return 0;
}

const struct controller_class policy_status_controller = {
	.name = "validatingadmissionpolicy-status-controller",
	.observe = observe,
	.sync = sync,
};
