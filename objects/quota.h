/* SPDX-License-Identifier: MIT */
/*
 * What objects use of what ResourceQuotas and LimitRanges can limit. Admission
 * charges by it, the quota controller recounts by it.
 * Source: Kubernetes "Resource Quotas"; pkg/quota/v1/evaluator/core; how the
 * containers of a pod add up: "Sidecar Containers" and component-helpers
 * resource/helpers.go.
 *
 * Locking: none; the functions look at what they are given.
 */
#pragma once

#include "objects/quantity.h"
#include "objects/store/store.h"

/* Amounts by name, sorted. */
struct usage {
	struct usage_item {
		char *name; /* owned */
		struct quantity amount;
	} * list; /* owned */
	size_t n;
};
#define USAGE_INIT                                                                                 \
	{                                                                                          \
		NULL, 0                                                                            \
	}
void usage_fini(struct usage *u);
#define CLEANUP_USAGE CLEANUP(usage_fini)
/* Add to the amount of this name (from 0). */
void usage_add(struct usage *u, const char *name, const struct quantity *more);
/* NULL: none of this name. */
const struct quantity *usage_get(const struct usage *u, const char *name);

/*
 * What the containers of a pod ask for together (which: "requests" or "limits"), by the names of
 * resources. overhead: with what the pod itself takes.
 */
void usage_of_containers(const struct value *spec, const char *which, int overhead,
			 struct usage *out);
/* What one object uses, by the names of a quota's spec.hard ("pods", "requests.cpu",
 * "count/jobs.batch", ...). */
void usage_of_object(const struct kind *k, const struct value *obj, struct usage *out);

/* A pod that counts: it has not ended, and its deletion is not overdue. */
int quota_pod_counts(const struct value *pod);
/* Do the quota's scopes take in this object? */
int quota_covers(const struct value *quota, const struct kind *k, const struct value *obj);
/* What is used of spec.hard in the store, as the map status.used; owned. */
struct value *quota_used(struct store *s, const struct value *quota);
/* status.used is there for all of spec.hard. */
int quota_is_counted(const struct value *quota);
