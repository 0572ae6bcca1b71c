/* SPDX-License-Identifier: MIT */
/* How the tree reaches the files of containers, and images are made of them. */
#include <errno.h>

#include "daemon/daemon_i.h"
#include "runtime/container_files.h"
#include "util/fd.h"

/* What a container does not have while it does not run: files. */
static int view(void *room, const struct fs_container *c, struct container_view *v, struct err *err)
{
	struct daemon *d = room;
	struct err why = ERR_INIT;
	int rc;

	if (!d->sandboxes)
		return err_set(err, ENOENT, "this daemon runs no pods (--no-reconcile)");
	rc = container_view_open(v, d->sandboxes, c->pod_uid, c->container, &why);
	return rc < 0 ? err_set(err, rc == -ESRCH ? ENOENT : -rc, "%s", why.msg) : 0;
}

static int files_stat(void *room, const struct fs_container *c, const char *path, struct stat *out,
		      struct err *err)
{
	CLEANUP_VIEW struct container_view v = CONTAINER_VIEW_INIT;
	int rc = view(room, c, &v, err);

	return rc < 0 ? rc : container_stat(&v, path, out, err);
}

static int files_readlink(void *room, const struct fs_container *c, const char *path,
			  struct buf *out, struct err *err)
{
	CLEANUP_VIEW struct container_view v = CONTAINER_VIEW_INIT;
	int rc = view(room, c, &v, err);

	return rc < 0 ? rc : container_readlink(&v, path, out, err);
}

static int files_list(void *room, const struct fs_container *c, const char *path,
		      void (*fn)(void *arg, const char *name, unsigned char type), void *arg,
		      struct err *err)
{
	CLEANUP_VIEW struct container_view v = CONTAINER_VIEW_INIT;
	int rc = view(room, c, &v, err);

	return rc < 0 ? rc : container_list(&v, path, fn, arg, err);
}

static int files_open(void *room, const struct fs_container *c, const char *path, int flags,
		      mode_t mode, struct err *err)
{
	CLEANUP_VIEW struct container_view v = CONTAINER_VIEW_INIT;
	int rc = view(room, c, &v, err);

	return rc < 0 ? rc : container_open(&v, path, flags, mode, err);
}

static int files_mkdir(void *room, const struct fs_container *c, const char *path, mode_t mode,
		       struct err *err)
{
	CLEANUP_VIEW struct container_view v = CONTAINER_VIEW_INIT;
	int rc = view(room, c, &v, err);

	return rc < 0 ? rc : container_mkdir(&v, path, mode, err);
}

static int files_symlink(void *room, const struct fs_container *c, const char *path,
			 const char *target, struct err *err)
{
	CLEANUP_VIEW struct container_view v = CONTAINER_VIEW_INIT;
	int rc = view(room, c, &v, err);

	return rc < 0 ? rc : container_symlink(&v, path, target, err);
}

static int files_remove(void *room, const struct fs_container *c, const char *path, int is_dir,
			struct err *err)
{
	CLEANUP_VIEW struct container_view v = CONTAINER_VIEW_INIT;
	int rc = view(room, c, &v, err);

	return rc < 0 ? rc : container_remove(&v, path, is_dir, err);
}

static int files_rename(void *room, const struct fs_container *c, const char *path, const char *to,
			unsigned flags, struct err *err)
{
	CLEANUP_VIEW struct container_view v = CONTAINER_VIEW_INIT;
	int rc = view(room, c, &v, err);

	return rc < 0 ? rc : container_rename(&v, path, to, flags, err);
}

static struct timespec time_to_set(struct timespec t, unsigned what, unsigned bit)
{
	return what & bit ? t : (struct timespec){.tv_nsec = UTIME_OMIT};
}

static int files_set(void *room, const struct fs_container *c, const char *path,
		     const struct stat *st, unsigned what, struct err *err)
{
	CLEANUP_VIEW struct container_view v = CONTAINER_VIEW_INIT;
	const struct timespec times[2] = {time_to_set(st->st_atim, what, FS_SET_ATIME),
					  time_to_set(st->st_mtim, what, FS_SET_MTIME)};
	int rc = view(room, c, &v, err);

	if (rc == 0 && (what & (FS_SET_UID | FS_SET_GID)))
		rc = container_chown(&v, path, what & FS_SET_UID ? st->st_uid : (uid_t)-1,
				     what & FS_SET_GID ? st->st_gid : (gid_t)-1, err);
	if (rc == 0 && (what & FS_SET_MODE))
		rc = container_chmod(&v, path, st->st_mode, err);
	if (rc == 0 && (what & (FS_SET_ATIME | FS_SET_MTIME)))
		rc = container_set_times(&v, path, times, err);
	return rc;
}

const struct fs_container_files container_files = {
	.stat = files_stat,
	.readlink = files_readlink,
	.list = files_list,
	.open = files_open,
	.mkdir = files_mkdir,
	.symlink = files_symlink,
	.remove = files_remove,
	.rename = files_rename,
	.set = files_set,
};

/* -- commit -- */

/* What the container runs on, as its pod's status has it. Owned; NULL with err. */
static char *image_of(struct daemon *d, const struct fs_container *c, struct err *err)
{
	static const char *const lists[] = {"containerStatuses", "initContainerStatuses",
					    "ephemeralContainerStatuses"};
	CLEANUP_OBJECT struct object *pod = store_get_uid(d->store, c->pod_uid);
	const char *image = NULL;

	for (size_t i = 0; pod && !image && i < ARRAY_LEN(lists); i++) {
		const struct value *list = value_dig(pod->value, "status", lists[i], NULL);

		for (size_t j = 0; !image && j < value_count(list); j++)
			if (str_eq(value_dig_str(value_at(list, j), "name", NULL), c->container))
				image = value_dig_str(value_at(list, j), "imageID", NULL);
	}
	/* by its digest alone: the name may be another's by now, or nobody's */
	if (image && *image)
		return xstrdup(strchr(image, '@') ? strchr(image, '@') + 1 : image);
	err_set(err, ESRCH, "container %s does not run", c->container);
	return NULL;
}

int container_commit(void *room, const struct fs_container *c, const char *image, struct err *err)
{
	CLEANUP_VIEW struct container_view v = CONTAINER_VIEW_INIT;
	struct daemon *d = room;
	CLEANUP_FREE char *base = NULL, *by = NULL, *normal = image_normalize(image, err);
	CLEANUP_FD int upper = -1;
	int rc = normal ? view(room, c, &v, err) : -err->code;

	if (rc < 0)
		return rc;
	base = image_of(d, c, err);
	if (!base)
		return -err->code;
	by = xasprintf("k8sfs commit %s/%s/%s", c->ns, c->pod, c->container);
	upper = agent_changes_open(d->agent, c->pod_uid, c->container, err);
	if (upper < 0)
		return upper;
	rc = images_commit(d->images,
			   &(struct images_commit){base, image, by, upper, v.root, v.base, v.n_ids},
			   err);
	if (rc == 0)
		agent_image_added(d->agent, normal);
	return rc;
}
