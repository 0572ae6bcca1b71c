/* SPDX-License-Identifier: MIT */
/* stdin, stdout, stderr and status of a conversation: streams over the command's descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "fs/containers.h"
#include "fs/exec_i.h"
#include "fs/stream.h"
#include "util/fd.h"

struct parked_write {
	struct parked_write *next;
	fuse_req_t req;
	size_t len;
	char data[];
};

struct exec_stream {
	struct stream s;
	struct conversation *v; /* owned reference */
	int fd;                 /* a duplicate of the conversation's; -1: not started */
	struct parked_write *writes;
};

static int fd_of(const struct conversation *v, const char *file)
{
	if (strcmp(file, "stdin") == 0)
		return v->in;
	if (strcmp(file, "status") == 0)
		return v->status;
	if (strcmp(file, "stderr") == 0)
		return v->error;
	return v->out >= 0 ? v->out : v->in; /* a terminal is both */
}

/* Once the command runs: our own descriptor of the file, watched. */
static void attach(struct exec_stream *e)
{
	struct conversation *v = e->v;
	int fd = -1;

	pthread_mutex_lock(&v->lock);
	if (v->started)
		fd = fd_of(v, e->s.h.node->row->name);
	if (fd >= 0 && e->fd < 0)
		e->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	pthread_mutex_unlock(&v->lock);
	if (e->fd >= 0)
		streams_add_fd(e->s.h.fs->streams, e->fd, EPOLLIN | EPOLLOUT | EPOLLET, &e->s);
}

#define OUTPUT_BATCH (128u << 10)
#define CHUNK        (16u << 10)

static int fill_output(struct stream *s, struct buf *out, int *eof, off_t first_off)
{
	struct exec_stream *e = (struct exec_stream *)s;
	char *chunk;
	ssize_t n = 1;

	(void)first_off;
	if (e->fd < 0)
		attach(e);
	if (e->fd < 0) {
		*eof = e->v->ended ||
		       (e->v->started && strcmp(s->h.node->row->name, "stderr") == 0);
		return 0;
	}
	chunk = xmalloc(CHUNK);
	while (out->len < OUTPUT_BATCH && n > 0) {
		n = read(e->fd, chunk, CHUNK);
		if (n > 0)
			buf_add(out, chunk, (size_t)n);
	}
	free(chunk);
	/* a terminal whose other end is closed says EIO */
	*eof = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
	return 0;
}

/* The exit status comes once; every reader gets it. */
static int fill_status(struct stream *s, struct buf *out, int *eof, off_t first_off)
{
	struct exec_stream *e = (struct exec_stream *)s;
	struct conversation *v = e->v;
	char text[64];
	ssize_t n;

	(void)first_off;
	if (e->fd < 0)
		attach(e);
	pthread_mutex_lock(&v->lock);
	while (e->fd >= 0 && (n = read(e->fd, text, sizeof(text))) > 0)
		buf_add(&v->status_text, text, (size_t)n);
	if (v->status_text.len) {
		buf_add(out, v->status_text.data, v->status_text.len);
		*eof = 1;
	} else {
		*eof = v->ended;
	}
	pthread_mutex_unlock(&v->lock);
	return 0;
}

static int fill_nothing(struct stream *s, struct buf *out, int *eof, off_t first_off)
{
	(void)s;
	(void)out;
	(void)first_off;
	*eof = 1;
	return 0;
}

/* Return: 0 when the request was answered. */
static int try_write(struct exec_stream *e, fuse_req_t req, const char *data, size_t len)
{
	ssize_t n = e->fd < 0 ? -1 : write(e->fd, data, len);

	if (n < 0 && (e->fd < 0 || errno == EAGAIN))
		return -EAGAIN;
	if (n < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_write(req, (size_t)n);
	return 0;
}

static void write_input(struct stream *s, struct call *c, const char *data, size_t len)
{
	struct exec_stream *e = (struct exec_stream *)s;
	struct parked_write *w, **last = &e->writes;

	pthread_mutex_lock(&s->h.lock);
	if (e->fd < 0)
		attach(e);
	if (!e->writes && try_write(e, c->req, data, len) == 0) {
		pthread_mutex_unlock(&s->h.lock);
		return;
	}
	if (c->flags & O_NONBLOCK || e->v->ended) {
		fuse_reply_err(c->req, e->v->ended ? EPIPE : EAGAIN);
	} else {
		w = xmalloc(sizeof(*w) + len);
		w->next = NULL;
		w->req = c->req;
		w->len = len;
		memcpy(w->data, data, len);
		while (*last)
			last = &(*last)->next;
		*last = w;
		stream_on_interrupt(s, c->req);
	}
	pthread_mutex_unlock(&s->h.lock);
}

static void go_on_writing(struct stream *s, int stopping)
{
	struct exec_stream *e = (struct exec_stream *)s;

	if (e->fd < 0 && e->writes)
		attach(e);
	for (struct parked_write **at = &e->writes, *w; (w = *at);) {
		int error = stopping ? ENODEV : e->v->ended ? EPIPE : 0;

		if (!error && fuse_req_interrupted(w->req))
			error = EINTR;
		fuse_req_interrupt_func(w->req, NULL, NULL);
		if (error) {
			fuse_reply_err(w->req, error);
		} else if (try_write(e, w->req, w->data, w->len) < 0) {
			stream_on_interrupt(s, w->req);
			return;
		}
		*at = w->next;
		free(w);
	}
}

static void close_exec_stream(struct stream *s)
{
	struct exec_stream *e = (struct exec_stream *)s;
	struct conversation *v = e->v;

	if (e->fd >= 0) {
		streams_del_fd(s->h.fs->streams, e->fd);
		fd_close_at(&e->fd);
	}
	/* the end of input, unless input is the terminal */
	if (strcmp(s->h.node->row->name, "stdin") == 0) {
		pthread_mutex_lock(&v->lock);
		if (v->started && !v->tty)
			fd_close_at(&v->in);
		pthread_mutex_unlock(&v->lock);
	}
	conversation_unref(v);
}

static const struct stream_ops output_ops = {.fill = fill_output, .close = close_exec_stream};
static const struct stream_ops status_ops = {.fill = fill_status, .close = close_exec_stream};
static const struct stream_ops input_ops = {
	.fill = fill_nothing,
	.woken = go_on_writing,
	.write = write_input,
	.close = close_exec_stream,
};

static struct handle *open_exec_file(struct call *c, struct node *n, int flags,
				     const struct stream_ops *ops)
{
	struct conversation *v = may_exec(c, n) < 0 ? NULL : conversation_of(c->fs, n);
	struct exec_stream *e;

	if (!v) {
		err_set(&c->err, ENOENT, "the conversation is over");
		return NULL;
	}
	e = (struct exec_stream *)stream_new(sizeof(*e), ops, c, n, flags);
	e->v = v;
	e->fd = -1;
	return &e->s.h;
}

struct handle *exec_open_input(struct call *c, struct node *n, int flags)
{
	return open_exec_file(c, n, flags, &input_ops);
}

struct handle *exec_open_output(struct call *c, struct node *n, int flags)
{
	return open_exec_file(c, n, flags, &output_ops);
}

struct handle *exec_open_status(struct call *c, struct node *n, int flags)
{
	return open_exec_file(c, n, flags, &status_ops);
}
