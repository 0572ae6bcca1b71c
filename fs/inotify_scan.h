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
/* All inodes of the device that some process watches. */
void inotify_scan(dev_t device, struct inode_set *out);
