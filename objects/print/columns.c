/* SPDX-License-Identifier: MIT */
/*
 * Columns by kind and title that the schema gives no path for.
 * Source: Kubernetes, pkg/printers/internalversion/printers.go.
 */
#include <ctype.h>
#include <inttypes.h>

#include "objects/codec.h"
#include "objects/print/print_i.h"
#include "objects/quantity.h"

static const struct value *pod_containers(const struct value *o)
{
	const struct value *spec = value_get(o, "spec");
	const struct value *job = value_dig(spec, "jobTemplate", "spec", NULL);
	const struct value *template = value_get(job ? job : spec, "template");

	return value_dig(template ? template : value_get(o, "template"), "spec", "containers", NULL);
}

static void column_containers(const struct value *o, struct buf *out)
{
	add_joined(out, pod_containers(o), "name");
}

static void column_images(const struct value *o, struct buf *out)
{
	add_joined(out, pod_containers(o), "image");
}

static void column_selector(const struct value *o, struct buf *out)
{
	add_selector(out, value_dig(o, "spec", "selector", NULL));
}

static void column_map_selector(const struct value *o, struct buf *out)
{
	add_labels(out, value_dig(o, "spec", "selector", NULL));
}

static void column_job_selector(const struct value *o, struct buf *out)
{
	add_selector(out, value_dig(o, "spec", "jobTemplate", "spec", "selector", NULL));
}

static void column_template_labels(const struct value *o, struct buf *out)
{
	add_labels(out, value_dig(o, "template", "metadata", "labels", NULL));
}

/* Ready of wanted replicas. */
static void column_replicas_ready(const struct value *o, struct buf *out)
{
	buf_addf(out, "%" PRId64 "/%" PRId64, int_at(o, 0, "status", "readyReplicas", NULL),
		 int_at(o, 1, "spec", "replicas", NULL));
}

static void column_data(const struct value *o, struct buf *out)
{
	buf_addf(out, "%zu",
		 value_count(value_get(o, "data")) + value_count(value_get(o, "binaryData")));
}

static void column_secrets(const struct value *o, struct buf *out)
{
	buf_addf(out, "%zu", value_count(value_get(o, "secrets")));
}

static void column_node_selector(const struct value *o, struct buf *out)
{
	add_labels(out, value_dig(o, "spec", "template", "spec", "nodeSelector", NULL));
}

/* -- nodes ---------------------------------------------------------------- */

static void column_node_status(const struct value *o, struct buf *out)
{
	const struct value *ready = condition_of(o, "Ready");

	if (!ready)
		buf_adds(out, "Unknown");
	else
		buf_adds(out, str_eq(text_at(ready, "", "status", NULL), "True") ? "Ready"
										 : "NotReady");
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

static void column_node_internal(const struct value *o, struct buf *out)
{
	node_address(o, "InternalIP", out);
}

static void column_node_external(const struct value *o, struct buf *out)
{
	node_address(o, "ExternalIP", out);
}

/* -- services ------------------------------------------------------------- */

static void column_cluster_ip(const struct value *o, struct buf *out)
{
	const char *first = value_str(value_at(value_dig(o, "spec", "clusterIPs", NULL), 0), NULL);

	buf_adds(out, first ? first : text_at(o, "<none>", "spec", "clusterIP", NULL));
}

static void column_external_ip(const struct value *o, struct buf *out)
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

static void column_ports(const struct value *o, struct buf *out)
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

static void subset_endpoints(struct buf *out, const struct value *addresses, const struct value *port,
			     size_t *count)
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
			if (!wanted || str_eq(text_at(value_at(ports, j), "", "name", NULL), wanted))
				subset_endpoints(out, addresses, value_at(ports, j), &count);
	}
	if (count == 0)
		buf_adds(out, "<none>");
	if (count > 3)
		buf_addf(out, " + %zu more...", count - 3);
}

static void column_endpoints(const struct value *o, struct buf *out)
{
	add_endpoints(out, o, NULL);
}

static void column_slice_ports(const struct value *o, struct buf *out)
{
	const struct value *ports = value_get(o, "ports");

	if (value_count(ports) == 0)
		buf_adds(out, "<unset>");
	for (size_t i = 0; i < value_count(ports); i++)
		buf_addf(out, "%s%" PRId64, i ? "," : "",
			 int_at(value_at(ports, i), 0, "port", NULL));
}

static void column_slice_endpoints(const struct value *o, struct buf *out)
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

/* -- events --------------------------------------------------------------- */

static const struct value *regarding(const struct value *o)
{
	const struct value *core = value_get(o, "involvedObject");

	return core ? core : value_get(o, "regarding");
}

static void column_last_seen(const struct value *o, struct buf *out)
{
	char age[16];

	buf_adds(out, age_since(event_last(o), age));
}

static void column_first_seen(const struct value *o, struct buf *out)
{
	char age[16];

	buf_adds(out, age_since(event_first(o), age));
}

static void column_event_object(const struct value *o, struct buf *out)
{
	for (const char *s = text_at(regarding(o), "", "kind", NULL); *s; s++)
		buf_addc(out, (char)tolower((unsigned char)*s));
	buf_addf(out, "/%s", text_at(regarding(o), "", "name", NULL));
}

static void column_event_part(const struct value *o, struct buf *out)
{
	buf_adds(out, text_at(regarding(o), "", "fieldPath", NULL));
}

static void column_event_source(const struct value *o, struct buf *out)
{
	const char *host = text_at(o, NULL, "source", "host", NULL);

	buf_adds(out, event_source(o));
	if (!host)
		host = text_at(o, NULL, "reportingInstance", NULL);
	if (host)
		buf_addf(out, ", %s", host);
}

static void column_event_message(const struct value *o, struct buf *out)
{
	const char *s = text_at(o, text_at(o, "", "note", NULL), "message", NULL);

	buf_adds(out, s + strspn(s, " \t\r\n"));
	while (out->len && strchr(" \t\r\n", out->data[out->len - 1]))
		out->len--;
}

static void column_event_count(const struct value *o, struct buf *out)
{
	buf_addf(out, "%" PRId64, event_count(o));
}

/* -- jobs, budgets, claims ------------------------------------------------ */

static void column_completions(const struct value *o, struct buf *out)
{
	int64_t done = int_at(o, 0, "status", "succeeded", NULL);
	int64_t wanted = int_at(o, -1, "spec", "completions", NULL);
	int64_t at_once = int_at(o, 0, "spec", "parallelism", NULL);

	buf_addf(out, "%" PRId64 "/", done);
	if (wanted >= 0)
		buf_addf(out, "%" PRId64, wanted);
	else if (at_once > 1)
		buf_addf(out, "1 of %" PRId64, at_once);
	else
		buf_addc(out, '1');
}

static void column_job_status(const struct value *o, struct buf *out)
{
	static const char *const ends[][2] = {{"Complete", "Complete"},
					      {"Failed", "Failed"},
					      {"Suspended", "Suspended"},
					      {"FailureTarget", "FailureTarget"},
					      {"SuccessCriteriaMet", "SuccessCriteriaMet"}};

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		if (str_eq(text_at(condition_of(o, ends[i][0]), "", "status", NULL), "True")) {
			buf_adds(out, ends[i][1]);
			return;
		}
	}
	buf_adds(out, object_deleting(o) ? "Terminating" : "Running");
}

static void column_duration(const struct value *o, struct buf *out)
{
	const char *start = text_at(o, NULL, "status", "startTime", NULL);
	const char *end = text_at(o, NULL, "status", "completionTime", NULL);
	int64_t from, to;
	char age[16];

	if (!start)
		return;
	if (!end)
		buf_adds(out, age_since(start, age));
	else if (time_parse(start, &from, NULL) == 0 && time_parse(end, &to, NULL) == 0)
		buf_adds(out, age_render(to - from, age));
}

static void column_suspend(const struct value *o, struct buf *out)
{
	buf_adds(out, value_bool(value_dig(o, "spec", "suspend", NULL), 0) ? "True" : "False");
}

static void column_active(const struct value *o, struct buf *out)
{
	buf_addf(out, "%zu", value_count(value_dig(o, "status", "active", NULL)));
}

static void column_last_schedule(const struct value *o, struct buf *out)
{
	const char *when = text_at(o, NULL, "status", "lastScheduleTime", NULL);
	char age[16];

	buf_adds(out, when ? age_since(when, age) : "<none>");
}

static void access_modes(const struct value *list, struct buf *out)
{
	static const char *const names[][2] = {{"ReadWriteOnce", "RWO"},
					       {"ReadOnlyMany", "ROX"},
					       {"ReadWriteMany", "RWX"},
					       {"ReadWriteOncePod", "RWOP"}};
	size_t before = out->len;

	for (size_t n = 0; n < ARRAY_LEN(names); n++)
		for (size_t i = 0; i < value_count(list); i++)
			if (str_eq(value_str(value_at(list, i), NULL), names[n][0])) {
				buf_addf(out, "%s%s", out->len > before ? "," : "", names[n][1]);
				break;
			}
}

static void column_pvc_modes(const struct value *o, struct buf *out)
{
	if (text_at(o, NULL, "spec", "volumeName", NULL))
		access_modes(value_dig(o, "status", "accessModes", NULL), out);
}

static void column_pvc_capacity(const struct value *o, struct buf *out)
{
	const struct value *v = value_dig(o, "status", "capacity", "storage", NULL);

	if (v && text_at(o, NULL, "spec", "volumeName", NULL))
		scalar_render(v, out);
}

static void claim_status(const struct value *o, struct buf *out)
{
	buf_adds(out, object_deleting(o) ? "Terminating"
					 : text_at(o, "", "status", "phase", NULL));
}

static void column_pv_modes(const struct value *o, struct buf *out)
{
	access_modes(value_dig(o, "spec", "accessModes", NULL), out);
}

static void column_claim(const struct value *o, struct buf *out)
{
	const struct value *ref = value_dig(o, "spec", "claimRef", NULL);

	if (ref)
		buf_addf(out, "%s/%s", text_at(ref, "", "namespace", NULL),
			 text_at(ref, "", "name", NULL));
}

static void quota_line(const struct value *o, int limits, struct buf *out)
{
	const struct value *hard = value_dig(o, "status", "hard", NULL);
	size_t before = out->len;

	for (size_t i = 0; i < members(hard); i++) {
		const char *key = value_key_at(hard, i);
		const struct value *used = value_get(value_dig(o, "status", "used", NULL), key);

		if (str_starts(key, "limits.") != limits)
			continue;
		buf_addf(out, "%s%s: ", out->len > before ? ", " : "", key);
		if (used)
			scalar_render(used, out);
		else
			buf_addc(out, '0');
		buf_addc(out, '/');
		scalar_render(value_at(hard, i), out);
	}
}

static void column_quota_request(const struct value *o, struct buf *out)
{
	quota_line(o, 0, out);
}

static void column_quota_limit(const struct value *o, struct buf *out)
{
	quota_line(o, 1, out);
}

static void column_role(const struct value *o, struct buf *out)
{
	buf_addf(out, "%s/%s", text_at(o, "", "roleRef", "kind", NULL),
		 text_at(o, "", "roleRef", "name", NULL));
}

static void subjects(const struct value *o, const char *kind, struct buf *out)
{
	const struct value *list = value_get(o, "subjects");
	size_t before = out->len;

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *s = value_at(list, i);
		const char *ns = text_at(s, NULL, "namespace", NULL);

		if (!str_eq(text_at(s, "", "kind", NULL), kind))
			continue;
		if (out->len > before)
			buf_adds(out, ", ");
		if (ns && str_eq(kind, "ServiceAccount"))
			buf_addf(out, "%s/", ns);
		buf_adds(out, text_at(s, "", "name", NULL));
	}
}

static void column_users(const struct value *o, struct buf *out)
{
	subjects(o, "User", out);
}

static void column_groups(const struct value *o, struct buf *out)
{
	subjects(o, "Group", out);
}

static void column_accounts(const struct value *o, struct buf *out)
{
	subjects(o, "ServiceAccount", out);
}

static void column_pod_selector(const struct value *o, struct buf *out)
{
	add_selector(out, value_dig(o, "spec", "podSelector", NULL));
}

static void column_reference(const struct value *o, struct buf *out)
{
	buf_addf(out, "%s/%s", text_at(o, "", "spec", "scaleTargetRef", "kind", NULL),
		 text_at(o, "", "spec", "scaleTargetRef", "name", NULL));
}

static void column_hosts(const struct value *o, struct buf *out)
{
	const struct value *rules = value_dig(o, "spec", "rules", NULL);
	size_t before = out->len;

	for (size_t i = 0; i < value_count(rules); i++)
		if (text_at(value_at(rules, i), NULL, "host", NULL))
			buf_addf(out, "%s%s", out->len > before ? "," : "",
				 text_at(value_at(rules, i), "", "host", NULL));
	if (out->len == before)
		buf_addc(out, '*');
}

static void column_ingress_address(const struct value *o, struct buf *out)
{
	const struct value *list = value_dig(o, "status", "loadBalancer", "ingress", NULL);

	for (size_t i = 0; i < value_count(list); i++)
		buf_addf(out, "%s%s", i ? "," : "",
			 text_at(value_at(list, i), text_at(value_at(list, i), "", "hostname", NULL),
				 "ip", NULL));
}

static void column_ingress_ports(const struct value *o, struct buf *out)
{
	buf_adds(out, value_count(value_dig(o, "spec", "tls", NULL)) ? "80, 443" : "80");
}

static void column_webhooks(const struct value *o, struct buf *out)
{
	buf_addf(out, "%zu", value_count(value_get(o, "webhooks")));
}

static void column_controller(const struct value *o, struct buf *out)
{
	const struct value *ref = object_controller(o);

	if (ref)
		buf_addf(out, "%s/%s", text_at(ref, "", "kind", NULL),
			 text_at(ref, "", "name", NULL));
	else
		buf_adds(out, "<none>");
}

/* The point in time itself, not its age. */
static void column_created(const struct value *o, struct buf *out)
{
	buf_adds(out, text_at(o, "<unknown>", "metadata", "creationTimestamp", NULL));
}

static const struct column_maker makers[] = {
	/* kind NULL: in every kind that has the title and no row of its own above */
	{"Pod", "READY", NULL, NULL, column_pod_ready},
	{"Pod", "STATUS", NULL, NULL, column_pod_status},
	{"Pod", "RESTARTS", NULL, NULL, column_pod_restarts},
	{"Pod", "IP", "status.podIP", "<none>", NULL},
	{"Pod", "NODE", "spec.nodeName", "<none>", NULL},
	{"Pod", "NOMINATED NODE", "status.nominatedNodeName", "<none>", NULL},
	{"Pod", "READINESS GATES", NULL, NULL, column_pod_gates},
	{"Deployment", "READY", NULL, NULL, column_replicas_ready},
	{"Deployment", "UP-TO-DATE", "status.updatedReplicas", "0", NULL},
	{"Deployment", "AVAILABLE", "status.availableReplicas", "0", NULL},
	{"StatefulSet", "READY", NULL, NULL, column_replicas_ready},
	{"ReplicaSet", "DESIRED", "spec.replicas", "0", NULL},
	{"ReplicaSet", "CURRENT", "status.replicas", "0", NULL},
	{"ReplicaSet", "READY", "status.readyReplicas", "0", NULL},
	{"ReplicationController", "DESIRED", "spec.replicas", "0", NULL},
	{"ReplicationController", "CURRENT", "status.replicas", "0", NULL},
	{"ReplicationController", "READY", "status.readyReplicas", "0", NULL},
	{"ReplicationController", "SELECTOR", NULL, NULL, column_map_selector},
	{"DaemonSet", "DESIRED", "status.desiredNumberScheduled", "0", NULL},
	{"DaemonSet", "CURRENT", "status.currentNumberScheduled", "0", NULL},
	{"DaemonSet", "READY", "status.numberReady", "0", NULL},
	{"DaemonSet", "UP-TO-DATE", "status.updatedNumberScheduled", "0", NULL},
	{"DaemonSet", "AVAILABLE", "status.numberAvailable", "0", NULL},
	{"DaemonSet", "NODE SELECTOR", NULL, NULL, column_node_selector},
	{"ControllerRevision", "CONTROLLER", NULL, NULL, column_controller},
	{"ControllerRevision", "REVISION", "revision", "0", NULL},
	{"Namespace", "STATUS", "status.phase", "", NULL},
	{"Node", "STATUS", NULL, NULL, column_node_status},
	{"Node", "ROLES", NULL, NULL, column_node_roles},
	{"Node", "VERSION", "status.nodeInfo.kubeletVersion", "", NULL},
	{"Node", "INTERNAL-IP", NULL, NULL, column_node_internal},
	{"Node", "EXTERNAL-IP", NULL, NULL, column_node_external},
	{"Node", "OS-IMAGE", "status.nodeInfo.osImage", "<unknown>", NULL},
	{"Node", "KERNEL-VERSION", "status.nodeInfo.kernelVersion", "<unknown>", NULL},
	{"Node", "CONTAINER-RUNTIME", "status.nodeInfo.containerRuntimeVersion", "<unknown>", NULL},
	{"Service", "TYPE", "spec.type", "", NULL},
	{"Service", "CLUSTER-IP", NULL, NULL, column_cluster_ip},
	{"Service", "EXTERNAL-IP", NULL, NULL, column_external_ip},
	{"Service", "PORT(S)", NULL, NULL, column_ports},
	{"Service", "SELECTOR", NULL, NULL, column_map_selector},
	{"Endpoints", "ENDPOINTS", NULL, NULL, column_endpoints},
	{"EndpointSlice", "ADDRESSTYPE", "addressType", "", NULL},
	{"EndpointSlice", "PORTS", NULL, NULL, column_slice_ports},
	{"EndpointSlice", "ENDPOINTS", NULL, NULL, column_slice_endpoints},
	{"Event", "LAST SEEN", NULL, NULL, column_last_seen},
	{"Event", "TYPE", "type", "", NULL},
	{"Event", "REASON", "reason", "", NULL},
	{"Event", "OBJECT", NULL, NULL, column_event_object},
	{"Event", "SUBOBJECT", NULL, NULL, column_event_part},
	{"Event", "SOURCE", NULL, NULL, column_event_source},
	{"Event", "MESSAGE", NULL, NULL, column_event_message},
	{"Event", "FIRST SEEN", NULL, NULL, column_first_seen},
	{"Event", "COUNT", NULL, NULL, column_event_count},
	{"ConfigMap", "DATA", NULL, NULL, column_data},
	{"Secret", "TYPE", "type", "", NULL},
	{"Secret", "DATA", NULL, NULL, column_data},
	{"ServiceAccount", "SECRETS", NULL, NULL, column_secrets},
	{"Lease", "HOLDER", "spec.holderIdentity", "", NULL},
	{"PriorityClass", "VALUE", "value", "0", NULL},
	{"PriorityClass", "GLOBAL-DEFAULT", "globalDefault", "false", NULL},
	{"PriorityClass", "PREEMPTIONPOLICY", "preemptionPolicy", "", NULL},
	{"Job", "COMPLETIONS", NULL, NULL, column_completions},
	{"Job", "STATUS", NULL, NULL, column_job_status},
	{"Job", "DURATION", NULL, NULL, column_duration},
	{"CronJob", "SCHEDULE", "spec.schedule", "", NULL},
	{"CronJob", "TIMEZONE", "spec.timeZone", "<none>", NULL},
	{"CronJob", "SUSPEND", NULL, NULL, column_suspend},
	{"CronJob", "ACTIVE", NULL, NULL, column_active},
	{"CronJob", "LAST SCHEDULE", NULL, NULL, column_last_schedule},
	{"CronJob", "SELECTOR", NULL, NULL, column_job_selector},
	{"PersistentVolumeClaim", "STATUS", NULL, NULL, claim_status},
	{"PersistentVolumeClaim", "VOLUME", "spec.volumeName", "", NULL},
	{"PersistentVolumeClaim", "CAPACITY", NULL, NULL, column_pvc_capacity},
	{"PersistentVolumeClaim", "ACCESS MODES", NULL, NULL, column_pvc_modes},
	{"PersistentVolumeClaim", "STORAGECLASS", "spec.storageClassName", "", NULL},
	{"PersistentVolumeClaim", "VOLUMEATTRIBUTESCLASS", "spec.volumeAttributesClassName", "<unset>", NULL},
	{"PersistentVolumeClaim", "VOLUMEMODE", "spec.volumeMode", "<unset>", NULL},
	{"PersistentVolume", "CAPACITY", "spec.capacity.storage", "", NULL},
	{"PersistentVolume", "ACCESS MODES", NULL, NULL, column_pv_modes},
	{"PersistentVolume", "RECLAIM POLICY", "spec.persistentVolumeReclaimPolicy", "", NULL},
	{"PersistentVolume", "STATUS", NULL, NULL, claim_status},
	{"PersistentVolume", "CLAIM", NULL, NULL, column_claim},
	{"PersistentVolume", "STORAGECLASS", "spec.storageClassName", "", NULL},
	{"PersistentVolume", "VOLUMEATTRIBUTESCLASS", "spec.volumeAttributesClassName", "<unset>", NULL},
	{"PersistentVolume", "REASON", "status.reason", "", NULL},
	{"PersistentVolume", "VOLUMEMODE", "spec.volumeMode", "<unset>", NULL},
	{"HorizontalPodAutoscaler", "REFERENCE", NULL, NULL, column_reference},
	{"HorizontalPodAutoscaler", "MINPODS", "spec.minReplicas", "<unset>", NULL},
	{"HorizontalPodAutoscaler", "MAXPODS", "spec.maxReplicas", "0", NULL},
	{"HorizontalPodAutoscaler", "REPLICAS", "status.currentReplicas", "0", NULL},
	{"PodDisruptionBudget", "MIN AVAILABLE", "spec.minAvailable", "N/A", NULL},
	{"PodDisruptionBudget", "MAX UNAVAILABLE", "spec.maxUnavailable", "N/A", NULL},
	{"PodDisruptionBudget", "ALLOWED DISRUPTIONS", "status.disruptionsAllowed", "0", NULL},
	{"ResourceQuota", "REQUEST", NULL, NULL, column_quota_request},
	{"ResourceQuota", "LIMIT", NULL, NULL, column_quota_limit},
	{"NetworkPolicy", "POD-SELECTOR", NULL, NULL, column_pod_selector},
	{"Ingress", "CLASS", "spec.ingressClassName", "<none>", NULL},
	{"Ingress", "HOSTS", NULL, NULL, column_hosts},
	{"Ingress", "ADDRESS", NULL, NULL, column_ingress_address},
	{"Ingress", "PORTS", NULL, NULL, column_ingress_ports},
	{"IngressClass", "CONTROLLER", "spec.controller", "", NULL},
	{"RuntimeClass", "HANDLER", "handler", "", NULL},
	{"StorageClass", "PROVISIONER", "provisioner", "", NULL},
	{"StorageClass", "RECLAIMPOLICY", "reclaimPolicy", "Delete", NULL},
	{"StorageClass", "VOLUMEBINDINGMODE", "volumeBindingMode", "<unset>", NULL},
	{"StorageClass", "ALLOWVOLUMEEXPANSION", "allowVolumeExpansion", "false", NULL},
	{"PodTemplate", "POD LABELS", NULL, NULL, column_template_labels},
	{NULL, "NAME", "metadata.name", "", NULL},
	{NULL, "CREATED AT", NULL, NULL, column_created},
	{NULL, "CONTAINERS", NULL, NULL, column_containers},
	{NULL, "IMAGES", NULL, NULL, column_images},
	{NULL, "SELECTOR", NULL, NULL, column_selector},
	{NULL, "ROLE", NULL, NULL, column_role},
	{NULL, "USERS", NULL, NULL, column_users},
	{NULL, "GROUPS", NULL, NULL, column_groups},
	{NULL, "SERVICEACCOUNTS", NULL, NULL, column_accounts},
	{NULL, "WEBHOOKS", NULL, NULL, column_webhooks},
};

const struct column_maker *column_maker(const char *kind, const char *title)
{
	for (size_t i = 0; i < ARRAY_LEN(makers); i++)
		if ((!makers[i].kind || str_eq(makers[i].kind, kind)) &&
		    str_eq(makers[i].title, title))
			return &makers[i];
	return NULL;
}
