/* SPDX-License-Identifier: MIT */
/*
 * Ingresses and NetworkPolicies.
 * Source: Kubernetes pkg/apis/networking/validation/validation.go.
 */
#include <errno.h>

#include "objects/schema/text.h"
#include "objects/validation/checks.h"
#include "objects/validation/say.h"

static void check_backend(const struct value *b, const struct path *at, struct faults *faults)
{
	const struct value *service = value_get(b, "service"), *resource = value_get(b, "resource");
	const struct value *port = value_get(service, "port");
	const char *name = text_of(service, "name"), *port_name = text_of(port, "name");
	int64_t number = value_int(value_get(port, "number"), 0);
	const struct path *here = PATH_FIELD(at, "service");

	if (service && resource)
		say_invalid(faults, at, b, "cannot set both resource and service backends");
	else if (!service && !resource)
		say_invalid(faults, at, b, "must specify one of: `service` or `resource`");
	if (!service)
		return;
	if (*name)
		say_text(faults, PATH_FIELD(here, "name"), name, text_dns_1035_label(name));
	here = PATH_FIELD(here, "port");
	if (*port_name && number)
		say_invalid(faults, here, port, "cannot set both port name & port number");
	else if (*port_name)
		say_text(faults, PATH_FIELD(here, "name"), port_name, text_port_name(port_name));
	else if (number < 1 || number > 65535)
		say_invalid(faults, number ? PATH_FIELD(here, "number") : here,
			    value_get(port, "number"), "must be between 1 and 65535, inclusive");
}

static void check_host(const char *host, const struct path *at, struct faults *faults)
{
	if (*host)
		say_text(faults, PATH_FIELD(at, "host"), host,
			 text_dns_subdomain(str_starts(host, "*.") ? host + 2 : host));
}

static void check_rule(const struct value *rule, const struct path *at, struct faults *faults)
{
	const struct value *paths = value_dig(rule, "http", "paths", NULL);
	const struct path *here = PATH_FIELD(PATH_FIELD(at, "http"), "paths");

	check_host(text_of(rule, "host"), at, faults);
	for (size_t i = 0; i < value_count(paths); i++) {
		const struct value *p = value_at(paths, i);
		const char *path = text_of(p, "path"), *type = text_of(p, "pathType");
		int free_form = str_eq(type, "ImplementationSpecific");

		if (*type && !free_form && *path != '/')
			say_text(faults, PATH_FIELD(PATH_INDEX(here, i), "path"), path,
				 "must be an absolute path");
		check_backend(value_get(p, "backend"), PATH_FIELD(PATH_INDEX(here, i), "backend"),
			      faults);
	}
}

void check_ingress_spec(const struct value *now, const struct value *old, const struct value *root,
			const struct path *at, struct faults *faults)
{
	const struct value *rules = value_get(now, "rules"),
			   *backend = value_get(now, "defaultBackend");

	if (!value_count(rules) && !backend)
		say_invalid(faults, at, now,
			    "either `defaultBackend` or `rules` must be specified");
	if (backend)
		check_backend(backend, PATH_FIELD(at, "defaultBackend"), faults);
	for (size_t i = 0; i < value_count(rules); i++)
		check_rule(value_at(rules, i), PATH_INDEX(PATH_FIELD(at, "rules"), i), faults);
}

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

		say_text(faults, PATH_INDEX(PATH_FIELD(here, "except"), i), one, text_cidr(one));
	}
}
