/* SPDX-License-Identifier: MIT */
/*
 * May this caller do this? The one place that decides; the tree shows the same
 * answer as mode bits. For now: masters may do all, everybody else may read
 * what is no object (version, whoami, _schema) and nothing more, until Roles say so.
 *
 * Locking: any thread.
 */
#pragma once

#include "auth/identity.h"

/* What is asked, in Kubernetes' words. verb: get list watch create update patch delete
 * deletecollection. */
struct access {
	const char *verb;
	const char *group, *resource; /* "apps", "deployments" */
	const char *subresource;      /* "" or "status", "log", "exec", "scale" */
	const char *ns, *name;        /* "" for all / none */
};

/* Return: 0, or -EACCES with err: `deployments.apps "web" is forbidden: User "alice" cannot update
 * ...` */
int auth_check(const struct caller *who, const struct access *what, struct err *err) MUST_CHECK;
/* For api_hooks. */
int auth_authorize_request(void *arg, const struct caller *who, const struct api_request *r,
			   struct err *err);
