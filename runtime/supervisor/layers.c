/* SPDX-License-Identifier: MIT */
/*
 * Stage 1 of a container's file system: every mount that needs the host's
 * paths or rights, as a detached tree. The image's layers are idmapped, so
 * that root's files in them are the container root's; the writable layer
 * belongs to the pod's ids on disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "runtime/supervisor/mounts.h"
#include "runtime/supervisor/stage.h"
#include "util/fd.h"

/* -- /dev -- */

static const struct {
	const char *name;
	unsigned major, minor;
} devices[] = {
	{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
	{"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
};

static const struct {
	const char *name, *to;
} dev_links[] = {
	{"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
	{"stderr", "/proc/self/fd/2"}, {"ptmx", "pts/ptmx"},
};

static const char *const dev_dirs[] = {"pts", "shm", "mqueue"};

static int make_device(int dev, const char *name, mode_t mode, dev_t device, uid_t owner,
		       gid_t group)
{
	if (mknodat(dev, name, mode, device) < 0 ||
	    fchownat(dev, name, owner, group, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	return fchmodat(dev, name, mode & 07777, 0);
}

/* Privileged: what the host has, with the host's owners. */
static void copy_host_devices(int dev)
{
	static const char *const skip[] = {"console", "null",    "zero", "full",
					   "random",  "urandom", "tty",  "ptmx"};
	CLEANUP_FD int host = open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char room[8192] __attribute__((aligned(8)));
	long n;

	while (host >= 0 && (n = syscall(SYS_getdents64, host, room, sizeof(room))) > 0) {
		for (long at = 0; at < n;) {
			struct {
				uint64_t ino, off;
				unsigned short len;
				unsigned char type;
				char name[];
			} *e = (void *)(room + at);
			struct stat st;
			int known = 0;

			at += e->len;
			for (size_t i = 0; i < ARRAY_LEN(skip); i++)
				known |= str_eq(e->name, skip[i]);
			if (known || fstatat(host, e->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
				continue;
			if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
				(void)make_device(dev, e->name, st.st_mode, st.st_rdev, st.st_uid,
						  st.st_gid);
		}
	}
}

static int make_dev(struct stage *s, struct err *err)
{
	uint32_t owner = host_root();
	char options[96];

	snprintf(options, sizeof(options), "mode=755,size=65536k,uid=%u,gid=%u", owner, owner);
	s->dev = mount_detached("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME, err);
	if (s->dev < 0)
		return s->dev;
	for (size_t i = 0; i < ARRAY_LEN(devices); i++)
		if (make_device(s->dev, devices[i].name, S_IFCHR | 0666,
				makedev(devices[i].major, devices[i].minor), owner, owner) < 0)
			return err_sys(err, errno, "make /dev/%s", devices[i].name);
	for (size_t i = 0; i < ARRAY_LEN(dev_links); i++)
		if (symlinkat(dev_links[i].to, s->dev, dev_links[i].name) < 0)
			return err_sys(err, errno, "make /dev/%s", dev_links[i].name);
	for (size_t i = 0; i < ARRAY_LEN(dev_dirs); i++)
		if (mkdirat(s->dev, dev_dirs[i], 0755) < 0 ||
		    fchownat(s->dev, dev_dirs[i], owner, owner, 0) < 0)
			return err_sys(err, errno, "make /dev/%s", dev_dirs[i]);
	if (s->container->spec.tty)
		(void)make_device(s->dev, "console", S_IFREG | 0620, 0, owner, owner);
	if (s->container->spec.privileged)
		copy_host_devices(s->dev);
	return 0;
}

/* -- what the pod shares -- */

/* The pod's /dev/shm again. */
static int make_shm(struct stage *s, struct err *err)
{
	if (pod.spec.host_ipc)
		s->shm = open_tree(AT_FDCWD, "/dev/shm", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	else if (pod.shm < 0)
		return s->shm = workshop_shm(err);
	else
		s->shm =
			open_tree(pod.shm, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	return s->shm < 0 ? err_sys(err, errno, "/dev/shm") : 0;
}

/* File systems that show one of the host's own namespaces can only be made from outside. */
static int make_hosts_own(struct stage *s, struct err *err)
{
	unsigned strict = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

	if (pod.spec.host_pid && (s->proc = mount_detached("proc", NULL, strict, err)) < 0)
		return s->proc;
	if (pod.spec.host_network &&
	    (s->sys = mount_detached(
		     "sysfs", NULL,
		     strict | (s->container->spec.privileged ? 0 : MOUNT_ATTR_RDONLY), err)) < 0)
		return s->sys;
	if (pod.spec.host_ipc && (s->mqueue = mount_detached("mqueue", NULL, strict, err)) < 0)
		return s->mqueue;
	return 0;
}

/* -- volumes -- */

static int open_beneath(int dir, const char *path)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};

	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

/* Make the directories of a subPath that are missing, each step below the volume. */
static int make_beneath(int volume, const char *path, uid_t owner)
{
	CLEANUP_FREE char *part = xstrdup(path);

	for (char *p = part;; p++) {
		char was = *p, *slash;
		CLEANUP_FD int parent = -1;

		if (was != '/' && was != '\0')
			continue;
		*p = '\0';
		slash = strrchr(part, '/');
		if (slash)
			*slash = '\0';
		parent = open_beneath(volume, slash ? part : ".");
		if (slash)
			*slash = '/';
		if (parent < 0)
			return -1;
		if (*part && p[-1] != '/' && mkdirat(parent, slash ? slash + 1 : part, 0755) == 0)
			(void)fchownat(parent, slash ? slash + 1 : part, owner, owner,
				       AT_SYMLINK_NOFOLLOW);
		*p = was;
		if (!was)
			return open_beneath(volume, path);
	}
}

static int open_source(const struct mount_spec *m, struct err *err)
{
	CLEANUP_FD int volume = open(m->source, O_PATH | O_CLOEXEC);
	int fd;

	if (volume < 0)
		return err_sys(err, errno, "mount %s: source %s", m->target, m->source);
	if (!m->sub_path || !*m->sub_path)
		return fd_steal(&volume);
	fd = open_beneath(volume, m->sub_path);
	if (fd < 0 && errno == ENOENT)
		fd = make_beneath(volume, m->sub_path, m->idmapped ? 0 : host_root());
	if (fd < 0 && errno == EXDEV)
		return err_set(err, EXDEV, "mount %s: subPath \"%s\" leads out of the volume",
			       m->target, m->sub_path);
	return fd < 0 ? err_sys(err, errno, "mount %s: subPath \"%s\"", m->target, m->sub_path)
		      : fd;
}

static int set_attributes(int tree, const struct mount_spec *m, struct err *err)
{
	static const uint64_t kinds[] = {MS_PRIVATE, MS_SLAVE, MS_SHARED};
	unsigned recursive = m->recursive ? AT_RECURSIVE : 0;
	struct mount_attr attr = {
		.propagation =
			kinds[m->propagation >= 0 && m->propagation < 3 ? m->propagation : 0],
		.attr_set = m->read_only ? MOUNT_ATTR_RDONLY : 0};

	/* Where the file system cannot (overlay, FUSE, proc), its owners show as nobody. */
	if (m->idmapped && pod.user_ns >= 0 && mount_idmap(tree, pod.user_ns, recursive) < 0 &&
	    recursive)
		(void)mount_idmap(tree, pod.user_ns, 0);
	if (mount_setattr(tree, "", AT_EMPTY_PATH | recursive, &attr, sizeof(attr)) < 0)
		return err_sys(err, errno, "mount %s", m->target);
	return 0;
}

static int clone_source(const struct mount_spec *m, int *is_dir, struct err *err)
{
	CLEANUP_FD int source = open_source(m, err);
	CLEANUP_FD int tree = -1;
	struct stat st;
	int rc;

	if (source < 0)
		return source;
	if (fstat(source, &st) < 0)
		return err_sys(err, errno, "mount %s", m->target);
	*is_dir = S_ISDIR(st.st_mode);
	tree = open_tree(source, "",
			 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
				 (m->recursive ? AT_RECURSIVE : 0));
	if (tree < 0)
		return err_sys(err, errno, "mount %s: %s", m->target, m->source);
	rc = set_attributes(tree, m, err);
	return rc < 0 ? rc : fd_steal(&tree);
}

static int add_mount(struct stage *s, const struct mount_spec *m, struct err *err)
{
	struct planned_mount p = {-1, m->target, 1, shelf_wants(&s->container->spec, m)};

	if (!m->target || m->target[0] != '/')
		return err_set(err, EINVAL, "mount \"%s\": expected an absolute path",
			       m->target ? m->target : "");
	if (m->type && !str_eq(m->type, "tmpfs"))
		return err_set(err, EINVAL, "mount %s: type %s, expected tmpfs", m->target,
			       m->type);
	if (m->type)
		p.fd = mount_detached("tmpfs", m->options,
				      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
					      (m->read_only ? MOUNT_ATTR_RDONLY : 0),
				      err);
	else
		p.fd = clone_source(m, &p.is_dir, err);
	if (p.fd < 0)
		return p.fd;
	s->mounts[s->n_mounts++] = p;
	return 0;
}

static int add_file(struct stage *s, char *source, const char *target, struct err *err)
{
	struct mount_spec m = {
		.source = source, .target = (char *)(uintptr_t)target, .idmapped = 1};

	return source ? add_mount(s, &m, err) : 0;
}

/* A parent's mount comes before its children's, whatever order they were given in. */
static size_t depth(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '/' && path[1] && path[1] != '/';
	return n;
}

static void sort_by_depth(struct planned_mount *m, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k && depth(m[k].target) < depth(m[k - 1].target); k--) {
			struct planned_mount t = m[k];

			m[k] = m[k - 1];
			m[k - 1] = t;
		}
}

static int plan_mounts(struct stage *s, struct err *err)
{
	const struct container_spec *spec = &s->container->spec;
	int rc;

	s->mounts = xcalloc(spec->n_mounts + 4, sizeof(*s->mounts));
	if ((rc = add_file(s, pod.spec.hosts_path, "/etc/hosts", err)) < 0 ||
	    (rc = add_file(s, pod.spec.resolv_path, "/etc/resolv.conf", err)) < 0 ||
	    (rc = add_file(s, pod.hostname_file, "/etc/hostname", err)) < 0)
		return rc;
	if (spec->termination_path &&
	    (rc = add_file(s, spec->termination_log, spec->termination_path, err)) < 0)
		return rc;
	for (size_t i = 0; i < spec->n_mounts; i++)
		if ((rc = add_mount(s, &spec->mounts[i], err)) < 0)
			return rc;
	sort_by_depth(s->mounts, s->n_mounts);
	return 0;
}

int layers_prepare(struct stage *s, struct err *err)
{
	int rc;

	if ((rc = overlay_make(s, err)) < 0 || (rc = make_dev(s, err)) < 0 ||
	    (rc = make_shm(s, err)) < 0 || (rc = make_hosts_own(s, err)) < 0)
		return rc;
	rc = plan_mounts(s, err);
	return rc < 0 ? rc : shelf_fill(s, err);
}
