/* SPDX-License-Identifier: MIT */
/*
 * The grammar: a text as a tree of nodes, by descent. Operators become calls under the names that
 * cel-go's messages give them (`_+_`, `@in`).
 */
#include "objects/cel/lex.h"

#include <stdarg.h>
#include <stdio.h>

#define LIST_MAX 10000 /* elements of a literal */

struct parser {
	struct cel_program *p;
	struct complaint *c;
	size_t at; /* behind the token */
	struct token t;
	unsigned depth;
};

static const char *const keywords[] = {"true", "false", "null", "in"};
static const char *const reserved[] = {
	"as",  "break", "const",     "continue", "else",   "for", "function", "if",   "import",
	"let", "loop",  "namespace", "package",  "return", "var", "void",     "while"};

static struct node *parse_expr(struct parser *ps);

/* -- complaints -- */

static size_t start_of_line(const char *s, size_t at)
{
	while (at && s[at - 1] != '\n')
		at--;
	return at;
}

static unsigned line_of(const char *s, size_t at)
{
	unsigned line = 1;

	for (size_t i = 0; i < at; i++)
		line += s[i] == '\n';
	return line;
}

/* cel-go: "ERROR: <input>:1:6: what\n | text\n | .....^" */
void complain(struct complaint *c, size_t at, const char *fmt, ...)
{
	size_t start = start_of_line(c->text, at), end = start + strcspn(c->text + start, "\n");
	char what[512];
	va_list args;

	if (c->n++ >= 8)
		return;
	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	buf_addf(c->why, "%sERROR: <input>:%u:%zu: %s\n | %.*s\n | ", c->why->len ? "\n" : "",
		 line_of(c->text, at), at - start + 1, what,
		 (int)(end - start > 1000 ? 1000 : end - start), c->text + start);
	for (size_t i = start; i < at && i < start + 1000; i++)
		buf_addc(c->why, '.');
	buf_addc(c->why, '^');
}

/* -- nodes -- */

struct node *node_new(struct cel_program *p, enum node_op op, size_t at, size_t n_args)
{
	struct node *n = mem_alloc(&p->mem, 1, sizeof(*n));

	n->op = (uint8_t)op;
	n->at = (uint32_t)at;
	n->n = (uint16_t)n_args;
	if (n_args)
		n->args = mem_alloc(&p->mem, n_args, sizeof(struct node *));
	return n;
}

static struct node *call1(struct parser *ps, const char *name, size_t at, struct node *a)
{
	struct node *n = node_new(ps->p, NODE_CALL, at, 1);

	if (!a)
		return NULL;
	n->name = name;
	n->args[0] = a;
	return n;
}

static struct node *binary(struct parser *ps, enum node_op op, const char *name, size_t at,
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

static int next(struct parser *ps)
{
	ps->t = lex(&ps->p->mem, ps->c, &ps->at);
	return ps->t.kind != TOKEN_BAD;
}

static int is_mark(const struct parser *ps, const char *mark)
{
	return ps->t.kind == TOKEN_MARK && str_eq(ps->t.mark, mark);
}

static int is_word(const struct parser *ps, const char *word)
{
	return ps->t.kind == TOKEN_IDENT && ps->t.n == strlen(word) &&
	       memcmp(ps->c->text + ps->t.at, word, ps->t.n) == 0;
}

static struct node *unexpected(struct parser *ps, const char *wanted)
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
static int expect(struct parser *ps, const char *mark)
{
	char wanted[8];

	if (is_mark(ps, mark))
		return next(ps);
	snprintf(wanted, sizeof(wanted), "'%s'", mark);
	unexpected(ps, wanted);
	return 0;
}

static const char *word(struct parser *ps)
{
	return mem_strndup(&ps->p->mem, ps->c->text + ps->t.at, ps->t.n);
}

static int is_among(const struct parser *ps, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_word(ps, list[i]))
			return 1;
	return 0;
}

/* -- lists of expressions -- */

struct nodes {
	struct node **list;
	size_t n;
};

static int add(struct nodes *l, struct node *n)
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
	struct node **args = mem_alloc(&ps->p->mem, l->n + 1, sizeof(struct node *));

	if (l->n)
		memcpy(args, l->list, l->n * sizeof(struct node *));
	n->args = args;
	n->n = (uint16_t)l->n;
	return n;
}

/* "?" before an element; only the first 64 of a literal may have one. */
static int optional_mark(struct parser *ps, struct node *n, size_t i)
{
	if (!is_mark(ps, "?"))
		return 1;
	if (i >= 64) {
		complain(ps->c, ps->t.at, "too many optional entries");
		return 0;
	}
	n->optional_args |= 1ull << i;
	return next(ps);
}

static int parse_elements(struct parser *ps, struct node *n, struct nodes *l, const char *end)
{
	for (size_t i = 0; !is_mark(ps, end); i++) {
		if (!optional_mark(ps, n, i) || !add(l, parse_expr(ps)))
			return 0;
		if (!is_mark(ps, ","))
			break;
		if (!next(ps))
			return 0;
	}
	return expect(ps, end);
}

static int parse_pairs(struct parser *ps, struct node *n, struct nodes *l)
{
	int fields = n->op == NODE_MESSAGE;

	for (size_t i = 0; !is_mark(ps, "}"); i++) {
		if (!optional_mark(ps, n, i))
			return 0;
		if (fields && ps->t.kind != TOKEN_IDENT)
			return unexpected(ps, "IDENTIFIER") != NULL;
		if (fields) {
			const char *name = word(ps);

			add(l, constant(ps, ps->t.at, cel_text(name, strlen(name))));
			if (!next(ps))
				return 0;
		} else if (!add(l, parse_expr(ps))) {
			return 0;
		}
		if (!expect(ps, ":") || !add(l, parse_expr(ps)))
			return 0;
		if (!is_mark(ps, ","))
			break;
		if (!next(ps))
			return 0;
	}
	return expect(ps, "}");
}

static struct node *parse_literal(struct parser *ps, struct node *n, const char *end)
{
	struct nodes l = {0};
	int ok;

	if (!next(ps))
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
	int ok = next(ps);

	n->name = name;
	if (target) {
		n->flags |= NODE_MEMBER;
		add(&l, target);
	}
	while (ok && !is_mark(ps, ")")) {
		ok = add(&l, parse_expr(ps));
		if (!ok || !is_mark(ps, ","))
			break;
		ok = next(ps);
	}
	ok = ok && expect(ps, ")");
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

	if (is_word(ps, "true") || is_word(ps, "false"))
		n = constant(ps, at, cel_bool(is_word(ps, "true")));
	else if (is_word(ps, "null"))
		n = constant(ps, at, cel_null());
	else if (is_word(ps, "in"))
		return unexpected(ps, "an expression");
	else
		n = NULL;
	if (n)
		return next(ps) ? n : NULL;
	if (is_among(ps, reserved, ARRAY_LEN(reserved))) {
		complain(ps->c, at, "Syntax error: reserved identifier: %s", name);
		return NULL;
	}
	if (!next(ps))
		return NULL;
	if (is_mark(ps, "("))
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
		return next(ps) ? n : NULL;
	}
	if (is_mark(ps, ".")) { /* from the root: there is no container */
		if (!next(ps) || ps->t.kind != TOKEN_IDENT)
			return unexpected(ps, "IDENTIFIER");
		return parse_word(ps);
	}
	if (ps->t.kind == TOKEN_IDENT)
		return parse_word(ps);
	if (is_mark(ps, "["))
		return parse_literal(ps, node_new(ps->p, NODE_LIST, at, 0), "]");
	if (is_mark(ps, "{"))
		return parse_literal(ps, node_new(ps->p, NODE_MAP, at, 0), "}");
	if (!is_mark(ps, "("))
		return unexpected(ps, "an expression");
	n = next(ps) ? parse_expr(ps) : NULL;
	return n && expect(ps, ")") ? n : NULL;
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
	return mem_strndup(&ps->p->mem, buf_str(&b), b.len);
}

static struct node *parse_select(struct parser *ps, struct node *target)
{
	size_t at = ps->t.at;
	struct node *n;
	const char *name;
	uint8_t flags = 0;

	if (!next(ps))
		return NULL;
	if (is_mark(ps, "?")) {
		flags = NODE_OPTIONAL;
		if (!next(ps))
			return NULL;
	}
	if (ps->t.kind != TOKEN_IDENT || is_among(ps, keywords, ARRAY_LEN(keywords)))
		return unexpected(ps, "IDENTIFIER");
	name = word(ps);
	if (!next(ps))
		return NULL;
	if (is_mark(ps, "(") && !flags)
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

	if (!next(ps))
		return NULL;
	optional = is_mark(ps, "?");
	if (optional && !next(ps))
		return NULL;
	index = parse_expr(ps);
	if (!index || !expect(ps, "]"))
		return NULL;
	n = binary(ps, NODE_CALL, optional ? "_[?_]" : "_[_]", at, target, index);
	return n;
}

static struct node *parse_member(struct parser *ps)
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
		if (is_mark(ps, ".")) {
			n = parse_select(ps, n);
		} else if (is_mark(ps, "[")) {
			n = parse_index(ps, n);
		} else if (is_mark(ps, "{") && (path = type_path(ps, n))) {
			struct node *made = node_new(ps->p, NODE_MESSAGE, n->at, 0);

			made->name = path;
			n = parse_literal(ps, made, "}");
		} else {
			break;
		}
	}
	return n;
}

/* -- operators -- */

static struct node *parse_unary(struct parser *ps)
{
	size_t at = ps->t.at, before = ps->at;
	int not_ = is_mark(ps, "!");
	struct node *n;

	if (!not_ && !is_mark(ps, "-"))
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
		n = next(ps) ? parse_unary(ps) : NULL;
		n = call1(ps, not_ ? "!_" : "-_", at, n);
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
		if (is_mark(ps, l->marks[i]) || (i == 6 && is_word(ps, l->marks[i])))
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
		right = next(ps) ? parse_level(ps, level + 1) : NULL;
		left = binary(ps, NODE_CALL, name, at, left, right);
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
	return binary(ps, op, name, at[half], balance(ps, op, name, l, at, half),
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
		if (!add(&l, n) || !is_mark(ps, mark))
			break;
		at = ps->t.at;
		if (!next(ps)) {
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

	if (!condition || !is_mark(ps, "?"))
		return condition;
	n = node_new(ps->p, NODE_TERNARY, ps->t.at, 3);
	n->name = "_?_:_";
	n->args[0] = condition;
	n->args[1] = next(ps) ? parse_logic(ps, 1) : NULL;
	if (!n->args[1] || !expect(ps, ":"))
		return NULL;
	n->args[2] = parse_expr(ps);
	return n->args[2] ? n : NULL;
}

static struct node *parse_expr(struct parser *ps)
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

	n = next(&ps) ? parse_expr(&ps) : NULL;
	if (n && ps.t.kind != TOKEN_END)
		return unexpected(&ps, "<EOF>");
	return n;
}
