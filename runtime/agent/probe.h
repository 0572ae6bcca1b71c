/* SPDX-License-Identifier: MIT */
/*
 * Probes: counting results is pure (probe_count), when and how they run is
 * prober.c's. Source: Kubernetes "Configure Liveness, Readiness and Startup
 * Probes"; pkg/kubelet/prober.
 */
#pragma once

#include "runtime/agent/deadlines.h"
#include "runtime/agent/ops.h"
#include "runtime/agent/pod.h"

enum probe_kind { PROBE_STARTUP, PROBE_LIVENESS, PROBE_READINESS };
#define N_PROBES 3

/* A probe's numbers, from the spec. */
struct probe_times {
	int64_t initial_delay, period, timeout, success, failure; /* seconds, counts */
};
void probe_times_of(const struct value *probe, struct probe_times *out);

/* Consecutive equal results. */
struct probe_run {
	int passing;       /* the verdict so far */
	int decided;       /* there is one */
	int last_ok, same; /* the last result and how often it came in a row */
};
/* Return: 1 when the verdict changed (run->passing). */
int probe_count(struct probe_run *run, const struct probe_times *times, int ok);

/* How the handler of a probe or hook is carried out. Everything in it is owned by the parsed
 * action. */
struct parsed_action {
	struct action_spec spec;
	char **argv, **headers, *url, *host;
	uint64_t sleep_ms; /* a hook's sleep; UINT64_MAX: none */
};
/* handler: {exec | httpGet | tcpSocket | sleep}. -EINVAL when it is none of them or a port has no
 * number. */
int action_parse(const struct value *handler, const struct value *container, const char *pod_uid,
		 const char *ip, struct parsed_action *out, struct err *err) MUST_CHECK;
void parsed_action_fini(struct parsed_action *p);
/* "Startup", "Liveness", "Readiness"; and the field: "startupProbe" ... */
const char *probe_title(enum probe_kind k);
const char *probe_field(enum probe_kind k);
