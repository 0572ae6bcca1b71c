/* SPDX-License-Identifier: MIT */
/*
 * Which pods go first when a ReplicaSet has too many.
 * Source: Kubernetes pkg/controller/controller_utils.go, ActivePodsWithRanks.
 */
#pragma once

#include "objects/object.h"

struct ranked_pod {
	const struct object *pod; /* borrowed */
	int64_t together;         /* active pods of the same workload on its node */
};

/* Sort: those to be deleted first come first. now: seconds since the epoch. */
void rank_pods(struct ranked_pod *pods, size_t n, int64_t now);
