/* SPDX-License-Identifier: MIT */
/*
 * The bounded change log: a ring of the newest CHANGELOG_SIZE changes, and the
 * watches that read it, each at its own pace. A change costs the same whether
 * nobody or a thousand watch; one that falls behind the ring is told so.
 *
 * Locking: its own.
 */
#pragma once

#include <pthread.h>

#include "objects/store/store.h"

#define CHANGELOG_SIZE 8192u /* a power of two */

struct changelog {
	pthread_mutex_t lock;
	struct change *ring;  /* lock; CHANGELOG_SIZE slots, made when first needed */
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
