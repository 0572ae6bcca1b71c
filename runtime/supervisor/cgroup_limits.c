/* SPDX-License-Identifier: MIT */
/* What requests and limits become in control files, and what use is read from them. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/supervisor/cgroup.h"
#include "runtime/supervisor/cgroup_i.h"
#include "runtime/supervisor/devices.h"
#include "util/fd.h"

#define PERIOD_USEC 100000u /* of the CPU quota; the kubelet's */
#define MIN_SHARES  2u
#define MAX_SHARES  262144u
#define MIN_QUOTA   1000u

int cgroup_write_at(int dir, const char *file, const char *value, struct err *err)
{
	CLEANUP_FD int fd = openat(dir, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_sys(err, errno, "open %s", file);
	if (write(fd, value, strlen(value)) < 0)
		return err_sys(err, errno, "write '%s' to %s", value, file);
	return 0;
}

int cgroup_read_at(int dir, const char *file, struct buf *out)
{
	CLEANUP_FD int fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, buf_reserve(out, 4096), 4096)) > 0) {
		out->len += (size_t)n;
		out->data[out->len] = '\0';
	}
	out->data[out->len] = '\0'; /* also of an empty file */
	return n < 0 ? -errno : 0;
}

static uint64_t shares_of(const struct resource_limits *l)
{
	uint64_t shares = l->cpu_shares_millis > MAX_SHARES * 1000ull
				  ? MAX_SHARES
				  : l->cpu_shares_millis * 1024 / 1000;

	return shares < MIN_SHARES ? MIN_SHARES : shares > MAX_SHARES ? MAX_SHARES : shares;
}

/* Microseconds in each period; 0: no limit. */
static uint64_t quota_of(const struct resource_limits *l)
{
	uint64_t quota = l->cpu_quota_millis * (PERIOD_USEC / 1000);

	return l->cpu_quota_millis && quota < MIN_QUOTA ? MIN_QUOTA : quota;
}

struct target { /* one cgroup in one hierarchy */
	const struct cgroup_hierarchy *hierarchy;
	const char *path;
	struct err *err;
};

static int put(const struct target *t, const char *file, const char *fmt, ...) PRINTF_LIKE(3, 4);
static int put(const struct target *t, const char *file, const char *fmt, ...)
{
	char name[PATH_MAX], value[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	snprintf(name, sizeof(name), "%s/%s", t->path, file);
	return cgroup_write_at(t->hierarchy->dir, name, value, t->err);
}

static int limit_cpu_v1(const struct target *t, const struct resource_limits *l)
{
	int rc = put(t, "cpu.shares", "%" PRIu64, shares_of(l));

	if (rc == 0 && quota_of(l))
		rc = put(t, "cpu.cfs_quota_us", "%" PRIu64, quota_of(l));
	return rc;
}

/* The memsw limit may never be below the memory limit; where the kernel has none, it is not there.
 */
static int limit_memory_v1(const struct target *t, const struct resource_limits *l)
{
	struct target quiet = {t->hierarchy, t->path, NULL};
	int rc;

	if (!l->memory_bytes)
		return 0;
	rc = put(&quiet, "memory.limit_in_bytes", "%" PRIu64, l->memory_bytes);
	if (rc == -EINVAL) { /* raising it above the present memsw limit: that one first */
		(void)put(&quiet, "memory.memsw.limit_in_bytes", "%" PRIu64, l->memory_bytes);
		rc = put(t, "memory.limit_in_bytes", "%" PRIu64, l->memory_bytes);
	}
	(void)put(&quiet, "memory.memsw.limit_in_bytes", "%" PRIu64, l->memory_bytes);
	return rc == 0 ? 0 : err_sys(t->err, -rc, "memory limit %" PRIu64, l->memory_bytes);
}

static int limit_cpu_v2(const struct target *t, const struct resource_limits *l)
{
	/* The mapping of shares [2, 262144] to weights [1, 10000] that container runtimes share. */
	uint64_t weight = 1 + (shares_of(l) - 2) * 9999 / 262142;
	int rc = put(t, "cpu.weight", "%" PRIu64, weight);

	if (rc == 0 && quota_of(l))
		rc = put(t, "cpu.max", "%" PRIu64 " %u", quota_of(l), PERIOD_USEC);
	return rc;
}

/*
 * Requests become no memory.min or memory.low: neither does the kubelet (but for its MemoryQoS
 * gate), and below ancestors without a sum of them they would be void, or, with
 * memory_recursiveprot (systemd's default), every pod's.
 */
static int limit_memory_v2(const struct target *t, const struct resource_limits *l)
{
	return l->memory_bytes ? put(t, "memory.max", "%" PRIu64, l->memory_bytes) : 0;
}

static int limit_in(const struct target *t, const struct resource_limits *l)
{
	unsigned has = t->hierarchy->controllers;
	int v2 = !!(has & CGROUP_V2), rc = 0;

	if (has & CGROUP_CPU)
		rc = v2 ? limit_cpu_v2(t, l) : limit_cpu_v1(t, l);
	if (rc == 0 && (has & CGROUP_MEMORY))
		rc = v2 ? limit_memory_v2(t, l) : limit_memory_v1(t, l);
	if (rc == 0 && (has & CGROUP_PIDS) && l->pids)
		rc = put(t, "pids.max", "%" PRIu64, l->pids);
	return rc;
}

int cgroup_limit(const struct cgroups *cg, const char *path, const struct resource_limits *l,
		 struct err *err)
{
	for (size_t i = 0; i < cg->n; i++) {
		struct target t = {&cg->hierarchies[i], path, err};
		int rc = limit_in(&t, l);

		if (rc < 0)
			return rc;
	}
	return 0;
}

void cgroup_treat_as_container(const struct cgroups *cg, const char *path)
{
	for (size_t i = 0; i < cg->n; i++) {
		struct target t = {&cg->hierarchies[i], path, NULL};
		unsigned has = t.hierarchy->controllers;

		if (!(has & CGROUP_V2) || !(has & CGROUP_MEMORY))
			continue;
		(void)put(&t, "memory.oom.group", "1");
		(void)put(&t, "memory.swap.max", "0");
	}
}

static int restrict_devices_v1(const struct target *t)
{
	int rc = put(t, "devices.deny", "a");

	if (rc == 0)
		rc = put(t, "devices.allow", "c *:* m");
	if (rc == 0)
		rc = put(t, "devices.allow", "b *:* m");
	for (size_t i = 0; rc == 0 && i < n_device_rules; i++) {
		const struct device_rule *r = &device_rules[i];

		if (r->minor < 0)
			rc = put(t, "devices.allow", "c %u:* rwm", r->major);
		else
			rc = put(t, "devices.allow", "c %u:%d rwm", r->major, r->minor);
	}
	return rc;
}

static const struct cgroup_hierarchy *hierarchy_with(const struct cgroups *cg, unsigned controller)
{
	for (size_t i = 0; i < cg->n; i++)
		if (cg->hierarchies[i].controllers & controller)
			return &cg->hierarchies[i];
	return NULL;
}

int cgroup_restrict_devices(const struct cgroups *cg, const char *path, struct err *err)
{
	struct target v1 = {hierarchy_with(cg, CGROUP_DEVICES), path, NULL};
	CLEANUP_FD int v2 = -1;
	int rc;

	if (v1.hierarchy) {
		rc = restrict_devices_v1(&v1);
		/* Where our own parent is restricted, we cannot give what we do not have. */
		return rc == 0 || rc == -EPERM ? 0
					       : err_sys(err, -rc, "devices of cgroup %s", path);
	}
	v2 = cgroup_open_v2(cg, path);
	if (v2 < 0)
		return err_sys(err, ENOTSUP, "devices of cgroup %s", path);
	return devices_restrict_v2(v2, err);
}

static uint64_t read_number(const struct target *t, const char *file)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	char name[PATH_MAX];

	snprintf(name, sizeof(name), "%s/%s", t->path, file);
	if (cgroup_read_at(t->hierarchy->dir, name, &text) < 0 || !text.len)
		return 0;
	return strtoull(text.data, NULL, 10);
}

/* The number after `key` in a file of "key number" lines. */
static uint64_t read_key(const struct target *t, const char *file, const char *key)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	char name[PATH_MAX];
	size_t len = strlen(key);

	snprintf(name, sizeof(name), "%s/%s", t->path, file);
	if (cgroup_read_at(t->hierarchy->dir, name, &text) < 0)
		return 0;
	for (const char *line = buf_str(&text); line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) == 0 && line[len] == ' ')
			return strtoull(line + len + 1, NULL, 10);
	}
	return 0;
}

static void stats_v1(const struct target *t, struct container_stats *out)
{
	unsigned has = t->hierarchy->controllers;

	if (has & CGROUP_CPUACCT)
		out->cpu_usec = read_number(t, "cpuacct.usage") / 1000;
	if (has & CGROUP_MEMORY) {
		out->memory_bytes = read_number(t, "memory.usage_in_bytes");
		out->memory_peak_bytes = read_number(t, "memory.max_usage_in_bytes");
		out->oom_kills = read_key(t, "memory.oom_control", "oom_kill");
	}
	if (has & CGROUP_PIDS)
		out->pids = read_number(t, "pids.current");
}

static void stats_v2(const struct target *t, struct container_stats *out)
{
	unsigned has = t->hierarchy->controllers;

	if (has & CGROUP_CPU)
		out->cpu_usec = read_key(t, "cpu.stat", "usage_usec");
	if (has & CGROUP_MEMORY) {
		out->memory_bytes = read_number(t, "memory.current");
		out->memory_peak_bytes = read_number(t, "memory.peak");
		out->oom_kills = read_key(t, "memory.events", "oom_kill");
	}
	if (has & CGROUP_PIDS)
		out->pids = read_number(t, "pids.current");
}

int cgroup_stats(const struct cgroups *cg, const char *path, struct container_stats *out)
{
	int found = 0;

	*out = (struct container_stats){0};
	for (size_t i = 0; i < cg->n; i++) {
		struct target t = {&cg->hierarchies[i], path, NULL};

		found |= faccessat(t.hierarchy->dir, path, F_OK, 0) == 0;
		if (t.hierarchy->controllers & CGROUP_V2)
			stats_v2(&t, out);
		else
			stats_v1(&t, out);
	}
	return found ? 0 : -ENOENT;
}
