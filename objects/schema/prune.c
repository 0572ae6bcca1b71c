/* SPDX-License-Identifier: MIT */
/*
 * Pruning: what a stored object of a custom kind says and its definition does not know (any more)
 * is not there for those who read it, as in the API server. What somebody writes is refused
 * instead (decode.c).
 */
#include "objects/schema.h"

/* NULL: nothing to prune. built_in: kinds that no definition made, too. */
static struct value *prune(const struct schema *s, const struct value *v, int built_in);

static struct value *prune_items(const struct schema *s, const struct value *v, int built_in)
{
	int is_map = value_is(v, VALUE_MAP);
	struct value *out = NULL;

	if (!(s->items->structural || built_in) || s->items->type < SCHEMA_LIST)
		return NULL;
	for (size_t i = 0; i < value_count(v); i++) {
		struct value *fresh = prune(s->items, value_at(v, i), built_in);

		if (!fresh)
			continue;
		out = out ? out : value_ref(v);
		out = is_map ? value_set(out, value_key_at(v, i), fresh)
			     : value_set_at(out, i, fresh);
	}
	return out;
}

static struct value *prune_fields(const struct schema *s, const struct value *v, int built_in)
{
	struct value *out = NULL;

	for (size_t i = 0; i < value_count(v); i++) {
		const char *key = value_key_at(v, i);
		const struct schema_field *f = schema_field(s, key);
		struct value *fresh = f ? prune(f->schema, value_at(v, i), built_in) : NULL;

		if (!f && !s->open)
			out = value_del(out ? out : value_ref(v), key);
		else if (fresh)
			out = value_set(out ? out : value_ref(v), key, fresh);
	}
	return out;
}

static struct value *prune(const struct schema *s, const struct value *v, int built_in)
{
	if (!s->structural && !built_in)
		return NULL;
	if (s->type == SCHEMA_STRUCT && value_is(v, VALUE_MAP))
		return prune_fields(s, v, built_in);
	if ((s->type == SCHEMA_MAP && value_is(v, VALUE_MAP)) ||
	    (s->type == SCHEMA_LIST && value_is(v, VALUE_LIST)))
		return prune_items(s, v, built_in);
	return NULL;
}

static struct value *pruned(const struct schema *s, struct value *taken, int built_in)
{
	struct value *fresh = prune(s, taken, built_in);

	if (!fresh)
		return taken;
	value_unref(taken);
	return fresh;
}

struct value *schema_prune(const struct schema *s, struct value *taken)
{
	return pruned(s, taken, 0);
}

struct value *schema_drop_unknown(const struct schema *s, struct value *taken)
{
	return pruned(s, taken, 1);
}
