/* SPDX-License-Identifier: MIT */
/*
 * May this pod run on this node at all? The scheduler asked already; but a pod may
 * name its node itself, and the node may have changed. Source: pkg/kubelet/lifecycle
 * predicate.go (GeneralPredicates), pkg/kubelet/sysctl.
 */
#include "runtime/agent/agent_i.h"

#include "runtime/agent/qos.h"

typedef int (*admit_fn)(const struct admission *ad, const struct value *pod, const char **reason,
			char **message);

static int refuse(const char **reason, char **message, const char *why, char *taken_text)
{
	*reason = why;
	*message = taken_text;
	return 0;
}

/* -- operating system -- */

static int check_os(const struct admission *ad, const struct value *pod, const char **reason,
		    char **message)
{
	const char *os = value_dig_str(pod, "spec", "os", "name", NULL);
	const struct value *selector = value_dig(pod, "spec", "nodeSelector", NULL);
	const char *os_label = value_str(value_get(selector, "kubernetes.io/os"), NULL);

	if (os && !str_eq(os, "linux"))
		return refuse(reason, message, "PodOSNotSupported",
			      xstrdup("Failed to admit pod as the OS field doesn't match node OS"));
	if (os_label && !str_eq(os_label, "linux"))
		return refuse(reason, message, "PodOSSelectorNodeLabelDoesNotMatch",
			      xstrdup("Failed to admit pod as the `kubernetes.io/os` label doesn't "
				      "match node label"));
	return 1;
}

static int check_selector(const struct admission *ad, const struct value *pod, const char **reason,
			  char **message)
{
	const struct value *selector = value_dig(pod, "spec", "nodeSelector", NULL);
	const struct value *labels = value_dig(ad->node_object, "metadata", "labels", NULL);

	for (size_t i = 0; ad->node_object && i < value_count(selector); i++) {
		const char *have = value_str(value_get(labels, value_key_at(selector, i)), NULL);

		if (!str_eq(have, value_str(value_at(selector, i), NULL)))
			return refuse(reason, message, "NodeAffinity",
				      xstrdup("Predicate NodeAffinity failed: node(s) didn't match "
					      "Pod's node "
					      "affinity/selector"));
	}
	return 1;
}

/* -- sysctls -- */

static const char *const safe_sysctls[] = {
	"kernel.shm_rmid_forced",
	"net.ipv4.ip_local_port_range",
	"net.ipv4.tcp_syncookies",
	"net.ipv4.ping_group_range",
	"net.ipv4.ip_unprivileged_port_start",
	"net.ipv4.ip_local_reserved_ports",
	"net.ipv4.tcp_keepalive_time",
	"net.ipv4.tcp_fin_timeout",
	"net.ipv4.tcp_keepalive_intvl",
	"net.ipv4.tcp_keepalive_probes",
	"net.ipv4.tcp_rmem",
	"net.ipv4.tcp_wmem",
};

static int check_sysctls(const struct admission *ad, const struct value *pod, const char **reason,
			 char **message)
{
	const struct value *list = value_dig(pod, "spec", "securityContext", "sysctls", NULL);

	for (size_t i = 0; i < value_count(list); i++) {
		const char *name = value_str(value_get(value_at(list, i), "name"), "");
		int safe = 0;

		for (size_t k = 0; k < ARRAY_LEN(safe_sysctls); k++)
			safe |= str_eq(name, safe_sysctls[k]);
		if (!safe)
			return refuse(reason, message, "SysctlForbidden",
				      xasprintf("forbidden sysctl: \"%s\" not allowlisted", name));
	}
	return 1;
}

/* -- resources -- */

static int check_resource(const struct admission *ad, const struct value *pod, const char *resource,
			  int64_t capacity, const char **reason, char **message)
{
	static const struct {
		const char *resource, *reason;
	} reasons[] = {{"cpu", "OutOfcpu"},
		       {"memory", "OutOfmemory"},
		       {"ephemeral-storage", "OutOfephemeral-storage"}};
	int64_t want = pod_requests(pod, resource), used = 0;
	const char *why = "OutOfResource";

	if (!want)
		return 1;
	for (size_t i = 0; i < ad->n_others; i++)
		used += pod_requests(ad->others[i], resource);
	if (used + want <= capacity)
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (str_eq(reasons[i].resource, resource))
			why = reasons[i].reason;
	return refuse(reason, message, why,
		      xasprintf("Pod was rejected: Node didn't have enough resource: %s, "
				"requested: %lld, used: %lld, "
				"capacity: %lld",
				resource, (long long)want, (long long)used, (long long)capacity));
}

static int check_resources(const struct admission *ad, const struct value *pod, const char **reason,
			   char **message)
{
	if (ad->n_others + 1 > ad->node->max_pods)
		return refuse(reason, message, "OutOfpods",
			      xasprintf("Pod was rejected: Node didn't have enough resource: pods, "
					"requested: 1, used: "
					"%zu, capacity: %u",
					ad->n_others, ad->node->max_pods));
	return check_resource(ad, pod, "cpu", ad->node->cpu_millis, reason, message) &&
	       check_resource(ad, pod, "memory", (int64_t)ad->node->memory_bytes, reason,
			      message) &&
	       check_resource(ad, pod, "ephemeral-storage", (int64_t)ad->node->disk_bytes, reason,
			      message);
}

/* -- host ports -- */

static size_t ports_of(const struct value *pod, struct host_port **out)
{
	/* With the host's network every container port is one of the host's: defaults fill hostPort
	 * in. */
	if (!value_bool(value_dig(pod, "spec", "hostNetwork", NULL), 0))
		return pod_host_ports(pod, out);
	{
		struct value *copy = value_bury(value_ref(pod), NULL, "spec", "hostNetwork", NULL);
		size_t n = pod_host_ports(copy, out);

		value_unref(copy);
		return n;
	}
}

static int clash(const struct host_port *a, const struct host_port *b)
{
	return a->host_port == b->host_port && a->udp == b->udp &&
	       (a->host_ip == b->host_ip || !a->host_ip || !b->host_ip);
}

static int check_ports(const struct admission *ad, const struct value *pod, const char **reason,
		       char **message)
{
	struct host_port *mine;
	size_t n = ports_of(pod, &mine);
	int free_ports = 1;

	for (size_t o = 0; n && o < ad->n_others; o++) {
		struct host_port *theirs;
		size_t m = ports_of(ad->others[o], &theirs);

		for (size_t i = 0; i < n; i++)
			for (size_t k = 0; k < m; k++)
				free_ports &= !clash(&mine[i], &theirs[k]);
		free(theirs);
	}
	free(mine);
	if (free_ports)
		return 1;
	return refuse(reason, message, "NodePorts",
		      xstrdup("Predicate NodePorts failed: node(s) didn't have free ports for the "
			      "requested pod ports"));
}

int admit_pod(const struct admission *ad, const struct value *pod, const char **reason,
	      char **message)
{
	static const admit_fn checks[] = {check_os, check_sysctls, check_resources, check_selector,
					  check_ports};

	*reason = NULL;
	*message = NULL;
	for (size_t i = 0; i < ARRAY_LEN(checks); i++)
		if (!checks[i](ad, pod, reason, message))
			return 0;
	return 1;
}
