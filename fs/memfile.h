/* SPDX-License-Identifier: MIT */
/*
 * Files in memory: scratch files of editors and tools, manifests while they are
 * written (or that nobody has written anything into yet). By path,
 * relative to the mount. Bounded in number and bytes, per user and together: past his
 * bounds the oldest of his own that nobody has open goes; nobody loses one to another.
 *
 * Locking: any thread; a file's own fields are under its lock.
 */
#pragma once

#include <pthread.h>
#include <sys/stat.h>
#include <time.h>

#include "util/buf.h"
#include "util/err.h"

#define MEMFILES_MAX            8192u
#define MEMFILES_BYTES_MAX      (256u << 20)
#define MEMFILES_USER_MAX       1024u
#define MEMFILES_USER_BYTES_MAX (64u << 20)
#define MEMFILE_MAX             (16u << 20) /* one scratch file */

enum memfile_kind { MEMFILE_SCRATCH, MEMFILE_MANIFEST };

struct memfile {
	_Atomic unsigned refs;
	struct memfiles *all;
	char *path;            /* owned; under the table's lock: memfile_path() */
	_Atomic unsigned kind; /* enum memfile_kind */
	unsigned uid, gid;
	struct account *account; /* who made it: his bounds */
	uint64_t serial;         /* when it was made */

	pthread_mutex_t lock; /* everything below */
	struct buf data;
	char *target; /* owned: a symlink; set once */
	unsigned mode;
	struct timespec mtime;
	int mtime_set; /* by utimens: a later flush keeps it */
	int n_open;    /* for writing */
	int dirty;     /* has bytes that were not submitted */
	int emptied;   /* cut to nothing, and nothing written since */
	int stored;    /* MANIFEST: there is (or was) a manifest of this name */
	int unlinked;  /* its name was removed: who has it open writes for himself */
	int sticky;    /* -errno of the last refused flush, until the next write */
};

struct memfiles;
struct memfiles *memfiles_new(void);
void memfiles_free(struct memfiles *all);
size_t memfiles_count(struct memfiles *all);

/* Owned reference, NULL if there is none. */
struct memfile *memfile_get(struct memfiles *all, const char *path);
struct memfile_owner {
	const char *user;  /* whose bounds count: the caller's name, as a pod may take many uids */
	unsigned uid, gid; /* what is shown */
};
/* The file of this path, made when missing. NULL with err: too many (EDQUOT). Owned. */
struct memfile *memfile_make(struct memfiles *all, const char *path, enum memfile_kind kind,
			     const struct memfile_owner *owner, unsigned mode, struct err *err);
void memfile_unref(struct memfile *f);
DEFINE_CLEANUP(struct memfile *, memfile_unref)
#define CLEANUP_MEMFILE CLEANUP(memfile_unrefp)
/* Take it out of the table; who has it open goes on with it. */
void memfile_drop(struct memfile *f);
/* The same, because its name was removed or another file has it now. */
void memfile_unlink(struct memfile *f);
/* Its path now, which a rename may change at any time; owned. */
char *memfile_path(struct memfile *f);
size_t memfile_len(struct memfile *f);
size_t memfile_limit(const struct memfile *f); /* in bytes */
int memfile_is_open(struct memfile *f);        /* for writing */
/* Under another path, over whatever is there. */
void memfile_rename(struct memfile *f, const char *path);
/* Bytes at off (< 0: the end); with the lock held. -EFBIG, -EDQUOT. */
int memfile_write(struct memfile *f, const void *data, size_t len, off_t off);
int memfile_resize(struct memfile *f, off_t size);
/* Direct children of a directory that uid may see; fn gets an owned-by-nobody reference. */
void memfile_list(struct memfiles *all, const char *dir, void (*fn)(void *arg, struct memfile *f),
		  void *arg);

/* There are some in this directory, whoever sees them. */
int memfiles_below(struct memfiles *all, const char *dir);

/* Names that editors and tools use for what is never a manifest. */
int name_is_scratch(const char *name);
