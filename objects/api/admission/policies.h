/* SPDX-License-Identifier: MIT */
/*
 * Admission policies: which ValidatingAdmissionPolicies and MutatingAdmissionPolicies a request
 * concerns, through which of their bindings and with which parameters, and what follows.
 *
 * Policies and bindings are those of the store when the step is taken: what a batch itself
 * writes counts for the next one. A policy is compiled once and kept while its spec stays.
 *
 * Source: apiserver pkg/admission/plugin/policy (generic, validating, mutating).
 */
#pragma once

#include "objects/api/admission/match.h"
#include "objects/api/api_i.h"
#include "objects/policy/policy.h"

/* Compiled policies, by where they are. Any thread. */
struct policies *policies_new(void);
void policies_free(struct policies *p);
/* The policy of an object, compiled; a reference, owned. */
struct policy *policies_get(struct policies *p, const struct object *o);

/* What is being asked about. Borrowed. */
struct policy_request {
	struct api *api;
	const struct caller *who;
	struct api_request *r; /* its flags; takes faults, warnings and annotations */
	struct match_request match;
	const char *object_kind, *object_api_version; /* as review_question's */
	const struct value *object, *old;             /* in the request's own version; NULL: none */
	const struct value *ns;                       /* the Namespace; NULL: none */
};

/* One binding of one policy with one parameter: all that expressions see. */
struct policy_case {
	const struct policy_request *q;
	const struct policy *policy;
	const char *name, *binding; /* of the policy, of the binding */
	const struct value *binding_spec;
	struct value *object, *old; /* owned; in the version that the policy matched */
	struct value *request;      /* owned */
	const struct value *params; /* NULL: there is none */
	const struct kind *as;
};
typedef void (*policy_fn)(void *arg, struct policy_case *c);

/*
 * Call fn for each case of the policies of a kind ("validatingadmissionpolicies"), in the order
 * of their names. What cannot be found or compiled is told to refuse instead.
 */
void policy_cases(const struct policy_request *q, const char *plural, const char *bindings,
		  policy_fn fn, void (*refuse)(void *arg, struct policy_case *c, const char *why),
		  void *arg);
/* A run for the case with everything bound. Owned; the case must outlive it. */
struct cel_run *policy_run(const struct policy_case *c, struct cel_access *access, uint64_t budget);
/* Do its match conditions hold? Return: 1, 0, -EINVAL with err. */
int policy_conditions_hold(const struct policy_case *c, struct err *err) MUST_CHECK;
/* Refuse the request as forbid() does. */
void policy_deny(const struct policy_case *c, int code, const char *kind, const char *why);
/* Is the action ("Deny") among the binding's? */
int policy_has_action(const struct policy_case *c, const char *action);

/* Ask the validating ones; refusals are faults, warnings and annotations the request's. */
void policies_validate(const struct policy_request *q);
/* Ask the mutating ones. Return: taken's successor; it is q->object. */
struct value *policies_mutate(struct policy_request *q, struct value *taken);
