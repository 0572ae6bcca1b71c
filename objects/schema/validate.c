/* SPDX-License-Identifier: MIT */
/*
 * Validation: what the tables say (required, enum, ranges, formats, immutable
 * fields) in one walk over schema and value side by side, calling each type's
 * own check (objects/validation/) on the way.
 */
#include "objects/schema.h"

#include <errno.h>
#include <inttypes.h>

#include "objects/custom/expressions.h"
#include "objects/schema/rules.h"
#include "objects/schema/text.h"
#include "objects/validation/checks.h"

struct validator {
	const struct value *root;
	struct faults *faults;
	int secret;
	size_t work; /* of rules.h */
};

static void walk(struct validator *w, const struct schema *s, const struct value *now,
		 const struct value *old, const struct path *at);

static const struct value *shown(const struct validator *w, const struct value *v)
{
	return w->secret || value_is(v, VALUE_MAP) || value_is(v, VALUE_LIST) ? NULL : v;
}

static void check_range(struct validator *w, const struct schema *s, const struct value *v,
			const struct path *at)
{
	int64_t i = value_int(v, 0);
	int64_t min = s->has_min ? s->min : 1, max = s->has_max ? s->max : 65535;
	int bounded = s->format == FORMAT_PORT || (s->has_min && s->has_max);

	if (bounded && (i < min || i > max))
		fault_add(w->faults, at, FAULT_INVALID, v,
			  "must be between %" PRId64 " and %" PRId64 ", inclusive", min, max);
	else if (!bounded && s->has_min && i < s->min)
		fault_add(w->faults, at, FAULT_INVALID, v,
			  s->min == 1 ? "must be greater than 0"
				      : "must be greater than or equal to %" PRId64,
			  s->min);
	else if (!bounded && s->has_max && i > s->max)
		fault_add(w->faults, at, FAULT_INVALID, v, "must be less than or equal to %" PRId64,
			  s->max);
}

void check_enum(const char *const *enums, const struct value *v, const struct path *at,
		struct faults *faults)
{
	CLEANUP(buf_fini) struct buf list = BUF_INIT;
	const char *text = value_str(v, "");

	for (const char *const *e = enums; *e; e++)
		if (str_eq(*e, text))
			return;
	for (const char *const *e = enums; *e; e++)
		buf_addf(&list, "%s\"%s\"", list.len ? ", " : "", *e);
	fault_add(faults, at, FAULT_NOT_SUPPORTED, v, "supported values: %s", buf_str(&list));
}

static void walk_string(struct validator *w, const struct schema *s, const struct value *v,
			const struct path *at)
{
	const char *why = s->format ? text_check(s->format, value_str(v, "")) : NULL;
	size_t n = value_strlen(v);

	if (s->enums)
		check_enum(s->enums, v, at, w->faults);
	if (why)
		fault_add(w->faults, at, FAULT_INVALID, shown(w, v), "%s", why);
	if (s->has_max && n > (uint64_t)s->max)
		fault_add(w->faults, at, FAULT_TOO_LONG, NULL,
			  "may not be more than %" PRId64 " bytes", s->max);
}

static void walk_list(struct validator *w, const struct schema *s, const struct value *v,
		      const struct path *at)
{
	size_t n = value_count(v);

	if (s->has_max && n > (uint64_t)s->max)
		fault_add(w->faults, at, FAULT_TOO_MANY, NULL,
			  "%zu: must have at most %" PRId64 " items", n, s->max);
	for (size_t i = 0; i < n; i++)
		walk(w, s->items, value_at(v, i), NULL,
		     at && at->said && !*at->said ? PATH_UNSAID(at, i) : PATH_INDEX(at, i));
}

static void walk_map(struct validator *w, const struct schema *s, const struct value *v,
		     const struct path *at)
{
	for (size_t i = 0; i < value_count(v); i++) {
		const char *key = value_key_at(v, i);
		const char *why = s->keys ? text_check(s->keys->format, key) : NULL;

		if (why) {
			CLEANUP_VALUE struct value *bad = value_new_string(key);

			fault_add(w->faults, PATH_KEY(at, key), FAULT_INVALID, bad, "%s", why);
		}
		walk(w, s->items, value_at(v, i), NULL, PATH_KEY(at, key));
	}
}

/* Required and immutable. Return: whether to look at the value, too. */
static int walk_presence(struct validator *w, const struct schema_field *f, const struct value *v,
			 const struct value *old, const struct path *at)
{
	int missing =
		f->required && (!v || (!f->schema->structural && !value_is(v, VALUE_INT) &&
				       !value_is(v, VALUE_BOOL) &&
				       f->schema->type != SCHEMA_STRUCT && schema_is_empty(v)));

	if (missing)
		fault_add(w->faults, at, FAULT_REQUIRED, NULL, "%s", "");
	if (f->immutable && old && !value_equal(v, value_get(old, f->name))) {
		fault_add(w->faults, at, FAULT_INVALID, f->secret ? NULL : shown(w, v),
			  "field is immutable");
		fault_set_code(w->faults, EPERM);
	}
	return v && !missing && !f->unchecked;
}

static void walk_field(struct validator *w, const struct schema_field *f, const struct value *v,
		       const struct value *old, const struct path *at)
{
	struct path up = at ? *at : (struct path){0};
	const struct path here = {.up = at ? &up : NULL, .key = f->name, .said = f->called};
	int secret = w->secret;

	if (f->unindexed)
		up.said = "";
	w->secret |= f->secret;
	if (walk_presence(w, f, v, old, &here))
		walk(w, f->schema, v, old ? value_get(old, f->name) : NULL, &here);
	w->secret = secret;
}

static void walk_struct(struct validator *w, const struct schema *s, const struct value *v,
			const struct value *old, const struct path *at)
{
	size_t n = value_count(v), k = 0;

	for (size_t i = 0; i < s->n_fields; i++) {
		const struct schema_field *f = &s->fields[i];
		const struct value *child = NULL;
		int c = -1;

		while (k < n && (c = strcmp(value_key_at(v, k), f->name)) < 0)
			k++;
		if (k < n && c == 0)
			child = value_at(v, k);
		if (child || f->required || f->immutable)
			walk_field(w, f, child, old, at);
	}
}

/*
 * A definition may have changed since the object was decoded: then what it is now made of is
 * not what the schema wants.
 */
static int has_shape(const struct schema *s, const struct value *v)
{
	if (s->type == SCHEMA_STRUCT || s->type == SCHEMA_MAP)
		return value_is(v, VALUE_MAP);
	return s->type != SCHEMA_LIST || value_is(v, VALUE_LIST);
}

static void walk(struct validator *w, const struct schema *s, const struct value *now,
		 const struct value *old, const struct path *at)
{
	/* A definition that got stricter holds nobody up who leaves the old part as it is
	 * (Kubernetes calls it ratcheting): finalizers can always be taken away. */
	if (s->structural && old && value_equal(now, old))
		return;
	if (!has_shape(s, now)) {
		if (!s->nullable || !value_is(now, VALUE_NULL))
			fault_add(w->faults, at, FAULT_TYPE, shown(w, now), "must be a %s",
				  s->type == SCHEMA_LIST ? "list" : "map");
		return;
	}
	if (s->rules)
		rules_check(s->rules, now, at, w->faults, &w->work);
	switch (s->type) {
	case SCHEMA_INT:
		if (s->has_min || s->has_max || s->format == FORMAT_PORT)
			check_range(w, s, now, at);
		break;
	case SCHEMA_STRING:
		walk_string(w, s, now, at);
		break;
	case SCHEMA_LIST:
		walk_list(w, s, now, at);
		break;
	case SCHEMA_MAP:
		walk_map(w, s, now, at);
		break;
	case SCHEMA_STRUCT:
		walk_struct(w, s, now, old, at);
		break;
	default:
		break;
	}
	if (s->check)
		s->check(now, old, w->root, at, w->faults);
}

/* The top-level fields by themselves: which of them count depends on the way of writing. */
static void walk_kind(struct validator *w, const struct kind *k, const struct value *old,
		      int status_only)
{
	for (size_t i = 0; i < k->schema->n_fields; i++) {
		const struct schema_field *f = &k->schema->fields[i];
		const struct value *child = value_get(w->root, f->name);
		int status = (k->flags & KIND_STATUS) && str_eq(f->name, "status");

		if (status != !!status_only || str_eq(f->name, "metadata"))
			continue;
		walk_field(w, f, child, old, NULL);
	}
}

/* Rules about the whole object count when what they speak of changes. */
static int is_changed(const struct value *now, const struct value *old)
{
	if (!old || value_count(now) != value_count(old))
		return 1;
	for (size_t i = 0; i < value_count(now); i++) {
		const char *key = value_key_at(now, i);

		if (!str_eq(key, "metadata") && !value_equal(value_at(now, i), value_get(old, key)))
			return 1;
	}
	return 0;
}

/* Expressions trust that values are what the schema says. */
static int blocks_expressions(const struct fault *f)
{
	return f->kind == FAULT_REQUIRED || f->kind == FAULT_TYPE || f->kind == FAULT_TOO_LONG ||
	       f->kind == FAULT_TOO_MANY;
}

static void check_expressions(const struct kind *k, const struct value *now,
			      const struct value *old, struct faults *faults)
{
	for (size_t i = 0; i < faults->n; i++)
		if (blocks_expressions(&faults->list[i])) {
			fault_add(faults, NULL, FAULT_INVALID, NULL,
				  "some validation rules were not checked because the object was "
				  "invalid; correct the existing errors to complete validation");
			return;
		}
	expressions_check(k->schema, now, old, NULL, faults);
}

void kind_validate(const struct kind *k, const struct value *now, const struct value *old,
		   int status_only, struct faults *faults)
{
	struct validator w = {.root = now, .faults = faults};

	check_metadata(k, value_get(now, "metadata"), value_get(old, "metadata"), faults);
	walk_kind(&w, k, old, status_only);
	if (k->schema->rules && !status_only && is_changed(now, old))
		rules_check(k->schema->rules, now, NULL, faults, &w.work);
	if (k->schema->check && !status_only)
		k->schema->check(now, old, now, NULL, faults);
	if (k->schema->expressions)
		check_expressions(k, now, old, faults);
}

void kind_validate_body(const struct kind *k, const struct value *now, struct faults *faults)
{
	struct validator w = {.root = now, .faults = faults};

	walk_kind(&w, k, NULL, 0);
	if (k->schema->check)
		k->schema->check(now, NULL, now, NULL, faults);
}

void schema_validate(const struct schema *s, const struct value *v, const struct path *at,
		     struct faults *faults)
{
	struct validator w = {.root = v, .faults = faults};

	walk(&w, s, v, NULL, at);
}
