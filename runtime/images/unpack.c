/* SPDX-License-Identifier: MIT */
/*
 * A layer's tar becomes a directory: one entry after the other, each put in
 * place by tree.h. Rules of what an entry means: OCI image-spec, layer.md.
 */
#include "runtime/images/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "runtime/images.h"
#include "runtime/images/pax_names.h"
#include "runtime/images/tree.h"
#include "util/fd.h"

#define WHITEOUT         ".wh."
#define WHITEOUT_META    ".wh..wh."
#define OPAQUE           ".wh..wh..opq"
#define XATTR_BYTES_MAX  (64u << 10)
#define CHECK_FREE_EVERY (64ull << 20)

struct unpack {
	struct tree tree;
	struct archive_in archive;
	const struct layer_limits *limits;
	struct pax_names names;
	const struct pax_name *name; /* of the entry at hand, NULL: libarchive's is right */
	uint64_t entries, bytes, checked;
};

static int is_hard_link(struct archive_entry *e)
{
	return archive_entry_hardlink(e) != NULL;
}

static const char *link_of(const struct unpack *u, const char *by_libarchive)
{
	return by_libarchive && u->name && u->name->link ? u->name->link : by_libarchive;
}

/* -- attributes -- */

/* Only what a file of a container may say about itself: nothing that the host or overlayfs would
 * act upon. */
static int xattr_kept(const char *name)
{
	return str_eq(name, "security.capability") || str_starts(name, "user.") ||
	       str_eq(name, "system.posix_acl_access") || str_eq(name, "system.posix_acl_default");
}

static int set_xattrs(struct archive_entry *e, int fd, const char *path, struct err *err)
{
	const char *name;
	const void *value;
	size_t size;

	archive_entry_xattr_reset(e);
	while (archive_entry_xattr_next(e, &name, &value, &size) == ARCHIVE_OK) {
		if (!name || !xattr_kept(name))
			continue;
		if (strlen(name) > NAME_MAX || size > XATTR_BYTES_MAX)
			return err_set(err, E2BIG, "\"%.200s\": extended attribute too large",
				       path);
		if (fsetxattr(fd, name, value, size, 0) < 0 && errno != EOPNOTSUPP)
			return err_sys(err, errno, "\"%.200s\": set %.100s", path, name);
	}
	return 0;
}

static void entry_times(struct archive_entry *e, struct timespec times[2])
{
	times[0] = times[1] = (struct timespec){.tv_sec = archive_entry_mtime(e),
						.tv_nsec = archive_entry_mtime_nsec(e)};
	if (archive_entry_atime_is_set(e))
		times[0] = (struct timespec){.tv_sec = archive_entry_atime(e),
					     .tv_nsec = archive_entry_atime_nsec(e)};
	for (int i = 0; i < 2; i++)
		if (times[i].tv_nsec < 0 || times[i].tv_nsec > 999999999)
			times[i].tv_nsec = 0;
}

static int entry_owner(struct archive_entry *e, uid_t *uid, gid_t *gid, const char *path,
		       struct err *err)
{
	int64_t u = archive_entry_uid(e), g = archive_entry_gid(e);

	if (u < 0 || g < 0 || u >= UINT32_MAX || g >= UINT32_MAX)
		return err_set(err, EINVAL, "\"%.200s\": owner out of range", path);
	*uid = (uid_t)u;
	*gid = (gid_t)g;
	return 0;
}

/* Owner first: chown(2) takes set-user-ID and capabilities away. */
static int dress_fd(struct archive_entry *e, int fd, const char *path, struct err *err)
{
	uid_t uid = 0;
	gid_t gid = 0;

	if (entry_owner(e, &uid, &gid, path, err) < 0)
		return -err->code;
	if (fchown(fd, uid, gid) < 0 || fchmod(fd, archive_entry_perm(e) & 07777) < 0)
		return err_sys(err, errno, "\"%.200s\": set owner and mode", path);
	return set_xattrs(e, fd, path, err);
}

static int dress_name(struct archive_entry *e, int parent, const char *leaf, const char *path,
		      struct err *err)
{
	struct timespec times[2];
	uid_t uid = 0;
	gid_t gid = 0;

	if (entry_owner(e, &uid, &gid, path, err) < 0)
		return -err->code;
	if (fchownat(parent, leaf, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "\"%.200s\": set owner", path);
	if (archive_entry_filetype(e) != AE_IFLNK &&
	    fchmodat(parent, leaf, archive_entry_perm(e) & 07777, 0) < 0)
		return err_sys(err, errno, "\"%.200s\": set mode", path);
	entry_times(e, times);
	(void)!utimensat(parent, leaf, times, AT_SYMLINK_NOFOLLOW);
	return 0;
}

/* -- contents -- */

static int check_free(struct unpack *u, struct err *err)
{
	struct statvfs st;

	if (u->bytes < u->checked + CHECK_FREE_EVERY)
		return 0;
	u->checked = u->bytes;
	if (fstatvfs(u->tree.root, &st) == 0 &&
	    (uint64_t)st.f_bavail * st.f_frsize < u->limits->free_bytes)
		return err_set(err, ENOSPC, "no space left for the layer");
	return 0;
}

static int count_bytes(struct unpack *u, uint64_t n, struct err *err)
{
	u->bytes += n;
	if (u->bytes > u->limits->bytes)
		return err_set(err, EFBIG, "layer: files of more than %llu bytes",
			       (unsigned long long)u->limits->bytes);
	return check_free(u, err);
}

static int write_contents(struct unpack *u, struct archive_entry *e, int fd, const char *path,
			  struct err *err)
{
	int64_t declared = archive_entry_size(e);
	const void *block;
	size_t n;
	la_int64_t at;
	int rc;

	if (declared < 0 || (uint64_t)declared > u->limits->bytes)
		return err_set(err, EFBIG, "\"%.200s\": size out of range", path);
	while ((rc = archive_read_data_block(u->archive.a, &block, &n, &at)) == ARCHIVE_OK) {
		if (at < 0 || (uint64_t)at + n > (uint64_t)declared)
			return err_set(err, EINVAL, "\"%.200s\": more data than its size", path);
		if (count_bytes(u, n, err) < 0)
			return -err->code;
		for (size_t done = 0; done < n;) {
			ssize_t w =
				pwrite(fd, (const char *)block + done, n - done, at + (off_t)done);

			if (w < 0 && errno == EINTR)
				continue;
			if (w < 0)
				return err_sys(err, errno, "\"%.200s\": write", path);
			done += (size_t)w;
		}
	}
	if (rc != ARCHIVE_EOF)
		return archive_in_fail(&u->archive, err);
	/* A hole at the end of a sparse file. */
	return ftruncate(fd, declared) < 0 ? err_sys(err, errno, "\"%.200s\": set size", path) : 0;
}

static int put_file(struct unpack *u, struct archive_entry *e, int parent, const char *leaf,
		    const char *path, struct err *err)
{
	CLEANUP_FD int fd =
		openat(parent, leaf, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct timespec times[2];

	if (fd < 0)
		return err_sys(err, errno, "create \"%.200s\"", path);
	if (write_contents(u, e, fd, path, err) < 0 || dress_fd(e, fd, path, err) < 0)
		return -err->code;
	entry_times(e, times);
	(void)!futimens(fd, times);
	return 0;
}

static int put_dir(struct unpack *u, struct archive_entry *e, int parent, const char *leaf,
		   const char *path, struct err *err)
{
	CLEANUP_FD int fd = tree_make_dir(&u->tree, parent, leaf, err);
	struct timespec times[2];

	if (fd < 0 || dress_fd(e, fd, path, err) < 0)
		return err_wrap(err, "\"%.200s\"", path);
	entry_times(e, times);
	return tree_defer_times(&u->tree, path, times, err);
}

static int put_root(struct unpack *u, struct archive_entry *e, struct err *err)
{
	struct timespec times[2];

	if (archive_entry_filetype(e) != AE_IFDIR || is_hard_link(e))
		return err_set(err, EINVAL, "layer: its root is no directory");
	if (dress_fd(e, u->tree.root, "/", err) < 0)
		return -err->code;
	entry_times(e, times);
	return tree_defer_times(&u->tree, "", times, err);
}

/* The target is a name in the same layer; it is found like any other, without following links. */
static int put_hard_link(struct unpack *u, struct archive_entry *e, int parent, const char *leaf,
			 const char *path, struct err *err)
{
	char target[PATH_MAX];
	struct tree from;
	const char *target_leaf;
	int fd, rc;

	if (tree_clean_name(link_of(u, archive_entry_hardlink(e)), target, err) < 0)
		return err_wrap(err, "\"%.100s\": hard link to", path);
	if (!*target || str_eq(target, path))
		return err_set(err, EINVAL, "\"%.200s\": hard link to itself or the root", path);
	tree_init(&from, u->tree.root);
	fd = tree_parent(&from, target, &target_leaf, err);
	rc = fd < 0 ? err_wrap(err, "\"%.100s\": hard link to", path)
		    : tree_remove(&u->tree, parent, leaf, err);
	if (rc == 0 && linkat(fd, target_leaf, parent, leaf, 0) < 0)
		rc = err_sys(err, errno, "\"%.100s\": hard link to \"%.100s\"", path, target);
	tree_fini(&from);
	return rc;
}

static int put_symlink(struct unpack *u, struct archive_entry *e, int parent, const char *leaf,
		       const char *path, struct err *err)
{
	const char *target = link_of(u, archive_entry_symlink(e));

	if (!target || !*target || strlen(target) >= PATH_MAX)
		return err_set(err, EINVAL, "\"%.200s\": symbolic link without a target", path);
	if (symlinkat(target, parent, leaf) < 0)
		return err_sys(err, errno, "\"%.200s\": symbolic link", path);
	return dress_name(e, parent, leaf, path, err);
}

static int put_fifo(struct archive_entry *e, int parent, const char *leaf, const char *path,
		    struct err *err)
{
	if (mknodat(parent, leaf, S_IFIFO | 0600, 0) < 0)
		return err_sys(err, errno, "create \"%.200s\"", path);
	return dress_name(e, parent, leaf, path, err);
}

/* -- entries -- */

static int put_whiteout(struct unpack *u, int parent, const char *leaf, const char *path,
			struct err *err)
{
	const char *hidden = leaf + strlen(WHITEOUT);

	if (str_eq(leaf, OPAQUE))
		return tree_opaque(parent, err);
	if (str_starts(leaf, WHITEOUT_META))
		return 0; /* bookkeeping of aufs */
	if (!*hidden || str_eq(hidden, ".") || str_eq(hidden, ".."))
		return err_set(err, EINVAL, "\"%.200s\": whiteout without a name", path);
	return tree_whiteout(&u->tree, parent, hidden, err);
}

/* Devices are left out, as Docker does in a user namespace: a container's /dev is made by the
 * runtime. */
static int put_entry(struct unpack *u, struct archive_entry *e, const char *path, struct err *err)
{
	const char *leaf;
	int type = archive_entry_filetype(e);
	int parent = tree_parent(&u->tree, path, &leaf, err);

	if (parent < 0)
		return parent;
	if (str_starts(leaf, WHITEOUT))
		return put_whiteout(u, parent, leaf, path, err);
	if (is_hard_link(e))
		return put_hard_link(u, e, parent, leaf, path, err);
	if (type == AE_IFDIR)
		return put_dir(u, e, parent, leaf, path, err);
	if (type == AE_IFCHR || type == AE_IFBLK || type == AE_IFSOCK)
		return 0;
	if (tree_remove(&u->tree, parent, leaf, err) < 0)
		return -err->code;
	switch (type) {
	case AE_IFREG:
		return put_file(u, e, parent, leaf, path, err);
	case AE_IFLNK:
		return put_symlink(u, e, parent, leaf, path, err);
	case AE_IFIFO:
		return put_fifo(e, parent, leaf, path, err);
	default:
		return err_set(err, EINVAL, "\"%.200s\": unknown type of entry", path);
	}
}

/* Names below aufs' bookkeeping directories, and names that only a whiteout may have. */
static int has_whiteout_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *at = path;

	while (slash && at < slash) {
		if (str_starts(at, WHITEOUT))
			return 1;
		at += strcspn(at, "/") + 1;
	}
	return 0;
}

static int unpack_entry(struct unpack *u, struct archive_entry *e, struct err *err)
{
	const char *name = archive_entry_pathname(e);
	char path[PATH_MAX];

	if (++u->entries > u->limits->entries)
		return err_set(err, E2BIG, "layer: more than %llu entries",
			       (unsigned long long)u->limits->entries);
	u->name = pax_names_of(&u->names, (uint64_t)archive_read_header_position(u->archive.a));
	if (u->name && u->name->path)
		name = u->name->path;
	if (!name)
		return err_set(err, EINVAL, "layer: an entry without a name");
	if (tree_clean_name(name, path, err) < 0)
		return -err->code;
	if (has_whiteout_parent(path))
		return 0;
	return *path ? put_entry(u, e, path, err) : put_root(u, e, err);
}

static int unpack_entries(struct unpack *u, struct tap *tar, layer_progress_fn progress, void *arg,
			  struct err *err)
{
	struct archive_entry *e;
	int rc;

	while ((rc = archive_in_next(&u->archive, &e, err)) > 0) {
		rc = unpack_entry(u, e, err);
		if (rc == 0 && progress)
			rc = progress(arg, tar->count);
		if (rc < 0)
			return rc;
	}
	return rc;
}

static void see_tar(void *arg, const void *data, size_t len)
{
	pax_names_see(arg, data, len);
}

static int unpack_tar(struct tap *tar, int dirfd, const struct layer_limits *limits,
		      layer_progress_fn progress, void *arg, uint64_t *size_out, struct err *err)
{
	struct unpack u = {.limits = limits};
	int rc;

	tree_init(&u.tree, dirfd);
	pax_names_init(&u.names);
	tar->see = see_tar;
	tar->see_arg = &u.names;
	rc = archive_in_open(&u.archive, &tar->base, ARCHIVE_IN_TAR, err);
	if (rc == 0)
		rc = unpack_entries(&u, tar, progress, arg, err);
	if (rc == 0)
		rc = tap_drain(tar, err);
	if (rc == 0)
		tree_finish(&u.tree);
	archive_in_close(&u.archive);
	tree_fini(&u.tree);
	tar->see = NULL;
	pax_names_fini(&u.names);
	*size_out = u.bytes;
	return rc;
}

/* libarchive reads names in the locale of the thread; names in layers are bytes, mostly UTF-8. */
static pthread_once_t utf8_once = PTHREAD_ONCE_INIT;
static locale_t utf8;

static void make_utf8(void)
{
	wchar_t wide[4];
	locale_t was;

	utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	was = uselocale(utf8);
	mbstowcs(wide, "\xc3\xa4", 2); /* what the conversion needs from disk is read now */
	uselocale(was);
}

void layer_unpack_prepare(void)
{
	pthread_once(&utf8_once, make_utf8);
}

int layer_unpack_stream(struct stream *in, int dirfd, const struct layer_limits *limits,
			layer_progress_fn progress, void *arg, struct layer_result *out,
			struct err *err)
{
	struct err own = ERR_INIT;
	struct inflate plain;
	struct tap tar;
	locale_t was;
	int rc;

	if (!err)
		err = &own;
	layer_unpack_prepare();
	was = uselocale(utf8);
	rc = inflate_init(&plain, in, err);
	if (rc == 0) {
		tap_init(&tar, &plain.base, limits->bytes, "layer");
		rc = unpack_tar(&tar, dirfd, limits, progress, arg, &out->size, err);
		digest_finish(tar.digest, out->diff_id);
		tap_fini(&tar);
	}
	inflate_fini(&plain);
	uselocale(was);
	return rc;
}

int layer_unpack(int archive_fd, int dirfd, char *uncompressed_digest_out, uint64_t *size_out,
		 struct err *err)
{
	static const struct layer_limits limits = LAYER_LIMITS;
	struct layer_result result;
	struct fd_stream in;
	int rc;

	fd_stream_init(&in, archive_fd, -1);
	rc = layer_unpack_stream(&in.base, dirfd, &limits, NULL, NULL, &result, err);
	fd_stream_fini(&in);
	if (rc < 0)
		return rc;
	memcpy(uncompressed_digest_out, result.diff_id, DIGEST_HEX_SIZE);
	*size_out = result.size;
	return 0;
}
