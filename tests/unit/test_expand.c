/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "runtime/agent/backoff.h"
#include "runtime/agent/expand.h"

static const char *lookup(void *arg, const char *name)
{
	const char *const *pairs = arg;

	for (; *pairs; pairs += 2)
		if (str_eq(pairs[0], name))
			return pairs[1];
	return NULL;
}

/* The table of Kubernetes' own expansion_test.go, by meaning. */
static void test_expansion_cases(void **state)
{
	static const char *const vars[] = {"VAR_A",   "A",        "VAR_B",     "B", "VAR_C", "C",
					   "VAR_REF", "$(VAR_A)", "VAR_EMPTY", "",  NULL};
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"$(VAR_A)", "A"},
		{"___$(VAR_B)___", "___B___"},
		{"___$(VAR_C)", "___C"},
		{"$(VAR_A)-$(VAR_A)", "A-A"},
		{"$(VAR_A)-1", "A-1"},
		{"$$(VAR_B)_$(VAR_A)", "$(VAR_B)_A"},
		{"$$(VAR_A)_$$(VAR_B)", "$(VAR_A)_$(VAR_B)"},
		{"f000-$$VAR_A", "f000-$VAR_A"},
		{"foo\\$(VAR_C)bar", "foo\\Cbar"},
		{"foo$(VAR_EMPTY)bar", "foobar"},
		{"foo-$(VAR_UNDEFINED)", "foo-$(VAR_UNDEFINED)"},
		{"$(VAR_REF)", "$(VAR_A)"},
		{"%%$(VAR_REF)--$(VAR_REF)%%", "%%$(VAR_A)--$(VAR_A)%%"},
		{"$?-$(VAR_A", "$?-$(VAR_A"},
		{"$VAR_A$(", "$VAR_A$("},
		{"$$$$$$$(VAR_A)", "$$$A"},
		{"$$$$$$(VAR_A)", "$$$(VAR_A)"},
		{"$", "$"},
		{"$()", "$()"},
		{"", ""},
		{"foo$", "foo$"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_FREE char *got = expand_vars(cases[i].in, lookup, (void *)vars);

		assert_string_equal(got, cases[i].out);
	}
}

static void test_backoff_doubles_and_forgets(void **state)
{
	struct backoff b = {0};
	uint64_t now = 1000000;
	char text[24];

	assert_int_equal(backoff_until(&b, now, now), 0); /* the first restart is at once */
	backoff_next(&b, now, now);
	assert_int_equal(backoff_until(&b, now + 500, now + 600), now + 500 + 10000);
	now += 10500;
	assert_int_equal(backoff_until(&b, now - 10000, now), 0);
	backoff_next(&b, now, now);
	assert_int_equal(b.delay_ms, 20000);
	for (int i = 0; i < 10; i++)
		backoff_next(&b, now, now);
	assert_int_equal(b.delay_ms, 300000);
	assert_string_equal(backoff_text(b.delay_ms, text), "5m0s");
	assert_string_equal(backoff_text(10000, text), "10s");
	assert_string_equal(backoff_text(80000, text), "1m20s");
	/* more than ten minutes after the last restart it is as if nothing had been */
	assert_int_equal(backoff_until(&b, now + 600001, now + 600002), 0);
	backoff_next(&b, now + 600001, now + 600002);
	assert_int_equal(b.delay_ms, 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expansion_cases),
		cmocka_unit_test(test_backoff_doubles_and_forgets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
