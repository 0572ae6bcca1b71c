/* SPDX-License-Identifier: MIT */
/*
 * The bounded change log: a ring of the newest changes, and the watches that read it,
 * each at its own pace. A change costs the same whether nobody or a thousand watch. The ring
 * holds CHANGELOG_SIZE changes, and more while a watch still has to read them, up to
 * CHANGELOG_MAX; large ones count by their bytes. A watch that falls behind that is told so.
 *
 * Locking: its own.
 */
#pragma once

#include <pthread.h>

#include "objects/store/store.h"

#define CHANGELOG_SIZE  8192u       /* powers of two */
#define CHANGELOG_MAX   65536u      /* 10,000 changes a second, and a reader that sleeps for 6 s */
#define CHANGELOG_BYTES (64u << 20) /* of JSON that is kept, ... */
#define CHANGELOG_LEAST 32u         /* ... but so many changes always */

struct changelog {
	pthread_mutex_t lock;
	struct change *ring;  /* lock; made when first needed */
	size_t size;          /* lock; slots of the ring */
	size_t bytes;         /* lock; of the changes in it */
	uint64_t first, next; /* lock; sequence numbers: ring holds [first, next) */
	uint64_t dropped;     /* lock; the newest revision that is not in the ring any more */
	/* Not `lock`: who is woken by a notification must not run into the one that woke him. */
	pthread_mutex_t watches_lock; /* before lock */
	struct watch *watches;        /* watches_lock */
};

struct watch {
	struct changelog *log;
	const struct kind *kind;
	uint64_t at;    /* sequence number of the next change to look at */
	uint64_t since; /* nothing up to this revision is shown */
	int lost;
	void (*notify)(void *arg);
	void *arg;
	int idle; /* lock; watch_next found nothing since the last notify */
	struct watch *next, **prev;
};

void changelog_init(struct changelog *l, uint64_t revision);
void changelog_fini(struct changelog *l);
/* Append n changes (moved in). Committer only. */
void changelog_append(struct changelog *l, struct change *changes, size_t n);
/* Wake the watches that have not seen all of it. Committer only. */
void changelog_notify(struct changelog *l);
struct watch *changelog_watch(struct changelog *l, const struct kind *kind, uint64_t since,
			      void (*notify)(void *arg), void *arg);
uint64_t changelog_kept(struct changelog *l);
