/* SPDX-License-Identifier: MIT */
/* Compiling x-kubernetes-validations. */
#include "objects/custom/expressions.h"

#include <ctype.h>

#include "objects/schema/rules.h"

/* -- fieldPath: .a.b['c'] -- */

/* The schema one step below, NULL when there is none. */
static const struct schema *step(const struct schema *s, const char *name)
{
	return s->type == SCHEMA_STRUCT || s->type == SCHEMA_MAP ? schema_child(s, name) : NULL;
}

/* A quoted name in brackets. Return: past it, NULL with why. */
static const char *read_bracket(const char *p, struct buf *name, const char **why)
{
	static const char from[] = "abfnrtv'\\", to[] = "\a\b\f\n\r\t\v'\\";

	*why = "expected single quoted string";
	if (*p++ != '[' || *p++ != '\'')
		return NULL;
	for (; *p && *p != '\''; p++) {
		const char *escape = *p == '\\' && p[1] ? strchr(from, p[1]) : NULL;

		if (*p == '\\' && !escape) {
			*why = "invalid string literal: invalid escape char";
			return NULL;
		}
		buf_addc(name, escape ? to[escape - from] : *p);
		p += escape != NULL;
	}
	*why = "unexpected end of JSON path";
	return *p && p[1] == ']' ? p + 2 : NULL;
}

/* The path as it is shown behind the value's own, owned; NULL with why. */
static char *read_field_path(const char *p, const struct schema *s, const char **why)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	while (*p) {
		CLEANUP(buf_fini) struct buf name = BUF_INIT;
		int is_key = s->type == SCHEMA_MAP;

		if (*p == '.') {
			size_t n = strcspn(++p, ".[]");

			buf_add(&name, p, n);
			p += n;
		} else if (*p == '[') {
			p = read_bracket(p, &name, why);
		} else {
			*why = "expected [ or .";
			return NULL;
		}
		if (!p)
			return NULL;
		s = step(s, buf_str(&name));
		if (!s) {
			*why = "does not refer to a valid field";
			return NULL;
		}
		if (is_key)
			buf_addf(&out, "[%s]", buf_str(&name));
		else
			buf_addf(&out, "%s%s", out.len ? "." : "", buf_str(&name));
	}
	return buf_steal(&out);
}

/* -- compiling -- */

static const char *text_at(const struct value *rule, const char *key)
{
	const char *s = value_str(value_get(rule, key), "");

	return s + strspn(s, " \t\r\n");
}

static const char *type_name(const struct schema *s)
{
	static const char *const names[] = {
		[SCHEMA_ANY] = "",          [SCHEMA_BOOL] = "boolean",  [SCHEMA_INT] = "integer",
		[SCHEMA_NUMBER] = "number", [SCHEMA_STRING] = "string", [SCHEMA_INT_OR_STRING] = "",
		[SCHEMA_LIST] = "array",    [SCHEMA_MAP] = "object",    [SCHEMA_STRUCT] = "object",
	};

	return names[s->type];
}

static struct cel_program *compile(const char *text, const struct cel_env *env,
				   enum cel_result want, const char *failed, const char *not_wanted,
				   char **error)
{
	CLEANUP(buf_fini) struct buf why = BUF_INIT;
	struct cel_program *p = cel_compile(text, env, &why);

	if (!p) {
		*error = xasprintf("%s%s", failed, buf_str(&why));
	} else if (!cel_program_gives(p, want)) {
		*error = xstrdup(not_wanted);
		cel_program_unref(p);
		p = NULL;
	}
	return p;
}

static void compile_one(struct expression *e, const struct expression_set *set,
			const struct schema *s)
{
	const struct cel_env *env;
	const char *rule = value_str(value_get(e->source, "rule"), "");
	const char *message = value_str(value_get(e->source, "messageExpression"), "");
	const char *field = text_at(e->source, "fieldPath"), *why;

	e->with_optional = value_bool(value_get(e->source, "optionalOldSelf"), 0);
	env = set->env[e->with_optional];
	if (*text_at(e->source, "rule"))
		e->rule = compile(rule, env, CEL_RESULT_BOOL,
				  "compilation failed: ", "cel expression must evaluate to a bool",
				  &e->rule_error);
	if (*text_at(e->source, "messageExpression"))
		e->message = compile(
			message, env, CEL_RESULT_STRING, "messageExpression compilation failed: ",
			"messageExpression must evaluate to a string", &e->message_error);
	if (*field) {
		e->field = read_field_path(field, s, &why);
		if (!e->field)
			e->field_error = xasprintf("fieldPath must be a valid path: %s", why);
	}
}

struct expression_set *expressions_new(const struct value *list, const struct schema *s)
{
	struct expression_set *set = xcalloc(1, sizeof(*set));

	set->type = type_name(s);
	set->list = xcalloc(value_count(list), sizeof(*set->list));
	for (int optional = 0; optional < 2 && cel_schema_is_typed(s); optional++) {
		set->env[optional] = cel_env_new();
		set->self = cel_env_add_schema(set->env[optional], "self", s);
		set->old = optional ? cel_env_add_optional(set->env[optional], "oldSelf", s)
				    : cel_env_add_schema(set->env[optional], "oldSelf", s);
	}
	for (size_t i = 0; i < value_count(list); i++) {
		struct expression *e = &set->list[set->n++];

		e->source = value_at(list, i);
		if (set->env[0])
			compile_one(e, set, s);
	}
	return set;
}

void expressions_free(struct expression_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		struct expression *e = &set->list[i];

		cel_program_unref(e->rule);
		cel_program_unref(e->message);
		free(e->rule_error);
		free(e->message_error);
		free(e->field);
		free(e->field_error);
	}
	cel_env_free(set->env[0]);
	cel_env_free(set->env[1]);
	free(set->list);
	free(set);
}

int expression_is_transition(const struct expression_set *set, const struct expression *e)
{
	return (e->rule && cel_program_uses(e->rule, set->old)) ||
	       (e->message && cel_program_uses(e->message, set->old));
}
