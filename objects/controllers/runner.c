/* SPDX-License-Identifier: MIT */
/*
 * The runner: one watch for all controllers, a work queue each, and the way of
 * plans through the write path.
 *
 *	change -> observe -> queue -> sync -> plan -> api_submit
 *	                       ^                          | done (committer thread)
 *	                       +---- the key is free <----+ loop_post
 *
 * A turn first takes the plans that ended, then every change up to now, and only
 * then frees the keys of those plans: what a key wrote has been observed before
 * it runs again. Turns are bounded in time, so that others on the loop get theirs.
 */
#include "objects/controllers/runner_i.h"

#include <errno.h>
#include <stdatomic.h>

#include "util/log.h"

#define TURN_MS 10 /* after that, the loop's others have their turn */

/* -- what controllers may ask -- */

void *controller_state(struct controller *c)
{
	return c->state;
}

const void *controller_data(const struct controller *c)
{
	return c->class->data;
}

struct store *controller_store(struct controller *c)
{
	return c->runner->store;
}

struct loop *controller_loop(struct controller *c)
{
	return c->runner->loop;
}

int controller_makes_tokens(const struct controller *c)
{
	return api_makes_tokens(c->runner->api);
}

int controller_secret_token(struct controller *c, const struct value *secret, struct buf *out,
			    struct err *err)
{
	return api_secret_token(c->runner->api, secret, out, err);
}

static void on_ring(void *arg);

void runner_ring(struct runner *r)
{
	struct doorbell *d = r->doorbell;

	if (!atomic_exchange(&d->rung, 1))
		loop_post(r->loop, on_ring, d);
}

void controller_enqueue(struct controller *c, struct objkey key)
{
	work_add(&c->queue, key);
	runner_ring(c->runner);
}

static void arm(struct runner *r, uint64_t at, uint64_t now)
{
	if (at >= r->armed_for)
		return;
	r->armed_for = at;
	loop_timer_arm(r->timer, at > now ? at - now : 0);
}

void controller_enqueue_after(struct controller *c, struct objkey key, uint64_t delay_ms)
{
	uint64_t now = loop_now_ms();

	work_add_at(&c->queue, key, now + delay_ms);
	arm(c->runner, now + delay_ms, now);
}

/* -- changes -- */

static void observe(struct runner *r, const struct change *ch)
{
	for (size_t i = 0; i < r->n; i++)
		r->controllers[i].class->observe(&r->controllers[i], ch);
}

/* All that is there, as additions. */
static void observe_all(struct runner *r)
{
	for (size_t k = 0; k < kinds_count(); k++) {
		struct object_list l;

		if (kind_at(k)->home != kind_at(k))
			continue; /* another version: the same objects */
		store_list(r->store, kind_at(k), NULL, &l);
		for (size_t i = 0; i < l.n; i++)
			observe(r, &(struct change){CHANGE_ADDED, l.list[i]->rv, l.list[i], NULL});
		object_list_fini(&l);
	}
}

static void on_change(void *arg)
{
	runner_ring(arg);
}

static void state_new(struct controller *c)
{
	c->state = c->class->state_size ? xcalloc(1, c->class->state_size) : NULL;
	if (c->class->init)
		c->class->init(c);
}

static void state_free(struct controller *c)
{
	if (c->class->fini)
		c->class->fini(c);
	free(c->state);
	c->state = NULL;
}

static void watch_anew(struct runner *r)
{
	r->watch = store_watch(r->store, NULL, store_revision(r->store), on_change, r);
	observe_all(r);
}

/* Fell behind the bounded log: what controllers made of the changes so far is worth nothing. */
static void start_over(struct runner *r)
{
	log_warn("controllers: too many changes at once, looking at everything again");
	watch_free(r->watch);
	for (size_t i = 0; i < r->n; i++) {
		state_free(&r->controllers[i]);
		state_new(&r->controllers[i]);
	}
	watch_anew(r);
}

static void take_changes(struct runner *r)
{
	struct change ch;
	int rc;

	while ((rc = watch_next(r->watch, &ch)) > 0) {
		observe(r, &ch);
		change_fini(&ch);
	}
	if (rc == -ESTALE)
		start_over(r);
}

/* -- turns -- */

static struct controller *next_with_work(struct runner *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct controller *c = &r->controllers[(r->turn + i) % r->n];

		if (c->queue.first) {
			r->turn = (r->turn + i + 1) % r->n;
			return c;
		}
	}
	return NULL;
}

static void arm_for_delays(struct runner *r)
{
	uint64_t now = loop_now_ms(), at = WORK_NEVER;

	for (size_t i = 0; i < r->n; i++) {
		uint64_t due = work_due(&r->controllers[i].queue, now);

		at = due < at ? due : at;
	}
	arm(r, at, now);
}

static void turn(struct runner *r)
{
	uint64_t end = loop_now_ms() + TURN_MS;
	struct run *ended = runs_take_ended(r);
	struct controller *c;

	take_changes(r);
	runs_end(ended);
	arm_for_delays(r);
	while ((c = next_with_work(r))) {
		run_start(c, work_take(&c->queue));
		if (loop_now_ms() >= end) {
			runner_ring(r);
			break;
		}
	}
	arm_for_delays(r);
	if (next_with_work(r))
		runner_ring(r);
}

static void on_ring(void *arg)
{
	struct doorbell *d = arg;

	if (!d->runner) {
		free(d);
		return;
	}
	d->rung = 0;
	turn(d->runner);
}

static void on_timer(void *arg)
{
	struct runner *r = arg;

	r->armed_for = WORK_NEVER;
	turn(r);
}

struct runner *runner_start(struct loop *loop, struct api *api,
			    const struct controller_class *const *classes)
{
	struct runner *r = xcalloc(1, sizeof(*r));

	r->loop = loop;
	r->api = api;
	r->store = api_store(api);
	r->recorder = event_recorder_new(api);
	r->doorbell = xcalloc(1, sizeof(*r->doorbell));
	r->doorbell->runner = r;
	r->timer = loop_timer_new(loop, on_timer, r);
	r->armed_for = WORK_NEVER;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	while (classes[r->n])
		r->n++;
	r->controllers = xcalloc(r->n + 1, sizeof(*r->controllers));
	for (size_t i = 0; i < r->n; i++) {
		struct controller *c = &r->controllers[i];

		c->runner = r;
		c->class = classes[i];
		work_queue_init(&c->queue);
		state_new(c);
	}
	watch_anew(r);
	runner_ring(r);
	return r;
}

void runner_stop(struct runner *r)
{
	struct run *run, *next;

	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	while (r->n_in_flight)
		pthread_cond_wait(&r->changed, &r->lock);
	pthread_mutex_unlock(&r->lock);
	watch_free(r->watch);
	for (run = runs_take_ended(r); run; run = next) {
		next = run->next;
		run_free(run);
	}
	if (atomic_exchange(&r->doorbell->rung, 1))
		r->doorbell->runner = NULL; /* the post frees it */
	else
		free(r->doorbell);
	loop_timer_free(r->timer);
	for (size_t i = 0; i < r->n; i++) {
		state_free(&r->controllers[i]);
		work_queue_fini(&r->controllers[i].queue);
	}
	free(r->controllers);
	event_recorder_free(r->recorder);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->changed);
	free(r);
}

int runner_idle(const struct runner *r)
{
	size_t in_flight;

	pthread_mutex_lock((pthread_mutex_t *)&r->lock);
	in_flight = r->n_in_flight + (r->ended != NULL);
	pthread_mutex_unlock((pthread_mutex_t *)&r->lock);
	if (in_flight || r->doorbell->rung || watch_pending(r->watch) ||
	    event_recorder_pending(r->recorder))
		return 0;
	for (size_t i = 0; i < r->n; i++)
		if (work_pending(&r->controllers[i].queue))
			return 0;
	return 1;
}
