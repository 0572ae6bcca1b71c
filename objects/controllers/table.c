/* SPDX-License-Identifier: MIT */
/* All controllers of a daemon, in the order in which they are started. */
#include "objects/controllers/controller.h"

#define ALL_CONTROLLERS(each)                                                                      \
	each(definition_controller) each(namespace_controller) each(serviceaccount_controller)     \
		each(root_ca_controller) each(token_secrets_controller)                            \
			each(aggregation_controller) each(node_lifecycle_controller) each(         \
				taint_eviction_controller) each(fakenode_controller)               \
				each(deployment_controller) each(replicaset_controller) each(      \
					replication_controller) each(scheduler_controller)         \
					each(endpoints_controller) each(gc_controller) each(       \
						podgc_controller) each(event_ttl_controller)       \
						each(quota_controller) each(protection_controller) \
							each(disruption_controller)

#define DECLARE(controller) extern const struct controller_class controller;
ALL_CONTROLLERS(DECLARE)

#define ADDRESS(controller) &controller,
const struct controller_class *const all_controllers[] = {ALL_CONTROLLERS(ADDRESS) NULL};
