/* SPDX-License-Identifier: MIT */
/*
 * The workshop: a mount namespace that nobody lives in, for kernels that want
 * mounts to be attached somewhere before they are used as an overlay's layers
 * or cloned (before Linux 6.15). It holds one small tmpfs, with the pod's
 * /dev/shm in it. Whoever builds something there does so in a copy of it, which
 * is gone with the builder, so nothing ever needs tidying, and nothing is ever
 * visible in the host's namespace.
 *
 * overlayfs takes at most one page of options (mount(2)), so layers are mounted
 * under the names "0", "1", ..., relative to the working directory: 500 of them,
 * which is the kernel's own limit, need 1890 bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/supervisor/mounts.h"
#include "runtime/supervisor/pod.h"
#include "util/fd.h"

struct place { /* where a process is */
	int ns, root, cwd;
};

static void place_fini(struct place *p)
{
	fd_close_at(&p->ns);
	fd_close_at(&p->root);
	fd_close_at(&p->cwd);
}

static int place_open(struct place *p, struct err *err)
{
	p->ns = openat(pod.proc, "self/ns/mnt", O_RDONLY | O_CLOEXEC);
	p->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	p->cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->ns < 0 || p->root < 0 || p->cwd < 0)
		return err_sys(err, errno, "mount namespace");
	return 0;
}

/* setns(2) goes to the root of the namespace, which need not be ours. */
static int place_return(const struct place *p, struct err *err)
{
	if (setns(p->ns, CLONE_NEWNS) < 0 || fchdir(p->root) < 0 || chroot(".") < 0 ||
	    fchdir(p->cwd) < 0)
		return err_sys(err, errno, "return to the mount namespace");
	return 0;
}

/* -- building it -- */

/* In a new mount namespace: a small tmpfs instead of everything. */
static int start_empty(struct err *err)
{
	CLEANUP_FD int floor = mount_detached("tmpfs", "mode=700,size=1m,nr_inodes=2048",
					      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, err);

	if (floor < 0)
		return floor;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || chdir("/") < 0 ||
	    move_mount(floor, "", AT_FDCWD, ".", MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
	    fchdir(floor) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_sys(err, errno, "mount namespace");
	return 0;
}

static int fit_out(struct err *err)
{
	int rc = start_empty(err);

	if (rc < 0)
		return rc;
	if (mkdir("shm", 0700) < 0 || mkdir("u", 0700) < 0 || mkdir("m", 0700) < 0)
		return err_sys(err, errno, "mount namespace");
	if (!pod.spec.host_ipc && mount("shm", "shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
					"mode=1777,size=65536k") < 0)
		return err_sys(err, errno, "/dev/shm");
	pod.workshop = openat(pod.proc, "self/ns/mnt", O_RDONLY | O_CLOEXEC);
	return pod.workshop < 0 ? err_sys(err, errno, "mount namespace") : 0;
}

int workshop_make(struct err *err)
{
	CLEANUP(place_fini) struct place here = {-1, -1, -1};
	int rc, back;

	if ((rc = place_open(&here, err)) < 0)
		return rc;
	if (unshare(CLONE_NEWNS) < 0)
		return err_sys(err, errno, "mount namespace");
	rc = fit_out(err);
	back = place_return(&here, err);
	return rc < 0 ? rc : back;
}

/* -- /dev/shm -- */

int workshop_shm(struct err *err)
{
	CLEANUP(place_fini) struct place here = {-1, -1, -1};
	CLEANUP_FD int shm = -1;
	int rc = place_open(&here, err);

	if (rc < 0)
		return rc;
	if (setns(pod.workshop, CLONE_NEWNS) < 0)
		return err_sys(err, errno, "mount namespace");
	shm = open_tree(AT_FDCWD, "shm", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (shm < 0)
		err_sys(err, errno, "/dev/shm");
	rc = place_return(&here, err);
	return rc < 0 ? rc : shm < 0 ? -err->code : fd_steal(&shm);
}

/* -- overlays -- */

static int attach(int tree, const char *name, struct err *err)
{
	if (mkdir(name, 0700) < 0 && errno != EEXIST)
		return err_sys(err, errno, "directory of a layer");
	if (move_mount(tree, "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(err, errno, "attach a layer");
	return 0;
}

static int assemble(const int *trees, size_t n, int writable, unsigned long flags,
		    const char *options, struct err *err)
{
	CLEANUP(buf_fini) struct buf all = BUF_INIT;
	int rc = attach(writable, "u", err), root;

	buf_addf(&all, "upperdir=u/upper,workdir=u/work,%s,lowerdir=", options);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		char name[24];

		snprintf(name, sizeof(name), "%zu", i);
		buf_addf(&all, "%s%s", i ? ":" : "", name);
		rc = attach(trees[i], name, err);
	}
	if (rc < 0)
		return rc;
	if (all.len >= (size_t)sysconf(_SC_PAGESIZE))
		return err_set(err, E2BIG, "overlay: %zu layers are too many", n);
	if (mount("overlay", "m", "overlay", flags, all.data) < 0)
		return -errno;
	root = open_tree(AT_FDCWD, "m", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	return root < 0 ? err_sys(err, errno, "overlay") : root;
}

int workshop_overlay(const int *trees, size_t n, int writable, unsigned long flags,
		     const char *options, struct err *err)
{
	CLEANUP(place_fini) struct place here = {-1, -1, -1};
	CLEANUP_FD int root = -1;
	int rc = place_open(&here, err);

	if (rc < 0)
		return rc;
	if (setns(pod.workshop, CLONE_NEWNS) < 0 || unshare(CLONE_NEWNS) < 0)
		return err_sys(err, errno, "mount namespace");
	root = assemble(trees, n, writable, flags, options, err);
	rc = place_return(&here, err);
	return rc < 0 ? rc : root < 0 ? root : fd_steal(&root);
}
