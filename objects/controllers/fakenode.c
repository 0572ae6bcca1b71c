/* SPDX-License-Identifier: MIT */
/*
 * Simulated nodes: a Node with the annotation `kwok.x-k8s.io/node: fake` (KWOK's
 * convention) is ready, its pods are Running as soon as they are bound, those of
 * Jobs Succeeded, and gone as soon as they are deleted. Nothing is started.
 */
#include <stdio.h>

#include "objects/controllers/controller.h"
#include "objects/controllers/facts.h"
#include "util/strmap.h"

/* Addresses from the shared range (RFC 6598): they cannot meet a real pod's. */
#define FAKE_NET      0x64400000u /* 100.64.0.0/10 */
#define FAKE_NET_SIZE (1u << 22)

struct fakes {
	struct strmap nodes; /* names -> themselves */
	uint32_t last_ip;    /* offset into FAKE_NET */
};

static void fini(struct controller *c)
{
	struct fakes *f = controller_state(c);

	strmap_fini(&f->nodes);
}

static int is_fake(const struct object *node)
{
	return str_eq(object_annotation(node->value, "kwok.x-k8s.io/node"), "fake");
}

/* -- changes -- */

static void note_ip(struct fakes *f, const struct object *pod)
{
	const char *ip = STR_AT(pod->value, "status", "podIP");
	unsigned a, b, c, d;
	uint32_t at;

	if (!ip || sscanf(ip, "%u.%u.%u.%u", &a, &b, &c, &d) != 4)
		return;
	at = (a << 24 | b << 16 | c << 8 | d) - FAKE_NET;
	if (at < FAKE_NET_SIZE && at > f->last_ip)
		f->last_ip = at;
}

static int needs_work(const struct value *pod)
{
	const char *phase = pod_phase(pod);

	return object_deleting(pod) ? INT_AT(pod, "metadata", "deletionGracePeriodSeconds") != 0
				    : str_eq(phase, "Pending") || str_eq(phase, "Unknown");
}

static void observe_pod(struct controller *c, const struct object *pod)
{
	struct fakes *f = controller_state(c);
	const char *node = STR_AT(pod->value, "spec", "nodeName");

	if (!node || !strmap_get(&f->nodes, node))
		return;
	if (needs_work(pod->value))
		controller_enqueue(c, object_key(pod));
	else
		note_ip(f, pod);
}

static void observe_node(struct controller *c, const struct change *ch)
{
	struct fakes *f = controller_state(c);
	struct object_list pods;

	if (ch->type == CHANGE_DELETED || !is_fake(ch->now)) {
		strmap_del(&f->nodes, ch->now->name);
		return;
	}
	controller_enqueue(c, object_key(ch->now));
	if (strmap_set(&f->nodes, ch->now->name, f))
		return;
	store_list(controller_store(c), known_kind(K_POD), NULL, &pods);
	for (size_t i = 0; i < pods.n; i++)
		if (str_eq(STR_AT(pods.list[i]->value, "spec", "nodeName"), ch->now->name))
			observe_pod(c, pods.list[i]);
	object_list_fini(&pods);
}

static void observe(struct controller *c, const struct change *ch)
{
	if (is_kind(ch->now, K_NODE))
		observe_node(c, ch);
	else if (is_kind(ch->now, K_POD) && ch->type != CHANGE_DELETED)
		observe_pod(c, ch->now);
}

/* -- nodes -- */

static struct value *node_condition(const char *type, const char *status, const char *reason,
				    const char *message)
{
	char now[32];
	struct value *c = condition_new(type, status, reason, message, api_now(now));

	return value_set_str(c, "lastHeartbeatTime", now);
}

static struct value *plenty(void)
{
	struct value *v = value_set_str(value_new_map(), "cpu", "1k");

	v = value_set_str(v, "memory", "1Ti");
	return value_set_str(v, "pods", "1M");
}

static struct value *node_info(void)
{
	static const char *const said[][2] = {
		{"architecture", "amd64"},
		{"bootID", ""},
		{"containerRuntimeVersion", ""},
		{"kernelVersion", ""},
		{"kubeProxyVersion", ""},
		{"kubeletVersion", "fake"},
		{"machineID", ""},
		{"operatingSystem", "linux"},
		{"osImage", ""},
		{"systemUUID", ""},
	};
	struct value *v = value_new_map();

	for (size_t i = 0; i < ARRAY_LEN(said); i++)
		v = value_set_str(v, said[i][0], said[i][1]);
	return v;
}

static struct value *node_status(const struct value *was)
{
	struct value *s = was ? value_ref(was) : value_new_map();

	if (!value_count(value_get(s, "allocatable"))) {
		const struct value *capacity = value_get(s, "capacity");

		s = value_set(s, "allocatable",
			      value_count(capacity) ? value_ref(capacity) : plenty());
	}
	if (!value_count(value_get(s, "capacity")))
		s = value_set(s, "capacity", value_ref(value_get(s, "allocatable")));
	if (!value_get(s, "nodeInfo"))
		s = value_set(s, "nodeInfo", node_info());
	s = condition_set(s, node_condition("MemoryPressure", "False", "KubeletHasSufficientMemory",
					    "kubelet has sufficient memory available"));
	s = condition_set(s, node_condition("DiskPressure", "False", "KubeletHasNoDiskPressure",
					    "kubelet has no disk pressure"));
	s = condition_set(s, node_condition("PIDPressure", "False", "KubeletHasSufficientPID",
					    "kubelet has sufficient PID available"));
	return condition_set(s, node_condition("Ready", "True", "KubeletReady",
					       "kubelet is posting ready status"));
}

/* -- pods -- */

static struct value *container_status(const struct value *container, int done, const char *now)
{
	struct value *v = value_new_map(), *state = value_new_map();

	state = value_set_str(state, "startedAt", now);
	if (done) {
		state = value_set_str(state, "finishedAt", now);
		state = value_set_str(state, "reason", "Completed");
		state = value_set_int(state, "exitCode", 0);
	}
	v = value_set_str(v, "name", STR_AT(container, "name"));
	v = value_set_str(v, "image", STR_AT(container, "image"));
	v = value_set_str(v, "imageID", "");
	v = value_set_int(v, "restartCount", 0);
	v = value_set_bool(v, "ready", !done);
	v = value_set_bool(v, "started", !done);
	return value_set(v, "state",
			 value_set(value_new_map(), done ? "terminated" : "running", state));
}

static struct value *container_statuses(const struct value *containers, int done, const char *now)
{
	struct value *list = value_new_list();

	for (size_t i = 0; i < value_count(containers); i++)
		list = value_append(list, container_status(value_at(containers, i), done, now));
	return list;
}

static struct value *pod_conditions(struct value *status, int done, const char *now)
{
	static const char *const types[] = {"PodReadyToStartContainers", "Initialized", "Ready",
					    "ContainersReady", "PodScheduled"};

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		int ends = done && (i == 0 || i == 2 || i == 3);

		status = condition_put(status,
				       condition_new(types[i], ends ? "False" : "True",
						     done && i < 4 && i ? "PodCompleted" : NULL,
						     NULL, now));
	}
	return status;
}

static struct value *pod_status(struct fakes *f, const struct value *pod)
{
	const struct value *was = value_get(pod, "status"), *spec = value_get(pod, "spec");
	const struct value *init = value_get(spec, "initContainers");
	int done = str_eq(STR_AT(object_controller(pod), "kind"), "Job");
	struct value *s = was ? value_ref(was) : value_new_map();
	char now[32], ip[32];
	uint32_t at;

	f->last_ip = (f->last_ip + 1) % FAKE_NET_SIZE;
	at = FAKE_NET + f->last_ip;
	snprintf(ip, sizeof(ip), "%u.%u.%u.%u", at >> 24, at >> 16 & 255, at >> 8 & 255, at & 255);
	api_now(now);
	s = pod_conditions(s, done, now);
	s = value_set_str(s, "phase", done ? "Succeeded" : "Running");
	s = value_set_str(s, "podIP", ip);
	s = value_set(s, "podIPs",
		      value_append(value_new_list(), value_set_str(value_new_map(), "ip", ip)));
	s = value_set_str(s, "startTime", now);
	if (value_count(init))
		s = value_set(s, "initContainerStatuses", container_statuses(init, 1, now));
	return value_set(s, "containerStatuses",
			 container_statuses(value_get(spec, "containers"), done, now));
}

static void sync_pod(struct controller *c, const struct object *pod, struct plan *plan)
{
	if (!needs_work(pod->value))
		return;
	if (object_deleting(pod->value))
		plan_delete(plan, pod)->grace_seconds = 0;
	else
		plan_status(plan, pod, pod_status(controller_state(c), pod->value));
}

static int sync(struct controller *c, struct objkey key, struct plan *plan, struct err *err)
{
	struct fakes *f = controller_state(c);
	struct object *o = store_get(controller_store(c), key);
	const char *node;

	if (o && is_kind(o, K_NODE) && is_fake(o)) {
		plan_status(plan, o, node_status(value_get(o->value, "status")));
	} else if (o && is_kind(o, K_POD)) {
		node = STR_AT(o->value, "spec", "nodeName");
		if (node && strmap_get(&f->nodes, node))
			sync_pod(c, o, plan);
	}
	object_unref(o);
	return 0;
}

const struct controller_class fakenode_controller = {
	.name = "kwok",
	.manager = "kwok",
	.state_size = sizeof(struct fakes),
	.fini = fini,
	.observe = observe,
	.sync = sync,
};
