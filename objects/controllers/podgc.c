/* SPDX-License-Identifier: MIT */
/*
 * Pods of nodes that are gone, deleted after a quarantine in which the node may
 * come back.
 * Source: Kubernetes "Pod Lifecycle" (pod garbage collection); pkg/controller/podgc.
 */
#include "objects/controllers/controller.h"
#include "objects/controllers/facts.h"

#define QUARANTINE_MS 40000

static void observe(struct controller *c, const struct change *ch)
{
	int fake = str_eq(object_annotation(ch->now->value, "kwok.x-k8s.io/node"), "fake");

	if (is_kind(ch->now, K_NODE) && ch->type == CHANGE_DELETED)
		controller_enqueue_after(c, object_key(ch->now), fake ? 0 : QUARANTINE_MS);
}

static int sync(struct controller *c, struct objkey key, struct plan *plan, struct err *err)
{
	struct object *node = store_get(controller_store(c), key);
	struct object_list pods;

	if (node) {
		object_unref(node);
		return 0;
	}
	store_list(controller_store(c), known_kind(K_POD), NULL, &pods);
	for (size_t i = 0; i < pods.n; i++)
		if (str_eq(STR_AT(pods.list[i]->value, "spec", "nodeName"), key.name))
			plan_delete(plan, pods.list[i])->grace_seconds = 0;
	object_list_fini(&pods);
	return 0;
}

const struct controller_class podgc_controller = {
	.name = "pod-garbage-collector-controller",
	.observe = observe,
	.sync = sync,
};
