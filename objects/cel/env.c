/* SPDX-License-Identifier: MIT */
/* Environments: which variables there are. */
#include "objects/cel/cel_i.h"

struct cel_env *cel_env_new(void)
{
	return xcalloc(1, sizeof(struct cel_env));
}

void cel_env_free(struct cel_env *env)
{
	if (!env)
		return;
	for (size_t i = 0; i < env->n; i++)
		free(env->list[i].name);
	free(env->list);
	arena_fini(&env->mem);
	free(env);
}

static int add(struct cel_env *env, const char *name, const struct cel_type *t,
	       const struct schema *s)
{
	env->list = xreallocarray(env->list, env->n + 1, sizeof(*env->list));
	env->list[env->n] = (struct variable){xstrdup(name), t, s};
	return (int)env->n++;
}

int cel_env_add(struct cel_env *env, const char *name)
{
	return add(env, name, type_simple(CEL_DYN), NULL);
}

/* A type for what may be anything, too. */
static const struct cel_type *some_type(struct cel_env *env, const struct schema *s)
{
	const struct cel_type *t = type_of_schema(&env->mem, s);

	return t ? t : type_simple(CEL_DYN);
}

int cel_env_add_schema(struct cel_env *env, const char *name, const struct schema *s)
{
	return add(env, name, some_type(env, s), s);
}

int cel_env_add_optional(struct cel_env *env, const char *name, const struct schema *s)
{
	return add(env, name, type_optional(&env->mem, some_type(env, s)), s);
}

/* Types of a program die with it: those with parts are copied. */
static const struct cel_type *copy_type(struct arena *m, const struct cel_type *t)
{
	struct cel_type *out;

	if (t == type_simple(t->kind))
		return t;
	out = arena_alloc(m, 1, sizeof(*out));
	*out = *t;
	out->a = t->a ? copy_type(m, t->a) : NULL;
	out->b = t->b ? copy_type(m, t->b) : NULL;
	out->name = t->name ? arena_strndup(m, t->name, strlen(t->name)) : NULL;
	return out;
}

int cel_env_add_result(struct cel_env *env, const char *name, const struct cel_program *p)
{
	return add(env, name, copy_type(&env->mem, p->root->type), NULL);
}

int cel_env_add_authorizer(struct cel_env *env, const char *name)
{
	return add(env, name, type_simple(CEL_AUTHORIZER), NULL);
}

int cel_env_add_resource_check(struct cel_env *env, const char *name)
{
	return add(env, name, type_simple(CEL_RESOURCE_CHECK), NULL);
}

void cel_env_allow_objects(struct cel_env *env)
{
	env->objects = 1;
}

const struct variable *env_find(const struct cel_env *env, const char *name, int *slot)
{
	for (size_t i = 0; i < env->n; i++)
		if (str_eq(env->list[i].name, name)) {
			*slot = (int)i;
			return &env->list[i];
		}
	return NULL;
}

int env_has_prefix(const struct cel_env *env, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->list[i].name, name, n) == 0 && env->list[i].name[n] == '.')
			return 1;
	return 0;
}
