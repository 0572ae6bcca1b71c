/* SPDX-License-Identifier: MIT */
/*
 * Names that lead to kinds: a hash table that readers walk without a lock while a
 * CustomResourceDefinition adds to it. An entry is never freed: a name that leads nowhere any
 * more keeps its place, so what it costs is bounded by the names that were ever used.
 *
 * Locking: names_get() from any thread; names_set() one at a time.
 */
#pragma once

#include "objects/schema.h"

#define NAMES_BUCKETS 1024u

struct name_entry {
	const char *key;                 /* owned */
	const struct kind *_Atomic kind; /* NULL: leads nowhere */
	struct name_entry *next;
};

struct names {
	struct name_entry *_Atomic bucket[NAMES_BUCKETS];
};

/* NULL if the name leads nowhere. */
const struct kind *names_get(const struct names *n, const char *key);
void names_set(struct names *n, const char *key, const struct kind *k);
