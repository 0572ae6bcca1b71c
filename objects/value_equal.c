/* SPDX-License-Identifier: MIT */
/* Values as wholes: equal, hashed, weighed. */
#include <math.h>

#include "objects/value_i.h"
#include "util/strmap.h"

static int numbers_equal(const struct value *a, const struct value *b)
{
	double x = value_double(a, NAN), y = value_double(b, NAN);

	return x >= y && x <= y;
}

static int children_equal(const struct value *a, const struct value *b)
{
	if (a->n != b->n)
		return 0;
	for (uint32_t i = 0; i < a->n; i++) {
		if (a->type == VALUE_MAP &&
		    value_key_cmp(a->entries[i].key, b->entries[i].key->s, b->entries[i].key->n))
			return 0;
		if (!value_equal(value_at(a, i), value_at(b, i)))
			return 0;
	}
	return 1;
}

int value_equal(const struct value *a, const struct value *b)
{
	if (a == b)
		return 1;
	if (!a || !b)
		return 0;
	if (a->type != b->type)
		return (a->type == VALUE_INT || a->type == VALUE_DOUBLE) &&
		       (b->type == VALUE_INT || b->type == VALUE_DOUBLE) && numbers_equal(a, b);
	switch ((enum value_type)a->type) {
	case VALUE_NULL:
		return 1;
	case VALUE_BOOL:
		return a->b == b->b;
	case VALUE_INT:
		return a->i == b->i;
	case VALUE_DOUBLE:
		return numbers_equal(a, b);
	case VALUE_STRING:
		return a->n == b->n && memcmp(a->s, b->s, a->n) == 0;
	case VALUE_LIST:
	case VALUE_MAP:
		return children_equal(a, b);
	}
	return 0;
}

static uint64_t hash_into(const struct value *v, uint64_t h)
{
	enum value_type t = value_type(v);
	double d;

	h = hash_bytes64(&(char){(char)(t == VALUE_INT ? VALUE_DOUBLE : t)}, 1, h);
	switch (t) {
	case VALUE_NULL:
		return h;
	case VALUE_BOOL:
		return h + (v->b ? 31 : 17);
	case VALUE_INT:
	case VALUE_DOUBLE: /* 1 and 1.0 are equal, so they hash alike */
		d = value_double(v, 0);
		return hash_bytes64(&d, sizeof(d), h);
	case VALUE_STRING:
		return hash_bytes64(v->s, v->n, h);
	case VALUE_LIST:
	case VALUE_MAP:
		for (uint32_t i = 0; i < v->n; i++) {
			if (t == VALUE_MAP)
				h = hash_bytes64(v->entries[i].key->s, v->entries[i].key->n + 1, h);
			h = hash_into(value_at(v, i), h);
		}
		return h;
	}
	return h;
}

uint64_t value_hash(const struct value *v)
{
	return hash_into(v, 0);
}

size_t value_memory(const struct value *v)
{
	size_t bytes;

	if (!v || v->refs == IMMORTAL)
		return 0;
	if (v->type == VALUE_STRING)
		return HEAD + v->n + 1 + sizeof(void *);
	bytes = HEAD + 8 + sizeof(void *);
	if (v->type == VALUE_LIST || v->type == VALUE_MAP) {
		bytes += value_child_size(v) * v->cap;
		for (uint32_t i = 0; i < v->n; i++) {
			if (v->type == VALUE_MAP)
				bytes += value_memory(v->entries[i].key);
			bytes += value_memory(value_at(v, i));
		}
	}
	return bytes;
}
