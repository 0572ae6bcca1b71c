/* SPDX-License-Identifier: MIT */
/* The scheduler: where pods go and why not, in what order, what wakes those that wait. */
#include "tests/unit/controllers_rig.h"
#include "tests/unit/script_kubelet.h"

#include "objects/controllers/facts.h"

extern const struct controller_class scheduler_controller;

static const struct controller_class *const classes[] = {&scheduler_controller, &script_kubelet,
							 NULL};

static struct rig *start(void)
{
	struct rig *r = rig_new(classes);

	rig_create(r, "namespaces", "",
		   "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":"
		   "\"default\"}}");
	return r;
}

/* labels as JSON, more: fields of spec. */
static void make_node(struct rig *r, const char *name, const char *labels, const char *cpu,
		      const char *more)
{
	CLEANUP_FREE char *json =
		xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"%s\","
			  "\"labels\":%s},\"spec\":{%s}}",
			  name, labels, more);
	CLEANUP_FREE char *status =
		xasprintf("{\"status\":{\"allocatable\":{\"cpu\":\"%s\",\"memory\":\"8Gi\","
			  "\"pods\":\"110\"}}}",
			  cpu);

	rig_create(r, "nodes", "", json);
	rig_patch(r, "nodes", "", name, API_STATUS, status);
}

static void make_pod(struct rig *r, const char *name, const char *labels, const char *cpu,
		     const char *more)
{
	CLEANUP_FREE char *json = xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{"
					    "\"name\":\"%s\",\"labels\":%s},\"spec\":{"
					    "\"terminationGracePeriodSeconds\":0,\"containers\":[{"
					    "\"name\":\"c\",\"image\":\"i\",\"resources\":{"
					    "\"requests\":{\"cpu\":\"%s\"}}}]%s%s}}",
					    name, labels, cpu, *more ? "," : "", more);

	rig_create(r, "pods", "default", json);
}

/* Owned; "" while unbound. */
static char *node_of(struct rig *r, const char *name)
{
	struct object *o = rig_get(r, "pods", "default", name);
	char *node;

	assert_non_null(o);
	node = xstrdup(STR_AT(o->value, "spec", "nodeName") ? STR_AT(o->value, "spec", "nodeName")
							    : "");
	object_unref(o);
	return node;
}

static void expect_on(struct rig *r, const char *pod, const char *node)
{
	CLEANUP_FREE char *is = NULL;

	rig_settle(r);
	is = node_of(r, pod);
	assert_string_equal(is, node);
}

static void expect_unschedulable(struct rig *r, const char *pod, const char *message)
{
	struct object *o;
	const struct value *c;

	expect_on(r, pod, "");
	o = rig_get(r, "pods", "default", pod);
	c = condition(value_get(o->value, "status"), "PodScheduled");
	assert_string_equal(STR_AT(c, "status"), "False");
	assert_string_equal(STR_AT(c, "reason"), "Unschedulable");
	assert_string_equal(STR_AT(c, "message"), message);
	object_unref(o);
}

static void test_no_node_then_one(void **state)
{
	struct rig *r = start();

	make_pod(r, "p", "{}", "1", "");
	expect_unschedulable(r, "p", "no nodes available to schedule pods");
	make_node(r, "n1", "{}", "4", "");
	expect_on(r, "p", "n1");
	rig_free(r);
}

static void test_woken_at_once(void **state)
{
	struct rig *r = start();

	make_node(r, "n1", "{}", "1", "");
	make_pod(r, "big", "{}", "2", "");
	expect_unschedulable(r, "big", "0/1 nodes are available: 1 Insufficient cpu.");
	rig_patch(r, "nodes", "", "n1", API_STATUS,
		  "{\"status\":{\"allocatable\":{\"cpu\":\"3\"}}}");
	expect_on(r, "big", "n1");
	rig_free(r);
}

static void test_capacity_is_given_back(void **state)
{
	struct rig *r = start();

	make_node(r, "n1", "{}", "2", "");
	make_pod(r, "a", "{}", "1500m", "");
	expect_on(r, "a", "n1");
	make_pod(r, "b", "{}", "1", "");
	expect_unschedulable(r, "b", "0/1 nodes are available: 1 Insufficient cpu.");
	rig_delete(r, "pods", "default", "a", PROPAGATE_DEFAULT);
	expect_on(r, "b", "n1");
	rig_free(r);
}

static void test_taints_and_cordon(void **state)
{
	struct rig *r = start();

	make_node(r, "n1", "{}", "4",
		  "\"taints\":[{\"key\":\"gpu\",\"value\":\"yes\",\"effect\":\"NoSchedule\"}]");
	make_node(r, "n2", "{}", "4", "\"unschedulable\":true");
	make_pod(r, "plain", "{}", "1", "");
	expect_unschedulable(r, "plain",
			     "0/2 nodes are available: 1 node(s) had untolerated taint(s), 1 "
			     "node(s) were unschedulable.");
	make_pod(r, "equal", "{}", "1", "\"tolerations\":[{\"key\":\"gpu\",\"value\":\"yes\"}]");
	expect_on(r, "equal", "n1");
	make_pod(r, "wrong", "{}", "1", "\"tolerations\":[{\"key\":\"gpu\",\"value\":\"no\"}]");
	expect_on(r, "wrong", "");
	make_pod(r, "exists", "{}", "1",
		 "\"tolerations\":[{\"operator\":\"Exists\",\"key\":\"gpu\"}]");
	expect_on(r, "exists", "n1");
	rig_patch(r, "nodes", "", "n2", 0, "{\"spec\":{\"unschedulable\":null}}");
	expect_on(r, "plain", "n2");
	rig_free(r);
}

static void test_node_affinity(void **state)
{
	struct rig *r = start();

	make_node(r, "n1", "{\"zone\":\"a\",\"cores\":\"8\"}", "64", "");
	make_node(r, "n2", "{\"zone\":\"b\",\"cores\":\"32\"}", "64", "");
	make_pod(r, "gt", "{}", "1",
		 "\"affinity\":{\"nodeAffinity\":{"
		 "\"requiredDuringSchedulingIgnoredDuringExecution\":{"
		 "\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":\"cores\",\"operator\":"
		 "\"Gt\",\"values\":[\"16\"]}]}]}}}");
	expect_on(r, "gt", "n2");
	make_pod(r, "notin", "{}", "1",
		 "\"affinity\":{\"nodeAffinity\":{"
		 "\"requiredDuringSchedulingIgnoredDuringExecution\":{"
		 "\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":\"zone\",\"operator\":"
		 "\"NotIn\",\"values\":[\"b\"]}]}]}}}");
	expect_on(r, "notin", "n1");
	for (int i = 0; i < 4; i++) {
		char name[8];

		snprintf(name, sizeof(name), "pref%d", i);
		make_pod(r, name, "{}", "1",
			 "\"affinity\":{\"nodeAffinity\":{"
			 "\"preferredDuringSchedulingIgnoredDuringExecution\":[{\"weight\":100,"
			 "\"preference\":{\"matchExpressions\":[{\"key\":\"zone\",\"operator\":"
			 "\"In\",\"values\":[\"b\"]}]}}]}}");
		expect_on(r, name, "n2");
	}
	make_pod(r, "byname", "{}", "1",
		 "\"affinity\":{\"nodeAffinity\":{"
		 "\"requiredDuringSchedulingIgnoredDuringExecution\":{"
		 "\"nodeSelectorTerms\":[{\"matchFields\":[{\"key\":\"metadata.name\",\"operator\":"
		 "\"In\",\"values\":[\"n1\"]}]}]}}}");
	expect_on(r, "byname", "n1");
	rig_free(r);
}

#define NEAR(kind, label)                                                                          \
	"\"affinity\":{\"" kind                                                                    \
	"\":{\"requiredDuringSchedulingIgnoredDuringExecution\":[{\"topologyKey\":\"zone\","       \
	"\"labelSelector\":{\"matchLabels\":" label "}}]}}"

static void test_pods_together_and_apart(void **state)
{
	struct rig *r = start();
	CLEANUP_FREE char *first = NULL;

	make_node(r, "n1", "{\"zone\":\"a\"}", "64", "");
	make_node(r, "n2", "{\"zone\":\"b\"}", "64", "");
	make_pod(r, "first", "{\"g\":\"1\"}", "1", NEAR("podAffinity", "{\"g\":\"1\"}"));
	rig_settle(r);
	first = node_of(r, "first"); /* the first of its group may start anywhere */
	assert_true(*first);
	for (int i = 0; i < 5; i++) {
		char name[8];

		snprintf(name, sizeof(name), "f%d", i);
		make_pod(r, name, "{\"g\":\"1\"}", "1", NEAR("podAffinity", "{\"g\":\"1\"}"));
		expect_on(r, name, first);
	}
	make_pod(r, "hermit", "{}", "1", NEAR("podAntiAffinity", "{\"g\":\"1\"}"));
	expect_on(r, "hermit", str_eq(first, "n1") ? "n2" : "n1");
	make_pod(r, "guest", "{\"g\":\"1\"}", "1",
		 str_eq(first, "n1") ? "\"nodeSelector\":{\"zone\":\"b\"}"
				     : "\"nodeSelector\":{\"zone\":\"a\"}");
	expect_unschedulable(
		r, "guest",
		"0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, "
		"1 node(s) didn't satisfy existing pods anti-affinity rules.");
	rig_free(r);
}

static void test_spread_constraints(void **state)
{
	struct rig *r = start();
	int in_a = 0;

	make_node(r, "n1", "{\"zone\":\"a\"}", "64", "");
	make_node(r, "n2", "{\"zone\":\"b\"}", "64", "");
	for (int i = 0; i < 10; i++) {
		CLEANUP_FREE char *node = NULL;
		char name[8];

		snprintf(name, sizeof(name), "s%d", i);
		make_pod(r, name, "{\"app\":\"s\"}", "1",
			 "\"topologySpreadConstraints\":[{\"maxSkew\":1,\"topologyKey\":\"zone\","
			 "\"whenUnsatisfiable\":"
			 "\"DoNotSchedule\",\"labelSelector\":{\"matchLabels\":{\"app\":\"s\"}}}]");
		rig_settle(r);
		node = node_of(r, name);
		in_a += str_eq(node, "n1");
	}
	assert_int_equal(in_a, 5);
	make_pod(r, "stuck", "{\"app\":\"s\"}", "1", "\"nodeSelector\":{\"zone\":\"a\"}");
	expect_on(r, "stuck", "n1"); /* skewed by one without a constraint of its own */
	make_pod(r, "even", "{\"app\":\"s\"}", "1",
		 "\"topologySpreadConstraints\":[{\"maxSkew\":1,\"topologyKey\":\"zone\","
		 "\"whenUnsatisfiable\":"
		 "\"DoNotSchedule\",\"labelSelector\":{\"matchLabels\":{\"app\":\"s\"}}}]");
	expect_on(r, "even", "n2");
	rig_free(r);
}

static void test_owner_spreads_over_nodes(void **state)
{
	struct rig *r = start();
	int count[3] = {0};

	for (int i = 0; i < 3; i++) {
		char name[8];

		snprintf(name, sizeof(name), "n%d", i);
		make_node(r, name, "{}", "64", "");
	}
	for (int i = 0; i < 30; i++) {
		CLEANUP_FREE char *json =
			xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":"
				  "\"p%d\",\"ownerReferences\":[{"
				  "\"apiVersion\":\"apps/"
				  "v1\",\"kind\":\"ReplicaSet\",\"name\":\"x\",\"uid\":\"u\","
				  "\"controller\":true}]},"
				  "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}",
				  i);

		rig_create(r, "pods", "default", json);
	}
	rig_settle(r);
	for (int i = 0; i < 30; i++) {
		CLEANUP_FREE char *node = NULL;
		char name[8];

		snprintf(name, sizeof(name), "p%d", i);
		node = node_of(r, name);
		count[node[1] - '0']++;
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(count[i], 10);
	rig_free(r);
}

static void test_more_important_pods_first(void **state)
{
	struct rig *r = start();

	rig_create(r, "priorityclasses", "",
		   "{\"apiVersion\":\"scheduling.k8s.io/"
		   "v1\",\"kind\":\"PriorityClass\",\"metadata\":{\"name\":\"high\"},"
		   "\"value\":1000,\"preemptionPolicy\":\"Never\"}");
	make_pod(r, "low", "{}", "3", "");
	make_pod(r, "high", "{}", "3", "\"priorityClassName\":\"high\"");
	rig_settle(r);
	make_node(r, "n1", "{}", "4", "");
	expect_on(r, "high", "n1");
	expect_unschedulable(r, "low", "0/1 nodes are available: 1 Insufficient cpu.");
	rig_free(r);
}

static void test_preemption(void **state)
{
	struct rig *r = start();
	struct object_list events;
	int told = 0;

	rig_create(r, "priorityclasses", "",
		   "{\"apiVersion\":\"scheduling.k8s.io/"
		   "v1\",\"kind\":\"PriorityClass\",\"metadata\":{\"name\":\"high\"},"
		   "\"value\":1000}");
	rig_create(r, "priorityclasses", "",
		   "{\"apiVersion\":\"scheduling.k8s.io/"
		   "v1\",\"kind\":\"PriorityClass\",\"metadata\":{\"name\":\"middle\"},"
		   "\"value\":10}");
	make_node(r, "n1", "{}", "4", "");
	make_node(r, "n2", "{}", "4", "");
	make_pod(r, "low", "{}", "3", "\"nodeSelector\":{}");
	rig_settle(r);
	make_pod(r, "mid", "{}", "3", "\"priorityClassName\":\"middle\"");
	rig_settle(r);
	make_pod(r, "vip", "{}", "3", "\"priorityClassName\":\"high\"");
	rig_settle(r);
	assert_null(rig_get(r, "pods", "default", "low")); /* the least important one had to go */
	{
		CLEANUP_FREE char *vip = node_of(r, "vip"), *mid = node_of(r, "mid");

		assert_true(*vip && *mid);
		assert_string_not_equal(vip, mid);
	}
	events = rig_list(r, "events", "default");
	for (size_t i = 0; i < events.n; i++)
		told += str_eq(STR_AT(events.list[i]->value, "reason"), "Preempted");
	object_list_fini(&events);
	assert_int_equal(told, 1);
	rig_free(r);
}

static void test_scheduling_gates_hold(void **state)
{
	struct rig *r = start();

	make_node(r, "n1", "{}", "4", "");
	make_pod(r, "p", "{}", "1", "\"schedulingGates\":[{\"name\":\"x.io/wait\"}]");
	expect_on(r, "p", "");
	rig_patch(r, "pods", "default", "p", 0,
		  "{\"spec\":{\"schedulingGates\":[{\"$patch\":\"delete\",\"name\":\"x.io/"
		  "wait\"}]}}");
	expect_on(r, "p", "n1");
	rig_free(r);
}

static void test_absurd_requests_harm_nobody(void **state)
{
	struct rig *r = start();

	make_node(r, "n1", "{}", "4", "");
	for (int i = 0; i < 20; i++) { /* bound by hand: nobody asked whether they fit */
		char name[8];

		snprintf(name, sizeof(name), "p%d", i);
		make_pod(r, name, "{}", "9223372036854775807", "\"nodeName\":\"n1\"");
	}
	make_pod(r, "small", "{}", "1m", "");
	expect_unschedulable(r, "small", "0/1 nodes are available: 1 Insufficient cpu.");
	for (int i = 0; i < 20; i++) {
		char name[8];

		snprintf(name, sizeof(name), "p%d", i);
		rig_delete(r, "pods", "default", name, PROPAGATE_DEFAULT);
	}
	expect_on(r, "small", "n1");
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_node_then_one),
		cmocka_unit_test(test_woken_at_once),
		cmocka_unit_test(test_capacity_is_given_back),
		cmocka_unit_test(test_taints_and_cordon),
		cmocka_unit_test(test_node_affinity),
		cmocka_unit_test(test_pods_together_and_apart),
		cmocka_unit_test(test_spread_constraints),
		cmocka_unit_test(test_owner_spreads_over_nodes),
		cmocka_unit_test(test_more_important_pods_first),
		cmocka_unit_test(test_preemption),
		cmocka_unit_test(test_scheduling_gates_hold),
		cmocka_unit_test(test_absurd_requests_harm_nobody),
	};

	return cmocka_run_group_tests_name("scheduler", tests, NULL, NULL);
}
