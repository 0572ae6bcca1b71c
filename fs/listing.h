/* SPDX-License-Identifier: MIT */
/*
 * The names of an open directory. Each has a position that it keeps as long as the directory
 * is open, also when it is listed anew: seekdir(3) leads to where telldir(3) was. Names that
 * came since have positions after all others.
 *
 * Locking: the caller's.
 */
#pragma once

#include <sys/types.h>

#include "fs/row.h"
#include "util/buf.h"

struct listed {
	size_t name; /* offset into names */
	uint64_t ino, position;
	enum row_type type;
};

struct listing {
	struct buf names;
	struct listed *list; /* owned; after listing_settle() in order of positions */
	size_t n, cap;
	uint64_t positions; /* all are below */
};

void listing_fini(struct listing *l);
/*
 * All names were added: of two the first stays (two things may go by one name: an object is
 * made while a scratch file has it already; the first one is what a look-up finds). Names
 * that `before` has, too, get their position there.
 */
void listing_settle(struct listing *l, const struct listing *before);
/* Index of the first name at or after a position. */
size_t listing_seek(const struct listing *l, off_t position);
static inline const char *listing_name(const struct listing *l, size_t i)
{
	return l->names.data + l->list[i].name;
}
