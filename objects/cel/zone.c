/* SPDX-License-Identifier: MIT */
#include "objects/cel/zone.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "util/base.h"
#include "util/fd.h"

#define ZONE_DIR  "/usr/share/zoneinfo"
#define ZONE_MAX  (256u << 10) /* bytes of a file */
#define HEAD_SIZE 44

struct zone_file {
	const unsigned char *p;
	size_t n;
};

static int64_t big_endian(const unsigned char *p, size_t n)
{
	uint64_t v = n == 4 && (*p & 0x80) ? UINT64_MAX : 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return (int64_t)v;
}

/* -- the rule behind the last transition: "CET-1CEST,M3.5.0,M10.5.0/3" -- */

struct change {
	int month, week, day; /* Mm.w.d */
	int64_t seconds;      /* of the day, local time */
};

static const char *skip_name(const char *s)
{
	if (*s == '<') {
		s = strchr(s, '>');
		return s ? s + 1 : NULL;
	}
	while (isalpha((unsigned char)*s))
		s++;
	return s;
}

/* [+-]hh[:mm[:ss]] */
static const char *read_clock(const char *s, int64_t *out)
{
	int64_t sign = *s == '-' ? -1 : 1, unit = 3600, v = 0;
	char *end;

	s += *s == '-' || *s == '+';
	for (; isdigit((unsigned char)*s) && unit; unit /= 60) {
		v += strtol(s, &end, 10) * unit;
		s = end;
		if (*s != ':')
			break;
		s++;
	}
	*out = sign * v;
	return s;
}

static const char *read_change(const char *s, struct change *c)
{
	int used = 0;

	c->seconds = 7200;
	if (sscanf(s, ",M%2d.%1d.%1d%n", &c->month, &c->week, &c->day, &used) < 3 || !used ||
	    c->month < 1 || c->month > 12 || c->week < 1 || c->week > 5 || c->day > 6)
		return NULL;
	s += used;
	return *s == '/' ? read_clock(s + 1, &c->seconds) : s;
}

/* When it happens in a year, in local time as if it were UTC. */
static int64_t moment_of(const struct change *c, int year)
{
	struct tm tm = {.tm_year = year - 1900, .tm_mon = c->month - 1, .tm_mday = 1};
	time_t first = timegm(&tm);
	int day = 1 + (c->day - tm.tm_wday + 7) % 7 + 7 * (c->week - 1);
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int length = lengths[c->month - 1] +
		     (c->month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));

	while (day > length)
		day -= 7;
	return (int64_t)first + (day - 1) * 86400 + c->seconds;
}

static int by_rule(const char *rule, int64_t at, int64_t *east)
{
	int64_t west, west_summer;
	struct change start, end;
	struct tm tm;
	time_t t;
	int is_summer;
	const char *s = skip_name(rule);

	if (!s || s == rule)
		return -ENOENT;
	s = read_clock(s, &west);
	*east = -west;
	if (!*s)
		return 0;
	s = skip_name(s);
	if (!s)
		return 0;
	west_summer = west - 3600;
	if (*s && *s != ',')
		s = read_clock(s, &west_summer);
	s = read_change(s, &start);
	if (!s || !read_change(s, &end))
		return 0;
	t = (time_t)(at - west);
	if (!gmtime_r(&t, &tm))
		return 0;
	{
		int64_t from = moment_of(&start, tm.tm_year + 1900) + west,
			to = moment_of(&end, tm.tm_year + 1900) + west_summer;

		is_summer = from < to ? at >= from && at < to : at >= from || at < to;
	}
	if (is_summer)
		*east = -west_summer;
	return 0;
}

/* -- the file -- */

struct counts {
	size_t utc, std, leaps, times, types, chars;
};

static int read_head(const struct zone_file *f, struct counts *c)
{
	size_t *out[] = {&c->utc, &c->std, &c->leaps, &c->times, &c->types, &c->chars};

	if (f->n < HEAD_SIZE || memcmp(f->p, "TZif", 4) != 0)
		return -ENOENT;
	for (size_t i = 0; i < ARRAY_LEN(out); i++) {
		int64_t v = big_endian(f->p + 20 + 4 * i, 4);

		if (v < 0 || v > 65536)
			return -ENOENT;
		*out[i] = (size_t)v;
	}
	return c->types ? 0 : -ENOENT;
}

static size_t body_size(const struct counts *c, size_t width)
{
	return c->times * (width + 1) + c->types * 6 + c->chars + c->leaps * (width + 4) + c->std +
	       c->utc;
}

static int64_t type_offset(const unsigned char *types, size_t i)
{
	return big_endian(types + 6 * i, 4);
}

/* f is at the second header: times of 64 bits. */
static int look_up(struct zone_file f, int64_t at, int64_t *east)
{
	const unsigned char *times, *indexes, *types;
	struct counts c;
	size_t low = 0, high, size;

	if (read_head(&f, &c) < 0)
		return -ENOENT;
	size = HEAD_SIZE + body_size(&c, 8);
	if (size > f.n)
		return -ENOENT;
	times = f.p + HEAD_SIZE;
	indexes = times + 8 * c.times;
	types = indexes + c.times;
	for (high = c.times; low < high;) { /* how many are not after `at` */
		size_t mid = (low + high) / 2;

		if (big_endian(times + 8 * mid, 8) <= at)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == c.times && size + 2 < f.n && f.p[size] == '\n') {
		CLEANUP_FREE char *rule = xstrndup((const char *)f.p + size + 1, f.n - size - 1);

		rule[strcspn(rule, "\n")] = '\0';
		if (*rule && by_rule(rule, at, east) == 0)
			return 0;
	}
	size = low ? indexes[low - 1] : 0;
	if (size >= c.types)
		return -ENOENT;
	*east = type_offset(types, size);
	return 0;
}

static int by_name(const char *name, int64_t at, int64_t *east)
{
	CLEANUP_FREE char *path = NULL;
	CLEANUP_FREE unsigned char *data = NULL;
	CLEANUP_FD int fd = -1;
	struct zone_file f;
	struct counts c;
	ssize_t n;
	size_t size;

	for (const char *s = name; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("/_+-", *s))
			return -ENOENT;
	if (*name == '/' || strlen(name) > 64)
		return -ENOENT;
	path = xasprintf(ZONE_DIR "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	data = xmalloc(ZONE_MAX);
	n = fd < 0 ? -1 : read(fd, data, ZONE_MAX);
	f = (struct zone_file){data, n < 0 ? 0 : (size_t)n};
	if (read_head(&f, &c) < 0)
		return -ENOENT;
	size = HEAD_SIZE + body_size(&c, 4);
	if (size > f.n)
		return -ENOENT;
	return look_up((struct zone_file){f.p + size, f.n - size}, at, east);
}

int zone_offset(const char *zone, int64_t at, int64_t *east)
{
	int sign = *zone == '-' ? -1 : 1;
	const char *s = zone + (*zone == '-' || *zone == '+');

	*east = 0;
	if (!*zone || str_eq(zone, "UTC") || str_eq(zone, "GMT"))
		return 0;
	if (strlen(s) == 5 && s[2] == ':' && isdigit((unsigned char)s[0]) &&
	    isdigit((unsigned char)s[1]) && isdigit((unsigned char)s[3]) &&
	    isdigit((unsigned char)s[4])) {
		*east = sign * ((s[0] - '0') * 36000 + (s[1] - '0') * 3600 + (s[3] - '0') * 600 +
				(s[4] - '0') * 60);
		return 0;
	}
	return by_name(zone, at, east);
}
