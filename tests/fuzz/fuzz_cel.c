/* SPDX-License-Identifier: MIT */
/*
 * Any expression, about a value of any shape and one that a schema types. What compiles evaluates to
 * something or is refused with a text, in bounded work; asked twice, it says the same.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "objects/cel/cel.h"
#include "objects/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char object[] =
	"{name: web, num: 3, half: 0.5, none: null, list: [1, 2, 3], words: [b, a], map: {a: 1, b: "
	"2}, when: '2024-02-29T12:30:45Z', deep: {er: {x: 1}}}";

static int may(void *arg, const struct cel_access *a, char why[512])
{
	return a->verb && *a->verb == 'g';
}

static struct value *evaluate(struct cel_run *run, const struct cel_program *p, int *rc)
{
	struct err err = ERR_INIT;
	struct value *out = NULL;

	*rc = cel_eval_value(run, p, &out, &err);
	if (*rc < 0 ? !err.code || !*err.msg || out : !out)
		abort();
	return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cel_env *env;
	static struct value *o, *pod;
	static int slots[3];
	CLEANUP_FREE char *text = xstrndup((const char *)data, strnlen((const char *)data, size));
	CLEANUP(buf_fini) struct buf why = BUF_INIT;
	CLEANUP(cel_program_unrefp) struct cel_program *p = NULL;
	CLEANUP(cel_run_freep) struct cel_run *run = NULL;
	CLEANUP_VALUE struct value *first = NULL, *second = NULL;
	int rc, again;

	if (!env) {
		kinds_init();
		env = cel_env_new();
		slots[0] = cel_env_add(env, "o");
		slots[1] = cel_env_add_schema(env, "pod", kind_by_gvk("v1", "Pod")->schema);
		slots[2] = cel_env_add_optional(env, "old", kind_by_gvk("v1", "Pod")->schema);
		cel_env_add_authorizer(env, "authorizer");
		cel_env_allow_objects(env);
		o = yaml_parse_value(object, strlen(object), NULL);
		pod = yaml_parse_value("{metadata: {name: x, labels: {a: b}}, spec: {containers: "
				       "[{name: c, image: i}]}}",
				       78, NULL);
	}
	p = cel_compile(text, env, &why);
	if (!p) {
		if (!why.len)
			abort();
		return 0;
	}
	run = cel_run_new(env, CEL_COST_OBJECT);
	cel_run_bind(run, slots[0], o);
	cel_run_bind(run, slots[1], pod);
	cel_run_bind(run, slots[2], size % 2 ? pod : NULL);
	cel_run_authorize(run, may, NULL);
	first = evaluate(run, p, &rc);
	if (cel_run_cost(run) > CEL_COST_CALL && rc != -E2BIG)
		abort();
	second = evaluate(run, p, &again);
	if (cel_run_left(run) > 2 * CEL_COST_CALL && rc != again)
		abort();
	return 0;
}
