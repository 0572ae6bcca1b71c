/* SPDX-License-Identifier: MIT */
/*
 * The audit log: one line of JSON for each write that somebody asked for, done or refused, and for
 * each refusal of anything else, as Kubernetes' audit events (audit.k8s.io/v1 Event): who, what,
 * the decision, the answer; what of it, and whether with its content, a policy may say
 * (audit_policy.h). No secret is in it. The daemon's own parts are not audited, nor is what the
 * kernel refuses by itself (mode and ACL), which we do not hear of.
 *
 * <state>/audit.log is cut at AUDIT_BYTES; AUDIT_FILES older ones are kept (audit.log.1 is the
 * newest). Lines are written by a thread of the log: the first at once, those that follow it within
 * AUDIT_REST_MS together. When more than AUDIT_QUEUE wait for a disk that does not keep up, further
 * ones are counted, and their number is a line of the daemon's own log.
 *
 * Locking: any thread. Nothing here waits for the disk.
 */
#pragma once

#include "auth/audit_policy.h"
#include "auth/rules.h"
#include "objects/api.h"

#define AUDIT_BYTES   (16u << 20)
#define AUDIT_FILES   4
#define AUDIT_QUEUE   (4u << 20) /* bytes */
#define AUDIT_REST_MS 5

struct audit;

/* policy: taken, NULL for none. */
struct audit *audit_open(const char *path, struct audit_policy *policy, struct err *err);
/* Writes what waits. NULL is fine. */
void audit_close(struct audit *a);
/* A refusal: why is its text. a NULL: nothing. */
void audit_refused(struct audit *a, const struct caller *who, const struct access *what,
		   const char *why);
/* api_hooks.audit: a request has its answer. */
void audit_request(void *audit, const struct caller *who, const struct api_request *r, int rc);
