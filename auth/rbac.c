/* SPDX-License-Identifier: MIT */
#include "auth/rbac.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "util/loop.h"

static const char *const watched[] = {"roles", "clusterroles", "rolebindings",
				      "clusterrolebindings"};

struct rbac {
	struct store *store;
	struct watch *watches[ARRAY_LEN(watched)]; /* drained in on_commit, else by the thread */
	pthread_t thread;
	pthread_mutex_t now_lock; /* for the instant in which `now` is taken or replaced */
	struct snapshot *now;     /* now_lock */
	_Atomic uint64_t generation, revision;
	pthread_mutex_t lock;
	pthread_cond_t cond;                 /* changed, stopping, made */
	int changed, lost, making, stopping; /* lock */
	uint64_t made_of; /* lock: every commit up to this resourceVersion is in `now` */
	pthread_mutex_t listener_lock;
	void (*listener)(void *arg); /* listener_lock */
	void *listener_arg;
};

/* -- hearing of changes -- */

/* All that is new: were there changes of this kind? *lost: more than the log holds. */
static int drain(struct watch *w, int *lost)
{
	struct change c;
	int n = 0, rc;

	while ((rc = watch_next(w, &c)) == 1) {
		change_fini(&c);
		n = 1;
	}
	*lost |= rc == -ESTALE;
	return n;
}

/* With the lock. */
static void drain_all(struct rbac *r)
{
	for (size_t i = 0; i < ARRAY_LEN(watched); i++)
		if (r->watches[i] && !r->lost && drain(r->watches[i], &r->lost))
			r->changed = 1;
}

/* On the committer thread, after each commit: only a role's or binding's wakes us. */
static void on_commit(void *arg)
{
	struct rbac *r = arg;

	pthread_mutex_lock(&r->lock);
	drain_all(r);
	if (r->changed || r->lost)
		pthread_cond_broadcast(&r->cond);
	pthread_mutex_unlock(&r->lock);
}

static struct watch *watch_from_now(struct rbac *r, size_t i)
{
	return store_watch(r->store, kind_find("rbac.authorization.k8s.io", "v1", watched[i]),
			   store_revision(r->store), on_commit, r);
}

/* The thread's: on_commit leaves lost watches alone. */
static void watch_anew(struct rbac *r)
{
	for (size_t i = 0; i < ARRAY_LEN(watched); i++) {
		struct watch *fresh = watch_from_now(r, i), *old;

		pthread_mutex_lock(&r->lock);
		old = r->watches[i];
		r->watches[i] = fresh;
		pthread_mutex_unlock(&r->lock);
		watch_free(old);
	}
	pthread_mutex_lock(&r->lock);
	r->lost = 0;
	r->changed = 1;
	pthread_mutex_unlock(&r->lock);
}

/* -- making snapshots -- */

static void publish(struct rbac *r, struct snapshot *taken)
{
	struct snapshot *old;

	pthread_mutex_lock(&r->now_lock);
	old = r->now;
	r->now = taken;
	pthread_mutex_unlock(&r->now_lock);
	r->generation++;
	snapshot_unref(old);
}

static void make(struct rbac *r)
{
	uint64_t revision = store_revision(r->store);

	publish(r, snapshot_new(r->store, r->now));
	r->revision = revision;
	pthread_mutex_lock(&r->listener_lock);
	if (r->listener)
		r->listener(r->listener_arg);
	pthread_mutex_unlock(&r->listener_lock);
	pthread_mutex_lock(&r->lock);
	r->made_of = revision;
	r->making = 0;
	pthread_cond_broadcast(&r->cond);
	pthread_mutex_unlock(&r->lock);
}

static void pause_after(struct rbac *r, uint64_t took_ms)
{
	uint64_t ms = took_ms * 4 < RBAC_PAUSE_MS ? took_ms * 4 : RBAC_PAUSE_MS;
	struct timespec until = loop_time_after(ms);

	pthread_mutex_lock(&r->lock);
	while (!r->stopping && ms)
		if (pthread_cond_timedwait(&r->cond, &r->lock, &until) == ETIMEDOUT)
			break;
	pthread_mutex_unlock(&r->lock);
}

static void *run(void *arg)
{
	struct rbac *r = arg;

	for (;;) {
		uint64_t began;
		int lost, stopping;

		pthread_mutex_lock(&r->lock);
		while (!r->changed && !r->lost && !r->stopping)
			pthread_cond_wait(&r->cond, &r->lock);
		lost = r->lost;
		stopping = r->stopping;
		r->changed = 0;
		r->making = !stopping;
		pthread_mutex_unlock(&r->lock);
		if (stopping)
			return NULL;
		if (lost)
			watch_anew(r);
		began = loop_now_ms();
		make(r);
		pause_after(r, loop_now_ms() - began);
	}
}

/* -- beginning and end -- */

struct rbac *rbac_new(struct store *store)
{
	struct rbac *r = xcalloc(1, sizeof(*r));
	pthread_condattr_t monotonic;

	r->store = store;
	pthread_mutex_init(&r->now_lock, NULL);
	pthread_mutex_init(&r->lock, NULL);
	pthread_mutex_init(&r->listener_lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&r->cond, &monotonic);
	pthread_condattr_destroy(&monotonic);
	for (size_t i = 0; i < ARRAY_LEN(watched); i++)
		r->watches[i] = watch_from_now(r, i);
	make(r);
	pthread_create(&r->thread, NULL, run, r);
	return r;
}

void rbac_free(struct rbac *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->stopping = 1;
	pthread_cond_broadcast(&r->cond);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	for (size_t i = 0; i < ARRAY_LEN(watched); i++)
		watch_free(r->watches[i]);
	snapshot_unref(r->now);
	pthread_mutex_destroy(&r->now_lock);
	pthread_mutex_destroy(&r->lock);
	pthread_mutex_destroy(&r->listener_lock);
	pthread_cond_destroy(&r->cond);
	free(r);
}

struct snapshot *rbac_current(struct rbac *r)
{
	struct snapshot *s;

	pthread_mutex_lock(&r->now_lock);
	s = snapshot_ref(r->now);
	pthread_mutex_unlock(&r->now_lock);
	return s;
}

uint64_t rbac_generation(const struct rbac *r)
{
	return r->generation;
}

uint64_t rbac_revision(const struct rbac *r)
{
	return r->revision;
}

void rbac_on_change(struct rbac *r, void (*fn)(void *arg), void *arg)
{
	pthread_mutex_lock(&r->listener_lock);
	r->listener = fn;
	r->listener_arg = arg;
	pthread_mutex_unlock(&r->listener_lock);
}

void rbac_settle(struct rbac *r)
{
	uint64_t revision = store_revision(r->store);

	pthread_mutex_lock(&r->lock);
	drain_all(r);
	if (!r->changed && !r->lost && !r->making && r->made_of < revision)
		r->made_of = revision;
	pthread_cond_broadcast(&r->cond);
	while (r->made_of < revision)
		pthread_cond_wait(&r->cond, &r->lock);
	pthread_mutex_unlock(&r->lock);
}

struct store *rbac_store(struct rbac *r)
{
	return r->store;
}
