/* SPDX-License-Identifier: MIT */
/*
 * For tests: plays the nodes. Pods that are bound are Running at once, and ready
 * unless their image is "i:bad" or played_unready is set; deleted pods are gone at once.
 */
#pragma once

#include "objects/controllers/controller.h"

static _Atomic int played_unready;

static inline struct value *played_condition(const char *type, int yes)
{
	struct value *c = value_set_str(value_new_map(), "type", type);
	char now[32];

	c = value_set_str(c, "status", yes ? "True" : "False");
	return value_set_str(c, "lastTransitionTime", api_now(now));
}

static inline struct value *played_status(const struct value *pod)
{
	static const char *const types[] = {"Initialized", "Ready", "ContainersReady",
					    "PodScheduled"};
	const struct value *containers = value_dig(pod, "spec", "containers", NULL);
	int ready = !played_unready &&
		    !str_eq(value_dig_str(value_at(containers, 0), "image", NULL), "i:bad");
	static _Atomic unsigned last;
	struct value *s = value_ref(value_get(pod, "status")), *list = value_new_list();
	unsigned ip;

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		list = value_append(list, played_condition(types[i], ready || i == 0 || i == 3));
	s = value_set(s ? s : value_new_map(), "conditions", list);
	if (value_get(s, "podIP"))
		return s;
	ip = ++last;
	s = value_set_str(s, "phase", "Running");
	s = value_set(s, "podIP", value_new_stringf("10.42.%u.%u", ip >> 8 & 255, ip & 255));
	list = value_append(value_new_list(),
			    value_set(value_new_map(), "ip", value_ref(value_get(s, "podIP"))));
	return value_set(s, "podIPs", list);
}

static inline void played_observe(struct controller *c, const struct change *ch)
{
	if (str_eq(ch->now->kind->plural, "pods") && ch->type != CHANGE_DELETED)
		controller_enqueue(c, object_key(ch->now));
}

static inline int played_sync(struct controller *c, struct objkey key, struct plan *plan,
			      struct err *err)
{
	struct object *o = store_get(controller_store(c), key);
	const char *node = o ? value_dig_str(o->value, "spec", "nodeName", NULL) : NULL;

	if (o && object_deleting(o->value)) {
		if (value_int(value_dig(o->value, "metadata", "deletionGracePeriodSeconds", NULL),
			      0))
			plan_delete(plan, o)->grace_seconds = 0;
	} else if (node && *node &&
		   str_eq(value_dig_str(o->value, "status", "phase", NULL), "Pending")) {
		plan_status(plan, o, played_status(o->value));
	}
	object_unref(o);
	return 0;
}

static const struct controller_class script_kubelet = {
	.name = "kubelet",
	.manager = "kubelet",
	.observe = played_observe,
	.sync = played_sync,
};
