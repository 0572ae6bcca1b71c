/* SPDX-License-Identifier: MIT */
/* Columns of nodes, services, endpoints and events, and those that many kinds have. */
#include "objects/print/columns.h"

#include <ctype.h>
#include <inttypes.h>

static const struct value *pod_containers(const struct value *o)
{
	const struct value *spec = value_get(o, "spec");
	const struct value *job = value_dig(spec, "jobTemplate", "spec", NULL);
	const struct value *template = value_get(job ? job : spec, "template");

	return value_dig(template ? template : value_get(o, "template"), "spec", "containers",
			 NULL);
}

void column_containers(const struct value *o, struct buf *out)
{
	add_joined(out, pod_containers(o), "name");
}

void column_images(const struct value *o, struct buf *out)
{
	add_joined(out, pod_containers(o), "image");
}

void column_selector(const struct value *o, struct buf *out)
{
	add_selector(out, value_dig(o, "spec", "selector", NULL));
}

void column_map_selector(const struct value *o, struct buf *out)
{
	add_labels(out, value_dig(o, "spec", "selector", NULL));
}

void column_job_selector(const struct value *o, struct buf *out)
{
	add_selector(out, value_dig(o, "spec", "jobTemplate", "spec", "selector", NULL));
}

void column_template_labels(const struct value *o, struct buf *out)
{
	add_labels(out, value_dig(o, "template", "metadata", "labels", NULL));
}

/* Ready of wanted replicas. */
void column_replicas_ready(const struct value *o, struct buf *out)
{
	buf_addf(out, "%" PRId64 "/%" PRId64, int_at(o, 0, "status", "readyReplicas", NULL),
		 int_at(o, 1, "spec", "replicas", NULL));
}

void column_data(const struct value *o, struct buf *out)
{
	buf_addf(out, "%zu",
		 value_count(value_get(o, "data")) + value_count(value_get(o, "binaryData")));
}

void column_secrets(const struct value *o, struct buf *out)
{
	buf_addf(out, "%zu", value_count(value_get(o, "secrets")));
}

void column_node_selector(const struct value *o, struct buf *out)
{
	add_labels(out, value_dig(o, "spec", "template", "spec", "nodeSelector", NULL));
}

/* -- nodes -- */

void column_node_status(const struct value *o, struct buf *out)
{
	const struct value *ready = condition_of(o, "Ready");

	if (!ready)
		buf_adds(out, "Unknown");
	else
		buf_adds(out,
			 str_eq(text_at(ready, "", "status", NULL), "True") ? "Ready" : "NotReady");
	if (value_bool(value_dig(o, "spec", "unschedulable", NULL), 0))
		buf_adds(out, ",SchedulingDisabled");
}

void column_node_roles(const struct value *o, struct buf *out)
{
	static const char prefix[] = "node-role.kubernetes.io/";
	const struct value *labels = value_dig(o, "metadata", "labels", NULL);
	size_t before = out->len;

	for (size_t i = 0; i < members(labels); i++) {
		const char *key = value_key_at(labels, i), *role = NULL;

		if (str_starts(key, prefix))
			role = key + strlen(prefix);
		else if (str_eq(key, "kubernetes.io/role"))
			role = value_str(value_at(labels, i), "");
		if (role && *role)
			buf_addf(out, "%s%s", out->len > before ? "," : "", role);
	}
	if (out->len == before)
		buf_adds(out, "<none>");
}

static void node_address(const struct value *o, const char *type, struct buf *out)
{
	const struct value *list = value_dig(o, "status", "addresses", NULL);

	for (size_t i = 0; i < value_count(list); i++) {
		if (str_eq(text_at(value_at(list, i), "", "type", NULL), type)) {
			buf_adds(out, text_at(value_at(list, i), "<none>", "address", NULL));
			return;
		}
	}
	buf_adds(out, "<none>");
}

void column_node_internal(const struct value *o, struct buf *out)
{
	node_address(o, "InternalIP", out);
}

void column_node_external(const struct value *o, struct buf *out)
{
	node_address(o, "ExternalIP", out);
}

/* -- services -- */

void column_cluster_ip(const struct value *o, struct buf *out)
{
	const char *first = value_str(value_at(value_dig(o, "spec", "clusterIPs", NULL), 0), NULL);

	buf_adds(out, first ? first : text_at(o, "<none>", "spec", "clusterIP", NULL));
}

void column_external_ip(const struct value *o, struct buf *out)
{
	const struct value *ips = value_dig(o, "spec", "externalIPs", NULL);
	const struct value *ingress = value_dig(o, "status", "loadBalancer", "ingress", NULL);
	const char *type = text_at(o, "", "spec", "type", NULL);
	size_t before = out->len;

	if (str_eq(type, "ExternalName")) {
		buf_adds(out, text_at(o, "", "spec", "externalName", NULL));
		return;
	}
	for (size_t i = 0; str_eq(type, "LoadBalancer") && i < value_count(ingress); i++)
		buf_addf(out, "%s%s", i ? "," : "",
			 text_at(value_at(ingress, i),
				 text_at(value_at(ingress, i), "", "hostname", NULL), "ip", NULL));
	if (value_count(ips) && out->len > before)
		buf_addc(out, ',');
	add_strings(out, ips, ",", "");
	if (out->len == before)
		buf_adds(out, str_eq(type, "LoadBalancer") ? "<pending>" : "<none>");
}

void column_ports(const struct value *o, struct buf *out)
{
	const struct value *ports = value_dig(o, "spec", "ports", NULL);

	if (value_count(ports) == 0)
		buf_adds(out, "<none>");
	for (size_t i = 0; i < value_count(ports); i++) {
		const struct value *p = value_at(ports, i);
		int64_t node_port = int_at(p, 0, "nodePort", NULL);

		buf_addf(out, "%s%" PRId64, i ? "," : "", int_at(p, 0, "port", NULL));
		if (node_port)
			buf_addf(out, ":%" PRId64, node_port);
		buf_addf(out, "/%s", text_at(p, "TCP", "protocol", NULL));
	}
}

static void subset_endpoints(struct buf *out, const struct value *addresses,
			     const struct value *port, size_t *count)
{
	for (size_t i = 0; i < value_count(addresses); i++, (*count)++) {
		const char *ip = text_at(value_at(addresses, i), "", "ip", NULL);

		if (*count >= 3)
			continue;
		if (*count)
			buf_addc(out, ',');
		if (port)
			add_host_port(out, ip, int_at(port, 0, "port", NULL));
		else
			buf_adds(out, ip);
	}
}

void add_endpoints(struct buf *out, const struct value *endpoints, const char *wanted)
{
	const struct value *subsets = value_get(endpoints, "subsets");
	size_t count = 0;

	for (size_t i = 0; i < value_count(subsets); i++) {
		const struct value *addresses = value_get(value_at(subsets, i), "addresses");
		const struct value *ports = value_get(value_at(subsets, i), "ports");

		if (value_count(ports) == 0)
			subset_endpoints(out, addresses, NULL, &count);
		for (size_t j = 0; j < value_count(ports); j++)
			if (!wanted ||
			    str_eq(text_at(value_at(ports, j), "", "name", NULL), wanted))
				subset_endpoints(out, addresses, value_at(ports, j), &count);
	}
	if (count == 0)
		buf_adds(out, "<none>");
	if (count > 3)
		buf_addf(out, " + %zu more...", count - 3);
}

void column_endpoints(const struct value *o, struct buf *out)
{
	add_endpoints(out, o, NULL);
}

void column_slice_ports(const struct value *o, struct buf *out)
{
	const struct value *ports = value_get(o, "ports");

	if (value_count(ports) == 0)
		buf_adds(out, "<unset>");
	for (size_t i = 0; i < value_count(ports); i++)
		buf_addf(out, "%s%" PRId64, i ? "," : "",
			 int_at(value_at(ports, i), 0, "port", NULL));
}

void column_slice_endpoints(const struct value *o, struct buf *out)
{
	const struct value *list = value_get(o, "endpoints");
	size_t count = 0;

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *addresses = value_get(value_at(list, i), "addresses");

		for (size_t j = 0; j < value_count(addresses); j++, count++)
			if (count < 3)
				buf_addf(out, "%s%s", count ? "," : "",
					 value_str(value_at(addresses, j), ""));
	}
	if (count == 0)
		buf_adds(out, "<unset>");
	if (count > 3)
		buf_addf(out, " + %zu more...", count - 3);
}

/* -- events -- */

static const struct value *regarding(const struct value *o)
{
	const struct value *core = value_get(o, "involvedObject");

	return core ? core : value_get(o, "regarding");
}

void column_last_seen(const struct value *o, struct buf *out)
{
	char age[16];

	buf_adds(out, age_since(event_last(o), age));
}

void column_first_seen(const struct value *o, struct buf *out)
{
	char age[16];

	buf_adds(out, age_since(event_first(o), age));
}

void column_event_object(const struct value *o, struct buf *out)
{
	for (const char *s = text_at(regarding(o), "", "kind", NULL); *s; s++)
		buf_addc(out, (char)tolower((unsigned char)*s));
	buf_addf(out, "/%s", text_at(regarding(o), "", "name", NULL));
}

void column_event_part(const struct value *o, struct buf *out)
{
	buf_adds(out, text_at(regarding(o), "", "fieldPath", NULL));
}

void column_event_source(const struct value *o, struct buf *out)
{
	const char *host = text_at(o, NULL, "source", "host", NULL);

	buf_adds(out, event_source(o));
	if (!host)
		host = text_at(o, NULL, "reportingInstance", NULL);
	if (host)
		buf_addf(out, ", %s", host);
}

void column_event_message(const struct value *o, struct buf *out)
{
	const char *s = text_at(o, text_at(o, "", "note", NULL), "message", NULL);

	buf_adds(out, s + strspn(s, " \t\r\n"));
	while (out->len && strchr(" \t\r\n", out->data[out->len - 1]))
		out->len--;
}

void column_event_count(const struct value *o, struct buf *out)
{
	buf_addf(out, "%" PRId64, event_count(o));
}
