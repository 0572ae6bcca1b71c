/* SPDX-License-Identifier: MIT */
/*
 * Schemas as types. An object stays its schema: fields are looked up there, by the names that
 * expressions spell.
 * Sources: apiserver pkg/cel/common/schemas.go; pkg/cel/escaping.go.
 */
#include "objects/cel/cel_i.h"

#include <ctype.h>

#define REQUEST_MAX (3u << 20) /* bytes: nothing is larger */

/* -- spelling -- */

static const char *const words[] = {"true",   "false",    "null", "in",      "as",        "break",
				    "const",  "continue", "else", "for",     "function",  "if",
				    "import", "let",      "loop", "package", "namespace", "return",
				    "var",    "void",     "while"};

static const struct {
	const char *plain, *spelt;
} marks[] = {{"__", "__underscores__"}, {".", "__dot__"}, {"-", "__dash__"}, {"/", "__slash__"}};

static int is_word(const char *s, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strlen(words[i]) == n && memcmp(words[i], s, n) == 0)
			return 1;
	return 0;
}

/* Letters, digits, "_", ".", "-", "/"; no digit first. */
static int can_be_spelt(const char *s)
{
	if (!*s || isdigit((unsigned char)*s))
		return 0;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("_.-/", *s))
			return 0;
	return 1;
}

char *cel_escape(const char *property)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	if (is_word(property, strlen(property)))
		return xasprintf("__%s__", property);
	if (!can_be_spelt(property))
		return NULL;
	for (const char *s = property; *s;) {
		size_t i = 0;

		while (i < ARRAY_LEN(marks) && !str_starts(s, marks[i].plain))
			i++;
		if (i < ARRAY_LEN(marks)) {
			buf_adds(&out, marks[i].spelt);
			s += strlen(marks[i].plain);
		} else {
			buf_addc(&out, *s++);
		}
	}
	return buf_steal(&out);
}

char *cel_unescape(const char *name)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	size_t n = strlen(name);

	if (is_word(name, n))
		return NULL;
	if (n > 4 && str_starts(name, "__") && str_ends(name, "__") && is_word(name + 2, n - 4))
		return xstrndup(name + 2, n - 4);
	for (const char *s = name; *s;) {
		size_t i = 0;

		while (i < ARRAY_LEN(marks) && !str_starts(s, marks[i].spelt))
			i++;
		if (i < ARRAY_LEN(marks)) {
			buf_adds(&out, marks[i].plain);
			s += strlen(marks[i].spelt);
		} else if (str_starts(s, "__")) {
			return NULL;
		} else {
			buf_addc(&out, *s++);
		}
	}
	return can_be_spelt(buf_str(&out)) ? buf_steal(&out) : NULL;
}

/* -- fields -- */

static const struct schema text = {.type = SCHEMA_STRING, .structural = 1};
static const struct schema_field name_fields[] = {
	{.name = "generateName", .schema = &text},
	{.name = "name", .schema = &text},
};
/* What rules of custom resources see of metadata. */
static const struct schema name_only = {
	.type = SCHEMA_STRUCT,
	.structural = 1,
	.fields = name_fields,
	.n_fields = ARRAY_LEN(name_fields),
};

/* May it hold what no schema tells? */
static int is_untyped(const struct schema *s)
{
	return s->structural && s->type == SCHEMA_ANY;
}

const struct schema *schema_of_property(const struct schema *s, const char *property)
{
	const struct schema_field *f =
		s && s->type == SCHEMA_STRUCT ? schema_field(s, property) : NULL;

	if (!f || is_untyped(f->schema))
		return NULL;
	/* a whole object in a custom resource: its metadata is the built-in one */
	if (s->structural && f->schema->type == SCHEMA_STRUCT && !f->schema->structural)
		return &name_only;
	return f->schema;
}

const struct schema *schema_of_field(struct arena *m, const struct schema *s, const char *name,
				     const char **property)
{
	CLEANUP_FREE char *plain = cel_unescape(name);
	const struct schema *found;

	/* fields of what is built in may be called by their own names, too */
	if (!plain && !s->structural)
		plain = xstrdup(name);
	found = plain ? schema_of_property(s, plain) : NULL;
	if (found)
		*property = arena_strndup(m, plain, strlen(plain));
	return found;
}

/* -- types -- */

enum cel_kind schema_text_kind(const struct schema *s)
{
	const char *format = s->rules ? s->rules->format : NULL;

	if (s->format == FORMAT_TIME || s->format == FORMAT_MICRO_TIME ||
	    str_eq(format, "date-time") || str_eq(format, "date"))
		return CEL_TIMESTAMP;
	if (str_eq(format, "duration"))
		return CEL_DURATION;
	if (s->format == FORMAT_BYTES || str_eq(format, "byte"))
		return CEL_BYTES;
	return CEL_STRING;
}

/* The shortest that an element may be written in JSON, with its comma. */
static uint64_t least_bytes(const struct schema *s)
{
	const struct value_rules *r = s->rules;
	uint64_t n = s->type == SCHEMA_INT || s->type == SCHEMA_NUMBER ? 1 : 2;

	if (s->type == SCHEMA_BOOL)
		n = 4;
	if (s->type == SCHEMA_STRING && r && r->min_length > 0)
		n += (uint64_t)r->min_length;
	for (size_t i = 0; s->type == SCHEMA_STRUCT && i < s->n_fields; i++)
		if (s->fields[i].required)
			n += strlen(s->fields[i].name) + 4;
	return n + 1;
}

uint64_t cel_schema_elements(const struct schema *s)
{
	const struct value_rules *r = s->rules;
	int64_t bound = !r ? -1 : s->type == SCHEMA_LIST ? r->max_items : r->max_properties;

	if (bound >= 0)
		return (uint64_t)bound;
	return REQUEST_MAX / (least_bytes(s->items) + (s->type == SCHEMA_MAP ? 3 : 0));
}

static const struct cel_type *with_max(struct arena *m, const struct cel_type *t, uint64_t max)
{
	struct cel_type *out = arena_alloc(m, 1, sizeof(*out));

	*out = *t;
	out->max = max ? max : 1;
	return out;
}

static const struct cel_type *type_of_text(struct arena *m, const struct schema *s)
{
	const struct value_rules *r = s->rules;
	enum cel_kind kind = schema_text_kind(s);
	uint64_t max = REQUEST_MAX - 2, longest = 0;

	if (kind == CEL_TIMESTAMP || kind == CEL_DURATION)
		return type_simple(kind);
	for (size_t i = 0; r && i < value_count(r->enums); i++)
		if (value_strlen(value_at(r->enums, i)) > longest)
			longest = value_strlen(value_at(r->enums, i));
	if (r && r->max_length >= 0) /* a character is up to four bytes */
		max = (uint64_t)r->max_length > REQUEST_MAX ? max : 4 * (uint64_t)r->max_length;
	else if (longest)
		max = longest;
	return with_max(m, type_simple(kind), max);
}

static const struct cel_type *type_of_map(struct arena *m, const struct schema *s)
{
	const struct cel_type *items = s->items ? type_of_schema(m, s->items) : NULL;
	struct cel_type *object;

	if (items)
		return with_max(m, type_map(m, type_simple(CEL_STRING), items),
				cel_schema_elements(s));
	object = arena_alloc(m, 1, sizeof(*object)); /* whatever is in it, nobody can name it */
	object->kind = CEL_OBJECT;
	object->schema = s;
	return object;
}

const struct cel_type *type_of_schema(struct arena *m, const struct schema *s)
{
	const struct cel_type *items;
	struct cel_type *object;

	if (!s)
		return type_simple(CEL_DYN);
	switch (s->type) {
	case SCHEMA_BOOL:
		return type_simple(CEL_BOOL);
	case SCHEMA_INT:
		return type_simple(CEL_INT);
	case SCHEMA_NUMBER:
		return type_simple(CEL_DOUBLE);
	case SCHEMA_STRING:
		return type_of_text(m, s);
	case SCHEMA_INT_OR_STRING:
		return with_max(m, type_simple(CEL_DYN), REQUEST_MAX - 2);
	case SCHEMA_LIST:
		items = type_of_schema(m, s->items);
		return items ? with_max(m, type_list(m, items), cel_schema_elements(s)) : NULL;
	case SCHEMA_MAP:
		return type_of_map(m, s);
	case SCHEMA_STRUCT:
		object = arena_alloc(m, 1, sizeof(*object));
		object->kind = CEL_OBJECT;
		object->schema = s;
		return object;
	case SCHEMA_ANY:
		break;
	}
	return is_untyped(s) ? NULL : type_simple(CEL_DYN);
}

int cel_schema_is_typed(const struct schema *s)
{
	while (s->type == SCHEMA_LIST)
		s = s->items;
	return !is_untyped(s);
}
