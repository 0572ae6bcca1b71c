/* SPDX-License-Identifier: MIT */
/*
 * Volumes that must stay read-only for a container that may mount. The kernel
 * locks a mount's flags (MNT_LOCK_READONLY and its kin) when a mount namespace
 * is copied into a less privileged user namespace, and only then
 * (mount_namespaces(7), "Restrictions on mount namespaces"): what the container
 * itself attaches, it can remount. So stage 1 puts such volumes on a tmpfs in a
 * mount namespace of the host's users, the shelf; stage 2 gets its copy of that
 * with its own mount namespace, and takes them from there, locked.
 *
 * In the host's user namespace there is nothing to lock: CAP_SYS_ADMIN there
 * is the host's.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/supervisor/mounts.h"
#include "runtime/supervisor/stage.h"
#include "util/fd.h"

int shelf_wants(const struct container_spec *spec, const struct mount_spec *m)
{
	/* What is shared with the host would only be its slave in a copy. */
	return m->read_only && m->propagation != 2 && pod.user_ns >= 0 &&
	       (spec->capabilities >> CAP_SYS_ADMIN & 1);
}

struct shelf_name {
	char text[24];
};

static struct shelf_name name_of(size_t i)
{
	struct shelf_name name;

	snprintf(name.text, sizeof(name.text), "%zu", i);
	return name;
}

static int put(const struct planned_mount *m, const char *name, struct err *err)
{
	int rc = m->is_dir ? mkdir(name, 0755) : mknod(name, S_IFREG | 0644, 0);

	if (rc < 0 || move_mount(m->fd, "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(err, errno, "mount %s read-only", m->target);
	return 0;
}

/* The shelf is mounted on our working directory, and becomes it. */
static int build(struct err *err)
{
	CLEANUP_FD int floor = mount_detached("tmpfs", "mode=755,size=1m", 0, err);

	if (floor < 0)
		return floor;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    move_mount(floor, "", AT_FDCWD, ".", MOVE_MOUNT_F_EMPTY_PATH) < 0 || fchdir(floor) < 0)
		return err_sys(err, errno, "mount namespace");
	return 0;
}

int shelf_fill(struct stage *s, struct err *err)
{
	int built = 0, rc;

	for (size_t i = 0; i < s->n_mounts; i++) {
		if (!s->mounts[i].lock)
			continue;
		if (!built && (rc = build(err)) < 0)
			return rc;
		built = 1;
		if ((rc = put(&s->mounts[i], name_of(i).text, err)) < 0)
			return rc;
	}
	return 0;
}

int shelf_take(struct stage *s, struct err *err)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		struct planned_mount *m = &s->mounts[i];

		if (!m->lock)
			continue;
		fd_close_at(&m->fd);
		m->fd = open_tree(AT_FDCWD, name_of(i).text,
				  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
		if (m->fd < 0)
			return err_sys(err, errno, "mount %s read-only", m->target);
	}
	return 0;
}
