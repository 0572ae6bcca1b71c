/* SPDX-License-Identifier: MIT */
/*
 * The securityContext of a container merged with its pod's, as the restrictions
 * that the sandbox enforces. Source: Kubernetes "Configure a Security Context
 * for a Pod or Container"; pkg/securitycontext, kuberuntime security_context.go.
 */
#pragma once

#include "runtime/agent/ops.h"
#include "runtime/agent/pod.h"

/* Bits of the default set: Docker's. */
uint64_t capabilities_default(void);
/* "NET_ADMIN", "CAP_NET_ADMIN"; -1 when there is none of that name. */
int capability_number(const char *name);
/* capabilities: {add, drop}; ALL is everything. Unknown names: -EINVAL. */
int capabilities_of(const struct value *capabilities, uint64_t *out, struct err *err) MUST_CHECK;

/* Its pod needs the host's own user namespace: asked for, privileged, or sharing a namespace of the
 * host. */
int pod_host_users(const struct value *pod);

/*
 * Fills uid, gid, groups, capabilities, privileged, no_new_privs, read_only_rootfs, seccomp and
 * proc of out. resolve looks a user text up in the image. -EPERM and -EINVAL with the kubelet's
 * text.
 */
struct user_source {
	const struct agent_ops *ops;
	void *ctx;
	const struct image *image;
};
int security_of(const struct value *pod, const struct value *container,
		const struct user_source *src, struct container_spec *out, char home_out[256],
		struct err *err) MUST_CHECK;
