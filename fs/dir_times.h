/* SPDX-License-Identifier: MIT */
/*
 * When a directory's names changed last: objects that came and went, manifests and scratch
 * files. By path relative to the mount; in memory, of fixed size. What is not known any more
 * (or not yet: since the mount) is answered with a later time, never with an earlier one, so
 * that updatedb, rsync and make do not take a changed directory for an old one.
 *
 * Locking: any thread.
 */
#pragma once

#include <time.h>

struct kind;
struct dir_times;

struct dir_times *dir_times_new(void);
void dir_times_free(struct dir_times *all);
/* A name in the directory came or went, now. */
void dir_times_touch(struct dir_times *all, const char *dir);
/* The same of the directory that path is in. */
void dir_times_touch_parent(struct dir_times *all, const char *path);
/* The same of the directory of a kind's objects; ns "": of all. */
void dir_times_touch_kind(struct dir_times *all, const struct kind *kind, const char *ns);
struct timespec dir_times_get(struct dir_times *all, const char *dir);
