/* SPDX-License-Identifier: MIT */
/* What the node has: read once from /proc, and the Node object that says so. */
#pragma once

#include "objects/value.h"

struct node_facts {
	char *name, *ip;
	int64_t cpu_millis;
	uint64_t memory_bytes;
	uint64_t disk_bytes; /* of the state directory's file system */
	unsigned max_pods;
	char *os_image, *kernel, *machine_id, *boot_id, *system_uuid, *arch; /* "amd64" */
};

struct node_facts *node_facts_read(const char *name, const char *state_dir, unsigned max_pods);
void node_facts_free(struct node_facts *f);

/* capacity and allocatable, a quantity as the API has it. Owned map. */
struct value *node_resources(const struct node_facts *f);
/*
 * The Node as the kubelet keeps it: labels and status set in `taken` (an empty map to create it),
 * what others wrote is left. Conditions keep their lastTransitionTime. Heartbeats move only when
 * something else changes: an idle node writes nothing.
 */
struct value *node_object(const struct node_facts *f, struct value *taken, const char *version,
			  const char *pod_cidr, int64_t now_sec);
