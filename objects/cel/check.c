/* SPDX-License-Identifier: MIT */
/*
 * Checking: names are declared, fields exist, types agree. What is not known before there are
 * values (dyn) is left to the evaluation. The words are cel-go's.
 */
#include "objects/cel/check_i.h"

#define CHECK_DEPTH_MAX 500 /* nodes below each other */

static const struct cel_type *failed(void)
{
	return type_simple(CEL_ERROR);
}

/* -- names -- */

static const struct local *find_local(const struct checker *ck, const char *name)
{
	for (size_t i = ck->n_locals; i-- > 0;)
		if (str_eq(ck->locals[i].name, name))
			return &ck->locals[i];
	return NULL;
}

static const char *first_name(const struct node *n)
{
	while (n->op == NODE_SELECT)
		n = n->args[0];
	return n->op == NODE_IDENT || n->op == NODE_LOCAL ? n->name : NULL;
}

int is_declared(const struct checker *ck, const struct node *n)
{
	const char *name = first_name(n);
	int slot;

	return name && (find_local(ck, name) || env_find(ck->env, name, &slot));
}

static const struct cel_type *be_variable(struct checker *ck, struct node *n, const char *name)
{
	int slot;
	const struct variable *v = env_find(ck->env, name, &slot);

	if (!v)
		return NULL;
	n->op = NODE_IDENT;
	n->name = name;
	n->slot = slot;
	ck->p->uses[slot / 64] |= 1ull << (slot % 64);
	return v->type;
}

static const struct cel_type *be_type(struct checker *ck, struct node *n, const char *name)
{
	const struct cel_type *t = type_of_name(name);

	if (!t)
		return NULL;
	n->op = NODE_CONST;
	n->val = (struct cel_val){.kind = CEL_TYPE, .type = t};
	return type_type(ck->m, t);
}

static const struct cel_type *check_ident(struct checker *ck, struct node *n)
{
	const struct local *l = find_local(ck, n->name);
	const struct cel_type *t;

	if (l) {
		n->op = NODE_LOCAL;
		n->slot = (int)(l - ck->locals);
		return l->type;
	}
	t = be_variable(ck, n, n->name);
	if (!t)
		t = be_type(ck, n, n->name);
	if (t)
		return t;
	if (env_has_prefix(ck->env, n->name)) {
		n->op = NODE_CONST; /* all that is in it was found by its whole name */
		n->val = cel_null();
		return type_simple(CEL_OBJECT);
	}
	complain(ck->c, n->at, "undeclared reference to '%s' (in container '')", n->name);
	return failed();
}

/* -- fields -- */

static const struct cel_type *undefined(struct checker *ck, const struct node *n)
{
	complain(ck->c, n->at, "undefined field '%s'", n->name);
	return failed();
}

/* The type of a field of something of type t; *optional: t is one. */
static const struct cel_type *field_type(struct checker *ck, struct node *n,
					 const struct cel_type *t)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT;
	const char *property = NULL;
	const struct schema *s;

	n->property = n->name;
	switch (t->kind) {
	case CEL_DYN:
	case CEL_ERROR:
		return t;
	case CEL_MAP:
		if (!type_assignable(t->a, type_simple(CEL_STRING)))
			break;
		return t->b;
	case CEL_MESSAGE:
		return type_simple(CEL_DYN);
	case CEL_OBJECT:
		s = t->schema ? schema_of_field(ck->m, t->schema, n->name, &property) : NULL;
		t = s ? type_of_schema(ck->m, s) : NULL;
		if (property)
			n->property = property;
		return t ? t : undefined(ck, n);
	default:
		break;
	}
	type_render(t, &b);
	complain(ck->c, n->at, "type '%s' does not support field selection", buf_str(&b));
	return failed();
}

static const struct cel_type *check_select(struct checker *ck, struct node *n)
{
	const char *full = n->op == NODE_SELECT && !n->flags ? dotted_name(ck, n) : NULL;
	const struct cel_type *t = NULL;
	int optional = n->flags & NODE_OPTIONAL;

	/* the longest name counts, unless a macro's variable hides its beginning */
	if (full && !find_local(ck, first_name(n))) {
		t = be_variable(ck, n, full);
		if (!t)
			t = be_type(ck, n, full);
		if (t)
			return t;
	}
	t = cel_check_node(ck, n->args[0]);
	if (t->kind == CEL_OPTIONAL) {
		t = t->a;
		optional = 1;
	}
	t = field_type(ck, n, t);
	if (n->op == NODE_HAS)
		return t->kind == CEL_ERROR ? t : type_simple(CEL_BOOL);
	return optional && t->kind != CEL_ERROR ? type_optional(ck->m, t) : t;
}

/* -- literals -- */

/* An entry's own type: of what an optional entry holds. */
static const struct cel_type *entry_type(struct checker *ck, struct node *e, int optional)
{
	const struct cel_type *t = cel_check_node(ck, e);
	CLEANUP(buf_fini) struct buf b = BUF_INIT;

	if (!optional || type_is_loose(t))
		return t;
	if (t->kind == CEL_OPTIONAL)
		return t->a;
	type_render(t, &b);
	complain(ck->c, e->at, "expected type 'optional_type(%s)' but found '%s'", buf_str(&b),
		 buf_str(&b));
	return failed();
}

/* All entries of a literal are of one type. */
static const struct cel_type *merge(struct checker *ck, const struct node *at,
				    const struct cel_type *all, const struct cel_type *one)
{
	CLEANUP(buf_fini) struct buf a = BUF_INIT, b = BUF_INIT;

	if (!all || type_assignable(all, one))
		return type_join(all, one);
	type_render(all, &a);
	type_render(one, &b);
	complain(ck->c, at->at, "expected type '%s' but found '%s'", buf_str(&a), buf_str(&b));
	return all;
}

static const struct cel_type *or_dyn(const struct cel_type *t)
{
	return t ? t : type_simple(CEL_DYN);
}

static int is_optional(const struct node *n, size_t i)
{
	return i < 64 && (n->optional_args >> i & 1);
}

static const struct cel_type *check_list(struct checker *ck, struct node *n)
{
	const struct cel_type *of = NULL;

	for (size_t i = 0; i < n->n; i++)
		of = merge(ck, n->args[i], of, entry_type(ck, n->args[i], is_optional(n, i)));
	return type_list(ck->m, or_dyn(of));
}

static const struct cel_type *check_map(struct checker *ck, struct node *n)
{
	const struct cel_type *key = NULL, *val = NULL;

	for (size_t i = 0; i + 1 < n->n; i += 2) {
		key = merge(ck, n->args[i], key, cel_check_node(ck, n->args[i]));
		val = merge(ck, n->args[i + 1], val,
			    entry_type(ck, n->args[i + 1], is_optional(n, i / 2)));
	}
	return type_map(ck->m, or_dyn(key), or_dyn(val));
}

/* -- objects that are made -- */

/* Fields of Object.a are of type Object.a.field, or no objects. */
static void check_made_field(struct checker *ck, const struct node *n, const char *field,
			     const struct node *e, const struct cel_type *t)
{
	CLEANUP_FREE char *wanted = xasprintf("%s.%s", n->name, field);

	while (t->kind == CEL_LIST || t->kind == CEL_OPTIONAL)
		t = t->a;
	if (t->kind == CEL_MESSAGE && !str_eq(n->name, "JSONPatch") && !str_eq(t->name, wanted))
		complain(ck->c, e->at,
			 "expected type of field '%s' is '%s' but provided type is '%s'", field,
			 wanted, t->name);
}

static const struct cel_type *check_message(struct checker *ck, struct node *n)
{
	static const char *const patch[] = {"from", "op", "path", "value"};
	int is_patch = str_eq(n->name, "JSONPatch");

	if (!ck->env->objects ||
	    (!is_patch && !str_eq(n->name, "Object") && !str_starts(n->name, "Object."))) {
		complain(ck->c, n->at, "undeclared reference to '%s' (in container '')", n->name);
		return failed();
	}
	for (size_t i = 0; i + 1 < n->n; i += 2) {
		const char *field = n->args[i]->val.s;
		int known = !is_patch;

		for (size_t k = 0; is_patch && k < ARRAY_LEN(patch); k++)
			known |= str_eq(patch[k], field);
		if (!known)
			complain(ck->c, n->args[i]->at, "undefined field '%s'", field);
		n->args[i]->type = type_simple(CEL_STRING);
		check_made_field(ck, n, field, n->args[i + 1],
				 entry_type(ck, n->args[i + 1], is_optional(n, i / 2)));
	}
	return type_message(ck->m, n->name);
}

/* -- macros -- */

/* The types of the variables over a range. Return: 0 when nothing can be ranged over. */
static int range_types(const struct cel_type *t, int two, const struct cel_type *out[2])
{
	out[0] = out[1] = type_simple(CEL_DYN);
	if (t->kind == CEL_LIST) {
		out[0] = two ? type_simple(CEL_INT) : t->a;
		out[1] = t->a;
	} else if (t->kind == CEL_MAP) {
		out[0] = t->a;
		out[1] = t->b;
	}
	return t->kind == CEL_LIST || t->kind == CEL_MAP || type_is_loose(t);
}

static int push(struct checker *ck, const struct node *n, const char *name,
		const struct cel_type *t)
{
	if (ck->n_locals == CEL_LOCALS_MAX) {
		complain(ck->c, n->at, "too many nested comprehensions");
		return 0;
	}
	ck->locals[ck->n_locals++] = (struct local){name, t};
	if (ck->n_locals > ck->p->n_locals)
		ck->p->n_locals = ck->n_locals;
	return 1;
}

static const struct cel_type *fold_result(struct checker *ck, struct node *n,
					  const struct cel_type *const vars[2],
					  const struct cel_type *body)
{
	static const char *const needs_bool[] = {[FOLD_ALL] = "_&&_",
						 [FOLD_EXISTS] = "_||_",
						 [FOLD_EXISTS_ONE] = "_?_:_",
						 [FOLD_MAP] = NULL,
						 [FOLD_FILTER] = "_?_:_"};
	const struct cel_type *boolean = type_simple(CEL_BOOL);
	enum fold_kind kind = n->fold->kind;
	const char *op = kind <= FOLD_FILTER ? needs_bool[kind] : NULL;

	if (op && !type_assignable(boolean, body))
		return no_overload(ck, n->fold->body, op,
				   (const struct cel_type *const[]){boolean, body}, 2, 0);
	switch (kind) {
	case FOLD_MAP:
	case FOLD_TRANSFORM_LIST:
		return type_list(ck->m, body);
	case FOLD_FILTER:
		return type_list(ck->m, vars[0]);
	case FOLD_TRANSFORM_MAP:
		return type_map(ck->m, vars[0], body);
	case FOLD_TRANSFORM_ENTRY:
		if (body->kind == CEL_MAP || type_is_loose(body))
			return body;
		return no_overload(ck, n, "cel.@mapInsert",
				   (const struct cel_type *const[]){type_simple(CEL_MAP), body}, 2,
				   0);
	default:
		return boolean;
	}
}

static const struct cel_type *check_fold(struct checker *ck, struct node *n)
{
	struct fold *f = n->fold;
	const struct cel_type *t = cel_check_node(ck, f->range), *vars[2], *filter,
			      *result = failed();
	const struct cel_type *boolean = type_simple(CEL_BOOL);
	size_t before = ck->n_locals;

	if (!range_types(t, f->var2 != NULL, vars)) {
		CLEANUP(buf_fini) struct buf b = BUF_INIT;

		type_render(t, &b);
		complain(ck->c, f->range->at,
			 "expression of type '%s' cannot be range of a comprehension (must be "
			 "list, map, or dynamic)",
			 buf_str(&b));
		return failed();
	}
	f->slot = (int)ck->n_locals;
	if (push(ck, n, f->var1, vars[0]) && (!f->var2 || push(ck, n, f->var2, vars[1]))) {
		filter = f->filter ? cel_check_node(ck, f->filter) : boolean;
		if (type_assignable(boolean, filter))
			result = fold_result(ck, n, vars, cel_check_node(ck, f->body));
		else
			no_overload(ck, f->filter, "_?_:_",
				    (const struct cel_type *const[]){filter}, 1, 0);
	}
	ck->n_locals = before;
	return result;
}

static const struct cel_type *check_opt_map(struct checker *ck, struct node *n)
{
	struct fold *f = n->fold;
	const struct cel_type *t = cel_check_node(ck, f->range), *body;
	size_t before = ck->n_locals;

	if (t->kind != CEL_OPTIONAL && !type_is_loose(t))
		return no_overload(ck, n, n->name, &t, 1, 1);
	f->slot = (int)ck->n_locals;
	if (!push(ck, n, f->var1, t->kind == CEL_OPTIONAL ? t->a : t))
		return failed();
	body = cel_check_node(ck, f->body);
	ck->n_locals = before;
	if (!(n->flags & NODE_FLAT))
		return type_optional(ck->m, body);
	if (body->kind != CEL_OPTIONAL && !type_is_loose(body))
		return no_overload(ck, n, n->name, &body, 1, 1);
	return body;
}

/* -- logic -- */

static const struct cel_type *check_logic(struct checker *ck, struct node *n)
{
	const struct cel_type *t[2] = {cel_check_node(ck, n->args[0]),
				       cel_check_node(ck, n->args[1])};
	const struct cel_type *boolean = type_simple(CEL_BOOL);

	if (type_assignable(boolean, t[0]) && type_assignable(boolean, t[1]))
		return boolean;
	return no_overload(ck, n, n->name, t, 2, 0);
}

static const struct cel_type *check_ternary(struct checker *ck, struct node *n)
{
	const struct cel_type *t[3];

	for (size_t i = 0; i < 3; i++)
		t[i] = cel_check_node(ck, n->args[i]);
	if (!type_assignable(type_simple(CEL_BOOL), t[0]) || !type_assignable(t[1], t[2]))
		return no_overload(ck, n, n->name, t, 3, 0);
	return type_join(t[1], t[2]);
}

/* -- all -- */

static const struct cel_type *check_one(struct checker *ck, struct node *n)
{
	switch ((enum node_op)n->op) {
	case NODE_CONST:
		return type_simple((enum cel_kind)n->val.kind);
	case NODE_IDENT:
		return check_ident(ck, n);
	case NODE_SELECT:
	case NODE_HAS:
		return check_select(ck, n);
	case NODE_CALL:
		return cel_check_call(ck, n);
	case NODE_AND:
	case NODE_OR:
		return check_logic(ck, n);
	case NODE_TERNARY:
		return check_ternary(ck, n);
	case NODE_LIST:
		return check_list(ck, n);
	case NODE_MAP:
		return check_map(ck, n);
	case NODE_MESSAGE:
		return check_message(ck, n);
	case NODE_FOLD:
		return check_fold(ck, n);
	case NODE_OPT_MAP:
		return check_opt_map(ck, n);
	case NODE_LOCAL:
	case NODE_OPT_OR:
		break; /* made by checking */
	}
	return n->type ? n->type : failed();
}

const struct cel_type *cel_check_node(struct checker *ck, struct node *n)
{
	if (++ck->depth > CHECK_DEPTH_MAX) {
		complain(ck->c, n->at, "expression recursion limit exceeded: %d", CHECK_DEPTH_MAX);
		n->type = failed();
	} else {
		n->type = check_one(ck, n);
	}
	ck->depth--;
	return n->type;
}

int cel_check(struct cel_program *p, const struct cel_env *env, struct complaint *c)
{
	struct checker ck = {.p = p, .env = env, .c = c, .m = &p->mem};

	p->n_slots = env->n;
	p->uses = arena_alloc(&p->mem, env->n / 64 + 1, sizeof(*p->uses));
	cel_check_node(&ck, p->root);
	return c->n ? -1 : 0;
}
