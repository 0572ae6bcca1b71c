/* SPDX-License-Identifier: MIT */
/* A container's changes as an image of their own: the image that it runs, and one layer more. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime/images/import.h"
#include "runtime/images/worker_link.h"
#include "util/fd.h"

/* -- its config -- */

static void now_text(char out[32])
{
	struct tm tm;
	time_t now = time(NULL);

	gmtime_r(&now, &tm);
	strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static json_t *array_of(json_t *object, const char *key)
{
	json_t *list = json_object_get(object, key);

	if (!json_is_array(list)) {
		list = json_array();
		json_object_set_new(object, key, list);
	}
	return list;
}

/* The base's, with one more layer and line of history. */
static int make_config(const struct buf *base, const char *diff_id, const char *created_by,
		       struct buf *out, struct err *err)
{
	CLEANUP(json_decrefp)
	json_t *j = manifest_json(buf_str(base), base->len, "image config", err);
	CLEANUP_FREE char *text = NULL;
	char now[32];

	if (!j)
		return -err->code;
	now_text(now);
	json_object_set_new(j, "created", json_string(now));
	json_array_append_new(array_of(json_object_get(j, "rootfs"), "diff_ids"),
			      json_sprintf("sha256:%s", diff_id));
	json_array_append_new(array_of(j, "history"),
			      json_pack("{s:s, s:s}", "created", now, "created_by", created_by));
	text = json_dumps(j, JSON_COMPACT);
	if (!text)
		return err_set(err, ENOMEM, "image config");
	buf_adds(out, text);
	return 0;
}

static int make_incoming(struct import *imp, const struct images_commit *c,
			 const struct image *base, const char *diff_id, struct err *err)
{
	CLEANUP(incoming_freep) struct incoming *i = xcalloc(1, sizeof(*i));
	CLEANUP(buf_fini) struct buf config = BUF_INIT;

	if (images_read_blob(imp->im, base->id, &config, err) < 0 ||
	    make_config(&config, diff_id, c->created_by, &i->config, err) < 0 ||
	    image_spec_parse(buf_str(&i->config), i->config.len, &i->spec, err) < 0)
		return -err->code;
	digest_of(i->config.data, i->config.len, i->id);
	incoming_make_manifest(i);
	i->name = image_normalize(c->name, err);
	if (!i->name)
		return -err->code;
	imp->list = xreallocarray(imp->list, 1, sizeof(*imp->list));
	imp->list[imp->n++] = STEAL(i);
	return 0;
}

/* -- its layer -- */

/* The worker's "packed DIFF-ID SIZE"; it may have said anything. */
static int take_layer(struct import *imp, const char *text, char diff_id[DIGEST_HEX_SIZE],
		      struct err *err)
{
	CLEANUP_FREE char *dir = NULL;
	unsigned long long size;
	struct stat st;

	if (sscanf(text, "packed %64s %llu", diff_id, &size) != 2 || !digest_hex_valid(diff_id))
		return err_set(err, EPROTO, "k8sfs-image: damaged layer");
	dir = xasprintf("%s/%s", imp->dir, diff_id);
	/* what was looked at must not change any more */
	image_worker_free(STEAL(imp->worker));
	if (lstat(dir, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(err, EPROTO, "k8sfs-image: damaged layer");
	import_add_layer(imp, diff_id, dir, size);
	return 0;
}

static int pack(struct import *imp, const struct images_commit *c, char diff_id[DIGEST_HEX_SIZE],
		struct err *err)
{
	char text[WORKER_PACKET_MAX];
	unsigned long long bytes;
	int rc;

	imp->worker = image_worker_start_packing(c->upper, c->merged, imp->dir, err);
	if (!imp->worker || image_worker_ask_pack(imp->worker, c->id_base, c->n_ids, err) < 0)
		return -err->code;
	while ((rc = image_worker_receive(imp->worker, text, err)) == 0) {
		if (sscanf(text, "at %llu", &bytes) != 1)
			return take_layer(imp, text, diff_id, err);
		image_job_say(imp->im, &imp->job, "commit of %.120s: %.1f MB", c->name,
			      (double)bytes / 1e6);
	}
	return rc;
}

/* Those of the base stay for as long as this runs, whoever removes the image. */
static int pin_base(struct import *imp, const struct incoming *i, struct err *err)
{
	for (size_t n = 0; n + 1 < i->spec.n_layers; n++) {
		if (str_eq(i->spec.diff_ids[n], i->spec.diff_ids[i->spec.n_layers - 1]))
			return err_set(err, EEXIST, "the image has these changes already");
		if (import_pin_layer(imp, i->spec.diff_ids[n]) < 0)
			return err_set(err, ENOENT, "layer %s of the image is gone",
				       i->spec.diff_ids[n]);
	}
	return 0;
}

static int commit(struct import *imp, const struct images_commit *c, const struct image *base,
		  struct err *err)
{
	char diff_id[DIGEST_HEX_SIZE];
	int rc = pack(imp, c, diff_id, err);

	if (rc == 0)
		rc = make_incoming(imp, c, base, diff_id, err);
	if (rc == 0)
		rc = pin_base(imp, imp->list[0], err);
	return rc < 0 ? rc : import_commit(imp, err);
}

int images_commit(struct images *im, const struct images_commit *c, struct err *err)
{
	struct import imp = {.im = im, .layers = STRMAP_INIT, .dir = images_tmp(im, "commit")};
	CLEANUP_FREE char *normal = NULL;
	struct image *base = NULL;
	struct err own = ERR_INIT;
	int rc;

	if (!err)
		err = &own;
	image_job_begin(im, &imp.job);
	normal = image_normalize(c->name, err);
	base = normal ? images_get(im, c->base, err) : NULL;
	if (!base)
		rc = -err->code;
	else if (strchr(normal, '@'))
		rc = err_set(err, EINVAL, "%s: a name with a tag is expected, not a digest",
			     c->name);
	else if (mkdir(imp.dir, 0700) < 0)
		rc = err_sys(err, errno, "mkdir %s", imp.dir);
	else
		rc = commit(&imp, c, base, err);
	image_unref(base);
	import_fini(&imp, rc == 0);
	image_job_end(im, &imp.job);
	return rc;
}
