/* SPDX-License-Identifier: MIT */
/* Inside objects/manifests only. */
#pragma once

#include <bsd/sys/tree.h>
#include <pthread.h>

#include "objects/manifest.h"
#include "util/loop.h"
#include "util/strmap.h"

#define RECORD_SPACE "manifest"
#define DIR_SPACE    "manifest-dir"

/* Bounds of what users can make us keep in memory. */
#define MAX_FILES               200000
#define MAX_DIRS                20000
#define MAX_DRAFTS_PER_UID      4096
#define MAX_DRAFT_BYTES_PER_UID (64u << 20)
#define SMALL_DRAFT             (16u << 10) /* as many of them as are allowed fit */
#define MAX_FAULTS_TEXT         (16u << 10) /* of one file */
#define RETRY_MS                5000
#define MAX_EARLY               4096 /* bytes of a text that is read while it is written */

/* An object that a file stands for. */
struct held {
	const struct kind *kind;
	char *ns, *name; /* owned */
	char *uid;       /* owned; NULL: not known yet */
};

struct holds {
	struct held *list; /* owned */
	size_t n;
};
void holds_add(struct holds *h, const struct kind *kind, const char *ns, const char *name,
	       const char *uid);
void holds_copy(struct holds *to, const struct holds *from);
void holds_fini(struct holds *h);
/* "kind index/ns/name": the key of an object in tables. */
char *held_key(const struct kind *kind, const char *ns, const char *name);

/* One file. In the index it changes under the lock only. */
struct entry {
	RB_ENTRY(entry) by_path; /* the index's */
	char *path;              /* owned */
	uint64_t id;
	uint64_t seq; /* when its objects were taken: of two files that hold one object the later
			 has it */
	size_t size;
	struct manifest_attrs attrs;
	int draft;
	char *faults; /* owned, NULL: none */
	struct holds holds;
	int64_t removed_ms; /* wall clock; 0: it is there */
	char *removed_by;   /* owned, user */
	unsigned removed_uid;
};
struct entry *entry_new(const char *path);
struct entry *entry_copy(const struct entry *e);
void entry_free(struct entry *e);

/* What is in the files' records. */
char *record_meta(const struct entry *e);
struct entry *record_entry(const char *path, const char *meta); /* NULL: not readable */

/* -- where a file is -- */

struct op;

struct place {
	const struct kind *kind; /* what the directory is for; NULL: apply/ and dry-run/ take all */
	const char *file;        /* the last part of the path, borrowed */
	char *ns;                /* owned; NULL: the directory implies none */
	char *stem;              /* owned: the file's name without extension */
	int dry;
	const struct op *writer; /* whose text it is; NULL: its definitions make no kinds */
};
/* Return: 0, -ENOENT when no manifest can be there, -EINVAL for a bad name. */
int place_parse(const char *path, struct place *out, struct err *err) MUST_CHECK;
void place_fini(struct place *p);
/* "apis/apps/v1/deployments": where manifests of a kind belong. */
void place_of_kind(const struct kind *k, struct buf *out);
/* It is "apply" or "dry-run", or below one of them. */
int place_is_shared(const char *dir);
int place_is_dry(const char *path);

/* -- what a file says -- */

struct wanted {
	const struct kind *kind;
	char *ns, *name;    /* owned */
	struct value *body; /* owned */
	unsigned document;  /* of the text */
	unsigned line;      /* where that starts, from 1 */
	long item;          /* of a List in that document, -1: none */
};

struct wants {
	struct wanted *list; /* owned; Namespaces and CustomResourceDefinitions first */
	size_t n;
	struct kind **drafts; /* owned: kinds that definitions of the same text make */
	size_t n_drafts;
};
/* With faults located in the text. */
void wants_parse(const struct place *p, const char *text, size_t len, struct wants *out,
		 struct faults *faults);
void wants_fini(struct wants *w);
/* The faults are those of an element of a List: their paths begin there. */
void faults_of_item(struct faults *faults, long item);
/* Faults of one document get their place in the text, and move to all. */
void faults_place(struct faults *all, struct faults *of_one, const char *text, size_t len,
		  unsigned document, unsigned line);

/* -- the index -- */

RB_HEAD(files, entry);

struct manifests {
	struct api *api;
	struct loop *loop;
	struct loop_timer *timer; /* on the loop's thread */
	_Atomic int refs;         /* the owner's, and one per post on its way */

	pthread_mutex_t lock; /* all below */
	pthread_cond_t idle;
	int closed;
	struct files files;    /* in order of paths; owned */
	struct strmap by_path; /* the same: most look-ups are of one path, and paths begin alike */
	size_t n;
	char **dirs; /* sorted; owned */
	size_t n_dirs, cap_dirs;
	struct strmap owner; /* object key -> entry */
	uint64_t last_seq;

	struct strmap tails; /* key of path or object -> the last operation that waits for it */
	struct op *ready;    /* to run */
	struct op **ready_end;
	int draining;
	size_t in_flight;

	struct pending *pending; /* removed files and when they are due */
	size_t n_pending, cap_pending;
	int armed; /* a post or the timer is on its way for the earliest */
	uint64_t armed_for;

	struct rings *rings;
};

/* Under the lock. */
struct entry *files_find(const struct manifests *all, const char *path);
/* Put in place of what has its path; the objects that it holds are no other file's any more. Takes
 * e. */
void files_put(struct manifests *all, struct entry *taken);
void files_remove(struct manifests *all, const char *path);
/* All, in order of paths, what is below a directory together. NULL: no more. */
struct entry *files_first(const struct manifests *all);
struct entry *files_first_below(const struct manifests *all, const char *dir);
struct entry *files_next(struct entry *e);
void files_fini(struct manifests *all);
uint64_t files_next_seq(struct manifests *all);
int dirs_find(const struct manifests *all, const char *dir, size_t *at);
void dirs_insert(struct manifests *all, const char *dir);
int dir_exists(const struct manifests *all, const char *dir);

/* -- operations: in order per path and per object -- */

enum op_type { OP_WRITE, OP_TRY, OP_REMOVE, OP_RENAME, OP_ATTRS, OP_EXPIRE };

struct op_key {
	char *key; /* owned */
	struct op *next;
};

struct op {
	struct manifests *all;
	enum op_type type;
	struct caller who; /* strings owned */
	char *path, *to;   /* owned; to: OP_RENAME */
	int has_attrs;
	struct manifest_attrs attrs;
	struct buf bytes;
	struct place place; /* of the path whose objects are written */
	struct wants wants;
	struct faults faults; /* what is wrong with the text */
	manifest_done_fn done;
	void *arg;
	struct entry *next; /* owned: what the index will hold */
	/* the queue's */
	struct op_key *keys; /* owned */
	size_t n_keys, cap_keys, waits;
	struct op *next_ready;
};

struct op *op_new(struct manifests *all, enum op_type type, const struct caller *who,
		  const char *path, manifest_done_fn done, void *arg);
/* One that was never submitted. */
void op_discard(struct op *op);
/* Run it when nothing before it has one of its paths or objects. Takes op. */
void op_submit(struct op *op);
/* Answer and let the next ones run. Takes op. faults NULL: none, or those of rc's text. */
void op_end(struct op *op, int rc, const struct faults *faults);
void op_fail(struct op *op, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* -- write.c, for trial.c -- */
/* The file as it is in the index, a copy; NULL: it is not there. */
struct entry *manifest_entry(struct manifests *all, const char *path);
/* The file as it will be, without what it holds. was NULL or removed: a new file. */
struct entry *successor(struct op *op, const char *path, const struct entry *was);
/* The path whose objects are written. */
const char *op_target(const struct op *op);
void add_applies(struct op *op, struct api_batch *b, unsigned flags);
/* What is wrong, in the order of the text, into op->faults. */
void collect_faults(struct op *op, struct api_batch *b, int rc);
/* The bytes and what is wrong with them are kept under the name; what the file held stays held.
 * Ends op. */
void refuse(struct op *op, const char *path, const struct entry *was);
/* -- trial.c -- */
void dry_run(struct op *op);
/* The text is refused already; what else is wrong with it is said in the same breath. */
void refuse_with_all(struct op *op);

void write_run(struct op *op);
void try_run(struct op *op);
void rename_run(struct op *op);
void remove_run(struct op *op);
void attrs_run(struct op *op);
void expire_run(struct op *op);

/* A transaction of records only; then op_end(rc). next is put, or (NULL) the path removed. bytes
 * NULL: kept. */
void commit_record(struct op *op, const char *path, struct entry *taken_next,
		   struct buf *taken_bytes);
/* A delete for each of h whose object is the one that it was; under no lock. */
void batch_delete(struct manifests *all, struct api_batch *b, const struct holds *h,
		  unsigned flags);

/* -- grace -- */

struct pending {
	char *path;   /* owned */
	uint64_t due; /* loop_now_ms() */
};
/* Any thread, not under the lock. */
void grace_add(struct manifests *all, const char *path, uint64_t delay_ms);
/* The loop's thread, or before it runs. */
void grace_arm(struct manifests *all);
int64_t wall_ms(void);
void manifests_unref(struct manifests *all);

/* -- refusals -- */

/* An Event at each object that the refused text speaks of and that exists. */
void events_tell(struct op *op, const char *text);

struct rings *rings_new(void);
void rings_free(struct rings *r);
/* A path as it may stand in a line of text; owned. */
char *printable_path(const char *path);
/* Locked by themselves. text: lines. */
void rings_add(struct rings *r, const char *user, const char *text);
void rings_read(struct rings *r, const char *user, struct buf *out);
