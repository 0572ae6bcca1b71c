/* SPDX-License-Identifier: MIT */
/*
 * Which of the nodes that fit is best. Each aspect counts 0 to 100, times the
 * weight that Kubernetes gives it by default.
 */
#include "objects/controllers/facts.h"
#include "objects/controllers/scheduler/place.h"

#define FULL 100

enum aspect {
	BY_FREE,
	BY_BALANCE,
	BY_AFFINITY,
	BY_TAINTS,
	BY_PODS,
	BY_SPREAD,
	BY_OWNER,
	N_ASPECTS
};

static const struct {
	int weight;
	int fewer_is_better; /* a count: scaled so that the least gets FULL */
	int scaled;          /* relative to the other nodes */
} aspects[N_ASPECTS] = {
	[BY_FREE] = {1, 0, 0},   [BY_BALANCE] = {1, 0, 0}, [BY_AFFINITY] = {2, 0, 1},
	[BY_TAINTS] = {3, 1, 1}, [BY_PODS] = {2, 0, 1},    [BY_SPREAD] = {2, 1, 1},
	[BY_OWNER] = {2, 1, 1},
};

struct candidate {
	struct sched_node *node;
	int64_t raw[N_ASPECTS];
	int64_t score;
};

void placing_init(struct placing *pl, struct cluster *cl, struct store *store,
		  struct sched_pod *pod)
{
	*pl = (struct placing){.cl = cl, .store = store, .pod = pod};
	pl->spec = value_get(pod->o->value, "spec");
	pl->labels = value_dig(pod->o->value, "metadata", "labels", NULL);
	pod_topologies_init(pl);
	spreads_init(pl);
}

void placing_fini(struct placing *pl)
{
	for (size_t i = 0; i < pl->n_spreads; i++)
		strmap_fini(&pl->spreads[i].domains);
	free(pl->spreads);
	strmap_fini(&pl->near);
	strmap_fini(&pl->apart);
	strmap_fini(&pl->repelled);
	strmap_fini(&pl->attraction);
}

static double fraction(__int128 used, int64_t can)
{
	double f = can > 0 ? (double)used / (double)can : 1;

	return f > 1 ? 1 : f;
}

static void look_at_resources(const struct placing *pl, struct candidate *c)
{
	const struct sched_node *n = c->node;
	double cpu = fraction(n->score_cpu + pl->pod->score_cpu, n->can[RES_CPU]);
	double memory = fraction(n->score_memory + pl->pod->score_memory, n->can[RES_MEMORY]);
	double apart = cpu > memory ? cpu - memory : memory - cpu;

	c->raw[BY_FREE] = (int64_t)(((1 - cpu) + (1 - memory)) / 2 * FULL);
	c->raw[BY_BALANCE] = (int64_t)((1 - apart / 2) * FULL);
}

static int64_t preferred_nodes(const struct placing *pl, const struct sched_node *n)
{
	const struct value *list =
		value_dig(pl->spec, "affinity", "nodeAffinity",
			  "preferredDuringSchedulingIgnoredDuringExecution", NULL);
	int64_t sum = 0;

	for (size_t i = 0; i < value_count(list); i++)
		if (node_selector_term_matches(value_get(value_at(list, i), "preference"), n->o))
			sum += INT_AT(value_at(list, i), "weight");
	return sum;
}

static int64_t disliked_taints(const struct placing *pl, const struct sched_node *n)
{
	const struct value *taints = value_dig(n->o->value, "spec", "taints", NULL);
	int64_t count = 0;

	for (size_t i = 0; i < value_count(taints); i++)
		count += str_eq(STR_AT(value_at(taints, i), "effect"), "PreferNoSchedule") &&
			 !tolerates(value_get(pl->spec, "tolerations"), value_at(taints, i));
	return count;
}

static void look_at_node(const struct placing *pl, struct candidate *c)
{
	const char *owner = controller_uid(pl->pod->o->value);

	look_at_resources(pl, c);
	c->raw[BY_AFFINITY] = preferred_nodes(pl, c->node);
	c->raw[BY_TAINTS] = disliked_taints(pl, c->node);
	c->raw[BY_PODS] = pl->attraction.n ? pod_attraction(pl, c->node) : 0;
	c->raw[BY_SPREAD] = spread_crowding(pl, c->node);
	/* Without constraints of its own, a workload's pods spread over nodes. */
	c->raw[BY_OWNER] = owner && !pl->n_spreads
				   ? (int64_t)(intptr_t)strmap_get(&c->node->owners, owner)
				   : 0;
}

static void add_scaled(struct candidate *list, size_t n, enum aspect a)
{
	int64_t least = INT64_MAX, most = INT64_MIN;

	for (size_t i = 0; i < n; i++) {
		least = list[i].raw[a] < least ? list[i].raw[a] : least;
		most = list[i].raw[a] > most ? list[i].raw[a] : most;
	}
	if (least == most)
		return; /* says nothing */
	for (size_t i = 0; i < n; i++) {
		int64_t above = list[i].raw[a] - least;
		int64_t s = (int64_t)((double)above * FULL / (double)(most - least));

		list[i].score += aspects[a].weight * (aspects[a].fewer_is_better ? FULL - s : s);
	}
}

static struct sched_node *choose(struct candidate *list, size_t n)
{
	struct candidate *best = NULL;

	for (int a = 0; a < N_ASPECTS; a++) {
		if (aspects[a].scaled) {
			add_scaled(list, n, (enum aspect)a);
			continue;
		}
		for (size_t i = 0; i < n; i++)
			list[i].score += aspects[a].weight * list[i].raw[a];
	}
	for (size_t i = 0; i < n; i++)
		if (!best || list[i].score > best->score)
			best = &list[i];
	return best ? best->node : NULL;
}

struct sched_node *best_node(const struct placing *pl, size_t start, struct reasons *why)
{
	size_t total = pl->cl->n_nodes, n = 0;
	struct candidate *list = xcalloc(total + 1, sizeof(*list));
	struct sched_node *best;

	for (size_t i = 0; i < total; i++) {
		struct sched_node *node = pl->cl->nodes[(start + i) % total];

		if (node_fits(pl, node, why))
			list[n++].node = node;
	}
	for (size_t i = 0; n > 1 && i < n; i++)
		look_at_node(pl, &list[i]);
	best = choose(list, n);
	free(list);
	return best;
}
