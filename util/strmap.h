/* SPDX-License-Identifier: MIT */
/*
 * A hash table from strings to pointers (open addressing, keys copied).
 * Not ordered, not locked: the owner's lock guards it.
 */
#pragma once

#include "util/base.h"

struct strmap_slot {
	char *key; /* owned; NULL: empty */
	void *val;
	uint32_t hash;
};

struct strmap {
	struct strmap_slot *slots;
	size_t n, n_slots;
};

#define STRMAP_INIT                                                                                \
	{                                                                                          \
		NULL, 0, 0                                                                         \
	}

/* Frees the table and its keys, not the values. */
void strmap_fini(struct strmap *m);
void *strmap_get(const struct strmap *m, const char *key);
/* Return: the value that was there before, NULL if none. A NULL val removes. */
void *strmap_set(struct strmap *m, const char *key, void *val);
void *strmap_del(struct strmap *m, const char *key);

/* for (const struct strmap_slot *s = ...): visits each entry once; no changes meanwhile. */
#define STRMAP_FOREACH(s, m)                                                                       \
	for (const struct strmap_slot *s = (m)->slots; s && s < (m)->slots + (m)->n_slots; s++)    \
		if (s->key)

/* FNV-1a over the bytes, for tables of other kinds. */
uint32_t hash_bytes(const void *data, size_t len);
uint64_t hash_bytes64(const void *data, size_t len, uint64_t seed);
