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

void inode_set_fini(struct inode_set *s);
int inode_set_has(const struct inode_set *s, uint64_t ino);
/* What is in a and not in b. */
void inode_set_minus(const struct inode_set *a, const struct inode_set *b, struct inode_set *out);

/* A look at all processes, some at a time. */
struct inotify_scan {
	void *proc; /* owned, NULL: none is under way */
	unsigned long device;
	struct inode_set found; /* owned; sorted when it is done */
};

void inotify_scan_begin(struct inotify_scan *s, dev_t device);
/* Look at one more process. Return: whether there are more; 0: found has all inodes of the device
 * that some process watches. */
int inotify_scan_step(struct inotify_scan *s);
void inotify_scan_fini(struct inotify_scan *s);
