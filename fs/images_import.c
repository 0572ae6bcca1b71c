/* SPDX-License-Identifier: MIT */
/*
 * An archive that is copied into images/: spooled below the state directory while it is
 * written; the close imports it in a thread of its own and is answered when that is done.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fs/handle.h"
#include "fs/images_dir.h"
#include "fs/reply.h"
#include "util/fd.h"
#include "util/log.h"

/* -- archives that were imported -- */

#define RECENT_MAX 16
#define RECENT_SEC 5

struct recent_archives {
	pthread_mutex_t lock;
	struct {
		char *name; /* owned */
		off_t size;
		time_t until;
	} list[RECENT_MAX];
	size_t next;
};

struct recent_archives *recent_archives_new(void)
{
	struct recent_archives *r = xcalloc(1, sizeof(*r));

	pthread_mutex_init(&r->lock, NULL);
	return r;
}

void recent_archives_free(struct recent_archives *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < RECENT_MAX; i++)
		free(r->list[i].name);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

void recent_add(struct fs *fs, const char *name, off_t size)
{
	struct recent_archives *r = fs->recent;
	size_t i;

	pthread_mutex_lock(&r->lock);
	i = r->next++ % RECENT_MAX;
	free(r->list[i].name);
	r->list[i].name = xstrdup(name);
	r->list[i].size = size;
	r->list[i].until = time(NULL) + RECENT_SEC;
	pthread_mutex_unlock(&r->lock);
}

off_t recent_size(struct fs *fs, const char *name, int forget)
{
	struct recent_archives *r = fs->recent;
	off_t size = -1;

	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < RECENT_MAX; i++) {
		if (!str_eq(r->list[i].name, name) || r->list[i].until <= time(NULL))
			continue;
		size = r->list[i].size;
		if (forget)
			r->list[i].until = 0;
	}
	pthread_mutex_unlock(&r->lock);
	return size;
}

/* -- an archive being copied in -- */

struct archive {
	struct handle h;
	int fd;
	char *path; /* of the spool file, owned */
	int dirty;  /* h.lock */
	off_t size; /* h.lock */
};

struct import {
	struct archive *archive; /* owned reference to its handle */
	fuse_req_t req;
	struct identity *who; /* owned reference */
};

static void *run_import(void *arg)
{
	struct import *i = arg;
	struct fs *fs = i->archive->h.fs;
	struct err err = ERR_INIT;
	struct buf report = BUF_INIT;
	int rc = lseek(i->archive->fd, 0, SEEK_SET) < 0 ? -errno : 0;

	if (rc == 0)
		rc = fs->rooms.images_import(fs->rooms.images, i->archive->fd, &report, &err);
	if (rc == 0) {
		recent_add(fs, i->archive->h.node->fname, i->archive->size);
		images_changed(fs, NULL);
		log_info("images: %s: %s", i->archive->h.node->fname, buf_str(&report));
	} else {
		CLEANUP_FREE char *path = xasprintf("images/%s", i->archive->h.node->fname);

		note_refusal(fs, i->who, path, err.msg[0] ? err.msg : "import failed");
	}
	fuse_reply_err(i->req, rc < 0 ? reply_errno(rc) : 0);
	buf_fini(&report);
	handle_unref(&i->archive->h);
	identity_unref(i->who);
	free(i);
	fs->n_background--;
	return NULL;
}

static void archive_write(struct handle *h, struct call *c, const char *data, size_t len, off_t off)
{
	struct archive *a = (struct archive *)h;
	ssize_t n = pwrite(a->fd, data, len, off);

	if (n < 0) {
		fuse_reply_err(c->req, errno);
		return;
	}
	pthread_mutex_lock(&h->lock);
	a->dirty = 1;
	if (off + n > a->size)
		a->size = off + n;
	pthread_mutex_unlock(&h->lock);
	fuse_reply_write(c->req, (size_t)n);
}

static void archive_read(struct handle *h, struct call *c, size_t size, off_t off)
{
	CLEANUP_FREE char *data = xmalloc(size);
	ssize_t n = pread(((struct archive *)h)->fd, data, size, off);

	if (n < 0)
		fuse_reply_err(c->req, errno);
	else
		fuse_reply_buf(c->req, data, (size_t)n);
}

static void archive_flush(struct handle *h, struct call *c)
{
	struct archive *a = (struct archive *)h;
	pthread_attr_t detached;
	pthread_t thread;
	struct import *i;
	int dirty;

	pthread_mutex_lock(&h->lock);
	dirty = a->dirty;
	a->dirty = 0;
	pthread_mutex_unlock(&h->lock);
	if (!dirty) {
		reply_ok(c);
		return;
	}
	if (!c->fs->rooms.images_import) {
		err_set(&c->err, EOPNOTSUPP, "no image store here");
		reply_refused(c, h->node, NULL);
		return;
	}
	i = xcalloc(1, sizeof(*i));
	*i = (struct import){(struct archive *)handle_ref(h), c->req, call_who(c)};
	i->who->refs++;
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	c->fs->n_background++;
	if (pthread_create(&thread, &detached, run_import, i) != 0) {
		c->fs->n_background--;
		handle_unref(h);
		identity_unref(i->who);
		free(i);
		fuse_reply_err(c->req, EAGAIN);
	}
	pthread_attr_destroy(&detached);
}

static int archive_stat(struct handle *h, struct stat *st)
{
	pthread_mutex_lock(&h->lock);
	st->st_size = ((struct archive *)h)->size;
	pthread_mutex_unlock(&h->lock);
	return 0;
}

static int archive_truncate(struct handle *h, off_t size)
{
	struct archive *a = (struct archive *)h;

	if (ftruncate(a->fd, size) < 0)
		return -errno;
	pthread_mutex_lock(&h->lock);
	a->size = size;
	pthread_mutex_unlock(&h->lock);
	return 0;
}

static void archive_release(struct handle *h)
{
	struct archive *a = (struct archive *)h;

	unlink(a->path);
	free(a->path);
	fd_close_at(&a->fd);
}

static const struct handle_ops archive_ops = {
	.read = archive_read,
	.write = archive_write,
	.flush = archive_flush,
	.stat = archive_stat,
	.truncate = archive_truncate,
	.release = archive_release,
};

/* The spool file. One for each open: two who copy under the same name do not mix. */
static int open_spool(struct call *c, char **path_out)
{
	CLEANUP_FREE char *dir = xasprintf("%s/images/tmp", c->fs->state_dir);
	CLEANUP_FREE char *path = xasprintf("%s/archive-XXXXXX", dir);
	int fd;

	if (fd_mkdir_p(dir, 0700, &c->err) < 0)
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		err_sys(&c->err, errno, "spool file in %s", dir);
	else
		*path_out = STEAL(path);
	return fd;
}

static struct handle *new_archive(struct call *c, struct node *n, int flags)
{
	struct archive *a;
	char *path = NULL;
	int fd = open_spool(c, &path);

	if (fd < 0)
		return NULL;
	a = (struct archive *)handle_new(sizeof(*a), &archive_ops, c, n, flags);
	a->fd = fd;
	a->path = path;
	return &a->h;
}

/* An archive has no name of its own once it is closed: what it held is listed instead. */
static int stat_archive(struct call *c, const struct node *n, struct stat *st)
{
	off_t size = recent_size(c->fs, n->sub, 0);

	st->st_size = size < 0 ? 0 : size;
	return 0;
}

const struct row row_archive = {
	.name = "<archive>",
	.where = "images/",
	.type = ROW_FILE,
	.mode = 0600,
	.stat = stat_archive,
	.open = new_archive,
	.writes = "an OCI or `docker save` archive (tar, gzip): imported at close, every digest "
		  "checked; "
		  "then its images are listed, and the archive is not",
	.errors = "at close: EINVAL no image archive or a digest that does not match; ENOSPC; "
		  "EOPNOTSUPP",
};

void create_archive(struct call *c, struct node *dir, const char *name, unsigned mode, void *fi_)
{
	struct fuse_file_info *fi = fi_;
	CLEANUP_NODE struct node *n =
		node_get(dir, name, &(struct place){.row = &row_archive, .sub = name});

	(void)mode;
	files_created(c, n, new_archive(c, n, fi->flags), fi);
}
