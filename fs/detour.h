/* SPDX-License-Identifier: MIT */
/*
 * Requests that have to wait for a webhook: a file of an object in a version that only its
 * definition's conversion webhook can show, or a connection that one may refuse. They are taken
 * from the workers, which answer everybody, to threads of their own, and begun anew there.
 *
 * Locking: any thread.
 */
#pragma once

#include "fs/fs_i.h"

/* May this thread wait for a webhook? */
int detour_may_wait(void);

/* A request failed: a reader is not told why by his errno alone, so `errors` says it, if it is one
 * that waited. */
void detour_note_error(struct call *c);

typedef void (*detour_name_fn)(fuse_req_t req, fuse_ino_t parent, const char *name);
typedef void (*detour_file_fn)(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi);
typedef void (*detour_read_fn)(fuse_req_t req, fuse_ino_t id, size_t size, off_t off,
			       struct fuse_file_info *fi);

/* First in a handler. Return: 1 when fn will be called, or was, with the same, on a thread that may
 * wait: the handler is done. */
int detour_name(fuse_req_t req, fuse_ino_t parent, const char *name, detour_name_fn fn);
int detour_file(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi, detour_file_fn fn);
int detour_read(fuse_req_t req, fuse_ino_t id, size_t size, off_t off, struct fuse_file_info *fi,
		detour_read_fn fn);
/* Something else that waits, in the background of the tree. */
void detour_run(struct fs *fs, void (*fn)(void *arg), void *arg);

/*
 * Make objects (of one version) whole that the store gave, asking their webhook where this thread
 * may wait. Return: 0, or -errno with err: EAGAIN where it may not.
 */
int objects_make_whole(struct fs *fs, struct object **list, size_t n, struct err *err);
