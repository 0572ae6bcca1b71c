/* SPDX-License-Identifier: MIT */
/*
 * The tokens of a volume (serviceAccountToken of a projected volume), kept until they are to be
 * renewed: at 80 % of their lifetime, and after a day at the latest, as the kubelet does it
 * ("Projected Volumes"; pkg/kubelet/token). And the volume that a pod has without asking.
 */
#pragma once

#include "runtime/agent/env.h"

/* Where every container finds its account, unless it has a mount there or wants none. */
#define ACCOUNT_MOUNT_PATH "/var/run/secrets/kubernetes.io/serviceaccount"
/* A capital letter: no volume of a user's is called so. */
#define ACCOUNT_VOLUME "serviceAccount"

struct pod_token;

struct pod_tokens {
	struct pod_token *list; /* owned */
	size_t n;
};

void pod_tokens_fini(struct pod_tokens *t);
/*
 * The text for {audience, expirationSeconds, path}; borrowed until the next call. One that cannot
 * be renewed stays, and is tried again in a minute. NULL with err: there never was one.
 */
const struct buf *pod_tokens_get(struct pod_tokens *t, const struct env_source *src,
				 const struct value *spec, struct err *err);
/* When the first of them is to be renewed, 0: never. */
uint64_t pod_tokens_renew_ms(const struct pod_tokens *t);

/* Does the pod, or else its account, want it? Source: "Configure Service Accounts for Pods". */
int pod_wants_account(const struct env_source *src);
/* The source of ACCOUNT_VOLUME as it would stand in spec.volumes; borrowed forever. */
const struct value *account_volume_spec(void);
