/* SPDX-License-Identifier: MIT */
/*
 * inotify for what the server changes: the kernel tells inotify only of calls made
 * through the VFS, so a thread of ours makes such calls on the own mount (truncate,
 * mkdir, rmdir, mknod, unlink), and the handlers recognise and answer them without
 * effect.
 *
 * Only where somebody looks: an inotify watch holds its inode, so a directory that the
 * kernel does not hold has no watchers, and nothing is done for it. Changes are
 * coalesced per object; what cannot be told in time is dropped, never waited for.
 *
 * Locking: any thread; notifier_note never waits.
 */
#pragma once

#include "objects/store/store.h"

struct call;
struct fs;
struct node;
struct notifier;

struct notifier *notifier_new(struct fs *fs);
/* Before the mount is gone: ends the thread. */
void notifier_stop(struct notifier *n);
void notifier_free(struct notifier *n);
/* A committed change. */
void notifier_note(struct notifier *n, const struct change *c);
/* Changes were not seen: whatever is watched may be another. */
void notifier_lost(struct notifier *n);

/* Is this the notifier's own thread? */
int notifier_is(const struct notifier *n, pid_t pid);
/* Its own requests, answered so that the kernel tells inotify. Return: 1 answered, 0 not. */
int notifier_lookup(struct call *c, struct node *dir, const char *name);
int notifier_made(struct call *c, struct node *dir, const char *name);
int notifier_removed(struct call *c, struct node *dir, const char *name);
