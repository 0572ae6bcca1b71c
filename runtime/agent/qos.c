/* SPDX-License-Identifier: MIT */
/* Quality of service and the numbers for the cgroups. */
#include "runtime/agent/qos.h"

#include "objects/quantity.h"

static const char *const container_fields[] = {"initContainers", "containers"};

int64_t resource_of(const struct value *container, const char *which, const char *resource)
{
	const struct value *v = value_dig(container, "resources", which, resource, NULL);
	struct quantity q;

	if (!v || quantity_from_value(v, &q, NULL))
		return 0;
	return str_eq(resource, "cpu") ? quantity_millis(&q) : quantity_units(&q);
}

/* Only cpu and memory count, and zero is as good as absent. */
static void look_at(const struct value *c, int *any, int *guaranteed)
{
	static const char *const names[] = {"cpu", "memory"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		int64_t request = resource_of(c, "requests", names[i]);
		int64_t limit = resource_of(c, "limits", names[i]);

		*any |= request > 0 || limit > 0;
		*guaranteed &= limit > 0 && (request == limit || request == 0);
	}
}

enum qos qos_class(const struct value *pod)
{
	const struct value *whole = value_get(pod, "spec");
	int any = 0, guaranteed = 1;

	if (value_dig(whole, "resources", NULL) && value_count(value_get(whole, "resources"))) {
		look_at(whole, &any, &guaranteed); /* pod-level resources decide alone */
	} else {
		for (size_t f = 0; f < ARRAY_LEN(container_fields); f++) {
			const struct value *list = value_get(whole, container_fields[f]);

			for (size_t i = 0; i < value_count(list); i++)
				look_at(value_at(list, i), &any, &guaranteed);
		}
	}
	if (!any)
		return QOS_BEST_EFFORT;
	return guaranteed ? QOS_GUARANTEED : QOS_BURSTABLE;
}

const char *qos_name(enum qos q)
{
	static const char *const names[] = {"Guaranteed", "Burstable", "BestEffort"};

	return names[q];
}

static int is_sidecar(const struct value *c)
{
	return str_eq(value_str(value_get(c, "restartPolicy"), NULL), "Always");
}

static int64_t pod_sum(const struct value *pod, const char *which, const char *resource)
{
	const struct value *init = value_dig(pod, "spec", "initContainers", NULL);
	const struct value *mains = value_dig(pod, "spec", "containers", NULL);
	int64_t sum = 0, sidecars = 0, peak = 0, whole;

	whole = resource_of(value_get(pod, "spec"), which, resource);
	if (whole)
		return whole;
	for (size_t i = 0; i < value_count(mains); i++)
		sum += resource_of(value_at(mains, i), which, resource);
	for (size_t i = 0; i < value_count(init); i++) {
		const struct value *c = value_at(init, i);
		int64_t one = resource_of(c, which, resource);

		if (is_sidecar(c))
			sidecars += one;
		if (sidecars + (is_sidecar(c) ? 0 : one) > peak)
			peak = sidecars + (is_sidecar(c) ? 0 : one);
	}
	sum += sidecars;
	return sum > peak ? sum : peak;
}

static int64_t overhead(const struct value *pod, const char *resource)
{
	const struct value *v = value_dig(pod, "spec", "overhead", resource, NULL);
	struct quantity q;

	if (!v || quantity_from_value(v, &q, NULL))
		return 0;
	return str_eq(resource, "cpu") ? quantity_millis(&q) : quantity_units(&q);
}

int64_t pod_requests(const struct value *pod, const char *resource)
{
	return pod_sum(pod, "requests", resource) + overhead(pod, resource);
}

static int all_limited(const struct value *pod, const char *resource)
{
	if (resource_of(value_get(pod, "spec"), "limits", resource))
		return 1;
	for (size_t f = 0; f < ARRAY_LEN(container_fields); f++) {
		const struct value *list = value_dig(pod, "spec", container_fields[f], NULL);

		for (size_t i = 0; i < value_count(list); i++)
			if (!resource_of(value_at(list, i), "limits", resource))
				return 0;
	}
	return 1;
}

struct resource_limits limits_of(const struct value *pod, const struct value *c,
				 uint64_t node_memory)
{
	struct resource_limits l = {0};

	l.cpu_shares_millis = (uint64_t)resource_of(c, "requests", "cpu");
	l.cpu_quota_millis = (uint64_t)resource_of(c, "limits", "cpu");
	if (!value_dig(c, "resources", "requests", "cpu", NULL))
		l.cpu_shares_millis = l.cpu_quota_millis;
	l.memory_bytes = (uint64_t)resource_of(c, "limits", "memory");
	l.memory_request_bytes = (uint64_t)resource_of(c, "requests", "memory");
	l.oom_score_adj = oom_score_adj(pod, c, node_memory);
	return l;
}

struct resource_limits pod_limits(const struct value *pod)
{
	struct resource_limits l = {0};

	l.cpu_shares_millis = (uint64_t)pod_requests(pod, "cpu");
	l.memory_request_bytes = (uint64_t)pod_requests(pod, "memory");
	if (all_limited(pod, "cpu"))
		l.cpu_quota_millis =
			(uint64_t)(pod_sum(pod, "limits", "cpu") + overhead(pod, "cpu"));
	if (all_limited(pod, "memory"))
		l.memory_bytes =
			(uint64_t)(pod_sum(pod, "limits", "memory") + overhead(pod, "memory"));
	return l;
}

int oom_score_adj(const struct value *pod, const struct value *c, uint64_t node_memory)
{
	int64_t priority = value_int(value_dig(pod, "spec", "priority", NULL), 0);
	int64_t request = resource_of(c, "requests", "memory");
	int64_t score;

	if (priority >= 2000000000) /* system-cluster-critical and up */
		return -997;
	switch (qos_class(pod)) {
	case QOS_GUARANTEED:
		return -997;
	case QOS_BEST_EFFORT:
		return 1000;
	default:
		break;
	}
	score = 1000 -
		(node_memory ? (int64_t)((__int128)request * 1000 / (__int128)node_memory) : 0);
	if (score < 3) /* below a burstable pod that asks for everything there is only Guaranteed */
		return 3;
	return score > 999 ? 999 : (int)score;
}
