/* SPDX-License-Identifier: MIT */
/*
 * What a file tree in user space costs at least: a directory shown again through libfuse3's
 * low-level interface, each request one or two system calls, without any cleverness. For
 * scripts/bench, which measures k8sfs beside it.
 *
 *	bench_passthrough DIR MOUNTPOINT	in the foreground, until it is unmounted
 *
 * An inode is a descriptor with O_PATH; names that are looked up twice have two.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TIMEOUT 1.0 /* what libfuse's own examples tell the kernel to keep names and attributes */

struct inode {
	int fd;
	uint64_t lookups; /* atomic */
};

static struct inode root;

static struct inode *inode_of(fuse_ino_t ino)
{
	return ino == FUSE_ROOT_ID ? &root : (struct inode *)(uintptr_t)ino;
}

static int reopen(fuse_ino_t ino, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", inode_of(ino)->fd);
	return open(path, (flags & ~O_NOFOLLOW) | O_CLOEXEC);
}

static int find(fuse_ino_t parent, const char *name, struct fuse_entry_param *e)
{
	struct inode *at = calloc(1, sizeof(*at));

	*e = (struct fuse_entry_param){.attr_timeout = TIMEOUT, .entry_timeout = TIMEOUT};
	if (!at)
		return ENOMEM;
	at->fd = openat(inode_of(parent)->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (at->fd < 0 || fstat(at->fd, &e->attr) < 0) {
		int code = errno;

		if (at->fd >= 0)
			close(at->fd);
		free(at);
		return code;
	}
	at->lookups = 1;
	e->ino = (fuse_ino_t)(uintptr_t)at;
	return 0;
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e;
	int code = find(parent, name, &e);

	if (code)
		fuse_reply_err(req, code);
	else
		fuse_reply_entry(req, &e);
}

static void on_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	struct inode *at = inode_of(ino);

	if (at != &root && __atomic_sub_fetch(&at->lookups, n, __ATOMIC_ACQ_REL) == 0) {
		close(at->fd);
		free(at);
	}
	fuse_reply_none(req);
}

static void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	(void)fi;
	if (fstat(inode_of(ino)->fd, &st) < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_attr(req, &st, TIMEOUT);
}

static void on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	int fd = reopen(ino, fi->flags);

	if (fd < 0) {
		fuse_reply_err(req, errno);
		return;
	}
	fi->fh = (uint64_t)fd;
	fi->direct_io = 1; /* as k8sfs: each read is asked */
	fuse_reply_open(req, fi);
}

static void on_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		      struct fuse_file_info *fi)
{
	struct fuse_entry_param e;
	int fd = openat(inode_of(parent)->fd, name, (fi->flags | O_CREAT | O_CLOEXEC) & ~O_NOFOLLOW,
			mode);
	int code = fd < 0 ? errno : find(parent, name, &e);

	if (code) {
		if (fd >= 0)
			close(fd);
		fuse_reply_err(req, code);
		return;
	}
	fi->fh = (uint64_t)fd;
	fi->direct_io = 1;
	fuse_reply_create(req, &e, fi);
}

static void on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	char *data = malloc(size);
	ssize_t n = data ? pread((int)fi->fh, data, size, off) : -1;

	(void)ino;
	if (n < 0)
		fuse_reply_err(req, data ? errno : ENOMEM);
	else
		fuse_reply_buf(req, data, (size_t)n);
	free(data);
}

static void on_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
		     struct fuse_file_info *fi)
{
	ssize_t n = pwrite((int)fi->fh, data, size, off);

	(void)ino;
	if (n < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_write(req, (size_t)n);
}

static void on_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	fuse_reply_err(req, 0);
}

static void on_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	close((int)fi->fh);
	fuse_reply_err(req, 0);
}

static void on_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	int fd = reopen(ino, O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		fuse_reply_err(req, errno);
		return;
	}
	fi->fh = (uint64_t)(uintptr_t)dir;
	fuse_reply_open(req, fi);
}

static void on_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	DIR *dir = (DIR *)(uintptr_t)fi->fh;
	char *out = malloc(size);
	size_t used = 0;
	struct dirent *e;

	(void)ino;
	if (!out) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	seekdir(dir, off);
	while ((e = readdir(dir))) {
		struct stat st = {.st_ino = e->d_ino, .st_mode = DTTOIF(e->d_type)};
		size_t need =
			fuse_add_direntry(req, out + used, size - used, e->d_name, &st, e->d_off);

		if (need > size - used)
			break;
		used += need;
	}
	fuse_reply_buf(req, out, used);
	free(out);
}

static void on_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	closedir((DIR *)(uintptr_t)fi->fh);
	fuse_reply_err(req, 0);
}

static void on_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	fuse_reply_err(req, unlinkat(inode_of(parent)->fd, name, 0) < 0 ? errno : 0);
}

static const struct fuse_lowlevel_ops operations = {
	.lookup = on_lookup,
	.forget = on_forget,
	.getattr = on_getattr,
	.open = on_open,
	.create = on_create,
	.read = on_read,
	.write = on_write,
	.flush = on_flush,
	.release = on_release,
	.opendir = on_opendir,
	.readdir = on_readdir,
	.releasedir = on_releasedir,
	.unlink = on_unlink,
};

int main(int argc, char **argv)
{
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct fuse_session *se;
	int rc = 1;

	if (argc != 3)
		return fprintf(stderr, "usage: %s DIR MOUNTPOINT\n", argv[0]), 2;
	root.fd = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	se = root.fd < 0 ? NULL : fuse_session_new(&args, &operations, sizeof(operations), NULL);
	if (!se || fuse_session_mount(se, argv[2]) < 0) {
		perror(argv[1]);
		return 1;
	}
	fuse_loop_cfg_set_clone_fd(config, 0);
	fuse_loop_cfg_set_max_threads(config, 8);
	fuse_loop_cfg_set_idle_threads(config, 4);
	rc = fuse_session_loop_mt(se, config);
	fuse_session_unmount(se);
	fuse_session_destroy(se);
	fuse_loop_cfg_destroy(config);
	fuse_opt_free_args(&args);
	return rc;
}
