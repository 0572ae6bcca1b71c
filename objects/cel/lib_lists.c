/* SPDX-License-Identifier: MIT */
/* Lists: Kubernetes' library. */
#include "objects/cel/lib.h"

#define FN(name) static struct cel_val name(struct cel_run *r, const struct cel_val *a, size_t n)

static struct cel_val incomparable(struct cel_run *r)
{
	return cel_no_overload(r);
}

FN(is_sorted)
{
	struct cel_val last = cel_null(), e;

	for (size_t i = 0; i < a->n; i++, last = e) {
		if (cel_work(r, 1))
			return cel_stop(r);
		e = cel_at(r, *a, i);
		if (cel_is_error(e))
			return e;
		if (!i)
			continue;
		if (last.kind != e.kind ||
		    (e.kind != CEL_DOUBLE && cel_compare(last, e) == CEL_UNORDERED))
			return incomparable(r);
		if (cel_compare(last, e) == CEL_MORE)
			return cel_bool(0);
	}
	return cel_bool(1);
}

static struct cel_val add_two(struct cel_run *r, struct cel_val a, struct cel_val b)
{
	if (a.kind == CEL_DOUBLE && b.kind == CEL_DOUBLE)
		return cel_double(a.d + b.d);
	if (a.kind != b.kind || (a.kind != CEL_INT && a.kind != CEL_UINT && a.kind != CEL_DURATION))
		return incomparable(r);
	if (a.kind == CEL_UINT)
		return __builtin_add_overflow(a.u, b.u, &a.u)
			       ? cel_error(r, "unsigned integer overflow")
			       : a;
	return __builtin_add_overflow(a.i, b.i, &a.i) ? cel_error(r, "integer overflow") : a;
}

static struct cel_val sum_from(struct cel_run *r, struct cel_val sum, struct cel_val list)
{
	for (size_t i = 0; i < list.n && !cel_is_error(sum); i++) {
		struct cel_val e = cel_at(r, list, i);

		if (cel_work(r, 1))
			return cel_stop(r);
		/* of a dynamic list, the first element says what is summed */
		sum = cel_is_error(e) ? e : i || sum.kind == e.kind ? add_two(r, sum, e) : e;
	}
	return sum;
}

FN(sum_ints)
{
	return sum_from(r, cel_int(0), *a);
}

FN(sum_uints)
{
	return sum_from(r, cel_uint(0), *a);
}

FN(sum_doubles)
{
	return sum_from(r, cel_double(0), *a);
}

FN(sum_durations)
{
	return sum_from(r, (struct cel_val){.kind = CEL_DURATION}, *a);
}

static struct cel_val extreme(struct cel_run *r, struct cel_val list, int wanted, const char *name)
{
	struct cel_val best = cel_null();

	if (!list.n)
		return cel_error(r, "%s called on empty list", name);
	for (size_t i = 0; i < list.n; i++) {
		struct cel_val e = cel_at(r, list, i);
		int c;

		if (cel_is_error(e) || cel_work(r, 1))
			return e;
		c = i ? cel_compare(e, best) : wanted;
		if (c == CEL_UNORDERED)
			return incomparable(r);
		if (c == wanted)
			best = e;
	}
	return best;
}

FN(min)
{
	return extreme(r, *a, CEL_LESS, "min");
}

FN(max)
{
	return extreme(r, *a, CEL_MORE, "max");
}

FN(index_of)
{
	for (size_t i = 0; i < a->n; i++) {
		if (cel_work(r, 1))
			return cel_stop(r);
		if (cel_equal(r, cel_at(r, *a, i), a[1]))
			return cel_int((int64_t)i);
	}
	return cel_int(-1);
}

FN(last_index_of)
{
	for (size_t i = a->n; i-- > 0;) {
		if (cel_work(r, 1))
			return cel_stop(r);
		if (cel_equal(r, cel_at(r, *a, i), a[1]))
			return cel_int((int64_t)i);
	}
	return cel_int(-1);
}

#define ORDERED(name, fn, list, one)                                                               \
	{                                                                                          \
		name, "." list ">" one, fn, COST_TRAVERSE                                          \
	}
#define FOR_ORDERED(name, fn)                                                                      \
	ORDERED(name, fn, "Li", "i"), ORDERED(name, fn, "Lu", "u"), ORDERED(name, fn, "Ld", "d"),  \
		ORDERED(name, fn, "Lb", "b"), ORDERED(name, fn, "Lr", "r"),                        \
		ORDERED(name, fn, "Lt", "t"), ORDERED(name, fn, "Ls", "s"),                        \
		ORDERED(name, fn, "Ly", "y")

static const struct cel_function rows[] = {
	{"isSorted", ".Li>b", is_sorted, COST_TRAVERSE},
	{"isSorted", ".Lu>b", is_sorted, COST_TRAVERSE},
	{"isSorted", ".Ld>b", is_sorted, COST_TRAVERSE},
	{"isSorted", ".Lb>b", is_sorted, COST_TRAVERSE},
	{"isSorted", ".Lr>b", is_sorted, COST_TRAVERSE},
	{"isSorted", ".Lt>b", is_sorted, COST_TRAVERSE},
	{"isSorted", ".Ls>b", is_sorted, COST_TRAVERSE},
	{"isSorted", ".Ly>b", is_sorted, COST_TRAVERSE},
	{"sum", ".Li>i", sum_ints, COST_TRAVERSE},
	{"sum", ".Lu>u", sum_uints, COST_TRAVERSE},
	{"sum", ".Ld>d", sum_doubles, COST_TRAVERSE},
	{"sum", ".Lr>r", sum_durations, COST_TRAVERSE},
	FOR_ORDERED("min", min),
	FOR_ORDERED("max", max),
	{"indexOf", ".LAA>i", index_of, COST_TRAVERSE},
	{"lastIndexOf", ".LAA>i", last_index_of, COST_TRAVERSE},
};
CEL_LIBRARY(lib_lists, rows);
