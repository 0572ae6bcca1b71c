/* SPDX-License-Identifier: MIT */
#include "fs/message_i.h"

#include <errno.h>

#include "fs/changes.h"
#include "fs/notifier.h"
#include "fs/reply.h"
#include "objects/codec.h"

static void message_free(struct message *m)
{
	struct fs *fs = m->fs;

	handle_unref(m->handle);
	if (m->source)
		memfile_unref(m->source);
	node_unref(m->node);
	identity_unref(m->who);
	free(m->text);
	free(m);
	fs->n_background--;
}

struct message *message_new(struct call *c, struct node *n, const char *text)
{
	struct message *m = xcalloc(1, sizeof(*m));

	m->fs = c->fs;
	m->fs->n_background++;
	m->req = c->req;
	m->node = node_ref(n);
	m->who = call_who(c);
	m->who->refs++;
	m->text = xstrdup(text);
	m->len = strlen(text);
	return m;
}

struct message *message_of_file(struct call *c, struct node *n, struct memfile *f)
{
	struct message *m = message_new(c, n, "");

	pthread_mutex_lock(&f->lock);
	free(m->text);
	m->len = f->data.len;
	m->text = xstrndup(buf_str(&f->data), m->len);
	pthread_mutex_unlock(&f->lock);
	f->refs++;
	m->source = f;
	return m;
}

static void answer(struct message *m, int rc)
{
	if (rc < 0 && m->rehearsal && m->ack)
		message_handle_take_back(m->handle);
	if (rc == 0 && m->source)
		memfile_drop(m->source);
	if (rc == -EINVAL && m->source)
		rc = -EBADMSG; /* mv misreports EINVAL */
	if (rc < 0)
		m->fs->n_errors++;
	if (rc == 0 && m->removes_dir) {
		/* the kernel uses this directory no more, even if the object goes on for a while */
		notifier_client_did(m->fs->notifier, m->node->uid, 1);
		node_retire(m->node);
	}
	if (rc < 0)
		reply_code(m->req, reply_errno(rc));
	else if (m->read_size)
		message_handle_reply(m->handle, m->req, m->read_size, m->read_off);
	else if (m->ack)
		fuse_reply_write(m->req, m->ack);
	else
		reply_code(m->req, 0);
	message_free(m);
}

static void note(struct message *m, const char *text)
{
	CLEANUP(buf_fini) struct buf path = BUF_INIT;

	if (m->rehearsal && !m->ack)
		return; /* the performance follows, and says it */
	node_path(m->node, &path);
	note_refusal(m->fs, m->who, buf_str(&path), text);
}

void message_done(struct message *m, int rc, const struct err *err)
{
	if (rc < 0 && err && err->msg[0])
		note(m, err->msg);
	answer(m, rc);
}

void message_refuse(struct message *m, int rc, const struct faults *faults)
{
	CLEANUP(buf_fini) struct buf lines = BUF_INIT;

	faults_render(faults, m->is_document ? m->node->fname : NULL, &lines);
	if (lines.len && lines.data[lines.len - 1] == '\n')
		buf_resize(&lines, lines.len - 1);
	note(m, buf_str(&lines));
	answer(m, rc);
}

/* In the language of the question. */
static void render_answer(const struct message *m, const struct api_request *r, struct buf *out)
{
	CLEANUP_VALUE struct value *v = api_answer(r);
	size_t i = strspn(m->text, " \t\r\n");

	if (m->text[i] != '{') {
		yaml_render(v, out);
		return;
	}
	json_render_pretty(v, out);
	if (out->len && out->data[out->len - 1] != '\n')
		buf_addc(out, '\n');
}

/* What came of the review is what the file holds now. */
static void keep_answer(struct message *m, const struct api_batch *b)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	if (!m->handle || !(m->node->row->flags & ROW_ANSWERS) || b->n != 1 || m->rehearsal)
		return;
	render_answer(m, b->list[0], &text);
	message_handle_keep(m->handle, content_new(text.data, text.len));
}

/* What is missing may come with the next line. */
static int only_incomplete(const struct api_batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		for (size_t k = 0; k < b->list[i]->faults.n; k++)
			if (b->list[i]->faults.list[k].kind != FAULT_REQUIRED)
				return 0;
	return 1;
}

/* It went well, and admission has something to say all the same. */
static void note_warnings(struct message *m, const struct api_batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		for (size_t k = 0; k < value_count(b->list[i]->warnings); k++) {
			CLEANUP_FREE char *text = xasprintf(
				"Warning: %s", value_str(value_at(b->list[i]->warnings, k), ""));

			note(m, text);
		}
}

static void on_batch_done(struct api_batch *b, int rc)
{
	struct message *m = b->arg;
	struct faults all = FAULTS_INIT;

	changes_drain(m->fs->changes);
	if (!m->rehearsal)
		note_warnings(m, b);
	if (rc == 0)
		keep_answer(m, b);
	if (rc == 0 || (m->rehearsal && m->ack && only_incomplete(b))) {
		if (rc == 0 && !m->rehearsal && m->committed)
			m->committed(m);
		answer(m, 0);
		return;
	}
	for (size_t i = 0; i < b->n; i++)
		faults_move(&all, &b->list[i]->faults);
	if (m->is_document)
		yaml_locate(m->text, m->len, 0, &all);
	message_refuse(m, rc, &all);
	faults_fini(&all);
}

struct api_batch *message_batch(struct message *m)
{
	return api_batch_new(on_batch_done, m);
}

void message_submit(struct message *m, struct api_batch *taken)
{
	/* m may be gone as soon as it is submitted: the caller's strings must outlive the call */
	struct identity *who = m->who;
	struct fs *fs = m->fs;

	for (size_t i = 0; m->rehearsal && i < taken->n; i++)
		taken->list[i]->flags |= API_DRY_RUN;
	who->refs++;
	api_submit(fs->api, &who->caller, taken);
	identity_unref(who);
}

struct value *message_document(struct message *m)
{
	struct documents docs = {0};
	struct faults faults = FAULTS_INIT;
	struct value *v = NULL;
	int rc;

	m->is_document = 1;
	rc = yaml_parse(m->text, m->len, &docs, &faults);
	if (rc == 0 && docs.n != 1) {
		fault_add_code(&faults, EINVAL, "one document is expected, not %zu", docs.n);
		rc = -EINVAL;
	}
	if (rc == 0)
		v = value_ref(docs.list[0].value);
	else
		message_refuse(m, rc, &faults);
	documents_fini(&docs);
	faults_fini(&faults);
	return v;
}

struct api_request *message_request(struct message *m, enum api_verb verb)
{
	struct api_request *r = api_request_new(verb, m->node->kind, m->node->ns, m->node->name);

	if (*m->node->uid)
		r->expect_uid = xstrdup(m->node->uid);
	return r;
}
