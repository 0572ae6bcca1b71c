/* SPDX-License-Identifier: MIT */
/* Texts: the functions of cel-go's extension, version 2. Positions count characters. */
#include <ctype.h>

#include "objects/cel/format.h"
#include "objects/cel/lib.h"
#include "objects/codec/utf8.h"

#define FN(name) static struct cel_val name(struct cel_run *r, const struct cel_val *a, size_t n)

static struct cel_val out_of_range(struct cel_run *r, int64_t i)
{
	return cel_error(r, "index out of range: %lld", (long long)i);
}

FN(char_at)
{
	size_t chars = cel_chars(a->s, a->n), from, to;

	if (a[1].i < 0 || a[1].i > (int64_t)chars)
		return out_of_range(r, a[1].i);
	from = cel_offset(a->s, a->n, (size_t)a[1].i);
	to = from + cel_offset(a->s + from, a->n - from, 1);
	return lib_slice(*a, from, to);
}

/* -- search -- */

FN(index_of)
{
	size_t chars = cel_chars(a->s, a->n), from = 0;
	const char *found;

	if (n == 3) {
		if (a[2].i < 0 || a[2].i > (int64_t)chars)
			return out_of_range(r, a[2].i);
		from = cel_offset(a->s, a->n, (size_t)a[2].i);
	}
	if (!a[1].n)
		return cel_int((int64_t)cel_chars(a->s, from));
	found = memmem(a->s + from, a->n - from, a[1].s, a[1].n);
	return cel_int(found ? (int64_t)cel_chars(a->s, (size_t)(found - a->s)) : -1);
}

FN(last_index_of)
{
	size_t chars = cel_chars(a->s, a->n), from = a->n;

	if (n == 3) {
		if (a[2].i < 0 || a[2].i > (int64_t)chars)
			return out_of_range(r, a[2].i);
		from = cel_offset(a->s, a->n, (size_t)a[2].i);
	}
	if (!a[1].n)
		return cel_int((int64_t)cel_chars(a->s, from));
	if (a[1].n > a->n)
		return cel_int(-1);
	if (from > a->n - a[1].n)
		from = a->n - a[1].n;
	for (size_t i = from + 1; i-- > 0;) {
		if (cel_work(r, 1))
			return cel_stop(r);
		if (memcmp(a->s + i, a[1].s, a[1].n) == 0)
			return cel_int((int64_t)cel_chars(a->s, i));
	}
	return cel_int(-1);
}

/* -- parts -- */

FN(substring)
{
	size_t chars = cel_chars(a->s, a->n);
	int64_t from = a[1].i, to = n == 3 ? a[2].i : (int64_t)chars;

	if (from < 0 || from > (int64_t)chars)
		return out_of_range(r, from);
	if (to < 0 || to > (int64_t)chars)
		return out_of_range(r, to);
	if (from > to)
		return cel_error(r, "invalid substring range. start: %lld, end: %lld",
				 (long long)from, (long long)to);
	return lib_slice(*a, cel_offset(a->s, a->n, (size_t)from),
			 cel_offset(a->s, a->n, (size_t)to));
}

/* Bytes of white space (Unicode's) at s, 0 if there is none. */
static size_t blank_at(const char *s, size_t n)
{
	static const uint32_t blanks[] = {0x85,   0xa0,   0x1680, 0x2028,
					  0x2029, 0x202f, 0x205f, 0x3000};
	uint32_t cp;
	size_t len = n ? utf8_decode(s, n, &cp) : 0;

	if (!len)
		return 0;
	if (cp == ' ' || (cp >= '\t' && cp <= '\r') || (cp >= 0x2000 && cp <= 0x200a))
		return len;
	for (size_t i = 0; i < ARRAY_LEN(blanks); i++)
		if (blanks[i] == cp)
			return len;
	return 0;
}

FN(trim)
{
	size_t from = 0, to = a->n, len;

	while (from < to && (len = blank_at(a->s + from, to - from)))
		from += len;
	while (to > from) {
		size_t last = to - 1;

		while (last > from && ((unsigned char)a->s[last] & 0xc0) == 0x80)
			last--;
		if (blank_at(a->s + last, to - last) != to - last)
			break;
		to = last;
	}
	return lib_slice(*a, from, to);
}

FN(lower)
{
	struct cel_val v = cel_text_copy(r, a->s, a->n);

	for (size_t i = 0; v.kind == CEL_STRING && i < v.n; i++)
		((char *)(uintptr_t)v.s)[i] =
			(char)(v.s[i] >= 'A' && v.s[i] <= 'Z' ? v.s[i] + 32 : v.s[i]);
	return v;
}

FN(upper)
{
	struct cel_val v = cel_text_copy(r, a->s, a->n);

	for (size_t i = 0; v.kind == CEL_STRING && i < v.n; i++)
		((char *)(uintptr_t)v.s)[i] =
			(char)(v.s[i] >= 'a' && v.s[i] <= 'z' ? v.s[i] - 32 : v.s[i]);
	return v;
}

FN(reverse)
{
	struct cel_val v = cel_text_copy(r, a->s, a->n);

	for (size_t i = 0; v.kind == CEL_STRING && i < a->n;) {
		size_t len = cel_offset(a->s + i, a->n - i, 1);

		memcpy((char *)(uintptr_t)v.s + a->n - i - len, a->s + i, len);
		i += len;
	}
	return v;
}

/* -- replace, split, join -- */

static int too_long(struct cel_run *r, const struct buf *b)
{
	return b->len > CEL_TEXT_RESULT_MAX || cel_work(r, 1);
}

/* An empty text stands before each character and at the end. */
FN(replace)
{
	int64_t left = n == 4 && a[3].i >= 0 ? a[3].i : INT64_MAX;
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	size_t i = 0;

	while (left > 0 && i <= a->n) {
		const char *found = a[1].n ? memmem(a->s + i, a->n - i, a[1].s, a[1].n) : a->s + i;
		size_t at = found ? (size_t)(found - a->s) : a->n, step;

		if (!found)
			break;
		buf_add(&out, a->s + i, at - i);
		buf_add(&out, a[2].s, a[2].n);
		step = a[1].n ? 0 : cel_offset(a->s + at, a->n - at, 1);
		buf_add(&out, a->s + at, step);
		i = at + a[1].n + step;
		left--;
		if (too_long(r, &out))
			return cel_stop(r);
		if (!a[1].n && !step) /* was the end */
			return cel_text_of(r, &out);
	}
	if (i < a->n)
		buf_add(&out, a->s + i, a->n - i);
	return cel_text_of(r, &out);
}

static size_t part_count(const struct cel_val *a, int64_t limit)
{
	size_t count = 1;

	if (!a[1].n)
		count = cel_chars(a->s, a->n);
	for (size_t i = 0; a[1].n && i < a->n;) {
		const char *found = memmem(a->s + i, a->n - i, a[1].s, a[1].n);

		if (!found)
			break;
		count++;
		i = (size_t)(found - a->s) + a[1].n;
	}
	return limit >= 0 && count > (size_t)limit ? (size_t)limit : count;
}

FN(split)
{
	int64_t limit = n == 3 ? a[2].i : -1;
	size_t count = part_count(a, limit), at = 0;
	struct cel_val *parts = cel_alloc(r, count + 1, sizeof(*parts));

	if (!parts || cel_work(r, count))
		return cel_stop(r);
	for (size_t i = 0; i < count; i++) {
		const char *found = NULL;
		size_t end = a->n;

		if (i + 1 < count && a[1].n)
			found = memmem(a->s + at, a->n - at, a[1].s, a[1].n);
		if (found)
			end = (size_t)(found - a->s);
		else if (i + 1 < count)
			end = at + cel_offset(a->s + at, a->n - at, 1);
		parts[i] = lib_slice(*a, at, end);
		at = end + (found ? a[1].n : 0);
	}
	return cel_list(parts, count);
}

FN(join)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	for (size_t i = 0; i < a->n; i++) {
		struct cel_val e = cel_at(r, *a, i);

		if (e.kind != CEL_STRING)
			return cel_is_error(e) ? e : cel_no_overload(r);
		if (i && n == 2)
			buf_add(&out, a[1].s, a[1].n);
		buf_add(&out, e.s, e.n);
		if (too_long(r, &out))
			return cel_stop(r);
	}
	return cel_text_of(r, &out);
}

/* -- quotes and formats -- */

FN(quote)
{
	static const char from[] = "\a\b\f\n\r\t\v\\\"", to[] = "abfnrtv\\\"";
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	buf_addc(&out, '"');
	for (size_t i = 0; i < a->n; i++) {
		const char *special = a->s[i] ? strchr(from, a->s[i]) : NULL;

		if (special)
			buf_addf(&out, "\\%c", to[special - from]);
		else
			buf_addc(&out, a->s[i]);
	}
	buf_addc(&out, '"');
	return cel_text_of(r, &out);
}

FN(format)
{
	return cel_format(r, a[0], a[1]);
}

static const struct cel_function rows[] = {
	{"charAt", ".si>s", char_at, COST_1},
	{"format", ".sLD>s", format, COST_TRAVERSE},
	{"indexOf", ".ss>i", index_of, COST_TRAVERSE},
	{"indexOf", ".ssi>i", index_of, COST_TRAVERSE},
	{"join", ".Ls>s", join, COST_RESULT2},
	{"join", ".Lss>s", join, COST_RESULT2},
	{"lastIndexOf", ".ss>i", last_index_of, COST_TRAVERSE},
	{"lastIndexOf", ".ssi>i", last_index_of, COST_TRAVERSE},
	{"lowerAscii", ".s>s", lower, COST_TRAVERSE},
	{"replace", ".sss>s", replace, COST_TRAVERSE2},
	{"replace", ".sssi>s", replace, COST_TRAVERSE2},
	{"reverse", ".s>s", reverse, COST_TRAVERSE},
	{"split", ".ss>Ls", split, COST_TRAVERSE2},
	{"split", ".ssi>Ls", split, COST_TRAVERSE2},
	{"strings.quote", "s>s", quote, COST_TRAVERSE},
	{"substring", ".si>s", substring, COST_TRAVERSE},
	{"substring", ".sii>s", substring, COST_TRAVERSE},
	{"trim", ".s>s", trim, COST_TRAVERSE},
	{"upperAscii", ".s>s", upper, COST_TRAVERSE},
};
CEL_LIBRARY(lib_strings, rows);
