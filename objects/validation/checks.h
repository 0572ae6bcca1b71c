/* SPDX-License-Identifier: MIT */
/*
 * The checks beyond the tables, named by the data (`check: NAME` is check_NAME). Each gets the
 * value of its type, the one it replaces (NULL when created, or inside a list), the whole object,
 * and where it stands; it adds what it finds to `faults` and changes nothing.
 * Source: Kubernetes pkg/apis/<group>/validation/validation.go.
 */
#pragma once

#include "objects/schema.h"

#define CHECK(name)                                                                                \
	void check_##name(const struct value *now, const struct value *old,                        \
			  const struct value *root, const struct path *at, struct faults *faults)

/* meta.c */
CHECK(pod_template);
CHECK(label_selector);
/* pod.c */
CHECK(pod);
CHECK(pod_spec);
/* env.c */
CHECK(env_var);
CHECK(env_from);
CHECK(probe);
CHECK(handler);
/* volume.c */
CHECK(volume);
/* resources.c */
CHECK(seccomp_profile);
CHECK(app_armor_profile);
/* scheduling.c */
CHECK(toleration);
/* workload.c */
CHECK(deployment_spec);
CHECK(replica_set_spec);
CHECK(daemon_set_spec);
CHECK(stateful_set_spec);
CHECK(replication_controller_spec);
/* batch.c */
CHECK(job_spec);
CHECK(cron_job);
/* rbac.c */
CHECK(role);
CHECK(role_binding);
/* storage.c */
CHECK(persistent_volume_spec);
CHECK(claim_spec);
CHECK(storage_class);
CHECK(csi_driver_spec);
/* policy.c */
CHECK(limit_range_spec);
CHECK(quota_spec);
CHECK(disruption_spec);
CHECK(autoscaler_spec);
/* network.c */
CHECK(ingress_spec);
CHECK(ingress_class_spec);
CHECK(network_policy_spec);
CHECK(network_policy_port);
CHECK(network_policy_peer);
/* definition.c */
CHECK(definition);
/* admission_policy.c */
CHECK(validating_policy_spec);
CHECK(mutating_policy_spec);
CHECK(policy_binding_spec);
/* webhook.c */
CHECK(api_service);
CHECK(webhook_configuration);
CHECK(webhook);
CHECK(admission_rule);
/* service.c */
CHECK(service);
CHECK(endpoints);
/* config.c */
CHECK(config_map);
CHECK(secret);
CHECK(namespace);
CHECK(priority_class);
CHECK(signing_request_spec);
CHECK(lease_spec);
CHECK(event);
CHECK(node);

#undef CHECK

/* Metadata of a whole object; old NULL: creation. */
void check_metadata(const struct kind *k, const struct value *now, const struct value *old,
		    struct faults *faults);
void check_labels(const struct value *labels, const struct path *at, struct faults *faults);
void check_annotations(const struct value *map, const struct path *at, struct faults *faults);
/* One of `enums` (NULL-terminated), else a fault with the list. */
void check_enum(const char *const *enums, const struct value *v, const struct path *at,
		struct faults *faults);
