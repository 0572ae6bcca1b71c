/* SPDX-License-Identifier: MIT */
/* Files in root/ of a container: an open one is a descriptor of the file itself. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "fs/attr.h"
#include "fs/handle.h"
#include "fs/reply.h"
#include "fs/root_i.h"
#include "util/fd.h"
#include "util/strmap.h"

#define READ_MAX (1u << 20)

struct root_handle {
	struct handle h;
	int fd;
};

static int fd_of(const struct handle *h)
{
	return ((const struct root_handle *)h)->fd;
}

static void file_read(struct handle *h, struct call *c, size_t size, off_t off)
{
	size_t room = size < READ_MAX ? size : READ_MAX;
	CLEANUP_FREE char *data = xmalloc(room);
	ssize_t n = pread(fd_of(h), data, room, off);

	if (n < 0)
		fuse_reply_err(c->req, errno);
	else
		fuse_reply_buf(c->req, data, (size_t)n);
}

static void file_write(struct handle *h, struct call *c, const char *data, size_t len, off_t off)
{
	ssize_t n = pwrite(fd_of(h), data, len, off);

	if (n >= 0) {
		fuse_reply_write(c->req, (size_t)n);
		return;
	}
	err_sys(&c->err, errno, "writing");
	reply_refused(c, h->node, NULL);
}

static void file_flush(struct handle *h, struct call *c)
{
	reply_code(c->req, !c->closing && fsync(fd_of(h)) < 0 ? errno : 0);
}

static int file_stat(struct handle *h, struct stat *st)
{
	struct stat now;

	if (fstat(fd_of(h), &now) < 0)
		return -errno;
	st->st_size = now.st_size;
	st->st_blocks = now.st_blocks;
	st->st_mtim = now.st_mtim;
	st->st_ctim = now.st_ctim;
	return 0;
}

static int file_truncate(struct handle *h, off_t size)
{
	return ftruncate(fd_of(h), size) < 0 ? -errno : 0;
}

static void file_release(struct handle *h)
{
	fd_close_at(&((struct root_handle *)h)->fd);
}

static const struct handle_ops file_ops = {
	.read = file_read,
	.write = file_write,
	.flush = file_flush,
	.stat = file_stat,
	.truncate = file_truncate,
	.release = file_release,
};

/* Takes fd. */
static struct handle *handle_of_fd(struct call *c, struct node *n, int fd, int flags)
{
	struct handle *h = handle_new(sizeof(struct root_handle), &file_ops, c, n, flags);

	((struct root_handle *)h)->fd = fd;
	return h;
}

static int open_path(struct call *c, const struct node *n, const char *path, int flags,
		     unsigned mode)
{
	const struct fs_container_files *files = root_files(c, n);
	char name[256];
	struct fs_container container = container_of(n, name);

	return files ? files->open(c->fs->rooms.runtime, &container, path, flags, mode, &c->err)
		     : -c->err.code;
}

static struct handle *open_file(struct call *c, struct node *n, int flags)
{
	int fd = open_path(c, n, root_path(n), flags & ~(O_CREAT | O_EXCL), 0);

	return fd < 0 ? NULL : handle_of_fd(c, n, fd, flags);
}

void root_create(struct call *c, struct node *dir, const char *name, unsigned mode, void *fuse_fi)
{
	struct fuse_file_info *fi = fuse_fi;
	CLEANUP_FREE char *path = root_path_below(dir, name);
	CLEANUP_NODE struct node *n = NULL;
	int fd = open_path(c, dir, path, fi->flags | O_CREAT, mode);

	if (fd < 0) {
		reply_refused(c, dir, name);
		return;
	}
	n = root_node(dir, name, path, S_IFREG);
	files_created(c, n, handle_of_fd(c, n, fd, fi->flags), fi);
}

/* -- attributes -- */

static int link_size(struct call *c, const struct node *n, const struct fs_container *container,
		     off_t *size)
{
	CLEANUP(buf_fini) struct buf target = BUF_INIT;
	int rc = c->fs->rooms.files->readlink(c->fs->rooms.runtime, container, root_path(n),
					      &target, &c->err);

	*size = (off_t)target.len;
	return rc;
}

/* Names of one file have one number, so that tar, du and cp -a see that they are. */
static void show_links(const struct stat *inside, struct stat *st)
{
	const uint64_t file[] = {inside->st_dev, inside->st_ino};

	if (!S_ISREG(inside->st_mode) || inside->st_nlink < 2)
		return;
	st->st_nlink = inside->st_nlink;
	st->st_ino = hash_bytes64(file, sizeof(file), 0x726f6f74);
}

/* Modes are the container's, and whoever may use its files may do so whatever they say. */
int root_stat(struct call *c, const struct node *n, struct stat *st)
{
	char name[256];
	struct fs_container container = container_of(n, name);
	const unsigned granted = st->st_mode & 077, type = st->st_mode & S_IFMT;
	struct stat inside;
	int rc;

	if (!c->fs->rooms.files)
		return err_set(&c->err, ENOENT, "no runtime: no container runs here");
	rc = c->fs->rooms.files->stat(c->fs->rooms.runtime, &container, root_path(n), &inside,
				      &c->err);
	if (rc < 0)
		return rc;
	if ((inside.st_mode & S_IFMT) != type)
		return err_set(&c->err, ESTALE, "another file is there now");
	st->st_mode = inside.st_mode | (n->row->type == ROW_LINK ? 0777 : granted);
	show_links(&inside, st);
	st->st_uid = inside.st_uid;
	st->st_gid = inside.st_gid;
	st->st_size = inside.st_size;
	st->st_atim = inside.st_atim;
	st->st_mtim = inside.st_mtim;
	st->st_ctim = inside.st_ctim;
	return n->row->type == ROW_LINK ? link_size(c, n, &container, &st->st_size) : 0;
}

/* What the kernel wants set, of what a file has. */
static unsigned what_to_set(int to_set, struct stat *st)
{
	static const struct {
		int kernels;
		unsigned ours;
	} bits[] = {
		{FUSE_SET_ATTR_MODE, FS_SET_MODE},       {FUSE_SET_ATTR_UID, FS_SET_UID},
		{FUSE_SET_ATTR_GID, FS_SET_GID},         {FUSE_SET_ATTR_ATIME, FS_SET_ATIME},
		{FUSE_SET_ATTR_MTIME, FS_SET_MTIME},     {FUSE_SET_ATTR_ATIME_NOW, FS_SET_ATIME},
		{FUSE_SET_ATTR_MTIME_NOW, FS_SET_MTIME},
	};
	unsigned what = 0;

	for (size_t i = 0; i < ARRAY_LEN(bits); i++)
		if (to_set & bits[i].kernels)
			what |= bits[i].ours;
	if (to_set & FUSE_SET_ATTR_ATIME_NOW)
		st->st_atim.tv_nsec = UTIME_NOW;
	if (to_set & FUSE_SET_ATTR_MTIME_NOW)
		st->st_mtim.tv_nsec = UTIME_NOW;
	return what;
}

static int set_size(struct call *c, const struct node *n, off_t size)
{
	CLEANUP_FD int fd = open_path(c, n, root_path(n), O_WRONLY, 0);

	if (fd < 0)
		return fd;
	return ftruncate(fd, size) < 0 ? err_sys(&c->err, errno, "cutting it") : 0;
}

void root_setattr(struct call *c, struct node *n, const struct stat *st, int to_set)
{
	const struct fs_container_files *files = root_files(c, n);
	char name[256];
	struct fs_container container = container_of(n, name);
	struct stat wanted = *st, now;
	unsigned what = what_to_set(to_set, &wanted);
	int rc = files ? 0 : -c->err.code;

	if (rc == 0 && (to_set & FUSE_SET_ATTR_SIZE))
		rc = set_size(c, n, st->st_size);
	if (rc == 0 && what)
		rc = files->set(c->fs->rooms.runtime, &container, root_path(n), &wanted, what,
				&c->err);
	if (rc == 0)
		rc = node_stat(c, n, &now);
	if (rc < 0)
		reply_refused(c, n, NULL);
	else
		fuse_reply_attr(c->req, &now, 0);
}

static int render_link(struct call *c, const struct node *n, const struct object *o,
		       struct buf *out)
{
	const struct fs_container_files *files = root_files(c, n);
	char name[256];
	struct fs_container container = container_of(n, name);

	(void)o;
	return files ? files->readlink(c->fs->rooms.runtime, &container, root_path(n), out, &c->err)
		     : -c->err.code;
}

#define ROOT_DIR "<pod>/containers/<name>/root/"

const struct row row_root_file = {
	.name = "<file>",
	.where = ROOT_DIR,
	.type = ROW_FILE,
	.mode = 0600,
	.flags = ROW_OBJECT | ROW_LIVE | ROW_OWN_MODE,
	.open = open_file,
	.stat = root_stat,
	.setattr = root_setattr,
	.read_as = "create:exec",
	.write_as = "create:exec",
	.reads = "a file of the container, with the mode, owner and group that it has inside",
	.writes = "the file itself, at once; chmod, chown and times as inside",
	.errors = "EACCES, EPERM pods/exec is forbidden, or the container's first process may not; "
		  "EROFS; ENOENT",
};
const struct row row_root_link = {
	.name = "<link>",
	.where = ROOT_DIR,
	.type = ROW_LINK,
	.mode = 0777,
	.flags = ROW_OBJECT | ROW_LIVE | ROW_OWN_MODE,
	.render = render_link,
	.stat = root_stat,
	.setattr = root_setattr,
	.read_as = "create:exec",
	.reads = "a link of the container, relative, to where it leads inside: never out of root/",
};
const struct row row_root_special = {
	.name = "<device>",
	.where = ROOT_DIR,
	.type = ROW_SPECIAL,
	.mode = 0600,
	.flags = ROW_OBJECT | ROW_LIVE | ROW_OWN_MODE,
	.stat = root_stat,
	.setattr = root_setattr,
	.read_as = "create:exec",
	.reads = "devices, fifos and sockets: shown as sockets, and never opened",
	.errors = "ENXIO",
};
