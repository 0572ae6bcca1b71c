/* SPDX-License-Identifier: MIT */
/*
 * How server-side apply looks at a value: what is taken as a whole, what is
 * looked into, and by which steps (objects/patch/fieldset.h) its parts are called.
 *
 * Source: structured-merge-diff v4, typed (helpers.go, merge.go, tofieldset.go,
 * remove.go); kubernetes.io/docs/reference/using-api/server-side-apply "Merge strategy".
 */
#pragma once

#include "objects/patch/fieldset.h"

enum shape {
	SHAPE_LEAF,   /* a scalar, or a list or map that is atomic */
	SHAPE_FIELDS, /* a struct, or a map whose keys have owners of their own */
	SHAPE_ITEMS,  /* a list whose elements are known by keys or by their value */
};

/* Of a value that is there; null and NULL (absent) look like the other side, so they are leaves
 * here. */
enum shape shape_of(const struct schema *s, const struct value *v);
/* Schema of a field's value; never NULL (anything goes where the schema does not know). */
const struct schema *shape_child(const struct schema *s, const char *key);

/* The elements of a list by their steps. */
struct item {
	char *step;                /* owned */
	const struct value *value; /* borrowed */
	size_t index;
};

struct items {
	struct item *list; /* sorted by step, then index */
	size_t n;
};
/* Of the elements [from, to); none when v is no such list. O(n log n). */
void items_of(const struct schema *s, const struct value *v, size_t from, size_t to,
	      struct items *out);
void items_fini(struct items *items);
/* One past the last item that has the same step as the i-th. */
size_t items_same(const struct items *items, size_t i);

/* -- what one does with values so seen -- */

/* The paths of all that v says: what somebody who applies it wants to hold. Owned. */
struct value *shape_fields(const struct schema *s, const struct value *v);

struct difference {
	struct value *changed; /* added, or there with another value. Owned, NULL: nothing */
	struct value *removed; /* Owned, NULL: nothing */
};
/* From `was` to `now` (NULL: absent). What they share is not looked at. */
void shape_compare(const struct schema *s, const struct value *was, const struct value *now,
		   struct difference *out);
void difference_fini(struct difference *d);

/*
 * `live` with all that `config` says. Parts that stay as they were are shared with live; nothing
 * changed: live itself. Elements of lists: in the order of config, those that only live has keep
 * their place among the others. Either may be NULL. Owned.
 */
struct value *shape_merge(const struct schema *s, const struct value *live,
			  const struct value *config);

/* v without the paths of `set`. What is emptied and is not itself in the set stays, empty. Owned.
 */
struct value *shape_remove(const struct schema *s, const struct value *v, const struct value *set);
