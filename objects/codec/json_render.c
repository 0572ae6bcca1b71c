/* SPDX-License-Identifier: MIT */
/* Values to JSON, compact or indented, names in the order of the maps. */
#include <inttypes.h>
#include <stdio.h>

#include "objects/codec.h"
#include "objects/codec/codec_i.h"

static int needs_escape(unsigned char c)
{
	return c < 0x20 || c == '"' || c == '\\';
}

static void add_escape(unsigned char c, struct buf *out)
{
	switch (c) {
	case '"':
		buf_add(out, "\\\"", 2);
		break;
	case '\\':
		buf_add(out, "\\\\", 2);
		break;
	case '\n':
		buf_add(out, "\\n", 2);
		break;
	case '\r':
		buf_add(out, "\\r", 2);
		break;
	case '\t':
		buf_add(out, "\\t", 2);
		break;
	default:
		buf_addf(out, "\\u%04x", c);
	}
}

void json_quote(const char *s, size_t n, struct buf *out)
{
	size_t from = 0;

	buf_addc(out, '"');
	for (size_t i = 0; i < n; i++) {
		if (!needs_escape((unsigned char)s[i]))
			continue;
		buf_add(out, s + from, i - from);
		add_escape((unsigned char)s[i], out);
		from = i + 1;
	}
	buf_add(out, s + from, n - from);
	buf_addc(out, '"');
}

/* Without snprintf: integers are most of the numbers there are. */
static void add_int(int64_t i, struct buf *out)
{
	char text[24];
	char *at = text + sizeof(text);
	uint64_t v = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;

	do {
		*--at = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	if (i < 0)
		*--at = '-';
	buf_add(out, at, (size_t)(text + sizeof(text) - at));
}

/* indent < 0: compact. */
static void new_line(int indent, struct buf *out)
{
	if (indent < 0)
		return;
	buf_addc(out, '\n');
	buf_pad(out, (size_t)indent);
}

static void render(const struct value *v, int indent, struct buf *out);

static void render_children(const struct value *v, int indent, struct buf *out)
{
	int is_map = value_is(v, VALUE_MAP);
	int inner = indent < 0 ? -1 : indent + 4;
	size_t n = value_count(v);

	buf_addc(out, is_map ? '{' : '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_addc(out, ',');
		new_line(inner, out);
		if (is_map) {
			const char *key = value_key_at(v, i);

			json_quote(key, strlen(key), out);
			buf_add(out, ": ", indent < 0 ? 1 : 2);
		}
		render(value_at(v, i), inner, out);
	}
	if (n)
		new_line(indent, out);
	buf_addc(out, is_map ? '}' : ']');
}

static void render(const struct value *v, int indent, struct buf *out)
{
	switch (value_type(v)) {
	case VALUE_NULL:
		buf_add(out, "null", 4);
		break;
	case VALUE_BOOL:
		buf_adds(out, value_bool(v, 0) ? "true" : "false");
		break;
	case VALUE_INT:
		add_int(value_int(v, 0), out);
		break;
	case VALUE_DOUBLE:
		double_render_json(value_double(v, 0), out);
		break;
	case VALUE_STRING:
		json_quote(value_str(v, ""), value_strlen(v), out);
		break;
	case VALUE_LIST:
	case VALUE_MAP:
		render_children(v, indent, out);
		break;
	}
}

void json_render(const struct value *v, struct buf *out)
{
	render(v, -1, out);
}

void json_render_pretty(const struct value *v, struct buf *out)
{
	render(v, 0, out);
	buf_addc(out, '\n');
}
