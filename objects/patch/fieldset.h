/* SPDX-License-Identifier: MIT */
/*
 * Sets of field paths, kept in the form in which Kubernetes writes them
 * (metav1.FieldsV1): a trie of maps. Each key is one step of a path,
 *
 *	f:<name>	a field of a struct, a key of a map
 *	k:{"name":"a"}	the element of a list that has these keys (JSON, sorted)
 *	v:<json>	the element of a set that has this value
 *	i:<n>		the n-th element
 *
 * and its value is the trie below. A path belongs to the set when its map is
 * empty or holds the key "."; else it is only on the way to others.
 *
 * Sets are values: immutable, shared, and NULL is the empty set. So what a
 * change does not touch is not copied, and encoding costs nothing.
 *
 * Source: sigs.k8s.io/structured-merge-diff v4, fieldpath (serialize.go says the form).
 */
#pragma once

#include "objects/schema.h"

/* All of these borrow their arguments and return an owned set. O(n + m) without shared parts. */
struct value *fieldset_union(const struct value *a, const struct value *b);
struct value *fieldset_minus(const struct value *a, const struct value *b);
struct value *fieldset_and(const struct value *a, const struct value *b);
/* The same, replacing *set. */
void fieldset_add(struct value **set, const struct value *more);
void fieldset_subtract(struct value **set, const struct value *less);

/* Every path of a is in b. */
int fieldset_within(const struct value *a, const struct value *b);

/* Every known field that is on the way to a path of the set is itself in the result. */
struct value *fieldset_with_named(const struct value *set, const struct schema *s);

/* taken (NULL: nothing yet) as the trie below a path that belongs to the set. */
struct value *fieldset_member(struct value *taken);

/* Read a set that somebody else wrote: keys in canonical form, -EINVAL for what is no FieldsV1. */
int fieldset_decode(const struct value *fields, struct value **out, struct err *err) MUST_CHECK;

/*
 * Call fn for every path of the set, as Kubernetes prints it:
 * `.spec.template.spec.containers[name="a"].image`; the paths of a level before those below.
 */
void fieldset_each(const struct value *set, void (*fn)(void *arg, const char *path), void *arg);
