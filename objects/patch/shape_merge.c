/* SPDX-License-Identifier: MIT */
/* Laying one value over another, and taking paths out of a value. */
#include "objects/patch/shape.h"

/* Shared with live where nothing changed: then comparing and storing are cheap. */
static struct value *settle(struct value *taken, const struct value *live)
{
	if (taken == live || !value_equal(taken, live))
		return taken;
	value_unref(taken);
	return value_ref(live);
}

static struct value *merge_fields(const struct schema *s, const struct value *live,
				  const struct value *config)
{
	struct value *out = value_new_map();
	size_t i = 0, j = 0, same = 0;

	while (i < value_count(live) || j < value_count(config)) {
		const char *ka = value_key_at(live, i), *kb = value_key_at(config, j);
		int c = !ka ? 1 : !kb ? -1 : strcmp(ka, kb);
		const struct value *a = c <= 0 ? value_at(live, i++) : NULL;
		const struct value *b = c >= 0 ? value_at(config, j++) : NULL;
		const char *key = c <= 0 ? ka : kb;
		struct value *child = shape_merge(shape_child(s, key), a, b);

		same += child == a;
		out = value_map_add(out, key, strlen(key), child);
	}
	if (same == value_count(out) && same == value_count(live)) {
		value_unref(out);
		return value_ref(live);
	}
	return out;
}

/* -- lists -- */

#define NOWHERE SIZE_MAX

/* One element of config or live, and what the other side has under the same step. */
struct pair {
	const struct value *live, *config;
	size_t at;      /* by_config: index in live */
	size_t next_at; /* by_config: the same of the next element, this one included, that live
			   has, too */
};

/* Fill both, each in its list's order. A step that is there several times is not merged: the
 * elements of config replace those of live. */
static void match(const struct items *live, const struct items *config, struct pair *by_live,
		  struct pair *by_config)
{
	size_t i = 0, j = 0;

	while (i < live->n || j < config->n) {
		int c = i == live->n     ? 1
			: j == config->n ? -1
					 : strcmp(live->list[i].step, config->list[j].step);
		size_t i_end = c <= 0 ? items_same(live, i) : i;
		size_t j_end = c >= 0 ? items_same(config, j) : j;
		int merged = i_end - i == 1 && j_end - j == 1;
		const struct item *a = merged ? &live->list[i] : NULL;
		const struct value *b = j < j_end ? config->list[j].value : NULL;

		for (; i < i_end; i++)
			by_live[live->list[i].index] =
				(struct pair){.live = live->list[i].value, .config = b};
		for (; j < j_end; j++)
			by_config[config->list[j].index] = (struct pair){
				a ? a->value : NULL, config->list[j].value, a ? a->index : NOWHERE};
	}
}

/*
 * The order of config holds. Elements that only live has come as early as they can without
 * passing the next element that both have.
 */
static struct value *weave(const struct schema *s, const struct pair *by_live, size_t n,
			   struct pair *by_config, size_t m)
{
	struct value *out = value_new_list();
	size_t i = 0, next = NOWHERE;

	for (size_t j = m; j-- > 0;)
		by_config[j].next_at = next = by_config[j].at != NOWHERE ? by_config[j].at : next;
	for (size_t j = 0; j < m; j++) {
		size_t stop = by_config[j].next_at >= i && by_config[j].next_at < n
				      ? by_config[j].next_at
				      : n;

		for (; i < stop; i++)
			if (!by_live[i].config)
				out = value_append(out, value_ref(by_live[i].live));
		i += i == by_config[j].at;
		out = value_append(out,
				   shape_merge(s->items, by_config[j].live, by_config[j].config));
	}
	for (; i < n; i++)
		if (!by_live[i].config)
			out = value_append(out, value_ref(by_live[i].live));
	return out;
}

static struct value *merge_items(const struct schema *s, const struct value *live,
				 const struct value *config)
{
	struct items a, b;
	struct pair *by_live, *by_config;
	struct value *out;

	items_of(s, live, 0, value_count(live), &a);
	items_of(s, config, 0, value_count(config), &b);
	by_live = xcalloc(a.n + 1, sizeof(*by_live));
	by_config = xcalloc(b.n + 1, sizeof(*by_config));
	match(&a, &b, by_live, by_config);
	out = weave(s, by_live, a.n, by_config, b.n);
	free(by_live);
	free(by_config);
	items_fini(&a);
	items_fini(&b);
	return settle(out, live);
}

static int is_nothing(const struct value *v)
{
	return value_type(v) == VALUE_NULL || (value_type(v) >= VALUE_LIST && value_count(v) == 0);
}

struct value *shape_merge(const struct schema *s, const struct value *live,
			  const struct value *config)
{
	enum shape shape;

	if (!config || live == config)
		return value_ref(live);
	if (is_nothing(live))
		return live && value_equal(live, config) ? value_ref(live) : value_ref(config);
	shape = shape_of(s, live);
	/* An empty or null config of something that is looked into says nothing about its parts. */
	if (is_nothing(config) && shape != SHAPE_LEAF)
		return value_ref(live);
	if (shape == SHAPE_LEAF || shape_of(s, config) != shape)
		return settle(value_ref(config), live);
	return shape == SHAPE_FIELDS ? merge_fields(s, live, config) : merge_items(s, live, config);
}

/* -- taking paths out -- */

static int takes_all(const struct value *below)
{
	return below && (value_count(below) == 0 || value_get(below, "."));
}

static struct value *remove_fields(const struct schema *s, const struct value *v,
				   const struct value *set)
{
	struct value *out = value_new_map();
	size_t same = 0, j = 0;

	for (size_t i = 0; i < value_count(v); i++) {
		const char *key = value_key_at(v, i);
		const struct value *below = NULL;
		struct value *rest;
		int c = -1;

		while (j < value_count(set) && (!str_starts(value_key_at(set, j), "f:") ||
						(c = strcmp(value_key_at(set, j) + 2, key)) < 0))
			j++;
		if (j < value_count(set) && c == 0)
			below = value_at(set, j);
		if (takes_all(below))
			continue;
		rest = shape_remove(shape_child(s, key), value_at(v, i), below);
		same += rest == value_at(v, i);
		out = value_map_add(out, key, strlen(key), rest);
	}
	if (same < value_count(v))
		return out;
	value_unref(out);
	return value_ref(v);
}

static struct value *remove_items(const struct schema *s, const struct value *v,
				  const struct value *set)
{
	struct value *out = value_new_list();
	const char **step_of = xcalloc(value_count(v), sizeof(*step_of));
	struct items items;

	items_of(s, v, 0, value_count(v), &items);
	for (size_t i = 0; i < items.n; i++)
		step_of[items.list[i].index] = items.list[i].step;
	for (size_t i = 0; i < value_count(v); i++) {
		const struct value *below = value_get(set, step_of[i]);
		struct value *rest;

		if (takes_all(below))
			continue;
		rest = shape_remove(s->items, value_at(v, i), below);
		out = value_append(out, rest);
	}
	free(step_of);
	items_fini(&items);
	return settle(out, v);
}

struct value *shape_remove(const struct schema *s, const struct value *v, const struct value *set)
{
	if (!v || !set)
		return value_ref(v);
	switch (shape_of(s, v)) {
	case SHAPE_FIELDS:
		return remove_fields(s, v, set);
	case SHAPE_ITEMS:
		return remove_items(s, v, set);
	case SHAPE_LEAF:
		break;
	}
	return value_ref(v);
}
