/* SPDX-License-Identifier: MIT */
/*
 * Running probes. A timer is armed only while its container runs and the probe has
 * something to decide: startup until it passed, liveness and readiness after that.
 */
#include "runtime/agent/agent_i.h"

#define FIRST_PROBE_MS 250u /* with no initialDelaySeconds: time for a process to begin */

static void probe_now(void *arg);

static const struct value *probe_spec(const struct probe_state *p)
{
	return value_get(ctr_spec(&p->cw->w->st, p->cw->c), probe_field(p->kind));
}

static void stop_one(struct probe_state *p)
{
	struct agent_core *a = p->cw->w->a;

	deadline_disarm(&a->deadlines, &p->next);
	if (p->action)
		a->ops->act_cancel(a->ctx, STEAL(p->action));
	p->active = 0;
}

void probes_stop(struct cwork *cw)
{
	for (int k = 0; k < N_PROBES; k++)
		stop_one(&cw->probes[k]);
}

static void arm(struct probe_state *p, uint64_t delay_ms)
{
	struct worker *w = p->cw->w;

	p->next.fn = probe_now;
	p->next.arg = p;
	deadline_arm(&w->a->deadlines, &p->next, worker_now(w) + delay_ms);
}

static void start_one(struct probe_state *p)
{
	struct worker *w = p->cw->w;
	const struct value *spec = probe_spec(p);
	int64_t age, delay;

	if (!spec || p->active)
		return;
	probe_times_of(spec, &p->times);
	p->run = (struct probe_run){.passing = p->kind == PROBE_LIVENESS};
	if (p->kind == PROBE_READINESS && p->cw->c->ready_passed)
		p->run = (struct probe_run){.passing = 1, .decided = 1};
	p->active = 1;
	age = w->a->ops->now_sec(w->a->ctx) - p->cw->c->run.started_sec;
	delay = p->times.initial_delay > age ? (p->times.initial_delay - (age > 0 ? age : 0)) * 1000
					     : 0;
	arm(p, delay ? (uint64_t)delay : FIRST_PROBE_MS);
}

void probes_start(struct cwork *cw)
{
	if (cw->c->state != CTR_RUNNING || cw->c->kind == CTR_INIT)
		return;
	if (!cw->c->startup_passed) {
		start_one(&cw->probes[PROBE_STARTUP]);
		return;
	}
	start_one(&cw->probes[PROBE_LIVENESS]);
	start_one(&cw->probes[PROBE_READINESS]);
}

static void verdict(struct probe_state *p)
{
	struct cwork *cw = p->cw;
	struct ctr *c = cw->c;

	switch (p->kind) {
	case PROBE_STARTUP:
		if (p->run.passing) {
			c->startup_passed = 1;
			stop_one(p);
			probes_start(cw);
		} else {
			c->startup_failed = 1;
		}
		break;
	case PROBE_LIVENESS:
		c->liveness_failed = !p->run.passing;
		break;
	default:
		c->ready_passed = p->run.passing;
	}
	worker_touch(cw->w);
}

static void say(struct probe_state *p, enum action_result result, const char *text)
{
	struct worker *w = p->cw->w;
	const char *title = probe_title(p->kind);

	if (result == ACTION_FAILURE)
		worker_event(w, p->cw->c, "Warning", "Unhealthy", "%s probe failed: %s", title,
			     text);
	else if (result == ACTION_ERROR)
		worker_event(w, p->cw->c, "Warning", "Unhealthy",
			     "%s probe errored and resulted in unknown state: %s", title, text);
	else if (result == ACTION_WARNING)
		worker_event(w, p->cw->c, "Warning", "ProbeWarning", "%s probe warning: %s", title,
			     text);
}

static void probed(void *arg, enum action_result result, const char *text)
{
	struct probe_state *p = arg;
	int ok = result == ACTION_SUCCESS || result == ACTION_WARNING;

	p->action = NULL;
	say(p, result, text ? text : "");
	arm(p, (uint64_t)p->times.period * 1000);
	if (result != ACTION_ERROR && probe_count(&p->run, &p->times, ok))
		verdict(p);
	/* After liveness or startup failed, wait for the container's end. */
	if (p->cw->c->liveness_failed || p->cw->c->startup_failed)
		deadline_disarm(&p->cw->w->a->deadlines, &p->next);
}

static void probe_now(void *arg)
{
	struct probe_state *p = arg;
	struct worker *w = p->cw->w;
	struct parsed_action pa;
	struct err err = ERR_INIT;

	if (p->action)
		return;
	if (action_parse(probe_spec(p), ctr_spec(&w->st, p->cw->c), w->uid, w->st.ip, &pa, &err)) {
		say(p, ACTION_ERROR, err.msg);
		arm(p, (uint64_t)p->times.period * 1000);
		return;
	}
	pa.spec.timeout_ms = (uint64_t)p->times.timeout * 1000;
	p->action = w->a->ops->act(w->a->ctx, &pa.spec, probed, p);
	parsed_action_fini(&pa);
}
