/* SPDX-License-Identifier: MIT */
/* Inside the agent: the world as agent_ops see it in the daemon. */
#pragma once

#include <pthread.h>

#include "objects/events.h"
#include "runtime/agent/agent_i.h"

struct web;     /* http.c: libcurl on the loop */
struct cleaner; /* cleaner.c: a thread that unmounts and removes */

struct kind_watch {
	struct agent *a;
	const struct kind *kind;
	struct watch *watch; /* NULL: the kind is not built in */
	_Atomic int posted;
};
enum { WATCH_POD, WATCH_CONFIGMAP, WATCH_SECRET, WATCH_NODE, N_WATCHES };

/*
 * Held by agent_start's caller and by everything that is in flight: posts to the
 * loop may arrive after agent_stop(), they then find `stopped` and do nothing.
 */
struct agent {
	_Atomic int refs;
	int stopped;
	struct loop *loop;
	struct api *api;
	struct store *store;
	struct sandboxes *sandboxes;
	struct images *images;
	struct net *net;
	struct agent_core *core;
	struct event_recorder *recorder;
	struct event_source source;
	struct caller who;
	char *user, *node_name, *state_dir, *version, *pod_cidr; /* owned */
	const char *groups[3];
	struct kind_watch watches[N_WATCHES];
	struct loop_timer *timer, *heartbeat;
	unsigned heartbeat_ms;
	int (*token)(void *arg, const struct value *pod, const char *account, const char *audience,
		     int64_t seconds, struct buf *out, struct err *err);
	void *token_arg;
	_Atomic int kicked;
	uint64_t lease_ms; /* the last renewal; 0: none */
	struct web *web;   /* made for the first HTTP probe */
	struct cleaner *cleaner;
	loop_fn purged; /* agent_purge's */
	void *purged_arg;
	/* exec actions have a thread each */
	pthread_mutex_t lock;
	pthread_cond_t quiet;
	size_t execs; /* lock */
};

struct agent *agent_get(struct agent *a);
void agent_put(struct agent *a);
/* Run the core soon, on the loop. */
void agent_kick(struct agent *a);
/* Submit one request of the node's own; done(arg, rc) on the loop unless the agent is stopped. */
void agent_submit(struct agent *a, struct api_request *taken, struct api_request *taken_second,
		  ops_done_fn done, void *arg);

/* node_register.c */
void agent_register_node(struct agent *a);
/* Renew the Lease if the last renewal is older than 10 s; force: always. */
void agent_renew_lease(struct agent *a, int force);

/* ops_real.c */
extern const struct agent_ops ops_real; /* ctx: struct agent */

/* actions: act() for each kind; cancel is safe until done was called */
struct action {
	void (*cancel)(struct action *a);
};
struct action *exec_act(struct agent *a, const struct action_spec *spec, action_done_fn done,
			void *arg);
/* Wait until no exec thread uses the sandboxes any more. */
void exec_wait(struct agent *a);
struct web *web_new(struct loop *loop);
void web_free(struct web *w);
/* httpGet, and tcpSocket as a connection without a request. */
struct action *web_act(struct web *w, const struct action_spec *spec, action_done_fn done,
		       void *arg);

struct cleaner *cleaner_new(void);
/* Finishes what was given to it. */
void cleaner_free(struct cleaner *c);
/* paths taken; done(arg, rc) on the cleaner's thread. */
void cleaner_add(struct cleaner *c, char **taken_paths, ops_done_fn done, void *arg);
