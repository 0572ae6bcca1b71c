/* SPDX-License-Identifier: MIT */
#include "objects/api/admission/match.h"

#include "objects/selector.h"

/* Is s one of the list, or "*"? A list that is not there says nothing. */
static int lists(const struct value *list, const char *s)
{
	for (size_t i = 0; i < value_count(list); i++) {
		const char *one = value_str(value_at(list, i), "");

		if (str_eq(one, "*") || str_eq(one, s))
			return 1;
	}
	return 0;
}

/* "pods" is the object alone; with "/" and a star, it and all its subresources. */
static int names_resource(const char *text, const char *plural, const char *sub)
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	const char *wanted_sub = slash ? slash + 1 : "";

	if (!(n == 1 && *text == '*') && (strlen(plural) != n || strncmp(text, plural, n) != 0))
		return 0;
	return str_eq(wanted_sub, "*") || str_eq(wanted_sub, sub);
}

static int lists_resource(const struct value *list, const struct kind *k, const char *sub)
{
	for (size_t i = 0; i < value_count(list); i++)
		if (names_resource(value_str(value_at(list, i), ""), k->plural, sub))
			return 1;
	return 0;
}

/* A Namespace is cluster-scoped, whatever it is the namespace of. */
static int has_scope(const struct value *rule, const struct kind *k)
{
	const char *scope = value_str(value_get(rule, "scope"), "*");

	if (str_eq(scope, "Namespaced"))
		return !!(k->flags & KIND_NAMESPACED);
	return str_eq(scope, "Cluster") ? !(k->flags & KIND_NAMESPACED) : 1;
}

int match_rule(const struct value *rule, const struct match_request *m, const struct kind *as)
{
	const struct value *names = value_get(rule, "resourceNames");

	return lists(value_get(rule, "operations"), m->operation) &&
	       lists(value_get(rule, "apiGroups"), as->group) &&
	       lists(value_get(rule, "apiVersions"), as->version) && has_scope(rule, as) &&
	       lists_resource(value_get(rule, "resources"), as, m->sub) &&
	       (!value_count(names) || lists(names, m->name));
}

static int any_rule(const struct value *rules, const struct match_request *m, const struct kind *as)
{
	for (size_t i = 0; i < value_count(rules); i++)
		if (match_rule(value_at(rules, i), m, as))
			return 1;
	return 0;
}

const struct kind *match_rules(const struct value *rules, const struct match_request *m,
			       int equivalent)
{
	const struct kind *k = kind_settled(m->kind), *as = NULL;

	if (any_rule(rules, m, k))
		return k;
	while (equivalent && (as = kind_next_version(k, as)))
		if (as != k && !(as->flags & KIND_GONE) && any_rule(rules, m, as))
			return as;
	return NULL;
}

int match_labels(const struct value *selector, const struct value *labels)
{
	CLEANUP(selector_freep) struct selector *s = NULL;

	if (!value_count(selector))
		return 1;
	s = selector_from_object(selector, NULL);
	return s && selector_matches(s, labels);
}

static const struct value *labels_of(const struct value *object)
{
	return value_dig(object, "metadata", "labels", NULL);
}

int match_objects(const struct value *selector, const struct value *now, const struct value *old)
{
	if (!value_count(selector))
		return 1;
	return (now && match_labels(selector, labels_of(now))) ||
	       (old && match_labels(selector, labels_of(old)));
}

int match_is_exempt(const struct kind *k)
{
	static const char *const plurals[] = {
		"mutatingadmissionpolicies",         "mutatingadmissionpolicybindings",
		"mutatingwebhookconfigurations",     "validatingadmissionpolicies",
		"validatingadmissionpolicybindings", "validatingwebhookconfigurations",
	};

	if (!str_eq(k->group, "admissionregistration.k8s.io"))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(plurals); i++)
		if (str_eq(k->plural, plurals[i]))
			return 1;
	return 0;
}
