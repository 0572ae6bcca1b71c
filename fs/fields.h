/* SPDX-License-Identifier: MIT */
/*
 * Directories and files that somebody made in an object's field tree and that are
 * not stored yet: a map without keys, an element without fields, a file without
 * text say nothing, so they wait here for the first value. In memory, bounded:
 * the oldest goes first.
 *
 * Locking: any thread.
 */
#pragma once

#include "fs/row.h"

struct fields_made;

struct fields_made *fields_made_new(void);
void fields_made_free(struct fields_made *all);
void fields_made_add(struct fields_made *all, const char *uid, const char *sub, enum row_type type);
void fields_made_remove(struct fields_made *all, const char *uid, const char *sub);
/* Return: 1 and the type if it was made. */
int fields_made_get(struct fields_made *all, const char *uid, const char *sub,
		    enum row_type *type_out);
/* Each direct child of sub. */
void fields_made_list(struct fields_made *all, const char *uid, const char *sub,
		      void (*fn)(void *arg, const char *name, enum row_type type), void *arg);
