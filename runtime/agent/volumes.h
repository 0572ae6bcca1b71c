/* SPDX-License-Identifier: MIT */
/*
 * Volumes: a table by type. Setting one up gives the path on the host that is
 * bind-mounted into containers; config volumes are rewritten when what they show
 * changes. Source: Kubernetes "Volumes", "Projected Volumes".
 */
#pragma once

#include "runtime/agent/atomic.h"
#include "runtime/agent/env.h"
#include "runtime/agent/pod_tokens.h"

struct volume_type;

struct volume {
	char *name; /* owned */
	const struct volume_type *type;
	char *path;   /* on the host, owned; NULL until it is set up */
	int idmapped; /* host ids are shown as the pod's */
	int read_only;
	int recursive;
	int mounted; /* path is a mount of our own */
	int is_tree; /* the daemon serves it: it is gone when the daemon is */
	int late;    /* is set up while the sandbox is being made */
	struct pod_tokens tokens;
};

/* Where and for whom. */
struct volume_ctx {
	struct env_source src;
	const char *state_dir, *run_dir; /* the agent's */
	const char *tree;                /* for csi k8sfs.io, may be NULL */
	uint32_t id_base;
};

/* All volumes of the pod, none set up; ACCOUNT_VOLUME last. Count in *n_out. */
struct volume *volumes_new(const struct value *pod, size_t *n_out);
void volumes_free(struct volume *list, size_t n);
struct volume *volume_find(struct volume *list, size_t n, const char *name);

/* Idempotent. err is what FailedMount says after `MountVolume.SetUp failed for volume "x" : `. */
int volume_set_up(const struct volume_ctx *ctx, struct volume *v, struct err *err) MUST_CHECK;
/* Of a volume that shows objects or the pod itself: write it anew. Return: 1 changed, 0 not,
 * -errno. */
int volume_refresh(const struct volume_ctx *ctx, struct volume *v, struct err *err) MUST_CHECK;
/* When it must be refreshed for its tokens' sake, 0: never. */
uint64_t volume_renew_ms(const struct volume *v);
/* Does the pod show (or its environment take) this object? kind: "configmaps", "secrets". */
int pod_refers_to(const struct value *pod, const char *plural, const char *name);

/* Where a pod's files are; owned. */
char *pod_state_path(const char *state_dir, const char *uid);
char *pod_volumes_path(const char *run_dir, const char *uid);

/* The spec entry of a volume; NULL never for one from volumes_new while the pod is unchanged. */
const struct value *volume_spec(const struct value *pod, const char *name);
/* fsGroup, or -1. */
int64_t pod_fs_group(const struct value *pod);
/* Files of a configMap, secret, downwardAPI or projected volume. */
int volume_payload(const struct volume_ctx *ctx, struct volume *v, struct payload *out,
		   struct err *err) MUST_CHECK;
