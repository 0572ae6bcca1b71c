/* SPDX-License-Identifier: MIT */
/*
 * A container's root: the image's layers under a writable directory. Where the
 * kernel takes layers by descriptor (kernel.h), they never appear anywhere;
 * elsewhere the workshop gives them paths for a moment. Either way the layers
 * are idmapped, and the writable directory belongs to the pod's ids on disk:
 * an idmapped one would make the overlay read-only.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "runtime/supervisor/kernel.h"
#include "runtime/supervisor/mounts.h"
#include "runtime/supervisor/stage.h"
#include "util/fd.h"

/* Renaming directories of lower layers works; a lost writable layer is made anew, so no syncs. */
#define OPTIONS "redirect_dir=on,volatile"

#define ADVICE "; keep the state directory (--state) on ext4, XFS or Btrfs, mounted read-write"

/* Stays open until the overlay is there: closing it earlier would dissolve it. */
static int open_layer(const char *layer, struct err *err)
{
	int tree = open_tree(AT_FDCWD, layer, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree < 0)
		return err_sys(err, errno, "layer %s", layer);
	if (pod.user_ns < 0 || mount_idmap(tree, pod.user_ns, 0) == 0)
		return tree;
	if (errno == EINVAL || errno == EOPNOTSUPP)
		return err_set(err, errno,
			       "layer %s: its file system (%s) has no idmapped mounts" ADVICE,
			       layer, fs_type_of(layer));
	return err_sys(err, errno, "layer %s: idmapped mount", layer);
}

/* What overlayfs asks of the writable directory's file system. NULL: it has all that. */
static const char *fault_of(const char *work)
{
	struct statvfs fs;

	if (statvfs(work, &fs) == 0 && (fs.f_flag & ST_RDONLY))
		return "is read-only";
	if (setxattr(work, "trusted.overlay.probe", "y", 1, 0) < 0)
		return errno == EOPNOTSUPP ? "has no trusted.* extended attributes"
					   : "takes no trusted.* extended attributes";
	(void)removexattr(work, "trusted.overlay.probe");
	return NULL;
}

/* The kernel says EINVAL, and why only in its log. */
static int explain(const char *base, int code, const char *words, struct err *err)
{
	CLEANUP_FREE char *work = xasprintf("%s/work", base);
	const char *fault = fault_of(work), *type = fs_type_of(base);

	if (fault)
		return err_set(err, code, "writable layer %s: its file system (%s) %s" ADVICE, base,
			       type, fault);
	if (code == EINVAL || code == EOPNOTSUPP || code == EROFS)
		return err_set(
			err, code,
			"writable layer %s: overlayfs refuses its file system (%s)%s%s" ADVICE,
			base, type, *words ? ": " : "", words);
	return err_sys(err, code, "writable layer %s: overlay%s%s", base, *words ? ": " : "",
		       words);
}

/* -- by descriptors -- */

static int add_layer(int fs, const char *layer, struct err *err)
{
	int tree = open_layer(layer, err);

	if (tree < 0)
		return tree;
	return fsconfig(fs, FSCONFIG_SET_FD, "lowerdir+", NULL, tree) < 0 ? fs_error(fs, layer, err)
									  : 0;
}

static int add_writable(int fs, const char *key, const char *base, const char *name,
			struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", base, name);
	CLEANUP_FD int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct err why = ERR_INIT;

	if (dir < 0)
		return err_sys(err, errno, "open %s", path);
	if (fsconfig(fs, FSCONFIG_SET_FD, key, NULL, dir) == 0)
		return 0;
	(void)fs_error(fs, key, &why);
	return explain(base, why.code, why.msg, err);
}

static int by_descriptors(const struct container_spec *spec, unsigned attributes, struct err *err)
{
	CLEANUP_FD int fs = fsopen("overlay", FSOPEN_CLOEXEC);
	struct err why = ERR_INIT;
	int rc, root;

	if (fs < 0)
		return err_sys(err, errno, "overlay");
	for (char **layer = spec->layers; layer && *layer; layer++)
		if ((rc = add_layer(fs, *layer, err)) < 0)
			return rc;
	if ((rc = add_writable(fs, "upperdir", spec->upper, "upper", err)) < 0 ||
	    (rc = add_writable(fs, "workdir", spec->upper, "work", err)) < 0)
		return rc;
	if (fs_set(fs, "redirect_dir", "on") < 0 || fs_set(fs, "volatile", NULL) < 0)
		return fs_error(fs, "overlay", err);
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
		(void)fs_error(fs, "overlay", &why);
		return explain(spec->upper, why.code, why.msg, err);
	}
	root = fsmount(fs, FSMOUNT_CLOEXEC, attributes);
	return root < 0 ? err_sys(err, errno, "mount overlay") : root;
}

/* -- by paths -- */

static int by_paths(const struct container_spec *spec, unsigned attributes, struct err *err)
{
	size_t n = 0;
	int writable, rc, *trees;

	while (spec->layers && spec->layers[n])
		n++;
	trees = xcalloc(n + 1, sizeof(*trees));
	for (size_t i = 0; i < n; i++)
		if ((trees[i] = open_layer(spec->layers[i], err)) < 0)
			return trees[i];
	writable = open_tree(AT_FDCWD, spec->upper, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (writable < 0)
		return err_sys(err, errno, "writable layer %s", spec->upper);
	rc = workshop_overlay(trees, n, writable, attributes & MOUNT_ATTR_NODEV ? MS_NODEV : 0,
			      OPTIONS, err);
	return rc < 0 && !err->code ? explain(spec->upper, -rc, "", err) : rc;
}

int overlay_make(struct stage *s, struct err *err)
{
	const struct container_spec *spec = &s->container->spec;
	/* Inside a user namespace nobody can make device nodes: those of an image would be the
	 * host's. */
	unsigned attributes = pod.user_ns >= 0 ? MOUNT_ATTR_NODEV : 0;
	struct statvfs fs;

	s->root = kernel.detached_layers ? by_descriptors(spec, attributes, err)
					 : by_paths(spec, attributes, err);
	if (s->root < 0)
		return s->root;
	/* Where overlayfs cannot use the directory, it may go on without, and say so in the log
	 * only. */
	if (fstatvfs(s->root, &fs) == 0 && (fs.f_flag & ST_RDONLY))
		return explain(spec->upper, EROFS, "it would be mounted read-only", err);
	return 0;
}
