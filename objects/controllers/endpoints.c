/* SPDX-License-Identifier: MIT */
/*
 * Endpoints: the addresses behind a Service that has a selector.
 * Source: Kubernetes "Service" (Endpoints); pkg/controller/endpoint.
 */
#include "objects/controllers/controller.h"
#include "objects/controllers/facts.h"
#include "objects/selector.h"

#define ADDRESSES_MAX 1000
#define HEADLESS      "service.kubernetes.io/headless"
#define TRIGGER_TIME  "endpoints.kubernetes.io/last-change-trigger-time"

static const struct value *labels_of(const struct object *o)
{
	return value_dig(o->value, "metadata", "labels", NULL);
}

static void enqueue_services(struct controller *c, const struct object *pod)
{
	struct object_list services;

	store_list(controller_store(c), known_kind(K_SERVICE), pod->ns, &services);
	for (size_t i = 0; i < services.n; i++) {
		struct selector *sel = selector_from_map(
			value_dig(services.list[i]->value, "spec", "selector", NULL));

		if (selector_matches(sel, labels_of(pod)))
			controller_enqueue(c, object_key(services.list[i]));
		selector_free(sel);
	}
	object_list_fini(&services);
}

static int same(const struct change *ch, const char *x, const char *y)
{
	const struct value *a = value_dig(ch->old->value, x, y, NULL),
			   *b = value_dig(ch->now->value, x, y, NULL);

	return a == b || value_equal(a, b);
}

/* What of a pod is to be seen in Endpoints. */
static int pod_changed(const struct change *ch)
{
	return !ch->old || ch->type == CHANGE_DELETED || !same(ch, "metadata", "labels") ||
	       !same(ch, "metadata", "deletionTimestamp") || !same(ch, "status", "podIPs") ||
	       !same(ch, "status", "phase") || !same(ch, "spec", "nodeName") ||
	       pod_is_ready(ch->old->value) != pod_is_ready(ch->now->value);
}

static void observe(struct controller *c, const struct change *ch)
{
	if (is_kind(ch->now, K_SERVICE)) {
		controller_enqueue(c, object_key(ch->now));
	} else if (is_kind(ch->now, K_ENDPOINTS) && ch->type == CHANGE_DELETED) {
		controller_enqueue(
			c, (struct objkey){known_kind(K_SERVICE), ch->now->ns, ch->now->name});
	} else if (is_kind(ch->now, K_POD) && pod_changed(ch)) {
		enqueue_services(c, ch->now);
		if (ch->old && !same(ch, "metadata", "labels"))
			enqueue_services(c, ch->old);
	}
}

/* -- ports -- */

static const struct value *find_port(const struct value *pod, const char *name,
				     const char *protocol)
{
	static const char *const lists[] = {"containers", "initContainers"};

	for (size_t k = 0; k < ARRAY_LEN(lists); k++) {
		const struct value *containers = value_dig(pod, "spec", lists[k], NULL);

		for (size_t i = 0; i < value_count(containers); i++) {
			const struct value *ports = value_get(value_at(containers, i), "ports");

			for (size_t j = 0; j < value_count(ports); j++)
				if (str_eq(STR_AT(value_at(ports, j), "name"), name) &&
				    str_eq(STR_AT(value_at(ports, j), "protocol"), protocol))
					return value_get(value_at(ports, j), "containerPort");
		}
	}
	return NULL;
}

static struct value *endpoint_port(const struct value *port, const struct value *pod)
{
	const struct value *target = value_get(port, "targetPort");
	const char *protocol = STR_AT(port, "protocol"), *named = value_str(target, NULL);
	struct value *v;

	if (!protocol)
		protocol = "TCP";
	if (named)
		target = find_port(pod, named, protocol);
	else if (!value_int(target, 0))
		target = value_get(port, "port");
	if (!target)
		return NULL;
	v = value_set_int(value_new_map(), "port", value_int(target, 0));
	v = value_set_str(v, "protocol", protocol);
	if (STR_AT(port, "name") && *STR_AT(port, "name"))
		v = value_set_str(v, "name", STR_AT(port, "name"));
	if (STR_AT(port, "appProtocol"))
		v = value_set_str(v, "appProtocol", STR_AT(port, "appProtocol"));
	return v;
}

static struct value *endpoint_ports(const struct value *service, const struct value *pod)
{
	const struct value *ports = value_dig(service, "spec", "ports", NULL);
	struct value *list = value_new_list();

	for (size_t i = 0; i < value_count(ports); i++) {
		struct value *v = endpoint_port(value_at(ports, i), pod);

		if (v)
			list = value_append(list, v);
	}
	return list;
}

/* -- subsets -- */

struct subset {                      /* pods that show the same ports */
	struct value *ports;         /* owned */
	struct value *ready, *other; /* owned lists of addresses */
};

struct subsets {
	struct subset *list; /* owned */
	size_t n;
};

static struct subset *subset_of(struct subsets *s, struct value *taken_ports)
{
	for (size_t i = 0; i < s->n; i++)
		if (value_equal(s->list[i].ports, taken_ports)) {
			value_unref(taken_ports);
			return &s->list[i];
		}
	s->list = xreallocarray(s->list, s->n + 1, sizeof(*s->list));
	s->list[s->n] = (struct subset){taken_ports, value_new_list(), value_new_list()};
	return &s->list[s->n++];
}

static struct value *address(const struct object *pod, const char *ip, int headless)
{
	const char *node = STR_AT(pod->value, "spec", "nodeName"),
		   *hostname = STR_AT(pod->value, "spec", "hostname");
	struct value *v = value_set_str(value_new_map(), "ip", ip), *ref = value_new_map();

	ref = value_set_str(ref, "kind", "Pod");
	ref = value_set_str(ref, "name", pod->name);
	ref = value_set_str(ref, "namespace", pod->ns);
	ref = value_set_str(ref, "uid", pod->uid);
	if (node && *node)
		v = value_set_str(v, "nodeName", node);
	if (headless && hostname && *hostname)
		v = value_set_str(v, "hostname", hostname);
	return value_set(v, "targetRef", ref);
}

static void add_pod(struct subsets *s, const struct object *service, const struct object *pod)
{
	int all =
		value_bool(value_dig(service->value, "spec", "publishNotReadyAddresses", NULL), 0);
	int headless = str_eq(STR_AT(service->value, "spec", "clusterIP"), "None");
	const char *ip = STR_AT(pod->value, "status", "podIP");
	struct value *ports;
	struct subset *in;

	if (!ip || !*ip || pod_is_terminal(pod->value) || (object_deleting(pod->value) && !all))
		return;
	ports = endpoint_ports(service->value, pod->value);
	if (!value_count(ports) && !headless) {
		value_unref(ports);
		return;
	}
	in = subset_of(s, ports);
	if (all || pod_is_ready(pod->value))
		in->ready = value_append(in->ready, address(pod, ip, headless));
	else
		in->other = value_append(in->other, address(pod, ip, headless));
}

static int by_ip(const void *a, const void *b)
{
	const char *x = STR_AT(*(struct value *const *)a, "ip"),
		   *y = STR_AT(*(struct value *const *)b, "ip");

	return strcmp(x, y);
}

static struct value *sorted(struct value *taken)
{
	size_t n = value_count(taken);
	struct value **list = xcalloc(n + 1, sizeof(*list));
	struct value *out = value_new_list();

	for (size_t i = 0; i < n; i++)
		list[i] = value_ref(value_at(taken, i));
	qsort(list, n, sizeof(*list), by_ip);
	for (size_t i = 0; i < n; i++)
		if (i < ADDRESSES_MAX)
			out = value_append(out, list[i]);
		else
			value_unref(list[i]);
	free(list);
	value_unref(taken);
	return out;
}

static struct value *subset_value(struct subset *s)
{
	struct value *v = value_new_map();

	s->ready = sorted(s->ready);
	s->other = sorted(s->other);
	if (value_count(s->ready))
		v = value_set(v, "addresses", value_ref(s->ready));
	if (value_count(s->other))
		v = value_set(v, "notReadyAddresses", value_ref(s->other));
	if (value_count(s->ports))
		v = value_set(v, "ports", value_ref(s->ports));
	return v;
}

/* NULL: no address at all. */
static struct value *subsets_of(struct store *store, const struct object *service)
{
	struct selector *sel =
		selector_from_map(value_dig(service->value, "spec", "selector", NULL));
	struct value *out = NULL;
	struct subsets s = {0};
	struct object_list pods;

	store_list(store, known_kind(K_POD), service->ns, &pods);
	for (size_t i = 0; i < pods.n; i++)
		if (selector_matches(sel, labels_of(pods.list[i])))
			add_pod(&s, service, pods.list[i]);
	object_list_fini(&pods);
	selector_free(sel);
	for (size_t i = 0; i < s.n; i++) {
		out = value_append(out ? out : value_new_list(), subset_value(&s.list[i]));
		value_unref(s.list[i].ports);
		value_unref(s.list[i].ready);
		value_unref(s.list[i].other);
	}
	free(s.list);
	return out;
}

/* -- the object -- */

static struct value *endpoints_labels(const struct object *service)
{
	const struct value *was = labels_of(service);
	struct value *labels = was ? value_ref(was) : value_new_map();

	if (str_eq(STR_AT(service->value, "spec", "clusterIP"), "None"))
		labels = value_set_str(labels, HEADLESS, "");
	else
		labels = value_del(labels, HEADLESS);
	return value_set_str(labels, "endpoints.kubernetes.io/managed-by", "endpoint-controller");
}

static struct value *with_content(struct value *taken, const struct object *service,
				  struct value *subsets)
{
	char now[32];

	taken = value_bury(taken, endpoints_labels(service), "metadata", "labels", NULL);
	taken = value_bury(taken, value_new_string(api_now(now)), "metadata", "annotations",
			   TRIGGER_TIME, NULL);
	return value_set(taken, "subsets", value_ref(subsets));
}

static void plan_endpoints(struct plan *plan, const struct object *service,
			   const struct object *was, struct value *subsets)
{
	CLEANUP_VALUE struct value *labels = endpoints_labels(service);
	struct value *v;

	if (was && value_equal(value_get(was->value, "subsets"), subsets) &&
	    value_equal(labels_of(was), labels))
		return;
	if (was) {
		plan_update(plan, was, with_content(value_ref(was->value), service, subsets));
		return;
	}
	v = value_set_str(value_new_map(), "apiVersion", "v1");
	v = value_set_str(v, "kind", "Endpoints");
	v = value_set(v, "metadata", value_set_str(value_new_map(), "name", service->name));
	plan_create(plan, known_kind(K_ENDPOINTS), service->ns, with_content(v, service, subsets));
}

static int sync(struct controller *c, struct objkey key, struct plan *plan, struct err *err)
{
	struct object *service = store_get(controller_store(c), key);
	struct object *was = store_get(controller_store(c),
				       (struct objkey){known_kind(K_ENDPOINTS), key.ns, key.name});
	struct value *subsets;

	if (!service) {
		if (was && !object_deleting(was->value))
			plan_delete(plan, was);
	} else if (value_count(value_dig(service->value, "spec", "selector", NULL)) &&
		   !object_deleting(service->value) &&
		   !str_eq(STR_AT(service->value, "spec", "type"), "ExternalName")) {
		subsets = subsets_of(controller_store(c), service);
		plan_endpoints(plan, service, was, subsets);
		value_unref(subsets);
	}
	object_unref(service);
	object_unref(was);
	return 0;
}

const struct controller_class endpoints_controller = {
	.name = "endpoint-controller",
	.observe = observe,
	.sync = sync,
};
