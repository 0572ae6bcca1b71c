/* SPDX-License-Identifier: MIT */
/*
 * Admission policies and their bindings: that expressions compile, and what belongs together.
 * Source: Kubernetes pkg/apis/admissionregistration/validation/validation.go.
 */
#include "objects/policy/policy.h"
#include "objects/schema/text.h"
#include "objects/validation/checks.h"
#include "objects/validation/say.h"
#include "util/strmap.h"

static int is_blank(const char *s)
{
	return !s[strspn(s, " \t\r\n")];
}

/* -- whom it concerns -- */

static void check_rules(const struct value *list, const struct path *at, struct faults *faults)
{
	for (size_t i = 0; i < value_count(list); i++) {
		static const char *const wanted[] = {"apiGroups", "apiVersions", "operations",
						     "resources"};
		const struct path *here = PATH_INDEX(at, i);

		for (size_t k = 0; k < ARRAY_LEN(wanted); k++)
			if (!value_count(value_get(value_at(list, i), wanted[k])))
				say_required(faults, PATH_FIELD(here, wanted[k]), "");
		check_admission_rule(value_at(list, i), NULL, NULL, here, faults);
	}
}

static void check_match(const struct value *m, const struct path *at, int rules_required,
			struct faults *faults)
{
	const struct value *rules = value_get(m, "resourceRules");

	if (rules_required && !value_count(rules))
		say_required(faults, PATH_FIELD(at, "resourceRules"), "");
	check_rules(rules, PATH_FIELD(at, "resourceRules"), faults);
	check_rules(value_get(m, "excludeResourceRules"), PATH_FIELD(at, "excludeResourceRules"),
		    faults);
}

static void check_constraints(const struct value *spec, const struct path *at,
			      struct faults *faults)
{
	const struct value *m = value_get(spec, "matchConstraints");
	const struct value *params = value_get(spec, "paramKind");
	static const char *const wanted[] = {"apiVersion", "kind"};

	if (!value_is(m, VALUE_MAP))
		say_required(faults, PATH_FIELD(at, "matchConstraints"), "");
	else
		check_match(m, PATH_FIELD(at, "matchConstraints"), 1, faults);
	for (size_t i = 0; value_is(params, VALUE_MAP) && i < ARRAY_LEN(wanted); i++)
		if (!value_strlen(value_get(params, wanted[i])))
			say_required(faults, PATH_FIELD(PATH_FIELD(at, "paramKind"), wanted[i]),
				     "");
}

/* -- what is in lists -- */

/* Names are there once; `check` says what they must look like, NULL: anything. */
static void check_names(const struct value *list, const char *key, const struct path *at,
			const char *(*check)(const char *s), struct faults *faults)
{
	struct strmap seen = STRMAP_INIT;

	for (size_t i = 0; i < value_count(list); i++) {
		const char *name = text_of(value_at(list, i), key);
		const struct path *here = PATH_FIELD(PATH_INDEX(at, i), key);

		if (!*name)
			say_required(faults, here, "");
		else if (strmap_set(&seen, name, (void *)1))
			say_duplicate(faults, here, name);
		else if (check)
			say_text(faults, here, name, check(name));
	}
	strmap_fini(&seen);
}

static void check_filled(const struct value *list, const char *key, const struct path *at,
			 const char *why, struct faults *faults)
{
	for (size_t i = 0; i < value_count(list); i++) {
		const char *text = text_of(value_at(list, i), key);

		/* nothing at all is told by the tables */
		if (*text && is_blank(text))
			say_required(faults, PATH_FIELD(PATH_INDEX(at, i), key), why);
	}
}

static void check_validation(const struct value *v, const struct path *at, struct faults *faults)
{
	static const char *const reasons[] = {"Forbidden", "Invalid", "RequestEntityTooLarge",
					      "Unauthorized", NULL};
	const struct value *message = value_get(v, "message"), *reason = value_get(v, "reason");
	const char *text = value_str(message, ""), *made = text_of(v, "messageExpression");

	if (*text && is_blank(text))
		say_invalid(faults, PATH_FIELD(at, "message"), message,
			    "message must be non-empty if specified");
	else if (strchr(text, '\n'))
		say_invalid(faults, PATH_FIELD(at, "message"), message,
			    "message must not contain line breaks");
	else if (strchr(text_of(v, "expression"), '\n') && !*text)
		say_required(faults, PATH_FIELD(at, "message"),
			     "message must be specified if expression contains line breaks");
	if (*made && is_blank(made))
		say_required(faults, PATH_FIELD(at, "messageExpression"),
			     "must be non-empty if specified");
	if (value_strlen(reason))
		check_enum(reasons, reason, PATH_FIELD(at, "reason"), faults);
}

/* What both kinds of policies have. */
static void check_common(const struct value *spec, const struct value *old, const struct path *at,
			 struct faults *faults)
{
	struct policy *p;

	check_constraints(spec, at, faults);
	check_names(value_get(spec, "matchConditions"), "name", PATH_FIELD(at, "matchConditions"),
		    text_label_key, faults);
	check_names(value_get(spec, "variables"), "name", PATH_FIELD(at, "variables"), NULL,
		    faults);
	check_filled(value_get(spec, "matchConditions"), "expression",
		     PATH_FIELD(at, "matchConditions"), "", faults);
	check_filled(value_get(spec, "variables"), "expression", PATH_FIELD(at, "variables"),
		     "expression is not specified", faults);
	if (old && value_equal(spec, old))
		return; /* it was let in once */
	p = policy_compile(spec, at, faults);
	policy_unref(p);
}

void check_validating_policy_spec(const struct value *now, const struct value *old,
				  const struct value *root, const struct path *at,
				  struct faults *faults)
{
	const struct value *validations = value_get(now, "validations"),
			   *annotations = value_get(now, "auditAnnotations");
	static const char none[] = "validations or auditAnnotations must contain at least one item";

	if (!value_count(validations) && !value_count(annotations)) {
		say_required(faults, PATH_FIELD(at, "validations"), none);
		say_required(faults, PATH_FIELD(at, "auditAnnotations"), none);
	}
	check_filled(validations, "expression", PATH_FIELD(at, "validations"),
		     "expression is not specified", faults);
	for (size_t i = 0; i < value_count(validations); i++)
		check_validation(value_at(validations, i),
				 PATH_INDEX(PATH_FIELD(at, "validations"), i), faults);
	check_names(annotations, "key", PATH_FIELD(at, "auditAnnotations"), text_label_key, faults);
	check_filled(annotations, "valueExpression", PATH_FIELD(at, "auditAnnotations"),
		     "valueExpression must be non-empty", faults);
	check_common(now, old, at, faults);
}

/* -- mutations -- */

static void check_mutation(const struct value *m, const struct path *at, struct faults *faults)
{
	static const char *const types[] = {"ApplyConfiguration", "JSONPatch", NULL};
	static const char *const keys[] = {"applyConfiguration", "jsonPatch"};
	const struct value *type = value_get(m, "patchType");
	int is_patch = str_eq(value_str(type, ""), "JSONPatch");
	const char *key = keys[is_patch], *other = keys[!is_patch];

	if (!value_strlen(type))
		return; /* the tables say that it is required */
	check_enum(types, type, PATH_FIELD(at, "patchType"), faults);
	if (!value_is(value_get(m, key), VALUE_MAP))
		fault_add(faults, PATH_FIELD(at, key), FAULT_REQUIRED, NULL,
			  "must be specified when patchType is %s", value_str(type, ""));
	else if (is_blank(text_of(value_get(m, key), "expression")))
		say_required(faults, PATH_FIELD(PATH_FIELD(at, key), "expression"),
			     "expression is not specified");
	if (value_get(m, other))
		fault_add(faults, PATH_FIELD(at, other), FAULT_INVALID, NULL,
			  "must not be specified when patchType is %s", value_str(type, ""));
}

void check_mutating_policy_spec(const struct value *now, const struct value *old,
				const struct value *root, const struct path *at,
				struct faults *faults)
{
	static const char *const policies[] = {"IfNeeded", "Never", NULL};
	const struct value *list = value_get(now, "mutations"),
			   *again = value_get(now, "reinvocationPolicy");

	if (!value_count(list))
		say_required(faults, PATH_FIELD(at, "mutations"),
			     "mutations must contain at least one item");
	for (size_t i = 0; i < value_count(list); i++)
		check_mutation(value_at(list, i), PATH_INDEX(PATH_FIELD(at, "mutations"), i),
			       faults);
	if (value_strlen(again))
		check_enum(policies, again, PATH_FIELD(at, "reinvocationPolicy"), faults);
	else
		say_required(faults, PATH_FIELD(at, "reinvocationPolicy"), "");
	check_common(now, old, at, faults);
}

/* -- bindings -- */

static void check_param_ref(const struct value *ref, const struct path *at, struct faults *faults)
{
	static const char *const actions[] = {"Allow", "Deny", NULL};
	const struct value *action = value_get(ref, "parameterNotFoundAction");
	int name = value_strlen(value_get(ref, "name")) > 0,
	    selector = value_is(value_get(ref, "selector"), VALUE_MAP);

	if (name && selector)
		say_forbidden(faults, PATH_FIELD(at, "name"),
			      "name and selector are mutually exclusive");
	else if (!name && !selector)
		say_required(faults, at, "one of name or selector must be specified");
	if (!value_strlen(action))
		say_required(faults, PATH_FIELD(at, "parameterNotFoundAction"), "");
	else
		check_enum(actions, action, PATH_FIELD(at, "parameterNotFoundAction"), faults);
}

static int has_text(const struct value *list, const char *text)
{
	for (size_t i = 0; i < value_count(list); i++)
		if (str_eq(value_str(value_at(list, i), ""), text))
			return 1;
	return 0;
}

void check_policy_binding_spec(const struct value *now, const struct value *old,
			       const struct value *root, const struct path *at,
			       struct faults *faults)
{
	static const char *const actions[] = {"Audit", "Deny", "Warn", NULL};
	const struct value *list = value_get(now, "validationActions"),
			   *name = value_get(now, "policyName"), *ref = value_get(now, "paramRef");
	const struct path *actions_at = PATH_FIELD(at, "validationActions");

	if (value_strlen(name))
		say_text(faults, PATH_FIELD(at, "policyName"), value_str(name, ""),
			 text_dns_subdomain(value_str(name, "")));
	for (size_t i = 0; i < value_count(list); i++)
		check_enum(actions, value_at(list, i), PATH_INDEX(actions_at, i), faults);
	if (has_text(list, "Deny") && has_text(list, "Warn"))
		say_invalid(
			faults, actions_at, NULL,
			"must not contain both Deny and Warn (repeating the same validation "
			"failure information in the API response and headers serves no purpose)");
	if (value_is(ref, VALUE_MAP))
		check_param_ref(ref, PATH_FIELD(at, "paramRef"), faults);
	check_match(value_get(now, "matchResources"), PATH_FIELD(at, "matchResources"), 0, faults);
}
