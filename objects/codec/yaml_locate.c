/* SPDX-License-Identifier: MIT */
/*
 * Where things stand: a document read again, this time for its marks. Only
 * texts with faults pay for it.
 */
#include <errno.h>

#include "objects/codec.h"
#include "objects/codec/codec_i.h"
#include "objects/codec/yaml_read.h"
#include "util/strmap.h"

#define MERGE_HOPS 8

struct mark {
	char *key;                 /* owned; NULL: an element of a list */
	unsigned line, column;     /* of the key, or of the element */
	struct mark *first, *last; /* children, owned */
	struct mark *next;         /* sibling */
	struct mark *alias;        /* what stands here is written there */
};

struct marker {
	struct yaml_reader r;
	struct strmap anchors; /* name: struct mark, within the tree */
};

static struct mark *mark_new(const struct marker *m, const char *key)
{
	struct mark *mark = xcalloc(1, sizeof(*mark));

	mark->key = xstrdup(key);
	mark->line = yaml_reader_line(&m->r);
	mark->column = yaml_reader_column(&m->r);
	return mark;
}

static void mark_free(struct mark *mark)
{
	while (mark->first) {
		struct mark *child = mark->first;

		mark->first = child->next;
		mark_free(child);
	}
	free(mark->key);
	free(mark);
}
DEFINE_CLEANUP(struct mark *, mark_free)

static struct mark *adopt(struct mark *parent, struct mark *child)
{
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	return child;
}

static int read_node(struct marker *m, struct mark *at);

static int read_list(struct marker *m, struct mark *at)
{
	for (;;) {
		int rc = yaml_reader_next(&m->r);

		if (rc < 0 || m->r.event.type == YAML_SEQUENCE_END_EVENT)
			return rc;
		rc = read_node(m, adopt(at, mark_new(m, NULL)));
		if (rc < 0)
			return rc;
	}
}

static int read_map(struct marker *m, struct mark *at)
{
	for (;;) {
		int rc = yaml_reader_next(&m->r);
		const yaml_event_t *e = &m->r.event;
		struct mark *member;

		if (rc < 0 || e->type == YAML_MAPPING_END_EVENT)
			return rc;
		member = adopt(at, mark_new(m, e->type == YAML_SCALAR_EVENT
						       ? (const char *)e->data.scalar.value
						       : ""));
		/* a key that is no scalar is refused elsewhere: its parts hang below the member */
		rc = read_node(m, member);
		if (rc == 0)
			rc = yaml_reader_next(&m->r);
		if (rc == 0)
			rc = read_node(m, member);
		if (rc < 0)
			return rc;
	}
}

static void remember(struct marker *m, const yaml_char_t *anchor, struct mark *at)
{
	if (anchor)
		strmap_set(&m->anchors, (const char *)anchor, at);
}

static int read_node(struct marker *m, struct mark *at)
{
	const yaml_event_t *e = &m->r.event;

	switch (e->type) {
	case YAML_SCALAR_EVENT:
		remember(m, e->data.scalar.anchor, at);
		return 0;
	case YAML_ALIAS_EVENT:
		at->alias = strmap_get(&m->anchors, (const char *)e->data.alias.anchor);
		return 0;
	case YAML_SEQUENCE_START_EVENT:
		remember(m, e->data.sequence_start.anchor, at);
		return read_list(m, at);
	case YAML_MAPPING_START_EVENT:
		remember(m, e->data.mapping_start.anchor, at);
		return read_map(m, at);
	default:
		return -EINVAL;
	}
}

/*
 * JSON may write a character as two surrogates, which YAML has no escape for:
 * put others in their place, of the same width. Return: owned, NULL if there are none.
 */
static char *without_surrogates(const char *text, size_t len)
{
	char *copy = NULL;

	for (size_t i = 0; i + 12 <= len; i++) {
		if (text[i] != '\\')
			continue;
		if (text[i + 1] == 'u' && (text[i + 2] | 32) == 'd' && text[i + 6] == '\\' &&
		    text[i + 7] == 'u' && (text[i + 8] | 32) == 'd') {
			if (!copy) {
				copy = xmalloc(len);
				memcpy(copy, text, len);
			}
			memcpy(copy + i, "\\u0078\\u0078", 12);
			i += 10;
		}
		i++;
	}
	return copy;
}

/* Faults before a document do not hide it. Return: at its start, 0 if there is none. */
static int find_document(struct marker *m, unsigned document)
{
	for (;;) {
		int rc = yaml_reader_document(&m->r);

		if (rc > 0)
			return m->r.index == document;
		if (rc == 0 || !yaml_reader_recover(&m->r))
			return 0;
	}
}

/* The marks of one document: owned, as far as it can be read; NULL if there is none. */
static struct mark *read_document(const char *text, size_t len, unsigned document)
{
	struct marker m = {.anchors = STRMAP_INIT};
	CLEANUP_FREE char *plain = without_surrogates(text, len);
	struct mark *top = NULL;

	if (yaml_reader_init_at(&m.r, plain ? plain : text, len, document) == 0 &&
	    find_document(&m, document) && yaml_reader_next(&m.r) == 0) {
		top = mark_new(&m, NULL);
		(void)read_node(&m, top); /* what was read before an error is there */
	}
	yaml_reader_fini(&m.r);
	strmap_fini(&m.anchors);
	return top;
}

static const struct mark *child_at(const struct mark *at, size_t index)
{
	const struct mark *child = at->first;

	while (child && index--)
		child = child->next;
	return child;
}

static const struct mark *child_named(const struct mark *at, const char *key, int hops)
{
	for (const struct mark *c = at->first; c; c = c->next)
		if (str_eq(c->key, key))
			return c;
	for (const struct mark *c = at->first; c && hops; c = c->next) {
		const struct mark *from = c->alias ? c->alias : c, *found;

		if (c->key && !str_eq(c->key, "<<"))
			continue;
		found = child_named(from, key, hops - 1);
		if (found)
			return found;
	}
	return NULL;
}

static const struct mark *step(const struct mark *at, const struct value *name)
{
	if (at->alias)
		at = at->alias;
	if (value_is(name, VALUE_STRING))
		return child_named(at, value_str(name, ""), MERGE_HOPS);
	return child_at(at, (size_t)value_int(name, 0));
}

static void locate(const struct mark *top, struct fault *fault)
{
	const struct mark *at = top;

	for (size_t i = 0; i < value_count(fault->steps); i++) {
		const struct mark *next = step(at, value_at(fault->steps, i));

		if (!next)
			break;
		at = next;
	}
	fault->line = at->line;
	fault->column = at->column;
}

void yaml_locate(const char *text, size_t len, unsigned document, struct faults *faults)
{
	CLEANUP(mark_freep) struct mark *top = NULL;

	for (size_t i = 0; i < faults->n; i++) {
		if (faults->list[i].line)
			continue;
		if (!top)
			top = read_document(text, len, document);
		if (!top)
			return;
		locate(top, &faults->list[i]);
	}
}

static void add_duplicate(struct faults *faults, const struct mark *at)
{
	size_t n = faults->n;

	fault_add(faults, NULL, FAULT_SYNTAX, NULL, "key \"%.200s\" already set in map", at->key);
	if (faults->n > n) {
		faults->list[n].line = at->line;
		faults->list[n].column = at->column;
	}
}

static void find_duplicates(const struct mark *at, struct faults *faults)
{
	CLEANUP(strmap_fini) struct strmap seen = STRMAP_INIT;

	for (const struct mark *c = at->first; c; c = c->next) {
		if (c->key && !str_eq(c->key, "<<") && strmap_set(&seen, c->key, (void *)c))
			add_duplicate(faults, c);
		find_duplicates(c, faults);
	}
}

void yaml_duplicates(const char *text, size_t len, unsigned document, struct faults *faults)
{
	CLEANUP(mark_freep) struct mark *top = read_document(text, len, document);
	size_t before = faults->n;

	if (top)
		find_duplicates(top, faults);
	/* two spellings of one key, such as 1 and "1": the place is the document's */
	if (faults->n == before)
		fault_add(faults, NULL, FAULT_SYNTAX, NULL,
			  "two keys of a map are the same once they are text");
	if (faults->n > before && !faults->list[before].line && top) {
		faults->list[before].line = top->line;
		faults->list[before].column = top->column;
	}
}
