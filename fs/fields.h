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

#include "fs/node.h"
#include "fs/row.h"

struct fields_made;

struct fields_made *fields_made_new(void);
void fields_made_free(struct fields_made *all);
void fields_made_add(struct fields_made *all, const char *uid, const char *sub, enum row_type type);
void fields_made_remove(struct fields_made *all, const char *uid, const char *sub);
/* The value is in the object now, and what leads to it: if it goes again, nothing is left here. */
void fields_made_stored(struct fields_made *all, const char *uid, const char *sub);
/* Return: 1 and the type if it was made. */
int fields_made_get(struct fields_made *all, const char *uid, const char *sub,
		    enum row_type *type_out);
/* Each direct child of sub. */
void fields_made_list(struct fields_made *all, const char *uid, const char *sub,
		      void (*fn)(void *arg, const char *name, enum row_type type), void *arg);

/* -- inside fs/: fields.c, for field_names.c -- */

struct api_batch;

/* What the system says about an object, and what it is: nobody writes it. */
int field_is_systems_own(const char *sub);
/* The path of a child in its object; owned. */
char *field_sub(const struct node *dir, const char *name);
struct place field_place(const struct node *dir, enum row_type type, const char *sub);
int field_is_container(const struct value *v);
/* What stands at a path. Return: 1 and its type, 0: nothing. */
int field_type(struct fs *fs, const struct object *o, const char *sub, enum row_type *type);
/* Set the field to a text (NULL: remove it). Takes m. */
void field_submit_edit(struct message *m, const char *sub, const char *text, size_t len);
/* The same as one request of several. */
void field_add_edit(struct message *m, struct api_batch *b, const char *sub, const char *text,
		    size_t len);
