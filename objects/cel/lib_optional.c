/* SPDX-License-Identifier: MIT */
/* Optional values; or() and orValue() are the evaluator's (eval.c): these are their types. */
#include "objects/cel/lib.h"

#define FN(name) static struct cel_val name(struct cel_run *r, const struct cel_val *a, size_t n)

FN(of)
{
	return cel_some(r, *a);
}

FN(none)
{
	return cel_none();
}

/* Is it what an absent field would be? */
static int is_zero(struct cel_val v)
{
	switch (v.kind) {
	case CEL_NULL:
		return 1;
	case CEL_BOOL:
	case CEL_INT:
	case CEL_UINT:
	case CEL_DURATION:
		return v.i == 0;
	case CEL_DOUBLE:
		return !(v.d < 0 || v.d > 0) && v.d >= 0;
	case CEL_STRING:
	case CEL_BYTES:
	case CEL_LIST:
	case CEL_MAP:
	case CEL_OBJECT:
	case CEL_OPTIONAL:
		return v.n == 0;
	default:
		return 0;
	}
}

FN(of_non_zero)
{
	return is_zero(*a) ? cel_none() : cel_some(r, *a);
}

FN(has_value)
{
	return cel_bool(a->n != 0);
}

FN(value)
{
	return a->n ? *a->items : cel_error(r, "optional.none() dereference");
}

FN(unwrap)
{
	struct cel_val *items = cel_alloc(r, a->n + 1u, sizeof(*items));
	size_t kept = 0;

	for (size_t i = 0; items && i < a->n; i++) {
		struct cel_val e = cel_at(r, *a, i);

		if (e.kind != CEL_OPTIONAL)
			return cel_is_error(e) ? e : cel_no_overload(r);
		if (e.n)
			items[kept++] = *e.items;
	}
	return items ? cel_list(items, kept) : cel_stop(r);
}

FN(either)
{
	return a[0].n ? a[0] : a[1];
}

FN(or_value)
{
	return a[0].n ? *a[0].items : a[1];
}

/* A key of a JSON Pointer, for JSONPatch. */
FN(escape_key)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT;

	for (size_t i = 0; i < a->n; i++) {
		if (a->s[i] == '~')
			buf_adds(&b, "~0");
		else if (a->s[i] == '/')
			buf_adds(&b, "~1");
		else
			buf_addc(&b, a->s[i]);
	}
	return cel_text_of(r, &b);
}

static const struct cel_function rows[] = {
	{"optional.of", "A>OA", of, COST_1},
	{"optional.ofNonZeroValue", "A>OA", of_non_zero, COST_1},
	{"optional.none", ">OA", none, COST_1},
	{"optional.unwrap", "LOA>LA", unwrap, COST_TRAVERSE},
	{"unwrapOpt", ".LOA>LA", unwrap, COST_TRAVERSE},
	{"hasValue", ".OA>b", has_value, COST_1},
	{"value", ".OA>A", value, COST_1},
	{"or", ".OAOA>OA", either, COST_1},
	{"orValue", ".OAA>A", or_value, COST_1},
	{"jsonpatch.escapeKey", "s>s", escape_key, COST_TRAVERSE},
};
CEL_LIBRARY(lib_optional, rows);
