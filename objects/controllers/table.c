/* SPDX-License-Identifier: MIT */
/* All controllers of a daemon, in the order in which they are started. */
#include "objects/controllers/controller.h"

/* clang-format off */
#define ALL_CONTROLLERS(each)      \
	each(definition)           \
	each(namespace)            \
	each(serviceaccount)       \
	each(root_ca)              \
	each(token_secrets)        \
	each(aggregation)          \
	each(node_lifecycle)       \
	each(taint_eviction)       \
	each(fakenode)             \
	each(deployment)           \
	each(replicaset)           \
	each(replication)          \
	each(scheduler)            \
	each(endpoints)            \
	each(gc)                   \
	each(podgc)                \
	each(event_ttl)            \
	each(inert)                \
	each(quota)                \
	each(protection)           \
	each(disruption)           \
	each(policy_status)
/* clang-format on */

#define DECLARE(name) extern const struct controller_class name##_controller;
ALL_CONTROLLERS(DECLARE)

#define ADDRESS(name) &name##_controller,
const struct controller_class *const all_controllers[] = {ALL_CONTROLLERS(ADDRESS) NULL};
