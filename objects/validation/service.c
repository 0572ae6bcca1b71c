/* SPDX-License-Identifier: MIT */
/*
 * Services and Endpoints: ports, addresses, and which fields go with which type.
 * Source: Kubernetes pkg/apis/core/validation/validation.go.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>

#include "objects/schema/text.h"
#include "objects/validation/checks.h"
#include "objects/validation/say.h"
#include "util/strmap.h"

#define SEEN        ((void *)1)
#define TIMEOUT_MAX 86400
#define BLANKS      " \t\r\n\v\f"

static int is_external(const char *type)
{
	return str_eq(type, "NodePort") || str_eq(type, "LoadBalancer");
}

static void check_target(const struct value *target, const struct path *at, struct faults *faults)
{
	if (value_is(target, VALUE_STRING))
		say_text(faults, at, value_str(target, ""), text_port_name(value_str(target, "")));
	else if (target && (value_int(target, 0) < 1 || value_int(target, 0) > 65535))
		say_invalid(faults, at, target, "must be between 1 and 65535, inclusive");
}

static void check_app_protocol(const struct value *port, const struct path *at,
			       struct faults *faults)
{
	const char *app = text_of(port, "appProtocol");

	say_text(faults, PATH_FIELD(at, "appProtocol"), app, text_label_key(app));
}

static void check_service_port(const struct value *p, const char *type, int alone,
			       struct strmap *names, const struct path *at, struct faults *faults)
{
	const char *name = text_of(p, "name");
	const struct value *node = value_get(p, "nodePort");

	if (!*name && !alone)
		say_required(faults, PATH_FIELD(at, "name"), "");
	else if (*name) {
		say_text(faults, PATH_FIELD(at, "name"), name, text_dns_label(name));
		if (strmap_set(names, name, SEEN))
			say_duplicate(faults, PATH_FIELD(at, "name"), name);
	}
	check_target(value_get(p, "targetPort"), PATH_FIELD(at, "targetPort"), faults);
	if (value_get(p, "appProtocol"))
		check_app_protocol(p, at, faults);
	if (node && str_eq(type, "ClusterIP"))
		say_forbidden(faults, PATH_FIELD(at, "nodePort"),
			      "may not be used when `type` is 'ClusterIP'");
	else if (node && (value_int(node, 0) < 1 || value_int(node, 0) > 65535))
		say_invalid(faults, PATH_FIELD(at, "nodePort"), node,
			    "must be between 1 and 65535, inclusive");
}

static void check_ports(const struct value *spec, const char *type, const struct path *at,
			struct faults *faults)
{
	const struct value *ports = value_get(spec, "ports");
	struct strmap names = STRMAP_INIT, seen = STRMAP_INIT, nodes = STRMAP_INIT;
	int headless = str_eq(text_of(spec, "clusterIP"), "None");

	at = PATH_FIELD(at, "ports");
	if (!value_count(ports) && !headless && !str_eq(type, "ExternalName"))
		say_required(faults, at, "");
	for (size_t i = 0; i < value_count(ports); i++) {
		const struct value *p = value_at(ports, i);
		const struct path *here = PATH_INDEX(at, i);
		int64_t node = value_int(value_get(p, "nodePort"), 0);
		CLEANUP_FREE char *key = xasprintf("%s/%" PRId64, text_of(p, "protocol"),
						   value_int(value_get(p, "port"), 0));
		CLEANUP_FREE char *node_key =
			xasprintf("%s/%" PRId64, text_of(p, "protocol"), node);

		check_service_port(p, type, value_count(ports) == 1, &names, here, faults);
		if (strmap_set(&seen, key, SEEN))
			say_duplicate(faults, here, key);
		if (node && strmap_set(&nodes, node_key, SEEN))
			say_duplicate(faults, PATH_FIELD(here, "nodePort"), node_key);
	}
	strmap_fini(&names);
	strmap_fini(&seen);
	strmap_fini(&nodes);
}

static void check_affinity(const struct value *spec, const struct path *at, struct faults *faults)
{
	const struct value *config = value_get(spec, "sessionAffinityConfig");
	const struct value *seconds = value_dig(config, "clientIP", "timeoutSeconds", NULL);
	int client = str_eq(text_of(spec, "sessionAffinity"), "ClientIP");

	at = PATH_FIELD(at, "sessionAffinityConfig");
	if (!client && config)
		say_forbidden(faults, at, "must not be set when session affinity is None");
	if (client && seconds &&
	    (value_int(seconds, 0) <= 0 || value_int(seconds, 0) > TIMEOUT_MAX))
		fault_add(faults, PATH_FIELD(PATH_FIELD(at, "clientIP"), "timeoutSeconds"),
			  FAULT_INVALID, seconds, "must be greater than 0 and less than %d",
			  TIMEOUT_MAX);
}

/* An address of a node or outside: not one that means this host or no host. */
static const char *outside_fault(const char *ip)
{
	unsigned char a[16];
	static const unsigned char none[16] = {0};

	if (inet_pton(AF_INET, ip, a) == 1) {
		if (memcmp(a, none, 4) == 0)
			return "may not be unspecified (0.0.0.0)";
		if (a[0] == 127)
			return "may not be in the loopback range (127.0.0.0/8, ::1/128)";
		if (a[0] == 169 && a[1] == 254)
			return "may not be in the link-local range (169.254.0.0/16, fe80::/10)";
		if (a[0] == 224 && a[1] == 0 && a[2] == 0)
			return "may not be in the link-local multicast range (224.0.0.0/24, "
			       "ff02::/10)";
		return NULL;
	}
	if (inet_pton(AF_INET6, ip, a) != 1)
		return "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
	if (memcmp(a, none, 16) == 0)
		return "may not be unspecified (::)";
	if (memcmp(a, none, 15) == 0 && a[15] == 1)
		return "may not be in the loopback range (127.0.0.0/8, ::1/128)";
	if (a[0] == 0xfe && (a[1] & 0xc0) == 0x80)
		return "may not be in the link-local range (169.254.0.0/16, fe80::/10)";
	if (a[0] == 0xff && (a[1] & 0x0f) == 2)
		return "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)";
	return NULL;
}

static void check_cluster_ips(const struct value *spec, const char *type, const struct path *at,
			      struct faults *faults)
{
	const struct value *ips = value_get(spec, "clusterIPs");
	const char *first = text_of(spec, "clusterIP");
	const struct path *here = PATH_FIELD(at, "clusterIPs");

	if (str_eq(type, "ExternalName")) {
		if (value_count(ips))
			say_forbidden(faults, here, "may not be set for ExternalName services");
		else if (*first)
			say_forbidden(faults, PATH_FIELD(at, "clusterIP"),
				      "may not be set for ExternalName services");
		return;
	}
	if (*first && value_count(ips) && !str_eq(first, value_str(value_at(ips, 0), "")))
		say_invalid(faults, here, ips, "first value must match `clusterIP`");
	if (str_eq(first, "None") && is_external(type))
		fault_add(faults, PATH_INDEX(here, 0), FAULT_INVALID, value_get(spec, "clusterIP"),
			  "may not be set to 'None' for %s services", type);
	if (value_count(ips) > 2)
		say_invalid(faults, here, ips, "may only hold up to 2 values");
	for (size_t i = 0; i < value_count(ips); i++) {
		const char *ip = value_str(value_at(ips, i), "");

		if (str_eq(ip, "None") && value_count(ips) == 1)
			continue;
		say_text(faults, PATH_INDEX(here, i), ip,
			 str_eq(ip, "None") ? "'None' must be the first and only value"
					    : text_ip(ip));
	}
}

static void check_external_name(const struct value *spec, const char *type, const struct path *at,
				struct faults *faults)
{
	const char *name = text_of(spec, "externalName");
	CLEANUP_FREE char *text = xstrdup(name);
	size_t n = strlen(text);

	if (!str_eq(type, "ExternalName"))
		return;
	at = PATH_FIELD(at, "externalName");
	if (!n)
		return say_required(faults, at, "");
	if (text[n - 1] == '.')
		text[n - 1] = '\0';
	say_text(faults, at, name, text_dns_subdomain(text));
}

static void check_policies(const struct value *spec, const char *type, const struct path *at,
			   struct faults *faults)
{
	static const char *const policies[] = {"Cluster", "Local", NULL};
	static const char *const families[] = {"IPv4", "IPv6", NULL};
	const struct value *external = value_get(spec, "externalTrafficPolicy");
	const struct value *internal = value_get(spec, "internalTrafficPolicy");
	const struct value *list = value_get(spec, "ipFamilies");
	int facing = is_external(type) ||
		     (str_eq(type, "ClusterIP") && value_count(value_get(spec, "externalIPs")));

	if (value_strlen(external) && !facing)
		say_invalid(faults, PATH_FIELD(at, "externalTrafficPolicy"), external,
			    "may only be set for externally-accessible services");
	else if (value_strlen(external))
		check_enum(policies, external, PATH_FIELD(at, "externalTrafficPolicy"), faults);
	if (value_strlen(internal))
		check_enum(policies, internal, PATH_FIELD(at, "internalTrafficPolicy"), faults);
	for (size_t i = 0; i < value_count(list); i++) {
		const struct path *here = PATH_INDEX(PATH_FIELD(at, "ipFamilies"), i);

		check_enum(families, value_at(list, i), here, faults);
		if (i && value_equal(value_at(list, i), value_at(list, i - 1)))
			say_duplicate(faults, here, value_str(value_at(list, i), ""));
	}
	if (value_get(spec, "healthCheckNodePort") &&
	    !(str_eq(type, "LoadBalancer") && str_eq(value_str(external, ""), "Local")))
		say_invalid(faults, PATH_FIELD(at, "healthCheckNodePort"),
			    value_get(spec, "healthCheckNodePort"),
			    "may only be set when `type` is 'LoadBalancer' and "
			    "`externalTrafficPolicy` is 'Local'");
	if (value_get(spec, "allocateLoadBalancerNodePorts") && !str_eq(type, "LoadBalancer"))
		say_forbidden(faults, PATH_FIELD(at, "allocateLoadBalancerNodePorts"),
			      "may only be used when `type` is 'LoadBalancer'");
	if (value_get(spec, "loadBalancerClass") && !str_eq(type, "LoadBalancer"))
		say_forbidden(faults, PATH_FIELD(at, "loadBalancerClass"),
			      "may only be used when `type` is 'LoadBalancer'");
}

static void check_ranges(const struct value *spec, const char *type, const struct path *at,
			 struct faults *faults)
{
	const struct value *ips = value_get(spec, "externalIPs");
	const struct value *ranges = value_get(spec, "loadBalancerSourceRanges");

	for (size_t i = 0; i < value_count(ips); i++) {
		const char *ip = value_str(value_at(ips, i), "");

		say_text(faults, PATH_INDEX(PATH_FIELD(at, "externalIPs"), i), ip,
			 outside_fault(ip));
	}
	at = PATH_CALLED(at, "loadBalancerSourceRanges", "LoadBalancerSourceRanges");
	if (value_count(ranges) && !str_eq(type, "LoadBalancer"))
		say_forbidden(faults, at, "may only be used when `type` is 'LoadBalancer'");
	for (size_t i = 0; i < value_count(ranges); i++) {
		const char *range = value_str(value_at(ranges, i), "");
		const char *from = range + strspn(range, BLANKS);
		CLEANUP_FREE char *bare = xstrdup(from); /* blanks around were always allowed */

		for (size_t n = strlen(bare); n && strchr(BLANKS, bare[n - 1]); n--)
			bare[n - 1] = '\0';
		say_text(faults, PATH_INDEX(at, i), range, text_cidr(bare));
	}
}

/* The first address stays as long as the type has one. */
static void check_service_update(const struct value *now, const struct value *old,
				 const struct path *at, struct faults *faults)
{
	const struct value *ip = value_get(now, "clusterIP"), *was = value_get(old, "clusterIP");

	if (str_eq(text_of(now, "type"), "ExternalName") ||
	    str_eq(text_of(old, "type"), "ExternalName") || !value_strlen(was) ||
	    value_equal(ip, was))
		return;
	say_immutable(faults, PATH_INDEX(PATH_FIELD(at, "clusterIPs"), 0),
		      ip ? ip : value_get(now, "clusterIPs"), "may not change once set");
}

void check_service(const struct value *now, const struct value *old, const struct value *root,
		   const struct path *at, struct faults *faults)
{
	const struct value *spec = value_get(now, "spec");
	const char *type = text_of(spec, "type");

	at = PATH_FIELD(at, "spec");
	check_ports(spec, type, at, faults);
	check_labels(value_get(spec, "selector"), PATH_FIELD(at, "selector"), faults);
	check_affinity(spec, at, faults);
	check_cluster_ips(spec, type, at, faults);
	check_external_name(spec, type, at, faults);
	check_policies(spec, type, at, faults);
	check_ranges(spec, type, at, faults);
	if (old)
		check_service_update(spec, value_get(old, "spec"), at, faults);
}

static void check_addresses(const struct value *list, const struct path *at, struct faults *faults)
{
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *a = value_at(list, i);
		const char *ip = text_of(a, "ip"), *host = text_of(a, "hostname");
		const char *node = text_of(a, "nodeName");

		say_text(faults, PATH_FIELD(PATH_INDEX(at, i), "ip"), ip, outside_fault(ip));
		if (*host)
			say_text(faults, PATH_FIELD(PATH_INDEX(at, i), "hostname"), host,
				 text_dns_label(host));
		if (*node)
			say_text(faults, PATH_FIELD(PATH_INDEX(at, i), "nodeName"), node,
				 text_dns_subdomain(node));
	}
}

void check_endpoints(const struct value *now, const struct value *old, const struct value *root,
		     const struct path *at, struct faults *faults)
{
	const struct value *subsets = value_get(now, "subsets");

	for (size_t i = 0; i < value_count(subsets); i++) {
		const struct value *s = value_at(subsets, i), *ports = value_get(s, "ports");
		const struct path *here = PATH_INDEX(PATH_FIELD(at, "subsets"), i);

		if (!value_count(value_get(s, "addresses")) &&
		    !value_count(value_get(s, "notReadyAddresses")))
			say_required(faults, here,
				     "must specify `addresses` or `notReadyAddresses`");
		check_addresses(value_get(s, "addresses"), PATH_FIELD(here, "addresses"), faults);
		check_addresses(value_get(s, "notReadyAddresses"),
				PATH_FIELD(here, "notReadyAddresses"), faults);
		for (size_t j = 0; j < value_count(ports); j++) {
			const char *name = text_of(value_at(ports, j), "name");
			const struct path *p = PATH_INDEX(PATH_FIELD(here, "ports"), j);

			if (!*name && value_count(ports) > 1)
				say_required(faults, PATH_FIELD(p, "name"), "");
			else if (*name)
				say_text(faults, PATH_FIELD(p, "name"), name, text_dns_label(name));
			if (value_get(value_at(ports, j), "appProtocol"))
				check_app_protocol(value_at(ports, j), p, faults);
		}
	}
}
