/* SPDX-License-Identifier: MIT */
/* All controllers of a daemon. */
#include "objects/controllers/controller.h"

extern const struct controller_class deployment_controller, replicaset_controller,
	replication_controller, scheduler_controller, fakenode_controller, gc_controller,
	namespace_controller, serviceaccount_controller, root_ca_controller, event_ttl_controller,
	podgc_controller, node_lifecycle_controller, taint_eviction_controller,
	endpoints_controller, quota_controller, protection_controller, disruption_controller,
	definition_controller, aggregation_controller;

/* clang-format off */
const struct controller_class *const all_controllers[] = {
	&definition_controller,
	&namespace_controller,
	&serviceaccount_controller,
	&root_ca_controller,
	&aggregation_controller,
	&node_lifecycle_controller,
	&taint_eviction_controller,
	&fakenode_controller,
	&deployment_controller,
	&replicaset_controller,
	&replication_controller,
	&scheduler_controller,
	&endpoints_controller,
	&gc_controller,
	&podgc_controller,
	&event_ttl_controller,
	&quota_controller,
	&protection_controller,
	&disruption_controller,
	NULL,
};
/* clang-format on */
