/* SPDX-License-Identifier: MIT */
/*
 * Events: what controllers and the node tell about objects, as client-go's
 * recorder writes them (core/v1 Event, `<object>.<hex of the time>`).
 *
 * The same event again counts the first one up (count, lastTimestamp). Ten
 * events about one object that differ in the message only become one,
 * "(combined from similar events): ...". A source that says too much about one
 * object (more than 25 of a type at once, then one in five minutes) is not heard.
 * Source: client-go tools/record/events_cache.go.
 *
 * Events are best effort: a refused one is logged and forgotten.
 *
 * Locking: the loop's thread, or one thread that has a recorder of its own.
 */
#pragma once

#include "objects/api.h"

#define EVENT_TTL 3600 /* seconds that an Event lives after it was last seen */

struct event_recorder;

struct event_source {
	const char *component; /* "kubelet", "deployment-controller" */
	const char *host;      /* the node's name, NULL: none */
	const char *manager;   /* field manager: "kubelet", "kube-controller-manager" */
};

struct event_recorder *event_recorder_new(struct api *api);
/* Writes that are in flight end by themselves. */
void event_recorder_free(struct event_recorder *r);

/* type "Normal" or "Warning". field_path: "spec.containers{nginx}", NULL: the object as a whole. */
void event_record(struct event_recorder *r, const struct event_source *source,
		  const struct object *about, const char *field_path, const char *type,
		  const char *reason, const char *fmt, ...) PRINTF_LIKE(7, 8);
/* What is to be told once about an object, whatever starts anew meanwhile: the Event's name is made of
 * the object, the reason and the message, so that another one is refused while it lives. */
void event_record_once(struct event_recorder *r, const struct event_source *source,
		       const struct object *about, const char *type, const char *reason,
		       const char *message);
/* Events that are being written. */
size_t event_recorder_pending(const struct event_recorder *r);

/*
 * What a recorder decides before it writes: for tests, and nothing else. `now` in
 * nanoseconds since the epoch. count 0: not to be written.
 */
struct event_sum {
	char *name;    /* owned */
	char *message; /* owned */
	int64_t first, count;
};
struct correlator;
/* The name of an Event that is told once. Owned. */
char *event_name_once(const struct object *about, const char *reason, const char *message);
struct correlator *correlator_new(void);
void correlator_free(struct correlator *c);
void correlate(struct correlator *c, const struct event_source *source, const struct object *about,
	       const char *field_path, const char *type, const char *reason, const char *message,
	       int64_t now, struct event_sum *out);
