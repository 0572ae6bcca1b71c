/* SPDX-License-Identifier: MIT */
/*
 * All that the pod workers do to the world goes through this table: the daemon
 * fills it with the store, the sandboxes, the images, the network and the clock
 * (ops_real.c), the tests with fakes. Everything is called on the loop's thread
 * and answers there; nothing blocks.
 */
#pragma once

#include <netinet/in.h>

#include "net/net.h"
#include "objects/object.h"
#include "runtime/images.h"
#include "runtime/sandbox.h"

/* exec, httpGet, tcpSocket of probes and hooks. */
enum action_kind { ACTION_EXEC, ACTION_HTTP, ACTION_TCP };

struct action_spec {
	enum action_kind kind;
	const char *pod_uid, *container; /* exec */
	const char *const *argv;         /* exec, NULL-terminated */
	const char *url;                 /* http */
	const char *const *headers;      /* http, "Name: value", NULL-terminated, may be NULL */
	const char *host;                /* tcp */
	unsigned port;                   /* tcp */
	uint64_t timeout_ms;
	size_t max_output; /* exec: bytes of output to keep; 0: 10 KiB */
};

enum action_result { ACTION_SUCCESS, ACTION_WARNING, ACTION_FAILURE, ACTION_ERROR };

struct action;
/* Exactly once, never from within act(); not after act_cancel(). text says what came out; borrowed.
 */
typedef void (*action_done_fn)(void *arg, enum action_result result, const char *text);
typedef void (*ops_done_fn)(void *arg, int rc);

struct agent_ops {
	/* clocks and wake-ups */
	int64_t (*now_sec)(void *ctx);
	uint64_t (*now_ms)(void *ctx);
	void (*kick)(void *ctx); /* call agent_run() soon */
	void (*wake_at)(
		void *ctx,
		uint64_t at_ms); /* call agent_run() then; replaces the time before; 0: never */

	/* store */
	struct value *(*get)(void *ctx, const char *plural, const char *ns,
			     const char *name);               /* owned, NULL */
	struct value *(*services)(void *ctx, const char *ns); /* owned list */
	/* rc 0, or -ENOENT when it is another pod by now; never from within the call */
	void (*write_status)(void *ctx, const struct object *pod, struct value *taken,
			     ops_done_fn done, void *arg);
	/* grace 0: out of the store */
	void (*delete_pod)(void *ctx, const struct object *pod, ops_done_fn done, void *arg);
	void (*event)(void *ctx, const struct object *pod, const char *field_path, const char *type,
		      const char *reason, const char *message);

	/*
	 * A token of the account for the pod, appended. audience NULL: the cluster's own. -ENOENT:
	 * there is no such account.
	 */
	int (*token)(void *ctx, const struct value *pod, const char *account, const char *audience,
		     int64_t seconds, struct buf *out, struct err *err);

	/* sandboxes: as in runtime/sandbox.h */
	struct sandbox *(*sandbox_create)(void *ctx, const struct sandbox_spec *spec,
					  sandbox_event_fn fn, void *arg, struct err *err);
	int (*sandbox_start)(void *ctx, struct sandbox *sb, const struct container_spec *spec,
			     struct err *err);
	int (*sandbox_stop)(void *ctx, struct sandbox *sb, const char *container, uint64_t grace_ms,
			    struct err *err);
	int (*sandbox_mount_again)(void *ctx, struct sandbox *sb, const char *container,
				   const struct mount_spec *m, struct err *err);
	void (*sandbox_destroy)(void *ctx, struct sandbox *sb);
	int (*id_alloc)(void *ctx, const char *uid, uint32_t *base_out, struct err *err);
	void (*id_free)(void *ctx, const char *uid);

	/* images: as in runtime/images.h */
	struct image *(*image_get)(void *ctx, const char *reference, struct err *err);
	void (*image_put)(void *ctx, struct image *i);
	/* Its layers stay while the pod runs on them. */
	int (*image_hold)(void *ctx, const char *pod_uid, const struct image *i, struct err *err);
	void (*image_release)(void *ctx, const char *pod_uid);
	int (*image_user)(void *ctx, const struct image *i, const char *user,
			  struct image_user *out, struct err *err);

	/* network: as in net/net.h */
	int (*net_attach)(void *ctx, const char *uid, int netns_fd, const struct host_port *ports,
			  size_t n, char ip_out[INET_ADDRSTRLEN], struct err *err);
	int (*net_adopt)(void *ctx, const char *uid, const char *ip, const struct host_port *ports,
			 size_t n, struct err *err);
	void (*net_detach)(void *ctx, const char *uid);

	/* probes and hooks */
	struct action *(*act)(void *ctx, const struct action_spec *spec, action_done_fn done,
			      void *arg);
	void (*act_cancel)(void *ctx, struct action *a);

	/* Unmount and remove paths (owned, NULL-terminated, taken) off the loop, then done(arg). */
	void (*remove)(void *ctx, char **taken_paths, ops_done_fn done, void *arg);
};
