/* SPDX-License-Identifier: MIT */
/*
 * Strategic merge patch: lists that are merged, by key or by value, and their order.
 * Source: apimachinery, pkg/util/strategicpatch.
 */
#include "objects/patch/strategic.h"

#include "objects/codec.h"
#include "util/strmap.h"

/* The text by which an element is known: its merge key's value, or (scalars) itself. NULL: it has
 * none. */
static char *name_of(const struct value *item, const char *merge_key)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	const struct value *v = merge_key ? value_get(item, merge_key) : item;

	if (!v)
		return NULL;
	json_render(v, &out);
	return buf_steal(&out);
}

/* name -> index + 1 of the first element of that name. */
static void index_names(const struct value *list, const char *merge_key, struct strmap *out)
{
	for (size_t i = 0; i < value_count(list); i++) {
		CLEANUP_FREE char *name = name_of(value_at(list, i), merge_key);

		if (name && !strmap_get(out, name))
			strmap_set(out, name, (void *)(uintptr_t)(i + 1));
	}
}

static size_t position(const struct strmap *names, const char *name)
{
	return name ? (size_t)(uintptr_t)strmap_get(names, name) : 0; /* 0: not there */
}

/* -- order -- */

struct placed {
	const struct value *item;
	size_t wanted; /* place in the order that the patch asks for, 0: none */
	size_t was;    /* place in the live list, 0: new */
	size_t at;
};

static int cmp_wanted(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	if (x->wanted != y->wanted)
		return x->wanted < y->wanted ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

static int cmp_was(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	if (x->was != y->was)
		return x->was < y->was ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

/*
 * The elements that the patch names come in its order. The others keep theirs, each before the
 * first of the patch's that stood behind it in the live list.
 */
static struct value *in_order(struct value *taken, const struct value *order,
			      const struct value *live, const char *merge_key)
{
	struct strmap wanted = STRMAP_INIT, was = STRMAP_INIT;
	size_t n = value_count(taken), n_left = 0, n_right = 0, i = 0, j = 0;
	struct placed *left = xcalloc(n + 1, sizeof(*left)),
		      *right = xcalloc(n + 1, sizeof(*right));
	struct value *out = value_new_list();

	index_names(order, merge_key, &wanted);
	index_names(live, merge_key, &was);
	for (size_t k = 0; k < n; k++) {
		CLEANUP_FREE char *name = name_of(value_at(taken, k), merge_key);
		struct placed p = {value_at(taken, k), position(&wanted, name),
				   position(&was, name), k};

		if (p.wanted)
			right[n_right++] = p;
		else
			left[n_left++] = p;
	}
	qsort(left, n_left, sizeof(*left), cmp_was);
	qsort(right, n_right, sizeof(*right), cmp_wanted);
	while (i < n_left || j < n_right) {
		int first = j == n_right || (i < n_left && left[i].was && right[j].was &&
					     left[i].was < right[j].was);

		out = value_append(out, value_ref(first ? left[i++].item : right[j++].item));
	}
	free(left);
	free(right);
	strmap_fini(&wanted);
	strmap_fini(&was);
	value_unref(taken);
	return out;
}

/* -- lists of scalars -- */

static struct value *append_new(struct value *taken, const struct value *list,
				const struct strmap *removed, struct strmap *seen)
{
	for (size_t i = 0; i < value_count(list); i++) {
		CLEANUP_FREE char *name = name_of(value_at(list, i), NULL);

		if (strmap_get(seen, name) || (removed && strmap_get(removed, name)))
			continue;
		strmap_set(seen, name, (void *)1);
		taken = value_append(taken, value_ref(value_at(list, i)));
	}
	return taken;
}

/* live without those to remove, then the new ones; each once. */
static struct value *merge_scalars(const struct value *live, const struct value *list,
				   const struct value *remove)
{
	struct strmap removed = STRMAP_INIT, seen = STRMAP_INIT;
	struct value *out = value_new_list();

	index_names(remove, NULL, &removed);
	out = append_new(out, live, &removed, &seen);
	out = append_new(out, list, NULL, &seen);
	strmap_fini(&removed);
	strmap_fini(&seen);
	return out;
}

/* -- lists of maps -- */

static void fail_no_key(struct strategic *st, const struct value *item, const char *merge_key)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	strategic_print(item, &text);
	strategic_fail(st, "map: %.350s does not contain declared merge key: %s", buf_str(&text),
		       merge_key);
}

/* The elements that {$patch: delete} names, and whether {$patch: replace} says to forget live. */
static int read_directives(struct strategic *st, const struct value *list, const char *merge_key,
			   struct strmap *gone)
{
	int replace = 0;

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *item = value_at(list, i);
		const struct value *directive = value_get(item, "$patch");
		CLEANUP_FREE char *name = name_of(item, merge_key);
		const char *how = value_str(directive, "");

		if (!value_is(item, VALUE_MAP)) {
			strategic_fail(st,
				       "the elements of a list that is merged by %s must be maps",
				       merge_key);
			return 0;
		}
		if (directive && str_eq(how, "replace")) {
			replace = 1;
		} else if (!name) {
			fail_no_key(st, item, merge_key);
			return 0;
		} else if (directive && str_eq(how, "delete")) {
			strmap_set(gone, name, (void *)1);
		} else if (directive && str_eq(how, "merge")) {
			strategic_fail(st, "merging lists cannot yet be specified in the patch");
			return 0;
		} else if (directive) {
			strategic_fail(st, "unknown patch type '%.100s' in list", how);
			return 0;
		}
	}
	return replace;
}

static struct value *without(const struct value *live, const char *merge_key,
			     const struct strmap *gone)
{
	struct value *out;

	if (!gone->n)
		return live ? value_ref(live) : value_new_list();
	out = value_new_list();
	for (size_t i = 0; i < value_count(live); i++) {
		CLEANUP_FREE char *name = name_of(value_at(live, i), merge_key);

		if (!name || !strmap_get(gone, name))
			out = value_append(out, value_ref(value_at(live, i)));
	}
	return out;
}

static struct value *merge_elements(struct strategic *st, const struct schema *s, struct value *out,
				    const struct value *list, const char *merge_key)
{
	struct strmap names = STRMAP_INIT;

	index_names(out, merge_key, &names);
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *item = value_at(list, i);
		CLEANUP_FREE char *name = name_of(item, merge_key);
		size_t at = position(&names, name);
		struct value *was;

		if (value_get(item, "$patch"))
			continue;
		if (at) {
			was = value_ref(value_at(out, at - 1));
			out = value_set_at(out, at - 1, value_new_null());
			out = value_set_at(out, at - 1,
					   strategic_map(st, s ? s->items : NULL, was, item));
			continue;
		}
		out = value_append(out, strategic_plain(item));
		strmap_set(&names, name, (void *)(uintptr_t)value_count(out));
	}
	strmap_fini(&names);
	return out;
}

static struct value *merge_maps(struct strategic *st, const struct schema *s,
				const struct value *live, const struct value *list,
				const char *merge_key)
{
	struct strmap gone = STRMAP_INIT;
	int replace = read_directives(st, list, merge_key, &gone);
	struct value *out = NULL;

	if (!st->failed) {
		out = replace ? value_new_list() : without(live, merge_key, &gone);
		out = merge_elements(st, s, out, list, merge_key);
	}
	strmap_fini(&gone);
	return out;
}

static int holds_maps(const struct value *a, const struct value *b)
{
	const struct value *first = value_count(a) ? value_at(a, 0) : value_at(b, 0);

	return value_is(first, VALUE_MAP);
}

/* The elements of the patch that are not deletions must come in the order that it asks for, if any. */
static int follows_order(const struct value *list, const struct value *order, const char *merge_key)
{
	size_t at = 0;

	if (!value_count(order))
		return 1;
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *item = value_at(list, i);
		CLEANUP_FREE char *name = NULL;
		int found = 0;

		if (value_is(item, VALUE_MAP) && value_get(item, "$patch"))
			continue;
		name = name_of(item, merge_key);
		while (!found && at < value_count(order)) {
			CLEANUP_FREE char *wanted = name_of(value_at(order, at++), merge_key);

			found = name && str_eq(name, wanted);
		}
		if (!found)
			return 0;
	}
	return 1;
}

struct value *strategic_list(struct strategic *st, const struct schema *s, const struct value *live,
			     const struct value *list, const struct value *order,
			     const struct value *remove)
{
	int maps = holds_maps(live, list);
	const char *merge_key = maps && s ? s->merge_key : NULL;
	struct value *out;

	if (!s || s->type != SCHEMA_LIST || !(s->patch & PATCH_MERGE)) {
		/* what is replaced has no directives in it: decoding refuses them as fields */
		if (list && !order && !remove)
			return live ? value_ref(list) : strategic_plain(list);
		strategic_fail(st, "this list is replaced as a whole: no order and no deletion can "
				   "be given for it");
		return live ? value_ref(live) : NULL;
	}
	if (maps && !merge_key) {
		strategic_fail(st, "cannot merge lists without merge key for %s",
			       s->name ? s->name : "this list");
		return live ? value_ref(live) : NULL;
	}
	if (order && !follows_order(list, order, merge_key))
		strategic_fail(st, "the order in the patch's list does not match its "
				   "$setElementOrder list");
	out = maps ? merge_maps(st, s, live, list, merge_key) : merge_scalars(live, list, remove);
	if (st->failed) {
		value_unref(out);
		return live ? value_ref(live) : NULL;
	}
	if (order && !value_count(order))
		return out; /* as it came */
	return in_order(out, order ? order : list, live, merge_key);
}
