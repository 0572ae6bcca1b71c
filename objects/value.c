/* SPDX-License-Identifier: MIT */
/*
 * Values: one heap block a node, children inline behind a 16-byte head.
 * A node held once grows in place by realloc; a shared one is copied first.
 * null, true, false, small integers and interned names are immortal: their
 * count never moves, so that all threads share them without traffic.
 */
#include "objects/value.h"

#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "util/strmap.h"

#define IMMORTAL UINT32_MAX

struct entry {
	struct value *key, *val;
};

struct value {
	_Atomic uint32_t refs;
	uint32_t type : 3;
	uint32_t b : 1;      /* VALUE_BOOL */
	uint32_t sorted : 1; /* VALUE_MAP: cleared between value_map_add and seal */
	uint32_t n;          /* bytes of a string, children of a list or map */
	uint32_t cap;        /* children that fit */
	union {
		int64_t i;
		double d;
		char s[8]; /* really n + 1 */
		struct value *items[1];
		struct entry entries[1];
	};
};

#define HEAD       offsetof(struct value, i)
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

static struct value *node_new(enum value_type type, size_t payload)
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

static int shared(const struct value *v)
{
	return atomic_load_explicit(&((struct value *)v)->refs, memory_order_acquire) != 1;
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
	v = node_new(VALUE_INT, 8);
	v->i = i;
	return v;
}

struct value *value_new_double(double d)
{
	struct value *v = node_new(VALUE_DOUBLE, 8);

	v->d = d;
	return v;
}

struct value *value_new_stringn(const char *s, size_t n)
{
	struct value *v = node_new(VALUE_STRING, n + 1);

	if (n)
		memcpy(v->s, s, n);
	*(v->s + n) = '\0';
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
	return node_new(VALUE_LIST, 0);
}

struct value *value_new_map(void)
{
	return node_new(VALUE_MAP, 0);
}

enum value_type value_type(const struct value *v)
{
	return v ? v->type : VALUE_NULL;
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

/* bytewise, shorter first: the order of maps */
static int key_cmp(const struct value *key, const char *s, size_t n)
{
	size_t min = key->n < n ? key->n : n;
	int c = memcmp(key->s, s, min);

	return c ? c : (key->n > n) - (key->n < n);
}

/* Return: 1 and the index of the key, or 0 and where it would go. */
static int map_find(const struct value *m, const char *key, size_t n, uint32_t *at)
{
	uint32_t lo = 0, hi = m->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		int c = key_cmp(m->entries[mid].key, key, n);

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

	if (!value_is(map, VALUE_MAP) || !map_find(map, key, strlen(key), &at))
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

static size_t child_size(const struct value *v)
{
	return v->type == VALUE_MAP ? sizeof(struct entry) : sizeof(struct value *);
}

/* A node held once, with room for `room` more children. Consumes v. */
static struct value *own(struct value *v, uint32_t room)
{
	size_t size = child_size(v);
	uint32_t need = v->n + room;
	struct value *copy;

	if (!shared(v)) {
		if (need <= v->cap)
			return v;
		need = v->n && need < v->n + v->n / 2 ? v->n + v->n / 2 : need;
		v = xrealloc(v, HEAD + (size * need < 8 ? 8 : size * need));
		v->cap = need;
		return v;
	}
	copy = node_new(v->type, size * need);
	copy->n = v->n;
	copy->cap = need;
	copy->sorted = v->sorted;
	if (v->type == VALUE_LIST) {
		for (uint32_t i = 0; i < v->n; i++)
			copy->items[i] = value_ref(v->items[i]);
	} else {
		for (uint32_t i = 0; i < v->n; i++) {
			copy->entries[i].key = value_ref(v->entries[i].key);
			copy->entries[i].val = value_ref(v->entries[i].val);
		}
	}
	value_unref(v);
	return copy;
}

static struct value *new_key(const char *s, size_t n)
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

struct value *value_set(struct value *m, const char *key, struct value *child)
{
	size_t n = strlen(key);
	uint32_t at;

	if (!child)
		return value_del(m, key);
	if (map_find(m, key, n, &at)) {
		if (m->entries[at].val == child) {
			value_unref(child);
			return m;
		}
		m = own(m, 0);
		value_unref(m->entries[at].val);
		m->entries[at].val = child;
		return m;
	}
	m = own(m, 1);
	memmove(&m->entries[at + 1], &m->entries[at], (m->n - at) * sizeof(struct entry));
	m->entries[at].key = new_key(key, n);
	m->entries[at].val = child;
	m->n++;
	return m;
}

struct value *value_del(struct value *m, const char *key)
{
	uint32_t at;

	if (!value_is(m, VALUE_MAP) || !map_find(m, key, strlen(key), &at))
		return m;
	m = own(m, 0);
	value_unref(m->entries[at].key);
	value_unref(m->entries[at].val);
	m->n--;
	memmove(&m->entries[at], &m->entries[at + 1], (m->n - at) * sizeof(struct entry));
	return m;
}

struct value *value_set_str(struct value *m, const char *key, const char *s)
{
	return value_set(m, key, s ? value_new_string(s) : NULL);
}

struct value *value_set_int(struct value *m, const char *key, int64_t i)
{
	return value_set(m, key, value_new_int(i));
}

struct value *value_set_bool(struct value *m, const char *key, int b)
{
	return value_set(m, key, value_new_bool(b));
}

struct value *value_insert_at(struct value *l, size_t i, struct value *child)
{
	l = own(l, 1);
	if (i > l->n)
		i = l->n;
	memmove(&l->items[i + 1], &l->items[i], (l->n - i) * sizeof(struct value *));
	l->items[i] = child;
	l->n++;
	return l;
}

struct value *value_append(struct value *l, struct value *child)
{
	return value_insert_at(l, l->n, child);
}

struct value *value_set_at(struct value *l, size_t i, struct value *child)
{
	l = own(l, 0);
	value_unref(l->items[i]);
	l->items[i] = child;
	return l;
}

struct value *value_del_at(struct value *l, size_t i)
{
	l = own(l, 0);
	value_unref(l->items[i]);
	l->n--;
	memmove(&l->items[i], &l->items[i + 1], (l->n - i) * sizeof(struct value *));
	return l;
}

static struct value *vbury(struct value *m, struct value *child, const char *key, va_list ap)
{
	const char *next = va_arg(ap, const char *);
	struct value *inner;
	uint32_t at;

	if (!next)
		return value_set(m, key, child);
	if (!map_find(m, key, strlen(key), &at)) {
		inner = value_new_map();
	} else {
		/* take the child out of the map, so that it is held once and edited in place */
		m = own(m, 0);
		inner = m->entries[at].val;
		m->entries[at].val = &null_value;
		if (inner->type != VALUE_MAP) {
			value_unref(inner);
			inner = value_new_map();
		}
	}
	return value_set(m, key, vbury(inner, child, next, ap));
}

struct value *value_bury(struct value *m, struct value *child, ...)
{
	const char *key;
	va_list ap;

	va_start(ap, child);
	key = va_arg(ap, const char *);
	m = vbury(m, child, key, ap);
	va_end(ap);
	return m;
}

struct value *value_map_add(struct value *m, const char *key, size_t n, struct value *child)
{
	m = own(m, 1);
	if (m->n && m->sorted)
		m->sorted = key_cmp(m->entries[m->n - 1].key, key, n) < 0;
	m->entries[m->n].key = new_key(key, n);
	m->entries[m->n].val = child;
	m->n++;
	return m;
}

struct ranked {
	struct entry e;
	uint32_t rank; /* qsort is not stable, the last duplicate must win */
};

static int cmp_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	int c = key_cmp(x->e.key, y->e.key->s, y->e.key->n);

	return c ? c : (x->rank > y->rank) - (x->rank < y->rank);
}

struct value *value_map_seal(struct value *m, const char **dup_out)
{
	struct ranked *order;
	uint32_t n = 0;

	if (dup_out)
		*dup_out = NULL;
	if (m->sorted)
		return m;
	m = own(m, 0);
	order = xreallocarray(NULL, m->n, sizeof(*order));
	for (uint32_t i = 0; i < m->n; i++)
		order[i] = (struct ranked){m->entries[i], i};
	qsort(order, m->n, sizeof(*order), cmp_ranked);
	for (uint32_t i = 0; i < m->n; i++) {
		struct entry e = order[i].e;

		if (n && key_cmp(m->entries[n - 1].key, e.key->s, e.key->n) == 0) {
			value_unref(e.key);
			value_unref(m->entries[n - 1].val);
			m->entries[n - 1].val = e.val;
			if (dup_out && !*dup_out)
				*dup_out = m->entries[n - 1].key->s;
		} else {
			m->entries[n++] = e;
		}
	}
	free(order);
	m->n = n;
	m->sorted = 1;
	return m;
}

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
		    key_cmp(a->entries[i].key, b->entries[i].key->s, b->entries[i].key->n))
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
		bytes += child_size(v) * v->cap;
		for (uint32_t i = 0; i < v->n; i++) {
			if (v->type == VALUE_MAP)
				bytes += value_memory(v->entries[i].key);
			bytes += value_memory(value_at(v, i));
		}
	}
	return bytes;
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
