/* SPDX-License-Identifier: MIT */
#include "fs/memfile.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>

#include "util/strmap.h"

/* What a user has. A few may share one: the table of them cannot grow. */
struct account {
	size_t n;             /* in the table; its lock */
	_Atomic size_t bytes; /* open ones that were taken out of it, too */
};

#define N_ACCOUNTS 4096u

struct memfiles {
	pthread_mutex_t lock;
	struct strmap by_path; /* lock; the table's references */
	uint64_t serial;       /* lock */
	_Atomic size_t bytes;
	struct account accounts[N_ACCOUNTS];
};

static struct account *account_of(struct memfiles *all, const char *user)
{
	return &all->accounts[hash_bytes(user, strlen(user)) % N_ACCOUNTS];
}

static void count_bytes(struct memfile *f, size_t was, size_t now)
{
	f->all->bytes += now;
	f->all->bytes -= was;
	f->account->bytes += now;
	f->account->bytes -= was;
}

struct memfiles *memfiles_new(void)
{
	struct memfiles *all = xcalloc(1, sizeof(*all));

	pthread_mutex_init(&all->lock, NULL);
	return all;
}

void memfile_unref(struct memfile *f)
{
	if (--f->refs)
		return;
	count_bytes(f, f->data.len, 0);
	buf_fini(&f->data);
	pthread_mutex_destroy(&f->lock);
	free(f->path);
	free(f->target);
	free(f);
}

void memfiles_free(struct memfiles *all)
{
	if (!all)
		return;
	STRMAP_FOREACH (s, &all->by_path)
		memfile_unref(s->val);
	strmap_fini(&all->by_path);
	pthread_mutex_destroy(&all->lock);
	free(all);
}

size_t memfiles_count(struct memfiles *all)
{
	size_t n;

	pthread_mutex_lock(&all->lock);
	n = all->by_path.n;
	pthread_mutex_unlock(&all->lock);
	return n;
}

struct memfile *memfile_get(struct memfiles *all, const char *path)
{
	struct memfile *f;

	pthread_mutex_lock(&all->lock);
	f = strmap_get(&all->by_path, path);
	if (f)
		f->refs++;
	pthread_mutex_unlock(&all->lock);
	return f;
}

/* With the table's lock. */
static void remove_locked(struct memfiles *all, struct memfile *f)
{
	if (strmap_get(&all->by_path, f->path) != f)
		return;
	strmap_del(&all->by_path, f->path);
	f->account->n--;
	memfile_unref(f);
}

static struct memfile *oldest_closed(struct memfiles *all, const struct account *a)
{
	struct memfile *oldest = NULL;

	STRMAP_FOREACH (s, &all->by_path) {
		struct memfile *f = s->val;

		if (f->account == a && !f->n_open && f->refs == 1 &&
		    (!oldest || f->serial < oldest->serial))
			oldest = f;
	}
	return oldest;
}

/* Return: whether another file of this user fits; his oldest may have gone for it. */
static int make_room(struct memfiles *all, const struct account *a)
{
	while (all->by_path.n >= MEMFILES_MAX || a->n >= MEMFILES_USER_MAX ||
	       all->bytes >= MEMFILES_BYTES_MAX || a->bytes >= MEMFILES_USER_BYTES_MAX) {
		struct memfile *oldest = oldest_closed(all, a);

		if (!oldest)
			return 0;
		remove_locked(all, oldest);
	}
	return 1;
}

struct memfile *memfile_make(struct memfiles *all, const char *path, enum memfile_kind kind,
			     const struct memfile_owner *owner, unsigned mode, struct err *err)
{
	struct account *account = account_of(all, owner->user);
	struct memfile *f;

	pthread_mutex_lock(&all->lock);
	f = strmap_get(&all->by_path, path);
	if (!f && make_room(all, account)) {
		f = xcalloc(1, sizeof(*f));
		f->refs = 1;
		f->all = all;
		f->path = xstrdup(path);
		f->kind = kind;
		f->account = account;
		f->uid = owner->uid;
		f->gid = owner->gid;
		f->mode = mode & 07777;
		f->serial = all->serial++;
		pthread_mutex_init(&f->lock, NULL);
		clock_gettime(CLOCK_REALTIME, &f->mtime);
		strmap_set(&all->by_path, path, f);
		account->n++;
	}
	if (f)
		f->refs++;
	else
		err_set(err, EDQUOT, "more than %u files or %u MiB in memory", MEMFILES_USER_MAX,
			MEMFILES_USER_BYTES_MAX >> 20);
	pthread_mutex_unlock(&all->lock);
	return f;
}

void memfile_drop(struct memfile *f)
{
	struct memfiles *all = f->all;

	pthread_mutex_lock(&all->lock);
	remove_locked(all, f);
	pthread_mutex_unlock(&all->lock);
}

void memfile_unlink(struct memfile *f)
{
	pthread_mutex_lock(&f->lock);
	f->unlinked = 1;
	pthread_mutex_unlock(&f->lock);
	memfile_drop(f);
}

char *memfile_path(struct memfile *f)
{
	char *path;

	pthread_mutex_lock(&f->all->lock);
	path = xstrdup(f->path);
	pthread_mutex_unlock(&f->all->lock);
	return path;
}

size_t memfile_len(struct memfile *f)
{
	size_t len;

	pthread_mutex_lock(&f->lock);
	len = f->data.len;
	pthread_mutex_unlock(&f->lock);
	return len;
}

int memfile_is_open(struct memfile *f)
{
	int open;

	pthread_mutex_lock(&f->lock);
	open = f->n_open > 0;
	pthread_mutex_unlock(&f->lock);
	return open;
}

void memfile_rename(struct memfile *f, const char *path)
{
	struct memfiles *all = f->all;
	struct memfile *there;

	pthread_mutex_lock(&all->lock);
	there = strmap_get(&all->by_path, path);
	if (there != f) {
		f->refs++;
		remove_locked(all, f);
		if (there)
			remove_locked(all, there);
		free(f->path);
		f->path = xstrdup(path);
		strmap_set(&all->by_path, path, f);
		f->account->n++;
	}
	pthread_mutex_unlock(&all->lock);
}

size_t memfile_limit(const struct memfile *f)
{
	return f->kind == MEMFILE_SCRATCH ? MEMFILE_MAX : 3u << 20;
}

static int may_grow(struct memfile *f, size_t to)
{
	if (to > memfile_limit(f))
		return -EFBIG;
	if (to > f->data.len && (f->all->bytes + (to - f->data.len) > MEMFILES_BYTES_MAX ||
				 f->account->bytes + (to - f->data.len) > MEMFILES_USER_BYTES_MAX))
		return -EDQUOT;
	return 0;
}

int memfile_write(struct memfile *f, const void *data, size_t len, off_t off)
{
	size_t at = off < 0 ? f->data.len : (size_t)off, was = f->data.len;
	int rc = at > memfile_limit(f) ? -EFBIG : may_grow(f, at + len);

	if (rc < 0)
		return rc;
	buf_pwrite(&f->data, data, len, at);
	count_bytes(f, was, f->data.len);
	f->dirty = 1;
	f->emptied = 0;
	f->sticky = 0;
	f->mtime_set = 0;
	clock_gettime(CLOCK_REALTIME, &f->mtime);
	return 0;
}

int memfile_resize(struct memfile *f, off_t size)
{
	size_t was = f->data.len;
	int rc = size < 0 || (uint64_t)size > memfile_limit(f) ? -EFBIG : may_grow(f, (size_t)size);

	if (rc < 0 || (size_t)size == was)
		return rc;
	buf_resize(&f->data, (size_t)size);
	count_bytes(f, was, f->data.len);
	f->dirty = size > 0;
	f->emptied = size == 0;
	clock_gettime(CLOCK_REALTIME, &f->mtime);
	return 0;
}

void memfile_list(struct memfiles *all, const char *dir, void (*fn)(void *arg, struct memfile *f),
		  void *arg)
{
	size_t len = strlen(dir);

	pthread_mutex_lock(&all->lock);
	STRMAP_FOREACH (s, &all->by_path) {
		struct memfile *f = s->val;

		if (strncmp(f->path, dir, len) == 0 && f->path[len] == '/' &&
		    !strchr(f->path + len + 1, '/'))
			fn(arg, f);
	}
	pthread_mutex_unlock(&all->lock);
}

static void count_one(void *arg, struct memfile *f)
{
	(void)f;
	++*(size_t *)arg;
}

int memfiles_below(struct memfiles *all, const char *dir)
{
	size_t n = 0;

	memfile_list(all, dir, count_one, &n);
	return n > 0;
}

int name_is_scratch(const char *name)
{
	static const char *const patterns[] = {
		"*~",    ".*.sw?", ".*.sw??", "#*#",   ".#*",   "sed??????",        ".*.??????",
		"*.bak", "*.orig", "*.tmp",   "*.rej", ".nfs*", ".goutputstream-*", "*.swp",
		"*.swx",
	};

	for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
		if (fnmatch(patterns[i], name, 0) == 0)
			return 1;
	/* vim tries 4913, 5036, ... */
	return 0;
}
