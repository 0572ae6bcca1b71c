/* SPDX-License-Identifier: MIT */
/*
 * What an archive holds. OCI layouts: index.json -> (index ->) manifest -> config.
 * docker save: manifest.json -> config; a manifest is made up for those, so that
 * every stored image has one.
 */
#include <errno.h>
#include <stdio.h>

#include "runtime/images/import.h"

#define INDEX_DEPTH_MAX 3

static int add(struct import *imp, struct incoming *i, struct err *err)
{
	if (imp->n >= IMPORT_IMAGES_MAX) {
		incoming_free(i);
		return err_set(err, E2BIG, "archive: more than %d images", IMPORT_IMAGES_MAX);
	}
	imp->list = xreallocarray(imp->list, imp->n + 1, sizeof(*imp->list));
	imp->list[imp->n++] = i;
	return 0;
}

static char *blob_member(const char *digest)
{
	return xasprintf("blobs/sha256/%s", digest_hex(digest));
}

/* A blob of an OCI layout, its digest and size checked. */
static int read_blob(const struct import *imp, const struct descriptor *d, const char *what,
		     struct buf *out, struct err *err)
{
	CLEANUP_FREE char *member = blob_member(d->digest);
	char found[DIGEST_SIZE];

	if (image_archive_read(&imp->archive, member, MANIFEST_MAX_BYTES, out, err) < 0)
		return err_wrap(err, "%s", what);
	digest_of(buf_str(out), out->len, found);
	if (!str_eq(found, d->digest))
		return err_set(err, EBADMSG, "%s: %s has the digest %s", what, d->digest, found);
	if (out->len != d->size)
		return err_set(err, EBADMSG, "%s: %s has %zu bytes, %llu were declared", what,
			       d->digest, out->len, (unsigned long long)d->size);
	return 0;
}

/* A name as the archive spells it; NULL: none, then it is stored by its id. */
static int set_name(struct incoming *i, const char *name, struct err *err)
{
	i->name = name ? image_normalize(name, err) : xstrdup(i->id);
	return i->name ? 0 : -err->code;
}

/* -- OCI image layout -- */

static int read_manifest(struct import *imp, const struct descriptor *d, const char *name,
			 struct err *err)
{
	CLEANUP(incoming_freep) struct incoming *i = xcalloc(1, sizeof(*i));
	CLEANUP(json_decrefp) json_t *j = NULL;
	CLEANUP_FREE struct manifest *m = xcalloc(1, sizeof(*m));

	if (read_blob(imp, d, "image manifest", &i->manifest, err) < 0)
		return -err->code;
	j = manifest_json(buf_str(&i->manifest), i->manifest.len, "image manifest", err);
	if (!j || manifest_parse(j, m, err) < 0 ||
	    read_blob(imp, &m->config, "image config", &i->config, err) < 0 ||
	    image_spec_parse(buf_str(&i->config), i->config.len, &i->spec, err) < 0)
		return -err->code;
	if (m->n_layers != i->spec.n_layers)
		return err_set(err, EINVAL, "image manifest has %zu layers, its config %zu",
			       m->n_layers, i->spec.n_layers);
	memcpy(i->digest, d->digest, DIGEST_SIZE);
	memcpy(i->id, m->config.digest, DIGEST_SIZE);
	for (size_t n = 0; n < m->n_layers; n++) {
		i->layers[n].member = blob_member(m->layers[n].digest);
		memcpy(i->layers[n].blob, m->layers[n].digest, DIGEST_SIZE);
	}
	if (set_name(i, name, err) < 0)
		return -err->code;
	return add(imp, STEAL(i), err);
}

/* containerd and docker write the whole name, others what they were told to call the image. */
static const char *descriptor_name(const json_t *j)
{
	const json_t *notes = json_object_get(j, "annotations");
	const char *name = json_string_value(json_object_get(notes, "io.containerd.image.name"));

	return name ? name
		    : json_string_value(
			      json_object_get(notes, "org.opencontainers.image.ref.name"));
}

static int read_index(struct import *imp, const json_t *index, const char *name, int depth,
		      struct err *err);

static int read_descriptor(struct import *imp, const json_t *j, const char *name, int depth,
			   struct err *err)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	CLEANUP(json_decrefp) json_t *index = NULL;
	struct descriptor d;

	if (descriptor_parse(j, "image index", &d, err) < 0)
		return -err->code;
	if (!manifest_is_index(j))
		return read_manifest(imp, &d, name, err);
	if (depth >= INDEX_DEPTH_MAX)
		return err_set(err, EINVAL, "image index: more than %d levels", INDEX_DEPTH_MAX);
	if (read_blob(imp, &d, "image index", &text, err) < 0)
		return -err->code;
	index = manifest_json(buf_str(&text), text.len, "image index", err);
	return index ? read_index(imp, index, name, depth + 1, err) : -err->code;
}

/* Below the top, an index is one image for several platforms: the first that fits is taken. */
static int read_index(struct import *imp, const json_t *index, const char *name, int depth,
		      struct err *err)
{
	const json_t *list = json_object_get(index, "manifests"), *one;
	size_t i, taken = 0;

	if (!json_is_array(list))
		return err_set(err, EINVAL, "image index: manifests: expected a list");
	json_array_foreach(list, i, one)
	{
		const char *own = depth ? name : descriptor_name(one);

		if (!manifest_platform_fits(one) || (depth && taken))
			continue;
		if (read_descriptor(imp, one, own, depth, err) < 0)
			return own ? err_wrap(err, "%.200s", own) : -err->code;
		taken++;
	}
	if (!taken)
		return err_set(err, EINVAL, "%s: no image for %s in the archive",
			       name ? name : "image index", manifest_platform());
	return 0;
}

/* -- docker save -- */

static int read_saved(struct import *imp, const json_t *j, const char *name, struct err *err)
{
	CLEANUP(incoming_freep) struct incoming *i = xcalloc(1, sizeof(*i));
	const char *config = json_string_value(json_object_get(j, "Config"));
	const json_t *layers = json_object_get(j, "Layers");

	if (!config || !json_is_array(layers))
		return err_set(err, EINVAL, "manifest.json: expected Config and Layers");
	if (image_archive_read(&imp->archive, config, MANIFEST_MAX_BYTES, &i->config, err) < 0 ||
	    image_spec_parse(buf_str(&i->config), i->config.len, &i->spec, err) < 0)
		return -err->code;
	digest_of(buf_str(&i->config), i->config.len, i->id);
	/* The config's name is its digest, in each way of spelling it. */
	if (!strstr(config, digest_hex(i->id)))
		return err_set(err, EBADMSG, "image config %.200s has the digest %s", config,
			       i->id);
	if (json_array_size(layers) != i->spec.n_layers)
		return err_set(err, EINVAL, "manifest.json has %zu layers, the image config %zu",
			       json_array_size(layers), i->spec.n_layers);
	for (size_t n = 0; n < i->spec.n_layers; n++) {
		const char *member = json_string_value(json_array_get(layers, n));

		if (!member)
			return err_set(err, EINVAL, "manifest.json: Layers[%zu]: expected a string",
				       n);
		i->layers[n].member = xstrdup(member);
	}
	incoming_make_manifest(i);
	if (set_name(i, name, err) < 0)
		return -err->code;
	return add(imp, STEAL(i), err);
}

static int read_saved_list(struct import *imp, const json_t *list, struct err *err)
{
	const json_t *one, *tag;
	size_t i, n;

	if (!json_is_array(list))
		return err_set(err, EINVAL, "manifest.json: expected a list");
	json_array_foreach(list, i, one)
	{
		const json_t *tags = json_object_get(one, "RepoTags");

		if (json_array_size(tags) == 0 && read_saved(imp, one, NULL, err) < 0)
			return -err->code;
		json_array_foreach(tags, n, tag)
		{
			const char *name = json_string_value(tag);

			if (!name)
				return err_set(err, EINVAL,
					       "manifest.json: RepoTags: expected strings");
			if (read_saved(imp, one, name, err) < 0)
				return err_wrap(err, "%.200s", name);
		}
	}
	return 0;
}

/* -- which of them -- */

static json_t *read_json(const struct import *imp, const char *member, struct err *err)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	if (image_archive_read(&imp->archive, member, MANIFEST_MAX_BYTES, &text, err) < 0)
		return NULL;
	return manifest_json(buf_str(&text), text.len, member, err);
}

/* In an archive of both kinds (docker 25 and later), manifest.json has the whole names. */
int import_read(struct import *imp, struct err *err)
{
	CLEANUP(json_decrefp) json_t *j = NULL;
	int rc;

	if (image_archive_has(&imp->archive, "manifest.json")) {
		j = read_json(imp, "manifest.json", err);
		rc = j ? read_saved_list(imp, j, err) : -err->code;
	} else if (image_archive_has(&imp->archive, "index.json")) {
		j = read_json(imp, "index.json", err);
		rc = j ? read_index(imp, j, NULL, 0, err) : -err->code;
	} else {
		return err_set(err, EINVAL,
			       "neither an OCI image layout nor a docker-save archive: no "
			       "index.json and no manifest.json");
	}
	if (rc == 0 && imp->n == 0)
		return err_set(err, EINVAL, "no image in the archive");
	return rc;
}
