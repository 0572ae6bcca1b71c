/* SPDX-License-Identifier: MIT */
#include "fs/listing.h"

#include "fs/fs_i.h"
#include "util/strmap.h"

void listing_add(struct listing *l, const char *name, enum row_type type, uint64_t ino)
{
	if (strlen(name) > FS_NAME_MAX)
		return;
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 32;
		l->list = xreallocarray(l->list, l->cap, sizeof(*l->list));
	}
	l->list[l->n++] = (struct listed){.name = l->names.len, .ino = ino, .type = type};
	buf_add(&l->names, name, strlen(name) + 1);
}

void listing_fini(struct listing *l)
{
	buf_fini(&l->names);
	free(l->list);
	*l = (struct listing){0};
}

/* Open addressing: the number of an entry + 1, by the hash of its name. */
struct by_name {
	const struct listing *of;
	uint32_t *slots; /* owned */
	size_t mask;
};

static void by_name_init(struct by_name *t, const struct listing *of)
{
	size_t n = 64;

	while (n < 2 * of->n)
		n *= 2;
	*t = (struct by_name){of, xcalloc(n, sizeof(*t->slots)), n - 1};
}

/* The slot of the name, 0 if it is not there. */
static uint32_t *by_name_at(const struct by_name *t, const char *name)
{
	size_t at = hash_bytes(name, strlen(name)) & t->mask;

	while (t->slots[at] && strcmp(listing_name(t->of, t->slots[at] - 1), name) != 0)
		at = (at + 1) & t->mask;
	return &t->slots[at];
}

static void drop_doubles(struct listing *l)
{
	struct by_name there;
	size_t kept = 0;

	by_name_init(&there, l);
	for (size_t i = 0; i < l->n; i++) {
		uint32_t *slot = by_name_at(&there, listing_name(l, i));

		if (*slot)
			continue;
		l->list[kept++] = l->list[i];
		*slot = (uint32_t)kept;
	}
	l->n = kept;
	free(there.slots);
}

static int cmp_positions(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	return (x->position > y->position) - (x->position < y->position);
}

static void keep_positions(struct listing *l, const struct listing *before)
{
	struct by_name there;

	by_name_init(&there, before);
	for (size_t i = 0; i < before->n; i++)
		*by_name_at(&there, listing_name(before, i)) = (uint32_t)i + 1;
	l->positions = before->positions;
	for (size_t i = 0; i < l->n; i++) {
		const uint32_t *slot = by_name_at(&there, listing_name(l, i));

		l->list[i].position = *slot ? before->list[*slot - 1].position : l->positions++;
	}
	free(there.slots);
	qsort(l->list, l->n, sizeof(*l->list), cmp_positions);
}

void listing_settle(struct listing *l, const struct listing *before)
{
	drop_doubles(l);
	if (before->n) {
		keep_positions(l, before);
		return;
	}
	for (size_t i = 0; i < l->n; i++)
		l->list[i].position = i;
	l->positions = l->n;
}

size_t listing_seek(const struct listing *l, off_t position)
{
	size_t lo = 0, hi = l->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (position > 0 && l->list[mid].position < (uint64_t)position)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}
