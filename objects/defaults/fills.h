/* SPDX-License-Identifier: MIT */
/*
 * Computed defaults, named by the data (`fill: NAME` is fill_NAME). Each takes
 * the map of its type and returns it, the same one when nothing changes; each
 * may run again on its own result.
 * Source: Kubernetes pkg/apis/<group>/v1/defaults.go and conversions.
 */
#pragma once

#include "objects/schema.h"

#define FILL(name) struct value *fill_##name(struct value *taken, const struct value *root)

/* pod.c */
FILL(pod);
FILL(pod_spec);
FILL(pod_status);
FILL(container);
FILL(volume);
/* workload.c */
FILL(deployment_strategy);
FILL(stateful_set_strategy);
FILL(stateful_set_spec);
FILL(daemon_set_strategy);
FILL(replication_controller);
FILL(job);
/* service.c */
FILL(service_spec);
FILL(service_port);
/* config.c */
FILL(secret);
FILL(namespace);
FILL(node_spec);
FILL(node_status);
FILL(binding);
FILL(subject);
FILL(limit_range_item);
FILL(network_policy_spec);
FILL(custom_names);

#undef FILL

/* Sets a field that is absent; `child` is taken either way. */
struct value *fill_absent_field(struct value *taken, const char *name, struct value *child);
/* A field's old form and the list that came after it: whichever is absent is made of the other. */
struct value *fill_one_and_list(struct value *taken, const char *one, const char *list,
				const char *key);
/* dst with the entries of src that it lacks, owned; NULL when it lacks none. dst may be NULL. */
struct value *fill_missing_keys(const struct value *dst, const struct value *src);
/* "Guaranteed", "Burstable" or "BestEffort", by the requests and limits of a pod spec. */
const char *pod_qos_class(const struct value *spec);
/* A new Job finds its pods by its own uid, unless it says a selector itself (manualSelector). */
struct value *job_select_own(struct value *taken);
/* What the server allocated to a Service (addresses, node ports) stays when an update leaves it
 * out. */
struct value *service_keep_allocated(struct value *taken, const struct value *old);
