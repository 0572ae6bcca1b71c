/* SPDX-License-Identifier: MIT */
#include "objects/cel/format.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "objects/cel/lib.h"

#define PRECISION_MAX 1000

struct clause {
	char verb;
	int precision; /* -1: none said */
};

/* Parse behind '%'. Return: bytes, 0 when malformed. */
static size_t read_clause(const char *s, size_t n, struct clause *c)
{
	size_t i = 0;

	c->precision = -1;
	if (i < n && s[i] == '.') {
		c->precision = 0;
		for (i++; i < n && s[i] >= '0' && s[i] <= '9'; i++) {
			c->precision = c->precision * 10 + (s[i] - '0');
			if (c->precision > PRECISION_MAX)
				return 0;
		}
	}
	if (i >= n)
		return 0;
	c->verb = s[i];
	return i + 1;
}

static struct cel_val wrong_type(struct cel_run *r, const struct clause *c, struct cel_val v)
{
	CLEANUP(buf_fini) struct buf name = BUF_INIT;

	cel_type_name((enum cel_kind)v.kind, v.name, &name);
	return cel_error(r, "error during formatting: %%%c is not supported for %s", c->verb,
			 buf_str(&name));
}

static void add_binary(uint64_t u, struct buf *out)
{
	int bit = 63;

	while (bit > 0 && !(u >> bit & 1))
		bit--;
	for (; bit >= 0; bit--)
		buf_addc(out, u >> bit & 1 ? '1' : '0');
}

static void add_hex_bytes(struct cel_val v, int upper, struct buf *out)
{
	for (size_t i = 0; i < v.n; i++)
		buf_addf(out, upper ? "%02X" : "%02x", (unsigned char)v.s[i]);
}

/* Integers in a base: the sign, then digits. */
static int add_whole(const struct clause *c, struct cel_val v, struct buf *out)
{
	uint64_t u = v.u;

	if (v.kind == CEL_BOOL && c->verb == 'b') {
		buf_addc(out, v.i ? '1' : '0');
		return 1;
	}
	if (v.kind != CEL_INT && v.kind != CEL_UINT)
		return 0;
	if (v.kind == CEL_INT && v.i < 0) {
		buf_addc(out, '-');
		u = 0 - u;
	}
	switch (c->verb) {
	case 'b':
		add_binary(u, out);
		break;
	case 'o':
		buf_addf(out, "%" PRIo64, u);
		break;
	case 'x':
		buf_addf(out, "%" PRIx64, u);
		break;
	case 'X':
		buf_addf(out, "%" PRIX64, u);
		break;
	default:
		buf_addf(out, "%" PRIu64, u);
		break;
	}
	return 1;
}

static int is_not_finite(struct cel_val v, struct buf *out)
{
	if (isfinite(v.d))
		return 0;
	buf_adds(out, isnan(v.d) ? "NaN" : v.d < 0 ? "-Infinity" : "Infinity");
	return 1;
}

static int add_float(const struct clause *c, struct cel_val v, struct buf *out)
{
	int precision = c->precision < 0 ? 6 : c->precision;

	if (v.kind == CEL_INT)
		v = cel_double((double)v.i);
	else if (v.kind == CEL_UINT)
		v = cel_double((double)v.u);
	else if (v.kind != CEL_DOUBLE)
		return 0;
	if (is_not_finite(v, out))
		return 1;
	if (c->verb == 'e')
		buf_addf(out, "%.*e", precision, v.d);
	else
		buf_addf(out, "%.*f", precision, v.d);
	return 1;
}

static struct cel_val add_one(struct cel_run *r, const struct clause *c, struct cel_val v,
			      struct buf *out)
{
	switch (c->verb) {
	case 's':
		if (v.kind != CEL_DOUBLE || !is_not_finite(v, out))
			cel_render(r, v, out);
		return cel_null();
	case 'd':
		if (v.kind == CEL_DOUBLE && !isfinite(v.d))
			return is_not_finite(v, out) ? cel_null() : v;
		break;
	case 'x':
	case 'X':
		if (v.kind == CEL_STRING || v.kind == CEL_BYTES) {
			add_hex_bytes(v, c->verb == 'X', out);
			return cel_null();
		}
		break;
	case 'f':
	case 'e':
		return add_float(c, v, out) ? cel_null() : wrong_type(r, c, v);
	case 'b':
	case 'o':
		break;
	default:
		return cel_error(r,
				 "could not parse formatting clause: unrecognized formatting "
				 "clause \"%c\"",
				 c->verb);
	}
	return add_whole(c, v, out) ? cel_null() : wrong_type(r, c, v);
}

struct cel_val cel_format(struct cel_run *r, struct cel_val format, struct cel_val args)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	size_t used = 0, len;
	struct clause c;

	for (size_t i = 0; i < format.n; i++) {
		struct cel_val v;

		if (format.s[i] != '%') {
			buf_addc(&out, format.s[i]);
			continue;
		}
		if (i + 1 < format.n && format.s[i + 1] == '%') {
			buf_addc(&out, '%');
			i++;
			continue;
		}
		len = read_clause(format.s + i + 1, format.n - i - 1, &c);
		if (!len)
			return cel_error(r, "could not parse formatting clause");
		i += len;
		if (used >= args.n)
			return cel_error(r, "index %zu out of range", used);
		v = cel_at(r, args, used++);
		if (!cel_is_error(v))
			v = add_one(r, &c, v, &out);
		if (cel_is_error(v))
			return v;
		if (out.len > CEL_TEXT_RESULT_MAX || cel_work(r, 1 + out.len / 4096))
			return cel_stop(r);
	}
	cel_charge(r, out.len / 10);
	return cel_text_of(r, &out);
}
