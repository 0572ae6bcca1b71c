/* SPDX-License-Identifier: MIT */
/*
 * Values: one heap block a node, children inline behind a 16-byte head. Making, holding and
 * reading them; editing is in value_edit.c, comparing in value_equal.c.
 * null, true, false, small integers and interned names are immortal: their
 * count never moves, so that all threads share them without traffic.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "objects/value_i.h"
#include "util/strmap.h"

#define SMALL_INTS 258 /* -1 .. 256 */
#define INTERN_MAX 64  /* longer names are not shared */

static struct value null_value = {.refs = IMMORTAL, .type = VALUE_NULL};
static struct value bool_values[2] = {
	{.refs = IMMORTAL, .type = VALUE_BOOL, .b = 0},
	{.refs = IMMORTAL, .type = VALUE_BOOL, .b = 1},
};
static struct value small_ints[SMALL_INTS];
static struct strmap interned; /* written before threads start, then only read */

__attribute__((constructor)) static void init_small_ints(void)
{
	for (int i = 0; i < SMALL_INTS; i++) {
		small_ints[i].refs = IMMORTAL;
		small_ints[i].type = VALUE_INT;
		small_ints[i].i = i - 1;
	}
}

struct value *value_node_new(enum value_type type, size_t payload)
{
	struct value *v;

	if (payload > UINT32_MAX / 2)
		abort(); /* no input gets here: texts are capped long before */
	v = xmalloc(HEAD + (payload < 8 ? 8 : payload));
	atomic_init(&v->refs, 1);
	v->type = type;
	v->b = 0;
	v->sorted = 1;
	v->n = v->cap = 0;
	return v;
}

struct value *value_ref(const struct value *cv)
{
	struct value *v = (struct value *)cv;

	if (v && v->refs != IMMORTAL)
		atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
	return v;
}

void value_unref(struct value *v)
{
	if (!v || atomic_load_explicit(&v->refs, memory_order_relaxed) == IMMORTAL)
		return;
	if (atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (v->type == VALUE_LIST) {
		for (uint32_t i = 0; i < v->n; i++)
			value_unref(v->items[i]);
	} else if (v->type == VALUE_MAP) {
		for (uint32_t i = 0; i < v->n; i++) {
			value_unref(v->entries[i].key);
			value_unref(v->entries[i].val);
		}
	}
	free(v);
}

struct value *value_new_null(void)
{
	return &null_value;
}

struct value *value_new_bool(int b)
{
	return &bool_values[!!b];
}

struct value *value_new_int(int64_t i)
{
	struct value *v;

	if (i >= -1 && i < SMALL_INTS - 1)
		return &small_ints[i + 1];
	v = value_node_new(VALUE_INT, 8);
	v->i = i;
	return v;
}

struct value *value_new_double(double d)
{
	struct value *v = value_node_new(VALUE_DOUBLE, 8);

	v->d = d;
	return v;
}

struct value *value_new_stringn(const char *s, size_t n)
{
	struct value *v = value_node_new(VALUE_STRING, n + 1);
	char *text = v->s; /* longer than its type says */

	if (n)
		memcpy(text, s, n);
	text[n] = '\0';
	v->n = (uint32_t)n;
	return v;
}

struct value *value_new_string(const char *s)
{
	return value_new_stringn(s, strlen(s));
}

struct value *value_new_stringf(const char *fmt, ...)
{
	char small[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	if ((size_t)n < sizeof(small))
		return value_new_stringn(small, (size_t)n);
	CLEANUP_FREE char *big = xmalloc((size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(big, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return value_new_stringn(big, (size_t)n);
}

struct value *value_new_list(void)
{
	return value_node_new(VALUE_LIST, 0);
}

struct value *value_new_map(void)
{
	return value_node_new(VALUE_MAP, 0);
}

int value_bool(const struct value *v, int otherwise)
{
	return value_is(v, VALUE_BOOL) ? (int)v->b : otherwise;
}

int64_t value_int(const struct value *v, int64_t otherwise)
{
	return value_is(v, VALUE_INT) ? v->i : otherwise;
}

double value_double(const struct value *v, double otherwise)
{
	if (value_is(v, VALUE_INT))
		return (double)v->i;
	return value_is(v, VALUE_DOUBLE) ? v->d : otherwise;
}

const char *value_str(const struct value *v, const char *otherwise)
{
	return value_is(v, VALUE_STRING) ? v->s : otherwise;
}

size_t value_strlen(const struct value *v)
{
	return value_is(v, VALUE_STRING) ? v->n : 0;
}

size_t value_count(const struct value *v)
{
	return v && (v->type == VALUE_LIST || v->type == VALUE_MAP) ? v->n : 0;
}

const struct value *value_at(const struct value *v, size_t i)
{
	if (i >= value_count(v))
		return NULL;
	return v->type == VALUE_LIST ? v->items[i] : v->entries[i].val;
}

const char *value_key_at(const struct value *map, size_t i)
{
	return value_is(map, VALUE_MAP) && i < map->n ? map->entries[i].key->s : NULL;
}

int value_map_find(const struct value *m, const char *key, size_t n, uint32_t *at)
{
	uint32_t lo = 0, hi = m->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		int c = value_key_cmp(m->entries[mid].key, key, n);

		if (c == 0) {
			*at = mid;
			return 1;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*at = lo;
	return 0;
}

const struct value *value_get(const struct value *map, const char *key)
{
	uint32_t at;

	if (!value_is(map, VALUE_MAP) || !value_map_find(map, key, strlen(key), &at))
		return NULL;
	return map->entries[at].val;
}

static const struct value *vdig(const struct value *v, va_list ap)
{
	const char *key;

	while (v && (key = va_arg(ap, const char *)))
		v = value_get(v, key);
	return v;
}

const struct value *value_dig(const struct value *v, ...)
{
	va_list ap;

	va_start(ap, v);
	v = vdig(v, ap);
	va_end(ap);
	return v;
}

const char *value_dig_str(const struct value *v, ...)
{
	va_list ap;

	va_start(ap, v);
	v = vdig(v, ap);
	va_end(ap);
	return value_str(v, NULL);
}

struct value *value_key_new(const char *s, size_t n)
{
	char name[INTERN_MAX];
	struct value *known = NULL;

	if (n < sizeof(name) && interned.n) {
		memcpy(name, s, n);
		name[n] = '\0';
		known = strmap_get(&interned, name);
	}
	return known && known->n == n ? known : value_new_stringn(s, n);
}

void value_intern(const char *name)
{
	struct value *v;

	if (strlen(name) >= INTERN_MAX || strmap_get(&interned, name))
		return;
	v = value_new_string(name);
	atomic_store(&v->refs, IMMORTAL);
	strmap_set(&interned, name, v);
}
