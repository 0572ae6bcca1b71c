/* SPDX-License-Identifier: MIT */
/*
 * Equality, order and hashes. Numbers are equal across types; lists that a schema calls sets or
 * maps are equal in any order.
 */
#include "objects/cel/cel_i.h"

#include <math.h>

#include "objects/quantity.h"
#include "util/strmap.h"

/* -- numbers -- */

static int is_number(struct cel_val v)
{
	return v.kind == CEL_INT || v.kind == CEL_UINT || v.kind == CEL_DOUBLE;
}

static int three_way(int less, int more)
{
	return more - less;
}

static int compare_double_int(double d, struct cel_val whole)
{
	double limit = whole.kind == CEL_INT ? 0x1p63 : 0x1p64;

	if (isnan(d))
		return CEL_UNORDERED;
	if (d >= limit)
		return CEL_MORE;
	if (whole.kind == CEL_INT) {
		if (d < -0x1p63)
			return CEL_LESS;
		if ((int64_t)d != whole.i)
			return (int64_t)d < whole.i ? CEL_LESS : CEL_MORE;
		return three_way(d<(double)(int64_t)d, d>(double)(int64_t) d);
	}
	if (d < 0)
		return CEL_LESS;
	if ((uint64_t)d != whole.u)
		return (uint64_t)d < whole.u ? CEL_LESS : CEL_MORE;
	return d > (double)(uint64_t)d ? CEL_MORE : CEL_SAME;
}

static int compare_numbers(struct cel_val a, struct cel_val b)
{
	int c;

	if (a.kind == CEL_DOUBLE && b.kind == CEL_DOUBLE)
		return isnan(a.d) || isnan(b.d) ? CEL_UNORDERED : three_way(a.d<b.d, a.d> b.d);
	if (a.kind == CEL_DOUBLE)
		return compare_double_int(a.d, b);
	if (b.kind == CEL_DOUBLE) {
		c = compare_double_int(b.d, a);
		return c == CEL_UNORDERED ? c : -c;
	}
	if (a.kind == b.kind)
		return a.kind == CEL_INT ? three_way(a.i<b.i, a.i> b.i)
					 : three_way(a.u<b.u, a.u> b.u);
	if (a.kind == CEL_INT)
		return a.i < 0 ? CEL_LESS : three_way((uint64_t)a.i<b.u, (uint64_t)a.i> b.u);
	return b.i < 0 ? CEL_MORE : three_way(a.u<(uint64_t)b.i, a.u>(uint64_t) b.i);
}

static int compare_bytes(struct cel_val a, struct cel_val b)
{
	int c = memcmp(a.s ? a.s : "", b.s ? b.s : "", a.n < b.n ? a.n : b.n);

	return c ? three_way(c<0, c> 0) : three_way(a.n<b.n, a.n> b.n);
}

int cel_compare(struct cel_val a, struct cel_val b)
{
	if (is_number(a) && is_number(b))
		return compare_numbers(a, b);
	if (a.kind != b.kind)
		return CEL_UNORDERED;
	switch (a.kind) {
	case CEL_BOOL:
	case CEL_DURATION:
		return three_way(a.i<b.i, a.i> b.i);
	case CEL_STRING:
	case CEL_BYTES:
		return compare_bytes(a, b);
	case CEL_TIMESTAMP:
		return a.i != b.i ? three_way(a.i<b.i, a.i> b.i) : three_way(a.n<b.n, a.n> b.n);
	default:
		return CEL_UNORDERED;
	}
}

/* -- hashes -- */

uint64_t cel_hash(struct cel_val v)
{
	double d;

	switch (v.kind) {
	case CEL_STRING:
	case CEL_BYTES:
		return hash_bytes64(v.s, v.n, 0);
	case CEL_INT:
	case CEL_UINT:
	case CEL_DOUBLE:
		d = v.kind == CEL_INT ? (double)v.i : v.kind == CEL_UINT ? (double)v.u : v.d;
		d += 0.0; /* -0.0 is 0.0 */
		return hash_bytes64(&d, sizeof(d), 1);
	case CEL_BOOL:
	case CEL_DURATION:
	case CEL_TIMESTAMP:
		return hash_bytes64(&v.i, sizeof(v.i), v.kind);
	default: /* equality tells them apart */
		return v.kind == CEL_LIST && v.how == HOW_FLAT && v.n ? cel_hash(v.items[0]) : v.n;
	}
}

/* -- lists that are sets or maps -- */

static enum list_kind list_kind(struct cel_val v)
{
	return v.schema && v.schema->type == SCHEMA_LIST && v.schema->structural ? v.schema->list
										 : LIST_ATOMIC;
}

struct cel_val cel_list_key(struct cel_run *r, const struct schema *s, struct cel_val element)
{
	struct cel_val *keys;
	size_t n = 0;

	if (s->list != LIST_MAP || (element.kind != CEL_OBJECT && element.kind != CEL_MAP))
		return element;
	while (s->map_keys[n])
		n++;
	keys = cel_alloc(r, n, sizeof(*keys));
	if (!keys)
		return cel_stop(r);
	for (size_t i = 0; i < n; i++)
		if (!cel_property(r, element, s->map_keys[i], strlen(s->map_keys[i]), &keys[i]))
			keys[i] = cel_null();
	return cel_list(keys, n);
}

static int equal_unordered(struct cel_run *r, struct cel_val a, struct cel_val b)
{
	struct cel_map *seen = cel_map_new(r);
	struct cel_val other;

	for (size_t i = 0; seen && i < b.n; i++) {
		struct cel_val e = cel_at(r, b, i);

		if (cel_map_put(r, seen, cel_list_key(r, a.schema, e), e) < 0)
			return 0;
	}
	for (size_t i = 0; seen && i < a.n; i++) {
		struct cel_val e = cel_at(r, a, i);

		if (cel_work(r, 1) ||
		    !cel_lookup(r, cel_map_val(seen), cel_list_key(r, a.schema, e), &other) ||
		    !cel_equal(r, e, other))
			return 0;
	}
	return seen != NULL;
}

/* -- equality -- */

static int equal_lists(struct cel_run *r, struct cel_val a, struct cel_val b)
{
	if (a.n != b.n)
		return 0;
	if (a.how != HOW_JOINED && list_kind(a) != LIST_ATOMIC)
		return equal_unordered(r, a, b);
	for (size_t i = 0; i < a.n; i++)
		if (cel_work(r, 1) || !cel_equal(r, cel_at(r, a, i), cel_at(r, b, i)))
			return 0;
	return 1;
}

static int equal_maps(struct cel_run *r, struct cel_val a, struct cel_val b)
{
	struct cel_val key, val, other;

	if (a.n != b.n)
		return 0;
	for (size_t i = 0; i < a.n; i++) {
		if (cel_work(r, 1))
			return 0;
		cel_entry_at(r, a, i, &key, &val);
		if (!cel_lookup(r, b, key, &other) || !cel_equal(r, val, other))
			return 0;
	}
	return 1;
}

/* Fields that nobody can see count, too: they are part of the object. */
static int equal_objects(struct cel_run *r, struct cel_val a, struct cel_val b)
{
	const struct value *x = a.tree, *y = b.tree;

	if (x == y)
		return 1;
	if (a.n != b.n)
		return 0;
	for (size_t i = 0; i < a.n; i++) {
		const char *name = value_key_at(x, i);
		const struct schema *s = schema_of_property(a.schema, name);

		if (cel_work(r, 1) || !str_eq(name, value_key_at(y, i)))
			return 0;
		if (!cel_equal(r, cel_from_tree(r, value_at(x, i), s),
			       cel_from_tree(r, value_at(y, i), s)))
			return 0;
	}
	return 1;
}

static int equal_others(struct cel_run *r, struct cel_val a, struct cel_val b)
{
	CLEANUP(buf_fini) struct buf x = BUF_INIT, y = BUF_INIT;

	if (a.kind >= CEL_AUTHORIZER)
		return a.other == b.other;
	if (a.kind == CEL_QUANTITY) /* "1000m" is "1" */
		return quantity_cmp(a.other, b.other) == 0;
	cel_render(r, a, &x);
	cel_render(r, b, &y);
	return str_eq(buf_str(&x), buf_str(&y));
}

int cel_equal(struct cel_run *r, struct cel_val a, struct cel_val b)
{
	if (is_number(a) && is_number(b))
		return compare_numbers(a, b) == CEL_SAME;
	if (a.kind != b.kind)
		return 0;
	switch (a.kind) {
	case CEL_NULL:
		return 1;
	case CEL_BOOL:
	case CEL_TIMESTAMP:
	case CEL_DURATION:
		return cel_compare(a, b) == CEL_SAME;
	case CEL_STRING:
	case CEL_BYTES:
		return a.n == b.n && !cel_work(r, a.n / 64) && compare_bytes(a, b) == CEL_SAME;
	case CEL_TYPE:
		return a.type->kind == b.type->kind && str_eq(a.type->name, b.type->name);
	case CEL_LIST:
		return equal_lists(r, a, b);
	case CEL_MAP:
		return equal_maps(r, a, b);
	case CEL_MESSAGE:
		return str_eq(a.name, b.name) && equal_maps(r, a, b);
	case CEL_OBJECT:
		return equal_objects(r, a, b);
	case CEL_OPTIONAL:
		return a.n == b.n && (!a.n || cel_equal(r, *a.items, *b.items));
	default:
		return equal_others(r, a, b);
	}
}
