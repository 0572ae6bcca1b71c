/* SPDX-License-Identifier: MIT */
/*
 * The content cache is direct-mapped by inode number: a second hot file with the
 * same slot only costs a rendering. Past CACHE_BYTES a new one is kept only in place
 * of an old one.
 *
 * Of large contents the last one is kept, for a moment: the kernel asks for the
 * attributes before it opens a file, and making an _index of many objects twice for one
 * `cat` would be twice the time.
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
#define LARGE_SEC   2

struct slot {
	uint64_t ino;
	struct content *content;
};

struct contents {
	pthread_mutex_t locks[CACHE_LOCKS]; /* of the slots with the same number modulo */
	struct slot slots[CACHE_SLOTS];
	_Atomic size_t bytes;
	pthread_mutex_t large_lock;
	struct slot large;        /* large_lock */
	_Atomic time_t large_end; /* coarse monotonic seconds; 0: there is none */
};

struct contents *contents_new(void)
{
	struct contents *all = xcalloc(1, sizeof(*all));

	for (size_t i = 0; i < CACHE_LOCKS; i++)
		pthread_mutex_init(&all->locks[i], NULL);
	pthread_mutex_init(&all->large_lock, NULL);
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
	content_unref(all->large.content);
	pthread_mutex_destroy(&all->large_lock);
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

static time_t coarse_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return t.tv_sec;
}

/* Make `taken` (NULL: nothing) the large content that is kept. */
static void keep_large(struct contents *all, uint64_t ino, struct content *taken)
{
	struct content *old;

	pthread_mutex_lock(&all->large_lock);
	old = all->large.content;
	all->large = (struct slot){ino, taken};
	all->large_end = taken ? coarse_now() + LARGE_SEC : 0;
	pthread_mutex_unlock(&all->large_lock);
	content_unref(old);
}

static struct content *in_slot(const struct slot *s, uint64_t ino, uint64_t version)
{
	if (s->content && s->ino == ino && (!version || s->content->version == version))
		return content_ref(s->content);
	return NULL;
}

static struct content *cached_large(struct contents *all, uint64_t ino, uint64_t version)
{
	struct content *t;

	if (!all->large_end)
		return NULL;
	if (coarse_now() >= all->large_end) {
		keep_large(all, 0, NULL);
		return NULL;
	}
	pthread_mutex_lock(&all->large_lock);
	t = in_slot(&all->large, ino, version);
	pthread_mutex_unlock(&all->large_lock);
	return t;
}

/* version 0: whatever there is of it, to be compared with and not to be shown. */
struct content *contents_find(struct contents *all, uint64_t ino, uint64_t version)
{
	size_t i = ino % CACHE_SLOTS;
	struct content *t;

	pthread_mutex_lock(&all->locks[i % CACHE_LOCKS]);
	t = in_slot(&all->slots[i], ino, version);
	pthread_mutex_unlock(&all->locks[i % CACHE_LOCKS]);
	return t ? t : cached_large(all, ino, version);
}

void contents_keep(struct contents *all, uint64_t ino, struct content *t)
{
	size_t i = ino % CACHE_SLOTS;
	struct slot *slot = &all->slots[i];
	struct content *old;

	if (t->len > CACHE_LARGE) {
		keep_large(all, ino, content_ref(t));
		return;
	}
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
	/* what a definition says about its kind may change */
	if (n->kind && (n->kind->flags & KIND_CUSTOM) && !(n->row->flags & ROW_OBJECT))
		return (store_revision(c->fs->store) << 20) ^ 1;
	/* defaults, too, which objects get when they are read */
	if (o && (o->kind->flags & KIND_CUSTOM))
		return o->rv ^ ((uint64_t)(uintptr_t)o->kind->home->stored->schema << 16) ^
		       ((uint64_t)o->kind->home->conversion << 48);
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
	CLEANUP_CONTENT struct content *was = contents_find(all, ino, 0);

	if (was && was->len == t->len && memcmp(was->data, t->data, t->len) == 0)
		t->time = was->time;
}

struct content *content_get(struct call *c, const struct node *n, const struct object *o)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	uint64_t version = version_of(c, n, o);
	struct content *t;

	t = version ? contents_find(c->fs->contents, n->ino, version) : NULL;
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
		contents_keep(c->fs->contents, n->ino, t);
	return t;
}
