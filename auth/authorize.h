/* SPDX-License-Identifier: MIT */
/*
 * May this caller do this? The one place that decides: for every write (as the api's hooks), for
 * what the tree shows, and for the reviews that Kubernetes asks the same question with.
 *
 * Members of system:masters and the daemon's own parts may all; everybody else what a Role or
 * ClusterRole says that is bound to him or to one of his groups (auth/rbac.h).
 *
 * How verbs that are no requests of Kubernetes map (objects/api.h): replacing is `update`; a patch
 * is `patch`; editing one field is either; applying is `create` where the object is absent and
 * `patch` where it is there; through a subresource it is that subresource's, except that
 * whoever may change the object may also scale it.
 *
 * Locking: any thread. Nothing here waits.
 */
#pragma once

#include "auth/identity.h"
#include "auth/rbac.h"

/*
 * Return: 0, or -EACCES with err: `deployments.apps "web" is forbidden: User "alice" cannot update
 * ...`. rbac NULL: masters only. err NULL: no text is made.
 */
int auth_check(struct rbac *rbac, const struct caller *who, const struct access *what,
	       struct err *err) MUST_CHECK;
/* The same against a snapshot that the caller holds, for many questions at once. */
int auth_may(const struct snapshot *s, const struct caller *who, const struct access *what);
/* May all, whatever the rules are. */
int auth_is_master(const struct caller *who);
/* Where a question about an object is asked: a Namespace is asked about in itself. */
struct access auth_normal(struct access what);
/* The words of Kubernetes' refusal, after `pods "web" is forbidden: `. */
void auth_refusal(const struct caller *who, const struct access *what, struct buf *out);

/* The hooks of api_new(), for one index. */
void auth_hooks(struct rbac *rbac, struct api_hooks *out);

/*
 * The default roles and bindings of Kubernetes (auth/default-roles.yaml): made where they are
 * absent, completed where something is missing from them, left alone where their annotation
 * rbac.authorization.kubernetes.io/autoupdate is "false". At start.
 */
int auth_bootstrap(struct api *api, struct err *err) MUST_CHECK;
