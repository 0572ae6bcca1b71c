/* SPDX-License-Identifier: MIT */
/*
 * What a container's environment, probes and hooks say.
 * Source: Kubernetes pkg/apis/core/validation/validation.go.
 */
#include <errno.h>

#include "objects/quantity.h"
#include "objects/schema/text.h"
#include "objects/validation/checks.h"
#include "objects/validation/container.h"
#include "objects/validation/say.h"

static int one_of(const char *text, const char *const *list)
{
	for (; *list; list++)
		if (str_eq(*list, text))
			return 1;
	return 0;
}

/* metadata.labels['key'] and metadata.annotations['key'] name one entry. Return: the key, owned,
 * NULL if not so. */
static char *subscript(const char *path, size_t *before)
{
	const char *open = strstr(path, "['"), *end = path + strlen(path);

	if (!open || end - open < 4 || !str_eq(end - 2, "']"))
		return NULL;
	*before = (size_t)(open - path);
	return xstrndup(open + 2, (size_t)(end - 2 - (open + 2)));
}

void check_field_ref(const struct value *ref, const char *const *supported, const struct path *at,
		     struct faults *faults)
{
	const struct value *path = value_get(ref, "fieldPath");
	const char *text = value_str(path, ""), *version = text_of(ref, "apiVersion");
	const struct path *path_at = PATH_FIELD(at, "fieldPath");
	size_t before = 0;
	CLEANUP_FREE char *key = subscript(text, &before);

	if (!ref || !*text)
		return; /* required: the tables say so */
	if (!str_eq(version, "v1")) {
		fault_add(faults, path_at, FAULT_INVALID, path,
			  "error converting fieldPath: unsupported pod version: %s", version);
		return;
	}
	if (!key) {
		if (!one_of(text, supported))
			check_enum(supported, path, path_at, faults);
		return;
	}
	if (before == 15 && strncmp(text, "metadata.labels", 15) == 0)
		say_text(faults, at, key, text_label_key(key));
	else if (before == 20 && strncmp(text, "metadata.annotations", 20) == 0)
		say_text(faults, at, key, text_label_key(key));
	else
		say_invalid(faults, at, path, "does not support subscript");
}

/* The unit that a resource is told in. */
static void check_divisor(const struct value *ref, const char *resource, const struct path *at,
			  struct faults *faults)
{
	static const char *const cores[] = {"1m", "1", NULL};
	static const char *const bytes[] = {"1",   "1k",  "1M",  "1G",  "1T",  "1P",  "1E",
					    "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei", NULL};
	const struct value *divisor = value_get(ref, "divisor");
	int of_cores = str_ends(resource, ".cpu");
	struct quantity q;

	if (!divisor || quantity_from_value(divisor, &q, NULL) < 0 || !q.nano ||
	    one_of(value_str(divisor, ""), of_cores ? cores : bytes))
		return;
	say_text(faults, PATH_FIELD(at, "divisor"), resource,
		 of_cores ? "only divisor's values 1m and 1 are supported with the cpu resource"
			  : "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, "
			    "1Pi, 1Ei are supported with the memory resource");
}

void check_resource_field_ref(const struct value *ref, const struct path *at, struct faults *faults)
{
	static const char *const supported[] = {"limits.cpu",
						"limits.ephemeral-storage",
						"limits.memory",
						"requests.cpu",
						"requests.ephemeral-storage",
						"requests.memory",
						NULL};
	const struct value *resource = value_get(ref, "resource");
	const char *text = value_str(resource, "");

	if (!*text)
		return;
	if (!str_starts(text, "limits.hugepages-") && !str_starts(text, "requests.hugepages-"))
		check_enum(supported, resource, PATH_FIELD(at, "resource"), faults);
	check_divisor(ref, text, at, faults);
}

/* Names a ConfigMap or Secret. */
static void check_name_ref(const struct value *ref, const struct path *at, struct faults *faults)
{
	const char *name = text_of(ref, "name");

	if (ref && !*name)
		say_required(faults, PATH_FIELD(at, "name"), "");
	else if (ref)
		say_text(faults, PATH_FIELD(at, "name"), name, text_dns_subdomain(name));
}

void check_env_var(const struct value *now, const struct value *old, const struct value *root,
		   const struct path *at, struct faults *faults)
{
	static const char *const sources[] = {"fieldRef", "resourceFieldRef", "configMapKeyRef",
					      "secretKeyRef", "fileKeyRef"};
	static const char *const paths[] = {"metadata.name",
					    "metadata.namespace",
					    "metadata.uid",
					    "spec.nodeName",
					    "spec.serviceAccountName",
					    "status.hostIP",
					    "status.hostIPs",
					    "status.podIP",
					    "status.podIPs",
					    NULL};
	const struct value *from = value_get(now, "valueFrom");
	size_t n = 0;

	if (!from)
		return;
	at = PATH_FIELD(at, "valueFrom");
	for (size_t i = 0; i < ARRAY_LEN(sources); i++)
		n += value_get(from, sources[i]) != NULL;
	check_field_ref(value_get(from, "fieldRef"), paths, PATH_FIELD(at, "fieldRef"), faults);
	check_resource_field_ref(value_get(from, "resourceFieldRef"),
				 PATH_FIELD(at, "resourceFieldRef"), faults);
	check_name_ref(value_get(from, "configMapKeyRef"), PATH_FIELD(at, "configMapKeyRef"),
		       faults);
	check_name_ref(value_get(from, "secretKeyRef"), PATH_FIELD(at, "secretKeyRef"), faults);
	if (!n)
		fault_add(faults, at, FAULT_INVALID, NULL, "must specify one of: %s",
			  "`fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`");
	else if (*text_of(now, "value"))
		say_text(faults, at, "", "may not be specified when `value` is not empty");
	else if (n > 1)
		say_text(faults, at, "", "may not have more than one field specified at a time");
}

void check_env_from(const struct value *now, const struct value *old, const struct value *root,
		    const struct path *at, struct faults *faults)
{
	const struct value *map = value_get(now, "configMapRef"),
			   *secret = value_get(now, "secretRef");
	const char *prefix = text_of(now, "prefix");
	struct path list_at = *at; /* which of them, Kubernetes does not say */

	if (*prefix)
		say_text(faults, PATH_FIELD(at, "prefix"), prefix, text_env_name(prefix));
	list_at.said = "";
	check_name_ref(map, PATH_FIELD(at, "configMapRef"), faults);
	check_name_ref(secret, PATH_FIELD(at, "secretRef"), faults);
	if (!map && !secret)
		say_text(faults, &list_at, "",
			 "must specify one of: `configMapRef` or `secretRef`");
	else if (map && secret)
		say_text(faults, &list_at, "",
			 "may not have more than one field specified at a time");
}

static void check_port_ref(const struct value *port, const struct path *at, struct faults *faults)
{
	CLEANUP_VALUE struct value *none = value_new_int(0);

	if (value_is(port, VALUE_STRING))
		say_text(faults, at, value_str(port, ""), text_port_name(value_str(port, "")));
	else if (value_int(port, 0) < 1 || value_int(port, 0) > 65535)
		say_invalid(faults, at, port ? port : none,
			    "must be between 1 and 65535, inclusive");
}

static void check_http_headers(const struct value *headers, const struct path *at,
			       struct faults *faults)
{
	for (size_t i = 0; i < value_count(headers); i++) {
		const char *name = text_of(value_at(headers, i), "name");
		size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					"0123456789-");

		if (!n || name[n])
			say_text(faults, PATH_CALLED(PATH_UNSAID(at, i), "name", ""), name,
				 "a valid HTTP header must consist of alphanumeric characters or "
				 "'-' (e.g. 'X-Header-Name', regex used for validation is "
				 "'[-A-Za-z0-9]+')");
	}
}

/* Shared by probes and hooks. Return: how many ways the handler says. */
static size_t check_ways(const struct value *h, const char *const *ways, const struct path *at,
			 struct faults *faults)
{
	const struct value *http = value_get(h, "httpGet"), *tcp = value_get(h, "tcpSocket");
	size_t n = 0;

	for (; *ways; ways++) {
		if (!value_get(h, *ways))
			continue;
		if (n++)
			say_forbidden(faults, PATH_FIELD(at, *ways),
				      "may not specify more than 1 handler type");
	}
	if (http) {
		check_port_ref(value_get(http, "port"),
			       PATH_FIELD(PATH_FIELD(at, "httpGet"), "port"), faults);
		check_http_headers(value_get(http, "httpHeaders"),
				   PATH_FIELD(PATH_FIELD(at, "httpGet"), "httpHeaders"), faults);
	}
	if (tcp)
		check_port_ref(value_get(tcp, "port"),
			       PATH_FIELD(PATH_FIELD(at, "tcpSocket"), "port"), faults);
	return n;
}

void check_probe(const struct value *now, const struct value *old, const struct value *root,
		 const struct path *at, struct faults *faults)
{
	static const char *const ways[] = {"exec", "httpGet", "tcpSocket", "grpc", NULL};

	if (!check_ways(now, ways, at, faults))
		say_required(faults, at, "must specify a handler type");
}

void check_handler(const struct value *now, const struct value *old, const struct value *root,
		   const struct path *at, struct faults *faults)
{
	static const char *const ways[] = {"exec", "httpGet", "tcpSocket", "sleep", NULL};

	if (!check_ways(now, ways, at, faults))
		say_required(faults, at, "must specify a handler type");
}
