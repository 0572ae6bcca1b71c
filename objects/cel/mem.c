/* SPDX-License-Identifier: MIT */
/* Memory that is freed at once: a program's, or what a run computes. */
#include "objects/cel/cel_i.h"

#define BLOCK 2048u

struct mem_block {
	struct mem_block *next;
	size_t size;
	max_align_t data[];
};

void *mem_alloc(struct mem *m, size_t n, size_t size)
{
	size_t align = sizeof(max_align_t), want, room;
	struct mem_block *b;

	if (__builtin_mul_overflow(n, size, &want) || want > SIZE_MAX / 2)
		abort();
	want = (want + align - 1) / align * align;
	if (!m->blocks || want > m->size - m->used) {
		room = m->total > BLOCK ? 8 * BLOCK : BLOCK;
		if (want > room)
			room = want;
		b = xmalloc(sizeof(*b) + room);
		b->next = m->blocks;
		b->size = room;
		m->blocks = b;
		m->used = 0;
		m->size = room;
		m->total += room;
	}
	m->used += want;
	return memset((char *)m->blocks->data + m->used - want, 0, want);
}

char *mem_strndup(struct mem *m, const char *s, size_t n)
{
	char *out = mem_alloc(m, n + 1, 1);

	memcpy(out, s, n);
	return out;
}

void mem_fini(struct mem *m)
{
	for (struct mem_block *b = m->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	*m = (struct mem){0};
}

void mem_reset(struct mem *m)
{
	struct mem_block *first = m->blocks;

	if (!first)
		return;
	while (first->next) { /* the oldest is the small one */
		m->blocks = first->next;
		free(first);
		first = m->blocks;
	}
	m->used = 0;
	m->size = m->total = first->size;
}
