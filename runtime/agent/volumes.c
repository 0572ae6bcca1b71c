/* SPDX-License-Identifier: MIT */
/* Volumes by type. */
#include "runtime/agent/volumes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "objects/quantity.h"
#include "util/fd.h"

struct volume_type {
	const char *field; /* of the volume in the spec */
	int (*set_up)(const struct volume_ctx *ctx, struct volume *v, const struct value *spec,
		      struct err *err);
	int refreshed; /* shows objects, or the pod itself */
};

char *pod_state_path(const char *state_dir, const char *uid)
{
	return xasprintf("%s/pods/%s", state_dir, uid);
}

char *pod_volumes_path(const char *run_dir, const char *uid)
{
	return xasprintf("%s/volumes/%s", run_dir, uid);
}

int64_t pod_fs_group(const struct value *pod)
{
	return value_int(value_dig(pod, "spec", "securityContext", "fsGroup", NULL), -1);
}

const struct value *volume_spec(const struct value *pod, const char *name)
{
	const struct value *list = value_dig(pod, "spec", "volumes", NULL);

	for (size_t i = 0; i < value_count(list); i++)
		if (str_eq(value_str(value_get(value_at(list, i), "name"), NULL), name))
			return value_at(list, i);
	return str_eq(name, ACCOUNT_VOLUME) ? account_volume_spec() : NULL;
}

/* Volume names are DNS labels; whatever else reached us makes no path. */
static int make_dir(const char *base, const char *middle, const char *name, mode_t mode, char **out,
		    struct err *err)
{
	CLEANUP_FREE char *parent = xasprintf("%s/%s", base, middle);
	CLEANUP_FREE char *path = xasprintf("%s/%s", parent, name);
	int rc;

	if (!*name || strchr(name, '/') || str_eq(name, ".") || str_eq(name, ".."))
		return err_set(err, EINVAL, "volume name \"%s\"", name);
	rc = fd_mkdir_p(parent, 0711, err);
	if (rc)
		return rc;
	if (mkdir(path, mode) && errno != EEXIST)
		return err_sys(err, errno, "%s", path);
	free(*out);
	*out = STEAL(path);
	return 0;
}

/* <run>/volumes/<uid>/<name> */
static int make_run_dir(const struct volume_ctx *ctx, struct volume *v, struct err *err)
{
	CLEANUP_FREE char *base = pod_volumes_path(ctx->run_dir, pod_uid(ctx->src.st->pod));

	return make_dir(base, ".", v->name, 0755, &v->path, err);
}

static int own_dir(const struct volume_ctx *ctx, const char *path, mode_t mode, struct err *err)
{
	int64_t group = pod_fs_group(ctx->src.st->pod);
	gid_t gid = ctx->id_base + (group >= 0 ? (gid_t)group : 0);

	if (chown(path, ctx->id_base, gid) || chmod(path, group >= 0 ? (mode | 02770) : mode))
		return err_sys(err, errno, "%s", path);
	return 0;
}

static int is_mount_point(const char *path)
{
	CLEANUP_FREE char *parent = xasprintf("%s/..", path);
	struct stat a, b;

	return stat(path, &a) == 0 && stat(parent, &b) == 0 && a.st_dev != b.st_dev;
}

/* -- emptyDir -- */

static int set_up_memory(const struct volume_ctx *ctx, struct volume *v, const struct value *spec,
			 struct err *err)
{
	int64_t group = pod_fs_group(ctx->src.st->pod);
	CLEANUP_FREE char *options = NULL;
	struct quantity q = {0};
	int64_t size = 0;
	int rc = make_run_dir(ctx, v, err);

	if (rc || is_mount_point(v->path)) {
		v->mounted = !rc;
		return rc;
	}
	if (value_get(spec, "sizeLimit") &&
	    !quantity_from_value(value_get(spec, "sizeLimit"), &q, NULL))
		size = quantity_units(&q);
	if (size <= 0)
		size = (int64_t)(ctx->src.node->memory_bytes / 2);
	options = xasprintf("mode=%o,uid=%u,gid=%u,size=%lld", group >= 0 ? 02777u : 0777u,
			    ctx->id_base, ctx->id_base + (group >= 0 ? (gid_t)group : 0),
			    (long long)size);
	if (mount("tmpfs", v->path, "tmpfs", MS_NOSUID | MS_NODEV, options))
		return err_sys(err, errno, "tmpfs on %s", v->path);
	v->mounted = 1;
	return 0;
}

static int set_up_empty_dir(const struct volume_ctx *ctx, struct volume *v,
			    const struct value *spec, struct err *err)
{
	CLEANUP_FREE char *pod_dir = pod_state_path(ctx->state_dir, pod_uid(ctx->src.st->pod));
	struct stat st;
	int rc;

	if (str_eq(value_str(value_get(spec, "medium"), ""), "Memory"))
		return set_up_memory(ctx, v, spec, err);
	rc = make_dir(pod_dir, "volumes", v->name, 0700, &v->path, err);
	if (rc)
		return rc;
	if (stat(v->path, &st) == 0 && (st.st_mode & 07777) != 0700)
		return 0; /* it was there already, and the pod may have changed its mode */
	return own_dir(ctx, v->path, 0777, err);
}

/* -- hostPath -- */

struct path_type {
	const char *type;
	mode_t want; /* S_IFMT; 0: anything */
	int create;  /* 1 directory, 2 file */
	const char *called;
};

static const struct path_type path_types[] = {
	{"", 0, 1, ""},
	{"DirectoryOrCreate", S_IFDIR, 1, "directory"},
	{"Directory", S_IFDIR, 0, "directory"},
	{"FileOrCreate", S_IFREG, 2, "file"},
	{"File", S_IFREG, 0, "file"},
	{"Socket", S_IFSOCK, 0, "socket file"},
	{"CharDevice", S_IFCHR, 0, "character device"},
	{"BlockDevice", S_IFBLK, 0, "block device"},
};

static int create_path(const char *path, int what, struct err *err)
{
	int fd;

	if (what == 1)
		return fd_mkdir_p(path, 0755, err);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(err, errno, "%s", path);
	close(fd);
	return 0;
}

static int set_up_path(struct volume *v, const char *path, const char *type, struct err *err)
{
	const struct path_type *t = NULL;
	struct stat st;
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(path_types); i++)
		if (str_eq(path_types[i].type, type))
			t = &path_types[i];
	if (!t || *path != '/')
		return err_set(err, EINVAL, "hostPath: path \"%s\", type \"%s\"", path, type);
	if (stat(path, &st)) {
		if (t->create)
			rc = create_path(path, t->create, err);
		if (rc)
			return rc;
		if (stat(path, &st))
			return err_set(err, ENOENT, "hostPath type check failed: %s is not a %s",
				       path, t->called);
	}
	if (t->want && (st.st_mode & S_IFMT) != t->want)
		return err_set(err, EINVAL, "hostPath type check failed: %s is not a %s", path,
			       t->called);
	v->path = xstrdup(path);
	v->idmapped = 1;
	v->recursive = 1;
	return 0;
}

static int set_up_host_path(const struct volume_ctx *ctx, struct volume *v,
			    const struct value *spec, struct err *err)
{
	return set_up_path(v, value_str(value_get(spec, "path"), ""),
			   value_str(value_get(spec, "type"), ""), err);
}

/* -- persistentVolumeClaim, ephemeral -- */

static int set_up_claim(const struct volume_ctx *ctx, struct volume *v, const char *claim,
			struct err *err)
{
	CLEANUP_VALUE struct value *pvc = ctx->src.ops->get(ctx->src.ctx, "persistentvolumeclaims",
							    pod_ns(ctx->src.st->pod), claim);
	const char *name = value_dig_str(pvc, "spec", "volumeName", NULL);
	CLEANUP_VALUE struct value *pv = NULL;
	const char *path;

	if (!pvc)
		return err_set(err, ENOENT, "persistentvolumeclaim \"%s\" not found", claim);
	if (!name || !*name)
		return err_set(err, EAGAIN, "PVC is not bound");
	pv = ctx->src.ops->get(ctx->src.ctx, "persistentvolumes", "", name);
	path = value_dig_str(pv, "spec", "hostPath", "path", NULL);
	if (!path)
		path = value_dig_str(pv, "spec", "local", "path", NULL);
	if (!path)
		return err_set(err, EOPNOTSUPP,
			       "persistentvolume \"%s\": only local and hostPath are served", name);
	return set_up_path(v, path, "DirectoryOrCreate", err);
}

static int set_up_pvc(const struct volume_ctx *ctx, struct volume *v, const struct value *spec,
		      struct err *err)
{
	v->read_only = value_bool(value_get(spec, "readOnly"), 0);
	return set_up_claim(ctx, v, value_str(value_get(spec, "claimName"), ""), err);
}

static int set_up_ephemeral(const struct volume_ctx *ctx, struct volume *v,
			    const struct value *spec, struct err *err)
{
	CLEANUP_FREE char *claim = xasprintf("%s-%s", pod_name(ctx->src.st->pod), v->name);

	return set_up_claim(ctx, v, claim, err);
}

/* -- csi, image -- */

static int set_up_csi(const struct volume_ctx *ctx, struct volume *v, const struct value *spec,
		      struct err *err)
{
	const char *driver = value_str(value_get(spec, "driver"), "");

	if (!str_eq(driver, "k8sfs.io") || !ctx->tree)
		return err_set(err, EOPNOTSUPP,
			       "driver name %s not found in the list of registered CSI drivers",
			       driver);
	v->path = xstrdup(ctx->tree);
	v->is_tree = 1;
	v->read_only = value_bool(value_get(spec, "readOnly"), 0);
	return 0;
}

static int mount_layers(const struct image *image, const char *path, struct err *err)
{
	CLEANUP(buf_fini) struct buf options = BUF_INIT;

	buf_adds(&options, "lowerdir=");
	for (size_t i = 0; image->layers[i]; i++)
		buf_addf(&options, "%s%s", i ? ":" : "", image->layers[i]);
	if (mount("overlay", path, "overlay", MS_RDONLY | MS_NOSUID | MS_NODEV, options.data))
		return err_sys(err, errno, "overlay on %s", path);
	return 0;
}

static int set_up_image(const struct volume_ctx *ctx, struct volume *v, const struct value *spec,
			struct err *err)
{
	struct image *image = ctx->src.ops->image_get(
		ctx->src.ctx, value_str(value_get(spec, "reference"), ""), err);
	int rc;

	if (!image)
		return -ENOENT;
	v->read_only = 1;
	rc = ctx->src.ops->image_hold(ctx->src.ctx, pod_uid(ctx->src.st->pod), image, err);
	if (!rc && image->layers[0] && !image->layers[1]) {
		v->path = xstrdup(image->layers[0]);
		v->idmapped = 1;
	} else if (!rc) {
		rc = make_run_dir(ctx, v, err);
		if (!rc && !is_mount_point(v->path))
			rc = mount_layers(image, v->path, err);
		v->mounted = !rc;
	}
	ctx->src.ops->image_put(ctx->src.ctx, image);
	return rc;
}

/* -- configMap, secret, downwardAPI, projected -- */

static int write_config(const struct volume_ctx *ctx, struct volume *v, struct err *err)
{
	int64_t group = pod_fs_group(ctx->src.st->pod);
	struct payload_owner owner = {ctx->id_base, group >= 0 ? (gid_t)group : 0, group >= 0};
	CLEANUP(payload_fini) struct payload p = {NULL, 0};
	int rc = volume_payload(ctx, v, &p, err);

	return rc ? rc : atomic_write(v->path, &p, &owner, err);
}

static int set_up_config(const struct volume_ctx *ctx, struct volume *v, const struct value *spec,
			 struct err *err)
{
	int rc = make_run_dir(ctx, v, err);

	if (!rc)
		rc = own_dir(ctx, v->path, 0755, err);
	if (!rc)
		rc = write_config(ctx, v, err);
	v->read_only = 1; /* as Kubernetes: the mount is, whatever the spec says */
	return rc < 0 ? rc : 0;
}

static const struct volume_type types[] = {
	{"emptyDir", set_up_empty_dir, 0},
	{"hostPath", set_up_host_path, 0},
	{"configMap", set_up_config, 1},
	{"secret", set_up_config, 1},
	{"downwardAPI", set_up_config, 1},
	{"projected", set_up_config, 1},
	{"persistentVolumeClaim", set_up_pvc, 0},
	{"ephemeral", set_up_ephemeral, 0},
	{"csi", set_up_csi, 0},
	{"image", set_up_image, 0},
};

struct volume *volumes_new(const struct value *pod, size_t *n_out)
{
	const struct value *specs = value_dig(pod, "spec", "volumes", NULL);
	size_t n = value_count(specs);
	struct volume *list = xcalloc(n + 1, sizeof(*list));

	*n_out = n + 1;
	for (size_t i = 0; i <= n; i++) {
		const struct value *spec = i < n ? value_at(specs, i) : account_volume_spec();

		list[i].name = xstrdup(value_str(value_get(spec, "name"), ""));
		for (size_t t = 0; t < ARRAY_LEN(types); t++)
			if (value_get(spec, types[t].field))
				list[i].type = &types[t];
		if (!list[i].type && value_count(spec) == 1) /* no source at all is an emptyDir */
			list[i].type = &types[0];
	}
	list[n].late = 1;
	return list;
}

void volumes_free(struct volume *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(list[i].name);
		free(list[i].path);
		pod_tokens_fini(&list[i].tokens);
	}
	free(list);
}

struct volume *volume_find(struct volume *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i].name, name))
			return &list[i];
	return NULL;
}

int volume_set_up(const struct volume_ctx *ctx, struct volume *v, struct err *err)
{
	const struct value *spec = volume_spec(ctx->src.st->pod, v->name);
	int rc;

	if (v->path)
		return 0;
	if (!v->type)
		return err_set(err, EOPNOTSUPP,
			       "no volume plugin matched: this type is not served by this node");
	rc = v->type->set_up(ctx, v, value_get(spec, v->type->field), err);
	if (rc) {
		free(v->path);
		v->path = NULL;
	}
	return rc;
}

int volume_refresh(const struct volume_ctx *ctx, struct volume *v, struct err *err)
{
	if (!v->type || !v->type->refreshed || !v->path)
		return 0;
	return write_config(ctx, v, err);
}

uint64_t volume_renew_ms(const struct volume *v)
{
	return v->path ? pod_tokens_renew_ms(&v->tokens) : 0;
}
