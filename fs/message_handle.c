/* SPDX-License-Identifier: MIT */
/* An open message file: what is written gathers until it is a message (message.h). */
#include "fs/message_i.h"

#include <errno.h>
#include <fcntl.h>

#include "fs/closer.h"
#include "fs/extent.h"
#include "fs/reply.h"
#include "fs/tenant.h"

/* What is written, until it is acted upon. */
struct message_handle {
	struct handle h;
	struct content *content; /* to read, owned; NULL: write only. lock, for conversations */
	struct buf text;         /* lock: all that was written */
	size_t counted;          /* lock: of it counted as his (tenant.h) */
	off_t base;              /* lock: offset of the first write: >> appends to what is shown */
	int has_base, dirty, n_writes;
	off_t answer_at; /* lock: where the answer begins: offset of its first read */
	int has_answer;  /* lock: content is one; 2: and it was begun to be read */
};

/* -- what becomes of a message -- */

/* The write failed: its bytes are not in the file. */
void message_handle_take_back(struct handle *h)
{
	struct message_handle *mh = (struct message_handle *)h;

	pthread_mutex_lock(&mh->h.lock);
	buf_resize(&mh->text, 0);
	mh->dirty = mh->has_base = mh->n_writes = 0;
	pthread_mutex_unlock(&mh->h.lock);
}

void message_handle_keep(struct handle *h, struct content *taken)
{
	struct message_handle *mh = (struct message_handle *)h;

	pthread_mutex_lock(&mh->h.lock);
	content_unref(mh->content);
	mh->content = taken;
	mh->has_answer = 1;
	pthread_mutex_unlock(&mh->h.lock);
}

/* The file has no other content: reads go on from where the first one was. */
static void reply_answer(struct message_handle *mh, fuse_req_t req, size_t size, off_t off)
{
	struct content *t;

	pthread_mutex_lock(&mh->h.lock);
	if (mh->has_answer == 1 || off < mh->answer_at)
		mh->answer_at = off;
	mh->has_answer = 2;
	t = content_ref(mh->content);
	off -= mh->answer_at;
	pthread_mutex_unlock(&mh->h.lock);
	reply_slice(req, t->data, t->len, size, off);
	content_unref(t);
}

void message_handle_reply(struct handle *h, fuse_req_t req, size_t size, off_t off)
{
	reply_answer((struct message_handle *)h, req, size, off);
}

/* -- a message of what was written -- */

/* With the handle's lock held: it is given back. */
static struct message *message_of_handle(struct message_handle *mh, struct call *c)
{
	struct message *m = xcalloc(1, sizeof(*m));

	m->fs = c->fs;
	m->fs->n_background++;
	m->req = c->req;
	m->node = node_ref(mh->h.node);
	m->who = call_who(c);
	m->who->refs++;
	m->text = xstrndup(buf_str(&mh->text), mh->text.len);
	m->len = mh->text.len;
	m->handle = handle_ref(&mh->h);
	pthread_mutex_unlock(&mh->h.lock);
	return m;
}

static void act(struct message_handle *mh, struct call *c, size_t ack, int rehearsal)
{
	struct message *m = message_of_handle(mh, c);

	m->ack = ack;
	m->rehearsal = rehearsal;
	c->fs->n_writes++;
	mh->h.node->row->act(c, m);
}

/* A read that waits for what comes of what was written. */
static void act_for_read(struct message_handle *mh, struct call *c, size_t size, off_t off)
{
	struct message *m = message_of_handle(mh, c);

	m->read_size = size ? size : 1;
	m->read_off = off;
	c->fs->n_writes++;
	mh->h.node->row->act(c, m);
}

/* With the lock. Return: 0, or -EDQUOT in err when the writer has too much under way. */
static int count_text(struct message_handle *mh, size_t len, struct err *err)
{
	if (len > mh->counted) {
		if (tenant_may_have(mh->h.tenant, TENANT_BYTES, len - mh->counted, err) < 0)
			return -err->code;
		tenant_add(mh->h.tenant, TENANT_BYTES, len - mh->counted);
		mh->counted = len;
	}
	return 0;
}

/* A later write goes on where the first one began; ctl files are never positioned. */
static int place_write(struct message_handle *mh, const char *data, size_t len, off_t off,
		       struct err *err)
{
	if (!mh->has_base) {
		mh->base = off;
		mh->has_base = 1;
	}
	off -= mh->base;
	if (off < 0 || (uint64_t)off > mh->text.len)
		off = (off_t)mh->text.len;
	if ((size_t)off + len > FS_FILE_MAX)
		return err_set(err, EFBIG, "larger than %u bytes", FS_FILE_MAX);
	if (count_text(mh, (size_t)off + len, err) < 0)
		return -err->code;
	buf_pwrite(&mh->text, data, len, (size_t)off);
	mh->dirty = 1;
	mh->n_writes++;
	return 0;
}

/* What the first write of a short message is; anything else is acted upon at close. */
static enum extent first_extent(const struct message_handle *mh)
{
	unsigned flags = mh->h.node->row->flags;

	if (mh->n_writes != 1 || mh->text.len >= FS_MESSAGE_MAX)
		return EXTENT_OPEN;
	if (flags & ROW_ACT_WRITE)
		return EXTENT_WHOLE;
	if (flags & ROW_ACT_LINE)
		return extent_of(mh->text.data, mh->text.len);
	/* a single line of a question is no question yet */
	if ((flags & ROW_ANSWERS) && extent_of(mh->text.data, mh->text.len) == EXTENT_WHOLE)
		return EXTENT_WHOLE;
	return EXTENT_OPEN;
}

/* ctl files: every write is a command of its own; a conversation goes on with the next message. */
static void restart_if_acted(struct message_handle *mh)
{
	if (mh->dirty || !mh->n_writes || !(mh->h.node->row->flags & (ROW_COMMANDS | ROW_ANSWERS)))
		return;
	buf_resize(&mh->text, 0);
	mh->has_base = 0;
	mh->n_writes = 0;
	if (mh->has_answer) {
		content_unref(mh->content);
		mh->content = NULL;
		mh->has_answer = 0;
	}
}

static void message_write(struct handle *h, struct call *c, const char *data, size_t len, off_t off)
{
	struct message_handle *mh = (struct message_handle *)h;
	enum extent extent = EXTENT_OPEN;
	int rc;

	if (!len) {
		fuse_reply_write(c->req, 0);
		return;
	}
	pthread_mutex_lock(&h->lock);
	restart_if_acted(mh);
	rc = place_write(mh, data, len, off, &c->err);
	if (rc == 0)
		extent = first_extent(mh);
	if (extent != EXTENT_OPEN) {
		/* a line by itself is tried, and acted upon at close with what follows it */
		mh->dirty = extent == EXTENT_LINE;
		act(mh, c, len, extent == EXTENT_LINE); /* unlocks */
		return;
	}
	pthread_mutex_unlock(&h->lock);
	if (rc < 0) {
		reply_refused(c, h->node, NULL);
	} else {
		fuse_reply_write(c->req, len);
	}
}

/* Take the text to act upon it. Return: whether there is any; with the lock held then. */
static int take_work(struct message_handle *mh, int still_dirty)
{
	pthread_mutex_lock(&mh->h.lock);
	if (mh->dirty && mh->text.len) {
		mh->dirty = still_dirty;
		return 1;
	}
	pthread_mutex_unlock(&mh->h.lock);
	return 0;
}

static int has_work(struct message_handle *mh)
{
	int work = take_work(mh, 1);

	if (work)
		pthread_mutex_unlock(&mh->h.lock);
	return work;
}

/* It hears what is wrong with the text so far, if that is no mere beginning. */
static void answer_heir(struct message_handle *mh, struct call *c)
{
	unsigned flags = mh->h.node->row->flags;

	if (!take_work(mh, 1)) {
		reply_ok(c);
	} else if (((flags & ROW_ANSWERS) && !(flags & ROW_ACT_LINE)) ||
		   extent_of(mh->text.data, mh->text.len) == EXTENT_OPEN) {
		pthread_mutex_unlock(&mh->h.lock);
		reply_ok(c);
	} else {
		act(mh, c, 0, 1); /* unlocks */
	}
}

static void refuse_killed(struct message_handle *mh, struct call *c)
{
	if (take_work(mh, 0))
		pthread_mutex_unlock(&mh->h.lock);
	err_set(&c->err, EINTR, "the writer was killed: nothing was done");
	reply_refused(c, mh->h.node, NULL);
}

static void message_flush(struct handle *h, struct call *c)
{
	struct message_handle *mh = (struct message_handle *)h;
	int killed = closer_was_killed(h, c);

	if (!has_work(mh))
		reply_ok(c);
	else if (closer_is_heir(h, c))
		answer_heir(mh, c);
	else if (killed)
		refuse_killed(mh, c);
	else if (take_work(mh, 0))
		act(mh, c, 0, 0); /* unlocks */
	else
		reply_ok(c);
}

/* A read of a conversation, while or after something was said. Return: whether it is answered. */
static int read_answer(struct message_handle *mh, struct call *c, size_t size, off_t off)
{
	int has_answer;

	if (take_work(mh, 0)) {
		act_for_read(mh, c, size, off); /* unlocks */
		return 1;
	}
	pthread_mutex_lock(&mh->h.lock);
	has_answer = mh->has_answer;
	pthread_mutex_unlock(&mh->h.lock);
	if (has_answer)
		reply_answer(mh, c->req, size, off);
	return has_answer;
}

static void message_read(struct handle *h, struct call *c, size_t size, off_t off)
{
	struct content *t;

	if ((h->node->row->flags & ROW_ANSWERS) &&
	    read_answer((struct message_handle *)h, c, size, off))
		return;
	t = ((struct message_handle *)h)->content;
	reply_slice(c->req, t ? t->data : NULL, t ? t->len : 0, size, off);
}

static int message_truncate(struct handle *h, off_t size)
{
	struct message_handle *mh = (struct message_handle *)h;

	if (size < 0 || (uint64_t)size > FS_FILE_MAX)
		return -EFBIG;
	pthread_mutex_lock(&h->lock);
	if ((size_t)size < mh->text.len)
		buf_resize(&mh->text, (size_t)size);
	pthread_mutex_unlock(&h->lock);
	return 0;
}

static void message_release(struct handle *h)
{
	struct message_handle *mh = (struct message_handle *)h;

	content_unref(mh->content);
	tenant_sub(h->tenant, TENANT_BYTES, mh->counted);
	buf_fini(&mh->text);
}

static const struct handle_ops message_ops = {
	.read = message_read,
	.write = message_write,
	.flush = message_flush,
	.truncate = message_truncate,
	.release = message_release,
};

struct handle *handle_of_message(struct call *c, struct node *n, int flags)
{
	struct handle *h;
	struct content *t = NULL;

	if (flags_want_read(flags) && n->row->render) {
		CLEANUP_OBJECT struct object *o = NULL;

		if (n->row->flags & ROW_OBJECT) {
			o = node_get_object(c->fs, n, &c->err);
			if (!o)
				return NULL;
		}
		t = content_get(c, n, o);
		if (!t)
			return NULL;
	}
	h = handle_new(sizeof(struct message_handle), &message_ops, c, n, flags);
	((struct message_handle *)h)->content = t;
	return h;
}
