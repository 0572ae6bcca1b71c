/* SPDX-License-Identifier: MIT */
/* Which functions a call may mean: by name, number and types of its arguments. */
#include "objects/cel/check_i.h"

struct binding {
	const struct cel_type *of[2]; /* A, B */
};

static int unify(struct checker *ck, const struct cel_type *to, const struct cel_type *from,
		 struct binding *b)
{
	const struct cel_type **bound;

	if (to->kind == CEL_PARAM) {
		bound = &b->of[*to->name - 'A'];
		if (*bound && !type_assignable(*bound, from))
			return 0;
		*bound = type_join(*bound, from);
		return 1;
	}
	if (type_is_loose(to) || type_is_loose(from))
		return 1;
	if (to->kind != from->kind || to->kind == CEL_TYPE)
		return type_assignable(to, from);
	if (to->a && !unify(ck, to->a, from->a, b))
		return 0;
	return !to->b || unify(ck, to->b, from->b, b);
}

static const struct cel_type *substitute(struct checker *ck, const struct cel_type *t,
					 const struct binding *b)
{
	const struct cel_type *bound;

	switch (t->kind) {
	case CEL_PARAM:
		bound = b->of[*t->name - 'A'];
		return bound ? bound : type_simple(CEL_DYN);
	case CEL_LIST:
		return type_list(ck->m, substitute(ck, t->a, b));
	case CEL_OPTIONAL:
		return type_optional(ck->m, substitute(ck, t->a, b));
	case CEL_MAP:
		return type_map(ck->m, substitute(ck, t->a, b), substitute(ck, t->b, b));
	default:
		return t;
	}
}

/* Return: the result when f may be called so, NULL when not. */
static const struct cel_type *try_function(struct checker *ck, const struct cel_function *f,
					   const struct node *n, struct candidate *out)
{
	const char *s = f->sig;
	int member = *s == '.';
	struct binding b = {{NULL, NULL}};

	if (member != !!(n->flags & NODE_MEMBER))
		return NULL;
	s += member;
	out->f = f;
	for (size_t i = 0; i < n->n; i++) {
		const struct cel_type *param;

		if (*s == '>')
			return NULL;
		param = signature_type(ck->m, &s);
		if (!unify(ck, param, n->args[i]->type, &b))
			return NULL;
		out->kinds[i] = (uint8_t)signature_kind(param);
	}
	if (*s++ != '>')
		return NULL;
	return substitute(ck, signature_type(ck->m, &s), &b);
}

const struct cel_type *no_overload(struct checker *ck, const struct node *n, const char *name,
				   const struct cel_type *const *types, size_t n_types, int member)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT;
	size_t i = 0;

	for (size_t k = 0; k < n_types; k++)
		if (types[k]->kind == CEL_ERROR)
			return type_simple(CEL_ERROR); /* said already */
	if (member) {
		type_render(types[i++], &b);
		buf_addc(&b, '.');
	}
	buf_addc(&b, '(');
	for (size_t first = i; i < n_types; i++) {
		buf_adds(&b, i > first ? ", " : "");
		type_render(types[i], &b);
	}
	buf_addc(&b, ')');
	complain(ck->c, n->at, "found no matching overload for '%s' applied to '%s'", name,
		 buf_str(&b));
	return type_simple(CEL_ERROR);
}

static const struct cel_type *refuse(struct checker *ck, const struct node *n)
{
	const struct cel_type *types[CEL_ARGS_MAX];

	if (!function_exists(n->name)) {
		complain(ck->c, n->at, "undeclared reference to '%s' (in container '')", n->name);
		return type_simple(CEL_ERROR);
	}
	for (size_t i = 0; i < n->n; i++)
		types[i] = n->args[i]->type;
	return no_overload(ck, n, n->name, types, n->n, n->flags & NODE_MEMBER);
}

/* -- constants that a function would refuse each time -- */

static const struct node *constant_text(const struct node *n, size_t i)
{
	return n->n > i && n->args[i]->op == NODE_CONST && n->args[i]->val.kind == CEL_STRING
		       ? n->args[i]
		       : NULL;
}

static int check_pattern(struct checker *ck, struct node *n)
{
	const struct node *text = constant_text(n, 1);
	struct cel_program *p = ck->p;
	struct err err = ERR_INIT;
	struct pattern *pattern;

	if (!text)
		return 1;
	pattern = memchr(text->val.s, 0, text->val.n) ? NULL : pattern_new(text->val.s, &err);
	if (!pattern) {
		complain(ck->c, text->at, "invalid matches argument: %s", err.msg);
		return 0;
	}
	p->patterns = xreallocarray(p->patterns, p->n_patterns + 1, sizeof(*p->patterns));
	p->patterns[p->n_patterns++] = pattern;
	n->pattern = pattern;
	return 1;
}

static int check_constants(struct checker *ck, struct node *n)
{
	const struct node *text = constant_text(n, 0);
	struct cel_val v;
	int64_t nanos;

	if (str_eq(n->name, "matches") || str_eq(n->name, "find") || str_eq(n->name, "findAll"))
		return check_pattern(ck, n);
	if (!text || n->n != 1)
		return 1;
	if (str_eq(n->name, "timestamp") && cel_parse_timestamp(text->val.s, text->val.n, &v) < 0) {
		complain(ck->c, text->at, "invalid timestamp argument");
		return 0;
	}
	if (str_eq(n->name, "duration") &&
	    cel_parse_duration(text->val.s, text->val.n, &nanos) < 0) {
		complain(ck->c, text->at, "invalid duration argument");
		return 0;
	}
	return 1;
}

/* -- names with dots -- */

/* `sets.contains(a, b)`: a function with a dot in its name, not a member of a variable `sets`. */
static void fold_name(struct checker *ck, struct node *n)
{
	const char *target = dotted_name(ck, n->args[0]);
	CLEANUP_FREE char *full = target ? xasprintf("%s.%s", target, n->name) : NULL;

	if (!full || is_declared(ck, n->args[0]) || !function_exists(full))
		return;
	n->name = arena_strndup(ck->m, full, strlen(full));
	n->flags &= (uint8_t)~NODE_MEMBER;
	n->args++;
	n->n--;
}

/* or() and orValue() of optionals look at their argument only when they need it. */
static void make_lazy(struct node *n)
{
	if (n->n != 2 || !(n->flags & NODE_MEMBER))
		return;
	if (str_eq(n->name, "or") || str_eq(n->name, "orValue")) {
		n->op = NODE_OPT_OR;
		n->flags = str_eq(n->name, "or") ? NODE_FLAT : 0;
	}
}

const struct cel_type *cel_check_call(struct checker *ck, struct node *n)
{
	struct candidate found[48];
	const struct cel_function *f;
	const struct cel_type *type = NULL;
	struct candidate *kept;
	size_t n_found = 0;

	if (n->flags & NODE_MEMBER)
		fold_name(ck, n);
	for (size_t i = 0; i < n->n; i++)
		cel_check_node(ck, n->args[i]);
	for (size_t i = 0; n->n <= CEL_ARGS_MAX && (f = function_at(i)); i++) {
		const struct cel_type *t;

		if (!str_eq(f->name, n->name) || n_found == ARRAY_LEN(found))
			continue;
		t = try_function(ck, f, n, &found[n_found]);
		if (!t)
			continue;
		type = type && !(type->kind == t->kind && type_assignable(type, t))
			       ? type_simple(CEL_DYN)
			       : t;
		n_found++;
	}
	if (!n_found) {
		n->n = n->n > CEL_ARGS_MAX ? CEL_ARGS_MAX : n->n;
		return refuse(ck, n);
	}
	if (!check_constants(ck, n))
		return type_simple(CEL_ERROR);
	kept = arena_alloc(ck->m, n_found, sizeof(*kept));
	memcpy(kept, found, n_found * sizeof(*kept));
	n->candidates = kept;
	n->n_candidates = n_found;
	make_lazy(n);
	return type;
}
