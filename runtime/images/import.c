/* SPDX-License-Identifier: MIT */
/* Import: unpack what is missing, then put it in place. See import.h. */
#include "runtime/images/import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/images/unpack.h"
#include "util/fd.h"

#define BLOB_MAX (64ull << 30)

/* A layer that the import needs: pinned, or unpacked and not in place yet. */
struct import_layer {
	struct layer *pinned; /* one reference of the import's */
	char *tmp;            /* owned */
	uint64_t size;
};

struct reading { /* for progress */
	struct import *imp;
	const char *name;
	size_t at, of;
	uint64_t told;
};

#define TELL_EVERY (4u << 20)

static int tell(void *arg, uint64_t bytes)
{
	struct reading *r = arg;

	if (bytes < r->told + TELL_EVERY)
		return 0;
	r->told = bytes;
	image_job_say(r->imp->im, &r->imp->job, "importing %.120s: layer %zu of %zu, %.1f MB",
		      r->name, r->at + 1, r->of, (double)bytes / 1e6);
	return 0;
}

static int tell_spool(void *arg, uint64_t bytes)
{
	struct import *imp = arg;

	image_job_say(imp->im, &imp->job, "import: reading the archive, %.1f MB",
		      (double)bytes / 1e6);
	return 0;
}

/* -- layers ---------------------------------------------------------------- */

static int check_layer(const struct incoming *i, size_t n, struct tap *blob, const char *diff_id,
		       struct err *err)
{
	char found[DIGEST_HEX_SIZE];

	digest_finish(blob->digest, found);
	if (i->layers[n].blob[0] && !str_eq(found, digest_hex(i->layers[n].blob)))
		return err_set(err, EBADMSG, "layer %s has the digest sha256:%s", i->layers[n].blob,
			       found);
	if (!str_eq(diff_id, i->spec.diff_ids[n]))
		return err_set(err, EBADMSG,
			       "layer %zu: uncompressed digest is sha256:%s, the image config says "
			       "sha256:%s",
			       n + 1, diff_id, i->spec.diff_ids[n]);
	return 0;
}

static int unpack_member(struct import *imp, const struct incoming *i, size_t n, int dirfd,
			 uint64_t *size, struct err *err)
{
	static const struct layer_limits limits = LAYER_LIMITS;
	struct reading r = {imp, i->name, n, i->spec.n_layers, 0};
	struct layer_result result;
	struct member m;
	struct tap blob;
	int rc;

	if (member_open(&m, &imp->archive, i->layers[n].member, err) < 0)
		return -err->code;
	tap_init(&blob, &m.base, BLOB_MAX, "layer");
	rc = layer_unpack_stream(&blob.base, dirfd, &limits, tell, &r, &result, err);
	if (rc == 0)
		rc = tap_drain(&blob, err);
	if (rc == 0)
		rc = check_layer(i, n, &blob, result.diff_id, err);
	*size = result.size;
	tap_fini(&blob);
	member_close(&m);
	return rc;
}

static int unpack_new(struct import *imp, struct incoming *i, size_t n, struct import_layer *l,
		      struct err *err)
{
	CLEANUP_FD int dirfd = -1;

	l->tmp = images_tmp(imp->im, i->spec.diff_ids[n]);
	if (mkdir(l->tmp, 0755) < 0)
		return err_sys(err, errno, "mkdir %s", l->tmp);
	dirfd = open(l->tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return err_sys(err, errno, "open %s", l->tmp);
	i->n_new++;
	return unpack_member(imp, i, n, dirfd, &l->size, err);
}

static int unpack_image(struct import *imp, struct incoming *i, struct err *err)
{
	for (size_t n = 0; n < i->spec.n_layers; n++) {
		const char *hex = i->spec.diff_ids[n];
		struct import_layer *l;

		for (size_t k = 0; k < n; k++)
			if (str_eq(i->spec.diff_ids[k], hex))
				return err_set(err, EINVAL,
					       "%.200s: layers %zu and %zu are the same", i->name,
					       k + 1, n + 1);
		if (strmap_get(&imp->layers, hex))
			continue;
		image_job_say(imp->im, &imp->job, "importing %.120s: layer %zu of %zu", i->name,
			      n + 1, i->spec.n_layers);
		l = xcalloc(1, sizeof(*l));
		strmap_set(&imp->layers, hex, l);
		l->pinned = layer_pin(imp->im, hex);
		if (!l->pinned && unpack_new(imp, i, n, l, err) < 0)
			return err_wrap(err, "%.200s", i->name);
	}
	return 0;
}

/* -- putting in place ------------------------------------------------------ */

static int write_blobs(struct import *imp, struct err *err)
{
	for (size_t n = 0; n < imp->n; n++) {
		const struct incoming *i = imp->list[n];

		if (!i->known &&
		    (images_write_blob(imp->im, i->digest, i->manifest.data, i->manifest.len, err) <
			     0 ||
		     images_write_blob(imp->im, i->id, i->config.data, i->config.len, err) < 0))
			return -err->code;
	}
	return 0;
}

/* One sync of the file system for all files of all layers. */
static int sync_all(const struct images *im, struct err *err)
{
	CLEANUP_FD int fd = open(im->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || syncfs(fd) < 0 ? err_sys(err, errno, "sync %s", im->dir) : 0;
}

static int place_layers(struct import *imp, struct err *err)
{
	CLEANUP_FREE char *path = images_path(imp->im, "layers", "");
	CLEANUP_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "open %s", path);
	STRMAP_FOREACH (s, &imp->layers) {
		struct import_layer *l = s->val;

		if (!l->pinned)
			l->pinned = layer_adopt(imp->im, s->key, l->tmp, l->size, err);
		if (!l->pinned)
			return -err->code;
	}
	return fsync(fd) < 0 ? err_sys(err, errno, "sync %s", path) : 0;
}

static struct stored *make_stored(struct import *imp, struct incoming *i)
{
	struct layer *layers[IMAGE_MAX_LAYERS];

	for (size_t n = 0; n < i->spec.n_layers; n++)
		layers[n] = layer_pin(imp->im, i->spec.diff_ids[n]);
	return stored_new(imp->im, i->name, i->digest, i->id, &i->spec, layers);
}

/* lock held. */
static void enter(struct images *im, struct stored *s)
{
	struct stored *was = strmap_set(&im->names, s->image.name, s);

	if (was)
		was->dangling = 1;
	im->all = xreallocarray(im->all, im->n_all + 1, sizeof(*im->all));
	im->all[im->n_all++] = s;
}

/* change_lock held. */
static int enter_all(struct import *imp, struct err *err)
{
	CLEANUP_FREE struct stored **list = xcalloc(imp->n, sizeof(struct stored *));
	struct images_change c = {.add = list};
	int rc;

	for (size_t n = 0; n < imp->n; n++)
		if (!imp->list[n]->known)
			list[c.n_add++] = make_stored(imp, imp->list[n]);
	rc = images_index_write(imp->im, &c, err);
	for (size_t n = 0; rc < 0 && n < c.n_add; n++)
		stored_free(list[n], 1);
	if (rc < 0)
		return rc;
	pthread_mutex_lock(&imp->im->lock);
	for (size_t n = 0; n < c.n_add; n++)
		enter(imp->im, list[n]);
	pthread_mutex_unlock(&imp->im->lock);
	return 0;
}

static int commit(struct import *imp, struct err *err)
{
	int rc;

	image_job_say(imp->im, &imp->job, "import: writing to disk");
	if ((rc = sync_all(imp->im, err)) < 0)
		return rc;
	pthread_mutex_lock(&imp->im->change_lock);
	rc = write_blobs(imp, err);
	if (rc == 0)
		rc = sync_all(imp->im, err);
	if (rc == 0)
		rc = place_layers(imp, err);
	if (rc == 0)
		rc = enter_all(imp, err);
	pthread_mutex_unlock(&imp->im->change_lock);
	if (rc == 0)
		images_prune(imp->im);
	return rc;
}

/* -- the whole ------------------------------------------------------------- */

/* The same image under the same name: nothing to do. A name twice in one archive: the last counts.
 */
static size_t mark_known(struct import *imp)
{
	size_t unknown = 0;

	pthread_mutex_lock(&imp->im->lock);
	for (size_t n = 0; n < imp->n; n++) {
		const struct stored *s = strmap_get(&imp->im->names, imp->list[n]->name);

		imp->list[n]->known = s && str_eq(s->image.digest, imp->list[n]->digest);
		for (size_t k = n + 1; k < imp->n; k++)
			imp->list[n]->known |= str_eq(imp->list[n]->name, imp->list[k]->name);
		unknown += !imp->list[n]->known;
	}
	pthread_mutex_unlock(&imp->im->lock);
	return unknown;
}

static int import_all(struct import *imp, struct err *err)
{
	int rc = import_read(imp, err);

	if (rc < 0)
		return rc;
	if (mark_known(imp) == 0)
		return 0;
	for (size_t n = 0; n < imp->n; n++)
		if (!imp->list[n]->known && unpack_image(imp, imp->list[n], err) < 0)
			return -err->code;
	return commit(imp, err);
}

static void report_all(const struct import *imp, struct buf *report)
{
	for (size_t n = 0; n < imp->n; n++) {
		const struct incoming *i = imp->list[n];

		buf_addf(report, "%s %s %zu layer%s, ", i->name, i->id, i->spec.n_layers,
			 i->spec.n_layers == 1 ? "" : "s");
		if (i->known)
			buf_adds(report, "already there\n");
		else
			buf_addf(report, "%u new\n", i->n_new);
	}
}

static void import_fini(struct import *imp)
{
	int rubbish = 0;

	STRMAP_FOREACH (s, &imp->layers) {
		struct import_layer *l = s->val;

		if (l->pinned)
			layer_unpin(imp->im, l->pinned);
		if (l->tmp && access(l->tmp, F_OK) == 0) {
			CLEANUP_FREE char *trash = images_trash(imp->im);

			rubbish |= rename(l->tmp, trash) == 0;
		}
		free(l->tmp);
		free(l);
	}
	if (rubbish)
		images_sweep(imp->im);
	strmap_fini(&imp->layers);
	for (size_t n = 0; n < imp->n; n++)
		incoming_free(imp->list[n]);
	free(imp->list);
}

int images_import(struct images *im, int fd, struct buf *report, struct err *err)
{
	struct import imp = {.im = im, .layers = STRMAP_INIT};
	CLEANUP_FREE char *tmp = images_path(im, "tmp", "");
	struct err own = ERR_INIT;
	int rc;

	if (!err)
		err = &own;
	image_job_begin(im, &imp.job);
	rc = image_archive_open(&imp.archive, fd, tmp, tell_spool, &imp, err);
	if (rc == 0) {
		rc = import_all(&imp, err);
		image_archive_close(&imp.archive);
	}
	if (rc == 0 && report)
		report_all(&imp, report);
	import_fini(&imp);
	image_job_end(im, &imp.job);
	return rc;
}
