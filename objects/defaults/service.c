/* SPDX-License-Identifier: MIT */
/*
 * Defaults of Services that depend on the type. Addresses and node ports are
 * allocated by admission, not here; the lists beside the old single fields
 * (clusterIPs, ipFamilies) are.
 */
#include "objects/defaults/fills.h"

static int needs_nodes(const char *type)
{
	return str_eq(type, "NodePort") || str_eq(type, "LoadBalancer");
}

/* The cluster has IPv4 alone. */
static struct value *fill_families(struct value *taken)
{
	const struct value *ip = value_get(taken, "clusterIP");
	int headless = str_eq(value_str(ip, ""), "None");

	if (ip && !value_count(value_get(taken, "clusterIPs")))
		taken = value_set(taken, "clusterIPs",
				  value_append(value_new_list(), value_ref(ip)));
	if (!ip && value_count(value_get(taken, "clusterIPs")))
		taken = value_set(taken, "clusterIP",
				  value_ref(value_at(value_get(taken, "clusterIPs"), 0)));
	if (headless && !value_count(value_get(taken, "selector"))) {
		taken = fill_absent_field(taken, "ipFamilyPolicy",
					  value_new_string("RequireDualStack"));
		return fill_absent_field(
			taken, "ipFamilies",
			value_append(value_append(value_new_list(), value_new_string("IPv4")),
				     value_new_string("IPv6")));
	}
	taken = fill_absent_field(taken, "ipFamilyPolicy", value_new_string("SingleStack"));
	return fill_absent_field(taken, "ipFamilies",
				 value_append(value_new_list(), value_new_string("IPv4")));
}

struct value *fill_service_spec(struct value *taken, const struct value *root)
{
	CLEANUP_FREE char *type = xstrdup(value_str(value_get(taken, "type"), "ClusterIP"));
	CLEANUP_FREE char *affinity = xstrdup(value_str(value_get(taken, "sessionAffinity"), ""));

	if (!*affinity || str_eq(affinity, "None"))
		taken = value_del(taken, "sessionAffinityConfig");
	if (str_eq(affinity, "ClientIP") &&
	    !value_dig(taken, "sessionAffinityConfig", "clientIP", "timeoutSeconds", NULL))
		taken = value_bury(taken, value_new_int(10800), "sessionAffinityConfig", "clientIP",
				   "timeoutSeconds", NULL);
	if (needs_nodes(type) ||
	    (str_eq(type, "ClusterIP") && value_count(value_get(taken, "externalIPs"))))
		taken = fill_absent_field(taken, "externalTrafficPolicy",
					  value_new_string("Cluster"));
	if (str_eq(type, "LoadBalancer"))
		taken = fill_absent_field(taken, "allocateLoadBalancerNodePorts",
					  value_new_bool(1));
	if (!needs_nodes(type) && !str_eq(type, "ClusterIP"))
		return taken;
	taken = fill_absent_field(taken, "internalTrafficPolicy", value_new_string("Cluster"));
	return fill_families(taken);
}

struct value *fill_service_port(struct value *taken, const struct value *root)
{
	const struct value *target = value_get(taken, "targetPort"),
			   *port = value_get(taken, "port");

	/* 0 and "" say nothing, as in Go */
	if (value_is(target, VALUE_STRING) ? value_strlen(target) > 0 : value_int(target, 0) != 0)
		return taken;
	if (target && value_equal(target, port))
		return taken;
	return value_set(taken, "targetPort", port ? value_ref(port) : value_new_int(0));
}

static const struct value *same_port(const struct value *ports, const struct value *like)
{
	for (size_t i = 0; i < value_count(ports); i++) {
		const struct value *p = value_at(ports, i);

		if (value_equal(value_get(p, "port"), value_get(like, "port")) &&
		    value_equal(value_get(p, "protocol"), value_get(like, "protocol")))
			return p;
	}
	return NULL;
}

static struct value *keep_node_ports(struct value *spec, const struct value *old_ports)
{
	const struct value *ports = value_get(spec, "ports");
	struct value *fresh = NULL;

	for (size_t i = 0; i < value_count(ports); i++) {
		const struct value *p = value_at(ports, i);
		const struct value *was = value_get(same_port(old_ports, p), "nodePort");

		if (value_is(p, VALUE_MAP) && was && !value_get(p, "nodePort"))
			fresh = value_set_at(fresh ? fresh : value_ref(ports), i,
					     value_set(value_ref(p), "nodePort", value_ref(was)));
	}
	return fresh ? value_set(spec, "ports", fresh) : spec;
}

/* spec without a field that says the same as the old one. */
static struct value *drop_same(struct value *spec, const struct value *old, const char *name)
{
	return value_get(spec, name) && value_equal(value_get(spec, name), value_get(old, name))
		       ? value_del(spec, name)
		       : spec;
}

static struct value *drop_node_ports(struct value *spec, const struct value *old_ports)
{
	const struct value *ports = value_get(spec, "ports");
	struct value *fresh = NULL;

	for (size_t i = 0; i < value_count(ports); i++) {
		const struct value *p = value_at(ports, i), *node = value_get(p, "nodePort");

		if (node && value_equal(node, value_get(same_port(old_ports, p), "nodePort")))
			fresh = value_set_at(fresh ? fresh : value_ref(ports), i,
					     value_del(value_ref(p), "nodePort"));
	}
	return fresh ? value_set(spec, "ports", fresh) : spec;
}

/*
 * A new type has no use for what the old one was given; whoever changes the type alone does not
 * mean to keep it.
 */
static struct value *drop_unused(struct value *spec, const struct value *was, const char *type,
				 const char *old_type)
{
	static const char *const addresses[] = {"clusterIP", "clusterIPs", "ipFamilies",
						"ipFamilyPolicy", "internalTrafficPolicy"};
	static const char *const balancer[] = {"allocateLoadBalancerNodePorts",
					       "loadBalancerClass"};

	if (str_eq(type, old_type))
		return spec;
	for (size_t i = 0; str_eq(type, "ExternalName") && i < ARRAY_LEN(addresses); i++)
		spec = drop_same(spec, was, addresses[i]);
	for (size_t i = 0; str_eq(old_type, "LoadBalancer") && i < ARRAY_LEN(balancer); i++)
		spec = drop_same(spec, was, balancer[i]);
	if (needs_nodes(old_type) && !needs_nodes(type)) {
		spec = drop_node_ports(spec, value_get(was, "ports"));
		spec = drop_same(spec, was, "externalTrafficPolicy");
	}
	if (!str_eq(type, "LoadBalancer"))
		spec = drop_same(spec, was, "healthCheckNodePort");
	return spec;
}

struct value *service_keep_allocated(struct value *taken, const struct value *old)
{
	const struct value *was = value_get(old, "spec");
	CLEANUP_FREE char *type =
		xstrdup(value_str(value_dig(taken, "spec", "type", NULL), "ClusterIP"));
	const char *old_type = value_str(value_get(was, "type"), "ClusterIP");
	struct value *spec;

	if (!value_is(value_get(taken, "spec"), VALUE_MAP))
		return taken;
	spec = drop_unused(value_ref(value_get(taken, "spec")), was, type, old_type);
	if (str_eq(type, "ExternalName") || str_eq(old_type, "ExternalName"))
		return value_set(taken, "spec", spec);
	if (!value_get(spec, "clusterIP") && value_get(was, "clusterIP")) {
		spec = value_set(spec, "clusterIP", value_ref(value_get(was, "clusterIP")));
		spec = fill_absent_field(spec, "clusterIPs",
					 value_ref(value_get(was, "clusterIPs")));
	}
	if (needs_nodes(type) && needs_nodes(old_type))
		spec = keep_node_ports(spec, value_get(was, "ports"));
	if (str_eq(type, "LoadBalancer") && value_get(was, "healthCheckNodePort"))
		spec = fill_absent_field(spec, "healthCheckNodePort",
					 value_ref(value_get(was, "healthCheckNodePort")));
	return value_set(taken, "spec", spec);
}
