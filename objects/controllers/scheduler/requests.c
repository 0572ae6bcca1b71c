/* SPDX-License-Identifier: MIT */
#include "objects/controllers/scheduler/requests.h"

#include "objects/controllers/facts.h"
#include "objects/quantity.h"

#define AMOUNT_MAX   (1LL << 52) /* more than any node has: sums of them stay sums */
#define GUESS_CPU    100
#define GUESS_MEMORY (200LL << 20)

int resource_id(struct cluster *cl, const char *name)
{
	for (int i = 0; i < cl->n_resources; i++)
		if (str_eq(cl->resources[i], name))
			return i;
	if (cl->n_resources == RES_MAX)
		return -1;
	cl->resources[cl->n_resources] = xstrdup(name);
	return cl->n_resources++;
}

int64_t resource_amount(int id, const struct value *v)
{
	struct quantity q;

	int64_t n;

	if (quantity_from_value(v, &q, NULL))
		return 0;
	n = id == RES_CPU ? quantity_millis(&q) : quantity_units(&q);
	return n < 0 ? 0 : n < AMOUNT_MAX ? n : AMOUNT_MAX;
}

/* A vector of all resources: what one container, or all of them, ask for. */
struct demand {
	int64_t n[RES_MAX];
};

static int64_t bounded(int64_t n)
{
	return n < AMOUNT_MAX ? n : AMOUNT_MAX;
}

static void demand_add(struct demand *d, const struct demand *more)
{
	for (int i = 0; i < RES_MAX; i++)
		d->n[i] = bounded(d->n[i] + more->n[i]);
}

static void demand_max(struct demand *d, const struct demand *other)
{
	for (int i = 0; i < RES_MAX; i++)
		if (other->n[i] > d->n[i])
			d->n[i] = other->n[i];
}

static struct demand demand_of(struct cluster *cl, const struct value *requests)
{
	struct demand d = {{0}};

	for (size_t i = 0; i < value_count(requests); i++) {
		int id = resource_id(cl, value_key_at(requests, i));

		if (id >= 0)
			d.n[id] = resource_amount(id, value_at(requests, i));
	}
	return d;
}

static struct demand container_demand(struct cluster *cl, const struct value *container)
{
	return demand_of(cl, value_dig(container, "resources", "requests", NULL));
}

/* Init containers run one after the other, beside the sidecars that were started before them. */
static struct demand init_demand(struct cluster *cl, const struct value *list,
				 struct demand *sidecars)
{
	struct demand most = {{0}};

	for (size_t i = 0; i < value_count(list); i++) {
		struct demand one = container_demand(cl, value_at(list, i));

		if (str_eq(STR_AT(value_at(list, i), "restartPolicy"), "Always")) {
			demand_add(sidecars, &one);
			one = *sidecars;
		} else {
			demand_add(&one, sidecars);
		}
		demand_max(&most, &one);
	}
	return most;
}

static struct demand pod_demand(struct cluster *cl, const struct value *spec)
{
	const struct value *containers = value_get(spec, "containers");
	const struct value *whole = value_dig(spec, "resources", "requests", NULL);
	struct demand sum = {{0}}, sidecars = {{0}}, init, overhead;

	for (size_t i = 0; i < value_count(containers); i++) {
		struct demand one = container_demand(cl, value_at(containers, i));

		demand_add(&sum, &one);
	}
	init = init_demand(cl, value_get(spec, "initContainers"), &sidecars);
	demand_add(&sum, &sidecars);
	demand_max(&sum, &init);
	for (size_t i = 0; i < value_count(whole);
	     i++) { /* said for the pod as a whole: counts instead */
		int id = resource_id(cl, value_key_at(whole, i));

		if (id >= 0)
			sum.n[id] = resource_amount(id, value_at(whole, i));
	}
	overhead = demand_of(cl, value_get(spec, "overhead"));
	demand_add(&sum, &overhead);
	sum.n[RES_PODS] = 1;
	return sum;
}

void requests_of_pod(struct cluster *cl, const struct value *pod, struct amounts *out)
{
	struct demand d = pod_demand(cl, value_get(pod, "spec"));

	*out = (struct amounts){0};
	for (int i = 0; i < cl->n_resources; i++)
		out->n += d.n[i] != 0;
	out->list = xcalloc(out->n, sizeof(*out->list));
	out->n = 0;
	for (int i = 0; i < cl->n_resources; i++)
		if (d.n[i])
			out->list[out->n++] = (struct amount){i, d.n[i]};
}

void pod_score_requests(const struct value *pod, int64_t *cpu, int64_t *memory)
{
	const struct value *list = value_dig(pod, "spec", "containers", NULL);

	*cpu = *memory = 0;
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *r = value_dig(value_at(list, i), "resources", "requests", NULL);
		const struct value *c = value_get(r, "cpu"), *m = value_get(r, "memory");

		*cpu = bounded(*cpu + (c ? resource_amount(RES_CPU, c) : GUESS_CPU));
		*memory = bounded(*memory + (m ? resource_amount(RES_MEMORY, m) : GUESS_MEMORY));
	}
}
