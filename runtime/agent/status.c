/* SPDX-License-Identifier: MIT */
/* Phase and the whole status. */
#include "runtime/agent/status.h"

#include "objects/quantity.h"

struct counts {
	int pending_init, pending_sidecar, failed_init; /* init containers */
	int running, waiting, stopped, succeeded;       /* ordinary ones */
};

static void count_init(const struct pod_state *st, const struct ctr *c, struct counts *n)
{
	enum ctr_shown shown = ctr_shown(st, c);
	int ended = c->state == CTR_EXITED || (c->state == CTR_STARTING && c->has_last);

	if (c->kind == CTR_SIDECAR) {
		if (shown == SHOWN_RUNNING ? !ctr_is_started(c) : !ended && shown == SHOWN_WAITING)
			n->pending_sidecar++;
		return;
	}
	if (shown == SHOWN_RUNNING || !ended) {
		n->pending_init++;
		return;
	}
	if ((c->state == CTR_EXITED ? c->run.exit_code : c->last.exit_code) != 0)
		n->failed_init++;
}

static void count_main(const struct pod_state *st, const struct ctr *c, struct counts *n)
{
	switch (ctr_shown(st, c)) {
	case SHOWN_RUNNING:
		n->running++;
		break;
	case SHOWN_TERMINATED:
		n->stopped++;
		n->succeeded +=
			(c->state == CTR_EXITED ? c->run.exit_code : c->last.exit_code) == 0;
		break;
	default: /* between two runs it counts as stopped */
		if (c->state == CTR_EXITED || c->has_last)
			n->stopped++;
		else
			n->waiting++;
	}
}

const char *status_phase(const struct pod_state *st)
{
	const char *policy = pod_restart_policy(st->pod);
	struct counts n = {0};
	int initialized = pod_initialized(st);

	if (st->failed_reason)
		return "Failed";
	for (size_t i = 0; i < st->n; i++) {
		if (st->ctrs[i].kind == CTR_MAIN)
			count_main(st, &st->ctrs[i], &n);
		else
			count_init(st, &st->ctrs[i], &n);
	}
	if (n.failed_init && !initialized && (str_eq(policy, "Never") || st->ended))
		return "Failed";
	if (((n.pending_init || n.pending_sidecar || n.failed_init) && !initialized) || n.waiting)
		return st->ended ? "Failed" : "Pending";
	if (n.running)
		return "Running";
	if (!n.stopped)
		return "Pending";
	if (st->ended || !str_eq(policy, "Always")) {
		if (n.stopped == n.succeeded)
			return "Succeeded";
		if (st->ended || str_eq(policy, "Never"))
			return "Failed";
	}
	return "Running";
}

static struct value *add_addresses(struct value *s, const struct pod_state *st)
{
	struct value *one;

	if (st->host_ip && *st->host_ip) {
		s = value_set_str(s, "hostIP", st->host_ip);
		one = value_set_str(value_new_map(), "ip", st->host_ip);
		s = value_set(s, "hostIPs", value_append(value_new_list(), one));
	}
	if (st->ip[0]) {
		s = value_set_str(s, "podIP", st->ip);
		one = value_set_str(value_new_map(), "ip", st->ip);
		s = value_set(s, "podIPs", value_append(value_new_list(), one));
	}
	return s;
}

struct value *status_of_pod(const struct pod_state *st, const struct value *old, int64_t now_sec)
{
	int64_t generation = value_int(value_dig(st->pod, "metadata", "generation", NULL), 0);
	struct value *s = old ? value_ref(old) : value_new_map();
	const char *phase = status_phase(st);
	char text[32];

	s = value_set_str(s, "phase", phase);
	s = value_set(s, "conditions",
		      status_conditions(st, value_get(old, "conditions"), phase, now_sec));
	s = value_set_str(s, "qosClass", pod_qos(st->pod));
	if (generation)
		s = value_set_int(s, "observedGeneration", generation);
	if (st->failed_reason) {
		s = value_set_str(s, "reason", st->failed_reason);
		s = value_set_str(s, "message", st->failed_message);
	}
	if (st->started_sec)
		s = value_set_str(s, "startTime", time_render(st->started_sec, text));
	s = add_addresses(s, st);
	if (value_count(value_dig(st->pod, "spec", "initContainers", NULL)))
		s = value_set(s, "initContainerStatuses", ctr_statuses(st, 1));
	return value_set(s, "containerStatuses", ctr_statuses(st, 0));
}
