/* SPDX-License-Identifier: MIT */
/*
 * Changing the files of a container. What is allowed is decided by view_may() on descriptors; the
 * system call itself is then made with the ids of the container's first process, so that what
 * is made is its own, and with our capabilities.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/sandbox/view.h"

/* -- as whom -- */

/* This thread's capabilities while it has other ids. */
struct acting {
	struct __user_cap_data_struct caps[2];
};

static struct __user_cap_header_struct of_this_thread(void)
{
	return (struct __user_cap_header_struct){_LINUX_CAPABILITY_VERSION_3, 0};
}

/* Ids of a thread, not of the process (setfsuid(2)); taking them drops capabilities. */
static int set_ids(uid_t uid, gid_t gid, const struct acting *a)
{
	struct __user_cap_header_struct h = of_this_thread();

	syscall(SYS_setfsgid, gid);
	syscall(SYS_setfsuid, uid);
	return syscall(SYS_capset, &h, a->caps) < 0 ? -errno : 0;
}

static int act_as(const struct container_view *v, struct acting *a, struct err *err)
{
	struct __user_cap_header_struct h = of_this_thread();
	int rc = syscall(SYS_capget, &h, a->caps) < 0 ? -errno : set_ids(v->uid, v->gid, a);

	return rc < 0 ? err_sys(err, -rc, "taking the ids of the container") : 0;
}

static void act_as_daemon(const struct acting *a)
{
	int saved = errno;

	(void)set_ids(geteuid(), getegid(), a);
	errno = saved;
}

/* The result of a system call, errno its error. */
static int result(int rc, const char *path, struct err *err)
{
	return rc < 0 ? err_sys(err, errno, "%s", path) : rc;
}

/* -- directories -- */

/* Where a name may be made or removed. */
static int find_writable_parent(const struct container_view *v, const char *path, struct found *dir,
				const char **name, struct err *err)
{
	int rc = view_find_parent(v, path, dir, name, err);

	if (rc == 0 && !S_ISDIR(dir->st.st_mode))
		rc = err_set(err, ENOTDIR, "%s: in what is no directory", path);
	return rc < 0 ? rc : view_may(v, dir, MAY_WRITE | MAY_ENTER, path, err);
}

/* The same, and we act as the container: act_as_daemon() follows. */
static int begin_making(const struct container_view *v, const char *path, struct found *dir,
			const char **name, struct acting *a, struct err *err)
{
	int rc = find_writable_parent(v, path, dir, name, err);

	return rc < 0 ? rc : act_as(v, a, err);
}

static int is_owner(const struct container_view *v, const struct stat *st)
{
	return st->st_uid == v->uid || ((v->capabilities & HAS_FOWNER) && view_owns_ids(v, st));
}

/* In a directory like /tmp only its owner removes a file. */
static int may_remove(const struct container_view *v, const struct found *dir, const char *path,
		      struct stat *st_out, struct err *err)
{
	CLEANUP_FOUND struct found f = FOUND_INIT;
	int rc = view_find(v, path, &f, err);

	if (rc < 0)
		return rc;
	*st_out = f.st;
	if (f.foreign)
		return err_set(err, EBUSY, "%s is a mount of the container", path);
	if ((dir->st.st_mode & S_ISVTX) && !is_owner(v, &f.st) && !is_owner(v, &dir->st))
		return err_set(err, EPERM, "%s is somebody else's in the container", path);
	return 0;
}

int container_mkdir(const struct container_view *v, const char *path, mode_t mode, struct err *err)
{
	CLEANUP_FOUND struct found dir = FOUND_INIT;
	const char *name;
	struct acting a;
	int rc = begin_making(v, path, &dir, &name, &a, err);

	if (rc < 0)
		return rc;
	rc = mkdirat(dir.fd, name, mode & 07777);
	act_as_daemon(&a);
	return result(rc, path, err);
}

int container_symlink(const struct container_view *v, const char *path, const char *target,
		      struct err *err)
{
	CLEANUP_FOUND struct found dir = FOUND_INIT;
	const char *name;
	struct acting a;
	int rc = begin_making(v, path, &dir, &name, &a, err);

	if (rc < 0)
		return rc;
	rc = symlinkat(target, dir.fd, name);
	act_as_daemon(&a);
	return result(rc, path, err);
}

int container_remove(const struct container_view *v, const char *path, int is_dir, struct err *err)
{
	CLEANUP_FOUND struct found dir = FOUND_INIT;
	const char *name;
	struct stat st;
	int rc = find_writable_parent(v, path, &dir, &name, err);

	if (rc == 0)
		rc = may_remove(v, &dir, path, &st, err);
	if (rc < 0)
		return rc;
	return result(unlinkat(dir.fd, name, is_dir ? AT_REMOVEDIR : 0), path, err);
}

int container_rename(const struct container_view *v, const char *path, const char *to,
		     unsigned flags, struct err *err)
{
	CLEANUP_FOUND struct found dir = FOUND_INIT;
	CLEANUP_FOUND struct found to_dir = FOUND_INIT;
	const char *name, *to_name;
	struct err ignored = ERR_INIT;
	struct stat st;
	int rc = find_writable_parent(v, path, &dir, &name, err);

	if (rc == 0)
		rc = find_writable_parent(v, to, &to_dir, &to_name, err);
	if (rc == 0)
		rc = may_remove(v, &dir, path, &st, err);
	if (rc < 0)
		return rc;
	if (S_ISDIR(st.st_mode))
		return err_set(err, EXDEV, "%s: directories are not renamed, but copied", path);
	rc = may_remove(v, &to_dir, to, &st, &ignored);
	if (rc < 0 && rc != -ENOENT)
		return err_set(err, -rc, "%s", ignored.msg);
	return result((int)syscall(SYS_renameat2, dir.fd, name, to_dir.fd, to_name,
				   flags & RENAME_NOREPLACE),
		      path, err);
}

/* -- files -- */

/* /proc/self/fd/N: the file itself, whatever its name leads to now. */
struct fd_path {
	char text[32];
};

static struct fd_path path_of_fd(int fd)
{
	struct fd_path p;

	snprintf(p.text, sizeof(p.text), "/proc/self/fd/%d", fd);
	return p;
}

static int open_found(const struct container_view *v, const struct found *f, const char *path,
		      int flags, struct err *err)
{
	unsigned want = (flags & O_ACCMODE) == O_RDONLY   ? MAY_READ
			: (flags & O_ACCMODE) == O_WRONLY ? MAY_WRITE
							  : MAY_READ | MAY_WRITE;
	int rc;

	if (flags & O_TRUNC)
		want |= MAY_WRITE;
	if (S_ISDIR(f->st.st_mode))
		return err_set(err, EISDIR, "%s is a directory", path);
	if (!S_ISREG(f->st.st_mode))
		return err_set(err, S_ISLNK(f->st.st_mode) ? ELOOP : ENXIO,
			       "%s: only regular files can be opened", path);
	if ((rc = view_may(v, f, want, path, err)) < 0)
		return rc;
	/* not to wait for the holder of a lease */
	return result(open(path_of_fd(f->fd).text, (flags & (O_ACCMODE | O_TRUNC | O_APPEND)) |
							   O_NONBLOCK | O_NOCTTY | O_CLOEXEC),
		      path, err);
}

static int create(const struct container_view *v, const char *path, int flags, mode_t mode,
		  struct err *err)
{
	CLEANUP_FOUND struct found dir = FOUND_INIT;
	const char *name;
	struct acting a;
	int rc = begin_making(v, path, &dir, &name, &a, err);

	if (rc < 0)
		return rc;
	rc = openat(dir.fd, name,
		    (flags & (O_ACCMODE | O_APPEND)) | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    mode & 07777);
	act_as_daemon(&a);
	return result(rc, path, err);
}

int container_open(const struct container_view *v, const char *path, int flags, mode_t mode,
		   struct err *err)
{
	CLEANUP_FOUND struct found f = FOUND_INIT;
	struct err why = ERR_INIT;
	int rc;

	if (flags & O_CREAT) {
		rc = create(v, path, flags, mode, &why);
		if (rc != -EEXIST || (flags & O_EXCL))
			return rc < 0 ? err_set(err, -rc, "%s", why.msg) : rc;
	}
	rc = view_find(v, path, &f, err);
	return rc < 0 ? rc : open_found(v, &f, path, flags, err);
}

/* What only a file's owner may do to it. */
static int find_own(const struct container_view *v, const char *path, struct found *f,
		    struct err *err)
{
	int rc = view_find(v, path, f, err);

	if (rc < 0)
		return rc;
	if (f->foreign)
		return err_set(err, EROFS, "%s is a mount of the container", path);
	return is_owner(v, &f->st)
		       ? 0
		       : err_set(err, EPERM, "%s is somebody else's in the container", path);
}

int container_chmod(const struct container_view *v, const char *path, mode_t mode, struct err *err)
{
	CLEANUP_FOUND struct found f = FOUND_INIT;
	int rc = find_own(v, path, &f, err);

	if (rc == 0 && S_ISLNK(f.st.st_mode))
		rc = err_set(err, EOPNOTSUPP, "%s: links have no mode", path);
	return rc < 0 ? rc : result(chmod(path_of_fd(f.fd).text, mode & 07777), path, err);
}

int container_chown(const struct container_view *v, const char *path, uid_t uid, gid_t gid,
		    struct err *err)
{
	CLEANUP_FOUND struct found f = FOUND_INIT;
	int rc = find_own(v, path, &f, err);

	if (rc < 0)
		return rc;
	if (!(v->capabilities & HAS_CHOWN) || !view_owns_ids(v, &f.st) ||
	    (uid != (uid_t)-1 && uid >= v->n_ids) || (gid != (gid_t)-1 && gid >= v->n_ids))
		return err_set(err, EPERM, "%s: the container's first process may not", path);
	return result(fchownat(f.fd, "", uid == (uid_t)-1 ? uid : v->base + uid,
			       gid == (gid_t)-1 ? gid : v->base + gid, AT_EMPTY_PATH),
		      path, err);
}

int container_set_times(const struct container_view *v, const char *path,
			const struct timespec times[2], struct err *err)
{
	CLEANUP_FOUND struct found f = FOUND_INIT;
	int rc = find_own(v, path, &f, err);

	return rc < 0 ? rc : result(utimensat(f.fd, "", times, AT_EMPTY_PATH), path, err);
}
