/* SPDX-License-Identifier: MIT */
/*
 * Resources of a pod: quality of service class, the sums that its cgroup gets,
 * and the OOM score. Source: Kubernetes "Pod Quality of Service Classes";
 * pkg/apis/core/v1/helper/qos, pkg/kubelet/qos, component-helpers resource.
 */
#pragma once

#include "objects/value.h"
#include "runtime/sandbox.h"

enum qos { QOS_GUARANTEED, QOS_BURSTABLE, QOS_BEST_EFFORT };

enum qos qos_class(const struct value *pod);
const char *qos_name(enum qos q);

/* A quantity of a container's resources: thousandths for cpu, units for the rest; 0 when absent.
 * which: "requests" or "limits". */
int64_t resource_of(const struct value *container, const char *which, const char *resource);
/* What the scheduler counts: max(sum of containers, init containers in turn with the sidecars
 * before them) + overhead. */
int64_t pod_requests(const struct value *pod, const char *resource);
/* of a container */
struct resource_limits limits_of(const struct value *pod, const struct value *container,
				 uint64_t node_memory);
/* of the pod as a whole: a limit only where every container has one */
struct resource_limits pod_limits(const struct value *pod);
int oom_score_adj(const struct value *pod, const struct value *container, uint64_t node_memory);
