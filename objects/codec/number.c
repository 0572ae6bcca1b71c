/* SPDX-License-Identifier: MIT */
/*
 * Numbers and places in texts, for both syntaxes. strtod and printf follow
 * LC_NUMERIC, which the daemon never sets: it stays "C".
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "objects/codec/codec_i.h"

struct place place_of(const char *text, size_t off)
{
	struct place p = {1, 1};

	for (size_t i = 0; i < off; i++) {
		if (text[i] == '\n') {
			p.line++;
			p.column = 1;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			p.column++;
		}
	}
	return p;
}

int int_of(const char *s, size_t n, int64_t *out)
{
	int neg = n && *s == '-';
	size_t i = n && (*s == '-' || *s == '+');
	uint64_t v = 0;

	if (i == n || n - i > 19) /* 19 digits cannot overflow 64 bits */
		return 0;
	for (; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return 0;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	if (v > (uint64_t)INT64_MAX + (uint64_t)neg)
		return 0;
	*out = neg ? (int64_t)(0 - v) : (int64_t)v;
	return 1;
}

double double_of(const char *s, size_t n)
{
	char small[64];
	CLEANUP_FREE char *big = NULL;
	char *text = n < sizeof(small) ? small : (big = xmalloc(n + 1));

	memcpy(text, s, n);
	text[n] = '\0';
	return strtod(text, NULL);
}

/* The shortest decimal that reads back: digits d.ddd * 10^exp. */
struct decimal {
	int neg, n, exp;
	char digits[20];
};

/* Return: whether the text says d, read as the type it is of. */
static int reads_back(const char *text, double d, int is_float)
{
	double back = is_float ? (double)strtof(text, NULL) : strtod(text, NULL);

	return back >= d && back <= d;
}

static struct decimal decimal_of(double d, int is_float)
{
	struct decimal dec = {.neg = signbit(d) != 0};
	int precision = fabs(d) < 0x1p-1022 ? 0 : is_float ? 5 : 14, last = is_float ? 8 : 16;
	char text[40];
	char *e;

	do
		snprintf(text, sizeof(text), "%.*e", precision, fabs(d));
	while (!reads_back(text, fabs(d), is_float) && precision++ < last);
	e = strchr(text, 'e');
	dec.exp = atoi(e + 1);
	for (const char *s = text; s < e; s++)
		if (*s != '.')
			dec.digits[dec.n++] = *s;
	while (dec.n > 1 && dec.digits[dec.n - 1] == '0')
		dec.n--;
	return dec;
}

/* 1.5e+06; Go's json writes e-7, strconv e-07. */
static void add_exponent(const struct decimal *dec, int short_negative, struct buf *out)
{
	int small = dec->exp < 0;
	int e = small ? -dec->exp : dec->exp;

	buf_add(out, dec->digits, 1);
	if (dec->n > 1) {
		buf_addc(out, '.');
		buf_add(out, dec->digits + 1, (size_t)dec->n - 1);
	}
	buf_addf(out, small && short_negative ? "e%c%d" : "e%c%02d", small ? '-' : '+', e);
}

static void add_fixed(const struct decimal *dec, struct buf *out)
{
	if (dec->exp < 0) {
		buf_adds(out, "0.");
		for (int i = -1; i > dec->exp; i--)
			buf_addc(out, '0');
		buf_add(out, dec->digits, (size_t)dec->n);
		return;
	}
	for (int i = 0; i < dec->n || i <= dec->exp; i++) {
		if (i == dec->exp + 1)
			buf_addc(out, '.');
		buf_addc(out, i < dec->n ? dec->digits[i] : '0');
	}
}

/* Go's 'g' at its shortest: an exponent below -4 or from 6 on, however many digits there are
 * (ftoa.go). */
static void add_general(const struct decimal *dec, struct buf *out)
{
	if (dec->neg)
		buf_addc(out, '-');
	if (dec->exp < -4 || dec->exp >= 6)
		add_exponent(dec, 0, out);
	else
		add_fixed(dec, out);
}

void double_render_json(double d, struct buf *out)
{
	struct decimal dec;

	if (!isfinite(d)) { /* JSON has no word for it; no decoder lets one in */
		buf_adds(out, "null");
		return;
	}
	dec = decimal_of(d, 0);
	if (dec.neg && d < 0) /* -0.0 is 0 */
		buf_addc(out, '-');
	if (dec.exp < -6 || dec.exp >= 21)
		add_exponent(&dec, 1, out);
	else
		add_fixed(&dec, out);
}

void double_render_yaml(double d, struct buf *out)
{
	struct decimal dec;

	if (!isfinite(d)) {
		buf_adds(out, isnan(d) ? ".nan" : d < 0 ? "-.inf" : ".inf");
		return;
	}
	/* kubectl's YAML is made from its JSON, where a whole number has no point */
	if (fabs(d) < 1e21 && d >= trunc(d) && d <= trunc(d)) {
		double_render_json(d, out);
		return;
	}
	dec = decimal_of(d, 0);
	add_general(&dec, out);
}

void float_render_key(double d, struct buf *out)
{
	struct decimal dec;
	float f = (float)d;

	if (!isfinite(f)) {
		buf_adds(out, d < 0 ? "-.inf" : ".inf");
		return;
	}
	dec = decimal_of((double)f, 1);
	add_general(&dec, out);
}
