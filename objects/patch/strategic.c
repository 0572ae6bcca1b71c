/* SPDX-License-Identifier: MIT */
/*
 * Strategic merge patch: maps and their directives.
 * Source: apimachinery, pkg/util/strategicpatch; its error texts are in pkg/util/mergepatch.
 */
#include "objects/patch/strategic.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define DIRECTIVE     "$patch"
#define RETAIN_KEYS   "$retainKeys"
#define ORDER_OF      "$setElementOrder/"
#define DELETE_FROM   "$deleteFromPrimitiveList/"
#define PRINT_AT_MOST 400

void strategic_fail(struct strategic *st, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	st->failed = 1;
	fault_add_code(st->faults, EINVAL, "%s", text);
}

void strategic_print(const struct value *v, struct buf *out)
{
	if (out->len > PRINT_AT_MOST)
		return;
	switch (value_type(v)) {
	case VALUE_NULL:
		buf_adds(out, "<nil>");
		break;
	case VALUE_BOOL:
		buf_adds(out, value_bool(v, 0) ? "true" : "false");
		break;
	case VALUE_INT:
		buf_addf(out, "%lld", (long long)value_int(v, 0));
		break;
	case VALUE_DOUBLE:
		buf_addf(out, "%g", value_double(v, 0));
		break;
	case VALUE_STRING:
		buf_addf(out, "%.*s", PRINT_AT_MOST, value_str(v, ""));
		break;
	case VALUE_LIST:
	case VALUE_MAP:
		buf_adds(out, value_is(v, VALUE_MAP) ? "map[" : "[");
		for (size_t i = 0; i < value_count(v) && out->len <= PRINT_AT_MOST; i++) {
			buf_adds(out, i ? " " : "");
			if (value_is(v, VALUE_MAP))
				buf_addf(out, "%.*s:", PRINT_AT_MOST, value_key_at(v, i));
			strategic_print(value_at(v, i), out);
		}
		buf_addc(out, ']');
		break;
	}
}

static int is_directive(const char *key)
{
	return str_eq(key, DIRECTIVE) || str_eq(key, RETAIN_KEYS) || str_starts(key, ORDER_OF) ||
	       str_starts(key, DELETE_FROM);
}

static struct value *plain_map(const struct value *patch)
{
	struct value *out = value_new_map();

	for (size_t i = 0; i < value_count(patch); i++) {
		const char *key = value_key_at(patch, i);
		struct value *child;

		if (is_directive(key) || value_type(value_at(patch, i)) == VALUE_NULL)
			continue;
		child = strategic_plain(value_at(patch, i));
		if (child)
			out = value_map_add(out, key, strlen(key), child);
	}
	return out;
}

struct value *strategic_plain(const struct value *patch)
{
	struct value *out;

	if (value_is(patch, VALUE_MAP))
		return str_eq(value_dig_str(patch, DIRECTIVE, NULL), "delete") ? NULL
									       : plain_map(patch);
	if (!value_is(patch, VALUE_LIST))
		return value_ref(patch);
	out = value_new_list();
	for (size_t i = 0; i < value_count(patch); i++) {
		const struct value *item = value_at(patch, i);
		const char *directive = value_dig_str(item, DIRECTIVE, NULL);

		/* {$patch: replace} alone is about the list, not an element of it */
		if (!str_eq(directive, "delete") && !(directive && value_count(item) == 1))
			out = value_append(out, strategic_plain(item));
	}
	return out;
}

/* -- directives of a map -- */

static int has_string(const struct value *list, const char *s)
{
	for (size_t i = 0; i < value_count(list); i++)
		if (str_eq(value_str(value_at(list, i), NULL), s))
			return 1;
	return 0;
}

/* Only the named keys stay. */
static struct value *retain_keys(struct strategic *st, struct value *taken,
				 const struct value *patch)
{
	const struct value *names = value_get(patch, RETAIN_KEYS);
	struct value *out;

	if (!names)
		return taken;
	for (size_t i = 0; i < value_count(patch); i++) {
		const char *key = value_key_at(patch, i);

		if (!is_directive(key) && value_type(value_at(patch, i)) != VALUE_NULL &&
		    !has_string(names, key))
			names = NULL;
	}
	if (!value_is(names, VALUE_LIST)) {
		strategic_fail(st, "invalid patch format of retainKeys: every key of the patch "
				   "must be in the list");
		return taken;
	}
	out = value_new_map();
	for (size_t i = 0; i < value_count(taken); i++) {
		const char *key = value_key_at(taken, i);

		if (has_string(names, key))
			out = value_map_add(out, key, strlen(key), value_ref(value_at(taken, i)));
	}
	value_unref(taken);
	return out;
}

/* What the patch says about one key of the map. */
static struct value *child_of(struct strategic *st, const struct schema *s, const char *key,
			      const struct value *was, const struct value *say)
{
	const struct schema *child = s ? schema_child(s, key) : NULL;

	if (value_type(say) == VALUE_NULL)
		return NULL;
	if (value_is(was, VALUE_MAP) && value_is(say, VALUE_MAP))
		return strategic_map(st, child, value_ref(was), say);
	if (value_is(was, VALUE_LIST) && value_is(say, VALUE_LIST))
		return strategic_list(st, child, was, say, NULL, NULL);
	return strategic_plain(say);
}

static const struct value *beside(const struct value *patch, const char *prefix, const char *key)
{
	CLEANUP_FREE char *name = xasprintf("%s%s", prefix, key);

	return value_get(patch, name);
}

/* $setElementOrder and $deleteFromPrimitiveList, with the elements that the patch has for the list.
 */
static struct value *list_directives(struct strategic *st, const struct schema *s,
				     struct value *out, const struct value *patch)
{
	for (size_t i = 0; i < value_count(patch); i++) {
		const char *key = value_key_at(patch, i), *name;
		const struct value *list, *order, *remove, *live;

		if (!str_starts(key, ORDER_OF) && !str_starts(key, DELETE_FROM))
			continue;
		name = strchr(key, '/') + 1;
		order = beside(patch, ORDER_OF, name);
		remove = beside(patch, DELETE_FROM, name);
		if (str_starts(key, ORDER_OF) && remove)
			continue; /* both at once, below the other key */
		list = value_get(patch, name);
		live = value_get(out, name);
		if (!*name || (list && !value_is(list, VALUE_LIST)) ||
		    (order && !value_is(order, VALUE_LIST)) ||
		    (remove && !value_is(remove, VALUE_LIST)) ||
		    (live && !value_is(live, VALUE_LIST))) {
			strategic_fail(st, "expected a list for %.200s", key);
			return out;
		}
		if (live || list)
			out = value_set(out, name,
					strategic_list(st, s ? schema_child(s, name) : NULL, live,
						       list, order, remove));
	}
	return out;
}

static int was_ordered(const struct value *patch, const char *key)
{
	return beside(patch, ORDER_OF, key) || beside(patch, DELETE_FROM, key);
}

static struct value *merge_keys(struct strategic *st, const struct schema *s, struct value *taken,
				const struct value *patch, int directives)
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

		if (say && (is_directive(key) || (directives && was_ordered(patch, key))))
			say = NULL;
		child = say ? child_of(st, s, key, was, say) : value_ref(was);
		if (child && was && child != was && value_equal(child, was)) {
			value_unref(child);
			child = value_ref(was);
		}
		same += child && child == was;
		if (child)
			out = value_map_add(out, key, strlen(key), child);
	}
	if (same == value_count(taken) && same == value_count(out)) {
		value_unref(out);
		return taken;
	}
	value_unref(taken);
	return out;
}

struct value *strategic_map(struct strategic *st, const struct schema *s, struct value *taken,
			    const struct value *patch)
{
	const struct value *directive = value_get(patch, DIRECTIVE);
	const char *how = value_str(directive, NULL);
	int directives = 0;

	if (directive && str_eq(how, "replace")) {
		value_unref(taken);
		return plain_map(patch);
	}
	if (directive && str_eq(how, "delete")) {
		value_unref(taken);
		return value_new_map();
	}
	if (directive) {
		CLEANUP(buf_fini) struct buf text = BUF_INIT;

		strategic_print(directive, &text);
		strategic_fail(st, "unknown patch type '%.100s'", buf_str(&text));
		return taken;
	}
	for (size_t i = 0; i < value_count(patch); i++)
		directives |=
			strchr(value_key_at(patch, i), '/') && is_directive(value_key_at(patch, i));
	taken = retain_keys(st, taken, patch);
	if (directives)
		taken = list_directives(st, s, taken, patch);
	return merge_keys(st, s, taken, patch, directives);
}

struct value *patch_strategic(const struct schema *s, struct value *taken,
			      const struct value *patch, struct faults *faults)
{
	struct strategic st = {.faults = faults};
	struct value *out;

	if (!value_is(patch, VALUE_MAP) || !value_is(taken, VALUE_MAP)) {
		fault_add_code(faults, EINVAL, "a strategic merge patch is a map");
		value_unref(taken);
		return NULL;
	}
	out = strategic_map(&st, s, taken, patch);
	if (!st.failed)
		return out;
	value_unref(out);
	return NULL;
}
