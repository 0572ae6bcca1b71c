/* SPDX-License-Identifier: MIT */
/* Programs and runs, as cel.h promises them. */
#include "objects/cel/cel_i.h"

#include <errno.h>
#include <stdatomic.h>

#include "objects/codec/utf8.h"

/* -- programs -- */

struct cel_program *cel_compile(const char *text, const struct cel_env *env, struct buf *why)
{
	CLEANUP(cel_program_unrefp) struct cel_program *p = xcalloc(1, sizeof(*p));
	struct complaint c = {.text = text, .why = why};

	atomic_init(&p->refs, 1);
	if (strlen(text) > CEL_TEXT_MAX) {
		buf_addf(why, "expression code point size exceeds limit: size: %zu, limit %u",
			 strlen(text), CEL_TEXT_MAX);
		return NULL;
	}
	if (utf8_check(text, strlen(text)) != strlen(text)) {
		buf_adds(why, "expression is no UTF-8");
		return NULL;
	}
	p->text = xstrdup(text);
	c.text = p->text;
	p->root = cel_parse(p, &c);
	if (!p->root || cel_check(p, env, &c) < 0)
		return NULL;
	p->cost_max = cel_estimate(p->root);
	return STEAL(p);
}

struct cel_program *cel_program_ref(const struct cel_program *p)
{
	struct cel_program *mine = (struct cel_program *)(uintptr_t)p;

	if (mine)
		atomic_fetch_add_explicit(&mine->refs, 1, memory_order_relaxed);
	return mine;
}

void cel_program_unref(struct cel_program *p)
{
	if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < p->n_patterns; i++)
		pattern_free(p->patterns[i]);
	free(p->patterns);
	free(p->text);
	arena_fini(&p->mem);
	free(p);
}

static int is_message(const struct cel_type *t, const char *name)
{
	return t->kind == CEL_MESSAGE && str_eq(t->name, name);
}

int cel_program_gives(const struct cel_program *p, enum cel_result want)
{
	const struct cel_type *t = p->root->type;

	switch (want) {
	case CEL_RESULT_BOOL:
		return t->kind == CEL_BOOL;
	case CEL_RESULT_STRING:
		return t->kind == CEL_STRING;
	case CEL_RESULT_STRING_OR_NULL:
		return t->kind == CEL_STRING || t->kind == CEL_NULL;
	case CEL_RESULT_OBJECT:
		return is_message(t, "Object");
	case CEL_RESULT_PATCHES:
		return t->kind == CEL_LIST && is_message(t->a, "JSONPatch");
	}
	return 0;
}

int cel_program_uses(const struct cel_program *p, int slot)
{
	return slot >= 0 && (size_t)slot < p->n_slots && (p->uses[slot / 64] >> (slot % 64) & 1);
}

const char *cel_program_text(const struct cel_program *p)
{
	return p->text;
}

uint64_t cel_program_cost_max(const struct cel_program *p)
{
	return p->cost_max;
}

/* -- runs -- */

struct cel_run *cel_run_new(const struct cel_env *env, uint64_t budget)
{
	struct cel_run *r = xmalloc(sizeof(*r));

	*r = (struct cel_run){.env = env, .left = budget};
	r->slots = xcalloc(env->n + 1, sizeof(*r->slots));
	return r;
}

void cel_run_free(struct cel_run *r)
{
	if (!r)
		return;
	arena_fini(&r->mem);
	free(r->slots);
	free(r);
}

static void bind(struct cel_run *r, int slot, const struct value *v, const struct schema *s)
{
	struct bound *b = &r->slots[slot];
	int optional = r->env->list[slot].type->kind == CEL_OPTIONAL;

	b->state = BOUND_VALUE;
	b->val = v ? cel_from_tree(r, v, s) : optional ? cel_none() : cel_null();
	if (optional && v)
		b->val = cel_some(r, b->val);
	/* what is in the run's memory has to stay there */
	r->has_results |= (optional && v) || cel_is_error(b->val) || b->val.kind == CEL_BYTES;
}

void cel_run_bind(struct cel_run *r, int slot, const struct value *v)
{
	bind(r, slot, v, r->env->list[slot].schema);
}

void cel_run_bind_schema(struct cel_run *r, int slot, const struct value *v, const struct schema *s)
{
	bind(r, slot, v, s);
}

void cel_run_bind_program(struct cel_run *r, int slot, const struct cel_program *p)
{
	r->slots[slot] = (struct bound){.state = BOUND_PROGRAM, .program = p};
	r->has_results = 1;
}

void cel_run_bind_check(struct cel_run *r, int slot, const struct cel_access *a)
{
	r->slots[slot] =
		(struct bound){.state = BOUND_VALUE, .val = cel_other(CEL_RESOURCE_CHECK, a)};
}

void cel_run_authorize(struct cel_run *r, cel_authorize_fn fn, void *arg)
{
	r->authorize = fn;
	r->authorize_arg = arg;
	for (size_t i = 0; i < r->env->n; i++)
		if (r->env->list[i].type->kind == CEL_AUTHORIZER)
			r->slots[i] = (struct bound){.state = BOUND_VALUE,
						     .val = {.kind = CEL_AUTHORIZER}};
}

uint64_t cel_run_cost(const struct cel_run *r)
{
	return r->cost;
}

uint64_t cel_run_left(const struct cel_run *r)
{
	return r->left;
}

/* -- evaluation -- */

static struct cel_val evaluate(struct cel_run *r, const struct cel_program *p)
{
	if (!r->has_results)
		arena_reset(&r->mem);
	r->cost = r->work = 0;
	r->cost_limit = r->left < CEL_COST_CALL ? r->left : CEL_COST_CALL;
	r->stopped = 0;
	r->depth = 0;
	r->locals_base = 0;
	r->locals_end = p->n_locals;
	return cel_eval_node(r, p->root);
}

/* Return: 0 when there is a result. */
static int settle(struct cel_run *r, struct cel_val v, struct err *err)
{
	if (r->stopped) {
		r->left = r->cost > r->left ? 0 : r->left - r->cost;
		return err_set(err, E2BIG, "operation cancelled: actual cost limit exceeded");
	}
	r->left -= r->cost;
	if (cel_is_error(v))
		return err_set(err, EINVAL, "%.*s", (int)v.n, v.s);
	return 0;
}

int cel_eval_bool(struct cel_run *r, const struct cel_program *p, int *out, struct err *err)
{
	struct cel_val v = evaluate(r, p);
	int rc = settle(r, v, err);

	if (rc == 0 && v.kind != CEL_BOOL)
		return err_set(err, EINVAL, "no such overload");
	*out = rc == 0 && v.i;
	return rc;
}

int cel_eval_string(struct cel_run *r, const struct cel_program *p, char **out, struct err *err)
{
	struct cel_val v = evaluate(r, p);
	int rc = settle(r, v, err);

	*out = NULL;
	if (rc < 0 || v.kind == CEL_NULL)
		return rc;
	if (v.kind != CEL_STRING || memchr(v.s, 0, v.n))
		return err_set(err, EINVAL, "the result is no text");
	*out = xstrndup(v.s, v.n);
	return 0;
}

int cel_eval_value(struct cel_run *r, const struct cel_program *p, struct value **out,
		   struct err *err)
{
	struct cel_val v = evaluate(r, p);
	struct err why = ERR_INIT;
	int rc = settle(r, v, err);

	*out = NULL;
	if (rc < 0)
		return rc;
	*out = cel_to_tree(r, v, 0, &why);
	return *out ? 0 : err_set(err, why.code ? why.code : EINVAL, "%s", why.msg);
}
