/* SPDX-License-Identifier: MIT */
#include "fs/detour.h"

#include <errno.h>

#include "fs/dirs.h"
#include "fs/notifier.h"
#include "fs/reply.h"
#include "objects/api.h"
#include "objects/webhook.h"
#include "util/jobs.h"

struct detour {
	struct fs *fs;
	void (*run)(struct detour *d);
	fuse_req_t req;
	fuse_ino_t id;
	char *name; /* owned */
	struct fuse_file_info fi;
	int has_fi;
	size_t size;
	off_t off;
	union {
		detour_name_fn name;
		detour_file_fn file;
		detour_read_fn read;
		void (*any)(void *arg);
	} fn;
	void *arg;
};

/* Of the thread: what it works on. */
static _Thread_local const struct detour *current;

int detour_may_wait(void)
{
	return current != NULL;
}

void detour_note_error(struct call *c)
{
	CLEANUP(buf_fini) struct buf path = BUF_INIT;

	if (!current || !current->req || c->err.code == ENOENT || c->err.code == ESTALE)
		return;
	node_path(node_of(c->fs, current->id), &path);
	if (current->name)
		buf_addf(&path, "/%s", current->name);
	note_refusal(c->fs, call_who(c), buf_str(&path), c->err.msg);
}

/* -- on the thread -- */

static void run_name(struct detour *d)
{
	d->fn.name(d->req, d->id, d->name);
}

static void run_file(struct detour *d)
{
	d->fn.file(d->req, d->id, d->has_fi ? &d->fi : NULL);
}

static void run_read(struct detour *d)
{
	d->fn.read(d->req, d->id, d->size, d->off, &d->fi);
}

static void run_any(struct detour *d)
{
	d->fn.any(d->arg);
}

static void run(void *arg)
{
	struct detour *d = arg;
	struct fs *fs = d->fs;

	current = d;
	d->run(d);
	current = NULL;
	free(d->name);
	free(d);
	fs->n_background--;
}

static struct detour *detour_new(struct fs *fs, void (*fn)(struct detour *d))
{
	struct detour *d = xcalloc(1, sizeof(*d));

	d->fs = fs;
	d->run = fn;
	fs->n_background++;
	return d;
}

/* -- whether -- */

/* Of a collection: its tables show the objects, and selections of what is in them. */
static int shows_collection(const struct node *n, const char *name)
{
	return reads_objects(n) || (name && *name == '_');
}

/* What this node (or, with name, what is in it) shows is not known without asking a webhook. */
static int has_to_ask(struct fs *fs, fuse_req_t req, const struct node *n, const char *name)
{
	struct object *o;
	int ask;

	if (!n->kind || !n->kind->home->conversion || current ||
	    notifier_is(fs->notifier, fuse_req_ctx(req)->pid))
		return 0;
	if (!*n->uid)
		return shows_collection(n, name);
	o = store_get(fs->store, (struct objkey){n->kind, n->ns, n->name});
	ask = o && o->of;
	object_unref(o);
	return ask;
}

int detour_name(fuse_req_t req, fuse_ino_t parent, const char *name, detour_name_fn fn)
{
	struct fs *fs = fuse_req_userdata(req);
	struct detour *d;

	if (!has_to_ask(fs, req, node_of(fs, parent), name))
		return 0;
	d = detour_new(fs, run_name);
	d->req = req;
	d->id = parent;
	d->name = xstrdup(name);
	d->fn.name = fn;
	jobs_add(fs->jobs, run, d);
	return 1;
}

static int waits_to_connect(struct fs *fs, const struct node *n)
{
	return n->row->connects && !current &&
	       api_connect_waits(fs->api, n->kind, n->row->connects);
}

int detour_file(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi, detour_file_fn fn)
{
	struct fs *fs = fuse_req_userdata(req);
	const struct node *n = node_of(fs, id);
	struct detour *d;

	if (!has_to_ask(fs, req, n, NULL) && !waits_to_connect(fs, n))
		return 0;
	d = detour_new(fs, run_file);
	d->req = req;
	d->id = id;
	d->has_fi = fi != NULL;
	if (fi)
		d->fi = *fi;
	d->fn.file = fn;
	jobs_add(fs->jobs, run, d);
	return 1;
}

int detour_read(fuse_req_t req, fuse_ino_t id, size_t size, off_t off, struct fuse_file_info *fi,
		detour_read_fn fn)
{
	struct fs *fs = fuse_req_userdata(req);
	const struct node *n = node_of(fs, id);
	struct detour *d;

	if (!has_to_ask(fs, req, n, NULL))
		return 0;
	d = detour_new(fs, run_read);
	d->req = req;
	d->id = id;
	d->size = size;
	d->off = off;
	d->fi = *fi;
	d->fn.read = fn;
	jobs_add(fs->jobs, run, d);
	return 1;
}

void detour_run(struct fs *fs, void (*fn)(void *arg), void *arg)
{
	struct detour *d = detour_new(fs, run_any);

	d->fn.any = fn;
	d->arg = arg;
	jobs_add(fs->jobs, run, d);
}

/* -- asking -- */

static int is_whole(struct object *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i]->of)
			return 0;
	return 1;
}

int objects_make_whole(struct fs *fs, struct object **list, size_t n, struct err *err)
{
	int rc = 0;

	if (is_whole(list, n))
		return 0;
	if (current)
		rc = webhook_convert(api_webhooks(fs->api), list, n, err);
	if (rc < 0 || is_whole(list, n))
		return rc;
	return err_set(err, EAGAIN, "%s: the conversion webhook has to be asked: try again",
		       kind_resource(list[0]->kind));
}
