/* SPDX-License-Identifier: MIT */
/*
 * CEL, the Common Expression Language, with the functions that Kubernetes 1.36 gives it.
 *
 *	struct cel_env *env = cel_env_new();
 *	int self = cel_env_add_schema(env, "self", schema);
 *	struct cel_program *p = cel_compile("self.min <= self.max", env, &why);
 *
 *	struct cel_run *run = cel_run_new(env, CEL_COST_OBJECT);
 *	cel_run_bind(run, self, object);
 *	rc = cel_eval_bool(run, p, &holds, &err);
 *	cel_run_free(run);
 *
 * An environment says which variables there are and what they hold: anything (dyn), or what a
 * schema says. A program is compiled and checked against one environment, is immutable, shared by
 * reference and by threads. A run is one thread's: what the variables hold now, the memory of
 * what is computed, and the cost that is left. Values are read where they are: nothing is copied
 * but what an expression makes itself.
 *
 * No expression can hold its caller up: text, depth, memory, cost (counted as Kubernetes counts
 * it) and work (everything that is touched, however cheap its cost) are bounded.
 *
 * Sources: cel-spec (langdef.md); cel-go's ext and optional types; Kubernetes "Common Expression
 * Language in Kubernetes", apiserver pkg/cel (library, cost) and pkg/apis/cel (limits).
 */
#pragma once

#include "objects/schema.h"
#include "objects/value.h"
#include "util/err.h"

/* Limits of Kubernetes, in its units of cost. */
#define CEL_COST_CALL       1000000  /* one expression, once */
#define CEL_COST_OBJECT     10000000 /* all rules of an object, or all of a policy binding */
#define CEL_COST_CONDITIONS 2500000  /* the match conditions of one policy or webhook */

#define CEL_TEXT_MAX (100u * 1024) /* bytes of an expression */

struct cel_env;
struct cel_program;
struct cel_run;

/* -- what there is -- */

struct cel_env *cel_env_new(void);
void cel_env_free(struct cel_env *env);
DEFINE_CLEANUP(struct cel_env *, cel_env_free)
/*
 * Declare a variable. Names may have dots (`variables.team`): `variables` itself is then an
 * object without further fields. Return: its slot. Schemas must outlive env, programs and runs.
 */
int cel_env_add(struct cel_env *env, const char *name); /* dyn */
int cel_env_add_schema(struct cel_env *env, const char *name, const struct schema *s);
/* Optional of the same: optional.none() unless bound. */
int cel_env_add_optional(struct cel_env *env, const char *name, const struct schema *s);
/* What a program of this environment evaluates to, lazily and once a run: cel_run_bind_program. */
int cel_env_add_result(struct cel_env *env, const char *name, const struct cel_program *p);
/* `authorizer`, whose checks a run answers with its own function: cel_run_authorize. */
int cel_env_add_authorizer(struct cel_env *env, const char *name);
/* A check of one resource that is prepared already: cel_run_bind_check. */
int cel_env_add_resource_check(struct cel_env *env, const char *name);
/* Is there a type for the schema at all? (Not for what may be anything in a custom resource.) */
int cel_schema_is_typed(const struct schema *s);
/* How many elements a list or map of the schema may have: what it says, or what fits into a
 * request. */
uint64_t cel_schema_elements(const struct schema *s);
/*
 * The types that a mutation builds objects of: `Object{spec: Object.spec{...}}` and
 * `JSONPatch{op: ..}`. Without it there are none.
 */
void cel_env_allow_objects(struct cel_env *env);

/* -- expressions -- */

enum cel_result {
	CEL_RESULT_BOOL,
	CEL_RESULT_STRING,
	CEL_RESULT_STRING_OR_NULL,
	CEL_RESULT_OBJECT,  /* Object{...} */
	CEL_RESULT_PATCHES, /* a list of JSONPatch{...} */
};

/*
 * NULL with `why` filled when it does not compile: in cel-go's words, with the place in the
 * expression. Owned: a reference.
 */
struct cel_program *cel_compile(const char *text, const struct cel_env *env, struct buf *why);
/* Is that what it evaluates to, for certain? */
int cel_program_gives(const struct cel_program *p, enum cel_result want);
struct cel_program *cel_program_ref(const struct cel_program *p);
void cel_program_unref(struct cel_program *p);
DEFINE_CLEANUP(struct cel_program *, cel_program_unref)
/* Does it speak of the variable in this slot? */
int cel_program_uses(const struct cel_program *p, int slot);
const char *cel_program_text(const struct cel_program *p);

/*
 * The most that evaluating it may cost, if lists, maps and texts are as large as their schemas
 * allow (and as a request may be). Saturates at UINT64_MAX.
 */
uint64_t cel_program_cost_max(const struct cel_program *p);

/* -- evaluation -- */

/* budget: what all evaluations of the run may cost together. env must outlive it. */
struct cel_run *cel_run_new(const struct cel_env *env, uint64_t budget);
void cel_run_free(struct cel_run *run);
DEFINE_CLEANUP(struct cel_run *, cel_run_free)
/* What a variable holds, borrowed while the run is used. NULL: nothing (an optional: none). */
void cel_run_bind(struct cel_run *run, int slot, const struct value *v);
/* The same of a variable that was declared for a schema; this one holds a value of `s`. */
void cel_run_bind_schema(struct cel_run *run, int slot, const struct value *v,
			 const struct schema *s);
void cel_run_bind_program(struct cel_run *run, int slot, const struct cel_program *p);

/* What an authorizer is asked. "" where the expression says nothing. */
struct cel_access {
	const char *group, *resource, *subresource, *ns, *name, *path, *verb;
	const char *account_ns, *account; /* a ServiceAccount; NULL: the request's own user */
	const char *field_selector, *label_selector;
};
/* Return: 1 allowed, 0 not; why (512 bytes) may be filled. */
typedef int (*cel_authorize_fn)(void *arg, const struct cel_access *a, char why[512]);
/* a is borrowed while the run is used. */
void cel_run_bind_check(struct cel_run *run, int slot, const struct cel_access *a);
void cel_run_authorize(struct cel_run *run, cel_authorize_fn fn, void *arg);

/*
 * Return: 0, -EINVAL with the text of what went wrong (no such key, overflow ...), -E2BIG when
 * the expression, or the run, may not cost more. After that the run refuses all others.
 */
int cel_eval_bool(struct cel_run *run, const struct cel_program *p, int *out, struct err *err)
	MUST_CHECK;
/* NULL: null (only of CEL_RESULT_STRING_OR_NULL), rc 0. Owned. */
int cel_eval_string(struct cel_run *run, const struct cel_program *p, char **out, struct err *err)
	MUST_CHECK;
/* Any result as a tree; what JSON cannot say (types, durations) as text. Owned. */
int cel_eval_value(struct cel_run *run, const struct cel_program *p, struct value **out,
		   struct err *err) MUST_CHECK;
/* Of the last evaluation. */
uint64_t cel_run_cost(const struct cel_run *run);
/* What is left of the budget. */
uint64_t cel_run_left(const struct cel_run *run);

/* -- names -- */

/*
 * A property's name as expressions spell it: "a.b" is a__dot__b, "namespace" __namespace__.
 * NULL: it cannot be spelt. Owned.
 */
char *cel_escape(const char *property);
/* The other way. NULL: no property is spelt so. Owned. */
char *cel_unescape(const char *name);
