/* SPDX-License-Identifier: MIT */
/*
 * Any object, field by field: what `kubectl describe` does with kinds it does
 * not know. Labels are made from the fields' names: creationTimestamp becomes
 * "Creation Timestamp", apiVersion "API Version".
 */
#include <ctype.h>

#include "objects/codec.h"
#include "objects/print/print_i.h"

static const char *acronym(const char *word)
{
	static const char *const known[] = {"API", "URL", "UID", "OSB", "GUID"};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcasecmp(word, known[i]) == 0)
			return known[i];
	return NULL;
}

/* Words begin at capitals; a run of them is one word. */
static void add_title(struct buf *out, const char *name)
{
	char word[64];

	while (*name) {
		size_t n = 0;

		do
			if (n + 1 < sizeof(word))
				word[n++] = *name;
		while (*++name &&
		       !(isupper((unsigned char)*name) &&
			 (islower((unsigned char)name[-1]) || islower((unsigned char)name[1]))));
		word[n] = '\0';
		word[0] = (char)toupper((unsigned char)word[0]);
		buf_adds(out, acronym(word) ? acronym(word) : word);
		if (*name)
			buf_addc(out, ' ');
	}
}

/* Text of one scalar; a tab in it must not align anything. */
static void add_text(struct page_writer *w, const struct value *v)
{
	size_t from = w->text.len;

	add_scalar(&w->text, v);
	for (size_t i = from; i < w->text.len; i++)
		if (w->text.data[i] == '\t')
			w->text.data[i] = ' ';
}

struct walk {
	struct page_writer *w;
	int level;
};

static void describe_fields(struct walk at, const struct value *map, const struct schema *s);

static void describe_list(struct walk at, const struct value *list, const struct schema *items)
{
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *v = value_at(list, i);

		if (value_is(v, VALUE_MAP)) {
			describe_fields((struct walk){at.w, at.level + 1}, v, items);
		} else if (value_is(v, VALUE_LIST)) {
			describe_list((struct walk){at.w, at.level + 1}, v, NULL);
		} else {
			line(at.w, at.level + 1, "%s", "");
			add_text(at.w, v);
			line(at.w, 0, "\n");
		}
	}
}

static void describe_member(struct walk at, const char *key, const struct value *v,
			    const struct schema *s)
{
	CLEANUP(buf_fini) struct buf title = BUF_INIT;

	add_title(&title, key);
	if (value_is(v, VALUE_MAP)) {
		line(at.w, at.level, "%s:\n", buf_str(&title));
		describe_fields((struct walk){at.w, at.level + 1}, v, s);
	} else if (value_is(v, VALUE_LIST)) {
		line(at.w, at.level, "%s:\n", buf_str(&title));
		describe_list(at, v, s ? s->items : NULL);
	} else {
		line(at.w, at.level, "%s:\t", buf_str(&title));
		add_text(at.w, v);
		line(at.w, 0, "\n");
	}
}

static void describe_fields(struct walk at, const struct value *map, const struct schema *s)
{
	for (size_t i = 0; i < members(map); i++) {
		const char *key = value_key_at(map, i);
		const struct schema_field *f =
			s && s->type == SCHEMA_STRUCT ? schema_field(s, key) : NULL;
		CLEANUP(buf_fini) struct buf title = BUF_INIT;

		if (f && f->secret) {
			add_title(&title, key);
			line(at.w, at.level, "%s:\t<not shown>\n", buf_str(&title));
			continue;
		}
		describe_member(at, key, value_at(map, i), s ? schema_child(s, key) : NULL);
	}
}

static void describe_metadata(struct walk at, const struct value *meta, const struct schema *s)
{
	static const char *const said[] = {"name", "namespace", "labels", "annotations",
					   "managedFields"};

	line(at.w, 0, "Metadata:\n");
	for (size_t i = 0; i < members(meta); i++) {
		const char *key = value_key_at(meta, i);
		int skip = 0;

		for (size_t j = 0; j < ARRAY_LEN(said); j++)
			skip |= str_eq(key, said[j]);
		if (!skip)
			describe_member((struct walk){at.w, 1}, key, value_at(meta, i),
					s ? schema_child(s, key) : NULL);
	}
}

void describe_any(struct page_writer *w)
{
	const struct schema *s = w->object->kind->schema;

	describe_head(w, (w->object->kind->flags & KIND_NAMESPACED) != 0);
	describe_labels(w, "Labels", value_dig(w->o, "metadata", "labels", NULL));
	describe_annotations(w, "Annotations", value_dig(w->o, "metadata", "annotations", NULL));
	for (size_t i = 0; i < members(w->o); i++) {
		const char *key = value_key_at(w->o, i);
		const struct schema_field *f =
			s && s->type == SCHEMA_STRUCT ? schema_field(s, key) : NULL;
		const struct schema *child = s ? schema_child(s, key) : NULL;

		if (str_eq(key, "metadata"))
			describe_metadata((struct walk){w, 0}, value_at(w->o, i), child);
		else if (!f || !f->secret)
			describe_member((struct walk){w, 0}, key, value_at(w->o, i), child);
	}
	describe_events(w);
}
