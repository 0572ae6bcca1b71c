/* SPDX-License-Identifier: MIT */
/* The store's inside, shared by store.c (reading) and committer.c (writing). */
#pragma once

#include <pthread.h>

#include "objects/store/backend.h"
#include "objects/store/changelog.h"
#include "objects/store/index.h"
#include "objects/store/store.h"

/* Metas as the backend had them at start, until their owner asks (store_records). */
struct loaded_record {
	char *space, *id, *meta;
	struct loaded_record *next;
};

struct store {
	struct backend *backend;
	pthread_rwlock_t index_lock; /* never held across I/O */
	struct index index;          /* index_lock */
	uint64_t revision;           /* index_lock; newest published */
	struct changelog log;
	struct loaded_record *loaded; /* before threads start */
	uint64_t next_row;            /* committer */
	int failed_open;

	pthread_t committer;
	pthread_mutex_t queue_lock;
	pthread_cond_t queue_filled;
	struct store_txn *queue, **queue_tail;   /* queue_lock */
	struct store_txn *urgent, **urgent_tail; /* queue_lock; from `done`: goes first */
	pthread_cond_t settled;         /* a waited-for transaction or compaction is done */
	int stopping;                   /* queue_lock */
	int waiting;                    /* queue_lock; the committer is idle and not woken yet */
	struct compaction *compactions; /* queue_lock */
	uint64_t n_commits, n_batches;  /* queue_lock */
	char failing[256];              /* queue_lock */
};
