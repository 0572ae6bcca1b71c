/* SPDX-License-Identifier: MIT */
/* Attributes of a node, and for how long the kernel may keep them. */
#pragma once

#include <sys/stat.h>

#include "fs/fs_i.h"

/* Return: 0, or -errno with c->err (ESTALE: walk again). */
int node_stat(struct call *c, struct node *n, struct stat *st);
/* The same without what only making the content tells: its size and time. */
int node_stat_outside(struct call *c, struct node *n, struct stat *st);
double node_attr_timeout(const struct node *n);
/*
 * Attributes that the kernel may keep: begin before they are read; the end says for how long,
 * not at all if somebody changed the node meanwhile.
 */
struct keeping {
	double timeout;
	unsigned n_changed;
};
struct keeping keeping_begin(const struct call *c, struct node *n);
double keeping_end(const struct keeping *k, const struct node *n);
/* Fill an entry and count the kernel's reference. Return: 0, or -errno with c->err. */
int node_entry(struct call *c, struct node *n, int found_by_row, struct fuse_entry_param *e);
/* When an object was changed last: its fields' newest time, nanoseconds count resourceVersions. */
struct timespec object_time(const struct object *o);
/* When it was created; nanoseconds as above. */
struct timespec object_created(const struct object *o);
