/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "auth/authorize.h"

static void test_names(void **state)
{
	struct identities *all = identities_new();
	unsigned groups[] = {0, 1, 3999999};
	struct identity *root = identity_get(all, 0, 0, groups, 3);
	struct identity *nobody = identity_get(all, 3999998, 3999998, NULL, 0);
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	assert_string_equal(root->user, "root");
	assert_true(identity_is_master(root));
	assert_string_equal(nobody->user, "uid:3999998");
	assert_false(identity_is_master(nobody));
	identity_render(root, &text);
	assert_string_equal(text.data, "user: root\ngroups: root daemon gid:3999999 system:masters "
				       "system:authenticated\n");
	/* the same caller is the same identity; other groups are another */
	struct identity *again = identity_get(all, 0, 0, groups, 3);
	struct identity *other = identity_get(all, 0, 0, groups, 2);

	assert_ptr_equal(again, root);
	assert_ptr_not_equal(other, root);
	identity_unref(other);
	identity_unref(again);
	identity_unref(root);
	identity_unref(nobody);
	identities_free(all);
}

static void test_many_callers_do_not_fill_the_memory(void **state)
{
	struct identities *all = identities_new();
	struct identity *kept = identity_get(all, 4000000, 4000000, NULL, 0);

	for (unsigned i = 1; i < 10000; i++)
		identity_unref(identity_get(all, 4000000 + i, 4000000, NULL, 0));
	assert_string_equal(kept->user, "uid:4000000"); /* held, though the cache was emptied */
	identity_unref(kept);
	identities_free(all);
}

static void test_refusal_says_who_and_what(void **state)
{
	const char *groups[] = {"dev", "system:authenticated", NULL},
		   *masters[] = {"system:masters", NULL};
	struct caller alice = {.user = "alice", .groups = groups},
		      root = {.user = "root", .groups = masters};
	struct access what = {"update", "apps", "deployments", "status", "prod", "web"};
	struct err err = ERR_INIT;

	assert_int_equal(auth_check(NULL, &root, &what, &err), 0);
	assert_int_equal(auth_check(NULL, &alice, &what, &err), -EACCES);
	assert_string_equal(
		err.msg,
		"deployments.apps \"web\" is forbidden: User \"alice\" cannot update resource "
		"\"deployments/status\" in API group \"apps\" in the namespace \"prod\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_many_callers_do_not_fill_the_memory),
		cmocka_unit_test(test_refusal_says_who_and_what),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
