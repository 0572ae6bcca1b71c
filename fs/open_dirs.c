/* SPDX-License-Identifier: MIT */
/*
 * Directories while they are open: a listing is made by the first read (and again on
 * rewind) and does not change under its reader, so that nothing that was there
 * throughout is missed or seen twice while objects come and go.
 */
#include <errno.h>

#include "fs/detour.h"
#include "fs/attr.h"
#include "fs/dirs.h"
#include "fs/permission.h"
#include "fs/listing.h"
#include "fs/reply.h"
#include "fs/trim.h"
#include "fs/tenant.h"

struct dir_handle {
	struct node *node; /* owned reference */
	struct listing listing;
	int made;
	pid_t pid;
	struct tenant *tenant;           /* of the opener; NULL: not bounded */
	struct dir_handle *next, **prev; /* fs->open_dirs */
	pthread_mutex_t lock;
};

const struct row *row_child(struct call *c, const struct node *dir, const char *name)
{
	for (const struct row *const *r = dir->row->rows; r && *r; r++)
		if (strcmp((*r)->name, name) == 0 && (!(*r)->there || (*r)->there(c, dir)))
			return *r;
	return NULL;
}

static struct place row_place(const struct node *dir, const struct row *r)
{
	return (struct place){r, dir->kind, dir->ns, dir->name, dir->uid, dir->sub};
}

struct node *dir_child(struct call *c, struct node *dir, const char *name, int *found_by_row_out)
{
	const struct row *r = row_child(c, dir, name);
	struct node *n = NULL;

	*found_by_row_out = r != NULL;
	if (strlen(name) > FS_NAME_MAX) {
		err_set(&c->err, ENAMETOOLONG, "name of more than %d bytes", FS_NAME_MAX);
		return NULL;
	}
	if (r) {
		struct place at = row_place(dir, r);

		return node_get(dir, name, &at);
	}
	if (dir->row->find)
		n = dir->row->find(c, dir, name);
	if (!n)
		err_set(&c->err, ENOENT, "no such file");
	return n;
}

static void list_all(struct call *c, struct node *n, struct listing *out)
{
	const struct node *up = n->parent ? n->parent : n;

	listing_add(out, ".", ROW_DIR, n->ino);
	listing_add(out, "..", ROW_DIR, up->ino);
	for (const struct row *const *r = n->row->rows; r && *r; r++) {
		struct place at = row_place(n, *r);

		if (!((*r)->flags & ROW_HIDDEN) && (!(*r)->there || (*r)->there(c, n)))
			listing_add(out, (*r)->name, (*r)->type, place_ino(&at));
	}
	if (n->row->list)
		n->row->list(c, n, out);
}

static void make_listing(struct call *c, struct dir_handle *d)
{
	struct listing fresh = {0};

	list_all(c, d->node, &fresh);
	listing_settle(&fresh, &d->listing);
	listing_fini(&d->listing);
	d->listing = fresh;
	d->made = 1;
}

void dirs_open(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi)
{
	CLEANUP(call_fini) struct call c = {0};
	struct dir_handle *d;
	struct node *n;
	struct stat st;

	if (detour_file(req, id, fi, dirs_open))
		return;
	call_init(&c, req);
	n = node_of(c.fs, id);
	if (node_stat(&c, n, &st) < 0 || call_allows(&c, n, PERM_R) < 0 ||
	    call_may_have(&c, TENANT_DIRS) < 0) {
		reply_error(&c);
		return;
	}
	d = xcalloc(1, sizeof(*d));
	pthread_mutex_init(&d->lock, NULL);
	d->node = node_ref(n);
	d->pid = c.pid;
	d->tenant = c.uid || c.who ? tenant_of(c.fs->tenants, call_who(&c)) : NULL;
	tenant_add(d->tenant, TENANT_DIRS, 1);
	pthread_mutex_lock(&c.fs->open_lock);
	d->next = c.fs->open_dirs;
	d->prev = &c.fs->open_dirs;
	if (d->next)
		d->next->prev = &d->next;
	c.fs->open_dirs = d;
	pthread_mutex_unlock(&c.fs->open_lock);
	fi->fh = (uint64_t)(uintptr_t)d;
	fuse_reply_open(req, fi);
}

static void dir_free(struct fs *fs, struct dir_handle *d)
{
	pthread_mutex_lock(&fs->open_lock);
	*d->prev = d->next;
	if (d->next)
		d->next->prev = d->prev;
	pthread_mutex_unlock(&fs->open_lock);
	tenant_sub(d->tenant, TENANT_DIRS, 1);
	node_unref(d->node);
	listing_fini(&d->listing);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

void dirs_release(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi)
{
	(void)id;
	dir_free(fuse_req_userdata(req), (void *)(uintptr_t)fi->fh);
	fuse_reply_err(req, 0);
}

void dirs_drop(struct fs *fs)
{
	while (fs->open_dirs)
		dir_free(fs, fs->open_dirs);
}

int walker_holds(struct fs *fs, const char *uid, pid_t pid)
{
	int held = 0;

	pthread_mutex_lock(&fs->open_lock);
	for (struct dir_handle *d = fs->open_dirs; d && !held; d = d->next)
		held = d->pid == pid && d->node->row == &row_object &&
		       strcmp(d->node->uid, uid) == 0;
	pthread_mutex_unlock(&fs->open_lock);
	return held;
}

int walker_holds_field(struct fs *fs, const char *uid, const char *sub, pid_t pid)
{
	int held = 0;

	pthread_mutex_lock(&fs->open_lock);
	for (struct dir_handle *d = fs->open_dirs; d && !held; d = d->next)
		held = d->pid == pid && d->node->row == &row_field_dir &&
		       strcmp(d->node->uid, uid) == 0 && strcmp(d->node->sub, sub) == 0;
	pthread_mutex_unlock(&fs->open_lock);
	return held;
}

/* The size of a file that is made at open costs making it. */
static int costs_rendering(const struct row *r)
{
	return r && r->type == ROW_FILE && r->render;
}

/*
 * Attributes of a name for readdirplus: of what costs nothing to look at, as most who list a
 * directory do not ask for them. A name that is gone meanwhile is listed without.
 */
static struct node *plus_entry(struct call *c, struct dir_handle *d, const char *name,
			       struct fuse_entry_param *e)
{
	struct node *n;
	int by_row;

	if (costs_rendering(row_child(c, d->node, name)))
		return NULL;
	n = dir_child(c, d->node, name, &by_row);
	if (n && (costs_rendering(n->row) || node_entry(c, n, by_row, e) < 0)) {
		node_unref(n);
		n = NULL;
	}
	err_clear(&c->err);
	return n;
}

/* Adds one name. Return: bytes needed (more than room: not added). */
static size_t add_entry(struct call *c, struct dir_handle *d, size_t i, char *at, size_t room,
			int plus)
{
	static const unsigned types[] = ROW_TYPES;
	const struct listed *l = &d->listing.list[i];
	const char *name = listing_name(&d->listing, i);
	off_t next = (off_t)l->position + 1;
	struct fuse_entry_param e = {.attr = {.st_ino = l->ino, .st_mode = types[l->type]}};
	struct node *n = NULL;
	size_t used;

	if (!plus)
		return fuse_add_direntry(c->req, at, room, name, &e.attr, next);
	if (fuse_add_direntry_plus(c->req, NULL, 0, name, NULL, 0) > room)
		return room + 1;
	if (l->position >= 2) /* not . and .. */
		n = plus_entry(c, d, name, &e);
	if (!n)
		e = (struct fuse_entry_param){
			.attr = {.st_ino = l->ino, .st_mode = types[l->type]}};
	used = fuse_add_direntry_plus(c->req, at, room, name, &e, next);
	if (n) {
		node_looked_up(n);
		node_unref(n);
	}
	return used;
}

static void read_dir(fuse_req_t req, size_t size, off_t off, struct fuse_file_info *fi, int plus)
{
	CLEANUP(call_fini) struct call c;
	CLEANUP_FREE char *out = xmalloc(size);
	struct dir_handle *d = (void *)(uintptr_t)fi->fh;
	size_t used = 0;

	call_init(&c, req);
	pthread_mutex_lock(&d->lock);
	if (!d->made || off == 0)
		make_listing(&c, d);
	if (c.err.code == EOVERFLOW || c.err.code == EIO) { /* not all is known */
		pthread_mutex_unlock(&d->lock);
		reply_error(&c);
		return;
	}
	for (size_t i = listing_seek(&d->listing, off); i < d->listing.n; i++) {
		size_t need = add_entry(&c, d, i, out + used, size - used, plus);

		if (need > size - used)
			break;
		used += need;
	}
	pthread_mutex_unlock(&d->lock);
	fuse_reply_buf(req, out, used);
	if (plus)
		trim_if_many(c.fs);
}

void dirs_read(fuse_req_t req, fuse_ino_t id, size_t size, off_t off, struct fuse_file_info *fi)
{
	if (!detour_read(req, id, size, off, fi, dirs_read))
		read_dir(req, size, off, fi, 0);
}

void dirs_read_plus(fuse_req_t req, fuse_ino_t id, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	if (!detour_read(req, id, size, off, fi, dirs_read_plus))
		read_dir(req, size, off, fi, 1);
}
