/* SPDX-License-Identifier: MIT */
/*
 * Inside objects/controllers only: what controllers read off objects, and the
 * conditions that they write. Values are borrowed unless said otherwise.
 */
#pragma once

#include "objects/object.h"

/* Integer at a path of keys; 0 when absent. */
#define INT_AT(v, ...) value_int(value_dig((v), __VA_ARGS__, NULL), 0)
#define STR_AT(v, ...) value_dig_str((v), __VA_ARGS__, NULL)

/* Seconds since the epoch of a metav1.Time string; 0 when absent or malformed. */
int64_t time_of(const char *text);
int64_t created_at(const struct value *obj);
int64_t now_seconds(void);

/* -- kinds of the house, looked up once -- */
enum known_kind {
	K_POD,
	K_NODE,
	K_NAMESPACE,
	K_SERVICE,
	K_ENDPOINTS,
	K_SERVICEACCOUNT,
	K_CONFIGMAP,
	K_SECRET,
	K_EVENT,
	K_PVC,
	K_LEASE,
	K_REPLICASET,
	K_REPLICATIONCONTROLLER,
	K_DEPLOYMENT,
	K_CLUSTERROLE,
	N_KNOWN_KINDS,
};
/* NULL when the daemon was built without it. */
const struct kind *known_kind(enum known_kind k);
static inline int is_kind(const struct object *o, enum known_kind k)
{
	return o->kind == known_kind(k);
}

/* -- conditions -- */

/* The condition of this type in a status, NULL if there is none. */
const struct value *condition(const struct value *status, const char *type);
int condition_is(const struct value *status, const char *type, const char *value);
/* {type, status, reason, message, lastTransitionTime}: owned. reason and message may be NULL. */
struct value *condition_new(const char *type, const char *status, const char *reason,
			    const char *message, const char *now);
/*
 * Put a condition at the end of status.conditions in place of the one of its type. One
 * of the same status and reason stays as it is; the same status keeps its
 * lastTransitionTime. Returns the new status.
 */
struct value *condition_set(struct value *taken_status, struct value *taken_condition);
struct value *condition_remove(struct value *taken_status, const char *type);
/* As condition_set, but in the place where the old one stood; equal ones (time aside) change
 * nothing. */
struct value *condition_put(struct value *taken_status, struct value *taken_condition);

/* -- pods -- */

const char *pod_phase(const struct value *pod);
int pod_is_terminal(const struct value *pod); /* Succeeded or Failed */
int pod_is_active(const struct value *pod);   /* neither terminal nor deleted */
int pod_is_ready(const struct value *pod);
int64_t pod_ready_since(const struct value *pod); /* 0: not ready */
/* Ready for at least min_ready seconds. */
int pod_is_available(const struct value *pod, int64_t min_ready, int64_t now);

/* -- owners -- */

/* uid of the controlling owner, NULL if there is none. */
const char *controller_uid(const struct value *obj);
/* obj with `owner` as its controller / without any reference to uid. */
struct value *with_controller(struct value *taken, const struct object *owner);
struct value *without_owner(struct value *taken, const char *uid);
