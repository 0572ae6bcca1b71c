/* SPDX-License-Identifier: MIT */
/*
 * inotify for what the server changes: the kernel tells inotify only of calls made
 * through the VFS, so a thread of ours makes such calls on the own mount (truncate,
 * mkdir, rmdir, mknod, unlink), and the handlers recognise and answer them without
 * effect.
 *
 * Only where somebody looks: to put a watch on a file, the kernel must have its attributes,
 * so whoever was not asked for them since the last look at all watches has no new
 * ones, and nothing is done. Changes are coalesced per object and the last state of each
 * is told; when more objects change than can be told, all that is watched is. Nobody
 * waits for it.
 *
 * Locking: any thread; nothing here waits, except where it says so.
 */
#pragma once

#include "objects/store/store.h"

struct call;
struct fs;
struct node;
struct notifier;
struct row;
struct stat;

struct notifier *notifier_new(struct fs *fs);
/* Before the mount is gone: ends the thread. Waits, a second at most. */
void notifier_stop(struct notifier *n);
void notifier_free(struct notifier *n);
/* A committed change. */
void notifier_note(struct notifier *n, const struct change *c);
/*
 * A client's own mkdir or rmdir of an object's directory, before it is answered: of that
 * the kernel tells itself.
 */
void notifier_client_did(struct notifier *n, const char *uid, int removed);
/* Changes were not seen: whatever is watched may be another. */
void notifier_lost(struct notifier *n);
/* Somebody asked for a container's log, or its directory: he may watch it. */
void notifier_log_asked(struct notifier *n, const struct node *dir);

/*
 * A file that stands for no object came, went, or has another content, by nobody's call on
 * its name: `row` and `sub` are its place in the directory.
 */
void notifier_name_made(struct notifier *n, const struct node *dir, const char *name,
			const struct row *row, const char *sub);
void notifier_name_gone(struct notifier *n, const struct node *dir, const char *name,
			const struct row *row, const char *sub);
void notifier_name_changed(struct notifier *n, const struct node *dir, const char *name,
			   const struct row *row, const char *sub);

/* Is this one of the notifier's own threads? */
int notifier_is(struct notifier *n, pid_t pid);
/* Attributes for its own requests: what is gone has some, too. */
void notifier_stat(struct call *c, struct node *n, struct stat *st);
/* Its own requests, answered so that the kernel tells inotify. Return: 1 answered, 0 not. */
int notifier_lookup(struct call *c, struct node *dir, const char *name);
int notifier_made(struct call *c, struct node *dir, const char *name);
int notifier_removed(struct call *c, struct node *dir, const char *name);
