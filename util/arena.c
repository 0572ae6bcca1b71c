/* SPDX-License-Identifier: MIT */
#include "util/arena.h"

#define BLOCK_FIRST 2048u /* most are small */
#define BLOCK_NEXT  (16u * 1024)

struct arena_block {
	struct arena_block *next;
	size_t size;
	max_align_t data[];
};

struct arena_kept {
	void *p;
	void (*free)(void *p);
};

static void add_block(struct arena *a, size_t want)
{
	size_t room = a->blocks ? BLOCK_NEXT : BLOCK_FIRST;
	struct arena_block *b;

	room = want > room ? want : room;
	b = xmalloc(sizeof(*b) + room);
	b->next = a->blocks;
	b->size = room;
	a->blocks = b;
	a->used = 0;
	a->size = room;
	a->total += room;
}

void *arena_alloc(struct arena *a, size_t n, size_t size)
{
	size_t align = sizeof(max_align_t), want;

	if (__builtin_mul_overflow(n, size, &want) || want > SIZE_MAX / 2)
		abort();
	want = (want + align - 1) / align * align;
	if (!a->blocks || want > a->size - a->used)
		add_block(a, want);
	a->used += want;
	return memset((char *)a->blocks->data + a->used - want, 0, want);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *out = arena_alloc(a, n + 1, 1);

	memcpy(out, s, n);
	return out;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

void arena_keep(struct arena *a, void *taken, void (*free_fn)(void *p))
{
	if ((a->n_kept & (a->n_kept - 1)) == 0)
		a->kept = xreallocarray(a->kept, a->n_kept ? 2 * a->n_kept : 1, sizeof(*a->kept));
	a->kept[a->n_kept++] = (struct arena_kept){taken, free_fn};
}

static void free_kept(struct arena *a)
{
	for (size_t i = 0; i < a->n_kept; i++)
		a->kept[i].free(a->kept[i].p);
	free(a->kept);
	a->kept = NULL;
	a->n_kept = 0;
}

void arena_reset(struct arena *a)
{
	struct arena_block *b = a->blocks;

	free_kept(a);
	if (!b)
		return;
	while (b->next) { /* the oldest is the small one */
		a->blocks = b->next;
		free(b);
		b = a->blocks;
	}
	a->used = 0;
	a->size = a->total = b->size;
}

void arena_fini(struct arena *a)
{
	free_kept(a);
	for (struct arena_block *b = a->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	*a = (struct arena){0};
}
