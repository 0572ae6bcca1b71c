/* SPDX-License-Identifier: MIT */
/*
 * Roles and who holds them.
 * Source: Kubernetes pkg/apis/rbac/validation/validation.go.
 */
#include <errno.h>

#include "objects/schema/text.h"
#include "objects/validation/checks.h"
#include "objects/validation/say.h"

#define RBAC_GROUP "rbac.authorization.k8s.io"

static void check_rule(const struct value *rule, int namespaced, const struct path *at,
		       struct faults *faults)
{
	const struct value *urls = value_get(rule, "nonResourceURLs");
	size_t groups = value_count(value_get(rule, "apiGroups"));
	size_t resources = value_count(value_get(rule, "resources"));

	if (value_count(urls)) {
		at = PATH_FIELD(at, "nonResourceURLs");
		if (namespaced)
			say_invalid(faults, at, urls,
				    "namespaced rules cannot apply to non-resource URLs");
		if (groups || resources || value_count(value_get(rule, "resourceNames")))
			say_invalid(faults, at, urls,
				    "rules cannot apply to both regular resources and non-resource "
				    "URLs");
		return;
	}
	if (!groups)
		say_required(faults, PATH_FIELD(at, "apiGroups"),
			     "resource rules must supply at least one api group");
	if (!resources)
		say_required(faults, PATH_FIELD(at, "resources"),
			     "resource rules must supply at least one resource");
}

/* Role and ClusterRole. */
void check_role(const struct value *now, const struct value *old, const struct value *root,
		const struct path *at, struct faults *faults)
{
	const struct value *rules = value_get(now, "rules");
	const struct value *sum = value_get(now, "aggregationRule");
	const struct path *here = PATH_FIELD(at, "rules");

	for (size_t i = 0; i < value_count(rules); i++)
		check_rule(value_at(rules, i), str_eq(text_of(now, "kind"), "Role"),
			   PATH_INDEX(here, i), faults);
	if (sum && !value_count(value_get(sum, "clusterRoleSelectors")))
		say_required(faults,
			     PATH_FIELD(PATH_FIELD(at, "aggregationRule"), "clusterRoleSelectors"),
			     "at least one clusterRoleSelector required if aggregationRule is "
			     "non-nil");
}

static void check_group(const struct value *holder, const char *wanted, const struct path *at,
			struct faults *faults)
{
	const char *const groups[] = {wanted, NULL};
	CLEANUP_VALUE struct value *none = value_new_string("");
	const struct value *group = value_get(holder, "apiGroup");

	if (!str_eq(value_str(group, ""), wanted))
		check_enum(groups, group ? group : none, PATH_FIELD(at, "apiGroup"), faults);
}

static void check_subject(const struct value *s, int namespaced, const struct path *at,
			  struct faults *faults)
{
	static const char *const kinds[] = {"ServiceAccount", "User", "Group", NULL};
	CLEANUP_VALUE struct value *none = value_new_string("");
	const char *kind = text_of(s, "kind"), *name = text_of(s, "name");

	if (str_eq(kind, "ServiceAccount")) {
		if (*name)
			say_text(faults, PATH_FIELD(at, "name"), name, text_dns_subdomain(name));
		check_group(s, "", at, faults);
		if (!namespaced && !*text_of(s, "namespace"))
			say_required(faults, PATH_FIELD(at, "namespace"), "");
	} else if (str_eq(kind, "User") || str_eq(kind, "Group")) {
		check_group(s, RBAC_GROUP, at, faults);
	} else {
		check_enum(kinds, value_get(s, "kind") ? value_get(s, "kind") : none,
			   PATH_FIELD(at, "kind"), faults);
	}
}

/* RoleBinding and ClusterRoleBinding. */
void check_role_binding(const struct value *now, const struct value *old, const struct value *root,
			const struct path *at, struct faults *faults)
{
	static const char *const any[] = {"Role", "ClusterRole", NULL};
	int namespaced = str_eq(text_of(now, "kind"), "RoleBinding");
	const struct value *ref = value_get(now, "roleRef"), *list = value_get(now, "subjects");
	const struct path *here = PATH_FIELD(at, "roleRef");
	CLEANUP_VALUE struct value *none = value_new_string("");

	check_group(ref, RBAC_GROUP, here, faults);
	check_enum(namespaced ? any : any + 1,
		   value_get(ref, "kind") ? value_get(ref, "kind") : none, PATH_FIELD(here, "kind"),
		   faults);
	if (*text_of(ref, "name"))
		say_text(faults, PATH_FIELD(here, "name"), text_of(ref, "name"),
			 text_path_segment(text_of(ref, "name")));
	for (size_t i = 0; i < value_count(list); i++)
		check_subject(value_at(list, i), namespaced,
			      PATH_INDEX(PATH_FIELD(at, "subjects"), i), faults);
	if (old && !value_equal(ref, value_get(old, "roleRef")))
		say_immutable(faults, here, ref, "cannot change roleRef");
}
