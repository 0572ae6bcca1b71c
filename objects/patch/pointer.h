/* SPDX-License-Identifier: MIT */
/* JSON Pointer, RFC 6901: where a JSON Patch acts. */
#pragma once

#include "objects/value.h"

struct pointer {
	char **tokens; /* owned, unescaped */
	size_t n;
	const char *text; /* borrowed: as it was written */
};

/* Return: 0, or -EINVAL when the text is no pointer ("" is the root; else it begins with '/'). */
int pointer_parse(const char *text, struct pointer *out) MUST_CHECK;
void pointer_fini(struct pointer *p);

/* The index that a token means in a list of n elements: 0..n-1, or n for "-" and n itself when
 * `end` is allowed. -1: none. Leading zeros are no index. */
long pointer_index(const char *token, size_t n, int end);
/* What stands there, NULL if nothing does. Borrowed. */
const struct value *pointer_get(const struct value *v, const struct pointer *p);
/* a is b or leads to b. */
int pointer_within(const struct pointer *a, const struct pointer *b);
