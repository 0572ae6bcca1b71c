/* SPDX-License-Identifier: MIT */
#include "objects/controllers/scheduler/preempt.h"

#include "objects/controllers/facts.h"

/* Take a pod's share off its node, or put it back, while a question is asked. */
static void lift(struct sched_pod *p, int off)
{
	for (size_t i = 0; i < p->requests.n; i++)
		p->node->used[p->requests.list[i].id] +=
			off ? -p->requests.list[i].n : p->requests.list[i].n;
	p->lifted = off;
}

static int64_t started_at(const struct sched_pod *p)
{
	int64_t t = time_of(STR_AT(p->o->value, "status", "startTime"));

	return t ? t : created_at(p->o->value);
}

/* Higher priority first, then those that run longest. */
static int most_important_first(const void *x, const void *y)
{
	const struct sched_pod *a = *(struct sched_pod *const *)x,
			       *b = *(struct sched_pod *const *)y;
	int64_t sa = started_at(a), sb = started_at(b);

	if (a->priority != b->priority)
		return a->priority > b->priority ? -1 : 1;
	return (sa > sb) - (sa < sb);
}

/* All that may have to leave the node; then each is let back if the pod fits all the same. */
static int choose_victims(const struct placing *pl, struct sched_node *n, struct preemption *out)
{
	size_t kept = 0;

	*out = (struct preemption){.node = n};
	for (const struct sched_pod *p = n->pods; p; p = p->next_on_node)
		if (p->evicting)
			return 0; /* room is being made there for somebody else */
	out->victims = xcalloc(n->n_pods + 1, sizeof(struct sched_pod *));
	for (struct sched_pod *p = n->pods; p; p = p->next_on_node)
		if (p->priority < pl->pod->priority)
			out->victims[out->n++] = p;
	for (size_t i = 0; i < out->n; i++)
		lift(out->victims[i], 1);
	if (!out->n || !node_fits(pl, n, NULL)) {
		for (size_t i = 0; i < out->n; i++)
			lift(out->victims[i], 0);
		return 0;
	}
	qsort(out->victims, out->n, sizeof(struct sched_pod *), most_important_first);
	for (size_t i = 0; i < out->n; i++) {
		lift(out->victims[i], 0);
		if (node_fits(pl, n, NULL))
			continue;
		lift(out->victims[i], 1);
		out->victims[kept++] = out->victims[i];
	}
	out->n = kept;
	for (size_t i = 0; i < kept; i++)
		lift(out->victims[i], 0);
	return kept > 0;
}

static int64_t sum_of_priorities(const struct preemption *p)
{
	int64_t sum = 0;

	for (size_t i = 0; i < p->n; i++)
		sum += (int64_t)p->victims[i]->priority + INT32_MAX +
		       1LL; /* fewer is better, whatever the sign */
	return sum;
}

static int is_better(const struct preemption *a, const struct preemption *b)
{
	int32_t ha = a->victims[0]->priority, hb = b->victims[0]->priority;
	int64_t sa = sum_of_priorities(a), sb = sum_of_priorities(b);

	if (ha != hb)
		return ha < hb;
	if (sa != sb)
		return sa < sb;
	if (a->n != b->n)
		return a->n < b->n;
	return started_at(a->victims[0]) > started_at(b->victims[0]);
}

int find_victims(const struct placing *pl, struct preemption *out)
{
	struct preemption one;

	*out = (struct preemption){0};
	for (size_t i = 0; i < pl->cl->n_nodes; i++) {
		if (choose_victims(pl, pl->cl->nodes[i], &one) &&
		    (!out->node || is_better(&one, out))) {
			struct preemption worse = *out;

			*out = one;
			one = worse;
		}
		free(one.victims);
	}
	return out->node != NULL;
}
