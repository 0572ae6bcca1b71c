/* SPDX-License-Identifier: MIT */
/*
 * Rendered content: made once for a version of what it shows, shared by getattr,
 * open and every reader who comes before the next version.
 *
 * Locking: any thread.
 */
#pragma once

#include <sys/stat.h>
#include <time.h>

#include "fs/node.h"
#include "objects/object.h"

struct call;

struct content { /* immutable, refcounted */
	_Atomic unsigned refs;
	uint64_t version;
	struct timespec time; /* of the change that it shows; 0: as the node says */
	size_t len;
	char data[];
};

struct contents; /* the cache: bounded in bytes and entries */

struct contents *contents_new(void);
void contents_free(struct contents *all);

/* What the node shows now: owned reference; NULL with c->err. */
struct content *content_get(struct call *c, const struct node *n, const struct object *o);
/* Texts of other kinds: key is any number that no inode has and no other text. Owned; NULL: not
 * kept.
 */
struct content *contents_find(struct contents *all, uint64_t key, uint64_t version);
void contents_keep(struct contents *all, uint64_t key, struct content *t);
struct content *content_new(const void *data, size_t len);
/* Its size, blocks and times. */
void content_stat(const struct content *t, struct stat *st);
struct content *content_ref(struct content *t);
void content_unref(struct content *t);
DEFINE_CLEANUP(struct content *, content_unref)
#define CLEANUP_CONTENT CLEANUP(content_unrefp)
