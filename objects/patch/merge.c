/* SPDX-License-Identifier: MIT */
/* JSON Merge Patch, RFC 7396. */
#include "objects/patch.h"

/* A patch laid over nothing: its nulls are gone, too. */
static struct value *without_nulls(const struct value *patch)
{
	struct value *out;

	if (!value_is(patch, VALUE_MAP))
		return value_ref(patch);
	out = value_new_map();
	for (size_t i = 0; i < value_count(patch); i++) {
		const char *key = value_key_at(patch, i);

		if (value_type(value_at(patch, i)) != VALUE_NULL)
			out = value_map_add(out, key, strlen(key),
					    without_nulls(value_at(patch, i)));
	}
	return out;
}

static struct value *merge_maps(struct value *taken, const struct value *patch)
{
	struct value *out = value_new_map();
	size_t i = 0, j = 0, same = 0;

	while (i < value_count(taken) || j < value_count(patch)) {
		const char *ka = value_key_at(taken, i), *kb = value_key_at(patch, j);
		int c = !ka ? 1 : !kb ? -1 : strcmp(ka, kb);
		const struct value *was = c <= 0 ? value_at(taken, i++) : NULL;
		const struct value *say = c >= 0 ? value_at(patch, j++) : NULL;
		const char *key = c <= 0 ? ka : kb;
		struct value *child;

		if (say && value_type(say) == VALUE_NULL)
			continue;
		child = !say  ? value_ref(was)
			: was ? patch_merge(value_ref(was), say)
			      : without_nulls(say);
		same += child == was;
		out = value_map_add(out, key, strlen(key), child);
	}
	if (same == value_count(taken) && same == value_count(out)) {
		value_unref(out);
		return taken;
	}
	value_unref(taken);
	return out;
}

struct value *patch_merge(struct value *taken, const struct value *patch)
{
	if (value_is(patch, VALUE_MAP) && value_is(taken, VALUE_MAP))
		return merge_maps(taken, patch);
	if (value_equal(taken, patch))
		return taken;
	value_unref(taken);
	return without_nulls(patch);
}
