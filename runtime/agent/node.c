/* SPDX-License-Identifier: MIT */
/* The node, read from /proc and /etc, and its object. */
#include "runtime/agent/node.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "objects/quantity.h"
#include "util/fd.h"

static char *one_line(const char *path)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT;

	if (fd_read_file(path, 4096, &b, NULL))
		return xstrdup("");
	return xstrndup(buf_str(&b), strcspn(buf_str(&b), "\n"));
}

static char *os_image(void)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT;
	const char *at;

	if (fd_read_file("/etc/os-release", 1 << 16, &b, NULL))
		return xstrdup("Linux");
	at = strstr(buf_str(&b), "PRETTY_NAME=\"");
	at = at ? at + strlen("PRETTY_NAME=\"") : "Linux";
	return xstrndup(at, strcspn(at, "\"\n"));
}

/* Names of Go, which Kubernetes uses. */
static const char *go_arch(const char *machine)
{
	static const char *const names[][2] = {
		{"x86_64", "amd64"}, {"aarch64", "arm64"}, {"i686", "386"}, {"armv7l", "arm"}};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq(names[i][0], machine))
			return names[i][1];
	return machine;
}

/* The interface of the default route, from /proc/net/route. */
static int default_interface(char out[IF_NAMESIZE])
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT;
	char *save = NULL;

	if (fd_read_file("/proc/net/route", 1 << 20, &b, NULL) || !b.len)
		return 0;
	for (char *line = strtok_r(b.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char name[IF_NAMESIZE + 1];
		unsigned destination, gateway, flags;

		if (sscanf(line, "%16s %x %x %x", name, &destination, &gateway, &flags) == 4 &&
		    destination == 0 && (flags & 1)) {
			snprintf(out, IF_NAMESIZE, "%.15s", name);
			return 1;
		}
	}
	return 0;
}

/* The address of the default route's interface, else any that is not loopback, else loopback. */
static char *node_ip(void)
{
	char best[INET_ADDRSTRLEN] = "127.0.0.1", wanted[IF_NAMESIZE] = "";
	struct ifaddrs *all = NULL;
	int found = 0;

	default_interface(wanted);
	if (getifaddrs(&all))
		return xstrdup(best);
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		const struct sockaddr_in *in = (const void *)i->ifa_addr;
		int match;

		if (!in || in->sin_family != AF_INET || (i->ifa_flags & IFF_LOOPBACK) ||
		    !(i->ifa_flags & IFF_UP))
			continue;
		match = 1 + str_eq(i->ifa_name, wanted);
		if (match <= found)
			continue;
		found = match;
		inet_ntop(AF_INET, &in->sin_addr, best, sizeof(best));
	}
	freeifaddrs(all);
	return xstrdup(best);
}

struct node_facts *node_facts_read(const char *name, const char *state_dir, unsigned max_pods)
{
	struct node_facts *f = xcalloc(1, sizeof(*f));
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct sysinfo memory;
	struct statvfs disk;
	struct utsname uts;

	f->name = xstrdup(name);
	f->ip = node_ip();
	f->cpu_millis = (cpus > 0 ? cpus : 1) * 1000;
	if (sysinfo(&memory) == 0)
		f->memory_bytes = (uint64_t)memory.totalram * memory.mem_unit;
	if (statvfs(state_dir, &disk) == 0)
		f->disk_bytes = (uint64_t)disk.f_blocks * disk.f_frsize;
	f->max_pods = max_pods ? max_pods : 110;
	uname(&uts);
	f->kernel = xstrdup(uts.release);
	f->arch = xstrdup(go_arch(uts.machine));
	f->os_image = os_image();
	f->machine_id = one_line("/etc/machine-id");
	f->boot_id = one_line("/proc/sys/kernel/random/boot_id");
	f->system_uuid = one_line("/sys/class/dmi/id/product_uuid");
	if (!*f->system_uuid) {
		free(f->system_uuid);
		f->system_uuid = xstrdup(f->machine_id);
	}
	return f;
}

void node_facts_free(struct node_facts *f)
{
	if (!f)
		return;
	free(f->name);
	free(f->ip);
	free(f->os_image);
	free(f->kernel);
	free(f->machine_id);
	free(f->boot_id);
	free(f->system_uuid);
	free(f->arch);
	free(f);
}

struct value *node_resources(const struct node_facts *f)
{
	struct value *v = value_new_map();

	if (f->cpu_millis % 1000)
		v = value_set(v, "cpu", value_new_stringf("%lldm", (long long)f->cpu_millis));
	else
		v = value_set(v, "cpu",
			      value_new_stringf("%lld", (long long)(f->cpu_millis / 1000)));
	v = value_set(v, "memory",
		      value_new_stringf("%lluKi", (unsigned long long)(f->memory_bytes / 1024)));
	v = value_set(v, "ephemeral-storage",
		      value_new_stringf("%lluKi", (unsigned long long)(f->disk_bytes / 1024)));
	v = value_set_str(v, "hugepages-1Gi", "0");
	v = value_set_str(v, "hugepages-2Mi", "0");
	return value_set(v, "pods", value_new_stringf("%u", f->max_pods));
}

struct node_condition {
	const char *type, *status, *reason, *message;
};

static const struct node_condition conditions[] = {
	{"MemoryPressure", "False", "KubeletHasSufficientMemory",
	 "kubelet has sufficient memory available"},
	{"DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"},
	{"PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"},
	{"Ready", "True", "KubeletReady", "kubelet is posting ready status"},
};

static const struct value *find(const struct value *list, const char *type)
{
	for (size_t i = 0; i < value_count(list); i++)
		if (str_eq(value_str(value_get(value_at(list, i), "type"), NULL), type))
			return value_at(list, i);
	return NULL;
}

static int same(const struct value *was, const struct node_condition *c)
{
	return was && str_eq(value_str(value_get(was, "status"), NULL), c->status) &&
	       str_eq(value_str(value_get(was, "reason"), NULL), c->reason) &&
	       str_eq(value_str(value_get(was, "message"), NULL), c->message);
}

static struct value *make_condition(const struct node_condition *c, const struct value *was,
				    const char *now)
{
	const struct value *since = value_get(was, "lastTransitionTime");
	struct value *v = value_new_map();

	v = value_set_str(v, "type", c->type);
	v = value_set_str(v, "status", c->status);
	v = value_set_str(v, "reason", c->reason);
	v = value_set_str(v, "message", c->message);
	v = value_set_str(v, "lastHeartbeatTime", now);
	if (since && str_eq(value_str(value_get(was, "status"), NULL), c->status))
		return value_set(v, "lastTransitionTime", value_ref(since));
	return value_set_str(v, "lastTransitionTime", now);
}

static struct value *merge_conditions(const struct value *old, int64_t now_sec)
{
	struct value *list = value_new_list();
	char now[32];

	time_render(now_sec, now);
	for (size_t i = 0; i < ARRAY_LEN(conditions); i++) {
		const struct value *was = find(old, conditions[i].type);

		list = value_append(list, same(was, &conditions[i])
						  ? value_ref(was)
						  : make_condition(&conditions[i], was, now));
	}
	for (size_t i = 0; i < value_count(old); i++)
		if (!find(list, value_str(value_get(value_at(old, i), "type"), "")))
			list = value_append(list, value_ref(value_at(old, i)));
	return list;
}

static struct value *node_info(const struct node_facts *f, const char *version)
{
	struct value *v = value_new_map();

	v = value_set_str(v, "architecture", f->arch);
	v = value_set_str(v, "bootID", f->boot_id);
	v = value_set_str(v, "containerRuntimeVersion", "k8sfs://0.1.0");
	v = value_set_str(v, "kernelVersion", f->kernel);
	v = value_set_str(v, "kubeProxyVersion", "");
	v = value_set_str(v, "kubeletVersion", version ? version : "v1.36.0");
	v = value_set_str(v, "machineID", f->machine_id);
	v = value_set_str(v, "operatingSystem", "linux");
	v = value_set_str(v, "osImage", f->os_image);
	return value_set_str(v, "systemUUID", f->system_uuid);
}

static struct value *address(const char *type, const char *text)
{
	return value_set_str(value_set_str(value_new_map(), "type", type), "address", text);
}

static struct value *set_labels(struct value *v, const struct node_facts *f)
{
	const char *const labels[][2] = {
		{"kubernetes.io/hostname", f->name},  {"kubernetes.io/os", "linux"},
		{"kubernetes.io/arch", f->arch},      {"beta.kubernetes.io/os", "linux"},
		{"beta.kubernetes.io/arch", f->arch},
	};

	for (size_t i = 0; i < ARRAY_LEN(labels); i++)
		v = value_bury(v, value_new_string(labels[i][1]), "metadata", "labels",
			       labels[i][0], NULL);
	return v;
}

struct value *node_object(const struct node_facts *f, struct value *v, const char *version,
			  const char *pod_cidr, int64_t now_sec)
{
	struct value *addresses = value_new_list();

	v = set_labels(v, f);
	if (pod_cidr && !value_dig_str(v, "spec", "podCIDR", NULL)) {
		v = value_bury(v, value_new_string(pod_cidr), "spec", "podCIDR", NULL);
		v = value_bury(v, value_append(value_new_list(), value_new_string(pod_cidr)),
			       "spec", "podCIDRs", NULL);
	}
	addresses = value_append(addresses, address("InternalIP", f->ip));
	addresses = value_append(addresses, address("Hostname", f->name));
	v = value_bury(v, node_resources(f), "status", "capacity", NULL);
	v = value_bury(v, node_resources(f), "status", "allocatable", NULL);
	v = value_bury(v, addresses, "status", "addresses", NULL);
	v = value_bury(v, node_info(f, version), "status", "nodeInfo", NULL);
	return value_bury(v, merge_conditions(value_dig(v, "status", "conditions", NULL), now_sec),
			  "status", "conditions", NULL);
}
