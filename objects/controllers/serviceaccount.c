/* SPDX-License-Identifier: MIT */
/*
 * Every namespace has a ServiceAccount `default`.
 * Source: Kubernetes "Service Accounts"; pkg/controller/serviceaccount.
 */
#include "objects/controllers/controller.h"
#include "objects/controllers/facts.h"

static void observe(struct controller *c, const struct change *ch)
{
	const struct kind *ns = known_kind(K_NAMESPACE);

	if (is_kind(ch->now, K_NAMESPACE) && ch->type != CHANGE_DELETED)
		controller_enqueue(c, object_key(ch->now));
	else if (is_kind(ch->now, K_SERVICEACCOUNT) && ch->type == CHANGE_DELETED &&
		 str_eq(ch->now->name, "default"))
		controller_enqueue(c, (struct objkey){ns, "", ch->now->ns});
}

static int sync(struct controller *c, struct objkey key, struct plan *plan, struct err *err)
{
	struct object *ns = store_get(controller_store(c), key), *account;
	struct value *v;

	if (ns && !object_deleting(ns->value)) {
		account =
			store_get(controller_store(c), (struct objkey){known_kind(K_SERVICEACCOUNT),
								       ns->name, "default"});
		if (!account) {
			v = value_set_str(value_new_map(), "apiVersion", "v1");
			v = value_set_str(v, "kind", "ServiceAccount");
			v = value_set(v, "metadata",
				      value_set_str(value_new_map(), "name", "default"));
			plan_create(plan, known_kind(K_SERVICEACCOUNT), ns->name, v);
		}
		object_unref(account);
	}
	object_unref(ns);
	return 0;
}

const struct controller_class serviceaccount_controller = {
	.name = "service-account-controller",
	.observe = observe,
	.sync = sync,
};
