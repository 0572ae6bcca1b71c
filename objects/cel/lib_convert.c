/* SPDX-License-Identifier: MIT */
/* Conversions between the types of the language. */
#include <ctype.h>
#include <errno.h>
#include <math.h>

#include "objects/cel/lib.h"
#include "objects/codec/utf8.h"

#define FN(name) static struct cel_val name(struct cel_run *r, const struct cel_val *a, size_t n)

FN(same)
{
	return *a;
}

static struct cel_val out_of_range(struct cel_run *r, const char *what)
{
	return cel_error(r, "%s", what);
}

/* A text that is a number and nothing else, copied to where it ends in NUL. */
static int number_text(struct cel_val v, char out[64])
{
	if (!v.n || v.n > 63 || isspace((unsigned char)*v.s))
		return 0;
	memcpy(out, v.s, v.n);
	out[v.n] = '\0';
	return strlen(out) == v.n;
}

FN(to_int)
{
	char text[64], *end;
	long long i;

	switch (a->kind) {
	case CEL_UINT:
		return a->u > INT64_MAX ? out_of_range(r, "integer overflow")
					: cel_int((int64_t)a->u);
	case CEL_DOUBLE:
		return a->d > -0x1p63 && a->d < 0x1p63 ? cel_int((int64_t)a->d)
						       : out_of_range(r, "integer overflow");
	case CEL_TIMESTAMP:
		return cel_int(a->i);
	case CEL_DURATION:
		return cel_int(a->i);
	default:
		break;
	}
	errno = 0;
	i = number_text(*a, text) ? strtoll(text, &end, 10) : 0;
	if (!number_text(*a, text) || errno || *end)
		return cel_error(r, "strconv.ParseInt: parsing \"%.*s\": invalid syntax",
				 (int)(a->n > 40 ? 40 : a->n), a->s);
	return cel_int(i);
}

FN(to_uint)
{
	char text[64], *end;
	unsigned long long u;

	if (a->kind == CEL_INT)
		return a->i < 0 ? out_of_range(r, "unsigned integer overflow")
				: cel_uint((uint64_t)a->i);
	if (a->kind == CEL_DOUBLE)
		return a->d >= 0 && a->d < 0x1p64 ? cel_uint((uint64_t)a->d)
						  : out_of_range(r, "unsigned integer overflow");
	errno = 0;
	u = number_text(*a, text) ? strtoull(text, &end, 10) : 0;
	if (!number_text(*a, text) || !isdigit((unsigned char)*text) || errno || *end)
		return cel_error(r, "strconv.ParseUint: parsing \"%.*s\": invalid syntax",
				 (int)(a->n > 40 ? 40 : a->n), a->s);
	return cel_uint(u);
}

FN(to_double)
{
	char text[64], *end;
	double d;

	if (a->kind == CEL_INT)
		return cel_double((double)a->i);
	if (a->kind == CEL_UINT)
		return cel_double((double)a->u);
	d = number_text(*a, text) ? strtod(text, &end) : 0;
	if (!number_text(*a, text) || *end)
		return cel_error(r, "strconv.ParseFloat: parsing \"%.*s\": invalid syntax",
				 (int)(a->n > 40 ? 40 : a->n), a->s);
	return cel_double(d);
}

FN(to_text)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT;

	if (a->kind == CEL_BYTES) {
		if (utf8_check(a->s, a->n) != a->n)
			return cel_error(r, "invalid UTF-8 in bytes, cannot convert to string");
		return cel_text(a->s, a->n);
	}
	cel_render(r, *a, &b);
	return cel_text_of(r, &b);
}

FN(to_bytes)
{
	struct cel_val v = *a;

	v.kind = CEL_BYTES;
	return v;
}

FN(to_bool)
{
	static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
	static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (strlen(yes[i]) == a->n && memcmp(yes[i], a->s, a->n) == 0)
			return cel_bool(1);
		if (strlen(no[i]) == a->n && memcmp(no[i], a->s, a->n) == 0)
			return cel_bool(0);
	}
	return cel_error(r, "type conversion error from 'string' to 'bool'");
}

FN(to_timestamp)
{
	struct cel_val out;

	if (a->kind == CEL_INT) {
		if (a->i < -62135596800 || a->i > 253402300799)
			return cel_error(r, "timestamp overflow");
		return (struct cel_val){.kind = CEL_TIMESTAMP, .i = a->i};
	}
	if (cel_parse_timestamp(a->s, a->n, &out) < 0)
		return cel_error(r, "type conversion error from 'string' to "
				    "'google.protobuf.Timestamp'");
	return out;
}

FN(to_duration)
{
	int64_t nanos = a->i;

	if (a->kind == CEL_STRING && cel_parse_duration(a->s, a->n, &nanos) < 0)
		return cel_error(r, "type conversion error from 'string' to "
				    "'google.protobuf.Duration'");
	return (struct cel_val){.kind = CEL_DURATION, .i = nanos};
}

FN(type_of)
{
	const struct cel_type *t = type_simple((enum cel_kind)a->kind);

	if (a->kind == CEL_MESSAGE) {
		t = type_message(&r->mem, a->name);
	}
	return (struct cel_val){.kind = CEL_TYPE, .type = t};
}

static const struct cel_function rows[] = {
	{"bool", "b>b", same, COST_1},
	{"bool", "s>b", to_bool, COST_1},
	{"bytes", "y>y", same, COST_1},
	{"bytes", "s>y", to_bytes, COST_TRAVERSE},
	{"double", "d>d", same, COST_1},
	{"double", "i>d", to_double, COST_1},
	{"double", "u>d", to_double, COST_1},
	{"double", "s>d", to_double, COST_1},
	{"duration", "r>r", same, COST_1},
	{"duration", "i>r", to_duration, COST_1},
	{"duration", "s>r", to_duration, COST_1},
	{"dyn", "A>D", same, COST_1},
	{"int", "i>i", same, COST_1},
	{"int", "u>i", to_int, COST_1},
	{"int", "d>i", to_int, COST_1},
	{"int", "s>i", to_int, COST_1},
	{"int", "t>i", to_int, COST_1},
	{"int", "r>i", to_int, COST_1},
	{"string", "s>s", same, COST_1},
	{"string", "b>s", to_text, COST_1},
	{"string", "i>s", to_text, COST_1},
	{"string", "u>s", to_text, COST_1},
	{"string", "d>s", to_text, COST_1},
	{"string", "y>s", to_text, COST_TRAVERSE},
	{"string", "t>s", to_text, COST_1},
	{"string", "r>s", to_text, COST_1},
	{"timestamp", "t>t", same, COST_1},
	{"timestamp", "i>t", to_timestamp, COST_1},
	{"timestamp", "s>t", to_timestamp, COST_1},
	{"type", "A>T", type_of, COST_1},
	{"uint", "u>u", same, COST_1},
	{"uint", "i>u", to_uint, COST_1},
	{"uint", "d>u", to_uint, COST_1},
	{"uint", "s>u", to_uint, COST_1},
};
CEL_LIBRARY(lib_convert, rows);
