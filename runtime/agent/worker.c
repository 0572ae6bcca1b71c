/* SPDX-License-Identifier: MIT */
/* One pod's worker: what is due, looked at as a whole. */
#include "runtime/agent/agent_i.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "objects/quantity.h"
#include "runtime/agent/status.h"
#include "util/log.h"

static void touch(void *arg)
{
	worker_touch(arg);
}

struct worker *worker_new(struct agent_core *a, const struct object *pod)
{
	struct worker *w = xcalloc(1, sizeof(*w));

	w->a = a;
	w->obj = object_ref(pod);
	w->uid = xstrdup(pod->uid);
	w->wake = (struct deadline){.fn = touch, .arg = w};
	w->deadline = (struct deadline){.fn = touch, .arg = w};
	w->status_hold = (struct deadline){.fn = touch, .arg = w};
	pod_state_init(&w->st, w->obj->value);
	w->st.host_ip = a->node->ip;
	pod_state_recall(&w->st, a->ops->now_sec(a->ctx), a->ops->now_ms(a->ctx));
	w->ctrs = xcalloc(w->st.n + 1, sizeof(*w->ctrs));
	for (size_t i = 0; i < w->st.n; i++) {
		struct cwork *cw = &w->ctrs[i];

		cw->w = w;
		cw->c = &w->st.ctrs[i];
		for (int k = 0; k < N_PROBES; k++) {
			cw->probes[k].cw = cw;
			cw->probes[k].kind = (enum probe_kind)k;
		}
	}
	w->volumes = volumes_new(w->obj->value, &w->n_volumes);
	w->known_status = value_ref(value_get(w->obj->value, "status"));
	return w;
}

void worker_free(struct worker *w)
{
	struct deadlines *all = &w->a->deadlines;

	for (size_t i = 0; i < w->st.n; i++) {
		probes_stop(&w->ctrs[i]);
		hook_cancel(&w->ctrs[i]);
	}
	deadline_disarm(all, &w->wake);
	deadline_disarm(all, &w->deadline);
	deadline_disarm(all, &w->status_hold);
	volumes_free(w->volumes, w->n_volumes);
	pod_state_fini(&w->st);
	free(w->ctrs);
	value_unref(w->known_status);
	object_unref(w->obj);
	free(w->uid);
	free(w);
}

void worker_touch(struct worker *w)
{
	struct agent_core *a = w->a;

	if (w->dirty)
		return;
	w->dirty = 1;
	w->next_dirty = NULL;
	if (!a->dirty)
		a->ops->kick(a->ctx);
	*a->dirty_end = w;
	a->dirty_end = &w->next_dirty;
}

uint64_t worker_now(const struct worker *w)
{
	return w->a->ops->now_ms(w->a->ctx);
}

struct cwork *worker_ctr(struct worker *w, const char *name)
{
	struct ctr *c = pod_ctr(&w->st, name);

	return c ? &w->ctrs[c - w->st.ctrs] : NULL;
}

void worker_event(struct worker *w, const struct ctr *c, const char *type, const char *reason,
		  const char *fmt, ...)
{
	CLEANUP_FREE char *text = NULL;
	char path[320];
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	w->a->ops->event(w->a->ctx, w->obj, c ? ctr_field_path(c, path) : NULL, type, reason, text);
}

struct volume_ctx worker_volume_ctx(struct worker *w)
{
	struct agent_core *a = w->a;

	return (struct volume_ctx){
		.src = {.st = &w->st, .node = a->node, .ops = a->ops, .ctx = a->ctx},
		.state_dir = a->state_dir,
		.run_dir = a->run_dir,
		.tree = a->tree,
		.id_base = w->id_base,
	};
}

/* Labels and annotations show in downward API volumes. */
static void refresh_downward(struct worker *w, const struct value *was)
{
	struct volume_ctx ctx = worker_volume_ctx(w);
	const struct value *now = w->obj->value;

	if (w->life != LIFE_RUN || !w->volumes_ready)
		return;
	if (value_equal(value_dig(was, "metadata", "labels", NULL),
			value_dig(now, "metadata", "labels", NULL)) &&
	    value_equal(value_dig(was, "metadata", "annotations", NULL),
			value_dig(now, "metadata", "annotations", NULL)))
		return;
	for (size_t i = 0; i < w->n_volumes; i++)
		if (volume_refresh(&ctx, &w->volumes[i], NULL) < 0)
			continue; /* said when the object that is missing comes or goes */
}

void worker_update(struct worker *w, const struct object *pod)
{
	struct object *was = w->obj;

	w->obj = object_ref(pod);
	w->st.pod = w->obj->value;
	refresh_downward(w, was->value);
	object_unref(was);
	if (!w->status_in_flight) {
		value_unref(w->known_status);
		w->known_status = value_ref(value_get(pod->value, "status"));
	}
	worker_touch(w);
}

/* -- the end of its own accord -- */

static void fail_pod(struct worker *w, const char *reason, const char *message)
{
	if (w->st.failed_reason)
		return;
	w->st.failed_reason = xstrdup(reason);
	w->st.failed_message = xstrdup(message);
}

static void check_deadline(struct worker *w)
{
	int64_t limit =
		value_int(value_dig(w->obj->value, "spec", "activeDeadlineSeconds", NULL), 0);
	int64_t now = w->a->ops->now_sec(w->a->ctx), end = w->st.started_sec + limit;

	deadline_disarm(&w->a->deadlines, &w->deadline);
	if (!limit || !w->st.started_sec || w->life > LIFE_RUN)
		return;
	if (now < end) {
		deadline_arm(&w->a->deadlines, &w->deadline,
			     worker_now(w) + (uint64_t)(end - now) * 1000);
		return;
	}
	fail_pod(w, "DeadlineExceeded",
		 "Pod was active on the node longer than the specified deadline");
	worker_event(w, NULL, "Normal", "DeadlineExceeded",
		     "Pod was active on the node longer than the specified deadline");
	worker_begin_ending(w, (uint64_t)pod_grace(w->obj->value) * 1000);
}

/* -- admission -- */

static int counts_on_node(const struct worker *w, const struct worker *candidate)
{
	return w != candidate && w->life < LIFE_DOWN && !w->st.ended && !pod_is_over(w->obj->value);
}

/* Return: 0 when the pod may not run here; its status says why. */
static int admitted(struct worker *w)
{
	struct agent_core *a = w->a;
	const struct value **others = xcalloc(a->pods.n + 1, sizeof(*others));
	CLEANUP_VALUE struct value *node = a->ops->get(a->ctx, "nodes", "", a->node_name);
	struct admission ad = {.node = a->node, .node_object = node, .others = others};
	CLEANUP_FREE char *message = NULL;
	const char *reason;
	int ok;

	STRMAP_FOREACH (s, &a->pods) {
		const struct worker *other = s->val;

		if (other->life != LIFE_NEW && counts_on_node(other, w))
			others[ad.n_others++] = other->obj->value;
	}
	ok = admit_pod(&ad, w->obj->value, &reason, &message);
	free(others);
	if (ok)
		return 1;
	worker_event(w, NULL, "Warning", reason, "%s", message);
	fail_pod(w, reason, message);
	return 0;
}

int pod_is_over(const struct value *pod)
{
	const char *phase = value_dig_str(pod, "status", "phase", NULL);

	return str_eq(phase, "Succeeded") || str_eq(phase, "Failed");
}

/* The first look at a pod. */
static void begin(struct worker *w)
{
	if (pod_is_over(w->obj->value)) { /* it ended under an earlier daemon: its files may still
					     be there */
		w->st.ended = 1;
		w->st.failed_reason =
			xstrdup(value_dig_str(w->obj->value, "status", "reason", NULL));
		w->st.failed_message =
			xstrdup(value_dig_str(w->obj->value, "status", "message", NULL));
		worker_unmake(w);
		return;
	}
	if (w->gone || object_deleting(w->obj->value) || admitted(w)) {
		w->life = LIFE_RUN;
		if (!w->st.started_sec)
			w->st.started_sec = w->a->ops->now_sec(w->a->ctx);
		return;
	}
	w->st.ended = 1;
	worker_unmake(w);
}

/* -- running -- */

static void carry_out(struct worker *w, const struct pod_plan *p, int may_start)
{
	for (size_t i = 0; i < w->st.n; i++) {
		struct cwork *cw = &w->ctrs[i];

		switch (p->ctrs[i].act) {
		case ACT_START:
			if (may_start)
				worker_start_ctr(w, cw);
			break;
		case ACT_WAIT:
			if (cw->c->retry_ms <= worker_now(w))
				worker_show_crash_loop(w, cw);
			break;
		case ACT_KILL:
			worker_kill_ctr(w, cw, p->ctrs[i].why);
			break;
		default:
			break;
		}
	}
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	if (!a || (b && b < a))
		return b;
	return a;
}

/* Return: when the next token is due, 0: none. */
static uint64_t renew_tokens(struct worker *w)
{
	struct volume_ctx ctx = worker_volume_ctx(w);
	uint64_t next = 0;

	for (size_t i = 0; i < w->n_volumes; i++) {
		struct volume *v = &w->volumes[i];
		uint64_t at = volume_renew_ms(v);

		if (at && at <= worker_now(w) && volume_refresh(&ctx, v, NULL) < 0)
			log_warn("pod %s/%s: volume %s: not refreshed", w->obj->ns, w->obj->name,
				 v->name);
		next = sooner(next, volume_renew_ms(v));
	}
	return next;
}

static void run_containers(struct worker *w)
{
	struct pod_plan p;
	uint64_t wake;

	pod_plan(&w->st, worker_now(w), &p);
	if (p.finished && !p.alive) {
		w->st.ended = 1;
		pod_plan_fini(&p);
		worker_unmake(w);
		return;
	}
	carry_out(w, &p, p.needs_sandbox && worker_prepare(w));
	wake = p.wake_ms;
	pod_plan_fini(&p);
	for (size_t i = 0; i < w->st.n;
	     i++) { /* what could not be started comes with its own time */
		uint64_t at = w->st.ctrs[i].retry_ms;

		if (at > worker_now(w) && at != UINT64_MAX && w->st.ctrs[i].state != CTR_RUNNING)
			wake = sooner(wake, at);
	}
	wake = sooner(wake, renew_tokens(w));
	wake = sooner(wake, w->volumes_retry_ms);
	wake = sooner(wake, w->sandbox_retry_ms);
	if (wake)
		deadline_arm(&w->a->deadlines, &w->wake, wake);
	else
		deadline_disarm(&w->a->deadlines, &w->wake);
}

static void end_containers(struct worker *w)
{
	struct pod_plan p;
	int alive;

	pod_plan(&w->st, worker_now(w), &p);
	carry_out(w, &p, 0);
	alive = p.alive;
	pod_plan_fini(&p);
	if (alive)
		return;
	w->st.ended = 1;
	worker_unmake(w);
}

/* Gone from the store without a word: it was forced, so its processes get what it asked for, but
 * not long. */
uint64_t worker_grace_ms(const struct worker *w)
{
	uint64_t grace = (uint64_t)pod_grace(w->obj->value) * 1000;

	if (w->gone && !object_deleting(w->obj->value) && grace > FORCED_GRACE_MS)
		return FORCED_GRACE_MS;
	return grace;
}

/* Deleted, or gone without a word. */
static void check_deletion(struct worker *w)
{
	int deleting = object_deleting(w->obj->value);

	if (!w->gone && !deleting)
		return;
	if (w->life <= LIFE_RUN)
		worker_begin_ending(w, worker_grace_ms(w));
	else if (w->life == LIFE_ENDING)
		worker_hurry(w);
}

static void pod_deleted(void *arg, int rc)
{
	struct worker *w = arg;

	w->a->in_flight--;
	w->delete_sent = 0;
	w->deleted = rc == 0 || rc == -ENOENT;
	w->gone |= w->deleted;
	worker_touch(w);
}

/* All of it is down; the object goes last. */
static void finish(struct worker *w)
{
	int deleting = object_deleting(w->obj->value);

	if (!w->cleaned_all && (deleting || w->gone)) {
		worker_clean(w);
		return;
	}
	if (!deleting || w->gone || w->delete_sent || w->deleted || w->status_in_flight)
		return;
	w->delete_sent = 1;
	w->a->in_flight++;
	w->a->ops->delete_pod(w->a->ctx, w->obj, pod_deleted, w);
}

/* Return: 0 while a sandbox that was found may still have something to tell. */
static int replay_is_over(struct worker *w)
{
	if (!w->replay_until_ms)
		return 1;
	if (worker_now(w) < w->replay_until_ms) {
		deadline_arm(&w->a->deadlines, &w->wake, w->replay_until_ms);
		return 0;
	}
	w->replay_until_ms = 0;
	for (size_t i = 0; i < w->st.n; i++)
		if (!w->ctrs[i].seen)
			worker_lose_ctr(w, &w->ctrs[i], "ContainerStatusUnknown", 137);
	return 1;
}

void worker_sync(struct worker *w)
{
	if (w->a->stopping || !replay_is_over(w))
		return;
	if (w->life == LIFE_NEW)
		begin(w);
	check_deletion(w);
	check_deadline(w);
	if (w->life == LIFE_RUN)
		run_containers(w);
	if (w->life == LIFE_ENDING)
		end_containers(w);
	if (!w->gone)
		worker_write_status(w);
	if (w->life == LIFE_DOWN)
		finish(w);
}
