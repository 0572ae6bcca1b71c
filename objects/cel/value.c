/* SPDX-License-Identifier: MIT */
/* Values: trees as they are read by schemas, lists, maps, texts. */
#include "objects/cel/cel_i.h"

#include <stdarg.h>
#include <stdio.h>

#include "objects/codec/base64.h"

/* -- memory and errors -- */

void *cel_alloc(struct cel_run *r, size_t n, size_t size)
{
	size_t want;

	if (__builtin_mul_overflow(n, size, &want) || want > CEL_MEMORY_MAX ||
	    r->mem.total + want > CEL_MEMORY_MAX) {
		r->stopped = 1;
		return NULL;
	}
	return arena_alloc(&r->mem, n, size);
}

struct cel_val cel_stop(struct cel_run *r)
{
	static const char text[] = "operation cancelled: actual cost limit exceeded";

	r->stopped = 1;
	return (struct cel_val){.kind = CEL_ERROR, .how = 1, .s = text, .n = sizeof(text) - 1};
}

struct cel_val cel_error(struct cel_run *r, const char *fmt, ...)
{
	char text[400];
	va_list args;
	struct cel_val v;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	v = cel_text_copy(r, text, strlen(text));
	v.kind = CEL_ERROR;
	return v;
}

struct cel_val cel_no_overload(struct cel_run *r)
{
	return cel_error(r, "no such overload");
}

struct cel_val cel_text_copy(struct cel_run *r, const char *s, size_t n)
{
	char *copy = cel_alloc(r, n + 1, 1);

	if (!copy)
		return cel_stop(r);
	if (n)
		memcpy(copy, s, n);
	return cel_text(copy, n);
}

struct cel_val cel_text_of(struct cel_run *r, const struct buf *b)
{
	return cel_text_copy(r, buf_str(b), b->len);
}

const char *cel_c_string(struct cel_run *r, struct cel_val text)
{
	struct cel_val copy;

	if (memchr(text.s, 0, text.n))
		return NULL;
	copy = cel_text_copy(r, text.s, text.n);
	return cel_is_error(copy) ? NULL : copy.s;
}

struct cel_val cel_none(void)
{
	return (struct cel_val){.kind = CEL_OPTIONAL};
}

struct cel_val cel_some(struct cel_run *r, struct cel_val v)
{
	struct cel_val *held = cel_alloc(r, 1, sizeof(*held));

	if (!held)
		return cel_stop(r);
	*held = v;
	return (struct cel_val){.kind = CEL_OPTIONAL, .n = 1, .items = held};
}

/* -- characters -- */

size_t cel_chars(const char *s, size_t n)
{
	size_t chars = 0;

	for (size_t i = 0; i < n; i++)
		chars += ((unsigned char)s[i] & 0xc0) != 0x80;
	return chars;
}

size_t cel_offset(const char *s, size_t n, size_t chars)
{
	size_t i = 0;

	for (; i < n && chars; chars--)
		for (i++; i < n && ((unsigned char)s[i] & 0xc0) == 0x80;)
			i++;
	return i;
}

/* -- trees -- */

static struct cel_val misfit(struct cel_run *r, const char *wanted)
{
	return cel_error(r, "invalid data, expected %s", wanted);
}

static struct cel_val from_bytes(struct cel_run *r, const struct value *v)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	struct cel_val bytes;

	if (!base64_decode(value_str(v, ""), value_strlen(v), &out))
		return misfit(r, "base64");
	bytes = cel_text_of(r, &out);
	if (!cel_is_error(bytes))
		bytes.kind = CEL_BYTES;
	return bytes;
}

static struct cel_val from_text(struct cel_run *r, const struct value *v, const struct schema *s)
{
	const char *text = value_str(v, "");
	size_t n = value_strlen(v);
	CLEANUP_FREE char *midnight = NULL;
	struct cel_val out;
	int64_t nanos;

	switch (s && s->type == SCHEMA_STRING ? schema_text_kind(s) : CEL_STRING) {
	case CEL_BYTES:
		return from_bytes(r, v);
	case CEL_DURATION:
		return cel_parse_duration(text, n, &nanos) < 0
			       ? misfit(r, "duration")
			       : (struct cel_val){.kind = CEL_DURATION, .i = nanos};
	case CEL_TIMESTAMP:
		if (n == strlen("2006-01-02"))
			text = midnight = xasprintf("%sT00:00:00Z", text);
		return cel_parse_timestamp(text, strlen(text), &out) < 0 ? misfit(r, "date-time")
									 : out;
	default:
		return cel_text(text, n);
	}
}

/* What a schema's type is when it is none of JSON's: every type is checked, for functions trust
 * what the checker was told. */
static struct cel_val of_schema_type(struct cel_run *r, struct cel_val v, const struct schema *s)
{
	switch (s->type) {
	case SCHEMA_BOOL:
		return v.kind == CEL_BOOL ? v : misfit(r, "bool");
	case SCHEMA_INT:
		if (v.kind == CEL_DOUBLE && v.d >= -0x1p53 && v.d <= 0x1p53 &&
		    (double)(int64_t)v.d >= v.d && (double)(int64_t)v.d <= v.d)
			return cel_int((int64_t)v.d);
		return v.kind == CEL_INT ? v : misfit(r, "int");
	case SCHEMA_NUMBER:
		if (v.kind == CEL_INT)
			return cel_double((double)v.i);
		return v.kind == CEL_DOUBLE ? v : misfit(r, "double");
	case SCHEMA_STRING:
		return v.kind == CEL_STRING || v.kind == CEL_BYTES || v.kind == CEL_TIMESTAMP ||
				       v.kind == CEL_DURATION || v.kind == CEL_ERROR
			       ? v
			       : misfit(r, "string");
	case SCHEMA_LIST:
		return v.kind == CEL_LIST ? v : misfit(r, "list");
	case SCHEMA_MAP:
	case SCHEMA_STRUCT:
		return v.kind == CEL_MAP || v.kind == CEL_OBJECT ? v : misfit(r, "map");
	default:
		return v;
	}
}

static int is_object(const struct schema *s)
{
	return s && (s->type == SCHEMA_STRUCT || (s->type == SCHEMA_MAP && s->structural &&
						  (!s->items || s->items->type == SCHEMA_ANY)));
}

struct cel_val cel_from_tree(struct cel_run *r, const struct value *v, const struct schema *s)
{
	struct cel_val out = cel_null();

	switch (value_type(v)) {
	case VALUE_NULL:
		return !s || s->nullable || s->type == SCHEMA_ANY ? out : misfit(r, "a value");
	case VALUE_BOOL:
		out = cel_bool(value_bool(v, 0));
		break;
	case VALUE_INT:
		out = cel_int(value_int(v, 0));
		break;
	case VALUE_DOUBLE:
		out = cel_double(value_double(v, 0));
		break;
	case VALUE_STRING:
		out = from_text(r, v, s);
		break;
	case VALUE_LIST:
	case VALUE_MAP:
		out = (struct cel_val){
			.kind = value_is(v, VALUE_LIST) ? CEL_LIST
				: is_object(s)          ? CEL_OBJECT
							: CEL_MAP,
			.how = HOW_TREE,
			.n = (uint32_t)value_count(v),
			.tree = v,
			.schema = s && s->type != SCHEMA_ANY ? s : NULL,
		};
		break;
	}
	return s ? of_schema_type(r, out, s) : out;
}

/* -- lists -- */

size_t cel_count(struct cel_val v)
{
	return v.n;
}

struct cel_val cel_at(struct cel_run *r, struct cel_val list, size_t i)
{
	while (list.how == HOW_JOINED) {
		const struct cel_joined *j = list.joined;

		if (i < j->left.n) {
			list = j->left;
		} else {
			i -= j->left.n;
			list = j->right;
		}
	}
	if (list.how == HOW_FLAT)
		return list.items[i];
	return cel_from_tree(r, value_at(list.tree, i), list.schema ? list.schema->items : NULL);
}

struct cel_val cel_join_lists(struct cel_run *r, struct cel_val a, struct cel_val b)
{
	struct cel_joined *j;

	if (!b.n)
		return a;
	if (!a.n)
		return b;
	if (a.n > UINT32_MAX - b.n)
		return cel_stop(r);
	j = cel_alloc(r, 1, sizeof(*j));
	if (!j)
		return cel_stop(r);
	*j = (struct cel_joined){a, b};
	return (struct cel_val){.kind = CEL_LIST, .how = HOW_JOINED, .n = a.n + b.n, .joined = j};
}

/* -- maps -- */

#define INDEX_FROM 8 /* entries: fewer are looked through */

struct cel_map *cel_map_new(struct cel_run *r)
{
	return cel_alloc(r, 1, sizeof(struct cel_map));
}

static uint32_t *index_slot(struct cel_run *r, const struct cel_map *m, struct cel_val key)
{
	uint32_t at = (uint32_t)cel_hash(key) & (m->n_index - 1);

	while (m->index[at] && !cel_equal(r, m->entries[m->index[at] - 1].key, key))
		at = (at + 1) & (m->n_index - 1);
	return &m->index[at];
}

static int make_index(struct cel_run *r, struct cel_map *m)
{
	m->n_index = 4 * m->cap;
	m->index = cel_alloc(r, m->n_index, sizeof(*m->index));
	if (!m->index)
		return -1;
	for (uint32_t i = 0; i < m->n && !r->stopped; i++)
		*index_slot(r, m, m->entries[i].key) = i + 1;
	return 0;
}

static int grow(struct cel_run *r, struct cel_map *m)
{
	uint32_t cap = m->cap ? 2 * m->cap : 4;
	struct cel_entry *entries = cel_alloc(r, cap, sizeof(*entries));

	if (!entries)
		return -1;
	if (m->n)
		memcpy(entries, m->entries, m->n * sizeof(*entries));
	m->entries = entries;
	m->cap = cap;
	return cap > INDEX_FROM ? make_index(r, m) : 0;
}

/* NULL: it is not there. */
static struct cel_entry *find_entry(struct cel_run *r, const struct cel_map *m, struct cel_val key)
{
	if (m->index) {
		uint32_t at = *index_slot(r, m, key);

		return at ? &m->entries[at - 1] : NULL;
	}
	for (uint32_t i = 0; i < m->n; i++)
		if (cel_equal(r, m->entries[i].key, key))
			return &m->entries[i];
	return NULL;
}

int cel_map_put(struct cel_run *r, struct cel_map *m, struct cel_val key, struct cel_val val)
{
	struct cel_entry *e = find_entry(r, m, key);

	if (e) {
		e->val = val;
		return 0;
	}
	if (m->n == m->cap && grow(r, m) < 0)
		return -1;
	m->entries[m->n++] = (struct cel_entry){key, val};
	if (m->index && !r->stopped)
		*index_slot(r, m, key) = m->n;
	return 0;
}

void cel_entry_at(struct cel_run *r, struct cel_val map, size_t i, struct cel_val *key,
		  struct cel_val *val)
{
	const char *name;

	if (map.how == HOW_FLAT) {
		*key = map.map->entries[i].key;
		*val = map.map->entries[i].val;
		return;
	}
	name = value_key_at(map.tree, i);
	*key = cel_text(name, strlen(name));
	*val = cel_from_tree(r, value_at(map.tree, i), map.schema ? map.schema->items : NULL);
}

int cel_property(struct cel_run *r, struct cel_val v, const char *name, size_t n,
		 struct cel_val *out)
{
	const struct schema *s = v.schema;
	const struct value *child;

	if (v.how == HOW_FLAT && v.kind != CEL_OBJECT) {
		const struct cel_entry *e = find_entry(r, v.map, cel_text(name, n));

		if (e)
			*out = e->val;
		return e != NULL;
	}
	child = memchr(name, 0, n) ? NULL : value_get(v.tree, name);
	if (!child)
		return 0;
	if (v.kind == CEL_OBJECT) {
		s = schema_of_property(v.schema, name);
		if (!s || value_is(child, VALUE_NULL)) /* null is as good as absent */
			return 0;
	} else {
		s = s ? s->items : NULL;
	}
	*out = cel_from_tree(r, child, s);
	return 1;
}

int cel_lookup(struct cel_run *r, struct cel_val map, struct cel_val key, struct cel_val *out)
{
	const char *name;

	if (map.how == HOW_FLAT && map.kind != CEL_OBJECT) {
		const struct cel_entry *e = find_entry(r, map.map, key);

		if (e)
			*out = e->val;
		return e != NULL;
	}
	if (key.kind != CEL_STRING)
		return 0;
	name = cel_c_string(r, key); /* a text of an expression need not end */
	return name && cel_property(r, map, name, key.n, out);
}
