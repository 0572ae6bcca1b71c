/* SPDX-License-Identifier: MIT */
/*
 * A structural schema as the tables of objects/schema.h: what has a type becomes a schema, what
 * only restricts values becomes rules beside it.
 */
#include "objects/custom/custom_i.h"

static const struct schema anything = {.type = SCHEMA_ANY, .structural = 1};
static const struct schema text = {.type = SCHEMA_STRING, .structural = 1};

static int says(const struct value *js, const char *key)
{
	return value_bool(value_get(js, key), 0);
}

static const struct value *map_at(const struct value *js, const char *key)
{
	const struct value *v = value_get(js, key);

	return value_is(v, VALUE_MAP) ? v : NULL;
}

/* ObjectMeta, from a kind that is always there. */
static const struct schema *metadata_schema(void)
{
	const struct kind *k = kind_by_gvk("v1", "ConfigMap");
	const struct schema_field *f = k ? schema_field(k->schema, "metadata") : NULL;

	return f ? f->schema : &anything;
}

/* -- structs -- */

/* What every whole object has besides the fields that the schema names. */
static const char *const own_fields[] = {"apiVersion", "kind", "metadata"};

static int is_own(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(own_fields); i++)
		if (str_eq(own_fields[i], name))
			return 1;
	return 0;
}

static int cmp_fields(const void *a, const void *b)
{
	return strcmp(((const struct schema_field *)a)->name,
		      ((const struct schema_field *)b)->name);
}

static void mark_required(struct schema *s, struct schema_field *fields, const struct value *names)
{
	for (size_t i = 0; i < value_count(names); i++) {
		const struct schema_field *f = schema_field(s, value_str(value_at(names, i), NULL));

		if (f)
			fields[f - s->fields].required = 1;
	}
}

static void make_struct(struct maker *m, struct schema *s, const struct value *js, int whole)
{
	const struct value *props = map_at(js, "properties");
	size_t n = value_count(props), at = 0;
	struct schema_field *fields =
		arena_alloc(m->arena, n + ARRAY_LEN(own_fields) + 1, sizeof(*fields));

	s->type = SCHEMA_STRUCT;
	for (size_t i = 0; i < n; i++) {
		const char *name = value_key_at(props, i);
		const struct value *child = value_at(props, i);

		if (whole && is_own(name))
			continue;
		fields[at].name = name;
		fields[at].schema = make_schema(m, child, 0);
		fields[at].dflt = value_get(child, "default");
		at++;
	}
	for (size_t i = 0; whole && i < ARRAY_LEN(own_fields); i++) {
		fields[at].name = own_fields[i];
		fields[at].schema = str_eq(own_fields[i], "metadata") ? metadata_schema() : &text;
		at++;
	}
	if (whole)
		qsort(fields, at, sizeof(*fields), cmp_fields);
	s->fields = fields;
	s->n_fields = at;
	mark_required(s, fields, value_get(js, "required"));
}

static void make_object(struct maker *m, struct schema *s, const struct value *js, int whole)
{
	const struct value *more = value_get(js, "additionalProperties");
	int open = says(js, "x-kubernetes-preserve-unknown-fields");

	whole |= says(js, "x-kubernetes-embedded-resource");
	s->map_atomic = str_eq(value_str(value_get(js, "x-kubernetes-map-type"), NULL), "atomic");
	s->type = SCHEMA_MAP;
	if (value_count(map_at(js, "properties")) || whole) {
		make_struct(m, s, js, whole);
		s->open = open ? 1 : 0;
	} else if (value_is(more, VALUE_MAP)) {
		s->items = make_schema(m, more, 0);
	} else if (value_bool(more, 0) || open) {
		s->items = &anything;
	} else {
		make_struct(m, s, js, 0); /* has no field: nothing can be in it */
	}
}

/* -- lists -- */

static void make_list(struct maker *m, struct schema *s, const struct value *js)
{
	const struct value *items = map_at(js, "items");
	const char *how = value_str(value_get(js, "x-kubernetes-list-type"), "atomic");

	s->type = SCHEMA_LIST;
	s->items = items ? make_schema(m, items, 0) : &anything;
	if (str_eq(how, "set"))
		s->list = LIST_SET;
	if (!str_eq(how, "map"))
		return;
	s->map_keys = custom_strings(m->arena, value_get(js, "x-kubernetes-list-map-keys"));
	if (s->map_keys)
		s->list = LIST_MAP;
}

/* -- all -- */

static enum schema_type scalar_type(const char *type)
{
	static const struct {
		const char *name;
		enum schema_type type;
	} types[] = {
		{"boolean", SCHEMA_BOOL},
		{"integer", SCHEMA_INT},
		{"number", SCHEMA_NUMBER},
		{"string", SCHEMA_STRING},
	};

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (str_eq(types[i].name, type))
			return types[i].type;
	return SCHEMA_ANY;
}

/* A list-type says more than structure: elements must differ. */
static struct value_rules *with_list_rules(struct maker *m, struct value_rules *r,
					   const struct schema *s)
{
	if (s->type != SCHEMA_LIST || s->list == LIST_ATOMIC)
		return r;
	if (!r)
		r = new_rules(m);
	r->unique = s->list == LIST_SET ? 1 : 0;
	r->map_keys = s->list == LIST_MAP ? s->map_keys : NULL;
	return r;
}

/* Names that no field has: nothing else would miss them. */
static struct value_rules *with_required(struct maker *m, struct value_rules *r,
					 const struct schema *s, const struct value *js)
{
	const struct value *names = value_get(js, "required");
	int missing = 0;

	for (size_t i = 0; i < value_count(names); i++)
		missing |= !schema_field(s, value_str(value_at(names, i), NULL));
	if (missing) {
		const char **list = arena_alloc(m->arena, value_count(names) + 1, sizeof(*list));
		size_t n = 0;

		for (size_t i = 0; i < value_count(names); i++) {
			const char *name = value_str(value_at(names, i), NULL);

			if (name && !schema_field(s, name))
				list[n++] = name;
		}
		if (!r)
			r = new_rules(m);
		r->required = list;
	}
	return r;
}

/* A definition may say more about the name of its objects, and only about that. */
static struct value_rules *with_name_rules(struct maker *m, struct value_rules *r,
					   const struct value *js)
{
	const struct value *meta = value_dig(js, "properties", "metadata", NULL);
	struct rules_field *f;

	if (!value_count(map_at(meta, "properties")))
		return r;
	if (!r)
		r = new_rules(m);
	f = arena_alloc(m->arena, 1, sizeof(*f));
	*f = (struct rules_field){"metadata", make_logic(m, meta)};
	r->fields = f;
	r->n_fields = 1;
	return r;
}

static void free_expressions(void *p)
{
	expressions_free(p);
}

/* Compiled last: a rule sees all that is below. */
static void add_expressions(struct maker *m, struct schema *s, const struct value *js)
{
	const struct value *list = value_get(js, "x-kubernetes-validations");
	struct expression_set *set;
	struct value_rules *r;

	if (!value_is(list, VALUE_LIST) || !value_count(list))
		return;
	r = s->rules ? (struct value_rules *)(uintptr_t)s->rules : new_rules(m);
	s->rules = r;
	set = expressions_new(list, s);
	arena_keep(m->arena, set, free_expressions);
	r->expressions = set;
	s->expressions = 1;
}

static int has_expressions(const struct schema *s)
{
	if (s->items && s->items->expressions)
		return 1;
	for (size_t i = 0; i < s->n_fields; i++)
		if (s->fields[i].schema->expressions)
			return 1;
	return 0;
}

const struct schema *make_schema(struct maker *m, const struct value *js, int whole)
{
	struct schema *s = arena_alloc(m->arena, 1, sizeof(*s));
	const char *type = value_str(value_get(js, "type"), NULL);
	struct value_rules *rules;

	s->structural = 1;
	s->nullable = says(js, "nullable") ? 1 : 0;
	if (whole || str_eq(type, "object"))
		make_object(m, s, js, whole);
	else if (str_eq(type, "array"))
		make_list(m, s, js);
	else if (says(js, "x-kubernetes-int-or-string"))
		s->type = SCHEMA_INT_OR_STRING;
	else
		s->type = scalar_type(type);
	rules = with_list_rules(m, make_rules(m, js), s);
	rules = with_required(m, rules, s, js);
	s->rules = whole ? with_name_rules(m, rules, js) : rules;
	s->expressions = has_expressions(s) ? 1 : 0;
	add_expressions(m, s, js);
	return s;
}
