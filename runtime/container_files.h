/* SPDX-License-Identifier: MIT */
/*
 * The files of a running container, from outside of it, as its first process may use them.
 *
 * A path is relative to the container's root, of names only ("etc/passwd"; "" is the root
 * itself): links in it are not followed, so that nothing leads out of the container, whatever
 * its processes exchange meanwhile. Mounts of the container are part of it where they hold
 * files; what only looks like files (/proc, /sys, a file system that waits for somebody: FUSE, NFS)
 * is an empty directory, or no file at all.
 *
 * Rights: what the container's first process could do, by its ids, groups and capabilities: its
 * root passes the modes of files that belong to the pod, and of no other (a hostPath). New
 * files are its. Ids are shown and taken as they are inside.
 *
 * Nothing is opened but regular files and directories; the rest is shown as a socket, which
 * nobody can open.
 *
 * Errors: -ENOENT there is none, also no such running container; -EACCES, -EPERM; -EROFS; what the
 * system calls say. Any thread.
 */
#pragma once

#include <sys/stat.h>

#include "runtime/sandbox.h"
#include "util/buf.h"

/* A container while it is looked into. */
struct container_view {
	int proc;      /* its first process' directory in /proc */
	int root;      /* its root directory */
	uint32_t base; /* the pod's ids: base + what they are inside */
	uint32_t n_ids;
	uid_t uid; /* of its first process, as the host has them */
	gid_t gid;
	gid_t groups[64];
	unsigned n_groups;
	uint64_t capabilities;
};

#define CONTAINER_VIEW_INIT                                                                        \
	{                                                                                          \
		.proc = -1, .root = -1                                                             \
	}

int container_view_open(struct container_view *v, struct sandboxes *all, const char *uid,
			const char *container, struct err *err) MUST_CHECK;
/* The same of a process that is known otherwise: its directory in /proc (not taken). */
int container_view_of(struct container_view *v, int proc, struct err *err) MUST_CHECK;
void container_view_fini(struct container_view *v);
#define CLEANUP_VIEW CLEANUP(container_view_fini)

/* As lstat(2). */
int container_stat(const struct container_view *v, const char *path, struct stat *out,
		   struct err *err) MUST_CHECK;
/* Where a link leads: relative to its own directory, `..` only at its beginning and never past the
 * root, so that it stays in the container also where its root is a directory like others. */
int container_readlink(const struct container_view *v, const char *path, struct buf *out,
		       struct err *err) MUST_CHECK;
/* fn is called for each name but . and ..; type as d_type (readdir(3)), which may be DT_UNKNOWN.
 * -EOVERFLOW: more than CONTAINER_LIST_MAX. */
#define CONTAINER_LIST_MAX 200000u
typedef void (*container_list_fn)(void *arg, const char *name, unsigned char type);
int container_list(const struct container_view *v, const char *path, container_list_fn fn,
		   void *arg, struct err *err) MUST_CHECK;
/* A regular file. flags: access mode, O_TRUNC, O_APPEND; O_CREAT makes one that is not there (mode),
 * with O_EXCL only such a one. Return: descriptor. */
int container_open(const struct container_view *v, const char *path, int flags, mode_t mode,
		   struct err *err) MUST_CHECK;

int container_mkdir(const struct container_view *v, const char *path, mode_t mode, struct err *err)
	MUST_CHECK;
int container_symlink(const struct container_view *v, const char *path, const char *target,
		      struct err *err) MUST_CHECK;
int container_remove(const struct container_view *v, const char *path, int is_dir, struct err *err)
	MUST_CHECK;
/* Of a directory: -EXDEV (its files are copied then). flags: RENAME_NOREPLACE. */
int container_rename(const struct container_view *v, const char *path, const char *to,
		     unsigned flags, struct err *err) MUST_CHECK;
int container_chmod(const struct container_view *v, const char *path, mode_t mode, struct err *err)
	MUST_CHECK;
/* (uid_t)-1, (gid_t)-1: as it is. */
int container_chown(const struct container_view *v, const char *path, uid_t uid, gid_t gid,
		    struct err *err) MUST_CHECK;
/* As utimensat(2). */
int container_set_times(const struct container_view *v, const char *path,
			const struct timespec times[2], struct err *err) MUST_CHECK;
