/* SPDX-License-Identifier: MIT */
/*
 * The most that an expression may cost, from the sizes that schemas allow. What a value's size
 * may be is followed through the tree as the checker's types carry it (struct cel_type.max), and
 * through the functions that make texts and lists.
 * Source of the rules: cel-go checker/cost.go.
 */
#include "objects/cel/cel_i.h"

#define ANY_SIZE (3u << 20) /* nobody says: as much as a request may hold */

struct estimate {
	uint64_t cost, size; /* size: bytes, elements; of the result */
};

static uint64_t plus(uint64_t a, uint64_t b)
{
	uint64_t out;

	return __builtin_add_overflow(a, b, &out) ? UINT64_MAX : out;
}

static uint64_t times(uint64_t a, uint64_t b)
{
	uint64_t out;

	return __builtin_mul_overflow(a, b, &out) ? UINT64_MAX : out;
}

static uint64_t tenth(uint64_t n)
{
	return n / 10 + (n % 10 != 0);
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t size_of_type(const struct cel_type *t)
{
	switch (t->kind) {
	case CEL_STRING:
	case CEL_BYTES:
	case CEL_LIST:
	case CEL_MAP:
	case CEL_DYN:
		return t->max ? t->max : ANY_SIZE;
	default:
		return 1;
	}
}

static struct estimate estimate(const struct node *n);

static int is_sized(const struct cel_type *t)
{
	return t->kind == CEL_STRING || t->kind == CEL_BYTES || t->kind == CEL_LIST ||
	       t->kind == CEL_MAP || t->kind == CEL_DYN;
}

static uint64_t call_cost(const struct node *n, const struct estimate *a)
{
	uint64_t x = n->n > 0 ? a[0].size : 1, y = n->n > 1 ? a[1].size : 1;
	int list = n->n > 0 && n->args[0]->type->kind == CEL_LIST;

	switch (n->candidates[0].f->cost) {
	case COST_1:
		return 1;
	case COST_EQUAL:
		return tenth(x < y ? x : y);
	case COST_ADD:
		return list ? 1 : tenth(plus(x, y));
	case COST_IN:
		return y;
	case COST_CONTAINS:
		return times(tenth(x), tenth(y));
	case COST_AFFIX:
		return tenth(y);
	case COST_MATCHES:
		return times(tenth(plus(x, 1)), y / 4 + 1);
	case COST_TRAVERSE:
		return list ? x : tenth(x);
	case COST_TRAVERSE2:
		return list ? x : tenth(times(x, 2));
	case COST_RESULT2:
		return tenth(times(x, 2));
	case COST_SETS:
		return times(x, y);
	case COST_CHECK:
		return 350000;
	case COST_CIDR:
		return 6;
	}
	return 1;
}

static uint64_t result_size(const struct node *n, const struct estimate *a)
{
	uint64_t size = size_of_type(n->type), sum = 0;

	if (!is_sized(n->type))
		return 1;
	if (str_eq(n->name, "_[_]")) /* the element's own, as its type says */
		return size;
	/* nothing that is made is longer than what it is made of, but by replace() and format() */
	for (size_t i = 0; i < n->n; i++)
		sum = plus(sum, is_sized(n->args[i]->type) ? a[i].size : 20);
	if (str_eq(n->name, "replace") || str_eq(n->name, "format") || str_eq(n->name, "join"))
		return most(size, sum);
	return sum < size || n->type->max == 0 ? sum : size;
}

static struct estimate of_call(const struct node *n)
{
	struct estimate a[CEL_ARGS_MAX], out = {0, 1};

	for (size_t i = 0; i < n->n; i++) {
		a[i] = estimate(n->args[i]);
		out.cost = plus(out.cost, a[i].cost);
	}
	out.cost = plus(out.cost, call_cost(n, a));
	out.size = result_size(n, a);
	return out;
}

static struct estimate of_fold(const struct node *n)
{
	static const unsigned steps[] = {3, 4, 2, 12, 14, 12, 3, 2};
	const struct fold *f = n->fold;
	struct estimate range = estimate(f->range), body = estimate(f->body);
	uint64_t one = plus(body.cost, steps[f->kind]);

	if (f->filter)
		one = plus(one, estimate(f->filter).cost);
	return (struct estimate){
		plus(plus(range.cost, times(range.size, one)), f->kind > FOLD_EXISTS_ONE ? 31 : 1),
		f->kind > FOLD_EXISTS_ONE ? range.size : 1};
}

static struct estimate of_all(const struct node *n, uint64_t own)
{
	struct estimate out = {own, n->n};

	for (size_t i = 0; i < n->n; i++)
		out.cost = plus(out.cost, estimate(n->args[i]).cost);
	return out;
}

static struct estimate of_constant(const struct node *n)
{
	int text = n->val.kind == CEL_STRING || n->val.kind == CEL_BYTES;

	return (struct estimate){0, text ? n->val.n : 1};
}

static struct estimate of_ternary(const struct node *n)
{
	struct estimate a = estimate(n->args[1]), b = estimate(n->args[2]);

	return (struct estimate){plus(estimate(n->args[0]).cost, most(a.cost, b.cost)),
				 most(a.size, b.size)};
}

static struct estimate estimate(const struct node *n)
{
	switch ((enum node_op)n->op) {
	case NODE_CONST:
		return of_constant(n);
	case NODE_IDENT:
	case NODE_LOCAL:
		return (struct estimate){1, size_of_type(n->type)};
	case NODE_SELECT:
		return (struct estimate){plus(estimate(n->args[0]).cost, 1), size_of_type(n->type)};
	case NODE_HAS:
		return (struct estimate){estimate(n->args[0]).cost, 1};
	case NODE_CALL:
		return of_call(n);
	case NODE_AND:
	case NODE_OR:
		return of_all(n, 0);
	case NODE_OPT_OR:
		return of_all(n, 1);
	case NODE_TERNARY:
		return of_ternary(n);
	case NODE_LIST:
		return of_all(n, 10);
	case NODE_MAP:
		return of_all(n, 30);
	case NODE_MESSAGE:
		return of_all(n, 40);
	case NODE_FOLD:
		return of_fold(n);
	case NODE_OPT_MAP:
		return (struct estimate){
			plus(plus(estimate(n->fold->range).cost, estimate(n->fold->body).cost), 2),
			ANY_SIZE};
	}
	return (struct estimate){0, 1};
}

uint64_t cel_estimate(const struct node *n)
{
	return estimate(n).cost;
}
