/* SPDX-License-Identifier: MIT */
/* The handlers of open files: each finds its handle and lets it answer. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "fs/attr.h"
#include "fs/detour.h"
#include "fs/dirs.h"
#include "fs/handle.h"
#include "fs/permission.h"
#include "fs/reply.h"
#include "fs/tenant.h"

/* open() of a new file asks for its mode once more before it returns: this answers for that long.
 */
#define JUST_MADE_SEC 0.02

static struct handle *handle_at(struct fuse_file_info *fi)
{
	return (struct handle *)(uintptr_t)fi->fh;
}

/*
 * Held while a handler runs: as soon as it has answered, the client may close the
 * file, and another thread release it.
 */
static struct handle *hold(struct fuse_file_info *fi)
{
	return handle_ref(handle_at(fi));
}

static void fill_info(struct handle *h, struct fuse_file_info *fi)
{
	fi->fh = (uint64_t)(uintptr_t)h;
	fi->direct_io = 1;
	fi->nonseekable = h->ops->is_pipe && h->ops->is_pipe(h);
	/* a close that cannot fail needs no round trip */
	fi->noflush = !h->ops->flush;
}

void files_opened(struct call *c, struct handle *taken, struct fuse_file_info *fi)
{
	if (!taken) {
		reply_error(c);
		return;
	}
	c->fs->n_opens++;
	fill_info(taken, fi);
	if (fuse_reply_open(c->req, fi) == -ENOENT)
		handle_unref(taken); /* interrupted: there will be no release */
}

void files_created(struct call *c, struct node *n, struct handle *taken, struct fuse_file_info *fi)
{
	struct fuse_entry_param e;

	if (!taken || node_entry(c, n, 0, &e) < 0) {
		handle_unref(taken);
		reply_refused(c, n, NULL);
		return;
	}
	if (e.attr_timeout < JUST_MADE_SEC)
		e.attr_timeout = JUST_MADE_SEC;
	fill_info(taken, fi);
	node_looked_up(n);
	if (fuse_reply_create(c->req, &e, fi) == -ENOENT) {
		node_forget(n, 1);
		handle_unref(taken);
	}
}

static struct handle *open_content(struct call *c, struct node *n, int flags)
{
	CLEANUP_OBJECT struct object *o = NULL;
	struct content *t;

	if (n->row->flags & ROW_OBJECT) {
		o = node_get_object(c->fs, n, &c->err);
		if (!o)
			return NULL;
	}
	t = content_get(c, n, o);
	return t ? handle_of_content(c, n, t, flags) : NULL;
}

/* The reason where he looks: the errno alone does not say what is full. */
static void note_open_refused(struct call *c, struct node *n)
{
	CLEANUP(buf_fini) struct buf path = BUF_INIT;

	node_path(n, &path);
	note_refusal(c->fs, call_who(c), buf_str(&path), c->err.msg);
}

static struct handle *open_node(struct call *c, struct node *n, int flags)
{
	if (n->row->type != ROW_FILE) {
		err_set(&c->err, n->row->type == ROW_DIR ? EISDIR : ELOOP, "not a file");
		return NULL;
	}
	if ((flags_want_read(flags) && call_allows(c, n, PERM_R) < 0) ||
	    (flags_want_write(flags) && call_allows(c, n, PERM_W) < 0))
		return NULL;
	if (call_may_have(c, TENANT_FILES) < 0 ||
	    ((n->row->flags & ROW_HIDDEN) && call_may_have(c, TENANT_STREAMS) < 0)) {
		note_open_refused(c, n);
		return NULL;
	}
	if (n->row->open)
		return n->row->open(c, n, flags);
	if (!flags_want_write(flags))
		return open_content(c, n, flags);
	if (!n->row->act) {
		err_set(&c->err, EPERM, "read only");
		return NULL;
	}
	return handle_of_message(c, n, flags);
}

void files_open(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi)
{
	CLEANUP(call_fini) struct call c = {0};

	if (detour_file(req, id, fi, files_open))
		return;
	call_init(&c, req);
	files_opened(&c, open_node(&c, node_of(c.fs, id), fi->flags), fi);
}

/*
 * sendfile(2), splice(2), copy_file_range(2) and mmap(2) read through the kernel's page cache, which
 * believes in sizes, and ask for nothing of an empty file. What comes as it comes has a size for
 * them to ask, and they are told that it cannot be had so: `cat` of busybox, Go and others use
 * read(2) then. A read(2) says whose it is.
 */
static int is_of_page_cache(const struct handle *h, const struct fuse_file_info *fi)
{
	return (h->node->row->flags & ROW_STREAM) && !fi->lock_owner;
}

void files_read(fuse_req_t req, fuse_ino_t id, size_t size, off_t off, struct fuse_file_info *fi)
{
	CLEANUP(call_fini) struct call c;
	CLEANUP(handle_unrefp) struct handle *h = hold(fi);

	(void)id;
	call_init(&c, req);
	call_as_opener(&c, h);
	c.flags = fi->flags;
	if (is_of_page_cache(h, fi))
		fuse_reply_err(req, EINVAL);
	else if (h->ops->read)
		h->ops->read(h, &c, size, off);
	else
		fuse_reply_err(req, EBADF);
}

void files_write(fuse_req_t req, fuse_ino_t id, const char *data, size_t len, off_t off,
		 struct fuse_file_info *fi)
{
	CLEANUP(call_fini) struct call c;
	CLEANUP(handle_unrefp) struct handle *h = hold(fi);

	(void)id;
	call_init(&c, req);
	call_as_opener(&c, h);
	c.flags = fi->flags;
	if (h->ops->write)
		h->ops->write(h, &c, data, len, off);
	else
		fuse_reply_err(req, EBADF);
}

static void flush(fuse_req_t req, struct fuse_file_info *fi, int closing)
{
	CLEANUP(call_fini) struct call c;
	CLEANUP(handle_unrefp) struct handle *h = hold(fi);

	call_init(&c, req);
	call_as_opener(&c, h);
	c.closing = closing;
	if (h->ops->flush)
		h->ops->flush(h, &c);
	else
		reply_ok(&c);
}

void files_flush(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi)
{
	(void)id;
	flush(req, fi, 1);
}

void files_fsync(fuse_req_t req, fuse_ino_t id, int datasync, struct fuse_file_info *fi)
{
	(void)id;
	(void)datasync;
	flush(req, fi, 0);
}

/* Closes by heirs were put off, and nobody else came after them: nobody hears of what comes now. */
static void flush_unheard(struct handle *h)
{
	CLEANUP(call_fini) struct call c = {.fs = h->fs};

	call_as_opener(&c, h);
	h->ops->flush(h, &c);
}

void files_release(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi)
{
	struct handle *h = handle_at(fi);

	(void)id;
	if (h->put_off)
		flush_unheard(h);
	handle_unref(h);
	fuse_reply_err(req, 0);
}

void files_poll(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi,
		struct fuse_pollhandle *ph)
{
	CLEANUP(call_fini) struct call c;
	CLEANUP(handle_unrefp) struct handle *h = hold(fi);

	(void)id;
	call_init(&c, req);
	if (h->ops->poll) {
		h->ops->poll(h, &c, ph);
		return;
	}
	if (ph)
		fuse_pollhandle_destroy(ph);
	fuse_reply_poll(req, fi->poll_events & (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM));
}
