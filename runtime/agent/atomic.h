/* SPDX-License-Identifier: MIT */
/*
 * A directory whose files change all at once, as the kubelet's AtomicWriter does it:
 * the files live in `..<time>/`, `..data` is a symlink to it, each visible name is a
 * symlink through `..data`; a change makes a new directory and renames `..data` over.
 */
#pragma once

#include <sys/types.h>

#include "util/buf.h"
#include "util/err.h"

struct payload_file {
	char *path; /* relative, owned */
	struct buf data;
	mode_t mode;
	uid_t uid; /* as seen in the pod */
};

struct payload {
	struct payload_file *list;
	size_t n;
};

void payload_fini(struct payload *p);
/* bytes are taken. A path that leaves the directory: -EINVAL. The same path again: the later one
 * wins. */
int payload_add(struct payload *p, const char *path, mode_t mode, struct buf *taken,
		struct err *err) MUST_CHECK;

/* The file that was added under path belongs to uid, as seen in the pod; without that to root. */
void payload_set_owner(struct payload *p, const char *path, uid_t uid);

/* Owner of what is written. */
struct payload_owner {
	uid_t base; /* added to each uid and gid: the pod's range */
	gid_t gid;  /* as seen in the pod */
	int group;  /* gid is an fsGroup: it may read everything */
};
/* dir exists. Return: 1 changed, 0 it was so already, -errno. */
int atomic_write(const char *dir, const struct payload *p, const struct payload_owner *owner,
		 struct err *err) MUST_CHECK;
