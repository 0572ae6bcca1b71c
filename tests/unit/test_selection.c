/* SPDX-License-Identifier: MIT */
/* Selections: labels and fields in one text, which fields each kind has, what an absent one is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "objects/codec.h"
#include "objects/custom.h"
#include "objects/selection.h"

static const struct kind *kind(const char *api_version, const char *name)
{
	const struct kind *k = kind_by_gvk(api_version, name);

	assert_non_null(k);
	return k;
}

static struct value *parse(const char *yaml)
{
	struct err err = ERR_INIT;
	struct value *v = yaml_parse_value(yaml, strlen(yaml), &err);

	if (!v)
		fail_msg("%s: %s", yaml, err.msg);
	return v;
}

static int selects(const struct kind *k, const char *text, const char *fields, const char *yaml)
{
	struct err err = ERR_INIT;
	CLEANUP(selection_freep) struct selection *s = selection_parse(k, text, &err);
	CLEANUP_VALUE struct value *v = parse(yaml);

	if (!s || selection_add_fields(s, k, fields, &err) < 0)
		fail_msg("@%s --field-selector=%s: %s", text, fields, err.msg);
	return selection_matches(s, v);
}

static void refuses(const struct kind *k, const char *text, const char *why)
{
	struct err err = ERR_INIT;
	CLEANUP(selection_freep) struct selection *s = selection_parse(k, text, &err);

	if (s || !strstr(err.msg, why))
		fail_msg("@%s: '%s' was expected, not '%s'", text, why, err.msg);
	assert_true(err.code > 0);
}

#define POD                                                                                        \
	"{metadata: {name: web-1, namespace: prod, labels: {app: web, tier: front}}, spec: "       \
	"{nodeName: n1, hostNetwork: true, restartPolicy: Always}, status: {phase: Running, "      \
	"podIP: 10.0.0.7}}"

static void test_terms(void **state)
{
	static const struct {
		const char *text;
		int want;
	} cases[] = {
		{"", 1},
		{"app=web", 1},
		{".status.phase=Running", 1},
		{".status.phase==Running", 1},
		{".status.phase!=Running", 0},
		{".status.phase=Pending", 0},
		{".status.phase!=Pending", 1},
		{".metadata.name=web-1", 1},
		{".metadata.namespace!=prod", 0},
		{".status.podIP=10.0.0.7", 1},
		{"app=web,.status.phase=Running,tier", 1},
		{".status.phase=Running,app=db", 0},
		{"app in (web,db),.spec.nodeName=n1", 1},
		{".spec.nodeName=n1,app notin (web,db)", 0},
		{" .spec.nodeName=n1 , app = web", 0}, /* blanks are of the value */
		{"app = web, .spec.nodeName=n1", 1},
		{".spec.hostNetwork=true", 1},
		{".spec.schedulerName=", 1}, /* absent */
		{".spec.schedulerName!=", 0},
		{".status.phase=Run\\,ning", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (selects(kind("v1", "Pod"), cases[i].text, "", POD) != cases[i].want)
			fail_msg("@%s", cases[i].text);
}

static void test_fields_as_kubectl_spells_them(void **state)
{
	const struct kind *pod = kind("v1", "Pod");

	assert_true(selects(pod, "", "status.phase=Running,spec.nodeName!=n2", POD));
	assert_true(selects(pod, "app=web", ",status.phase=Running,", POD));
	assert_false(selects(pod, "app=web", "status.phase=Failed", POD));
	assert_false(selects(pod, "app=db", "status.phase=Running", POD));
}

/* What stands behind a backslash is of the value. */
static void test_escapes(void **state)
{
	const struct kind *event = kind("v1", "Event");

	assert_true(selects(event, ".reason=a\\,b\\=c\\\\d", "", "{reason: 'a,b=c\\d'}"));
	assert_true(selects(event, "", "reason=(x y)", "{reason: (x y)}"));
	refuses(event, ".reason=a=b", "unescaped character in value: =");
	refuses(event, ".reason=a\\b", "invalid escape sequence: \\b");
	refuses(event, ".reason=a\\", "invalid escape sequence: \\");
}

/* A field that is absent reads as its type's zero, where the type is Kubernetes' own. */
static void test_zeros(void **state)
{
	assert_true(selects(kind("v1", "Node"), ".spec.unschedulable=false", "", "{spec: {}}"));
	assert_false(selects(kind("v1", "Node"), ".spec.unschedulable=true", "", "{}"));
	assert_true(selects(kind("v1", "Pod"), ".spec.hostNetwork=false", "", "{}"));
	assert_true(selects(kind("apps/v1", "ReplicaSet"), ".status.replicas=0", "", "{}"));
	assert_true(selects(kind("apps/v1", "ReplicaSet"), ".status.replicas=12", "",
			    "{status: {replicas: 12}}"));
	assert_true(selects(kind("batch/v1", "Job"), ".status.successful=3", "",
			    "{status: {succeeded: 3}}"));
}

/* An Event's source is its component, or whoever reports it. */
static void test_first_that_says_something(void **state)
{
	const struct kind *event = kind("v1", "Event");

	assert_true(selects(event, ".source=kubelet", "", "{source: {component: kubelet}}"));
	assert_true(selects(event, ".source=kubelet", "", "{reportingComponent: kubelet}"));
	assert_true(
		selects(event, ".source=a", "", "{source: {component: a}, reportingComponent: b}"));
	assert_true(selects(kind("events.k8s.io/v1", "Event"), ".regarding.name=p", "",
			    "{regarding: {name: p}}"));
}

static void test_refusals(void **state)
{
	const struct kind *pod = kind("v1", "Pod"), *map = kind("v1", "ConfigMap");

	refuses(pod, ".spec.priority=1", "field label not supported: spec.priority");
	refuses(pod, ".=x", "field label not supported: ");
	refuses(kind("v1", "Node"), ".metadata.namespace=x",
		"field label not supported: metadata.namespace");
	refuses(kind("events.k8s.io/v1", "Event"), ".involvedObject.name=x",
		"field label not supported: involvedObject.name");
	refuses(map, ".data.x=1",
		"\"data.x\" is not a known field selector: only \"metadata.name\", "
		"\"metadata.namespace\"");
	refuses(pod, ".status.phase", "can't understand 'status.phase'");
	refuses(pod, ".status.phase>1", "can't understand 'status.phase>1'");
	refuses(pod, "!.status.phase", "name part must consist of");
	refuses(pod, "app=a=b", "found '='");
	refuses(pod, "app,,.status.phase=x", "unable to parse requirement");
	refuses(pod, "app,.status.phase=x,", "unable to parse requirement");
	refuses(pod, ".status.phase=x,", "unable to parse requirement");
	refuses(pod, ",.status.phase=x", "unable to parse requirement");
}

/* Every row of the kinds' files leads to a scalar, or to the one list that Kubernetes accepts. */
static void test_what_kinds_say(void **state)
{
	size_t n = 0;

	for (size_t i = 0; i < kinds_count(); i++) {
		const struct kind *k = kind_at(i);

		for (const struct selectable *f = k->selectable; f && f->label; f++, n++) {
			CLEANUP_FREE char *text = xasprintf(".%s=x", f->label);

			assert_false(selects(k, text, "", "{}"));
			assert_non_null(f->paths[0]);
		}
	}
	assert_in_range(n, 30, 1000);
}

/* -- what users define -- */

static void test_custom(void **state)
{
	CLEANUP_VALUE struct value *v = parse(
		"{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: "
		"{name: hues.example.com}, spec: {group: example.com, scope: Namespaced, names: "
		"{plural: hues, kind: Hue}, versions: [{name: v1, served: true, storage: true, "
		"selectableFields: [{jsonPath: .spec.color}, {jsonPath: .spec.num}, {jsonPath: "
		"'.spec[''a.b'']'}], schema: {openAPIV3Schema: {type: object, properties: {spec: "
		"{type: object, properties: {color: {type: string}, num: {type: integer}, a.b: "
		"{type: boolean}}}}}}}]}}");
	const struct kind *k;

	custom_define(v);
	k = kind("example.com/v1", "Hue");
	assert_true(selects(k, ".spec.color=blue", "", "{spec: {color: blue}}"));
	assert_false(selects(k, ".spec.color=blue", "", "{spec: {color: red}}"));
	assert_true(selects(k, ".spec.num=5,.spec.color!=red", "", "{spec: {num: 5}}"));
	assert_false(selects(k, ".spec.num=0", "", "{}")); /* absent is no zero here */
	assert_true(selects(k, ".spec.num=", "", "{}"));
	assert_true(selects(k, ".spec['a.b']=true", "", "{spec: {a.b: true}}"));
	assert_true(selects(k, ".metadata.namespace=d", "", "{metadata: {namespace: d}}"));
	refuses(k, ".spec.size=1", "field label not supported: spec.size");
	custom_undefine("hues.example.com");
}

static int setup(void **state)
{
	(void)state;
	kinds_init();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_terms),
		cmocka_unit_test(test_fields_as_kubectl_spells_them),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_zeros),
		cmocka_unit_test(test_first_that_says_something),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_what_kinds_say),
		cmocka_unit_test(test_custom),
	};

	return cmocka_run_group_tests_name("selection", tests, setup, NULL);
}
