/* SPDX-License-Identifier: MIT */
/*
 * Checks of containers that need the pod around them.
 */
#pragma once

#include "objects/fault.h"

enum container_role { CONTAINER_APP, CONTAINER_INIT, CONTAINER_EPHEMERAL };

/* What a container may refer to, and what all containers of a pod share. */
struct container_ctx {
	const struct value *spec;  /* of the pod */
	struct strmap *volumes;    /* name -> the volume's value */
	struct strmap *names;      /* container names seen so far */
	struct strmap *host_ports; /* "TCP/1.2.3.4/80" seen so far */
	int is_pod;                /* the pod itself, not a template */
	enum container_role role;
	struct faults *faults;
};

void check_container(struct container_ctx *ctx, const struct value *c, const struct path *at);
/* requests and limits; at is that of `resources`. */
void check_resources(const struct value *resources, const struct path *at, struct faults *faults);
void check_security_context(const struct value *sc, const struct path *at, struct faults *faults);
void check_pod_security(const struct value *spec, const struct path *at, struct faults *faults);
/* dnsPolicy and dnsConfig, hostAliases, readinessGates: at is that of the pod spec. */
void check_pod_dns(const struct value *spec, const struct path *at, struct faults *faults);
/* affinity, topologySpreadConstraints, nodeSelector: at is that of the pod spec. */
void check_scheduling(const struct value *spec, const struct path *at, struct faults *faults);
/* No absolute path, no "..": NULL or why not. */
const char *local_path_fault(const char *path);
/* Any path without "..". */
const char *backstep_fault(const char *path);
/* fieldRef of env and downwardAPI: at is that of the reference. `supported` is NULL-terminated. */
void check_field_ref(const struct value *ref, const char *const *supported, const struct path *at,
		     struct faults *faults);
void check_resource_field_ref(const struct value *ref, const struct path *at,
			      struct faults *faults);
