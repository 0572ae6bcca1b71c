/* SPDX-License-Identifier: MIT */
#include "fs/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>

#include "fs/attr.h"
#include "fs/changes.h"
#include "fs/dir_times.h"
#include "fs/dirs.h"
#include "fs/manifest_files.h"
#include "fs/reply.h"

/* -- names -- */

static int matches(const char *name, const char *const *patterns, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fnmatch(patterns[i], name, 0) == 0)
			return 1;
	return 0;
}

int scratch_is_question(const char *name)
{
	char *end;
	unsigned long n = strtoul(name, &end, 10);

	return *name && !*end && n >= 4913 && n < 4913 + 123 * 20 && (n - 4913) % 123 == 0;
}

int scratch_is_certain(const char *name)
{
	static const char *const patterns[] = {"*~", "#*#", ".#*"};

	return matches(name, patterns, ARRAY_LEN(patterns));
}

int scratch_is_meant(const struct node *dir, const char *name, unsigned mode, int flags)
{
	/* what else stands beside the files of an object */
	static const char *const beside[] = {"object.yaml.*", "object.json.*", "XX??????"};
	/* mkstemp(3) makes it so; nobody else does */
	int is_private = (flags & O_EXCL) && !(mode & 077);

	if (scratch_is_certain(name))
		return 1;
	if (dir->row == &row_object && schema_field(dir->kind->schema, name))
		return 0;
	if (dir->row == &row_object)
		return name_is_scratch(name) || matches(name, beside, ARRAY_LEN(beside));
	return is_private && (name_is_scratch(name) || fnmatch("XX??????", name, 0) == 0);
}

/* -- which there are -- */

struct memfile *scratch_get(struct call *c, struct node *dir, const char *name)
{
	CLEANUP_FREE char *path = path_below(dir, name);
	struct memfile *f = memfile_get(c->fs->memfiles, path);

	if (!f || may_see_memfile(c, f))
		return f;
	memfile_unref(f);
	return NULL;
}

struct node *scratch_find(struct call *c, struct node *dir, const char *name)
{
	CLEANUP_MEMFILE struct memfile *f = scratch_get(c, dir, name);
	CLEANUP_FREE char *path = f ? memfile_path(f) : NULL;

	return f ? node_at(dir, name, row_of_memfile(f), path) : NULL;
}

struct scratch_listing {
	struct call *c;
	struct listing *out;
	size_t dir_len;
};

static void list_one(void *arg, struct memfile *f)
{
	struct scratch_listing *l = arg;
	const struct row *row = row_of_memfile(f);
	struct place at = {.row = row, .sub = f->path};

	if (may_see_memfile(l->c, f))
		listing_add(l->out, f->path + l->dir_len + 1, row->type, place_ino(&at));
}

void scratch_list_into(struct call *c, struct node *dir, struct listing *out)
{
	CLEANUP(buf_fini) struct buf path = BUF_INIT;
	struct scratch_listing l;

	if (!memfiles_count(c->fs->memfiles))
		return;
	node_path(dir, &path);
	l = (struct scratch_listing){c, out, path.len};
	memfile_list(c->fs->memfiles, buf_str(&path), list_one, &l);
}

/* -- making them -- */

/* A new file of the caller's; NULL with c->err, also when somebody else's has this name. Owned. */
static struct memfile *make(struct call *c, const char *path, enum memfile_kind kind, unsigned mode)
{
	const struct memfile_owner owner = {call_who(c)->user, c->uid, c->gid};
	struct memfile *f = memfile_make(c->fs->memfiles, path, kind, &owner, mode, &c->err);

	if (f)
		dir_times_touch_parent(c->fs->dir_times, path);
	if (!f || may_see_memfile(c, f))
		return f;
	memfile_unref(f);
	err_set(&c->err, EACCES, "another user has a file of this name");
	return NULL;
}

void scratch_create(struct call *c, struct node *dir, const char *name, enum memfile_kind kind,
		    unsigned mode, struct fuse_file_info *fi)
{
	CLEANUP_FREE char *path = path_below(dir, name);
	CLEANUP_NODE struct node *n = NULL;
	struct memfile *f = make(c, path, kind, mode);

	if (!f) {
		reply_refused(c, dir, name);
		return;
	}
	n = node_at(dir, name, row_of_memfile(f), path);
	files_created(c, n, handle_of_file(c, n, f, fi->flags & ~O_TRUNC), fi);
}

void scratch_symlink(struct call *c, struct node *dir, const char *name, const char *target)
{
	CLEANUP_FREE char *path = path_below(dir, name);
	CLEANUP_NODE struct node *n = NULL;
	CLEANUP_MEMFILE struct memfile *f = NULL;
	struct fuse_entry_param e;

	/* not every scratch name: who walks the tree would follow one, into another user's file */
	if (!str_starts(name, ".#"))
		err_set(&c->err, EPERM, "links cannot be made here, except by editors (.#name)");
	else
		f = make(c, path, MEMFILE_SCRATCH, 0777);
	if (!f) {
		reply_refused(c, dir, name);
		return;
	}
	pthread_mutex_lock(&f->lock);
	if (!f->target)
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

void scratch_keep_copy(struct call *c, struct node *of, struct node *dir, const char *name)
{
	CLEANUP_FREE char *path = path_below(dir, name);
	CLEANUP_OBJECT struct object *o = node_get_object(c->fs, of, &c->err);
	CLEANUP_CONTENT struct content *t = o ? content_get(c, of, o) : NULL;
	CLEANUP_MEMFILE struct memfile *f = NULL;
	int rc = -ENOSPC;

	if (t)
		f = make(c, path, MEMFILE_SCRATCH, 0600);
	if (f) {
		pthread_mutex_lock(&f->lock);
		memfile_resize(f, 0);
		rc = memfile_write(f, t->data, t->len, 0);
		pthread_mutex_unlock(&f->lock);
	}
	if (rc < 0) {
		err_set(&c->err, -rc, "no room for a copy");
		reply_refused(c, of, NULL);
	} else {
		reply_ok(c);
		/* the kernel moved the name of the file itself */
		changes_forget_name(c->fs->changes, dir, name);
	}
}
