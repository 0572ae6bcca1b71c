/* SPDX-License-Identifier: MIT */
/*
 * Paths of plain keys, as selectable fields have them: `spec.nodeName`, `spec['a.b'].c`; a dot
 * before the first key is optional. No lists.
 */
#pragma once

#include "objects/schema.h"

#define FIELD_KEY_MAX 256

/* Take the key that *p begins with and go past it. Return: 1; 0 at the end; -EINVAL. */
int field_key_next(const char **p, char key[FIELD_KEY_MAX]);
/* What lies there; NULL for nothing, or a malformed path. Borrowed. */
const struct value *value_at_keys(const struct value *v, const char *path);
const struct schema *schema_at_keys(const struct schema *s, const char *path);
