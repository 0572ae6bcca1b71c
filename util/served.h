/* SPDX-License-Identifier: MIT */
/*
 * A served file is a row: name, mode, how a read is made, what a write does, and
 * the line that documents it. Rooms that have files to show (runtime: logs,
 * containers, images; net: tables) hand rows to the tree without knowing it; the
 * tree looks rows up by name and never compares paths by hand.
 */
#pragma once

#include "util/buf.h"
#include "util/err.h"

/* Who is asking; auth's to fill in, opaque words to everybody else. */
struct served_caller {
	const char *user;
	const char *const *groups;
	unsigned uid, gid;
	int pid;
};

struct served_row {
	const char *name;
	unsigned mode; /* 0444, 0200, 0644 */
	/* The whole content into out. `self` names the thing the row belongs to (pod, image ...),
	 * as registered. */
	int (*render)(void *room, const char *const *args, struct buf *out, struct err *err);
	/* One message, at once: the error is write()'s. */
	int (*write)(void *room, const char *const *args, const struct served_caller *who,
		     const char *text, size_t len, struct err *err);
	const char *doc; /* one line for docs/files.md and `ctl` usage */
};
