/* SPDX-License-Identifier: MIT */
/*
 * Inside the agent: the node's pods and one worker for each.
 *
 * A worker is level-triggered: whatever happens (the object changed, a container
 * ended, a deadline passed) it is marked dirty, and worker_sync() looks at all it
 * knows and does what is due. So events may come in any order and number.
 *
 *	NEW -> RUN -> ENDING -> UNMAKING -> CLEANING -> DOWN
 *
 * RUN prepares (volumes, sandbox) and runs containers; ENDING stops them; UNMAKING
 * waits for the sandbox to be gone; CLEANING for files and mounts; DOWN keeps the
 * logs of a pod that ended by itself until its object is deleted.
 */
#pragma once

#include "objects/object.h"
#include "runtime/agent/agent.h"
#include "runtime/agent/deadlines.h"
#include "runtime/agent/node.h"
#include "runtime/agent/ops.h"
#include "runtime/agent/plan.h"
#include "runtime/agent/probe.h"
#include "runtime/agent/volumes.h"
#include "util/strmap.h"

#define FIRST_STATUS_MS 150u /* a fast start is written once, when it runs */
#define MIN_STOP_GRACE_MS                                                                          \
	2000u                 /* what a container gets after its preStop hook used up the grace    \
			       */
#define FORCED_GRACE_MS 1000u /* at most, for a pod that was taken out of the store by force */
#define FIRST_RETRY_MS  500u  /* of volumes and sandboxes, doubling */
#define MAX_RETRY_MS    120000u
#define REPLAY_MS       20000u /* at most, until a found supervisor has told what happened */

enum life { LIFE_NEW, LIFE_RUN, LIFE_ENDING, LIFE_UNMAKING, LIFE_CLEANING, LIFE_DOWN };

struct agent_core {
	const struct agent_ops *ops;
	void *ctx;                                                                   /* of ops */
	struct node_facts *node;                                                     /* owned */
	char *node_name, *state_dir, *run_dir, *tree, *cluster_domain, *dns_address; /* owned */
	char *host_resolv;  /* the host's resolv.conf, owned */
	struct strmap pods; /* uid -> struct worker */
	struct worker *dirty, **dirty_end;
	struct deadlines deadlines;
	uint64_t armed_ms; /* what ops->wake_at was told */
	int purging, stopping;
	size_t in_flight; /* writes and removals that will call back */
};

struct probe_state {
	struct cwork *cw;
	enum probe_kind kind;
	int active;
	struct probe_times times;
	struct probe_run run;
	struct deadline next;
	struct action *action;
};

/* What belongs to a container besides what decisions look at. */
struct cwork {
	struct worker *w;
	struct ctr *c;
	struct probe_state probes[N_PROBES];
	struct action *hook;
	struct deadline hook_end; /* of a sleep, and of a preStop that takes too long */
	int in_pre_stop;
	int seen; /* a sandbox that was found has told of it */
	uint64_t stop_by_ms;
	uint64_t pull_failed_ms;
};

struct worker {
	struct agent_core *a;
	struct object *obj; /* owned: the newest */
	char *uid;
	struct pod_state st;
	struct cwork *ctrs; /* parallel to st.ctrs */
	enum life life;
	int gone; /* its object is not in the store any more */
	int delete_sent, deleted;
	int dirty;
	struct worker *next_dirty;

	struct sandbox *sb;
	int sandbox_pending, network;
	int has_ids;
	uint32_t id_base;
	struct volume *volumes;
	size_t n_volumes;
	int volumes_ready;
	int cleaned_all; /* the logs are gone, too */
	uint64_t retry_ms, volumes_retry_ms, sandbox_retry_ms;

	uint64_t replay_until_ms; /* a found sandbox tells what happened: nothing is decided before;
				     0: no */
	uint64_t ending_since_ms, end_by_ms;
	struct deadline wake, deadline, status_hold;

	struct value *known_status; /* what the store has, or will have; owned */
	int status_in_flight;
	uint64_t status_due_ms;
};

/* -- core.c -- */

/* facts is taken; cfg copied. */
struct agent_core *core_new(const struct agent_config *cfg, const struct agent_ops *ops, void *ctx,
			    struct node_facts *taken);
/* Workers are forgotten, what runs goes on. */
void core_free(struct agent_core *a);
/* A pod of this node as it is now (borrowed). */
void core_pod(struct agent_core *a, const struct object *pod);
/* It is not in the store any more. last: how it was. */
void core_pod_gone(struct agent_core *a, const struct object *last);
/* A ConfigMap or Secret changed, or another object that pods refer to. */
void core_object_changed(struct agent_core *a, const char *plural, const char *ns,
			 const char *name);
void core_image_added(struct agent_core *a);
/* A supervisor that still runs. Return: 0 when no pod of ours knows it. */
int core_adopt(struct agent_core *a, const char *uid, struct sandbox *sb, uint32_t id_base);
/* After all core_adopt: pods whose sandbox was not found have lost it. */
void core_adopted(struct agent_core *a);
/* End every pod, keeping the objects. */
void core_purge(struct agent_core *a, uint64_t max_ms);
/* What is due now: called after ops->kick, and at the time of ops->wake_at. */
void core_run(struct agent_core *a);
/* Nothing is dirty or in flight, and no pod is on its way out. */
int core_idle(const struct agent_core *a);
struct worker *core_find(const struct agent_core *a, const char *uid);

/* -- worker.c: the state machine -- */

struct worker *worker_new(struct agent_core *a, const struct object *pod);
void worker_free(struct worker *w);
void worker_touch(struct worker *w); /* sync soon */
void worker_sync(struct worker *w);
void worker_update(struct worker *w, const struct object *pod);
/* Its phase is Succeeded or Failed. */
int pod_is_over(const struct value *pod);
struct volume_ctx worker_volume_ctx(struct worker *w);
struct cwork *worker_ctr(struct worker *w, const char *name);
uint64_t worker_now(const struct worker *w);
/* c NULL: about the pod. */
void worker_event(struct worker *w, const struct ctr *c, const char *type, const char *reason,
		  const char *fmt, ...) PRINTF_LIKE(5, 6);

/* -- worker_make.c: volumes, sandbox -- */

/* Return: 1 when containers may be started. */
int worker_prepare(struct worker *w);
/* Where volumes are, without failing anything: for pods that were found running. */
void worker_recall_volumes(struct worker *w);
size_t pod_host_ports(const struct value *pod, struct host_port **out);

/* -- worker_sandbox.c: what the sandbox says -- */

void worker_sandbox_event(void *arg, struct sandbox *sb, const struct sandbox_event *ev);
void worker_drop_network(struct worker *w);
/* A container that should run is not there. */
void worker_lose_ctr(struct worker *w, struct cwork *cw, const char *reason, int exit_code);
/* Whatever ran is gone: the machine was started anew, or the supervisor died. */
void worker_lost_sandbox(struct worker *w, const char *reason, int exit_code);

/* -- worker_start.c -- */

void worker_start_ctr(struct worker *w, struct cwork *cw);
void worker_show_crash_loop(struct worker *w, struct cwork *cw);
/* A run began: probes and postStart. found: it ran before the daemon did. */
void worker_ctr_running(struct worker *w, struct cwork *cw, int found);

/* -- worker_end.c -- */

void worker_begin_ending(struct worker *w, uint64_t grace_ms);
void worker_kill_ctr(struct worker *w, struct cwork *cw, enum kill_why why);
/* No container is left: take down what was made. */
void worker_unmake(struct worker *w);
void worker_clean(struct worker *w);
uint64_t worker_grace_ms(const struct worker *w);
/* The grace became shorter. */
void worker_hurry(struct worker *w);

/* -- worker_status.c -- */

void worker_write_status(struct worker *w);

/* -- prober.c, hooks.c -- */

void probes_start(struct cwork *cw);
void probes_stop(struct cwork *cw);
void hook_post_start(struct cwork *cw);
/* Return: 1 when a preStop hook runs now; worker_stop_now() follows. */
int hook_pre_stop(struct cwork *cw, uint64_t grace_ms);
void hook_cancel(struct cwork *cw);
void worker_stop_now(struct cwork *cw);

/* -- admit.c -- */

/* Pods of the node that count: running ones, the candidate excluded. */
struct admission {
	const struct node_facts *node;
	const struct value *node_object; /* labels; may be NULL */
	const struct value *const *others;
	size_t n_others;
};
/* Return: 1, or 0 with the status.reason and message (owned) of the refusal. */
int admit_pod(const struct admission *ad, const struct value *pod, const char **reason,
	      char **message);
