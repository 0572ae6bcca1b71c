/* SPDX-License-Identifier: MIT */
/* The names of an open directory: positions stay, one name is one entry. When directories changed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "fs/dir_times.h"
#include "fs/listing.h"
#include "objects/schema.h"

static void add(struct listing *l, const char *const *names)
{
	for (; *names; names++)
		listing_add(l, *names, ROW_DIR, 1);
}

/* "0a 1b 3d": each name behind its position. */
static const char *shown(const struct listing *l)
{
	static char text[256];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < l->n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%d%s", i ? " " : "",
				      (int)l->list[i].position, listing_name(l, i));
	return text;
}

static void test_positions(void **state)
{
	struct listing first = {0}, second = {0}, third = {0};

	(void)state;
	add(&first, (const char *[]){".", "..", "a", "b", "c", NULL});
	listing_settle(&first, &(struct listing){0});
	assert_string_equal(shown(&first), "0. 1.. 2a 3b 4c");

	/* b went; aa and d came: whoever is at 4 goes on with c */
	add(&second, (const char *[]){".", "..", "a", "aa", "c", "d", NULL});
	listing_settle(&second, &first);
	assert_string_equal(shown(&second), "0. 1.. 2a 4c 5aa 6d");
	assert_int_equal(listing_seek(&second, 0), 0);
	assert_int_equal(listing_seek(&second, -1), 0);
	assert_int_equal(listing_seek(&second, 3), 3);
	assert_int_equal(listing_seek(&second, 4), 3);
	assert_int_equal(listing_seek(&second, 7), 6);
	assert_int_equal(listing_seek(&second, INT64_MAX), 6);

	/* one that comes again is a new one */
	add(&third, (const char *[]){".", "..", "b", "d", NULL});
	listing_settle(&third, &second);
	assert_string_equal(shown(&third), "0. 1.. 6d 7b");
	listing_fini(&first);
	listing_fini(&second);
	listing_fini(&third);
}

static void test_doubles(void **state)
{
	struct listing l = {0};

	(void)state;
	listing_add(&l, "a", ROW_DIR, 1);
	listing_add(&l, "b", ROW_DIR, 2);
	listing_add(&l, "a", ROW_FILE, 3);
	listing_settle(&l, &(struct listing){0});
	assert_string_equal(shown(&l), "0a 1b");
	assert_int_equal(l.list[0].type, ROW_DIR);
	assert_int_equal(l.list[0].ino, 1);
	listing_fini(&l);
}

static void test_many(void **state)
{
	struct listing before = {0}, now = {0};
	char name[16];

	(void)state;
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		listing_add(&before, name, ROW_DIR, 1);
		listing_add(&before, name, ROW_DIR, 1);
		if (i % 2)
			listing_add(&now, name, ROW_DIR, 1);
	}
	listing_settle(&before, &(struct listing){0});
	assert_int_equal(before.n, 5000);
	listing_settle(&now, &before);
	assert_int_equal(now.n, 2500);
	for (size_t i = 0; i < now.n; i++)
		assert_int_equal(now.list[i].position, 2 * i + 1);
	assert_int_equal(listing_seek(&now, 2000), 1000);
	listing_fini(&before);
	listing_fini(&now);
}

static int is_later(struct timespec a, struct timespec b)
{
	return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

static void test_dir_times(void **state)
{
	struct dir_times *all = dir_times_new();
	const struct kind *pod = kind_find("", "v1", "pods");
	struct timespec start = dir_times_get(all, "apply"), pods, apply;
	char dir[32];

	(void)state;
	assert_non_null(pod);
	dir_times_touch_kind(all, pod, "default");
	pods = dir_times_get(all, "apis/core/v1/pods/default");
	assert_true(is_later(pods, start));
	assert_false(is_later(dir_times_get(all, "apis/core/v1/pods"), start));
	assert_false(is_later(dir_times_get(all, "apply"), start));
	dir_times_touch_parent(all, "apply/x.yaml");
	apply = dir_times_get(all, "apply");
	assert_true(is_later(apply, pods));

	/* more than it remembers: a time may become later, never earlier */
	for (int i = 0; i < 20000; i++) {
		snprintf(dir, sizeof(dir), "apply/%d", i);
		dir_times_touch(all, dir);
	}
	assert_false(is_later(pods, dir_times_get(all, "apis/core/v1/pods/default")));
	assert_false(is_later(apply, dir_times_get(all, "apply")));
	assert_true(is_later(dir_times_get(all, "apply/0"), apply));
	dir_times_free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_positions),
		cmocka_unit_test(test_doubles),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_dir_times),
	};

	kinds_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
