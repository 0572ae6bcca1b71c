/* SPDX-License-Identifier: MIT */
/*
 * An object's fields as files and directories. A node of a field holds the path
 * ("spec/replicas") as its `sub`; everything else is looked up in the object as it
 * is now.
 */
#include "fs/fields.h"

#include <errno.h>

#include "fs/attr.h"
#include "fs/dirs.h"
#include "fs/escape.h"
#include "fs/field_path.h"
#include "fs/message.h"
#include "fs/permission.h"
#include "fs/reply.h"
#include "fs/scratch.h"

/* Bookkeeping that nobody walks: there by name, not listed. */
static int is_unlisted(const char *sub)
{
	return strcmp(sub, "metadata/managedFields") == 0;
}

int field_is_systems_own(const char *sub)
{
	static const char *const own[] = {
		"apiVersion",
		"kind",
		"metadata/creationTimestamp",
		"metadata/deletionGracePeriodSeconds",
		"metadata/deletionTimestamp",
		"metadata/generation",
		"metadata/managedFields",
		"metadata/name",
		"metadata/namespace",
		"metadata/resourceVersion",
		"metadata/uid",
	};

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (strcmp(own[i], sub) == 0 ||
		    (str_starts(sub, own[i]) && sub[strlen(own[i])] == '/'))
			return 1;
	return 0;
}

int field_is_container(const struct value *v)
{
	return value_is(v, VALUE_MAP) || value_is(v, VALUE_LIST);
}

char *field_sub(const struct node *dir, const char *name)
{
	return *dir->sub ? xasprintf("%s/%s", dir->sub, name) : xstrdup(name);
}

static const struct row row_field_own;

const struct row *field_row(enum row_type type, const char *sub)
{
	if (type == ROW_DIR)
		return &row_field_dir;
	return field_is_systems_own(sub) ? &row_field_own : &row_field_file;
}

struct place field_place(const struct node *dir, enum row_type type, const char *sub)
{
	return (struct place){field_row(type, sub), dir->kind, dir->ns, dir->name, dir->uid, sub};
}

int field_type(struct fs *fs, const struct object *o, const char *sub, enum row_type *type)
{
	struct field_path path;
	struct spot at;
	int found = 1;

	field_path_parse(sub, &path);
	spot_walk(o, &path, &at);
	if (at.value)
		*type = field_is_container(at.value) ? ROW_DIR : ROW_FILE;
	else if (at.schema && at.schema->type == SCHEMA_MAP && path.n) {
		/* a map that the schema knows is there, as long as what it is in is */
		struct spot up;

		free(path.step[--path.n]);
		found = spot_walk(o, &path, &up);
		*type = ROW_DIR;
	} else {
		found = fields_made_get(fs->made, o->uid, sub, type);
	}
	field_path_fini(&path);
	return found;
}

struct node *field_find(struct call *c, struct node *dir, const char *name)
{
	CLEANUP_OBJECT struct object *o = node_get_object(c->fs, dir, &c->err);
	CLEANUP_FREE char *sub = field_sub(dir, name);
	enum row_type type;
	struct place at;

	if (!o || !field_type(c->fs, o, sub, &type))
		return o ? scratch_find(c, dir, name) : NULL;
	at = field_place(dir, type, sub);
	return node_get(dir, name, &at);
}

/* -- listing -- */

struct field_listing {
	struct call *c;
	struct node *dir;
	struct listing *out;
	const struct object *o;
};

static void list_name(struct field_listing *l, const char *name, enum row_type type)
{
	CLEANUP_FREE char *sub = field_sub(l->dir, name);
	struct place at = field_place(l->dir, type, sub);

	if (is_unlisted(sub) || (!*l->dir->sub && row_child(l->c, l->dir, name)))
		return;
	listing_add(l->out, name, type, place_ino(&at));
}

static void list_made(void *arg, const char *name, enum row_type type)
{
	struct field_listing *l = arg;
	CLEANUP_FREE char *key = name_unescape(name);
	struct field_path path;
	struct spot at;

	field_path_parse(l->dir->sub, &path);
	spot_walk(l->o, &path, &at);
	at = spot_child(at, key);
	if (!at.value && !(at.schema && at.schema->type == SCHEMA_MAP))
		list_name(l, name, type);
	field_path_fini(&path);
}

static void list_elements(struct field_listing *l, const struct spot *at)
{
	for (size_t i = 0; i < value_count(at->value); i++) {
		CLEANUP(buf_fini) struct buf name = BUF_INIT;

		element_name(at->value, at->schema, i, &name);
		list_name(l, buf_str(&name),
			  field_is_container(value_at(at->value, i)) ? ROW_DIR : ROW_FILE);
	}
}

static void list_keys(struct field_listing *l, const struct spot *at)
{
	const struct schema *s = at->schema;

	for (size_t i = 0; i < value_count(at->value); i++) {
		CLEANUP(buf_fini) struct buf name = BUF_INIT;

		name_escape(value_key_at(at->value, i), &name);
		list_name(l, buf_str(&name),
			  field_is_container(value_at(at->value, i)) ? ROW_DIR : ROW_FILE);
	}
	for (size_t i = 0; s && s->type == SCHEMA_STRUCT && i < s->n_fields; i++)
		if (s->fields[i].schema->type == SCHEMA_MAP &&
		    !value_get(at->value, s->fields[i].name))
			list_name(l, s->fields[i].name, ROW_DIR);
}

void field_list_top(struct call *c, struct node *dir, struct listing *out)
{
	CLEANUP_OBJECT struct object *o = node_get_object(c->fs, dir, &c->err);
	struct field_listing l = {c, dir, out, o};
	struct field_path path;
	struct spot at;

	if (!o)
		return;
	field_path_parse(dir->sub, &path);
	spot_walk(o, &path, &at);
	if (value_is(at.value, VALUE_LIST))
		list_elements(&l, &at);
	else if (at.value)
		list_keys(&l, &at);
	field_path_fini(&path);
	fields_made_list(c->fs->made, o->uid, dir->sub, list_made, &l);
	scratch_list_into(c, dir, out);
}

/* -- files -- */

static int render_field(struct call *c, const struct node *n, const struct object *o,
			struct buf *out)
{
	struct field_path path;
	struct spot at;
	enum row_type type;
	int rc = 0;

	field_path_parse(n->sub, &path);
	if (spot_walk(o, &path, &at)) {
		if (field_is_container(at.value))
			rc = err_set(&c->err, ESTALE, "%s is a directory now", n->sub);
		else
			field_render(at.value, out);
	} else if (!fields_made_get(c->fs->made, o->uid, n->sub, &type)) {
		rc = err_set(&c->err, ESTALE, "%s is gone", n->sub);
	}
	field_path_fini(&path);
	return rc;
}

static int stat_field_dir(struct call *c, const struct node *n, struct stat *st)
{
	CLEANUP_OBJECT struct object *o = node_get_object(c->fs, n, &c->err);
	enum row_type type;

	(void)st;
	if (!o)
		return -c->err.code;
	if (field_type(c->fs, o, n->sub, &type) && type == ROW_DIR)
		return 0;
	return err_set(&c->err, ESTALE, "%s is gone", n->sub);
}

struct edit_arg {
	const struct kind *kind;
	char *sub, *text; /* owned; text NULL: remove */
	size_t len;
};

static struct value *run_edit(void *arg, struct value *taken, struct err *err)
{
	const struct edit_arg *a = arg;
	struct field_path path;
	struct field_edit edit = {&path, a->text, a->len};

	field_path_parse(a->sub, &path);
	taken = field_edit(taken, a->kind->schema, &edit, err);
	field_path_fini(&path);
	return taken;
}

static void free_edit(void *arg)
{
	struct edit_arg *a = arg;

	free(a->sub);
	free(a->text);
	free(a);
}

void field_add_edit(struct message *m, struct api_batch *b, const char *sub, const char *text,
		    size_t len)
{
	struct api_request *r = message_request(m, API_MUTATE);
	struct edit_arg *a = xcalloc(1, sizeof(*a));

	a->kind = m->node->kind;
	a->sub = xstrdup(sub);
	a->text = text ? xstrndup(text, len) : NULL;
	a->len = len;
	if (strcmp(sub, "spec/replicas") == 0)
		r->flags |= scaling_flag(m->fs, m->who, m->node);
	r->mutate = run_edit;
	r->mutate_arg = a;
	r->mutate_free = free_edit;
	api_batch_add(b, r);
}

void field_submit_edit(struct message *m, const char *sub, const char *text, size_t len)
{
	struct api_batch *b = message_batch(m);

	field_add_edit(m, b, sub, text, len);
	message_submit(m, b);
}

static void field_is_stored(struct message *m)
{
	fields_made_stored(m->fs->made, m->node->uid, m->node->sub);
}

static void act_field(struct call *c, struct message *m)
{
	(void)c;
	m->committed = field_is_stored;
	field_submit_edit(m, m->node->sub, m->text, m->len);
}

const struct row row_field_dir = {
	.name = "<field>/",
	.where = "<object>/",
	.type = ROW_DIR,
	.mode = 0755,
	.flags = ROW_OBJECT | ROW_KEEP,
	.find = field_find,
	.list = field_list_top,
	.names = &field_names,
	.stat = stat_field_dir,
	.reads = "a map or a list: one entry a key; elements of a list under their merge key "
		 "(`containers/nginx`) or index. A `/` in a key is written %2F. Maps that the "
		 "schema knows "
		 "are there even when empty",
	.writes = "a new file sets a key; `mkdir` prepares a map or an element (stored with its "
		  "first "
		  "value); `rm`, `rmdir` and `rm -r` remove a key with everything below it",
	.errors = "EINVAL unknown field or refused; EPERM immutable; EACCES; EISDIR, ENOTDIR the "
		  "field is "
		  "of the other sort",
};
const struct row row_field_file = {
	.name = "<field>",
	.where = "<object>/",
	.type = ROW_FILE,
	.mode = 0644,
	.flags = ROW_OBJECT | ROW_KEEP | ROW_ACT_WRITE,
	.render = render_field,
	.act = act_field,
	.reads = "one value; a newline is added to a text of one line",
	.writes = "the new value, acted upon in write() below 4 KiB, at close above; the newline "
		  "of a text "
		  "of one line is left out",
	.errors = "EINVAL wrong type or refused; EPERM immutable; EACCES; EBUSY conflict",
};
static const struct row row_field_own = {
	.name = "<field of the system>",
	.where = "<object>/",
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_OBJECT | ROW_KEEP,
	.render = render_field,
	.reads = "one value that nobody writes: apiVersion, kind, and of metadata name, namespace, "
		 "uid, "
		 "resourceVersion, generation and the times",
	.errors = "EPERM to whoever writes or removes it",
};
const struct row *const field_rows[] = {&row_field_dir, &row_field_file, &row_field_own, NULL};
