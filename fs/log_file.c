/* SPDX-License-Identifier: MIT */
/*
 * A container's log as text. An open `log` reads what is there when it is read, so
 * that `tail -f` sees it grow: entries are decoded as they come, what was decoded
 * does not change. log.follow waits for more, told by inotify on the real file, until the
 * container ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/changes.h"
#include "fs/containers.h"
#include "fs/cri_log.h"
#include "fs/stream.h"
#include "util/fd.h"

#define LOG_TEXT_MAX (64u << 20) /* decoded, of one open file */
#define CHUNK        (64u << 10)

struct log_text {
	int fd;     /* -1: no log yet */
	char *path; /* owned, NULL: unknown */
	off_t at;   /* in the file: what was decoded */
	struct buf text;
};

static void log_text_fini(struct log_text *t)
{
	fd_close_at(&t->fd);
	free(t->path);
	buf_fini(&t->text);
}

static void log_text_open(struct log_text *t, struct fs *fs, const struct node *n)
{
	const struct fs_rooms *rooms = &fs->rooms;
	int previous = strcmp(n->row->name, "log.previous") == 0;
	char name[256];
	struct fs_container c = container_of(n, name);
	struct err err = ERR_INIT;

	if (!t->path && rooms->log_path &&
	    rooms->log_path(rooms->runtime, &c, previous, &t->path, &err) < 0)
		t->path = NULL;
	if (t->path && t->fd < 0)
		t->fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

/* Decode what the file has more than last time. Return: whether there was something. */
static int log_text_more(struct log_text *t)
{
	size_t was = t->text.len;
	char *chunk = xmalloc(CHUNK);
	ssize_t n;

	while (t->fd >= 0 && t->text.len < LOG_TEXT_MAX &&
	       (n = pread(t->fd, chunk, CHUNK, t->at)) > 0) {
		size_t used = cri_log_decode(chunk, (size_t)n, &t->text);

		if (!used && n == CHUNK) {
			/* an entry longer than the format allows: shown as it is */
			buf_add(&t->text, chunk, (size_t)n);
			used = (size_t)n;
		}
		if (!used)
			break;
		t->at += (off_t)used;
	}
	free(chunk);
	return t->text.len > was;
}

/* The file was rotated away: go on with the new one. */
static int log_text_rotated(struct log_text *t)
{
	struct stat old, now;

	if (t->fd < 0 || !t->path || fstat(t->fd, &old) < 0 || stat(t->path, &now) < 0 ||
	    (old.st_ino == now.st_ino && old.st_dev == now.st_dev))
		return 0;
	fd_close_at(&t->fd);
	t->fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	t->at = 0;
	return t->fd >= 0;
}

/* -- log, log.previous -- */

struct log_handle {
	struct handle h;
	struct log_text log; /* h.lock */
};

static void refresh(struct log_handle *l)
{
	log_text_open(&l->log, l->h.fs, l->h.node);
	log_text_more(&l->log);
}

static void log_read(struct handle *h, struct call *c, size_t size, off_t off)
{
	struct log_handle *l = (struct log_handle *)h;

	pthread_mutex_lock(&h->lock);
	if (off < 0 || (uint64_t)off + size > l->log.text.len)
		refresh(l);
	reply_slice(c->req, l->log.text.data, l->log.text.len, size, off);
	pthread_mutex_unlock(&h->lock);
}

static int log_stat(struct handle *h, struct stat *st)
{
	struct log_handle *l = (struct log_handle *)h;

	pthread_mutex_lock(&h->lock);
	refresh(l);
	st->st_size = (off_t)l->log.text.len;
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
	l->log.fd = -1;
	refresh(l);
	return &l->h;
}

int stat_log(struct call *c, const struct node *n, struct stat *st)
{
	struct log_text t = {.fd = -1};
	struct stat real;

	log_text_open(&t, c->fs, n);
	log_text_more(&t);
	st->st_size = (off_t)t.text.len;
	if (t.fd >= 0 && fstat(t.fd, &real) == 0)
		st->st_atim = st->st_mtim = st->st_ctim = real.st_mtim;
	log_text_fini(&t);
	return 0;
}

/* -- log.follow -- */

struct follow {
	struct stream s;
	struct log_text log;
	struct change_listener listener;
	int inotify, watched;
};

static void drain_inotify(const struct follow *f)
{
	char events[4096];

	while (read(f->inotify, events, sizeof(events)) > 0)
		;
}

/* Before looking at the file, so that nothing comes unseen after. */
static void watch_log(struct follow *f)
{
	char *slash;

	if (f->watched || !f->log.path)
		return;
	CLEANUP_FREE char *dir = xstrdup(f->log.path);
	slash = strrchr(dir, '/');
	if (slash && slash != dir)
		*slash = '\0';
	/* the directory: writes to the file, and another one in its place */
	f->watched = inotify_add_watch(f->inotify, dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO) >= 0;
}

/* Another run has begun, and writes a log of its own. */
static int has_later_log(struct follow *f, const struct fs_container *c)
{
	const struct fs_rooms *rooms = &f->s.h.fs->rooms;
	CLEANUP_FREE char *now = NULL;
	struct err err = ERR_INIT;

	return f->log.path && rooms->log_path &&
	       rooms->log_path(rooms->runtime, c, 0, &now, &err) == 0 && !str_eq(now, f->log.path);
}

/* The container has ended, for good or until it is started again: its log is complete. */
static int run_is_over(struct follow *f, const struct object *pod)
{
	char name[256];
	struct fs_container c = container_of(f->s.h.node, name);
	const struct value *status = container_status(pod, name);

	return value_dig(status, "state", "terminated", NULL) ||
	       (value_dig(status, "state", "waiting", NULL) &&
		value_dig(status, "lastState", "terminated", NULL)) ||
	       has_later_log(f, &c);
}

static int follow_fill(struct stream *s, struct buf *out, int *eof, off_t first_off)
{
	struct follow *f = (struct follow *)s;
	CLEANUP_OBJECT struct object *o = node_get_object(s->h.fs, s->h.node, NULL);
	int over;

	(void)first_off;
	drain_inotify(f);
	log_text_open(&f->log, s->h.fs, s->h.node);
	watch_log(f);
	over = !o || run_is_over(f, o); /* before the last look at the log */
	while (log_text_more(&f->log) || log_text_rotated(&f->log))
		;
	buf_add(out, buf_str(&f->log.text), f->log.text.len);
	buf_resize(&f->log.text, 0);
	*eof = over;
	return 0;
}

static void follow_close(struct stream *s)
{
	struct follow *f = (struct follow *)s;

	changes_unlisten(s->h.fs->changes, &f->listener);
	free(f->listener.uid);
	streams_del_fd(s->h.fs->streams, f->inotify);
	fd_close_at(&f->inotify);
	log_text_fini(&f->log);
}

static const struct stream_ops follow_ops = {.fill = follow_fill, .close = follow_close};

static void on_change(void *arg, const struct change *c)
{
	(void)c;
	stream_wake(arg);
}

static struct handle *open_follow(struct call *c, struct node *n, int flags)
{
	struct follow *f = (struct follow *)stream_new(sizeof(*f), &follow_ops, c, n, flags);

	f->log.fd = -1;
	f->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	streams_add_fd(c->fs->streams, f->inotify, EPOLLIN, &f->s);
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
	.reads = "blocks; the log, then what is written to it; ends when the container ends (it "
		 "goes on in the "
		 "log of its next run) or the pod is gone",
	.errors = "EAGAIN with O_NONBLOCK and nothing new; EINTR",
};
