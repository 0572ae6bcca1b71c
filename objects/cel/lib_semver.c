/* SPDX-License-Identifier: MIT */
/* Semantic versions (semver.org 2.0.0): semver(), isSemver(), with an optional "normalize". */
#include <ctype.h>
#include <inttypes.h>

#include "objects/cel/lib.h"

#define FN(name) static struct cel_val name(struct cel_run *r, const struct cel_val *a, size_t n)

/* Identifiers with dots; numbers of a prerelease have no leading zero. */
static int are_identifiers(const char *s, size_t n, int strict)
{
	size_t start = 0;

	for (size_t i = 0; i <= n; i++) {
		int numeric = 1;

		if (i < n && s[i] != '.') {
			if (!isalnum((unsigned char)s[i]) && s[i] != '-')
				return 0;
			continue;
		}
		if (i == start)
			return 0;
		for (size_t k = start; k < i; k++)
			numeric &= isdigit((unsigned char)s[k]) != 0;
		if (strict && numeric && i - start > 1 && s[start] == '0')
			return 0;
		start = i + 1;
	}
	return 1;
}

/* One of the three numbers. Return: past it, NULL when it is none. */
static const char *read_part(const char *s, int lenient, uint64_t *out)
{
	size_t n = strspn(s, "0123456789");

	if (!n || n > 19 || (!lenient && *s == '0' && n > 1))
		return NULL;
	*out = strtoull(s, NULL, 10);
	return s + n;
}

/* lenient: "v1.2" is 1.2.0, "01.2.3" is 1.2.3. */
static const struct cel_semver *parse(struct cel_run *r, struct cel_val text, int lenient)
{
	struct cel_semver *v = cel_alloc(r, 1, sizeof(*v));
	const char *s = cel_c_string(r, text);
	size_t parts = 0, n;

	if (!v || !s)
		return NULL;
	v->pre = v->build = "";
	s += lenient && *s == 'v';
	for (; parts < 3; parts++) {
		s = read_part(s, lenient, &v->part[parts]);
		if (!s)
			return NULL;
		if (parts < 2 && *s != '.')
			break;
		s += parts < 2;
	}
	if (parts < 2 && (!lenient || *s))
		return NULL;
	if (*s == '-') {
		n = strcspn(++s, "+");
		if (!are_identifiers(s, n, 1))
			return NULL;
		v->pre = arena_strndup(&r->mem, s, n);
		s += n;
	}
	if (*s == '+') {
		if (!are_identifiers(s + 1, strlen(s + 1), 0))
			return NULL;
		v->build = s + 1;
		s += strlen(s);
	}
	return *s ? NULL : v;
}

void lib_render_semver(const struct cel_semver *v, struct buf *out)
{
	buf_addf(out, "%" PRIu64 ".%" PRIu64 ".%" PRIu64, v->part[0], v->part[1], v->part[2]);
	if (*v->pre)
		buf_addf(out, "-%s", v->pre);
	if (*v->build)
		buf_addf(out, "+%s", v->build);
}

/* -- order: without the build -- */

static int compare_identifier(const char *a, size_t n, const char *b, size_t m)
{
	int a_number = strspn(a, "0123456789") >= n, b_number = strspn(b, "0123456789") >= m;
	int c;

	if (a_number != b_number)
		return a_number ? -1 : 1;
	if (a_number && n != m)
		return n < m ? -1 : 1;
	c = memcmp(a, b, n < m ? n : m);
	return c ? (c < 0 ? -1 : 1) : n < m ? -1 : n > m;
}

static int compare_pre(const char *a, const char *b)
{
	if (!*a || !*b)
		return (*b != 0) - (*a != 0); /* none is the highest */
	for (;;) {
		size_t n = strcspn(a, "."), m = strcspn(b, ".");
		int c = compare_identifier(a, n, b, m);

		if (c || (!a[n] && !b[m]))
			return c;
		if (!a[n] || !b[m])
			return a[n] ? 1 : -1;
		a += n + 1;
		b += m + 1;
	}
}

static int compare(const struct cel_val *a)
{
	const struct cel_semver *x = a[0].other, *y = a[1].other;

	for (size_t i = 0; i < 3; i++)
		if (x->part[i] != y->part[i])
			return x->part[i] < y->part[i] ? -1 : 1;
	return compare_pre(x->pre, y->pre);
}

/* -- functions -- */

static int is_lenient(const struct cel_val *a, size_t n)
{
	return n == 2 && a[1].i;
}

FN(to_semver)
{
	const struct cel_semver *v = parse(r, *a, is_lenient(a, n));

	if (!v)
		return cel_error(r, "parsing \"%.*s\" as a semantic version failed",
				 (int)(a->n > 100 ? 100 : a->n), a->s);
	return cel_other(CEL_SEMVER, v);
}

FN(is_semver)
{
	return cel_bool(parse(r, *a, is_lenient(a, n)) != NULL);
}

static struct cel_val part(const struct cel_val *a, size_t i)
{
	return cel_int((int64_t)((const struct cel_semver *)a->other)->part[i]);
}

FN(major)
{
	return part(a, 0);
}

FN(minor)
{
	return part(a, 1);
}

FN(patch)
{
	return part(a, 2);
}

FN(compare_to)
{
	return cel_int(compare(a));
}

FN(is_greater)
{
	return cel_bool(compare(a) > 0);
}

FN(is_less)
{
	return cel_bool(compare(a) < 0);
}

static const struct cel_function rows[] = {
	{"semver", "s>V", to_semver, COST_TRAVERSE},
	{"semver", "sb>V", to_semver, COST_TRAVERSE},
	{"isSemver", "s>b", is_semver, COST_TRAVERSE},
	{"isSemver", "sb>b", is_semver, COST_TRAVERSE},
	{"major", ".V>i", major, COST_1},
	{"minor", ".V>i", minor, COST_1},
	{"patch", ".V>i", patch, COST_1},
	{"compareTo", ".VV>i", compare_to, COST_1},
	{"isGreaterThan", ".VV>b", is_greater, COST_1},
	{"isLessThan", ".VV>b", is_less, COST_1},
};
CEL_LIBRARY(lib_semver, rows);
