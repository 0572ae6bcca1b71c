/* SPDX-License-Identifier: MIT */
#include "runtime/images/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/fd.h"

#define DEPTH_MAX   400 /* a descriptor a level */
#define ENTRIES_MAX 4000000u
#define BYTES_MAX   (64ull << 30)
#define XATTRS_MAX  (64u << 10)
#define NOBODY      65534
#define WHITEOUT    ".wh."
#define OPAQUE      ".wh..wh..opq"

struct pack {
	const struct pack_source *from;
	struct archive *a;
	struct archive_entry_linkresolver *links;
	pack_progress_fn progress;
	void *arg;
	uint64_t bytes, entries;
	int fd, write_errno;
};

/* -- the archive -- */

static la_ssize_t on_write(struct archive *a, void *arg, const void *data, size_t len)
{
	struct pack *p = arg;
	int rc = fd_write_all(p->fd, data, len);

	if (rc < 0) {
		p->write_errno = -rc;
		archive_set_error(a, -rc, "write");
		return -1;
	}
	p->bytes += len;
	if (p->progress)
		p->progress(p->arg, p->bytes);
	return (la_ssize_t)len;
}

static int archive_fault(const struct pack *p, const char *path, struct err *err)
{
	const char *why = archive_error_string(p->a);

	return err_set(err, p->write_errno ? p->write_errno : EIO, "\"%.200s\": %s", path,
		       why ? why : "cannot be packed");
}

static int put_header(struct pack *p, struct archive_entry *e, const char *path, struct err *err)
{
	if (++p->entries > ENTRIES_MAX)
		return err_set(err, E2BIG, "more than %u files", ENTRIES_MAX);
	/* a warning: the name is no UTF-8, and is written as it is */
	return archive_write_header(p->a, e) < ARCHIVE_WARN ? archive_fault(p, path, err) : 0;
}

static int put_empty(struct pack *p, const char *dir, const char *prefix, const char *name,
		     struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s%s%s%s", dir, *dir ? "/" : "", prefix, name);
	struct archive_entry *e = archive_entry_new();
	int rc;

	archive_entry_set_pathname(e, path);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0600);
	archive_entry_set_size(e, 0);
	rc = put_header(p, e, path, err);
	archive_entry_free(e);
	return rc;
}

/* -- what a file says about itself -- */

static int64_t id_inside(const struct pack *p, uint32_t id)
{
	return id - p->from->base < p->from->n_ids ? id - p->from->base : NOBODY;
}

static int overlay_has(int fd, const char *name)
{
	CLEANUP_FREE char *key = xasprintf("trusted.overlay.%s", name);

	return fgetxattr(fd, key, NULL, 0) >= 0;
}

static int is_opaque(int fd)
{
	char value = 0;

	return fgetxattr(fd, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

/* Of a user namespace (version 3) they hold in that one only: those of the pod become everybody's.
 */
static void put_capabilities(const struct pack *p, struct archive_entry *e, int fd)
{
	struct vfs_ns_cap_data data;
	ssize_t n = fgetxattr(fd, "security.capability", &data, sizeof(data));
	const uint32_t flags =
		n >= (ssize_t)sizeof(uint32_t) ? le32toh(data.magic_etc) & VFS_CAP_FLAGS_MASK : 0;

	if (n == (ssize_t)XATTR_CAPS_SZ_3) {
		if (le32toh(data.rootid) != p->from->base)
			return;
		data.magic_etc = htole32(VFS_CAP_REVISION_2 | flags);
		n = XATTR_CAPS_SZ_2;
	}
	if (n == (ssize_t)XATTR_CAPS_SZ_2)
		archive_entry_xattr_add_entry(e, "security.capability", &data, (size_t)n);
}

static void put_xattrs(const struct pack *p, struct archive_entry *e, int fd)
{
	CLEANUP_FREE char *names = xmalloc(XATTRS_MAX), *value = xmalloc(XATTRS_MAX);
	ssize_t len = flistxattr(fd, names, XATTRS_MAX);

	for (const char *at = names; len > 0 && at < names + len; at += strlen(at) + 1) {
		ssize_t n;

		if (!str_starts(at, "user."))
			continue;
		n = fgetxattr(fd, at, value, XATTRS_MAX);
		if (n >= 0)
			archive_entry_xattr_add_entry(e, at, value, (size_t)n);
	}
	put_capabilities(p, e, fd);
}

/* fd: -1 for what cannot be opened. */
static struct archive_entry *new_entry(const struct pack *p, const char *path,
				       const struct stat *st, int fd)
{
	struct archive_entry *e = archive_entry_new();

	archive_entry_copy_stat(e, st);
	archive_entry_set_pathname(e, path);
	archive_entry_set_uid(e, id_inside(p, st->st_uid));
	archive_entry_set_gid(e, id_inside(p, st->st_gid));
	archive_entry_unset_atime(e);
	archive_entry_unset_ctime(e);
	if (fd >= 0)
		put_xattrs(p, e, fd);
	return e;
}

/* -- files -- */

/* Where the container sees it, in no other mount. */
static int open_merged(const struct pack *p, const char *path, int flags)
{
	struct open_how how = {.flags = (uint64_t)flags | O_NOFOLLOW | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
					  RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV};

	return (int)syscall(SYS_openat2, p->from->merged, path, &how, sizeof(how));
}

/* Its size was said: no more than that, and no less. */
static int put_content(struct pack *p, int fd, uint64_t size, const char *path, struct err *err)
{
	CLEANUP_FREE char *block = xcalloc(1, 1 << 16);

	while (size) {
		size_t want = size < 1 << 16 ? (size_t)size : 1 << 16;
		ssize_t n = read(fd, block, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			memset(block, 0, want);
			n = (ssize_t)want;
		}
		if (archive_write_data(p->a, block, (size_t)n) != n)
			return archive_fault(p, path, err);
		size -= (uint64_t)n;
	}
	return 0;
}

static int put_file(struct pack *p, int dir, const char *name, const char *path, struct err *err)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	CLEANUP_FD int fd = openat(dir, name, flags);
	struct archive_entry *e, *sparse = NULL;
	struct stat st;
	int rc;

	if (fd >= 0 && overlay_has(fd, "metacopy")) {
		fd_close_at(&fd);
		fd = open_merged(p, path, flags);
	}
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0; /* gone meanwhile, or another */
	if (p->bytes + (uint64_t)st.st_size > BYTES_MAX)
		return err_set(err, EFBIG, "files of more than %llu bytes", BYTES_MAX);
	e = new_entry(p, path, &st, fd);
	archive_entry_linkify(p->links, &e, &sparse);
	rc = put_header(p, e, path, err);
	if (rc == 0 && !archive_entry_hardlink(e))
		rc = put_content(p, fd, (uint64_t)st.st_size, path, err);
	archive_entry_free(e);
	return rc;
}

static int put_link(struct pack *p, int dir, const char *name, const char *path,
		    const struct stat *st, struct err *err)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);
	struct archive_entry *e;
	int rc;

	if (n < 0)
		return 0;
	target[n] = '\0';
	e = new_entry(p, path, st, -1);
	archive_entry_set_size(e, 0);
	archive_entry_set_symlink(e, target);
	rc = put_header(p, e, path, err);
	archive_entry_free(e);
	return rc;
}

static int put_plain(struct pack *p, const char *path, const struct stat *st, int fd,
		     struct err *err)
{
	struct archive_entry *e = new_entry(p, path, st, fd);
	int rc;

	archive_entry_set_size(e, 0);
	rc = put_header(p, e, path, err);
	archive_entry_free(e);
	return rc;
}

/* -- directories -- */

/* Which tree is walked. */
enum where { UPPER, MERGED };

static int put_dir(struct pack *p, int taken_fd, const char *path, enum where where, int depth,
		   struct err *err);

static int enter(struct pack *p, int dir, const char *name, const char *path, enum where where,
		 int depth, struct err *err)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	CLEANUP_FD int fd = where == UPPER ? openat(dir, name, flags) : open_merged(p, path, flags);

	if (fd >= 0 && where == UPPER && overlay_has(fd, "redirect")) {
		fd_close_at(&fd);
		fd = open_merged(p, path, flags);
		where = MERGED;
		/* nothing that was below under this name is seen any more */
		if (fd >= 0 && put_empty(p, path, OPAQUE, "", err) < 0)
			return -err->code;
	}
	/* else it is gone meanwhile, or a mount */
	return fd < 0 ? 0 : put_dir(p, fd_steal(&fd), path, where, depth + 1, err);
}

static int put_one(struct pack *p, int dir, const char *name, const char *parent, enum where where,
		   int depth, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s%s%s", parent, *parent ? "/" : "", name);
	struct stat st;

	if (str_starts(name, WHITEOUT) || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (strlen(path) >= PATH_MAX)
		return err_set(err, ENAMETOOLONG, "a path of %zu bytes", strlen(path));
	if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0))
		return where == UPPER ? put_empty(p, parent, WHITEOUT, name, err) : 0;
	if (S_ISDIR(st.st_mode))
		return enter(p, dir, name, path, where, depth, err);
	if (S_ISREG(st.st_mode))
		return put_file(p, dir, name, path, err);
	if (S_ISLNK(st.st_mode))
		return put_link(p, dir, name, path, &st, err);
	return S_ISFIFO(st.st_mode) ? put_plain(p, path, &st, -1, err) : 0;
}

static int put_names(struct pack *p, DIR *dir, const char *path, enum where where, int depth,
		     struct err *err)
{
	const struct dirent *e;
	int rc = 0;

	while (rc == 0 && (e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = put_one(p, dirfd(dir), e->d_name, path, where, depth, err);
	return rc;
}

static int put_dir(struct pack *p, int taken_fd, const char *path, enum where where, int depth,
		   struct err *err)
{
	struct stat st;
	DIR *dir = fdopendir(taken_fd);
	int rc;

	if (!dir || fstat(taken_fd, &st) < 0) {
		rc = err_sys(err, errno, "\"%.200s\"", path);
		close(taken_fd);
		return rc;
	}
	rc = depth > DEPTH_MAX
		     ? err_set(err, ELOOP, "directories of more than %d levels", DEPTH_MAX)
		     : put_plain(p, *path ? path : ".", &st, taken_fd, err);
	if (rc == 0 && where == UPPER && *path && is_opaque(taken_fd))
		rc = put_empty(p, path, OPAQUE, "", err);
	if (rc == 0)
		rc = put_names(p, dir, path, where, depth, err);
	closedir(dir);
	return rc;
}

static int pack_all(struct pack *p, struct err *err)
{
	int upper = openat(p->from->upper, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (upper < 0)
		return err_sys(err, errno, "the container's changes");
	rc = put_dir(p, upper, "", UPPER, 0, err);
	if (rc == 0 && archive_write_close(p->a) != ARCHIVE_OK)
		rc = archive_fault(p, "the layer", err);
	return rc;
}

int layer_pack(const struct pack_source *from, int fd, pack_progress_fn progress, void *arg,
	       struct err *err)
{
	struct pack p = {.from = from,
			 .a = archive_write_new(),
			 .links = archive_entry_linkresolver_new(),
			 .progress = progress,
			 .arg = arg,
			 .fd = fd};
	int rc;

	archive_write_set_format_pax_restricted(p.a);
	archive_entry_linkresolver_set_strategy(p.links, archive_format(p.a));
	if (archive_write_open(p.a, &p, NULL, on_write, NULL) != ARCHIVE_OK)
		rc = archive_fault(&p, "the layer", err);
	else
		rc = pack_all(&p, err);
	archive_entry_linkresolver_free(p.links);
	archive_write_free(p.a);
	return rc;
}
