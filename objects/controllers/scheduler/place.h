/* SPDX-License-Identifier: MIT */
/*
 * Finding a node for one pod: filters say where it can run, and why not
 * elsewhere; scores say where best.
 * Source: Kubernetes "Scheduling Framework", "Assigning Pods to Nodes", "Taints and
 * Tolerations", "Pod Topology Spread Constraints"; pkg/scheduler/framework/plugins.
 */
#pragma once

#include "objects/controllers/scheduler/cluster.h"

/* Reasons against nodes, each with the number of nodes. */
struct reasons {
	struct strmap counts;
};

void reasons_fini(struct reasons *r);
void reason_add(struct reasons *r, const char *text);
/* "1 Insufficient cpu, 2 node(s) were unschedulable", sorted. */
void reasons_render(const struct reasons *r, struct buf *out);

/* A topology spread constraint, with the pods that match it counted by domain. */
struct spread {
	const char *key; /* topology key; borrowed */
	int64_t max_skew, min_domains;
	int hard, self;        /* DoNotSchedule; the pod itself matches */
	struct strmap domains; /* value -> number of matching pods + 1 */
	int64_t least;         /* in the emptiest domain */
};

/* What filters and scores need to know about the pod, worked out once for all nodes. */
struct placing {
	struct cluster *cl;
	struct store *store;
	struct sched_pod *pod;
	const struct value *spec, *labels; /* borrowed */
	struct strmap near;  /* "key=value" of topologies with pods that match all affinity terms */
	struct strmap apart; /* ... that match a term of ours to stay away from */
	struct strmap repelled;   /* ... with pods that want to stay away from us */
	struct strmap attraction; /* "key=value" -> sum of weights of preferred terms, +
				     ATTRACTION_BASE */
	int own_terms_match;      /* the pod matches its own affinity terms */
	struct spread *spreads;   /* owned */
	size_t n_spreads;
};

#define ATTRACTION_BASE ((intptr_t)1 << 40)

void placing_init(struct placing *pl, struct cluster *cl, struct store *store,
		  struct sched_pod *pod);
void placing_fini(struct placing *pl);

/* Return: whether the pod can run there; if not, why (NULL: not asked). */
int node_fits(const struct placing *pl, const struct sched_node *n, struct reasons *why);
/*
 * The best of the nodes that fit. `start` rotates among equals. NULL: none fits; `why` has
 * a reason or more for each node.
 */
struct sched_node *best_node(const struct placing *pl, size_t start, struct reasons *why);

/* -- parts -- */

int tolerates(const struct value *tolerations, const struct value *taint);
/* spec.nodeSelector and required node affinity. */
int node_selected(const struct value *spec, const struct object *node);
int node_selector_term_matches(const struct value *term, const struct object *node);
int resources_fit(const struct placing *pl, const struct sched_node *n, struct reasons *why);

void pod_topologies_init(struct placing *pl);
/* NULL: fits; else the reason. */
const char *pod_affinity_refuses(const struct placing *pl, const struct sched_node *n);
int64_t pod_attraction(const struct placing *pl, const struct sched_node *n);
/* The label of a node, NULL if it has none of this key. */
const char *node_label(const struct sched_node *n, const char *key);

void spreads_init(struct placing *pl);
const char *spread_refuses(const struct placing *pl, const struct sched_node *n);
/* Pods that match soft constraints in the node's domains. */
int64_t spread_crowding(const struct placing *pl, const struct sched_node *n);
