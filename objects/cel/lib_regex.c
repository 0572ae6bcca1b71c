/* SPDX-License-Identifier: MIT */
/* find and findAll of regular expressions: Kubernetes' library. */
#include "objects/cel/lib.h"

#define FN(name) static struct cel_val name(struct cel_run *r, const struct cel_val *a, size_t n)

/* At most `limit` matches (negative: all) as texts. */
static struct cel_val find_all(struct cel_run *r, const struct pattern *p, struct cel_val text,
			       int64_t limit)
{
	struct cel_val *found = NULL;
	size_t n = 0, cap = 0, at = 0, from, to, work = 0;

	while ((limit < 0 || (int64_t)n < limit) && at <= text.n) {
		int rc = pattern_find(p, text.s, text.n, at, &from, &to, &work);

		if (rc < 0 || cel_work(r, 1 + work))
			return cel_stop(r);
		work = 0;
		if (!rc)
			break;
		if (n == cap) {
			struct cel_val *more = cel_alloc(r, cap ? 2 * cap : 4, sizeof(*more));

			if (!more)
				return cel_stop(r);
			if (n)
				memcpy(more, found, n * sizeof(*more));
			found = more;
			cap = cap ? 2 * cap : 4;
		}
		/* an empty match right behind another is none */
		if (to > from || !n || from > (size_t)(found[n - 1].s - text.s) + found[n - 1].n)
			found[n++] = lib_slice(text, from, to);
		at = to > from ? to : to + cel_offset(text.s + to, text.n - to, 1);
		if (to == from && to >= text.n)
			break;
	}
	return cel_list(found, n);
}

static struct cel_val search(struct cel_run *r, const struct cel_val *a, int64_t limit)
{
	const struct pattern *p = r->pattern;
	struct pattern *own = NULL;
	struct cel_val out;

	if (!p)
		p = own = lib_pattern(r, a[1], &out);
	if (p)
		out = find_all(r, p, a[0], limit);
	pattern_free(own);
	return out;
}

FN(find)
{
	struct cel_val list = search(r, a, 1);

	if (cel_is_error(list))
		return list;
	return list.n ? list.items[0] : cel_text("", 0);
}

FN(find_every)
{
	return search(r, a, n == 3 ? a[2].i : -1);
}

static const struct cel_function rows[] = {
	{"find", ".ss>s", find, COST_MATCHES},
	{"findAll", ".ss>Ls", find_every, COST_MATCHES},
	{"findAll", ".ssi>Ls", find_every, COST_MATCHES},
};
CEL_LIBRARY(lib_regex, rows);
