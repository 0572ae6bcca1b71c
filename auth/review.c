/* SPDX-License-Identifier: MIT */
/*
 * Reviews: the question of auth_check, asked by somebody who wants to know.
 * Source: Kubernetes pkg/registry/authorization, "Checking API access".
 */
#include <errno.h>

#include "auth/auth_i.h"

static const char *str_of(const struct value *v, const char *key)
{
	return value_str(value_get(v, key), "");
}

static const struct path *spec_path(void)
{
	static const struct path spec = {.key = "spec"};

	return &spec;
}

/* What spec asks about. Return: 0, or -EINVAL with faults. */
static int access_of_spec(const struct value *spec, struct access *out, struct faults *faults)
{
	const struct value *res = value_get(spec, "resourceAttributes"),
			   *url = value_get(spec, "nonResourceAttributes");

	if (!res == !url) {
		fault_add(faults, PATH_FIELD(spec_path(), "resourceAttributes"), FAULT_INVALID, res,
			  res ? "cannot be specified in combination with nonResourceAttributes"
			      : "exactly one of nonResourceAttributes or resourceAttributes must "
				"be specified");
		return -EINVAL;
	}
	*out = (struct access){.verb = str_of(res ? res : url, "verb"),
			       .group = str_of(res, "group"),
			       .resource = str_of(res, "resource"),
			       .subresource = str_of(res, "subresource"),
			       .ns = str_of(res, "namespace"),
			       .name = str_of(res, "name"),
			       .path = url ? str_of(url, "path") : NULL};
	return 0;
}

static struct value *decision(struct rbac *rbac, const struct caller *who,
			      const struct access *what)
{
	CLEANUP_SNAPSHOT struct snapshot *s = rbac_current(rbac);
	struct value *status = value_new_map();

	/* exactly what was asked: no namespace is put in where the question has none */
	return value_set_bool(status, "allowed",
			      auth_is_master(who) || snapshot_allows(s, who, what));
}

/* -- about others -- */

static const char **groups_of_spec(const struct value *spec)
{
	const struct value *list = value_get(spec, "groups");
	const char **groups = xcalloc(value_count(list) + 1, sizeof(char *));

	for (size_t i = 0; i < value_count(list); i++)
		groups[i] = value_str(value_at(list, i), "");
	return groups;
}

static int check_subject(const struct value *spec, const char *ns, int local, struct faults *faults)
{
	const struct value *res = value_get(spec, "resourceAttributes");

	if (!*str_of(spec, "user") && !value_count(value_get(spec, "groups")))
		fault_add(faults, PATH_FIELD(spec_path(), "user"), FAULT_INVALID,
			  value_get(spec, "user"),
			  "at least one of user or group must be specified");
	if (local && value_get(spec, "nonResourceAttributes"))
		fault_add(faults, PATH_FIELD(spec_path(), "nonResourceAttributes"), FAULT_INVALID,
			  NULL, "disallowed on this kind of request");
	else if (local && strcmp(str_of(res, "namespace"), ns) != 0)
		fault_add(faults,
			  PATH_FIELD(PATH_FIELD(spec_path(), "resourceAttributes"), "namespace"),
			  FAULT_INVALID, value_get(res, "namespace"),
			  "must match metadata.namespace");
	return faults->n ? -EINVAL : 0;
}

static struct value *review_subject(struct rbac *rbac, const char *ns, int local,
				    const struct value *body, struct faults *faults)
{
	const struct value *spec = value_get(body, "spec");
	CLEANUP_FREE const char **groups = groups_of_spec(spec);
	struct caller who = {.user = str_of(spec, "user"), .groups = groups};
	struct access what;

	if (check_subject(spec, ns, local, faults) < 0 || access_of_spec(spec, &what, faults) < 0)
		return NULL;
	return decision(rbac, &who, &what);
}

/* -- about oneself -- */

static struct value *review_self(struct rbac *rbac, const struct caller *who,
				 const struct value *body, struct faults *faults)
{
	struct access what;

	if (access_of_spec(value_get(body, "spec"), &what, faults) < 0)
		return NULL;
	return decision(rbac, who, &what);
}

struct rule_lists {
	struct value *resources, *paths;
};

static struct value *copy_lists(const struct value *rule, const char *const *fields)
{
	struct value *v = value_new_map();

	for (; *fields; fields++)
		if (value_count(value_get(rule, *fields)))
			v = value_set(v, *fields, value_ref(value_get(rule, *fields)));
	return v;
}

static void add_rules(void *arg, const struct value *rules)
{
	static const char *const of_resources[] = {"apiGroups", "resourceNames", "resources",
						   "verbs", NULL},
				 *const of_paths[] = {"nonResourceURLs", "verbs", NULL};
	struct rule_lists *l = arg;

	for (size_t i = 0; i < value_count(rules); i++) {
		const struct value *rule = value_at(rules, i);

		if (value_count(value_get(rule, "resources")))
			l->resources = value_append(l->resources, copy_lists(rule, of_resources));
		if (value_count(value_get(rule, "nonResourceURLs")))
			l->paths = value_append(l->paths, copy_lists(rule, of_paths));
	}
}

static struct value *everything(void)
{
	struct value *star = value_append(value_new_list(), value_new_string("*"));
	struct value *resources = value_new_map(), *paths = value_new_map(),
		     *list = value_new_list();

	resources = value_set(resources, "apiGroups", value_ref(star));
	resources = value_set(resources, "resources", value_ref(star));
	resources = value_set(resources, "verbs", value_ref(star));
	paths = value_set(paths, "nonResourceURLs", value_ref(star));
	paths = value_set(paths, "verbs", star);
	return value_append(value_append(list, resources), paths);
}

static struct value *review_rules(struct rbac *rbac, const struct caller *who,
				  const struct value *body, struct faults *faults)
{
	const char *ns = value_dig_str(body, "spec", "namespace", NULL);
	CLEANUP_SNAPSHOT struct snapshot *s = NULL;
	struct rule_lists l = {NULL, NULL};
	struct value *status = value_new_map();

	if (!ns || !*ns) {
		value_unref(status);
		fault_add_code(faults, EINVAL, "no namespace on request");
		return NULL;
	}
	l.resources = value_new_list();
	l.paths = value_new_list();
	if (auth_is_master(who)) {
		CLEANUP_VALUE struct value *all = everything();

		add_rules(&l, all);
	} else {
		s = rbac_current(rbac);
		snapshot_rules_of(s, who, ns, add_rules, &l);
	}
	status = value_set(status, "resourceRules", l.resources);
	status = value_set(status, "nonResourceRules", l.paths);
	return value_set_bool(status, "incomplete", 0);
}

static struct value *review_identity(const struct caller *who)
{
	struct value *groups = value_new_list(), *info = value_new_map();

	for (const char *const *g = who->groups; g && *g; g++)
		groups = value_append(groups, value_new_string(*g));
	info = value_set_str(info, "username", who->user);
	info = value_set(info, "groups", groups);
	return value_set(value_new_map(), "userInfo", info);
}

struct value *auth_review(void *arg, const struct caller *who, const struct kind *k, const char *ns,
			  const struct value *body, struct faults *faults)
{
	if (strcmp(k->group, "authentication.k8s.io") == 0)
		return str_eq(k->kind, "SelfSubjectReview") ? review_identity(who) : NULL;
	if (strcmp(k->group, "authorization.k8s.io") != 0)
		return NULL;
	if (str_eq(k->kind, "SubjectAccessReview"))
		return review_subject(arg, "", 0, body, faults);
	if (str_eq(k->kind, "LocalSubjectAccessReview"))
		return review_subject(arg, ns, 1, body, faults);
	if (str_eq(k->kind, "SelfSubjectAccessReview"))
		return review_self(arg, who, body, faults);
	if (str_eq(k->kind, "SelfSubjectRulesReview"))
		return review_rules(arg, who, body, faults);
	return NULL;
}
