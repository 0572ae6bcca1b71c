/* SPDX-License-Identifier: MIT */
/* Which manifests and scratch files a directory has, for whom, and their attributes. */
#include <errno.h>

#include "fs/attr.h"
#include "fs/dir_times.h"
#include "fs/dirs.h"
#include "fs/manifest_files.h"
#include "fs/reply.h"

char *path_below(const struct node *dir, const char *name)
{
	struct buf path = BUF_INIT;

	node_path(dir, &path);
	buf_addf(&path, "/%s", name);
	return buf_steal(&path);
}

int is_shared_dir(const char *path)
{
	return str_starts(path, "apply/") || str_starts(path, "dry-run/");
}

/* Everybody sees his own files, and root all. */
static int may_see(const struct call *c, unsigned owner)
{
	return c->uid == 0 || c->uid == owner;
}

int may_use_path(struct call *c, const char *path)
{
	struct manifest m;
	int may;

	if (manifest_get(c->fs->manifests, path, &m) < 0)
		return 0;
	may = may_see(c, m.uid);
	manifest_fini(&m);
	return may ? 0 : err_set(&c->err, EACCES, "a file of somebody else has this name");
}

int may_see_memfile(const struct call *c, const struct memfile *f)
{
	return c->uid == 0 || c->uid == f->uid;
}

/* "x.yaml.err": the path of x.yaml; owned, NULL if it is not such a name. */
char *path_without_err(const char *path)
{
	size_t n = strlen(path);

	return n > 4 && strcmp(path + n - 4, ".err") == 0 ? xstrndup(path, n - 4) : NULL;
}

struct node *node_at(struct node *dir, const char *name, const struct row *row, const char *path)
{
	return node_get(dir, name, &(struct place){.row = row, .sub = path});
}

const struct row *row_of_memfile(const struct memfile *f)
{
	if (f->target)
		return &row_mem_link;
	return f->kind == MEMFILE_MANIFEST ? &row_manifest : &row_mem_file;
}

static struct node *find_stored(struct call *c, struct node *dir, const char *name,
				const char *path)
{
	struct manifest m;
	struct node *n = NULL;

	if (manifest_get(c->fs->manifests, path, &m) < 0)
		return NULL;
	if (may_see(c, m.uid))
		n = node_at(dir, name, &row_manifest, path);
	manifest_fini(&m);
	return n;
}

int has_faults(struct call *c, const char *path, char **faults_out)
{
	struct manifest m;
	char *text = NULL;

	if (manifest_get(c->fs->manifests, path, &m) == 0) {
		if (may_see(c, m.uid))
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

/* -- listing -- */

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

	/* one that is stored is listed with the others */
	if (!may_see_memfile(l->c, f) || (f->kind == MEMFILE_MANIFEST && f->stored))
		return;
	list_one(l->out, row_of_memfile(f), f->path, l->dir_len);
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

		if (!may_see(c, m->uid))
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

/* -- attributes -- */

void stat_memfile(struct memfile *f, struct stat *st)
{
	pthread_mutex_lock(&f->lock);
	st->st_size = (off_t)(f->target ? strlen(f->target) : f->data.len);
	st->st_mode = (st->st_mode & S_IFMT) | (f->target ? 0777 : f->mode);
	st->st_uid = f->uid;
	st->st_gid = f->gid;
	st->st_atim = st->st_mtim = st->st_ctim = f->mtime;
	pthread_mutex_unlock(&f->lock);
}

int stat_names(struct call *c, const struct node *n, struct stat *st)
{
	CLEANUP(buf_fini) struct buf dir = BUF_INIT;

	node_path(n, &dir);
	st->st_atim = st->st_mtim = st->st_ctim = dir_times_get(c->fs->dir_times, buf_str(&dir));
	return 0;
}

int stat_manifest(struct call *c, const struct node *n, struct stat *st)
{
	CLEANUP_MEMFILE struct memfile *f = memfile_get(c->fs->memfiles, n->sub);
	struct manifest m;

	if (f) {
		stat_memfile(f, st);
		return 0;
	}
	if (n->row != &row_manifest || manifest_get(c->fs->manifests, n->sub, &m) < 0) {
		f = file_open_at(c->fs, n);
		if (!f)
			return err_set(&c->err, ESTALE, "%s is gone", n->fname);
		stat_memfile(f, st);
		return 0;
	}
	st->st_size = (off_t)m.size;
	st->st_mode = S_IFREG | (m.mode & 07777);
	st->st_uid = m.uid;
	st->st_gid = m.gid;
	st->st_atim = st->st_mtim = st->st_ctim = m.mtime;
	manifest_fini(&m);
	return 0;
}

int render_manifest_err(struct call *c, const struct node *n, const struct object *o,
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

int render_link(struct call *c, const struct node *n, const struct object *o, struct buf *out)
{
	CLEANUP_MEMFILE struct memfile *f = memfile_get(c->fs->memfiles, n->sub);

	(void)o;
	if (!f || !f->target)
		return err_set(&c->err, ESTALE, "%s is gone", n->fname);
	buf_adds(out, f->target);
	return 0;
}
