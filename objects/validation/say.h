/* SPDX-License-Identifier: MIT */
/*
 * Short words for the faults that checks find most, with the bad value as text where it is one.
 */
#pragma once

#include <errno.h>

#include "objects/fault.h"

static inline void say_required(struct faults *f, const struct path *at, const char *why)
{
	fault_add(f, at, FAULT_REQUIRED, NULL, "%s", why);
}

static inline void say_forbidden(struct faults *f, const struct path *at, const char *why)
{
	fault_add(f, at, FAULT_FORBIDDEN, NULL, "%s", why);
}

/* bad is quoted when it is a scalar. */
static inline void say_invalid(struct faults *f, const struct path *at, const struct value *bad,
			       const char *why)
{
	int whole = value_is(bad, VALUE_MAP) || value_is(bad, VALUE_LIST);

	fault_add(f, at, FAULT_INVALID, whole ? NULL : bad, "%s", why);
}

/* why NULL: the text is good. */
static inline void say_text(struct faults *f, const struct path *at, const char *bad,
			    const char *why)
{
	CLEANUP_VALUE struct value *v = why ? value_new_string(bad) : NULL;

	if (why)
		fault_add(f, at, FAULT_INVALID, v, "%s", why);
}

static inline void say_duplicate(struct faults *f, const struct path *at, const char *what)
{
	CLEANUP_VALUE struct value *v = value_new_string(what);

	fault_add(f, at, FAULT_DUPLICATE, v, "%s", "");
}

static inline void say_not_found(struct faults *f, const struct path *at, const char *what)
{
	CLEANUP_VALUE struct value *v = value_new_string(what);

	fault_add(f, at, FAULT_NOT_FOUND, v, "%s", "");
}

/* A field that may not change: the whole write is refused with EPERM. */
static inline void say_immutable(struct faults *f, const struct path *at, const struct value *bad,
				 const char *why)
{
	say_invalid(f, at, bad, why);
	fault_set_code(f, EPERM);
}

/* String field of a map, "" when absent. */
static inline const char *text_of(const struct value *map, const char *key)
{
	return value_str(value_get(map, key), "");
}
