/* SPDX-License-Identifier: MIT */
/*
 * Memory that is freed at once: everything that a compiled thing points to, or what a computation
 * makes on its way.
 *
 *	struct arena a = {0};
 *	struct node *n = arena_alloc(&a, 1, sizeof(*n));
 *	arena_fini(&a);
 *
 * Locking: none.
 */
#pragma once

#include "util/base.h"

struct arena_block;
struct arena {
	struct arena_block *blocks; /* newest first */
	size_t used, size;          /* of the newest */
	size_t total;               /* bytes of all */
	struct arena_kept *kept;    /* what is not memory alone */
	size_t n_kept;
};

/* n times size bytes, zeroed, aligned for any type. */
void *arena_alloc(struct arena *a, size_t n, size_t size) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *a, const char *s) __attribute__((returns_nonnull));
char *arena_strndup(struct arena *a, const char *s, size_t n) __attribute__((returns_nonnull));
/* Have free_fn(taken) called when the arena ends. */
void arena_keep(struct arena *a, void *taken, void (*free_fn)(void *p));
/* Forget all that was allocated; one block stays, to be used again. */
void arena_reset(struct arena *a);
/* Free all; it may be used again. */
void arena_fini(struct arena *a);
