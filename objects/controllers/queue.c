/* SPDX-License-Identifier: MIT */
#include "objects/controllers/queue.h"

/* Conflicts in a row that are tried again at once. */
#define CONFLICTS_MAX 16

static uint64_t due_of(const struct work_item *i)
{
	return i->retry_at < i->again_at ? i->retry_at : i->again_at;
}

static int cmp_due(struct work_item *a, struct work_item *b)
{
	uint64_t x = due_of(a), y = due_of(b);

	return x != y ? (x > y) - (x < y) : (a > b) - (a < b);
}

RB_GENERATE_INTERNAL(work_delays, work_item, by_due, cmp_due, static UNUSED)

void work_queue_init(struct work_queue *q)
{
	*q = (struct work_queue){.items = STRMAP_INIT};
	q->last = &q->first;
	RB_INIT(&q->delays);
}

static void item_free(struct work_item *i)
{
	free((char *)i->key.ns);
	free((char *)i->key.name);
	free(i->id);
	free(i);
}

void work_queue_fini(struct work_queue *q)
{
	STRMAP_FOREACH (s, &q->items)
		item_free(s->val);
	strmap_fini(&q->items);
}

static struct work_item *item_get(struct work_queue *q, struct objkey key)
{
	CLEANUP_FREE char *id = xasprintf("%u/%s/%s", key.kind->index, key.ns, key.name);
	struct work_item *i = strmap_get(&q->items, id);

	if (i)
		return i;
	i = xcalloc(1, sizeof(*i));
	i->key = (struct objkey){key.kind, xstrdup(key.ns), xstrdup(key.name)};
	i->retry_at = i->again_at = WORK_NEVER;
	i->id = STEAL(id);
	strmap_set(&q->items, i->id, i);
	return i;
}

static void set_delays(struct work_queue *q, struct work_item *i, uint64_t retry_at,
		       uint64_t again_at)
{
	if (i->delayed)
		RB_REMOVE(work_delays, &q->delays, i);
	q->n_retrying -= i->retry_at != WORK_NEVER;
	i->retry_at = retry_at;
	i->again_at = again_at;
	q->n_retrying += i->retry_at != WORK_NEVER;
	i->delayed = due_of(i) != WORK_NEVER;
	if (i->delayed)
		RB_INSERT(work_delays, &q->delays, i);
}

static void enqueue(struct work_queue *q, struct work_item *i)
{
	if (i->busy) {
		i->dirty = 1;
		return;
	}
	if (i->queued)
		return;
	i->queued = 1;
	i->next = NULL;
	*q->last = i;
	q->last = &i->next;
	q->n_queued++;
}

void work_add(struct work_queue *q, struct objkey key)
{
	enqueue(q, item_get(q, key));
}

void work_add_at(struct work_queue *q, struct objkey key, uint64_t at)
{
	struct work_item *i = item_get(q, key);

	if (at < i->again_at)
		set_delays(q, i, i->retry_at, at);
}

struct work_item *work_take(struct work_queue *q)
{
	struct work_item *i = q->first;

	if (!i)
		return NULL;
	q->first = i->next;
	if (!q->first)
		q->last = &q->first;
	q->n_queued--;
	q->n_busy++;
	i->queued = 0;
	i->busy = 1;
	return i;
}

static uint64_t backoff_of(const struct work_item *i)
{
	unsigned doublings = i->failures - 1;
	uint64_t ms = (uint64_t)WORK_BACKOFF_MIN << (doublings < 20 ? doublings : 20);

	return ms < WORK_BACKOFF_MAX ? ms : WORK_BACKOFF_MAX;
}

void work_end(struct work_queue *q, struct work_item *i, enum work_end how, uint64_t again_at,
	      uint64_t now)
{
	uint64_t retry_at = WORK_NEVER;

	i->busy = 0;
	q->n_busy--;
	if (how == WORK_CONFLICT && ++i->conflicts > CONFLICTS_MAX)
		how = WORK_FAILED;
	if (how == WORK_DONE)
		i->failures = i->conflicts = 0;
	else if (how == WORK_CONFLICT)
		i->dirty = 1;
	else if (++i->failures)
		retry_at = now + backoff_of(i);
	set_delays(q, i, retry_at, again_at < i->again_at ? again_at : i->again_at);
	if (i->dirty) {
		i->dirty = 0;
		enqueue(q, i);
	}
	if (!i->queued && !i->delayed) {
		strmap_del(&q->items, i->id);
		item_free(i);
	}
}

uint64_t work_due(struct work_queue *q, uint64_t now)
{
	struct work_item *i;

	while ((i = RB_MIN(work_delays, &q->delays)) && due_of(i) <= now) {
		set_delays(q, i, i->retry_at <= now ? WORK_NEVER : i->retry_at,
			   i->again_at <= now ? WORK_NEVER : i->again_at);
		enqueue(q, i);
	}
	return i ? due_of(i) : WORK_NEVER;
}

size_t work_pending(const struct work_queue *q)
{
	return q->n_queued + q->n_busy + q->n_retrying;
}
