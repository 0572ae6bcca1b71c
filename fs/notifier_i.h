/* SPDX-License-Identifier: MIT */
/*
 * Inside the notifier:
 *
 *	notifier.c        what is to be told, and who is given it
 *	notifier_teller.c the thread that tells: new watches are found, old ones told
 *	notifier_watchers.c who watches, and whether he may still hear of it
 *	notifier_tell.c   what an object's change means for the watches in its directory
 *	notifier_field.c  the same for its fields
 *	notifier_call.c   calls on the own mount, and the handlers' answers to them
 *	notifier_name.c   files that stand for no object
 *	notifier_log.c    logs, which grow without a change of their pod
 *
 * Any call on the mount may wait for a client that holds a directory's lock for ever (the
 * kernel takes it for the whole of a getdents(2), page faults of its buffer included). A
 * teller that waits for too long is left to it, and another one goes on elsewhere.
 *
 * Lock order: notifier's lock, node table. Neither is held during a call on the mount.
 */
#pragma once

#include <limits.h>

#include "fs/fs_i.h"
#include "fs/inotify_scan.h"
#include "fs/notifier.h"
#include "util/strmap.h"

#define NOTES_MAX   16384u /* more, and the kernel's own queue of a watcher is full, too */
#define BY_CLIENTS  1024   /* that many at a time; one too many is told twice */
#define TELLERS_MAX 4      /* one that tells; the others wait for stuck clients */

/* What became of one object since it was told last. */
struct note {
	struct note *next;
	struct object *old, *now; /* owned; old NULL: it is new; now NULL: it is gone */
	struct object *passed;    /* owned; it came and went: old and now are NULL */
	int fresh;                /* a watch that is not known yet may want it */
};
void notes_free(struct note *list);

enum action { ACTION_NONE, ACTION_MAKE, ACTION_REMOVE };

/* Who watches what, and what he may hear of (notifier_watchers.c). */
struct watchers {
	struct watch_of *list; /* owned; by inode. who: index of names + 1; 0: one who may all */
	size_t n;
	struct identity **names; /* owned references */
	size_t n_names;
	struct identity **scanned; /* the same, of the scan that is under way */
	size_t n_scanned;
	uint64_t rules; /* permission_generation() that `watched` is of */
};

/* A thread that tells. */
struct teller {
	struct notifier *n;
	struct teller *next; /* n->lock */
	pthread_t thread;
	_Atomic pid_t *tid; /* one of the notifier's */
	_Atomic int abandoned, ended;

	/* its own */
	dev_t device;
	struct inode_set watched;     /* by somebody who may hear of it */
	struct watchers watchers;     /* all who watch, by the last scan */
	struct name_note *told_names; /* since the last scan */
	struct note *told;            /* since the last scan, fresh ones */
	size_t n_told;
	struct inotify_scan scan;
	int scan_wanted, scanning, scanned_last;
	uint64_t next_scan_ms, last_scan_ms, pause_ms, scan_cost;
	struct index_note *indexes; /* _index files that are to be told */

	/* what it is doing to the mount, for the handlers and for the guard */
	pthread_mutex_t doing;  /* leaf */
	uint64_t call_since_ms; /* 0: no call */
	char dir[PATH_MAX];
	enum action action;
	char name[FS_NAME_MAX + 1];
	struct place place;         /* what is made or removed */
	uint64_t place_dir;         /* the inode of its directory; 0: it follows from place */
	const struct object *ghost; /* gone, and its directories are there once more */
	int asked;                  /* the kernel looked place up */
};

struct notifier {
	struct fs *fs;
	pthread_mutex_t lock;
	pthread_cond_t wake, guard_wake;
	/* lock */
	struct teller *tellers, *current;
	struct note *queue, **queue_end;
	struct name_note *names, **names_end;
	size_t n_names;
	struct strmap by_uid; /* of the queue, by note_key() */
	size_t n_queued;
	int stopping, lost;
	struct inode_set watched; /* the current teller's, as of its last scan */
	struct logs *logs;
	pthread_t guard;
	int guarded, armed;
	_Atomic uint64_t scan_ms; /* the last scan's begin */
	_Atomic pid_t tids[TELLERS_MAX];
	/* what clients did themselves last, as hashes of uid and action */
	_Atomic uint64_t by_clients[BY_CLIENTS];
	_Atomic unsigned n_by_clients;
};

/* notifier.c. What a note is known by in by_uid. */
void note_key(const struct object *o, struct buf *out);
/* notifier.c. With n->lock: there is something to tell, so look whether it gets on. */
void notifier_arm(struct notifier *n);

/* With n->lock: there is too much to tell one by one. */
void notifier_lose(struct notifier *n);

/* notifier_teller.c. With n->lock: start one, in place of the current. */
void teller_start(struct notifier *n);
void teller_free(struct teller *t);
/* Something was told: are the watches still there? */
void teller_check_old(struct teller *t);

/* notifier_watchers.c */
/* inotify_scan.identify; arg is the teller. */
size_t watchers_identify(void *arg, pid_t pid);
/* Take what a scan has found. */
void watchers_take(struct teller *t);
/* What of it may be told by the rules as they are now; owned by *out. */
void watchers_allowed(struct teller *t, struct inode_set *out);
void watchers_fini(struct watchers *w);

/* notifier_tell.c. Tell the watches on these inodes what happened. */
void tell_note(struct teller *t, const struct note *note, const struct inode_set *to);
/* The _index files that the notes before changed. */
void tell_indexes(struct teller *t, const struct inode_set *to);
/* Whatever is watched may have changed. */
void tell_all(struct teller *t);

/* What the telling of one object needs. */
struct telling {
	struct teller *t;
	const struct inode_set *to;
	const struct object *o; /* what the places are about */
	char *dir;              /* path of the object's directory */
};
static inline int is_watched(const struct telling *g, const struct place *at)
{
	return inode_set_has(g->to, place_ino(at));
}
/* A name came or went: for whoever watches the directory, and what is gone. Who watches what is new
 * heard of it already. */
static inline int is_told(const struct inode_set *to, const struct place *dir,
			  const struct place *at, enum action action)
{
	return inode_set_has(to, place_ino(dir)) ||
	       (action == ACTION_REMOVE && inode_set_has(to, place_ino(at)));
}
static inline struct place object_place(const struct object *o, const struct row *row,
					const char *sub)
{
	return (struct place){row, o->kind, o->ns, o->name, o->uid, sub};
}
/* notifier_field.c */
void tell_fields(const struct telling *g, const struct value *old, const struct value *now);
/* What is watched below a field (sub "": the object's directory) that is gone goes, too. */
void remove_below(const struct telling *g, const char *sub);

/* notifier_call.c */
void call_modify(struct teller *t, const char *dir, const char *name);
void call_act(struct teller *t, enum action action, const char *dir, const char *name,
	      const struct place *at);

/* The same of what stands for no object, in the directory of this inode. */
void call_act_in(struct teller *t, enum action action, const char *dir, const char *name,
		 const struct place *at, uint64_t dir_ino);

/* notifier_name.c */
void names_free(struct name_note *list);
/* With n->lock; there is one. Owned. */
struct name_note *names_take(struct notifier *n);
void names_drop(struct notifier *n);
/* On the teller's thread. */
void names_tell(struct teller *t, struct name_note *taken);
/* Tell the new watches what they may have missed. */
void names_scanned(struct teller *t, const struct inode_set *new);

/* notifier_log.c; on the teller's thread except where it says otherwise. */
struct logs *logs_new(struct notifier *n);
void logs_free(struct logs *all);
/* Any thread, with n->lock: has a log grown? */
int logs_any(const struct logs *all);
void logs_tell(struct teller *t);
/* After a scan that began at ms: forget those that nobody watches. */
void logs_scanned(struct teller *t, uint64_t ms);
