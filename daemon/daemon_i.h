/* SPDX-License-Identifier: MIT */
/* Inside daemon/ only. */
#pragma once

#include <pthread.h>

#include "auth/identity.h"
#include "auth/tokens/tokens.h"
#include "daemon/daemon.h"
#include "daemon/state.h"
#include "fs/fs.h"
#include "net/net.h"
#include "objects/controllers/controller.h"
#include "objects/manifest.h"
#include "objects/store/store.h"
#include "runtime/agent/agent.h"
#include "runtime/images.h"
#include "runtime/sandbox.h"
#include "objects/webhook.h"
#include "util/https.h"
#include "util/loop.h"

/* In the order of their opening; NULL: not open. */
struct daemon {
	struct options options;
	struct state_lock *lock;
	struct loop *loop;
	struct store *store;
	struct https *https;
	struct webhooks *webhooks;
	struct api *api;
	struct rbac *rbac;
	struct audit *audit;
	struct identities *identities;
	struct tokens *tokens;
	struct manifests *manifests;
	struct images *images;
	struct sandboxes *sandboxes; /* with agent, net and runner NULL under --no-reconcile */
	struct net *net;
	struct agent *agent;
	struct runner *runner;
	struct fs *fs;

	int signal_fd;
	struct loop_fd *signals;
	pthread_mutex_t ending_lock;
	int ending, purge, purge_rc; /* under ending_lock */
	pthread_t unmounter;
	int unmounting;
};

/* What the tree shows of the other rooms. */
struct fs_rooms daemon_rooms(struct daemon *d);
/* rooms_files.c */
extern const struct fs_container_files container_files;
int container_commit(void *room, const struct fs_container *c, const char *image, struct err *err);
/* -- credentials.c -- */
int open_credentials(struct daemon *d, struct err *err);
/* agent_config.token; arg is the daemon. */
int pod_token(void *arg, const struct value *pod, const char *account, const char *audience,
	      int64_t seconds, struct buf *out, struct err *err);

/* api_hooks.review_tokens: TokenRequest and TokenReview; arg is the daemon. */
struct value *token_review(void *arg, const struct caller *who, const struct kind *k,
			   const char *ns, const struct value *body, struct faults *faults);
/* api_hooks.secret_token; arg is the daemon. */
int secret_token(void *arg, const struct value *secret, struct buf *out, struct err *err);
/* identities_set_accounts(); arg is the daemon. */
int account_of_uid(void *arg, unsigned uid, struct buf *out);
/* fs_rooms.account_of_process; arg is the daemon. */
int account_of_process(void *arg, pid_t pid, struct buf *out);

/* The bridge's name: "k8s0" for /k8s, one made from the mount point for others. buf of 16. */
const char *bridge_name(const char *mountpoint, char buf[16]);
