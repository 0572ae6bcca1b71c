/* SPDX-License-Identifier: MIT */
#include "objects/schema/field_key.h"

#include <errno.h>

static int take(const char *from, const char *end, const char *next, const char **p,
		char key[FIELD_KEY_MAX])
{
	size_t n = (size_t)(end - from);

	if (n == 0 || n >= FIELD_KEY_MAX)
		return -EINVAL;
	memcpy(key, from, n);
	key[n] = '\0';
	*p = next;
	return 1;
}

int field_key_next(const char **p, char key[FIELD_KEY_MAX])
{
	const char *s = *p, *end;

	if (!*s)
		return 0;
	if (*s == '[') {
		end = s[1] == '\'' ? strstr(s + 2, "']") : NULL;
		return end ? take(s + 2, end, end + 2, p, key) : -EINVAL;
	}
	s += *s == '.';
	end = s + strcspn(s, ".[");
	return take(s, end, end, p, key);
}

const struct value *value_at_keys(const struct value *v, const char *path)
{
	char key[FIELD_KEY_MAX];
	int rc;

	while (v && (rc = field_key_next(&path, key)) != 0)
		v = rc < 0 ? NULL : value_get(v, key);
	return v;
}

const struct schema *schema_at_keys(const struct schema *s, const char *path)
{
	char key[FIELD_KEY_MAX];
	int rc;

	while (s && (rc = field_key_next(&path, key)) != 0)
		s = rc < 0 ? NULL : schema_child(s, key);
	return s;
}
