/* SPDX-License-Identifier: MIT */
/*
 * What clients do to the names in the directory of an object and of its fields: a field is set,
 * prepared, removed, renamed; or a tool's scratch file is (scratch.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "fs/attr.h"
#include "fs/dirs.h"
#include "fs/escape.h"
#include "fs/field_path.h"
#include "fs/fields.h"
#include "fs/manifest_files.h"
#include "fs/message.h"
#include "fs/reply.h"
#include "fs/scratch.h"

/* The schema of a child that may be made; NULL with c->err if there can be none. */
static int may_make(struct call *c, struct node *dir, const char *name, enum row_type type)
{
	CLEANUP_OBJECT struct object *o = node_get_object(c->fs, dir, &c->err);
	CLEANUP_FREE char *key = name_unescape(name);
	struct field_path path;
	struct spot at;
	const struct schema *child;

	if (!o)
		return -ESTALE;
	field_path_parse(dir->sub, &path);
	spot_walk(o, &path, &at);
	field_path_fini(&path);
	child = spot_child(at, key).schema;
	if (!child && at.schema && at.schema->type != SCHEMA_ANY && !at.schema->open) {
		const char *near = schema_suggest(at.schema, key);

		return err_set(&c->err, EINVAL, "unknown field \"%s\"%s%s%s", key,
			       near ? ", did you mean \"" : "", near ? near : "",
			       near ? "\"?" : "");
	}
	if (!child || child->type == SCHEMA_ANY)
		return 0;
	if ((child->type == SCHEMA_STRUCT || child->type == SCHEMA_MAP ||
	     child->type == SCHEMA_LIST) == (type == ROW_DIR))
		return 0;
	return err_set(&c->err, type == ROW_DIR ? ENOTDIR : EISDIR, "%s is a %s", key,
		       type == ROW_DIR ? "single value" : "directory: mkdir");
}

static void create_field(struct call *c, struct node *dir, const char *name, unsigned mode,
			 void *fi_)
{
	struct fuse_file_info *fi = fi_;
	CLEANUP_FREE char *sub = field_sub(dir, name);
	struct place at = field_place(dir, ROW_FILE, sub);
	CLEANUP_NODE struct node *n = NULL;

	if ((fi->flags & O_EXCL) && scratch_is_question(name)) {
		fuse_reply_err(c->req, EPERM); /* no refusal that anybody wants to read of */
		return;
	}
	if (scratch_is_meant(dir, name, mode, fi->flags)) {
		scratch_create(c, dir, name, MEMFILE_SCRATCH, mode, fi);
		return;
	}
	if (field_is_systems_own(sub))
		err_set(&c->err, EPERM, "%s is set by the system", name);
	if (c->err.code || may_make(c, dir, name, ROW_FILE) < 0) {
		reply_refused(c, dir, name);
		return;
	}
	fields_made_add(c->fs->made, dir->uid, sub, ROW_FILE);
	n = node_get(dir, name, &at);
	files_created(c, n, handle_of_message(c, n, fi->flags), fi);
}

static void mkdir_field(struct call *c, struct node *dir, const char *name, unsigned mode)
{
	CLEANUP_FREE char *sub = field_sub(dir, name);
	struct place at = field_place(dir, ROW_DIR, sub);
	CLEANUP_NODE struct node *n = NULL;
	struct fuse_entry_param e;

	(void)mode;
	if (may_make(c, dir, name, ROW_DIR) < 0) {
		reply_refused(c, dir, name);
		return;
	}
	fields_made_add(c->fs->made, dir->uid, sub, ROW_DIR);
	n = node_get(dir, name, &at);
	if (node_entry(c, n, 0, &e) < 0) {
		reply_error(c);
		return;
	}
	node_looked_up(n);
	fuse_reply_entry(c->req, &e);
}

/* What is at the path is a struct: its fields belong together. */
static int is_struct(const struct object *o, const char *sub)
{
	struct field_path path;
	struct spot at;
	int found;

	field_path_parse(sub, &path);
	found = spot_walk(o, &path, &at);
	field_path_fini(&path);
	return found && at.schema && at.schema->type == SCHEMA_STRUCT;
}

/*
 * `rm -r` of an object's directory, or of a struct in it (an element of containers, a strategy),
 * ends in the rmdir that removes it as a whole; on the way there its fields are not taken out one
 * by one, each a change of its own, or refused because it is required.
 */
static int goes_with_its_directory(struct call *c, const struct node *dir, const struct object *o)
{
	CLEANUP_FREE char *sub = xstrdup(dir->sub);
	char *slash = sub;

	if (walker_holds(c->fs, dir->uid, c->pid))
		return 1;
	while (o && slash && *sub) {
		if (walker_holds_field(c->fs, dir->uid, sub, c->pid) && is_struct(o, sub))
			return 1;
		slash = strrchr(sub, '/');
		if (slash)
			*slash = '\0';
	}
	return 0;
}

static void remove_field(struct call *c, struct node *dir, const char *name)
{
	CLEANUP_FREE char *sub = field_sub(dir, name);
	CLEANUP_MEMFILE struct memfile *scratch = scratch_get(c, dir, name);
	CLEANUP_OBJECT struct object *o = node_get_object(c->fs, dir, &c->err);
	enum row_type type;
	struct field_path path;
	struct spot at;
	int stored;

	if (scratch)
		memfile_drop(scratch);
	if (scratch || goes_with_its_directory(c, dir, o)) {
		reply_ok(c);
		return;
	}
	if (!o || field_is_systems_own(sub) || (!*dir->sub && row_child(c, dir, name)) ||
	    !field_type(c->fs, o, sub, &type)) {
		err_set(&c->err, EPERM, "%s cannot be removed", name);
		reply_refused(c, dir, name);
		return;
	}
	fields_made_remove(c->fs->made, dir->uid, sub);
	field_path_parse(sub, &path);
	stored = spot_walk(o, &path, &at);
	field_path_fini(&path);
	if (stored)
		field_submit_edit(message_new(c, dir, ""), sub, NULL, 0);
	else
		reply_ok(c);
}

/* The text of a scratch file becomes a message to what has the name now, or to a new field. */
static void rename_scratch_in(struct call *c, struct memfile *f, struct node *dir, const char *name)
{
	CLEANUP_FREE char *sub = field_sub(dir, name);
	struct place at = field_place(dir, ROW_FILE, sub);
	CLEANUP_NODE struct node *n = NULL;
	struct message *m;
	int by_row;

	n = dir_child(c, dir, name, &by_row);
	if (!n && (c->err = (struct err)ERR_INIT, may_make(c, dir, name, ROW_FILE) == 0))
		n = node_get(dir, name, &at);
	if (n && !n->row->act)
		err_set(&c->err, n->row->type == ROW_DIR ? EISDIR : EPERM, "%s cannot be written",
			name);
	if (c->err.code || !n) {
		reply_refused(c, dir, name);
		return;
	}
	m = message_of_file(c, n, f);
	n->row->act(c, m);
}

static void rename_scratch(struct call *c, struct memfile *f, struct node *dir, const char *to_name,
			   unsigned flags)
{
	CLEANUP_FREE char *to = path_below(dir, to_name);
	CLEANUP_NODE struct node *there = NULL;
	int by_row;

	if (f->target && !str_starts(to_name, ".#")) {
		err_set(&c->err, EPERM, "a link can have no other name than .#name");
		reply_refused(c, dir, to_name);
		return;
	}
	there = flags & RENAME_NOREPLACE ? dir_child(c, dir, to_name, &by_row) : NULL;
	c->err = (struct err)ERR_INIT;
	if (there) {
		fuse_reply_err(c->req, EEXIST); /* mv asks so first */
	} else if (scratch_is_meant(dir, to_name, 0600, O_EXCL)) {
		memfile_rename(f, to);
		reply_ok(c);
	} else {
		rename_scratch_in(c, f, dir, to_name);
	}
}

/* vim and emacs keep the old text under another name, and write the file anew. */
static void rename_to_backup(struct call *c, struct node *dir, const char *name,
			     const char *to_name)
{
	CLEANUP_NODE struct node *n = NULL;
	int by_row;

	n = dir_child(c, dir, name, &by_row);
	if (n && (n->row->type != ROW_FILE || !n->row->render || !n->row->act))
		err_set(&c->err, EPERM, "%s cannot be renamed", name);
	if (c->err.code || !n)
		reply_refused(c, dir, name);
	else
		scratch_keep_copy(c, n, dir, to_name);
}

/* Return: whether it was answered here. */
static int rename_with_scratch(struct call *c, struct node *dir, const char *name,
			       struct node *to_dir, const char *to_name, unsigned flags)
{
	CLEANUP_MEMFILE struct memfile *f = scratch_get(c, dir, name);

	if (dir != to_dir || (flags & ~RENAME_NOREPLACE))
		return 0;
	if (f)
		rename_scratch(c, f, dir, to_name, flags);
	else if (scratch_is_certain(to_name))
		rename_to_backup(c, dir, name, to_name);
	else
		return 0;
	return 1;
}

/* Within one directory: the value moves to the other name. */
static void rename_field(struct call *c, struct node *dir, const char *name, struct node *to_dir,
			 const char *to_name, unsigned flags)
{
	CLEANUP_FREE char *from = field_sub(dir, name), *to = field_sub(to_dir, to_name);
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	CLEANUP_OBJECT struct object *o = node_get_object(c->fs, dir, &c->err);
	struct field_path path;
	struct api_batch *b;
	struct message *m;
	struct spot at;

	if (rename_with_scratch(c, dir, name, to_dir, to_name, flags))
		return;
	if (field_is_systems_own(from) || field_is_systems_own(to)) {
		err_set(&c->err, EPERM, "%s is set by the system", name);
		reply_refused(c, dir, name);
		return;
	}
	if (dir != to_dir || flags || !o) {
		err_set(&c->err, dir != to_dir ? EXDEV : EINVAL,
			"a field can be renamed in its directory only");
		reply_refused(c, dir, name);
		return;
	}
	field_path_parse(from, &path);
	spot_walk(o, &path, &at);
	field_path_fini(&path);
	if (!at.value || field_is_container(at.value)) {
		err_set(&c->err, EPERM, "%s cannot be renamed", name);
		reply_refused(c, dir, name);
		return;
	}
	field_render(at.value, &text);
	m = message_new(c, dir, "");
	b = message_batch(m);
	field_add_edit(m, b, from, NULL, 0);
	field_add_edit(m, b, to, buf_str(&text), text.len);
	fields_made_remove(c->fs->made, dir->uid, from);
	message_submit(m, b);
}

const struct name_ops field_names = {
	.create = create_field,
	.mkdir = mkdir_field,
	.unlink = remove_field,
	.rmdir = remove_field,
	.rename = rename_field,
	.symlink = scratch_symlink,
};
