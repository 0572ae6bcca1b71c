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
struct snapshot *snapshot_ref(struct snapshot *s);
void snapshot_unref(struct snapshot *s);
DEFINE_CLEANUP(struct snapshot *, snapshot_unref)
#define CLEANUP_SNAPSHOT CLEANUP(snapshot_unrefp)

/* Does a rule that the caller holds allow this? */
int snapshot_allows(const struct snapshot *s, const struct caller *who, const struct access *what);
/* The same for a single user or group name. */
int snapshot_subject_allows(const struct snapshot *s, enum subject_type type, const char *name,
			    const struct access *what);
/* Every list of rules that holds for the caller in ns ("": the cluster-wide ones only). The value
 * is a Role's or ClusterRole's `rules`, borrowed. */
void snapshot_rules_of(const struct snapshot *s, const struct caller *who, const char *ns,
		       void (*fn)(void *arg, const struct value *rules), void *arg);
/* Subjects that hold something on this resource (or a subresource of it) in ns; ns NULL: in any
 * namespace. Strings borrowed. */
void snapshot_subjects(const struct snapshot *s, const char *group, const char *resource,
		       const char *ns,
		       void (*fn)(void *arg, enum subject_type type, const char *name), void *arg);
/* Is there a grant on this resource that holds in one namespace only? */
int snapshot_has_namespaced(const struct snapshot *s, const char *group, const char *resource);
/* Namespaces in which the caller holds something on this resource through a RoleBinding: fn for
 * each, maybe repeatedly. */
void snapshot_namespaces_of(const struct snapshot *s, const struct caller *who, const char *group,
			    const char *resource, void (*fn)(void *arg, const char *ns), void *arg);
