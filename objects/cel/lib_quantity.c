/* SPDX-License-Identifier: MIT */
/* Quantities: Kubernetes' library over objects/quantity.h; and the texts of all library types. */
#include "objects/cel/lib.h"

#define FN(name) static struct cel_val name(struct cel_run *r, const struct cel_val *a, size_t n)

#define NANO 1000000000

static const struct quantity *quantity_of(const struct cel_val *a)
{
	return a->other;
}

static int parse(struct cel_run *r, struct cel_val text, struct quantity *out)
{
	const char *s = cel_c_string(r, text);

	return s ? quantity_parse(s, out, NULL) : -1;
}

static struct cel_val give(struct cel_run *r, const struct quantity *q)
{
	struct quantity *kept = cel_alloc(r, 1, sizeof(*kept));

	if (!kept)
		return cel_stop(r);
	*kept = *q;
	return cel_other(CEL_QUANTITY, kept);
}

FN(to_quantity)
{
	struct quantity q;

	if (parse(r, *a, &q) < 0)
		return cel_error(r, "quantities must match the regular expression "
				    "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
	return give(r, &q);
}

FN(is_quantity)
{
	struct quantity q;

	return cel_bool(parse(r, *a, &q) == 0);
}

FN(sign)
{
	__int128 v = quantity_of(a)->nano;

	return cel_int(v > 0 ? 1 : v < 0 ? -1 : 0);
}

FN(is_integer)
{
	return cel_bool(quantity_of(a)->nano % NANO == 0);
}

FN(as_integer)
{
	__int128 v = quantity_of(a)->nano;

	if (v % NANO != 0 || v / NANO > INT64_MAX || v / NANO < INT64_MIN)
		return cel_error(r, "cannot convert value to integer");
	return cel_int((int64_t)(v / NANO));
}

FN(as_float)
{
	return cel_double((double)quantity_of(a)->nano / 1e9);
}

/* Of a quantity or an int, in nanos. */
static __int128 nanos_of(struct cel_val v)
{
	return v.kind == CEL_INT ? (__int128)v.i * NANO : ((const struct quantity *)v.other)->nano;
}

static struct cel_val sum(struct cel_run *r, const struct cel_val *a, int direction)
{
	struct quantity q = *quantity_of(a);

	if (direction > 0)
		q.nano += nanos_of(a[1]);
	else
		q.nano -= nanos_of(a[1]);
	return give(r, &q);
}

FN(add)
{
	return sum(r, a, 1);
}

FN(sub)
{
	return sum(r, a, -1);
}

FN(compare_to)
{
	__int128 x = nanos_of(a[0]), y = nanos_of(a[1]);

	return cel_int(x < y ? -1 : x > y);
}

FN(is_greater)
{
	return cel_bool(nanos_of(a[0]) > nanos_of(a[1]));
}

FN(is_less)
{
	return cel_bool(nanos_of(a[0]) < nanos_of(a[1]));
}

static const struct cel_function rows[] = {
	{"quantity", "s>Q", to_quantity, COST_TRAVERSE},
	{"isQuantity", "s>b", is_quantity, COST_TRAVERSE},
	{"sign", ".Q>i", sign, COST_1},
	{"isInteger", ".Q>b", is_integer, COST_1},
	{"asInteger", ".Q>i", as_integer, COST_1},
	{"asApproximateFloat", ".Q>d", as_float, COST_1},
	{"add", ".QQ>Q", add, COST_1},
	{"add", ".Qi>Q", add, COST_1},
	{"sub", ".QQ>Q", sub, COST_1},
	{"sub", ".Qi>Q", sub, COST_1},
	{"compareTo", ".QQ>i", compare_to, COST_1},
	{"isGreaterThan", ".QQ>b", is_greater, COST_1},
	{"isLessThan", ".QQ>b", is_less, COST_1},
};
CEL_LIBRARY(lib_quantity, rows);

/* -- texts -- */

void lib_render(struct cel_val v, struct buf *out)
{
	char text[64];

	switch (v.kind) {
	case CEL_QUANTITY:
		buf_adds(out, quantity_render(v.other, text));
		break;
	case CEL_URL:
		buf_adds(out, ((const struct cel_url *)v.other)->text);
		break;
	case CEL_IP:
		lib_render_ip(v.other, out);
		break;
	case CEL_CIDR:
		lib_render_cidr(v.other, out);
		break;
	case CEL_SEMVER:
		lib_render_semver(v.other, out);
		break;
	case CEL_FORMAT:
		buf_adds(out, v.other);
		break;
	default:
		break;
	}
}

void lib_base64(const char *s, size_t n, struct buf *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)(unsigned char)s[i] << 16;

		if (i + 1 < n)
			v |= (uint32_t)(unsigned char)s[i + 1] << 8;
		if (i + 2 < n)
			v |= (unsigned char)s[i + 2];
		buf_addc(out, digits[v >> 18]);
		buf_addc(out, digits[v >> 12 & 63]);
		buf_addc(out, i + 1 < n ? digits[v >> 6 & 63] : '=');
		buf_addc(out, i + 2 < n ? digits[v & 63] : '=');
	}
}
