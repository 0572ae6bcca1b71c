/* SPDX-License-Identifier: MIT */
/*
 * For tests that run real containers: a loop, a node's sandboxes in a temporary
 * directory, and a rootfs of busybox. Needs root; everything is removed at the end.
 */
#pragma once

#include "runtime/sandbox.h"

struct rig {
	char *dir, *state, *run, *layer, *base;
	struct loop *loop;
	struct sandboxes *all;
	struct sandbox *sb; /* of the pod in hand */
	struct loop_timer *timeout;
	/* the last event of each kind, copied */
	int seen[8], timed_out;
	struct sandbox_event last[8];
	char *message[8];
	int stop_on; /* enum sandbox_event_kind; the loop stops at it */
	char *stop_container;
	int netns_fd;
	unsigned serial;
};

int rig_possible(void);
void rig_open(struct rig *r);
void rig_reopen(struct rig *r);    /* as a daemon that comes back: close and open the node again */
void rig_open_node(struct rig *r); /* another daemon on the same directories, in another process */
void rig_close(struct rig *r);
/* Run the loop until an event of this kind (of this container, or NULL). Fails the test after 20 s.
 */
void rig_wait(struct rig *r, enum sandbox_event_kind kind, const char *container);
/* Also gives a pod's spec the defaults of a test: uid, names, ids. */
void rig_pod_spec(struct rig *r, struct sandbox_spec *spec, const char *uid);
void rig_pod(struct rig *r, const char *uid);
void rig_pod_of(struct rig *r, const struct sandbox_spec *spec);
/* A shell command as a container; borrowed strings in spec are replaced by owned ones. */
void rig_shell_spec(struct rig *r, struct container_spec *spec, const char *uid, const char *name,
		    const char *script);
void rig_start_in(struct sandbox *sb, const struct container_spec *spec);
void rig_start(struct rig *r, const struct container_spec *spec);
/* Start, wait for its end. Return: exit code. */
int rig_run(struct rig *r, const char *uid, const char *name, const char *script);
void rig_destroy(struct rig *r);
/* The log of a container, without the times; static buffer of the caller. */
char *rig_log(struct rig *r, const char *uid, const char *name);
sandbox_event_fn rig_handler(void);
