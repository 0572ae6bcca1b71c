/* SPDX-License-Identifier: MIT */
/*
 * How much of what: LimitRanges, ResourceQuotas, disruption budgets, autoscalers.
 * Source: Kubernetes pkg/apis/{core,policy,autoscaling}/validation/validation.go.
 */
#include <errno.h>
#include <inttypes.h>

#include "objects/quantity.h"
#include "objects/schema/text.h"
#include "objects/validation/checks.h"
#include "objects/validation/say.h"
#include "util/strmap.h"

static int amount(const struct value *item, const char *list, const char *key, struct quantity *out)
{
	const struct value *v = value_dig(item, list, key, NULL);

	return v && quantity_from_value(v, out, NULL) == 0;
}

/* Pairs that must be in order, where Kubernetes says that they are not, and its words for them. */
static const struct order {
	const char *low, *high, *at, *low_word, *high_word;
} orders[] = {
	{"min", "max", "min", "min", "max"},
	{"min", "defaultRequest", "defaultRequest", "min", "default request"},
	{"defaultRequest", "max", "defaultRequest", "default request", "max"},
	{"defaultRequest", "default", "defaultRequest", "default request", "default limit"},
	{"min", "default", "default", "min", "default"},
	{"default", "max", "default", "default", "max"},
};

static void check_order(const struct value *item, const struct order *o, const char *key,
			const struct path *at, struct faults *faults)
{
	struct quantity a, b;

	if (!amount(item, o->low, key, &a) || !amount(item, o->high, key, &b) ||
	    quantity_cmp(&a, &b) <= 0)
		return;
	fault_add(faults, PATH_KEY(PATH_FIELD(at, o->at), key), FAULT_INVALID,
		  value_dig(item, o->at, key, NULL), "%s value %s is greater than %s value %s",
		  o->low_word, value_str(value_dig(item, o->low, key, NULL), ""), o->high_word,
		  value_str(value_dig(item, o->high, key, NULL), ""));
}

/* Resources that a container may ask for: the few by themselves, others with a domain. */
static const char *compute_fault(const char *name)
{
	const char *why = text_label_key(name);

	if (why || strchr(name, '/') || str_starts(name, "hugepages-") || str_eq(name, "cpu") ||
	    str_eq(name, "memory") || str_eq(name, "ephemeral-storage"))
		return why;
	return "must be a standard resource for containers";
}

/* The most that a limit may be over its request: as many times as max is over min, at most. */
static void check_ratio(const struct value *item, const char *key, const struct path *at,
			struct faults *faults)
{
	const struct value *shown = value_dig(item, "maxLimitRequestRatio", key, NULL);
	struct quantity ratio, min, max;

	at = PATH_KEY(PATH_FIELD(at, "maxLimitRequestRatio"), key);
	if (!amount(item, "maxLimitRequestRatio", key, &ratio))
		return;
	if (ratio.nano < 1000000000)
		say_invalid(faults, at, shown, "ratio is less than 1");
	if (amount(item, "min", key, &min) && amount(item, "max", key, &max) && min.nano > 0 &&
	    (long double)ratio.nano / 1000000000 > (long double)max.nano / (long double)min.nano)
		say_invalid(faults, at, shown, "ratio is greater than max/min");
}

static void check_limits(const struct value *item, const struct path *at, struct faults *faults)
{
	static const char *const lists[] = {"default", "defaultRequest", "max", "min",
					    "maxLimitRequestRatio"};
	const char *type = text_of(item, "type");
	int compute = str_eq(type, "Pod") || str_eq(type, "Container");
	const struct value *ratios = value_get(item, "maxLimitRequestRatio");

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const struct value *list = value_get(item, lists[i]);

		for (size_t j = 0; j < value_count(list); j++) {
			const char *key = value_key_at(list, j);

			say_text(faults, PATH_KEY(PATH_FIELD(at, lists[i]), key), key,
				 compute ? compute_fault(key) : text_label_key(key));
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		const struct value *list = value_get(item, orders[i].low);

		for (size_t j = 0; j < value_count(list); j++)
			check_order(item, &orders[i], value_key_at(list, j), at, faults);
	}
	for (size_t i = 0; i < value_count(ratios); i++)
		check_ratio(item, value_key_at(ratios, i), at, faults);
}

static const char *limit_type_fault(const char *type)
{
	const char *why = text_label_key(type);

	if (why || strchr(type, '/') || str_eq(type, "Pod") || str_eq(type, "Container") ||
	    str_eq(type, "PersistentVolumeClaim"))
		return why;
	return "must be a standard limit type or fully qualified";
}

void check_limit_range_spec(const struct value *now, const struct value *old,
			    const struct value *root, const struct path *at, struct faults *faults)
{
	const struct value *list = value_get(now, "limits");
	struct strmap seen = STRMAP_INIT;

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *item = value_at(list, i);
		const struct path *here = PATH_INDEX(PATH_FIELD(at, "limits"), i);
		const char *type = text_of(item, "type");

		say_text(faults, PATH_FIELD(here, "type"), type, limit_type_fault(type));
		if (strmap_set(&seen, type, (void *)1))
			say_duplicate(faults, PATH_FIELD(here, "type"), type);
		if (str_eq(type, "Pod") && value_count(value_get(item, "default")))
			say_forbidden(faults, PATH_FIELD(here, "default"),
				      "may not be specified when `type` is 'Pod'");
		if (str_eq(type, "Pod") && value_count(value_get(item, "defaultRequest")))
			say_forbidden(faults, PATH_FIELD(here, "defaultRequest"),
				      "may not be specified when `type` is 'Pod'");
		if (str_eq(type, "PersistentVolumeClaim") &&
		    !value_dig(item, "min", "storage", NULL) &&
		    !value_dig(item, "max", "storage", NULL))
			say_required(faults, PATH_FIELD(here, "limits"),
				     "either minimum or maximum storage value is required, but "
				     "neither was provided");
		check_limits(item, here, faults);
	}
	strmap_fini(&seen);
}

/* Things that are counted, not measured. */
static int is_counted(const char *name)
{
	static const char *const names[] = {"pods",
					    "services",
					    "replicationcontrollers",
					    "resourcequotas",
					    "secrets",
					    "configmaps",
					    "persistentvolumeclaims",
					    "services.nodeports",
					    "services.loadbalancers"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq(name, names[i]))
			return 1;
	return 0;
}

static int is_quota_name(const char *name)
{
	static const char *const names[] = {"cpu",
					    "memory",
					    "ephemeral-storage",
					    "requests.cpu",
					    "requests.memory",
					    "requests.storage",
					    "requests.ephemeral-storage",
					    "limits.cpu",
					    "limits.memory",
					    "limits.ephemeral-storage"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq(name, names[i]))
			return 1;
	return is_counted(name) || strchr(name, '/') || str_starts(name, "hugepages-") ||
	       str_starts(name, "requests.hugepages-");
}

/* -- scopes of quotas -- */

static int measures_pods(const char *name)
{
	static const char *const names[] = {
		"pods",       "cpu",          "memory", "requests.cpu", "requests.memory",
		"limits.cpu", "limits.memory"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq(names[i], name))
			return 1;
	return 0;
}

/* Names that are no standard ones (count/..., a storage class's) go with every scope. */
static int scope_fits(const char *scope, const char *name)
{
	if (strchr(name, '/') || !is_quota_name(name))
		return 1;
	if (str_eq(scope, "BestEffort"))
		return str_eq(name, "pods");
	if (str_eq(scope, "VolumeAttributesClass"))
		return str_eq(name, "persistentvolumeclaims") || str_eq(name, "requests.storage");
	return measures_pods(name);
}

static int is_scope(const char *scope)
{
	static const char *const scopes[] = {"Terminating",          "NotTerminating",
					     "BestEffort",           "NotBestEffort",
					     "PriorityClass",        "CrossNamespacePodAffinity",
					     "VolumeAttributesClass"};

	for (size_t i = 0; i < ARRAY_LEN(scopes); i++)
		if (str_eq(scopes[i], scope))
			return 1;
	return 0;
}

/* One scope of a quota; whole: the list or selector that it is part of. */
static void check_scope(const char *scope, const struct value *hard, const struct value *whole,
			const struct path *at, const struct path *at_unknown, struct faults *faults)
{
	if (!is_scope(scope)) {
		say_text(faults, at_unknown, scope, "unsupported scope");
		return;
	}
	for (size_t i = 0; i < value_count(hard); i++)
		if (!scope_fits(scope, value_key_at(hard, i)))
			say_invalid(faults, at, whole, "unsupported scope applied to resource");
}

static int has_scope(const struct value *list, const char *key, const char *scope)
{
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *v = value_at(list, i);

		if (str_eq(value_str(key ? value_get(v, key) : v, ""), scope))
			return 1;
	}
	return 0;
}

/* key: what names the scope in each element; NULL: the element itself. */
static void check_conflicts(const struct value *list, const char *key, const struct path *at,
			    struct faults *faults)
{
	if ((has_scope(list, key, "BestEffort") && has_scope(list, key, "NotBestEffort")) ||
	    (has_scope(list, key, "Terminating") && has_scope(list, key, "NotTerminating")))
		say_invalid(faults, at, list, "conflicting scopes");
}

static void check_scope_term(const struct value *term, const struct path *at, struct faults *faults)
{
	const char *scope = text_of(term, "scopeName"), *op = text_of(term, "operator");
	const struct value *values = value_get(term, "values");
	int any = str_eq(op, "In") || str_eq(op, "NotIn");
	int none = str_eq(op, "Exists") || str_eq(op, "DoesNotExist");

	if (*op && !str_eq(op, "Exists") && is_scope(scope) && !str_eq(scope, "PriorityClass") &&
	    !str_eq(scope, "VolumeAttributesClass"))
		say_text(faults, PATH_FIELD(at, "operator"), op,
			 "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, "
			 "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, "
			 "ResourceQuotaScopeNotBestEffort or "
			 "ResourceQuotaScopeCrossNamespacePodAffinity");
	if (any && !value_count(values))
		say_required(faults, PATH_FIELD(at, "values"),
			     "must be at least one value when `operator` is 'In' or 'NotIn' for "
			     "scope selector");
	else if (none && value_count(values))
		say_invalid(faults, PATH_FIELD(at, "values"), values,
			    "must be no value when `operator` is 'Exist' or 'DoesNotExist' for "
			    "scope selector");
	else if (*op && !any && !none)
		say_text(faults, PATH_FIELD(at, "operator"), op, "not a valid selector operator");
}

static void check_scope_selector(const struct value *spec, const struct path *at,
				 struct faults *faults)
{
	const struct value *selector = value_get(spec, "scopeSelector");
	const struct value *terms = value_get(selector, "matchExpressions");
	const struct path *here = PATH_FIELD(PATH_FIELD(at, "scopeSelector"), "matchExpressions");

	for (size_t i = 0; i < value_count(terms); i++) {
		const char *scope = text_of(value_at(terms, i), "scopeName");

		check_scope(scope, value_get(spec, "hard"), selector, here,
			    PATH_FIELD(here, "scopeName"), faults);
		check_scope_term(value_at(terms, i), here, faults);
	}
	check_conflicts(terms, "scopeName", here, faults);
}

void check_quota_spec(const struct value *now, const struct value *old, const struct value *root,
		      const struct path *at, struct faults *faults)
{
	const struct value *hard = value_get(now, "hard"), *list = value_get(now, "scopes");

	for (size_t i = 0; i < value_count(hard); i++) {
		const char *name = value_key_at(hard, i), *why = text_label_key(name);
		const struct path *here = PATH_KEY(PATH_FIELD(at, "hard"), name);
		struct quantity q;

		if (!why && !is_quota_name(name))
			why = "must be a standard resource for quota";
		say_text(faults, here, name, why);
		if (quantity_from_value(value_at(hard, i), &q, NULL) < 0)
			continue;
		if (q.nano < 0)
			say_invalid(faults, here, value_at(hard, i),
				    "must be greater than or equal to 0");
		else if ((is_counted(name) || str_starts(name, "count/")) && q.nano % 1000000000)
			say_invalid(faults, here, value_at(hard, i), "must be an integer");
	}
	for (size_t i = 0; i < value_count(list); i++)
		check_scope(value_str(value_at(list, i), ""), hard, list, PATH_FIELD(at, "scopes"),
			    PATH_FIELD(at, "scopes"), faults);
	check_conflicts(list, NULL, PATH_FIELD(at, "scopes"), faults);
	check_scope_selector(now, at, faults);
	if (old && !value_equal(list, value_get(old, "scopes")))
		say_immutable(faults, PATH_FIELD(at, "scopes"), list, "field is immutable");
}

static void check_share(const struct value *v, const struct path *at, struct faults *faults)
{
	const char *text = value_str(v, NULL);
	size_t digits = text ? strspn(text, "0123456789") : 0;

	if (value_is(v, VALUE_INT) && value_int(v, 0) < 0)
		say_invalid(faults, at, v, "must be greater than or equal to 0");
	else if (text && (!digits || !str_eq(text + digits, "%")))
		say_invalid(faults, at, v,
			    "a valid percent string must be a numeric string followed by an ending "
			    "'%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')");
	else if (text && (digits > 3 || atoi(text) > 100))
		say_invalid(faults, at, v, "must not be greater than 100%");
}

void check_disruption_spec(const struct value *now, const struct value *old,
			   const struct value *root, const struct path *at, struct faults *faults)
{
	const struct value *min = value_get(now, "minAvailable");
	const struct value *max = value_get(now, "maxUnavailable");

	if (min && max)
		say_invalid(faults, at, now, "minAvailable and maxUnavailable cannot be both set");
	if (min)
		check_share(min, PATH_FIELD(at, "minAvailable"), faults);
	if (max)
		check_share(max, PATH_FIELD(at, "maxUnavailable"), faults);
}

void check_autoscaler_spec(const struct value *now, const struct value *old,
			   const struct value *root, const struct path *at, struct faults *faults)
{
	static const char *const fields[] = {"kind", "name"};
	const struct value *target = value_get(now, "scaleTargetRef");
	const struct value *cpu = value_get(now, "targetCPUUtilizationPercentage");
	const struct path *here = PATH_FIELD(at, "scaleTargetRef");

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (*text_of(target, fields[i]))
			say_text(faults, PATH_FIELD(here, fields[i]), text_of(target, fields[i]),
				 text_path_segment(text_of(target, fields[i])));
	if (value_int(value_get(now, "maxReplicas"), 0) >= 1 &&
	    value_int(value_get(now, "maxReplicas"), 0) <
		    value_int(value_get(now, "minReplicas"), 1))
		say_invalid(faults, PATH_FIELD(at, "maxReplicas"), value_get(now, "maxReplicas"),
			    "must be greater than or equal to `minReplicas`");
	if (cpu && value_int(cpu, 1) < 1) /* told where the newer version has it */
		say_invalid(
			faults,
			PATH_FIELD(PATH_FIELD(PATH_FIELD(PATH_INDEX(PATH_FIELD(at, "metrics"), 0),
							 "resource"),
					      "target"),
				   "averageUtilization"),
			cpu, "must be greater than 0");
}
