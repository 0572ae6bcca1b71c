/* SPDX-License-Identifier: MIT */
/* Memory that is freed at once: what it gives is apart, zeroed and aligned; what it keeps is freed once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "util/arena.h"

static void fill(struct arena *a, size_t n)
{
	unsigned char *list[200];

	for (size_t i = 0; i < n; i++) {
		size_t size = 1 + i * i;

		list[i] = arena_alloc(a, size, 1);
		assert_int_equal((uintptr_t)list[i] % _Alignof(max_align_t), 0);
		for (size_t k = 0; k < size; k++)
			assert_int_equal(list[i][k], 0);
		memset(list[i], (int)i + 1, size);
	}
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(list[i][0], (unsigned char)(i + 1));
		assert_int_equal(list[i][i * i], (unsigned char)(i + 1));
	}
}

static void test_pieces_are_apart(void **state)
{
	struct arena a = {0};

	fill(&a, 200);
	assert_true(a.total >= 200u * 199 * 399 / 6);
	arena_fini(&a);
	assert_int_equal(a.total, 0);
}

static void test_reset_keeps_one_block(void **state)
{
	struct arena a = {0};
	size_t first;

	arena_reset(&a);
	arena_alloc(&a, 1, 1);
	first = a.total;
	fill(&a, 100);
	arena_reset(&a);
	assert_int_equal(a.total, first);
	assert_int_equal(a.used, 0);
	fill(&a, 100); /* zeroed, though it was written before */
	arena_fini(&a);
}

static void test_texts(void **state)
{
	struct arena a = {0};

	assert_string_equal(arena_strdup(&a, "text"), "text");
	assert_string_equal(arena_strndup(&a, "text", 2), "te");
	assert_string_equal(arena_strndup(&a, "", 0), "");
	arena_fini(&a);
}

static void count(void *p)
{
	++*(int *)p;
}

static void test_what_is_kept_is_freed_once(void **state)
{
	struct arena a = {0};
	int n = 0;

	for (int i = 0; i < 9; i++)
		arena_keep(&a, &n, count);
	arena_reset(&a);
	assert_int_equal(n, 9);
	arena_keep(&a, &n, count);
	arena_fini(&a);
	arena_fini(&a);
	assert_int_equal(n, 10);
}

static void test_trimming(void **state)
{
	static const char *const cases[][2] = {{"", ""},           {" \t\r\n", ""}, {"a", "a"},
					       {"  a b\n", "a b"}, {"a ", "a"},     {"\ta", "a"}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_FREE char *out = xstrtrim(cases[i][0]);

		assert_string_equal(out, cases[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces_are_apart),
		cmocka_unit_test(test_reset_keeps_one_block),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_what_is_kept_is_freed_once),
		cmocka_unit_test(test_trimming),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
