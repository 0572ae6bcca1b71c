/* SPDX-License-Identifier: MIT */
/*
 * Evaluation: the checked tree, walked. An error is a value that calls hand on, and that && and
 * || (and all, exists) absorb when the other side decides; except the one that ends the run.
 */
#include "objects/cel/cel_i.h"

void cel_charge(struct cel_run *r, uint64_t cost)
{
	if (__builtin_add_overflow(r->cost, cost, &r->cost))
		r->cost = UINT64_MAX;
	if (r->cost > r->cost_limit)
		r->stopped = 1;
}

/* -- variables -- */

/* The result of another program, whose locals come after ours. */
static struct cel_val evaluate_variable(struct cel_run *r, struct bound *b)
{
	size_t base = r->locals_base, end = r->locals_end;

	if (end + b->program->n_locals > CEL_LOCALS_MAX)
		return cel_error(r, "too many nested comprehensions");
	b->state = BOUND_BUSY;
	r->locals_base = end;
	r->locals_end = end + b->program->n_locals;
	b->val = cel_eval_node(r, b->program->root);
	r->locals_base = base;
	r->locals_end = end;
	b->state = r->stopped ? BOUND_PROGRAM : BOUND_VALUE;
	return b->val;
}

struct cel_val cel_variable(struct cel_run *r, int slot)
{
	struct bound *b = &r->slots[slot];

	switch (b->state) {
	case BOUND_VALUE:
		return b->val;
	case BOUND_PROGRAM:
		return evaluate_variable(r, b);
	case BOUND_BUSY:
	case BOUND_NOT:
		break;
	}
	return cel_error(r, "no such attribute(s): %s", r->env->list[slot].name);
}

/* -- fields and elements -- */

static struct cel_val no_such_key(struct cel_run *r, const char *name)
{
	return cel_error(r, "no such key: %s", name);
}

/* Return: 1 found, 0 not, -1 out is an error. */
static int get_field(struct cel_run *r, const struct node *n, struct cel_val v, struct cel_val *out)
{
	if (v.kind != CEL_OBJECT && v.kind != CEL_MAP && v.kind != CEL_MESSAGE) {
		*out = cel_no_overload(r);
		return -1;
	}
	return cel_property(r, v, n->property, strlen(n->property), out);
}

static struct cel_val select_optional(struct cel_run *r, const struct node *n, struct cel_val v)
{
	struct cel_val out;
	int rc;

	if (v.kind == CEL_OPTIONAL) {
		if (!v.n)
			return v;
		v = *v.items;
	}
	rc = get_field(r, n, v, &out);
	if (rc < 0 || (rc && cel_is_error(out)))
		return out;
	return rc ? cel_some(r, out) : cel_none();
}

static struct cel_val eval_select(struct cel_run *r, const struct node *n)
{
	struct cel_val v = cel_eval_node(r, n->args[0]), out;

	cel_charge(r, 1);
	if (cel_is_error(v))
		return v;
	if ((n->flags & NODE_OPTIONAL) || v.kind == CEL_OPTIONAL)
		return select_optional(r, n, v);
	return get_field(r, n, v, &out) ? out : no_such_key(r, n->name);
}

static struct cel_val eval_has(struct cel_run *r, const struct node *n)
{
	struct cel_val v = cel_eval_node(r, n->args[0]), out;
	int rc;

	if (cel_is_error(v))
		return v;
	if (v.kind == CEL_OPTIONAL) {
		if (!v.n)
			return cel_bool(0);
		v = *v.items;
	}
	rc = get_field(r, n, v, &out);
	return rc < 0 ? out : cel_bool(rc);
}

/* -- logic -- */

static struct cel_val as_bool(struct cel_run *r, struct cel_val v)
{
	return v.kind == CEL_BOOL || cel_is_error(v) ? v : cel_no_overload(r);
}

/* decides: what one side is enough for. */
static struct cel_val eval_logic(struct cel_run *r, const struct node *n, int decides)
{
	struct cel_val left = as_bool(r, cel_eval_node(r, n->args[0])), right;

	if (r->stopped || (left.kind == CEL_BOOL && left.i == decides))
		return left;
	right = as_bool(r, cel_eval_node(r, n->args[1]));
	if (r->stopped || (right.kind == CEL_BOOL && right.i == decides))
		return right;
	return cel_is_error(left) ? left : right;
}

static struct cel_val eval_ternary(struct cel_run *r, const struct node *n)
{
	struct cel_val condition = as_bool(r, cel_eval_node(r, n->args[0]));

	if (cel_is_error(condition))
		return condition;
	return cel_eval_node(r, n->args[condition.i ? 1 : 2]);
}

/* -- calls -- */

static const struct candidate *choose(const struct node *n, const struct cel_val *args)
{
	for (size_t c = 0; c < n->n_candidates; c++) {
		const struct candidate *candidate = &n->candidates[c];
		size_t i = 0;

		while (i < n->n &&
		       (candidate->kinds[i] == CEL_DYN || candidate->kinds[i] == args[i].kind))
			i++;
		if (i == n->n)
			return candidate;
	}
	return NULL;
}

static struct cel_val eval_call(struct cel_run *r, const struct node *n)
{
	struct cel_val args[CEL_ARGS_MAX], out;
	const struct candidate *c;

	for (size_t i = 0; i < n->n; i++) {
		args[i] = cel_eval_node(r, n->args[i]);
		if (cel_is_error(args[i]))
			return args[i];
	}
	c = choose(n, args);
	if (!c)
		return cel_no_overload(r);
	if (c->f->cost == COST_RESULT2) {
		r->pattern = n->pattern;
		out = c->f->fn(r, args, n->n);
		cel_charge(r, function_cost(c->f, args, n->n, out));
		return out;
	}
	cel_charge(r, c->f->cost == COST_1 ? 1 : function_cost(c->f, args, n->n, cel_null()));
	if (r->stopped)
		return cel_stop(r);
	r->pattern = n->pattern;
	return c->f->fn(r, args, n->n);
}

/* -- literals -- */

static int is_optional(const struct node *n, size_t i)
{
	return i < 64 && (n->optional_args >> i & 1);
}

/* Return: 1 take it, 0 leave it out, -1 *v is an error. */
static int take_entry(struct cel_run *r, const struct node *n, size_t i, struct cel_val *v)
{
	if (cel_is_error(*v))
		return -1;
	if (!is_optional(n, i))
		return 1;
	if (v->kind != CEL_OPTIONAL) {
		*v = cel_no_overload(r);
		return -1;
	}
	if (!v->n)
		return 0;
	*v = *v->items;
	return 1;
}

static struct cel_val eval_list(struct cel_run *r, const struct node *n)
{
	struct cel_val *items = cel_alloc(r, n->n + 1u, sizeof(*items)), v;
	size_t count = 0;
	int rc;

	cel_charge(r, 10);
	if (!items)
		return cel_stop(r);
	for (size_t i = 0; i < n->n; i++) {
		v = cel_eval_node(r, n->args[i]);
		rc = take_entry(r, n, i, &v);
		if (rc < 0)
			return v;
		if (rc)
			items[count++] = v;
	}
	return cel_list(items, count);
}

static int is_key(struct cel_val v)
{
	return v.kind == CEL_STRING || v.kind == CEL_INT || v.kind == CEL_UINT ||
	       v.kind == CEL_BOOL || v.kind == CEL_DOUBLE;
}

static struct cel_val eval_map(struct cel_run *r, const struct node *n)
{
	struct cel_map *m = cel_map_new(r);
	struct cel_val key, v;
	int rc;

	cel_charge(r, n->op == NODE_MAP ? 30 : 40);
	if (!m)
		return cel_stop(r);
	for (size_t i = 0; i + 1 < n->n; i += 2) {
		key = n->op == NODE_MAP ? cel_eval_node(r, n->args[i]) : n->args[i]->val;
		if (cel_is_error(key))
			return key;
		if (!is_key(key))
			return cel_error(r, "unsupported key type");
		v = cel_eval_node(r, n->args[i + 1]);
		rc = take_entry(r, n, i / 2, &v);
		if (rc < 0)
			return v;
		if (rc && cel_map_put(r, m, key, v) < 0)
			return cel_stop(r);
	}
	v = cel_map_val(m);
	if (n->op == NODE_MESSAGE) {
		v.kind = CEL_MESSAGE;
		v.name = n->name;
	}
	return v;
}

/* -- optionals -- */

static struct cel_val eval_opt_or(struct cel_run *r, const struct node *n)
{
	struct cel_val v = cel_eval_node(r, n->args[0]);

	cel_charge(r, 1);
	if (cel_is_error(v))
		return v;
	if (v.kind != CEL_OPTIONAL)
		return cel_no_overload(r);
	if (v.n)
		return n->flags & NODE_FLAT ? v : *v.items;
	v = cel_eval_node(r, n->args[1]);
	return (n->flags & NODE_FLAT) && v.kind != CEL_OPTIONAL && !cel_is_error(v)
		       ? cel_no_overload(r)
		       : v;
}

static struct cel_val eval_opt_map(struct cel_run *r, const struct node *n)
{
	struct cel_val v = cel_eval_node(r, n->fold->range);

	cel_charge(r, 2);
	if (cel_is_error(v))
		return v;
	if (v.kind != CEL_OPTIONAL)
		return cel_no_overload(r);
	if (!v.n)
		return v;
	r->locals[r->locals_base + (size_t)n->fold->slot] = *v.items;
	v = cel_eval_node(r, n->fold->body);
	if (cel_is_error(v))
		return v;
	if (n->flags & NODE_FLAT)
		return v.kind == CEL_OPTIONAL ? v : cel_no_overload(r);
	return cel_some(r, v);
}

/* -- all -- */

static inline struct cel_val eval_one(struct cel_run *r, const struct node *n)
{
	switch ((enum node_op)n->op) {
	case NODE_CONST:
		return n->val;
	case NODE_IDENT:
		cel_charge(r, 1);
		return cel_variable(r, n->slot);
	case NODE_LOCAL:
		cel_charge(r, 1);
		return r->locals[r->locals_base + (size_t)n->slot];
	case NODE_SELECT:
		return eval_select(r, n);
	case NODE_HAS:
		return eval_has(r, n);
	case NODE_CALL:
		return eval_call(r, n);
	case NODE_AND:
		return eval_logic(r, n, 0);
	case NODE_OR:
		return eval_logic(r, n, 1);
	case NODE_TERNARY:
		return eval_ternary(r, n);
	case NODE_LIST:
		return eval_list(r, n);
	case NODE_MAP:
	case NODE_MESSAGE:
		return eval_map(r, n);
	case NODE_FOLD:
		return cel_eval_fold(r, n);
	case NODE_OPT_OR:
		return eval_opt_or(r, n);
	case NODE_OPT_MAP:
		return eval_opt_map(r, n);
	}
	return cel_no_overload(r);
}

struct cel_val cel_eval_node(struct cel_run *r, const struct node *n)
{
	struct cel_val v;

	if (cel_work(r, 1) || r->depth > CEL_EVAL_MAX)
		return cel_stop(r);
	r->depth++;
	v = eval_one(r, n);
	r->depth--;
	return v;
}
