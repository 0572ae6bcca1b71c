/* SPDX-License-Identifier: MIT */
/* The bounded change log and its watches. */
#include "objects/store/changelog.h"

#include <errno.h>

void change_fini(struct change *c)
{
	object_unref(c->now);
	object_unref(c->old);
	*c = (struct change){0};
}

void changelog_init(struct changelog *l, uint64_t revision)
{
	*l = (struct changelog){.dropped = revision};
	pthread_mutex_init(&l->lock, NULL);
	pthread_mutex_init(&l->watches_lock, NULL);
}

void changelog_fini(struct changelog *l)
{
	for (uint64_t i = l->first; i < l->next; i++)
		change_fini(&l->ring[i % l->size]);
	free(l->ring);
	pthread_mutex_destroy(&l->watches_lock);
	pthread_mutex_destroy(&l->lock);
}

/* -- room in the ring; with both locks -- */

/* How many of the newest changes some watch has still to read. */
static uint64_t n_needed(const struct changelog *l)
{
	uint64_t oldest = l->next;

	for (const struct watch *w = l->watches; w; w = w->next)
		if (!w->lost && w->at >= l->first && w->at < oldest)
			oldest = w->at;
	return l->next - oldest;
}

static void drop_first(struct changelog *l)
{
	struct change *at = &l->ring[l->first % l->size];

	l->dropped = at->rv;
	l->bytes -= at->bytes;
	change_fini(at);
	l->first++;
}

static void resize(struct changelog *l, size_t size)
{
	struct change *ring = xcalloc(size, sizeof(*ring));

	while (l->next - l->first > size)
		drop_first(l);
	for (uint64_t i = l->first; i < l->next; i++)
		ring[i % size] = l->ring[i % l->size];
	free(l->ring);
	l->ring = ring;
	l->size = size;
}

/* The size follows from what is needed, so that it comes back when slow readers have read. */
static void make_room(struct changelog *l, size_t n)
{
	uint64_t needed = n_needed(l) + n;
	size_t size = l->size ? l->size : CHANGELOG_SIZE;

	while (size < needed && size < CHANGELOG_MAX)
		size *= 2;
	while (size > CHANGELOG_SIZE && size / 4 >= needed)
		size /= 2;
	if (size != l->size)
		resize(l, size);
}

void changelog_append(struct changelog *l, struct change *changes, size_t n)
{
	if (!n)
		return;
	pthread_mutex_lock(&l->watches_lock);
	pthread_mutex_lock(&l->lock);
	make_room(l, n);
	for (size_t i = 0; i < n; i++) {
		if (l->next - l->first == l->size)
			drop_first(l);
		l->ring[l->next % l->size] = changes[i];
		l->bytes += changes[i].bytes;
		l->next++;
	}
	while (l->bytes > CHANGELOG_BYTES && l->next - l->first > CHANGELOG_LEAST)
		drop_first(l);
	pthread_mutex_unlock(&l->lock);
	pthread_mutex_unlock(&l->watches_lock);
}

/* Return: whether to tell the watch. One that was told and has not caught up since knows. */
static int take_idle(struct changelog *l, struct watch *w)
{
	int tell;

	pthread_mutex_lock(&l->lock);
	tell = w->idle && w->at < l->next;
	if (tell)
		w->idle = 0;
	pthread_mutex_unlock(&l->lock);
	return tell;
}

void changelog_notify(struct changelog *l)
{
	pthread_mutex_lock(&l->watches_lock);
	for (struct watch *w = l->watches; w; w = w->next)
		if (take_idle(l, w))
			w->notify(w->arg);
	pthread_mutex_unlock(&l->watches_lock);
}

/* Sequence number of the first change after rv. */
static uint64_t seek(const struct changelog *l, uint64_t rv)
{
	uint64_t lo = l->first, hi = l->next;

	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;

		if (l->ring[mid % l->size].rv <= rv)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct watch *changelog_watch(struct changelog *l, const struct kind *kind, uint64_t since,
			      void (*notify)(void *arg), void *arg)
{
	struct watch *w = xcalloc(1, sizeof(*w));

	w->log = l;
	w->kind = kind;
	w->notify = notify;
	w->arg = arg;
	w->idle = 1;
	pthread_mutex_lock(&l->watches_lock);
	pthread_mutex_lock(&l->lock);
	w->at = seek(l, since);
	w->since = since;
	w->lost = since < l->dropped;
	pthread_mutex_unlock(&l->lock);
	w->next = l->watches;
	if (w->next)
		w->next->prev = &w->next;
	w->prev = &l->watches;
	l->watches = w;
	pthread_mutex_unlock(&l->watches_lock);
	return w;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->log->watches_lock);
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	pthread_mutex_unlock(&w->log->watches_lock);
	free(w);
}

int watch_pending(struct watch *w)
{
	int pending;

	pthread_mutex_lock(&w->log->lock);
	pending = w->at < w->log->next;
	pthread_mutex_unlock(&w->log->lock);
	return pending;
}

int watch_next(struct watch *w, struct change *out)
{
	struct changelog *l = w->log;
	int rc = 0;

	pthread_mutex_lock(&l->lock);
	if (w->at < l->first)
		w->lost = 1;
	while (!w->lost && w->at < l->next && rc == 0) {
		const struct change *c = &l->ring[w->at++ % l->size];

		/* a list may be newer than the log for a moment: it is published first */
		if (c->rv <= w->since || (w->kind && !kind_is_same_resource(c->now->kind, w->kind)))
			continue;
		*out = *c;
		object_ref(out->now);
		object_ref(out->old);
		rc = 1;
	}
	if (w->lost)
		rc = -ESTALE;
	if (rc == 0)
		w->idle = 1;
	pthread_mutex_unlock(&l->lock);
	if (rc == 1 && w->kind) {
		out->now = object_as(out->now, w->kind);
		out->old = object_as(out->old, w->kind);
	}
	return rc;
}

uint64_t changelog_kept(struct changelog *l)
{
	uint64_t n;

	pthread_mutex_lock(&l->lock);
	n = l->next - l->first;
	pthread_mutex_unlock(&l->lock);
	return n;
}
