/* SPDX-License-Identifier: MIT */
/* Import: unpack what is missing, then put it in place. See import.h. */
#include "runtime/images/import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/images/worker_link.h"
#include "util/fd.h"

#define DOCUMENTS_MAX (256u << 20) /* of one archive */

/* A layer that the import needs: pinned, or unpacked and not in place yet. */
struct import_layer {
	struct layer *pinned; /* one reference of the import's */
	char *tmp;            /* owned */
	uint64_t size;
};

void import_add_layer(struct import *imp, const char *hex, const char *dir, uint64_t size)
{
	struct import_layer *l = xcalloc(1, sizeof(*l));

	l->tmp = xstrdup(dir);
	l->size = size;
	strmap_set(&imp->layers, hex, l);
}

int import_pin_layer(struct import *imp, const char *hex)
{
	struct layer *pinned = layer_pin(imp->im, hex);
	struct import_layer *l;

	if (!pinned)
		return -ENOENT;
	l = xcalloc(1, sizeof(*l));
	l->pinned = pinned;
	strmap_set(&imp->layers, hex, l);
	return 0;
}

/* -- what the worker has to say -- */

static int tell_layer(struct import *imp, const struct incoming *i, size_t n, const char *text)
{
	unsigned long long bytes;

	if (sscanf(text, "at %llu", &bytes) != 1)
		return 0;
	image_job_say(imp->im, &imp->job, "importing %.120s: layer %zu of %zu, %.1f MB", i->name,
		      n + 1, i->spec.n_layers, (double)bytes / 1e6);
	return 1;
}

static int tell_spool(struct import *imp, const char *text)
{
	unsigned long long bytes;

	if (sscanf(text, "spool %llu", &bytes) != 1)
		return 0;
	image_job_say(imp->im, &imp->job, "import: reading the archive, %.1f MB",
		      (double)bytes / 1e6);
	return 1;
}

/* A document that the worker left; it may have left anything. */
static int read_document(struct import *imp, const char *digest, struct buf *out, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", imp->dir, digest_hex(digest));
	char found[DIGEST_SIZE];
	struct stat st;

	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, EPROTO, "k8sfs-image: no document %s", digest);
	if (fd_read_file(path, MANIFEST_MAX_BYTES, out, err) < 0)
		return -err->code;
	digest_of(buf_str(out), out->len, found);
	imp->documents += out->len;
	if (imp->documents > DOCUMENTS_MAX)
		return err_set(err, EFBIG, "archive: manifests and configs of more than %u bytes",
			       DOCUMENTS_MAX);
	return str_eq(found, digest)
		       ? 0
		       : err_set(err, EPROTO, "k8sfs-image: document %s is another", digest);
}

/* "ID DIGEST NAME" */
static int take_image(struct import *imp, char *text, struct err *err)
{
	CLEANUP(incoming_freep) struct incoming *i = xcalloc(1, sizeof(*i));
	CLEANUP_FREE char *normal = NULL;
	char *name = strrchr(text, ' ');
	char *digest = strchr(text, ' ');

	if (!digest || name == digest || imp->n >= IMPORT_IMAGES_MAX)
		return err_set(err, EPROTO, "k8sfs-image: damaged list");
	*digest++ = *name++ = '\0';
	if (!digest_valid(text) || !digest_valid(digest))
		return err_set(err, EPROTO, "k8sfs-image: damaged list");
	memcpy(i->id, text, DIGEST_SIZE);
	memcpy(i->digest, digest, DIGEST_SIZE);
	normal = str_eq(name, i->id) ? xstrdup(name) : image_normalize(name, err);
	if (!normal || read_document(imp, i->digest, &i->manifest, err) < 0 ||
	    read_document(imp, i->id, &i->config, err) < 0 ||
	    image_spec_parse(buf_str(&i->config), i->config.len, &i->spec, err) < 0)
		return -err->code;
	i->name = STEAL(normal);
	imp->list = xreallocarray(imp->list, imp->n + 1, sizeof(*imp->list));
	imp->list[imp->n++] = STEAL(i);
	return 0;
}

static int take_list(struct import *imp, struct err *err)
{
	char text[WORKER_PACKET_MAX];
	int rc;

	while ((rc = image_worker_receive(imp->worker, text, err)) == 0) {
		if (str_eq(text, "listed"))
			return imp->n ? 0 : err_set(err, EPROTO, "k8sfs-image: no list");
		if (tell_spool(imp, text))
			continue;
		rc = str_starts(text, "image ") ? take_image(imp, text + 6, err)
						: err_set(err, EPROTO, "k8sfs-image: damaged list");
		if (rc < 0)
			return rc;
	}
	return rc;
}

/* -- layers -- */

static int unpack_new(struct import *imp, size_t image, size_t n, struct import_layer *l,
		      struct err *err)
{
	struct incoming *i = imp->list[image];
	char text[WORKER_PACKET_MAX];
	unsigned long long size;
	int rc;

	i->n_new++;
	if (image_worker_ask(imp->worker, image, n, err) < 0)
		return -err->code;
	do {
		rc = image_worker_receive(imp->worker, text, err);
	} while (rc == 0 && tell_layer(imp, i, n, text));
	if (rc < 0)
		return rc;
	l->tmp = xasprintf("%s/%s", imp->dir, i->spec.diff_ids[n]);
	if (sscanf(text, "unpacked %llu", &size) != 1)
		return err_set(err, EPROTO, "k8sfs-image: damaged layer");
	l->size = size;
	return 0;
}

static int unpack_image(struct import *imp, size_t image, struct err *err)
{
	const struct incoming *i = imp->list[image];

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
		if (!l->pinned && unpack_new(imp, image, n, l, err) < 0)
			return err_wrap(err, "%.200s", i->name);
	}
	return 0;
}

/* -- putting in place -- */

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

int import_commit(struct import *imp, struct err *err)
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

/* -- the whole -- */

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

/* While the worker ran, it could put a link where a layer was. */
static int check_kinds(const struct import *imp, struct err *err)
{
	STRMAP_FOREACH (s, &imp->layers) {
		const struct import_layer *l = s->val;
		struct stat st;

		if (l->tmp && (lstat(l->tmp, &st) < 0 || !S_ISDIR(st.st_mode)))
			return err_set(err, EPROTO, "k8sfs-image: damaged layer");
	}
	return 0;
}

static int import_all(struct import *imp, struct err *err)
{
	int rc = take_list(imp, err);

	if (rc < 0)
		return rc;
	if (mark_known(imp) == 0)
		return 0;
	for (size_t n = 0; n < imp->n; n++)
		if (!imp->list[n]->known && unpack_image(imp, n, err) < 0)
			return -err->code;
	/* What was looked at must not change any more. */
	image_worker_free(STEAL(imp->worker));
	return check_kinds(imp, err) < 0 ? -err->code : import_commit(imp, err);
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

/* Small, when all went well: a few documents. What is left of layers is removed aside. */
static void remove_dir(struct import *imp, int done)
{
	CLEANUP_FREE char *trash = images_trash(imp->im);

	if (done && fd_remove_tree(imp->dir, NULL) == 0)
		return;
	if (rename(imp->dir, trash) == 0)
		images_sweep(imp->im);
}

void import_fini(struct import *imp, int done)
{
	image_worker_free(imp->worker);
	STRMAP_FOREACH (s, &imp->layers) {
		struct import_layer *l = s->val;

		if (l->pinned)
			layer_unpin(imp->im, l->pinned);
		free(l->tmp);
		free(l);
	}
	strmap_fini(&imp->layers);
	for (size_t n = 0; n < imp->n; n++)
		incoming_free(imp->list[n]);
	free(imp->list);
	remove_dir(imp, done);
	free(imp->dir);
}

int images_import(struct images *im, int fd, struct buf *report, struct err *err)
{
	struct import imp = {.im = im, .layers = STRMAP_INIT, .dir = images_tmp(im, "import")};
	struct err own = ERR_INIT;
	int rc = 0;

	if (!err)
		err = &own;
	image_job_begin(im, &imp.job);
	if (mkdir(imp.dir, 0700) < 0)
		rc = err_sys(err, errno, "mkdir %s", imp.dir);
	else if (!(imp.worker = image_worker_start(fd, imp.dir, err)))
		rc = -err->code;
	if (rc == 0)
		rc = import_all(&imp, err);
	if (rc == 0 && report)
		report_all(&imp, report);
	import_fini(&imp, rc == 0);
	image_job_end(im, &imp.job);
	return rc;
}
