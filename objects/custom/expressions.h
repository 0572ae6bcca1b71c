/* SPDX-License-Identifier: MIT */
/*
 * x-kubernetes-validations: rules in CEL about one value of a custom resource, `self`, and about
 * how it may change, `oldSelf`.
 *
 * They are compiled with the version of the definition that they belong to, and evaluated on
 * what is otherwise valid. A rule that speaks of oldSelf holds for values that there were before:
 * elements of lists of type map are known by their keys, of maps and objects by theirs, of other
 * lists not at all. One that does not is not asked about what did not change (ratcheting).
 *
 * Source: apiextensions-apiserver pkg/apiserver/schema/cel (validation.go, compilation.go).
 */
#pragma once

#include "objects/cel/cel.h"

struct expression {
	const struct value *source;  /* an element of x-kubernetes-validations; borrowed */
	struct cel_program *rule;    /* owned; NULL: it does not compile */
	struct cel_program *message; /* owned; NULL: there is no messageExpression, or it does not
					compile */
	char *rule_error, *message_error; /* owned */
	char *field; /* fieldPath as it is appended to the value's path; owned, NULL: none */
	char *field_error;
	int with_optional; /* oldSelf is optional */
};

struct expression_set {
	struct cel_env *env[2];  /* owned; with an optional oldSelf: the second. NULL: untyped */
	int self, old;           /* slots, the same in both */
	const char *type;        /* "object", as faults call the value */
	struct expression *list; /* owned */
	size_t n;
};

/* The rules of `list` about values of s, which is complete and outlives them. Owned. */
struct expression_set *expressions_new(const struct value *list, const struct schema *s);
void expressions_free(struct expression_set *set);
/* Does the rule compare with what was? */
int expression_is_transition(const struct expression_set *set, const struct expression *e);

/*
 * Ask all rules of s and below about `now`; old NULL: it is new. Adds faults. The object is what
 * the schema says, or is refused already.
 */
void expressions_check(const struct schema *s, const struct value *now, const struct value *old,
		       const struct path *at, struct faults *faults);
