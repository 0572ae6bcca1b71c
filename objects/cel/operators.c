/* SPDX-License-Identifier: MIT */
/* The grammar from operators up: unary, binary by level, logic, the ternary. */
#include "objects/cel/parse_i.h"

static struct node *parse_unary(struct parser *ps)
{
	size_t at = ps->t.at, before = ps->at;
	int not_ = parse_is_mark(ps, "!");
	struct node *n;

	if (!not_ && !parse_is_mark(ps, "-"))
		return parse_member(ps);
	if (++ps->depth > CEL_DEPTH_MAX) {
		complain(ps->c, at, "expression recursion limit exceeded: %d", CEL_DEPTH_MAX);
		return NULL;
	}
	if (!not_ && strchr("0123456789", ps->c->text[ps->at]) && ps->c->text[ps->at]) {
		ps->t = lex_negative(&ps->p->mem, ps->c, &ps->at);
		ps->t.at = before;
		n = ps->t.kind == TOKEN_BAD ? NULL : parse_member(ps);
	} else {
		n = parse_next(ps) ? parse_unary(ps) : NULL;
		n = parse_call1(ps, not_ ? "!_" : "-_", at, n);
	}
	ps->depth--;
	return n;
}

/* Operators of one level: a token, and the function that it calls. */
struct level {
	const char *marks[8], *names[8];
};
static const struct level levels[] = {
	{{"<", "<=", ">", ">=", "==", "!=", "in"},
	 {"_<_", "_<=_", "_>_", "_>=_", "_==_", "_!=_", "@in"}},
	{{"+", "-"}, {"_+_", "_-_"}},
	{{"*", "/", "%"}, {"_*_", "_/_", "_%_"}},
};

static const char *operator_here(const struct parser *ps, const struct level *l)
{
	for (size_t i = 0; l->marks[i]; i++)
		if (parse_is_mark(ps, l->marks[i]) || (i == 6 && parse_is_word(ps, l->marks[i])))
			return l->names[i];
	return NULL;
}

static struct node *parse_level(struct parser *ps, size_t level)
{
	struct node *left, *right;
	const char *name;
	size_t chain = 0;

	if (level == ARRAY_LEN(levels))
		return parse_unary(ps);
	left = parse_level(ps, level + 1);
	while (left && (name = operator_here(ps, &levels[level]))) {
		size_t at = ps->t.at;

		if (++chain > CEL_DEPTH_MAX) {
			complain(ps->c, at, "expression recursion limit exceeded: %d",
				 CEL_DEPTH_MAX);
			return NULL;
		}
		right = parse_next(ps) ? parse_level(ps, level + 1) : NULL;
		left = parse_binary(ps, NODE_CALL, name, at, left, right);
	}
	return left;
}

/* A long chain of && or || as a tree that is as flat as can be: half of it on each side. */
static struct node *balance(struct parser *ps, enum node_op op, const char *name, struct node **l,
			    const size_t *at, size_t n)
{
	size_t half = (n + 1) / 2;

	if (n == 1)
		return l[0];
	return parse_binary(ps, op, name, at[half], balance(ps, op, name, l, at, half),
			    balance(ps, op, name, l + half, at + half, n - half));
}

static struct node *parse_logic(struct parser *ps, int is_or)
{
	const char *mark = is_or ? "||" : "&&";
	CLEANUP_FREE size_t *places = NULL;
	struct nodes l = {0};
	struct node *n;
	size_t at = ps->t.at;

	for (;;) {
		n = is_or ? parse_logic(ps, 0) : parse_level(ps, 0);
		places = xreallocarray(places, l.n + 1, sizeof(*places));
		places[l.n] = at;
		if (!nodes_add(&l, n) || !parse_is_mark(ps, mark))
			break;
		at = ps->t.at;
		if (!parse_next(ps)) {
			n = NULL;
			break;
		}
	}
	if (n && l.n > 1)
		n = balance(ps, is_or ? NODE_OR : NODE_AND, is_or ? "_||_" : "_&&_", l.list, places,
			    l.n);
	free(l.list);
	return n;
}

static struct node *parse_ternary(struct parser *ps)
{
	struct node *n, *condition = parse_logic(ps, 1);

	if (!condition || !parse_is_mark(ps, "?"))
		return condition;
	n = node_new(ps->p, NODE_TERNARY, ps->t.at, 3);
	n->name = "_?_:_";
	n->args[0] = condition;
	n->args[1] = parse_next(ps) ? parse_logic(ps, 1) : NULL;
	if (!n->args[1] || !parse_expect(ps, ":"))
		return NULL;
	n->args[2] = parse_expr(ps);
	return n->args[2] ? n : NULL;
}

struct node *parse_expr(struct parser *ps)
{
	struct node *n;

	if (++ps->depth > CEL_DEPTH_MAX) {
		complain(ps->c, ps->t.at, "expression recursion limit exceeded: %d", CEL_DEPTH_MAX);
		return NULL;
	}
	n = parse_ternary(ps);
	ps->depth--;
	return n;
}

struct node *cel_parse(struct cel_program *p, struct complaint *c)
{
	struct parser ps = {.p = p, .c = c};
	struct node *n;

	n = parse_next(&ps) ? parse_expr(&ps) : NULL;
	if (n && ps.t.kind != TOKEN_END)
		return parse_unexpected(&ps, "<EOF>");
	return n;
}
