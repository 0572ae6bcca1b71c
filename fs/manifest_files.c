/* SPDX-License-Identifier: MIT */
/*
 * Manifests as files, and scratch files beside them: what is there, its attributes,
 * and what open, write and close mean. Names are manifest_names.c's. What a manifest
 * means for objects is decided behind objects/manifest.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "fs/attr.h"
#include "fs/closer.h"
#include "fs/dirs.h"
#include "fs/manifest_files.h"
#include "fs/reply.h"

/* -- open files -- */

struct mem_handle {
	struct handle h;
	struct memfile *file; /* owned reference */
};

static struct memfile *file_of(struct handle *h)
{
	return ((struct mem_handle *)h)->file;
}

static void mem_read(struct handle *h, struct call *c, size_t size, off_t off)
{
	struct memfile *f = file_of(h);

	pthread_mutex_lock(&f->lock);
	reply_slice(c->req, f->data.data, f->data.len, size, off);
	pthread_mutex_unlock(&f->lock);
}

/*
 * What is certain already fails in write(), for those who do not look at close: the first write,
 * and those that go on where it ended (a shell's builtins write line by line).
 */
static int check_early(struct memfile *f, struct call *c, const char *data, size_t len, off_t off)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	CLEANUP_FREE char *path = NULL;

	if (f->kind == MEMFILE_SCRATCH)
		return 0;
	pthread_mutex_lock(&f->lock);
	if (f->data.len < FS_MESSAGE_MAX && (size_t)off + len == f->data.len)
		buf_add(&text, f->data.data, f->data.len);
	pthread_mutex_unlock(&f->lock);
	if (!text.len && off != 0)
		return 0;
	path = memfile_path(f);
	return manifest_check_early(c->fs->manifests, &call_who(c)->caller, path,
				    text.len ? text.data : data, text.len ? text.len : len,
				    &c->err);
}

static void mem_write(struct handle *h, struct call *c, const char *data, size_t len, off_t off)
{
	struct memfile *f = file_of(h);
	int rc;

	pthread_mutex_lock(&f->lock);
	if (h->flags & O_APPEND)
		off = (off_t)f->data.len;
	rc = memfile_write(f, data, len, off);
	pthread_mutex_unlock(&f->lock);
	if (rc == -EFBIG)
		err_set(&c->err, EFBIG, "larger than %zu MiB", memfile_limit(f) >> 20);
	else if (rc < 0)
		err_set(&c->err, -rc, "more than %u MiB in memory", MEMFILES_USER_BYTES_MAX >> 20);
	else
		rc = check_early(f, c, data, len, off);
	if (rc < 0)
		reply_refused(c, h->node, NULL);
	else
		fuse_reply_write(c->req, len);
}

/* A manifest with bytes that nobody has acted upon yet. */
static int has_work(struct memfile *f, int *sticky_out)
{
	int work;

	pthread_mutex_lock(&f->lock);
	work = f->kind == MEMFILE_MANIFEST && f->dirty && f->data.len > 0 && !f->unlinked;
	*sticky_out = f->sticky;
	pthread_mutex_unlock(&f->lock);
	return work;
}

static void mem_flush(struct handle *h, struct call *c)
{
	struct memfile *f = file_of(h);
	int killed = f->kind == MEMFILE_MANIFEST && closer_was_killed(h, c);
	CLEANUP_FREE char *path = NULL;
	enum submit how = killed ? SUBMIT_CUT : SUBMIT_WRITTEN;
	int sticky;

	if (!has_work(f, &sticky)) {
		reply_code(c->req, sticky ? reply_errno(sticky) : 0);
		return;
	}
	if (closer_is_heir(h, c))
		how = SUBMIT_TRIED;
	path = memfile_path(f);
	manifest_submit(c, h->node->parent, h->node, f, path, how);
}

static int mem_stat(struct handle *h, struct stat *st)
{
	stat_memfile(file_of(h), st);
	return 0;
}

static int mem_truncate(struct handle *h, off_t size)
{
	struct memfile *f = file_of(h);
	int rc;

	pthread_mutex_lock(&f->lock);
	rc = memfile_resize(f, size);
	pthread_mutex_unlock(&f->lock);
	return rc;
}

/* Nobody hears of what comes of it. */
static void keep_empty(struct handle *h, struct memfile *f)
{
	CLEANUP(call_fini) struct call c = {.fs = h->fs};
	CLEANUP_FREE char *path = memfile_path(f);

	call_as_opener(&c, h);
	manifest_submit(&c, h->node->parent, h->node, f, path, SUBMIT_EMPTIED);
}

/*
 * A manifest that is stored is served from there again; an empty one stays in memory. One that
 * was cut to nothing and closed so (`: > f`) is empty from then on for who reads and appends;
 * its objects stay. That is so at the last close only: a shell closes once before it writes.
 */
static void mem_release(struct handle *h)
{
	struct memfile *f = file_of(h);
	int done, emptied;

	pthread_mutex_lock(&f->lock);
	f->n_open--;
	done = f->kind == MEMFILE_MANIFEST && !f->n_open && f->stored;
	emptied = done && f->emptied && !f->unlinked && !h->cut_off && !h->fs->stopping;
	pthread_mutex_unlock(&f->lock);
	if (emptied)
		keep_empty(h, f);
	else if (done)
		memfile_drop(f);
	memfile_unref(f);
}

static const struct handle_ops mem_ops = {
	.read = mem_read,
	.write = mem_write,
	.flush = mem_flush,
	.stat = mem_stat,
	.truncate = mem_truncate,
	.release = mem_release,
};

struct memfile *file_open_at(struct fs *fs, const struct node *n)
{
	struct memfile *f = NULL;

	pthread_mutex_lock(&fs->open_lock);
	for (struct handle *h = fs->open_files; h && !f; h = h->next)
		if (h->node == n && h->ops == &mem_ops && (f = file_of(h)))
			f->refs++;
	pthread_mutex_unlock(&fs->open_lock);
	return f;
}

struct handle *handle_of_file(struct call *c, struct node *n, struct memfile *taken, int flags)
{
	struct handle *h = handle_new(sizeof(struct mem_handle), &mem_ops, c, n, flags);

	((struct mem_handle *)h)->file = taken;
	pthread_mutex_lock(&taken->lock);
	taken->n_open++;
	if (flags & O_TRUNC) {
		memfile_resize(taken, 0);
		taken->emptied = 1;
		taken->sticky = 0;
	}
	pthread_mutex_unlock(&taken->lock);
	return h;
}

/* The stored manifest becomes a file in memory for as long as it is open for writing. */
static struct memfile *edit_stored(struct call *c, struct node *n, int flags)
{
	CLEANUP(buf_fini) struct buf bytes = BUF_INIT;
	struct memfile *f;
	struct manifest m;

	if (manifest_get(c->fs->manifests, n->sub, &m) < 0) {
		err_set(&c->err, ESTALE, "%s is gone", n->fname);
		return NULL;
	}
	if (!(flags & O_TRUNC) && manifest_read(c->fs->manifests, n->sub, &bytes, &c->err) < 0) {
		manifest_fini(&m);
		return NULL;
	}
	f = memfile_make(c->fs->memfiles, n->sub, MEMFILE_MANIFEST,
			 &(struct memfile_owner){call_who(c)->user, m.uid, m.gid}, m.mode, &c->err);
	if (f) {
		pthread_mutex_lock(&f->lock);
		if (!f->n_open && !f->dirty && !f->data.len && bytes.len) {
			memfile_write(f, bytes.data, bytes.len, 0);
			f->dirty = 0;
		}
		f->stored = 1;
		f->mtime = m.mtime;
		pthread_mutex_unlock(&f->lock);
	}
	manifest_fini(&m);
	return f;
}

/* Two write the whole file at once: the text of each is whole, and who closes last has it. Takes
 * the reference. */
static struct memfile *start_anew(struct call *c, struct memfile *taken)
{
	CLEANUP_MEMFILE struct memfile *was = taken;
	CLEANUP_FREE char *path = memfile_path(was);
	struct memfile *f;
	int stored;
	unsigned mode;

	memfile_drop(was);
	pthread_mutex_lock(&was->lock);
	mode = was->mode;
	stored = was->stored;
	pthread_mutex_unlock(&was->lock);
	f = memfile_make(c->fs->memfiles, path, was->kind,
			 &(struct memfile_owner){call_who(c)->user, was->uid, was->gid}, mode,
			 &c->err);
	if (f) {
		pthread_mutex_lock(&f->lock);
		f->stored = stored;
		pthread_mutex_unlock(&f->lock);
	}
	return f;
}

static struct handle *open_snapshot(struct call *c, struct node *n, struct memfile *f, int flags)
{
	CLEANUP(buf_fini) struct buf bytes = BUF_INIT;

	if (f) {
		pthread_mutex_lock(&f->lock);
		buf_add(&bytes, f->data.data, f->data.len);
		pthread_mutex_unlock(&f->lock);
	} else {
		int rc = n->row == &row_manifest
				 ? manifest_read(c->fs->manifests, n->sub, &bytes, &c->err)
				 : err_set(&c->err, ESTALE, "%s is gone", n->fname);

		if (rc == -ENOENT)
			c->err.code = ESTALE;
		if (rc < 0)
			return NULL;
	}
	return handle_of_content(c, n, content_new(bytes.data, bytes.len), flags);
}

struct handle *open_manifest(struct call *c, struct node *n, int flags)
{
	struct memfile *f = memfile_get(c->fs->memfiles, n->sub);
	struct handle *h;

	if (!flags_want_write(flags)) {
		h = open_snapshot(c, n, f, flags);
		if (f)
			memfile_unref(f);
		return h;
	}
	if (f && (flags & O_TRUNC) && memfile_is_open(f))
		f = start_anew(c, f);
	if (!f && n->row == &row_manifest)
		f = edit_stored(c, n, flags);
	if (!f) {
		err_set(&c->err, ESTALE, "%s is gone", n->fname);
		return NULL;
	}
	return handle_of_file(c, n, f, flags);
}

/* -- chmod, chown, utimens, truncate -- */

static struct timespec wanted_time(const struct stat *st, int to_set)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return to_set & FUSE_SET_ATTR_MTIME_NOW ? now : st->st_mtim;
}

static void set_memfile(struct memfile *f, const struct stat *st, int to_set)
{
	pthread_mutex_lock(&f->lock);
	if (to_set & FUSE_SET_ATTR_MODE)
		f->mode = st->st_mode & 07777;
	if (to_set & FUSE_SET_ATTR_UID)
		f->uid = st->st_uid;
	if (to_set & FUSE_SET_ATTR_GID)
		f->gid = st->st_gid;
	if (to_set & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW)) {
		f->mtime = wanted_time(st, to_set);
		f->mtime_set = 1;
	}
	if (to_set & FUSE_SET_ATTR_SIZE)
		memfile_resize(f, st->st_size);
	pthread_mutex_unlock(&f->lock);
}

static void set_stored(struct call *c, struct node *n, const struct manifest *m,
		       const struct stat *st, int to_set)
{
	struct manifest_attrs attrs = {m->mode, m->uid, m->gid, m->mtime};
	struct pending *p = pending_new(c, n, NULL, n->sub);

	p->with_attr = 1;
	if (to_set & FUSE_SET_ATTR_MODE)
		attrs.mode = st->st_mode & 07777;
	if (to_set & FUSE_SET_ATTR_UID)
		attrs.uid = st->st_uid;
	if (to_set & FUSE_SET_ATTR_GID)
		attrs.gid = st->st_gid;
	if (to_set & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW))
		attrs.mtime = wanted_time(st, to_set);
	manifest_set_attrs(c->fs->manifests, n->sub, &attrs, on_manifest_done, p);
}

/* truncate(2) by path: the manifest with its text cut or extended; empty changes nothing. */
static void truncate_stored(struct call *c, struct node *n, off_t size)
{
	CLEANUP_MEMFILE struct memfile *f = edit_stored(c, n, 0);
	int rc;

	if (!f) {
		reply_refused(c, n, NULL);
		return;
	}
	pthread_mutex_lock(&f->lock);
	rc = memfile_resize(f, size);
	pthread_mutex_unlock(&f->lock);
	if (rc < 0)
		err_set(&c->err, -rc, "larger than 3 MiB");
	memfile_drop(f);
	if (rc < 0)
		reply_refused(c, n, NULL);
	else
		manifest_submit(c, n->parent, n, f, n->sub, SUBMIT_WRITTEN);
}

void setattr_manifest(struct call *c, struct node *n, const struct stat *st, int to_set)
{
	CLEANUP_MEMFILE struct memfile *f = memfile_get(c->fs->memfiles, n->sub);
	const int own = FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID |
			FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW;
	struct manifest m = {0};
	int stored = n->row == &row_manifest && manifest_get(c->fs->manifests, n->sub, &m) == 0;
	struct stat now;

	if (f)
		set_memfile(f, st, to_set);
	if (stored && !f && (to_set & FUSE_SET_ATTR_SIZE) && st->st_size > 0 &&
	    (uint64_t)st->st_size != m.size)
		truncate_stored(c, n, st->st_size);
	else if (stored && (to_set & own))
		set_stored(c, n, &m, st, to_set);
	else if (node_stat(c, n, &now) < 0)
		reply_error(c);
	else
		fuse_reply_attr(c->req, &now, 0);
	manifest_fini(&m);
}
