/* SPDX-License-Identifier: MIT */
/*
 * Comprehensions. Their steps cost what cel-go's expansions of them cost: the accumulator is read
 * and written each time.
 */
#include "objects/cel/cel_i.h"

struct folding {
	const struct fold *f;
	struct cel_val error; /* the first that may yet be absorbed */
	struct cel_val *items;
	size_t n, cap;
	int64_t count;
	struct cel_map *map;
};

enum step { GO_ON, DONE, FAILED };

static const unsigned step_costs[] = {
	[FOLD_ALL] = 3,           [FOLD_EXISTS] = 4,          [FOLD_EXISTS_ONE] = 1,
	[FOLD_MAP] = 12,          [FOLD_FILTER] = 1,          [FOLD_TRANSFORM_LIST] = 12,
	[FOLD_TRANSFORM_MAP] = 3, [FOLD_TRANSFORM_ENTRY] = 2,
};

static void note_error(struct folding *g, struct cel_val v)
{
	if (!cel_is_error(g->error))
		g->error = v;
}

static struct cel_val body(struct cel_run *r, const struct folding *g)
{
	return cel_eval_node(r, g->f->body);
}

static struct cel_val bool_body(struct cel_run *r, const struct folding *g)
{
	struct cel_val v = body(r, g);

	return v.kind == CEL_BOOL || cel_is_error(v) ? v : cel_no_overload(r);
}

static enum step add_item(struct cel_run *r, struct folding *g, struct cel_val v)
{
	if (cel_is_error(v)) {
		g->error = v;
		return FAILED;
	}
	if (g->n == g->cap) {
		size_t cap = g->cap ? 2 * g->cap : 8;
		struct cel_val *more = cel_alloc(r, cap, sizeof(*more));

		if (!more)
			return FAILED;
		if (g->n)
			memcpy(more, g->items, g->n * sizeof(*more));
		g->items = more;
		g->cap = cap;
	}
	g->items[g->n++] = v;
	return GO_ON;
}

/* all (wanted 1) ends at the first false, exists (wanted 0) at the first true. */
static enum step step_logic(struct cel_run *r, struct folding *g, int wanted)
{
	struct cel_val v = bool_body(r, g);

	if (cel_is_error(v))
		note_error(g, v);
	else if (v.i != wanted)
		return DONE;
	return GO_ON;
}

static enum step step_chosen(struct cel_run *r, struct folding *g, struct cel_val element)
{
	struct cel_val v = bool_body(r, g);

	if (cel_is_error(v)) {
		g->error = v;
		return FAILED;
	}
	if (!v.i)
		return GO_ON;
	if (g->f->kind == FOLD_EXISTS_ONE) {
		cel_charge(r, 1);
		g->count++;
		return GO_ON;
	}
	cel_charge(r, 12);
	return add_item(r, g, element);
}

static enum step put(struct cel_run *r, struct folding *g, struct cel_val key, struct cel_val v)
{
	struct cel_val there;

	if (cel_is_error(v)) {
		g->error = v;
		return FAILED;
	}
	if (cel_lookup(r, cel_map_val(g->map), key, &there)) {
		g->error = cel_error(r, "insert failed: key already exists");
		return FAILED;
	}
	return cel_map_put(r, g->map, key, v) < 0 ? FAILED : GO_ON;
}

/* transformMapEntry: the body is a map of what to add. */
static enum step put_all(struct cel_run *r, struct folding *g, struct cel_val v)
{
	enum step s = GO_ON;

	if (v.kind != CEL_MAP) {
		g->error = cel_is_error(v) ? v : cel_no_overload(r);
		return FAILED;
	}
	for (size_t i = 0; i < v.n && s == GO_ON; i++) {
		struct cel_val key, val;

		cel_entry_at(r, v, i, &key, &val);
		s = put(r, g, key, val);
	}
	return s;
}

static enum step step(struct cel_run *r, struct folding *g, struct cel_val first)
{
	struct cel_val keep;

	cel_charge(r, step_costs[g->f->kind]);
	if (g->f->filter) {
		keep = cel_eval_node(r, g->f->filter);
		if (keep.kind != CEL_BOOL) {
			g->error = cel_is_error(keep) ? keep : cel_no_overload(r);
			return FAILED;
		}
		if (!keep.i)
			return GO_ON;
	}
	switch (g->f->kind) {
	case FOLD_ALL:
		return step_logic(r, g, 1);
	case FOLD_EXISTS:
		return step_logic(r, g, 0);
	case FOLD_EXISTS_ONE:
	case FOLD_FILTER:
		return step_chosen(r, g, first);
	case FOLD_MAP:
	case FOLD_TRANSFORM_LIST:
		return add_item(r, g, body(r, g));
	case FOLD_TRANSFORM_MAP:
		return put(r, g, first, body(r, g));
	case FOLD_TRANSFORM_ENTRY:
		return put_all(r, g, body(r, g));
	}
	return FAILED;
}

/* The variables of the i-th step. Return: the first, an error when the element is one. */
static struct cel_val set_variables(struct cel_run *r, const struct fold *f, struct cel_val range,
				    size_t i)
{
	struct cel_val *vars = &r->locals[r->locals_base + (size_t)f->slot], key, val;

	if (range.kind == CEL_LIST) {
		val = cel_at(r, range, i);
		key = f->var2 ? cel_int((int64_t)i) : val;
	} else {
		cel_entry_at(r, range, i, &key, &val);
	}
	vars[0] = key;
	if (f->var2)
		vars[1] = val;
	return f->var2 && cel_is_error(val) ? val : key;
}

static struct cel_val result(struct cel_run *r, const struct folding *g, enum step last)
{
	enum fold_kind kind = g->f->kind;

	if (r->stopped)
		return cel_stop(r);
	if (last == FAILED || (last == GO_ON && cel_is_error(g->error)))
		return g->error;
	switch (kind) {
	case FOLD_ALL:
		return cel_bool(last != DONE);
	case FOLD_EXISTS:
		return cel_bool(last == DONE);
	case FOLD_EXISTS_ONE:
		return cel_bool(g->count == 1);
	case FOLD_TRANSFORM_MAP:
	case FOLD_TRANSFORM_ENTRY:
		return cel_map_val(g->map);
	default:
		return cel_list(g->items, g->n);
	}
}

struct cel_val cel_eval_fold(struct cel_run *r, const struct node *n)
{
	struct folding g = {.f = n->fold};
	struct cel_val range = cel_eval_node(r, g.f->range), first;
	enum step s = GO_ON;

	cel_charge(r, 1);
	if (cel_is_error(range))
		return range;
	if (range.kind != CEL_LIST && range.kind != CEL_MAP)
		return cel_no_overload(r);
	if (g.f->kind >= FOLD_TRANSFORM_MAP) {
		cel_charge(r, 30);
		g.map = cel_map_new(r);
		if (!g.map)
			return cel_stop(r);
	} else if (g.f->kind > FOLD_EXISTS_ONE) {
		cel_charge(r, 10);
	}
	for (size_t i = 0; i < range.n && s == GO_ON; i++) {
		if (cel_work(r, 1))
			return cel_stop(r);
		first = set_variables(r, g.f, range, i);
		if (cel_is_error(first))
			return first;
		s = step(r, &g, first);
	}
	return result(r, &g, s);
}
