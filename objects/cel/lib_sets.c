/* SPDX-License-Identifier: MIT */
/* Lists as sets: cel-go's extension. */
#include "objects/cel/lib.h"

#define FN(name) static struct cel_val name(struct cel_run *r, const struct cel_val *a, size_t n)

/* How many elements of b are in a. */
static size_t common(struct cel_run *r, struct cel_val a, struct cel_val b)
{
	struct cel_map *m = cel_map_new(r);
	struct cel_val out;
	size_t found = 0;

	for (size_t i = 0; m && i < a.n && !cel_work(r, 1); i++)
		if (cel_map_put(r, m, cel_at(r, a, i), cel_null()) < 0)
			return 0;
	for (size_t i = 0; m && i < b.n && !cel_work(r, 1); i++)
		found += (size_t)cel_lookup(r, cel_map_val(m), cel_at(r, b, i), &out);
	return found;
}

static struct cel_val answer(struct cel_run *r, int yes)
{
	return r->stopped ? cel_stop(r) : cel_bool(yes);
}

FN(contains)
{
	return answer(r, common(r, a[0], a[1]) == a[1].n);
}

FN(equivalent)
{
	return answer(r, common(r, a[0], a[1]) == a[1].n && common(r, a[1], a[0]) == a[0].n);
}

FN(intersects)
{
	return answer(r, common(r, a[0], a[1]) > 0);
}

static const struct cel_function rows[] = {
	{"sets.contains", "LALA>b", contains, COST_SETS},
	{"sets.equivalent", "LALA>b", equivalent, COST_SETS},
	{"sets.intersects", "LALA>b", intersects, COST_SETS},
};
CEL_LIBRARY(lib_sets, rows);
