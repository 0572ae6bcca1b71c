/* SPDX-License-Identifier: MIT */
/*
 * The `authorizer` of expressions: each check is a SubjectAccessReview, answered as one that
 * somebody writes is (api_hooks.review).
 */
#include <stdio.h>

#include "objects/api/api_i.h"
#include "objects/cel/cel.h"

static struct value *set_if(struct value *taken, const char *key, const char *text)
{
	return text && *text ? value_set_str(taken, key, text) : taken;
}

static struct value *subject_of(const struct caller *who, const struct cel_access *q)
{
	struct value *spec = value_new_map(), *groups = value_new_list();

	if (q->account) {
		groups = value_append(groups, value_new_string("system:serviceaccounts"));
		groups = value_append(
			groups, value_new_stringf("system:serviceaccounts:%s", q->account_ns));
		groups = value_append(groups, value_new_string("system:authenticated"));
		spec = value_set(spec, "user",
				 value_new_stringf("system:serviceaccount:%s:%s", q->account_ns,
						   q->account));
		return value_set(spec, "groups", groups);
	}
	for (const char *const *g = who->groups; g && *g; g++)
		groups = value_append(groups, value_new_string(*g));
	spec = value_set_str(spec, "user", who->user ? who->user : "");
	return value_set(spec, "groups", groups);
}

static struct value *attributes_of(const struct cel_access *q)
{
	struct value *v = set_if(value_new_map(), "verb", q->verb);

	if (q->path && *q->path)
		return set_if(v, "path", q->path);
	v = set_if(v, "group", q->group);
	v = set_if(v, "resource", q->resource);
	v = set_if(v, "subresource", q->subresource);
	v = set_if(v, "namespace", q->ns);
	return set_if(v, "name", q->name);
}

int api_access(struct api *a, const struct caller *who, const struct cel_access *q, char why[512])
{
	const struct kind *k = kind_by_gvk("authorization.k8s.io/v1", "SubjectAccessReview");
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	CLEANUP_VALUE struct value *body = NULL;
	CLEANUP_VALUE struct value *status = NULL;
	struct value *spec;

	if (!a->hooks.review || (who->trusted && !q->account))
		return 1; /* nobody is kept from anything; the house's own parts may all */
	spec = value_set(subject_of(who, q),
			 q->path && *q->path ? "nonResourceAttributes" : "resourceAttributes",
			 attributes_of(q));
	body = value_set(value_new_map(), "spec", spec);
	status = a->hooks.review(a->hooks.arg, who, k, "", body, &faults);
	snprintf(why, 512, "%s", value_str(value_get(status, "reason"), ""));
	return value_bool(value_get(status, "allowed"), 0);
}
