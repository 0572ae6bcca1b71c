/* SPDX-License-Identifier: MIT */
/*
 * File descriptors and whole files. Every descriptor is opened O_CLOEXEC;
 * an owning local is `CLEANUP_FD int fd = -1;`.
 */
#pragma once

#include <sys/types.h>

#include "util/buf.h"
#include "util/err.h"

void fd_close_at(int *fd); /* closes *fd if >= 0, sets it to -1, keeps errno */
#define CLEANUP_FD CLEANUP(fd_close_at)

/* Take a descriptor out of an owning local. */
static inline int fd_steal(int *fd)
{
	int was = *fd;

	*fd = -1;
	return was;
}

/* Read all of a file; EFBIG past max bytes. Appends to out. */
int fd_read_file(const char *path, size_t max, struct buf *out, struct err *err) MUST_CHECK;
/* Write exactly len bytes, going on after EINTR and short writes. Return: 0 or -errno. */
int fd_write_all(int fd, const void *data, size_t len) MUST_CHECK;
/* Write a small control file (cgroup, sysctl, /proc) in one write(2), without creating it. */
int fd_write_file(const char *path, const char *text, struct err *err) MUST_CHECK;
/*
 * Replace a file whole: a temporary beside it, fsync when durable, rename,
 * and fsync of the directory when durable.
 */
int fd_replace_file(const char *path, const void *data, size_t len, mode_t mode, int durable,
		    struct err *err) MUST_CHECK;
/* mkdir -p; an existing directory is fine, its mode stays. */
int fd_mkdir_p(const char *path, mode_t mode, struct err *err) MUST_CHECK;
/*
 * rm -rf without following links or crossing into other mounts below path.
 * A missing path is fine.
 */
int fd_remove_tree(const char *path, struct err *err) MUST_CHECK;
int fd_remove_tree_at(int dirfd, const char *path, struct err *err) MUST_CHECK;
