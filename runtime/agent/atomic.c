/* SPDX-License-Identifier: MIT */
/* Directories that change at once. */
#include "runtime/agent/atomic.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/fd.h"

#define DATA_LINK "..data"
#define DATA_TMP  "..data_tmp"

void payload_fini(struct payload *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->list[i].path);
		buf_fini(&p->list[i].data);
	}
	free(p->list);
	*p = (struct payload){NULL, 0};
}

static int path_is_sound(const char *path)
{
	if (!*path || *path == '/' || strlen(path) >= 4096 || str_starts(path, ".."))
		return 0;
	for (const char *at = path; at; at = strchr(at, '/')) {
		size_t n;

		at += *at == '/';
		n = strcspn(at, "/");
		if (n == 0 || n > 255 || (n == 2 && at[0] == '.' && at[1] == '.') ||
		    (n == 1 && at[0] == '.'))
			return 0;
	}
	return 1;
}

static struct payload_file *at_path(struct payload *p, const char *path)
{
	for (size_t i = 0; i < p->n; i++)
		if (str_eq(p->list[i].path, path))
			return &p->list[i];
	return NULL;
}

void payload_set_owner(struct payload *p, const char *path, uid_t uid)
{
	struct payload_file *f = at_path(p, path);

	if (f)
		f->uid = uid;
}

int payload_add(struct payload *p, const char *path, mode_t mode, struct buf *taken,
		struct err *err)
{
	struct payload_file *f = at_path(p, path);

	if (!path_is_sound(path)) {
		buf_fini(taken);
		return err_set(err, EINVAL, "invalid path \"%s\": must be relative, without \"..\"",
			       path);
	}
	if (f) {
		buf_fini(&f->data);
	} else {
		p->list = xreallocarray(p->list, p->n + 1, sizeof(*p->list));
		f = &p->list[p->n++];
		*f = (struct payload_file){.path = xstrdup(path)};
	}
	f->mode = mode;
	f->data = *taken;
	*taken = (struct buf)BUF_INIT;
	return 0;
}

/* -- is it so already? -- */

static size_t count_files(int dirfd_taken)
{
	DIR *d = fdopendir(dirfd_taken);
	struct dirent *e;
	size_t n = 0;

	if (!d) {
		close(dirfd_taken);
		return 0;
	}
	while ((e = readdir(d))) {
		int sub;

		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		sub = openat(dirfd(d), e->d_name, O_DIRECTORY | O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		n += sub >= 0 ? count_files(sub) : 1;
	}
	closedir(d);
	return n;
}

static int same_file(int dir, const struct payload_file *f, mode_t mode)
{
	CLEANUP_FD int fd = openat(dir, f->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	CLEANUP_FREE char *text = NULL;

	if (fd < 0 || fstat(fd, &st) || (size_t)st.st_size != f->data.len ||
	    (st.st_mode & 07777) != mode)
		return 0;
	text = xmalloc(f->data.len + 1);
	return read(fd, text, f->data.len + 1) == (ssize_t)f->data.len &&
	       memcmp(text, buf_str(&f->data), f->data.len) == 0;
}

static mode_t file_mode(const struct payload_file *f, const struct payload_owner *o)
{
	return (f->mode & 0777) | (o->group ? 0440 : 0);
}

static int is_current(int dir, const struct payload *p, const struct payload_owner *o)
{
	int now = openat(dir, DATA_LINK, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	int same = now >= 0;

	for (size_t i = 0; same && i < p->n; i++)
		same = same_file(now, &p->list[i], file_mode(&p->list[i], o));
	if (now < 0)
		return 0;
	if (!same) {
		close(now);
		return 0;
	}
	return count_files(now) == p->n;
}

/* -- writing -- */

static int own(int fd, const struct payload_owner *o, mode_t mode, uid_t uid)
{
	if (fchown(fd, o->base + uid, o->base + o->gid))
		return -errno;
	return fchmod(fd, mode) ? -errno : 0;
}

/* The directories above the file, made as needed. Return: descriptor of the last, or -errno. */
static int make_parents(int dir, const char *path, const struct payload_owner *o)
{
	CLEANUP_FREE char *copy = xstrdup(path);
	int at = fcntl(dir, F_DUPFD_CLOEXEC, 3);
	char *slash, *part = copy;

	for (; at >= 0 && (slash = strchr(part, '/')); part = slash + 1) {
		int next;

		*slash = '\0';
		if (mkdirat(at, part, 0755) && errno != EEXIST) {
			int rc = -errno;

			close(at);
			return rc;
		}
		next = openat(at, part, O_DIRECTORY | O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		close(at);
		at = next;
		if (at >= 0)
			(void)own(at, o, o->group ? 02755 : 0755, 0);
	}
	return at < 0 ? -errno : at;
}

static int write_file(int dir, const struct payload_file *f, const struct payload_owner *o)
{
	const char *base = strrchr(f->path, '/');
	CLEANUP_FD int parent = make_parents(dir, f->path, o);
	CLEANUP_FD int fd = -1;
	int rc;

	if (parent < 0)
		return parent;
	fd = openat(parent, base ? base + 1 : f->path,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	rc = fd_write_all(fd, buf_str(&f->data), f->data.len);
	return rc ? rc : own(fd, o, file_mode(f, o), f->uid);
}

static int write_version(int dir, const char *name, const struct payload *p,
			 const struct payload_owner *o, struct err *err)
{
	CLEANUP_FD int fd = -1;
	int rc;

	if (mkdirat(dir, name, 0755))
		return err_sys(err, errno, "%s", name);
	fd = openat(dir, name, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "%s", name);
	rc = own(fd, o, o->group ? 02755 : 0755, 0);
	for (size_t i = 0; !rc && i < p->n; i++) {
		rc = write_file(fd, &p->list[i], o);
		if (rc)
			err_sys(err, -rc, "%s", p->list[i].path);
	}
	return rc ? err_sys(err, -rc, "%s", name) : 0;
}

static int first_part_is(const struct payload *p, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < p->n; i++)
		if (strncmp(p->list[i].path, name, n) == 0 &&
		    (p->list[i].path[n] == '/' || !p->list[i].path[n]))
			return 1;
	return 0;
}

static void link_names(int dir, const struct payload *p, const struct payload_owner *o)
{
	for (size_t i = 0; i < p->n; i++) {
		CLEANUP_FREE char *name = xstrndup(p->list[i].path, strcspn(p->list[i].path, "/"));
		CLEANUP_FREE char *target = xasprintf(DATA_LINK "/%s", name);

		if (symlinkat(target, dir, name) && errno != EEXIST)
			continue; /* shows as a missing file; the next update tries again */
		(void)!fchownat(dir, name, o->base, o->base + o->gid, AT_SYMLINK_NOFOLLOW);
	}
}

/* Names and versions that are no longer in use. */
static void sweep(const char *path, int dir, const struct payload *p, const char *keep)
{
	int copy = openat(dir, ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d))) {
		CLEANUP_FREE char *whole = NULL;

		if (str_eq(e->d_name, ".") || str_eq(e->d_name, "..") ||
		    str_eq(e->d_name, DATA_LINK) || str_eq(e->d_name, keep))
			continue;
		if (!str_starts(e->d_name, "..")) {
			if (!first_part_is(p, e->d_name))
				unlinkat(dir, e->d_name, 0);
			continue;
		}
		whole = xasprintf("%s/%s", path, e->d_name);
		if (fd_remove_tree(whole, NULL))
			continue; /* swept with the pod */
	}
	closedir(d);
}

static void version_name(char out[64])
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(out, 40, "..%Y_%m_%d_%H_%M_%S.", &tm);
	snprintf(out + strlen(out), 16, "%09ld", now.tv_nsec);
}

int atomic_write(const char *path, const struct payload *p, const struct payload_owner *o,
		 struct err *err)
{
	CLEANUP_FD int dir = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	char name[64];
	int rc;

	if (dir < 0)
		return err_sys(err, errno, "%s", path);
	if (is_current(dir, p, o))
		return 0;
	version_name(name);
	rc = write_version(dir, name, p, o, err);
	if (rc) {
		CLEANUP_FREE char *whole = xasprintf("%s/%s", path, name);

		(void)!fd_remove_tree(whole, NULL);
		return rc;
	}
	unlinkat(dir, DATA_TMP, 0);
	if (symlinkat(name, dir, DATA_TMP) ||
	    fchownat(dir, DATA_TMP, o->base, o->base + o->gid, AT_SYMLINK_NOFOLLOW) ||
	    renameat(dir, DATA_TMP, dir, DATA_LINK))
		return err_sys(err, errno, "%s/" DATA_LINK, path);
	link_names(dir, p, o);
	sweep(path, dir, p, name);
	return 1;
}
