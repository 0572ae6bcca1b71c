/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "objects/apply.h"
#include "objects/codec.h"
#include "objects/patch/managers.h"
#include "objects/patch/shape.h"

#define T0 "2026-01-01T00:00:00Z"
#define T1 "2026-01-01T00:00:01Z"

static const struct kind *cm, *deploy, *pod;

static struct value *yaml(const char *text)
{
	struct faults faults = FAULTS_INIT;
	struct documents docs = {0};
	struct value *v;

	if (yaml_parse(text, strlen(text), &docs, &faults) || docs.n != 1)
		fail_msg("%s: %s", text, faults.n ? faults.list[0].message : "not one document");
	v = value_ref(docs.list[0].value);
	documents_fini(&docs);
	return v;
}

static struct value *apply_as(const struct kind *k, const struct value *live, const char *manager,
			      const char *now, int force, const char *config, struct faults *faults)
{
	struct field_writer who = {manager, "", now};
	CLEANUP_VALUE struct value *said = yaml(config);

	return apply_merge(k, live, said, &who, force, faults);
}

static struct value *applied(const struct kind *k, const struct value *live, const char *manager,
			     const char *now, const char *config)
{
	struct faults faults = FAULTS_INIT;
	struct value *next = apply_as(k, live, manager, now, 0, config, &faults);

	if (!next)
		fail_msg("%s", faults.n ? faults.list[0].message : "refused without a word");
	return next;
}

static const struct value *fields_of(const struct value *obj, const char *manager,
				     const char *operation)
{
	const struct value *list = value_dig(obj, "metadata", "managedFields", NULL);

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *e = value_at(list, i);

		if (str_eq(value_dig_str(e, "manager", NULL), manager) &&
		    str_eq(value_dig_str(e, "operation", NULL), operation))
			return value_get(e, "fieldsV1");
	}
	return NULL;
}

static void assert_fields(const struct value *obj, const char *manager, const char *operation,
			  const char *want)
{
	CLEANUP(buf_fini) struct buf got = BUF_INIT;

	if (!want) {
		assert_null(fields_of(obj, manager, operation));
		return;
	}
	assert_non_null(fields_of(obj, manager, operation));
	json_render(fields_of(obj, manager, operation), &got);
	assert_string_equal(buf_str(&got), want);
}

#define CM "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: d}\n"

/* -- applying -- */

static void test_same_again_is_no_change(void **state)
{
	CLEANUP_VALUE struct value *one = applied(cm, NULL, "a", T0, CM "data: {x: '1'}");
	CLEANUP_VALUE struct value *two = applied(cm, one, "a", T1, CM "data: {x: '1'}");
	CLEANUP_VALUE struct value *three = applied(cm, two, "b", T1, CM "data: {x: '1'}");
	CLEANUP_VALUE struct value *four = applied(cm, three, "b", T1, CM "data: {x: '1'}");

	assert_ptr_equal(one, two);
	assert_ptr_not_equal(two, three); /* b holds it, too */
	assert_fields(three, "a", "Apply", "{\"f:data\":{\"f:x\":{}}}");
	assert_fields(three, "b", "Apply", "{\"f:data\":{\"f:x\":{}}}");
	assert_ptr_equal(three, four);
}

static void test_what_is_applied_no_more_goes_unless_held(void **state)
{
	CLEANUP_VALUE struct value *one = applied(cm, NULL, "a", T0, CM "data: {x: '1', q: '2'}");
	CLEANUP_VALUE struct value *two = applied(cm, one, "b", T0, CM "data: {q: '2'}");
	CLEANUP_VALUE struct value *three = applied(cm, two, "a", T1, CM "data: {z: '3'}");
	CLEANUP(buf_fini) struct buf data = BUF_INIT;

	json_render(value_get(three, "data"), &data);
	assert_string_equal(buf_str(&data), "{\"q\":\"2\",\"z\":\"3\"}");
	assert_fields(three, "b", "Apply", "{\"f:data\":{\"f:q\":{}}}");
}

static void test_conflicts_name_field_and_manager(void **state)
{
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	CLEANUP_VALUE struct value *one = applied(cm, NULL, "a", T0, CM "data: {x: '1', q: '2'}");
	CLEANUP_VALUE struct value *two = NULL;

	assert_null(apply_as(cm, one, "b", T1, 0, CM "data: {x: '9', q: '8', z: '1'}", &faults));
	assert_int_equal(faults.code, EBUSY);
	assert_int_equal(faults.n, 2);
	assert_string_equal(faults.list[0].message,
			    "Apply failed with 2 conflicts: conflict with \"a\": .data.q");
	assert_string_equal(faults.list[1].message,
			    "Apply failed with 2 conflicts: conflict with \"a\": .data.x");
	faults_fini(&faults);
	faults = (struct faults)FAULTS_INIT;
	two = apply_as(cm, one, "b", T1, 1, CM "data: {x: '9'}", &faults);
	assert_non_null(two);
	assert_string_equal(value_dig_str(two, "data", "x", NULL), "9");
	assert_fields(two, "a", "Apply", "{\"f:data\":{\"f:q\":{}}}");
	assert_fields(two, "b", "Apply", "{\"f:data\":{\"f:x\":{}}}");
}

static void test_an_update_takes_and_a_conflict_says_using(void **state)
{
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	struct field_writer who = {"kubectl", "", T1};
	CLEANUP_VALUE struct value *one = applied(cm, NULL, "a", T0, CM "data: {x: '1'}");
	CLEANUP_VALUE struct value *two = apply_track_update(
		cm, one, value_bury(value_ref(one), value_new_string("2"), "data", "x", NULL),
		&who);

	assert_fields(two, "a", "Apply", NULL);
	assert_fields(two, "kubectl", "Update", "{\"f:data\":{\"f:x\":{}}}");
	assert_null(apply_as(cm, two, "a", T1, 0, CM "data: {x: '1'}", &faults));
	assert_string_equal(
		faults.list[0].message,
		"Apply failed with 1 conflict: conflict with \"kubectl\" using v1: .data.x");
}

static void test_server_fields_and_status_in_a_config_mean_nothing(void **state)
{
	CLEANUP_VALUE struct value *one =
		applied(pod, NULL, "a", T0,
			"apiVersion: v1\nkind: Pod\n"
			"metadata: {name: p, namespace: d, uid: u, resourceVersion: '7',"
			" creationTimestamp: null, generation: 3, labels: {l: '1'}}\n"
			"spec: {containers: [{name: c, image: i}]}\nstatus: {phase: Running}");

	assert_null(value_get(one, "status"));
	assert_null(value_dig(one, "metadata", "uid", NULL));
	assert_fields(one, "a", "Apply",
		      "{\"f:metadata\":{\"f:labels\":{\"f:l\":{}}},\"f:spec\":{\"f:containers\":{"
		      "\"k:{\\\"name\\\":\\\"c\\\"}\":"
		      "{\".\":{},\"f:image\":{},\"f:name\":{}}}}}");
}

static void test_quantities_are_the_same_in_any_spelling(void **state)
{
#define LIMITS(cpu)                                                                                \
	"apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: d}\n"                           \
	"spec: {containers: [{name: c, image: i, resources: {limits: {cpu: " cpu "}}}]}"
	CLEANUP_VALUE struct value *one = applied(pod, NULL, "a", T0, LIMITS("1000m"));
	CLEANUP_VALUE struct value *two = applied(pod, one, "a", T1, LIMITS("1"));
	CLEANUP_VALUE struct value *three =
		applied(pod, two, "b", T1, LIMITS("'1.0'")); /* no conflict */

	assert_ptr_equal(one, two);
	assert_non_null(fields_of(three, "b", "Apply"));
}

static void test_an_empty_atomic_list_empties(void **state)
{
#define TOLERATIONS(t)                                                                             \
	"apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: d}\n"                           \
	"spec: {containers: [{name: c, image: i}], tolerations: " t "}"
	CLEANUP_VALUE struct value *one =
		applied(pod, NULL, "a", T0, TOLERATIONS("[{operator: Exists}]"));
	CLEANUP_VALUE struct value *two = applied(pod, one, "a", T1, TOLERATIONS("[]"));
	CLEANUP_VALUE struct value *three = applied(pod, two, "a", T1, TOLERATIONS("[]"));

	assert_null(value_dig(two, "spec", "tolerations", NULL));
	assert_ptr_equal(two, three);
}

/* Lists: order of the config, live's own elements among them. */
static void test_order_of_lists(void **state)
{
	static const struct {
		const char *live, *config, *want;
	} cases[] = {
		{"a", "a", "a"},      {"ab", "ba", "ba"},     {"ax", "ab", "axb"},
		{"axb", "ba", "xba"}, {"abx", "ba", "bxa"},   {"xy", "ab", "xyab"},
		{"xay", "a", "xay"},  {"axyb", "ab", "axyb"}, {"abcd", "db", "acdb"},
	};
	const struct schema *list = schema_child(schema_child(pod->schema, "spec"), "containers");

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_VALUE struct value *live = value_new_list(), *config = value_new_list(),
					   *got = NULL;
		CLEANUP(buf_fini) struct buf names = BUF_INIT;

		for (const char *c = cases[i].live; *c; c++)
			live = value_append(
				live, value_set(value_new_map(), "name", value_new_stringn(c, 1)));
		for (const char *c = cases[i].config; *c; c++)
			config = value_append(config, value_set(value_new_map(), "name",
								value_new_stringn(c, 1)));
		got = shape_merge(list, live, config);
		for (size_t j = 0; j < value_count(got); j++)
			buf_adds(&names, value_dig_str(value_at(got, j), "name", NULL));
		assert_string_equal(buf_str(&names), cases[i].want);
	}
}

/* Kubernetes stores a name that is twice in a list; so must we. */
static void test_repeated_elements_stay(void **state)
{
#define ENV(e)                                                                                     \
	"apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: d}\n"                           \
	"spec: {containers: [{name: c, image: i, env: " e "}]}"
	CLEANUP_VALUE struct value *one =
		applied(pod, NULL, "a", T0, ENV("[{name: A, value: '1'}, {name: A, value: '2'}]"));
	CLEANUP_VALUE struct value *two =
		applied(pod, one, "a", T1, ENV("[{name: A, value: '1'}, {name: A, value: '2'}]"));
	CLEANUP_VALUE struct value *three =
		applied(pod, two, "a", T1, ENV("[{name: A, value: '3'}]"));
	const struct value *env =
		value_get(value_at(value_dig(three, "spec", "containers", NULL), 0), "env");

	assert_ptr_equal(one, two);
	assert_int_equal(value_count(env), 1);
	assert_string_equal(value_dig_str(value_at(env, 0), "value", NULL), "3");
}

static void test_untracked_objects_belong_to_somebody(void **state)
{
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	CLEANUP_VALUE struct value *live = yaml(CM "data: {x: '1', q: '2'}");
	CLEANUP_VALUE struct value *next = NULL;

	assert_null(apply_as(cm, live, "a", T0, 0, CM "data: {x: '5'}", &faults));
	assert_string_equal(faults.list[0].message, "Apply failed with 1 conflict: conflict with "
						    "\"before-first-apply\" using v1: .data.x");
	faults_fini(&faults);
	faults = (struct faults)FAULTS_INIT;
	next = apply_as(cm, live, "a", T0, 1, CM "data: {x: '5'}", &faults);
	assert_fields(next, "before-first-apply", "Update", "{\"f:data\":{\".\":{},\"f:q\":{}}}");
	assert_string_equal(value_dig_str(next, "data", "q", NULL), "2");
}

/* -- updates -- */

static struct value *updated(const struct kind *k, const struct value *live, struct value *next,
			     const char *manager, const char *subresource, const char *now)
{
	struct field_writer who = {manager, subresource, now};

	return apply_track_update(k, live, next, &who);
}

static void test_creation_belongs_to_the_creator(void **state)
{
	CLEANUP_VALUE struct value *v = updated(
		deploy, NULL,
		kind_default(deploy,
			     yaml("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, "
				  "namespace: d, "
				  "labels: {l: '1'}}\nspec: {selector: {matchLabels: {a: b}}, "
				  "template: {metadata: "
				  "{labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}")),
		"kubectl-create", "", T0);

	/* as `kubectl create deployment` leaves it */
	assert_fields(v, "kubectl-create", "Update",
		      "{\"f:metadata\":{\"f:labels\":{\".\":{},\"f:l\":{}}},\"f:spec\":{\"f:"
		      "progressDeadlineSeconds\":{},"
		      "\"f:replicas\":{},\"f:revisionHistoryLimit\":{},\"f:selector\":{},\"f:"
		      "strategy\":{\"f:rollingUpdate\":"
		      "{\".\":{},\"f:maxSurge\":{},\"f:maxUnavailable\":{}},\"f:type\":{}},\"f:"
		      "template\":{\"f:metadata\":"
		      "{\"f:labels\":{\".\":{},\"f:a\":{}}},\"f:spec\":{\"f:containers\":{\"k:{"
		      "\\\"name\\\":\\\"c\\\"}\":"
		      "{\".\":{},\"f:image\":{},\"f:imagePullPolicy\":{},\"f:name\":{},\"f:"
		      "resources\":{},"
		      "\"f:terminationMessagePath\":{},\"f:terminationMessagePolicy\":{}}},\"f:"
		      "dnsPolicy\":{},"
		      "\"f:restartPolicy\":{},\"f:schedulerName\":{},\"f:securityContext\":{},"
		      "\"f:terminationGracePeriodSeconds\":{}}}}}");
}

static void test_status_is_tracked_apart(void **state)
{
	CLEANUP_VALUE struct value *one =
		applied(pod, NULL, "a", T0,
			"apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: d}\n"
			"spec: {containers: [{name: c, image: i}]}");
	CLEANUP_VALUE struct value *two = updated(
		pod, one,
		value_bury(value_ref(one), value_new_string("Running"), "status", "phase", NULL),
		"node", "status", T1);
	CLEANUP_VALUE struct value *three = updated(
		pod, two,
		value_bury(value_ref(two), value_new_string("Failed"), "status", "phase", NULL),
		"x", "", T1);

	assert_fields(two, "node", "Update", "{\"f:status\":{\"f:phase\":{}}}");
	assert_fields(three, "x", "Update", NULL);
}

static void test_only_times_differ(void **state)
{
	CLEANUP_VALUE struct value *one = applied(cm, NULL, "a", T0, CM "data: {x: '1'}");
	const struct value *entry = value_at(value_dig(one, "metadata", "managedFields", NULL), 0);
	struct value *list =
		value_append(value_new_list(), value_set_str(value_ref(entry), "time", T1));
	struct value *two = value_bury(value_ref(one), list, "metadata", "managedFields", NULL);
	struct value *three = value_bury(value_ref(two), value_new_string("2"), "data", "x", NULL);

	two = apply_settle(one, two);
	assert_ptr_equal(two, one);
	value_unref(two);
	three = apply_settle(one, three);
	assert_ptr_not_equal(three, one);
	value_unref(three);
}

static void test_managed_fields_that_a_client_writes(void **state)
{
	CLEANUP_VALUE struct value *one = applied(cm, NULL, "a", T0, CM "data: {x: '1'}");
	CLEANUP_VALUE struct value *bad =
		updated(cm, one,
			value_bury(value_ref(one),
				   yaml("[{manager: z, operation: Apply, fieldsV1: {'q:x': {}}}]"),
				   "metadata", "managedFields", NULL),
			"b", "", T1);
	CLEANUP_VALUE struct value *good = updated(
		cm, one,
		value_bury(
			value_ref(one),
			yaml("[{manager: z, operation: Apply, apiVersion: v1, fieldsType: "
			     "FieldsV1, "
			     "fieldsV1: {'f:data': {'f:x': {}, 'k:{ \"b\": 1,\"a\": 2 }': {}}}}]"),
			"metadata", "managedFields", NULL),
		"b", "", T1);
	CLEANUP_VALUE struct value *gone = updated(
		cm, one,
		value_bury(value_ref(one), value_new_list(), "metadata", "managedFields", NULL),
		"b", "", T1);
	CLEANUP_VALUE struct value *reset =
		updated(cm, one,
			value_bury(value_ref(one), yaml("[{}]"), "metadata", "managedFields", NULL),
			"b", "", T1);

	assert_fields(bad, "a", "Apply", "{\"f:data\":{\"f:x\":{}}}");
	assert_fields(good, "z", "Apply",
		      "{\"f:data\":{\"f:x\":{},\"k:{\\\"a\\\":2,\\\"b\\\":1}\":{}}}");
	assert_fields(good, "a", "Apply", NULL);
	assert_fields(gone, "a", "Apply", "{\"f:data\":{\"f:x\":{}}}");
	assert_null(value_dig(reset, "metadata", "managedFields", NULL));
}

static void test_old_updaters_are_folded(void **state)
{
	CLEANUP_VALUE struct value *live = updated(cm, NULL, yaml(CM), "m", "", T0);

	for (int i = 0; i < 30; i++) {
		CLEANUP_FREE char *name = xasprintf("m%02d", i),
				  *now = xasprintf("2026-01-01T00:01:%02dZ", i);
		struct value *next =
			value_bury(value_ref(live), value_new_string("1"), "data", name, NULL);

		next = updated(cm, live, next, name, "", now);
		value_unref(live);
		live = next;
	}
	assert_true(value_count(value_dig(live, "metadata", "managedFields", NULL)) <= 11);
	assert_non_null(fields_of(live, "m29", "Update"));
	assert_null(fields_of(live, "m01", "Update"));
	assert_non_null(
		value_dig(fields_of(live, "ancient-changes", "Update"), "f:data", "f:m01", NULL));
}

/* -- sets -- */

static void test_sets(void **state)
{
	CLEANUP_VALUE struct value *a = yaml("{'f:a': {}, 'f:b': {'.': {}, 'f:c': {}}}");
	CLEANUP_VALUE struct value *b = yaml("{'f:b': {'f:c': {}, 'f:d': {}}}");
	CLEANUP_VALUE struct value *all = fieldset_union(a, b), *minus = fieldset_minus(a, b),
				   *both = fieldset_and(a, b);
	CLEANUP_VALUE struct value *same = fieldset_union(a, a), *same2 = fieldset_union(all, b),
				   *none = fieldset_minus(a, a);
	CLEANUP_VALUE struct value *all_want =
		yaml("{'f:a': {}, 'f:b': {'.': {}, 'f:c': {}, 'f:d': {}}}");
	CLEANUP_VALUE struct value *minus_want = yaml("{'f:a': {}, 'f:b': {}}");
	CLEANUP_VALUE struct value *both_want = yaml("{'f:b': {'f:c': {}}}");

	assert_true(value_equal(all, all_want));
	assert_true(value_equal(minus, minus_want));
	assert_true(value_equal(both, both_want));
	assert_ptr_equal(same, a);
	assert_ptr_equal(same2, all);
	assert_null(none);
	assert_true(fieldset_within(b, all) && fieldset_within(a, all) && !fieldset_within(all, a));
	assert_true(fieldset_within(NULL, a) && !fieldset_within(a, NULL));
}

/* A change of one field of a big object must not cost what the object costs. */
static void test_a_small_change_of_a_big_object_is_cheap(void **state)
{
	struct value *data = value_new_map();
	struct timespec from, to;
	CLEANUP_VALUE struct value *live = NULL;
	double ms;

	for (int i = 0; i < 100000; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%06d", i);
		data = value_map_add(data, key, strlen(key), value_new_int(i));
	}
	live = value_set(yaml(CM), "data", data);
	live = updated(cm, NULL, live, "m", "", T0);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	for (int i = 0; i < 100; i++) {
		struct value *next = value_bury(value_ref(live), value_new_int(i), "metadata",
						"labels", "l", NULL);

		next = updated(cm, live, next, "m", "", T1);
		value_unref(live);
		live = next;
	}
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	ms = (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6;
	print_message("100 changes of a label beside 100000 entries: %.1f ms of CPU time\n", ms);
	assert_true(ms < 1000); /* looking at all entries each time takes many seconds */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_again_is_no_change),
		cmocka_unit_test(test_what_is_applied_no_more_goes_unless_held),
		cmocka_unit_test(test_conflicts_name_field_and_manager),
		cmocka_unit_test(test_an_update_takes_and_a_conflict_says_using),
		cmocka_unit_test(test_server_fields_and_status_in_a_config_mean_nothing),
		cmocka_unit_test(test_quantities_are_the_same_in_any_spelling),
		cmocka_unit_test(test_an_empty_atomic_list_empties),
		cmocka_unit_test(test_order_of_lists),
		cmocka_unit_test(test_repeated_elements_stay),
		cmocka_unit_test(test_untracked_objects_belong_to_somebody),
		cmocka_unit_test(test_creation_belongs_to_the_creator),
		cmocka_unit_test(test_status_is_tracked_apart),
		cmocka_unit_test(test_only_times_differ),
		cmocka_unit_test(test_managed_fields_that_a_client_writes),
		cmocka_unit_test(test_old_updaters_are_folded),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_a_small_change_of_a_big_object_is_cheap),
	};

	kinds_init();
	cm = kind_by_gvk("v1", "ConfigMap");
	pod = kind_by_gvk("v1", "Pod");
	deploy = kind_by_gvk("apps/v1", "Deployment");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
