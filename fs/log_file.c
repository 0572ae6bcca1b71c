/* SPDX-License-Identifier: MIT */
/*
 * log, log.previous: an open one shows what is there when it is read, so that `tail -f` sees it
 * grow. log.follow waits for more, until the container ends.
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
	struct open_log *log; /* owned reference */
};

/* Return: 0, or -EIO when what is there is rotated away. */
static int read_log(struct handle *h, struct open_log *log, uint64_t off, size_t size,
		    struct buf *out)
{
	int rc;

	pthread_mutex_lock(&log->lock);
	if (off > log->read_to)
		log->read_to = off;
	if (off + size > log->text.len)
		log_text_grow(&log->text, h->fs, h->node, log->read_to);
	rc = log_text_read(&log->text, off, size, out);
	if (off + out->len > log->read_to)
		log->read_to = off + out->len;
	pthread_mutex_unlock(&log->lock);
	return out->len ? 0 : rc;
}

static void log_read(struct handle *h, struct call *c, size_t size, off_t off)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	int rc = off < 0 ? -EINVAL
			 : read_log(h, ((struct log_handle *)h)->log, (uint64_t)off, size, &out);

	if (rc < 0)
		fuse_reply_err(c->req, -rc);
	else
		fuse_reply_buf(c->req, out.data, out.len);
}

static void log_release(struct handle *h)
{
	open_log_put(h->fs, ((struct log_handle *)h)->log);
}

static const struct handle_ops log_ops = {.read = log_read, .release = log_release};

struct handle *open_log(struct call *c, struct node *n, int flags)
{
	struct log_handle *l;

	if (flags_want_write(flags)) {
		err_set(&c->err, EPERM, "read only");
		return NULL;
	}
	l = (struct log_handle *)handle_new(sizeof(*l), &log_ops, c, n, flags);
	l->log = open_log_new(c->fs, n);
	return &l->h;
}

int stat_log(struct call *c, const struct node *n, struct stat *st)
{
	struct stat real;
	uint64_t size;

	if (!call_is_own(c))
		notifier_log_asked(c->fs->notifier, n->parent);
	if (open_log_size(c->fs, n, &size, &real))
		st->st_atim = st->st_mtim = st->st_ctim = real.st_mtim;
	st->st_size = (off_t)size;
	return 0;
}

/* -- log.follow -- */

#define FOLLOW_BATCH (256u << 10)

struct follow {
	struct stream s;
	struct open_log *log; /* owned reference */
	uint64_t read_to;     /* of the text */
	int started;
	unsigned run; /* of the text: the one that is followed */
	struct log_watch watch;
	struct change_listener listener;
};

static void on_growth(void *arg)
{
	struct follow *f = arg;

	stream_wake(&f->s);
}

/* Only when it has started it is known where the log is. Return: whether it is watched now. */
static int watch_log(struct follow *f)
{
	CLEANUP_FREE char *path = NULL;

	if (f->watch.wd >= 0)
		return 0;
	pthread_mutex_lock(&f->log->lock);
	path = xstrdup(f->log->text.path);
	pthread_mutex_unlock(&f->log->lock);
	return path && log_watch_start(f->s.h.fs->log_watches, &f->watch, path);
}

/* It has ended, for good or until it is started again: its log is complete. */
static int is_over(const struct follow *f, const struct object *pod)
{
	char name[256];
	const struct value *status;

	container_of(f->s.h.node, name);
	status = container_status(pod, name);
	return value_dig(status, "state", "terminated", NULL) ||
	       (value_dig(status, "state", "waiting", NULL) &&
		value_dig(status, "lastState", "terminated", NULL));
}

static void begin(struct follow *f, off_t first_off)
{
	if (f->started)
		return;
	pthread_mutex_lock(&f->log->lock);
	log_text_start(&f->log->text, f->s.h.fs, f->s.h.node);
	f->run = f->log->text.run;
	pthread_mutex_unlock(&f->log->lock);
	f->read_to = first_off > 0 ? (uint64_t)first_off : 0;
	f->started = 1;
}

static uint64_t end_of_run(struct follow *f)
{
	uint64_t end;

	pthread_mutex_lock(&f->log->lock);
	end = log_text_run_end(&f->log->text, f->run);
	pthread_mutex_unlock(&f->log->lock);
	return end;
}

/* More of the run. */
static int read_run(struct follow *f, struct buf *out)
{
	int rc = read_log(&f->s.h, f->log, f->read_to, FOLLOW_BATCH, out);
	uint64_t end = end_of_run(f), there = f->read_to + out->len;

	if (there > end) /* the next run's */
		buf_resize(out, end > f->read_to ? (size_t)(end - f->read_to) : 0);
	return rc;
}

static int follow_fill(struct stream *s, struct buf *out, int *eof, off_t first_off)
{
	struct follow *f = (struct follow *)s;
	CLEANUP_OBJECT struct object *o = node_get_object(s->h.fs, s->h.node, NULL);
	int over = !o || is_over(f, o), rc; /* before the last look at the log */

	begin(f, first_off);
	rc = read_run(f, out);
	/* what came before the watch is to be seen, too */
	if (rc == 0 && !out->len && watch_log(f))
		rc = read_run(f, out);
	f->read_to += out->len;
	*eof = !out->len && (over || f->read_to >= end_of_run(f));
	return rc;
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
	open_log_put(s->h.fs, f->log);
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

	f->log = open_log_new(c->fs, n);
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
	.flags = ROW_HIDDEN | ROW_OBJECT | ROW_STREAM,
	.open = open_follow,
	.read_as = "get:log",
	.reads = "blocks; the log, then what is written to it, through its rotation; seek to a "
		 "number of bytes before the first read to go on from there; ends when the "
		 "container does (it goes on in the log of its next run) or the pod is gone",
	.errors = "EAGAIN with O_NONBLOCK and nothing new; EINTR; EIO what was seeked to is "
		  "rotated away",
};
