/* SPDX-License-Identifier: MIT */
/* What a JSON Schema says about values, as the rules of objects/schema/rules.h. */
#include "objects/custom/custom_i.h"

struct value_rules *new_rules(struct maker *m)
{
	struct value_rules *r = arena_alloc(m->arena, 1, sizeof(*r));

	r->min_length = r->max_length = r->min_items = r->max_items = -1;
	r->min_properties = r->max_properties = -1;
	return r;
}

/* Keywords that make_rules() acts upon, besides logic. */
static const char *const keywords[] = {
	"enum",
	"format",
	"maxItems",
	"maxLength",
	"maxProperties",
	"maximum",
	"minItems",
	"minLength",
	"minProperties",
	"minimum",
	"multipleOf",
	"pattern",
	"x-kubernetes-embedded-resource",
};
static const char *const logic_words[] = {"allOf", "anyOf", "not", "oneOf"};

static int has_any(const struct value *js, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (value_get(js, names[i]))
			return 1;
	return 0;
}

static int64_t bound(const struct value *js, const char *key)
{
	const struct value *v = value_get(js, key);

	return value_is(v, VALUE_INT) && value_int(v, 0) >= 0 ? value_int(v, 0) : -1;
}

static void take_numbers(struct value_rules *r, const struct value *js)
{
	const struct value *min = value_get(js, "minimum"), *max = value_get(js, "maximum");

	r->has_minimum = value_is(min, VALUE_INT) || value_is(min, VALUE_DOUBLE);
	r->has_maximum = value_is(max, VALUE_INT) || value_is(max, VALUE_DOUBLE);
	r->minimum = value_double(min, 0);
	r->maximum = value_double(max, 0);
	r->exclusive_minimum = value_bool(value_get(js, "exclusiveMinimum"), 0) ? 1 : 0;
	r->exclusive_maximum = value_bool(value_get(js, "exclusiveMaximum"), 0) ? 1 : 0;
	r->multiple_of = value_double(value_get(js, "multipleOf"), 0);
	r->min_length = bound(js, "minLength");
	r->max_length = bound(js, "maxLength");
	r->min_items = bound(js, "minItems");
	r->max_items = bound(js, "maxItems");
	r->min_properties = bound(js, "minProperties");
	r->max_properties = bound(js, "maxProperties");
}

static void free_pattern(void *p)
{
	pattern_free(p);
}

static void take_texts(struct maker *m, struct value_rules *r, const struct value *js)
{
	const char *pattern = value_str(value_get(js, "pattern"), NULL);
	const struct value *enums = value_get(js, "enum");

	r->format = value_str(value_get(js, "format"), NULL);
	if (value_is(enums, VALUE_LIST) && value_count(enums))
		r->enums = enums;
	if (!pattern || !*pattern)
		return;
	r->pattern = pattern_new(pattern, NULL);
	if (r->pattern)
		arena_keep(m->arena, r->pattern, free_pattern);
}

static struct rules_list logic_list(struct maker *m, const struct value *list)
{
	struct rules_list out = {0};

	if (!value_is(list, VALUE_LIST) || !value_count(list))
		return out;
	out.list = arena_alloc(m->arena, value_count(list), sizeof(*out.list));
	for (size_t i = 0; i < value_count(list); i++)
		out.list[out.n++] = make_logic(m, value_at(list, i));
	return out;
}

static void take_logic(struct maker *m, struct value_rules *r, const struct value *js)
{
	const struct value *no = value_get(js, "not");

	r->all_of = logic_list(m, value_get(js, "allOf"));
	r->any_of = logic_list(m, value_get(js, "anyOf"));
	r->one_of = logic_list(m, value_get(js, "oneOf"));
	r->not_ = value_is(no, VALUE_MAP) ? make_logic(m, no) : NULL;
}

static void take_all(struct maker *m, struct value_rules *r, const struct value *js)
{
	take_numbers(r, js);
	take_texts(m, r, js);
	take_logic(m, r, js);
	r->nullable = value_bool(value_get(js, "nullable"), 0) ? 1 : 0;
	r->embedded = value_bool(value_get(js, "x-kubernetes-embedded-resource"), 0) ? 1 : 0;
}

struct value_rules *make_rules(struct maker *m, const struct value *js)
{
	struct value_rules *r;

	if (!has_any(js, keywords, ARRAY_LEN(keywords)) &&
	    !has_any(js, logic_words, ARRAY_LEN(logic_words)))
		return NULL;
	r = new_rules(m);
	take_all(m, r, js);
	return r;
}

/* -- below allOf, anyOf, oneOf and not -- */

static unsigned types_of(const char *type)
{
	static const struct {
		const char *name;
		unsigned bits;
	} types[] = {
		{"array", RULE_LIST},    {"boolean", RULE_BOOL}, {"integer", RULE_INT},
		{"number", RULE_NUMBER}, {"object", RULE_MAP},   {"string", RULE_STRING},
	};

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (str_eq(types[i].name, type))
			return types[i].bits;
	return 0;
}

static void take_fields(struct maker *m, struct value_rules *r, const struct value *props)
{
	struct rules_field *f;

	if (!value_is(props, VALUE_MAP) || !value_count(props))
		return;
	f = arena_alloc(m->arena, value_count(props), sizeof(*f));
	for (size_t i = 0; i < value_count(props); i++)
		f[i] = (struct rules_field){value_key_at(props, i),
					    make_logic(m, value_at(props, i))};
	r->fields = f;
	r->n_fields = value_count(props);
}

const struct value_rules *make_logic(struct maker *m, const struct value *js)
{
	struct value_rules *r = new_rules(m);
	const struct value *items = value_get(js, "items"),
			   *more = value_get(js, "additionalProperties");

	take_all(m, r, js);
	r->types = types_of(value_str(value_get(js, "type"), NULL));
	r->required = custom_strings(m->arena, value_get(js, "required"));
	take_fields(m, r, value_get(js, "properties"));
	r->items = value_is(items, VALUE_MAP) ? make_logic(m, items) : NULL;
	r->additional = value_is(more, VALUE_MAP) ? make_logic(m, more) : NULL;
	return r;
}
