/* SPDX-License-Identifier: MIT */
/*
 * Questions to one schema: which field, which child, which name was meant.
 */
#include "objects/schema.h"

#define SUGGEST_MAX 40 /* longer names are not compared: the work stays bounded */

const struct schema_field *schema_field(const struct schema *s, const char *name)
{
	size_t lo = 0, hi;

	if (!s || s->type != SCHEMA_STRUCT || !name)
		return NULL;
	hi = s->n_fields;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = strcmp(name, s->fields[mid].name);

		if (c == 0)
			return &s->fields[mid];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

const struct schema *schema_child(const struct schema *s, const char *key)
{
	const struct schema_field *f;

	if (!s)
		return NULL;
	if (s->type == SCHEMA_MAP)
		return s->items;
	f = schema_field(s, key);
	return f ? f->schema : NULL;
}

static int lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* Optimal string alignment (a swap costs one), case ignored; stops past `bound`. */
static size_t distance(const char *a, size_t n, const char *b, size_t m, size_t bound)
{
	size_t rows[3][SUGGEST_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= m; j++)
		last[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *spare = before, best = row[0] = i;

		for (size_t j = 1; j <= m; j++) {
			size_t d = last[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));

			d = last[j] + 1 < d ? last[j] + 1 : d;
			d = row[j - 1] + 1 < d ? row[j - 1] + 1 : d;
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]) && before[j - 2] + 1 < d)
				d = before[j - 2] + 1;
			row[j] = d;
			best = d < best ? d : best;
		}
		if (best > bound)
			return best;
		before = last;
		last = row;
		row = spare;
	}
	return last[m];
}

const char *schema_suggest(const struct schema *s, const char *misspelt)
{
	const char *found = NULL;
	size_t n = misspelt ? strlen(misspelt) : 0, bound;

	if (!s || s->type != SCHEMA_STRUCT || n < 2 || n > SUGGEST_MAX)
		return NULL;
	bound = n <= 4 ? 1 : n <= 8 ? 2 : 3;
	for (size_t i = 0; i < s->n_fields; i++) {
		const char *name = s->fields[i].name;
		size_t m = strlen(name), d;

		if (m > SUGGEST_MAX || m > n + bound || n > m + bound)
			continue;
		d = distance(misspelt, n, name, m, bound);
		if (d <= bound) {
			found = name;
			bound = d ? d - 1 : 0;
			if (d == 0)
				break;
		}
	}
	return found;
}
