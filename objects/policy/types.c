/* SPDX-License-Identifier: MIT */
/* status.typeChecking: what the expressions would be told if `object` had the types that the
 * constraints name. Source: apiserver pkg/admission/plugin/policy/validating/typechecking.go. */
#include "objects/policy/policy.h"
#include "objects/policy/request.h"

#define TYPES_MAX 10 /* kinds that are looked at */

static int has_star(const struct value *list)
{
	for (size_t i = 0; i < value_count(list); i++)
		if (strchr(value_str(value_at(list, i), ""), '*'))
			return 1;
	return 0;
}

/* The kinds that a rule names one by one. */
static size_t kinds_of_rule(const struct value *rule, const struct kind **out, size_t n)
{
	const struct value *groups = value_get(rule, "apiGroups"),
			   *versions = value_get(rule, "apiVersions"),
			   *resources = value_get(rule, "resources");

	if (has_star(groups) || has_star(versions) || has_star(resources))
		return n;
	for (size_t g = 0; g < value_count(groups); g++)
		for (size_t v = 0; v < value_count(versions); v++)
			for (size_t r = 0; r < value_count(resources) && n < TYPES_MAX; r++) {
				const struct kind *k =
					kind_find(value_str(value_at(groups, g), ""),
						  value_str(value_at(versions, v), ""),
						  value_str(value_at(resources, r), ""));

				if (k)
					out[n++] = k;
			}
	return n;
}

static struct cel_env *typed_env(const struct value *spec, const struct kind *k)
{
	const struct value *kind = value_get(spec, "paramKind");
	const struct kind *params = kind_by_gvk(value_str(value_get(kind, "apiVersion"), ""),
						value_str(value_get(kind, "kind"), "")),
			  *ns = kind_by_gvk("v1", "Namespace");
	struct cel_env *env = cel_env_new();

	cel_env_add_schema(env, "object", k->schema);
	cel_env_add_schema(env, "oldObject", k->schema);
	cel_env_add_schema(env, "request", &admission_request_schema);
	cel_env_add_schema(env, "namespaceObject", ns->schema);
	if (params)
		cel_env_add_schema(env, "params", params->schema);
	else if (kind)
		cel_env_add(env, "params");
	cel_env_add_authorizer(env, "authorizer");
	cel_env_add_resource_check(env, "authorizer.requestResource");
	return env;
}

static void add_variables(struct cel_env *env, const struct value *variables)
{
	for (size_t i = 0; i < value_count(variables); i++) {
		const struct value *v = value_at(variables, i);
		CLEANUP(buf_fini) struct buf why = BUF_INIT;
		CLEANUP(cel_program_unrefp)
		struct cel_program *p =
			cel_compile(value_str(value_get(v, "expression"), ""), env, &why);
		CLEANUP_FREE char *name =
			xasprintf("variables.%s", value_str(value_get(v, "name"), ""));

		if (p)
			cel_env_add_result(env, name, p);
		else
			cel_env_add(env, name); /* its own expression is told of */
	}
}

static void check(const struct value *text, const struct cel_env *env, const struct kind *k,
		  struct buf *out)
{
	CLEANUP(buf_fini) struct buf why = BUF_INIT;

	if (value_strlen(text))
		cel_program_unref(cel_compile(value_str(text, ""), env, &why));
	if (why.len)
		buf_addf(out, "%s%s, Kind=%s: %s\n", out->len ? "\n" : "", kind_api_version(k),
			 k->kind, buf_str(&why));
}

static struct value *warning(struct value *taken, const char *field, const struct buf *text)
{
	struct value *one;

	if (!text->len)
		return taken;
	one = value_set_str(value_new_map(), "fieldRef", field);
	return value_append(taken, value_set_str(one, "warning", buf_str(text)));
}

struct value *policy_type_warnings(const struct value *spec)
{
	const struct value *rules = value_dig(spec, "matchConstraints", "resourceRules", NULL),
			   *list = value_get(spec, "validations");
	static const char *const fields[] = {"expression", "messageExpression"};
	const struct kind *kinds[TYPES_MAX];
	struct cel_env *env[TYPES_MAX];
	struct value *out = value_new_list();
	size_t n = 0;

	for (size_t i = 0; i < value_count(rules); i++)
		n = kinds_of_rule(value_at(rules, i), kinds, n);
	for (size_t k = 0; k < n; k++) {
		env[k] = typed_env(spec, kinds[k]);
		add_variables(env[k], value_get(spec, "variables"));
	}
	for (size_t i = 0; i < value_count(list); i++)
		for (size_t f = 0; f < ARRAY_LEN(fields); f++) {
			CLEANUP(buf_fini) struct buf text = BUF_INIT;
			CLEANUP_FREE char *field =
				xasprintf("spec.validations[%zu].%s", i, fields[f]);

			for (size_t k = 0; k < n; k++)
				check(value_get(value_at(list, i), fields[f]), env[k], kinds[k],
				      &text);
			out = warning(out, field, &text);
		}
	for (size_t k = 0; k < n; k++)
		cel_env_free(env[k]);
	return out;
}
