/* SPDX-License-Identifier: MIT */
/* What operators do. Overflow is an error, never a wrap. */
#include <inttypes.h>

#include "objects/cel/lib.h"

#define FN(name) static struct cel_val name(struct cel_run *r, const struct cel_val *a, size_t n)

static struct cel_val overflow(struct cel_run *r, enum cel_kind kind)
{
	return cel_error(r, kind == CEL_UINT       ? "unsigned integer overflow"
			    : kind == CEL_DURATION ? "duration overflow"
						   : "integer overflow");
}

/* -- arithmetic -- */

FN(add_ints)
{
	int64_t out;

	return __builtin_add_overflow(a[0].i, a[1].i, &out) ? overflow(r, CEL_INT) : cel_int(out);
}

FN(sub_ints)
{
	int64_t out;

	return __builtin_sub_overflow(a[0].i, a[1].i, &out) ? overflow(r, CEL_INT) : cel_int(out);
}

FN(mul_ints)
{
	int64_t out;

	return __builtin_mul_overflow(a[0].i, a[1].i, &out) ? overflow(r, CEL_INT) : cel_int(out);
}

FN(div_ints)
{
	if (!a[1].i)
		return cel_error(r, "division by zero");
	return a[0].i == INT64_MIN && a[1].i == -1 ? overflow(r, CEL_INT)
						   : cel_int(a[0].i / a[1].i);
}

FN(mod_ints)
{
	if (!a[1].i)
		return cel_error(r, "modulus by zero");
	return a[0].i == INT64_MIN && a[1].i == -1 ? overflow(r, CEL_INT)
						   : cel_int(a[0].i % a[1].i);
}

FN(add_uints)
{
	uint64_t out;

	return __builtin_add_overflow(a[0].u, a[1].u, &out) ? overflow(r, CEL_UINT) : cel_uint(out);
}

FN(sub_uints)
{
	return a[0].u < a[1].u ? overflow(r, CEL_UINT) : cel_uint(a[0].u - a[1].u);
}

FN(mul_uints)
{
	uint64_t out;

	return __builtin_mul_overflow(a[0].u, a[1].u, &out) ? overflow(r, CEL_UINT) : cel_uint(out);
}

FN(div_uints)
{
	return a[1].u ? cel_uint(a[0].u / a[1].u) : cel_error(r, "division by zero");
}

FN(mod_uints)
{
	return a[1].u ? cel_uint(a[0].u % a[1].u) : cel_error(r, "modulus by zero");
}

FN(add_doubles)
{
	return cel_double(a[0].d + a[1].d);
}

FN(sub_doubles)
{
	return cel_double(a[0].d - a[1].d);
}

FN(mul_doubles)
{
	return cel_double(a[0].d * a[1].d);
}

FN(div_doubles)
{
	return cel_double(a[0].d / a[1].d);
}

FN(negate_int)
{
	return a->i == INT64_MIN ? overflow(r, CEL_INT) : cel_int(-a->i);
}

FN(negate_double)
{
	return cel_double(-a->d);
}

FN(negate_duration)
{
	return a->i == INT64_MIN ? overflow(r, CEL_DURATION)
				 : (struct cel_val){.kind = CEL_DURATION, .i = -a->i};
}

FN(not_bool)
{
	return cel_bool(!a->i);
}

/* -- texts and lists -- */

FN(add_texts)
{
	char *out;

	if ((uint64_t)a[0].n + a[1].n > CEL_TEXT_RESULT_MAX)
		return cel_stop(r);
	out = cel_alloc(r, a[0].n + a[1].n + 1u, 1);
	if (!out)
		return cel_stop(r);
	if (a[0].n)
		memcpy(out, a[0].s, a[0].n);
	if (a[1].n)
		memcpy(out + a[0].n, a[1].s, a[1].n);
	return (struct cel_val){.kind = a[0].kind, .s = out, .n = a[0].n + a[1].n};
}

/* Lists that are sets or maps: what is in both stands once, where it stood, as the second has it. */
static struct cel_val merge_lists(struct cel_run *r, struct cel_val a, struct cel_val b)
{
	struct cel_map *m = cel_map_new(r);
	struct cel_val *items;

	for (size_t i = 0; m && i < (size_t)a.n + b.n; i++) {
		struct cel_val e = i < a.n ? cel_at(r, a, i) : cel_at(r, b, i - a.n);

		if (cel_is_error(e))
			return e;
		if (cel_work(r, 1) || cel_map_put(r, m, cel_list_key(r, a.schema, e), e) < 0)
			return cel_stop(r);
	}
	items = m ? cel_alloc(r, m->n + 1u, sizeof(*items)) : NULL;
	if (!items)
		return cel_stop(r);
	for (size_t i = 0; i < m->n; i++)
		items[i] = m->entries[i].val;
	a.how = HOW_FLAT;
	a.items = items;
	a.n = m->n;
	return a;
}

FN(add_lists)
{
	const struct schema *s = a[0].how == HOW_JOINED ? NULL : a[0].schema;

	if (s && s->structural && s->list != LIST_ATOMIC)
		return merge_lists(r, a[0], a[1]);
	return cel_join_lists(r, a[0], a[1]);
}

FN(index_list)
{
	int64_t i = a[1].i;

	if (i < 0 || i >= (int64_t)a[0].n)
		return cel_error(r, "index out of bounds: %" PRId64, i);
	return cel_at(r, a[0], (size_t)i);
}

FN(index_map)
{
	CLEANUP(buf_fini) struct buf name = BUF_INIT;
	struct cel_val out;

	if (cel_lookup(r, a[0], a[1], &out))
		return out;
	cel_render(r, a[1], &name);
	return cel_error(r, "no such key: %s", buf_str(&name));
}

static struct cel_val optional_entry(struct cel_run *r, struct cel_val from, struct cel_val key)
{
	struct cel_val out;

	if (from.kind == CEL_MAP) {
		if (!cel_lookup(r, from, key, &out))
			return cel_none();
	} else if (from.kind == CEL_LIST && key.kind == CEL_INT) {
		if (key.i < 0 || key.i >= (int64_t)from.n)
			return cel_none();
		out = cel_at(r, from, (size_t)key.i);
	} else {
		return cel_no_overload(r);
	}
	return cel_is_error(out) ? out : cel_some(r, out);
}

FN(index_optionally)
{
	if (a[0].kind != CEL_OPTIONAL)
		return optional_entry(r, a[0], a[1]);
	return a[0].n ? optional_entry(r, *a[0].items, a[1]) : a[0];
}

FN(in_list)
{
	for (size_t i = 0; i < a[1].n; i++) {
		if (cel_work(r, 1))
			return cel_stop(r);
		if (cel_equal(r, a[0], cel_at(r, a[1], i)))
			return cel_bool(1);
	}
	return r->stopped ? cel_stop(r) : cel_bool(0);
}

FN(in_map)
{
	struct cel_val out;

	return cel_bool(cel_lookup(r, a[1], a[0], &out));
}

/* -- relations -- */

FN(equals)
{
	int same = cel_equal(r, a[0], a[1]);

	return r->stopped ? cel_stop(r) : cel_bool(same);
}

FN(differs)
{
	int same = cel_equal(r, a[0], a[1]);

	return r->stopped ? cel_stop(r) : cel_bool(!same);
}

static int is_ordered(struct cel_val a, struct cel_val b)
{
	int numbers = a.kind >= CEL_INT && a.kind <= CEL_DOUBLE && b.kind >= CEL_INT &&
		      b.kind <= CEL_DOUBLE;

	return numbers || (a.kind == b.kind && a.kind >= CEL_BOOL && a.kind <= CEL_DURATION);
}

FN(less)
{
	return is_ordered(a[0], a[1]) ? cel_bool(cel_compare(a[0], a[1]) == CEL_LESS)
				      : cel_no_overload(r);
}

FN(less_or_same)
{
	int c = cel_compare(a[0], a[1]);

	return is_ordered(a[0], a[1]) ? cel_bool(c == CEL_LESS || c == CEL_SAME)
				      : cel_no_overload(r);
}

FN(more)
{
	return is_ordered(a[0], a[1]) ? cel_bool(cel_compare(a[0], a[1]) == CEL_MORE)
				      : cel_no_overload(r);
}

FN(more_or_same)
{
	int c = cel_compare(a[0], a[1]);

	return is_ordered(a[0], a[1]) ? cel_bool(c == CEL_MORE || c == CEL_SAME)
				      : cel_no_overload(r);
}

/* -- time -- */

static struct cel_val timestamp(struct cel_run *r, int64_t sec, int64_t nanos)
{
	sec += nanos / 1000000000;
	nanos %= 1000000000;
	if (nanos < 0) {
		nanos += 1000000000;
		sec--;
	}
	if (sec < -62135596800 || sec > 253402300799)
		return cel_error(r, "timestamp overflow");
	return (struct cel_val){.kind = CEL_TIMESTAMP, .i = sec, .n = (uint32_t)nanos};
}

FN(add_time)
{
	int swapped = a[0].kind == CEL_DURATION;
	struct cel_val t = a[swapped], d = a[!swapped];

	return timestamp(r, t.i + d.i / 1000000000, t.n + d.i % 1000000000);
}

FN(sub_time)
{
	return timestamp(r, a[0].i - a[1].i / 1000000000, a[0].n - a[1].i % 1000000000);
}

FN(between)
{
	int64_t nanos;

	if (__builtin_mul_overflow(a[0].i - a[1].i, (int64_t)1000000000, &nanos) ||
	    __builtin_add_overflow(nanos, (int64_t)a[0].n - (int64_t)a[1].n, &nanos))
		return overflow(r, CEL_DURATION);
	return (struct cel_val){.kind = CEL_DURATION, .i = nanos};
}

FN(add_durations)
{
	int64_t out;

	return __builtin_add_overflow(a[0].i, a[1].i, &out)
		       ? overflow(r, CEL_DURATION)
		       : (struct cel_val){.kind = CEL_DURATION, .i = out};
}

FN(sub_durations)
{
	int64_t out;

	return __builtin_sub_overflow(a[0].i, a[1].i, &out)
		       ? overflow(r, CEL_DURATION)
		       : (struct cel_val){.kind = CEL_DURATION, .i = out};
}

#define RELATION(op, fn)                                                                           \
	{op, "bb>b", fn, COST_1}, {op, "ii>b", fn, COST_1}, {op, "iu>b", fn, COST_1},              \
		{op, "id>b", fn, COST_1}, {op, "ui>b", fn, COST_1}, {op, "uu>b", fn, COST_1},      \
		{op, "ud>b", fn, COST_1}, {op, "di>b", fn, COST_1}, {op, "du>b", fn, COST_1},      \
		{op, "dd>b", fn, COST_1}, {op, "ss>b", fn, COST_EQUAL},                            \
		{op, "yy>b", fn, COST_EQUAL}, {op, "tt>b", fn, COST_1},                            \
	{                                                                                          \
		op, "rr>b", fn, COST_1                                                             \
	}

static const struct cel_function rows[] = {
	{"!_", "b>b", not_bool, COST_1},
	{"-_", "i>i", negate_int, COST_1},
	{"-_", "d>d", negate_double, COST_1},
	{"-_", "r>r", negate_duration, COST_1},
	{"_+_", "ii>i", add_ints, COST_1},
	{"_+_", "uu>u", add_uints, COST_1},
	{"_+_", "dd>d", add_doubles, COST_1},
	{"_+_", "ss>s", add_texts, COST_ADD},
	{"_+_", "yy>y", add_texts, COST_ADD},
	{"_+_", "LALA>LA", add_lists, COST_ADD},
	{"_+_", "tr>t", add_time, COST_1},
	{"_+_", "rt>t", add_time, COST_1},
	{"_+_", "rr>r", add_durations, COST_1},
	{"_-_", "ii>i", sub_ints, COST_1},
	{"_-_", "uu>u", sub_uints, COST_1},
	{"_-_", "dd>d", sub_doubles, COST_1},
	{"_-_", "tt>r", between, COST_1},
	{"_-_", "tr>t", sub_time, COST_1},
	{"_-_", "rr>r", sub_durations, COST_1},
	{"_*_", "ii>i", mul_ints, COST_1},
	{"_*_", "uu>u", mul_uints, COST_1},
	{"_*_", "dd>d", mul_doubles, COST_1},
	{"_/_", "ii>i", div_ints, COST_1},
	{"_/_", "uu>u", div_uints, COST_1},
	{"_/_", "dd>d", div_doubles, COST_1},
	{"_%_", "ii>i", mod_ints, COST_1},
	{"_%_", "uu>u", mod_uints, COST_1},
	{"_==_", "AA>b", equals, COST_EQUAL},
	{"_!=_", "AA>b", differs, COST_EQUAL},
	RELATION("_<_", less),
	RELATION("_<=_", less_or_same),
	RELATION("_>_", more),
	RELATION("_>=_", more_or_same),
	{"_[_]", "LAi>A", index_list, COST_1},
	{"_[_]", "MABA>B", index_map, COST_1},
	{"_[_]", "OLAi>OA", index_optionally, COST_1},
	{"_[_]", "OMABA>OB", index_optionally, COST_1},
	{"_[?_]", "LAi>OA", index_optionally, COST_1},
	{"_[?_]", "MABA>OB", index_optionally, COST_1},
	{"_[?_]", "OLAi>OA", index_optionally, COST_1},
	{"_[?_]", "OMABA>OB", index_optionally, COST_1},
	{"@in", "ALA>b", in_list, COST_IN},
	{"@in", "AMAB>b", in_map, COST_IN},
};
CEL_LIBRARY(lib_operators, rows);
