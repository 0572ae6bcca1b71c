/* SPDX-License-Identifier: MIT */
/* Columns that are made by code: each appends one cell's text. Source: printers.go, as columns.c.
 */
#pragma once

#include "objects/print/print_i.h"

void column_api_available(const struct value *o, struct buf *out);
void column_api_service(const struct value *o, struct buf *out);
void column_accounts(const struct value *o, struct buf *out);
void column_active(const struct value *o, struct buf *out);
void column_claim(const struct value *o, struct buf *out);
void column_claim_status(const struct value *o, struct buf *out);
void column_cluster_ip(const struct value *o, struct buf *out);
void column_completions(const struct value *o, struct buf *out);
void column_containers(const struct value *o, struct buf *out);
void column_controller(const struct value *o, struct buf *out);
void column_created(const struct value *o, struct buf *out);
void column_data(const struct value *o, struct buf *out);
void column_duration(const struct value *o, struct buf *out);
void column_endpoints(const struct value *o, struct buf *out);
void column_event_count(const struct value *o, struct buf *out);
void column_event_message(const struct value *o, struct buf *out);
void column_event_object(const struct value *o, struct buf *out);
void column_event_part(const struct value *o, struct buf *out);
void column_event_source(const struct value *o, struct buf *out);
void column_external_ip(const struct value *o, struct buf *out);
void column_first_seen(const struct value *o, struct buf *out);
void column_groups(const struct value *o, struct buf *out);
void column_hosts(const struct value *o, struct buf *out);
void column_images(const struct value *o, struct buf *out);
void column_ingress_address(const struct value *o, struct buf *out);
void column_ingress_ports(const struct value *o, struct buf *out);
void column_job_selector(const struct value *o, struct buf *out);
void column_job_status(const struct value *o, struct buf *out);
void column_last_schedule(const struct value *o, struct buf *out);
void column_last_seen(const struct value *o, struct buf *out);
void column_map_selector(const struct value *o, struct buf *out);
void column_node_external(const struct value *o, struct buf *out);
void column_node_roles(const struct value *o, struct buf *out);
void column_node_internal(const struct value *o, struct buf *out);
void column_node_selector(const struct value *o, struct buf *out);
void column_node_status(const struct value *o, struct buf *out);
void column_pod_selector(const struct value *o, struct buf *out);
void column_ports(const struct value *o, struct buf *out);
void column_pv_modes(const struct value *o, struct buf *out);
void column_pvc_capacity(const struct value *o, struct buf *out);
void column_pvc_modes(const struct value *o, struct buf *out);
void column_quota_limit(const struct value *o, struct buf *out);
void column_quota_request(const struct value *o, struct buf *out);
void column_reference(const struct value *o, struct buf *out);
void column_replicas_ready(const struct value *o, struct buf *out);
void column_role(const struct value *o, struct buf *out);
void column_secrets(const struct value *o, struct buf *out);
void column_selector(const struct value *o, struct buf *out);
void column_slice_endpoints(const struct value *o, struct buf *out);
void column_slice_ports(const struct value *o, struct buf *out);
void column_suspend(const struct value *o, struct buf *out);
void column_template_labels(const struct value *o, struct buf *out);
void column_users(const struct value *o, struct buf *out);
void column_webhooks(const struct value *o, struct buf *out);
void column_validations(const struct value *o, struct buf *out);
void column_mutations(const struct value *o, struct buf *out);
void column_param_kind(const struct value *o, struct buf *out);
void column_param_ref(const struct value *o, struct buf *out);
void column_targets(const struct value *o, struct buf *out);
void column_csr_condition(const struct value *o, struct buf *out);
void column_parameters(const struct value *o, struct buf *out);
void column_token_requests(const struct value *o, struct buf *out);
void column_csi_modes(const struct value *o, struct buf *out);
void column_drivers(const struct value *o, struct buf *out);
void column_component_status(const struct value *o, struct buf *out);
