/* SPDX-License-Identifier: MIT */
/* Texts, as the language itself knows them; sizes; regular expressions. */
#include "objects/cel/lib.h"

#define FN(name) static struct cel_val name(struct cel_run *r, const struct cel_val *a, size_t n)

FN(size)
{
	return cel_int(a->kind == CEL_STRING ? (int64_t)cel_chars(a->s, a->n) : (int64_t)a->n);
}

FN(contains)
{
	if (!a[1].n)
		return cel_bool(1);
	return cel_bool(a[0].n && memmem(a[0].s, a[0].n, a[1].s, a[1].n) != NULL);
}

FN(starts_with)
{
	return cel_bool(a[0].n >= a[1].n && (!a[1].n || memcmp(a[0].s, a[1].s, a[1].n) == 0));
}

FN(ends_with)
{
	return cel_bool(a[0].n >= a[1].n &&
			(!a[1].n || memcmp(a[0].s + a[0].n - a[1].n, a[1].s, a[1].n) == 0));
}

struct pattern *lib_pattern(struct cel_run *r, struct cel_val text, struct cel_val *error)
{
	struct err err = ERR_INIT;
	const char *s = cel_c_string(r, text);
	struct pattern *p = s ? pattern_new(s, &err) : NULL;

	cel_work(r, 1000);
	if (!p)
		*error = cel_error(r, "%s", s ? err.msg : "a pattern holds a NUL");
	return p;
}

FN(matches)
{
	struct cel_val error;
	const struct pattern *p = r->pattern;
	struct pattern *own = NULL;
	size_t work = 0;
	int rc;

	if (!p)
		p = own = lib_pattern(r, a[1], &error);
	if (!p)
		return error;
	rc = pattern_matches(p, a[0].s ? a[0].s : "", a[0].n, &work);
	pattern_free(own);
	if (rc < 0 || cel_work(r, work))
		return cel_stop(r);
	return cel_bool(rc);
}

static const struct cel_function rows[] = {
	{"size", "s>i", size, COST_1},
	{"size", "y>i", size, COST_1},
	{"size", "LA>i", size, COST_1},
	{"size", "MAB>i", size, COST_1},
	{"size", ".s>i", size, COST_1},
	{"size", ".y>i", size, COST_1},
	{"size", ".LA>i", size, COST_1},
	{"size", ".MAB>i", size, COST_1},
	{"contains", ".ss>b", contains, COST_CONTAINS},
	{"startsWith", ".ss>b", starts_with, COST_AFFIX},
	{"endsWith", ".ss>b", ends_with, COST_AFFIX},
	{"matches", ".ss>b", matches, COST_MATCHES},
	{"matches", "ss>b", matches, COST_MATCHES},
};
CEL_LIBRARY(lib_text, rows);
