/* SPDX-License-Identifier: MIT */
/* The runner: a key never twice at a time, failures and conflicts tried again, events, stop and
 * start. */
#include "tests/unit/controllers_rig.h"

#include <errno.h>

#include "objects/controllers/facts.h"

/* What the controller below is to do; set before the runner starts or while it rests. */
static struct {
	int (*sync)(struct controller *c, struct object *o, struct plan *plan, struct err *err);
	_Atomic int runs, refused, stale;
} play;

static void play_observe(struct controller *c, const struct change *ch)
{
	if (str_eq(ch->now->kind->plural, "configmaps"))
		controller_enqueue(c, object_key(ch->now));
}

static int play_sync(struct controller *c, struct objkey key, struct plan *plan, struct err *err)
{
	struct object *o = store_get(controller_store(c), key);
	int rc = 0;

	if (o) {
		play.runs++;
		rc = play.sync(c, o, plan, err);
	}
	object_unref(o);
	return rc;
}

static void play_failed(struct controller *c, struct objkey key, const struct plan_fault *faults,
			size_t n, struct plan *plan)
{
	struct object *o = store_get(controller_store(c), key);

	play.refused += (int)n;
	if (o)
		plan_event(plan, o, "Warning", "Refused", "%s", faults[0].faults->list[0].message);
	object_unref(o);
}

static const struct controller_class player = {
	.name = "player",
	.observe = play_observe,
	.sync = play_sync,
	.failed = play_failed,
};
static const struct controller_class *const classes[] = {&player, NULL};

static struct rig *start(int (*sync)(struct controller *c, struct object *o, struct plan *plan,
				     struct err *err))
{
	struct rig *r;

	play.sync = sync;
	play.runs = play.refused = play.stale = 0;
	r = rig_new(classes);
	rig_create(r, "namespaces", "",
		   "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":"
		   "\"default\"}}");
	return r;
}

static void make(struct rig *r, const char *name)
{
	CLEANUP_FREE char *json = xasprintf(
		"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"%s\"}}",
		name);

	rig_create(r, "configmaps", "default", json);
}

static int64_t data(struct rig *r, const char *name, const char *key)
{
	struct object *o = rig_get(r, "configmaps", "default", name);
	const char *text = STR_AT(o->value, "data", key);
	int64_t n = text ? strtoll(text, NULL, 10) : -1;

	object_unref(o);
	return n;
}

static void wait_for(_Atomic int *count, int n)
{
	for (int i = 0; i < 60000 && *count < n; i++)
		rig_sleep_ms(1);
	assert_true(*count >= n);
}

static struct value *with_data(const struct object *o, const char *key, int64_t n)
{
	return value_bury(value_ref(o->value), value_new_stringf("%lld", (long long)n), "data", key,
			  NULL);
}

/* -- own writes are seen -- */

static int64_t of(const struct object *o, const char *key)
{
	const char *text = STR_AT(o->value, "data", key);

	return text ? strtoll(text, NULL, 10) : 0;
}

static int count_to_100(struct controller *c, struct object *o, struct plan *plan, struct err *err)
{
	static int64_t last;
	int64_t n = of(o, "n");

	if (n == 0)
		last = 0;
	if (n != last)
		play.stale++; /* a run on a state older than the last run's write */
	if (n < 100) {
		last = n + 1;
		plan_update(plan, o, with_data(o, "n", n + 1));
	}
	return 0;
}

static void test_each_run_sees_the_writes_of_the_one_before(void **state)
{
	struct rig *r = start(count_to_100);

	make(r, "a");
	rig_settle(r);
	assert_int_equal(data(r, "a", "n"), 100);
	assert_int_equal(play.stale, 0);
	assert_in_range(play.runs, 101, 110);
	rig_free(r);
}

/* -- conflicts -- */

static int count_to_50(struct controller *c, struct object *o, struct plan *plan, struct err *err)
{
	if (of(o, "n") < 50)
		plan_update(plan, o, with_data(o, "n", of(o, "n") + 1));
	return 0;
}

static struct value *disturb(void *arg, struct value *taken, struct err *err)
{
	const char *text = STR_AT(taken, "data", "other");

	return value_bury(taken, value_new_stringf("%lld", text ? strtoll(text, NULL, 10) + 1 : 1),
			  "data", "other", NULL);
}

static void test_conflicts_lose_nothing(void **state)
{
	struct rig *r = start(count_to_50);

	make(r, "a");
	for (int i = 0; i < 200; i++) { /* somebody else writes all the time */
		struct api_request *q =
			api_request_new(API_MUTATE, rig_kind("configmaps"), "default", "a");

		q->mutate = disturb;
		rig_call(r, q, NULL);
	}
	rig_settle(r);
	assert_int_equal(data(r, "a", "n"), 50);
	assert_int_equal(data(r, "a", "other"), 200);
	assert_int_equal(play.refused, 0);
	rig_free(r);
}

/* -- refusals -- */

static int make_a_bad_and_a_good_one(struct controller *c, struct object *o, struct plan *plan,
				     struct err *err)
{
	struct value *bad, *good;

	if (!str_eq(o->name, "a") || of(o, "calm"))
		return 0;
	bad = rig_json("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"NOT "
		       "a name\"}}");
	good = rig_json("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{"
			"\"generateName\":\"good-\"}}");
	plan_create(plan, o->kind, "default", bad);
	plan_event_after(plan, o, "Normal", "Made", "the bad one");
	plan_create(plan, o->kind, "default", good);
	plan_event_after(plan, o, "Normal", "Made", "a good one");
	return 0;
}

static size_t n_events(struct rig *r, const char *reason, const char *message)
{
	struct object_list l = rig_list(r, "events", "default");
	size_t n = 0;

	for (size_t i = 0; i < l.n; i++)
		n += str_eq(STR_AT(l.list[i]->value, "reason"), reason) &&
		     (!message || str_eq(STR_AT(l.list[i]->value, "message"), message));
	object_list_fini(&l);
	return n;
}

static void test_one_refused_does_not_stop_the_others(void **state)
{
	struct rig *r = start(make_a_bad_and_a_good_one);

	make(r, "a");
	wait_for(&play.refused, 4);
	rig_patch(r, "configmaps", "default", "a", 0, "{\"data\":{\"calm\":\"1\"}}");
	rig_settle(r);
	assert_int_equal(store_count(r->store, rig_kind("configmaps"), "default"),
			 1 + play.refused);
	assert_int_equal(n_events(r, "Made", "the bad one"), 0);
	assert_int_equal(n_events(r, "Made", "a good one"), 1); /* counted up */
	assert_int_equal(n_events(r, "Refused", NULL), 1);
	rig_free(r);
}

static int always_fails(struct controller *c, struct object *o, struct plan *plan, struct err *err)
{
	return err_set(err, EIO, "not today");
}

static void test_failing_sync_backs_off(void **state)
{
	struct rig *r = start(always_fails);
	uint64_t began = loop_now_ms();

	make(r, "a");
	wait_for(&play.runs, 7); /* at 0, 5, 15, 35, 75, 155, 315 ms, or later on a busy machine */
	assert_true(loop_now_ms() - began >= 310);
	rig_free(r); /* stops in the middle of a back-off */
}

/* -- deadlines -- */

static int again_soon(struct controller *c, struct object *o, struct plan *plan, struct err *err)
{
	if (play.runs < 5)
		plan_again(plan, 20);
	return 0;
}

static void test_again_is_a_deadline_not_work(void **state)
{
	struct rig *r = start(again_soon);

	make(r, "a");
	rig_settle(r); /* does not wait for the deadline */
	wait_for(&play.runs, 5);
	rig_sleep_ms(100);
	assert_int_equal(play.runs, 5);
	rig_free(r);
}

/* -- stop and start -- */

static int write_a_lot(struct controller *c, struct object *o, struct plan *plan, struct err *err)
{
	plan_update(plan, o, with_data(o, "n", of(o, "n") + 1));
	return 0;
}

static void test_stop_waits_for_writes_in_flight(void **state)
{
	struct rig *r = start(write_a_lot);
	uint64_t revision;
	char name[8];

	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		make(r, name);
	}
	for (int i = 0; i < 20; i++) {
		rig_on_loop(r, rig_stop_runner);
		revision = store_revision(r->store);
		rig_sleep_ms(2);
		assert_int_equal(store_revision(r->store), revision); /* nothing runs any more */
		rig_on_loop(r, rig_start_runner);
		rig_sleep_ms(5);
	}
	rig_free(r);
}

static int note_once(struct controller *c, struct object *o, struct plan *plan, struct err *err)
{
	if (!of(o, "seen"))
		plan_update(plan, o, with_data(o, "seen", 1));
	return 0;
}

#define MANY 9000 /* more than the change log keeps */

static _Atomic int go_on;

static void stall(void *arg)
{
	while (!go_on)
		rig_sleep_ms(1);
}

static void let_go_on(struct api_batch *b, int rc)
{
	assert_int_equal(rc, 0);
	go_on = 1;
}

/* A loop that is busy for long misses changes: everything is looked at again. */
static void test_falling_behind_loses_nothing(void **state)
{
	struct rig *r = start(note_once);
	struct api_batch *b = api_batch_new(let_go_on, NULL);
	struct object_list l;

	go_on = 0;
	loop_post(r->loop, stall, NULL);
	for (int i = 0; i < MANY; i++) {
		struct api_request *q =
			api_request_new(API_CREATE, rig_kind("configmaps"), "default", NULL);

		q->body = rig_json("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"}");
		q->body =
			value_bury(q->body, value_new_stringf("c%d", i), "metadata", "name", NULL);
		api_batch_add(b, q);
	}
	api_submit(r->api, &rig_tester, b);
	rig_settle(r);
	l = rig_list(r, "configmaps", "default");
	assert_int_equal(l.n, MANY);
	for (size_t i = 0; i < l.n; i++)
		assert_int_equal(of(l.list[i], "seen"), 1);
	object_list_fini(&l);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_run_sees_the_writes_of_the_one_before),
		cmocka_unit_test(test_conflicts_lose_nothing),
		cmocka_unit_test(test_one_refused_does_not_stop_the_others),
		cmocka_unit_test(test_failing_sync_backs_off),
		cmocka_unit_test(test_again_is_a_deadline_not_work),
		cmocka_unit_test(test_stop_waits_for_writes_in_flight),
		cmocka_unit_test(test_falling_behind_loses_nothing),
	};

	return cmocka_run_group_tests_name("runner", tests, NULL, NULL);
}
