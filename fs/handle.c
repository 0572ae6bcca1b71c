/* SPDX-License-Identifier: MIT */
/* Handles in general, and the snapshot that most open files are. */
#include "fs/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>

#include "fs/reply.h"
#include "fs/tenant.h"

struct handle *handle_new(size_t size, const struct handle_ops *ops, struct call *c, struct node *n,
			  int flags)
{
	struct handle *h = xcalloc(1, size);

	h->ops = ops;
	h->fs = c->fs;
	h->node = node_ref(n);
	h->who = call_who(c);
	h->who->refs++;
	h->tenant = tenant_of(c->fs->tenants, h->who);
	tenant_add(h->tenant, TENANT_FILES, 1);
	h->flags = flags;
	h->pid = c->pid;
	h->refs = 1;
	pthread_mutex_init(&h->lock, NULL);
	pthread_mutex_lock(&h->fs->open_lock);
	h->next = h->fs->open_files;
	h->prev = &h->fs->open_files;
	if (h->next)
		h->next->prev = &h->next;
	h->fs->open_files = h;
	h->node_next = n->open;
	h->node_prev = &n->open;
	if (h->node_next)
		h->node_next->node_prev = &h->node_next;
	n->open = h;
	pthread_mutex_unlock(&h->fs->open_lock);
	return h;
}

struct handle *handle_ref(struct handle *h)
{
	h->refs++;
	return h;
}

int handle_try_ref(struct handle *h)
{
	unsigned refs = h->refs;

	while (refs)
		if (atomic_compare_exchange_weak(&h->refs, &refs, refs + 1))
			return 1;
	return 0;
}

void handle_unref(struct handle *h)
{
	if (!h || --h->refs)
		return;
	pthread_mutex_lock(&h->fs->open_lock);
	*h->prev = h->next;
	if (h->next)
		h->next->prev = h->prev;
	*h->node_prev = h->node_next;
	if (h->node_next)
		h->node_next->node_prev = h->node_prev;
	pthread_mutex_unlock(&h->fs->open_lock);
	if (h->ops->release)
		h->ops->release(h);
	tenant_sub(h->tenant, TENANT_FILES, 1);
	node_unref(h->node);
	identity_unref(h->who);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

void handles_drop(struct fs *fs)
{
	while (fs->open_files)
		handle_unref(fs->open_files); /* takes itself out of the list */
}

void reply_slice(fuse_req_t req, const char *text, size_t len, size_t size, off_t off)
{
	size_t at = off < 0 || (uint64_t)off > len ? len : (size_t)off;

	fuse_reply_buf(req, text ? text + at : NULL, len - at < size ? len - at : size);
}

#define BEING_READ_MS 1000

struct snapshot {
	struct handle h;
	struct content *content; /* owned reference */
	_Atomic int64_t used_ms; /* opened or read from */
};

static int64_t coarse_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void snapshot_read(struct handle *h, struct call *c, size_t size, off_t off)
{
	struct snapshot *s = (struct snapshot *)h;
	struct content *t = s->content;

	s->used_ms = coarse_ms();
	reply_slice(c->req, t->data, t->len, size, off);
}

static int snapshot_stat(struct handle *h, struct stat *st)
{
	content_stat(((struct snapshot *)h)->content, st);
	return 0;
}

static void snapshot_release(struct handle *h)
{
	content_unref(((struct snapshot *)h)->content);
}

static const struct handle_ops snapshot_ops = {
	.read = snapshot_read,
	.stat = snapshot_stat,
	.release = snapshot_release,
};

struct handle *handle_of_content(struct call *c, struct node *n, struct content *taken, int flags)
{
	struct handle *h = handle_new(sizeof(struct snapshot), &snapshot_ops, c, n, flags);

	((struct snapshot *)h)->content = taken;
	((struct snapshot *)h)->used_ms = coarse_ms();
	return h;
}

struct handle *handle_being_read(struct fs *fs, struct node *n, pid_t pid)
{
	int64_t since = coarse_ms() - BEING_READ_MS;
	struct handle *found = NULL;

	if (!pid) /* of another pid namespace */
		return NULL;
	pthread_mutex_lock(&fs->open_lock);
	for (struct handle *h = n->open; h && !found; h = h->node_next)
		if (h->pid == pid && h->ops == &snapshot_ops &&
		    ((struct snapshot *)h)->used_ms >= since && handle_try_ref(h))
			found = h;
	pthread_mutex_unlock(&fs->open_lock);
	return found;
}
