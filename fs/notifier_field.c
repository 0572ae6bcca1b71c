/* SPDX-License-Identifier: MIT */
/* What became of an object's fields, for the watches on their files and directories. */
#include "fs/dirs.h"
#include "fs/escape.h"
#include "fs/field_path.h"
#include "fs/notifier_i.h"

/* -- what is gone takes along what is watched in it -- */

static int depth(const struct node *n)
{
	int d = 0;

	for (; n->parent; n = n->parent)
		d++;
	return d;
}

static int deepest_first(const void *a, const void *b)
{
	return depth(*(struct node *const *)b) - depth(*(struct node *const *)a);
}

static int is_below(const struct node *n, const char *sub)
{
	size_t len = strlen(sub);

	if (n->row == &row_object)
		return 0;
	return !len || (str_starts(n->sub, sub) && n->sub[len] == '/');
}

static void remove_node(const struct telling *g, const struct node *n)
{
	struct place at = {n->row, n->kind, n->ns, n->name, n->uid, n->sub};
	CLEANUP(buf_fini) struct buf dir = BUF_INIT;

	buf_addf(&dir, "%s/", g->t->n->fs->mountpoint);
	node_path(n->parent, &dir);
	call_act(g->t, ACTION_REMOVE, buf_str(&dir), n->fname, &at);
}

/* Else such a watch would hold its inode, and that us a node, as long as its process runs. */
void remove_below(const struct telling *g, const char *sub)
{
	struct nodes *all = g->t->n->fs->nodes;
	size_t n;
	struct node **list = nodes_of_uid(all, g->o->uid, &n);

	if (n > 1)
		qsort(list, n, sizeof(struct node *), deepest_first);
	for (size_t i = 0; i < n; i++) {
		if (is_below(list[i], sub) && inode_set_has(g->to, list[i]->ino))
			remove_node(g, list[i]);
		node_unref(list[i]);
	}
	free(list);
}

/* -- differences -- */

static void diff(const struct telling *g, const struct value *old, const struct value *now,
		 const struct schema *s, const char *sub);

static int is_dir_value(const struct value *v)
{
	return value_is(v, VALUE_MAP) || value_is(v, VALUE_LIST);
}

/* One field that is not what it was. */
static void diff_field(const struct telling *g, const struct value *old, const struct value *now,
		       const struct schema *s, const char *sub, const char *name)
{
	CLEANUP_FREE char *below = *sub ? xasprintf("%s/%s", sub, name) : xstrdup(name);
	CLEANUP_FREE char *dir_path = *sub ? xasprintf("%s/%s", g->dir, sub) : xstrdup(g->dir);
	struct place dir = object_place(g->o, *sub ? &row_field_dir : &row_object, sub);
	struct place at = object_place(g->o, field_row(ROW_FILE, below), below);

	if (strcmp(below, "metadata/managedFields") == 0)
		return; /* not listed */
	if (is_dir_value(old ? old : now))
		at.row = &row_field_dir;
	if ((!old || !now) && s && s->type == SCHEMA_MAP) {
		diff(g, old, now, s, below); /* such a map is there even when empty */
	} else if (!old || !now) {
		if (old && is_dir_value(old))
			remove_below(g, below);
		if (is_told(g->to, &dir, &at, now ? ACTION_MAKE : ACTION_REMOVE))
			call_act(g->t, now ? ACTION_MAKE : ACTION_REMOVE, dir_path, name, &at);
	} else if (is_dir_value(old) && is_dir_value(now)) {
		diff(g, old, now, s, below);
	} else if (is_watched(g, &dir) || is_watched(g, &at)) {
		call_modify(g->t, dir_path, name);
	}
}

static void diff_maps(const struct telling *g, const struct value *old, const struct value *now,
		      const struct schema *s, const char *sub)
{
	for (size_t i = 0; i < value_count(old); i++) {
		const char *key = value_key_at(old, i);
		const struct value *then = value_at(old, i), *is = value_get(now, key);
		CLEANUP(buf_fini) struct buf name = BUF_INIT;

		if (then == is || (is && value_equal(then, is)))
			continue;
		name_escape(key, &name);
		diff_field(g, then, is, s ? schema_child(s, key) : NULL, sub, buf_str(&name));
	}
	for (size_t i = 0; i < value_count(now); i++) {
		const char *key = value_key_at(now, i);
		CLEANUP(buf_fini) struct buf name = BUF_INIT;

		if (value_get(old, key))
			continue;
		name_escape(key, &name);
		diff_field(g, NULL, value_at(now, i), s ? schema_child(s, key) : NULL, sub,
			   buf_str(&name));
	}
}

static void diff_lists(const struct telling *g, const struct value *old, const struct value *now,
		       const struct schema *s, const char *sub)
{
	for (size_t i = 0; i < value_count(old); i++) {
		CLEANUP(buf_fini) struct buf name = BUF_INIT;
		size_t j;

		element_name(old, s, i, &name);
		j = element_find(now, s, buf_str(&name));
		if (j == value_count(now) || !value_equal(value_at(old, i), value_at(now, j)))
			diff_field(g, value_at(old, i),
				   j < value_count(now) ? value_at(now, j) : NULL,
				   s ? s->items : NULL, sub, buf_str(&name));
	}
	for (size_t i = 0; i < value_count(now); i++) {
		CLEANUP(buf_fini) struct buf name = BUF_INIT;

		element_name(now, s, i, &name);
		if (element_find(old, s, buf_str(&name)) == value_count(old))
			diff_field(g, NULL, value_at(now, i), s ? s->items : NULL, sub,
				   buf_str(&name));
	}
}

static void diff(const struct telling *g, const struct value *old, const struct value *now,
		 const struct schema *s, const char *sub)
{
	if (strcmp(sub, "status") == 0)
		return; /* a file */
	if (value_is(old, VALUE_LIST) && value_is(now, VALUE_LIST))
		diff_lists(g, old, now, s, sub);
	else
		diff_maps(g, old, now, s, sub);
}

void tell_fields(const struct telling *g, const struct value *old, const struct value *now)
{
	diff(g, old, now, g->o->kind->schema, "");
}
