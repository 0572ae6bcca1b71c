/* SPDX-License-Identifier: MIT */
#include "objects/policy/policy.h"

#include <ctype.h>
#include <stdatomic.h>

#include "objects/policy/request.h"
#include "objects/validation/say.h"

#define EXPRESSIONS_MAX 64

struct compiler {
	struct policy *p;
	struct faults *faults; /* NULL: nobody wants to know each */
};

/* -- faults -- */

static void refuse(struct compiler *c, const struct path *at, const struct value *text,
		   const char *why)
{
	CLEANUP(buf_fini) struct buf where = BUF_INIT;

	if (c->faults)
		say_invalid(c->faults, at, text, why);
	if (c->p->error)
		return;
	path_render(at, &where);
	c->p->error = xasprintf("%s: %s", buf_str(&where), why);
}

/* NULL after a fault. */
static struct cel_program *compile(struct compiler *c, const struct value *text,
				   const struct path *at,
				   int (*is_wanted)(const struct cel_program *p),
				   const char *not_wanted)
{
	CLEANUP(buf_fini) struct buf why = BUF_INIT, all = BUF_INIT;
	struct cel_program *p = cel_compile(value_str(text, ""), c->p->env, &why);

	if (!p) {
		buf_addf(&all, "compilation failed: %s", buf_str(&why));
		refuse(c, at, text, buf_str(&all));
	} else if (is_wanted && !is_wanted(p)) {
		refuse(c, at, text, not_wanted);
		cel_program_unref(p);
		p = NULL;
	}
	return p;
}

static int is_bool(const struct cel_program *p)
{
	return cel_program_gives(p, CEL_RESULT_BOOL);
}

static int is_string(const struct cel_program *p)
{
	return cel_program_gives(p, CEL_RESULT_STRING);
}

static int is_string_or_null(const struct cel_program *p)
{
	return cel_program_gives(p, CEL_RESULT_STRING_OR_NULL);
}

static int is_object(const struct cel_program *p)
{
	return cel_program_gives(p, CEL_RESULT_OBJECT);
}

static int is_patches(const struct cel_program *p)
{
	return cel_program_gives(p, CEL_RESULT_PATCHES);
}

/* -- lists -- */

typedef int (*compile_fn)(struct compiler *c, struct policy_expression *e, const struct path *at);

/* An element that does not compile is left out. */
static void compile_list(struct compiler *c, const char *key, const struct path *at,
			 struct policy_list *out, compile_fn fn)
{
	const struct value *list = value_get(c->p->spec, key);
	size_t n = value_count(list);

	at = PATH_FIELD(at, key);
	if (n > EXPRESSIONS_MAX) {
		if (c->faults)
			fault_add(c->faults, at, FAULT_TOO_MANY, NULL,
				  "%zu: must have at most %d items", n, EXPRESSIONS_MAX);
		n = EXPRESSIONS_MAX;
	}
	out->list = xcalloc(n + 1, sizeof(*out->list));
	for (size_t i = 0; i < n; i++) {
		struct policy_expression *e = &out->list[out->n];

		e->source = value_at(list, i);
		out->n += (size_t)fn(c, e, PATH_INDEX(at, i));
	}
}

static int compile_condition(struct compiler *c, struct policy_expression *e, const struct path *at)
{
	e->program = compile(c, value_get(e->source, "expression"), PATH_FIELD(at, "expression"),
			     is_bool, "must evaluate to bool");
	return e->program != NULL;
}

static int is_name(const char *s)
{
	if (!isalpha((unsigned char)*s) && *s != '_')
		return 0;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '_')
			return 0;
	return 1;
}

/* A variable is known to those that come after it. */
static int compile_variable(struct compiler *c, struct policy_expression *e, const struct path *at)
{
	const struct value *name = value_get(e->source, "name");
	CLEANUP_FREE char *full = xasprintf("variables.%s", value_str(name, ""));

	if (!is_name(value_str(name, ""))) {
		if (value_strlen(name))
			refuse(c, PATH_FIELD(at, "name"), name,
			       "name is not a valid CEL identifier");
		return 0;
	}
	e->program = compile(c, value_get(e->source, "expression"), PATH_FIELD(at, "expression"),
			     NULL, NULL);
	if (!e->program)
		return 0;
	e->slot = cel_env_add_result(c->p->env, full, e->program);
	return 1;
}

static int compile_validation(struct compiler *c, struct policy_expression *e,
			      const struct path *at)
{
	const struct value *message = value_get(e->source, "messageExpression");

	if (!compile_condition(c, e, at))
		return 0;
	if (value_strlen(message))
		e->message = compile(c, message, PATH_FIELD(at, "messageExpression"), is_string,
				     "must evaluate to string");
	return 1;
}

static int compile_annotation(struct compiler *c, struct policy_expression *e,
			      const struct path *at)
{
	e->program = compile(c, value_get(e->source, "valueExpression"),
			     PATH_FIELD(at, "valueExpression"), is_string_or_null,
			     "must evaluate to one of [string null_type]");
	return e->program != NULL;
}

static int compile_mutation(struct compiler *c, struct policy_expression *e, const struct path *at)
{
	const char *key;

	e->is_patch = str_eq(value_str(value_get(e->source, "patchType"), ""), "JSONPatch");
	key = e->is_patch ? "jsonPatch" : "applyConfiguration";
	if (!value_dig(e->source, key, "expression", NULL))
		return 0; /* told by whoever validates the spec */
	e->program = compile(
		c, value_dig(e->source, key, "expression", NULL),
		PATH_FIELD(PATH_FIELD(at, key), "expression"), e->is_patch ? is_patches : is_object,
		e->is_patch ? "must evaluate to list(JSONPatch)" : "must evaluate to Object");
	return e->program != NULL;
}

/* -- all -- */

static void declare(struct policy *p)
{
	const struct kind *namespaces = kind_by_gvk("v1", "Namespace");

	p->env = cel_env_new();
	p->slots.object = cel_env_add(p->env, "object");
	p->slots.old = cel_env_add(p->env, "oldObject");
	p->slots.request = cel_env_add_schema(p->env, "request", &admission_request_schema);
	p->slots.ns = cel_env_add_schema(p->env, "namespaceObject", namespaces->schema);
	p->slots.params = -1;
	if (value_is(value_get(p->spec, "paramKind"), VALUE_MAP))
		p->slots.params = cel_env_add(p->env, "params");
	cel_env_add_authorizer(p->env, "authorizer");
	p->slots.resource = cel_env_add_resource_check(p->env, "authorizer.requestResource");
	if (value_get(p->spec, "mutations"))
		cel_env_allow_objects(p->env);
}

struct policy *policy_compile(const struct value *spec, const struct path *at,
			      struct faults *faults)
{
	struct policy *p = xcalloc(1, sizeof(*p));
	struct compiler c = {p, faults};

	atomic_init(&p->refs, 1);
	p->spec = spec ? value_ref(spec) : value_new_map();
	declare(p);
	/* conditions are asked before there are variables */
	compile_list(&c, "matchConditions", at, &p->conditions, compile_condition);
	compile_list(&c, "variables", at, &p->variables, compile_variable);
	compile_list(&c, "validations", at, &p->validations, compile_validation);
	compile_list(&c, "auditAnnotations", at, &p->annotations, compile_annotation);
	compile_list(&c, "mutations", at, &p->mutations, compile_mutation);
	return p;
}

struct policy *policy_ref(struct policy *p)
{
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

static void list_fini(struct policy_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		cel_program_unref(l->list[i].program);
		cel_program_unref(l->list[i].message);
	}
	free(l->list);
}

void policy_unref(struct policy *p)
{
	if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
		return;
	list_fini(&p->variables);
	list_fini(&p->conditions);
	list_fini(&p->validations);
	list_fini(&p->annotations);
	list_fini(&p->mutations);
	cel_env_free(p->env);
	value_unref(p->spec);
	free(p->error);
	free(p);
}

int policy_fails_closed(const struct policy *p)
{
	return !str_eq(value_str(value_get(p->spec, "failurePolicy"), "Fail"), "Ignore");
}
