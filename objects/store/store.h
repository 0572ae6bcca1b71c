/* SPDX-License-Identifier: MIT */
/*
 * The store: all objects, in memory as trees and durable in a backend; one
 * monotonic resourceVersion; one ordered change log.
 *
 * Writing: a transaction holds puts and deletes, each with the version that it
 * expects, and is durable as a whole or not at all. store_commit() only queues
 * it; the one committer thread takes all that is queued, checks the versions,
 * stamps resourceVersions, writes one backend transaction (one fsync for all),
 * publishes the new snapshots and the changes, and then calls each
 * transaction's `done`. A reader that starts after `done` sees the change.
 *
 * Reading never waits for a commit: lookups take a short lock on an index of
 * pointers, never held across I/O.
 *
 * Records are bytes beside the objects, in the same transactions: manifests as
 * files. Their meta is small JSON kept in memory by whoever owns the space;
 * their bytes stay in the backend.
 *
 * Locking: every function may be called from any thread, except where it says
 * otherwise. `done` and watch notifications run on the committer thread: they
 * must not block and must not call store_commit_wait().
 */
#pragma once

#include "objects/object.h"
#include "util/err.h"

struct store;
struct backend; /* objects/store/backend.h */

#define STORE_ANY    UINT64_MAX /* expect: whatever is there, or nothing */
#define STORE_ABSENT 0          /* expect: must not exist */

enum store_op_kind { STORE_PUT, STORE_DELETE, STORE_RECORD_PUT, STORE_RECORD_DELETE };

struct store_op {
	enum store_op_kind op;
	struct objkey key;     /* objects; strings owned by the transaction (store_txn_*) */
	struct value *value;   /* STORE_PUT: owned; resourceVersion is stamped by the committer */
	uint64_t expect;       /* resourceVersion, STORE_ABSENT or STORE_ANY */
	char *space, *id;      /* records: owned */
	char *meta;            /* records: owned JSON text */
	struct buf bytes;      /* records: content */
	int keep_bytes;        /* records: change meta only */
	struct object *result; /* after done: the new snapshot (or the deleted one), owned */
};

struct store_txn {
	struct store_op *ops; /* owned */
	size_t n_ops;
	/*
	 * After commit, on the committer thread: rc 0; -EBUSY a version did not
	 * match (ops[failed]); -EEXIST it exists; -ENOENT it does not;
	 * -ENOSPC, -EIO from the backend. err says it in words. The txn stays
	 * the caller's: free it in done or later.
	 */
	void (*done)(struct store_txn *txn, int rc, const struct err *err);
	void *arg;
	size_t failed;
	struct store_txn *next; /* the queue's */
};

struct store_txn *store_txn_new(void);
void store_txn_free(struct store_txn *txn);
/* Drop the operations from the n-th on: to build them anew after a conflict. */
void store_txn_truncate(struct store_txn *txn, size_t n);
void store_txn_put(struct store_txn *txn, struct objkey key, struct value *taken, uint64_t expect);
void store_txn_delete(struct store_txn *txn, struct objkey key, uint64_t expect);
/* bytes are taken (buffer left empty); NULL keeps the bytes that are there. */
void store_txn_record_put(struct store_txn *txn, const char *space, const char *id,
			  const char *meta, struct buf *taken_bytes);
void store_txn_record_delete(struct store_txn *txn, const char *space, const char *id);

/*
 * Open: loads every object and record meta from the backend and starts the committer.
 * Takes the backend, also on failure.
 */
struct store *store_open(struct backend *taken, struct err *err);
/* Commits what is queued, stops the committer, frees all. No watch may be left. */
void store_close(struct store *s);

/* Queue; `done` follows exactly once. From the committer thread (in done): goes first into the next
 * batch. */
void store_commit(struct store *s, struct store_txn *txn);
/* Queue and wait. Not on the committer thread. */
int store_commit_wait(struct store *s, struct store_txn *txn, struct err *err) MUST_CHECK;

/* The newest published resourceVersion. */
uint64_t store_revision(struct store *s);
/* Owned reference, NULL if there is none. */
struct object *store_get(struct store *s, struct objkey key);
/* Of a uid, any kind; NULL if there is none. Owned. */
struct object *store_get_uid(struct store *s, const char *uid);

struct object_list {
	struct object **list; /* owned references, sorted by namespace, then name */
	size_t n;
	uint64_t rv; /* consistent: the state at this resourceVersion */
};
void object_list_fini(struct object_list *l);
/* ns NULL: all namespaces. */
void store_list(struct store *s, const struct kind *kind, const char *ns, struct object_list *out);
size_t store_count(struct store *s, const struct kind *kind, const char *ns);
/* Is there one in this namespace? O(log n). */
int store_has_any(struct store *s, const struct kind *kind, const char *ns);
/* Namespaces that hold objects of the kind are found by listing Namespace objects. */

/* Objects whose ownerReferences name this uid. */
void store_list_owned(struct store *s, const char *owner_uid, struct object_list *out);
/* Events whose involvedObject (or regarding) has this uid, of all namespaces, in no order. */
void store_list_about(struct store *s, const char *uid, struct object_list *out);

/* Records. */
typedef void (*store_record_fn)(void *arg, const char *id, const char *meta);
void store_records(struct store *s, const char *space, store_record_fn fn, void *arg);
int store_record_read(struct store *s, const char *space, const char *id, struct buf *out,
		      struct err *err) MUST_CHECK;

/* -- watching -- */

enum change_type { CHANGE_ADDED, CHANGE_MODIFIED, CHANGE_DELETED };

struct change {
	enum change_type type;
	uint64_t rv; /* of this change; a deletion has its own */
	struct object *
		now; /* new snapshot; of a deletion the last one. Owned by whoever got the change */
	struct object *old; /* before a modification or deletion, NULL for an addition. Owned */
	size_t bytes;       /* the change log's: about what it costs to keep this */
};
void change_fini(struct change *c);

struct watch;
/*
 * See every change after `since` (store_revision() or a list's rv), in order,
 * without gaps. kind NULL: all kinds. notify(arg) is called on the committer
 * thread when there is something new to take (edge: at least once after the last
 * empty watch_next); it must only wake somebody up.
 */
struct watch *store_watch(struct store *s, const struct kind *kind, uint64_t since,
			  void (*notify)(void *arg), void *arg);
void watch_free(struct watch *w);
/*
 * Return: 1 with the next change, 0 when there is none now, -ESTALE when this
 * watcher fell too far behind the bounded log (list again and watch anew).
 */
int watch_next(struct watch *w, struct change *out) MUST_CHECK;
/* Whether there are changes that watch_next() has not looked at, told of or not. */
int watch_pending(struct watch *w);

/* Figures for health, metrics and ctl. */
struct store_stats {
	uint64_t revision, commits, batches, changes_kept;
	size_t objects;
	uint64_t database_bytes;
	char failing[256]; /* "" or why the last backend write failed */
};
void store_stats(struct store *s, struct store_stats *out);
/* Give unused space of the database back. */
int store_compact(struct store *s, struct err *err) MUST_CHECK;
