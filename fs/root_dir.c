/* SPDX-License-Identifier: MIT */
/*
 * root/ of a container: its files, as its first process may use them, for whoever may `exec` in it.
 * It is there without being listed, so that what walks the whole mount does not walk
 * all files of all containers.
 *
 * Nothing of it is kept: the container changes its files without a word to us.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "fs/attr.h"
#include "fs/dirs.h"
#include "fs/reply.h"
#include "fs/root_i.h"
#include "util/strmap.h"

#define ANY_INO 0xffffffffu /* as libfuse's FUSE_UNKNOWN_INO */

const char *root_path(const struct node *n)
{
	const char *tag = strchr(n->sub, '/'), *path = tag ? strchr(tag + 1, '/') : NULL;

	return path ? path + 1 : "";
}

char *root_path_below(const struct node *dir, const char *name)
{
	const char *path = root_path(dir);

	return xasprintf("%s%s%s", path, *path ? "/" : "", name);
}

const struct fs_container_files *root_files(struct call *c, const struct node *n)
{
	if (may_exec(c, n) < 0)
		return NULL;
	if (!c->fs->rooms.files)
		err_set(&c->err, ENOENT, "no runtime: no container runs here");
	return c->fs->rooms.files;
}

/* -- nodes -- */

static const struct row row_root_below;

static const struct row *row_of_mode(unsigned mode)
{
	return S_ISDIR(mode)   ? &row_root_below
	       : S_ISREG(mode) ? &row_root_file
	       : S_ISLNK(mode) ? &row_root_link
			       : &row_root_special;
}

static struct place place_at(const struct node *dir, const struct row *row, const char *sub)
{
	return (struct place){row, dir->kind, dir->ns, dir->name, dir->uid, sub};
}

static char *sub_of(const struct node *dir, const char *tag, const char *path)
{
	char name[256];

	container_of(dir, name);
	return xasprintf("%s/%s/%s", name, tag, path);
}

static struct node *node_tagged(struct node *dir, const char *name, const char *path,
				const char *tag, unsigned mode)
{
	CLEANUP_FREE char *sub = sub_of(dir, tag, path);
	struct place at = place_at(dir, row_of_mode(mode), sub);

	return node_get(dir, name, &at);
}

struct node *root_node(struct node *dir, const char *name, const char *path, unsigned mode)
{
	return node_tagged(dir, name, path, "root", mode);
}

/* NULL with c->err. */
static struct node *link_node(struct call *c, const struct fs_container *container,
			      struct node *dir, const char *name, const char *path)
{
	CLEANUP(buf_fini) struct buf target = BUF_INIT;
	char tag[32];

	if (c->fs->rooms.files->readlink(c->fs->rooms.runtime, container, path, &target, &c->err) <
	    0)
		return NULL;
	snprintf(tag, sizeof(tag), "%llx",
		 (unsigned long long)hash_bytes64(buf_str(&target), target.len, 0));
	return node_tagged(dir, name, path, tag, S_IFLNK);
}

static struct node *find_file(struct call *c, struct node *dir, const char *name)
{
	const struct fs_container_files *files = root_files(c, dir);
	CLEANUP_FREE char *path = root_path_below(dir, name);
	char container_name[256];
	struct fs_container container = container_of(dir, container_name);
	struct stat st;

	if (strlen(path) >= PATH_MAX)
		err_set(&c->err, ENAMETOOLONG, "a path of %zu bytes", strlen(path));
	if (c->err.code || files->stat(c->fs->rooms.runtime, &container, path, &st, &c->err) < 0)
		return NULL;
	return S_ISLNK(st.st_mode) ? link_node(c, &container, dir, name, path)
				   : root_node(dir, name, path, st.st_mode);
}

/* -- listing -- */

struct root_listing {
	const struct node *dir;
	struct listing *out;
};

static void list_one(void *arg, const char *name, unsigned char type)
{
	struct root_listing *l = arg;
	const struct row *row = row_of_mode(DTTOIF(type));
	CLEANUP_FREE char *path = root_path_below(l->dir, name);
	CLEANUP_FREE char *sub = sub_of(l->dir, "root", path);
	struct place at = place_at(l->dir, row, sub);

	listing_add(l->out, name, row->type, row == &row_root_link ? ANY_INO : place_ino(&at));
}

static void list_files(struct call *c, struct node *dir, struct listing *out)
{
	const struct fs_container_files *files = root_files(c, dir);
	struct root_listing l = {dir, out};
	char name[256];
	struct fs_container container = container_of(dir, name);

	if (files)
		files->list(c->fs->rooms.runtime, &container, root_path(dir), list_one, &l,
			    &c->err);
}

/* -- changes -- */

/* What all of them begin with. Return: -errno with c->err. */
struct changing {
	const struct fs_container_files *files;
	struct fs_container container;
	char container_name[256];
	char *path; /* owned */
};

static void changing_fini(struct changing *g)
{
	free(g->path);
}

static int changing_begin(struct changing *g, struct call *c, const struct node *dir,
			  const char *name)
{
	g->path = root_path_below(dir, name);
	g->files = root_files(c, dir);
	g->container = container_of(dir, g->container_name);
	return g->files ? 0 : -c->err.code;
}

static void reply_change(struct call *c, struct node *dir, const char *name, int rc)
{
	if (rc < 0)
		reply_refused(c, dir, name);
	else
		reply_ok(c);
}

/* Something was made: its entry. */
static void reply_made(struct call *c, struct node *dir, const char *name, int rc)
{
	struct node *n = rc < 0 ? NULL : find_file(c, dir, name);
	struct fuse_entry_param e;

	if (!n || node_entry(c, n, 0, &e) < 0) {
		reply_refused(c, dir, name);
	} else {
		node_looked_up(n);
		if (fuse_reply_entry(c->req, &e) == -ENOENT)
			node_forget(n, 1);
	}
	if (n)
		node_unref(n);
}

static void make_dir(struct call *c, struct node *dir, const char *name, unsigned mode)
{
	CLEANUP(changing_fini) struct changing g;
	int rc = changing_begin(&g, c, dir, name);

	if (rc == 0)
		rc = g.files->mkdir(c->fs->rooms.runtime, &g.container, g.path, mode, &c->err);
	reply_made(c, dir, name, rc);
}

static void make_link(struct call *c, struct node *dir, const char *name, const char *target)
{
	CLEANUP(changing_fini) struct changing g;
	int rc = changing_begin(&g, c, dir, name);

	if (rc == 0)
		rc = g.files->symlink(c->fs->rooms.runtime, &g.container, g.path, target, &c->err);
	reply_made(c, dir, name, rc);
}

static void remove_name(struct call *c, struct node *dir, const char *name, int is_dir)
{
	CLEANUP(changing_fini) struct changing g;
	int rc = changing_begin(&g, c, dir, name);

	if (rc == 0)
		rc = g.files->remove(c->fs->rooms.runtime, &g.container, g.path, is_dir, &c->err);
	reply_change(c, dir, name, rc);
}

static void remove_file(struct call *c, struct node *dir, const char *name)
{
	remove_name(c, dir, name, 0);
}

static void remove_dir(struct call *c, struct node *dir, const char *name)
{
	remove_name(c, dir, name, 1);
}

static int same_container(const struct node *a, const struct node *b)
{
	size_t len = strcspn(a->sub, "/");

	return (b->row == &row_root_dir || b->row == &row_root_below) &&
	       strcmp(a->uid, b->uid) == 0 && strcspn(b->sub, "/") == len &&
	       memcmp(a->sub, b->sub, len) == 0;
}

/* Directories stay where they are: their files' links lead from where they were looked up. */
static void rename_file(struct call *c, struct node *dir, const char *name, struct node *to_dir,
			const char *to_name, unsigned flags)
{
	CLEANUP(changing_fini) struct changing g;
	int rc = changing_begin(&g, c, dir, name);

	if (rc == 0 && !same_container(dir, to_dir))
		rc = err_set(&c->err, EXDEV, "not in the same container");
	if (rc == 0 && (flags & ~(unsigned)RENAME_NOREPLACE))
		rc = err_set(&c->err, EINVAL, "files are renamed, not exchanged");
	if (rc == 0) {
		CLEANUP_FREE char *to = root_path_below(to_dir, to_name);

		rc = g.files->rename(c->fs->rooms.runtime, &g.container, g.path, to, flags,
				     &c->err);
	}
	reply_change(c, dir, name, rc);
}

static const struct name_ops root_names = {
	.create = root_create,
	.mkdir = make_dir,
	.unlink = remove_file,
	.rmdir = remove_dir,
	.symlink = make_link,
	.rename = rename_file,
};

/* -- the table -- */

const struct row row_root_dir = {
	.name = "root",
	.where = "<pod>/containers/<name>/",
	.type = ROW_DIR,
	.mode = 0700,
	.flags = ROW_HIDDEN | ROW_OBJECT | ROW_LIVE | ROW_OWN_MODE,
	.find = find_file,
	.list = list_files,
	.stat = root_stat,
	.setattr = root_setattr,
	.names = &root_names,
	.read_as = "create:exec",
	.write_as = "create:exec",
	.reads = "the files of the running container, its volumes included, as its first process "
		 "may use them; /proc, /sys and other file systems that hold no files are empty. "
		 "inotify "
		 "is not told of what the container does to them",
	.writes =
		"files are made, moved and removed as inside; directories are not renamed (EXDEV: "
		"`mv` copies them)",
	.errors = "ENOENT the container does not run; EACCES",
};
static const struct row row_root_below = {
	.name = "<directory>",
	.where = "<pod>/containers/<name>/root/",
	.type = ROW_DIR,
	.mode = 0700,
	.flags = ROW_OBJECT | ROW_LIVE | ROW_OWN_MODE,
	.find = find_file,
	.list = list_files,
	.stat = root_stat,
	.setattr = root_setattr,
	.names = &root_names,
	.read_as = "create:exec",
	.write_as = "create:exec",
	.reads = "a directory of the container",
	.errors = "as root/; EOVERFLOW of more names than are listed",
};
const struct row *const found_in_root[] = {&row_root_below, &row_root_file, &row_root_link,
					   &row_root_special, NULL};
