/* SPDX-License-Identifier: MIT */
/*
 * Room for a pod that fits nowhere: on which node, and which pods of lower
 * priority have to leave. They are as few and as unimportant as possible.
 * Source: Kubernetes "Pod Priority and Preemption"; pkg/scheduler/framework/preemption.
 */
#pragma once

#include "objects/controllers/scheduler/place.h"

struct preemption {
	struct sched_node *node;
	struct sched_pod **victims; /* owned list, most important first */
	size_t n;
};

/* Return: whether there is a node where that helps. */
int find_victims(const struct placing *pl, struct preemption *out);
