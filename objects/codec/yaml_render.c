/* SPDX-License-Identifier: MIT */
/*
 * Values to YAML, byte for byte as kubectl prints it: go-yaml v2's choice of
 * styles and its wrapping of long scalars at spaces behind column 80.
 */
#include <ctype.h>

#include "objects/codec.h"
#include "objects/codec/codec_i.h"
#include "objects/codec/utf8.h"

#define BEST_WIDTH     80
#define SIMPLE_KEY_MAX 128 /* bytes; longer keys are written behind `? ` */

enum style { STYLE_PLAIN, STYLE_SINGLE, STYLE_DOUBLE, STYLE_LITERAL };

/* What libyaml's emitter asks of a text before it chooses a style. */
struct analysis {
	unsigned plain : 1, single : 1, block : 1, multiline : 1;
};

struct emitter {
	struct buf *out;
	size_t line;   /* offset where the current line begins */
	int may_break; /* not within a key */
};

static int is_break(uint32_t c)
{
	return c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029;
}

static int is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static int is_printable(uint32_t c)
{
	return c == '\n' || (c >= 0x20 && c <= 0x7e) || (c >= 0xa0 && c <= 0xd7ff) ||
	       (c >= 0xe000 && c <= 0xfffd && c != 0xfeff);
}

/* Does an indicator at s[i] keep the text from being plain? */
static int indicates(const char *s, size_t n, size_t i)
{
	int blank_follows =
		i + 1 >= n || is_blank(s[i + 1]) || s[i + 1] == '\n' || s[i + 1] == '\r';
	char c = s[i];

	if (i == 0 && strchr("#,[]{}&*!|>'\"%@`", c))
		return 1;
	if (c == ':' || (i == 0 && (c == '?' || c == '-')))
		return blank_follows;
	return c == '#' && i > 0 && (is_blank(s[i - 1]) || s[i - 1] == '\n' || s[i - 1] == '\r');
}

/* Most texts: letters, digits, dots and dashes, which need no second look. */
static int is_simple(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (!isalnum(c) && c != '.' && c != '-' && c != '/' && c != '_')
			return 0;
	}
	return n && isalpha((unsigned char)*s);
}

static struct analysis analyze(const char *s, size_t n)
{
	int special = 0, breaks = 0, break_space = 0, space_break = 0, indicators = 0;
	int was_space = 0, was_break = 0, edge_break = 0;
	size_t len;

	indicators = n >= 3 && (memcmp(s, "---", 3) == 0 || memcmp(s, "...", 3) == 0);
	for (size_t i = 0; i < n; i += len) {
		uint32_t c = 0;

		len = utf8_decode(s + i, n - i, &c);
		if (!len)
			return (struct analysis){.multiline = 0};
		indicators |= len == 1 && indicates(s, n, i);
		/* go-yaml would write U+2028 into a block; it is safer escaped */
		special |= !is_printable(c) || (is_break(c) && c != '\n');
		if (c == ' ') {
			break_space |= was_break;
		} else if (is_break(c)) {
			breaks = 1;
			space_break |= was_space;
			edge_break |= i == 0 || i + len == n;
		}
		was_space = c == ' ';
		was_break = is_break(c);
	}
	return (struct analysis){
		.multiline = breaks != 0,
		.plain = !(special || breaks || break_space || space_break || indicators ||
			   edge_break || *s == ' ' || s[n - 1] == ' '),
		.single = !(special || break_space || space_break),
		.block = !(special || space_break || s[n - 1] == ' '),
	};
}

/* 190:20:30 and 1:30.5: YAML 1.1 takes them for numbers, so everybody quotes them. */
static int is_base60(const char *s)
{
	int groups = 0;

	s += *s == '-' || *s == '+';
	if (!isdigit((unsigned char)*s))
		return 0;
	while (isdigit((unsigned char)*s) || *s == '_')
		s++;
	while (*s == ':' && isdigit((unsigned char)s[1])) {
		s += s[1] <= '5' && isdigit((unsigned char)s[2]) ? 3 : 2;
		groups++;
	}
	if (*s == '.')
		for (s++; isdigit((unsigned char)*s) || *s == '_';)
			s++;
	return groups && *s == '\0';
}

static enum style choose(const char *s, size_t n, int is_key)
{
	enum style style = STYLE_PLAIN;
	struct analysis a;
	int64_t i;
	double d;

	if (n == 0)
		return STYLE_DOUBLE;
	if (scalar_resolve(s, n, &i, &d) != SCALAR_STRING || is_base60(s))
		style = STYLE_DOUBLE;
	else if (is_simple(s, n))
		return STYLE_PLAIN;
	a = analyze(s, n);
	if (memchr(s, '\n', n))
		style = STYLE_LITERAL;
	if (is_key && a.multiline)
		style = STYLE_DOUBLE;
	if (style == STYLE_PLAIN && !a.plain)
		style = STYLE_SINGLE;
	if (style == STYLE_SINGLE && !a.single)
		style = STYLE_DOUBLE;
	if (style == STYLE_LITERAL && (!a.block || is_key))
		style = STYLE_DOUBLE;
	return style;
}

static void new_line(struct emitter *e, size_t indent)
{
	buf_addc(e->out, '\n');
	e->line = e->out->len;
	buf_pad(e->out, indent);
}

/* In characters, from 0. */
static size_t column(const struct emitter *e)
{
	size_t n = 0;

	for (size_t i = e->line; i < e->out->len; i++)
		n += ((unsigned char)e->out->data[i] & 0xc0) != 0x80;
	return n;
}

/*
 * Plain or in single quotes, broken at single spaces once the line is longer
 * than BEST_WIDTH.
 */
static void write_flowing(struct emitter *e, const char *s, size_t n, size_t indent, int quoted)
{
	size_t col, from = 0;
	int spaces = 0;

	if (quoted)
		buf_addc(e->out, '\'');
	col = column(e);
	for (size_t i = 0; i < n; i++) {
		if (s[i] == ' ' && e->may_break && !spaces && col > BEST_WIDTH &&
		    (!quoted || (i > 0 && i < n - 1)) && s[i + 1] != ' ') {
			buf_add(e->out, s + from, i - from);
			new_line(e, indent);
			col = indent;
			from = i + 1;
		} else if (quoted && s[i] == '\'') {
			buf_add(e->out, s + from, i + 1 - from);
			from = i; /* and once more */
			col += 2;
		} else {
			col += ((unsigned char)s[i] & 0xc0) != 0x80;
		}
		spaces = s[i] == ' ';
	}
	buf_add(e->out, s + from, n - from);
	if (quoted)
		buf_addc(e->out, '\'');
}

static void write_escape(struct emitter *e, uint32_t c)
{
	static const struct {
		uint32_t c;
		char name;
	} short_ones[] = {{0x07, 'a'}, {0x08, 'b'}, {'\t', 't'},   {'\n', 'n'},  {0x0b, 'v'},
			  {0x0c, 'f'}, {'\r', 'r'}, {0x1b, 'e'},   {'"', '"'},   {'\\', '\\'},
			  {0x85, 'N'}, {0xa0, '_'}, {0x2028, 'L'}, {0x2029, 'P'}};

	for (size_t i = 0; i < ARRAY_LEN(short_ones); i++) {
		if (short_ones[i].c == c) {
			buf_addc(e->out, '\\');
			buf_addc(e->out, short_ones[i].name);
			return;
		}
	}
	buf_addf(e->out, c <= 0xff ? "\\x%02X" : c <= 0xffff ? "\\u%04X" : "\\U%08X", c);
}

static void write_double(struct emitter *e, const char *s, size_t n, size_t indent)
{
	size_t len, before, col;
	int spaces = 0;

	buf_addc(e->out, '"');
	col = column(e);
	for (size_t i = 0; i < n; i += len) {
		uint32_t c = 0xfffd;

		len = utf8_decode(s + i, n - i, &c);
		if (!len)
			len = 1;
		before = e->out->len;
		if (c == ' ' && e->may_break && !spaces && col > BEST_WIDTH && i > 0 && i < n - 1) {
			new_line(e, indent);
			if (s[i + 1] == ' ')
				buf_addc(e->out, '\\');
			col = indent + (s[i + 1] == ' ');
		} else if (!is_printable(c) || is_break(c) || c == '"' || c == '\\') {
			write_escape(e, c);
			col += e->out->len - before;
		} else {
			buf_add(e->out, s + i, len);
			col++;
		}
		spaces = c == ' ';
	}
	buf_addc(e->out, '"');
}

static void write_literal(struct emitter *e, const char *s, size_t n, size_t indent)
{
	const char *end = s + n;

	buf_addc(e->out, '|');
	if (*s == ' ' || *s == '\n')
		buf_addc(e->out, '2');
	if (s[n - 1] != '\n')
		buf_addc(e->out, '-');
	else if (n == 1 || s[n - 2] == '\n')
		buf_addc(e->out, '+');
	while (s < end) {
		const char *stop = memchr(s, '\n', (size_t)(end - s));

		if (!stop)
			stop = end;
		new_line(e, stop > s ? indent : 0);
		buf_add(e->out, s, (size_t)(stop - s));
		s = stop + 1;
	}
}

static void write_string(struct emitter *e, const char *s, size_t n, size_t indent, int is_key)
{
	e->may_break = !is_key;
	switch (choose(s, n, is_key)) {
	case STYLE_PLAIN:
		write_flowing(e, s, n, indent, 0);
		break;
	case STYLE_SINGLE:
		write_flowing(e, s, n, indent, 1);
		break;
	case STYLE_DOUBLE:
		write_double(e, s, n, indent);
		break;
	case STYLE_LITERAL:
		write_literal(e, s, n, indent);
		break;
	}
}

/* A scalar, or an empty list or map; indent is that of its further lines. */
static void write_scalar(struct emitter *e, const struct value *v, size_t indent)
{
	switch (value_type(v)) {
	case VALUE_STRING:
		write_string(e, value_str(v, ""), value_strlen(v), indent, 0);
		break;
	case VALUE_DOUBLE:
		double_render_yaml(value_double(v, 0), e->out);
		break;
	case VALUE_LIST:
		buf_add(e->out, "[]", 2);
		break;
	case VALUE_MAP:
		buf_add(e->out, "{}", 2);
		break;
	default:
		json_render(v, e->out);
	}
}

static int is_nested(const struct value *v)
{
	return value_count(v) > 0;
}

/* A run of digits as a number, and behind it. Leading zeros count when a digit stands before them.
 */
static int64_t digit_run(const char **s, int64_t from)
{
	while (isdigit((unsigned char)**s) && from < INT64_MAX / 10 - 10)
		from = from * 10 + (*(*s)++ - '0');
	return from;
}

/* go-yaml's order of keys: letters behind everything else, numbers by their value. */
static int key_less(const char *a, const char *b)
{
	const char *start = a, *p, *q;
	int64_t x = 0, y = 0;

	while (*a && *a == *b) {
		a++;
		b++;
	}
	if (!*a || !*b)
		return *b != '\0';
	if (((unsigned char)*a | (unsigned char)*b) & 0x80)
		return (unsigned char)*a < (unsigned char)*b;
	if (isalpha((unsigned char)*a) || isalpha((unsigned char)*b)) {
		if (isalpha((unsigned char)*a) && isalpha((unsigned char)*b))
			return *a < *b;
		return isalpha((unsigned char)*b);
	}
	if (*a == '0' || *b == '0') {
		for (p = a; p > start && isdigit((unsigned char)p[-1]); p--)
			if (p[-1] != '0')
				x = y = 1;
	}
	p = a;
	q = b;
	x = digit_run(&p, x);
	y = digit_run(&q, y);
	if (x != y)
		return x < y;
	if (p - a != q - b)
		return p - a < q - b;
	return *a < *b;
}

static int is_in_order(const struct value *map)
{
	for (size_t i = 1; i < value_count(map); i++)
		if (!key_less(value_key_at(map, i - 1), value_key_at(map, i)))
			return 0;
	return 1;
}

static int cmp_index(const void *a, const void *b, void *map)
{
	const char *x = value_key_at(map, *(const size_t *)a);
	const char *y = value_key_at(map, *(const size_t *)b);

	return key_less(x, y) ? -1 : key_less(y, x);
}

/* Indexes of the members in the order of printing: owned, NULL when it is the map's own. */
static size_t *print_order(const struct value *map)
{
	size_t n = value_count(map);
	size_t *order;

	if (is_in_order(map))
		return NULL;
	order = xreallocarray(NULL, n, sizeof(*order));
	for (size_t i = 0; i < n; i++)
		order[i] = i;
	qsort_r(order, n, sizeof(*order), cmp_index, (void *)map);
	return order;
}

static void write_map(struct emitter *e, const struct value *map, size_t indent, int same_line);
static void write_list(struct emitter *e, const struct value *list, size_t indent, int same_line);

/* Behind `key:`. A list stands at its key's own indentation. */
static void write_member(struct emitter *e, const struct value *v, size_t indent)
{
	if (is_nested(v) && value_is(v, VALUE_MAP)) {
		write_map(e, v, indent + 2, 0);
	} else if (is_nested(v)) {
		write_list(e, v, indent, 0);
	} else {
		buf_addc(e->out, ' ');
		write_scalar(e, v, indent + 2);
	}
}

/* Behind `- ` or a long key's `: `. */
static void write_inline(struct emitter *e, const struct value *v, size_t indent)
{
	buf_addc(e->out, ' ');
	if (is_nested(v) && value_is(v, VALUE_MAP))
		write_map(e, v, indent + 2, 1);
	else if (is_nested(v))
		write_list(e, v, indent + 2, 1);
	else
		write_scalar(e, v, indent + 2);
}

static void write_map(struct emitter *e, const struct value *map, size_t indent, int same_line)
{
	CLEANUP_FREE size_t *order = print_order(map);

	for (size_t i = 0; i < value_count(map); i++) {
		size_t at = order ? order[i] : i;
		const char *key = value_key_at(map, at);
		size_t n = strlen(key);

		if (i || !same_line)
			new_line(e, indent);
		if (n > SIMPLE_KEY_MAX || memchr(key, '\n', n)) {
			buf_add(e->out, "? ", 2);
			write_string(e, key, n, indent + 2, 0);
			new_line(e, indent);
			buf_addc(e->out, ':');
			write_inline(e, value_at(map, at), indent);
			continue;
		}
		write_string(e, key, n, indent, 1);
		buf_addc(e->out, ':');
		write_member(e, value_at(map, at), indent);
	}
}

static void write_list(struct emitter *e, const struct value *list, size_t indent, int same_line)
{
	for (size_t i = 0; i < value_count(list); i++) {
		if (i || !same_line)
			new_line(e, indent);
		buf_addc(e->out, '-');
		write_inline(e, value_at(list, i), indent);
	}
}

void yaml_render(const struct value *v, struct buf *out)
{
	struct emitter e = {.out = out, .line = out->len};

	if (!is_nested(v))
		write_scalar(&e, v, 2);
	else if (value_is(v, VALUE_MAP))
		write_map(&e, v, 0, 1);
	else
		write_list(&e, v, 0, 1);
	buf_addc(out, '\n');
}

void scalar_render(const struct value *v, struct buf *out)
{
	if (value_is(v, VALUE_STRING))
		buf_add(out, value_str(v, ""), value_strlen(v));
	else if (value_is(v, VALUE_DOUBLE))
		double_render_yaml(value_double(v, 0), out);
	else
		json_render(v, out);
}
