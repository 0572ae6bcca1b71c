/* SPDX-License-Identifier: MIT */
/*
 * Stage 2 of a container's file system, inside its mount namespace: the layered
 * root becomes `/`, the host's tree is let go, and the rest is put in place
 * below. Paths of an image are hostile: each is resolved without magic links,
 * and cannot leave a root that is all there is.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "runtime/supervisor/mounts.h"
#include "runtime/supervisor/stage.h"
#include "util/fd.h"

#define STRICT (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

static int resolve(int dir, const char *path, uint64_t flags, uint64_t how_resolve)
{
	struct open_how how = {.flags = flags | O_CLOEXEC,
			       .resolve = how_resolve | RESOLVE_NO_MAGICLINKS};

	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

/* The parent of path's last part, made when missing; *last_out points into path. */
static int make_last(const char *path, int is_dir)
{
	CLEANUP_FREE char *copy = xstrdup(path);
	char *slash;
	CLEANUP_FD int parent = -1;
	size_t len = strlen(copy);

	while (len > 1 && copy[len - 1] == '/')
		copy[--len] = '\0';
	slash = strrchr(copy, '/');
	if (!slash || !slash[1])
		return -EINVAL;
	*slash = '\0';
	parent = rootfs_open(*copy ? copy : "/", 1, NULL);
	if (parent < 0)
		return parent;
	if (is_dir ? mkdirat(parent, slash + 1, 0755) == 0
		   : mknodat(parent, slash + 1, S_IFREG | 0644, 0) == 0)
		return 0;
	return -errno;
}

int rootfs_open(const char *path, int is_dir, struct err *err)
{
	uint64_t flags = O_PATH | (is_dir ? O_DIRECTORY : 0);
	int fd = resolve(AT_FDCWD, path, flags, RESOLVE_IN_ROOT), rc = 0;

	if (fd >= 0)
		return fd;
	if (errno == ENOENT && (rc = make_last(path, is_dir)) == 0)
		fd = resolve(AT_FDCWD, path, flags, RESOLVE_IN_ROOT);
	return fd >= 0 ? fd : err_sys(err, rc < 0 ? -rc : errno, "%s", path);
}

/* Put a detached tree on a path inside. */
static int attach(int tree, const char *path, int is_dir, struct err *err)
{
	CLEANUP_FD int target = rootfs_open(path, is_dir, err);
	struct statfs fs;

	if (target < 0)
		return err_wrap(err, "mount");
	if (fstatfs(target, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC && !str_eq(path, "/proc"))
		return err_set(err, EPERM, "mount %s: it is inside of /proc", path);
	if (move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_sys(err, errno, "mount %s", path);
	return 0;
}

/* While the host's own proc and sysfs are still in sight: the kernel asks for that. */
static int make_own(struct stage *s, struct err *err)
{
	unsigned sys = STRICT | (s->container->spec.privileged ? 0 : MOUNT_ATTR_RDONLY);

	if (s->proc < 0 && (s->proc = mount_detached("proc", NULL, STRICT, err)) < 0)
		return s->proc;
	if (s->sys < 0 && (s->sys = mount_detached("sysfs", NULL, sys, err)) < 0)
		return s->sys;
	if (s->mqueue < 0 && (s->mqueue = mount_detached("mqueue", NULL, STRICT, err)) < 0)
		return s->mqueue;
	return 0;
}

/* pivot_root(2), "pivot_root(".", ".")": the old root ends up on top of the new one, and is let go.
 */
static int pivot(struct stage *s, struct err *err)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(err, errno, "make mounts private");
	if (chdir("/") < 0 || move_mount(s->root, "", AT_FDCWD, ".", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(err, errno, "mount root");
	if (fchdir(s->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return err_sys(err, errno, "pivot_root");
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_sys(err, errno, "let go of the old root");
	return 0;
}

/* /proc, /sys and /dev of an image must be directories, not links to somewhere else. */
static int real_directory(const char *path, struct err *err)
{
	int fd = resolve(AT_FDCWD, path, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);

	if (fd < 0 && errno == ENOENT && mkdir(path, 0755) == 0)
		return 0;
	if (fd < 0)
		return err_sys(err, errno, "%s of the image", path);
	close(fd);
	return 0;
}

static int attach_system(struct stage *s, struct err *err)
{
	const struct {
		int tree;
		const char *path;
	} all[] = {{s->proc, "/proc"},
		   {s->sys, "/sys"},
		   {s->dev, "/dev"},
		   {s->shm, "/dev/shm"},
		   {s->mqueue, "/dev/mqueue"}};
	int rc;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (i < 3 && (rc = real_directory(all[i].path, err)) < 0)
			return rc;
		if ((rc = attach(all[i].tree, all[i].path, 1, err)) < 0)
			return rc;
	}
	if (mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		  "newinstance,ptmxmode=0666,mode=0620,gid=5") < 0)
		return err_sys(err, errno, "mount /dev/pts");
	return 0;
}

/* As the host has them, read-only, with the container's cgroup as their root (v1: a directory
 * each). */
static int attach_cgroups(const struct container_spec *spec, struct err *err)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | (spec->privileged ? 0 : MS_RDONLY);
	const struct cgroups *cg = pod.cgroups;

	if (cg->n == 1 && (cg->hierarchies[0].controllers & CGROUP_V2)) {
		if (mount("cgroup", "/sys/fs/cgroup", "cgroup2", flags, NULL) < 0)
			return err_sys(err, errno, "mount /sys/fs/cgroup");
		return 0;
	}
	if (mount("tmpfs", "/sys/fs/cgroup", "tmpfs", flags & ~(unsigned long)MS_RDONLY,
		  "mode=755,size=64k") < 0)
		return err_sys(err, errno, "mount /sys/fs/cgroup");
	for (size_t i = 0; i < cg->n; i++) {
		const struct cgroup_hierarchy *h = &cg->hierarchies[i];
		const char *name = strrchr(h->mount, '/') + 1;
		CLEANUP_FREE char *path = xasprintf("/sys/fs/cgroup/%s", name);
		int v2 = !!(h->controllers & CGROUP_V2);

		if (mkdir(path, 0755) < 0 ||
		    mount("cgroup", path, v2 ? "cgroup2" : "cgroup", flags, v2 ? NULL : name) < 0)
			return err_sys(err, errno, "mount %s", path);
	}
	if ((flags & MS_RDONLY) &&
	    mount(NULL, "/sys/fs/cgroup", NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0)
		return err_sys(err, errno, "mount /sys/fs/cgroup read-only");
	return 0;
}

/* Docker's lists (moby, oci/defaults.go). */
static const char *const masked[] = {
	"/proc/asound",     "/proc/acpi",        "/proc/interrupts",
	"/proc/kcore",      "/proc/keys",        "/proc/latency_stats",
	"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
	"/proc/scsi",       "/sys/firmware",     "/sys/devices/virtual/powercap",
};
static const char *const read_only[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

static int mask(const char *path, struct err *err)
{
	int rc = mount("/dev/null", path, NULL, MS_BIND, NULL);

	if (rc < 0 && errno == ENOTDIR)
		rc = mount("tmpfs", path, "tmpfs", MS_RDONLY, "nr_blocks=1,nr_inodes=1");
	return rc < 0 && errno != ENOENT ? err_sys(err, errno, "mask %s", path) : 0;
}

static int make_read_only(const char *path, struct err *err)
{
	if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "protect %s", path);
	if (mount(NULL, path, NULL,
		  MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return err_sys(err, errno, "protect %s", path);
	return 0;
}

static int protect(const struct container_spec *spec, struct err *err)
{
	int rc = 0;

	if (spec->privileged || spec->proc_unmasked)
		return 0;
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(masked); i++)
		rc = mask(masked[i], err);
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(read_only); i++)
		rc = make_read_only(read_only[i], err);
	return rc;
}

static int root_read_only(struct err *err)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

	if (mount_setattr(AT_FDCWD, "/", 0, &attr, sizeof(attr)) < 0)
		return err_sys(err, errno, "make the root read-only");
	return 0;
}

static int make_cwd(const char *cwd, struct err *err)
{
	CLEANUP_FD int fd = cwd && *cwd ? rootfs_open(cwd, 1, err) : -2;

	return fd == -2 || fd >= 0 ? 0 : err_wrap(err, "working directory");
}

int rootfs_enter(struct stage *s, struct err *err)
{
	const struct container_spec *spec = &s->container->spec;
	int rc;

	if ((rc = shelf_take(s, err)) < 0 || (rc = make_own(s, err)) < 0 ||
	    (rc = pivot(s, err)) < 0 || (rc = attach_system(s, err)) < 0 ||
	    (rc = attach_cgroups(spec, err)) < 0)
		return rc;
	for (size_t i = 0; i < s->n_mounts; i++)
		if ((rc = attach(s->mounts[i].fd, s->mounts[i].target, s->mounts[i].is_dir, err)) <
		    0)
			return rc;
	if ((rc = make_cwd(spec->cwd, err)) < 0 || (rc = protect(spec, err)) < 0)
		return rc;
	if (spec->tty && (rc = rootfs_terminal(s, err)) < 0)
		return rc;
	return spec->read_only_rootfs ? root_read_only(err) : 0;
}

/* The multiplexer of a devpts that is mounted there, not whatever an image or a container put in
 * its place. */
static int open_ptmx(struct err *err)
{
	CLEANUP_FD int fd = resolve(AT_FDCWD, "/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW,
				    RESOLVE_NO_SYMLINKS);
	struct statfs fs;

	if (fd < 0)
		return err_sys(err, errno, "open /dev/pts/ptmx");
	if (fstatfs(fd, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC)
		return err_set(err, EPERM, "/dev/pts is no devpts");
	return fd_steal(&fd);
}

static void bind_console(int ptmx)
{
	char path[32];
	int n;

	if (ioctl(ptmx, TIOCGPTN, &n) < 0)
		return;
	snprintf(path, sizeof(path), "/dev/pts/%d", n);
	(void)mount(path, "/dev/console", NULL, MS_BIND, NULL);
}

int rootfs_terminal(struct stage *s, struct err *err)
{
	CLEANUP_FD int ptmx = open_ptmx(err);
	struct winsize size = {.ws_row = (unsigned short)s->rows,
			       .ws_col = (unsigned short)s->columns};
	int unlock = 0;

	if (ptmx < 0)
		return ptmx;
	if (ioctl(ptmx, TIOCSPTLCK, &unlock) < 0 ||
	    (s->terminal = ioctl(ptmx, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0)
		return err_sys(err, errno, "open a terminal");
	if (size.ws_row && size.ws_col)
		(void)ioctl(ptmx, TIOCSWINSZ, &size);
	(void)fchown(s->terminal, s->container->spec.uid, (gid_t)-1);
	bind_console(ptmx);
	setup_send(s->setup, SETUP_TERMINAL, 0, "", ptmx);
	return 0;
}
