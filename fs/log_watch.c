/* SPDX-License-Identifier: MIT */
#include "fs/log_watch.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "fs/stream.h"
#include "util/fd.h"

#define N_BUCKETS 256u

struct log_watches {
	int inotify;
	pthread_mutex_t lock;
	struct log_watch *by_wd[N_BUCKETS]; /* lock */
};

static struct log_watch **bucket(struct log_watches *all, int wd)
{
	return &all->by_wd[(unsigned)wd % N_BUCKETS];
}

static void tell(struct log_watches *all, int wd)
{
	pthread_mutex_lock(&all->lock);
	for (struct log_watch *w = *bucket(all, wd); w; w = w->next)
		if (w->wd == wd)
			w->fn(w->arg);
	pthread_mutex_unlock(&all->lock);
}

static void tell_everybody(struct log_watches *all)
{
	pthread_mutex_lock(&all->lock);
	for (size_t i = 0; i < N_BUCKETS; i++)
		for (struct log_watch *w = all->by_wd[i]; w; w = w->next)
			w->fn(w->arg);
	pthread_mutex_unlock(&all->lock);
}

static void on_events(void *arg)
{
	struct log_watches *all = arg;
	char events[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n = read(all->inotify, events, sizeof(events));
	int last = -1;

	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *e = (const void *)(events + at);

		if (e->mask & IN_Q_OVERFLOW)
			tell_everybody(all);
		else if (e->wd != last)
			tell(all, e->wd);
		last = e->wd;
		at += (ssize_t)(sizeof(*e) + e->len);
	}
}

struct log_watches *log_watches_new(struct fs *fs)
{
	struct log_watches *all = xcalloc(1, sizeof(*all));

	pthread_mutex_init(&all->lock, NULL);
	all->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (all->inotify >= 0)
		streams_add_source(fs->streams, all->inotify, on_events, all);
	return all;
}

void log_watches_free(struct log_watches *all)
{
	if (!all)
		return;
	fd_close_at(&all->inotify);
	pthread_mutex_destroy(&all->lock);
	free(all);
}

int log_watch_start(struct log_watches *all, struct log_watch *w, const char *path)
{
	CLEANUP_FREE char *dir = xstrdup(path);
	char *slash = strrchr(dir, '/');
	struct log_watch **at;

	if (!slash || slash == dir)
		return 0;
	*slash = '\0';
	pthread_mutex_lock(&all->lock);
	/* the directory: writes to the file, and another one in its place */
	w->wd = inotify_add_watch(all->inotify, dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO);
	if (w->wd >= 0) {
		at = bucket(all, w->wd);
		w->next = *at;
		if (w->next)
			w->next->prev = &w->next;
		w->prev = at;
		*at = w;
	}
	pthread_mutex_unlock(&all->lock);
	return w->wd >= 0;
}

void log_watch_stop(struct log_watches *all, struct log_watch *w)
{
	const struct log_watch *other;

	if (w->wd < 0)
		return;
	pthread_mutex_lock(&all->lock);
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	other = *bucket(all, w->wd);
	while (other && other->wd != w->wd)
		other = other->next;
	if (!other)
		inotify_rm_watch(all->inotify, w->wd);
	w->wd = -1;
	pthread_mutex_unlock(&all->lock);
}
