/* SPDX-License-Identifier: MIT */
#include "fs/field_path.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "fs/escape.h"
#include "objects/codec.h"

void field_path_parse(const char *sub, struct field_path *out)
{
	*out = (struct field_path){0};
	while (*sub) {
		size_t len = strcspn(sub, "/");
		CLEANUP_FREE char *name = xstrndup(sub, len);

		out->step = xreallocarray(out->step, out->n + 1, sizeof(char *));
		out->step[out->n++] = name_unescape(name);
		sub += len;
		if (*sub == '/')
			sub++;
	}
}

void field_path_fini(struct field_path *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->step[i]);
	free(p->step);
	*p = (struct field_path){0};
}

/* -- elements of lists -- */

static const char *merge_key(const struct schema *s)
{
	if (s && s->merge_key)
		return s->merge_key;
	return s && s->map_keys ? s->map_keys[0] : NULL;
}

static int key_text(const struct value *element, const char *key, char *out, size_t size)
{
	const struct value *v = value_get(element, key);

	if (value_is(v, VALUE_STRING) && value_strlen(v))
		return snprintf(out, size, "%s", value_str(v, "")) < (int)size;
	if (value_is(v, VALUE_INT))
		return snprintf(out, size, "%lld", (long long)value_int(v, 0)) > 0;
	return 0;
}

/* Elements can be called by their key: every one has it, and no two the same. */
static int keys_are_unique(const struct value *list, const char *key)
{
	char a[320], b[320];

	for (size_t i = 0; i < value_count(list); i++) {
		if (!key_text(value_at(list, i), key, a, sizeof(a)))
			return 0;
		for (size_t j = 0; j < i; j++)
			if (key_text(value_at(list, j), key, b, sizeof(b)) && strcmp(a, b) == 0)
				return 0;
	}
	return 1;
}

#define NAMED_MAX 256 /* longer lists go by index: finding names is quadratic */

static const char *naming_key(const struct value *list, const struct schema *s)
{
	const char *key = merge_key(s);

	return key && value_count(list) <= NAMED_MAX && keys_are_unique(list, key) ? key : NULL;
}

void element_name(const struct value *list, const struct schema *s, size_t i, struct buf *out)
{
	const char *key = naming_key(list, s);
	char text[320];

	if (key && key_text(value_at(list, i), key, text, sizeof(text)))
		name_escape(text, out);
	else
		buf_addf(out, "%zu", i);
}

size_t element_find(const struct value *list, const struct schema *s, const char *name)
{
	const char *key = naming_key(list, s);
	size_t n = value_count(list);
	char text[320], *end;
	unsigned long i;

	if (key) {
		for (size_t at = 0; at < n; at++)
			if (key_text(value_at(list, at), key, text, sizeof(text)) &&
			    strcmp(text, name) == 0)
				return at;
		return n;
	}
	if (!isdigit((unsigned char)name[0]) || (name[0] == '0' && name[1]))
		return n;
	i = strtoul(name, &end, 10);
	return *end || i >= n ? n : i;
}

/* -- walking -- */

struct spot spot_child(struct spot at, const char *step)
{
	if (value_is(at.value, VALUE_LIST) || (at.schema && at.schema->type == SCHEMA_LIST)) {
		size_t i = element_find(at.value, at.schema, step);

		return (struct spot){
			i < value_count(at.value) ? value_at(at.value, i) : NULL,
			at.schema ? at.schema->items : NULL,
		};
	}
	return (struct spot){
		value_is(at.value, VALUE_MAP) ? value_get(at.value, step) : NULL,
		at.schema ? schema_child(at.schema, step) : NULL,
	};
}

int spot_walk(const struct object *o, const struct field_path *p, struct spot *out)
{
	*out = (struct spot){o->value, o->kind->schema};
	for (size_t i = 0; i < p->n; i++)
		*out = spot_child(*out, p->step[i]);
	return out->value != NULL;
}

/* -- text -- */

static int is_one_line(const char *text, size_t len)
{
	return len > 0 && !memchr(text, '\n', len);
}

void field_render(const struct value *v, struct buf *out)
{
	size_t start = out->len;

	if (!v || value_is(v, VALUE_NULL))
		return;
	scalar_render(v, out);
	if (is_one_line(buf_str(out) + start, out->len - start))
		buf_addc(out, '\n');
}

static int utf8_ok(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text, *end = s + len;

	while (s < end) {
		unsigned n = *s < 0x80             ? 0
			     : (*s & 0xe0) == 0xc0 ? 1
			     : (*s & 0xf0) == 0xe0 ? 2
			     : (*s & 0xf8) == 0xf0 ? 3
						   : 9;
		unsigned long code = n ? *s & (0x3fu >> n) : *s;

		if (n == 9 || !*s || (size_t)(end - s) <= n)
			return 0;
		for (unsigned i = 1; i <= n; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (s[i] & 0x3f);
		}
		if ((n == 1 && code < 0x80) || (n == 2 && code < 0x800) ||
		    (n == 3 && code < 0x10000) || (code >= 0xd800 && code < 0xe000) ||
		    code > 0x10ffff)
			return 0;
		s += n + 1;
	}
	return 1;
}

/* "echo web" writes web: the newline of a text of one line is not part of it. */
static size_t without_newline(const char *text, size_t len)
{
	if (len && memchr(text, '\n', len) == text + len - 1)
		return len - 1;
	return len;
}

struct value *field_parse(const struct schema *s, const char *text, size_t len,
			  const struct path *at, struct err *err)
{
	struct faults faults = FAULTS_INIT;
	struct value *v;

	if (s && s->type == SCHEMA_STRING) {
		len = without_newline(text, len);
		if (!utf8_ok(text, len)) {
			err_set(err, EINVAL, "the text is not UTF-8");
			return NULL;
		}
		return value_new_stringn(text, len);
	}
	v = yaml_parse_value(text, len, err);
	if (!v || !s)
		return v;
	v = schema_decode(s, v, at, &faults);
	if (faults.n) {
		faults_to_err(&faults, err);
		value_unref(v);
		v = NULL;
	}
	faults_fini(&faults);
	return v;
}

/* -- editing -- */

struct step {
	const struct field_edit *edit;
	struct err *err;
	int removed; /* the child is to be taken out */
};

static struct value *edit_at(struct step *st, struct value *taken, const struct schema *s, size_t i,
			     const struct path *at);

static struct value *new_element(const struct schema *s, const char *name)
{
	const char *key = merge_key(s);
	const struct schema *of_key = key && s->items ? schema_child(s->items, key) : NULL;
	struct value *e;

	if (!key)
		return NULL;
	e = value_new_map();
	if (of_key && of_key->type == SCHEMA_INT)
		return value_set_int(e, key, strtoll(name, NULL, 10));
	return value_set_str(e, key, name);
}

static struct value *edit_list(struct step *st, struct value *taken, const struct schema *s,
			       size_t i, const struct path *at)
{
	const char *name = st->edit->path->step[i];
	size_t index, n;
	struct value *child;

	if (!taken)
		taken = value_new_list();
	index = element_find(taken, s, name);
	n = value_count(taken);
	if (index == n && !st->edit->text) {
		err_set(st->err, ENOENT, "no element %s", name);
		value_unref(taken);
		return NULL;
	}
	child = index < n ? value_ref(value_at(taken, index)) : s ? new_element(s, name) : NULL;
	child = edit_at(st, child, s ? s->items : NULL, i + 1, PATH_INDEX(at, index));
	if (!child && !st->removed) {
		value_unref(taken);
		return NULL;
	}
	st->removed = 0;
	if (index == n)
		return value_append(taken, child);
	return child ? value_set_at(taken, index, child) : value_del_at(taken, index);
}

static struct value *edit_map(struct step *st, struct value *taken, const struct schema *s,
			      size_t i, const struct path *at)
{
	const char *name = st->edit->path->step[i];
	const struct schema *of_child = s ? schema_child(s, name) : NULL;
	struct path below = {.up = at, .key = name, .quoted = s && s->type == SCHEMA_MAP};
	struct value *child;

	if (!taken)
		taken = value_new_map();
	if (s && s->type == SCHEMA_STRUCT && !s->open && !of_child && !value_get(taken, name)) {
		const char *near = schema_suggest(s, name);

		err_set(st->err, EINVAL, "unknown field \"%s\"%s%s%s", name,
			near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
		value_unref(taken);
		return NULL;
	}
	child = edit_at(st, value_ref(value_get(taken, name)), of_child, i + 1, &below);
	if (!child && !st->removed) {
		value_unref(taken);
		return NULL;
	}
	st->removed = 0;
	return child ? value_set(taken, name, child) : value_del(taken, name);
}

/* At the last step: the new value, NULL for removal or refusal. */
static struct value *edit_leaf(struct step *st, struct value *taken, const struct schema *s,
			       const struct path *at)
{
	int was = taken != NULL;

	value_unref(taken);
	if (st->edit->text)
		return field_parse(s, st->edit->text, st->edit->len, at, st->err);
	if (was)
		st->removed = 1;
	else
		err_set(st->err, ENOENT, "no such field");
	return NULL;
}

static struct value *edit_at(struct step *st, struct value *taken, const struct schema *s, size_t i,
			     const struct path *at)
{
	const struct field_path *p = st->edit->path;

	if (i == p->n)
		return edit_leaf(st, taken, s, at);
	if (value_is(taken, VALUE_LIST) || (!taken && s && s->type == SCHEMA_LIST))
		return edit_list(st, taken, s, i, at);
	if (taken && !value_is(taken, VALUE_MAP)) {
		err_set(st->err, ENOTDIR, "%s is below a single value", p->step[i]);
		value_unref(taken);
		return NULL;
	}
	return edit_map(st, taken, s, i, at);
}

struct value *field_edit(struct value *taken, const struct schema *s, const struct field_edit *e,
			 struct err *err)
{
	struct step st = {.edit = e, .err = err};

	return edit_at(&st, taken, s, 0, NULL);
}
