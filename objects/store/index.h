/* SPDX-License-Identifier: MIT */
/*
 * The index in memory: every object by (kind, namespace, name), by uid, by the
 * uids of its owners, and (an Event) by the uid of what it is about. Each is a
 * balanced tree: O(log n), and a namespace or an owner is a range of it.
 *
 * A slot is an object's place; its snapshot changes, the slot stays. The
 * committer prepares a change in `pending`, invisible to readers, and publishes
 * it when the backend has it.
 *
 * Locking: the caller's. Readers hold the store's index lock shared; the
 * committer holds it exclusively while it publishes or makes and drops slots.
 * `pending*` belong to the committer alone.
 */
#pragma once

#include <bsd/sys/tree.h>

#include "objects/object.h"
#include "objects/store/store.h"

struct slot {
	RB_ENTRY(slot) by_key;
	RB_ENTRY(slot) by_uid;
	const struct kind *kind;
	struct value *ns, *name; /* owned strings: the key outlives the snapshots */
	struct object *obj;      /* published; NULL: not there (yet) */
	struct object *pending;  /* what the running batch makes of it; borrowed from the batch */
	int has_pending;         /* pending counts, even when NULL (deleted) */
	size_t last_touch;       /* which of the batch's changes made pending */
	uint64_t uid_head;       /* uid_head() of obj's uid: orders by_uid without a look at obj */
	uint64_t row;            /* the backend's row, 0: none yet */
	struct link *links;      /* owned: the uids that the object names */
};

struct link_tree;

struct link { /* the slot's object names a uid: its owner's, or what it is about */
	RB_ENTRY(link) by_uid;
	struct link_tree *tree; /* by_owner or by_about */
	struct value *uid;      /* owned string */
	struct slot *slot;
	struct link *next; /* of the same slot */
};

RB_HEAD(slots_by_key, slot);
RB_HEAD(slots_by_uid, slot);
RB_HEAD(link_tree, link);

struct index {
	struct slots_by_key *by_key; /* one tree a kind, by kind->index; owned */
	size_t *counts;              /* published objects a kind */
	size_t n_kinds;
	struct slots_by_uid by_uid;
	struct link_tree by_owner, by_about;
	size_t n_objects;
};

void index_init(struct index *ix);
void index_fini(struct index *ix);

struct slot *index_find(struct index *ix, struct objkey key);
struct slot *index_find_uid(struct index *ix, const char *uid);
/* The slot of the key: the one that is there, or a new, empty one. */
struct slot *index_insert(struct index *ix, struct objkey key);
/* Drop a slot that holds nothing. */
void index_remove(struct index *ix, struct slot *s);
/* Make `taken` (NULL: nothing) the slot's snapshot. Returns the one before, owned. */
struct object *index_publish(struct index *ix, struct slot *s, struct object *taken);

/* In order of (namespace, name); ns NULL: all. Adds references to out. */
void index_list(struct index *ix, const struct kind *kind, const char *ns, struct object_list *out);
void index_list_owned(struct index *ix, const char *owner_uid, struct object_list *out);
void index_list_about(struct index *ix, const char *uid, struct object_list *out);
int index_has_any(struct index *ix, const struct kind *kind, const char *ns);
size_t index_count(struct index *ix, const struct kind *kind, const char *ns);
