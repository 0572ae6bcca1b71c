/* SPDX-License-Identifier: MIT */
/*
 * The content cache is direct-mapped by inode number: a second hot file with the
 * same slot only costs a rendering. Large contents are never kept, and past
 * CACHE_BYTES a new one is kept only in place of an old one.
 */
#include "fs/content.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "fs/attr.h"
#include "fs/fs_i.h"

/* Rows whose content nobody tells us the changes of; kept to compare with the next one. */
#define MADE_ANEW (ROW_LIVE | ROW_TIMED)

#define CACHE_SLOTS 2048
#define CACHE_LOCKS 16
#define CACHE_LARGE (256u << 10)
#define CACHE_BYTES (4u << 20)

struct slot {
	uint64_t ino;
	struct content *content;
};

struct contents {
	pthread_mutex_t locks[CACHE_LOCKS]; /* of the slots with the same number modulo */
	struct slot slots[CACHE_SLOTS];
	_Atomic size_t bytes;
};

struct contents *contents_new(void)
{
	struct contents *all = xcalloc(1, sizeof(*all));

	for (size_t i = 0; i < CACHE_LOCKS; i++)
		pthread_mutex_init(&all->locks[i], NULL);
	return all;
}

void contents_free(struct contents *all)
{
	if (!all)
		return;
	for (size_t i = 0; i < CACHE_SLOTS; i++)
		content_unref(all->slots[i].content);
	for (size_t i = 0; i < CACHE_LOCKS; i++)
		pthread_mutex_destroy(&all->locks[i]);
	free(all);
}

struct content *content_new(const void *data, size_t len)
{
	struct content *t = xmalloc(sizeof(*t) + len + 1);

	t->refs = 1;
	t->version = 0;
	t->time = (struct timespec){0};
	t->len = len;
	if (len)
		memcpy(t->data, data, len);
	t->data[len] = '\0';
	return t;
}

void content_stat(const struct content *t, struct stat *st)
{
	st->st_size = (off_t)t->len;
	st->st_blocks = (st->st_size + 511) / 512;
	if (t->time.tv_sec)
		st->st_atim = st->st_mtim = st->st_ctim = t->time;
}

struct content *content_ref(struct content *t)
{
	t->refs++;
	return t;
}

void content_unref(struct content *t)
{
	if (t && --t->refs == 0)
		free(t);
}

/* version 0: whatever there is of it, to be compared with and not to be shown. */
static struct content *cached(struct contents *all, uint64_t ino, uint64_t version)
{
	size_t i = ino % CACHE_SLOTS;
	struct slot *slot = &all->slots[i];
	struct content *t = NULL;

	pthread_mutex_lock(&all->locks[i % CACHE_LOCKS]);
	if (slot->content && slot->ino == ino && (!version || slot->content->version == version))
		t = content_ref(slot->content);
	pthread_mutex_unlock(&all->locks[i % CACHE_LOCKS]);
	return t;
}

static void keep(struct contents *all, uint64_t ino, struct content *t)
{
	size_t i = ino % CACHE_SLOTS;
	struct slot *slot = &all->slots[i];
	struct content *old;

	if (t->len > CACHE_LARGE)
		return;
	pthread_mutex_lock(&all->locks[i % CACHE_LOCKS]);
	old = slot->content;
	if (old)
		all->bytes -= old->len;
	slot->content = NULL;
	if (all->bytes + t->len <= CACHE_BYTES) {
		slot->ino = ino;
		slot->content = content_ref(t);
		all->bytes += t->len;
	}
	pthread_mutex_unlock(&all->locks[i % CACHE_LOCKS]);
	content_unref(old);
}

/* 0: not cacheable. */
static uint64_t version_of(struct call *c, const struct node *n, const struct object *o)
{
	if (n->row->flags & (ROW_LIVE | ROW_ASKER))
		return 0;
	if (n->row->flags & ROW_TIMED)
		return (store_revision(c->fs->store) << 20) ^ (uint64_t)time(NULL);
	if (o)
		return o->rv;
	return 1;
}

/* When what n shows changed last, as far as its row knows. */
static struct timespec time_of(struct call *c, const struct node *n, const struct object *o)
{
	struct timespec t = {0};

	if (n->row->changed)
		return n->row->changed(c, n, o);
	if (n->row->flags & MADE_ANEW)
		clock_gettime(CLOCK_REALTIME, &t);
	else if (o)
		t = object_time(o);
	return t;
}

/* Made anew, it says the same: then it has not changed since. */
static void keep_time(struct contents *all, uint64_t ino, struct content *t)
{
	CLEANUP_CONTENT struct content *was = cached(all, ino, 0);

	if (was && was->len == t->len && memcmp(was->data, t->data, t->len) == 0)
		t->time = was->time;
}

struct content *content_get(struct call *c, const struct node *n, const struct object *o)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	uint64_t version = version_of(c, n, o);
	struct content *t;

	t = version ? cached(c->fs->contents, n->ino, version) : NULL;
	if (t)
		return t;
	if (n->row->render && n->row->render(c, n, o, &text) < 0) {
		if (!c->err.code)
			err_set(&c->err, EIO, "%s: cannot be shown", n->fname);
		return NULL;
	}
	t = content_new(text.data, text.len);
	t->version = version;
	t->time = time_of(c, n, o);
	if ((n->row->flags & MADE_ANEW) && !n->row->changed)
		keep_time(c->fs->contents, n->ino, t);
	if (version || (n->row->flags & MADE_ANEW))
		keep(c->fs->contents, n->ino, t);
	return t;
}
