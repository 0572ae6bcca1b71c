/* SPDX-License-Identifier: MIT */
/*
 * Macros: calls that are looked at before their arguments mean anything.
 * Sources: cel-spec langdef.md "Macros"; cel-go ext (two-variable comprehensions), optional types.
 */
#include "objects/cel/cel_i.h"

static struct node *refuse(struct complaint *c, const struct node *at, const char *why)
{
	complain(c, at->at, "%s", why);
	return NULL;
}

static struct node *expand_has(struct cel_program *p, struct node *call, struct complaint *c)
{
	struct node *e = call->args[0], *n;

	if (e->op != NODE_SELECT || e->flags)
		return refuse(c, e, "invalid argument to has() macro");
	n = node_new(p, NODE_HAS, call->at, 1);
	n->name = e->name;
	n->args[0] = e->args[0];
	return n;
}

/* -- comprehensions -- */

struct macro {
	const char *name;
	size_t n_args; /* without the target */
	enum fold_kind kind;
	int vars, filtered;
};

static const struct macro macros[] = {
	{"all", 2, FOLD_ALL, 1, 0},
	{"exists", 2, FOLD_EXISTS, 1, 0},
	{"exists_one", 2, FOLD_EXISTS_ONE, 1, 0},
	{"existsOne", 2, FOLD_EXISTS_ONE, 1, 0},
	{"map", 2, FOLD_MAP, 1, 0},
	{"map", 3, FOLD_MAP, 1, 1},
	{"filter", 2, FOLD_FILTER, 1, 0},
	{"all", 3, FOLD_ALL, 2, 0},
	{"exists", 3, FOLD_EXISTS, 2, 0},
	{"exists_one", 3, FOLD_EXISTS_ONE, 2, 0},
	{"existsOne", 3, FOLD_EXISTS_ONE, 2, 0},
	{"transformList", 3, FOLD_TRANSFORM_LIST, 2, 0},
	{"transformList", 4, FOLD_TRANSFORM_LIST, 2, 1},
	{"transformMap", 3, FOLD_TRANSFORM_MAP, 2, 0},
	{"transformMap", 4, FOLD_TRANSFORM_MAP, 2, 1},
	{"transformMapEntry", 3, FOLD_TRANSFORM_ENTRY, 2, 0},
	{"transformMapEntry", 4, FOLD_TRANSFORM_ENTRY, 2, 1},
};

static struct node *expand_fold(struct cel_program *p, struct node *call, const struct macro *m,
				struct complaint *c)
{
	struct node **args = call->args + 1, *n;
	struct fold *f = arena_alloc(&p->mem, 1, sizeof(*f));

	for (int i = 0; i < m->vars; i++)
		if (args[i]->op != NODE_IDENT)
			return refuse(c, args[i], "argument must be a simple name");
	f->kind = m->kind;
	f->var1 = args[0]->name;
	f->var2 = m->vars == 2 ? args[1]->name : NULL;
	if (str_eq(f->var1, f->var2))
		return refuse(c, args[1], "iteration variables must be different");
	f->range = call->args[0];
	f->filter = m->filtered ? args[m->vars] : NULL;
	f->body = args[m->vars + m->filtered];
	n = node_new(p, NODE_FOLD, call->at, 0);
	n->name = m->name;
	n->fold = f;
	return n;
}

/* x.optMap(v, e): e with v for what x holds. */
static struct node *expand_opt(struct cel_program *p, struct node *call, struct complaint *c)
{
	struct node *n =
		expand_fold(p, call, &(const struct macro){call->name, 2, FOLD_MAP, 1, 0}, c);

	if (n) {
		n->op = NODE_OPT_MAP;
		n->flags = str_eq(call->name, "optFlatMap") ? NODE_FLAT : 0;
	}
	return n;
}

struct node *macro_expand(struct cel_program *p, struct node *call, struct complaint *c)
{
	if (!(call->flags & NODE_MEMBER))
		return str_eq(call->name, "has") && call->n == 1 ? expand_has(p, call, c) : call;
	if ((str_eq(call->name, "optMap") || str_eq(call->name, "optFlatMap")) && call->n == 3)
		return expand_opt(p, call, c);
	for (size_t i = 0; i < ARRAY_LEN(macros); i++)
		if (str_eq(macros[i].name, call->name) && macros[i].n_args + 1 == call->n)
			return expand_fold(p, call, &macros[i], c);
	return call;
}
