/* SPDX-License-Identifier: MIT */
#include "daemon/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/daemon_i.h"
#include "util/fd.h"

#define STOP_MS  30000u /* for a daemon to close its rooms */
#define PURGE_MS 45000u /* and to end its pods before */

/* What is mounted there: its source is the state directory. Return: owned, NULL when no k8sfs is.
 */
static char *mounted_state(const char *mountpoint)
{
	FILE *table = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;
	char *state = NULL;

	while (table && (entry = getmntent(table)))
		if (str_eq(entry->mnt_dir, mountpoint) && str_eq(entry->mnt_type, "fuse.k8sfs")) {
			free(state); /* the last one is on top */
			state = xstrdup(entry->mnt_fsname);
		}
	if (table)
		endmntent(table);
	return state;
}

/* Ask through the tree, as anybody would. Return: 0, -ENOTCONN when nobody answers. */
static int ask(const struct options *o, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/ctl", o->mountpoint);
	const char *verb = o->purge ? "shutdown purge\n" : "shutdown\n";
	CLEANUP_FD int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 && (errno == ENOTCONN || errno == ENOENT || errno == ECONNABORTED))
		return -ENOTCONN;
	if (fd < 0)
		return err_sys(err, errno, "%s", path);
	if (write(fd, verb, strlen(verb)) < 0)
		return errno == ENOTCONN || errno == ECONNABORTED ? -ENOTCONN
								  : err_sys(err, errno, "%s", path);
	return 0;
}

/* -- a purge without a daemon -- */

static int end_sandboxes(struct loop *loop, const struct options *o, struct err *err)
{
	struct sandboxes_config cfg = {.state_dir = o->state, .run_dir = o->run};
	struct sandboxes *all = sandboxes_open(loop, &cfg, err);
	int rc;

	if (!all)
		return -err->code;
	rc = sandboxes_purge(all, err);
	sandboxes_close(all);
	return rc;
}

static int end_network(const struct options *o, struct err *err)
{
	char bridge[16];
	struct net_config cfg = {
		.pod_cidr = o->pod_cidr,
		.service_cidr = o->service_cidr,
		.bridge = bridge_name(o->mountpoint, bridge),
		.run_dir = o->run,
	};
	struct net *net = net_open(&cfg, err);
	int rc;

	if (!net)
		return -err->code;
	rc = net_purge(net, err);
	net_close(net);
	return rc;
}

static int purge_leftovers(const struct options *o, struct err *err)
{
	struct loop *loop = loop_new(err);
	int rc;

	if (!loop)
		return -err->code;
	rc = end_sandboxes(loop, o, err);
	if (!rc)
		rc = end_network(o, err);
	loop_free(loop);
	return rc ? rc : state_remove(o, err);
}

/* -- the command -- */

/* The daemon has the lock as long as it lives. */
static int wait_for_end(const struct options *o, struct err *err)
{
	struct state_lock *lock = state_lock_wait(o, o->purge ? PURGE_MS + STOP_MS : STOP_MS, err);
	int rc;

	if (!lock)
		return err_wrap(err, "it does not end");
	/* taking the lock made the directories anew */
	rc = o->purge ? state_remove(o, err) : 0;
	state_unlock(lock);
	return rc;
}

/* A purge must not make what it would then remove. */
static int purge_dead(struct options *o, struct err *err)
{
	CLEANUP_VALUE struct value *keep = NULL;
	struct state_lock *lock;
	struct stat st;
	int rc;

	if (stat(o->state, &st) != 0)
		return err_set(err, ENOENT,
			       "no k8sfs is mounted on %s, and there is no state in %s",
			       o->mountpoint, o->state);
	if (state_recall(o, &keep, err) == -ENOENT)
		err_clear(err);
	if (err->code)
		return -err->code;
	lock = state_lock(o, err);
	if (!lock)
		return -err->code;
	rc = purge_leftovers(o, err);
	state_unlock(lock);
	return rc;
}

int stop(const struct options *asked, struct err *err)
{
	CLEANUP_FREE char *state = mounted_state(asked->mountpoint);
	struct options o = *asked;
	int rc;

	if (state && !o.state_given)
		o.state = state;
	if (!state && !o.purge)
		return err_set(err, ENOENT, "no k8sfs is mounted on %s", o.mountpoint);
	rc = state ? ask(&o, err) : -ENOTCONN;
	if (!rc)
		return wait_for_end(&o, err);
	if (rc != -ENOTCONN)
		return rc;
	if (fs_detach_stale(o.mountpoint, err) < 0)
		return -err->code;
	return o.purge ? purge_dead(&o, err) : 0;
}
