/* SPDX-License-Identifier: MIT */
/*
 * Ingresses, IngressClasses and NetworkPolicies.
 * Source: Kubernetes pkg/apis/networking/validation/validation.go.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "objects/schema/text.h"
#include "objects/validation/checks.h"
#include "objects/validation/say.h"

/* -- Ingresses -- */

/* apiGroup, kind and name of an object of some other kind. */
static void check_reference(const struct value *r, const struct path *at, struct faults *faults)
{
	const char *group = text_of(r, "apiGroup"), *kind = text_of(r, "kind"),
		   *name = text_of(r, "name");

	if (value_get(r, "apiGroup"))
		say_text(faults, PATH_FIELD(at, "apiGroup"), group, text_dns_subdomain(group));
	if (*kind)
		say_text(faults, PATH_FIELD(at, "kind"), kind, text_path_segment(kind));
	if (*name)
		say_text(faults, PATH_FIELD(at, "name"), name, text_path_segment(name));
}

static void check_service_backend(const struct value *service, const struct path *backend,
				  struct faults *faults)
{
	const struct value *port = value_get(service, "port");
	const char *name = text_of(service, "name"), *port_name = text_of(port, "name");
	int64_t number = value_int(value_get(port, "number"), 0);
	const struct path *here = PATH_FIELD(backend, "service");
	const struct path *there = PATH_FIELD(here, "port");

	if (*name)
		say_text(faults, PATH_FIELD(here, "name"), name, text_dns_1035_label(name));
	if (*port_name && number)
		say_text(faults, backend, "", "cannot set both port name & port number");
	else if (*port_name)
		say_text(faults, PATH_FIELD(there, "name"), port_name, text_port_name(port_name));
	else if (!number)
		say_required(faults, backend, "port name or number is required");
	else if (number < 1 || number > 65535)
		say_invalid(faults, PATH_FIELD(there, "number"), value_get(port, "number"),
			    "must be between 1 and 65535, inclusive");
}

static void check_backend(const struct value *b, const struct path *at, struct faults *faults)
{
	const struct value *service = value_get(b, "service"), *resource = value_get(b, "resource");

	if (service && resource)
		say_text(faults, at, "", "cannot set both resource and service backends");
	else if (resource)
		check_reference(resource, PATH_FIELD(at, "resource"), faults);
	else if (service)
		check_service_backend(service, at, faults);
	else
		say_text(faults, at, "", "resource or service backend is required");
}

static const char *wildcard_host(const char *host)
{
	return str_starts(host, "*.") && !text_dns_subdomain(host + 2)
		       ? NULL
		       : "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid "
			 "DNS subdomain, which must consist of lower case alphanumeric characters, "
			 "'-' or '.' and end with an alphanumeric character (e.g. "
			 "'*.example.com', regex used for validation is "
			 "'\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*'"
			 ")";
}

static const char *host_is_wrong(const char *host)
{
	return strchr(host, '*') ? wildcard_host(host) : text_dns_subdomain(host);
}

/* What a prefix or exact path may not hold: it would mean another path to some servers. */
static void check_path_text(const char *path, const struct path *at, struct faults *faults)
{
	static const char *const inside[] = {"//", "/./", "/../", "%2f", "%2F"};
	static const char *const ends[] = {"/..", "/."};
	CLEANUP_VALUE struct value *bad = value_new_string(path);

	if (*path != '/')
		fault_add(faults, at, FAULT_INVALID, bad, "must be an absolute path");
	for (size_t i = 0; i < ARRAY_LEN(inside); i++)
		if (strstr(path, inside[i]))
			fault_add(faults, at, FAULT_INVALID, bad, "must not contain '%s'",
				  inside[i]);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (str_ends(path, ends[i]))
			fault_add(faults, at, FAULT_INVALID, bad, "cannot end with '%s'", ends[i]);
}

static void check_ingress_path(const struct value *p, const struct path *at, struct faults *faults)
{
	const char *path = text_of(p, "path"), *type = text_of(p, "pathType");
	const struct path *here = PATH_FIELD(at, "path");

	if (!*type)
		return; /* required, says the table; what the path means depends on it */
	if (str_eq(type, "Exact") || str_eq(type, "Prefix"))
		check_path_text(path, here, faults);
	else if (str_eq(type, "ImplementationSpecific") && *path && *path != '/')
		say_text(faults, here, path, "must be an absolute path");
	check_backend(value_get(p, "backend"), PATH_FIELD(at, "backend"), faults);
}

static void check_ingress_rule(const struct value *rule, const struct path *at,
			       struct faults *faults)
{
	const struct value *paths = value_dig(rule, "http", "paths", NULL);
	const struct path *here = PATH_FIELD(PATH_FIELD(at, "http"), "paths");
	const char *host = text_of(rule, "host");

	if (*host && !text_ip(host))
		say_text(faults, PATH_FIELD(at, "host"), host,
			 "must be a DNS name, not an IP address");
	else if (*host)
		say_text(faults, PATH_FIELD(at, "host"), host, host_is_wrong(host));
	for (size_t i = 0; i < value_count(paths); i++)
		check_ingress_path(value_at(paths, i), PATH_INDEX(here, i), faults);
}

/* secret_names: they were free text once, so what an object has may stay. */
static void check_ingress_tls(const struct value *tls, const struct path *at, int secret_names,
			      struct faults *faults)
{
	const struct value *hosts = value_get(tls, "hosts");
	const char *secret = text_of(tls, "secretName");

	for (size_t i = 0; i < value_count(hosts); i++) {
		const char *host = value_str(value_at(hosts, i), "");

		say_text(faults, PATH_INDEX(PATH_FIELD(at, "hosts"), i), host, host_is_wrong(host));
	}
	if (secret_names && *secret)
		say_text(faults, PATH_FIELD(at, "secretName"), secret, text_dns_subdomain(secret));
}

static int same_tls(const struct value *now, const struct value *old)
{
	return old && value_equal(value_get(now, "tls"), value_get(old, "tls"));
}

static void check_ingress_class(const struct value *now, const struct value *old,
				const struct value *root, const struct path *at,
				struct faults *faults)
{
	const char *class = text_of(now, "ingressClassName");
	const char *noted =
		value_dig_str(root, "metadata", "annotations", "kubernetes.io/ingress.class", NULL);

	if (value_get(now, "ingressClassName"))
		say_text(faults, PATH_FIELD(at, "ingressClassName"), class,
			 text_dns_subdomain(class));
	/* an update may pass through both while it moves from one to the other */
	if (!old && noted && value_get(now, "ingressClassName") && !str_eq(noted, class))
		say_text(faults,
			 PATH_FIELD(PATH_FIELD(PATH_CALLED(NULL, "metadata", ""), "annotations"),
				    "kubernetes.io/ingress.class"),
			 noted, "must match `ingressClassName` when both are specified");
}

void check_ingress_spec(const struct value *now, const struct value *old, const struct value *root,
			const struct path *at, struct faults *faults)
{
	const struct value *rules = value_get(now, "rules"), *tls = value_get(now, "tls"),
			   *backend = value_get(now, "defaultBackend");

	if (!value_count(rules) && !backend)
		say_invalid(faults, at, now,
			    "either `defaultBackend` or `rules` must be specified");
	if (backend)
		check_backend(backend, PATH_FIELD(at, "defaultBackend"), faults);
	for (size_t i = 0; i < value_count(rules); i++)
		check_ingress_rule(value_at(rules, i), PATH_INDEX(PATH_FIELD(at, "rules"), i),
				   faults);
	for (size_t i = 0; i < value_count(tls); i++)
		check_ingress_tls(value_at(tls, i), PATH_INDEX(PATH_FIELD(at, "tls"), i),
				  !same_tls(now, old), faults);
	check_ingress_class(now, old, root, at, faults);
}

/* -- IngressClasses -- */

#define CONTROLLER_MAX 250

/* "acme.io/foo" */
static const char *controller_is_wrong(const char *name)
{
	const char *slash = strchr(name, '/');
	CLEANUP_FREE char *domain = slash ? xstrndup(name, (size_t)(slash - name)) : NULL;

	if (!slash || slash == name || !slash[1])
		return "must be a domain-prefixed path (such as \"acme.io/foo\")";
	if (text_dns_subdomain(domain))
		return text_dns_subdomain(domain);
	for (const char *p = slash + 1; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("/-._~%!$&'()*+,;=:", *p))
			return "Invalid path (e.g. 'a/b', regex used for validation is "
			       "'[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')";
	return NULL;
}

static void check_class_parameters(const struct value *p, const struct path *at,
				   struct faults *faults)
{
	const char *scope = text_of(p, "scope");
	const struct value *ns = value_get(p, "namespace");

	check_reference(p, at, faults);
	if (str_eq(scope, "Cluster") && ns)
		say_forbidden(faults, PATH_FIELD(at, "namespace"),
			      "`parameters.scope` is set to 'Cluster'");
	if (str_eq(scope, "Namespace") && !ns)
		say_required(faults, PATH_FIELD(at, "namespace"),
			     "`parameters.scope` is set to 'Namespace'");
	else if (str_eq(scope, "Namespace"))
		say_text(faults, PATH_FIELD(at, "namespace"), value_str(ns, ""),
			 text_dns_label(value_str(ns, "")));
}

void check_ingress_class_spec(const struct value *now, const struct value *old,
			      const struct value *root, const struct path *at,
			      struct faults *faults)
{
	const struct value *parameters = value_get(now, "parameters");
	const char *name = text_of(now, "controller");

	if (strlen(name) > CONTROLLER_MAX)
		fault_add(faults, PATH_FIELD(at, "controller"), FAULT_TOO_LONG, NULL,
			  "may not be more than %d bytes", CONTROLLER_MAX);
	if (*name)
		say_text(faults, PATH_FIELD(at, "controller"), name, controller_is_wrong(name));
	if (parameters)
		check_class_parameters(parameters, PATH_FIELD(at, "parameters"), faults);
}

/* -- NetworkPolicies -- */

void check_network_policy_port(const struct value *now, const struct value *old,
			       const struct value *root, const struct path *at,
			       struct faults *faults)
{
	const struct value *port = value_get(now, "port"), *end = value_get(now, "endPort");

	if (value_is(port, VALUE_STRING))
		say_text(faults, PATH_FIELD(at, "port"), value_str(port, ""),
			 text_port_name(value_str(port, "")));
	else if (port && (value_int(port, 0) < 1 || value_int(port, 0) > 65535))
		say_invalid(faults, PATH_FIELD(at, "port"), port,
			    "must be between 1 and 65535, inclusive");
	if (!end)
		return;
	if (!port)
		say_invalid(faults, PATH_FIELD(at, "endPort"), end,
			    "may not be specified when `port` is not specified");
	else if (value_is(port, VALUE_STRING))
		say_invalid(faults, PATH_FIELD(at, "endPort"), end,
			    "may not be specified when `port` is non-numeric");
	else if (value_int(end, 0) < value_int(port, 0))
		say_invalid(faults, PATH_FIELD(at, "endPort"), end,
			    "must be greater than or equal to `port`");
	else if (value_int(end, 0) > 65535)
		say_invalid(faults, PATH_FIELD(at, "endPort"), end,
			    "must be between 1 and 65535, inclusive");
}

/* The address of a CIDR and its length in bits. Return: 4 or 6, 0: it does not parse. */
static int parse_cidr(const char *text, unsigned char addr[16], int *bits)
{
	const char *slash = strchr(text, '/');
	char host[64];

	if (!slash || slash - text >= (long)sizeof(host) || text_cidr(text))
		return 0;
	snprintf(host, sizeof(host), "%.*s", (int)(slash - text), text);
	*bits = atoi(slash + 1);
	if (inet_pton(AF_INET, host, addr) == 1)
		return 4;
	return inet_pton(AF_INET6, host, addr) == 1 ? 6 : 0;
}

static int is_strict_subset(const char *inner, const char *outer)
{
	unsigned char a[16], b[16];
	int a_bits, b_bits, family = parse_cidr(inner, a, &a_bits);

	if (!family || parse_cidr(outer, b, &b_bits) != family || a_bits <= b_bits)
		return 0;
	for (int i = 0; i < b_bits; i++)
		if ((a[i / 8] ^ b[i / 8]) & (0x80 >> i % 8))
			return 0;
	return 1;
}

void check_network_policy_spec(const struct value *now, const struct value *old,
			       const struct value *root, const struct path *at,
			       struct faults *faults)
{
	static const char *const types[] = {"Egress", "Ingress", NULL};
	const struct value *list = value_get(now, "policyTypes");
	const struct path *here = PATH_FIELD(at, "policyTypes");

	if (value_count(list) > 2)
		return say_invalid(faults, here, list, "may not specify more than two policyTypes");
	for (size_t i = 0; i < value_count(list); i++)
		check_enum(types, value_at(list, i), PATH_INDEX(here, i), faults);
}

void check_network_policy_peer(const struct value *now, const struct value *old,
			       const struct value *root, const struct path *at,
			       struct faults *faults)
{
	const struct value *block = value_get(now, "ipBlock"), *except = value_get(block, "except");
	const char *cidr = text_of(block, "cidr");
	const struct path *here = PATH_FIELD(at, "ipBlock");

	if (!block && !value_get(now, "podSelector") && !value_get(now, "namespaceSelector"))
		say_required(faults, at, "must specify a peer");
	if (block && (value_get(now, "podSelector") || value_get(now, "namespaceSelector")))
		say_forbidden(faults, at, "may not specify both ipBlock and another peer");
	if (*cidr)
		say_text(faults, PATH_FIELD(here, "cidr"), cidr, text_cidr(cidr));
	for (size_t i = 0; i < value_count(except); i++) {
		const char *one = value_str(value_at(except, i), "");

		const char *why = text_cidr(one);

		if (!why && *cidr && !text_cidr(cidr) && !is_strict_subset(one, cidr))
			why = "must be a strict subset of `cidr`";
		say_text(faults, PATH_INDEX(PATH_FIELD(here, "except"), i), one, why);
	}
}
