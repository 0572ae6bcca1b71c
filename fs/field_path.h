/* SPDX-License-Identifier: MIT */
/*
 * Paths of fields as files: "spec/template/spec/containers/nginx/image". A list's
 * elements are called by their merge key while those are different from each
 * other, else by their index.
 */
#pragma once

#include "objects/object.h"
#include "util/err.h"

struct field_path {
	char **step; /* unescaped names; owned */
	size_t n;
};

void field_path_parse(const char *sub, struct field_path *out);
void field_path_fini(struct field_path *p);

/* A place in an object: either may be NULL (nothing there; nothing known about it). */
struct spot {
	const struct value *value;
	const struct schema *schema;
};

/* One step down. */
struct spot spot_child(struct spot at, const char *step);
/* Return: 1 and the spot if there is a value, else 0 (the spot's schema may be known all the same).
 */
int spot_walk(const struct object *o, const struct field_path *p, struct spot *out);
/* Name of the i-th element of a list. */
void element_name(const struct value *list, const struct schema *s, size_t i, struct buf *out);
/* Index of the element of this name; value_count(list) if there is none. */
size_t element_find(const struct value *list, const struct schema *s, const char *name);

/* How a scalar is shown in a file of its own: one line gets a newline. */
void field_render(const struct value *v, struct buf *out);
/* Text that was written for a field: owned value, NULL with err. */
struct value *field_parse(const struct schema *s, const char *text, size_t len,
			  const struct path *at, struct err *err);

struct field_edit {
	const struct field_path *path;
	const char *text; /* NULL: remove the field */
	size_t len;
};
/* Apply to an object (taken) of this schema; NULL with err. */
struct value *field_edit(struct value *taken, const struct schema *s, const struct field_edit *e,
			 struct err *err);
