/* SPDX-License-Identifier: MIT */
/*
 * Who may do what, at one moment: all roles and bindings of the store as one immutable index.
 * By subject (a user, a group; a service account is the user that it calls as), then by the
 * namespace that a grant holds in; a ClusterRoleBinding's holds everywhere.
 *
 * A binding whose role is not there, or whose subject is malformed, grants nothing.
 *
 * Locking: immutable and counted.
 */
#pragma once

#include "auth/rules.h"
#include "objects/api.h"

enum subject_type { SUBJECT_USER, SUBJECT_GROUP };

struct snapshot;

/* prev (may be NULL): the one before; what did not change is taken from it. Owned. */
struct snapshot *snapshot_new(struct store *store, const struct snapshot *prev);
/* The same without this binding: what would hold if it went. */
struct snapshot *snapshot_without(struct store *store, const struct snapshot *prev,
				  struct objkey binding);
struct snapshot *snapshot_ref(struct snapshot *s);
void snapshot_unref(struct snapshot *s);
DEFINE_CLEANUP(struct snapshot *, snapshot_unref)
#define CLEANUP_SNAPSHOT CLEANUP(snapshot_unrefp)

/* Does a rule that the caller holds allow this? */
int snapshot_allows(const struct snapshot *s, const struct caller *who, const struct access *what);
/* rules_touch() of all that the caller holds in ns (access_any: in any namespace or everywhere). */
int snapshot_touches(const struct snapshot *s, const struct caller *who, const char *group,
		     const char *resource, const char *ns, const char *name);
/* Every list of rules that holds for the caller in ns ("": the cluster-wide ones only). The value
 * is a Role's or ClusterRole's `rules`, borrowed. */
void snapshot_rules_of(const struct snapshot *s, const struct caller *who, const char *ns,
		       void (*fn)(void *arg, const struct value *rules), void *arg);
/* Subjects that hold something on this resource (or a subresource of it) in ns (access_any: in any
 * namespace). Strings borrowed. */
void snapshot_subjects(const struct snapshot *s, const char *group, const char *resource,
		       const char *ns,
		       void (*fn)(void *arg, enum subject_type type, const char *name), void *arg);
/* Does anybody hold a rule about this resource in ns that names objects? */
int snapshot_names(const struct snapshot *s, const char *group, const char *resource,
		   const char *ns);
