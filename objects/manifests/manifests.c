/* SPDX-License-Identifier: MIT */
/* The room's doors. */
#include "objects/manifests/manifests_i.h"

#include <errno.h>

#include "util/log.h"

void manifest_fini(struct manifest *m)
{
	free(m->path);
	free(m->faults);
	*m = (struct manifest){0};
}

void manifest_list_fini(struct manifest_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		manifest_fini(&l->list[i]);
	free(l->list);
	*l = (struct manifest_list){0};
}

/* -- opening -- */

struct loading {
	struct manifests *all;
	struct entry **list;
	size_t n, cap;
};

static void load_record(void *arg, const char *id, const char *meta)
{
	struct loading *l = arg;
	struct entry *e = record_entry(id, meta);

	if (!e) {
		log_warn("manifest %s: what is stored of it is not readable, it is left out", id);
		return;
	}
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->list = xreallocarray(l->list, l->cap, sizeof(*l->list));
	}
	l->list[l->n++] = e;
}

static void load_dir(void *arg, const char *id, const char *meta)
{
	dirs_insert(arg, id);
}

static int cmp_seq(const void *a, const void *b)
{
	const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;

	return (x->seq > y->seq) - (x->seq < y->seq);
}

/* A file that made its object was stored before the object had a uid. */
static void fill_uids(struct manifests *all, struct entry *e)
{
	for (size_t i = 0; i < e->holds.n; i++) {
		struct held *h = &e->holds.list[i];
		CLEANUP_OBJECT struct object *o = NULL;

		if (h->uid)
			continue;
		o = store_get(api_store(all->api), (struct objkey){h->kind, h->ns, h->name});
		h->uid = o ? xstrdup(o->uid) : NULL;
	}
}

static void adopt(struct manifests *all, struct entry *e)
{
	if (e->seq > all->last_seq)
		all->last_seq = e->seq;
	if (e->id > all->last_seq)
		all->last_seq = e->id;
	fill_uids(all, e);
	if (e->removed_ms) {
		int64_t left = e->removed_ms + MANIFEST_GRACE_MS - wall_ms();

		left = left < 0 ? 0 : left > MANIFEST_GRACE_MS ? MANIFEST_GRACE_MS : left;
		grace_add(all, e->path, (uint64_t)left);
	}
	pthread_mutex_lock(&all->lock);
	files_put(all, e);
	pthread_mutex_unlock(&all->lock);
}

static void on_timer(void *arg)
{
	grace_arm(arg);
}

struct manifests *manifests_new(struct api *api, struct loop *loop, struct err *err)
{
	struct manifests *all = xcalloc(1, sizeof(*all));
	struct loading loading = {.all = all};

	all->api = api;
	all->loop = loop;
	all->refs = 1;
	all->ready_end = &all->ready;
	all->rings = rings_new();
	pthread_mutex_init(&all->lock, NULL);
	pthread_cond_init(&all->idle, NULL);
	all->timer = loop_timer_new(loop, on_timer, all);
	store_records(api_store(api), DIR_SPACE, load_dir, all);
	store_records(api_store(api), RECORD_SPACE, load_record, &loading);
	/* the later file has an object that two of them name */
	if (loading.n)
		qsort(loading.list, loading.n, sizeof(*loading.list), cmp_seq);
	for (size_t i = 0; i < loading.n; i++)
		adopt(all, loading.list[i]);
	free(loading.list);
	return all;
}

void manifests_unref(struct manifests *all)
{
	if (--all->refs)
		return;
	files_fini(all);
	for (size_t i = 0; i < all->n_dirs; i++)
		free(all->dirs[i]);
	for (size_t i = 0; i < all->n_pending; i++)
		free(all->pending[i].path);
	free(all->dirs);
	free(all->pending);
	strmap_fini(&all->owner);
	strmap_fini(&all->tails);
	rings_free(all->rings);
	pthread_mutex_destroy(&all->lock);
	pthread_cond_destroy(&all->idle);
	free(all);
}

void manifests_free(struct manifests *all)
{
	if (!all)
		return;
	pthread_mutex_lock(&all->lock);
	all->closed = 1;
	while (all->in_flight)
		pthread_cond_wait(&all->idle, &all->lock);
	pthread_mutex_unlock(&all->lock);
	loop_timer_cancel(all->timer);
	loop_timer_free(all->timer);
	manifests_unref(all);
}

/* -- reading -- */

static void describe(const struct entry *e, struct manifest *out)
{
	*out = (struct manifest){
		.path = xstrdup(e->path),
		.size = e->size,
		.mode = e->attrs.mode,
		.uid = e->attrs.uid,
		.gid = e->attrs.gid,
		.mtime = e->attrs.mtime,
		.draft = e->draft,
		.faults = xstrdup(e->faults),
		.id = e->id,
	};
}

int manifest_get(struct manifests *all, const char *path, struct manifest *out)
{
	const struct entry *e;
	int rc = -ENOENT;

	*out = (struct manifest){0};
	pthread_mutex_lock(&all->lock);
	e = files_find(all, path);
	if (e && !e->removed_ms) {
		describe(e, out);
		rc = 0;
	}
	pthread_mutex_unlock(&all->lock);
	return rc;
}

int manifest_read(struct manifests *all, const char *path, struct buf *out, struct err *err)
{
	struct manifest m;
	size_t size;

	if (manifest_get(all, path, &m))
		return err_set(err, ENOENT, "%s: no such manifest", path);
	size = m.size;
	manifest_fini(&m);
	return size ? store_record_read(api_store(all->api), RECORD_SPACE, path, out, err) : 0;
}

/* The path is directly in the directory of that length. */
static int is_child(const char *path, const char *dir, size_t len)
{
	return strncmp(path, dir, len) == 0 && path[len] == '/' && !strchr(path + len + 1, '/');
}

static int is_below(const char *path, const char *dir, size_t len)
{
	return strncmp(path, dir, len) == 0 && path[len] == '/';
}

void manifest_list(struct manifests *all, const char *dir, struct manifest_list *out)
{
	size_t len = strlen(dir), cap = 0;

	*out = (struct manifest_list){0};
	pthread_mutex_lock(&all->lock);
	for (struct entry *e = files_first_below(all, dir); e && is_below(e->path, dir, len);
	     e = files_next(e)) {
		if (e->removed_ms || !is_child(e->path, dir, len))
			continue;
		if (out->n == cap) {
			cap = cap ? cap * 2 : 16;
			out->list = xreallocarray(out->list, cap, sizeof(*out->list));
		}
		describe(e, &out->list[out->n++]);
	}
	pthread_mutex_unlock(&all->lock);
}

/* -- directories -- */

int manifest_is_dir(struct manifests *all, const char *dir)
{
	int there;

	pthread_mutex_lock(&all->lock);
	there = dir_exists(all, dir);
	pthread_mutex_unlock(&all->lock);
	return there;
}

void manifest_subdirs(struct manifests *all, const char *dir, struct buf *out)
{
	size_t len = strlen(dir), at;
	CLEANUP_FREE char *first = xasprintf("%s/", dir);

	pthread_mutex_lock(&all->lock);
	dirs_find(all, first, &at);
	for (; at < all->n_dirs && is_below(all->dirs[at], dir, len); at++)
		if (is_child(all->dirs[at], dir, len))
			buf_add(out, all->dirs[at] + len + 1, strlen(all->dirs[at] + len + 1) + 1);
	pthread_mutex_unlock(&all->lock);
}

static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup("");
}

static int check_mkdir(struct manifests *all, const char *dir, struct err *err)
{
	CLEANUP_FREE char *parent = parent_of(dir);
	const struct entry *e;
	int rc = 0;

	pthread_mutex_lock(&all->lock);
	e = files_find(all, dir);
	if (dir_exists(all, dir) || (e && !e->removed_ms))
		rc = err_set(err, EEXIST, "%s: it exists already", dir);
	else if (!dir_exists(all, parent))
		rc = err_set(err, ENOENT, "%s: there is no directory %s", dir, parent);
	else if (all->n_dirs >= MAX_DIRS)
		rc = err_set(err, ENOSPC, "there are %d directories already", MAX_DIRS);
	pthread_mutex_unlock(&all->lock);
	return rc;
}

int manifest_mkdir(struct manifests *all, const struct caller *who, const char *dir,
		   struct err *err)
{
	struct store_txn *txn;
	int rc;

	if (!place_is_shared(dir))
		return err_set(err, EPERM, "%s: directories can be made in apply and dry-run only",
			       dir);
	rc = check_mkdir(all, dir, err);
	if (rc)
		return rc;
	txn = store_txn_new();
	store_txn_record_put(txn, DIR_SPACE, dir, "{}", NULL);
	rc = store_commit_wait(api_store(all->api), txn, err);
	store_txn_free(txn);
	if (rc)
		return rc;
	pthread_mutex_lock(&all->lock);
	dirs_insert(all, dir);
	pthread_mutex_unlock(&all->lock);
	return 0;
}

static int check_rmdir(struct manifests *all, const char *dir, size_t *at, struct err *err)
{
	CLEANUP_FREE char *first = xasprintf("%s/", dir);
	size_t len = strlen(dir), below;

	if (!dirs_find(all, dir, at))
		return dir_exists(all, dir) ? err_set(err, EBUSY, "%s is always there", dir)
					    : err_set(err, ENOENT, "%s: no such directory", dir);
	dirs_find(all, first, &below);
	if (below < all->n_dirs && is_below(all->dirs[below], dir, len))
		return err_set(err, ENOTEMPTY, "%s: there are directories in it", dir);
	for (struct entry *e = files_first_below(all, dir); e && is_below(e->path, dir, len);
	     e = files_next(e))
		if (!e->removed_ms)
			return err_set(err, ENOTEMPTY, "%s: there are manifests in it", dir);
	return 0;
}

int manifest_rmdir(struct manifests *all, const char *dir, struct err *err)
{
	struct store_txn *txn;
	size_t at;
	int rc;

	pthread_mutex_lock(&all->lock);
	rc = check_rmdir(all, dir, &at, err);
	pthread_mutex_unlock(&all->lock);
	if (rc)
		return rc;
	txn = store_txn_new();
	store_txn_record_delete(txn, DIR_SPACE, dir);
	rc = store_commit_wait(api_store(all->api), txn, err);
	store_txn_free(txn);
	pthread_mutex_lock(&all->lock);
	if (!rc && dirs_find(all, dir, &at)) {
		free(all->dirs[at]);
		all->n_dirs--;
		memmove(all->dirs + at, all->dirs + at + 1, (all->n_dirs - at) * sizeof(char *));
	}
	pthread_mutex_unlock(&all->lock);
	return rc;
}

/* -- writing -- */

static void answer(manifest_done_fn done, void *arg, int rc, const struct err *err)
{
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;

	fault_add_code(&faults, -rc, "%s", err->msg);
	if (done)
		done(arg, rc, &faults);
}

/* The directory of a path below apply/ or dry-run/ must be there. */
static int check_parent(struct manifests *all, const char *path, struct err *err)
{
	CLEANUP_FREE char *parent = parent_of(path);

	if (!place_is_shared(path) || manifest_is_dir(all, parent))
		return 0;
	return err_set(err, ENOENT, "%s: there is no directory %s", path, parent);
}

/* why NULL: the text is read, and applied or tried. */
static void write_bytes(struct op *op, const struct manifest_attrs *attrs, struct buf *taken_bytes,
			const char *why)
{
	struct err err = ERR_INIT;
	int rc = place_parse(op->path, &op->place, &err);

	op->bytes = *taken_bytes;
	*taken_bytes = (struct buf)BUF_INIT;
	if (!rc)
		rc = check_parent(op->all, op->path, &err);
	if (rc) {
		answer(op->done, op->arg, rc, &err);
		op_discard(op);
		return;
	}
	op->place.file = strrchr(op->path, '/') + 1;
	op->place.writer = op;
	op->has_attrs = attrs != NULL;
	if (attrs)
		op->attrs = *attrs;
	if (why)
		fault_add_code(&op->faults, EINTR, "%s", why);
	else if (op->bytes.len)
		wants_parse(&op->place, op->bytes.data, op->bytes.len, &op->wants, &op->faults);
	op_submit(op);
}

void manifest_write(struct manifests *all, const struct caller *who, const char *path,
		    const struct manifest_attrs *attrs, struct buf *taken_bytes,
		    manifest_done_fn done, void *arg)
{
	write_bytes(op_new(all, OP_WRITE, who, path, done, arg), attrs, taken_bytes, NULL);
}

void manifest_try(struct manifests *all, const struct caller *who, const char *path,
		  struct buf *taken_bytes, manifest_done_fn done, void *arg)
{
	write_bytes(op_new(all, OP_TRY, who, path, done, arg), NULL, taken_bytes, NULL);
}

void manifest_keep_draft(struct manifests *all, const struct caller *who, const char *path,
			 const struct manifest_attrs *attrs, struct buf *taken_bytes,
			 const char *why, manifest_done_fn done, void *arg)
{
	write_bytes(op_new(all, OP_WRITE, who, path, done, arg), attrs, taken_bytes, why);
}

void manifest_remove(struct manifests *all, const struct caller *who, const char *path,
		     manifest_done_fn done, void *arg)
{
	op_submit(op_new(all, OP_REMOVE, who, path, done, arg));
}

static int check_rename(struct manifests *all, const char *from, const char *to,
			struct place *place, struct err *err)
{
	int rc = place_parse(to, place, err);

	if (!rc)
		rc = check_parent(all, to, err);
	/* mv copies and removes then: what a dry run leaves is not what was written */
	if (!rc && (place_is_dry(from) || place->dry))
		rc = err_set(err, EXDEV, "%s: a dry run is not moved", from);
	return rc;
}

void manifest_rename(struct manifests *all, const struct caller *who, const char *from,
		     const char *to, manifest_done_fn done, void *arg)
{
	struct op *op;
	struct err err = ERR_INIT;
	struct manifest m;
	int rc;

	if (str_eq(from, to)) {
		static const struct faults none;

		rc = manifest_get(all, from, &m);
		manifest_fini(&m);
		if (rc)
			err_set(&err, ENOENT, "%s: no such manifest", from);
		if (rc)
			answer(done, arg, rc, &err);
		else if (done)
			done(arg, 0, &none);
		return;
	}
	op = op_new(all, OP_RENAME, who, from, done, arg);
	op->to = xstrdup(to);
	rc = check_rename(all, from, op->to, &op->place, &err);
	if (rc) {
		op_discard(op);
		answer(done, arg, rc, &err);
		return;
	}
	op_submit(op);
}

void manifest_set_attrs(struct manifests *all, const char *path, const struct manifest_attrs *attrs,
			manifest_done_fn done, void *arg)
{
	struct op *op = op_new(all, OP_ATTRS, NULL, path, done, arg);

	op->has_attrs = 1;
	op->attrs = *attrs;
	op_submit(op);
}
