/* SPDX-License-Identifier: MIT */
/*
 * Inside root/ of a container: the files in it (root_file.c) and its directories (root_dir.c). A
 * node's sub is "<container>/<tag>/<path>": of a link the tag says where it leads, since the kernel
 * keeps that as long as it is the same node; other files are found by their path alone.
 */
#pragma once

#include "fs/containers.h"
#include "fs/fs_i.h"

/* The path below the container's root that a node stands for; borrowed from it. */
const char *root_path(const struct node *n);
/* The same of a name in a directory; owned. */
char *root_path_below(const struct node *dir, const char *name);
/* What can be done to the container's files; NULL with c->err: the caller may not, or there are none.
 */
const struct fs_container_files *root_files(struct call *c, const struct node *n);
/* The node of a file, directory or device that is at this path; owned. */
struct node *root_node(struct node *dir, const char *name, const char *path, unsigned mode);
/* Members of the rows. */
int root_stat(struct call *c, const struct node *n, struct stat *st);
void root_setattr(struct call *c, struct node *n, const struct stat *st, int to_set);
void root_create(struct call *c, struct node *dir, const char *name, unsigned mode, void *fuse_fi);

extern const struct row row_root_file, row_root_link, row_root_special;
