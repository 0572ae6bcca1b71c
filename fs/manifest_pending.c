/* SPDX-License-Identifier: MIT */
/* Requests that wait for a commit of the manifests, and how each is answered. */
#include <errno.h>

#include "fs/attr.h"
#include "fs/changes.h"
#include "fs/dir_times.h"
#include "fs/dirs.h"
#include "fs/manifest_files.h"
#include "fs/notifier.h"
#include "fs/reply.h"

struct pending *pending_new(struct call *c, struct node *n, struct memfile *f, const char *path)
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

static int err_is_there(struct fs *fs, const char *path)
{
	struct manifest m;
	int there;

	if (manifest_get(fs->manifests, path, &m) < 0)
		return 0;
	there = m.faults != NULL;
	manifest_fini(&m);
	return there;
}

void pending_watch_err(struct pending *p, struct node *dir, const char *path)
{
	struct err_file *e = &p->err_files[p->err_files[0].dir != NULL];

	*e = (struct err_file){node_ref(dir), xstrdup(path), err_is_there(p->fs, path)};
}

static void tell_err_file(struct fs *fs, const struct err_file *e)
{
	CLEANUP_FREE char *path = xasprintf("%s.err", e->path);
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	int there = err_is_there(fs, e->path);

	if (there && e->was_there)
		notifier_name_changed(fs->notifier, e->dir, name, &row_manifest_err, path);
	else if (there)
		notifier_name_made(fs->notifier, e->dir, name, &row_manifest_err, path);
	else if (e->was_there)
		notifier_name_gone(fs->notifier, e->dir, name, &row_manifest_err, path);
}

static void tell_err_files(struct pending *p)
{
	for (size_t i = 0; i < ARRAY_LEN(p->err_files) && p->err_files[i].dir; i++)
		tell_err_file(p->fs, &p->err_files[i]);
}

static void pending_free(struct pending *p)
{
	struct fs *fs = p->fs;

	for (size_t i = 0; i < ARRAY_LEN(p->err_files) && p->err_files[i].dir; i++) {
		node_unref(p->err_files[i].dir);
		free(p->err_files[i].path);
	}
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
	/* what a dry run leaves is not what was written */
	if (rc == 0 && (p->drops ? !memfile_is_open(p->file) : str_starts(p->path, "dry-run/")))
		memfile_drop(p->file);
}

void on_manifest_done(void *arg, int rc, const struct faults *faults)
{
	struct pending *p = arg;

	changes_drain(p->fs->changes);
	if (p->file)
		note_file(p, rc);
	/* a file is there since it was created; what is refused gets one beside it */
	if (rc < 0 ? p->file != NULL : !p->file && !p->node)
		dir_times_touch_parent(p->fs->dir_times, p->path);
	/* the refused text and its .err are kept by the manifests, and noted there */
	(void)faults;
	tell_err_files(p);
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

void after_rename_in(void *arg, int rc, const struct faults *faults)
{
	struct pending *p = arg;

	/* the file went into place: it is the manifest now */
	if (rc == 0 && p->file) {
		memfile_drop(p->file);
		memfile_unref(STEAL(p->file));
	}
	on_manifest_done(p, rc, faults);
}

static void on_tried(void *arg, int rc, const struct faults *faults)
{
	struct pending *p = arg;

	(void)faults;
	reply_code(p->req, rc < 0 ? reply_errno(rc) : 0);
	pending_free(p);
}

void manifest_submit(struct call *c, struct node *dir, struct node *n, struct memfile *f,
		     const char *path, enum submit how)
{
	struct pending *p = pending_new(c, n, f, path);
	manifest_done_fn done = how == SUBMIT_RENAMED ? after_rename_in : on_manifest_done;
	struct manifest_attrs attrs;
	struct buf bytes = BUF_INIT;

	p->of_rename = how == SUBMIT_RENAMED;
	p->drops = how == SUBMIT_EMPTIED;
	pending_watch_err(p, dir, path);
	pthread_mutex_lock(&f->lock);
	f->dirty = how == SUBMIT_TRIED;
	buf_add(&bytes, f->data.data, f->data.len);
	attrs = (struct manifest_attrs){f->mode, f->uid, f->gid, f->mtime};
	pthread_mutex_unlock(&f->lock);
	c->fs->n_writes++;
	if (how == SUBMIT_TRIED)
		manifest_try(c->fs->manifests, &call_who(c)->caller, path, &bytes, on_tried, p);
	else if (how == SUBMIT_CUT)
		manifest_keep_draft(c->fs->manifests, &call_who(c)->caller, path, &attrs, &bytes,
				    "the writer was killed before it had closed the file", done, p);
	else
		manifest_write(c->fs->manifests, &call_who(c)->caller, path, &attrs, &bytes, done,
			       p);
}
