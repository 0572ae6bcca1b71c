/* SPDX-License-Identifier: MIT */
#include "objects/controllers/scheduler/heap.h"

static int before(const struct sched_pod *a, const struct sched_pod *b)
{
	return a->priority != b->priority ? a->priority > b->priority : a->seq < b->seq;
}

static void put(struct pod_heap *h, size_t at, struct sched_pod *p)
{
	h->list[at] = p;
	p->heap_at = at;
}

static void sift_up(struct pod_heap *h, size_t at)
{
	struct sched_pod *p = h->list[at];

	for (; at && before(p, h->list[(at - 1) / 2]); at = (at - 1) / 2)
		put(h, at, h->list[(at - 1) / 2]);
	put(h, at, p);
}

static void sift_down(struct pod_heap *h, size_t at)
{
	struct sched_pod *p = h->list[at];

	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < h->n && before(h->list[child + 1], h->list[child]))
			child++;
		if (child >= h->n || !before(h->list[child], p))
			break;
		put(h, at, h->list[child]);
		at = child;
	}
	put(h, at, p);
}

void heap_fini(struct pod_heap *h)
{
	free(h->list);
}

void heap_push(struct pod_heap *h, struct sched_pod *p)
{
	if (p->queued)
		return;
	if (h->n == h->cap) {
		h->cap = h->cap ? h->cap * 2 : 64;
		h->list = xreallocarray(h->list, h->cap, sizeof(struct sched_pod *));
	}
	p->queued = 1;
	put(h, h->n++, p);
	sift_up(h, p->heap_at);
}

void heap_remove(struct pod_heap *h, struct sched_pod *p)
{
	size_t at = p->heap_at;

	if (!p->queued)
		return;
	p->queued = 0;
	if (at == --h->n)
		return;
	put(h, at, h->list[h->n]);
	sift_up(h, at);
	sift_down(h, at);
}

struct sched_pod *heap_pop(struct pod_heap *h)
{
	struct sched_pod *p = h->n ? h->list[0] : NULL;

	if (p)
		heap_remove(h, p);
	return p;
}
