/* SPDX-License-Identifier: MIT */
/*
 * Nodes: what the kernel holds on to. A node is a row of the table and what it
 * names (kind, namespace, name, uid, and a rest that the row understands). It
 * keeps no state of what it names: whoever asks looks it up again, and a node
 * whose object is gone answers ESTALE, so that the kernel walks the path anew.
 *
 * The inode number is a stable hash of what the node stands for: the same after
 * a restart, and never used by another living node.
 *
 * Locking: any thread.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "objects/schema.h"
#include "util/buf.h"

struct handle;
struct row;
struct nodes;

struct node {
	struct node *hash_next, *uid_next;
	struct nodes *table;
	uint64_t ino;
	const struct row *row;
	const struct kind *kind;
	const char *ns, *name, *uid, *sub; /* "" when not set; in text */
	const char *fname;                 /* its name in parent; in text */
	struct node *parent;               /* owned reference, NULL for the root */
	uint64_t refs;                     /* ours; under the table's lock */
	uint64_t n_lookups;                /* the kernel's; under the table's lock */
	_Atomic int cached;                /* the kernel was told attributes that it may keep */
	_Atomic unsigned n_changed;        /* how often they were said to be wrong */
	_Atomic uint64_t asked_until_ms;   /* until then it may use them without asking again */
	int retired;                       /* under the table's lock: found no more */
	_Atomic int entry_cached;          /* the name in its directory may be kept, too */
	_Atomic uint64_t looked_up_ms;     /* the last look-up of a name that is private */
	_Atomic unsigned loop_length;      /* and how many came one shortly after the other */
	struct handle *open;               /* who has it open; under fs->open_lock */
	char text[];                       /* the strings, each with its NUL */
};

/* What to look for. NULL strings are "". */
struct place {
	const struct row *row;
	const struct kind *kind;
	const char *ns, *name, *uid, *sub;
};

struct nodes *nodes_new(const struct row *root);
void nodes_free(struct nodes *all);
struct node *nodes_root(struct nodes *all); /* borrowed */
size_t nodes_count(struct nodes *all);

/* The node of a place; owned reference. fname is its name in parent. */
struct node *node_get(struct node *parent, const char *fname, const struct place *at);
/* As node_get, only if the kernel (or somebody) holds it already. NULL if not. */
struct node *node_find(struct nodes *all, const struct place *at);
struct node *node_ref(struct node *n);
void node_unref(struct node *n);
DEFINE_CLEANUP(struct node *, node_unref)
#define CLEANUP_NODE CLEANUP(node_unrefp)
/* The kernel was given one more reference / gives n back. */
void node_looked_up(struct node *n);
/* Does the kernel have it (or is about to)? */
int node_is_known(struct node *n);
void node_forget(struct node *n, uint64_t n_lookups);
/* Nodes of one uid; owned references into an array that the caller frees. */
struct node **nodes_of_uid(struct nodes *all, const char *uid, size_t *n_out);
struct node **nodes_all(struct nodes *all, size_t *n_out);

/* Call fn for each node of a uid, with the table's lock. */
void nodes_visit_uid(struct nodes *all, const char *uid,
		     void (*fn)(void *arg, const struct node *n), void *arg);
/* Owned; NULL: not held. */
struct node *node_by_ino(struct nodes *all, uint64_t ino);
struct node *node_child(struct nodes *all, const struct node *parent, const char *fname);
/* The kernel uses it no more for what it names: the next one of its place gets another node. */
void node_retire(struct node *n);

uint64_t place_ino(const struct place *at);
/* "apis/core/v1/pods/default/web/status": relative to the mount. */
void node_path(const struct node *n, struct buf *out);
