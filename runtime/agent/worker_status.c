/* SPDX-License-Identifier: MIT */
/*
 * Writing the status: when it differs from what the store has, one write at a
 * time, and not yet while a start is so young that it will soon be told in one.
 */
#include "runtime/agent/agent_i.h"

#include <errno.h>

#include "runtime/agent/status.h"

static void written(void *arg, int rc)
{
	struct worker *w = arg;

	w->a->in_flight--;
	w->status_in_flight = 0;
	if (rc == -ENOENT) {
		worker_touch(w);
		return;
	}
	if (rc) { /* the store failed: what it has is not known; try again, not at once */
		value_unref(w->known_status);
		w->known_status = value_ref(value_get(w->obj->value, "status"));
		w->status_due_ms = worker_now(w) + 1000;
	}
	worker_touch(w);
}

/* Nothing to say yet but that containers are being made. */
static int is_young(const struct worker *w)
{
	int starting = 0;

	if (w->life != LIFE_RUN || w->st.failed_reason)
		return 0;
	for (size_t i = 0; i < w->st.n; i++) {
		const struct ctr *c = &w->st.ctrs[i];

		if (c->waiting_reason || c->state == CTR_EXITED)
			return 0;
		starting |= c->state != CTR_RUNNING;
	}
	return starting;
}

void worker_write_status(struct worker *w)
{
	struct agent_core *a = w->a;
	CLEANUP_VALUE struct value *now = NULL;
	uint64_t at = worker_now(w);

	if (w->status_in_flight || w->deleted)
		return;
	now = status_of_pod(&w->st, w->known_status, a->ops->now_sec(a->ctx));
	if (value_equal(now, w->known_status)) {
		w->status_due_ms = 0;
		deadline_disarm(&a->deadlines, &w->status_hold);
		return;
	}
	if (is_young(w) && !w->status_due_ms)
		w->status_due_ms = at + FIRST_STATUS_MS;
	else if (!is_young(w) && w->status_due_ms > at && w->status_due_ms - at <= FIRST_STATUS_MS)
		w->status_due_ms = 0;
	if (w->status_due_ms > at) {
		deadline_arm(&a->deadlines, &w->status_hold, w->status_due_ms);
		return;
	}
	deadline_disarm(&a->deadlines, &w->status_hold);
	w->status_in_flight = 1;
	w->status_due_ms = 0;
	value_unref(w->known_status);
	w->known_status = value_ref(now);
	a->in_flight++;
	a->ops->write_status(a->ctx, w->obj, value_ref(now), written, w);
}
