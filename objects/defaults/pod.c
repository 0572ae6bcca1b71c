/* SPDX-License-Identifier: MIT */
/*
 * Defaults of pods that depend on other fields: the pull policy on the image's
 * tag, requests on limits, host ports on the host's network, the old name of
 * the service account field on the new one.
 */
#include "objects/defaults/fills.h"

#include "objects/quantity.h"
#include "objects/schema/image_name.h"

struct value *fill_absent_field(struct value *taken, const char *name, struct value *child)
{
	if (value_get(taken, name)) {
		value_unref(child);
		return taken;
	}
	return value_set(taken, name, child);
}

struct value *fill_missing_keys(const struct value *dst, const struct value *src)
{
	struct value *fresh = NULL;

	for (size_t i = 0; i < value_count(src); i++) {
		const char *key = value_key_at(src, i);

		if (value_get(dst, key))
			continue;
		if (!fresh) {
			fresh = value_new_map();
			for (size_t j = 0; j < value_count(dst); j++)
				fresh = value_map_add(fresh, value_key_at(dst, j),
						      strlen(value_key_at(dst, j)),
						      value_ref(value_at(dst, j)));
		}
		fresh = value_map_add(fresh, key, strlen(key), value_ref(value_at(src, i)));
	}
	return fresh ? value_map_seal(fresh, NULL) : NULL;
}

/* requests[x] = limits[x] where only the limit is said. */
static struct value *fill_requests(struct value *taken)
{
	struct value *fresh = fill_missing_keys(value_dig(taken, "resources", "requests", NULL),
						value_dig(taken, "resources", "limits", NULL));

	return fresh ? value_bury(taken, fresh, "resources", "requests", NULL) : taken;
}

static struct value *fill_host_ports(struct value *taken)
{
	const struct value *ports = value_get(taken, "ports");
	struct value *fresh = NULL;

	for (size_t i = 0; i < value_count(ports); i++) {
		const struct value *p = value_at(ports, i);
		const struct value *n = value_get(p, "containerPort");

		if (!n || value_get(p, "hostPort"))
			continue;
		fresh = value_set_at(fresh ? fresh : value_ref(ports), i,
				     value_set(value_ref(p), "hostPort", value_ref(n)));
	}
	return fresh ? value_set(taken, "ports", fresh) : taken;
}

static struct value *fill_containers(struct value *spec, const char *field, int host_network)
{
	const struct value *list = value_get(spec, field);
	struct value *fresh = NULL;

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *was = value_at(list, i);
		struct value *c;

		if (!value_is(was, VALUE_MAP))
			continue;
		c = fill_requests(value_ref(was));
		if (host_network)
			c = fill_host_ports(c);
		if (c == was)
			value_unref(c);
		else
			fresh = value_set_at(fresh ? fresh : value_ref(list), i, c);
	}
	return fresh ? value_set(spec, field, fresh) : spec;
}

/* Only pods themselves, not templates. */
struct value *fill_pod(struct value *taken, const struct value *root)
{
	const struct value *was = value_get(taken, "spec");
	int host_network = value_bool(value_get(was, "hostNetwork"), 0);
	struct value *spec;

	if (was && !value_is(was, VALUE_MAP))
		return taken;
	spec = fill_absent_field(was ? value_ref(was) : value_new_map(), "enableServiceLinks",
				 value_new_bool(1));
	spec = fill_containers(spec, "containers", host_network);
	spec = fill_containers(spec, "initContainers", host_network);
	spec = fill_requests(spec); /* resources of the whole pod */
	if (spec == was) {
		value_unref(spec);
		return taken;
	}
	return value_set(taken, "spec", spec);
}

/* serviceAccount is the field's old name: both are shown, the new one wins. */
struct value *fill_pod_spec(struct value *taken, const struct value *root)
{
	const char *name = value_str(value_get(taken, "serviceAccountName"), NULL);
	const char *old_name = value_str(value_get(taken, "serviceAccount"), NULL);

	if (str_eq(name, old_name))
		return taken;
	if (name)
		return value_set(taken, "serviceAccount",
				 value_ref(value_get(taken, "serviceAccountName")));
	return value_set(taken, "serviceAccountName",
			 value_ref(value_get(taken, "serviceAccount")));
}

struct value *fill_one_and_list(struct value *taken, const char *one, const char *list,
				const char *key)
{
	const struct value *single = value_get(taken, one);
	const struct value *first = value_at(value_get(taken, list), 0);
	struct value *item;

	if (key && first)
		first = value_get(first, key);
	if (!single && first)
		return value_set(taken, one, value_ref(first));
	if (!single || value_count(value_get(taken, list)))
		return taken;
	item = value_ref(single);
	if (key)
		item = value_set(value_new_map(), key, item);
	return value_set(taken, list, value_append(value_new_list(), item));
}

struct value *fill_pod_status(struct value *taken, const struct value *root)
{
	return fill_one_and_list(taken, "podIP", "podIPs", "ip");
}

static struct value *pull_policy(const char *image)
{
	return value_new_string(image_name_is_latest(image) ? "Always" : "IfNotPresent");
}

struct value *fill_container(struct value *taken, const struct value *root)
{
	if (value_get(taken, "imagePullPolicy"))
		return taken;
	return value_set(taken, "imagePullPolicy",
			 pull_policy(value_str(value_get(taken, "image"), "")));
}

struct value *fill_volume(struct value *taken, const struct value *root)
{
	const struct value *image = value_get(taken, "image");

	if (!value_count(taken) || (value_count(taken) == 1 && value_get(taken, "name")))
		return value_set(taken, "emptyDir", value_new_map());
	if (value_is(image, VALUE_MAP) && !value_get(image, "pullPolicy"))
		return value_bury(taken, pull_policy(value_str(value_get(image, "reference"), "")),
				  "image", "pullPolicy", NULL);
	return taken;
}

struct qos {
	int any;        /* a request or limit of cpu or memory above zero */
	int guaranteed; /* so far every container limits both, requesting the same */
};

static int above_zero(const struct value *q)
{
	struct quantity amount;

	return q && quantity_from_value(q, &amount, NULL) == 0 && amount.nano > 0;
}

static void qos_add(const struct value *resources, struct qos *qos)
{
	static const char *const counted[] = {"cpu", "memory"};

	for (size_t i = 0; i < ARRAY_LEN(counted); i++) {
		const struct value *limit = value_dig(resources, "limits", counted[i], NULL);
		const struct value *request = value_dig(resources, "requests", counted[i], NULL);

		qos->any |= above_zero(limit) || above_zero(request);
		if (!above_zero(limit) || (request && !value_equal(limit, request)))
			qos->guaranteed = 0;
	}
}

const char *pod_qos_class(const struct value *spec)
{
	static const char *const lists[] = {"containers", "initContainers"};
	const struct value *whole = value_get(spec, "resources");
	struct qos qos = {.guaranteed = 1};

	if (value_count(value_get(whole, "limits")) || value_count(value_get(whole, "requests"))) {
		qos_add(whole, &qos);
	} else {
		for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
			const struct value *list = value_get(spec, lists[i]);

			for (size_t j = 0; j < value_count(list); j++)
				qos_add(value_get(value_at(list, j), "resources"), &qos);
		}
	}
	return !qos.any ? "BestEffort" : qos.guaranteed ? "Guaranteed" : "Burstable";
}
