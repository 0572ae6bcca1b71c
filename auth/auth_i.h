/* SPDX-License-Identifier: MIT */
/* Inside auth/ only. */
#pragma once

#include "auth/authorize.h"

#define RBAC_GROUP "rbac.authorization.k8s.io"

/*
 * Who writes a role may grant only what he holds, unless he may `escalate` it; who binds one
 * must hold what it says, unless he may `bind` it.
 * Source: Kubernetes "Using RBAC Authorization", privilege escalation prevention;
 * pkg/registry/rbac/validation/rule.go. live NULL: created.
 */
int auth_check_grant(void *arg, const struct caller *who, const struct api_request *r,
		     const struct value *live, const struct value *next, struct faults *faults);
/* What a request of the api asks for; verb is the first of those that would do. */
struct access auth_access_of(const struct api_request *r);
/* The status of a review (objects/api.h). */
struct value *auth_review(void *arg, const struct caller *who, const struct kind *k, const char *ns,
			  const struct value *body, struct faults *faults);
