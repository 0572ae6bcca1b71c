/* SPDX-License-Identifier: MIT */
/*
 * Quantities in exact arithmetic: the digits times powers of ten and two in
 * 256 bits, rounded up once, to nanos, and capped at 2^63-1 units.
 */
#include "objects/quantity.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "objects/codec/codec_i.h"

#define NANO       1000000000
#define DIGITS_MAX 40 /* more than 28 digits of a capped value in nanos need */
#define LIMBS      8

enum format { DECIMAL_SI, BINARY_SI, DECIMAL_EXPONENT };

static const struct suffix {
	const char *text;
	int exponent;
	enum format format;
} suffixes[] = {
	{"", 0, DECIMAL_SI},   {"m", -3, DECIMAL_SI}, {"k", 3, DECIMAL_SI},  {"M", 6, DECIMAL_SI},
	{"G", 9, DECIMAL_SI},  {"T", 12, DECIMAL_SI}, {"P", 15, DECIMAL_SI}, {"E", 18, DECIMAL_SI},
	{"u", -6, DECIMAL_SI}, {"n", -9, DECIMAL_SI}, {"Ki", 10, BINARY_SI}, {"Mi", 20, BINARY_SI},
	{"Gi", 30, BINARY_SI}, {"Ti", 40, BINARY_SI}, {"Pi", 50, BINARY_SI}, {"Ei", 60, BINARY_SI},
};

/* The parts of a text. */
struct parts {
	int negative, n, more; /* n digits kept; more: non-zero digits were left out */
	char digits[DIGITS_MAX];
	int64_t exponent; /* the digits are an integer times 10^exponent */
	unsigned shift;   /* times 2^shift */
	enum format format;
};

/* An unsigned number of 256 bits, lowest limb first. */
struct wide {
	uint32_t limb[LIMBS];
};

static void wide_mul_add(struct wide *w, uint32_t by, uint32_t add)
{
	uint64_t carry = add;

	for (int i = 0; i < LIMBS; i++) {
		carry += (uint64_t)w->limb[i] * by;
		w->limb[i] = (uint32_t)carry;
		carry >>= 32;
	}
}

/* Return: the remainder. */
static uint32_t wide_div(struct wide *w, uint32_t by)
{
	uint64_t rest = 0;

	for (int i = LIMBS - 1; i >= 0; i--) {
		rest = rest << 32 | w->limb[i];
		w->limb[i] = (uint32_t)(rest / by);
		rest %= by;
	}
	return (uint32_t)rest;
}

static __int128 cap(void)
{
	return (__int128)INT64_MAX * NANO;
}

/* At most the cap, rounding up when `more` is left below. */
static __int128 wide_capped(const struct wide *w, int more)
{
	__int128 v;

	for (int i = LIMBS - 1; i > 2; i--)
		if (w->limb[i])
			return cap();
	v = (__int128)w->limb[2] << 64 | (__int128)w->limb[1] << 32 | w->limb[0];
	v += more != 0;
	return v > cap() ? cap() : v;
}

/* |value| in nanos. */
static __int128 to_nano(const struct parts *p)
{
	int64_t e = p->exponent + 9;
	int more = p->more;
	struct wide w = {{0}};

	if (p->n == 0)
		return 0;
	if (p->n + e > 40)
		return cap();
	if (p->n + e + (int64_t)p->shift < 0)
		return 1;
	for (int i = 0; i < p->n; i++)
		wide_mul_add(&w, 10, (uint32_t)p->digits[i]);
	for (unsigned shift = p->shift; shift; shift -= 10)
		wide_mul_add(&w, 1024, 0);
	for (; e > 0; e--)
		wide_mul_add(&w, 10, 0);
	for (; e < 0; e++)
		more |= wide_div(&w, 10) != 0;
	return wide_capped(&w, more);
}

static void keep_digit(struct parts *p, int digit)
{
	if (p->n == 0 && digit == 0)
		return;
	if (p->n < DIGITS_MAX) {
		p->digits[p->n++] = (char)digit;
	} else {
		p->more |= digit != 0;
		p->exponent++;
	}
}

/* Sign and digits. Return: what follows, NULL if there are none. */
static const char *scan_number(const char *s, struct parts *p)
{
	int seen = 0, fraction = 0;

	p->negative = *s == '-';
	s += *s == '-' || *s == '+';
	for (;; s++) {
		if (*s >= '0' && *s <= '9') {
			keep_digit(p, *s - '0');
			p->exponent -= fraction;
			seen = 1;
		} else if (*s == '.' && !fraction) {
			fraction = 1;
		} else {
			return seen ? s : NULL;
		}
	}
}

static int scan_suffix(const char *s, struct parts *p)
{
	int64_t exponent;

	if ((*s == 'e' || *s == 'E') && s[1] && s[1] != 'i') { /* 1E is exa, 1Ei exbi */
		p->format = DECIMAL_EXPONENT;
		if (!int_of(s + 1, strlen(s + 1), &exponent))
			return 0;
		exponent = exponent > 1000000 ? 1000000 : exponent < -1000000 ? -1000000 : exponent;
		p->exponent += exponent;
		return 1;
	}
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		if (strcmp(s, suffixes[i].text) != 0)
			continue;
		p->format = suffixes[i].format;
		if (p->format == BINARY_SI)
			p->shift = (unsigned)suffixes[i].exponent;
		else
			p->exponent += suffixes[i].exponent;
		return 1;
	}
	return 0;
}

int quantity_parse(const char *text, struct quantity *out, struct err *err)
{
	struct parts p = {.n = 0};
	const char *suffix = scan_number(text, &p);

	if (!suffix || strspn(suffix, "eEinumkKMGTP+-0123456789") != strlen(suffix))
		return err_set(err, EINVAL,
			       "quantities must match the regular expression "
			       "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
	if (!scan_suffix(suffix, &p))
		return err_set(err, EINVAL, "unable to parse quantity's suffix");
	out->nano = to_nano(&p);
	out->format = (int)p.format;
	if (p.format == BINARY_SI && out->nano > 0 && out->nano < NANO)
		out->format = DECIMAL_SI;
	if (p.negative)
		out->nano = -out->nano;
	return 0;
}

int quantity_from_value(const struct value *v, struct quantity *out, struct err *err)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	switch (value_type(v)) {
	case VALUE_INT:
		*out = (struct quantity){(__int128)value_int(v, 0) * NANO, DECIMAL_SI};
		return 0;
	case VALUE_DOUBLE:
		double_render_json(value_double(v, 0), &text);
		return quantity_parse(buf_str(&text), out, err);
	case VALUE_STRING:
		return quantity_parse(value_str(v, ""), out, err);
	default:
		return err_set(err, EINVAL, "a quantity must be a string or a number");
	}
}

static char *add_digits(char *end, unsigned __int128 v)
{
	do {
		*--end = (char)('0' + (int)(v % 10));
		v /= 10;
	} while (v);
	return end;
}

/* Take out factors of ten, then step back to a multiple of three. Return: the exponent of v. */
static int canonical_ten(unsigned __int128 *v)
{
	int exponent = -9;

	while (*v % 10 == 0) {
		*v /= 10;
		exponent++;
	}
	for (; exponent % 3; exponent--)
		*v *= 10;
	return exponent;
}

static const char *suffix_for(int exponent, enum format format)
{
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
		if (suffixes[i].exponent == exponent && suffixes[i].format == format)
			return suffixes[i].text;
	return "";
}

const char *quantity_render(const struct quantity *q, char buf[64])
{
	unsigned __int128 v =
		q->nano < 0 ? -(unsigned __int128)q->nano : (unsigned __int128)q->nano;
	int exponent = 0;
	char tail[16] = "", digits[48];
	char *end = digits + sizeof(digits) - 1, *start;

	if (v == 0)
		return strcpy(buf, "0");
	if (q->format == BINARY_SI && v >= (unsigned __int128)1024 * NANO && v % NANO == 0) {
		for (v /= NANO; v % 1024 == 0 && exponent < 60; exponent += 10)
			v /= 1024;
		snprintf(tail, sizeof(tail), "%s", exponent ? suffix_for(exponent, BINARY_SI) : "");
	} else {
		exponent = canonical_ten(&v);
		if (q->format != DECIMAL_EXPONENT)
			snprintf(tail, sizeof(tail), "%s", suffix_for(exponent, DECIMAL_SI));
		else if (exponent)
			snprintf(tail, sizeof(tail), "e%d", exponent);
	}
	*end = '\0';
	start = add_digits(end, v);
	snprintf(buf, 64, "%s%s%s", q->nano < 0 ? "-" : "", start, tail);
	return buf;
}

/* nano / unit, rounded away from zero, within int64_t. */
static int64_t scaled(const struct quantity *q, int64_t unit)
{
	__int128 v = q->nano / unit;

	if (q->nano % unit)
		v += q->nano < 0 ? -1 : 1;
	if (v > INT64_MAX)
		return INT64_MAX;
	return v < INT64_MIN ? INT64_MIN : (int64_t)v;
}

int64_t quantity_units(const struct quantity *q)
{
	return scaled(q, NANO);
}

int64_t quantity_millis(const struct quantity *q)
{
	return scaled(q, NANO / 1000);
}

int quantity_cmp(const struct quantity *a, const struct quantity *b)
{
	return (a->nano > b->nano) - (a->nano < b->nano);
}

int int_or_percent(const struct value *v, int64_t total, int round_up, int64_t *out)
{
	const char *s = value_str(v, NULL);
	int64_t percent;
	__int128 product;
	size_t n;

	if (value_is(v, VALUE_INT)) {
		*out = value_int(v, 0);
		return 0;
	}
	n = s ? strlen(s) : 0;
	if (n < 2 || s[n - 1] != '%' || !int_of(s, n - 1, &percent))
		return -EINVAL;
	product = (__int128)percent * total;
	if (round_up && product > 0)
		product += 99;
	else if (!round_up && product < 0)
		product -= 99;
	product /= 100;
	if (product > INT64_MAX || product < INT64_MIN)
		return -EINVAL;
	*out = (int64_t)product;
	return 0;
}
