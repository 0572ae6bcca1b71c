/* SPDX-License-Identifier: MIT */
/* ReplicaSets and ReplicationControllers: who goes first, refusals, availability that takes time. */
#include "tests/unit/controllers_rig.h"
#include "tests/unit/script_kubelet.h"

#include "objects/controllers/facts.h"
#include "objects/controllers/replicaset/rank.h"

extern const struct controller_class replicaset_controller, replication_controller,
	scheduler_controller;

static const struct controller_class *const classes[] = {
	&replicaset_controller, &replication_controller, &scheduler_controller, &script_kubelet,
	NULL};

/* What a test is run for: its prestate. */
struct set {
	const char *plural, *api_version, *kind, *selector;
};

static struct set replica_sets = {"replicasets", "apps/v1", "ReplicaSet",
				  "\"selector\":{\"matchLabels\":{\"a\":\"x\"}},"},
		  replication_controllers = {"replicationcontrollers", "v1",
					     "ReplicationController", ""};

/* -- ranks -- */

#define NOW 1700000000

static struct object pod(const char *json)
{
	struct value *v = rig_json(json);

	return (struct object){.value = v, .name = value_dig_str(v, "metadata", "name", NULL)};
}

static void expect_first(const char *gone, const char *kept, int64_t together_gone,
			 int64_t together_kept)
{
	struct object a = pod(gone), b = pod(kept);

	for (int swap = 0; swap < 2; swap++) {
		struct ranked_pod list[2] = {
			{swap ? &b : &a, swap ? together_kept : together_gone},
			{swap ? &a : &b, swap ? together_gone : together_kept}};

		rank_pods(list, 2, NOW);
		assert_ptr_equal(list[0].pod, &a);
	}
	value_unref((struct value *)a.value);
	value_unref((struct value *)b.value);
}

#define READY(since)                                                                               \
	"\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":"        \
	"\"True\","                                                                                \
	"\"lastTransitionTime\":\"" since "\"}]}"
#define AT_2023 "2023-11-14T22:13:20Z" /* NOW */

static void test_pods_go_in_kubernetes_order(void **state)
{
	const char *ready = "{\"metadata\":{\"name\":\"r\"},\"spec\":{\"nodeName\":\"n\"}," READY(
		"2020-01-01T00:00:00Z") "}";
	const char *running = "{\"metadata\":{\"name\":\"u\"},\"spec\":{\"nodeName\":\"n\"},"
			      "\"status\":{\"phase\":\"Running\"}}";
	const char *pending = "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"nodeName\":\"n\"},"
			      "\"status\":{\"phase\":\"Pending\"}}";

	expect_first("{\"metadata\":{\"name\":\"x\"},\"spec\":{}}", pending, 0, 0); /* unassigned */
	expect_first(pending, running, 0, 0);
	expect_first(running, ready, 0, 0);
	expect_first("{\"metadata\":{\"annotations\":{\"controller.kubernetes.io/"
		     "pod-deletion-cost\":\"-5\"}},"
		     "\"spec\":{\"nodeName\":\"n\"}," READY("2019-01-01T00:00:00Z") "}",
		     ready, 0, 9);
	expect_first(
		"{\"metadata\":{},\"spec\":{\"nodeName\":\"n\"}," READY("2019-01-01T00:00:00Z") "}",
		ready, 3, 2);
	/* ready for a minute before ready for years */
	expect_first(
		"{\"metadata\":{},\"spec\":{\"nodeName\":\"n\"}," READY("2023-11-14T22:12:20Z") "}",
		ready, 1, 1);
	/* created later */
	expect_first("{\"metadata\":{\"creationTimestamp\":\"2023-11-14T22:12:20Z\"},\"spec\":{"
		     "\"nodeName\":\"n\"},"
		     "\"status\":{\"phase\":\"Running\"}}",
		     "{\"metadata\":{\"creationTimestamp\":\"2020-11-14T22:12:20Z\"},\"spec\":{"
		     "\"nodeName\":\"n\"},"
		     "\"status\":{\"phase\":\"Running\"}}",
		     0, 0);
}

static void test_more_restarts_go_first(void **state)
{
	static const char fmt[] =
		"{\"metadata\":{},\"spec\":{\"nodeName\":\"n\"},\"status\":{\"phase\":\"Running\","
		"\"containerStatuses\":[{\"restartCount\":0},{\"restartCount\":%d}]}}";
	char often[256], never[256];

	snprintf(often, sizeof(often), fmt, 3);
	snprintf(never, sizeof(never), fmt, 1);
	expect_first(often, never, 0, 0);
}

/* -- the controller -- */

static struct rig *start(void)
{
	struct rig *r = rig_new(classes);

	rig_create(r, "namespaces", "",
		   "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":"
		   "\"default\"}}");
	rig_create(r, "nodes", "",
		   "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"n1\"}}");
	rig_patch(r, "nodes", "", "n1", API_STATUS,
		  "{\"status\":{\"allocatable\":{\"cpu\":\"64\",\"memory\":\"64Gi\",\"pods\":"
		  "\"5000\"}}}");
	return r;
}

static void create_set(struct rig *r, const struct set *set, int replicas, const char *more)
{
	CLEANUP_FREE char *json = xasprintf(
		"{\"apiVersion\":\"%s\",\"kind\":\"%s\",\"metadata\":{\"name\":\"rs\"},\"spec\":{"
		"\"replicas\":%d%s,%s\"template\":{\"metadata\":{\"labels\":{\"a\":\"x\"}},"
		"\"spec\":{\"terminationGracePeriodSeconds\":0,\"containers\":[{\"name\":\"c\","
		"\"image\":\"i:1\"}]}}}}",
		set->api_version, set->kind, replicas, more, set->selector);

	rig_create(r, set->plural, "default", json);
}

static int64_t status(struct rig *r, const struct set *set, const char *key)
{
	struct object *o = rig_get(r, set->plural, "default", "rs");
	int64_t n = value_int(value_dig(o->value, "status", key, NULL), 0);

	object_unref(o);
	return n;
}

static const char *plural_of(void **state)
{
	const struct set *set = *state;

	return set->plural;
}

static void test_keeps_the_number(void **state)
{
	struct rig *r = start();
	struct object_list pods;

	create_set(r, *state, 300, "");
	rig_settle(r);
	assert_int_equal(status(r, *state, "readyReplicas"), 300);
	pods = rig_list(r, "pods", "default");
	assert_int_equal(pods.n, 300);
	for (size_t i = 0; i < 100; i++) /* somebody kills a third of them */
		rig_delete(r, "pods", "default", pods.list[i]->name, PROPAGATE_DEFAULT);
	object_list_fini(&pods);
	rig_settle(r);
	assert_int_equal(status(r, *state, "replicas"), 300);
	assert_int_equal(store_count(r->store, rig_kind("pods"), "default"), 300);
	rig_patch(r, plural_of(state), "default", "rs", 0, "{\"spec\":{\"replicas\":7}}");
	rig_settle(r);
	assert_int_equal(store_count(r->store, rig_kind("pods"), "default"), 7);
	assert_int_equal(status(r, *state, "observedGeneration"), 2);
	rig_free(r);
}

static void test_available_takes_min_ready_seconds(void **state)
{
	struct rig *r = start();

	create_set(r, *state, 2, ",\"minReadySeconds\":1");
	rig_settle(r);
	assert_int_equal(status(r, *state, "readyReplicas"), 2);
	assert_int_equal(status(r, *state, "availableReplicas"), 0);
	for (int i = 0; i < 40 && status(r, *state, "availableReplicas") < 2; i++)
		rig_sleep_ms(100);
	assert_int_equal(status(r, *state, "availableReplicas"), 2);
	rig_free(r);
}

static void test_refused_pods_are_told_of_and_tried_again(void **state)
{
	struct rig *r = start();
	struct object *o;
	const struct value *c;
	struct object_list events;
	int told = 0;

	create_set(r, *state, 50, "");
	rig_settle(r);
	rig_patch(r, plural_of(state), "default", "rs", 0,
		  "{\"spec\":{\"replicas\":60,\"template\":{\"spec\":{\"priorityClassName\":\"no-"
		  "such\"}}}}");
	rig_sleep_ms(100);
	o = rig_get(r, plural_of(state), "default", "rs");
	c = condition(value_get(o->value, "status"), "ReplicaFailure");
	assert_non_null(c);
	assert_string_equal(STR_AT(c, "status"), "True");
	assert_string_equal(STR_AT(c, "reason"), "FailedCreate");
	assert_non_null(strstr(STR_AT(c, "message"), "no-such"));
	object_unref(o);
	events = rig_list(r, "events", "default");
	for (size_t i = 0; i < events.n; i++)
		told += str_eq(STR_AT(events.list[i]->value, "reason"), "FailedCreate");
	assert_in_range(told, 1, 15); /* not one for each of the pods */
	object_list_fini(&events);
	rig_patch(r, plural_of(state), "default", "rs", 0,
		  "{\"spec\":{\"template\":{\"spec\":{\"priorityClassName\":null}}}}");
	for (int i = 0; i < 100 && status(r, *state, "replicas") < 60; i++)
		rig_sleep_ms(50);
	rig_settle(r);
	assert_int_equal(status(r, *state, "replicas"), 60);
	o = rig_get(r, plural_of(state), "default", "rs");
	assert_null(condition(value_get(o->value, "status"), "ReplicaFailure"));
	object_unref(o);
	rig_free(r);
}

static void test_goes_on_after_a_restart(void **state)
{
	struct rig *r = start();

	create_set(r, *state, 20, "");
	rig_settle(r);
	rig_patch(r, plural_of(state), "default", "rs", 0, "{\"spec\":{\"replicas\":30}}");
	rig_close(r); /* in the middle of it */
	rig_open(r);
	rig_settle(r);
	assert_int_equal(store_count(r->store, rig_kind("pods"), "default"), 30);
	assert_int_equal(status(r, *state, "readyReplicas"), 30);
	rig_free(r);
}

static int is_owned(const struct object *pod, const char *kind)
{
	const struct value *ref = object_controller(pod->value);

	return ref && str_eq(STR_AT(ref, "kind"), kind) && str_eq(STR_AT(ref, "name"), "rs") &&
	       value_bool(value_get(ref, "blockOwnerDeletion"), 0);
}

static void test_adopts_and_releases(void **state)
{
	const struct set *set = *state;
	struct rig *r = start();
	struct object *pod;

	rig_create(r, "pods", "default",
		   "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"alone\","
		   "\"labels\":{\"a\":\"x\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":"
		   "\"i:1\"}]}}");
	create_set(r, set, 2, "");
	rig_settle(r);
	pod = rig_get(r, "pods", "default", "alone");
	assert_true(is_owned(pod, set->kind));
	object_unref(pod);
	assert_int_equal(store_count(r->store, rig_kind("pods"), "default"), 2);
	rig_patch(r, "pods", "default", "alone", 0, "{\"metadata\":{\"labels\":{\"a\":\"y\"}}}");
	rig_settle(r);
	pod = rig_get(r, "pods", "default", "alone");
	assert_null(object_controller(pod->value));
	object_unref(pod);
	assert_int_equal(store_count(r->store, rig_kind("pods"), "default"), 3);
	assert_int_equal(status(r, set, "replicas"), 2);
	rig_free(r);
}

/* A ReplicationController selects by a plain map, its template's labels when it says none; its
 * status has no terminatingReplicas, which ReplicaSets got long after. */
static void test_replication_controllers_are_spelled_otherwise(void **state)
{
	struct rig *r = start();
	struct object *o;

	create_set(r, &replication_controllers, 1, "");
	rig_settle(r);
	o = rig_get(r, "replicationcontrollers", "default", "rs");
	assert_string_equal(STR_AT(o->value, "spec", "selector", "a"), "x");
	assert_string_equal(STR_AT(o->value, "metadata", "labels", "a"), "x");
	assert_null(value_dig(o->value, "status", "terminatingReplicas", NULL));
	assert_int_equal(INT_AT(o->value, "status", "fullyLabeledReplicas"), 1);
	object_unref(o);
	rig_free(r);
}

/* Neither takes what is the other's, though both select it. */
static void test_two_kinds_of_one_name_and_selector(void **state)
{
	struct rig *r = start();
	struct object_list pods;
	int n[2] = {0};

	create_set(r, &replication_controllers, 2, "");
	create_set(r, &replica_sets, 3, "");
	rig_settle(r);
	pods = rig_list(r, "pods", "default");
	for (size_t i = 0; i < pods.n; i++) {
		n[0] += is_owned(pods.list[i], replication_controllers.kind);
		n[1] += is_owned(pods.list[i], replica_sets.kind);
	}
	object_list_fini(&pods);
	assert_int_equal(n[0], 2);
	assert_int_equal(n[1], 3);
	rig_free(r);
}

#define FOR_BOTH(test)                                                                             \
	cmocka_unit_test_prestate(test, &replica_sets),                                            \
		cmocka_unit_test_prestate(test, &replication_controllers)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pods_go_in_kubernetes_order),
		cmocka_unit_test(test_more_restarts_go_first),
		FOR_BOTH(test_keeps_the_number),
		FOR_BOTH(test_available_takes_min_ready_seconds),
		FOR_BOTH(test_refused_pods_are_told_of_and_tried_again),
		FOR_BOTH(test_goes_on_after_a_restart),
		FOR_BOTH(test_adopts_and_releases),
		cmocka_unit_test(test_replication_controllers_are_spelled_otherwise),
		cmocka_unit_test(test_two_kinds_of_one_name_and_selector),
	};

	return cmocka_run_group_tests_name("replicaset", tests, NULL, NULL);
}
