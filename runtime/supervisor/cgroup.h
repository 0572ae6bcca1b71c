/* SPDX-License-Identifier: MIT */
/*
 * The pod's cgroups, behind one interface for v1 (a hierarchy per controller),
 * v2 (one for all) and both at once. We own one subtree, `<hierarchy>/<root>`,
 * and touch nothing else:
 *
 *	<root>/supervisors			the supervisors
 *	<root>/<qos>/pod<uid>			limits of the pod
 *	<root>/<qos>/pod<uid>/<container>	limits of the container, its processes
 *
 * <root> is a child of the hierarchy's own root, as with the kubelet's and Docker's cgroupfs
 * drivers, also when we run as a service: pods outlive the daemon, so they must not live in its
 * unit's cgroup, which systemd empties, and could not enter again once controllers are enabled
 * below it. systemd leaves cgroups alone that it did not make, and cannot take controllers from
 * the root that we have enabled further down (EBUSY, cgroup-v2.rst "Top-down Constraint"). In a
 * container whose own processes are in the way (v2: no internal processes), they are moved into
 * the leaf CGROUP_OTHERS.
 *
 * Paths below are relative to <root>. Rules of the values: cgroups(7), the
 * kernel's cgroup-v1/ and cgroup-v2.rst, and the kubelet for what becomes of
 * requests and limits (shares = millicores * 1024 / 1000, period 100 ms).
 *
 * Locking: the driver is immutable once opened; any thread.
 */
#pragma once

#include "runtime/sandbox.h"
#include "util/buf.h"

enum cgroup_controller {
	CGROUP_CPU = 1,
	CGROUP_CPUACCT = 2,
	CGROUP_MEMORY = 4,
	CGROUP_PIDS = 8,
	CGROUP_DEVICES = 16,
	CGROUP_V2 = 32, /* the unified hierarchy, besides whatever it controls */
};

#define MAX_HIERARCHIES 8
#define CGROUP_OTHERS                                                                              \
	"k8sfs-others" /* v2, in a container: whoever was in what is the root there                \
			*/

struct cgroup_hierarchy {
	char *mount;          /* where it is mounted, e.g. /sys/fs/cgroup/memory */
	unsigned controllers; /* enum cgroup_controller */
	int dir;              /* of <root>; -1 until prepared */
};

struct cgroups {
	char *root;
	struct cgroup_hierarchy hierarchies[MAX_HIERARCHIES];
	size_t n;
};

/* From a mountinfo file (proc_pid_mountinfo(5)): the hierarchies with a controller that we use, and
 * v2. */
struct cgroups *cgroups_open(const char *mountinfo, const char *root, struct err *err);
/* From lines "<controllers> <mount>", as cgroups_describe() gives them. NULL when a line is wrong.
 */
struct cgroups *cgroups_parse(const char *lines, const char *root, struct err *err);
void cgroups_describe(const struct cgroups *cg, struct buf *out);
void cgroups_close(struct cgroups *cg);
DEFINE_CLEANUP(struct cgroups *, cgroups_close)

/* Make <root> where it is missing and open it; on v2 the controllers are handed down. */
int cgroups_prepare(struct cgroups *cg, struct err *err) MUST_CHECK;
/* Make path with its missing parents; has_children: v2 hands the controllers on. */
int cgroup_make(const struct cgroups *cg, const char *path, int has_children, struct err *err)
	MUST_CHECK;
/* In an order that the kernel accepts from any earlier state. */
int cgroup_limit(const struct cgroups *cg, const char *path, const struct resource_limits *l,
		 struct err *err) MUST_CHECK;
/*
 * As the kubelet has it on v2: all of a container's processes die together when it is out of
 * memory, and none of it is swapped. Not for pods: one container must not take the others along.
 */
void cgroup_treat_as_container(const struct cgroups *cg, const char *path);
/* Only the devices of every container (devices.h). */
int cgroup_restrict_devices(const struct cgroups *cg, const char *path, struct err *err) MUST_CHECK;
/* Move the calling process, which has one thread, into path's v1 hierarchies (all: and v2's). */
int cgroup_join(const struct cgroups *cg, const char *path, int all, struct err *err) MUST_CHECK;
/* A descriptor of the v2 directory for CLONE_INTO_CGROUP; -1 when there is no v2. */
int cgroup_open_v2(const struct cgroups *cg, const char *path);
/* SIGKILL everything in path and below. Return: how many it saw (0: empty). */
int cgroup_kill(const struct cgroups *cg, const char *path);
/* rmdir path and everything below. Return: 0, -EBUSY while something runs in it. */
int cgroup_remove(const struct cgroups *cg, const char *path);
/* Kill everything in the whole subtree and remove it. Return: 0, -EBUSY. */
int cgroups_purge(const struct cgroups *cg);
/* Remove the subtree if nothing runs in it. */
void cgroups_remove_idle(const struct cgroups *cg);
/* Use, as far as the controllers are there. Return: 0, -ENOENT. */
int cgroup_stats(const struct cgroups *cg, const char *path, struct container_stats *out)
	MUST_CHECK;
/* The directories below path, in any hierarchy; fn's name is borrowed. */
void cgroup_children(const struct cgroups *cg, const char *path,
		     void (*fn)(void *arg, const char *name), void *arg);
