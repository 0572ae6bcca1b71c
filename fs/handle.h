/* SPDX-License-Identifier: MIT */
/*
 * Open files. A handle is made by open or create and freed by release; its
 * operations answer the request that they are given, exactly once, at once or later.
 *
 * Locking: the kernel serialises writes to one file, nothing else. Each kind of
 * handle guards its own state with `lock`.
 */
#pragma once

#include "fs/content.h"
#include "fs/fs_i.h"

struct handle;

struct handle_ops {
	/* Absent: EBADF. */
	void (*read)(struct handle *h, struct call *c, size_t size, off_t off);
	void (*write)(struct handle *h, struct call *c, const char *data, size_t len, off_t off);
	/* close(2) of a descriptor, and fsync(2). Absent: nothing to do. */
	void (*flush)(struct handle *h, struct call *c);
	/* Absent: always ready. Takes ph (may be NULL). */
	void (*poll)(struct handle *h, struct call *c, struct fuse_pollhandle *ph);
	/* fstat(2): size and times as this handle sees them. Absent: the node's. */
	int (*stat)(struct handle *h, struct stat *st);
	/* ftruncate(2). Absent: without effect. Return: 0 or -errno. */
	int (*truncate)(struct handle *h, off_t size);
	/* Has it no offsets (ESPIPE from lseek(2), a shell then reads byte by byte)? Absent: no. */
	int (*is_pipe)(const struct handle *h);
	/* Frees what the kind of handle holds besides. */
	void (*release)(struct handle *h);
};

struct handle {
	const struct handle_ops *ops;
	struct fs *fs;
	struct node *node;     /* owned reference */
	struct identity *who;  /* of the opener, owned reference */
	struct tenant *tenant; /* his; NULL: not bounded */
	pthread_mutex_t lock;
	_Atomic unsigned refs;
	int flags;                   /* of open(2) */
	pid_t pid;                   /* the thread that opened it */
	_Atomic int cut_off;         /* one who wrote to it was killed */
	_Atomic int put_off;         /* a close was not acted upon: the last one must be */
	struct handle *next, **prev; /* fs->open_files */
	struct handle *node_next, **node_prev; /* node->open, the newest first */
};

/* size: of the struct that begins with struct handle; zeroed. */
struct handle *handle_new(size_t size, const struct handle_ops *ops, struct call *c, struct node *n,
			  int flags);
struct handle *handle_ref(struct handle *h);
/* A reference unless the last one has gone already (h is being freed). Return: whether. */
int handle_try_ref(struct handle *h);
void handle_unref(struct handle *h);
DEFINE_CLEANUP(struct handle *, handle_unref)

/*
 * fstat(2) comes without the open file: the snapshot of this node that the process is reading
 * just now (within a second of opening it or of its last read), so that tar, cp and rsync find
 * the size of what they read. Owned reference, NULL: none.
 */
struct handle *handle_being_read(struct fs *fs, struct node *n, pid_t pid);
/* A snapshot to read from. Takes the reference. */
struct handle *handle_of_content(struct call *c, struct node *n, struct content *taken, int flags);
/* A message file: what is written is given to the row's `act`. */
struct handle *handle_of_message(struct call *c, struct node *n, int flags);

static inline int flags_want_write(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY;
}
static inline int flags_want_read(int flags)
{
	return (flags & O_ACCMODE) != O_WRONLY;
}

/* Answer a read from text at off. */
void reply_slice(fuse_req_t req, const char *text, size_t len, size_t size, off_t off);
