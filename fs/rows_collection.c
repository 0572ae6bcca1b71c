/* SPDX-License-Identifier: MIT */
/* A resource's directory, and a namespace's in it: objects, manifests, _index, selections. */
#include <errno.h>

#include "fs/attr.h"
#include "fs/detour.h"
#include "fs/dirs.h"
#include "fs/escape.h"
#include "fs/manifest_files.h"
#include "fs/permission.h"
#include "fs/reply.h"
#include "fs/verbs.h"
#include "objects/print.h"
#include "objects/selection.h"

static int is_namespaced(const struct kind *k)
{
	return (k->flags & KIND_NAMESPACED) != 0;
}

/* Of a resource's directory: all namespaces; of a namespace's: that one. */
static const char *ns_of_list(const struct node *dir)
{
	return *dir->ns ? dir->ns : NULL;
}

static const struct kind *namespace_kind(void)
{
	return kind_find("", "v1", "namespaces");
}

int namespace_exists(struct fs *fs, const struct kind *k, const char *ns)
{
	struct object *o;

	if (strcmp(ns, "default") == 0)
		return 1;
	o = store_get(fs->store, (struct objkey){namespace_kind(), "", ns});
	object_unref(o);
	return o != NULL || store_has_any(fs->store, k, ns);
}

/* -- files -- */

static int print_index(struct call *c, const struct node *n, int wide, struct buf *out)
{
	struct object_list list;
	int rc;

	store_list(c->fs->store, n->kind, ns_of_list(n), &list);
	rc = objects_make_whole(c->fs, list.list, list.n, &c->err);
	if (rc == 0)
		print_table(n->kind, &list, is_namespaced(n->kind) && !*n->ns, wide, out);
	object_list_fini(&list);
	return rc;
}

static int render_index(struct call *c, const struct node *n, const struct object *o,
			struct buf *out)
{
	(void)o;
	return print_index(c, n, 0, out);
}

static int render_index_wide(struct call *c, const struct node *n, const struct object *o,
			     struct buf *out)
{
	(void)o;
	return print_index(c, n, 1, out);
}

static int render_schema(struct call *c, const struct node *n, const struct object *o,
			 struct buf *out)
{
	(void)c;
	(void)o;
	schema_render_fields(n->kind, out);
	return 0;
}

static int render_collection_ctl(struct call *c, const struct node *n, const struct object *o,
				 struct buf *out)
{
	(void)c;
	(void)o;
	verbs_usage(collection_verbs, n->kind, out);
	return 0;
}

static void act_on_collection(void *arg)
{
	verbs_act(arg, collection_verbs);
}

/* What a selector of fields selects may have to be asked of a webhook. */
static void act_collection_ctl(struct call *c, struct message *m)
{
	if (m->node->kind->home->conversion && !detour_may_wait())
		detour_run(c->fs, act_on_collection, m);
	else
		verbs_act(m, collection_verbs);
}

const struct row row_index = {
	.name = "_index",
	.where = "<resource>/",
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_TIMED,
	.render = render_index,
	.reads =
		"a table as `kubectl get` prints it: a header line, then one object a line; at the "
		"resource level of all namespaces",
};
const struct row row_index_wide = {
	.name = "_index.wide",
	.where = "<resource>/",
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_TIMED,
	.render = render_index_wide,
	.reads = "the same with more columns, as `kubectl get -o wide`",
};
const struct row row_schema = {
	.name = "_schema",
	.where = "<resource>/",
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_FIXED | ROW_PUBLIC,
	.render = render_schema,
	.reads = "one line a field: path, type, `selectable=` and its name in selections, "
		 "default, `required`, allowed values; what is stored but not acted upon says so",
};
static const struct row row_collection_ctl = {
	.name = "_ctl",
	.where = "<resource>/",
	.type = ROW_FILE,
	.mode = 0600,
	.flags = ROW_FIXED | ROW_ACT_WRITE | ROW_COMMANDS,
	.render = render_collection_ctl,
	.act = act_collection_ctl,
	.read_as = "list|delete|deletecollection",
	.write_as = "delete|deletecollection",
	.reads = "the verbs, their usage, and the names of the files that block",
	.writes = "one command a line: `delete NAME...`, `delete -l SELECTOR`, `delete "
		  "--field-selector=FIELDS` (both narrow it together); all lines of a write happen "
		  "or "
		  "none",
	.errors = "EINVAL no such verb or a bad selector; ENOENT no such object; EACCES forbidden",
};

/* -- @<selector>/ -- */

/* "<name>", or "<namespace>.<name>" where the directory spans namespaces. */
static void selected_name(const struct node *dir, const struct object *o, struct buf *out)
{
	if (*o->ns && !*dir->ns)
		buf_addf(out, "%s.", o->ns);
	buf_adds(out, o->name);
}

static int render_selected(struct call *c, const struct node *n, const struct object *o,
			   struct buf *out)
{
	(void)c;
	(void)o;
	if (*n->ns && str_starts(n->fname, n->ns) && n->fname[strlen(n->ns)] == '.' &&
	    !*n->parent->ns)
		buf_addf(out, "../%s/%s", n->ns, n->name);
	else
		buf_addf(out, "../%s", n->name);
	return 0;
}

static const struct row row_selected = {
	.name = "<object>",
	.where = "<resource>/@<selector>/",
	.type = ROW_LINK,
	.mode = 0777,
	.render = render_selected,
	.reads = "a link to an object that the selector matches; across namespaces it is called "
		 "`<namespace>.<name>`",
};

static struct selection *selection_of(struct call *c, const struct node *dir)
{
	CLEANUP_FREE char *text = name_unescape(dir->sub);

	return selection_parse(dir->kind, text, &c->err);
}

/* A link of the resource's directory is another one than that of the namespace's. */
static char *selected_sub(const struct node *dir)
{
	return xasprintf("%s@%s", dir->ns, dir->sub);
}

static struct place selected_place(const struct node *dir, const struct object *o, const char *sub)
{
	return (struct place){
		.row = &row_selected, .kind = dir->kind, .ns = o->ns, .name = o->name, .sub = sub};
}

static void list_selected(struct call *c, struct node *dir, struct listing *out)
{
	CLEANUP(selection_freep) struct selection *s = selection_of(c, dir);
	CLEANUP_FREE char *sub = selected_sub(dir);
	struct object_list list;

	if (!s)
		return;
	store_list(c->fs->store, dir->kind, ns_of_list(dir), &list);
	if (selection_reads_content(s) &&
	    objects_make_whole(c->fs, list.list, list.n, &c->err) < 0) {
		c->err.code = EIO; /* of the listing: whatever it was */
		object_list_fini(&list);
		return;
	}
	for (size_t i = 0; i < list.n; i++) {
		CLEANUP(buf_fini) struct buf name = BUF_INIT;
		struct place at = selected_place(dir, list.list[i], sub);

		if (!selection_matches(s, list.list[i]->value))
			continue;
		selected_name(dir, list.list[i], &name);
		listing_add(out, buf_str(&name), ROW_LINK, place_ino(&at));
	}
	object_list_fini(&list);
}

static struct node *find_selected(struct call *c, struct node *dir, const char *name)
{
	CLEANUP(selection_freep) struct selection *s = selection_of(c, dir);
	CLEANUP_FREE char *ns = xstrdup(dir->ns), *sub = selected_sub(dir);
	CLEANUP_OBJECT struct object *o = NULL;
	const char *dot = strchr(name, '.');
	const char *object = name;
	struct place at;

	if (!s || call_may(c, dir, "list") < 0)
		return NULL;
	if (!*dir->ns && is_namespaced(dir->kind)) {
		if (!dot)
			return NULL;
		free(ns);
		ns = xstrndup(name, (size_t)(dot - name));
		object = dot + 1;
	}
	o = store_get(c->fs->store, (struct objkey){dir->kind, ns, object});
	if (!o || (selection_reads_content(s) && objects_make_whole(c->fs, &o, 1, &c->err) < 0) ||
	    !selection_matches(s, o->value))
		return NULL;
	at = selected_place(dir, o, sub);
	return node_get(dir, name, &at);
}

static const struct row *const selection_rows[] = {&row_watch, &row_watch_json, NULL};

static const struct row row_selection = {
	.name = "@<selector>",
	.where = "<resource>/",
	.type = ROW_DIR,
	.mode = 0755,
	.flags = ROW_LIVE | ROW_HIDDEN,
	.rows = selection_rows,
	.find = find_selected,
	.list = list_selected,
	.reads = "links to the objects that match a label selector: `@app=nginx,tier!=db`, `@env "
		 "in (a,b)`; "
		 "a slash in a key is written %2F. A term that begins with a dot is about a field, "
		 "as kubectl's --field-selector: `@.status.phase!=Running,app=nginx`; every kind "
		 "has `.metadata.name`, what is in a namespace `.metadata.namespace`, and besides "
		 "what `_schema` calls `selectable`",
	.errors = "EINVAL the selector does not parse, or the kind lets no such field be selected",
};

int reads_objects(const struct node *n)
{
	CLEANUP_FREE char *text = n->row == &row_selection ? name_unescape(n->sub) : NULL;
	CLEANUP(selection_freep)
	struct selection *s = text ? selection_parse(n->kind, text, NULL) : NULL;

	return n->row->render != NULL || selection_reads_content(s);
}

static struct node *find_selection(struct call *c, struct node *dir, const char *name)
{
	CLEANUP_FREE char *text = name_unescape(name + 1);
	struct selection *s = selection_parse(dir->kind, text, &c->err);

	if (!s) {
		CLEANUP_FREE char *path = path_below(dir, name);

		note_refusal(c->fs, call_who(c), path, c->err.msg);
		return NULL;
	}
	selection_free(s);
	if (call_may(c, dir, "list") < 0)
		return NULL;
	return node_get(
		dir, name,
		&(struct place){
			.row = &row_selection, .kind = dir->kind, .ns = dir->ns, .sub = name + 1});
}

/* -- directories -- */

struct node *object_node(struct node *dir, const struct object *o)
{
	return node_get(dir, o->name,
			&(struct place){.row = &row_object,
					.kind = o->kind,
					.ns = o->ns,
					.name = o->name,
					.uid = o->uid});
}

/* What he may not see is not there, and is not looked for, so that a refusal takes as long as any.
 */
static struct node *find_object(struct call *c, struct node *dir, const char *name)
{
	CLEANUP_OBJECT struct object *o = NULL;

	if (permission_names_private(c->fs, dir->kind, dir->ns) &&
	    !call_sees(c, dir->kind, dir->ns, name))
		return NULL;
	o = store_get(c->fs->store, (struct objkey){dir->kind, dir->ns, name});
	return o ? object_node(dir, o) : NULL;
}

static struct node *find_namespace(struct call *c, struct node *dir, const char *name)
{
	if (!call_sees(c, dir->kind, name, NULL) || !namespace_exists(c->fs, dir->kind, name))
		return NULL;
	return node_get(dir, name,
			&(struct place){.row = &row_namespace, .kind = dir->kind, .ns = name});
}

static struct node *find_in_collection(struct call *c, struct node *dir, const char *name)
{
	struct node *n = NULL;

	if (name[0] == '@')
		return find_selection(c, dir, name);
	if (name[0] == '_')
		return NULL;
	if (!manifest_is_name(name))
		n = *dir->ns || !is_namespaced(dir->kind) ? find_object(c, dir, name)
							  : find_namespace(c, dir, name);
	if (!n)
		n = manifest_find(c, dir, name);
	/* an object may be called x.yaml: then its manifest's name has gone before it */
	if (!n && manifest_is_name(name) && (*dir->ns || !is_namespaced(dir->kind)))
		n = find_object(c, dir, name);
	return n;
}

/* In the order in which find_in_collection() looks: a manifest before an object of its name. */
static void list_objects(struct call *c, struct node *dir, struct listing *out)
{
	struct object_list list;

	store_list(c->fs->store, dir->kind, ns_of_list(dir), &list);
	for (int like_manifests = 0; like_manifests < 2; like_manifests++) {
		for (size_t i = 0; i < list.n; i++) {
			const struct object *o = list.list[i];
			struct place at = {.row = &row_object, .kind = o->kind, .uid = o->uid};

			if (manifest_is_name(o->name) == like_manifests)
				listing_add(out, o->name, ROW_DIR, place_ino(&at));
		}
		if (!like_manifests)
			manifest_list_into(c, dir, out);
	}
	object_list_fini(&list);
}

static void list_namespaces(struct call *c, struct node *dir, struct listing *out)
{
	struct object_list list;
	int has_default = 0;
	struct place at = {.row = &row_namespace, .kind = dir->kind};

	store_list(c->fs->store, namespace_kind(), NULL, &list);
	for (size_t i = 0; i < list.n; i++) {
		at.ns = list.list[i]->name;
		has_default |= strcmp(at.ns, "default") == 0;
		if (call_sees(c, dir->kind, at.ns, NULL))
			listing_add(out, at.ns, ROW_DIR, place_ino(&at));
	}
	object_list_fini(&list);
	at.ns = "default";
	if (!has_default && call_sees(c, dir->kind, at.ns, NULL))
		listing_add(out, at.ns, ROW_DIR, place_ino(&at));
	manifest_list_into(c, dir, out);
}

static void list_collection(struct call *c, struct node *dir, struct listing *out)
{
	if (*dir->ns || !is_namespaced(dir->kind))
		list_objects(c, dir, out);
	else
		list_namespaces(c, dir, out);
}

/* A namespace's directory goes with the namespace. */
static int stat_namespace(struct call *c, const struct node *n, struct stat *st)
{
	if (namespace_exists(c->fs, n->kind, n->ns))
		return stat_names(c, n, st);
	return err_set(&c->err, ESTALE, "namespace \"%s\" is gone", n->ns);
}

static const struct row *const rows[] = {
	&row_index, &row_index_wide, &row_schema, &row_collection_ctl,
	&row_watch, &row_watch_json, NULL,
};
static const struct row *const rows_of_namespace[] = {
	&row_index, &row_index_wide, &row_collection_ctl, &row_watch, &row_watch_json, NULL,
};
const struct row *const *const collection_rows = rows;
const struct row *const found_in_collection[] = {&row_collection, &row_namespace, &row_selection,
						 &row_selected, NULL};

const struct row row_collection = {
	.name = "<resource>",
	.where = "apis/<group>/<version>/",
	.type = ROW_DIR,
	.mode = 0755,
	.flags = ROW_KEEP,
	.rows = rows,
	.find = find_in_collection,
	.list = list_collection,
	.names = &collection_names,
	.stat = stat_names,
	.reads = "the namespaces (or, of a cluster-scoped resource, the objects) and the manifests "
		 "that "
		 "were written here",
	.writes =
		"a manifest under a name ending in .yaml, .yml or .json; `mkdir` of an object of a "
		"cluster-scoped resource creates it (a Namespace), `rmdir` deletes it",
	.errors = "EINVAL refused manifest (EBADMSG from rename); EACCES forbidden; EPERM a name "
		  "that "
		  "cannot be used; EFBIG over 3 MiB",
};
const struct row row_namespace = {
	.name = "<namespace>",
	.where = "<resource>/",
	.type = ROW_DIR,
	.mode = 0755,
	.flags = ROW_KEEP,
	.rows = rows_of_namespace,
	.find = find_in_collection,
	.list = list_collection,
	.names = &collection_names,
	.stat = stat_namespace,
	.reads = "the objects of the namespace and the manifests that were written here",
	.writes = "as in the resource's directory; `rmdir` of an object's directory deletes the "
		  "object",
	.errors = "as in the resource's directory",
};
