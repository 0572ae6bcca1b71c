/* SPDX-License-Identifier: MIT */
/*
 * The grammar: a text as a tree of nodes, by descent. Operators become calls under the names that
 * cel-go's messages give them (`_+_`, `@in`).
 */
#include "objects/cel/parse_i.h"

#include <stdio.h>

#define LIST_MAX 10000 /* elements of a literal */

static const char *const keywords[] = {"true", "false", "null", "in"};
static const char *const reserved[] = {
	"as",  "break", "const",     "continue", "else",   "for", "function", "if",   "import",
	"let", "loop",  "namespace", "package",  "return", "var", "void",     "while"};

/* -- nodes -- */

struct node *node_new(struct cel_program *p, enum node_op op, size_t at, size_t n_args)
{
	struct node *n = arena_alloc(&p->mem, 1, sizeof(*n));

	n->op = (uint8_t)op;
	n->at = (uint32_t)at;
	n->n = (uint16_t)n_args;
	if (n_args)
		n->args = arena_alloc(&p->mem, n_args, sizeof(struct node *));
	return n;
}

struct node *parse_call1(struct parser *ps, const char *name, size_t at, struct node *a)
{
	struct node *n = node_new(ps->p, NODE_CALL, at, 1);

	if (!a)
		return NULL;
	n->name = name;
	n->args[0] = a;
	return n;
}

struct node *parse_binary(struct parser *ps, enum node_op op, const char *name, size_t at,
			  struct node *a, struct node *b)
{
	struct node *n = node_new(ps->p, op, at, 2);

	if (!a || !b)
		return NULL;
	n->name = name;
	n->args[0] = a;
	n->args[1] = b;
	return n;
}

static struct node *constant(struct parser *ps, size_t at, struct cel_val v)
{
	struct node *n = node_new(ps->p, NODE_CONST, at, 0);

	n->val = v;
	return n;
}

/* -- tokens -- */

int parse_next(struct parser *ps)
{
	ps->t = lex(&ps->p->mem, ps->c, &ps->at);
	return ps->t.kind != TOKEN_BAD;
}

int parse_is_mark(const struct parser *ps, const char *mark)
{
	return ps->t.kind == TOKEN_MARK && str_eq(ps->t.mark, mark);
}

int parse_is_word(const struct parser *ps, const char *word)
{
	return ps->t.kind == TOKEN_IDENT && ps->t.n == strlen(word) &&
	       memcmp(ps->c->text + ps->t.at, word, ps->t.n) == 0;
}

struct node *parse_unexpected(struct parser *ps, const char *wanted)
{
	if (ps->t.kind == TOKEN_END)
		complain(ps->c, ps->t.at, "Syntax error: mismatched input '<EOF>' expecting %s",
			 wanted);
	else if (ps->t.kind != TOKEN_BAD)
		complain(ps->c, ps->t.at, "Syntax error: mismatched input '%.*s' expecting %s",
			 (int)(ps->t.n > 40 ? 40 : ps->t.n), ps->c->text + ps->t.at, wanted);
	return NULL;
}

/* Past a mark that must be here. */
int parse_expect(struct parser *ps, const char *mark)
{
	char wanted[8];

	if (parse_is_mark(ps, mark))
		return parse_next(ps);
	snprintf(wanted, sizeof(wanted), "'%s'", mark);
	parse_unexpected(ps, wanted);
	return 0;
}

static const char *word(struct parser *ps)
{
	return arena_strndup(&ps->p->mem, ps->c->text + ps->t.at, ps->t.n);
}

static int is_among(const struct parser *ps, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (parse_is_word(ps, list[i]))
			return 1;
	return 0;
}

/* -- lists of expressions -- */

int nodes_add(struct nodes *l, struct node *n)
{
	if (!n || l->n >= LIST_MAX)
		return 0;
	if ((l->n & (l->n - 1)) == 0)
		l->list = xreallocarray(l->list, l->n ? 2 * l->n : 4, sizeof(struct node *));
	l->list[l->n++] = n;
	return 1;
}

static struct node *with_args(struct parser *ps, struct node *n, struct nodes *l)
{
	struct node **args = arena_alloc(&ps->p->mem, l->n + 1, sizeof(struct node *));

	if (l->n)
		memcpy(args, l->list, l->n * sizeof(struct node *));
	n->args = args;
	n->n = (uint16_t)l->n;
	return n;
}

/* "?" before an element; only the first 64 of a literal may have one. */
static int optional_mark(struct parser *ps, struct node *n, size_t i)
{
	if (!parse_is_mark(ps, "?"))
		return 1;
	if (i >= 64) {
		complain(ps->c, ps->t.at, "too many optional entries");
		return 0;
	}
	n->optional_args |= 1ull << i;
	return parse_next(ps);
}

static int parse_elements(struct parser *ps, struct node *n, struct nodes *l, const char *end)
{
	for (size_t i = 0; !parse_is_mark(ps, end); i++) {
		if (!optional_mark(ps, n, i) || !nodes_add(l, parse_expr(ps)))
			return 0;
		if (!parse_is_mark(ps, ","))
			break;
		if (!parse_next(ps))
			return 0;
	}
	return parse_expect(ps, end);
}

static int parse_pairs(struct parser *ps, struct node *n, struct nodes *l)
{
	int fields = n->op == NODE_MESSAGE;

	for (size_t i = 0; !parse_is_mark(ps, "}"); i++) {
		if (!optional_mark(ps, n, i))
			return 0;
		if (fields && ps->t.kind != TOKEN_IDENT)
			return parse_unexpected(ps, "IDENTIFIER") != NULL;
		if (fields) {
			const char *name = word(ps);

			nodes_add(l, constant(ps, ps->t.at, cel_text(name, strlen(name))));
			if (!parse_next(ps))
				return 0;
		} else if (!nodes_add(l, parse_expr(ps))) {
			return 0;
		}
		if (!parse_expect(ps, ":") || !nodes_add(l, parse_expr(ps)))
			return 0;
		if (!parse_is_mark(ps, ","))
			break;
		if (!parse_next(ps))
			return 0;
	}
	return parse_expect(ps, "}");
}

static struct node *parse_literal(struct parser *ps, struct node *n, const char *end)
{
	struct nodes l = {0};
	int ok;

	if (!parse_next(ps))
		return NULL;
	ok = n->op == NODE_LIST ? parse_elements(ps, n, &l, end) : parse_pairs(ps, n, &l);
	n = ok ? with_args(ps, n, &l) : NULL;
	free(l.list);
	return n;
}

/* Arguments behind "(", the token. target NULL: none. */
static struct node *parse_call(struct parser *ps, const char *name, size_t at, struct node *target)
{
	struct node *n = node_new(ps->p, NODE_CALL, at, 0);
	struct nodes l = {0};
	int ok = parse_next(ps);

	n->name = name;
	if (target) {
		n->flags |= NODE_MEMBER;
		nodes_add(&l, target);
	}
	while (ok && !parse_is_mark(ps, ")")) {
		ok = nodes_add(&l, parse_expr(ps));
		if (!ok || !parse_is_mark(ps, ","))
			break;
		ok = parse_next(ps);
	}
	ok = ok && parse_expect(ps, ")");
	n = ok ? macro_expand(ps->p, with_args(ps, n, &l), ps->c) : NULL;
	free(l.list);
	return n;
}

/* -- primary and member -- */

static struct node *parse_word(struct parser *ps)
{
	size_t at = ps->t.at;
	const char *name = word(ps);
	struct node *n;

	if (parse_is_word(ps, "true") || parse_is_word(ps, "false"))
		n = constant(ps, at, cel_bool(parse_is_word(ps, "true")));
	else if (parse_is_word(ps, "null"))
		n = constant(ps, at, cel_null());
	else if (parse_is_word(ps, "in"))
		return parse_unexpected(ps, "an expression");
	else
		n = NULL;
	if (n)
		return parse_next(ps) ? n : NULL;
	if (is_among(ps, reserved, ARRAY_LEN(reserved))) {
		complain(ps->c, at, "Syntax error: reserved identifier: %s", name);
		return NULL;
	}
	if (!parse_next(ps))
		return NULL;
	if (parse_is_mark(ps, "("))
		return parse_call(ps, name, at, NULL);
	n = node_new(ps->p, NODE_IDENT, at, 0);
	n->name = name;
	return n;
}

static struct node *parse_primary(struct parser *ps)
{
	size_t at = ps->t.at;
	struct node *n;

	if (ps->t.kind == TOKEN_LITERAL) {
		n = constant(ps, at, ps->t.val);
		return parse_next(ps) ? n : NULL;
	}
	if (parse_is_mark(ps, ".")) { /* from the root: there is no container */
		if (!parse_next(ps) || ps->t.kind != TOKEN_IDENT)
			return parse_unexpected(ps, "IDENTIFIER");
		return parse_word(ps);
	}
	if (ps->t.kind == TOKEN_IDENT)
		return parse_word(ps);
	if (parse_is_mark(ps, "["))
		return parse_literal(ps, node_new(ps->p, NODE_LIST, at, 0), "]");
	if (parse_is_mark(ps, "{"))
		return parse_literal(ps, node_new(ps->p, NODE_MAP, at, 0), "}");
	if (!parse_is_mark(ps, "("))
		return parse_unexpected(ps, "an expression");
	n = parse_next(ps) ? parse_expr(ps) : NULL;
	return n && parse_expect(ps, ")") ? n : NULL;
}

/* The name of a type that `{` may follow: a.b.c. NULL: it is none. */
static const char *type_path(struct parser *ps, const struct node *n)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT;
	const struct node *steps[32];
	size_t k = 0;

	for (; n->op == NODE_SELECT && !n->flags && k < ARRAY_LEN(steps) - 1; n = n->args[0])
		steps[k++] = n;
	if (n->op != NODE_IDENT)
		return NULL;
	buf_adds(&b, n->name);
	while (k)
		buf_addf(&b, ".%s", steps[--k]->name);
	return arena_strndup(&ps->p->mem, buf_str(&b), b.len);
}

static struct node *parse_select(struct parser *ps, struct node *target)
{
	size_t at = ps->t.at;
	struct node *n;
	const char *name;
	uint8_t flags = 0;

	if (!parse_next(ps))
		return NULL;
	if (parse_is_mark(ps, "?")) {
		flags = NODE_OPTIONAL;
		if (!parse_next(ps))
			return NULL;
	}
	if (ps->t.kind != TOKEN_IDENT || is_among(ps, keywords, ARRAY_LEN(keywords)))
		return parse_unexpected(ps, "IDENTIFIER");
	name = word(ps);
	if (!parse_next(ps))
		return NULL;
	if (parse_is_mark(ps, "(") && !flags)
		return parse_call(ps, name, ps->t.at, target);
	n = node_new(ps->p, NODE_SELECT, at, 1);
	n->name = name;
	n->args[0] = target;
	n->flags = flags;
	return n;
}

static struct node *parse_index(struct parser *ps, struct node *target)
{
	size_t at = ps->t.at;
	int optional;
	struct node *index, *n;

	if (!parse_next(ps))
		return NULL;
	optional = parse_is_mark(ps, "?");
	if (optional && !parse_next(ps))
		return NULL;
	index = parse_expr(ps);
	if (!index || !parse_expect(ps, "]"))
		return NULL;
	n = parse_binary(ps, NODE_CALL, optional ? "_[?_]" : "_[_]", at, target, index);
	return n;
}

struct node *parse_member(struct parser *ps)
{
	struct node *n = parse_primary(ps);
	size_t steps = 0;

	while (n) {
		const char *path;

		if (++steps > CEL_DEPTH_MAX) {
			complain(ps->c, ps->t.at, "expression recursion limit exceeded: %d",
				 CEL_DEPTH_MAX);
			return NULL;
		}
		if (parse_is_mark(ps, ".")) {
			n = parse_select(ps, n);
		} else if (parse_is_mark(ps, "[")) {
			n = parse_index(ps, n);
		} else if (parse_is_mark(ps, "{") && (path = type_path(ps, n))) {
			struct node *made = node_new(ps->p, NODE_MESSAGE, n->at, 0);

			made->name = path;
			n = parse_literal(ps, made, "}");
		} else {
			break;
		}
	}
	return n;
}
