/* SPDX-License-Identifier: MIT */
/* postStart and preStop. Source: Kubernetes "Container Lifecycle Hooks". */
#include "runtime/agent/agent_i.h"

#define HOOK_TIMEOUT_MS (24u * 3600 * 1000) /* postStart has none of its own */

void hook_cancel(struct cwork *cw)
{
	struct agent_core *a = cw->w->a;

	deadline_disarm(&a->deadlines, &cw->hook_end);
	if (cw->hook)
		a->ops->act_cancel(a->ctx, STEAL(cw->hook));
	cw->c->hook_pending = 0;
}

/* -- postStart -- */

static void post_start_failed(struct cwork *cw, const char *why)
{
	struct worker *w = cw->w;

	worker_event(w, cw->c, "Warning", "FailedPostStartHook", "PostStartHook failed: %s", why);
	cw->c->hook_pending = 0;
	cw->stop_by_ms = worker_now(w) + (uint64_t)pod_grace(w->obj->value) * 1000;
	if (!cw->c->stopping) {
		cw->c->stopping = 1;
		worker_event(w, cw->c, "Normal", "Killing", "FailedPostStartHook");
		worker_stop_now(cw);
	}
	worker_touch(w);
}

static void post_started(void *arg, enum action_result result, const char *text)
{
	struct cwork *cw = arg;

	cw->hook = NULL;
	if (result == ACTION_FAILURE || result == ACTION_ERROR) {
		post_start_failed(cw, text ? text : "");
		return;
	}
	cw->c->hook_pending = 0;
	worker_touch(cw->w);
}

static void slept(void *arg)
{
	post_started(arg, ACTION_SUCCESS, NULL);
}

void hook_post_start(struct cwork *cw)
{
	struct worker *w = cw->w;
	const struct value *spec = ctr_spec(&w->st, cw->c);
	struct parsed_action pa;
	struct err err = ERR_INIT;

	cw->c->hook_pending = 1;
	if (action_parse(value_dig(spec, "lifecycle", "postStart", NULL), spec, w->uid, w->st.ip,
			 &pa, &err)) {
		post_start_failed(cw, err.msg);
		return;
	}
	if (pa.sleep_ms != UINT64_MAX) {
		cw->hook_end = (struct deadline){.fn = slept, .arg = cw};
		deadline_arm(&w->a->deadlines, &cw->hook_end, worker_now(w) + pa.sleep_ms);
	} else {
		pa.spec.timeout_ms = HOOK_TIMEOUT_MS;
		cw->hook = w->a->ops->act(w->a->ctx, &pa.spec, post_started, cw);
	}
	parsed_action_fini(&pa);
}

/* -- preStop -- */

static void pre_stop_over(void *arg)
{
	struct cwork *cw = arg;

	hook_cancel(cw);
	worker_stop_now(cw);
}

static void pre_stopped(void *arg, enum action_result result, const char *text)
{
	struct cwork *cw = arg;

	cw->hook = NULL;
	if (result == ACTION_FAILURE || result == ACTION_ERROR)
		worker_event(cw->w, cw->c, "Warning", "FailedPreStopHook", "PreStopHook failed: %s",
			     text ? text : "");
	pre_stop_over(cw);
}

int hook_pre_stop(struct cwork *cw, uint64_t grace_ms)
{
	struct worker *w = cw->w;
	const struct value *spec = ctr_spec(&w->st, cw->c);
	const struct value *handler = value_dig(spec, "lifecycle", "preStop", NULL);
	struct parsed_action pa;
	struct err err = ERR_INIT;
	uint64_t until = grace_ms;

	if (!handler)
		return 0;
	if (action_parse(handler, spec, w->uid, w->st.ip, &pa, &err)) {
		worker_event(w, cw->c, "Warning", "FailedPreStopHook", "PreStopHook failed: %s",
			     err.msg);
		return 0;
	}
	cw->in_pre_stop = 1;
	if (pa.sleep_ms != UINT64_MAX) {
		until = pa.sleep_ms < grace_ms ? pa.sleep_ms : grace_ms;
	} else {
		pa.spec.timeout_ms = grace_ms;
		cw->hook = w->a->ops->act(w->a->ctx, &pa.spec, pre_stopped, cw);
	}
	cw->hook_end = (struct deadline){.fn = pre_stop_over, .arg = cw};
	deadline_arm(&w->a->deadlines, &cw->hook_end, worker_now(w) + until);
	parsed_action_fini(&pa);
	return 1;
}
