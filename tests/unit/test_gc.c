/* SPDX-License-Identifier: MIT */
/* Garbage collection: background, foreground, orphans, lost owners, cycles. */
#include "tests/unit/controllers_rig.h"

#include "objects/controllers/facts.h"

extern const struct controller_class gc_controller;

static const struct controller_class *const classes[] = {&gc_controller, NULL};

static struct rig *start(void)
{
	struct rig *r = rig_new(classes);

	rig_create(r, "namespaces", "",
		   "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":"
		   "\"default\"}}");
	rig_create(
		r, "namespaces", "",
		"{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"other\"}}");
	return r;
}

/* A ConfigMap that is owned by those of these names ("a", "b", NULL) in `of_ns`. */
static void make(struct rig *r, const char *ns, const char *name, const char *of_ns, const char *a,
		 const char *b)
{
	const char *owners[] = {a, b};
	struct value *v = rig_json("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"}"),
		     *list = value_new_list();

	for (size_t i = 0; i < ARRAY_LEN(owners); i++) {
		struct object *o = owners[i] ? rig_get(r, "configmaps", of_ns, owners[i]) : NULL;

		if (o)
			list = value_append(list, value_set_bool(object_owner_reference(o),
								 "controller", i == 0));
		object_unref(o);
	}
	v = value_bury(v, value_new_string(name), "metadata", "name", NULL);
	if (value_count(list))
		v = value_bury(v, value_ref(list), "metadata", "ownerReferences", NULL);
	value_unref(list);
	rig_create_value(r, "configmaps", ns, v);
}

static int is_there(struct rig *r, const char *name)
{
	struct object *o = rig_get(r, "configmaps", "default", name);
	int there = o != NULL;

	object_unref(o);
	return there;
}

static size_t n_owners(struct rig *r, const char *name)
{
	struct object *o = rig_get(r, "configmaps", "default", name);
	size_t n = value_count(value_dig(o->value, "metadata", "ownerReferences", NULL));

	object_unref(o);
	return n;
}

static void test_background_takes_the_whole_tree(void **state)
{
	struct rig *r = start();
	char name[16];

	make(r, "default", "root", NULL, NULL, NULL);
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		make(r, "default", name, "default", i ? "c0" : "root", NULL);
	}
	make(r, "default", "free", NULL, NULL, NULL);
	rig_delete(r, "configmaps", "default", "root", PROPAGATE_BACKGROUND);
	assert_false(is_there(r, "root")); /* at once */
	rig_settle(r);
	assert_int_equal(store_count(r->store, rig_kind("configmaps"), "default"), 1);
	assert_true(is_there(r, "free"));
	rig_free(r);
}

static void test_foreground_waits_for_dependents(void **state)
{
	struct rig *r = start();

	make(r, "default", "root", NULL, NULL, NULL);
	make(r, "default", "child", "default", "root", NULL);
	make(r, "default", "grandchild", "default", "child", NULL);
	rig_patch(r, "configmaps", "default", "grandchild", 0,
		  "{\"metadata\":{\"finalizers\":[\"x.io/hold\"]}}");
	rig_delete(r, "configmaps", "default", "root", PROPAGATE_FOREGROUND);
	rig_settle(r);
	assert_true(is_there(r, "root"));
	assert_true(is_there(r, "child"));
	assert_true(is_there(r, "grandchild"));
	rig_patch(r, "configmaps", "default", "grandchild", 0,
		  "{\"metadata\":{\"finalizers\":null}}");
	rig_settle(r);
	assert_int_equal(store_count(r->store, rig_kind("configmaps"), "default"), 0);
	rig_free(r);
}

static void test_orphans_live(void **state)
{
	struct rig *r = start();

	make(r, "default", "root", NULL, NULL, NULL);
	make(r, "default", "child", "default", "root", NULL);
	make(r, "default", "grandchild", "default", "child", NULL);
	rig_delete(r, "configmaps", "default", "root", PROPAGATE_ORPHAN);
	rig_settle(r);
	assert_false(is_there(r, "root"));
	assert_int_equal(n_owners(r, "child"), 0);
	assert_int_equal(n_owners(r, "grandchild"), 1);
	rig_free(r);
}

static void test_one_owner_left_is_enough(void **state)
{
	struct rig *r = start();

	make(r, "default", "a", NULL, NULL, NULL);
	make(r, "default", "b", NULL, NULL, NULL);
	make(r, "default", "child", "default", "a", "b");
	rig_delete(r, "configmaps", "default", "a", PROPAGATE_BACKGROUND);
	rig_settle(r);
	assert_int_equal(n_owners(r, "child"), 1);
	rig_delete(r, "configmaps", "default", "b", PROPAGATE_BACKGROUND);
	rig_settle(r);
	assert_false(is_there(r, "child"));
	rig_free(r);
}

static void test_owner_that_never_was_or_is_elsewhere(void **state)
{
	struct rig *r = start();

	rig_create(r, "configmaps", "default",
		   "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"lost\","
		   "\"ownerReferences\":[{"
		   "\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"name\":\"x\",\"uid\":\"no-such-"
		   "uid\"}]}}");
	make(r, "other", "root", NULL, NULL, NULL);
	make(r, "default", "stranger", "other", "root", NULL);
	rig_settle(r);
	assert_false(is_there(r, "lost"));
	assert_false(is_there(r, "stranger"));
	rig_free(r);
}

static void test_cycle_goes_with_its_root(void **state)
{
	struct rig *r = start();
	struct object *b;
	struct value *v;

	make(r, "default", "a", NULL, NULL, NULL);
	make(r, "default", "b", "default", "a", NULL);
	b = rig_get(r, "configmaps", "default", "b");
	v = value_bury(value_new_map(), value_append(value_new_list(), object_owner_reference(b)),
		       "metadata", "ownerReferences", NULL);
	rig_patch_value(r, "configmaps", "default", "a", 0, v);
	object_unref(b);
	rig_settle(r);
	assert_true(is_there(r, "a")); /* both have an owner */
	rig_delete(r, "configmaps", "default", "a", PROPAGATE_FOREGROUND);
	rig_settle(r);
	assert_false(is_there(r, "a"));
	assert_false(is_there(r, "b"));
	rig_free(r);
}

static void test_owner_lost_while_nobody_looked(void **state)
{
	struct rig *r = start();

	make(r, "default", "root", NULL, NULL, NULL);
	make(r, "default", "child", "default", "root", NULL);
	rig_settle(r);
	rig_on_loop(r, rig_stop_runner);
	rig_delete(r, "configmaps", "default", "root", PROPAGATE_BACKGROUND);
	assert_true(is_there(r, "child"));
	rig_on_loop(r, rig_start_runner);
	rig_settle(r);
	assert_false(is_there(r, "child"));
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_background_takes_the_whole_tree),
		cmocka_unit_test(test_foreground_waits_for_dependents),
		cmocka_unit_test(test_orphans_live),
		cmocka_unit_test(test_one_owner_left_is_enough),
		cmocka_unit_test(test_owner_that_never_was_or_is_elsewhere),
		cmocka_unit_test(test_cycle_goes_with_its_root),
		cmocka_unit_test(test_owner_lost_while_nobody_looked),
	};

	return cmocka_run_group_tests_name("gc", tests, NULL, NULL);
}
