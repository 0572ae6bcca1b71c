/* SPDX-License-Identifier: MIT */
/* Threads for what has to wait: all jobs are done, no more than so many at a time. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/jobs.h"

#define THREADS 4

struct room {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int inside, most, done, open; /* lock */
};

static void enter(void *arg)
{
	struct room *r = arg;

	pthread_mutex_lock(&r->lock);
	r->inside++;
	if (r->inside > r->most)
		r->most = r->inside;
	pthread_cond_broadcast(&r->changed);
	while (!r->open)
		pthread_cond_wait(&r->changed, &r->lock);
	r->inside--;
	r->done++;
	pthread_mutex_unlock(&r->lock);
}

static void test_so_many_at_a_time(void **state)
{
	struct room r = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, 0};
	struct jobs *j = jobs_new("test", THREADS);

	for (int i = 0; i < 3 * THREADS; i++)
		jobs_add(j, enter, &r);
	pthread_mutex_lock(&r.lock);
	while (r.inside < THREADS) /* as many as may, each on a thread of its own */
		pthread_cond_wait(&r.changed, &r.lock);
	assert_int_equal(r.done, 0);
	r.open = 1;
	pthread_cond_broadcast(&r.changed);
	pthread_mutex_unlock(&r.lock);
	jobs_free(j); /* waits */
	assert_int_equal(r.done, 3 * THREADS);
	assert_int_equal(r.most, THREADS);
}

struct chain {
	struct jobs *jobs;
	int left;
};

/* A job may make others: it is they that are waited for, too. */
static void add_next(void *arg)
{
	struct chain *c = arg;

	if (c->left-- > 0)
		jobs_add(c->jobs, add_next, c);
}

static void test_jobs_that_make_jobs(void **state)
{
	struct chain c = {jobs_new("test", 1), 100};

	jobs_add(c.jobs, add_next, &c);
	jobs_free(c.jobs);
	assert_int_equal(c.left, -1);
	jobs_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_so_many_at_a_time),
		cmocka_unit_test(test_jobs_that_make_jobs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
