/* SPDX-License-Identifier: MIT */
/* Inside fs/: what directories of objects add to the names of manifests. */
#pragma once

#include "fs/handle.h"

/* mkdir and rmdir in a resource's or namespace's directory make and delete objects (object_names.c). */
void mkdir_object(struct call *c, struct node *dir, const char *name, unsigned mode);
void rmdir_object(struct call *c, struct node *dir, const char *name);
/* "<path of dir>/<name>"; owned. */
char *path_below(const struct node *dir, const char *name);
