/* SPDX-License-Identifier: MIT */
/*
 * Inside fs/ only. How a request goes:
 *
 *	requests.c   a libfuse handler makes a `struct call` and finds the node
 *	node.h       what the kernel knows: nodes, each a row of the table and what it names
 *	row.h        the table of served files: how a directory finds and lists its
 *	             children, how a file is rendered, what a write does
 *	open_dirs.c  directories that are being read; listing.h their names
 *	trim.h       what the kernel remembers, and we with it, is bounded
 *	tenant.h     what a user has open is bounded
 *	workers.h    the threads, and whose turn it is
 *	dir_times.h  when the names in a directory changed
 *	detour.h     requests that wait for a webhook
 *	handle.h     what an open file holds: a snapshot, a message being written, a stream
 *	reply.h      the one place that turns errors into errno and remembers their text
 *
 * Handlers never wait: a write is submitted to objects/api.h (or manifest.h) and its
 * request answered by the callback; a read that has to wait is parked (stream.h).
 *
 * Lock order: handle -> node table; none is held while calling into other rooms, except a
 * handle's own. changes.c's lock is above the node table.
 */
#pragma once

#include <fuse_lowlevel.h>
#include <pthread.h>

#include "fs/fs.h"
#include "fs/node.h"
#include "fs/row.h"

#define FS_NAME_MAX    255
#define FS_FILE_MAX    (3u << 20) /* CODEC_MAX_BYTES: a manifest, a message */
#define FS_MESSAGE_MAX 4096u      /* a write up to here may be acted upon at once */
#define FS_CACHED_SEC  10.0       /* entries and attributes that we invalidate ourselves */
#define FS_FIRST_SEC   1.0        /* attributes of what the kernel did not have before */
/* Names that not everybody who may search their directory may see are not kept; only where the same
 * one is asked for again and again without a pause, for a tick of the kernel's clock. */
#define FS_PRIVATE_SEC 0.001
#define FS_LOOP_MS     20
#define FS_LOOP_LENGTH 256

struct fs {
	char *mountpoint, *state_dir, *version, *kubernetes_version;
	struct api *api;
	struct store *store;
	struct manifests *manifests;
	struct identities *identities;
	struct rbac *rbac;
	struct audit *audit;
	struct fs_rooms rooms;
	struct fuse_session *session;
	struct nodes *nodes;
	struct contents *contents;
	struct memfiles *memfiles;
	struct tenants *tenants;
	struct workers *workers;
	struct changes *changes;
	struct dir_times *dir_times;
	struct streams *streams;
	struct jobs *jobs; /* requests that wait for webhooks: detour.h */
	struct log_watches *log_watches;
	struct open_logs *open_logs;
	struct permissions *permissions; /* permission.h */
	struct setting *settings;        /* open_lock; permission_set.c */
	struct fields_made *made;        /* directories that mkdir prepared, not stored yet */
	struct notifier *notifier;
	struct execs *execs;
	struct recent_archives *recent;
	struct images_seen *images_seen;
	struct dir_handle *open_dirs; /* open_lock */
	struct handle *open_files;    /* open_lock */
	pthread_mutex_t open_lock;
	pthread_t loop;
	int serving;
	_Atomic int gone, stopping;
	_Atomic int n_background; /* requests that are answered by a commit or a thread */
	_Atomic int trimming;     /* trim.c: a thread is at it */
	_Atomic size_t trim_above;
	void (*on_gone)(void *arg);
	void *on_gone_arg;
	struct timespec started;
	_Atomic uint64_t n_scans, n_told; /* the notifier's */
	_Atomic uint64_t n_requests, n_errors, n_opens, n_writes;
};

/* One request while its handler runs. */
struct call {
	struct fs *fs;
	fuse_req_t req;
	unsigned uid, gid;
	pid_t pid;
	int closing;          /* close(2), not fsync(2) */
	int flags;            /* read, write: of the open file now (fcntl(2) F_SETFL) */
	struct identity *who; /* owned, made by call_who() */
	struct err err;
};

void call_init(struct call *c, fuse_req_t req);
void call_fini(struct call *c);
/* An open file acts in the name of who opened it, whoever holds its descriptor now (a setuid
 * program inherits it, too). */
void call_as_opener(struct call *c, const struct handle *h);
/* The caller, with groups (looked up once a request, only when asked). Borrowed from the call. */
struct identity *call_who(struct call *c);
/* May he open one more of this (tenant.h)? Return: 0, or -EDQUOT in err. */
int call_may_have(struct call *c, unsigned what);
/* True for requests that the notifier makes on the own mount. */
int call_is_own(const struct call *c);

/* The object that a node names, as it is now. Owned. NULL: gone (ESTALE in err when it was there),
 * or its conversion webhook does not show it in this version. */
struct object *node_get_object(struct fs *fs, const struct node *n, struct err *err);
/* The same for who looks at its metadata alone: perhaps not whole (object->of). */
struct object *node_see_object(struct fs *fs, const struct node *n, struct err *err);

/* How the kernel calls a node. */
static inline fuse_ino_t node_id(const struct node *n)
{
	return n->parent ? (fuse_ino_t)(uintptr_t)n : FUSE_ROOT_ID;
}
static inline struct node *node_of(struct fs *fs, fuse_ino_t id)
{
	return id == FUSE_ROOT_ID ? nodes_root(fs->nodes) : (struct node *)(uintptr_t)id;
}

/* requests.c: the handlers of names; files.c adds those of open files. */
extern const struct fuse_lowlevel_ops fs_operations;
void files_open(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi);
void files_read(fuse_req_t req, fuse_ino_t id, size_t size, off_t off, struct fuse_file_info *fi);
void files_write(fuse_req_t req, fuse_ino_t id, const char *data, size_t len, off_t off,
		 struct fuse_file_info *fi);
void files_flush(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi);
void files_fsync(fuse_req_t req, fuse_ino_t id, int datasync, struct fuse_file_info *fi);
void files_release(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi);
void files_poll(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi,
		struct fuse_pollhandle *ph);
void files_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		  struct fuse_file_info *fi);
/* Answer open or create with a handle (takes it); NULL: with c->err. */
void files_opened(struct call *c, struct handle *taken, struct fuse_file_info *fi);
/* The same for create: the node gets a lookup. */
void files_created(struct call *c, struct node *n, struct handle *taken, struct fuse_file_info *fi);
/* open_dirs.c: directories. */
void dirs_open(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi);
void dirs_read(fuse_req_t req, fuse_ino_t id, size_t size, off_t off, struct fuse_file_info *fi);
void dirs_read_plus(fuse_req_t req, fuse_ino_t id, size_t size, off_t off,
		    struct fuse_file_info *fi);
void dirs_release(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi);
/* What clients had open when the mount ended: no release comes for it. */
void dirs_drop(struct fs *fs);
void handles_drop(struct fs *fs);
/* True while the process has the directory of this object open: `rm -r` walks it. */
int walker_holds(struct fs *fs, const char *uid, pid_t pid);
int walker_holds_field(struct fs *fs, const char *uid, const char *sub, pid_t pid);
/* The child of a directory by name; found_by_row_out: a fixed row. NULL: c->err. Owned. */
struct node *dir_child(struct call *c, struct node *dir, const char *name, int *found_by_row_out);
