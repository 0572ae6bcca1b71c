/* SPDX-License-Identifier: MIT */
#include "objects/custom/custom_i.h"

#define BLOCK (16u * 1024)

struct arena_block {
	struct arena_block *next;
	max_align_t data[];
};

void *arena_alloc(struct arena *a, size_t n, size_t size)
{
	size_t align = sizeof(max_align_t), want, block;
	struct arena_block *b;

	if (__builtin_mul_overflow(n, size, &want) || want > SIZE_MAX / 2)
		abort();
	want = (want + align - 1) / align * align;
	if (!a->blocks || want > a->size - a->used) {
		block = want > BLOCK ? want : BLOCK;
		b = xcalloc(1, sizeof(*b) + block);
		b->next = a->blocks;
		a->blocks = b;
		a->used = 0;
		a->size = block;
	}
	a->used += want;
	return (char *)a->blocks->data + a->used - want;
}

char *arena_strdup(struct arena *a, const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(arena_alloc(a, n, 1), s, n);
}

void arena_keep(struct arena *a, void *taken, void (*free_fn)(void *p))
{
	if ((a->n_kept & (a->n_kept - 1)) == 0)
		a->kept = xreallocarray(a->kept, a->n_kept ? 2 * a->n_kept : 1, sizeof(*a->kept));
	a->kept[a->n_kept++] = (struct kept){taken, free_fn};
}

void arena_fini(struct arena *a)
{
	for (size_t i = 0; i < a->n_kept; i++)
		a->kept[i].free(a->kept[i].p);
	free(a->kept);
	for (struct arena_block *b = a->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	*a = (struct arena){0};
}

const char *const *arena_strings(struct arena *a, const struct value *list)
{
	size_t n = value_count(list), kept = 0;
	const char **out;

	if (!value_is(list, VALUE_LIST) || !n)
		return NULL;
	out = arena_alloc(a, n + 1, sizeof(*out));
	for (size_t i = 0; i < n; i++)
		if (value_is(value_at(list, i), VALUE_STRING))
			out[kept++] = value_str(value_at(list, i), "");
	return kept ? out : NULL;
}
