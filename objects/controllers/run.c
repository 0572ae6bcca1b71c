/* SPDX-License-Identifier: MIT */
/* One run of a key: sync, its plan through the write path, and what follows from the outcome. */
#include "objects/controllers/runner_i.h"

#include <errno.h>

#include "util/log.h"

#define DEFAULT_MANAGER "kube-controller-manager"

/* -- submitting a plan -- */

static const char *manager_of(const struct controller *c)
{
	return c->class->manager ? c->class->manager : DEFAULT_MANAGER;
}

void run_free(struct run *run)
{
	plan_fini(&run->plan);
	free(run);
}

/* Any thread: one batch less; the last one hands the run over to the loop. */
static void run_close(struct run *run)
{
	struct runner *r = run->controller->runner;

	if (--run->n_open)
		return;
	pthread_mutex_lock(&r->lock);
	run->next = r->ended;
	r->ended = run;
	runner_ring(r);
	r->n_in_flight--;
	pthread_cond_signal(&r->changed);
	pthread_mutex_unlock(&r->lock);
}

static void batch_done(struct api_batch *b, int rc)
{
	struct run_batch *rb = b->arg;

	for (size_t i = 0; i < rb->n; i++)
		faults_move(&rb->run->plan.ops[rb->first + i].faults, &b->list[i]->faults);
	run_close(rb->run);
	free(rb);
}

static void emit(struct run *run, const struct planned_event *e)
{
	const struct event_source source = {run->controller->class->name, NULL,
					    manager_of(run->controller)};

	if (e->once)
		event_record_once(run->controller->runner->recorder, &source, e->about, e->type,
				  e->reason, e->message);
	else
		event_record(run->controller->runner->recorder, &source, e->about, NULL, e->type,
			     e->reason, "%s", e->message);
}

static void run_submit(struct run *run)
{
	struct controller *c = run->controller;
	struct runner *r = c->runner;
	struct caller who = {
		.user = "system:kube-controller-manager", .manager = manager_of(c), .trusted = 1};
	struct plan *p = &run->plan;

	run->n_open = 1;
	pthread_mutex_lock(&r->lock);
	r->n_in_flight++;
	pthread_mutex_unlock(&r->lock);
	for (size_t i = 0; i < p->n_ops;) {
		struct run_batch *rb = xcalloc(1, sizeof(*rb));
		struct api_batch *b = api_batch_new(batch_done, rb);

		*rb = (struct run_batch){run, i, 0};
		do {
			api_batch_add(b, STEAL(p->ops[i].request));
			rb->n++;
		} while (++i < p->n_ops && p->ops[i].joined);
		run->n_open++;
		api_submit(r->api, &who, b);
	}
	for (size_t i = 0; i < p->n_events; i++)
		if (p->events[i].after == PLAN_AT_ONCE)
			emit(run, &p->events[i]);
	run_close(run);
}

static struct run *run_new(struct controller *c, struct work_item *item)
{
	struct run *run = xcalloc(1, sizeof(*run));

	run->controller = c;
	run->item = item;
	run->plan.again_ms = UINT64_MAX;
	run->again_at = WORK_NEVER;
	return run;
}

static void item_end(struct controller *c, struct work_item *item, enum work_end how,
		     uint64_t again_at)
{
	work_end(&c->queue, item, how, again_at, loop_now_ms());
}

void run_start(struct controller *c, struct work_item *item)
{
	struct run *run = run_new(c, item);
	struct err err = ERR_INIT;
	int rc = c->class->sync(c, item->key, &run->plan, &err);

	if (rc < 0) {
		log_warn("%s: %s/%s/%s: %s", c->class->name, item->key.kind->plural, item->key.ns,
			 item->key.name, err.msg);
		run_free(run);
		item_end(c, item, rc == -EBUSY ? WORK_CONFLICT : WORK_FAILED, WORK_NEVER);
		return;
	}
	if (run->plan.again_ms != UINT64_MAX)
		run->again_at = loop_now_ms() + run->plan.again_ms;
	if (run->plan.n_ops || run->plan.n_events) {
		run_submit(run);
		return;
	}
	item_end(c, item, WORK_DONE, run->again_at);
	run_free(run);
}

/* -- plans that ended -- */

static int is_conflict(const struct faults *f)
{
	return f->code == EBUSY;
}

/* Whose fault: a batch that was joined is refused as a whole. */
static const struct faults *faults_of(const struct plan *p, size_t i)
{
	size_t first = i;

	while (p->ops[first].joined)
		first--;
	for (size_t j = first; j < p->n_ops && (j == first || p->ops[j].joined); j++)
		if (p->ops[j].faults.n)
			return &p->ops[j].faults;
	return NULL;
}

static void log_refusal(const struct run *run, const struct planned_op *op)
{
	const struct controller *c = run->controller;
	struct err err = ERR_INIT;

	faults_to_err(&op->faults, &err);
	log_warn("%s: %s/%s/%s: %s/%s: %s", c->class->name, run->item->key.kind->plural,
		 run->item->key.ns, run->item->key.name, op->key.kind->plural,
		 op->key.name ? op->key.name : "", err.msg);
}

static enum work_end look_at_outcome(struct run *run, struct plan_fault *told, size_t *n_told)
{
	struct plan *p = &run->plan;
	enum work_end end = WORK_DONE;

	*n_told = 0;
	for (size_t i = 0; i < p->n_ops; i++) {
		struct planned_op *op = &p->ops[i];

		if (!op->faults.n)
			continue;
		if (is_conflict(&op->faults)) {
			if (end == WORK_DONE)
				end = WORK_CONFLICT;
			continue;
		}
		if (!*n_told)
			log_refusal(run, op);
		end = WORK_FAILED;
		told[(*n_told)++] = (struct plan_fault){op->verb, op->key, &op->faults};
	}
	return end;
}

static void emit_after(struct run *run)
{
	const struct plan *p = &run->plan;

	for (size_t i = 0; i < p->n_events; i++)
		if (p->events[i].after != PLAN_AT_ONCE && !faults_of(p, p->events[i].after))
			emit(run, &p->events[i]);
}

/* Return: the run that follows it, for what failed; NULL: the key is free. */
static struct run *run_follow(struct run *run)
{
	struct controller *c = run->controller;
	struct run *last = NULL;
	struct plan_fault *told;
	size_t n;

	emit_after(run);
	if (run->last)
		return NULL;
	told = xcalloc(run->plan.n_ops + 1, sizeof(*told));
	run->end = look_at_outcome(run, told, &n);
	if (n && c->class->failed) {
		last = run_new(c, run->item);
		last->last = 1;
		last->end = run->end;
		last->again_at = run->again_at;
		c->class->failed(c, run->item->key, told, n, &last->plan);
	}
	free(told);
	return last;
}

struct run *runs_take_ended(struct runner *r)
{
	struct run *list, *in_order = NULL, *next;

	pthread_mutex_lock(&r->lock);
	list = r->ended;
	r->ended = NULL;
	pthread_mutex_unlock(&r->lock);
	for (; list; list = next) {
		next = list->next;
		list->next = in_order;
		in_order = list;
	}
	return in_order;
}

void runs_end(struct run *ended)
{
	struct run *run, *next, *follower;

	for (run = ended; run; run = next) {
		next = run->next;
		follower = run_follow(run);
		if (follower)
			run_submit(follower);
		else
			item_end(run->controller, run->item, run->end, run->again_at);
		run_free(run);
	}
}
