/* SPDX-License-Identifier: MIT */
/* Namespaces: those that are always there, and how the others end. */
#include "tests/unit/controllers_rig.h"

#include "objects/controllers/facts.h"

static const struct value *condition_of(const struct object *ns, const char *type)
{
	const struct value *c = condition(value_get(ns->value, "status"), type);

	assert_non_null(c);
	return c;
}

static void make(struct rig *r, const char *name)
{
	rig_create_value(r, "namespaces", "",
			 value_bury(rig_json("{\"apiVersion\":\"v1\",\"kind\":\"Namespace\"}"),
				    value_new_string(name), "metadata", "name", NULL));
}

static void test_system_namespaces_and_accounts(void **state)
{
	static const char *const names[] = {"default", "kube-node-lease", "kube-public",
					    "kube-system"};
	struct rig *r = rig_new(NULL);

	rig_settle(r);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct object *ns = rig_get(r, "namespaces", "", names[i]);
		struct object *account = rig_get(r, "serviceaccounts", names[i], "default");

		assert_non_null(ns);
		assert_non_null(account);
		object_unref(ns);
		object_unref(account);
	}
	rig_delete(r, "serviceaccounts", "default", "default", PROPAGATE_DEFAULT);
	rig_settle(r);
	assert_int_equal(store_count(r->store, rig_kind("serviceaccounts"), "default"), 1);
	rig_free(r);
}

static void test_all_content_goes(void **state)
{
	struct rig *r = rig_new(NULL);
	struct object *o;
	char json[256];

	rig_settle(r);
	make(r, "prod");
	for (int i = 0; i < 200; i++) {
		snprintf(json, sizeof(json),
			 "{\"apiVersion\":\"v1\",\"kind\":\"%s\",\"metadata\":{\"name\":\"x%d\"}}",
			 i % 2 ? "ConfigMap" : "Secret", i);
		rig_create(r, i % 2 ? "configmaps" : "secrets", "prod", json);
	}
	rig_delete(r, "namespaces", "", "prod", PROPAGATE_DEFAULT);
	rig_settle(r);
	o = rig_get(r, "namespaces", "", "prod");
	assert_null(o);
	assert_int_equal(store_count(r->store, rig_kind("configmaps"), "prod"), 0);
	assert_int_equal(store_count(r->store, rig_kind("secrets"), "prod"), 0);
	assert_int_equal(store_count(r->store, rig_kind("serviceaccounts"), "prod"), 0);
	make(r, "prod"); /* the name is free again */
	rig_free(r);
}

static void test_finalizers_hold_it_and_conditions_say_so(void **state)
{
	struct rig *r = rig_new(NULL);
	struct object *ns;

	rig_settle(r);
	make(r, "held");
	rig_create(r, "configmaps", "held",
		   "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\","
		   "\"finalizers\":[\"x.io/hold\"]}}");
	rig_create(r, "configmaps", "held",
		   "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"b\"}}");
	rig_delete(r, "namespaces", "", "held", PROPAGATE_DEFAULT);
	rig_settle(r);
	ns = rig_get(r, "namespaces", "", "held");
	assert_non_null(ns);
	assert_string_equal(STR_AT(ns->value, "status", "phase"), "Terminating");
	assert_string_equal(STR_AT(condition_of(ns, "NamespaceContentRemaining"), "message"),
			    "Some resources are remaining: configmaps. has 1 resource instances");
	assert_string_equal(STR_AT(condition_of(ns, "NamespaceFinalizersRemaining"), "message"),
			    "Some content in the namespace has finalizers remaining: x.io/hold in "
			    "1 resource instances");
	assert_string_equal(STR_AT(condition_of(ns, "NamespaceDeletionContentFailure"), "status"),
			    "False");
	object_unref(ns);
	rig_patch(r, "configmaps", "held", "a", 0, "{\"metadata\":{\"finalizers\":null}}");
	rig_settle(r);
	assert_null(rig_get(r, "namespaces", "", "held"));
	rig_free(r);
}

static void test_end_goes_on_after_a_restart(void **state)
{
	struct rig *r = rig_new(NULL);

	rig_settle(r);
	make(r, "prod");
	rig_create(r, "configmaps", "prod",
		   "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\"}}");
	rig_settle(r);
	rig_on_loop(r, rig_stop_runner);
	rig_delete(r, "namespaces", "", "prod", PROPAGATE_DEFAULT);
	rig_on_loop(r, rig_start_runner);
	rig_settle(r);
	assert_null(rig_get(r, "namespaces", "", "prod"));
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_system_namespaces_and_accounts),
		cmocka_unit_test(test_all_content_goes),
		cmocka_unit_test(test_finalizers_hold_it_and_conditions_say_so),
		cmocka_unit_test(test_end_goes_on_after_a_restart),
	};

	return cmocka_run_group_tests_name("namespace_controller", tests, NULL, NULL);
}
