/* SPDX-License-Identifier: MIT */
/*
 * log, log.previous: an open one shows what is there when it is read, so that `tail -f` sees it
 * grow. log.follow waits for more.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "fs/changes.h"
#include "fs/containers.h"
#include "fs/log_text.h"
#include "fs/log_watch.h"
#include "fs/notifier.h"
#include "fs/stream.h"

/* -- log, log.previous -- */

struct log_handle {
	struct handle h;
	struct log_text log; /* h.lock */
};

static void log_read(struct handle *h, struct call *c, size_t size, off_t off)
{
	struct log_handle *l = (struct log_handle *)h;
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	int rc;

	if (off < 0) {
		fuse_reply_err(c->req, EINVAL);
		return;
	}
	pthread_mutex_lock(&h->lock);
	if ((uint64_t)off + size > l->log.len)
		log_text_grow(&l->log, h->fs, h->node);
	rc = log_text_read(&l->log, (uint64_t)off, size, &out);
	pthread_mutex_unlock(&h->lock);
	if (rc < 0 && !out.len)
		fuse_reply_err(c->req, -rc);
	else
		fuse_reply_buf(c->req, out.data, out.len);
}

static int log_stat(struct handle *h, struct stat *st)
{
	struct log_handle *l = (struct log_handle *)h;

	pthread_mutex_lock(&h->lock);
	log_text_grow(&l->log, h->fs, h->node);
	st->st_size = (off_t)l->log.len;
	pthread_mutex_unlock(&h->lock);
	return 0;
}

static void log_release(struct handle *h)
{
	log_text_fini(&((struct log_handle *)h)->log);
}

static const struct handle_ops log_ops = {
	.read = log_read,
	.stat = log_stat,
	.release = log_release,
};

struct handle *open_log(struct call *c, struct node *n, int flags)
{
	struct log_handle *l;

	if (flags_want_write(flags)) {
		err_set(&c->err, EPERM, "read only");
		return NULL;
	}
	l = (struct log_handle *)handle_new(sizeof(*l), &log_ops, c, n, flags);
	log_text_init(&l->log);
	log_text_grow(&l->log, c->fs, n);
	return &l->h;
}

int stat_log(struct call *c, const struct node *n, struct stat *st)
{
	struct log_text t;
	struct stat real;
	int fd;

	if (!call_is_own(c))
		notifier_log_asked(c->fs->notifier, n);
	log_text_init(&t);
	log_text_grow(&t, c->fs, n);
	st->st_size = (off_t)t.len;
	fd = t.fds[t.file % LOG_FILES];
	if (fd >= 0 && fstat(fd, &real) == 0)
		st->st_atim = st->st_mtim = st->st_ctim = real.st_mtim;
	log_text_fini(&t);
	return 0;
}

/* -- log.follow -- */

#define FOLLOW_BATCH (256u << 10)

struct follow {
	struct stream s;
	struct log_text log;
	uint64_t read_to; /* of the text */
	int started;
	struct log_watch watch;
	struct change_listener listener;
};

static void on_growth(void *arg)
{
	struct follow *f = arg;

	stream_wake(&f->s);
}

static int follow_fill(struct stream *s, struct buf *out, int *eof, off_t first_off)
{
	struct follow *f = (struct follow *)s;
	struct fs *fs = s->h.fs;
	CLEANUP_OBJECT struct object *o = node_get_object(fs, s->h.node, NULL);

	if (!f->started)
		f->read_to = first_off > 0 ? (uint64_t)first_off : 0;
	f->started = 1;
	log_text_grow(&f->log, fs, s->h.node);
	/* only then is it known where the file is; and what came before the watch is to be seen */
	if (f->watch.wd < 0 && f->log.path &&
	    log_watch_start(fs->log_watches, &f->watch, f->log.path))
		log_text_grow(&f->log, fs, s->h.node);
	if (log_text_read(&f->log, f->read_to, FOLLOW_BATCH, out) < 0)
		return -EIO;
	f->read_to += out->len;
	*eof = !o && f->read_to >= f->log.len;
	return 0;
}

static void follow_rewind(struct stream *s)
{
	((struct follow *)s)->started = 0;
}

static void follow_close(struct stream *s)
{
	struct follow *f = (struct follow *)s;

	changes_unlisten(s->h.fs->changes, &f->listener);
	log_watch_stop(s->h.fs->log_watches, &f->watch);
	log_text_fini(&f->log);
}

static const struct stream_ops follow_ops = {
	.fill = follow_fill,
	.rewind = follow_rewind,
	.close = follow_close,
};

static void on_change(void *arg, const struct change *c)
{
	(void)c;
	stream_wake(arg);
}

static struct handle *open_follow(struct call *c, struct node *n, int flags)
{
	struct follow *f = (struct follow *)stream_new(sizeof(*f), &follow_ops, c, n, flags);

	log_text_init(&f->log);
	f->watch = (struct log_watch){.wd = -1, .fn = on_growth, .arg = f};
	/* the pod starts, or is deleted */
	f->listener = (struct change_listener){.uid = xstrdup(n->uid), .fn = on_change, .arg = f};
	changes_listen(c->fs->changes, &f->listener);
	return &f->s.h;
}

const struct row row_log_follow = {
	.name = "log.follow",
	.where = "<pod>/containers/<name>/",
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_HIDDEN | ROW_OBJECT,
	.open = open_follow,
	.subresource = "log",
	.reads = "blocks; the log, then what is written to it, through rotation and the next runs; "
		 "seek to a number of bytes before the first read to go on from there; ends when "
		 "the pod is gone",
	.errors = "EAGAIN with O_NONBLOCK and nothing new; EINTR; EIO what was seeked to is "
		  "rotated away",
};
