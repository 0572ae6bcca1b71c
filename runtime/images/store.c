/* SPDX-License-Identifier: MIT */
/* The image store: opening, finding, holding, removing. */
#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "runtime/images/name.h"
#include "runtime/images/store_i.h"
#include "util/fd.h"
#include "util/log.h"

char *images_path(const struct images *im, const char *kind, const char *name)
{
	return xasprintf("%s/%s/%s", im->dir, kind, name);
}

char *images_tmp(struct images *im, const char *hint)
{
	unsigned long serial;

	pthread_mutex_lock(&im->lock);
	serial = im->serial++;
	pthread_mutex_unlock(&im->lock);
	return xasprintf("%s/tmp/%lu-%s", im->dir, serial, hint);
}

char *images_trash(struct images *im)
{
	unsigned long serial;

	pthread_mutex_lock(&im->lock);
	serial = im->serial++;
	pthread_mutex_unlock(&im->lock);
	return xasprintf("%s/tmp/" TRASH "%lu", im->dir, serial);
}

int images_write_blob(struct images *im, const char *digest, const void *data, size_t len,
		      struct err *err)
{
	CLEANUP_FREE char *path = images_path(im, "blobs/sha256", digest_hex(digest));

	return access(path, F_OK) == 0 ? 0 : fd_replace_file(path, data, len, 0600, 0, err);
}

int images_read_blob(const struct images *im, const char *digest, struct buf *out, struct err *err)
{
	CLEANUP_FREE char *path = images_path(im, "blobs/sha256", digest_hex(digest));
	char found[DIGEST_SIZE];

	if (fd_read_file(path, MANIFEST_MAX_BYTES, out, err) < 0)
		return -err->code;
	digest_of(buf_str(out), out->len, found);
	return str_eq(found, digest)
		       ? 0
		       : err_set(err, EBADMSG, "%s: contents do not have this digest", path);
}

/* -- images -- */

struct stored *stored_new(struct images *im, const char *name, const char *digest, const char *id,
			  struct image_spec *spec, struct layer **layers)
{
	struct stored *s = xcalloc(1, sizeof(*s));

	s->im = im;
	s->image.refs = 1;
	s->image.name = xstrdup(name);
	s->image.digest = xstrdup(digest);
	s->image.id = xstrdup(id);
	s->image.config = spec->config;
	spec->config = (struct image_config){0};
	memcpy(s->created, spec->created, sizeof(s->created));
	s->n_layers = spec->n_layers;
	s->image.layers = xcalloc(s->n_layers + 1, sizeof(char *));
	for (size_t i = 0; i < s->n_layers; i++) {
		s->layers[i] = layers[i];
		s->image.size += layers[i]->size;
		s->image.layers[s->n_layers - 1 - i] = images_path(im, "layers", layers[i]->hex);
	}
	return s;
}

static void image_free(struct image *i)
{
	struct stored *s = CONTAINER_OF(i, struct stored, image);

	for (size_t n = 0; i->layers[n]; n++)
		free(i->layers[n]);
	free(i->layers);
	free(i->name);
	free(i->digest);
	free(i->id);
	image_config_fini(&i->config);
	free(s);
}

void image_unref(struct image *i)
{
	if (i && atomic_fetch_sub(&i->refs, 1) == 1)
		image_free(i);
}

void stored_free(struct stored *s, int unpin)
{
	for (size_t i = 0; unpin && i < s->n_layers; i++)
		layer_unpin(s->im, s->layers[i]);
	image_unref(&s->image);
}

/* -- finding -- */

static struct stored *find_by_id(const struct images *im, const char *id)
{
	for (size_t i = 0; i < im->n_all; i++)
		if (str_eq(im->all[i]->image.id, id) || str_eq(im->all[i]->image.digest, id))
			return im->all[i];
	return NULL;
}

/* repository@digest, whatever tag it has here. */
static struct stored *find_by_digest(const struct images *im, const struct image_name *n)
{
	size_t len = strlen(n->repository);

	for (size_t i = 0; i < im->n_all; i++) {
		const struct image *image = &im->all[i]->image;

		if (str_eq(image->digest, n->digest) &&
		    strncmp(image->name, n->repository, len) == 0 && strchr(":@", image->name[len]))
			return im->all[i];
	}
	return NULL;
}

/* lock held. A reference, or an id with or without "sha256:". */
static struct stored *find(const struct images *im, const char *reference, struct err *err)
{
	CLEANUP(image_name_fini) struct image_name n = {0};
	CLEANUP_FREE char *name = NULL;
	struct stored *s;

	if (digest_valid(reference) || digest_hex_valid(reference)) {
		name = xasprintf("%s%s", digest_valid(reference) ? "" : "sha256:", reference);
		s = find_by_id(im, name);
	} else {
		if (image_name_parse(reference, &n, err) < 0)
			return NULL;
		name = image_name_text(&n);
		s = n.digest ? find_by_digest(im, &n) : strmap_get(&im->names, name);
	}
	if (!s)
		err_set(err, ENOENT, "image \"%.300s\" is not stored on this node", name);
	return s;
}

struct image *images_get(struct images *im, const char *reference, struct err *err)
{
	struct err own = ERR_INIT;
	struct stored *s;

	pthread_mutex_lock(&im->lock);
	s = find(im, reference, err ? err : &own);
	if (s)
		atomic_fetch_add(&s->image.refs, 1);
	pthread_mutex_unlock(&im->lock);
	return s ? &s->image : NULL;
}

/* -- removing -- */

/* lock held. Takes what nobody holds out of `all`; returns how many there are in drop. */
static size_t take_unheld(struct images *im, struct stored **drop)
{
	size_t n = 0;

	for (size_t i = 0; i < im->n_all;) {
		struct stored *s = im->all[i];

		if (s->dangling && atomic_load(&s->image.refs) == 1) {
			drop[n++] = s;
			im->all[i] = im->all[--im->n_all];
		} else {
			i++;
		}
	}
	return n;
}

/* change_lock held. */
static int prune(struct images *im, struct err *err)
{
	CLEANUP_FREE struct stored **drop = NULL;
	struct images_change none = {0};
	size_t n;
	int rc;

	pthread_mutex_lock(&im->lock);
	drop = xcalloc(im->n_all + 1, sizeof(*drop));
	n = take_unheld(im, drop);
	pthread_mutex_unlock(&im->lock);
	if (n == 0)
		return 0;
	rc = images_index_write(im, &none, err);
	if (rc < 0) {
		pthread_mutex_lock(&im->lock);
		for (size_t i = 0; i < n; i++)
			im->all[im->n_all++] = drop[i];
		pthread_mutex_unlock(&im->lock);
		return rc;
	}
	for (size_t i = 0; i < n; i++)
		stored_free(drop[i], 1);
	return 0;
}

void images_prune(struct images *im)
{
	struct err err = ERR_INIT;

	images_holds_drop_dead(im);
	pthread_mutex_lock(&im->change_lock);
	if (prune(im, &err) < 0)
		log_warn("images: %s", err.msg);
	pthread_mutex_unlock(&im->change_lock);
}

/* lock held. All names of the image that the reference means: a name means itself, an id every
 * name. */
static size_t names_of(const struct images *im, const char *reference, struct stored *s,
		       struct stored **out)
{
	size_t n = 0;

	if (!digest_valid(reference) && !digest_hex_valid(reference)) {
		out[n++] = s;
		return n;
	}
	for (size_t i = 0; i < im->n_all; i++)
		if (!im->all[i]->dangling && str_eq(im->all[i]->image.id, s->image.id))
			out[n++] = im->all[i];
	return n;
}

static int remove_names(struct images *im, const char *reference, struct err *err)
{
	CLEANUP_FREE struct stored **list = NULL;
	struct images_change c = {0};
	struct stored *s;
	int rc;

	pthread_mutex_lock(&im->lock);
	s = find(im, reference, err);
	list = xcalloc(im->n_all + 1, sizeof(*list));
	c.dangle = list;
	c.n_dangle = s ? names_of(im, reference, s, list) : 0;
	pthread_mutex_unlock(&im->lock);
	if (!s)
		return -err->code;
	rc = images_index_write(im, &c, err);
	if (rc < 0)
		return rc;
	pthread_mutex_lock(&im->lock);
	for (size_t i = 0; i < c.n_dangle; i++) {
		strmap_del(&im->names, list[i]->image.name);
		list[i]->dangling = 1;
	}
	pthread_mutex_unlock(&im->lock);
	return prune(im, err);
}

int images_remove(struct images *im, const char *reference, struct err *err)
{
	struct err own = ERR_INIT;
	int rc;

	pthread_mutex_lock(&im->change_lock);
	rc = remove_names(im, reference, err ? err : &own);
	pthread_mutex_unlock(&im->change_lock);
	return rc;
}

/* -- opening -- */

/* What an earlier run was writing is rubbish; deleting it may take long, so that is done aside. */
static int discard_tmp(struct images *im, struct err *err)
{
	CLEANUP_FREE char *tmp = xasprintf("%s/tmp", im->dir);
	DIR *dir = opendir(tmp);
	struct dirent *e;
	int n = 0;

	if (!dir)
		return err_sys(err, errno, "open %s", tmp);
	while ((e = readdir(dir))) {
		CLEANUP_FREE char *from = xasprintf("%s/%s", tmp, e->d_name), *to = NULL;

		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		n++;
		if (str_starts(e->d_name, TRASH))
			continue;
		to = xasprintf("%s/" TRASH "%lu", tmp, im->serial++);
		if (rename(from, to) < 0)
			log_warn("images: rename %s: %s", from, strerror(errno));
	}
	closedir(dir);
	if (n)
		images_sweep(im);
	return 0;
}

static int make_dirs(struct images *im, struct err *err)
{
	static const char *const dirs[] = {"blobs/sha256", "layers", "holds", "tmp"};

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", im->dir, dirs[i]);

		if (fd_mkdir_p(path, 0700, err) < 0)
			return -err->code;
	}
	return discard_tmp(im, err);
}

/* Serials of different runs must differ: names in tmp/ may be left from before. */
static unsigned long first_serial(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (unsigned long)now.tv_sec * 1000000000ul + (unsigned long)now.tv_nsec;
}

struct images *images_open(const char *state_dir, struct err *err)
{
	struct images *im = xcalloc(1, sizeof(*im));
	struct err own = ERR_INIT;

	if (!err)
		err = &own;
	pthread_mutex_init(&im->change_lock, NULL);
	pthread_mutex_init(&im->lock, NULL);
	pthread_cond_init(&im->idle, NULL);
	im->dir = xasprintf("%s/images", state_dir);
	im->serial = first_serial();
	if (make_dirs(im, err) < 0 || images_index_load(im, err) < 0 ||
	    images_holds_load(im, err) < 0 || images_remove_strays(im, err) < 0) {
		images_close(im);
		return NULL;
	}
	return im;
}

void images_close(struct images *im)
{
	if (!im)
		return;
	pthread_mutex_lock(&im->lock);
	while (im->sweeping)
		pthread_cond_wait(&im->idle, &im->lock);
	pthread_mutex_unlock(&im->lock);
	for (size_t i = 0; i < im->n_all; i++)
		stored_free(im->all[i], 0);
	free(im->all);
	images_holds_fini(im);
	STRMAP_FOREACH (s, &im->layers)
		free(s->val);
	strmap_fini(&im->layers);
	strmap_fini(&im->names);
	free(im->dir);
	pthread_mutex_destroy(&im->lock);
	pthread_mutex_destroy(&im->change_lock);
	pthread_cond_destroy(&im->idle);
	free(im);
}
