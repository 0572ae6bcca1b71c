/* SPDX-License-Identifier: MIT */
/*
 * A work queue: keys that wait for a run, each once, in order of arrival.
 *
 * A key that is added while it runs runs once more afterwards. A key whose run
 * failed waits for a back-off of its own (5 ms doubling to 16 min), unless it is
 * added again meanwhile. A key with nothing left to do costs no memory.
 *
 * Time is the caller's (milliseconds of a monotonic clock): nothing here waits.
 *
 * Locking: the caller's; one thread.
 */
#pragma once

#include <bsd/sys/tree.h>

#include "objects/object.h"
#include "util/strmap.h"

#define WORK_NEVER       UINT64_MAX
#define WORK_BACKOFF_MIN 5u             /* ms after the first failure */
#define WORK_BACKOFF_MAX (16u * 60000u) /* ms */

enum work_end {
	WORK_DONE,
	WORK_CONFLICT, /* again at once; as WORK_FAILED when that does not end */
	WORK_FAILED,
};

struct work_item {
	struct objkey key; /* strings owned */
	char *id;          /* owned: the key as one string */
	int queued, busy, dirty;
	unsigned failures, conflicts;
	uint64_t retry_at, again_at; /* WORK_NEVER: not */
	int delayed;                 /* in the tree of delays */
	RB_ENTRY(work_item) by_due;
	struct work_item *next; /* in the queue */
};

RB_HEAD(work_delays, work_item);

struct work_queue {
	struct strmap items; /* by id: what is queued, busy or delayed */
	struct work_item *first, **last;
	struct work_delays delays;
	size_t n_queued, n_busy, n_retrying;
};

void work_queue_init(struct work_queue *q);
void work_queue_fini(struct work_queue *q);

/* Strings of key are copied. */
void work_add(struct work_queue *q, struct objkey key);
/* Not later than `at` (ms). */
void work_add_at(struct work_queue *q, struct objkey key, uint64_t at);
/* The next key, now busy; NULL: none. It stays the queue's: give it back by work_end(). */
struct work_item *work_take(struct work_queue *q);
/* The run of a busy key is over; again_at: run it then (WORK_NEVER: not). */
void work_end(struct work_queue *q, struct work_item *item, enum work_end how, uint64_t again_at,
	      uint64_t now);
/* Queue what is due. Return: when the next delay ends, WORK_NEVER if there is none. */
uint64_t work_due(struct work_queue *q, uint64_t now);
/* Keys that are queued, busy or in their back-off. */
size_t work_pending(const struct work_queue *q);
