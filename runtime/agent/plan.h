/* SPDX-License-Identifier: MIT */
/*
 * What to do next with a pod's containers: a pure function of what is wanted,
 * what is observed, and the time.
 * Source: Kubernetes "Pod Lifecycle", "Sidecar Containers"; the decisions of
 * pkg/kubelet/kuberuntime computePodActions.
 */
#pragma once

#include "runtime/agent/pod.h"

enum ctr_act {
	ACT_NONE,
	ACT_START,
	ACT_WAIT, /* wants to start, but not before until_ms: CrashLoopBackOff */
	ACT_KILL,
};

enum kill_why { KILL_ENDING, KILL_LIVENESS, KILL_STARTUP, KILL_CHANGED };

struct ctr_plan {
	enum ctr_act act;
	enum kill_why why;
	uint64_t until_ms;
};

struct pod_plan {
	struct ctr_plan *ctrs; /* one per container of the state, owned */
	int finished;          /* by its own containers: nothing is left to run but sidecars */
	int needs_sandbox;     /* something is to be started, or runs */
	int alive;             /* containers that are starting or running */
	uint64_t wake_ms;      /* the next time that matters, 0: none */
};

/*
 * With st->ending or when finished: kill what runs, ordinary containers first, then
 * the sidecars, the last one first. Else: start what is due.
 */
void pod_plan(const struct pod_state *st, uint64_t now_ms, struct pod_plan *out);
void pod_plan_fini(struct pod_plan *p);
