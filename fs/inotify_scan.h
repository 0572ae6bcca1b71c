/* SPDX-License-Identifier: MIT */
/*
 * Who has inotify watches on a filesystem: read from /proc/<pid>/fdinfo, where the
 * kernel lists the inode and device of every watch (proc(5)).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct inode_set {      /* sorted */
	uint64_t *list; /* owned */
	size_t n;
};

/* Put it at the end: whoever adds keeps the order. */
void inode_set_add(struct inode_set *s, uint64_t ino);
void inode_set_fini(struct inode_set *s);
int inode_set_has(const struct inode_set *s, uint64_t ino);
/* What is in a and not in b. */
void inode_set_minus(const struct inode_set *a, const struct inode_set *b, struct inode_set *out);

/* Which process watches what. */
struct watch_of {
	uint64_t ino;
	size_t who; /* what `identify` said of the process */
};

/* A look at all processes, some at a time. */
struct inotify_scan {
	void *proc; /* owned, NULL: none is under way */
	unsigned long device;
	/* Called once of each process that watches something. */
	size_t (*identify)(void *arg, pid_t pid);
	void *arg;
	struct watch_of *found; /* owned; sorted by inode when it is done */
	size_t n;
};

void inotify_scan_begin(struct inotify_scan *s, dev_t device,
			size_t (*identify)(void *arg, pid_t pid), void *arg);
/* Look at one more process. Return: whether there are more; 0: found has all inodes of the device
 * that some process watches. */
int inotify_scan_step(struct inotify_scan *s);
void inotify_scan_fini(struct inotify_scan *s);
