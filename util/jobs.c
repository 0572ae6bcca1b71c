/* SPDX-License-Identifier: MIT */
#include "util/jobs.h"

#include <pthread.h>

#include "util/log.h"

#define STACK_BYTES (1u << 20) /* the trees that a job walks are VALUE_MAX_DEPTH deep at most */

struct job {
	struct job *next;
	void (*fn)(void *arg);
	void *arg;
};

struct jobs {
	const char *name;
	unsigned max;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	struct job *first, **last; /* lock: waiting for a thread */
	unsigned n_threads;        /* lock */
};

struct jobs *jobs_new(const char *name, unsigned max_threads)
{
	struct jobs *j = xcalloc(1, sizeof(*j));

	j->name = name;
	j->max = max_threads;
	j->last = &j->first;
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->ended, NULL);
	return j;
}

/* lock held. NULL: nothing to do. */
static struct job *take(struct jobs *j)
{
	struct job *job = j->first;

	if (job)
		j->first = job->next;
	if (!j->first)
		j->last = &j->first;
	return job;
}

static void *work(void *arg)
{
	struct jobs *j = arg;
	struct job *job;

	pthread_setname_np(pthread_self(), j->name);
	pthread_mutex_lock(&j->lock);
	while ((job = take(j))) {
		pthread_mutex_unlock(&j->lock);
		job->fn(job->arg);
		free(job);
		pthread_mutex_lock(&j->lock);
	}
	/* under the lock: who waits for the last one frees it */
	if (--j->n_threads == 0)
		pthread_cond_broadcast(&j->ended);
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

/* lock held. Return: 0 or an errno. */
static int start_thread(struct jobs *j)
{
	pthread_attr_t attr;
	pthread_t thread;
	int rc;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	rc = pthread_create(&thread, &attr, work, j);
	pthread_attr_destroy(&attr);
	if (!rc)
		j->n_threads++;
	return rc;
}

void jobs_add(struct jobs *j, void (*fn)(void *arg), void *arg)
{
	struct job *job = xmalloc(sizeof(*job));
	int rc = 0;

	*job = (struct job){NULL, fn, arg};
	pthread_mutex_lock(&j->lock);
	*j->last = job;
	j->last = &job->next;
	if (j->n_threads < j->max)
		rc = start_thread(j);
	/* without any thread it would wait for ever */
	job = rc && !j->n_threads ? take(j) : NULL;
	pthread_mutex_unlock(&j->lock);
	if (rc)
		log_warn("%s: no thread for another job: %s", j->name, strerror(rc));
	if (!job)
		return;
	job->fn(job->arg);
	free(job);
}

void jobs_free(struct jobs *j)
{
	if (!j)
		return;
	pthread_mutex_lock(&j->lock);
	while (j->n_threads)
		pthread_cond_wait(&j->ended, &j->lock);
	pthread_mutex_unlock(&j->lock);
	pthread_mutex_destroy(&j->lock);
	pthread_cond_destroy(&j->ended);
	free(j);
}
