/* SPDX-License-Identifier: MIT */
/*
 * What the scheduler knows of the cluster: nodes with what is free on them, and
 * pods with what they take. Kept up to date change by change, so that placing a
 * pod costs the number of nodes, not of pods.
 *
 * Locking: none; the loop's thread.
 */
#pragma once

#include "objects/controllers/controller.h"
#include "util/strmap.h"

/* Resources by number: the first ones are fixed, others come as they are met. */
enum { RES_CPU, RES_MEMORY, RES_STORAGE, RES_PODS, RES_FIRST_OTHER, RES_MAX = 64 };

struct amount {
	int id;
	int64_t n; /* thousandths of a CPU, bytes, or pieces */
};

struct amounts {
	struct amount *list; /* owned */
	size_t n;
};

struct host_port_use {
	const char *ip, *protocol; /* borrowed from the pod; "0.0.0.0" for any, "TCP" */
	int64_t port;
};

struct term {                                         /* a PodAffinityTerm */
	struct selector *selector;                    /* owned */
	const struct value *namespaces, *ns_selector; /* borrowed, NULL: the pod's own */
	const char *topology;                         /* borrowed */
	int64_t weight;                               /* of preferred ones */
};

struct terms {
	struct term *list; /* owned */
	size_t n;
};

struct sched_node;

struct sched_pod {
	struct object *o;        /* owned: the snapshot that all below is borrowed from */
	struct sched_node *node; /* where it is counted, NULL: nowhere */
	struct sched_pod *next_on_node, *prev_on_node;
	struct amounts requests;
	int64_t score_cpu, score_memory; /* requests, with a guess where there are none */
	struct host_port_use *ports;     /* owned */
	size_t n_ports;
	struct terms affinity, anti_affinity; /* required ones */
	struct terms liked, disliked;         /* preferred ones */
	struct sched_pod *next_anti,
		*prev_anti; /* among those that are counted and have anti_affinity */
	int32_t priority;
	/* the queue */
	int pending;  /* waits for a node */
	int queued;   /* in the heap */
	int assumed;  /* bound by us, not yet seen so */
	int evicting; /* its deletion for a more important pod is on its way */
	int lifted;   /* taken as gone while preemption is thought through */
	int unschedulable;
	unsigned attempts;   /* that were told of */
	uint64_t not_before; /* ms: when the same reason is told again */
	uint64_t seq;
	size_t heap_at;
	struct sched_pod *next_waiting, *prev_waiting; /* among the unschedulable ones */
};

struct sched_node {
	char *name;       /* owned */
	struct object *o; /* owned; NULL: pods name it, but it is not there */
	size_t at;        /* in cluster.nodes, while it is there */
	__int128 *used;   /* by resource number, owned; wide: no sum of nonsense overflows */
	int64_t *can;     /* by resource number; owned, RES_MAX of each */
	__int128 score_cpu, score_memory; /* used, as scoring sees it */
	size_t n_pods;
	struct sched_pod *pods;
	struct strmap owners; /* uid of a controller -> number of its pods here */
};

struct cluster {
	struct strmap nodes_by_name;
	struct sched_node **nodes; /* those that are there; owned list */
	size_t n_nodes;
	struct strmap pods;       /* by uid */
	struct sched_pod *anti;   /* counted pods with required anti-affinity */
	char *resources[RES_MAX]; /* names; owned */
	int n_resources;
};

void cluster_init(struct cluster *cl);
void cluster_fini(struct cluster *cl);
const char *resource_name(const struct cluster *cl, int id);

/* A node as it is now, or that it is gone. Return: whether pods may fit now that did not before. */
int cluster_node(struct cluster *cl, const struct object *o, int gone);
/* A pod as it is now: counted on its node while it is there and not terminal. */
struct sched_pod *cluster_pod(struct cluster *cl, const struct object *o);
void cluster_pod_gone(struct cluster *cl, struct sched_pod *p);
struct sched_pod *cluster_find_pod(struct cluster *cl, const char *uid);
/* Count a pod on a node before the store says so; NULL: nowhere. */
void cluster_count(struct cluster *cl, struct sched_pod *p, struct sched_node *node);
