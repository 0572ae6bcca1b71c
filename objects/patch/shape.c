/* SPDX-License-Identifier: MIT */
#include "objects/patch/shape.h"

#include "objects/codec.h"

static const struct schema anything = {.type = SCHEMA_ANY};

enum shape shape_of(const struct schema *s, const struct value *v)
{
	if (value_is(v, VALUE_MAP)) {
		if (s->type == SCHEMA_ANY)
			return SHAPE_FIELDS;
		if ((s->type == SCHEMA_STRUCT || s->type == SCHEMA_MAP) && !s->map_atomic)
			return SHAPE_FIELDS;
	}
	if (value_is(v, VALUE_LIST) && s->type == SCHEMA_LIST && s->list != LIST_ATOMIC)
		return SHAPE_ITEMS;
	return SHAPE_LEAF;
}

const struct schema *shape_child(const struct schema *s, const char *key)
{
	const struct schema *child = s->type == SCHEMA_ANY ? &anything : schema_child(s, key);

	return child ? child : &anything;
}

/* -- elements of lists -- */

/* The value of a key of an element: its own, else the default that it will get. */
static const struct value *key_value(const struct schema *item_schema, const struct value *item,
				     const char *key)
{
	const struct value *v = value_get(item, key);
	const struct schema_field *f;

	if (v && !value_is(v, VALUE_NULL))
		return v;
	f = schema_field(item_schema, key);
	return f ? f->dflt : NULL;
}

static char *map_step(const struct schema *s, const struct value *item)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	CLEANUP_VALUE struct value *keys = value_new_map();

	for (const char *const *key = s->map_keys; key && *key; key++)
		keys = value_set(keys, *key, value_ref(key_value(s->items, item, *key)));
	buf_adds(&out, "k:");
	json_render(keys, &out);
	return buf_steal(&out);
}

static char *item_step(const struct schema *s, const struct value *item)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	if (s->list == LIST_MAP)
		return map_step(s, item);
	buf_adds(&out, "v:");
	json_render(item, &out);
	return buf_steal(&out);
}

static int cmp_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int c = strcmp(x->step, y->step);

	return c ? c : (x->index > y->index) - (x->index < y->index);
}

void items_of(const struct schema *s, const struct value *v, size_t from, size_t to,
	      struct items *out)
{
	int sorted = 1;

	*out = (struct items){0};
	if (shape_of(s, v) != SHAPE_ITEMS || from >= to)
		return;
	out->n = to - from;
	out->list = xreallocarray(NULL, out->n, sizeof(*out->list));
	for (size_t i = 0; i < out->n; i++) {
		const struct value *item = value_at(v, from + i);

		out->list[i] = (struct item){item_step(s, item), item, from + i};
		sorted = sorted && (i == 0 || cmp_items(&out->list[i - 1], &out->list[i]) < 0);
	}
	if (!sorted)
		qsort(out->list, out->n, sizeof(*out->list), cmp_items);
}

void items_fini(struct items *items)
{
	for (size_t i = 0; i < items->n; i++)
		free(items->list[i].step);
	free(items->list);
	*items = (struct items){0};
}

size_t items_same(const struct items *items, size_t i)
{
	size_t end = i + 1;

	while (end < items->n && str_eq(items->list[end].step, items->list[i].step))
		end++;
	return end;
}

/* -- all that a value says -- */

static struct value *add_child(struct value *taken, const char *prefix, const char *name,
			       struct value *taken_child)
{
	CLEANUP_FREE char *step = xasprintf("%s%s", prefix, name);

	if (!taken_child)
		return taken;
	return value_map_add(taken ? taken : value_new_map(), step, strlen(step), taken_child);
}

/* Kubernetes' rule: a null, an empty map, and every entry of a free map is itself a path. */
static int says_itself(const struct schema *s, const char *key, const struct value *v)
{
	if (value_is(v, VALUE_NULL) || (value_is(v, VALUE_MAP) && value_count(v) == 0))
		return 1;
	return s->type != SCHEMA_STRUCT || !schema_field(s, key);
}

static struct value *fields_of_map(const struct schema *s, const struct value *v)
{
	struct value *out = NULL;

	for (size_t i = 0; i < value_count(v); i++) {
		const char *key = value_key_at(v, i);
		struct value *child = shape_fields(shape_child(s, key), value_at(v, i));

		if (says_itself(s, key, value_at(v, i)))
			child = fieldset_member(child);
		out = add_child(out, "f:", key, child);
	}
	return out;
}

static struct value *fields_of_items(const struct schema *s, const struct value *v)
{
	struct value *out = NULL;
	struct items items;

	items_of(s, v, 0, value_count(v), &items);
	for (size_t i = 0, end; i < items.n; i = end) {
		CLEANUP_VALUE struct value *child = NULL;

		end = items_same(&items, i);
		for (size_t j = i; j < end; j++) {
			CLEANUP_VALUE struct value *one =
				shape_fields(s->items, items.list[j].value);

			fieldset_add(&child, one);
		}
		if (s->list == LIST_SET) { /* a scalar has nothing below it */
			value_unref(child);
			child = NULL;
		}
		out = add_child(out, "", items.list[i].step, fieldset_member(STEAL(child)));
	}
	items_fini(&items);
	return out;
}

struct value *shape_fields(const struct schema *s, const struct value *v)
{
	if (!v)
		return NULL;
	switch (shape_of(s, v)) {
	case SHAPE_FIELDS:
		return fields_of_map(s, v);
	case SHAPE_ITEMS:
		return fields_of_items(s, v);
	case SHAPE_LEAF:
		break;
	}
	return fieldset_member(NULL);
}
