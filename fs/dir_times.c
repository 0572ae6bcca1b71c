/* SPDX-License-Identifier: MIT */
#include "fs/dir_times.h"

#include <pthread.h>
#include <string.h>

#include "objects/schema.h"
#include "util/buf.h"
#include "util/strmap.h"

#define SLOTS 4096u

struct dir_time {
	uint64_t hash; /* of the path; 0: free */
	struct timespec time;
};

struct dir_times {
	pthread_mutex_t lock;
	struct dir_time slots[SLOTS]; /* direct-mapped */
	struct timespec forgotten;    /* nothing that has no slot is newer */
};

struct dir_times *dir_times_new(void)
{
	struct dir_times *all = xcalloc(1, sizeof(*all));

	pthread_mutex_init(&all->lock, NULL);
	clock_gettime(CLOCK_REALTIME, &all->forgotten);
	return all;
}

void dir_times_free(struct dir_times *all)
{
	if (!all)
		return;
	pthread_mutex_destroy(&all->lock);
	free(all);
}

static uint64_t hash_of(const char *dir, size_t len)
{
	uint64_t h = hash_bytes64(dir, len, 0x6b38);

	return h ? h : 1;
}

static int is_later(struct timespec a, struct timespec b)
{
	return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

static void touch(struct dir_times *all, const char *dir, size_t len)
{
	uint64_t h = hash_of(dir, len);
	struct dir_time *slot = &all->slots[h % SLOTS];

	pthread_mutex_lock(&all->lock);
	if (slot->hash && slot->hash != h && is_later(slot->time, all->forgotten))
		all->forgotten = slot->time;
	slot->hash = h;
	clock_gettime(CLOCK_REALTIME, &slot->time);
	pthread_mutex_unlock(&all->lock);
}

void dir_times_touch(struct dir_times *all, const char *dir)
{
	touch(all, dir, strlen(dir));
}

void dir_times_touch_parent(struct dir_times *all, const char *path)
{
	const char *slash = strrchr(path, '/');

	touch(all, path, slash ? (size_t)(slash - path) : 0);
}

void dir_times_touch_kind(struct dir_times *all, const struct kind *kind, const char *ns)
{
	CLEANUP(buf_fini) struct buf dir = BUF_INIT;

	buf_addf(&dir, "apis/%s/%s/%s%s%s", *kind->group ? kind->group : "core", kind->version,
		 kind->plural, *ns ? "/" : "", ns);
	touch(all, buf_str(&dir), dir.len);
}

struct timespec dir_times_get(struct dir_times *all, const char *dir)
{
	uint64_t h = hash_of(dir, strlen(dir));
	const struct dir_time *slot = &all->slots[h % SLOTS];
	struct timespec t;

	pthread_mutex_lock(&all->lock);
	t = slot->hash == h ? slot->time : all->forgotten;
	pthread_mutex_unlock(&all->lock);
	return t;
}
