/* SPDX-License-Identifier: MIT */
/*
 * What an object's change means for the watches on its directory, its files and its
 * fields, said by calls on the own mount: truncate for a change (IN_MODIFY), mkdir and
 * mknod for what is new, rmdir and unlink for what is gone.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/dirs.h"
#include "fs/escape.h"
#include "fs/field_path.h"
#include "fs/notifier_i.h"
#include "util/log.h"

/* -- calls on the own mount -- */

/* The path of a resource's directory, a namespace's, or (o given) an object's. */
static char *path_of(const struct notifier *n, const struct kind *k, const char *ns,
		     const char *name)
{
	struct buf path = BUF_INIT;

	buf_addf(&path, "%s/apis/%s/%s/%s", n->fs->mountpoint, group_dir(k), k->version, k->plural);
	if (*ns)
		buf_addf(&path, "/%s", ns);
	if (*name)
		buf_addf(&path, "/%s", name);
	return buf_steal(&path);
}

static void tell_modified(const char *dir, const char *name)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);

	if (truncate(path, 0) < 0 && errno != ENOENT && errno != ESTALE)
		log_debug("inotify: %s: %m", path);
}

static void act(struct notifier *n, enum action action, const char *dir, const char *name,
		const struct place *at)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
	int is_dir = at->row->type == ROW_DIR, rc;

	if (strlen(name) > FS_NAME_MAX)
		return;
	strcpy(n->name, name);
	n->place = *at;
	n->action = action;
	if (action == ACTION_MAKE)
		rc = is_dir ? mkdir(path, 0755) : mknod(path, S_IFREG | 0644, 0);
	else
		rc = is_dir ? rmdir(path) : unlink(path);
	n->action = ACTION_NONE;
	if (rc < 0)
		log_debug("inotify: %s: %m", path);
}

/* -- what an object's change means for watches -- */

struct telling {
	struct notifier *n;
	const struct inode_set *to;
	const struct object *o; /* what the places are about */
	char *dir;              /* path of the object's directory */
};

static int is_watched(const struct telling *t, const struct place *at)
{
	return inode_set_has(t->to, place_ino(at));
}

/* A fixed file of a directory, if it or its directory is watched. */
static void tell_file(const struct telling *t, const struct row *const *rows,
		      const struct place *dir, const char *path, const char *name)
{
	for (; *rows; rows++) {
		struct place at = *dir;

		at.row = *rows;
		if (strcmp((*rows)->name, name) != 0)
			continue;
		if (is_watched(t, dir) || is_watched(t, &at))
			tell_modified(path, name);
		return;
	}
}

static struct place object_place(const struct object *o, const struct row *row, const char *sub)
{
	return (struct place){row, o->kind, o->ns, o->name, o->uid, sub};
}

static void diff(const struct telling *t, const struct value *old, const struct value *now,
		 const struct schema *s, const char *sub);

static int is_dir_value(const struct value *v)
{
	return value_is(v, VALUE_MAP) || value_is(v, VALUE_LIST);
}

/* One field that is not what it was. */
static void diff_field(const struct telling *t, const struct value *old, const struct value *now,
		       const struct schema *s, const char *sub, const char *name)
{
	CLEANUP_FREE char *below = *sub ? xasprintf("%s/%s", sub, name) : xstrdup(name);
	CLEANUP_FREE char *dir_path = *sub ? xasprintf("%s/%s", t->dir, sub) : xstrdup(t->dir);
	struct place dir = object_place(t->o, *sub ? &row_field_dir : &row_object, sub);
	struct place at = object_place(t->o, field_row(ROW_FILE, below), below);

	if (strcmp(below, "metadata/managedFields") == 0)
		return; /* not listed */
	if (is_dir_value(old ? old : now))
		at.row = &row_field_dir;
	if ((!old || !now) && s && s->type == SCHEMA_MAP) {
		diff(t, old, now, s, below); /* such a map is there even when empty */
	} else if (!old || !now) {
		if (is_watched(t, &dir) || is_watched(t, &at))
			act(t->n, now ? ACTION_MAKE : ACTION_REMOVE, dir_path, name, &at);
	} else if (is_dir_value(old) && is_dir_value(now)) {
		diff(t, old, now, s, below);
	} else if (is_watched(t, &dir) || is_watched(t, &at)) {
		tell_modified(dir_path, name);
	}
}

static void diff_maps(const struct telling *t, const struct value *old, const struct value *now,
		      const struct schema *s, const char *sub)
{
	for (size_t i = 0; i < value_count(old); i++) {
		const char *key = value_key_at(old, i);
		const struct value *then = value_at(old, i), *is = value_get(now, key);
		CLEANUP(buf_fini) struct buf name = BUF_INIT;

		if (then == is || (is && value_equal(then, is)))
			continue;
		name_escape(key, &name);
		diff_field(t, then, is, s ? schema_child(s, key) : NULL, sub, buf_str(&name));
	}
	for (size_t i = 0; i < value_count(now); i++) {
		const char *key = value_key_at(now, i);
		CLEANUP(buf_fini) struct buf name = BUF_INIT;

		if (value_get(old, key))
			continue;
		name_escape(key, &name);
		diff_field(t, NULL, value_at(now, i), s ? schema_child(s, key) : NULL, sub,
			   buf_str(&name));
	}
}

static void diff_lists(const struct telling *t, const struct value *old, const struct value *now,
		       const struct schema *s, const char *sub)
{
	for (size_t i = 0; i < value_count(old); i++) {
		CLEANUP(buf_fini) struct buf name = BUF_INIT;
		size_t j;

		element_name(old, s, i, &name);
		j = element_find(now, s, buf_str(&name));
		if (j == value_count(now) || !value_equal(value_at(old, i), value_at(now, j)))
			diff_field(t, value_at(old, i),
				   j < value_count(now) ? value_at(now, j) : NULL,
				   s ? s->items : NULL, sub, buf_str(&name));
	}
	for (size_t i = 0; i < value_count(now); i++) {
		CLEANUP(buf_fini) struct buf name = BUF_INIT;

		element_name(now, s, i, &name);
		if (element_find(old, s, buf_str(&name)) == value_count(old))
			diff_field(t, NULL, value_at(now, i), s ? s->items : NULL, sub,
				   buf_str(&name));
	}
}

static void diff(const struct telling *t, const struct value *old, const struct value *now,
		 const struct schema *s, const char *sub)
{
	if (strcmp(sub, "status") == 0)
		return; /* a file */
	if (value_is(old, VALUE_LIST) && value_is(now, VALUE_LIST))
		diff_lists(t, old, now, s, sub);
	else
		diff_maps(t, old, now, s, sub);
}

static void tell_object(const struct telling *t, const struct note *note)
{
	struct place dir = object_place(t->o, &row_object, "");
	const struct value *was = value_get(note->old->value, "status");
	const struct value *is = value_get(note->now->value, "status");

	tell_file(t, object_rows, &dir, t->dir, "object.yaml");
	tell_file(t, object_rows, &dir, t->dir, "object.json");
	if (was != is && !(was && is && value_equal(was, is)))
		tell_file(t, object_rows, &dir, t->dir, "status");
	diff(t, note->old->value, note->now->value, t->o->kind->schema, "");
}

/* An Event is also a line in `events` of what it is about. */
static void tell_event(struct notifier *n, const struct inode_set *to, const struct object *event)
{
	const char *uid = uid_of_event_object(event);
	struct object *about = uid ? store_get_uid(n->fs->store, uid) : NULL;

	if (!about)
		return;
	struct telling t = {n, to, about, path_of(n, about->kind, about->ns, about->name)};
	struct place dir = object_place(about, &row_object, "");

	tell_file(&t, object_rows, &dir, t.dir, "events");
	free(t.dir);
	object_unref(about);
}

/* The directories that it is listed in, and their _index. */
static void tell_dirs(const struct telling *t, const struct note *note)
{
	const struct object *o = t->o;
	struct place all = {.row = &row_collection, .kind = o->kind};
	struct place ns = {.row = &row_namespace, .kind = o->kind, .ns = o->ns};
	struct place own = object_place(o, &row_object, "");
	const struct place *in = *o->ns ? &ns : &all;
	CLEANUP_FREE char *all_path = path_of(t->n, o->kind, "", "");
	CLEANUP_FREE char *in_path = path_of(t->n, o->kind, o->ns, "");

	if ((!note->old || !note->now) && (is_watched(t, in) || is_watched(t, &own)))
		act(t->n, note->now ? ACTION_MAKE : ACTION_REMOVE, in_path, o->name, &own);
	tell_file(t, collection_rows, &all, all_path, "_index");
	if (*o->ns)
		tell_file(t, collection_rows, &ns, in_path, "_index");
}

void notifier_tell(struct notifier *n, const struct note *note, const struct inode_set *to)
{
	const struct object *o = note->now ? note->now : note->old;
	struct telling t = {n, to, o, NULL};

	if (!to->n)
		return;
	t.dir = path_of(n, o->kind, o->ns, o->name);
	tell_dirs(&t, note);
	if (note->old && note->now)
		tell_object(&t, note);
	if (note->now && strcmp(o->kind->kind, "Event") == 0)
		tell_event(n, to, o);
	free(t.dir);
}
