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
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "objects/controllers/plan.h"
#include "objects/controllers/queue.h"
#include "objects/events.h"
#include "util/log.h"

#define TURN_MS	      10	 /* after that, the loop's others have their turn */
#define DEFAULT_MANAGER "kube-controller-manager"

struct controller {
	struct runner *runner;
	const struct controller_class *class;
	void *state;
	struct work_queue queue;
};

/* A plan on its way. */
struct run {
	struct controller *controller;
	struct work_item *item;
	struct plan plan;
	int last;	   /* the plan that tells of failures: nothing follows it */
	enum work_end end; /* of the plan before, when this is the last */
	uint64_t again_at;
	_Atomic size_t n_open; /* batches not done, and one while they are submitted */
	struct run *next;      /* among the ended ones */
};

/* One batch of a run: ops [first, first + n). */
struct run_batch {
	struct run *run;
	size_t first, n;
};

/* What a post finds: the runner, or nothing after it stopped. */
struct doorbell {
	struct runner *runner;
	_Atomic int rung; /* a post is on its way */
};

struct runner {
	struct loop *loop;
	struct api *api;
	struct store *store;
	struct watch *watch;
	struct event_recorder *recorder;
	struct doorbell *doorbell;
	struct loop_timer *timer;
	uint64_t armed_for; /* WORK_NEVER: not */
	struct controller *controllers; /* owned */
	size_t n, turn; /* whose queue is next */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct run *ended;   /* lock */
	size_t n_in_flight;  /* lock: runs between submission and their end */
	int stopping;
};

/* -- what controllers may ask ------------------------------------------------ */

void *controller_state(struct controller *c)
{
	return c->state;
}

struct store *controller_store(struct controller *c)
{
	return c->runner->store;
}

struct loop *controller_loop(struct controller *c)
{
	return c->runner->loop;
}

static void on_ring(void *arg);

/* Any thread. */
static void ring(struct runner *r)
{
	struct doorbell *d = r->doorbell;

	if (!atomic_exchange(&d->rung, 1))
		loop_post(r->loop, on_ring, d);
}

void controller_enqueue(struct controller *c, struct objkey key)
{
	work_add(&c->queue, key);
	ring(c->runner);
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

/* -- submitting a plan -------------------------------------------------------- */

static const char *manager_of(const struct controller *c)
{
	return c->class->manager ? c->class->manager : DEFAULT_MANAGER;
}

static void run_free(struct run *run)
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
	ring(r);
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
	const struct event_source source = {run->controller->class->name, NULL, manager_of(run->controller)};

	event_record(run->controller->runner->recorder, &source, e->about, NULL, e->type, e->reason, "%s",
		     e->message);
}

static void run_submit(struct run *run)
{
	struct controller *c = run->controller;
	struct runner *r = c->runner;
	struct caller who = {.user = "system:kube-controller-manager", .manager = manager_of(c), .trusted = 1};
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

static void item_end(struct controller *c, struct work_item *item, enum work_end how, uint64_t again_at)
{
	work_end(&c->queue, item, how, again_at, loop_now_ms());
}

static void sync_one(struct controller *c, struct work_item *item)
{
	struct run *run = run_new(c, item);
	struct err err = ERR_INIT;
	int rc = c->class->sync(c, item->key, &run->plan, &err);

	if (rc < 0) {
		log_warn("%s: %s/%s/%s: %s", c->class->name, item->key.kind->plural, item->key.ns, item->key.name,
			 err.msg);
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

/* -- plans that ended ------------------------------------------------------------ */

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
	log_warn("%s: %s/%s/%s: %s/%s: %s", c->class->name, run->item->key.kind->plural, run->item->key.ns,
		 run->item->key.name, op->key.kind->plural, op->key.name ? op->key.name : "", err.msg);
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

static struct run *take_ended(struct runner *r)
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

static void free_keys(struct run *ended)
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

/* -- changes -------------------------------------------------------------------------- */

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

		store_list(r->store, kind_at(k), NULL, &l);
		for (size_t i = 0; i < l.n; i++)
			observe(r, &(struct change){CHANGE_ADDED, l.list[i]->rv, l.list[i], NULL});
		object_list_fini(&l);
	}
}

static void on_change(void *arg)
{
	ring(arg);
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

/* -- turns ------------------------------------------------------------------------------ */

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
	struct run *ended = take_ended(r);
	struct controller *c;

	take_changes(r);
	free_keys(ended);
	arm_for_delays(r);
	while ((c = next_with_work(r))) {
		sync_one(c, work_take(&c->queue));
		if (loop_now_ms() >= end) {
			ring(r);
			break;
		}
	}
	arm_for_delays(r);
	if (next_with_work(r))
		ring(r);
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

struct runner *runner_start(struct loop *loop, struct api *api, const struct controller_class *const *classes)
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
	ring(r);
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
	for (run = take_ended(r); run; run = next) {
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
	if (in_flight || r->doorbell->rung || event_recorder_pending(r->recorder))
		return 0;
	for (size_t i = 0; i < r->n; i++)
		if (work_pending(&r->controllers[i].queue))
			return 0;
	return 1;
}
