/* SPDX-License-Identifier: MIT */
/*
 * YAML's events to values. Aliases share the value they name, so they cost no
 * memory; what they would cost written out is counted, and bounded.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "objects/codec.h"
#include "objects/codec/base64.h"
#include "objects/codec/codec_i.h"
#include "objects/codec/yaml_read.h"
#include "objects/codec/utf8.h"
#include "util/strmap.h"

#define BYTES_MAX (4u * CODEC_MAX_BYTES) /* of text, aliases written out */

struct anchor {
	struct value *value; /* owned; NULL while it is being read */
	size_t nodes, bytes; /* written out */
	unsigned height;
	struct anchor *next;
};

struct builder {
	struct yaml_reader r;
	struct strmap anchors; /* name: struct anchor, of this document */
	struct anchor *all;    /* owned, those that were redefined too */
	size_t nodes, bytes;   /* so far, written out */
	unsigned depth, deepest;
	int duplicates; /* of keys, in this document: yaml_duplicates() names them */
};

static struct value *build(struct builder *b);

static struct value *fault_here(struct builder *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
static struct value *fault_here(struct builder *b, const char *fmt, ...)
{
	char text[320];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	yaml_reader_fault(&b->r, yaml_reader_line(&b->r), yaml_reader_column(&b->r), "%s", text);
	return NULL;
}

/* Count what was read. Return: 1, or 0 with a fault. */
static int account(struct builder *b, size_t nodes, size_t bytes)
{
	b->nodes += nodes;
	b->bytes += bytes;
	if (b->nodes <= CODEC_MAX_NODES && b->bytes <= BYTES_MAX)
		return 1;
	if (b->nodes > CODEC_MAX_NODES)
		fault_here(b, "too large: more than %u values with its aliases written out",
			   CODEC_MAX_NODES);
	else
		fault_here(b, "too large: more than %u bytes with its aliases written out",
			   BYTES_MAX);
	return 0;
}

static void anchors_fini(struct builder *b)
{
	struct anchor *a = b->all, *next;

	for (; a; a = next) {
		next = a->next;
		value_unref(a->value);
		free(a);
	}
	b->all = NULL;
	strmap_fini(&b->anchors);
	b->anchors = (struct strmap)STRMAP_INIT;
}

static struct anchor *anchor_new(struct builder *b, const yaml_char_t *name)
{
	struct anchor *a = xcalloc(1, sizeof(*a));

	a->next = b->all;
	b->all = a;
	strmap_set(&b->anchors, (const char *)name, a);
	return a;
}

static struct value *build_alias(struct builder *b)
{
	const char *name = (const char *)b->r.event.data.alias.anchor;
	const struct anchor *a = strmap_get(&b->anchors, name);

	if (!a)
		return fault_here(b, "unknown anchor '%.200s' referenced", name);
	if (!a->value)
		return fault_here(b, "anchor '%.200s' value contains itself", name);
	if (b->depth + a->height > VALUE_MAX_DEPTH)
		return fault_here(b, "alias '%.200s' makes the text nested deeper than %d levels",
				  name, VALUE_MAX_DEPTH);
	if (b->depth + a->height > b->deepest)
		b->deepest = b->depth + a->height;
	if (!account(b, a->nodes, a->bytes))
		return NULL;
	return value_ref(a->value);
}

/* "!!int", "" when there is none that says anything. */
static const char *tag_of(const yaml_char_t *tag)
{
	const char *t = (const char *)tag;

	if (t && str_starts(t, YAML_STR_TAG) && strlen(t) == strlen(YAML_STR_TAG))
		return "str";
	if (t && str_starts(t, "tag:yaml.org,2002:"))
		return t + strlen("tag:yaml.org,2002:");
	return t ? "str" : ""; /* `!` and private tags: go-yaml takes the text */
}

static struct value *number_or_text(struct builder *b, const char *s, size_t n, const char *tag)
{
	int64_t i = 0;
	double d = 0;
	enum scalar_kind kind = scalar_resolve(s, n, &i, &d);
	int is_text = kind == SCALAR_STRING || kind == SCALAR_TIMESTAMP || kind == SCALAR_MERGE;

	if ((str_eq(tag, "int") && kind != SCALAR_INT) ||
	    (str_eq(tag, "float") && kind != SCALAR_INT && kind != SCALAR_FLOAT) ||
	    (str_eq(tag, "bool") && kind != SCALAR_BOOL) ||
	    (str_eq(tag, "null") && kind != SCALAR_NULL))
		return fault_here(b, "the value is not of its tag !!%s", tag);
	if (is_text)
		return value_new_stringn(s, n);
	switch (kind) {
	case SCALAR_NULL:
		return value_new_null();
	case SCALAR_BOOL:
		return value_new_bool(i != 0);
	case SCALAR_INT:
		return value_new_int(i);
	case SCALAR_NONFINITE:
		return fault_here(b, "%.200s is no number that JSON can say", s);
	default:
		return value_new_double(d);
	}
}

static struct value *build_binary(struct builder *b, const char *s, size_t n)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	if (!base64_decode(s, n, &out))
		return fault_here(b, "!!binary value contains invalid base64 data");
	if (memchr(buf_str(&out), '\0', out.len) || utf8_check(buf_str(&out), out.len) < out.len)
		return fault_here(b, "!!binary value is no text: write it as a base64 string");
	return value_new_stringn(buf_str(&out), out.len);
}

static int is_plain(const yaml_event_t *e)
{
	return e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static struct value *build_scalar(struct builder *b)
{
	const yaml_event_t *e = &b->r.event;
	const char *s = (const char *)e->data.scalar.value;
	size_t n = e->data.scalar.length;
	const char *tag = tag_of(e->data.scalar.tag);

	if (!account(b, 1, n))
		return NULL;
	if (memchr(s, '\0', n))
		return fault_here(b, "text must not hold a NUL byte");
	if (!*tag && !is_plain(e))
		return value_new_stringn(s, n);
	if (str_eq(tag, "binary"))
		return build_binary(b, s, n);
	if (!*tag || str_eq(tag, "int") || str_eq(tag, "float") || str_eq(tag, "bool") ||
	    str_eq(tag, "null"))
		return number_or_text(b, s, n, tag);
	return value_new_stringn(s, n);
}

static struct value *build_list(struct builder *b)
{
	CLEANUP_VALUE struct value *list = value_new_list();

	for (;;) {
		struct value *item;

		if (yaml_reader_next(&b->r) < 0)
			return NULL;
		if (b->r.event.type == YAML_SEQUENCE_END_EVENT)
			return STEAL(list);
		item = build(b);
		if (!item)
			return NULL;
		list = value_append(list, item);
	}
}

static int is_merge(const yaml_event_t *e)
{
	return e->type == YAML_SCALAR_EVENT && e->data.scalar.length == 2 &&
	       memcmp(e->data.scalar.value, "<<", 2) == 0 &&
	       (e->data.scalar.tag
			? str_eq((const char *)e->data.scalar.tag, "tag:yaml.org,2002:merge")
			: is_plain(e));
}

/* The key's text as sigs.k8s.io/yaml has it: numbers and booleans as Go prints them. */
static int key_text(struct builder *b, const struct value *key, struct buf *out)
{
	switch (value_type(key)) {
	case VALUE_STRING:
		buf_add(out, value_str(key, ""), value_strlen(key));
		return 1;
	case VALUE_INT:
	case VALUE_BOOL:
		json_render(key, out);
		return 1;
	case VALUE_DOUBLE:
		float_render_key(value_double(key, 0), out);
		return 1;
	case VALUE_NULL:
		fault_here(b, "a key must not be null");
		return 0;
	default:
		fault_here(b, "a key must be text, not a list or a map");
		return 0;
	}
}

struct map_state {
	struct value *map, *merges; /* owned; merges: list of maps, NULL: none */
	unsigned line, column;      /* of its last key */
};

/* `<<`: a map or a list of maps. Return: 1, or 0 with a fault. */
static int add_merge(struct builder *b, struct map_state *m, struct value *taken)
{
	CLEANUP_VALUE struct value *v = taken;
	int ok = value_is(v, VALUE_MAP) || value_is(v, VALUE_LIST);

	for (size_t i = 0; value_is(v, VALUE_LIST) && i < value_count(v); i++)
		ok &= value_is(value_at(v, i), VALUE_MAP);
	if (!ok) {
		yaml_reader_fault(&b->r, m->line, m->column,
				  "map merge requires map or sequence of maps as the value");
		return 0;
	}
	if (!m->merges)
		m->merges = value_new_list();
	if (value_is(v, VALUE_MAP))
		m->merges = value_append(m->merges, STEAL(v));
	for (size_t i = 0; value_is(v, VALUE_LIST) && i < value_count(v); i++)
		m->merges = value_append(m->merges, value_ref(value_at(v, i)));
	return 1;
}

/* What the map says itself stands; of several merged maps the first. */
static struct value *apply_merges(struct value *taken_map, const struct value *merges)
{
	for (size_t i = 0; i < value_count(merges); i++) {
		const struct value *from = value_at(merges, i);

		for (size_t j = 0; j < value_count(from); j++) {
			const char *key = value_key_at(from, j);

			if (!value_get(taken_map, key))
				taken_map = value_set(taken_map, key, value_ref(value_at(from, j)));
		}
	}
	return taken_map;
}

/* At a key's event: the key, then its value. Return: 1, or 0 with a fault. */
static int build_member(struct builder *b, struct map_state *m)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	CLEANUP_VALUE struct value *key = NULL;
	int merge = is_merge(&b->r.event);
	struct value *child;

	m->line = yaml_reader_line(&b->r);
	m->column = yaml_reader_column(&b->r);
	key = build(b);
	if (!key)
		return 0;
	if (!value_is(key, VALUE_STRING) && !key_text(b, key, &text))
		return 0;
	if (yaml_reader_next(&b->r) < 0)
		return 0;
	child = build(b);
	if (!child)
		return 0;
	if (merge)
		return add_merge(b, m, child);
	m->map = value_is(key, VALUE_STRING)
			 ? value_map_add(m->map, value_str(key, ""), value_strlen(key), child)
			 : value_map_add(m->map, buf_str(&text), text.len, child);
	return 1;
}

static struct value *build_map(struct builder *b)
{
	struct map_state m = {.map = value_new_map()};
	struct value *done = NULL;
	const char *dup = NULL;

	while (yaml_reader_next(&b->r) == 0) {
		if (b->r.event.type == YAML_MAPPING_END_EVENT) {
			done = STEAL(m.map);
			break;
		}
		if (!build_member(b, &m))
			break;
	}
	if (done)
		done = value_map_seal(done, &dup);
	b->duplicates |= dup != NULL;
	if (done && m.merges)
		done = apply_merges(done, m.merges);
	value_unref(m.map);
	value_unref(m.merges);
	return done;
}

static struct value *build_nested(struct builder *b, const yaml_char_t *name,
				  struct value *(*inner)(struct builder *))
{
	size_t nodes = b->nodes, bytes = b->bytes;
	unsigned outer = b->deepest;
	struct anchor *a = NULL;
	struct value *v;

	if (!account(b, 1, 2))
		return NULL;
	if (name)
		a = anchor_new(b, name);
	b->deepest = ++b->depth;
	v = inner(b);
	b->depth--;
	if (a && v) {
		a->value = value_ref(v);
		a->nodes = b->nodes - nodes;
		a->bytes = b->bytes - bytes;
		a->height = b->deepest - b->depth;
	}
	if (outer > b->deepest)
		b->deepest = outer;
	return v;
}

static struct value *build(struct builder *b)
{
	const yaml_event_t *e = &b->r.event;
	struct value *v;

	switch (e->type) {
	case YAML_ALIAS_EVENT:
		return build_alias(b);
	case YAML_SEQUENCE_START_EVENT:
		return build_nested(b, e->data.sequence_start.anchor, build_list);
	case YAML_MAPPING_START_EVENT:
		return build_nested(b, e->data.mapping_start.anchor, build_map);
	case YAML_SCALAR_EVENT:
		v = build_scalar(b);
		if (v && e->data.scalar.anchor) {
			struct anchor *a = anchor_new(b, e->data.scalar.anchor);

			a->value = value_ref(v);
			a->nodes = 1;
			a->bytes = e->data.scalar.length;
		}
		return v;
	default:
		return fault_here(b, "a value is missing");
	}
}

/* Behind a document's start. Return: its value (owned), NULL with a fault. */
static struct value *build_document(struct builder *b)
{
	struct value *v;

	b->depth = b->deepest = 0;
	b->duplicates = 0;
	if (yaml_reader_next(&b->r) < 0)
		return NULL;
	v = build(b);
	anchors_fini(b);
	if (v && yaml_reader_next(&b->r) < 0) { /* the document's end */
		value_unref(v);
		return NULL;
	}
	return v;
}

static void add_document(struct documents *out, struct value *taken, unsigned index, unsigned line)
{
	if (value_is(taken, VALUE_NULL)) {
		value_unref(taken);
		return;
	}
	if ((out->n & (out->n - 1)) == 0)
		out->list = xreallocarray(out->list, out->n ? 2 * out->n : 1, sizeof(*out->list));
	out->list[out->n++] = (struct document){.value = taken, .index = index, .line = line};
}

void documents_fini(struct documents *d)
{
	for (size_t i = 0; i < d->n; i++)
		value_unref(d->list[i].value);
	free(d->list);
	*d = (struct documents){NULL, 0};
}

/* One document. Return: 1 to go on, 0 at the end of the text. */
static int next_document(struct builder *b, struct documents *out)
{
	int rc = yaml_reader_document(&b->r);
	struct value *v = NULL;
	unsigned index, line;

	if (rc == 0)
		return 0;
	if (rc > 0) {
		index = b->r.index;
		line = b->r.document_line;
		v = build_document(b);
		if (v && b->duplicates && b->r.faults->n < FAULTS_MAX)
			yaml_duplicates(b->r.text, b->r.len, index, b->r.faults);
		if (v && b->duplicates)
			value_unref(v);
		else if (v)
			add_document(out, v, index, line);
	}
	anchors_fini(b);
	return yaml_reader_skip(&b->r);
}

static const char *skip_blank(const char *at, const char *end)
{
	while (at < end && strchr(" \t\r\n", *at) && *at)
		at++;
	return at;
}

/* A text that begins with a brace may be strict JSON, which is the faster way. Return: whether it
 * was. */
static int parse_as_json(const char *text, size_t len, struct documents *out)
{
	const char *at = skip_blank(text, text + len);
	struct value *v = NULL;

	if (len <= CODEC_MAX_BYTES && at < text + len && *at == '{')
		v = json_parse(text, len, NULL);
	if (v)
		add_document(out, v, 0, place_of(text, (size_t)(at - text)).line);
	return v != NULL;
}

int yaml_parse(const char *text, size_t len, struct documents *out, struct faults *faults)
{
	struct builder b = {.nodes = 0};
	size_t before = faults->n;
	int rc;

	*out = (struct documents){NULL, 0};
	if (parse_as_json(text, len, out))
		return 0;
	rc = yaml_reader_init(&b.r, text, len, faults);
	if (rc < 0)
		return rc;
	while (next_document(&b, out))
		;
	yaml_reader_fini(&b.r);
	return faults->n > before ? -EINVAL : 0;
}

struct value *yaml_parse_value(const char *text, size_t len, struct err *err)
{
	struct faults faults = FAULTS_INIT;
	struct documents docs = {NULL, 0};
	struct value *v = NULL;
	int rc = yaml_parse(text, len, &docs, &faults);

	if (rc < 0 && faults.n && faults.list[0].line)
		err_set(err, -rc, "line %u, column %u: %s", faults.list[0].line,
			faults.list[0].column, faults.list[0].message);
	else if (rc < 0)
		faults_to_err(&faults, err);
	else if (docs.n > 1)
		err_set(err, EINVAL, "one value is expected, not %zu documents", docs.n);
	else if (docs.n == 1)
		v = value_ref(docs.list[0].value);
	else if (skip_blank(text, text + len) == text + len)
		err_set(err, EINVAL, "a value is expected, the text is empty");
	else
		v = value_new_null();
	documents_fini(&docs);
	faults_fini(&faults);
	return v;
}
