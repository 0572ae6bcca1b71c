/* SPDX-License-Identifier: MIT */
/*
 * A node in which nothing is real but the agent's core and the files of volumes: a clock
 * that the test moves, sandboxes that it speaks for, a store of a few objects, a list of
 * everything that was asked for.
 */
#pragma once

#include "tests/unit/agent_pods.h"

#include "objects/store/object_new.h"
#include "runtime/agent/agent_i.h"

struct sandbox { /* the fake's own */
	sandbox_event_fn fn;
	void *arg;
	int destroyed;
};

struct action { /* the fake's own */
	struct rig *rig;
	action_done_fn done;
	void *arg;
	char *what; /* "exec c /bin/true", "http http://...", "tcp host:port" */
	struct action *next;
};

struct rig {
	struct agent_core *core;
	char dir[64];
	int64_t sec;
	uint64_t ms, wake_ms;
	int kicked;
	struct sandbox sb;
	int sandboxes; /* created in all */
	int no_tokens, n_tokens;
	int account_mounts;    /* of containers that were started */
	struct strmap images;  /* reference -> rig: what is stored */
	struct strmap objects; /* "plural/ns/name" -> struct value * */
	struct buf log;        /* what was asked for, a line each */
	struct buf events;     /* "reason: message" a line each */
	struct action *actions;
	/* the pod's status as written, and its object */
	struct object *pod;
	int writes, deletes;
	uint64_t rv;
	char last_id[65]; /* of the container started last */
	uint64_t last_grace;
	struct image image;
	ops_done_fn done[16];
	void *done_arg[16];
	size_t n_done;
};

struct rig *rig_new(void);
void rig_free(struct rig *r);
/* The pod's object comes (again), with the status that was written last. */
void rig_pod(struct rig *r, const char *quoted_json);
/* Everything that is due now; answers of writes included. */
void rig_run(struct rig *r);
void rig_advance(struct rig *r, uint64_t ms);
void rig_emit(struct rig *r, struct sandbox_event ev);
void rig_ready(struct rig *r);
void rig_started(struct rig *r, const char *container);
void rig_exited(struct rig *r, const char *container, int code);
/* Answer the oldest action whose text begins so. */
void rig_answer(struct rig *r, const char *what, enum action_result result, const char *text);
void rig_image(struct rig *r, const char *reference);
void rig_object(struct rig *r, const char *plural, const char *ns, const char *name,
		const char *quoted_json);
/* The pod's deletion is asked for. */
void rig_delete(struct rig *r, int grace);
/* Its object is gone. */
void rig_gone(struct rig *r);

/* Of the status written last. */
const char *rig_phase(struct rig *r);
const struct value *rig_ctr(struct rig *r, const char *name); /* its containerStatus */
const char *rig_condition(struct rig *r, const char *type, const char *field);
/* How often a line begins so in log or events. */
int rig_count(const struct buf *lines, const char *begin);
