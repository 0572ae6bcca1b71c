/* SPDX-License-Identifier: MIT */
/* How a value lies in memory; for value*.c alone. */
#pragma once

#include <stdatomic.h>

#include "objects/value.h"

#define IMMORTAL UINT32_MAX

struct entry {
	struct value *key, *val;
};

struct value {
	uint8_t type;   /* enum value_type; first, as value_type() says */
	uint8_t b;      /* VALUE_BOOL */
	uint8_t sorted; /* VALUE_MAP: cleared between value_map_add and seal */
	_Atomic uint32_t refs;
	uint32_t n;   /* bytes of a string, children of a list or map */
	uint32_t cap; /* children that fit */
	union {
		int64_t i;
		double d;
		char s[8]; /* really n + 1 */
		struct value *items[1];
		struct entry entries[1];
	};
};

#define HEAD offsetof(struct value, i)
_Static_assert(offsetof(struct value, type) == 0, "value_type() reads it there");

/* With room for payload bytes behind the head; n and cap are 0. */
struct value *value_node_new(enum value_type type, size_t payload);
/* A string for a map's key; the interned one if there is one. */
struct value *value_key_new(const char *s, size_t n);
/* Return: 1 and the index of the key, or 0 and where it would go. */
int value_map_find(const struct value *m, const char *key, size_t n, uint32_t *at);

static inline int value_shared(const struct value *v)
{
	return atomic_load_explicit(&((struct value *)v)->refs, memory_order_acquire) != 1;
}

static inline size_t value_child_size(const struct value *v)
{
	return v->type == VALUE_MAP ? sizeof(struct entry) : sizeof(struct value *);
}

/* bytewise, shorter first: the order of maps */
static inline int value_key_cmp(const struct value *key, const char *s, size_t n)
{
	size_t min = key->n < n ? key->n : n;
	int c;

	/* the names of a map's fields mostly differ in their first letter */
	if (min && *key->s != *s)
		return (unsigned char)*key->s - (unsigned char)*s;
	c = memcmp(key->s, s, min);

	return c ? c : (key->n > n) - (key->n < n);
}
