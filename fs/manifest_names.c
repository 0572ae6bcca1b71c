/* SPDX-License-Identifier: MIT */
/*
 * What clients do to the names of manifests and scratch files: create, remove,
 * rename (between scratch and manifest, in any direction), make directories.
 */
#include <errno.h>
#include <fcntl.h>

#include "fs/attr.h"
#include "fs/dir_times.h"
#include "fs/dirs.h"
#include "fs/manifest_files.h"
#include "fs/permission.h"
#include "fs/reply.h"
#include "fs/scratch.h"

/* -- names -- */

static int may_be_made(struct call *c, const char *name)
{
	if (scratch_is_question(name)) {
		c->err.code =
			EPERM; /* without a text: nothing that anybody wants to read was refused */
		return -EPERM;
	}
	if (name[0] == '_' || name[0] == '@')
		return err_set(&c->err, EPERM, "names that begin with _ or @ are the tree's own");
	return 0;
}

static enum memfile_kind kind_of_name(const char *name)
{
	return manifest_is_name(name) && !name_is_scratch(name) ? MEMFILE_MANIFEST
								: MEMFILE_SCRATCH;
}

static void create_file(struct call *c, struct node *dir, const char *name, unsigned mode, void *fi)
{
	CLEANUP_FREE char *path = path_below(dir, name);

	if (may_be_made(c, name) < 0 || call_allows(c, dir, PERM_W) < 0 ||
	    may_use_path(c, path) < 0)
		reply_refused(c, dir, name);
	else
		scratch_create(c, dir, name, kind_of_name(name), mode, fi);
}

static void remove_manifest(struct call *c, struct node *dir, const char *path)
{
	struct pending *p = pending_new(c, NULL, NULL, path);

	pending_watch_err(p, dir, path);
	manifest_remove(c->fs->manifests, &call_who(c)->caller, path, on_manifest_done, p);
}

static void unlink_file(struct call *c, struct node *dir, const char *name)
{
	CLEANUP_FREE char *path = path_below(dir, name);
	CLEANUP_FREE char *base = path_without_err(path);
	CLEANUP_MEMFILE struct memfile *f = memfile_get(c->fs->memfiles, path);
	struct manifest m;

	if (f) {
		memfile_unlink(f);
		dir_times_touch_parent(c->fs->dir_times, path);
	}
	if (manifest_is_name(name) && manifest_get(c->fs->manifests, path, &m) == 0) {
		manifest_fini(&m);
		remove_manifest(c, dir, path);
	} else if (f || (base && has_faults(c, base, NULL))) {
		reply_ok(c); /* <name>.err goes with what it is about */
	} else {
		err_set(&c->err, EPERM, "%s cannot be removed", name);
		reply_refused(c, dir, name);
	}
}

/* -- rename: between scratch and manifest, in any direction -- */

/* vim's backup, tar --backup, an editor's own copy: the text stays readable, the manifest is
 * removed. */
static void rename_out(struct call *c, struct node *dir, const char *from, const char *to)
{
	CLEANUP(buf_fini) struct buf bytes = BUF_INIT;
	CLEANUP_MEMFILE struct memfile *f = NULL;
	struct manifest m;
	int rc = manifest_get(c->fs->manifests, from, &m);

	if (rc == 0) {
		rc = manifest_read(c->fs->manifests, from, &bytes, &c->err);
		f = memfile_make(c->fs->memfiles, to, MEMFILE_SCRATCH,
				 &(struct memfile_owner){call_who(c)->user, m.uid, m.gid}, m.mode,
				 &c->err);
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
	remove_manifest(c, dir, from);
}

static void rename_memfile(struct call *c, struct memfile *f, struct node *to_dir, const char *to,
			   enum memfile_kind to_kind)
{
	CLEANUP_MEMFILE struct memfile *open = memfile_get(c->fs->memfiles, to);

	if (to_kind == MEMFILE_MANIFEST && memfile_len(f)) {
		if (open)
			memfile_unlink(open);
		manifest_submit(c, to_dir, NULL, f, to, SUBMIT_RENAMED);
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
	CLEANUP_MEMFILE struct memfile *there = memfile_get(c->fs->memfiles, to);

	if (there && !may_see_memfile(c, there))
		return err_set(&c->err, EACCES, "another user has a file of this name");
	if (flags & ~1u) /* RENAME_NOREPLACE is the only one that makes sense here */
		return err_set(&c->err, EINVAL, "names cannot be exchanged");
	if (!to_dir->row->names || to_dir->row->names->rename != collection_names.rename)
		return err_set(&c->err, EXDEV, "not a directory for manifests");
	if (may_be_made(c, to_name) < 0)
		return -EPERM;
	if (call_allows(c, to_dir, PERM_W) < 0 || may_use_path(c, to) < 0)
		return -EACCES;
	if ((flags & 1u) && exists(c, to))
		return err_set(&c->err, EEXIST, "%s exists", to_name);
	return 0;
}

static void rename_file(struct call *c, struct node *dir, const char *name, struct node *to_dir,
			const char *to_name, unsigned flags)
{
	CLEANUP_FREE char *from = path_below(dir, name), *to = path_below(to_dir, to_name);
	CLEANUP_MEMFILE struct memfile *f = memfile_get(c->fs->memfiles, from);
	enum memfile_kind to_kind = kind_of_name(to_name);
	struct manifest m;

	if (check_rename(c, to_dir, to_name, to, flags) < 0) {
		reply_refused(c, dir, name);
		return;
	}
	/* an editor's lock stays one: under any other name somebody would follow it */
	if (f && f->target && !str_starts(to_name, ".#")) {
		err_set(&c->err, EPERM, "a link can have no other name than .#name");
		reply_refused(c, dir, name);
		return;
	}
	dir_times_touch_parent(c->fs->dir_times, from);
	dir_times_touch_parent(c->fs->dir_times, to);
	if (f && !f->stored) {
		rename_memfile(c, f, to_dir, to, to_kind);
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
		pending_watch_err(p, dir, from);
		pending_watch_err(p, to_dir, to);
		manifest_rename(c->fs->manifests, &call_who(c)->caller, from, to, on_manifest_done,
				p);
	} else {
		rename_out(c, dir, from, to);
	}
}

/* -- directories of apply/ and dry-run/ -- */

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
	dir_times_touch_parent(c->fs->dir_times, path);
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

	if (memfiles_below(c->fs->memfiles, path))
		err_set(&c->err, ENOTEMPTY, "there are scratch files in it");
	if (c->err.code || manifest_rmdir(c->fs->manifests, path, &c->err) < 0) {
		reply_refused(c, dir, name);
		return;
	}
	dir_times_touch_parent(c->fs->dir_times, path);
	reply_ok(c);
}

static int stat_manifest_dir(struct call *c, const struct node *n, struct stat *st)
{
	if (manifest_is_dir(c->fs->manifests, n->sub))
		return stat_names(c, n, st);
	return err_set(&c->err, ESTALE, "%s is gone", n->fname);
}

const struct name_ops collection_names = {
	.create = create_file,
	.mkdir = mkdir_object,
	.unlink = unlink_file,
	.rmdir = rmdir_object,
	.symlink = scratch_symlink,
	.rename = rename_file,
};
const struct name_ops apply_names = {
	.create = create_file,
	.mkdir = mkdir_manifests,
	.unlink = unlink_file,
	.rmdir = rmdir_manifests,
	.symlink = scratch_symlink,
	.rename = rename_file,
};

#define MANIFEST_ERRORS                                                                            \
	"from close, fsync or rename (what is certain already from write): EINVAL refused (from "  \
	"rename EBADMSG), the faults are in `<name>.err` and /k8s/errors; EACCES forbidden; "      \
	"EBUSY "                                                                                   \
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
	.writes = "a manifest, one or several documents: applied at close by the process that "
		  "opened it (a child that inherited the descriptor only hears what is wrong so "
		  "far), fsync, or rename into place; what a killed writer leaves is a draft. "
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
	.reads = "why the manifest was refused, one line per fault: `<file>:<line>:<column>: "
		 "<field>: "
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
	.reads = "what its owner wrote; in memory, never an object; also in the directory of an "
		 "object and of its fields, by the names that editors use",
	.writes = "anything up to 16 MiB; renaming it to a manifest's name applies it, onto a file "
		  "of an object writes that. A user has 1024 of them and 64 MiB; his oldest goes",
	.errors = "EDQUOT too many; EFBIG too large; EPERM a name that is not possible; EBADMSG "
		  "from rename: refused",
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
	.stat = stat_names,
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
	.stat = stat_names,
	.reads = "what would be stored, for each manifest that the reader wrote here, as "
		 "object.yaml "
		 "would show it",
	.writes = "as apply/; no object is made or changed",
	.errors = MANIFEST_ERRORS,
};
const struct row *const manifest_rows[] = {&row_manifest, &row_manifest_err, &row_mem_file,
					   &row_mem_link, &row_manifest_dir, NULL};
