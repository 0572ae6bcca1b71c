/* SPDX-License-Identifier: MIT */
#include "objects/validation/structural.h"

#include "objects/schema/rules.h"
#include "objects/validation/checks.h"
#include "objects/validation/say.h"

enum level { ROOT, FIELD, ITEM };

static const char *const types[] = {"array",  "boolean", "integer", "number",
				    "object", "string",  NULL};

static int says(const struct value *js, const char *key)
{
	return value_bool(value_get(js, key), 0);
}

static const char *type_of(const struct value *js)
{
	return text_of(js, "type");
}

/* -- keywords that are the same everywhere -- */

static void check_foreign_words(const struct value *js, const struct path *at,
				struct faults *faults)
{
	static const struct {
		const char *word, *why;
	} words[] = {
		{"$ref", "$ref is not supported"},
		{"additionalItems", "additionalItems is not supported"},
		{"definitions", "definitions is not supported"},
		{"dependencies", "dependencies is not supported"},
		{"id", "id is not supported"},
		{"patternProperties", "patternProperties is not supported"},
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (value_get(js, words[i].word))
			say_forbidden(faults, PATH_FIELD(at, words[i].word), words[i].why);
	if (says(js, "uniqueItems"))
		say_forbidden(faults, PATH_FIELD(at, "uniqueItems"),
			      "uniqueItems cannot be set to true since the runtime complexity "
			      "becomes quadratic");
	if (value_is(value_get(js, "additionalProperties"), VALUE_BOOL) &&
	    !says(js, "additionalProperties"))
		say_forbidden(faults, PATH_FIELD(at, "additionalProperties"),
			      "additionalProperties cannot be set to false");
	if (value_is(value_get(js, "items"), VALUE_LIST))
		say_forbidden(faults, PATH_FIELD(at, "items"),
			      "items must be a schema object and not an array");
}

static void check_pattern(const struct value *js, const struct path *at, struct faults *faults)
{
	const struct value *v = value_get(js, "pattern");
	struct pattern *p;
	struct err err = ERR_INIT;

	if (!value_strlen(v))
		return;
	p = pattern_new(value_str(v, ""), &err);
	if (!p)
		fault_add(faults, PATH_FIELD(at, "pattern"), FAULT_INVALID, v,
			  "must be a valid regular expression, but isn't: %s", err.msg);
	pattern_free(p);
}

static void check_words(const struct value *js, const struct path *at, struct faults *faults)
{
	const struct value *type = value_get(js, "type");

	if (value_strlen(type))
		check_enum(types, type, PATH_FIELD(at, "type"), faults);
	check_foreign_words(js, at, faults);
	check_pattern(js, at, faults);
}

/* -- lists and maps that server-side apply looks into -- */

static int is_scalar(const struct value *js)
{
	const char *type = type_of(js);

	return says(js, "x-kubernetes-int-or-string") ||
	       (*type && !str_eq(type, "object") && !str_eq(type, "array"));
}

static int is_in(const struct value *list, const char *s)
{
	for (size_t i = 0; i < value_count(list); i++)
		if (str_eq(value_str(value_at(list, i), NULL), s))
			return 1;
	return 0;
}

static void check_map_key(const struct value *items, const struct value *key, const struct path *at,
			  const struct path *keys_at, struct faults *faults)
{
	const char *name = value_str(key, "");
	const struct value *prop = value_dig(items, "properties", name, NULL);
	const struct path *items_at = PATH_FIELD(at, "items");
	const struct path *prop_at = PATH_KEY(PATH_FIELD(items_at, "properties"), name);

	if (!prop) {
		say_invalid(faults, keys_at, key, "entries must all be names of item properties");
		return;
	}
	if (!is_scalar(prop))
		say_invalid(
			faults, PATH_FIELD(prop_at, "type"), value_get(prop, "type"),
			"must be a scalar type if parent array's x-kubernetes-list-type is map");
	if (!value_get(prop, "default") && !is_in(value_get(items, "required"), name))
		say_required(faults, PATH_FIELD(prop_at, "default"),
			     "this property is in x-kubernetes-list-map-keys, so it must have a "
			     "default or be a required property");
}

static void check_list_map(const struct value *js, const struct path *at, struct faults *faults)
{
	const struct value *keys = value_get(js, "x-kubernetes-list-map-keys"),
			   *items = value_get(js, "items");
	const struct path *keys_at = PATH_FIELD(at, "x-kubernetes-list-map-keys");

	if (!value_count(keys))
		say_required(faults, keys_at, "must not be empty if x-kubernetes-list-type is map");
	if (!str_eq(type_of(items), "object"))
		say_invalid(faults, PATH_FIELD(PATH_FIELD(at, "items"), "type"),
			    value_get(items, "type"),
			    "must be object if parent array's x-kubernetes-list-type is map");
	for (size_t i = 0; i < value_count(keys); i++) {
		check_map_key(items, value_at(keys, i), at, PATH_INDEX(keys_at, i), faults);
		for (size_t j = 0; j < i && i < 64; j++)
			if (value_equal(value_at(keys, i), value_at(keys, j)))
				say_duplicate(faults, PATH_INDEX(keys_at, i),
					      value_str(value_at(keys, i), ""));
	}
}

static void check_list_type(const struct value *js, const struct path *at, struct faults *faults)
{
	static const char *const list_types[] = {"atomic", "map", "set", NULL};
	const struct value *how = value_get(js, "x-kubernetes-list-type"),
			   *items = value_get(js, "items");
	const struct path *how_at = PATH_FIELD(at, "x-kubernetes-list-type");

	if (how)
		check_enum(list_types, how, how_at, faults);
	if (how && !str_eq(type_of(js), "array"))
		say_invalid(faults, PATH_FIELD(at, "type"), value_get(js, "type"),
			    "must be array if x-kubernetes-list-type is specified");
	if (str_eq(value_str(how, NULL), "map"))
		check_list_map(js, at, faults);
	else if (value_count(value_get(js, "x-kubernetes-list-map-keys")))
		say_required(faults, how_at,
			     "must be map if x-kubernetes-list-map-keys is non-empty");
	if (str_eq(value_str(how, NULL), "set") && says(items, "nullable"))
		say_forbidden(faults, PATH_FIELD(PATH_FIELD(at, "items"), "nullable"),
			      "cannot be nullable when x-kubernetes-list-type is set");
}

static void check_map_type(const struct value *js, const struct path *at, struct faults *faults)
{
	static const char *const map_types[] = {"atomic", "granular", NULL};
	const struct value *how = value_get(js, "x-kubernetes-map-type");

	if (!how)
		return;
	check_enum(map_types, how, PATH_FIELD(at, "x-kubernetes-map-type"), faults);
	if (!str_eq(type_of(js), "object"))
		say_invalid(faults, PATH_FIELD(at, "type"), value_get(js, "type"),
			    "must be object if x-kubernetes-map-type is specified");
}

/* -- types -- */

static void check_type(const struct value *js, const struct path *at, enum level level,
		       struct faults *faults)
{
	static const char *const empty[] = {
		[ROOT] = "must not be empty at the root",
		[FIELD] = "must not be empty for specified object fields",
		[ITEM] = "must not be empty for specified array items",
	};
	const char *type = type_of(js);
	int any = says(js, "x-kubernetes-int-or-string") ||
		  says(js, "x-kubernetes-preserve-unknown-fields");

	at = PATH_FIELD(at, "type");
	if (!*type && (level == ROOT || !any))
		say_required(faults, at, empty[level]);
	else if (level == ROOT && !str_eq(type, "object"))
		say_invalid(faults, at, value_get(js, "type"), "must be object at the root");
	if (*type && says(js, "x-kubernetes-int-or-string"))
		say_invalid(faults, at, value_get(js, "type"),
			    "must be empty if x-kubernetes-int-or-string is true");
	if (says(js, "x-kubernetes-embedded-resource") && !str_eq(type, "object"))
		say_invalid(faults, at, value_get(js, "type"),
			    "must be object if x-kubernetes-embedded-resource is true");
}

static void check_object(const struct value *js, const struct path *at, struct faults *faults)
{
	const struct value *props = value_get(js, "properties");

	if (value_count(props) && value_get(js, "additionalProperties"))
		say_forbidden(faults, PATH_FIELD(at, "additionalProperties"),
			      "additionalProperties and properties are mutual exclusive");
	if (says(js, "x-kubernetes-embedded-resource") && !value_count(props) &&
	    !says(js, "x-kubernetes-preserve-unknown-fields"))
		say_required(faults, PATH_FIELD(at, "properties"),
			     "must not be empty if x-kubernetes-embedded-resource is true without "
			     "x-kubernetes-preserve-unknown-fields");
	if (value_is(value_get(js, "x-kubernetes-preserve-unknown-fields"), VALUE_BOOL) &&
	    !says(js, "x-kubernetes-preserve-unknown-fields"))
		say_invalid(faults, PATH_FIELD(at, "x-kubernetes-preserve-unknown-fields"),
			    value_get(js, "x-kubernetes-preserve-unknown-fields"),
			    "must be true or undefined");
}

/* What every object has: its type may be repeated, and no more be said. */
static void check_own_fields(const struct value *js, const struct path *at, struct faults *faults)
{
	static const char *const texts[] = {"apiVersion", "kind"};
	const struct path *props_at = PATH_FIELD(at, "properties");
	const struct value *props = value_get(js, "properties"),
			   *meta = value_get(props, "metadata");
	const struct value *names = value_get(meta, "properties");
	const struct path *meta_at = PATH_KEY(props_at, "metadata");

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const struct value *v = value_get(props, texts[i]);

		if (v && !str_eq(type_of(v), "string"))
			say_invalid(faults, PATH_FIELD(PATH_KEY(props_at, texts[i]), "type"),
				    value_get(v, "type"), "must be string");
	}
	if (!meta)
		return;
	if (!str_eq(type_of(meta), "object"))
		say_invalid(faults, PATH_FIELD(meta_at, "type"), value_get(meta, "type"),
			    "must be object");
	for (size_t i = 0; i < value_count(names); i++) {
		const char *name = value_key_at(names, i);

		if (!str_eq(name, "name") && !str_eq(name, "generateName"))
			say_forbidden(faults, meta_at,
				      "must not specify anything other than name and "
				      "generateName, but metadata is implicitly specified");
	}
}

/* -- logic -- */

struct logic {
	const struct value *structure; /* what stands at the same place in the structure */
	const struct path *structure_at;
	int may_type; /* the two alternatives of int-or-string say their types */
};

static void check_logic(const struct value *js, const struct path *at, const struct logic *l,
			struct faults *faults);

static void check_bare(const struct value *js, const struct path *at, int may_type,
		       struct faults *faults)
{
	static const struct {
		const char *word, *why;
	} words[] = {
		{"additionalProperties", "must be undefined to be structural"},
		{"default", "must be undefined to be structural"},
		{"description", "must be empty to be structural"},
		{"nullable", "must be false to be structural"},
		{"title", "must be empty to be structural"},
		{"x-kubernetes-embedded-resource", "must be false to be structural"},
		{"x-kubernetes-int-or-string", "must be false to be structural"},
		{"x-kubernetes-list-map-keys", "must be empty to be structural"},
		{"x-kubernetes-list-type", "must be undefined to be structural"},
		{"x-kubernetes-map-type", "must be undefined to be structural"},
		{"x-kubernetes-preserve-unknown-fields", "must be false to be structural"},
		{"x-kubernetes-validations", "must be empty to be structural"},
	};

	if (*type_of(js) && !may_type)
		say_forbidden(faults, PATH_FIELD(at, "type"), "must be empty to be structural");
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (value_get(js, words[i].word))
			say_forbidden(faults, PATH_FIELD(at, words[i].word), words[i].why);
}

static void missing_in_structure(const struct path *missing, const struct path *at,
				 struct faults *faults)
{
	CLEANUP(buf_fini) struct buf where = BUF_INIT;

	path_render(at, &where);
	fault_add(faults, missing, FAULT_REQUIRED, NULL, "because it is defined in %s",
		  buf_str(&where));
}

static void check_logic_fields(const struct value *props, const struct path *at,
			       const struct logic *l, struct faults *faults)
{
	const struct path *structure_at = PATH_FIELD(l->structure_at, "properties");
	const struct value *more = value_get(l->structure, "additionalProperties");

	for (size_t i = 0; i < value_count(props); i++) {
		const char *name = value_key_at(props, i);
		struct logic below = {value_dig(l->structure, "properties", name, NULL),
				      PATH_KEY(structure_at, name), 0};

		if (!below.structure && value_is(more, VALUE_MAP))
			below.structure = more;
		if (!below.structure && !says(l->structure, "x-kubernetes-preserve-unknown-fields"))
			missing_in_structure(below.structure_at, PATH_KEY(at, name), faults);
		check_logic(value_at(props, i), PATH_KEY(at, name), &below, faults);
	}
}

static void check_logic_lists(const struct value *js, const struct path *at, const struct logic *l,
			      struct faults *faults);

static void check_logic(const struct value *js, const struct path *at, const struct logic *l,
			struct faults *faults)
{
	const struct value *items = value_get(js, "items");
	struct logic below = {value_get(l->structure, "items"),
			      PATH_FIELD(l->structure_at, "items"), 0};

	if (faults->n >= FAULTS_MAX)
		return;
	check_words(js, at, faults);
	check_bare(js, at, l->may_type, faults);
	check_logic_fields(value_get(js, "properties"), PATH_FIELD(at, "properties"), l, faults);
	if (value_is(items, VALUE_MAP)) {
		if (!below.structure)
			missing_in_structure(below.structure_at, PATH_FIELD(at, "items"), faults);
		check_logic(items, PATH_FIELD(at, "items"), &below, faults);
	}
	check_logic_lists(js, at, l, faults);
}

static void check_logic_lists(const struct value *js, const struct path *at, const struct logic *l,
			      struct faults *faults)
{
	static const char *const words[] = {"allOf", "anyOf", "oneOf"};
	const struct value *no = value_get(js, "not");

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		const struct value *list = value_get(js, words[i]);
		struct logic same = *l;

		same.may_type = says(l->structure, "x-kubernetes-int-or-string") &&
				!str_eq(words[i], "oneOf");
		for (size_t j = 0; j < value_count(list); j++)
			check_logic(value_at(list, j), PATH_INDEX(PATH_FIELD(at, words[i]), j),
				    &same, faults);
	}
	if (value_is(no, VALUE_MAP))
		check_logic(no, PATH_FIELD(at, "not"),
			    &(const struct logic){l->structure, l->structure_at, 0}, faults);
}

/* -- structure -- */

static void check_level(const struct value *js, const struct path *at, enum level level,
			struct faults *faults)
{
	const struct value *props = value_get(js, "properties"), *items = value_get(js, "items"),
			   *more = value_get(js, "additionalProperties");

	if (faults->n >= FAULTS_MAX)
		return;
	check_words(js, at, faults);
	check_type(js, at, level, faults);
	check_object(js, at, faults);
	check_list_type(js, at, faults);
	check_map_type(js, at, faults);
	if (level == ROOT || says(js, "x-kubernetes-embedded-resource"))
		check_own_fields(js, at, faults);
	for (size_t i = 0; i < value_count(props); i++)
		check_level(value_at(props, i),
			    PATH_KEY(PATH_FIELD(at, "properties"), value_key_at(props, i)), FIELD,
			    faults);
	if (value_is(items, VALUE_MAP))
		check_level(items, PATH_FIELD(at, "items"), ITEM, faults);
	else if (str_eq(type_of(js), "array") && !items)
		say_required(faults, PATH_FIELD(at, "items"), "must be specified");
	if (value_is(more, VALUE_MAP))
		check_level(more, PATH_FIELD(at, "additionalProperties"), FIELD, faults);
	check_logic_lists(js, at, &(const struct logic){js, at, 0}, faults);
}

void check_structural(const struct value *js, const struct path *at, struct faults *faults)
{
	check_level(js, at, ROOT, faults);
	if (value_get(js, "default"))
		say_forbidden(faults, PATH_FIELD(at, "default"), "must not be set at the root");
	if (says(js, "nullable"))
		say_forbidden(faults, PATH_FIELD(at, "nullable"),
			      "nullable cannot be true at the root");
}
