/* SPDX-License-Identifier: MIT */
/* Inside exec/: conversations (exec_dir.c) and their streams (exec_streams.c). */
#pragma once

#include "fs/exec_dir.h"
#include "fs/handle.h"

struct conversation {
	_Atomic unsigned refs;
	struct conversation *next; /* execs' lock */
	unsigned number, uid;
	char *pod_uid, *container; /* owned */
	pthread_mutex_t lock;      /* everything below */
	int started, ended, tty;
	unsigned rows, columns;
	int in, out, error, status;
	pid_t pid;
	struct buf status_text;
};

struct execs {
	pthread_mutex_t lock;
	struct conversation *list; /* each with a reference; lock */
	unsigned last;             /* lock */
};

/* The conversation of a node "<container>/<N>". Owned, NULL if it is over. */
struct conversation *conversation_of(struct fs *fs, const struct node *n);
void conversation_unref(struct conversation *v);
DEFINE_CLEANUP(struct conversation *, conversation_unref)

/* Members of the rows. */
struct handle *exec_open_input(struct call *c, struct node *n, int flags);
struct handle *exec_open_output(struct call *c, struct node *n, int flags);
struct handle *exec_open_status(struct call *c, struct node *n, int flags);
