/* SPDX-License-Identifier: MIT */
/* Finding a file through layers: see lookup.h. */
#include "runtime/images/lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "util/fd.h"

#define LINKS_MAX 40

enum found { FOUND_NOTHING, FOUND_HIDDEN, FOUND_LINK, FOUND_FILE };

static int is_opaque(int fd)
{
	char path[64], v;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return getxattr(path, "trusted.overlay.opaque", &v, 1) == 1 && v == 'y';
}

/*
 * Walk one layer down the path. *fd is what was found (a link or a file), *rest what of the path
 * lies behind a link. FOUND_HIDDEN: lower layers do not count.
 */
static enum found walk_layer(const char *layer, const char *path, int *fd, const char **rest)
{
	CLEANUP_FD int at = open(layer, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	enum found missing = FOUND_NOTHING;
	char name[NAME_MAX + 1];

	while (at >= 0 && *path) {
		size_t n = strcspn(path, "/");
		struct stat st;
		int next;

		if (n > NAME_MAX)
			return missing;
		memcpy(name, path, n);
		name[n] = '\0';
		path += n + strspn(path + n, "/");
		next = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return missing;
		close(at);
		at = next;
		if (fstat(at, &st) < 0 || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0)))
			return FOUND_HIDDEN;
		*rest = path;
		if (S_ISDIR(st.st_mode)) {
			if (is_opaque(at))
				missing = FOUND_HIDDEN;
			continue;
		}
		*fd = fd_steal(&at);
		return S_ISLNK(st.st_mode) ? FOUND_LINK
		       : *path             ? (fd_close_at(fd), FOUND_HIDDEN)
					   : FOUND_FILE;
	}
	return missing; /* a directory */
}

/* path becomes what it is after its first link: "a/link/b" with link -> "../c" becomes "a/../c/b".
 */
static int follow(char path[PATH_MAX], const char *rest, int link_fd)
{
	char target[PATH_MAX], whole[3 * PATH_MAX], *out = path;
	ssize_t n = readlinkat(link_fd, "", target, sizeof(target) - 1);
	size_t dir = (size_t)(rest - path);

	if (n <= 0)
		return -EINVAL;
	target[n] = '\0';
	/* Back over the link's own name to its directory. */
	while (dir && path[dir - 1] == '/')
		dir--;
	while (dir && path[dir - 1] != '/')
		dir--;
	snprintf(whole, sizeof(whole), "%.*s/%s/%s", target[0] == '/' ? 0 : (int)dir, path, target,
		 rest);
	for (const char *s = whole; *s;) {
		size_t len = strcspn(s, "/");

		if (len == 2 && memcmp(s, "..", 2) == 0) {
			while (out > path && *--out != '/')
				;
		} else if (len && !(len == 1 && *s == '.')) {
			if ((size_t)(out - path) + len + 2 > PATH_MAX)
				return -ENAMETOOLONG;
			if (out > path)
				*out++ = '/';
			memmove(out, s, len);
			out += len;
		}
		s += len + strspn(s + len, "/");
	}
	*out = '\0';
	return 0;
}

static enum found find(const struct image *i, const char *path, int *fd, const char **rest)
{
	enum found f = FOUND_NOTHING;

	for (char **layer = i->layers; *layer && f == FOUND_NOTHING; layer++)
		f = walk_layer(*layer, path, fd, rest);
	return f;
}

static int reopen(int fd, const char *path, struct err *err)
{
	char name[64];
	struct stat st;
	int file;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, EINVAL, "%.200s in the image is no regular file", path);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	file = open(name, O_RDONLY | O_CLOEXEC);
	return file < 0 ? err_sys(err, errno, "open %.200s in the image", path) : file;
}

int image_open_file(const struct image *i, const char *path, struct err *err)
{
	char at[PATH_MAX];

	if ((size_t)snprintf(at, sizeof(at), "%s", path + strspn(path, "/")) >= sizeof(at))
		return err_set(err, ENAMETOOLONG, "%.100s...: name too long", path);
	for (int links = 0; links < LINKS_MAX; links++) {
		CLEANUP_FD int fd = -1;
		const char *rest = at;
		enum found f = find(i, at, &fd, &rest);

		if (f == FOUND_FILE)
			return reopen(fd, path, err);
		if (f != FOUND_LINK)
			return err_set(err, ENOENT, "%.200s is not in the image", path);
		if (follow(at, rest, fd) < 0)
			return err_set(err, EINVAL,
				       "%.200s in the image: a link that leads nowhere", path);
	}
	return err_set(err, ELOOP, "%.200s in the image: too many links", path);
}
