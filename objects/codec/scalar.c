/* SPDX-License-Identifier: MIT */
/*
 * What a plain scalar stands for: YAML 1.1 as go-yaml v2 reads it, which is
 * what sigs.k8s.io/yaml and so every Kubernetes tool stands on. The same
 * answer tells the renderer which strings need quotes.
 */
#include <math.h>
#include <time.h>

#include "objects/codec/codec_i.h"

#define NUMBER_MAX 128 /* longer digits are text */

struct word {
	const char *text;
	enum scalar_kind kind;
	int value;
};

static const struct word words[] = {
	{"y", SCALAR_BOOL, 1},           {"Y", SCALAR_BOOL, 1},
	{"yes", SCALAR_BOOL, 1},         {"Yes", SCALAR_BOOL, 1},
	{"YES", SCALAR_BOOL, 1},         {"true", SCALAR_BOOL, 1},
	{"True", SCALAR_BOOL, 1},        {"TRUE", SCALAR_BOOL, 1},
	{"on", SCALAR_BOOL, 1},          {"On", SCALAR_BOOL, 1},
	{"ON", SCALAR_BOOL, 1},          {"n", SCALAR_BOOL, 0},
	{"N", SCALAR_BOOL, 0},           {"no", SCALAR_BOOL, 0},
	{"No", SCALAR_BOOL, 0},          {"NO", SCALAR_BOOL, 0},
	{"false", SCALAR_BOOL, 0},       {"False", SCALAR_BOOL, 0},
	{"FALSE", SCALAR_BOOL, 0},       {"off", SCALAR_BOOL, 0},
	{"Off", SCALAR_BOOL, 0},         {"OFF", SCALAR_BOOL, 0},
	{"~", SCALAR_NULL, 0},           {"null", SCALAR_NULL, 0},
	{"Null", SCALAR_NULL, 0},        {"NULL", SCALAR_NULL, 0},
	{".nan", SCALAR_NONFINITE, 0},   {".NaN", SCALAR_NONFINITE, 0},
	{".NAN", SCALAR_NONFINITE, 0},   {".inf", SCALAR_NONFINITE, 1},
	{".Inf", SCALAR_NONFINITE, 1},   {".INF", SCALAR_NONFINITE, 1},
	{"+.inf", SCALAR_NONFINITE, 1},  {"+.Inf", SCALAR_NONFINITE, 1},
	{"+.INF", SCALAR_NONFINITE, 1},  {"-.inf", SCALAR_NONFINITE, -1},
	{"-.Inf", SCALAR_NONFINITE, -1}, {"-.INF", SCALAR_NONFINITE, -1},
};

static const struct word *word_find(const char *s, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (*s == *words[i].text && strlen(words[i].text) == n &&
		    memcmp(s, words[i].text, n) == 0)
			return &words[i];
	return NULL;
}

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t digits(const char *s)
{
	size_t n = 0;

	while (is_digit(s[n]))
		n++;
	return n;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static int looks_like_float(const char *s)
{
	size_t n;

	s += *s == '-' || *s == '+';
	n = digits(s);
	s += n;
	if (*s == '.') {
		size_t fraction = digits(++s);

		if (!n && !fraction)
			return 0;
		s += fraction;
	} else if (!n) {
		return 0;
	}
	if (*s == 'e' || *s == 'E') {
		s++;
		s += *s == '-' || *s == '+';
		n = digits(s);
		if (!n)
			return 0;
		s += n;
	}
	return *s == '\0';
}

/* Digits of a base with an optional prefix, as Go's ParseInt(s, 0, 64). Return: 1, -1 out of range,
 * 0 no integer. */
static int based_int(const char *s, int64_t *out, double *magnitude)
{
	int neg = *s == '-';
	unsigned base = 10, digit;
	uint64_t v = 0;
	int overflow = 0;
	double d = 0;

	s += *s == '-' || *s == '+';
	if (*s == '0' && s[1]) {
		char c = (char)(s[1] | 32);

		base = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 8;
		s += c == 'x' || c == 'o' || c == 'b' ? 2 : 1;
	}
	if (!*s)
		return 0;
	for (; *s; s++) {
		digit = is_digit(*s)                           ? (unsigned)(*s - '0')
			: (*s | 32) >= 'a' && (*s | 32) <= 'f' ? (unsigned)((*s | 32) - 'a' + 10)
							       : 99;
		if (digit >= base)
			return 0;
		overflow |=
			__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit, &v);
		d = d * base + digit;
	}
	*magnitude = neg ? -d : d;
	if (overflow || v > (uint64_t)INT64_MAX + (uint64_t)neg)
		return -1;
	*out = neg ? (int64_t)(0 - v) : (int64_t)v;
	return 1;
}

/* One or two digits in [low, high]. Return: characters used, 0 if not. */
static size_t short_number(const char *s, int low, int high, int *out)
{
	size_t n = is_digit(s[0]) ? 1 + (size_t)is_digit(s[1]) : 0;

	*out = n == 2 ? (s[0] - '0') * 10 + s[1] - '0' : n ? s[0] - '0' : -1;
	return *out >= low && *out <= high ? n : 0;
}

static int zone(const char *s)
{
	int h, m;

	if (*s == 'Z')
		return s[1] == '\0';
	return (*s == '+' || *s == '-') && strlen(s) == 6 && s[3] == ':' &&
	       short_number(s + 1, 0, 24, &h) == 2 && short_number(s + 4, 0, 60, &m) == 2;
}

static int clock_time(const char *s, int zoned)
{
	static const int high[] = {23, 59, 59};
	int v;

	for (int i = 0; i < 3; i++) {
		size_t n = short_number(s, 0, high[i], &v);

		if (!n || (i && s[-1] != ':'))
			return 0;
		s += n;
		if (i < 2 && *s++ != ':')
			return 0;
	}
	if ((*s == '.' || *s == ',') && is_digit(s[1]))
		s += 1 + digits(s + 1);
	return zoned ? zone(s) : *s == '\0';
}

/* 2006-1-2, with a time behind T or t and a zone, or behind a space without one. */
static int is_timestamp(const char *s)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year, month, day, last;
	size_t n;

	if (digits(s) != 4 || s[4] != '-')
		return 0;
	year = atoi(s);
	s += 5;
	n = short_number(s, 1, 12, &month);
	if (!n || s[n] != '-')
		return 0;
	s += n + 1;
	last = days[month - 1] +
	       (month == 2 && (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)));
	n = short_number(s, 1, last, &day);
	if (!n)
		return 0;
	s += n;
	if (*s == '\0')
		return 1;
	if (*s == 'T' || *s == 't')
		return clock_time(s + 1, 1);
	return *s == ' ' && clock_time(s + 1, 0);
}

static enum scalar_kind resolve_number(const char *s, size_t n, int64_t *i, double *d)
{
	char plain[NUMBER_MAX + 1];
	size_t m = 0;
	int found;

	for (size_t k = 0; k < n; k++)
		if (s[k] != '_')
			plain[m++] = s[k];
	plain[m] = '\0';
	if (m != strlen(plain))
		return SCALAR_STRING;
	if (n == m && is_timestamp(plain))
		return SCALAR_TIMESTAMP;
	found = based_int(plain, i, d);
	if (found > 0)
		return SCALAR_INT;
	if (!looks_like_float(plain))
		return found < 0 ? SCALAR_FLOAT : SCALAR_STRING;
	*d = double_of(plain, m);
	return isfinite(*d) ? SCALAR_FLOAT : SCALAR_STRING;
}

enum scalar_kind scalar_resolve(const char *s, size_t n, int64_t *i, double *d)
{
	const struct word *w;
	enum scalar_kind kind;

	if (n == 0)
		return SCALAR_NULL;
	if (!strchr("+-0123456789yYnNtTfFoO~.<", *s) || !*s)
		return SCALAR_STRING;
	if (n == 2 && memcmp(s, "<<", 2) == 0)
		return SCALAR_MERGE;
	w = word_find(s, n);
	if (w) {
		*i = w->value;
		return w->kind;
	}
	if ((!is_digit(*s) && !strchr("+-.", *s)) || n > NUMBER_MAX)
		return SCALAR_STRING;
	kind = resolve_number(s, n, i, d);
	/* a whole number is an integer, however it is written: JSON lies between YAML and every
	 * field */
	if (kind == SCALAR_FLOAT && *d >= trunc(*d) && *d <= trunc(*d) && fabs(*d) < 0x1p63) {
		*i = (int64_t)*d;
		return SCALAR_INT;
	}
	return kind;
}
