/* SPDX-License-Identifier: MIT */
/*
 * What an object's change means for the watches on its directory and files, said by calls on the
 * own mount: truncate for a change (IN_MODIFY), mkdir and mknod for what is new, rmdir and unlink
 * for what is gone.
 */
#include "fs/notifier_i.h"

#include "fs/changes.h"
#include "fs/dirs.h"
#include "fs/permission.h"

/* The path of a resource's directory, a namespace's, or (name given) an object's. */
static char *path_of(const struct teller *t, const struct kind *k, const char *ns, const char *name)
{
	struct buf path = BUF_INIT;

	buf_addf(&path, "%s/apis/%s/%s/%s", t->n->fs->mountpoint, group_dir(k), k->version,
		 k->plural);
	if (*ns)
		buf_addf(&path, "/%s", ns);
	if (*name)
		buf_addf(&path, "/%s", name);
	return buf_steal(&path);
}

/* -- _index: one call for the changes of many objects -- */

struct index_note {
	struct index_note *next;
	const struct kind *kind;
	char ns[FS_NAME_MAX + 1]; /* "": of all namespaces */
};

static void note_index(struct teller *t, const struct kind *k, const char *ns)
{
	struct index_note *i = t->indexes;

	while (i && !(i->kind == k && strcmp(i->ns, ns) == 0))
		i = i->next;
	if (i || strlen(ns) > FS_NAME_MAX)
		return;
	i = xcalloc(1, sizeof(*i));
	i->kind = k;
	strcpy(i->ns, ns);
	i->next = t->indexes;
	t->indexes = i;
}

static void tell_index(struct teller *t, const struct index_note *i, const struct inode_set *to)
{
	struct place dir = {
		.row = *i->ns ? &row_namespace : &row_collection, .kind = i->kind, .ns = i->ns};
	struct place at = dir;

	at.row = &row_index;
	if (inode_set_has(to, place_ino(&dir)) || inode_set_has(to, place_ino(&at))) {
		CLEANUP_FREE char *path = path_of(t, i->kind, i->ns, "");

		call_modify(t, path, row_index.name);
		call_modify(t, path, row_index_wide.name);
	}
}

void tell_indexes(struct teller *t, const struct inode_set *to)
{
	for (struct index_note *i = STEAL(t->indexes), *next; i; i = next) {
		next = i->next;
		if (to)
			tell_index(t, i, to);
		free(i);
	}
}

/* -- an object's own files -- */

/* Is this a file whose content follows from its object? */
static int is_shown(const struct row *r)
{
	return r->type == ROW_FILE && r->render && (r->flags & ROW_OBJECT) &&
	       !(r->flags & (ROW_HIDDEN | ROW_LIVE));
}

static int differs(const struct row *r, const struct note *note, const char *sub)
{
	return is_shown(r) &&
	       (!r->part || note->now->of || /* what a webhook would show is not known */
		!value_equal(r->part(note->old, sub), r->part(note->now, sub)));
}

/* A watched directory, or a file: of it, or in it, those that changed. */
static void tell_node(const struct telling *g, const struct note *note, const struct node *n)
{
	CLEANUP(buf_fini) struct buf path = BUF_INIT;
	const struct node *dir = n->row->type == ROW_DIR ? n : n->parent;

	notifier_log_asked(g->t->n, dir); /* it may have started */
	buf_addf(&path, "%s/", g->t->n->fs->mountpoint);
	node_path(dir, &path);
	if (n != dir) {
		if (!inode_set_has(g->to, dir->ino) && differs(n->row, note, n->sub))
			call_modify(g->t, buf_str(&path), n->row->name);
		return;
	}
	for (const struct row *const *r = n->row->rows; r && *r; r++)
		if (differs(*r, note, n->sub))
			call_modify(g->t, buf_str(&path), (*r)->name);
}

static void tell_object(const struct telling *g, const struct note *note)
{
	size_t n;
	struct node **list = nodes_of_uid(g->t->n->fs->nodes, g->o->uid, &n);

	for (size_t i = 0; i < n; i++) {
		if (inode_set_has(g->to, list[i]->ino))
			tell_node(g, note, list[i]);
		node_unref(list[i]);
	}
	free(list);
	tell_fields(g, note->old->value, note->now->value);
}

/* An Event is also a line in `events` and in `describe` of what it is about. */
static void tell_event(struct teller *t, const struct inode_set *to, const struct object *event)
{
	static const struct row *const rows[] = {&row_events, &row_describe};
	CLEANUP_OBJECT struct object *about = object_of_event(t->n->fs->store, event);
	CLEANUP_FREE char *dir = NULL;

	if (!about)
		return;
	struct telling g = {t, to, about, NULL};
	struct place own = object_place(about, &row_object, "");

	dir = path_of(t, about->kind, about->ns, about->name);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct place at = object_place(about, rows[i], "");

		if (is_watched(&g, &own) || is_watched(&g, &at))
			call_modify(t, dir, rows[i]->name);
	}
}

/* -- directories -- */

/* It is listed in its namespace's, or its resource's. Gone, it takes along what is watched in it.
 */
static void tell_name(const struct telling *g, enum action action)
{
	const struct object *o = g->o;
	struct place in = {
		.row = *o->ns ? &row_namespace : &row_collection, .kind = o->kind, .ns = o->ns};
	struct place own = object_place(o, &row_object, "");
	CLEANUP_FREE char *path = path_of(g->t, o->kind, o->ns, "");

	if (action == ACTION_REMOVE)
		remove_below(g, "");
	if (is_told(g->to, &in, &own, action))
		call_act(g->t, action, path, o->name, &own);
}

/* A namespace has a directory in each collection. Where somebody may look who may not see them all,
 * nobody is told: a watch cannot be asked whose it is. */
static void tell_namespace(struct teller *t, const struct inode_set *to, const char *ns,
			   enum action action)
{
	if (strcmp(ns, "default") == 0)
		return; /* always there */
	for (size_t i = 0; i < kinds_count(); i++) {
		const struct kind *k = kind_at(i);
		struct place in = {.row = &row_collection, .kind = k};
		struct place own = {.row = &row_namespace, .kind = k, .ns = ns};

		if (!(k->flags & KIND_NAMESPACED) || !is_told(to, &in, &own, action) ||
		    permission_names_private(t->n->fs, k, ""))
			continue;
		CLEANUP_FREE char *path = path_of(t, k, "", "");

		call_act(t, action, path, ns, &own);
	}
}

static void set_ghost(struct teller *t, const struct object *o)
{
	pthread_mutex_lock(&t->doing);
	t->ghost = o;
	pthread_mutex_unlock(&t->doing);
}

static void tell_action(const struct telling *g, enum action action)
{
	tell_name(g, action);
	if (strcmp(g->o->kind->kind, "Namespace") == 0)
		tell_namespace(g->t, g->to, g->o->name, action);
}

void tell_note(struct teller *t, const struct note *note, const struct inode_set *to)
{
	const struct object *o = note->now ? note->now : note->old ? note->old : note->passed;
	struct telling g = {t, to, o, NULL};

	if (!to->n)
		return;
	g.dir = path_of(t, o->kind, o->ns, o->name);
	note_index(t, o->kind, o->ns);
	note_index(t, o->kind, "");
	if (!note->now)
		set_ghost(t, o);
	if (!note->old)
		tell_action(&g, ACTION_MAKE);
	if (!note->now)
		tell_action(&g, ACTION_REMOVE);
	set_ghost(t, NULL);
	if (note->old && note->now)
		tell_object(&g, note);
	if (strcmp(o->kind->kind, "Event") == 0)
		tell_event(t, to, o);
	free(g.dir);
}

/* -- changes that were not seen -- */

static void tell_dir(struct teller *t, const struct node *n, const char *path)
{
	for (const struct row *const *r = n->row->rows; r && *r; r++)
		if ((*r)->type == ROW_FILE && (*r)->render &&
		    !((*r)->flags & (ROW_HIDDEN | ROW_FIXED)))
			call_modify(t, path, (*r)->name);
}

void tell_all(struct teller *t)
{
	for (size_t i = 0; i < t->watched.n; i++) {
		CLEANUP(buf_fini) struct buf path = BUF_INIT;
		struct node *n = node_by_ino(t->n->fs->nodes, t->watched.list[i]);

		if (!n)
			continue;
		buf_addf(&path, "%s/", t->n->fs->mountpoint);
		node_path(n->row->type == ROW_DIR || !n->parent ? n : n->parent, &path);
		if (n->row->type == ROW_DIR)
			tell_dir(t, n, buf_str(&path));
		else if (n->row->type == ROW_FILE)
			call_modify(t, buf_str(&path), n->fname);
		node_unref(n);
	}
}
