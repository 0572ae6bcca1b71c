/* SPDX-License-Identifier: MIT */
/* apis/ and api/: groups, their versions, the resources in these, and the table of all resources.
 */
#include <string.h>

#include "fs/dirs.h"
#include "objects/print.h"

const char *group_dir(const struct kind *k)
{
	return *k->group ? k->group : "core";
}

/* -- api/ -- */

static int render_core_link(struct call *c, const struct node *n, const struct object *o,
			    struct buf *out)
{
	(void)c;
	(void)n;
	(void)o;
	buf_adds(out, "../apis/core/v1");
	return 0;
}

const struct row row_core_link = {
	.name = "v1",
	.where = "api/",
	.type = ROW_LINK,
	.mode = 0777,
	.flags = ROW_FIXED,
	.render = render_core_link,
	.reads = "a link to apis/core/v1, as the core group is called elsewhere",
};
static const struct row *const api_rows[] = {&row_core_link, NULL};

/* -- apis/<group>/<version>/ -- */

/* What is not stored is there if it is answered. */
static int is_served(const struct kind *k)
{
	return !(k->flags & KIND_VIRTUAL) || api_review_kind(k, NULL);
}

static struct place resource_place(const struct kind *k)
{
	return (struct place){.row = k->flags & KIND_VIRTUAL ? &row_review_collection
							     : &row_collection,
			      .kind = k};
}

/* Is there a kind in this group (and version)? version NULL: any. */
static const struct kind *any_kind(const char *group, const char *version)
{
	for (size_t i = 0; i < kinds_count(); i++) {
		const struct kind *k = kind_at(i);

		if (is_served(k) && strcmp(group_dir(k), group) == 0 &&
		    (!version || strcmp(k->version, version) == 0))
			return k;
	}
	return NULL;
}

static struct node *find_resource(struct call *c, struct node *dir, const char *name)
{
	(void)c;
	for (size_t i = 0; i < kinds_count(); i++) {
		const struct kind *k = kind_at(i);
		struct place at = resource_place(k);

		if (is_served(k) && strcmp(k->plural, name) == 0 &&
		    strcmp(group_dir(k), group_dir(dir->kind)) == 0 &&
		    strcmp(k->version, dir->sub) == 0)
			return node_get(dir, name, &at);
	}
	return NULL;
}

static void list_resources(struct call *c, struct node *dir, struct listing *out)
{
	(void)c;
	for (size_t i = 0; i < kinds_count(); i++) {
		const struct kind *k = kind_at(i);
		struct place at = resource_place(k);

		if (is_served(k) && strcmp(group_dir(k), group_dir(dir->kind)) == 0 &&
		    strcmp(k->version, dir->sub) == 0)
			listing_add(out, k->plural, ROW_DIR, place_ino(&at));
	}
}

/* A version stands for its first kind: that says the group, too. */
const struct row row_version = {
	.name = "<version>",
	.where = "apis/<group>/",
	.type = ROW_DIR,
	.mode = 0755,
	.flags = ROW_KEEP | ROW_PUBLIC,
	.find = find_resource,
	.list = list_resources,
	.reads = "the resources of this version of the group",
};

static struct place version_place(const struct kind *first)
{
	return (struct place){.row = &row_version, .kind = first, .sub = first->version};
}

static struct node *find_version(struct call *c, struct node *dir, const char *name)
{
	const struct kind *k = any_kind(dir->sub, name);
	struct place at;

	(void)c;
	if (!k)
		return NULL;
	at = version_place(k);
	return node_get(dir, name, &at);
}

static void list_versions(struct call *c, struct node *dir, struct listing *out)
{
	(void)c;
	for (size_t i = 0; i < kinds_count(); i++) {
		const struct kind *k = kind_at(i);
		struct place at = version_place(k);

		if (strcmp(group_dir(k), dir->sub) == 0 && any_kind(dir->sub, k->version) == k)
			listing_add(out, k->version, ROW_DIR, place_ino(&at));
	}
}

const struct row row_group = {
	.name = "<group>",
	.where = "apis/",
	.type = ROW_DIR,
	.mode = 0755,
	.flags = ROW_KEEP | ROW_PUBLIC,
	.find = find_version,
	.list = list_versions,
	.reads = "the versions of an API group; the core group is spelled `core`",
};

static struct node *find_group(struct call *c, struct node *dir, const char *name)
{
	(void)c;
	if (!any_kind(name, NULL))
		return NULL;
	return node_get(dir, name, &(struct place){.row = &row_group, .sub = name});
}

static void list_groups(struct call *c, struct node *dir, struct listing *out)
{
	(void)c;
	(void)dir;
	for (size_t i = 0; i < kinds_count(); i++) {
		const char *group = group_dir(kind_at(i));
		struct place at = {.row = &row_group, .sub = group};

		if (any_kind(group, NULL) == kind_at(i))
			listing_add(out, group, ROW_DIR, place_ino(&at));
	}
}

/* -- apis/_index -- */

static int render_resources(struct call *c, const struct node *n, const struct object *o,
			    struct buf *out)
{
	(void)c;
	(void)o;
	print_resources(strcmp(n->row->name, "_index.wide") == 0, out);
	return 0;
}

static const struct row row_resources = {
	.name = "_index",
	.where = "apis/",
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_LIVE | ROW_PUBLIC,
	.render = render_resources,
	.reads = "a table of the resources, as `kubectl api-resources` prints it: name, short "
		 "names, "
		 "apiVersion, whether namespaced, kind",
};
static const struct row row_resources_wide = {
	.name = "_index.wide",
	.where = "apis/",
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_LIVE | ROW_PUBLIC,
	.render = render_resources,
	.reads = "the same with verbs and categories",
};
const struct row *const apis_rows[] = {&row_resources, &row_resources_wide, NULL};

/* -- the directories -- */

const struct row row_apis = {
	.name = "apis",
	.where = "",
	.type = ROW_DIR,
	.mode = 0755,
	.flags = ROW_FIXED | ROW_PUBLIC,
	.rows = apis_rows,
	.find = find_group,
	.list = list_groups,
	.reads = "the API groups",
};
const struct row row_api = {
	.name = "api",
	.where = "",
	.type = ROW_DIR,
	.mode = 0755,
	.flags = ROW_FIXED | ROW_PUBLIC,
	.rows = api_rows,
	.reads = "`v1`, a link to apis/core/v1",
};
