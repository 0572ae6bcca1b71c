/* SPDX-License-Identifier: MIT */
/*
 * Controllers: level-triggered loops that compare what is wanted with what is
 * there and plan the difference.
 *
 * A controller is two functions. `observe` sees every change of the store and
 * enqueues the keys that it concerns. `sync` looks at one key in the store as it
 * is now and adds to a plan what has to be written; it neither blocks nor
 * remembers. The runner submits the plan, and does not run the same key again
 * before all of its writes are committed and visible (so sync never sees a state
 * older than its own writes: what Kubernetes needs expectations for). A failed
 * write is logged, and the key runs again after a back-off (5 ms doubling to
 * 16 min, per key); a conflict at once.
 *
 * Everything here runs on the loop's thread. An idle controller costs nothing:
 * no polling, no resync. A controller sees the store and the plan, nothing else:
 * never the mount, never another controller.
 */
#pragma once

#include "objects/api.h"
#include "util/loop.h"

struct controller;
struct runner; /* all controllers of a daemon */

/*
 * What sync wants written. Requests are independent of each other: one failing does not stop the
 * others. Those that return a request lend it for refinement (grace_seconds, propagation) until
 * sync returns.
 */
struct plan;
/* taken. */
void plan_request(struct plan *p, struct api_request *taken);
/* taken value: the whole new object. */
struct api_request *plan_create(struct plan *p, const struct kind *k, const char *ns,
				struct value *taken);
/* Replace .status (status taken) if it differs from the one in o. A conflict if .status changed
 * since. */
void plan_status(struct plan *p, const struct object *o, struct value *taken_status);
/* Replace the object by an edited copy of o->value; fails on a conflict, and is tried again from
 * the top. */
void plan_update(struct plan *p, const struct object *o, struct value *taken);
/* An edit that holds whatever else changed meanwhile. arg is freed by free_arg (NULL: not). */
struct api_request *plan_mutate(struct plan *p, const struct object *o, api_mutate_fn fn, void *arg,
				void (*free_arg)(void *arg));
/* Of this uid only; gone already is fine. */
struct api_request *plan_delete(struct plan *p, const struct object *o);
/* The next request commits together with the one before (two writes to one object). */
void plan_join(struct plan *p);
/* An Event about `o`: repeated ones are counted up (count, lastTimestamp). type "Normal" or
 * "Warning". */
void plan_event(struct plan *p, const struct object *o, const char *type, const char *reason,
		const char *fmt, ...) PRINTF_LIKE(5, 6);
/* The same, told once while the Event lives, however often it is planned and the daemon starts. */
void plan_event_once(struct plan *p, const struct object *o, const char *type, const char *reason,
		     const char *fmt, ...) PRINTF_LIKE(5, 6);
/* As plan_event, if and when the request that was planned last is committed. */
void plan_event_after(struct plan *p, const struct object *o, const char *type, const char *reason,
		      const char *fmt, ...) PRINTF_LIKE(5, 6);
/* Run this key again after delay_ms (deadlines), besides whatever changes. */
void plan_again(struct plan *p, uint64_t delay_ms);

/* A request of a plan that was refused. */
struct plan_fault {
	enum api_verb verb;
	struct objkey key;
	const struct faults *faults; /* never empty */
};

struct controller_class {
	const char *name;    /* "deployment-controller": event source */
	const char *manager; /* field manager; NULL: "kube-controller-manager" */
	const void *data;    /* for classes that share their functions: controller_data() */
	size_t state_size;   /* of the controller's own struct, zeroed; 0: none */
	void (*init)(struct controller *c);
	void (*fini)(struct controller *c);
	/* A change: call controller_enqueue for what it concerns. At start every object comes as
	 * CHANGE_ADDED. */
	void (*observe)(struct controller *c, const struct change *ch);
	/* Return: 0, or -errno with err: logged and tried again after the back-off. The object may
	 * be gone. */
	int (*sync)(struct controller *c, struct objkey key, struct plan *plan, struct err *err);
	/* Some requests of key's plan were refused: a last plan that says so (events, conditions).
	 * Conflicts are not told. The key runs again after its back-off all the same. NULL: nothing
	 * to say. */
	void (*failed)(struct controller *c, struct objkey key, const struct plan_fault *faults,
		       size_t n, struct plan *plan);
};

/* Inside observe and sync. */
void *controller_state(struct controller *c);
const void *controller_data(const struct controller *c); /* of its class */
struct store *controller_store(struct controller *c);
struct loop *controller_loop(struct controller *c);
/* api_makes_tokens(), api_secret_token(). */
int controller_makes_tokens(const struct controller *c);
int controller_secret_token(struct controller *c, const struct value *secret, struct buf *out,
			    struct err *err) MUST_CHECK;
/* Put a key into the queue (once, however often it is asked). Strings are copied. */
void controller_enqueue(struct controller *c, struct objkey key);
void controller_enqueue_after(struct controller *c, struct objkey key, uint64_t delay_ms);

/* The record in which the daemon leaves the certificate of the cluster's authority (PEM). */
#define ROOT_CA_SPACE "credentials"
#define ROOT_CA_ID    "ca.crt"

/* Start all controllers of the table below over a store. On the loop's thread or before it runs. */
struct runner *runner_start(struct loop *loop, struct api *api,
			    const struct controller_class *const *classes);
/* Waits for writes in flight; then nothing runs any more. */
void runner_stop(struct runner *r);
/* True when no change is unseen, no key is queued, in its back-off or in flight, and no event is
 * being written: tests wait for it. Deadlines (plan_again, controller_enqueue_after) do not count.
 * On the loop. */
int runner_idle(const struct runner *r);

/* The table: NULL-terminated, in objects/controllers/table.c */
extern const struct controller_class *const all_controllers[];
