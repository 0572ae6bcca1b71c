/* SPDX-License-Identifier: MIT */
/*
 * matchConditions: expressions (objects/cel/cel.h) that all must be true of a request, or the
 * webhook that has them is not asked.
 * Source: apiserver pkg/admission/plugin/webhook/matchconditions; Kubernetes
 * pkg/apis/admissionregistration/validation (validateMatchConditions).
 *
 * Admission policies have them, too, compiled with the policy: conditions_all() is what both share.
 *
 * Locking: none; nothing is kept.
 */
#pragma once

#include "objects/cel/cel.h"
#include "objects/fault.h"

/* What they speak of. Borrowed. */
struct condition_facts {
	const struct value *object, *old; /* NULL: null */
	const struct value *request;      /* of the AdmissionReview */
	cel_authorize_fn authorize;       /* `authorizer` */
	void *arg;
};

/* Names, and that each compiles to a bool. old: as the list was; what was there is not refused. */
void conditions_validate(const struct value *list, const struct value *old, const struct path *at,
			 struct faults *faults);
/*
 * Return: 1 all hold (also: there are none); 0 one does not, whatever became of the others;
 * -EINVAL they could not all be evaluated, err says which.
 */
int conditions_hold(const struct value *list, const struct condition_facts *facts, struct err *err)
	MUST_CHECK;

/* Evaluate the i-th of them: as cel_eval_bool(), and the name that errors call it by (borrowed). */
typedef int (*condition_fn)(void *arg, size_t i, const char **name, int *holds, struct err *err);
/* The same of n conditions that fn evaluates, one after the other. */
int conditions_all(size_t n, condition_fn fn, void *arg, struct err *err) MUST_CHECK;
