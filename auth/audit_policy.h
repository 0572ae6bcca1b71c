/* SPDX-License-Identifier: MIT */
/*
 * How much of which request is in the audit log: a file of the kind Policy (audit.k8s.io/v1). The
 * first rule that a request meets says its level; one that meets none is not in the log. Without a
 * policy all are, at the level Metadata.
 *
 *	None, Metadata, Request (what was asked for, too), RequestResponse (and what came of it)
 *
 * What may hold secrets is never more than Metadata: Secrets, tokens and their reviews.
 * Source: Kubernetes "Auditing"; staging/src/k8s.io/apiserver/pkg/audit/policy.
 *
 * Locking: immutable; any thread.
 */
#pragma once

#include "auth/rules.h"
#include "objects/api.h"

enum audit_level { AUDIT_NONE, AUDIT_METADATA, AUDIT_REQUEST, AUDIT_REQUEST_RESPONSE };

struct audit_policy;

/* NULL with err: the file cannot be read, or is no Policy; with its line and column. */
struct audit_policy *audit_policy_load(const char *path, struct err *err);
/* The same of its text; name is for faults. */
struct audit_policy *audit_policy_parse(const char *text, size_t len, const char *name,
					struct err *err);
void audit_policy_free(struct audit_policy *p);
/* p NULL: no policy. */
enum audit_level audit_policy_level(const struct audit_policy *p, const struct caller *who,
				    const struct access *what);
/* "Metadata" ... */
const char *audit_level_name(enum audit_level level);
