/* SPDX-License-Identifier: MIT */
/*
 * What a pod asks of a node.
 * Source: Kubernetes "Resource Management for Pods and Containers", "Sidecar
 * Containers" (how init containers count); component-helpers resource/helpers.go.
 */
#pragma once

#include "objects/controllers/scheduler/cluster.h"

/* Number of a resource name, made if new; -1 when there are too many. */
int resource_id(struct cluster *cl, const char *name);
/* A quantity in the unit of the resource. */
int64_t resource_amount(int id, const struct value *quantity);
void requests_of_pod(struct cluster *cl, const struct value *pod, struct amounts *out);
/* For scoring: a container that asks for nothing is taken to use 100m and 200 MiB. */
void pod_score_requests(const struct value *pod, int64_t *cpu, int64_t *memory);
