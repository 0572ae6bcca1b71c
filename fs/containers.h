/* SPDX-License-Identifier: MIT */
/* Inside fs/: what the files of a container share. */
#pragma once

#include "fs/handle.h"

/* The container that a node below containers/<name>/ belongs to; strings of the node, except the
 * container's name, which is copied to `name` (its sub is "<container>" or "<container>/<rest>").
 */
struct fs_container container_of(const struct node *n, char name[256]);

/* The container's entry in the pod's status; borrowed, NULL if it has none. */
const struct value *container_status(const struct object *pod, const char *name);

/* May the caller `exec` in the node's pod? 0, or -EACCES with c->err. */
int may_exec(struct call *c, const struct node *n);

extern const struct row row_container_ctl; /* container_ctl.c */
extern const struct row row_exec;
extern const struct row row_root_dir; /* root/ (root_dir.c) */
extern const struct row *const found_in_root[];
extern const struct row row_log_follow;
/* log and log.previous */
struct handle *open_log(struct call *c, struct node *n, int flags);
int stat_log(struct call *c, const struct node *n, struct stat *st);
