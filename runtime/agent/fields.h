/* SPDX-License-Identifier: MIT */
/*
 * fieldRef and resourceFieldRef: what a container may read of its own pod.
 * Source: Kubernetes "Downward API"; pkg/fieldpath, pkg/api/v1/resource.
 */
#pragma once

#include "runtime/agent/node.h"
#include "runtime/agent/pod.h"
#include "util/err.h"

/* Owned; NULL with err when there is no such field. Labels and annotations as a whole are
 * `key="value"` lines. */
char *field_value(const struct pod_state *st, const struct node_facts *node, const char *path,
		  struct err *err);
/* ref: {resource, divisor, containerName}; default_container may be NULL. Owned; NULL with err. */
char *resource_field_value(const struct pod_state *st, const struct node_facts *node,
			   const struct value *ref, const struct value *default_container,
			   struct err *err);
