/* SPDX-License-Identifier: MIT */
/*
 * Looking into a container. Every path is walked name by name from the container's root, each step
 * by a descriptor and without links, so that what is looked at is below that root at the time
 * of the step. A step into another mount is taken by a name only after the mount's type was read in
 * the container's own list of mounts: to touch a FUSE file system may mean to wait for its
 * server, which may be ourselves.
 */
#include "runtime/sandbox/view.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOUNTS_MAX  (4u << 20)
#define STATUS_MAX  (64u << 10)
#define NOBODY      65534u
#define SHOWN_EMPTY (S_IFDIR | 0555)

void found_fini(struct found *f)
{
	fd_close_at(&f->fd);
}

void container_view_fini(struct container_view *v)
{
	fd_close_at(&v->root);
	fd_close_at(&v->proc);
}

/* -- the first process: its rights -- */

static int read_proc(int proc, const char *name, size_t max, struct buf *out, struct err *err)
{
	CLEANUP_FD int fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
	char chunk[4096];
	ssize_t n;

	if (fd < 0)
		return err_set(err, ENOENT, "the container has ended");
	while ((n = read(fd, chunk, sizeof(chunk))) > 0 && out->len + (size_t)n <= max)
		buf_add(out, chunk, (size_t)n);
	if (n < 0)
		return err_set(err, ENOENT, "the container has ended");
	return n > 0 ? err_set(err, EFBIG, "/proc/<pid>/%s of more than %zu bytes", name, max) : 0;
}

/* The text behind "\nName:\t"; NULL: none. */
static const char *status_line(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? at + strlen(name) : NULL;
}

static int read_rights(struct container_view *v, struct err *err)
{
	CLEANUP(buf_fini) struct buf status = BUF_INIT;
	const char *uid, *gid, *groups, *capabilities;
	int rc = read_proc(v->proc, "status", STATUS_MAX, &status, err);
	char *end;

	if (rc < 0)
		return rc;
	uid = status_line(buf_str(&status), "\nUid:\t");
	gid = status_line(buf_str(&status), "\nGid:\t");
	groups = status_line(buf_str(&status), "\nGroups:\t");
	capabilities = status_line(buf_str(&status), "\nCapEff:\t");
	if (!uid || !gid || !groups || !capabilities)
		return err_set(err, EIO, "/proc/<pid>/status is not as expected");
	v->uid = (uid_t)strtoul(uid, NULL, 10);
	v->gid = (gid_t)strtoul(gid, NULL, 10);
	v->capabilities = strtoull(capabilities, NULL, 16);
	for (v->n_groups = 0; *groups != '\n' && v->n_groups < ARRAY_LEN(v->groups); groups = end) {
		gid_t g = (gid_t)strtoul(groups, &end, 10);

		if (end == groups)
			break;
		v->groups[v->n_groups++] = g;
		end += *end == ' ';
	}
	return 0;
}

/* Ids of a pod are one range (POD_ID_RANGE), or the host's. */
static int read_ids(struct container_view *v, struct err *err)
{
	CLEANUP(buf_fini) struct buf map = BUF_INIT;
	unsigned inside;
	int rc = read_proc(v->proc, "uid_map", STATUS_MAX, &map, err);

	if (rc < 0)
		return rc;
	if (sscanf(buf_str(&map), "%u %u %u", &inside, &v->base, &v->n_ids) != 3 || inside)
		return err_set(err, EIO, "/proc/<pid>/uid_map is not as expected");
	return 0;
}

int container_view_of(struct container_view *v, int proc, struct err *err)
{
	int rc;

	*v = (struct container_view)CONTAINER_VIEW_INIT;
	v->proc = fcntl(proc, F_DUPFD_CLOEXEC, 0);
	v->root = openat(proc, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (v->proc < 0 || v->root < 0) {
		container_view_fini(v);
		return err_set(err, ENOENT, "the container has ended");
	}
	rc = read_rights(v, err);
	if (rc == 0)
		rc = read_ids(v, err);
	if (rc < 0)
		container_view_fini(v);
	return rc;
}

int container_view_open(struct container_view *v, struct sandboxes *all, const char *uid,
			const char *container, struct err *err)
{
	CLEANUP_FD int proc = sandbox_proc_fd(all, uid, container, err);

	*v = (struct container_view)CONTAINER_VIEW_INIT;
	return proc < 0 ? proc : container_view_of(v, proc, err);
}

int view_owns_ids(const struct container_view *v, const struct stat *st)
{
	return st->st_uid - v->base < v->n_ids && st->st_gid - v->base < v->n_ids;
}

static int in_group(const struct container_view *v, gid_t gid)
{
	for (unsigned i = 0; i < v->n_groups; i++)
		if (v->groups[i] == gid)
			return 1;
	return gid == v->gid;
}

int view_may(const struct container_view *v, const struct found *f, unsigned want, const char *path,
	     struct err *err)
{
	const struct stat *st = &f->st;
	unsigned mode = st->st_mode & 7;

	if (f->foreign && (want & MAY_WRITE))
		return err_set(err, EROFS, "%s: files of this kind are not written here", path);
	if ((v->capabilities & HAS_DAC_OVERRIDE) && view_owns_ids(v, st))
		return 0;
	if (st->st_uid == v->uid)
		mode = st->st_mode >> 6 & 7;
	else if (in_group(v, st->st_gid))
		mode = st->st_mode >> 3 & 7;
	if (want & ~mode)
		return err_set(err, EACCES, "%s: the container's first process may not", path);
	return 0;
}

/* -- mounts -- */

/* File systems that hold files and wait for nobody. */
static int holds_files(const char *type, size_t len)
{
	static const char *const types[] = {
		"overlay", "tmpfs", "ramfs",    "ext2",     "ext3",  "ext4",    "xfs",  "btrfs",
		"f2fs",    "zfs",   "bcachefs", "squashfs", "erofs", "iso9660", "vfat", "ntfs3",
	};

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strlen(types[i]) == len && memcmp(types[i], type, len) == 0)
			return 1;
	return 0;
}

/* Is the mount of this number one of files? The list is "ID ... - TYPE SOURCE OPTIONS", blanks in
 * names escaped (proc(5)). */
static int mount_holds_files(const char *list, uint64_t id)
{
	const char *next;

	for (const char *at = list; *at; at = next) {
		const char *type, *end = strchrnul(at, '\n');
		char *rest;

		next = *end ? end + 1 : end;
		if (strtoull(at, &rest, 10) != id || *rest != ' ')
			continue;
		type = strstr(at, " - ");
		return type && type < end && holds_files(type + 3, strcspn(type + 3, " \n"));
	}
	return 0;
}

/* f->fd is the root of another mount, not yet touched. */
static int look_at_mount(const struct container_view *v, struct found *f, struct err *err)
{
	CLEANUP(buf_fini) struct buf list = BUF_INIT;
	struct statx sx;
	int rc = read_proc(v->proc, "mountinfo", MOUNTS_MAX, &list, err);

	if (rc < 0)
		return rc;
	/* without a word to a server, also to one that is gone */
	if (statx(f->fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_MNT_ID,
		  &sx) < 0)
		return err_sys(err, errno, "mount in the container");
	if ((sx.stx_mask & STATX_MNT_ID) && mount_holds_files(buf_str(&list), sx.stx_mnt_id))
		return 0;
	f->foreign = 1;
	f->st = (struct stat){.st_nlink = 1, .st_uid = v->base, .st_gid = v->base};
	f->st.st_mode = S_ISDIR(sx.stx_mode) ? SHOWN_EMPTY : S_IFSOCK;
	return 0;
}

/* -- the walk -- */

static int step(const struct container_view *v, const struct found *dir, const char *name,
		struct found *out, struct err *err)
{
	struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
					  RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV};
	int rc = 0;

	if (!S_ISDIR(dir->st.st_mode))
		return err_set(err, ENOTDIR, "%s: in what is no directory", name);
	if (dir->foreign)
		return err_set(err, ENOENT, "%s: no such file", name);
	if ((rc = view_may(v, dir, MAY_ENTER, name, err)) < 0)
		return rc;
	*out = (struct found)FOUND_INIT;
	out->fd = (int)syscall(SYS_openat2, dir->fd, name, &how, sizeof(how));
	if (out->fd < 0 && errno == EXDEV) {
		out->fd = openat(dir->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (out->fd >= 0 && (rc = look_at_mount(v, out, err)) < 0)
			found_fini(out);
	}
	if (rc == 0 && out->fd < 0)
		rc = err_sys(err, errno, "%s", name);
	if (rc == 0 && !out->foreign && fstat(out->fd, &out->st) < 0) {
		rc = err_sys(err, errno, "%s", name);
		found_fini(out);
	}
	return rc;
}

static int at_root(const struct container_view *v, struct found *out, struct err *err)
{
	*out = (struct found)FOUND_INIT;
	out->fd = fcntl(v->root, F_DUPFD_CLOEXEC, 0);
	if (out->fd < 0 || fstat(out->fd, &out->st) < 0) {
		int rc = err_sys(err, errno, "the container's root");

		found_fini(out);
		return rc;
	}
	return 0;
}

int view_next_name(const char **at, char name[NAME_MAX + 1], struct err *err)
{
	size_t len;

	*at += strspn(*at, "/");
	len = strcspn(*at, "/");
	if (len > NAME_MAX)
		return err_set(err, ENAMETOOLONG, "a name of %zu bytes", len);
	memcpy(name, *at, len);
	name[len] = '\0';
	*at += len;
	*at += strspn(*at, "/");
	return 0;
}

int view_find(const struct container_view *v, const char *path, struct found *out, struct err *err)
{
	const char *at = path;
	char name[NAME_MAX + 1];
	int rc = at_root(v, out, err);

	while (rc == 0 && *at) {
		struct found below = FOUND_INIT;

		if ((rc = view_next_name(&at, name, err)) == 0) {
			if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
				rc = err_set(err, EINVAL, "%s: not a path of names", path);
			else
				rc = step(v, out, name, &below, err);
		}
		found_fini(out);
		*out = below;
	}
	return rc;
}

int view_find_parent(const struct container_view *v, const char *path, struct found *out,
		     const char **name_out, struct err *err)
{
	const char *slash = strrchr(path, '/');
	CLEANUP_FREE char *dir = xstrndup(path, slash ? (size_t)(slash - path) : 0);

	*name_out = slash ? slash + 1 : path;
	if (!**name_out || strcmp(*name_out, ".") == 0 || strcmp(*name_out, "..") == 0)
		return err_set(err, EBUSY, "the container's root stays");
	return view_find(v, dir, out, err);
}

/* -- what is shown -- */

static uid_t id_inside(const struct container_view *v, uid_t id)
{
	return id - v->base < v->n_ids ? id - v->base : NOBODY;
}

int container_stat(const struct container_view *v, const char *path, struct stat *out,
		   struct err *err)
{
	CLEANUP_FOUND struct found f = FOUND_INIT;
	int rc = view_find(v, path, &f, err);

	if (rc < 0)
		return rc;
	*out = f.st;
	out->st_uid = id_inside(v, f.st.st_uid);
	out->st_gid = id_inside(v, f.st.st_gid);
	if (!S_ISREG(f.st.st_mode) && !S_ISDIR(f.st.st_mode) && !S_ISLNK(f.st.st_mode)) {
		out->st_mode = S_IFSOCK | (f.st.st_mode & 07777);
		out->st_rdev = 0;
		out->st_size = 0;
	}
	return 0;
}

/* Of a name in a directory, where the file system does not say it with the name. */
static unsigned char type_of(int dir, const char *name)
{
	struct statx sx;
	int rc = statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
		       STATX_TYPE, &sx);

	return rc < 0 ? DT_UNKNOWN : IFTODT(sx.stx_mode);
}

int container_list(const struct container_view *v, const char *path, container_list_fn fn,
		   void *arg, struct err *err)
{
	CLEANUP_FOUND struct found f = FOUND_INIT;
	int rc = view_find(v, path, &f, err), fd;
	const struct dirent *e;
	unsigned n = 0;
	DIR *dir;

	if (rc < 0 || f.foreign)
		return rc;
	if ((rc = view_may(v, &f, MAY_READ, path, err)) < 0)
		return rc;
	fd = openat(f.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		rc = err_sys(err, errno, "%s", path);
		fd_close_at(&fd);
		return rc;
	}
	while (rc == 0 && (e = readdir(dir))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (++n > CONTAINER_LIST_MAX)
			rc = err_set(err, EOVERFLOW, "%s: more than %u names", path,
				     CONTAINER_LIST_MAX);
		else
			fn(arg, e->d_name,
			   e->d_type == DT_UNKNOWN ? type_of(dirfd(dir), e->d_name) : e->d_type);
	}
	closedir(dir);
	return rc;
}
