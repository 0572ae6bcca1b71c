/* SPDX-License-Identifier: MIT */
/*
 * The specs of ValidatingAdmissionPolicy and MutatingAdmissionPolicy, compiled: what they say in
 * CEL about requests.
 *
 * A policy is compiled once for each state of its spec, is immutable and shared by reference.
 * Whom it concerns and what follows is admission's (objects/api/admission/policies.c).
 *
 * Source: apiserver pkg/admission/plugin/policy; Kubernetes
 * pkg/apis/admissionregistration/validation.
 */
#pragma once

#include "objects/cel/cel.h"

/* Something that a policy evaluates. */
struct policy_expression {
	const struct value *source;  /* the element of the spec; borrowed from it */
	struct cel_program *program; /* owned */
	struct cel_program *message; /* owned, NULL: none */
	int slot;                    /* of a variable */
	int is_patch;                /* of a mutation: JSONPatch, not ApplyConfiguration */
};

struct policy_list {
	struct policy_expression *list; /* owned */
	size_t n;
};

struct policy {
	_Atomic unsigned refs;
	struct value *spec; /* owned */
	struct cel_env *env;
	struct {
		int object, old, request, params, ns, resource; /* < 0: not declared */
	} slots;
	struct policy_list variables, conditions, validations, annotations, mutations;
	char *error; /* owned: what does not compile; NULL: all does */
};

/*
 * Never NULL. What is wrong is added to faults (NULL: only policy.error) at `at`, the spec's own
 * path. A reference, owned.
 */
struct policy *policy_compile(const struct value *spec, const struct path *at,
			      struct faults *faults);
struct policy *policy_ref(struct policy *p);
void policy_unref(struct policy *p);
DEFINE_CLEANUP(struct policy *, policy_unref)

/* Whether a failure refuses the request (failurePolicy). */
int policy_fails_closed(const struct policy *p);
/*
 * What evaluating a policy's expressions with the types of a kind would complain about: the
 * `expressionWarnings` of status.typeChecking. A list, owned; empty: nothing.
 */
struct value *policy_type_warnings(const struct value *spec);
