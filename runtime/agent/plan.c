/* SPDX-License-Identifier: MIT */
/* Decisions about containers. */
#include "runtime/agent/plan.h"

static int is_alive(const struct ctr *c)
{
	return c->state == CTR_RUNNING || c->state == CTR_STARTING;
}

static void wake_at(struct pod_plan *p, uint64_t at)
{
	if (at != UINT64_MAX && (!p->wake_ms || at < p->wake_ms))
		p->wake_ms = at;
}

/* Start it now, or say how long it has to wait. */
static void start_or_wait(const struct ctr *c, uint64_t now, struct ctr_plan *cp,
			  struct pod_plan *p)
{
	uint64_t until = 0;

	if (c->retry_ms > now)
		until = c->retry_ms;
	else if (c->state == CTR_EXITED && !c->stale)
		until = backoff_until(&c->restart, c->run.finished_ms, now);
	cp->act = until ? ACT_WAIT : ACT_START;
	cp->until_ms = until;
	if (until)
		wake_at(p, until);
	p->needs_sandbox = 1;
}

/* A running container that has to go before it may come back. */
static int must_be_replaced(const struct pod_state *st, const struct ctr *c, enum kill_why *why)
{
	const char *image = value_str(value_get(ctr_spec(st, c), "image"), "");

	if (c->stopping)
		return 0;
	if (c->kind != CTR_INIT && c->spec_image && !str_eq(c->spec_image, image)) {
		*why = KILL_CHANGED;
		return 1;
	}
	if (c->liveness_failed) {
		*why = KILL_LIVENESS;
		return 1;
	}
	if (c->startup_failed) {
		*why = KILL_STARTUP;
		return 1;
	}
	return 0;
}

static void plan_running(const struct pod_state *st, const struct ctr *c, struct ctr_plan *cp,
			 struct pod_plan *p)
{
	p->needs_sandbox = 1;
	if (c->state == CTR_RUNNING && must_be_replaced(st, c, &cp->why))
		cp->act = ACT_KILL;
}

/* Return: 1 when the next container may go on. */
static int plan_init(const struct pod_state *st, const struct ctr *c, int initialized, uint64_t now,
		     struct ctr_plan *cp, struct pod_plan *p)
{
	if (is_alive(c)) {
		plan_running(st, c, cp, p);
		if (c->kind == CTR_INIT)
			return 0;
		return initialized ||
		       (c->state == CTR_RUNNING && c->startup_passed && !c->hook_pending);
	}
	if (c->kind == CTR_INIT) {
		if (initialized)
			return 1;
		if (c->state == CTR_EXITED && !c->stale && c->run.exit_code == 0)
			return 1;
		if (c->state == CTR_EXITED && !c->stale && !ctr_should_restart(st, c)) {
			p->finished = 1;
			return 0;
		}
	}
	start_or_wait(c, now, cp, p);
	return initialized;
}

static void plan_main(const struct pod_state *st, const struct ctr *c, uint64_t now,
		      struct ctr_plan *cp, struct pod_plan *p)
{
	if (is_alive(c))
		plan_running(st, c, cp, p);
	else if (c->state == CTR_WAITING || ctr_should_restart(st, c))
		start_or_wait(c, now, cp, p);
}

/* Every ordinary container has come to its end for good, or the initialization did. */
static int is_finished(const struct pod_state *st)
{
	int left = 0, ran = 0;

	for (size_t i = 0; i < st->n; i++) {
		const struct ctr *c = &st->ctrs[i];

		ran |= c->stale;
		if (c->kind == CTR_INIT && c->state == CTR_EXITED && !c->stale &&
		    c->run.exit_code != 0 && !ctr_should_restart(st, c) && !pod_initialized(st))
			return 1;
		if (c->kind == CTR_MAIN && (c->state != CTR_EXITED || ctr_should_restart(st, c)))
			left = 1;
	}
	/* A sandbox that was lost is not made again for a pod that must not be restarted. */
	return !left || (ran && str_eq(pod_restart_policy(st->pod), "Never"));
}

static void plan_end(const struct pod_state *st, struct pod_plan *p)
{
	int others = 0;

	for (size_t i = 0; i < st->n; i++) {
		const struct ctr *c = &st->ctrs[i];

		if (c->kind == CTR_SIDECAR || !is_alive(c))
			continue;
		others = 1;
		if (!c->stopping)
			p->ctrs[i].act = ACT_KILL;
	}
	for (size_t i = st->n; !others && i-- > 0;) {
		const struct ctr *c = &st->ctrs[i];

		if (c->kind != CTR_SIDECAR || !is_alive(c))
			continue;
		others = 1; /* one at a time */
		if (!c->stopping)
			p->ctrs[i].act = ACT_KILL;
	}
}

void pod_plan(const struct pod_state *st, uint64_t now, struct pod_plan *out)
{
	int initialized = pod_initialized(st), go_on = 1;

	*out = (struct pod_plan){0};
	out->ctrs = xcalloc(st->n + 1, sizeof(*out->ctrs));
	for (size_t i = 0; i < st->n; i++)
		out->alive += is_alive(&st->ctrs[i]);
	if (st->ending || st->ended || is_finished(st)) {
		out->finished = !st->ending;
		plan_end(st, out);
		return;
	}
	for (size_t i = 0; go_on && i < st->n; i++) {
		const struct ctr *c = &st->ctrs[i];

		if (c->kind == CTR_MAIN)
			plan_main(st, c, now, &out->ctrs[i], out);
		else
			go_on = plan_init(st, c, initialized, now, &out->ctrs[i], out);
	}
}

void pod_plan_fini(struct pod_plan *p)
{
	free(p->ctrs);
	*p = (struct pod_plan){0};
}
