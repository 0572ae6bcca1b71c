/* SPDX-License-Identifier: MIT */
/*
 * Writing a tree below one directory and nowhere else, by names that somebody
 * hostile chose: no `..`, no way through links or other mounts, bounded lengths.
 * Whiteouts get the form that overlayfs reads (a character device 0/0 hides a
 * name, trusted.overlay.opaque on a directory hides what lies below it; see
 * Documentation/filesystems/overlayfs.rst of Linux).
 */
#pragma once

#include <limits.h>
#include <sys/stat.h>

#include "util/buf.h"
#include "util/err.h"

#define TREE_DEPTH_MAX 256

struct tree {
	int root;              /* borrowed */
	int parent_fd;         /* of the name used last */
	char parent[PATH_MAX]; /* relative to root */
	struct buf
		dir_times; /* to be set at the end: what is made in a directory changes its time */
};

void tree_init(struct tree *t, int root);
void tree_fini(struct tree *t);

/*
 * A name in an archive to a relative path in normal form ("" is the root).
 * -EINVAL for `..`, NUL-less garbage and what is too long or too deep.
 */
int tree_clean_name(const char *name, char out[PATH_MAX], struct err *err) MUST_CHECK;

/*
 * The directory that holds `path` (in normal form, not ""): made where it is missing. *leaf points
 * into path. Return: a descriptor that t owns, or -errno; -ELOOP when a link is in the way.
 */
int tree_parent(struct tree *t, const char *path, const char **leaf, struct err *err) MUST_CHECK;

/* Remove what is there under the name, directories whole. 0 when nothing is. */
int tree_remove(struct tree *t, int parent, const char *leaf, struct err *err) MUST_CHECK;
/* A directory under the name; one that is there already is kept, anything else replaced. Return: an
 * owned descriptor. */
int tree_make_dir(struct tree *t, int parent, const char *leaf, struct err *err) MUST_CHECK;
/* Hide the name of the layers below: what this layer itself has there stays. */
int tree_whiteout(struct tree *t, int parent, const char *leaf, struct err *err) MUST_CHECK;
/* Hide all that the layers below have in the directory. */
int tree_opaque(int dirfd, struct err *err) MUST_CHECK;

/* Set times of a directory by tree_finish(). */
int tree_defer_times(struct tree *t, const char *path, const struct timespec times[2],
		     struct err *err) MUST_CHECK;
void tree_finish(struct tree *t);
