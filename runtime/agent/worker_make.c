/* SPDX-License-Identifier: MIT */
/* What a pod needs before its containers: ids, volumes, a sandbox. */
#include "runtime/agent/agent_i.h"

#include <arpa/inet.h>

#include "runtime/agent/podfiles.h"
#include "runtime/agent/qos.h"
#include "runtime/agent/security.h"

/* -- volumes -- */

static int take_ids(struct worker *w, struct err *err)
{
	int rc = 0;

	if (w->has_ids)
		return 0;
	if (!pod_host_users(w->obj->value))
		rc = w->a->ops->id_alloc(w->a->ctx, w->uid, &w->id_base, err);
	w->has_ids = !rc;
	return rc;
}

static void later(struct worker *w, uint64_t *at)
{
	w->retry_ms = w->retry_ms ? w->retry_ms * 2 : FIRST_RETRY_MS;
	if (w->retry_ms > MAX_RETRY_MS)
		w->retry_ms = MAX_RETRY_MS;
	*at = worker_now(w) + w->retry_ms;
}

/* Return: 1 when the volume is there. */
static int make_volume(struct worker *w, struct volume *v)
{
	struct volume_ctx ctx = worker_volume_ctx(w);
	struct err err = ERR_INIT;

	if (volume_set_up(&ctx, v, &err) == 0)
		return 1;
	worker_event(w, NULL, "Warning", "FailedMount",
		     "MountVolume.SetUp failed for volume \"%s\" : %s", v->name, err.msg);
	later(w, &w->volumes_retry_ms);
	return 0;
}

static int make_volumes(struct worker *w)
{
	struct err err = ERR_INIT;

	if (w->volumes_ready)
		return 1;
	if (w->volumes_retry_ms > worker_now(w))
		return 0;
	w->volumes_retry_ms = 0;
	if (take_ids(w, &err)) {
		worker_event(w, NULL, "Warning", "FailedCreatePodSandBox",
			     "Failed to create pod sandbox: %s", err.msg);
		later(w, &w->volumes_retry_ms);
		return 0;
	}
	for (size_t i = 0; i < w->n_volumes; i++)
		if (!w->volumes[i].late && !make_volume(w, &w->volumes[i]))
			return 0;
	w->volumes_ready = 1;
	w->retry_ms = 0;
	return 1;
}

/*
 * The account's volume waits for nobody: it is made while the sandbox is. Whether the pod gets it
 * is settled then, once.
 */
static int make_account_volume(struct worker *w)
{
	struct volume *v = volume_find(w->volumes, w->n_volumes, ACCOUNT_VOLUME);
	const struct env_source src = worker_volume_ctx(w).src;

	if (!v->late)
		return 1;
	if (w->volumes_retry_ms > worker_now(w))
		return 0;
	w->volumes_retry_ms = 0;
	if (pod_wants_account(&src) && !make_volume(w, v))
		return 0;
	v->late = 0;
	return 1;
}

void worker_recall_volumes(struct worker *w)
{
	struct volume_ctx ctx = worker_volume_ctx(w);

	for (size_t i = 0; i < w->n_volumes; i++) {
		struct volume *v = &w->volumes[i];
		struct err err = ERR_INIT;

		if (v->late && !pod_wants_account(&ctx.src)) {
			v->late = 0;
			continue;
		}
		v->late = 0;
		if (volume_set_up(&ctx, v, &err))
			worker_event(w, NULL, "Warning", "FailedMount",
				     "MountVolume.SetUp failed for volume \"%s\" : %s", v->name,
				     err.msg);
	}
	w->volumes_ready = 1;
}

/* -- sandbox -- */

static void add_ports(const struct value *list, struct host_port **out, size_t *n)
{
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *ports = value_get(value_at(list, i), "ports");

		for (size_t k = 0; k < value_count(ports); k++) {
			const struct value *p = value_at(ports, k);
			int64_t host_port = value_int(value_get(p, "hostPort"), 0);
			const char *proto = value_str(value_get(p, "protocol"), "TCP");
			const char *ip = value_str(value_get(p, "hostIP"), "");
			struct in_addr addr = {0};

			if (host_port < 1 || host_port > 65535)
				continue;
			if (*ip && inet_pton(AF_INET, ip, &addr) != 1)
				continue;
			*out = xreallocarray(*out, *n + 1, sizeof(**out));
			(*out)[(*n)++] = (struct host_port){
				.host_port = (unsigned)host_port,
				.container_port =
					(unsigned)value_int(value_get(p, "containerPort"), 0),
				.udp = str_eq(proto, "UDP") ? 1 : (str_eq(proto, "SCTP") ? 2 : 0),
				.host_ip = addr.s_addr,
			};
		}
	}
}

size_t pod_host_ports(const struct value *pod, struct host_port **out)
{
	size_t n = 0;

	*out = NULL;
	if (value_bool(value_dig(pod, "spec", "hostNetwork", NULL), 0))
		return 0;
	add_ports(value_dig(pod, "spec", "containers", NULL), out, &n);
	add_ports(value_dig(pod, "spec", "initContainers", NULL), out, &n);
	return n;
}

static char **sysctls_of(const struct value *pod)
{
	const struct value *list = value_dig(pod, "spec", "securityContext", "sysctls", NULL);
	char **out = xcalloc(value_count(list) + 1, sizeof(*out));

	for (size_t i = 0; i < value_count(list); i++)
		out[i] = xasprintf("%s=%s", value_str(value_get(value_at(list, i), "name"), ""),
				   value_str(value_get(value_at(list, i), "value"), ""));
	return out;
}

static const char *cgroup_of(enum qos q)
{
	static const char *const names[] = {"guaranteed", "burstable", "besteffort"};

	return names[q];
}

static int create_sandbox(struct worker *w, struct err *err)
{
	const struct value *pod = w->obj->value, *spec = value_get(pod, "spec");
	CLEANUP_FREE char *dir = pod_state_path(w->a->state_dir, w->uid);
	CLEANUP_FREE char *host = pod_hostname(pod), *fqdn = pod_fqdn(pod, w->a->cluster_domain);
	CLEANUP_FREE char *hosts = xasprintf("%s/etc/hosts", dir),
			  *resolv = xasprintf("%s/etc/resolv.conf", dir);
	struct sandbox_spec s = {
		.uid = w->uid,
		.ns = (char *)w->obj->ns,
		.name = (char *)w->obj->name,
		.hostname =
			value_bool(value_get(spec, "setHostnameAsFQDN"), 0) && fqdn ? fqdn : host,
		.domainname = (char *)"",
		.id_base = w->id_base,
		.host_network = value_bool(value_get(spec, "hostNetwork"), 0),
		.host_pid = value_bool(value_get(spec, "hostPID"), 0),
		.host_ipc = value_bool(value_get(spec, "hostIPC"), 0),
		.share_pids = value_bool(value_get(spec, "shareProcessNamespace"), 0),
		.host_users = pod_host_users(pod),
		.sysctls = sysctls_of(pod),
		.hosts_path = hosts,
		.resolv_path = resolv,
		.limits = pod_limits(pod),
		.qos = (char *)cgroup_of(qos_class(pod)),
	};

	s.limits.oom_score_adj = oom_score_adj(pod, NULL, w->a->node->memory_bytes);
	w->sb = w->a->ops->sandbox_create(w->a->ctx, &s, worker_sandbox_event, w, err);
	for (size_t i = 0; s.sysctls[i]; i++)
		free(s.sysctls[i]);
	free(s.sysctls);
	return w->sb ? 0 : -1;
}

static int make_sandbox(struct worker *w)
{
	struct err err = ERR_INIT;

	if (w->st.sandbox_ready)
		return 1;
	if (w->sb ||
	    w->sandbox_retry_ms > worker_now(w)) /* being made, being removed, or not now */
		return 0;
	w->sandbox_retry_ms = 0;
	if (create_sandbox(w, &err)) {
		worker_event(w, NULL, "Warning", "FailedCreatePodSandBox",
			     "Failed to create pod sandbox: %s", err.msg);
		later(w, &w->sandbox_retry_ms);
		return 0;
	}
	w->sandbox_pending = 1;
	return 0;
}

int worker_prepare(struct worker *w)
{
	int ready = make_volumes(w) && make_sandbox(w);

	return w->sb && make_account_volume(w) && ready;
}
