/* SPDX-License-Identifier: MIT */
/* Writing below one directory: see tree.h. */
#include "runtime/images/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "util/fd.h"

#define DIR_TIMES_MAX (64u << 20)
#define SAFE          (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)

static int open_beneath(int dirfd, const char *path, int flags)
{
	struct open_how how = {.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC), .resolve = SAFE};

	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

void tree_init(struct tree *t, int root)
{
	t->root = root;
	t->parent_fd = -1;
	t->parent[0] = '\0';
	t->dir_times = (struct buf)BUF_INIT;
}

static void forget_parent(struct tree *t)
{
	fd_close_at(&t->parent_fd);
}

void tree_fini(struct tree *t)
{
	forget_parent(t);
	buf_fini(&t->dir_times);
}

int tree_clean_name(const char *name, char out[PATH_MAX], struct err *err)
{
	size_t len = 0, depth = 0;

	for (const char *s = name; *s;) {
		size_t n = strcspn(s, "/");

		if (n == 2 && memcmp(s, "..", 2) == 0)
			return err_set(err, EINVAL, "\"%.200s\": a name with \"..\" in it", name);
		if (n > NAME_MAX || len + n + 2 > PATH_MAX)
			return err_set(err, EINVAL, "\"%.100s...\": name too long", name);
		if (n > 0 && !(n == 1 && *s == '.')) {
			if (++depth > TREE_DEPTH_MAX)
				return err_set(err, EINVAL,
					       "\"%.100s...\": more than %d levels deep", name,
					       TREE_DEPTH_MAX);
			if (len)
				out[len++] = '/';
			memcpy(out + len, s, n);
			len += n;
		}
		s += n;
		s += strspn(s, "/");
	}
	out[len] = '\0';
	return 0;
}

static int is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

int tree_opaque(int dirfd, struct err *err)
{
	return fsetxattr(dirfd, "trusted.overlay.opaque", "y", 1, 0) < 0
		       ? err_sys(err, errno, "mark a directory opaque")
		       : 0;
}

int tree_remove(struct tree *t, int parent, const char *leaf, struct err *err)
{
	if (unlinkat(parent, leaf, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_sys(err, errno, "replace \"%.200s\"", leaf);
	if (fd_remove_tree_at(parent, leaf, err) < 0)
		return -err->code;
	/* What it held may be the parent that is kept open. */
	if (parent != t->parent_fd)
		forget_parent(t);
	return 0;
}

int tree_make_dir(struct tree *t, int parent, const char *leaf, struct err *err)
{
	struct stat st;
	int hides = 0, fd;

	if (mkdirat(parent, leaf, 0755) < 0) {
		if (errno != EEXIST || fstatat(parent, leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return err_sys(err, errno, "mkdir \"%.200s\"", leaf);
		if (!S_ISDIR(st.st_mode)) {
			/* A whiteout before its directory: the new one starts empty. */
			hides = is_whiteout(&st);
			if (tree_remove(t, parent, leaf, err) < 0)
				return -err->code;
			if (mkdirat(parent, leaf, 0755) < 0)
				return err_sys(err, errno, "mkdir \"%.200s\"", leaf);
		}
	}
	fd = openat(parent, leaf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "open \"%.200s\"", leaf);
	if (hides && tree_opaque(fd, err) < 0) {
		close(fd);
		return -err->code;
	}
	return fd;
}

/* One step down: directories only; a whiteout becomes a directory, since the archive has something
 * below it. */
static int step_down(struct tree *t, int parent, const char *name, const char *path,
		     struct err *err)
{
	struct stat st;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode) &&
	    !is_whiteout(&st))
		return err_set(err, S_ISLNK(st.st_mode) ? ELOOP : ENOTDIR,
			       "\"%.200s\": \"%.100s\" in its path is %s", path, name,
			       S_ISLNK(st.st_mode) ? "a symbolic link" : "no directory");
	return tree_make_dir(t, parent, name, err);
}

static int make_parents(struct tree *t, const char *path, size_t len, struct err *err)
{
	CLEANUP_FD int fd = fcntl(t->root, F_DUPFD_CLOEXEC, 0);
	char name[NAME_MAX + 1];

	if (fd < 0)
		return err_sys(err, errno, "open directory");
	for (size_t at = 0; at < len;) {
		size_t n = strcspn(path + at, "/");
		int next;

		memcpy(name, path + at, n);
		name[n] = '\0';
		next = step_down(t, fd, name, path, err);
		if (next < 0)
			return next;
		close(fd);
		fd = next;
		at += n + 1;
	}
	return fd_steal(&fd);
}

int tree_parent(struct tree *t, const char *path, const char **leaf, struct err *err)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;
	int fd;

	*leaf = slash ? slash + 1 : path;
	if (t->parent_fd >= 0 && strlen(t->parent) == len && memcmp(t->parent, path, len) == 0)
		return t->parent_fd;
	forget_parent(t);
	memcpy(t->parent, path, len);
	t->parent[len] = '\0';
	fd = open_beneath(t->root, len ? t->parent : ".", O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		fd = make_parents(t, path, len, err);
	t->parent_fd = fd < 0 ? -1 : fd;
	return fd;
}

int tree_whiteout(struct tree *t, int parent, const char *leaf, struct err *err)
{
	struct stat st;

	if (mknodat(parent, leaf, S_IFCHR, makedev(0, 0)) == 0)
		return 0;
	if (errno != EEXIST || fstatat(parent, leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "hide \"%.200s\"", leaf);
	if (!S_ISDIR(st.st_mode))
		return 0;
	CLEANUP_FD int fd = openat(parent, leaf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "open \"%.200s\"", leaf);
	return tree_opaque(fd, err);
}

/* A record is two timespecs, then the path and its NUL. */
int tree_defer_times(struct tree *t, const char *path, const struct timespec times[2],
		     struct err *err)
{
	if (t->dir_times.len + strlen(path) > DIR_TIMES_MAX)
		return err_set(err, E2BIG, "archive: too many directories");
	buf_add(&t->dir_times, times, 2 * sizeof(*times));
	buf_add(&t->dir_times, path, strlen(path) + 1);
	return 0;
}

void tree_finish(struct tree *t)
{
	size_t at = 0;

	while (at < t->dir_times.len) {
		struct timespec times[2];
		const char *path = t->dir_times.data + at + sizeof(times);
		int fd;

		memcpy(times, t->dir_times.data + at, sizeof(times));
		fd = open_beneath(t->root, *path ? path : ".", O_RDONLY | O_DIRECTORY);
		/* It may have been replaced since; then there is nothing to date. */
		if (fd >= 0) {
			(void)!futimens(fd, times);
			close(fd);
		}
		at += sizeof(times) + strlen(path) + 1;
	}
	t->dir_times.len = 0;
}
