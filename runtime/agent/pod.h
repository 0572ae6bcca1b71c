/* SPDX-License-Identifier: MIT */
/*
 * A pod as the agent has observed it: what each container is doing and did
 * before. Decisions (plan.h) and status (status.h) are functions of this and of
 * the Pod object alone; nothing in here does I/O.
 */
#pragma once

#include "objects/value.h"
#include "runtime/agent/backoff.h"

enum ctr_kind {
	CTR_INIT,    /* runs to its end before the next one */
	CTR_SIDECAR, /* an init container with restartPolicy: Always */
	CTR_MAIN,
};

enum ctr_state {
	CTR_WAITING,  /* never ran, or it is not clear yet why it cannot */
	CTR_STARTING, /* the sandbox was told */
	CTR_RUNNING,
	CTR_EXITED,
};

/* One run of a container. */
struct ctr_run {
	char id[65];                       /* "" none */
	int64_t started_sec, finished_sec; /* wall clock */
	uint64_t finished_ms;              /* monotonic; what back-off counts from */
	int exit_code, signal;
	char *reason, *message; /* of the end, owned */
};

struct ctr {
	char *name; /* owned */
	enum ctr_kind kind;
	size_t index; /* in spec.initContainers or spec.containers */
	enum ctr_state state;
	struct ctr_run
		run; /* CTR_RUNNING: this; CTR_EXITED: how it ended; CTR_STARTING: being made */
	struct ctr_run last; /* the one before */
	int has_last;
	int restart_count; /* of run */
	int stale;         /* run belongs to a sandbox that is gone */
	char *waiting_reason,
		*waiting_message; /* why it does not run, NULL: usual creation. Owned */
	struct backoff restart, pull;
	uint64_t retry_ms; /* not before, whatever the back-off says; UINT64_MAX: until something
			      changes */
	char *spec_image;  /* spec's image at the start of run, owned */
	char *image, *image_id; /* of run, as status shows them, owned */
	unsigned uid, gid, *groups;
	size_t n_groups;
	int has_user;
	/* probes and hooks */
	int hook_pending;   /* postStart has not ended */
	int startup_passed; /* no startup probe, or it succeeded */
	int ready_passed;   /* no readiness probe, or it succeeds */
	int liveness_failed, startup_failed;
	int stopping; /* its end was asked for */
};

struct pod_state {
	const struct value *pod; /* the current object, borrowed */
	struct ctr *ctrs; /* init containers and sidecars in order of the spec, then the others */
	size_t n;
	int sandbox_ready;
	char ip[46];         /* "" while there is none */
	const char *host_ip; /* borrowed */
	int64_t started_sec; /* status.startTime, 0: not seen yet */
	int ending;          /* being deleted or failed: nothing is started any more */
	int ended;           /* no container will run any more */
	char *failed_reason, *failed_message; /* the pod as a whole failed; owned */
};

/* Containers from the spec; none has run. */
void pod_state_init(struct pod_state *st, const struct value *pod);
void pod_state_fini(struct pod_state *st);
/* Take what the object's status says about earlier runs: after a restart of the daemon. now_*:
 * finished_ms is worked out from wall clock differences. */
void pod_state_recall(struct pod_state *st, int64_t now_sec, uint64_t now_ms);

/* NULL if there is none of that name. */
struct ctr *pod_ctr(const struct pod_state *st, const char *name);
/* Its entry in the spec. Never NULL for a valid pod. */
const struct value *ctr_spec(const struct pod_state *st, const struct ctr *c);
/* "spec.containers{web}": involvedObject.fieldPath of its events. buf of 320. */
const char *ctr_field_path(const struct ctr *c, char buf[320]);
void ctr_set_waiting(struct ctr *c, const char *reason, const char *message);
void ctr_run_fini(struct ctr_run *r);
/* A new run begins: run becomes last. */
void ctr_begin(struct ctr *c, const char id[65]);
/* It ended. reason, message are copied. */
void ctr_end(struct ctr *c, int exit_code, int signal, const char *reason, const char *message,
	     int64_t finished_sec, uint64_t now_ms);
/* Does policy want another run after this end? */
int ctr_should_restart(const struct pod_state *st, const struct ctr *c);
/* Some ordinary container has run in this sandbox: init containers are over. */
int pod_initialized(const struct pod_state *st);

const char *pod_uid(const struct value *pod);
const char *pod_name(const struct value *pod);
const char *pod_ns(const struct value *pod);
const char *pod_restart_policy(const struct value *pod);
/* Seconds to end in: the deletion's, else the spec's, else 30. */
int64_t pod_grace(const struct value *pod);
/* "Guaranteed", "Burstable", "BestEffort". */
const char *pod_qos(const struct value *pod);
