/* SPDX-License-Identifier: MIT */
/* The work queue: each key once, never twice at a time, back-off per key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "objects/controllers/queue.h"

static const struct kind some_kind = {.plural = "things", .index = 3};

static struct objkey key_of(const char *name)
{
	return (struct objkey){&some_kind, "ns", name};
}

static void expect_next(struct work_queue *q, const char *name)
{
	struct work_item *i = work_take(q);

	assert_non_null(i);
	assert_string_equal(i->key.name, name);
	work_end(q, i, WORK_DONE, WORK_NEVER, 0);
}

static void test_keys_come_once_and_in_order(void **state)
{
	struct work_queue q;

	work_queue_init(&q);
	work_add(&q, key_of("a"));
	work_add(&q, key_of("b"));
	work_add(&q, key_of("a"));
	assert_int_equal(work_pending(&q), 2);
	expect_next(&q, "a");
	expect_next(&q, "b");
	assert_null(work_take(&q));
	assert_int_equal(work_pending(&q), 0);
	assert_int_equal(q.items.n, 0); /* nothing remembered */
	work_queue_fini(&q);
}

static void test_busy_key_waits_for_its_end(void **state)
{
	struct work_queue q;
	struct work_item *i;

	work_queue_init(&q);
	work_add(&q, key_of("a"));
	i = work_take(&q);
	work_add(&q, key_of("a"));
	work_add(&q, key_of("a"));
	assert_null(work_take(&q));
	work_end(&q, i, WORK_DONE, WORK_NEVER, 0);
	expect_next(&q, "a");
	assert_null(work_take(&q));
	work_queue_fini(&q);
}

static void test_backoff_doubles_up_to_its_maximum(void **state)
{
	struct work_queue q;
	uint64_t now = 1000, expected = WORK_BACKOFF_MIN;

	work_queue_init(&q);
	work_add(&q, key_of("a"));
	for (int n = 0; n < 30; n++) {
		struct work_item *i = work_take(&q);

		assert_non_null(i);
		work_end(&q, i, WORK_FAILED, WORK_NEVER, now);
		assert_int_equal(work_due(&q, now), now + expected);
		assert_null(work_take(&q));
		assert_int_equal(work_pending(&q), 1);
		now += expected;
		assert_int_equal(work_due(&q, now), WORK_NEVER);
		expected = expected * 2 < WORK_BACKOFF_MAX ? expected * 2 : WORK_BACKOFF_MAX;
	}
	assert_int_equal(expected, WORK_BACKOFF_MAX);
	expect_next(&q, "a"); /* success forgets the failures */
	work_add(&q, key_of("a"));
	work_end(&q, work_take(&q), WORK_FAILED, WORK_NEVER, now);
	assert_int_equal(work_due(&q, now), now + WORK_BACKOFF_MIN);
	work_queue_fini(&q);
}

static void test_change_ends_the_backoff_early(void **state)
{
	struct work_queue q;

	work_queue_init(&q);
	work_add(&q, key_of("a"));
	work_end(&q, work_take(&q), WORK_FAILED, WORK_NEVER, 0);
	assert_null(work_take(&q));
	work_add(&q, key_of("a"));
	expect_next(&q, "a");
	assert_int_equal(work_due(&q, 100000), WORK_NEVER);
	assert_null(work_take(&q));
	work_queue_fini(&q);
}

static void test_conflict_runs_at_once_but_not_for_ever(void **state)
{
	struct work_queue q;
	struct work_item *i;
	int n = 0;

	work_queue_init(&q);
	work_add(&q, key_of("a"));
	while ((i = work_take(&q)) && n < 1000) {
		work_end(&q, i, WORK_CONFLICT, WORK_NEVER, 0);
		n++;
	}
	assert_in_range(n, 2, 100);
	assert_int_equal(work_due(&q, 0), WORK_BACKOFF_MIN);
	work_queue_fini(&q);
}

static void test_delay_runs_at_the_earliest_asked_for(void **state)
{
	struct work_queue q;

	work_queue_init(&q);
	work_add_at(&q, key_of("a"), 500);
	work_add_at(&q, key_of("a"), 300);
	work_add_at(&q, key_of("a"), 400);
	work_add_at(&q, key_of("b"), 200);
	assert_int_equal(work_pending(&q), 0); /* a deadline is no work */
	assert_int_equal(work_due(&q, 100), 200);
	assert_null(work_take(&q));
	assert_int_equal(work_due(&q, 250), 300);
	expect_next(&q, "b");
	assert_int_equal(work_due(&q, 300), WORK_NEVER);
	expect_next(&q, "a");
	assert_int_equal(q.items.n, 0);
	work_queue_fini(&q);
}

static void test_run_before_its_deadline_keeps_the_deadline(void **state)
{
	struct work_queue q;

	work_queue_init(&q);
	work_add_at(&q, key_of("a"), 500);
	work_add(&q, key_of("a"));
	expect_next(&q, "a");
	assert_int_equal(work_due(&q, 10), 500);
	work_add(&q, key_of("a"));
	work_end(&q, work_take(&q), WORK_DONE, 50, 20);
	assert_int_equal(work_due(&q, 20), 50);
	work_queue_fini(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_come_once_and_in_order),
		cmocka_unit_test(test_busy_key_waits_for_its_end),
		cmocka_unit_test(test_backoff_doubles_up_to_its_maximum),
		cmocka_unit_test(test_change_ends_the_backoff_early),
		cmocka_unit_test(test_conflict_runs_at_once_but_not_for_ever),
		cmocka_unit_test(test_delay_runs_at_the_earliest_asked_for),
		cmocka_unit_test(test_run_before_its_deadline_keeps_the_deadline),
	};

	return cmocka_run_group_tests_name("workqueue", tests, NULL, NULL);
}
