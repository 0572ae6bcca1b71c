/* SPDX-License-Identifier: MIT */
/* Admission policies: what of them is refused, what their status warns of, and what they cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "objects/codec.h"
#include "objects/policy/policy.h"

#define RULES                                                                                      \
	"matchConstraints: {resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: "   \
	"[CREATE], resources: [deployments]}]}"

static struct value *yaml(const char *text)
{
	struct err err = ERR_INIT;
	struct value *v = yaml_parse_value(text, strlen(text), &err);

	if (!v)
		fail_msg("%s: %s", text, err.msg);
	return v;
}

/* All faults of an object of this kind with that spec. */
static char *faults_of(const char *kind, const char *spec)
{
	const struct kind *k = kind_by_gvk("admissionregistration.k8s.io/v1", kind);
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	CLEANUP_FREE char *text =
		xasprintf("{apiVersion: admissionregistration.k8s.io/v1, kind: %s, "
			  "metadata: {name: x, uid: u}, spec: {%s}}",
			  kind, spec);
	CLEANUP_VALUE struct value *v = schema_decode(k->schema, yaml(text), NULL, &faults);

	if (!faults.n) {
		v = kind_default(k, v);
		kind_validate(k, v, NULL, 0, &faults);
	}
	faults_render(&faults, NULL, &out);
	return buf_steal(&out);
}

static void test_validation(void **state)
{
	static const char policy[] = "ValidatingAdmissionPolicy",
			  mutation[] = "MutatingAdmissionPolicy",
			  binding[] = "ValidatingAdmissionPolicyBinding";
	static const struct {
		const char *kind, *spec, *want; /* want "": it is good */
	} list[] = {
		{policy, RULES ", validations: [{expression: 'object.spec.replicas > 1'}]", ""},
		{policy,
		 RULES ", variables: [{name: a, expression: '1'}, {name: b, expression: "
		       "'variables.a + 1'}], validations: [{expression: 'variables.b == 2'}]",
		 ""},
		{policy,
		 RULES ", variables: [{name: b, expression: 'variables.a'}, {name: a, "
		       "expression: '1'}], validations: [{expression: 'true'}]",
		 "spec.variables[0].expression: Invalid value: \"variables.a\": compilation "
		 "failed: "
		 "ERROR: <input>:1:1: undeclared reference to 'variables'"},
		{policy, RULES,
		 "spec.validations: Required value: validations or auditAnnotations "
		 "must contain at least one item"},
		{policy, "validations: [{expression: 'true'}]",
		 "spec.matchConstraints: Required value"},
		{policy, RULES ", validations: [{expression: 'object.spec'}]",
		 "spec.validations[0].expression: Invalid value: \"object.spec\": must evaluate to "
		 "bool"},
		{policy, RULES ", validations: [{expression: 'true', messageExpression: '1'}]",
		 "messageExpression: Invalid value: \"1\": must evaluate to string"},
		{policy, RULES ", validations: [{expression: 'params.x == 1'}]",
		 "undeclared reference to 'params'"},
		{policy,
		 RULES ", paramKind: {apiVersion: v1, kind: ConfigMap}, validations: "
		       "[{expression: 'params.data.x == \"1\"'}]",
		 ""},
		{policy, RULES ", auditAnnotations: [{key: a, valueExpression: '1'}]",
		 "must evaluate to one of [string null_type]"},
		{policy, RULES ", validations: [{expression: 'true', reason: Because}]",
		 "spec.validations[0].reason: Unsupported value: \"Because\""},
		{policy,
		 RULES ", matchConditions: [{name: 'a b', expression: 'true'}], validations: "
		       "[{expression: 'true'}]",
		 "spec.matchConditions[0].name: Invalid value: \"a b\""},
		{policy, RULES ", validations: [{expression: 'Object{} != null'}]",
		 "undeclared reference to 'Object'"},
		{mutation,
		 RULES ", reinvocationPolicy: Never, mutations: [{patchType: "
		       "ApplyConfiguration, applyConfiguration: {expression: 'Object{spec: "
		       "Object.spec{replicas: 3}}'}}]",
		 ""},
		{mutation,
		 RULES ", reinvocationPolicy: Never, mutations: [{patchType: JSONPatch, "
		       "jsonPatch: {expression: '[1]'}}]",
		 "spec.mutations[0].jsonPatch.expression: Invalid value: \"[1]\": must evaluate to "
		 "list(JSONPatch)"},
		{mutation,
		 RULES ", reinvocationPolicy: Never, mutations: [{patchType: JSONPatch, "
		       "applyConfiguration: {expression: 'Object{}'}}]",
		 "spec.mutations[0].jsonPatch: Required value: must be specified when patchType is "
		 "JSONPatch"},
		{binding, "policyName: p, validationActions: [Deny, Warn]",
		 "must not contain both Deny and Warn"},
		{binding,
		 "policyName: p, validationActions: [Deny], paramRef: {name: a, selector: {}, "
		 "parameterNotFoundAction: Deny}",
		 "name and selector are mutually exclusive"},
		{binding, "policyName: p, validationActions: [Deny], paramRef: {name: a}",
		 "spec.paramRef.parameterNotFoundAction: Required value"},
	};

	for (size_t i = 0; i < ARRAY_LEN(list); i++) {
		CLEANUP_FREE char *got = faults_of(list[i].kind, list[i].spec);

		if (*list[i].want ? !strstr(got, list[i].want) : *got != '\0')
			fail_msg("%zu %s\n  is     %s\n  wanted %s", i, list[i].spec, got,
				 list[i].want);
	}
}

static void test_types(void **state)
{
	CLEANUP_VALUE struct value *spec = yaml(
		"{" RULES
		", variables: [{name: count, expression: 'object.spec.replicas'}], validations: "
		"[{expression: 'object.spec.replicas > \"1\"'}, {expression: 'variables.count > 1 "
		"&& "
		"object.metadata.__namespace__ != \"\"', messageExpression: "
		"'object.spec.paused'}]}");
	CLEANUP_VALUE struct value *list = policy_type_warnings(spec);
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	json_render(list, &out);
	if (value_count(list) != 1)
		fail_msg("%s", buf_str(&out));
	assert_string_equal(value_dig_str(value_at(list, 0), "fieldRef", NULL),
			    "spec.validations[0].expression");
	assert_non_null(strstr(buf_str(&out),
			       "apps/v1, Kind=Deployment: ERROR: <input>:1:22: found "
			       "no matching overload for '_>_' applied to '(int, "
			       "string)'"));
}

static int setup(void **state)
{
	kinds_init();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_validation),
		cmocka_unit_test(test_types),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
