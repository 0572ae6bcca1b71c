/* SPDX-License-Identifier: MIT */
/* Tokens: names, marks and literals. Source: cel-spec langdef.md, "Syntax". */
#include "objects/cel/lex.h"

#include <ctype.h>
#include <errno.h>

#include "objects/codec/utf8.h"

static int is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static struct token bad(struct complaint *c, size_t at, const char *why)
{
	complain(c, at, "Syntax error: %s", why);
	return (struct token){.kind = TOKEN_BAD, .at = at};
}

static size_t skip_blank(const char *s, size_t at)
{
	for (;;) {
		at += strspn(s + at, " \t\r\n\f");
		if (s[at] != '/' || s[at + 1] != '/')
			return at;
		at += strcspn(s + at, "\n");
	}
}

/* -- numbers -- */

static size_t digits(const char *s)
{
	return strspn(s, "0123456789");
}

/* Bytes of a float at s, 0 if it is none. */
static size_t float_length(const char *s)
{
	size_t n = digits(s), whole = n, e;
	int is_float = 0;

	if (s[n] == '.' && isdigit((unsigned char)s[n + 1])) {
		n += 1 + digits(s + n + 1);
		is_float = 1;
	}
	if (!whole && !is_float)
		return 0;
	if (s[n] == 'e' || s[n] == 'E') {
		e = n + 1 + (s[n + 1] == '+' || s[n + 1] == '-');
		if (isdigit((unsigned char)s[e])) {
			n = e + digits(s + e);
			is_float = 1;
		}
	}
	return is_float ? n : 0;
}

static struct token lex_number(struct arena *m, struct complaint *c, size_t at, int negative)
{
	const char *s = c->text + at;
	size_t n = float_length(s);
	struct token t = {.kind = TOKEN_LITERAL, .at = at};
	int hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && isxdigit((unsigned char)s[2]);
	unsigned long long u;
	char *end;

	if (n && !hex) {
		CLEANUP_FREE char *copy = xstrndup(s, n);
		double d = strtod(copy, NULL);

		t.val = cel_double(negative ? -d : d);
		t.n = n;
		return is_name(s[n]) ? bad(c, at, "malformed number") : t;
	}
	errno = 0;
	u = strtoull(s, &end, hex ? 16 : 10);
	t.n = (size_t)(end - s);
	if (*end == 'u' || *end == 'U') {
		t.n++;
		t.val = cel_uint(u);
		if (errno || negative)
			return bad(c, at, "invalid uint literal");
	} else if (errno || u > (uint64_t)INT64_MAX + (negative ? 1u : 0u)) {
		return bad(c, at, "invalid int literal");
	} else {
		t.val = cel_int(negative ? (int64_t)(0 - (uint64_t)u) : (int64_t)u);
	}
	return is_name(s[t.n]) ? bad(c, at, "malformed number") : t;
}

/* -- texts -- */

struct quoted {
	int raw, bytes;
	char quote;
	size_t marks; /* 1 or 3 */
};

static int ends_here(const char *s, const struct quoted *q)
{
	for (size_t i = 0; i < q->marks; i++)
		if (s[i] != q->quote)
			return 0;
	return 1;
}

/* n digits of a base at s. Return: the number, -1 if they are not all digits. */
static int64_t digits_of(const char *s, size_t n, int base)
{
	int64_t v = 0;

	for (size_t i = 0; i < n; i++) {
		int c = tolower((unsigned char)s[i]);
		int d = isdigit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;

		if (d >= base)
			return -1;
		v = v * base + d;
	}
	return v;
}

static int add_code(struct buf *out, int64_t code, int as_byte)
{
	char utf8[4];

	if (as_byte) {
		buf_addc(out, (char)code);
		return code <= 255;
	}
	if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	buf_add(out, utf8, utf8_encode((uint32_t)code, utf8));
	return 1;
}

/* What stands behind a backslash. Return: its length, 0 when there is no such escape. */
static size_t add_escape(const char *s, const struct quoted *q, struct buf *out)
{
	static const char from[] = "abfnrtv\\?\"'`", to[] = "\a\b\f\n\r\t\v\\?\"'`";
	static const struct {
		char letter;
		size_t n;
		int base, text_only;
	} codes[] = {{'x', 2, 16, 0}, {'X', 2, 16, 0}, {'u', 4, 16, 1}, {'U', 8, 16, 1}};
	const char *simple = *s ? strchr(from, *s) : NULL;
	int64_t code;

	if (simple) {
		buf_addc(out, to[simple - from]);
		return 1;
	}
	if (*s >= '0' && *s <= '3') {
		code = digits_of(s, 3, 8);
		return code >= 0 && add_code(out, code, q->bytes) ? 3 : 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (*s == codes[i].letter) {
			if (codes[i].text_only && q->bytes)
				return 0;
			code = digits_of(s + 1, codes[i].n, codes[i].base);
			return code >= 0 && add_code(out, code, q->bytes) ? 1 + codes[i].n : 0;
		}
	return 0;
}

static struct token lex_text(struct arena *m, struct complaint *c, size_t at, size_t prefix,
			     struct quoted q)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	const char *start = c->text + at, *s = start + prefix;
	struct token t = {.kind = TOKEN_LITERAL, .at = at};
	size_t n;

	q.quote = *s;
	q.marks = s[1] == *s && s[2] == *s ? 3 : 1;
	for (s += q.marks; !ends_here(s, &q); s += n) {
		n = 1;
		if (!*s || (q.marks == 1 && (*s == '\n' || *s == '\r')))
			return bad(c, at, "unterminated string literal");
		if (*s != '\\' || q.raw) {
			buf_addc(&out, *s);
			/* a raw text keeps the backslash, and cannot end behind it */
			continue;
		}
		n = add_escape(s + 1, &q, &out);
		if (!n)
			return bad(c, (size_t)(s - c->text), "unable to unescape string");
		n++;
	}
	t.n = (size_t)(s + q.marks - start);
	t.val = cel_text(arena_strndup(m, buf_str(&out), out.len), out.len);
	if (q.bytes)
		t.val.kind = CEL_BYTES;
	return t;
}

/* Letters before a quote: r, b, or both. Return: how many, when a text starts here. */
static int starts_text(const char *s, size_t *prefix, struct quoted *q)
{
	size_t n = 0;

	*q = (struct quoted){0};
	for (; n < 2; n++) {
		if ((s[n] == 'r' || s[n] == 'R') && !q->raw)
			q->raw = 1;
		else if ((s[n] == 'b' || s[n] == 'B') && !q->bytes)
			q->bytes = 1;
		else
			break;
	}
	*prefix = n;
	return s[n] == '"' || s[n] == '\'';
}

/* -- all -- */

static struct token lex_mark(struct complaint *c, size_t at)
{
	static const char *const marks[] = {"==", "!=", "<=", ">=", "&&", "||"};
	const char *s = c->text + at;
	struct token t = {.kind = TOKEN_MARK, .at = at, .n = 1, .mark = {*s}};
	CLEANUP(buf_fini) struct buf why = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (str_starts(s, marks[i])) {
			t.mark[1] = s[1];
			t.n = 2;
			return t;
		}
	if (strchr("()[]{}.,?:+-*/%!<>", *s))
		return t;
	buf_addf(&why, "token recognition error at: '%.1s'", s);
	return bad(c, at, buf_str(&why));
}

struct token lex(struct arena *m, struct complaint *c, size_t *at)
{
	const char *s;
	struct quoted q;
	struct token t;
	size_t prefix;

	*at = skip_blank(c->text, *at);
	s = c->text + *at;
	if (!*s)
		return (struct token){.kind = TOKEN_END, .at = *at};
	if (starts_text(s, &prefix, &q)) {
		t = lex_text(m, c, *at, prefix, q);
	} else if (isdigit((unsigned char)*s) || (*s == '.' && isdigit((unsigned char)s[1]))) {
		t = lex_number(m, c, *at, 0);
	} else if (is_name(*s)) {
		t = (struct token){.kind = TOKEN_IDENT, .at = *at};
		while (is_name(s[t.n]))
			t.n++;
	} else {
		t = lex_mark(c, *at);
	}
	*at += t.n;
	return t;
}

struct token lex_negative(struct arena *m, struct complaint *c, size_t *at)
{
	struct token t;

	*at = skip_blank(c->text, *at);
	t = lex_number(m, c, *at, 1);
	*at += t.n;
	return t;
}
