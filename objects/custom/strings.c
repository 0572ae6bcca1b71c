/* SPDX-License-Identifier: MIT */
#include "objects/custom/custom_i.h"

const char *const *custom_strings(struct arena *a, const struct value *list)
{
	size_t n = value_count(list), kept = 0;
	const char **out;

	if (!value_is(list, VALUE_LIST) || !n)
		return NULL;
	out = arena_alloc(a, n + 1, sizeof(*out));
	for (size_t i = 0; i < n; i++)
		if (value_is(value_at(list, i), VALUE_STRING))
			out[kept++] = value_str(value_at(list, i), "");
	return kept ? out : NULL;
}
