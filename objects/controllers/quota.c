/* SPDX-License-Identifier: MIT */
/*
 * ResourceQuotas: status.hard and status.used. What is added is charged by admission, in the
 * transaction that adds it; here all is counted again when a quota changes, and when something
 * that may have counted goes away.
 * Source: Kubernetes "Resource Quotas"; pkg/controller/resourcequota.
 */
#include "objects/quota.h"

#include "objects/controllers/controller.h"
#include "objects/controllers/facts.h"

static const struct kind *quota_kind(void)
{
	return kind_find("", "v1", "resourcequotas");
}

/* Only deletions and pods that end free anything without asking admission. */
static int may_free(const struct change *ch)
{
	if (ch->type == CHANGE_DELETED)
		return 1;
	return ch->type == CHANGE_MODIFIED && is_kind(ch->now, K_POD) &&
	       quota_pod_counts(ch->old->value) && !quota_pod_counts(ch->now->value);
}

static void observe(struct controller *c, const struct change *ch)
{
	const struct kind *k = quota_kind();
	struct object_list all;

	if (ch->now->kind == k && ch->type != CHANGE_DELETED)
		controller_enqueue(c, object_key(ch->now));
	if (!*ch->now->ns || !may_free(ch) || !store_count(controller_store(c), k, ch->now->ns))
		return;
	store_list(controller_store(c), k, ch->now->ns, &all);
	for (size_t i = 0; i < all.n; i++)
		controller_enqueue(c, object_key(all.list[i]));
	object_list_fini(&all);
}

static int sync(struct controller *c, struct objkey key, struct plan *plan, struct err *err)
{
	struct object *quota = store_get(controller_store(c), key);
	const struct value *hard;
	struct value *status;

	(void)err;
	if (!quota)
		return 0;
	hard = value_dig(quota->value, "spec", "hard", NULL);
	if (hard && !object_deleting(quota->value)) {
		status = value_set(value_new_map(), "hard", value_ref(hard));
		status = value_set(status, "used", quota_used(controller_store(c), quota->value));
		plan_status(plan, quota, status);
	}
	object_unref(quota);
	return 0;
}

const struct controller_class quota_controller = {
	.name = "resourcequota-controller",
	.observe = observe,
	.sync = sync,
};
