/* SPDX-License-Identifier: MIT */
/* Cleaning up after supervisors that are gone. */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "runtime/sandbox/sandbox_i.h"
#include "util/fd.h"
#include "util/log.h"

static const char *const classes[] = {"guaranteed", "burstable", "besteffort"};

/* Killed processes leave their cgroup a moment later; a supervisor's pid namespace is empty
 * already. */
static void remove_cgroup(const struct sandboxes *all, const char *path)
{
	const struct timespec moment = {0, 1000000};
	int rc = -EBUSY;

	for (int round = 0; round < 50; round++) {
		(void)cgroup_kill(all->cgroups, path);
		rc = cgroup_remove(all->cgroups, path);
		if (rc != -EBUSY)
			break;
		nanosleep(&moment, NULL);
	}
	if (rc < 0)
		log_warn("cgroup %s: %s", path, strerror(-rc));
}

void leftovers_remove(struct sandboxes *all, const char *uid)
{
	CLEANUP_FREE char *dir = xasprintf("%s/pods/%s", all->run_dir, uid);
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		CLEANUP_FREE char *path = xasprintf("%s/pod%s", classes[i], uid);

		remove_cgroup(all, path);
	}
	if (fd_remove_tree(dir, &err) < 0)
		log_warn("%s", err.msg);
}

struct sweep {
	struct sandboxes *all;
	struct strmap found; /* uids */
};

static void note_pod(void *arg, const char *name)
{
	struct sweep *s = arg;
	const char *uid = str_starts(name, "pod") ? name + 3 : NULL;

	if (uid && *uid && !strmap_get(&s->all->by_uid, uid))
		strmap_set(&s->found, uid, s);
}

void leftovers_sweep(struct sandboxes *all)
{
	struct sweep s = {all, STRMAP_INIT};

	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		cgroup_children(all->cgroups, classes[i], note_pod, &s);
	STRMAP_FOREACH (slot, &s.found) {
		log_info("removing what pod %s left", slot->key);
		leftovers_remove(all, slot->key);
	}
	strmap_fini(&s.found);
}

void leftovers_close(struct sandboxes *all)
{
	CLEANUP_FREE char *path = xasprintf("%s/pods", all->run_dir);

	/* A pod has a directory there; its cgroup may be idle between two containers. */
	if (rmdir(path) == 0)
		cgroups_remove_idle(all->cgroups);
}

int sandboxes_purge(struct sandboxes *all, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/pods", all->run_dir);
	int rc = cgroups_purge(all->cgroups);

	STRMAP_FOREACH (s, &all->by_uid)
		sandbox_reap(s->val);
	if (rc < 0)
		return err_sys(err, -rc, "cgroup %s", all->root);
	return fd_remove_tree(path, err);
}
