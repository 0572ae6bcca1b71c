/* SPDX-License-Identifier: MIT */
/* Rows that several files of fs/ name, and helpers of directories. */
#pragma once

#include "fs/fs_i.h"
#include "fs/row.h"

extern const struct row row_collection; /* apis/<group>/<version>/<resource>/ */
extern const struct row row_namespace;  /* .../<namespace>/ */
extern const struct row row_object;     /* .../<name>/ */
extern const struct row row_field_dir, row_field_file;
/* The row of a field of this path. */
const struct row *field_row(enum row_type type, const char *sub);
extern const struct row row_containers, row_log_link;
extern const struct row row_watch, row_watch_json, row_index, row_index_wide, row_events,
	row_describe, row_log, row_container;
extern const struct row row_apply, row_dry_run, row_images, row_net, row_apis, row_api;
extern const struct row row_group, row_version, row_core_link; /* in apis/ and api/ */
extern const struct row row_manifest, row_manifest_err, row_mem_file, row_mem_link,
	row_manifest_dir;

extern const struct row row_schema;
/* What is written to be answered (rows_review.c): subresources of an object, virtual kinds. */
extern const struct row row_scale, row_eviction, row_binding, row_token, row_finalize, row_approval;
extern const struct row row_review_collection;
extern const struct row *const review_rows[];

/* Tables of rows for docs and tests, NULL-terminated. */
extern const struct row *const *const root_rows, *const *const collection_rows,
							 *const *const object_rows;
extern const struct row *const *const images_rows;
extern const struct row *const found_rows[], *const apis_rows[];

/* The group as a directory: `core`, `apps`. Borrowed. */
const char *group_dir(const struct kind *k);

/* The child that stands for an object; owned reference. */
struct node *object_node(struct node *dir, const struct object *o);
/* For rows whose names come and go: the directory's times are when they did last. */
int stat_names(struct call *c, const struct node *n, struct stat *st);
/* Does a node of a collection show more of the objects than their metadata: a table, or a selection by
 * fields? */
int reads_objects(const struct node *n);
/* Does this namespace (of objects) exist? */
int namespace_exists(struct fs *fs, const struct kind *k, const char *ns);
/* -- names that clients make: manifests and scratch files (manifest_files.c) -- */
extern const struct name_ops collection_names, apply_names;
struct node *manifest_find(struct call *c, struct node *dir, const char *name);
void manifest_list_into(struct call *c, struct node *dir, struct listing *out);

/* Rows of the fields of an object that `name` may be (fields.c). NULL: none. */
struct node *field_find(struct call *c, struct node *dir, const char *name);
void field_list_top(struct call *c, struct node *dir, struct listing *out);
extern const struct name_ops field_names;
