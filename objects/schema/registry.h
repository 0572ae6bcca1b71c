/* SPDX-License-Identifier: MIT */
/*
 * The registry's side for those who make kinds at run time (objects/custom/).
 *
 * A kind is reserved once for its identity and then lives as long as the process; showing and
 * hiding it changes what names lead to it. Kinds that are compiled in come first: a name that
 * one of them has stays theirs.
 *
 * Locking: kind_reserve() from any thread. kind_show() and kind_hide() by the store's committer
 * (or before it runs): one change at a time.
 */
#pragma once

#include "objects/schema.h"

#define KINDS_MAX 16384u

/* What never changes about a kind. Strings are copied. */
struct kind_identity {
	const char *group, *version, *kind, *plural;
	int namespaced;
};

/*
 * The kind of this identity, made (gone, without a schema) if there is none yet. It shares its
 * home with the other versions of group, plural and kind. NULL with err past KINDS_MAX.
 */
const struct kind *kind_reserve(const struct kind_identity *id, struct err *err);

/* What a definition says about a kind; the strings and lists live as long as the process. */
struct kind_state {
	const struct schema *schema;
	const struct column *columns;
	const struct selectable *selectable;
	const char *singular;
	const char *const *short_names, *const *categories;
	const struct kind_scale *scale;
	unsigned flags; /* besides KIND_NAMESPACED and KIND_CUSTOM */
};
/* Names lead to it unless flags say KIND_GONE. */
void kind_show(const struct kind *k, const struct kind_state *state);
/* It keeps its schema for those who are still reading it. */
void kind_hide(const struct kind *k);
/* New objects of the resource are written in this version. */
void kind_store_as(const struct kind *k);
/* Its versions are converted by a webhook: the number of its definition's state. 0: they are not. */
void kind_convert_by(const struct kind *k, unsigned number);
/* Names (plural, singular, kind, short ones) lead to the first kind in order that has them. */
void kinds_rename(void);
