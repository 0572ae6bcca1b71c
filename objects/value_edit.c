/* SPDX-License-Identifier: MIT */
/* Edits of values: a node held once grows in place by realloc; a shared one is copied first. */
#include <stdarg.h>
#include <stdlib.h>

#include "objects/value_i.h"

/* A node held once, with room for `room` more children. Consumes v. */
static struct value *own(struct value *v, uint32_t room)
{
	size_t size = value_child_size(v);
	uint32_t need = v->n + room;
	struct value *copy;

	if (!value_shared(v)) {
		if (need <= v->cap)
			return v;
		need = v->n && need < v->n + v->n / 2 ? v->n + v->n / 2 : need;
		v = xrealloc(v, HEAD + (size * need < 8 ? 8 : size * need));
		v->cap = need;
		return v;
	}
	copy = value_node_new(v->type, size * need);
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

struct value *value_set(struct value *m, const char *key, struct value *child)
{
	size_t n = strlen(key);
	uint32_t at;

	if (!child)
		return value_del(m, key);
	if (value_map_find(m, key, n, &at)) {
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
	m->entries[at].key = value_key_new(key, n);
	m->entries[at].val = child;
	m->n++;
	return m;
}

struct value *value_del(struct value *m, const char *key)
{
	uint32_t at;

	if (!value_is(m, VALUE_MAP) || !value_map_find(m, key, strlen(key), &at))
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
	if (!value_map_find(m, key, strlen(key), &at)) {
		inner = value_new_map();
	} else {
		/* take the child out of the map, so that it is held once and edited in place */
		m = own(m, 0);
		inner = m->entries[at].val;
		m->entries[at].val = value_new_null();
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
		m->sorted = value_key_cmp(m->entries[m->n - 1].key, key, n) < 0;
	m->entries[m->n].key = value_key_new(key, n);
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
	int c = value_key_cmp(x->e.key, y->e.key->s, y->e.key->n);

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

		if (n && value_key_cmp(m->entries[n - 1].key, e.key->s, e.key->n) == 0) {
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
