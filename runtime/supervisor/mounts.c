/* SPDX-License-Identifier: MIT */
#include "runtime/supervisor/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "util/base.h"
#include "util/fd.h"

int fs_error(int fs, const char *what, struct err *err)
{
	int code = errno;
	char text[256];
	ssize_t n = read(fs, text, sizeof(text) - 1);

	if (n <= 2)
		return err_sys(err, code, "%s", what);
	text[n] = '\0';
	return err_sys(err, code, "%s: %s", what, text + 2);
}

int fs_set(int fs, const char *key, const char *value)
{
	return fsconfig(fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value, 0);
}

int mount_detached(const char *type, const char *options, unsigned attributes, struct err *err)
{
	CLEANUP_FD int fs = fsopen(type, FSOPEN_CLOEXEC);
	CLEANUP_FREE char *copy = xstrdup(options);
	char *state = NULL;
	int fd;

	if (fs < 0)
		return err_sys(err, errno, "file system %s", type);
	for (char *o = copy ? strtok_r(copy, ",", &state) : NULL; o;
	     o = strtok_r(NULL, ",", &state)) {
		char *value = strchr(o, '=');

		if (value)
			*value++ = '\0';
		if (fs_set(fs, o, value) < 0) {
			err_set(err, EINVAL, "%s: option %s", type, o);
			return fs_error(fs, type, err);
		}
	}
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fs_error(fs, type, err);
	fd = fsmount(fs, FSMOUNT_CLOEXEC, attributes);
	return fd < 0 ? err_sys(err, errno, "mount %s", type) : fd;
}

int mount_idmap(int tree, int user_ns, unsigned flags)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)user_ns};

	return mount_setattr(tree, "", AT_EMPTY_PATH | flags, &attr, sizeof(attr));
}

const char *fs_type_of(const char *path)
{
	static const struct {
		unsigned long magic;
		const char *name;
	} types[] = {
		{EXT4_SUPER_MAGIC, "ext4"},
		{0x58465342, "xfs"},
		{BTRFS_SUPER_MAGIC, "btrfs"},
		{F2FS_SUPER_MAGIC, "f2fs"},
		{TMPFS_MAGIC, "tmpfs"},
		{OVERLAYFS_SUPER_MAGIC, "overlay"},
		{NFS_SUPER_MAGIC, "nfs"},
		{FUSE_SUPER_MAGIC, "fuse"},
		{V9FS_MAGIC, "9p"},
		{0x2fc12fc1, "zfs"},
		{CIFS_SUPER_MAGIC, "cifs"},
		{SMB2_SUPER_MAGIC, "smb3"},
		{MSDOS_SUPER_MAGIC, "vfat"},
		{EXFAT_SUPER_MAGIC, "exfat"},
		{SQUASHFS_MAGIC, "squashfs"},
		{EROFS_SUPER_MAGIC_V1, "erofs"},
		{CEPH_SUPER_MAGIC, "ceph"},
		{RAMFS_MAGIC, "ramfs"},
		{ECRYPTFS_SUPER_MAGIC, "ecryptfs"},
		{0x3153464a, "jfs"},
		{ISOFS_SUPER_MAGIC, "iso9660"},
		{REISERFS_SUPER_MAGIC, "reiserfs"},
	};
	static char number[24];
	struct statfs fs;

	if (statfs(path, &fs) < 0)
		return "unknown";
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].magic == (unsigned long)fs.f_type)
			return types[i].name;
	snprintf(number, sizeof(number), "0x%lx", (unsigned long)fs.f_type);
	return number;
}
