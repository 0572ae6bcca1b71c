/* SPDX-License-Identifier: MIT */
/*
 * What has to happen in the tree when the store changed: the kernel forgets the
 * attributes that it keeps of the object's files, and whoever waits is woken.
 *
 * A writer's answer is sent after changes_drain(): then the kernel's caches are
 * right before his call returns. Changes of others are drained by a thread of
 * their own that the change log wakes. Invalidating attributes takes no lock that
 * a request could hold (offset -1: no page is touched), so it may be done anywhere.
 *
 * Locking: any thread, except inside a watch's notify.
 */
#pragma once

#include <time.h>

#include "objects/store/store.h"

struct fs;
struct changes;
struct node;

/* The uid of what an Event is about (a Node's name where an agent wrote that); NULL: it is no
 * Event.
 */
const char *uid_of_event_object(const struct object *o);
/* What an Event is about, as it is now. Owned; NULL: there is no such object. */
struct object *object_of_event(struct store *store, const struct object *event);

struct changes *changes_new(struct fs *fs);
void changes_free(struct changes *ch);
/* Work off everything that is committed by now. */
void changes_drain(struct changes *ch);

/* The kernel keeps a name that it moved in its cache, where it stands for nothing of the kind: it
 * forgets it soon, on a thread that may wait for the client that moves it. */
void changes_forget_name(struct changes *ch, struct node *dir, const char *name);

/*
 * Told of each change of the object of this uid, and of each Event about it, on the
 * draining thread: must not wait. When changes were lost (more at once than the change log
 * holds) every stream is woken instead, and looks at the store.
 */
struct change_listener {
	struct change_listener *next, **prev;
	char *uid; /* owned: freed by changes_unlisten() */
	void (*fn)(void *arg, const struct change *c);
	void *arg;
};
void changes_listen(struct changes *ch, struct change_listener *l);
void changes_unlisten(struct changes *ch, struct change_listener *l);
