/* SPDX-License-Identifier: MIT */
#include "objects/conditions.h"

#include <errno.h>

#include "objects/schema/text.h"
#include "objects/validation/say.h"
#include "util/strmap.h"

#define CONDITIONS_MAX 64

/* The variables; authorizer has no value to be bound. */
struct slots {
	int object, old, request;
};

static struct cel_env *env_new(struct slots *s)
{
	struct cel_env *env = cel_env_new();

	s->object = cel_env_add(env, "object");
	s->old = cel_env_add(env, "oldObject");
	s->request = cel_env_add(env, "request");
	cel_env_add_authorizer(env, "authorizer");
	return env;
}

/* -- validation -- */

static void check_expression(const struct value *expression, const struct path *at,
			     struct faults *faults)
{
	struct slots slots;
	CLEANUP(cel_env_freep) struct cel_env *env = env_new(&slots);
	CLEANUP(cel_program_unrefp) struct cel_program *p = NULL;
	CLEANUP(buf_fini) struct buf why = BUF_INIT;
	const char *text = value_str(expression, "");

	if (!text[strspn(text, " \t\r\n")]) {
		if (*text) /* an empty one is told by the schema */
			say_required(faults, at, "");
		return;
	}
	p = cel_compile(text, env, &why);
	if (!p)
		fault_add(faults, at, FAULT_INVALID, expression, "compilation failed: %s",
			  buf_str(&why));
	else if (!cel_program_gives(p, CEL_RESULT_BOOL))
		say_invalid(faults, at, expression, "must evaluate to bool");
}

static int was_there(const struct value *old, const struct value *expression)
{
	for (size_t i = 0; i < value_count(old); i++)
		if (value_equal(value_get(value_at(old, i), "expression"), expression))
			return 1;
	return 0;
}

static void check_name(const char *name, const struct path *at, struct strmap *seen,
		       struct faults *faults)
{
	if (!*name)
		return; /* told by the schema */
	say_text(faults, at, name, text_label_key(name));
	if (strmap_set(seen, name, (void *)1))
		say_duplicate(faults, at, name);
}

void conditions_validate(const struct value *list, const struct value *old, const struct path *at,
			 struct faults *faults)
{
	struct strmap seen = STRMAP_INIT;

	if (value_count(list) > CONDITIONS_MAX)
		fault_add(faults, at, FAULT_TOO_MANY, NULL, "%zu: must have at most %d items",
			  value_count(list), CONDITIONS_MAX);
	for (size_t i = 0; i < value_count(list) && i < CONDITIONS_MAX; i++) {
		const struct value *c = value_at(list, i), *e = value_get(c, "expression");
		const struct path *here = PATH_INDEX(at, i);

		check_name(text_of(c, "name"), PATH_FIELD(here, "name"), &seen, faults);
		if (!was_there(old, e))
			check_expression(e, PATH_FIELD(here, "expression"), faults);
	}
	strmap_fini(&seen);
}

/* -- evaluation -- */

int conditions_all(size_t n, condition_fn fn, void *arg, struct err *err)
{
	struct err first = ERR_INIT; /* the first that could not be evaluated */

	for (size_t i = 0; i < n; i++) {
		struct err here = ERR_INIT;
		const char *name = "";
		int holds = 0;

		if (fn(arg, i, &name, &holds, &here) == 0 && !holds)
			return 0;
		if (here.code && !first.code) {
			err_wrap(&here, "match condition \"%s\"", name);
			first = here;
		}
	}
	return first.code ? err_set(err, EINVAL, "%s", first.msg) : 1;
}

struct evaluation {
	const struct value *list;
	struct cel_env *env;
	struct cel_run *run;
};

static int evaluate(void *arg, size_t i, const char **name, int *holds, struct err *err)
{
	struct evaluation *e = arg;
	const struct value *condition = value_at(e->list, i);
	CLEANUP(buf_fini) struct buf why = BUF_INIT;
	CLEANUP(cel_program_unrefp)
	struct cel_program *p = cel_compile(text_of(condition, "expression"), e->env, &why);

	*name = text_of(condition, "name");
	return p ? cel_eval_bool(e->run, p, holds, err)
		 : err_set(err, EINVAL, "compilation failed: %s", buf_str(&why));
}

int conditions_hold(const struct value *list, const struct condition_facts *facts, struct err *err)
{
	struct slots slots;
	CLEANUP(cel_env_freep) struct cel_env *env = NULL;
	CLEANUP(cel_run_freep) struct cel_run *run = NULL;
	CLEANUP_VALUE struct value *null = NULL;

	if (!value_count(list))
		return 1;
	null = value_new_null();
	env = env_new(&slots);
	run = cel_run_new(env, CEL_COST_CONDITIONS);
	cel_run_bind(run, slots.object, facts->object ? facts->object : null);
	cel_run_bind(run, slots.old, facts->old ? facts->old : null);
	cel_run_bind(run, slots.request, facts->request);
	cel_run_authorize(run, facts->authorize, facts->arg);
	return conditions_all(value_count(list), evaluate, &(struct evaluation){list, env, run},
			      err);
}
