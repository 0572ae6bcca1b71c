/* SPDX-License-Identifier: MIT */
/* Inside objects/controllers only: the runner and its plans on their way (runner.c, run.c). */
#pragma once

#include <pthread.h>

#include "objects/controllers/plan.h"
#include "objects/controllers/queue.h"
#include "objects/events.h"

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
	int last;          /* the plan that tells of failures: nothing follows it */
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
	uint64_t armed_for;             /* WORK_NEVER: not */
	struct controller *controllers; /* owned */
	size_t n, turn;                 /* whose queue is next */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct run *ended;  /* lock */
	size_t n_in_flight; /* lock: runs between submission and their end */
	int stopping;
};

/* Wake the loop for a turn. Any thread. */
void runner_ring(struct runner *r);

/* -- run.c -- */

/* Sync one busy key; its plan is on its way when this returns. */
void run_start(struct controller *c, struct work_item *item);
/* Runs that ended, in the order in which they did. */
struct run *runs_take_ended(struct runner *r);
/* Tell of what was refused, write the events that follow, free the keys. */
void runs_end(struct run *ended);
void run_free(struct run *run);
