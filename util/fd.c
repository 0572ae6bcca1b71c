/* SPDX-License-Identifier: MIT */
/* File descriptors and whole files. */
#include "util/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

void fd_close_at(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

int fd_read_file(const char *path, size_t max, struct buf *out, struct err *err)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t total = 0;
	ssize_t n;

	if (fd < 0)
		return err_sys(err, errno, "open %s", path);
	for (;;) {
		n = read(fd, buf_reserve(out, 4097), 4096);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read %s", path);
		out->len += (size_t)n;
		out->data[out->len] = '\0';
		if (n == 0)
			return 0;
		total += (size_t)n;
		if (total > max)
			return err_set(err, EFBIG, "%s: larger than %zu bytes", path, max);
	}
}

int fd_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int fd_write_file(const char *path, const char *text, struct err *err)
{
	CLEANUP_FD int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "open %s", path);
	if (write(fd, text, strlen(text)) < 0)
		return err_sys(err, errno, "write '%s' to %s", text, path);
	return 0;
}

static int sync_parent(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	CLEANUP_FREE char *dir = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
	CLEANUP_FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return err_sys(err, errno, "sync %s", dir);
	return 0;
}

int fd_replace_file(const char *path, const void *data, size_t len, mode_t mode, int durable,
		    struct err *err)
{
	CLEANUP_FREE char *tmp = xasprintf("%s.new", path);
	CLEANUP_FD int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	int rc;

	if (fd < 0)
		return err_sys(err, errno, "create %s", tmp);
	rc = fd_write_all(fd, data, len);
	if (rc == 0 && durable && fsync(fd) < 0)
		rc = -errno;
	if (rc == 0 && rename(tmp, path) < 0)
		rc = -errno;
	if (rc < 0) {
		unlink(tmp);
		return err_sys(err, -rc, "write %s", path);
	}
	return durable ? sync_parent(path, err) : 0;
}

int fd_mkdir_p(const char *path, mode_t mode, struct err *err)
{
	CLEANUP_FREE char *part = xstrdup(path);

	for (char *p = part + 1;; p++) {
		char was = *p;

		if (was != '/' && was != '\0')
			continue;
		*p = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return err_sys(err, errno, "mkdir %s", part);
		*p = was;
		if (!was)
			return 0;
	}
}

static int remove_children(int dirfd, dev_t dev);

static int remove_entry(int dirfd, const char *name, dev_t dev)
{
	struct stat st;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	CLEANUP_FD int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_dev != dev)
		return -EBUSY;
	int rc = remove_children(fd_steal(&fd), dev);
	if (rc < 0)
		return rc;
	return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

/* Owns dirfd. */
static int remove_children(int dirfd, dev_t dev)
{
	DIR *dir = fdopendir(dirfd);
	struct dirent *e;
	int rc = 0;

	if (!dir) {
		close(dirfd);
		return -ENOMEM;
	}
	while (rc == 0 && (e = readdir(dir)))
		if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
			rc = remove_entry(dirfd, e->d_name, dev);
	closedir(dir);
	return rc;
}

int fd_remove_tree_at(int dirfd, const char *path, struct err *err)
{
	struct stat st;
	int rc;

	if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "stat %s", path);
	rc = remove_entry(dirfd, path, st.st_dev);
	return rc < 0 ? err_sys(err, -rc, "remove %s", path) : 0;
}

int fd_remove_tree(const char *path, struct err *err)
{
	return fd_remove_tree_at(AT_FDCWD, path, err);
}
