/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <limits.h>

#include "objects/cron.h"
#include "objects/quantity.h"

#define FIELDS 5
#define NANO   1000000000

struct field {
	unsigned min, max;
	const char *const *names; /* of min, min + 1, ...; NULL at the end, and when it has none */
};

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
					  "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const day_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};
static const struct field fields[FIELDS] = {
	{0, 59, NULL}, {0, 23, NULL}, {1, 31, NULL}, {1, 12, month_names}, {0, 6, day_names},
};

/* A text that is part of another one. */
struct part {
	const char *s;
	size_t n;
};
#define PART(p) (int)((p).n > 100 ? 100 : (p).n), (p).s

/* What stands before the next c, or all; *s goes past it, NULL after the last. */
static struct part cut(struct part *rest, char c)
{
	const char *at = memchr(rest->s, c, rest->n);
	struct part head = {rest->s, at ? (size_t)(at - rest->s) : rest->n};

	*rest = at ? (struct part){at + 1, rest->n - head.n - 1} : (struct part){NULL, 0};
	return head;
}

/* strconv.Atoi, and nothing below 0. */
static int number(struct part p, unsigned *out, struct err *err)
{
	size_t sign = p.n && (*p.s == '+' || *p.s == '-');
	unsigned v = 0;

	if (p.n == sign)
		return err_set(err, EINVAL,
			       "failed to parse int from %.*s: strconv.Atoi: parsing \"%.*s\": "
			       "invalid syntax",
			       PART(p), PART(p));
	for (size_t i = sign; i < p.n; i++) {
		if (!isdigit((unsigned char)p.s[i]))
			return err_set(err, EINVAL,
				       "failed to parse int from %.*s: strconv.Atoi: parsing "
				       "\"%.*s\": invalid syntax",
				       PART(p), PART(p));
		if (v < UINT_MAX / 20) /* larger than any field's values */
			v = v * 10 + (unsigned)(p.s[i] - '0');
	}
	if (*p.s == '-' && v)
		return err_set(err, EINVAL, "negative number (-%u) not allowed: %.*s", v, PART(p));
	*out = v;
	return 0;
}

static int number_or_name(const struct field *f, struct part p, unsigned *out, struct err *err)
{
	for (unsigned i = 0; f->names && f->names[i]; i++)
		if (p.n == strlen(f->names[i]) && strncasecmp(p.s, f->names[i], p.n) == 0) {
			*out = f->min + i;
			return 0;
		}
	return number(p, out, err);
}

/* a, a-b, * or ?; whatever follows a star is not looked at. */
static int ends(const struct field *f, struct part p, struct part whole, unsigned *low,
		unsigned *high, int *star, int *single, struct err *err)
{
	struct part rest = p, first = cut(&rest, '-'), second;
	int rc;

	*single = !rest.s;
	*low = f->min;
	*high = f->max;
	*star = first.n == 1 && (*first.s == '*' || *first.s == '?');
	if (*star)
		return 0;
	if ((rc = number_or_name(f, first, low, err)))
		return rc;
	*high = *low;
	if (*single)
		return 0;
	second = cut(&rest, '-');
	if (rest.s)
		return err_set(err, EINVAL, "too many hyphens: %.*s", PART(whole));
	return number_or_name(f, second, high, err);
}

/* One part of a list: ends, and every how many of them. */
static int range(const struct field *f, struct part whole, uint64_t *bits, int *any,
		 struct err *err)
{
	struct part rest = whole, p = cut(&rest, '/'), step_text;
	unsigned low, high, step = 1;
	int star, single, stepped = rest.s != NULL, rc;

	if ((rc = ends(f, p, whole, &low, &high, &star, &single, err)))
		return rc;
	if (stepped) {
		step_text = cut(&rest, '/');
		if (rest.s)
			return err_set(err, EINVAL, "too many slashes: %.*s", PART(whole));
		if ((rc = number(step_text, &step, err)))
			return rc;
		if (single) /* 3/5 is 3-max/5 */
			high = f->max;
	}
	if (low < f->min)
		return err_set(err, EINVAL, "beginning of range (%u) below minimum (%u): %.*s", low,
			       f->min, PART(whole));
	if (high > f->max)
		return err_set(err, EINVAL, "end of range (%u) above maximum (%u): %.*s", high,
			       f->max, PART(whole));
	if (low > high)
		return err_set(err, EINVAL,
			       "beginning of range (%u) beyond end of range (%u): %.*s", low, high,
			       PART(whole));
	if (!step)
		return err_set(err, EINVAL, "step of range should be a positive number: %.*s",
			       PART(whole));
	for (unsigned v = low; v <= high; v += step)
		*bits |= UINT64_C(1) << v;
	*any |= star && step == 1;
	return 0;
}

/* Parts between commas; empty ones count for nothing. */
static int field(const struct field *f, struct part p, uint64_t *bits, int *any, struct err *err)
{
	int rc;

	*bits = 0;
	*any = 0;
	while (p.s) {
		struct part one = cut(&p, ',');

		if (one.n && (rc = range(f, one, bits, any, err)))
			return rc;
	}
	return 0;
}

static int words(const char *text, struct part out[FIELDS + 1])
{
	int n = 0;

	for (const char *s = text; *(s += strspn(s, " \t\n\v\f\r")); n++) {
		size_t len = strcspn(s, " \t\n\v\f\r");

		if (n <= FIELDS)
			out[n] = (struct part){s, len};
		s += len;
	}
	return n;
}

static int five_fields(const char *text, struct cron *out, struct err *err)
{
	struct part parts[FIELDS + 1];
	uint64_t bits[FIELDS];
	int n = words(text, parts), any[FIELDS], rc;

	if (n != FIELDS) {
		CLEANUP(buf_fini) struct buf found = BUF_INIT;

		for (int i = 0; i < n && i <= FIELDS; i++)
			buf_addf(&found, "%s%.*s", i ? " " : "", PART(parts[i]));
		return err_set(err, EINVAL, "expected exactly 5 fields, found %d: [%s%s]", n,
			       buf_str(&found), n > FIELDS + 1 ? " ..." : "");
	}
	for (int i = 0; i < FIELDS; i++)
		if ((rc = field(&fields[i], parts[i], &bits[i], &any[i], err)))
			return rc;
	*out = (struct cron){
		.minutes = bits[0],
		.hours = (uint32_t)bits[1],
		.days = (uint32_t)bits[2],
		.months = (uint32_t)bits[3],
		.weekdays = (uint32_t)bits[4],
		.any_day = any[2],
		.any_weekday = any[4],
	};
	return 0;
}

static int every(const char *text, struct cron *out, struct err *err)
{
	struct err why = ERR_INIT;
	int64_t nano;

	if (duration_parse(text + strlen("@every "), &nano, &why) < 0)
		return err_set(err, EINVAL, "failed to parse duration %s: %s", text, why.msg);
	*out = (struct cron){.every = nano < NANO ? 1 : nano / NANO};
	return 0;
}

int cron_parse(const char *text, struct cron *out, struct err *err)
{
	static const struct {
		const char *word, *fields;
	} known[] = {
		{"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
		{"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
		{"@hourly", "0 * * * *"},
	};

	if (!*text)
		return err_set(err, EINVAL, "empty spec string");
	if (*text != '@')
		return five_fields(text, out, err);
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(text, known[i].word) == 0)
			return five_fields(known[i].fields, out, err);
	if (str_starts(text, "@every "))
		return every(text, out, err);
	return err_set(err, EINVAL, "unrecognized descriptor: %.100s", text);
}
