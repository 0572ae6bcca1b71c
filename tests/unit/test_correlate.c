/* SPDX-License-Identifier: MIT */
/* Events: the same ones counted up, similar ones combined, chatter not heard. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "objects/events.h"

#define SECOND 1000000000LL

static const struct event_source source = {"deployment-controller", NULL,
					   "kube-controller-manager"};
static const struct kind kind = {.group = "apps", .plural = "deployments"};

static struct object about(const char *name)
{
	return (struct object){.kind = &kind, .ns = "default", .name = name, .uid = name};
}

static int64_t say(struct correlator *c, const char *name, const char *message, int64_t now,
		   char *event, char *text)
{
	const struct object o = about(name);
	struct event_sum sum;
	int64_t count;

	correlate(c, &source, &o, NULL, "Normal", "Scaling", message, now, &sum);
	if (event)
		snprintf(event, 64, "%s", sum.name);
	if (text)
		snprintf(text, 128, "%s", sum.message);
	count = sum.count;
	free(sum.name);
	free(sum.message);
	return count;
}

static void test_the_same_event_is_counted(void **state)
{
	struct correlator *c = correlator_new();
	char first[64], again[64], other[64];

	assert_int_equal(say(c, "web", "up", 5 * SECOND, first, NULL), 1);
	assert_string_equal(first, "web.12a05f200"); /* the time in nanoseconds */
	assert_int_equal(say(c, "web", "up", 9 * SECOND, again, NULL), 2);
	assert_string_equal(first, again);
	assert_int_equal(say(c, "web", "down", 9 * SECOND, other, NULL), 1);
	assert_string_not_equal(first, other);
	assert_int_equal(say(c, "api", "up", 9 * SECOND, other, NULL), 1);
	correlator_free(c);
}

static void test_similar_events_are_combined(void **state)
{
	struct correlator *c = correlator_new();
	char message[32], text[128], event[64], combined[64] = "";

	for (int i = 1; i <= 12; i++) {
		int64_t count;

		snprintf(message, sizeof(message), "to %d", i);
		count = say(c, "web", message, i * SECOND, event, text);
		if (i < 10) {
			assert_int_equal(count, 1);
			assert_string_equal(text, message);
			continue;
		}
		assert_int_equal(count, i - 9);
		assert_memory_equal(text, "(combined from similar events): to ", 35);
		if (*combined)
			assert_string_equal(combined, event);
		snprintf(combined, sizeof(combined), "%s", event);
	}
	/* after ten minutes of silence it starts anew */
	assert_int_equal(say(c, "web", "to 13", 700 * SECOND, NULL, text), 1);
	assert_string_equal(text, "to 13");
	correlator_free(c);
}

static void test_chatter_is_not_heard(void **state)
{
	struct correlator *c = correlator_new();
	int heard = 0;

	for (int i = 0; i < 100; i++)
		heard += say(c, "web", "again and again", i + 1, NULL, NULL) > 0;
	assert_int_equal(heard, 25);
	assert_true(say(c, "api", "again and again", 100, NULL, NULL) > 0);
	assert_false(say(c, "web", "again and again", 200 * SECOND, NULL, NULL) > 0);
	assert_true(say(c, "web", "again and again", 501 * SECOND, NULL, NULL) > 0);
	correlator_free(c);
}

static void test_many_objects_fit(void **state)
{
	struct correlator *c = correlator_new();
	char name[32];

	for (int i = 0; i < 100000; i++) { /* bounded: the oldest are forgotten, none is lost */
		snprintf(name, sizeof(name), "pod-%d", i);
		assert_int_equal(say(c, name, "scheduled", i + 1, NULL, NULL), 1);
	}
	correlator_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_same_event_is_counted),
		cmocka_unit_test(test_similar_events_are_combined),
		cmocka_unit_test(test_chatter_is_not_heard),
		cmocka_unit_test(test_many_objects_fit),
	};

	return cmocka_run_group_tests_name("correlate", tests, NULL, NULL);
}
