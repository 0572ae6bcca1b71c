/* SPDX-License-Identifier: MIT */
/*
 * Manifests as files, and scratch files beside them: what open, write, close and
 * the calls that change names mean. What a manifest means for objects is decided
 * behind objects/manifest.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "fs/attr.h"
#include "fs/changes.h"
#include "fs/dirs.h"
#include "fs/dry_run.h"
#include "fs/handle.h"
#include "fs/manifest_files.h"
#include "fs/memfile.h"
#include "fs/reply.h"

char *path_below(const struct node *dir, const char *name)
{
	struct buf path = BUF_INIT;

	node_path(dir, &path);
	buf_addf(&path, "/%s", name);
	return buf_steal(&path);
}

static int is_dry_run(const char *path)
{
	return str_starts(path, "dry-run/");
}

static int is_shared_dir(const char *path)
{
	return str_starts(path, "apply/") || is_dry_run(path);
}

/* In apply/ everybody sees his own files, and root all. */
static int may_see(const struct call *c, const char *path, unsigned owner)
{
	return c->uid == 0 || c->uid == owner || !is_shared_dir(path);
}

static int may_see_memfile(const struct call *c, const struct memfile *f)
{
	return c->uid == 0 || c->uid == f->uid;
}

/* "x.yaml.err": the path of x.yaml; owned, NULL if it is not such a name. */
static char *path_without_err(const char *path)
{
	size_t n = strlen(path);

	return n > 4 && strcmp(path + n - 4, ".err") == 0 ? xstrndup(path, n - 4) : NULL;
}

static struct node *node_at(struct node *dir, const char *name, const struct row *row, const char *path)
{
	return node_get(dir, name, &(struct place){.row = row, .sub = path});
}

static const struct row *row_of_memfile(const struct memfile *f)
{
	if (f->target)
		return &row_mem_link;
	return f->kind == MEMFILE_MANIFEST ? &row_manifest : &row_mem_file;
}

static struct node *find_stored(struct call *c, struct node *dir, const char *name, const char *path)
{
	struct manifest m;
	struct node *n = NULL;

	if (manifest_get(c->fs->manifests, path, &m) < 0)
		return NULL;
	if (may_see(c, path, m.uid))
		n = node_at(dir, name, &row_manifest, path);
	manifest_fini(&m);
	return n;
}

static int has_faults(struct call *c, const char *path, char **faults_out)
{
	CLEANUP_MEMFILE struct memfile *f = memfile_get(c->fs->memfiles, path);
	struct manifest m;
	char *text = NULL;

	if (f && f->kind == MEMFILE_DRY_RUN && may_see_memfile(c, f)) {
		pthread_mutex_lock(&f->lock);
		text = xstrdup(f->faults);
		pthread_mutex_unlock(&f->lock);
	} else if (manifest_get(c->fs->manifests, path, &m) == 0) {
		if (may_see(c, path, m.uid))
			text = STEAL(m.faults);
		manifest_fini(&m);
	}
	if (faults_out)
		*faults_out = text;
	else
		free(text);
	return text != NULL;
}

struct node *manifest_find(struct call *c, struct node *dir, const char *name)
{
	CLEANUP_FREE char *path = path_below(dir, name);
	CLEANUP_FREE char *base = path_without_err(path);
	CLEANUP_MEMFILE struct memfile *f = memfile_get(c->fs->memfiles, path);
	struct node *n = NULL;

	if (f && may_see_memfile(c, f))
		return node_at(dir, name, row_of_memfile(f), path);
	if (manifest_is_name(name))
		n = find_stored(c, dir, name, path);
	if (!n && base && has_faults(c, base, NULL))
		n = node_at(dir, name, &row_manifest_err, path);
	if (!n && is_shared_dir(path) && manifest_is_dir(c->fs->manifests, path))
		n = node_at(dir, name, &row_manifest_dir, path);
	return n;
}

/* -- listing -------------------------------------------------------------------------- */

struct mem_listing {
	struct call *c;
	struct listing *out;
	size_t dir_len;
};

static void list_one(struct listing *out, const struct row *row, const char *path, size_t dir_len)
{
	struct place at = {.row = row, .sub = path};

	listing_add(out, path + dir_len + 1, row->type, place_ino(&at));
}

static void list_memfile(void *arg, struct memfile *f)
{
	struct mem_listing *l = arg;
	CLEANUP_FREE char *err = xasprintf("%s.err", f->path);

	/* one that is stored is listed with the others */
	if (!may_see_memfile(l->c, f) || (f->kind == MEMFILE_MANIFEST && f->stored))
		return;
	list_one(l->out, row_of_memfile(f), f->path, l->dir_len);
	if (f->faults)
		list_one(l->out, &row_manifest_err, err, l->dir_len);
}

static void list_subdirs(struct call *c, const char *dir, struct listing *out)
{
	CLEANUP(buf_fini) struct buf names = BUF_INIT;
	size_t at = 0;

	manifest_subdirs(c->fs->manifests, dir, &names);
	while (at < names.len) {
		const char *name = names.data + at;
		CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);

		list_one(out, &row_manifest_dir, path, strlen(dir));
		at += strlen(name) + 1;
	}
}

void manifest_list_into(struct call *c, struct node *dir, struct listing *out)
{
	CLEANUP(buf_fini) struct buf path = BUF_INIT;
	struct manifest_list list = {0};
	struct mem_listing mem;

	node_path(dir, &path);
	mem = (struct mem_listing){c, out, path.len};
	manifest_list(c->fs->manifests, buf_str(&path), &list);
	for (size_t i = 0; i < list.n; i++) {
		const struct manifest *m = &list.list[i];
		CLEANUP_FREE char *err = xasprintf("%s.err", m->path);

		if (!may_see(c, m->path, m->uid))
			continue;
		list_one(out, &row_manifest, m->path, path.len);
		if (m->faults)
			list_one(out, &row_manifest_err, err, path.len);
	}
	manifest_list_fini(&list);
	memfile_list(c->fs->memfiles, buf_str(&path), list_memfile, &mem);
	if (!dir->kind)
		list_subdirs(c, buf_str(&path), out);
}

/* -- attributes -------------------------------------------------------------------------- */

static void stat_memfile(struct memfile *f, struct stat *st)
{
	pthread_mutex_lock(&f->lock);
	st->st_size = (off_t)(f->target ? strlen(f->target) : f->data.len);
	st->st_mode = (st->st_mode & S_IFMT) | (f->target ? 0777 : f->mode);
	st->st_uid = f->uid;
	st->st_gid = f->gid;
	st->st_atim = st->st_mtim = st->st_ctim = f->mtime;
	pthread_mutex_unlock(&f->lock);
}

static int stat_manifest(struct call *c, const struct node *n, struct stat *st)
{
	CLEANUP_MEMFILE struct memfile *f = memfile_get(c->fs->memfiles, n->sub);
	struct manifest m;

	if (f) {
		stat_memfile(f, st);
		return 0;
	}
	if (n->row != &row_manifest || manifest_get(c->fs->manifests, n->sub, &m) < 0)
		return err_set(&c->err, ESTALE, "%s is gone", n->fname);
	st->st_size = (off_t)m.size;
	st->st_mode = S_IFREG | (m.mode & 07777);
	st->st_uid = m.uid;
	st->st_gid = m.gid;
	st->st_atim = st->st_mtim = st->st_ctim = m.mtime;
	manifest_fini(&m);
	return 0;
}

static int render_manifest_err(struct call *c, const struct node *n, const struct object *o,
			       struct buf *out)
{
	CLEANUP_FREE char *base = path_without_err(n->sub);
	CLEANUP_FREE char *text = NULL;

	(void)o;
	if (!base || !has_faults(c, base, &text))
		return err_set(&c->err, ESTALE, "%s is gone", n->fname);
	buf_adds(out, text);
	return 0;
}

static int render_link(struct call *c, const struct node *n, const struct object *o, struct buf *out)
{
	CLEANUP_MEMFILE struct memfile *f = memfile_get(c->fs->memfiles, n->sub);

	(void)o;
	if (!f || !f->target)
		return err_set(&c->err, ESTALE, "%s is gone", n->fname);
	buf_adds(out, f->target);
	return 0;
}

/* -- answers of manifest.h ---------------------------------------------------------------- */

/* A request that waits for a commit of the manifests. */
struct pending {
	struct fs *fs;
	fuse_req_t req;
	struct node *node;	/* owned: whose attributes to answer with, or that was written */
	struct memfile *file;	/* owned, may be NULL */
	char *path;		/* owned: for /k8s/errors */
	unsigned uid;
	int of_rename;		/* EINVAL would be misread by mv */
	int with_attr;
};

static struct pending *pending_new(struct call *c, struct node *n, struct memfile *f, const char *path)
{
	struct pending *p = xcalloc(1, sizeof(*p));

	*p = (struct pending){.fs = c->fs, .req = c->req, .uid = c->uid, .path = xstrdup(path)};
	c->fs->n_background++;
	p->node = n ? node_ref(n) : NULL;
	if (f) {
		f->refs++;
		p->file = f;
	}
	return p;
}

static void pending_free(struct pending *p)
{
	struct fs *fs = p->fs;

	if (p->node)
		node_unref(p->node);
	if (p->file)
		memfile_unref(p->file);
	free(p->path);
	free(p);
	fs->n_background--;
}

static void answer_attr(struct pending *p)
{
	struct call c = {.fs = p->fs, .req = p->req, .uid = p->uid};
	struct stat st;

	if (node_stat(&c, p->node, &st) < 0)
		reply_error(&c);
	else
		fuse_reply_attr(p->req, &st, 0);
}

static void note_file(struct pending *p, int rc)
{
	pthread_mutex_lock(&p->file->lock);
	p->file->sticky = rc;
	p->file->stored = 1;
	pthread_mutex_unlock(&p->file->lock);
}

static void on_manifest_done(void *arg, int rc, const struct faults *faults)
{
	struct pending *p = arg;

	changes_drain(p->fs->changes);
	if (p->file)
		note_file(p, rc);
	/* the refused text and its .err are kept by the manifests, and noted there */
	(void)faults;
	if (rc == -EINVAL && p->of_rename)
		rc = -EBADMSG;
	if (rc < 0)
		p->fs->n_errors++;
	if (!p->req)
		;
	else if (rc == 0 && p->with_attr)
		answer_attr(p);
	else
		fuse_reply_err(p->req, rc < 0 ? reply_errno(rc) : 0);
	pending_free(p);
}

static void after_rename_in(void *arg, int rc, const struct faults *faults)
{
	struct pending *p = arg;

	/* the file went into place: it is the manifest now */
	if (rc == 0 && p->file) {
		memfile_drop(p->file);
		memfile_unref(STEAL(p->file));
	}
	on_manifest_done(p, rc, faults);
}

/* -- open files ------------------------------------------------------------------------------ */

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

/* What is certain already at the first write fails there, for those who do not look at close. */
static int check_early(struct handle *h, struct call *c, const char *data, size_t len, off_t off)
{
	struct memfile *f = file_of(h);

	if (f->kind == MEMFILE_SCRATCH || off != 0)
		return 0;
	return manifest_check_early(c->fs->manifests, &call_who(c)->caller, f->path, data, len, &c->err);
}

static void mem_write(struct handle *h, struct call *c, const char *data, size_t len, off_t off)
{
	struct memfile *f = file_of(h);
	int rc;

	pthread_mutex_lock(&f->lock);
	rc = memfile_write(f, data, len, h->flags & O_APPEND ? -1 : off);
	pthread_mutex_unlock(&f->lock);
	if (rc < 0)
		err_set(&c->err, -rc, rc == -EFBIG ? "larger than 3 MiB" : "too much in memory files");
	else
		rc = check_early(h, c, data, len, h->flags & O_APPEND ? -1 : off);
	if (rc < 0)
		reply_refused(c, h->node, NULL);
	else
		fuse_reply_write(c->req, len);
}

static void manifest_submit(struct call *c, struct node *n, struct memfile *f, const char *path, int of_rename)
{
	struct pending *p = pending_new(c, n, f, path);
	struct manifest_attrs attrs;
	struct buf bytes = BUF_INIT;

	p->of_rename = of_rename;
	pthread_mutex_lock(&f->lock);
	f->dirty = 0;
	buf_add(&bytes, f->data.data, f->data.len);
	attrs = (struct manifest_attrs){f->mode, f->uid, f->gid, f->mtime};
	pthread_mutex_unlock(&f->lock);
	c->fs->n_writes++;
	manifest_write(c->fs->manifests, &call_who(c)->caller, path, &attrs, &bytes,
		       of_rename ? after_rename_in : on_manifest_done, p);
}

static void mem_flush(struct handle *h, struct call *c)
{
	struct memfile *f = file_of(h);
	int work, sticky;

	pthread_mutex_lock(&f->lock);
	work = f->dirty && f->data.len > 0;
	sticky = f->sticky;
	pthread_mutex_unlock(&f->lock);
	if (f->kind == MEMFILE_SCRATCH || !work)
		fuse_reply_err(c->req, sticky ? reply_errno(sticky) : 0);
	else if (f->kind == MEMFILE_DRY_RUN)
		dry_run_submit(c, h->node, f);
	else
		manifest_submit(c, h->node, f, f->path, 0);
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

/* A manifest that is stored is served from there again; an empty one stays in memory. */
static void mem_release(struct handle *h)
{
	struct memfile *f = file_of(h);
	int done;

	pthread_mutex_lock(&f->lock);
	f->n_open--;
	done = f->kind == MEMFILE_MANIFEST && !f->n_open && f->stored;
	pthread_mutex_unlock(&f->lock);
	if (done)
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

static struct handle *handle_of_file(struct call *c, struct node *n, struct memfile *taken, int flags)
{
	struct handle *h = handle_new(sizeof(struct mem_handle), &mem_ops, c, n, flags);

	((struct mem_handle *)h)->file = taken;
	pthread_mutex_lock(&taken->lock);
	taken->n_open++;
	if (flags & O_TRUNC) {
		memfile_resize(taken, 0);
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
	f = memfile_make(c->fs->memfiles, n->sub, MEMFILE_MANIFEST, m.uid, m.gid, m.mode, &c->err);
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

static struct handle *open_manifest(struct call *c, struct node *n, int flags)
{
	struct memfile *f = memfile_get(c->fs->memfiles, n->sub);
	struct handle *h;

	if (!flags_want_write(flags)) {
		h = open_snapshot(c, n, f, flags);
		if (f)
			memfile_unref(f);
		return h;
	}
	if (!f && n->row == &row_manifest)
		f = edit_stored(c, n, flags);
	if (!f) {
		err_set(&c->err, ESTALE, "%s is gone", n->fname);
		return NULL;
	}
	return handle_of_file(c, n, f, flags);
}

/* -- chmod, chown, utimens, truncate -------------------------------------------------------- */

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

static void set_stored(struct call *c, struct node *n, const struct manifest *m, const struct stat *st,
		       int to_set)
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
		manifest_submit(c, n, f, n->sub, 0);
}

static void setattr_manifest(struct call *c, struct node *n, const struct stat *st, int to_set)
{
	CLEANUP_MEMFILE struct memfile *f = memfile_get(c->fs->memfiles, n->sub);
	const int own = FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID | FUSE_SET_ATTR_MTIME |
			FUSE_SET_ATTR_MTIME_NOW;
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

/* -- names ------------------------------------------------------------------------------------ */

/* vim asks with this name whether it may rename (4913, or more by 123): refused, it writes in place. */
static int is_vims_question(const char *name)
{
	char *end;
	unsigned long n = strtoul(name, &end, 10);

	return !*end && n >= 4913 && n < 4913 + 123 * 20 && (n - 4913) % 123 == 0;
}

static int may_be_made(struct call *c, const char *name)
{
	if (is_vims_question(name)) {
		c->err.code = EPERM; /* without a text: nothing that anybody wants to read was refused */
		return -EPERM;
	}
	if (name[0] == '_' || name[0] == '@')
		return err_set(&c->err, EPERM, "names that begin with _ or @ are the tree's own");
	return 0;
}

static enum memfile_kind kind_of_name(const char *path, const char *name)
{
	if (!manifest_is_name(name) || name_is_scratch(name))
		return MEMFILE_SCRATCH;
	return is_dry_run(path) ? MEMFILE_DRY_RUN : MEMFILE_MANIFEST;
}

static void create_file(struct call *c, struct node *dir, const char *name, unsigned mode, void *fi_)
{
	CLEANUP_FREE char *path = path_below(dir, name);
	CLEANUP_NODE struct node *n = NULL;
	struct fuse_file_info *fi = fi_;
	struct memfile *f = NULL;

	if (may_be_made(c, name) == 0)
		f = memfile_make(c->fs->memfiles, path, kind_of_name(path, name), c->uid, c->gid, mode,
				 &c->err);
	if (!f) {
		reply_refused(c, dir, name);
		return;
	}
	n = node_at(dir, name, row_of_memfile(f), path);
	files_created(c, n, handle_of_file(c, n, f, fi->flags & ~O_TRUNC), fi);
}

static void unlink_file(struct call *c, struct node *dir, const char *name)
{
	CLEANUP_FREE char *path = path_below(dir, name);
	CLEANUP_FREE char *base = path_without_err(path);
	CLEANUP_MEMFILE struct memfile *f = memfile_get(c->fs->memfiles, path);
	struct manifest m;

	if (f)
		memfile_drop(f);
	if (manifest_is_name(name) && manifest_get(c->fs->manifests, path, &m) == 0) {
		manifest_fini(&m);
		manifest_remove(c->fs->manifests, &call_who(c)->caller, path, on_manifest_done,
				pending_new(c, NULL, NULL, path));
	} else if (f || (base && has_faults(c, base, NULL))) {
		reply_ok(c); /* <name>.err goes with what it is about */
	} else {
		err_set(&c->err, EPERM, "%s cannot be removed", name);
		reply_refused(c, dir, name);
	}
}

static void symlink_file(struct call *c, struct node *dir, const char *name, const char *target)
{
	CLEANUP_FREE char *path = path_below(dir, name);
	CLEANUP_NODE struct node *n = NULL;
	CLEANUP_MEMFILE struct memfile *f = NULL;
	struct fuse_entry_param e;

	if (!name_is_scratch(name))
		err_set(&c->err, EPERM, "links cannot be made here, except by editors (.#name)");
	else
		f = memfile_make(c->fs->memfiles, path, MEMFILE_SCRATCH, c->uid, c->gid, 0777, &c->err);
	if (!f) {
		reply_refused(c, dir, name);
		return;
	}
	pthread_mutex_lock(&f->lock);
	free(f->target);
	f->target = xstrdup(target);
	pthread_mutex_unlock(&f->lock);
	n = node_at(dir, name, &row_mem_link, path);
	if (node_entry(c, n, 0, &e) < 0) {
		reply_error(c);
		return;
	}
	node_looked_up(n);
	fuse_reply_entry(c->req, &e);
}

/* -- rename: between scratch and manifest, in any direction ------------------------------------- */

/* vim's backup, tar --backup, an editor's own copy: the text stays readable, the manifest is removed. */
static void rename_out(struct call *c, const char *from, const char *to)
{
	CLEANUP(buf_fini) struct buf bytes = BUF_INIT;
	CLEANUP_MEMFILE struct memfile *f = NULL;
	struct manifest m;
	int rc = manifest_get(c->fs->manifests, from, &m);

	if (rc == 0) {
		rc = manifest_read(c->fs->manifests, from, &bytes, &c->err);
		f = memfile_make(c->fs->memfiles, to, MEMFILE_SCRATCH, m.uid, m.gid, m.mode, &c->err);
		if (f) {
			pthread_mutex_lock(&f->lock);
			memfile_resize(f, 0);
			memfile_write(f, bytes.data, bytes.len, 0);
			f->mtime = m.mtime;
			pthread_mutex_unlock(&f->lock);
		}
		manifest_fini(&m);
	}
	if (rc < 0 || !f) {
		err_set(&c->err, ENOENT, "no such file");
		reply_error(c);
		return;
	}
	manifest_remove(c->fs->manifests, &call_who(c)->caller, from, on_manifest_done,
			pending_new(c, NULL, NULL, from));
}

static void rename_memfile(struct call *c, struct memfile *f, const char *to, enum memfile_kind to_kind)
{
	CLEANUP_MEMFILE struct memfile *open = memfile_get(c->fs->memfiles, to);

	if (to_kind == MEMFILE_SCRATCH && f->kind != MEMFILE_DRY_RUN) {
		f->kind = MEMFILE_SCRATCH;
		memfile_rename(f, to);
		reply_ok(c);
	} else if (to_kind == MEMFILE_MANIFEST && f->data.len) {
		if (open)
			memfile_drop(open);
		manifest_submit(c, NULL, f, to, 1);
	} else if (to_kind == MEMFILE_DRY_RUN && f->data.len) {
		f->kind = MEMFILE_DRY_RUN;
		memfile_rename(f, to);
		dry_run_submit(c, NULL, f);
	} else {
		f->kind = to_kind;
		memfile_rename(f, to);
		reply_ok(c);
	}
}

static int exists(struct call *c, const char *path)
{
	CLEANUP_MEMFILE struct memfile *f = memfile_get(c->fs->memfiles, path);
	struct manifest m;

	if (f)
		return 1;
	if (manifest_get(c->fs->manifests, path, &m) < 0)
		return 0;
	manifest_fini(&m);
	return 1;
}

/* Return: 0, or -errno with c->err, for what no rename may do. */
static int check_rename(struct call *c, struct node *to_dir, const char *to_name, const char *to,
			unsigned flags)
{
	if (flags & ~1u) /* RENAME_NOREPLACE is the only one that makes sense here */
		return err_set(&c->err, EINVAL, "names cannot be exchanged");
	if (!to_dir->row->names || to_dir->row->names->rename != collection_names.rename)
		return err_set(&c->err, EXDEV, "not a directory for manifests");
	if (may_be_made(c, to_name) < 0)
		return -EPERM;
	if ((flags & 1u) && exists(c, to))
		return err_set(&c->err, EEXIST, "%s exists", to_name);
	return 0;
}

static void rename_file(struct call *c, struct node *dir, const char *name, struct node *to_dir,
			const char *to_name, unsigned flags)
{
	CLEANUP_FREE char *from = path_below(dir, name), *to = path_below(to_dir, to_name);
	CLEANUP_MEMFILE struct memfile *f = memfile_get(c->fs->memfiles, from);
	enum memfile_kind to_kind = kind_of_name(to, to_name);
	struct manifest m;

	if (check_rename(c, to_dir, to_name, to, flags) < 0) {
		reply_refused(c, dir, name);
		return;
	}
	if (f && !f->stored) {
		rename_memfile(c, f, to, to_kind);
		return;
	}
	if (manifest_get(c->fs->manifests, from, &m) < 0) {
		err_set(&c->err, manifest_is_dir(c->fs->manifests, from) ? EXDEV : EPERM,
			"%s cannot be renamed", name);
		reply_refused(c, dir, name);
		return;
	}
	manifest_fini(&m);
	if (f)
		memfile_drop(f);
	if (to_kind == MEMFILE_MANIFEST) {
		struct pending *p = pending_new(c, NULL, NULL, from);

		p->of_rename = 1;
		manifest_rename(c->fs->manifests, &call_who(c)->caller, from, to, on_manifest_done, p);
	} else {
		rename_out(c, from, to);
	}
}

/* -- directories of apply/ and dry-run/ ----------------------------------------------------------- */

static void mkdir_manifests(struct call *c, struct node *dir, const char *name, unsigned mode)
{
	CLEANUP_FREE char *path = path_below(dir, name);
	CLEANUP_NODE struct node *n = NULL;
	struct fuse_entry_param e;

	(void)mode;
	if (may_be_made(c, name) < 0 ||
	    manifest_mkdir(c->fs->manifests, &call_who(c)->caller, path, &c->err) < 0) {
		reply_refused(c, dir, name);
		return;
	}
	n = node_at(dir, name, &row_manifest_dir, path);
	if (node_entry(c, n, 0, &e) < 0) {
		reply_error(c);
		return;
	}
	node_looked_up(n);
	fuse_reply_entry(c->req, &e);
}

static void rmdir_manifests(struct call *c, struct node *dir, const char *name)
{
	CLEANUP_FREE char *path = path_below(dir, name);

	if (manifest_rmdir(c->fs->manifests, path, &c->err) < 0)
		reply_refused(c, dir, name);
	else
		reply_ok(c);
}

static int stat_manifest_dir(struct call *c, const struct node *n, struct stat *st)
{
	(void)st;
	if (manifest_is_dir(c->fs->manifests, n->sub))
		return 0;
	return err_set(&c->err, ESTALE, "%s is gone", n->fname);
}

const struct name_ops collection_names = {
	.create = create_file,
	.mkdir = mkdir_object,
	.unlink = unlink_file,
	.rmdir = rmdir_object,
	.symlink = symlink_file,
	.rename = rename_file,
};
const struct name_ops apply_names = {
	.create = create_file,
	.mkdir = mkdir_manifests,
	.unlink = unlink_file,
	.rmdir = rmdir_manifests,
	.symlink = symlink_file,
	.rename = rename_file,
};

#define MANIFEST_ERRORS                                                                          \
	"from close, fsync or rename (what is certain already from write): EINVAL refused (from " \
	"rename EBADMSG), the faults are in `<name>.err` and /k8s/errors; EACCES forbidden; EBUSY "\
	"conflict; EPERM immutable; EFBIG over 3 MiB; ENOSPC store full"

const struct row row_manifest = {
	.name = "<manifest>.yaml",
	.where = "<resource>/",
	.type = ROW_FILE,
	.mode = 0644,
	.open = open_manifest,
	.stat = stat_manifest,
	.setattr = setattr_manifest,
	.reads = "the exact bytes that were written (also .yml, .json)",
	.writes = "a manifest, one or several documents: applied at close, fsync, or rename into place. "
		  "Removing the file deletes its objects after a grace of 1 s",
	.errors = MANIFEST_ERRORS,
};
const struct row row_manifest_err = {
	.name = "<manifest>.yaml.err",
	.where = "<resource>/",
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_LIVE,
	.render = render_manifest_err,
	.reads = "why the manifest was refused, one line per fault: `<file>:<line>:<column>: <field>: "
		 "<message>`; goes away with the next good write",
};
const struct row row_mem_file = {
	.name = "<scratch file>",
	.where = "<resource>/",
	.type = ROW_FILE,
	.mode = 0600,
	.open = open_manifest,
	.stat = stat_manifest,
	.setattr = setattr_manifest,
	.reads = "what its owner wrote; in memory, never an object",
	.writes = "anything up to 16 MiB; renaming it to a manifest's name applies it",
	.errors = "EDQUOT too many; EFBIG too large; EPERM a name that is not possible",
};
const struct row row_mem_link = {
	.name = "<scratch link>",
	.where = "<resource>/",
	.type = ROW_LINK,
	.mode = 0777,
	.flags = ROW_LIVE,
	.render = render_link,
	.stat = stat_manifest,
	.reads = "a lock of an editor (`.#name`)",
};
const struct row row_manifest_dir = {
	.name = "<directory>",
	.where = "apply/",
	.type = ROW_DIR,
	.mode = 01777,
	.find = manifest_find,
	.list = manifest_list_into,
	.names = &apply_names,
	.stat = stat_manifest_dir,
	.reads = "manifests, as apply/ itself",
	.writes = "as apply/ itself",
};
const struct row row_apply = {
	.name = "apply",
	.where = "",
	.type = ROW_DIR,
	.mode = 01777,
	.flags = ROW_FIXED | ROW_PUBLIC,
	.find = manifest_find,
	.list = manifest_list_into,
	.names = &apply_names,
	.reads = "the manifests that the reader wrote here (root sees all)",
	.writes = "any manifest: several documents, any kinds, in subdirectories",
	.errors = MANIFEST_ERRORS,
};
const struct row row_dry_run = {
	.name = "dry-run",
	.where = "",
	.type = ROW_DIR,
	.mode = 01777,
	.flags = ROW_FIXED | ROW_PUBLIC,
	.find = manifest_find,
	.list = manifest_list_into,
	.names = &apply_names,
	.reads = "what would be stored, for each manifest that the reader wrote here",
	.writes = "as apply/; nothing is stored",
	.errors = MANIFEST_ERRORS,
};
const struct row *const manifest_rows[] = {&row_manifest, &row_manifest_err, &row_mem_file, &row_mem_link,
					   &row_manifest_dir, NULL};
