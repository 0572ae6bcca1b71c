/* SPDX-License-Identifier: MIT */
/* Ending: containers, then the sandbox, then what is left on disk and in mounts. */
#include "runtime/agent/agent_i.h"

#include <errno.h>

#include "util/log.h"

void worker_begin_ending(struct worker *w, uint64_t grace_ms)
{
	uint64_t now = worker_now(w);

	w->life = LIFE_ENDING;
	w->st.ending = 1;
	w->ending_since_ms = now;
	w->end_by_ms = now + grace_ms;
	deadline_disarm(&w->a->deadlines, &w->wake);
}

void worker_stop_now(struct cwork *cw)
{
	struct worker *w = cw->w;
	uint64_t now = worker_now(w), left = cw->stop_by_ms > now ? cw->stop_by_ms - now : 0;
	struct err err = ERR_INIT;

	if (cw->c->state != CTR_RUNNING && cw->c->state != CTR_STARTING)
		return;
	if (cw->in_pre_stop && left < MIN_STOP_GRACE_MS)
		left = MIN_STOP_GRACE_MS; /* the hook used it up */
	cw->in_pre_stop = 0;
	if (w->sb && cw->c->state == CTR_RUNNING &&
	    w->a->ops->sandbox_stop(w->a->ctx, w->sb, cw->c->name, left, &err) && err.code != ESRCH)
		log_warn("pod %s/%s: stopping %s: %s", w->obj->ns, w->obj->name, cw->c->name,
			 err.msg);
}

static uint64_t grace_for(struct worker *w, struct cwork *cw, enum kill_why why)
{
	const struct value *spec = ctr_spec(&w->st, cw->c);
	const struct value *probe = NULL;
	const struct value *own;

	if (why == KILL_ENDING) {
		uint64_t now = worker_now(w);

		return w->end_by_ms > now ? w->end_by_ms - now : 0;
	}
	if (why == KILL_LIVENESS)
		probe = value_get(spec, "livenessProbe");
	else if (why == KILL_STARTUP)
		probe = value_get(spec, "startupProbe");
	own = value_get(probe, "terminationGracePeriodSeconds");
	if (!own)
		own = value_dig(w->obj->value, "spec", "terminationGracePeriodSeconds", NULL);
	return (uint64_t)value_int(own, 30) * 1000;
}

static void say_why(struct worker *w, const struct ctr *c, enum kill_why why)
{
	switch (why) {
	case KILL_LIVENESS:
		worker_event(w, c, "Normal", "Killing",
			     "Container %s failed liveness probe, will be restarted", c->name);
		break;
	case KILL_STARTUP:
		worker_event(w, c, "Normal", "Killing",
			     "Container %s failed startup probe, will be restarted", c->name);
		break;
	case KILL_CHANGED:
		worker_event(w, c, "Normal", "Killing",
			     "Container %s definition changed, will be restarted", c->name);
		break;
	default:
		worker_event(w, c, "Normal", "Killing", "Stopping container %s", c->name);
	}
}

void worker_kill_ctr(struct worker *w, struct cwork *cw, enum kill_why why)
{
	struct ctr *c = cw->c;
	uint64_t grace;

	if (c->stopping)
		return;
	if (why == KILL_ENDING && w->life != LIFE_ENDING) /* sidecars of a pod that is finished */
		w->end_by_ms = worker_now(w) + (uint64_t)pod_grace(w->obj->value) * 1000;
	grace = grace_for(w, cw, why);
	c->stopping = 1;
	cw->stop_by_ms = worker_now(w) + grace;
	say_why(w, c, why);
	hook_cancel(cw); /* a postStart that still runs */
	if (c->state == CTR_RUNNING && grace > 0 && hook_pre_stop(cw, grace))
		return;
	worker_stop_now(cw);
}

void worker_hurry(struct worker *w)
{
	uint64_t by = w->ending_since_ms + worker_grace_ms(w);

	if (w->a->purging)
		return; /* it said how long */
	if (by >= w->end_by_ms)
		return;
	w->end_by_ms = by;
	for (size_t i = 0; i < w->st.n; i++) {
		struct cwork *cw = &w->ctrs[i];

		if (!cw->c->stopping ||
		    (cw->c->state != CTR_RUNNING && cw->c->state != CTR_STARTING))
			continue;
		hook_cancel(cw);
		cw->in_pre_stop = 0;
		cw->stop_by_ms = by;
		worker_stop_now(cw);
	}
}

/* -- taking down -- */

void worker_unmake(struct worker *w)
{
	for (size_t i = 0; i < w->st.n; i++) {
		probes_stop(&w->ctrs[i]);
		hook_cancel(&w->ctrs[i]);
	}
	deadline_disarm(&w->a->deadlines, &w->wake);
	deadline_disarm(&w->a->deadlines, &w->deadline);
	w->life = LIFE_UNMAKING;
	w->st.ended = 1;
	w->st.sandbox_ready = 0;
	if (w->sb)
		w->a->ops->sandbox_destroy(w->a->ctx, w->sb);
	else
		worker_clean(w);
}

static void cleaned(void *arg, int rc)
{
	struct worker *w = arg;

	w->a->in_flight--;
	if (rc)
		log_warn("pod %s/%s: files are left behind", w->obj->ns, w->obj->name);
	if (w->has_ids && w->id_base)
		w->a->ops->id_free(w->a->ctx, w->uid);
	w->has_ids = 0;
	w->life = LIFE_DOWN;
	worker_touch(w);
}

void worker_clean(struct worker *w)
{
	struct agent_core *a = w->a;
	CLEANUP_FREE char *dir = pod_state_path(a->state_dir, w->uid);
	char **paths = xcalloc(5, sizeof(*paths));
	size_t n = 0;

	worker_drop_network(w);
	a->ops->image_release(a->ctx, w->uid);
	w->life = LIFE_CLEANING;
	w->cleaned_all = w->gone || object_deleting(w->obj->value);
	paths[n++] = pod_volumes_path(a->run_dir, w->uid);
	if (w->cleaned_all) {
		paths[n++] = xstrdup(dir);
	} else { /* logs and messages stay as long as the object does */
		paths[n++] = xasprintf("%s/rootfs", dir);
		paths[n++] = xasprintf("%s/volumes", dir);
		paths[n++] = xasprintf("%s/etc", dir);
	}
	a->in_flight++;
	a->ops->remove(a->ctx, paths, cleaned, w);
}
