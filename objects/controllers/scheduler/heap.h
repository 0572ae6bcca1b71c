/* SPDX-License-Identifier: MIT */
/* Pods in line for a node: higher priority first, then who came first. */
#pragma once

#include "objects/controllers/scheduler/cluster.h"

struct pod_heap {
	struct sched_pod **list; /* owned; the pods are the cluster's */
	size_t n, cap;
};

void heap_fini(struct pod_heap *h);
/* p->queued tells whether it is in. */
void heap_push(struct pod_heap *h, struct sched_pod *p);
struct sched_pod *heap_pop(struct pod_heap *h);
void heap_remove(struct pod_heap *h, struct sched_pod *p);
