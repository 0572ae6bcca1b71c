/* SPDX-License-Identifier: MIT */
/* Names in pax headers: see pax_names.h. Format: pax in POSIX.1-2017, tar(5) of libarchive. */
#include "runtime/images/pax_names.h"

#define PAX_MAX (1u << 20)

enum { HEADER, PAX_BODY, BODY, DONE };

void pax_names_init(struct pax_names *p)
{
	*p = (struct pax_names){.state = HEADER};
	p->last = &p->first;
}

static void name_free(struct pax_name *n)
{
	free(n->path);
	free(n->link);
	free(n);
}

void pax_names_fini(struct pax_names *p)
{
	while (p->first) {
		struct pax_name *n = p->first;

		p->first = n->next;
		name_free(n);
	}
	if (p->entry)
		name_free(p->entry);
	buf_fini(&p->pax);
}

/* Octal, or base 256 when the top bit is set. Return: 0 for what is neither. */
static int number(const unsigned char *field, size_t n, uint64_t *out)
{
	uint64_t v = 0;
	size_t i = 0;

	if (field[0] & 0x80) {
		for (i = n - 8; i < n; i++)
			v = v << 8 | field[i];
		*out = v;
		return v >> 62 == 0;
	}
	while (i < n && field[i] == ' ')
		i++;
	for (; i < n && field[i] >= '0' && field[i] <= '7'; i++)
		v = v << 3 | (uint64_t)(field[i] - '0');
	*out = v;
	return i == n || field[i] == ' ' || field[i] == '\0';
}

static int checksum_right(const unsigned char *h)
{
	uint64_t told;
	unsigned sum = 0;

	for (size_t i = 0; i < 512; i++)
		sum += i >= 148 && i < 156 ? ' ' : h[i];
	return number(h + 148, 8, &told) && told == sum;
}

static void put(char **slot, const char *value, size_t len)
{
	/* A NUL in a name ends it for everybody else, too. */
	free(*slot);
	*slot = xstrndup(value, len);
}

/* "<length> <key>=<value>\n", the length counting itself. */
static void parse_records(struct pax_names *p)
{
	const char *s = buf_str(&p->pax), *end = s + p->pax.len;

	while (s < end) {
		char *key;
		unsigned long len = strtoul(s, &key, 10);
		const char *stop, *equals;

		if (*key != ' ' || len > (size_t)(end - s) || (size_t)(key - s) + 2 > len ||
		    s[len - 1] != '\n')
			return;
		key++;
		stop = s + len - 1;
		equals = memchr(key, '=', (size_t)(stop - key));
		if (!equals)
			return;
		if (equals - key == 4 && memcmp(key, "path", 4) == 0)
			put(&p->entry->path, equals + 1, (size_t)(stop - equals - 1));
		else if (equals - key == 8 && memcmp(key, "linkpath", 8) == 0)
			put(&p->entry->link, equals + 1, (size_t)(stop - equals - 1));
		else if (equals - key == 4 && memcmp(key, "size", 4) == 0) {
			p->size = strtoull(equals + 1, NULL, 10);
			p->has_size = 1;
		}
		s += len;
	}
}

/* The entry's own header: what its pax header said is complete. */
static void finish_entry(struct pax_names *p)
{
	struct pax_name *n = p->entry;

	p->entry = NULL;
	p->has_size = 0;
	if (!n->path && !n->link) {
		name_free(n);
		return;
	}
	*p->last = n;
	p->last = &n->next;
}

static void see_header(struct pax_names *p)
{
	const unsigned char *h = p->block;
	uint64_t size;
	int type = h[156];

	if (!checksum_right(h) || !number(h + 124, 12, &size)) {
		p->state = DONE; /* the end, or damage */
		return;
	}
	if (!p->entry) {
		p->entry = xcalloc(1, sizeof(*p->entry));
		p->entry->header = p->at - 512;
	}
	p->pax.len = 0;
	p->state = BODY;
	if (type == 'x' || type == 'X') {
		p->state = size <= PAX_MAX ? PAX_BODY : DONE;
	} else if (type != 'g' && type != 'L' && type != 'K' && type != 'V') {
		if (p->has_size)
			size = p->size;
		if (type >= '2' && type <= '6')
			size = 0;
		finish_entry(p);
	}
	p->left = size;
	p->pad = (512 - size % 512) % 512;
}

static void end_body(struct pax_names *p)
{
	if (p->state == PAX_BODY)
		parse_records(p);
	p->state = HEADER;
	p->have = 0;
}

static size_t see_body(struct pax_names *p, const unsigned char *data, size_t len)
{
	size_t n = len < p->left ? len : (size_t)p->left;

	if (p->left) {
		if (p->state == PAX_BODY)
			buf_add(&p->pax, data, n);
		p->left -= n;
		return n;
	}
	n = len < p->pad ? len : (size_t)p->pad;
	p->pad -= n;
	return n;
}

void pax_names_see(struct pax_names *p, const void *data, size_t len)
{
	const unsigned char *s = data;

	while (len && p->state != DONE) {
		size_t n;

		if (p->state == HEADER) {
			n = len < 512 - p->have ? len : 512 - p->have;
			memcpy(p->block + p->have, s, n);
			p->have += n;
		} else {
			n = see_body(p, s, len);
		}
		p->at += n;
		s += n;
		len -= n;
		if (p->state == HEADER && p->have == 512)
			see_header(p);
		if ((p->state == BODY || p->state == PAX_BODY) && !p->left && !p->pad)
			end_body(p);
	}
}

const struct pax_name *pax_names_of(struct pax_names *p, uint64_t header)
{
	while (p->first && p->first->header < header) {
		struct pax_name *n = p->first;

		p->first = n->next;
		if (!p->first)
			p->last = &p->first;
		name_free(n);
	}
	return p->first && p->first->header == header ? p->first : NULL;
}
