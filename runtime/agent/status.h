/* SPDX-License-Identifier: MIT */
/*
 * The status of a Pod: a pure function of what is observed and of the status
 * that was there (whose transition times and foreign conditions are kept).
 * Source: Kubernetes "Pod Lifecycle"; pkg/kubelet getPhase and status/generate.go.
 */
#pragma once

#include "runtime/agent/pod.h"

/* "Pending", "Running", "Succeeded", "Failed". */
const char *status_phase(const struct pod_state *st);
/* Owned; `old` is the pod's present status, may be NULL. Equal input gives an equal status. */
struct value *status_of_pod(const struct pod_state *st, const struct value *old, int64_t now_sec);

/* Parts, for pod_status: owned lists. */
struct value *ctr_statuses(const struct pod_state *st, int init);
struct value *status_conditions(const struct pod_state *st, const struct value *old,
				const char *phase, int64_t now_sec);
/* As the status shows them. */
int ctr_is_ready(const struct ctr *c);
int ctr_is_started(const struct ctr *c);
/* {state, lastState}: which run is shown where. */
enum ctr_shown { SHOWN_WAITING, SHOWN_RUNNING, SHOWN_TERMINATED };
enum ctr_shown ctr_shown(const struct pod_state *st, const struct ctr *c);
