/* SPDX-License-Identifier: MIT */
/* index.json: which images there are. Written whole, replaced atomically; the rest follows from it.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/images/name.h"
#include "runtime/images/store_i.h"
#include "util/fd.h"
#include "util/log.h"

#define INDEX_MAX_BYTES (256u << 20)
#define INDEX_VERSION   1

/* -- writing -- */

static json_t *record(const struct stored *s, int dangling)
{
	json_t *j = json_pack("{s:s, s:s, s:s}", "name", s->image.name, "digest", s->image.digest,
			      "id", s->image.id);

	if (dangling)
		json_object_set_new(j, "dangling", json_true());
	return j;
}

static int among(const struct stored *s, struct stored *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == s)
			return 1;
	return 0;
}

static int renamed(const struct stored *s, const struct images_change *c)
{
	for (size_t i = 0; i < c->n_add; i++)
		if (str_eq(c->add[i]->image.name, s->image.name))
			return 1;
	return 0;
}

static void note_layers(json_t *sizes, const struct stored *s)
{
	for (size_t i = 0; i < s->n_layers; i++)
		json_object_set_new(sizes, s->layers[i]->hex,
				    json_integer((json_int_t)s->layers[i]->size));
}

static json_t *render(struct images *im, const struct images_change *c)
{
	json_t *images = json_array(), *sizes = json_object();

	pthread_mutex_lock(&im->lock);
	for (size_t i = 0; i < im->n_all; i++) {
		const struct stored *s = im->all[i];
		int dangling = s->dangling || among(s, c->dangle, c->n_dangle) || renamed(s, c);

		json_array_append_new(images, record(s, dangling));
		note_layers(sizes, s);
	}
	pthread_mutex_unlock(&im->lock);
	for (size_t i = 0; i < c->n_add; i++) {
		json_array_append_new(images, record(c->add[i], 0));
		note_layers(sizes, c->add[i]);
	}
	return json_pack("{s:i, s:o, s:o}", "version", INDEX_VERSION, "images", images, "layers",
			 sizes);
}

int images_index_write(struct images *im, const struct images_change *c, struct err *err)
{
	CLEANUP(json_decrefp) json_t *j = render(im, c);
	CLEANUP_FREE char *path = xasprintf("%s/index.json", im->dir);
	CLEANUP_FREE char *text = json_dumps(j, JSON_INDENT(1) | JSON_SORT_KEYS);

	if (!text)
		return err_set(err, ENOMEM, "%s: cannot be written", path);
	return fd_replace_file(path, text, strlen(text), 0600, 1, err);
}

/* -- reading -- */

static int pin_all(struct images *im, const struct image_spec *spec, const json_t *sizes,
		   struct layer **out, struct err *err)
{
	for (size_t i = 0; i < spec->n_layers; i++)
		if (!layer_on_disk(im, spec->diff_ids[i]))
			return err_set(err, ENOENT, "layer %s is missing", spec->diff_ids[i]);
	for (size_t i = 0; i < spec->n_layers; i++) {
		json_int_t size = json_integer_value(json_object_get(sizes, spec->diff_ids[i]));

		out[i] = layer_adopt(im, spec->diff_ids[i], NULL, size > 0 ? (uint64_t)size : 0,
				     err);
	}
	return 0;
}

static int load_image(struct images *im, const json_t *j, const json_t *sizes, struct err *err)
{
	const char *name = json_string_value(json_object_get(j, "name"));
	const char *digest = json_string_value(json_object_get(j, "digest"));
	const char *id = json_string_value(json_object_get(j, "id"));
	CLEANUP(buf_fini) struct buf config = BUF_INIT;
	struct layer *layers[IMAGE_MAX_LAYERS];
	struct image_spec spec;
	struct stored *s;

	if (!name || !digest || !id || !digest_valid(digest) || !digest_valid(id))
		return err_set(err, EBADMSG, "a record without name, digest or id");
	if (images_read_blob(im, id, &config, err) < 0 ||
	    image_spec_parse(buf_str(&config), config.len, &spec, err) < 0)
		return err_wrap(err, "%.200s", name);
	if (pin_all(im, &spec, sizes, layers, err) < 0) {
		image_config_fini(&spec.config);
		return err_wrap(err, "%.200s", name);
	}
	s = stored_new(im, name, digest, id, &spec, layers);
	im->all = xreallocarray(im->all, im->n_all + 1, sizeof(*im->all));
	im->all[im->n_all++] = s;
	s->dangling = json_is_true(json_object_get(j, "dangling")) || strmap_get(&im->names, name);
	if (!s->dangling)
		strmap_set(&im->names, name, s);
	return 0;
}

static int damaged(const char *path, const char *why, struct err *err)
{
	return err_set(err, EBADMSG,
		       "%s is damaged (%s); nothing was changed: restore it, or move it away to "
		       "start with no images",
		       path, why);
}

int images_index_load(struct images *im, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/index.json", im->dir);
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	CLEANUP(json_decrefp) json_t *j = NULL;
	const json_t *list, *one;
	json_error_t why;
	size_t i;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (fd_read_file(path, INDEX_MAX_BYTES, &text, err) < 0)
		return -err->code;
	j = json_loadb(buf_str(&text), text.len, JSON_REJECT_DUPLICATES, &why);
	if (!j)
		return damaged(path, why.text, err);
	list = json_object_get(j, "images");
	if (json_integer_value(json_object_get(j, "version")) != INDEX_VERSION ||
	    !json_is_array(list))
		return damaged(path, "not an index of this version", err);
	json_array_foreach(list, i, one)
	{
		struct err lost = ERR_INIT;

		if (load_image(im, one, json_object_get(j, "layers"), &lost) < 0)
			log_warn("images: left out: %s", lost.msg);
	}
	return 0;
}

/* -- strays -- */

static int blob_used(const struct images *im, const char *hex)
{
	for (size_t i = 0; i < im->n_all; i++)
		if (str_eq(digest_hex(im->all[i]->image.id), hex) ||
		    str_eq(digest_hex(im->all[i]->image.digest), hex))
			return 1;
	return 0;
}

static int layer_used(const struct images *im, const char *hex)
{
	return strmap_get(&im->layers, hex) != NULL;
}

static int remove_unused(struct images *im, const char *kind,
			 int (*used)(const struct images *, const char *), struct err *err)
{
	CLEANUP_FREE char *dir = xasprintf("%s/%s", im->dir, kind);
	DIR *d = opendir(dir);
	struct dirent *e;
	int rc = 0;

	if (!d)
		return err_sys(err, errno, "open %s", dir);
	while (rc == 0 && (e = readdir(d))) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", dir, e->d_name);

		if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, "..") && !used(im, e->d_name))
			rc = fd_remove_tree(path, err);
	}
	closedir(d);
	return rc;
}

int images_remove_strays(struct images *im, struct err *err)
{
	int rc = remove_unused(im, "layers", layer_used, err);

	return rc < 0 ? rc : remove_unused(im, "blobs/sha256", blob_used, err);
}
