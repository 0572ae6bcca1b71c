/* SPDX-License-Identifier: MIT */
/*
 * What people look at: the table of `_index` (kubectl get) and `describe`
 * (kubectl describe). Columns that are not a plain path of the schema are
 * computed here, by kind and title.
 */
#pragma once

#include "objects/store/store.h"

/* Header line and one line an object, columns aligned; with_ns: a NAMESPACE column first; wide:
 * priority > 0, too. Nothing but the header when the list is empty. */
void print_table(const struct kind *k, const struct object_list *objects, int with_ns, int wide,
		 struct buf *out);
/* The table of all resources, as `kubectl api-resources` lays it out, each in its preferred
 * version; wide: their verbs and categories, too. */
void print_resources(int wide, struct buf *out);
/* Everything about one object, its events last. Secrets show sizes only. */
void print_describe(struct store *s, const struct object *o, struct buf *out);
/* One line per event of the object, oldest first: time type reason count source message. */
void print_events(struct store *s, const struct object *o, struct buf *out);
/* These events, oldest first; the caller ends the list. s NULL: none. */
void events_of(struct store *s, const struct object *o, struct object_list *out);
