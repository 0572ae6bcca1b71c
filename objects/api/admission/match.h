/* SPDX-License-Identifier: MIT */
/*
 * Which requests a rule of the admissionregistration API speaks of: those of webhooks, and the
 * resourceRules of policies (which are the same with resourceNames).
 * Source: apiserver pkg/admission/plugin/webhook/predicates (rules, namespace, object).
 *
 * Locking: none; nothing is kept.
 */
#pragma once

#include "objects/object.h"

/* What is asked to be done. Borrowed. */
struct match_request {
	const char *operation; /* "CREATE", "UPDATE", "DELETE", "CONNECT" */
	const struct kind *kind;
	const char *sub;       /* subresource, "" for none */
	const char *ns, *name; /* "" for cluster scope; "" where the name is not known yet */
};

/* One rule, with the resource seen as version `as`. */
int match_rule(const struct value *rule, const struct match_request *m, const struct kind *as);
/*
 * A list of rules. Return: the version of the resource that the first rule to match speaks of: the
 * request's own if any rule has it; with `equivalent`, another served one. NULL: none matches.
 */
const struct kind *match_rules(const struct value *rules, const struct match_request *m,
			       int equivalent);
/* A LabelSelector (NULL or {}: everything) and labels. A malformed one matches nothing. */
int match_labels(const struct value *selector, const struct value *labels);
/* Either of two objects (NULL: there is none) has labels that are selected. */
int match_objects(const struct value *selector, const struct value *now, const struct value *old);
/* The configurations of admission themselves: nothing may stand in the way of changing them. */
int match_is_exempt(const struct kind *k);
