/* SPDX-License-Identifier: MIT */
/*
 * The node agent: what a Pod object means on this node (the kubelet's part).
 *
 * It registers the Node, takes every Pod whose spec.nodeName is this node, and
 * brings each one's containers to what its spec says: admission, volumes, files,
 * sandbox, network, init containers, containers, probes, hooks, restarts with
 * back-off, status, events, and the end. Names, reasons and texts are the
 * kubelet's; where this node differs it is said beside the code.
 *
 *	<state>/pods/<uid>/containers/<name>/<n>.log	log of the n-th run (CRI format)
 *	<state>/pods/<uid>/containers/<name>/<n>.end	termination message of the n-th run
 *	<state>/pods/<uid>/rootfs/<name>.<n>/		its writable layer
 *	<state>/pods/<uid>/volumes/<name>/		emptyDir and what else is kept on disk
 *	<state>/pods/<uid>/etc/				hosts, hostname, resolv.conf
 *	<run>/volumes/<uid>/<name>/			configMap, secret, downwardAPI, projected
 *
 * Nothing is polled: the agent sleeps until the store, a sandbox, a probe's or a
 * back-off's timer wakes it. So the node's Lease is not renewed on a clock: one
 * daemon is its node's only judge, and as long as it runs the node is alive. The
 * Lease is renewed when the agent is awake anyway and the last renewal is older
 * than 10 s; set heartbeat_ms where several machines share a store.
 *
 * Locking: start, stop and purge on the loop's thread (or before it runs); what
 * is said to be for any thread, from any thread but the loop's.
 */
#pragma once

#include <sys/types.h>

#include "net/net.h"
#include "objects/api.h"
#include "runtime/images.h"
#include "runtime/sandbox.h"
#include "util/loop.h"

struct agent;

struct agent_config {
	const char *node_name;
	const char *state_dir, *run_dir;
	const char *tree;     /* the mount point, for `csi: {driver: k8sfs.io}`; NULL: refused */
	const char *pod_cidr; /* Node spec.podCIDR, NULL: none */
	const char *cluster_domain; /* NULL: "cluster.local" */
	const char *dns_address;    /* the cluster's DNS; NULL: pods get the host's resolver */
	const char *version;        /* nodeInfo.kubeletVersion; NULL: "v1.36.0" */
	unsigned max_pods;          /* 0: 110 */
	unsigned heartbeat_ms;      /* renew the Lease on a clock; 0: never */
	/* Makes tokens for pods: as ops.h says. NULL: none are made. On the loop's thread. */
	int (*token)(void *arg, const struct value *pod, const char *account, const char *audience,
		     int64_t seconds, struct buf *out, struct err *err);
	void *token_arg;
};

/*
 * Registers the Node and its Lease, finds the running pods again, and starts to
 * follow the store. Borrows everything but cfg (copied) until agent_stop().
 * store is api_store(api). net may be NULL: pods then get no address.
 */
struct agent *agent_start(struct loop *loop, struct api *api, struct store *store,
			  struct sandboxes *sandboxes, struct images *images, struct net *net,
			  const struct agent_config *cfg, struct err *err);
/* Pods go on running; writes in flight are waited for. */
void agent_stop(struct agent *a);
/*
 * Stop every pod of this node within its grace (at most max_ms in all) and remove its
 * mounts, cgroups, namespaces and files; the objects stay. done(arg) runs on the loop; then
 * agent_stop().
 */
void agent_purge(struct agent *a, uint64_t max_ms, loop_fn done, void *arg);

/* An image was stored: pods that wait for it try again at once. Any thread. NULL: any image. */
void agent_image_added(struct agent *a, const char *name);

/*
 * What the tree shows of a pod's containers. Any thread; a is only read.
 */

/* The writable directory of a container's root, of its last run. Return: descriptor, or -errno. */
int agent_changes_open(const struct agent *a, const char *pod_uid, const char *container,
		       struct err *err) MUST_CHECK;
/* Path of a container's log (or of the run before), owned; NULL with -ENOENT. */
char *agent_log_path(const struct agent *a, const char *pod_uid, const char *container,
		     int previous, struct err *err);
/* That file, opened for reading. Return: descriptor, or -errno. */
int agent_log_open(const struct agent *a, const char *pod_uid, const char *container, int previous,
		   struct err *err) MUST_CHECK;
/* The container's entry of status.*containerStatuses; borrowed from pod, NULL if there is none yet.
 */
const struct value *agent_container_status(const struct value *pod, const char *container);
/* cpu_usec, memory_bytes ... of a running container, one `key value` a line. */
int agent_container_stats(const struct agent *a, const char *pod_uid, const char *container,
			  struct buf *out, struct err *err) MUST_CHECK;
/* One line of a container's ctl: `kill [SIGNAL]` (default TERM). -EINVAL, -ESRCH. Waits for the
 * loop. */
int agent_container_ctl(struct agent *a, const char *pod_uid, const char *container,
			const char *line, struct err *err) MUST_CHECK;
/* What reading ctl prints. */
extern const char agent_container_ctl_usage[];
