/* SPDX-License-Identifier: MIT */
/*
 * JSON to values, straight: one pass, no tokens, strings copied once.
 * RFC 8259 to the letter; besides, duplicate names and NUL are refused, and a
 * surrogate must have its other half.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "objects/codec.h"
#include "objects/codec/codec_i.h"
#include "objects/codec/utf8.h"

struct json {
	const char *text, *at, *end;
	struct buf scratch; /* a string that has escapes */
	unsigned depth;
	struct err *err;
};

static struct value *parse(struct json *j);

static struct value *fail(struct json *j, const char *at, const char *fmt, ...) PRINTF_LIKE(3, 4);
static struct value *fail(struct json *j, const char *at, const char *fmt, ...)
{
	char what[256];
	struct place p = place_of(j->text, (size_t)(at - j->text));
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	err_set(j->err, EINVAL, "line %u, column %u: %s", p.line, p.column, what);
	return NULL;
}

static void skip_space(struct json *j)
{
	while (j->at < j->end &&
	       (*j->at == ' ' || *j->at == '\n' || *j->at == '\t' || *j->at == '\r'))
		j->at++;
}

static struct value *unexpected(struct json *j, const char *wanted)
{
	if (j->at >= j->end)
		return fail(j, j->end, "the text ends where %s is expected", wanted);
	if (*j->at > ' ' && *j->at < 0x7f)
		return fail(j, j->at, "'%c' where %s is expected", *j->at, wanted);
	return fail(j, j->at, "byte 0x%02x where %s is expected", (unsigned char)*j->at, wanted);
}

static int hex4(struct json *j, const char *at, uint32_t *out)
{
	uint32_t v = 0;

	if (j->end - at < 4)
		return 0;
	for (int i = 0; i < 4; i++) {
		char c = at[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			v = v << 4 | (uint32_t)((c | 32) - 'a' + 10);
		else
			return 0;
	}
	*out = v;
	return 1;
}

/* \uXXXX, with its other half when it is a surrogate. at: behind the u. Return: bytes used, 0 with
 * a fault. */
static size_t unescape_unicode(struct json *j, const char *at)
{
	uint32_t cp, low;
	size_t used = 4;
	char utf8[4];

	if (!hex4(j, at, &cp)) {
		fail(j, at, "\\u needs four hexadecimal digits");
		return 0;
	}
	if (cp >= 0xd800 && cp <= 0xdfff) {
		if (cp >= 0xdc00 || j->end - at < 10 || at[4] != '\\' || at[5] != 'u' ||
		    !hex4(j, at + 6, &low) || low < 0xdc00 || low > 0xdfff) {
			fail(j, at, "surrogate \\u%04x stands alone", cp);
			return 0;
		}
		cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
		used = 10;
	}
	if (cp == 0) {
		fail(j, at, "\\u0000 is not allowed: text must not hold a NUL byte");
		return 0;
	}
	buf_add(&j->scratch, utf8, utf8_encode(cp, utf8));
	return used;
}

/* At a backslash. Return: 1, or 0 with a fault. */
static int unescape(struct json *j)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *hit;
	size_t used;

	if (j->at + 1 >= j->end) {
		fail(j, j->at, "the text ends within an escape");
		return 0;
	}
	hit = j->at[1] ? strchr(from, j->at[1]) : NULL;
	if (hit) {
		buf_addc(&j->scratch, to[hit - from]);
		j->at += 2;
		return 1;
	}
	if (j->at[1] != 'u') {
		fail(j, j->at, "unknown escape in a string");
		return 0;
	}
	used = unescape_unicode(j, j->at + 2);
	j->at += 2 + used;
	return used != 0;
}

/* A run of characters that stand for themselves. Return: 1, or 0 with a fault. */
static int plain_run(struct json *j)
{
	while (j->at < j->end && *j->at != '"' && *j->at != '\\') {
		unsigned char c = (unsigned char)*j->at;
		size_t n = 1;

		if (c < 0x20) {
			fail(j, j->at, "control character 0x%02x in a string must be escaped", c);
			return 0;
		}
		if (c >= 0x80)
			n = utf8_char(j->at, (size_t)(j->end - j->at));
		if (!n) {
			fail(j, j->at, "invalid UTF-8");
			return 0;
		}
		j->at += n;
	}
	if (j->at < j->end)
		return 1;
	fail(j, j->end, "the text ends within a string");
	return 0;
}

/* At the opening quote. The text is lent until the next string. */
static int parse_string(struct json *j, const char **s, size_t *n)
{
	const char *start = ++j->at;

	if (!plain_run(j))
		return 0;
	if (*j->at == '"') {
		*s = start;
		*n = (size_t)(j->at++ - start);
		return 1;
	}
	j->scratch.len = 0;
	for (;;) {
		buf_add(&j->scratch, start, (size_t)(j->at - start));
		if (*j->at == '"')
			break;
		if (!unescape(j))
			return 0;
		start = j->at;
		if (!plain_run(j))
			return 0;
	}
	j->at++;
	*s = j->scratch.data;
	*n = j->scratch.len;
	return 1;
}

static void skip_digits(struct json *j)
{
	while (j->at < j->end && *j->at >= '0' && *j->at <= '9')
		j->at++;
}

/* Past the number. Return: 1 and whether it is an integer, or 0 with a fault. */
static int scan_number(struct json *j, int *integer)
{
	const char *digits;

	*integer = 1;
	if (*j->at == '-')
		j->at++;
	digits = j->at;
	skip_digits(j);
	if (j->at == digits)
		return unexpected(j, "a digit") != NULL;
	if (*digits == '0' && j->at > digits + 1) {
		fail(j, digits, "a number must not begin with 0");
		return 0;
	}
	if (j->at < j->end && *j->at == '.') {
		*integer = 0;
		digits = ++j->at;
		skip_digits(j);
		if (j->at == digits)
			return unexpected(j, "a digit") != NULL;
	}
	if (j->at < j->end && (*j->at | 32) == 'e') {
		*integer = 0;
		j->at++;
		if (j->at < j->end && (*j->at == '+' || *j->at == '-'))
			j->at++;
		digits = j->at;
		skip_digits(j);
		if (j->at == digits)
			return unexpected(j, "a digit") != NULL;
	}
	return 1;
}

static struct value *parse_number(struct json *j)
{
	const char *start = j->at;
	int integer;
	size_t n;
	int64_t i;
	double d;

	if (!scan_number(j, &integer))
		return NULL;
	n = (size_t)(j->at - start);
	if (integer && int_of(start, n, &i))
		return value_new_int(i);
	d = double_of(start, n);
	return isfinite(d) ? value_new_double(d) : fail(j, start, "the number is out of range");
}

static struct value *parse_word(struct json *j, const char *word, struct value *v)
{
	size_t n = strlen(word);

	if ((size_t)(j->end - j->at) < n || memcmp(j->at, word, n) != 0)
		return unexpected(j, "a value");
	j->at += n;
	return v;
}

static struct value *parse_list(struct json *j)
{
	CLEANUP_VALUE struct value *list = value_new_list();

	j->at++;
	skip_space(j);
	if (j->at < j->end && *j->at == ']') {
		j->at++;
		return STEAL(list);
	}
	for (;;) {
		struct value *item = parse(j);

		if (!item)
			return NULL;
		list = value_append(list, item);
		skip_space(j);
		if (j->at < j->end && *j->at == ']')
			break;
		if (j->at >= j->end || *j->at != ',')
			return unexpected(j, "',' or ']'");
		j->at++;
	}
	j->at++;
	return STEAL(list);
}

/* One `"name": value`. Return: the map, or NULL with a fault (and the map freed). */
static struct value *parse_member(struct json *j, struct value *taken_map)
{
	CLEANUP_VALUE struct value *map = taken_map;
	char small[128];
	CLEANUP_FREE char *big = NULL;
	const char *key;
	struct value *child;
	size_t n;

	skip_space(j);
	if (j->at >= j->end || *j->at != '"')
		return unexpected(j, "a name in double quotes");
	if (!parse_string(j, &key, &n))
		return NULL;
	if (key == j->scratch.data) { /* the child's strings use the same buffer */
		char *keep = n <= sizeof(small) ? small : (big = xmalloc(n));

		memcpy(keep, key, n);
		key = keep;
	}
	skip_space(j);
	if (j->at >= j->end || *j->at != ':')
		return unexpected(j, "':'");
	j->at++;
	child = parse(j);
	if (!child)
		return NULL;
	map = value_map_add(map, key, n, child);
	return STEAL(map);
}

static struct value *parse_map(struct json *j)
{
	CLEANUP_VALUE struct value *map = value_new_map();
	const char *start = j->at++, *dup;

	skip_space(j);
	if (j->at < j->end && *j->at == '}') {
		j->at++;
		return STEAL(map);
	}
	for (;;) {
		map = parse_member(j, map);
		if (!map)
			return NULL;
		skip_space(j);
		if (j->at < j->end && *j->at == '}')
			break;
		if (j->at >= j->end || *j->at != ',')
			return unexpected(j, "',' or '}'");
		j->at++;
	}
	j->at++;
	map = value_map_seal(map, &dup);
	if (dup)
		return fail(j, start, "key \"%.200s\" already set in map", dup);
	return STEAL(map);
}

static struct value *parse_nested(struct json *j, struct value *(*inner)(struct json *))
{
	struct value *v;

	if (j->depth >= VALUE_MAX_DEPTH)
		return fail(j, j->at, "nested deeper than %d levels", VALUE_MAX_DEPTH);
	j->depth++;
	v = inner(j);
	j->depth--;
	return v;
}

static struct value *parse(struct json *j)
{
	const char *s;
	size_t n;

	skip_space(j);
	if (j->at >= j->end)
		return unexpected(j, "a value");
	switch (*j->at) {
	case '{':
		return parse_nested(j, parse_map);
	case '[':
		return parse_nested(j, parse_list);
	case '"':
		return parse_string(j, &s, &n) ? value_new_stringn(s, n) : NULL;
	case 't':
		return parse_word(j, "true", value_new_bool(1));
	case 'f':
		return parse_word(j, "false", value_new_bool(0));
	case 'n':
		return parse_word(j, "null", value_new_null());
	case '-':
	case '0' ... '9':
		return parse_number(j);
	default:
		return unexpected(j, "a value");
	}
}

struct value *json_parse(const char *text, size_t len, struct err *err)
{
	struct json j = {.text = text, .at = text, .end = text + len, .err = err};
	CLEANUP_VALUE struct value *v = NULL;

	if (len > CODEC_MAX_JSON_BYTES) {
		err_set(err, EFBIG, "the text is larger than %u bytes", CODEC_MAX_JSON_BYTES);
		return NULL;
	}
	v = parse(&j);
	buf_fini(&j.scratch);
	if (!v)
		return NULL;
	skip_space(&j);
	if (j.at < j.end)
		return unexpected(&j, "the end of the text");
	return STEAL(v);
}
