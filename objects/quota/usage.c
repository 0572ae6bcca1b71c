/* SPDX-License-Identifier: MIT */
/* Amounts by name, and what one object uses. */
#include "objects/quota.h"

#include <stdio.h>
#include <time.h>

#include "util/buf.h"

void usage_fini(struct usage *u)
{
	for (size_t i = 0; i < u->n; i++)
		free(u->list[i].name);
	free(u->list);
	*u = (struct usage)USAGE_INIT;
}

/* Index of the first name that is not before this one. */
static size_t place_of(const struct usage *u, const char *name)
{
	size_t low = 0, high = u->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (strcmp(u->list[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct usage_item *item_of(struct usage *u, const char *name)
{
	size_t at = place_of(u, name);

	if (at < u->n && str_eq(u->list[at].name, name))
		return &u->list[at];
	u->list = xreallocarray(u->list, u->n + 1, sizeof(*u->list));
	memmove(&u->list[at + 1], &u->list[at], (u->n - at) * sizeof(*u->list));
	u->n++;
	u->list[at] = (struct usage_item){.name = xstrdup(name)};
	return &u->list[at];
}

void usage_add(struct usage *u, const char *name, const struct quantity *more)
{
	struct usage_item *item = item_of(u, name);

	if (!item->amount.nano)
		item->amount.format = more->format;
	item->amount.nano += more->nano;
}

const struct quantity *usage_get(const struct usage *u, const char *name)
{
	size_t at = place_of(u, name);

	return at < u->n && str_eq(u->list[at].name, name) ? &u->list[at].amount : NULL;
}

static void add_units(struct usage *u, const char *name, int64_t n)
{
	usage_add(u, name, &(struct quantity){.nano = (__int128)n * 1000000000});
}

static void add_list(struct usage *u, const struct value *list)
{
	struct quantity q;

	for (size_t i = 0; i < value_count(list); i++)
		if (quantity_from_value(value_at(list, i), &q, NULL) == 0)
			usage_add(u, value_key_at(list, i), &q);
}

static void add_usage(struct usage *u, const struct usage *more)
{
	for (size_t i = 0; i < more->n; i++)
		usage_add(u, more->list[i].name, &more->list[i].amount);
}

static void raise_to(struct usage *u, const struct usage *other)
{
	for (size_t i = 0; i < other->n; i++) {
		struct usage_item *item = item_of(u, other->list[i].name);

		if (quantity_cmp(&other->list[i].amount, &item->amount) > 0)
			item->amount = other->list[i].amount;
	}
}

/* -- the containers of a pod -- */

/* Init containers run one after the other, beside the sidecars that were started before them. */
static void add_init(const struct value *list, const char *which, struct usage *most,
		     struct usage *sidecars)
{
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *c = value_at(list, i);
		CLEANUP_USAGE struct usage one = USAGE_INIT;

		if (str_eq(value_dig_str(c, "restartPolicy", NULL), "Always")) {
			add_list(sidecars, value_dig(c, "resources", which, NULL));
			raise_to(most, sidecars);
			continue;
		}
		add_list(&one, value_dig(c, "resources", which, NULL));
		add_usage(&one, sidecars);
		raise_to(most, &one);
	}
}

/* What is said for the pod as a whole counts instead. */
static void replace_by(struct usage *u, const struct value *whole)
{
	struct quantity q;

	for (size_t i = 0; i < value_count(whole); i++)
		if (quantity_from_value(value_at(whole, i), &q, NULL) == 0)
			item_of(u, value_key_at(whole, i))->amount = q;
}

static void add_overhead(struct usage *u, const struct value *overhead, int only_known)
{
	struct quantity q;

	for (size_t i = 0; i < value_count(overhead); i++) {
		const char *name = value_key_at(overhead, i);

		if (quantity_from_value(value_at(overhead, i), &q, NULL) == 0 &&
		    (!only_known || usage_get(u, name)))
			usage_add(u, name, &q);
	}
}

void usage_of_containers(const struct value *spec, const char *which, int overhead,
			 struct usage *out)
{
	const struct value *list = value_get(spec, "containers");
	CLEANUP_USAGE struct usage most = USAGE_INIT, sidecars = USAGE_INIT;

	for (size_t i = 0; i < value_count(list); i++)
		add_list(out, value_dig(value_at(list, i), "resources", which, NULL));
	add_init(value_get(spec, "initContainers"), which, &most, &sidecars);
	add_usage(out, &sidecars);
	raise_to(out, &most);
	replace_by(out, value_dig(spec, "resources", which, NULL));
	if (overhead) /* where nothing is limited, the overhead is not either */
		add_overhead(out, value_get(spec, "overhead"), str_eq(which, "limits"));
}

/* -- pods -- */

int quota_pod_counts(const struct value *pod)
{
	const char *phase = value_dig_str(pod, "status", "phase", NULL);
	const char *deleted = value_dig_str(pod, "metadata", "deletionTimestamp", NULL);
	int64_t at;
	int32_t nsec;

	if (str_eq(phase, "Succeeded") || str_eq(phase, "Failed"))
		return 0;
	/* the timestamp is when the grace is over */
	return !deleted || time_parse(deleted, &at, &nsec) || time(NULL) <= at;
}

/* Names that are limited as they are, and as requests. */
static int has_plain_name(const char *resource)
{
	return str_eq(resource, "cpu") || str_eq(resource, "memory") ||
	       str_eq(resource, "ephemeral-storage") || str_starts(resource, "hugepages-");
}

static int has_limit_name(const char *resource)
{
	return str_eq(resource, "cpu") || str_eq(resource, "memory") ||
	       str_eq(resource, "ephemeral-storage");
}

static void add_pod(const struct value *pod, struct usage *out)
{
	const struct value *spec = value_get(pod, "spec");
	CLEANUP_USAGE struct usage requests = USAGE_INIT, limits = USAGE_INIT;

	if (!quota_pod_counts(pod))
		return;
	add_units(out, "pods", 1);
	usage_of_containers(spec, "requests", 1, &requests);
	usage_of_containers(spec, "limits", 1, &limits);
	for (size_t i = 0; i < requests.n; i++) {
		const struct usage_item *item = &requests.list[i];
		CLEANUP_FREE char *name = xasprintf("requests.%s", item->name);

		if (has_plain_name(item->name))
			usage_add(out, item->name, &item->amount);
		usage_add(out, name, &item->amount);
	}
	for (size_t i = 0; i < limits.n; i++) {
		CLEANUP_FREE char *name = xasprintf("limits.%s", limits.list[i].name);

		if (has_limit_name(limits.list[i].name))
			usage_add(out, name, &limits.list[i].amount);
	}
}

/* -- services and claims -- */

static int64_t node_ports(const struct value *service)
{
	const struct value *spec = value_get(service, "spec"), *ports = value_get(spec, "ports");
	const char *type = value_dig_str(spec, "type", NULL);
	int64_t n = 0;

	if (str_eq(type, "NodePort") ||
	    (str_eq(type, "LoadBalancer") &&
	     value_bool(value_get(spec, "allocateLoadBalancerNodePorts"), 1)))
		return (int64_t)value_count(ports);
	for (size_t i = 0; str_eq(type, "LoadBalancer") && i < value_count(ports); i++)
		n += value_int(value_get(value_at(ports, i), "nodePort"), 0) != 0;
	return n;
}

static void add_service(const struct value *service, struct usage *out)
{
	add_units(out, "services", 1);
	add_units(out, "services.nodeports", node_ports(service));
	add_units(out, "services.loadbalancers",
		  str_eq(value_dig_str(service, "spec", "type", NULL), "LoadBalancer"));
}

static const char *claim_class(const struct value *claim)
{
	const char *noted = object_annotation(claim, "volume.beta.kubernetes.io/storage-class");

	return noted ? noted : value_dig_str(claim, "spec", "storageClassName", NULL);
}

static void add_claim(const struct value *claim, struct usage *out)
{
	const struct value *asked =
		value_dig(claim, "spec", "resources", "requests", "storage", NULL);
	const char *class = claim_class(claim);
	CLEANUP_FREE char *prefix =
		class && *class ? xasprintf("%s.storageclass.storage.k8s.io", class) : NULL;
	CLEANUP_FREE char *claims = prefix ? xasprintf("%s/persistentvolumeclaims", prefix) : NULL;
	CLEANUP_FREE char *storage = prefix ? xasprintf("%s/requests.storage", prefix) : NULL;
	struct quantity q;

	add_units(out, "persistentvolumeclaims", 1);
	if (claims)
		add_units(out, claims, 1);
	if (!asked || quantity_from_value(asked, &q, NULL))
		return;
	usage_add(out, "requests.storage", &q);
	if (storage)
		usage_add(out, storage, &q);
}

/* -- any object -- */

/* Kinds that were counted by their plural before every kind could be. */
static int has_short_count(const char *plural)
{
	static const char *const names[] = {"configmaps", "replicationcontrollers",
					    "resourcequotas", "secrets"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq(plural, names[i]))
			return 1;
	return 0;
}

void usage_of_object(const struct kind *k, const struct value *obj, struct usage *out)
{
	CLEANUP_FREE char *count = xasprintf("count/%s", kind_resource(k));

	add_units(out, count, 1);
	if (*k->group)
		return;
	if (str_eq(k->plural, "pods"))
		add_pod(obj, out);
	else if (str_eq(k->plural, "services"))
		add_service(obj, out);
	else if (str_eq(k->plural, "persistentvolumeclaims"))
		add_claim(obj, out);
	else if (has_short_count(k->plural))
		add_units(out, k->plural, 1);
}
