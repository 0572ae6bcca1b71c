/* SPDX-License-Identifier: MIT */
/*
 * From a Service's port to an endpoint that is ready.
 * Source: apiserver pkg/util/proxy (ResolveEndpoint).
 */
#include <errno.h>

#include "objects/webhook/webhook_i.h"

struct endpoints {
	const char *port_name; /* of the service's port, "" when it has none */
	char **list;           /* owned */
	size_t n;
};

static void endpoints_fini(struct endpoints *e)
{
	for (size_t i = 0; i < e->n; i++)
		free(e->list[i]);
	free(e->list);
}

static void add(struct endpoints *e, const char *address, int64_t port)
{
	if (!address || port < 1 || port > 65535)
		return;
	e->list = xreallocarray(e->list, e->n + 1, sizeof(*e->list));
	e->list[e->n++] = strchr(address, ':') ? xasprintf("[%s]:%lld", address, (long long)port)
					       : xasprintf("%s:%lld", address, (long long)port);
}

/* The number of the port of this name in a list of ports; 0: there is none. */
static int64_t port_called(const struct value *ports, const char *name)
{
	for (size_t i = 0; i < value_count(ports); i++) {
		const struct value *p = value_at(ports, i);

		if (str_eq(value_str(value_get(p, "name"), ""), name))
			return value_int(value_get(p, "port"), 0);
	}
	return 0;
}

/* -- EndpointSlices -- */

static void add_slice(struct endpoints *e, const struct value *slice)
{
	const struct value *list = value_get(slice, "endpoints");
	int64_t port = port_called(value_get(slice, "ports"), e->port_name);

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *one = value_at(list, i);

		/* not said is ready */
		if (value_bool(value_dig(one, "conditions", "ready", NULL), 1))
			add(e, value_str(value_at(value_get(one, "addresses"), 0), NULL), port);
	}
}

/* Return: whether the service has any slice. */
static int look_at_slices(struct store *store, const char *ns, const char *name,
			  struct endpoints *e)
{
	const struct kind *k = kind_find("discovery.k8s.io", "v1", "endpointslices");
	struct object_list all = {0};
	int any = 0;

	if (k)
		store_list(store, k, ns, &all);
	for (size_t i = 0; i < all.n; i++) {
		if (!str_eq(object_label(all.list[i]->value, "kubernetes.io/service-name"), name))
			continue;
		any = 1;
		add_slice(e, all.list[i]->value);
	}
	object_list_fini(&all);
	return any;
}

/* -- Endpoints -- */

static void look_at_endpoints(struct store *store, const char *ns, const char *name,
			      struct endpoints *e)
{
	CLEANUP_OBJECT struct object *o =
		store_get(store, (struct objkey){kind_find("", "v1", "endpoints"), ns, name});
	const struct value *subsets = o ? value_get(o->value, "subsets") : NULL;

	for (size_t i = 0; i < value_count(subsets); i++) {
		const struct value *s = value_at(subsets, i);
		const struct value *list = value_get(s, "addresses");
		int64_t port = port_called(value_get(s, "ports"), e->port_name);

		for (size_t j = 0; j < value_count(list); j++)
			add(e, value_dig_str(value_at(list, j), "ip", NULL), port);
	}
}

/* -- the service -- */

static const struct value *service_port(const struct value *service, int64_t port)
{
	const struct value *ports = value_dig(service, "spec", "ports", NULL);

	for (size_t i = 0; i < value_count(ports); i++)
		if (value_int(value_get(value_at(ports, i), "port"), 0) == port)
			return value_at(ports, i);
	return NULL;
}

char *endpoint_of(struct store *store, const char *ns, const char *name, int64_t port,
		  struct err *err)
{
	CLEANUP_OBJECT struct object *o =
		store_get(store, (struct objkey){kind_find("", "v1", "services"), ns, name});
	CLEANUP(endpoints_fini) struct endpoints e = {0};
	const struct value *p;

	if (!o) {
		err_set(err, EHOSTUNREACH, "service \"%s\" not found", name);
		return NULL;
	}
	p = service_port(o->value, port);
	if (!p) {
		err_set(err, EHOSTUNREACH, "no service port %lld found for service \"%s\"",
			(long long)port, name);
		return NULL;
	}
	if (str_eq(value_dig_str(o->value, "spec", "type", NULL), "ExternalName"))
		return xasprintf("%s:%lld",
				 value_str(value_dig(o->value, "spec", "externalName", NULL), ""),
				 (long long)port);
	e.port_name = value_str(value_get(p, "name"), "");
	if (!look_at_slices(store, ns, name, &e))
		look_at_endpoints(store, ns, name, &e);
	if (!e.n) {
		err_set(err, EHOSTUNREACH, "no endpoints available for service \"%s\"", name);
		return NULL;
	}
	return STEAL(e.list[(size_t)random() % e.n]);
}
