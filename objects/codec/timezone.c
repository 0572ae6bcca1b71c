/* SPDX-License-Identifier: MIT */
#include "objects/timezone.h"

#include <errno.h>

#include "objects/codec/timezone_i.h"
#include "util/fd.h"

#define ZONES      "/usr/share/zoneinfo"
#define FILE_MAX   (256u << 10)
#define HEADER_LEN 44
#define RULE_MAX   128
/* Years 1 to 9999: what a date can be. */
#define EARLIEST (-62135596800)
#define LATEST   253402300799

struct zone {
	size_t n;
	int64_t *when; /* n, ascending */
	uint8_t *type; /* n: the type from then on */
	size_t n_offsets;
	int32_t *offset; /* by type */
	struct zone_rule rule;
};

/* -- a file: RFC 8536, 3 -- */

struct counts {
	size_t utc, std, leap, when, type, chars;
};

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be64(const uint8_t *p)
{
	return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

/* Return: whether a header with believable counts is there. */
static int header(const uint8_t *p, size_t len, struct counts *c)
{
	if (len < HEADER_LEN || memcmp(p, "TZif", 4) != 0)
		return 0;
	*c = (struct counts){be32(p + 20), be32(p + 24), be32(p + 28),
			     be32(p + 32), be32(p + 36), be32(p + 40)};
	return c->type >= 1 && c->type <= 256 && c->when <= FILE_MAX && c->leap <= FILE_MAX &&
	       c->chars <= FILE_MAX && c->utc <= 256 && c->std <= 256;
}

static size_t block_len(const struct counts *c, size_t width)
{
	return c->when * (width + 1) + c->type * 6 + c->chars + c->leap * (width + 4) + c->std +
	       c->utc;
}

/* The table at p, whose length was looked at. Return: whether it is in order. */
static int take_table(struct zone *z, const uint8_t *p, const struct counts *c, size_t width)
{
	const uint8_t *types = p + c->when * width, *offsets = types + c->when;

	z->n = c->when;
	z->n_offsets = c->type;
	z->when = xreallocarray(NULL, c->when + 1, sizeof(*z->when));
	z->type = xmalloc(c->when + 1);
	z->offset = xreallocarray(NULL, c->type, sizeof(*z->offset));
	for (size_t i = 0; i < c->when; i++) {
		z->when[i] = width == 8 ? be64(p + 8 * i) : (int32_t)be32(p + 4 * i);
		z->type[i] = types[i];
		if (types[i] >= c->type || (i && z->when[i] <= z->when[i - 1]))
			return 0;
	}
	for (size_t i = 0; i < c->type; i++) {
		z->offset[i] = (int32_t)be32(offsets + 6 * i);
		if (z->offset[i] < -180000 || z->offset[i] > 180000)
			return 0;
	}
	return 1;
}

/* "\n<rule>\n"; an empty one is none. */
static int take_rule(struct zone *z, const char *s, size_t len)
{
	const char *end = len && *s == '\n' ? memchr(s + 1, '\n', len - 1) : NULL;
	char text[RULE_MAX];

	if (!end || (size_t)(end - s) > sizeof(text))
		return 0;
	memcpy(text, s + 1, (size_t)(end - s - 1));
	text[end - s - 1] = '\0';
	return !*text || zone_rule_parse(text, &z->rule) == 0;
}

static int take_file(struct zone *z, const uint8_t *p, size_t len)
{
	struct counts c;
	size_t width = 4;

	if (!header(p, len, &c) || block_len(&c, width) > len - HEADER_LEN)
		return 0;
	if (p[4] >= '2') { /* the first block is for readers of 32 bits */
		size_t skip = HEADER_LEN + block_len(&c, width);

		p += skip;
		len -= skip;
		width = 8;
		if (!header(p, len, &c) || block_len(&c, width) > len - HEADER_LEN)
			return 0;
	}
	if (!take_table(z, p + HEADER_LEN, &c, width))
		return 0;
	p += HEADER_LEN + block_len(&c, width);
	len -= HEADER_LEN + block_len(&c, width);
	return width == 4 || take_rule(z, (const char *)p, len);
}

struct zone *zone_parse(const void *data, size_t len, struct err *err)
{
	struct zone *z = xcalloc(1, sizeof(*z));

	if (take_file(z, data, len))
		return z;
	zone_free(z);
	err_set(err, EINVAL, "malformed time zone information");
	return NULL;
}

/* -- by name -- */

static int name_is_safe(const char *name)
{
	return *name != '/' && *name != '\\' && !strstr(name, "..");
}

static struct zone *utc(void)
{
	struct zone *z = xcalloc(1, sizeof(*z));

	z->rule.there = 1;
	return z;
}

struct zone *zone_open(const char *name, struct err *err)
{
	CLEANUP(buf_fini) struct buf data = BUF_INIT;
	CLEANUP_FREE char *path = xasprintf("%s/%s", ZONES, name);
	struct zone *z = NULL;

	if (!*name || strcmp(name, "UTC") == 0)
		return utc();
	if (!name_is_safe(name)) {
		err_set(err, EINVAL, "time: invalid location name");
		return NULL;
	}
	if (fd_read_file(path, FILE_MAX, &data, NULL) == 0)
		z = zone_parse(buf_str(&data), data.len, NULL);
	if (!z)
		err_set(err, ENOENT, "unknown time zone %s", name);
	return z;
}

void zone_free(struct zone *z)
{
	if (!z)
		return;
	free(z->when);
	free(z->type);
	free(z->offset);
	free(z);
}

/* -- asking -- */

int32_t zone_offset(const struct zone *z, int64_t t)
{
	size_t low = 0, high = z->n;

	t = t < EARLIEST ? EARLIEST : t > LATEST ? LATEST : t;
	while (low < high) { /* the first turn after t */
		size_t mid = low + (high - low) / 2;

		if (z->when[mid] <= t)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == z->n && z->rule.there)
		return zone_rule_offset(&z->rule, t);
	return z->offset[low ? z->type[low - 1] : 0];
}
