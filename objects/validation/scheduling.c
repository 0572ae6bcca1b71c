/* SPDX-License-Identifier: MIT */
/*
 * Where a pod may run: tolerations, affinity, spreading.
 * Source: Kubernetes pkg/apis/core/validation/validation.go.
 */
#include <errno.h>

#include "objects/schema/text.h"
#include "objects/validation/checks.h"
#include "objects/validation/container.h"
#include "objects/validation/say.h"
#include "objects/validation/volume.h"
#include "util/strmap.h"

void check_toleration(const struct value *now, const struct value *old, const struct value *root,
		      const struct path *at, struct faults *faults)
{
	static const char *const operators[] = {"Equal", "Exists", NULL};
	const struct path *op_at = PATH_FIELD(at, "operator");
	const struct value *op = value_get(now, "operator"), *effect = value_get(now, "effect");
	const char *key = text_of(now, "key"), *value = text_of(now, "value");

	if (*key)
		say_text(faults, PATH_FIELD(at, "key"), key, text_label_key(key));
	else if (!str_eq(value_str(op, ""), "Exists"))
		say_text(faults, op_at, value_str(op, ""),
			 "operator must be Exists when `key` is empty, which means \"match all "
			 "values and all keys\"");
	if (value_get(now, "tolerationSeconds") && !str_eq(value_str(effect, ""), "NoExecute"))
		say_text(faults, PATH_FIELD(at, "effect"), value_str(effect, ""),
			 "effect must be 'NoExecute' when `tolerationSeconds` is set");
	if (!op || str_eq(value_str(op, ""), "Equal"))
		say_text(faults, op_at, value, text_label_value(value));
	else if (!str_eq(value_str(op, ""), "Exists"))
		check_enum(operators, op, op_at, faults);
	else if (*value)
		say_text(faults, op_at, value, "value must be empty when `operator` is 'Exists'");
}

static void check_expression(const struct value *e, int strict, const struct path *at,
			     struct faults *faults)
{
	const struct value *values = value_get(e, "values");
	const char *key = text_of(e, "key"), *op = text_of(e, "operator");
	const struct path *values_at = PATH_FIELD(at, "values");
	size_t n = value_count(values);

	if (str_eq(op, "In") || str_eq(op, "NotIn")) {
		if (!n)
			say_required(faults, values_at,
				     "must be specified when `operator` is 'In' or 'NotIn'");
	} else if (str_eq(op, "Exists") || str_eq(op, "DoesNotExist")) {
		if (n)
			say_forbidden(faults, values_at,
				      "may not be specified when `operator` is 'Exists' or "
				      "'DoesNotExist'");
	} else if (str_eq(op, "Gt") || str_eq(op, "Lt")) {
		if (n != 1)
			say_required(faults, values_at,
				     "must be specified single value when `operator` is 'Lt' or "
				     "'Gt'");
	} else {
		say_text(faults, PATH_FIELD(at, "operator"), op, "not a valid selector operator");
	}
	say_text(faults, PATH_FIELD(at, "key"), key, text_label_key(key));
	for (size_t i = 0; strict && i < n; i++) {
		const char *v = value_str(value_at(values, i), "");

		say_text(faults, PATH_INDEX(values_at, i), v, text_label_value(v));
	}
}

static void check_field_expression(const struct value *e, const struct path *at,
				   struct faults *faults)
{
	const char *op = text_of(e, "operator"), *key = text_of(e, "key");
	const struct value *values = value_get(e, "values");
	int by_name = str_eq(key, "metadata.name");

	if (!str_eq(op, "In") && !str_eq(op, "NotIn"))
		say_text(faults, PATH_FIELD(at, "operator"), op, "not a valid selector operator");
	else if (value_count(values) != 1)
		say_required(faults, PATH_FIELD(at, "values"),
			     "must be only one value when `operator` is 'In' or 'NotIn' for node "
			     "field selector");
	if (!by_name)
		say_text(faults, PATH_FIELD(at, "key"), key, "not a valid field selector key");
	for (size_t i = 0; by_name && i < value_count(values); i++) {
		const char *name = value_str(value_at(values, i), "");

		say_text(faults, PATH_INDEX(PATH_FIELD(at, "values"), i), name,
			 text_dns_subdomain(name));
	}
}

static void check_term(const struct value *term, int strict, const struct path *at,
		       struct faults *faults)
{
	const struct value *labels = value_get(term, "matchExpressions");
	const struct value *fields = value_get(term, "matchFields");

	for (size_t i = 0; i < value_count(labels); i++)
		check_expression(value_at(labels, i), strict,
				 PATH_INDEX(PATH_FIELD(at, "matchExpressions"), i), faults);
	for (size_t i = 0; i < value_count(fields); i++)
		check_field_expression(value_at(fields, i),
				       PATH_INDEX(PATH_FIELD(at, "matchFields"), i), faults);
}

#define REQUIRED  "requiredDuringSchedulingIgnoredDuringExecution"
#define PREFERRED "preferredDuringSchedulingIgnoredDuringExecution"

void check_node_selector(const struct value *selector, const struct path *at, struct faults *faults)
{
	const struct value *terms = value_get(selector, "nodeSelectorTerms");

	for (size_t i = 0; i < value_count(terms); i++)
		check_term(value_at(terms, i), 1,
			   PATH_INDEX(PATH_FIELD(at, "nodeSelectorTerms"), i), faults);
}

/* How much a preference counts: at is that of the term. */
static void check_weight(const struct value *term, const struct path *at, struct faults *faults)
{
	int64_t weight = value_int(value_get(term, "weight"), 0);
	CLEANUP_VALUE struct value *shown = value_new_int(weight);

	if (weight < 1 || weight > 100)
		say_invalid(faults, PATH_FIELD(at, "weight"), shown, "must be in the range 1-100");
}

static void check_node_affinity(const struct value *a, const struct path *at, struct faults *faults)
{
	const struct value *preferred = value_get(a, PREFERRED);

	check_node_selector(value_get(a, REQUIRED), PATH_FIELD(at, REQUIRED), faults);
	for (size_t i = 0; i < value_count(preferred); i++) {
		const struct path *here = PATH_INDEX(PATH_FIELD(at, PREFERRED), i);

		check_weight(value_at(preferred, i), here, faults);
		check_term(value_get(value_at(preferred, i), "preference"), 0,
			   PATH_FIELD(here, "preference"), faults);
	}
}

/* Keys whose values come from the pod itself: nothing else may be said of them. */
static void check_label_keys(const struct value *term, const char *field, const struct path *at,
			     struct faults *faults)
{
	const struct value *keys = value_get(term, field),
			   *selector = value_get(term, "labelSelector");
	const struct path *here = PATH_FIELD(at, field);

	if (value_count(keys) && !selector)
		say_forbidden(faults, here, "must not be specified when labelSelector is not set");
	for (size_t i = 0; i < value_count(keys); i++) {
		const char *key = value_str(value_at(keys, i), "");

		say_text(faults, PATH_INDEX(here, i), key, text_label_key(key));
	}
}

/* Those of a spread constraint are not in its selector, too; those of a pod term not in both lists. */
static void check_keys_apart(const struct value *keys, const struct value *others, int in_map,
			     const char *why, const struct path *at, struct faults *faults)
{
	struct strmap seen = STRMAP_INIT;

	for (size_t i = 0; i < value_count(others); i++)
		strmap_set(&seen,
			   in_map ? value_key_at(others, i) : value_str(value_at(others, i), ""),
			   (void *)1);
	for (size_t i = 0; i < value_count(keys); i++) {
		const char *key = value_str(value_at(keys, i), "");

		if (strmap_get(&seen, key))
			say_text(faults, PATH_INDEX(at, i), key, why);
	}
	strmap_fini(&seen);
}

static void check_pod_term(const struct value *term, const struct path *at, struct faults *faults)
{
	const struct value *names = value_get(term, "namespaces");

	check_label_keys(term, "matchLabelKeys", at, faults);
	check_label_keys(term, "mismatchLabelKeys", at, faults);
	check_keys_apart(value_get(term, "matchLabelKeys"), value_get(term, "mismatchLabelKeys"), 0,
			 "exists in both matchLabelKeys and mismatchLabelKeys",
			 PATH_FIELD(at, "matchLabelKeys"), faults);
	for (size_t i = 0; i < value_count(names); i++) {
		const char *name = value_str(value_at(names, i), "");

		say_text(faults, PATH_FIELD(at, "namespace"), name, text_dns_label(name));
	}
}

static void check_pod_affinity(const struct value *a, const struct path *at, struct faults *faults)
{
	const struct value *required = value_get(a, REQUIRED);
	const struct value *preferred = value_get(a, PREFERRED);

	for (size_t i = 0; i < value_count(required); i++)
		check_pod_term(value_at(required, i), PATH_INDEX(PATH_FIELD(at, REQUIRED), i),
			       faults);
	for (size_t i = 0; i < value_count(preferred); i++) {
		const struct path *here = PATH_INDEX(PATH_FIELD(at, PREFERRED), i);

		check_weight(value_at(preferred, i), here, faults);
		check_pod_term(value_get(value_at(preferred, i), "podAffinityTerm"),
			       PATH_FIELD(here, "podAffinityTerm"), faults);
	}
}

static void check_spread(const struct value *list, const struct path *at, struct faults *faults)
{
	struct strmap seen = STRMAP_INIT;

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *c = value_at(list, i), *min = value_get(c, "minDomains");
		const char *when = text_of(c, "whenUnsatisfiable");
		const struct path *here = PATH_INDEX(at, i);
		CLEANUP_FREE char *pair = xasprintf("{%s, %s}", text_of(c, "topologyKey"), when);

		if (strmap_set(&seen, pair, (void *)1))
			say_duplicate(faults, PATH_FIELD(here, "{topologyKey, whenUnsatisfiable}"),
				      pair);
		check_label_keys(c, "matchLabelKeys", here, faults);
		check_keys_apart(value_get(c, "matchLabelKeys"),
				 value_dig(c, "labelSelector", "matchLabels", NULL), 1,
				 "exists in both matchLabelKeys and labelSelector",
				 PATH_FIELD(here, "matchLabelKeys"), faults);
		if (min && value_int(min, 1) <= 0)
			say_invalid(faults, PATH_FIELD(here, "minDomains"), min,
				    "must be greater than zero");
		if (min && !str_eq(when, "DoNotSchedule"))
			say_invalid(faults, PATH_FIELD(here, "minDomains"), min,
				    "can only use minDomains if whenUnsatisfiable=DoNotSchedule");
	}
	strmap_fini(&seen);
}

void check_scheduling(const struct value *spec, const struct path *at, struct faults *faults)
{
	const struct value *affinity = value_get(spec, "affinity");
	const struct path *here = PATH_FIELD(at, "affinity");

	check_labels(value_get(spec, "nodeSelector"), PATH_FIELD(at, "nodeSelector"), faults);
	if (affinity) {
		check_node_affinity(value_get(affinity, "nodeAffinity"),
				    PATH_FIELD(here, "nodeAffinity"), faults);
		check_pod_affinity(value_get(affinity, "podAffinity"),
				   PATH_FIELD(here, "podAffinity"), faults);
		check_pod_affinity(value_get(affinity, "podAntiAffinity"),
				   PATH_FIELD(here, "podAntiAffinity"), faults);
	}
	check_spread(value_get(spec, "topologySpreadConstraints"),
		     PATH_FIELD(at, "topologySpreadConstraints"), faults);
}
