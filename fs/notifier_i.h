/* SPDX-License-Identifier: MIT */
/* Inside the notifier: its thread (notifier.c) and what it tells (notifier_tell.c). */
#pragma once

#include "fs/fs_i.h"
#include "fs/inotify_scan.h"
#include "fs/notifier.h"

/* What became of one object since it was told last. */
struct note {
	struct note *next;
	struct object *old, *now; /* owned; old NULL: it is new; now NULL: it is gone */
};

enum action { ACTION_NONE, ACTION_MAKE, ACTION_REMOVE };

struct notifier {
	struct fs *fs;
	pthread_t thread;
	_Atomic pid_t tid;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct note *queue, **queue_end; /* lock */
	size_t n_queued;                 /* lock */
	int stopping, dropping;          /* lock */

	/* the thread's own */
	dev_t device;
	struct inode_set watched;
	struct note *told; /* since the last scan */
	size_t n_told;
	uint64_t next_scan_ms;

	/* what it is doing to the mount, for the handlers; they run while the thread waits */
	enum action action;
	char name[FS_NAME_MAX + 1];
	struct place place; /* of what is removed */
};

/* Tell the watches on these inodes what happened; on the notifier's thread. */
void notifier_tell(struct notifier *n, const struct note *note, const struct inode_set *to);
