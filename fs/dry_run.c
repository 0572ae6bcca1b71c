/* SPDX-License-Identifier: MIT */
#include "fs/dry_run.h"

#include <errno.h>

#include "fs/reply.h"
#include "objects/codec.h"

struct dry_run {
	struct fs *fs;
	fuse_req_t req;
	struct memfile *file; /* owned reference */
	struct identity *who; /* owned reference */
	struct buf text;
	struct documents docs;
	int of_rename;
};

static void dry_run_free(struct dry_run *d)
{
	memfile_unref(d->file);
	identity_unref(d->who);
	buf_fini(&d->text);
	documents_fini(&d->docs);
	d->fs->n_background--;
	free(d);
}

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void set_faults(struct memfile *f, char *taken, int rc)
{
	pthread_mutex_lock(&f->lock);
	free(f->faults);
	f->faults = taken;
	f->sticky = rc;
	pthread_mutex_unlock(&f->lock);
}

static void refuse(struct dry_run *d, int rc, struct faults *faults)
{
	CLEANUP_FREE char *path = memfile_path(d->file);
	struct buf lines = BUF_INIT;

	faults_render(faults, file_name(path), &lines);
	note_refusal(d->fs, d->who->uid, path, buf_str(&lines));
	set_faults(d->file, buf_steal(&lines), rc);
	faults_fini(faults);
	if (d->of_rename && rc == -EINVAL)
		rc = -EBADMSG;
	fuse_reply_err(d->req, reply_errno(rc));
	dry_run_free(d);
}

static void keep_previews(struct dry_run *d, struct api_batch *b)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < b->n; i++) {
		const struct api_request *r = b->list[i];

		if (i)
			buf_adds(&text, "---\n");
		if (r->preview)
			yaml_render(r->preview, &text);
		else if (r->result)
			yaml_render(r->result->value, &text);
	}
	pthread_mutex_lock(&d->file->lock);
	memfile_resize(d->file, 0);
	memfile_write(d->file, text.data, text.len, 0);
	d->file->dirty = 0;
	pthread_mutex_unlock(&d->file->lock);
	buf_fini(&text);
	set_faults(d->file, NULL, 0);
}

static void on_done(struct api_batch *b, int rc)
{
	struct dry_run *d = b->arg;
	struct faults all = FAULTS_INIT;

	if (rc < 0) {
		for (size_t i = 0; i < b->n; i++) {
			yaml_locate(d->text.data, d->text.len, d->docs.list[i].index,
				    &b->list[i]->faults);
			faults_move(&all, &b->list[i]->faults);
		}
		refuse(d, rc, &all);
		return;
	}
	keep_previews(d, b);
	fuse_reply_err(d->req, 0);
	dry_run_free(d);
}

/* NULL: faults say why. */
static struct api_request *request_of(const struct document *doc, struct faults *faults)
{
	const struct value *v = doc->value;
	const char *api_version = value_dig_str(v, "apiVersion", NULL);
	const char *kind_name = value_dig_str(v, "kind", NULL);
	const struct kind *k =
		api_version && kind_name ? kind_by_gvk(api_version, kind_name) : NULL;
	const char *ns = value_dig_str(v, "metadata", "namespace", NULL);
	struct api_request *r;

	if (!k) {
		fault_add_code(faults, EINVAL, "no matches for kind \"%s\" in version \"%s\"",
			       kind_name ? kind_name : "", api_version ? api_version : "");
		faults->list[faults->n - 1].line = doc->line;
		faults->list[faults->n - 1].column = 1;
		return NULL;
	}
	if (!(k->flags & KIND_NAMESPACED))
		ns = "";
	r = api_request_new(API_APPLY, k, ns ? ns : "default",
			    value_dig_str(v, "metadata", "name", NULL));
	r->flags = API_FORCE | API_DRY_RUN;
	r->body = value_ref(v);
	return r;
}

void dry_run_submit(struct call *c, struct node *n, struct memfile *f)
{
	struct dry_run *d = xcalloc(1, sizeof(*d));
	struct api_batch *b = api_batch_new(on_done, d);
	struct faults faults = FAULTS_INIT;
	struct identity *who = call_who(c);
	int rc;

	d->fs = c->fs;
	d->fs->n_background++;
	d->req = c->req;
	d->of_rename = !n;
	d->file = f;
	f->refs++;
	d->who = who;
	who->refs += 2; /* one for d, one for this call */
	pthread_mutex_lock(&f->lock);
	f->dirty = 0;
	buf_add(&d->text, f->data.data, f->data.len);
	pthread_mutex_unlock(&f->lock);
	rc = yaml_parse(d->text.data, d->text.len, &d->docs, &faults);
	for (size_t i = 0; rc == 0 && i < d->docs.n; i++) {
		struct api_request *r = request_of(&d->docs.list[i], &faults);

		if (r)
			api_batch_add(b, r);
	}
	if (rc == 0 && faults.n)
		rc = -EINVAL;
	if (rc == 0 && b->n == 0) {
		fault_add_code(&faults, EINVAL, "the file holds no object");
		rc = -EINVAL;
	}
	if (rc < 0) {
		api_batch_free(b);
		refuse(d, rc, &faults);
	} else {
		api_submit(c->fs->api, &who->caller, b);
	}
	identity_unref(who);
}
