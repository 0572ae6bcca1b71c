/* SPDX-License-Identifier: MIT */
/*
 * Defaults: one walk over schema and value side by side (both are sorted by
 * name), copying only the maps that get something. A struct's computed defaults
 * (objects/defaults/) come first, as in the API server, so that the static ones
 * below see what they added.
 */
#include "objects/schema.h"

static struct value *fill(const struct schema *s, const struct value *v, const struct value *root);

static struct value *fill_list(const struct schema *s, const struct value *v,
			       const struct value *root)
{
	struct value *out = NULL;

	if (s->items->type < SCHEMA_LIST || !value_is(v, VALUE_LIST))
		return NULL;
	for (size_t i = 0; i < value_count(v); i++) {
		struct value *fresh = fill(s->items, value_at(v, i), root);

		if (fresh)
			out = value_set_at(out ? out : value_ref(v), i, fresh);
	}
	return out;
}

static struct value *fill_map(const struct schema *s, const struct value *v,
			      const struct value *root)
{
	struct value *out = NULL;

	if (s->items->type < SCHEMA_LIST || !value_is(v, VALUE_MAP))
		return NULL;
	for (size_t i = 0; i < value_count(v); i++) {
		struct value *fresh = fill(s->items, value_at(v, i), root);

		if (fresh)
			out = value_set(out ? out : value_ref(v), value_key_at(v, i), fresh);
	}
	return out;
}

/* An absent field: its default, filled in turn; NULL if it has none. */
static struct value *fill_absent(const struct schema_field *f, const struct value *root)
{
	struct value *deeper;

	if (!f->dflt)
		return NULL;
	deeper = fill(f->schema, f->dflt, root);
	return deeper ? deeper : value_ref(f->dflt);
}

static struct value *fill_fields(const struct schema *s, struct value *out,
				 const struct value *root)
{
	const struct value *v = out;
	size_t n = value_count(v), at = 0;
	/* v stays as it is while out grows */
	UNUSED CLEANUP_VALUE struct value *keep = value_ref(v);

	for (size_t i = 0; i < s->n_fields; i++) {
		const struct schema_field *f = &s->fields[i];
		struct value *fresh;
		int c = -1;

		while (at < n && (c = strcmp(value_key_at(v, at), f->name)) < 0)
			at++;
		if (at < n && c == 0)
			fresh = f->schema->type < SCHEMA_LIST
					? NULL
					: fill(f->schema, value_at(v, at), root);
		else
			fresh = fill_absent(f, root);
		if (fresh)
			out = value_set(out, f->name, fresh);
	}
	return out;
}

static struct value *fill(const struct schema *s, const struct value *v, const struct value *root)
{
	struct value *out;

	if (s->type == SCHEMA_LIST)
		return fill_list(s, v, root);
	if (s->type == SCHEMA_MAP)
		return fill_map(s, v, root);
	if (s->type != SCHEMA_STRUCT || !value_is(v, VALUE_MAP))
		return NULL;
	out = value_ref(v);
	if (s->fill)
		out = s->fill(out, root ? root : v);
	out = fill_fields(s, out, root ? root : v);
	if (out != v)
		return out;
	value_unref(out);
	return NULL;
}

struct value *kind_default(const struct kind *k, struct value *taken)
{
	struct value *fresh;

	if (!value_is(taken, VALUE_MAP))
		return taken;
	fresh = fill(k->schema, taken, NULL);
	if (!fresh)
		return taken;
	value_unref(taken);
	return fresh;
}
