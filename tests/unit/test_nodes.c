/* SPDX-License-Identifier: MIT */
/* Nodes: simulated ones, silent ones, tainted ones, those that vanish. */
#include "tests/unit/controllers_rig.h"

#include "objects/controllers/facts.h"
#include "objects/quantity.h"

static struct object *get_pod(struct rig *r, const char *name)
{
	return rig_get(r, "pods", "default", name);
}

static void make_pod(struct rig *r, const char *name, const char *more)
{
	CLEANUP_FREE char *json = xasprintf(
		"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"%s\"},\"spec\":{"
		"\"containers\":[{\"name\":\"c\",\"image\":\"i:1\"}]%s%s}}",
		name, *more ? "," : "", more);

	rig_create(r, "pods", "default", json);
}

static int has_taint(struct rig *r, const char *node, const char *key, const char *effect)
{
	struct object *o = rig_get(r, "nodes", "", node);
	const struct value *list = value_dig(o->value, "spec", "taints", NULL);
	int found = 0;

	for (size_t i = 0; i < value_count(list); i++)
		found |= str_eq(STR_AT(value_at(list, i), "key"), key) &&
			 str_eq(STR_AT(value_at(list, i), "effect"), effect);
	object_unref(o);
	return found;
}

static void set_ready(struct rig *r, const char *node, const char *status)
{
	CLEANUP_FREE char *json = xasprintf(
		"{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"%s\"}]}}", status);

	rig_patch(r, "nodes", "", node, API_STATUS, json);
	rig_settle(r);
}

static struct rig *start(void)
{
	struct rig *r = rig_new(NULL);

	rig_settle(r);
	return r;
}

/* -- simulated nodes -- */

static void test_simulated_node_runs_pods_at_once(void **state)
{
	struct rig *r = start();
	struct object *o;
	const struct value *c;

	rig_fake_node(r, "f1", NULL, NULL);
	make_pod(r, "p", "");
	rig_settle(r);
	o = get_pod(r, "p");
	assert_string_equal(STR_AT(o->value, "spec", "nodeName"), "f1");
	assert_string_equal(pod_phase(o->value), "Running");
	assert_true(pod_is_ready(o->value));
	assert_memory_equal(STR_AT(o->value, "status", "podIP"), "100.", 4);
	c = value_at(value_dig(o->value, "status", "containerStatuses", NULL), 0);
	assert_true(value_bool(value_get(c, "ready"), 0));
	assert_non_null(value_dig(c, "state", "running", "startedAt", NULL));
	object_unref(o);
	rig_delete(r, "pods", "default", "p",
		   PROPAGATE_DEFAULT); /* grace of 30 s is not waited for */
	rig_settle(r);
	assert_null(get_pod(r, "p"));
	o = rig_get(r, "nodes", "", "f1");
	assert_true(condition_is(value_get(o->value, "status"), "Ready", "True"));
	object_unref(o);
	rig_free(r);
}

extern const struct controller_class fakenode_controller;
static const struct controller_class *const only_fakes[] = {&fakenode_controller, NULL};

static void test_simulated_jobs_succeed(void **state)
{
	struct rig *r = start();
	struct object *o;

	rig_fake_node(r, "f1", NULL, NULL);
	rig_settle(r);
	/* alone: the garbage collector would know that there is no such Job */
	rig_on_loop(r, rig_stop_runner);
	r->classes = only_fakes;
	rig_on_loop(r, rig_start_runner);
	rig_create(r, "pods", "default",
		   "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"j\","
		   "\"ownerReferences\":[{"
		   "\"apiVersion\":\"batch/"
		   "v1\",\"kind\":\"Job\",\"name\":\"x\",\"uid\":\"u\",\"controller\":true}]},"
		   "\"spec\":{\"restartPolicy\":\"Never\",\"nodeName\":\"f1\",\"containers\":[{"
		   "\"name\":\"c\",\"image\":\"i\"}]}}");
	rig_settle(r);
	o = get_pod(r, "j");
	assert_string_equal(pod_phase(o->value), "Succeeded");
	assert_int_equal(
		INT_AT(value_at(value_dig(o->value, "status", "containerStatuses", NULL), 0),
		       "state", "terminated", "exitCode"),
		0);
	object_unref(o);
	rig_free(r);
}

static void test_addresses_differ_also_after_a_restart(void **state)
{
	struct rig *r = start();
	struct object_list pods;
	char name[8];

	rig_fake_node(r, "f1", NULL, NULL);
	for (int i = 0; i < 40; i++) {
		if (i == 20) {
			rig_settle(r);
			rig_close(r);
			rig_open(r);
		}
		snprintf(name, sizeof(name), "p%d", i);
		make_pod(r, name, "");
	}
	rig_settle(r);
	pods = rig_list(r, "pods", "default");
	assert_int_equal(pods.n, 40);
	for (size_t i = 0; i < pods.n; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(STR_AT(pods.list[i]->value, "status", "podIP"),
						STR_AT(pods.list[j]->value, "status", "podIP"));
	object_list_fini(&pods);
	rig_free(r);
}

static void test_pods_of_a_vanished_node_go(void **state)
{
	struct rig *r = start();

	rig_fake_node(r, "f1", NULL, NULL);
	make_pod(r, "p", "");
	rig_settle(r);
	rig_delete(r, "nodes", "", "f1", PROPAGATE_DEFAULT);
	rig_settle(r);
	rig_sleep_ms(20);
	rig_settle(r);
	assert_null(get_pod(r, "p"));
	rig_free(r);
}

/* -- conditions and taints -- */

static void test_conditions_become_taints(void **state)
{
	struct rig *r = start();

	rig_create(r, "nodes", "",
		   "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"n\"},"
		   "\"spec\":{\"taints\":[{\"key\":\"mine\","
		   "\"effect\":\"NoSchedule\"}]}}");
	rig_settle(r);
	assert_true(has_taint(r, "n", "node.kubernetes.io/not-ready", "NoSchedule"));
	assert_false(has_taint(r, "n", "node.kubernetes.io/not-ready", "NoExecute"));
	set_ready(r, "n", "True");
	assert_false(has_taint(r, "n", "node.kubernetes.io/not-ready", "NoSchedule"));
	set_ready(r, "n", "False");
	assert_true(has_taint(r, "n", "node.kubernetes.io/not-ready", "NoSchedule"));
	assert_true(has_taint(r, "n", "node.kubernetes.io/not-ready", "NoExecute"));
	set_ready(r, "n", "True");
	rig_patch(r, "nodes", "", "n", 0, "{\"spec\":{\"unschedulable\":true}}");
	rig_settle(r);
	assert_true(has_taint(r, "n", "node.kubernetes.io/unschedulable", "NoSchedule"));
	rig_patch(r, "nodes", "", "n", 0, "{\"spec\":{\"unschedulable\":null}}");
	rig_settle(r);
	assert_false(has_taint(r, "n", "node.kubernetes.io/unschedulable", "NoSchedule"));
	assert_true(has_taint(r, "n", "mine", "NoSchedule")); /* not ours to take away */
	rig_free(r);
}

static void test_silent_node_is_unknown(void **state)
{
	struct rig *r = start();
	struct object *o;
	char long_ago[32];
	CLEANUP_FREE char *lease = NULL;

	rig_create(r, "nodes", "",
		   "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"n\"}}");
	set_ready(r, "n", "True");
	time_render(now_seconds() - 120, long_ago);
	long_ago[19] = '\0';
	lease = xasprintf("{\"apiVersion\":\"coordination.k8s.io/"
			  "v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"n\"},\"spec\":{"
			  "\"holderIdentity\":\"n\",\"leaseDurationSeconds\":40,\"renewTime\":\"%s."
			  "000000Z\"}}",
			  long_ago);
	rig_create(r, "leases", "kube-node-lease", lease);
	rig_settle(r);
	o = rig_get(r, "nodes", "", "n");
	assert_true(condition_is(value_get(o->value, "status"), "Ready", "Unknown"));
	assert_string_equal(STR_AT(condition(value_get(o->value, "status"), "Ready"), "reason"),
			    "NodeStatusUnknown");
	object_unref(o);
	assert_true(has_taint(r, "n", "node.kubernetes.io/unreachable", "NoExecute"));
	set_ready(r, "n",
		  "True"); /* it speaks again: its own status counts until it is silent again */
	rig_free(r);
}

/* -- eviction -- */

#define TOLERATE(seconds)                                                                          \
	"\"tolerations\":[{\"key\":\"bad\",\"operator\":\"Exists\",\"effect\":"                    \
	"\"NoExecute\"" seconds "}]"

static void test_eviction(void **state)
{
	struct rig *r = start();

	rig_fake_node(r, "f1", NULL, NULL);
	rig_settle(r);
	make_pod(r, "plain", "");
	make_pod(r, "brave", TOLERATE(""));
	make_pod(r, "patient", TOLERATE(",\"tolerationSeconds\":1"));
	rig_settle(r);
	rig_patch(r, "nodes", "", "f1", 0,
		  "{\"spec\":{\"taints\":[{\"key\":\"bad\",\"effect\":\"NoExecute\"}]}}");
	rig_settle(r);
	assert_null(get_pod(r, "plain"));
	for (int i = 0; i < 60; i++) {
		struct object *o = get_pod(r, "patient");

		object_unref(o);
		if (!o)
			break;
		rig_sleep_ms(50);
	}
	assert_null(get_pod(r, "patient"));
	{
		struct object *o = get_pod(r, "brave");

		assert_non_null(o);
		object_unref(o);
	}
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_simulated_node_runs_pods_at_once),
		cmocka_unit_test(test_simulated_jobs_succeed),
		cmocka_unit_test(test_addresses_differ_also_after_a_restart),
		cmocka_unit_test(test_pods_of_a_vanished_node_go),
		cmocka_unit_test(test_conditions_become_taints),
		cmocka_unit_test(test_silent_node_is_unknown),
		cmocka_unit_test(test_eviction),
	};

	return cmocka_run_group_tests_name("nodes", tests, NULL, NULL);
}
