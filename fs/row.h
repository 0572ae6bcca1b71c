/* SPDX-License-Identifier: MIT */
/*
 * The table of served files. A row says what a name in a directory is: a file with
 * how it is rendered and what a write does, a directory with its fixed rows and how
 * it finds and lists the others, or a link. Rows are found by name; a name that is
 * made by data (an object, a field, a manifest) is a row whose `name` is written in
 * angle brackets and which a directory's `find` returns.
 */
#pragma once

#include <time.h>

#include "objects/object.h"
#include "util/buf.h"
#include "util/err.h"

struct call;
struct fs;
struct handle;
struct listing;
struct message;
struct node;
struct stat;
struct row;

/* ROW_SPECIAL: a socket; nobody opens it */
enum row_type { ROW_DIR, ROW_FILE, ROW_LINK, ROW_SPECIAL };
#define ROW_TYPES                                                                                  \
	{                                                                                          \
		[ROW_DIR] = S_IFDIR, [ROW_FILE] = S_IFREG, [ROW_LINK] = S_IFLNK,                   \
		[ROW_SPECIAL] = S_IFSOCK                                                           \
	}

enum row_flag {
	ROW_HIDDEN = 1,  /* is there, but not listed: files that block */
	ROW_ASKER = 2,   /* another content for each reader */
	ROW_LIVE = 4,    /* changes without a change of its object: never cached */
	ROW_TIMED = 8,   /* depends on the store as a whole and the second: cached for that long */
	ROW_PUBLIC = 16, /* its mode says who may, not RBAC */
	ROW_OBJECT = 32, /* stands for (a part of) an object: render gets it */
	ROW_FIXED = 64,  /* never changes while we run */
	/* when a message file acts */
	ROW_ACT_WRITE = 128, /* in write(), if the first one is below FS_MESSAGE_MAX */
	ROW_ACT_LINE = 256,  /* in write(), if the first one is also whole: extent.h */
	ROW_COMMANDS = 512,  /* each write is a message of its own: ctl */
	ROW_KEEP = 1024,     /* found by a directory's `find`, and the kernel may keep the name */
	ROW_OWN_MODE = 4096, /* chmod sets it, and no ACL besides can be set */
	ROW_STREAM = 8192,   /* what comes when it comes: its size says only that it is not empty */
	ROW_ANSWERS = 2048,  /* a conversation: what comes of it is read from the same open file */
};

/* What clients may do to the names in a directory. Each answers the request itself. Absent: EPERM.
 */
struct name_ops {
	void (*create)(struct call *c, struct node *dir, const char *name, unsigned mode,
		       void *fuse_fi);
	void (*mkdir)(struct call *c, struct node *dir, const char *name, unsigned mode);
	void (*unlink)(struct call *c, struct node *dir, const char *name);
	void (*rmdir)(struct call *c, struct node *dir, const char *name);
	void (*symlink)(struct call *c, struct node *dir, const char *name, const char *target);
	/* the row of the directory that it leaves decides; flags as renameat2(2) */
	void (*rename)(struct call *c, struct node *dir, const char *name, struct node *to_dir,
		       const char *to_name, unsigned flags);
};

struct row {
	const char *name;  /* in its directory; "<object>" for names made by data */
	const char *where; /* the directory as docs/files.md writes it:
			      "<resource>/<namespace>/<name>/" */
	enum row_type type;
	unsigned mode;
	unsigned flags;
	int (*there)(struct call *c, const struct node *dir); /* NULL: always */

	/* files and links: the whole content. o is the object for ROW_OBJECT rows, else NULL. */
	int (*render)(struct call *c, const struct node *n, const struct object *o,
		      struct buf *out);
	/* What of the object it shows (lent, NULL: nothing), for inotify: the file changes when
	 * this does. Absent: all of it. */
	const struct value *(*part)(const struct object *o, const char *sub);
	/* A message was written: must answer by message_submit() or message_done(). */
	void (*act)(struct call *c, struct message *m);
	const char *connects; /* opening it is a connection to this subresource; NULL: it is none */
	/* Files that are neither rendered nor messages. Return: handle, NULL with c->err. */
	struct handle *(*open)(struct call *c, struct node *n, int flags);
	/* When the content changed last, where that is not the object's own time. */
	struct timespec (*changed)(struct call *c, const struct node *n, const struct object *o);
	/* Size, times, owner where they do not follow from content and object. */
	int (*stat)(struct call *c, const struct node *n, struct stat *st);
	/* chmod, chown, utimens, truncate by path: answers the request. Absent: accepted without
	 * effect for truncate, EPERM for the rest. */
	void (*setattr)(struct call *c, struct node *n, const struct stat *st, int to_set);

	/* directories */
	const struct row *const *rows; /* fixed children, NULL-terminated */
	/* Another child: owned reference, NULL: none (c->err set: not ENOENT). */
	struct node *(*find)(struct call *c, struct node *dir, const char *name);
	void (*list)(struct call *c, struct node *dir, struct listing *out);
	const struct name_ops *names;

	/*
	 * What reading and writing it needs, in Kubernetes' words; NULL: as permission.h says for
	 * its kind of row. "update:status|patch:status": either verb on the subresource;
	 * "list@events": on another resource of the same namespace.
	 */
	const char *read_as, *write_as;
	const char *url; /* not about a resource: `get` of this path ("/metrics") */
	const char *reads, *writes, *errors; /* documentation; NULL: cannot */
};

/* A directory's listing while it is made. */
void listing_add(struct listing *l, const char *name, enum row_type type, uint64_t ino);

extern const struct row row_root;

/* The fixed child of a directory, NULL if it has none of that name (or it is not there now). */
const struct row *row_child(struct call *c, const struct node *dir, const char *name);
