/* SPDX-License-Identifier: MIT */
/* Values: order, sharing, editing in place and by copy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "objects/value.h"

static void test_map_is_sorted_whatever_the_order(void **state)
{
	CLEANUP_VALUE struct value *m = value_new_map();

	for (int i = 0; i < 1000; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%03d", (i * 7919) % 1000);
		m = value_set_int(m, key, i);
	}
	assert_int_equal(value_count(m), 1000);
	for (size_t i = 1; i < 1000; i++)
		assert_true(strcmp(value_key_at(m, i - 1), value_key_at(m, i)) < 0);
}

static void test_edit_of_shared_tree_leaves_the_old_one(void **state)
{
	CLEANUP_VALUE struct value *a =
		value_bury(value_new_map(), value_new_int(1), "spec", "replicas", NULL);
	CLEANUP_VALUE struct value *b =
		value_bury(value_ref(a), value_new_int(2), "spec", "replicas", NULL);

	assert_int_equal(value_int(value_dig(a, "spec", "replicas", NULL), 0), 1);
	assert_int_equal(value_int(value_dig(b, "spec", "replicas", NULL), 0), 2);
	assert_false(value_equal(a, b));
	b = value_bury(b, value_new_int(1), "spec", "replicas", NULL);
	assert_true(value_equal(a, b));
	assert_int_equal(value_hash(a), value_hash(b));
}

static void test_seal_finds_duplicates_and_keeps_the_last(void **state)
{
	struct value *m = value_new_map();
	const char *dup;

	m = value_map_add(m, "b", 1, value_new_int(1));
	m = value_map_add(m, "a", 1, value_new_int(2));
	m = value_map_add(m, "b", 1, value_new_int(3));
	m = value_map_seal(m, &dup);
	assert_string_equal(dup, "b");
	assert_int_equal(value_count(m), 2);
	assert_int_equal(value_int(value_get(m, "b"), 0), 3);
	value_unref(m);
}

static void test_lists(void **state)
{
	CLEANUP_VALUE struct value *l = value_new_list();
	CLEANUP_VALUE struct value *was = NULL;

	for (int i = 0; i < 10; i++)
		l = value_append(l, value_new_int(i * 1000));
	was = value_ref(l);
	l = value_del_at(l, 0);
	l = value_insert_at(l, 0, value_new_string("first"));
	assert_string_equal(value_str(value_at(l, 0), ""), "first");
	assert_int_equal(value_int(value_at(was, 0), -1), 0);
	assert_int_equal(value_int(value_at(l, 9), -1), 9000);
	assert_null(value_at(l, 10));
}

static void test_absent_is_safe_to_ask(void **state)
{
	assert_null(value_dig(NULL, "a", NULL));
	assert_string_equal(value_str(NULL, "x"), "x");
	assert_int_equal(value_count(NULL), 0);
	assert_null(value_get(value_new_null(), "a"));
}

static void test_interned_keys_cost_nothing(void **state)
{
	value_intern("terminationMessagePolicy");
	CLEANUP_VALUE struct value *m =
		value_set_bool(value_new_map(), "terminationMessagePolicy", 1);
	CLEANUP_VALUE struct value *n =
		value_set_bool(value_new_map(), "terminationMessagePolicX", 1);

	assert_true(value_memory(m) < value_memory(n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map_is_sorted_whatever_the_order),
		cmocka_unit_test(test_edit_of_shared_tree_leaves_the_old_one),
		cmocka_unit_test(test_seal_finds_duplicates_and_keeps_the_last),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_absent_is_safe_to_ask),
		cmocka_unit_test(test_interned_keys_cost_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
