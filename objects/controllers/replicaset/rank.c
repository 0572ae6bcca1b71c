/* SPDX-License-Identifier: MIT */
#include "objects/controllers/replicaset/rank.h"

#include "objects/controllers/facts.h"

static int cmp(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int phase_order(const struct value *pod)
{
	const char *phase = pod_phase(pod);

	return str_eq(phase, "Pending") ? 0 : str_eq(phase, "Unknown") ? 1 : 2;
}

static int64_t deletion_cost(const struct value *pod)
{
	const char *text = object_annotation(pod, "controller.kubernetes.io/pod-deletion-cost");

	return text ? strtoll(text, NULL, 10) : 0;
}

static int64_t max_restarts(const struct value *pod)
{
	const struct value *list = value_dig(pod, "status", "containerStatuses", NULL);
	int64_t max = 0;

	for (size_t i = 0; i < value_count(list); i++) {
		int64_t n = INT_AT(value_at(list, i), "restartCount");

		max = n > max ? n : max;
	}
	return max;
}

/* Ages count by their magnitude only: 2 s and 3 s are the same age, so that not always the newest
 * go. */
static int magnitude(int64_t since, int64_t now)
{
	uint64_t age = now > since ? (uint64_t)(now - since) : 0;

	return age ? 63 - __builtin_clzll(age) : -1;
}

/* Younger first; no time counts as younger than any. */
static int cmp_age(int64_t a, int64_t b, const struct value *pa, const struct value *pb,
		   int64_t now)
{
	int rank;

	if (a == b)
		return 0;
	if (!a || !b)
		return a ? 1 : -1;
	rank = cmp(magnitude(a, now), magnitude(b, now));
	return rank ? rank
		    : strcmp(value_str(value_dig(pa, "metadata", "uid", NULL), ""),
			     value_str(value_dig(pb, "metadata", "uid", NULL), ""));
}

static int is_assigned(const struct value *pod)
{
	const char *node = STR_AT(pod, "spec", "nodeName");

	return node && *node;
}

static int cmp_pods(const void *x, const void *y, void *arg)
{
	const struct ranked_pod *rx = x, *ry = y;
	const struct value *a = rx->pod->value, *b = ry->pod->value;
	int64_t now = *(const int64_t *)arg;
	int c = is_assigned(a) - is_assigned(b);

	if (!c)
		c = phase_order(a) - phase_order(b);
	if (!c)
		c = pod_is_ready(a) - pod_is_ready(b);
	if (!c)
		c = cmp(deletion_cost(a), deletion_cost(b));
	if (!c)
		c = cmp(ry->together, rx->together);
	if (!c)
		c = cmp_age(pod_ready_since(a), pod_ready_since(b), a, b, now);
	if (!c)
		c = cmp(max_restarts(b), max_restarts(a));
	if (!c)
		c = cmp_age(created_at(a), created_at(b), a, b, now);
	return c;
}

void rank_pods(struct ranked_pod *pods, size_t n, int64_t now)
{
	if (n > 1)
		qsort_r(pods, n, sizeof(*pods), cmp_pods, &now);
}
