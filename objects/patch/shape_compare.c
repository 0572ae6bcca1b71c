/* SPDX-License-Identifier: MIT */
/* What changed between two values, as sets of paths. */
#include "objects/patch/shape.h"

void difference_fini(struct difference *d)
{
	value_unref(d->changed);
	value_unref(d->removed);
	*d = (struct difference){0};
}

static int is_nothing(const struct value *v)
{
	return value_type(v) == VALUE_NULL || (value_type(v) >= VALUE_LIST && value_count(v) == 0);
}

static void put_child(struct value **set, const char *prefix, const char *name,
		      struct value *taken_child)
{
	CLEANUP_FREE char *step = taken_child ? xasprintf("%s%s", prefix, name) : NULL;

	if (taken_child)
		*set = value_map_add(*set ? *set : value_new_map(), step, strlen(step),
				     taken_child);
}

static void put(struct difference *out, const char *prefix, const char *name,
		struct difference *taken)
{
	put_child(&out->changed, prefix, name, STEAL(taken->changed));
	put_child(&out->removed, prefix, name, STEAL(taken->removed));
}

/* Go's structs always have these fields: they are never added, they are null before. */
static int always_there(const struct schema *s, const char *key)
{
	const struct schema_field *f = s->type == SCHEMA_STRUCT ? schema_field(s, key) : NULL;

	return f && ((f->required && !f->omit_empty) ||
		     (value_is(f->dflt, VALUE_MAP) && !value_count(f->dflt)));
}

/* What is stored as if it were not said: nothing came. */
static int says_nothing(const struct schema *s, const char *key, const struct value *v)
{
	const struct schema_field *f = s->type == SCHEMA_STRUCT ? schema_field(s, key) : NULL;

	return value_is(v, VALUE_NULL) || (f && f->omit_empty && is_nothing(v));
}

static void compare_fields(const struct schema *s, const struct value *was, const struct value *now,
			   struct difference *out)
{
	const struct value *null = value_new_null(); /* immortal */
	size_t i = 0, j = 0;

	while (i < value_count(was) || j < value_count(now)) {
		const char *ka = value_key_at(was, i), *kb = value_key_at(now, j);
		int c = !ka ? 1 : !kb ? -1 : strcmp(ka, kb);
		const struct value *a = c <= 0 ? value_at(was, i++) : NULL;
		const struct value *b = c >= 0 ? value_at(now, j++) : NULL;
		const char *key = c <= 0 ? ka : kb;
		struct difference below = {0};

		if (a == b || (!a && says_nothing(s, key, b)))
			continue;
		if (!a && always_there(s, key))
			a = null;
		shape_compare(shape_child(s, key), a, b, &below);
		put(out, "f:", key, &below);
	}
}

/* Elements that have the same step: normally one on each side. */
static void compare_same(const struct schema *s, const struct items *was, size_t i, size_t i_end,
			 const struct items *now, size_t j, size_t j_end, struct difference *out)
{
	int equal = i_end - i == j_end - j, gone = j == j_end;

	if (i_end - i <= 1 && j_end - j <= 1) {
		shape_compare(s->items, i < i_end ? was->list[i].value : NULL,
			      j < j_end ? now->list[j].value : NULL, out);
		return;
	}
	for (size_t n = 0; equal && n < i_end - i; n++)
		equal = value_equal(was->list[i + n].value, now->list[j + n].value);
	if (equal)
		return;
	for (; j < j_end; j++) {
		CLEANUP_VALUE struct value *fields = shape_fields(s->items, now->list[j].value);

		fieldset_add(&out->changed, fields);
	}
	if (gone)
		out->removed = fieldset_member(NULL);
	else
		out->changed = fieldset_member(out->changed);
}

static void compare_items(const struct schema *s, const struct value *was, const struct value *now,
			  struct difference *out)
{
	size_t n = value_count(was), m = value_count(now), start = 0, i = 0, j = 0;
	struct items a, b;

	/* What they share at both ends needs no names. */
	while (start < n && start < m && value_at(was, start) == value_at(now, start))
		start++;
	while (n > start && m > start && value_at(was, n - 1) == value_at(now, m - 1))
		n--, m--;
	items_of(s, was, start, n, &a);
	items_of(s, now, start, m, &b);
	while (i < a.n || j < b.n) {
		int c = i == a.n ? 1 : j == b.n ? -1 : strcmp(a.list[i].step, b.list[j].step);
		const char *step = c <= 0 ? a.list[i].step : b.list[j].step;
		size_t i_end = c <= 0 ? items_same(&a, i) : i;
		size_t j_end = c >= 0 ? items_same(&b, j) : j;
		struct difference below = {0};

		compare_same(s, &a, i, i_end, &b, j, j_end, &below);
		put(out, "", step, &below);
		i = i_end;
		j = j_end;
	}
	items_fini(&a);
	items_fini(&b);
}

static void compare_leaf(const struct value *was, const struct value *now, struct difference *out)
{
	if (!now)
		out->removed = fieldset_member(NULL);
	else if (!was || !value_equal(was, now))
		out->changed = fieldset_member(NULL);
}

/* One became something of another shape: all of the one goes, all of the other comes. */
static void compare_unlike(const struct schema *s, const struct value *was, const struct value *now,
			   struct difference *out)
{
	out->removed = shape_of(s, was) == SHAPE_LEAF ? NULL : shape_fields(s, was);
	out->changed = fieldset_member(shape_fields(s, now));
}

void shape_compare(const struct schema *s, const struct value *was, const struct value *now,
		   struct difference *out)
{
	enum shape shape, other;

	*out = (struct difference){0};
	if (was == now)
		return;
	shape = shape_of(s, now);
	other = shape_of(s, was);
	if (is_nothing(now) && !is_nothing(was))
		shape = other;
	else if (!is_nothing(was) && shape != other) {
		compare_unlike(s, was, now, out);
		return;
	}
	if (shape == SHAPE_LEAF || (is_nothing(was) && is_nothing(now))) {
		compare_leaf(was, now, out);
		return;
	}
	if (shape == SHAPE_FIELDS)
		compare_fields(s, was, now, out);
	else
		compare_items(s, was, now, out);
	if (!was)
		out->changed = fieldset_member(out->changed);
	else if (!now)
		out->removed = fieldset_member(out->removed);
}
