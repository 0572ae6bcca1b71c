/* SPDX-License-Identifier: MIT */
/* Pods and pod templates, as `kubectl describe` shows them. */
#include <inttypes.h>

#include "objects/print/print_i.h"

static int by_key(const void *a, const void *b)
{
	const struct value *const *x = a, *const *y = b;

	return strcmp(text_at(*x, "", "key", NULL), text_at(*y, "", "key", NULL));
}

static void describe_toleration(struct page_writer *w, const struct value *t)
{
	const char *key = text_at(t, "", "key", NULL), *value = text_at(t, "", "value", NULL);
	const char *effect = text_at(t, "", "effect", NULL);
	const struct value *seconds = value_get(t, "tolerationSeconds");

	line(w, 0, "%s%s%s%s%s", key, *value ? "=" : "", value, *effect ? ":" : "", effect);
	if (!*value && str_eq(text_at(t, "", "operator", NULL), "Exists"))
		line(w, 0, "%sop=Exists", *key || *effect ? " " : "");
	if (seconds)
		line(w, 0, " for %" PRId64 "s", value_int(seconds, 0));
	line(w, 0, "\n");
}

void describe_tolerations(struct page_writer *w, const char *title, const struct value *list)
{
	size_t n = value_count(list);
	CLEANUP_FREE const struct value **sorted = xreallocarray(NULL, n + 1, sizeof(*sorted));

	line(w, 0, "%s:\t%s", title, n ? "" : "<none>\n");
	for (size_t i = 0; i < n; i++)
		sorted[i] = value_at(list, i);
	qsort(sorted, n, sizeof(*sorted), by_key);
	for (size_t i = 0; i < n; i++) {
		line(w, 0, "%s", i ? "\t" : "");
		describe_toleration(w, sorted[i]);
	}
}

static void describe_spread(struct page_writer *w, const char *title, const struct value *list)
{
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *c = value_at(list, i);
		CLEANUP(buf_fini) struct buf selector = BUF_INIT;

		add_selector(&selector, value_get(c, "labelSelector"));
		line(w, 0, "%s%s\t%s:%s when max skew %" PRId64 " is exceeded for selector %s\n",
		     i ? "" : title, i ? "" : ":", text_at(c, "", "topologyKey", NULL),
		     text_at(c, "", "whenUnsatisfiable", NULL), int_at(c, 0, "maxSkew", NULL),
		     buf_str(&selector));
	}
}

void describe_template(struct page_writer *w, const struct value *template)
{
	const struct value *spec = value_get(template, "spec");
	const struct value *annotations = value_dig(template, "metadata", "annotations", NULL);

	line(w, 0, "Pod Template:\n");
	describe_labels(w, "  Labels", value_dig(template, "metadata", "labels", NULL));
	if (value_count(annotations))
		describe_annotations(w, "  Annotations", annotations);
	if (text_at(spec, NULL, "serviceAccountName", NULL))
		line(w, 0, "  Service Account:\t%s\n",
		     text_at(spec, "", "serviceAccountName", NULL));
	if (value_count(value_get(spec, "initContainers")))
		describe_containers(w, "Init Containers", value_get(spec, "initContainers"), NULL,
				    "  ");
	describe_containers(w, "Containers", value_get(spec, "containers"), NULL, "  ");
	describe_volumes(w, value_get(spec, "volumes"), "  ");
	describe_spread(w, "  Topology Spread Constraints",
			value_get(spec, "topologySpreadConstraints"));
	if (text_at(spec, NULL, "priorityClassName", NULL))
		line(w, 0, "  Priority Class Name:\t%s\n",
		     text_at(spec, "", "priorityClassName", NULL));
	describe_labels(w, "  Node-Selectors", value_get(spec, "nodeSelector"));
	describe_tolerations(w, "  Tolerations", value_get(spec, "tolerations"));
}

static void pod_head(struct page_writer *w, const struct value *spec, const struct value *status)
{
	const char *node = text_at(spec, NULL, "nodeName", NULL);
	const char *start = text_at(status, NULL, "startTime", NULL);
	char date[40];

	describe_head(w, 1);
	if (value_get(spec, "priority"))
		line(w, 0, "Priority:\t%" PRId64 "\n", int_at(spec, 0, "priority", NULL));
	if (text_at(spec, NULL, "priorityClassName", NULL))
		line(w, 0, "Priority Class Name:\t%s\n",
		     text_at(spec, "", "priorityClassName", NULL));
	if (text_at(spec, NULL, "runtimeClassName", NULL))
		line(w, 0, "Runtime Class Name:\t%s\n",
		     text_at(spec, "", "runtimeClassName", NULL));
	if (text_at(spec, NULL, "serviceAccountName", NULL))
		line(w, 0, "Service Account:\t%s\n", text_at(spec, "", "serviceAccountName", NULL));
	if (node)
		line(w, 0, "Node:\t%s/%s\n", node, text_at(status, "", "hostIP", NULL));
	else
		line(w, 0, "Node:\t<none>\n");
	if (start)
		line(w, 0, "Start Time:\t%s\n", date_of_time(start, "", date));
	describe_labels(w, "Labels", value_dig(w->o, "metadata", "labels", NULL));
	describe_annotations(w, "Annotations", value_dig(w->o, "metadata", "annotations", NULL));
}

static void pod_phase(struct page_writer *w, const struct value *spec, const struct value *status)
{
	const char *deleted = text_at(w->o, NULL, "metadata", "deletionTimestamp", NULL);
	const char *phase = text_at(status, "", "phase", NULL);
	char age[16];

	if (deleted && !str_eq(phase, "Failed") && !str_eq(phase, "Succeeded")) {
		line(w, 0, "Status:\tTerminating (lasts %s)\n", age_until(deleted, age));
		line(w, 0, "Termination Grace Period:\t%" PRId64 "s\n",
		     int_at(w->o, 0, "metadata", "deletionGracePeriodSeconds", NULL));
	} else {
		line(w, 0, "Status:\t%s\n", phase);
	}
	if (text_at(status, NULL, "reason", NULL))
		line(w, 0, "Reason:\t%s\n", text_at(status, "", "reason", NULL));
	if (text_at(status, NULL, "message", NULL))
		line(w, 0, "Message:\t%s\n", text_at(status, "", "message", NULL));
	if (text_at(spec, NULL, "securityContext", "seccompProfile", "type", NULL))
		line(w, 0, "SeccompProfile:\t%s\n",
		     text_at(spec, "", "securityContext", "seccompProfile", "type", NULL));
}

static void pod_addresses(struct page_writer *w, const struct value *status)
{
	const struct value *ips = value_get(status, "podIPs");

	line(w, 0, "IP:\t%s\n", text_at(status, "", "podIP", NULL));
	line(w, 0, "IPs:%s\n", value_count(ips) ? "" : "\t<none>");
	for (size_t i = 0; i < value_count(ips); i++)
		line(w, 1, "IP:\t%s\n", text_at(value_at(ips, i), "", "ip", NULL));
	describe_controlled_by(w);
	if (text_at(status, NULL, "nominatedNodeName", NULL))
		line(w, 0, "NominatedNodeName:\t%s\n",
		     text_at(status, "", "nominatedNodeName", NULL));
}

static void pod_conditions(struct page_writer *w)
{
	const struct value *gates = value_dig(w->o, "spec", "readinessGates", NULL);
	const struct value *list = value_dig(w->o, "status", "conditions", NULL);

	if (value_count(gates))
		line(w, 0, "Readiness Gates:\n  Type\tStatus\n");
	for (size_t i = 0; i < value_count(gates); i++) {
		const char *type = text_at(value_at(gates, i), "", "conditionType", NULL);

		line(w, 1, "%s \t%s \n", type,
		     text_at(condition_of(w->o, type), "<none>", "status", NULL));
	}
	if (value_count(list))
		line(w, 0, "Conditions:\n  Type\tStatus\n");
	for (size_t i = 0; i < value_count(list); i++)
		line(w, 1, "%s \t%s \n", text_at(value_at(list, i), "", "type", NULL),
		     text_at(value_at(list, i), "", "status", NULL));
}

void describe_pod(struct page_writer *w)
{
	const struct value *spec = value_get(w->o, "spec"), *status = value_get(w->o, "status");

	pod_head(w, spec, status);
	pod_phase(w, spec, status);
	pod_addresses(w, status);
	if (value_count(value_get(spec, "initContainers")))
		describe_containers(w, "Init Containers", value_get(spec, "initContainers"),
				    value_get(status, "initContainerStatuses"), "");
	describe_containers(w, "Containers", value_get(spec, "containers"),
			    value_get(status, "containerStatuses"), "");
	if (value_count(value_get(spec, "ephemeralContainers")))
		describe_containers(w, "Ephemeral Containers",
				    value_get(spec, "ephemeralContainers"),
				    value_get(status, "ephemeralContainerStatuses"), "");
	pod_conditions(w);
	describe_volumes(w, value_get(spec, "volumes"), "");
	line(w, 0, "QoS Class:\t%s\n", text_at(status, "", "qosClass", NULL));
	describe_labels(w, "Node-Selectors", value_get(spec, "nodeSelector"));
	describe_tolerations(w, "Tolerations", value_get(spec, "tolerations"));
	describe_spread(w, "Topology Spread Constraints",
			value_get(spec, "topologySpreadConstraints"));
	describe_events(w);
}
