/* SPDX-License-Identifier: MIT */
/* Which requests the rules and selectors of webhooks and policies speak of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "objects/api/admission/match.h"
#include "objects/codec.h"

static struct value *json(const char *text)
{
	struct err err = ERR_INIT;
	struct value *v = json_parse(text, strlen(text), &err);

	if (!v)
		fail_msg("%s: %s", text, err.msg);
	return v;
}

static const struct kind *kind(const char *api_version, const char *name)
{
	const struct kind *k = kind_by_gvk(api_version, name);

	assert_non_null(k);
	return k;
}

#define RULE(groups, versions, operations, resources, more)                                        \
	"{\"apiGroups\":[" groups "],\"apiVersions\":[" versions "],\"operations\":[" operations   \
	"],\"resources\":[" resources "]" more "}"
#define ANY "\"*\""

static int matches(const char *rule, const char *operation, const struct kind *k, const char *sub)
{
	CLEANUP_VALUE struct value *r = json(rule);

	return match_rule(r, &(struct match_request){operation, k, sub, "default", "x"}, k);
}

static void test_groups_versions_operations(void **state)
{
	const struct kind *pod = kind("v1", "Pod"), *deployment = kind("apps/v1", "Deployment");

	assert_true(matches(RULE(ANY, ANY, ANY, ANY, ""), "CREATE", pod, ""));
	assert_true(
		matches(RULE("\"\"", "\"v1\"", "\"CREATE\"", "\"pods\"", ""), "CREATE", pod, ""));
	assert_false(
		matches(RULE("\"\"", "\"v1\"", "\"UPDATE\"", "\"pods\"", ""), "CREATE", pod, ""));
	assert_true(matches(RULE("\"\"", "\"v1\"", "\"UPDATE\",\"CREATE\"", "\"pods\"", ""),
			    "CREATE", pod, ""));
	assert_false(matches(RULE("\"apps\"", ANY, ANY, "\"pods\"", ""), "CREATE", pod, ""));
	assert_false(matches(RULE("\"\"", "\"v2\"", ANY, "\"pods\"", ""), "CREATE", pod, ""));
	assert_true(matches(RULE("\"apps\"", ANY, ANY, "\"deployments\"", ""), "CREATE", deployment,
			    ""));
	/* not a prefix, and not the kind's name */
	assert_false(matches(RULE(ANY, ANY, ANY, "\"pod\"", ""), "CREATE", pod, ""));
	assert_false(matches(RULE(ANY, ANY, ANY, "\"Pod\"", ""), "CREATE", pod, ""));
	/* a rule that lists nothing says nothing */
	assert_false(matches("{}", "CREATE", pod, ""));
	assert_false(matches("{\"apiGroups\":3}", "CREATE", pod, ""));
}

static void test_subresources(void **state)
{
	const struct kind *pod = kind("v1", "Pod");

	assert_false(matches(RULE(ANY, ANY, ANY, "\"pods\"", ""), "UPDATE", pod, "status"));
	assert_false(matches(RULE(ANY, ANY, ANY, ANY, ""), "UPDATE", pod, "status"));
	assert_true(matches(RULE(ANY, ANY, ANY, "\"pods/status\"", ""), "UPDATE", pod, "status"));
	assert_false(matches(RULE(ANY, ANY, ANY, "\"pods/status\"", ""), "UPDATE", pod, ""));
	assert_false(matches(RULE(ANY, ANY, ANY, "\"pods/status\"", ""), "CONNECT", pod, "exec"));
	assert_true(matches(RULE(ANY, ANY, ANY, "\"pods/*\"", ""), "CONNECT", pod, "exec"));
	assert_true(matches(RULE(ANY, ANY, ANY, "\"pods/*\"", ""), "CREATE", pod, ""));
	assert_true(matches(RULE(ANY, ANY, ANY, "\"*/*\"", ""), "CONNECT", pod, "exec"));
	assert_true(matches(RULE(ANY, ANY, ANY, "\"*/exec\"", ""), "CONNECT", pod, "exec"));
	assert_false(matches(RULE(ANY, ANY, ANY, "\"*/exec\"", ""), "CREATE", pod, ""));
}

static void test_scope(void **state)
{
	const struct kind *pod = kind("v1", "Pod"), *ns = kind("v1", "Namespace");
	const char *namespaced = RULE(ANY, ANY, ANY, ANY, ",\"scope\":\"Namespaced\"");
	const char *cluster = RULE(ANY, ANY, ANY, ANY, ",\"scope\":\"Cluster\"");

	assert_true(matches(namespaced, "CREATE", pod, ""));
	assert_false(matches(cluster, "CREATE", pod, ""));
	assert_true(matches(cluster, "CREATE", ns, ""));
	assert_false(matches(namespaced, "CREATE", ns, ""));
	assert_true(matches(RULE(ANY, ANY, ANY, ANY, ",\"scope\":\"*\""), "CREATE", ns, ""));
}

static void test_resource_names(void **state)
{
	const struct kind *pod = kind("v1", "Pod");

	assert_true(
		matches(RULE(ANY, ANY, ANY, ANY, ",\"resourceNames\":[\"x\"]"), "UPDATE", pod, ""));
	assert_false(
		matches(RULE(ANY, ANY, ANY, ANY, ",\"resourceNames\":[\"y\"]"), "UPDATE", pod, ""));
	assert_true(matches(RULE(ANY, ANY, ANY, ANY, ",\"resourceNames\":[]"), "UPDATE", pod, ""));
}

static void test_equivalent_versions(void **state)
{
	const struct kind *v1 = kind("autoscaling/v1", "HorizontalPodAutoscaler");
	const struct kind *v2 = kind("autoscaling/v2", "HorizontalPodAutoscaler");
	CLEANUP_VALUE struct value *rules = json(
		"[" RULE("\"autoscaling\"", "\"v1\"", ANY, "\"horizontalpodautoscalers\"", "") "]");
	struct match_request m = {"CREATE", v2, "", "default", "x"};

	assert_ptr_equal(match_rules(rules, &m, 1), v1);
	assert_null(match_rules(rules, &m, 0));
	m.kind = v1;
	assert_ptr_equal(match_rules(rules, &m, 1), v1);
	assert_ptr_equal(match_rules(rules, &m, 0), v1);
	m.kind = kind("v1", "Pod");
	assert_null(match_rules(rules, &m, 1));
}

static void test_selectors(void **state)
{
	CLEANUP_VALUE struct value *prod = json("{\"matchLabels\":{\"env\":\"prod\"}}");
	CLEANUP_VALUE struct value *malformed =
		json("{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Like\"}]}");
	CLEANUP_VALUE struct value *all = json("{}");
	CLEANUP_VALUE struct value *yes = json("{\"metadata\":{\"labels\":{\"env\":\"prod\"}}}");
	CLEANUP_VALUE struct value *no = json("{\"metadata\":{\"labels\":{\"env\":\"dev\"}}}");

	assert_true(match_labels(all, NULL));
	assert_true(match_labels(NULL, NULL));
	assert_false(match_labels(prod, NULL));
	assert_false(match_labels(malformed, NULL));
	/* either of the two objects: a label cannot be taken off to escape */
	assert_true(match_objects(prod, yes, no));
	assert_true(match_objects(prod, no, yes));
	assert_true(match_objects(prod, NULL, yes));
	assert_false(match_objects(prod, no, no));
	assert_false(match_objects(prod, NULL, NULL));
	assert_true(match_objects(all, NULL, NULL));
}

static void test_configurations_are_exempt(void **state)
{
	assert_true(match_is_exempt(
		kind("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration")));
	assert_true(match_is_exempt(
		kind("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding")));
	assert_false(match_is_exempt(kind("v1", "Pod")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups_versions_operations),
		cmocka_unit_test(test_subresources),
		cmocka_unit_test(test_scope),
		cmocka_unit_test(test_resource_names),
		cmocka_unit_test(test_equivalent_versions),
		cmocka_unit_test(test_selectors),
		cmocka_unit_test(test_configurations_are_exempt),
	};

	kinds_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
