/* SPDX-License-Identifier: MIT */
#include "fs/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fs/permission.h"
#include "fs/tenant.h"
#include "util/fd.h"

struct parked {
	struct parked *next;
	fuse_req_t req;
	size_t size;
	off_t off;
};

struct source {
	struct source *next;
	void (*fn)(void *arg);
	void *arg;
};

struct streams {
	struct fs *fs;
	pthread_t thread;
	pthread_mutex_t lock;
	/* lock: to be looked at, in the order of their wakes; each holds a reference */
	struct stream *awake, **awake_end;
	struct stream *all; /* lock */
	uint64_t next_id;   /* lock */
	int stopping;       /* lock */
	int epoll, event;
	struct source *sources; /* made before there are streams */
};

/* What epoll(7) gives back: a stream's number made odd, a source's address, or 0: wake up. */
static uint64_t stream_mark(const struct stream *s)
{
	return s->id << 1 | 1;
}

static void signal_thread(struct streams *all)
{
	uint64_t one = 1;

	if (write(all->event, &one, sizeof(one)) < 0)
		return; /* the counter is full: the thread is awake anyway */
}

/* With the lock. A stream that is being closed has no readers. */
static void wake_locked(struct streams *all, struct stream *s)
{
	if (s->awake || s->closing || !handle_try_ref(&s->h))
		return;
	s->awake = 1;
	s->next_awake = NULL;
	if (!all->awake) /* else the thread is at it */
		signal_thread(all);
	*all->awake_end = s;
	all->awake_end = &s->next_awake;
}

void stream_wake(struct stream *s)
{
	struct streams *all = s->h.fs->streams;

	pthread_mutex_lock(&all->lock);
	wake_locked(all, s);
	pthread_mutex_unlock(&all->lock);
}

void streams_wake_all(struct streams *all)
{
	pthread_mutex_lock(&all->lock);
	for (struct stream *s = all->all; s; s = s->next)
		wake_locked(all, s);
	pthread_mutex_unlock(&all->lock);
}

/* By number: a descriptor's event may come when its stream is gone already. */
static void wake_id(struct streams *all, uint64_t id)
{
	pthread_mutex_lock(&all->lock);
	for (struct stream *s = all->all; s; s = s->next)
		if (s->id == id) {
			wake_locked(all, s);
			break;
		}
	pthread_mutex_unlock(&all->lock);
}

/*
 * What was read stays until the next read: its offset says how far the reader got. A
 * shell reads a block, takes a line and seeks back to where it ended.
 */
static size_t n_pending(const struct stream *s, off_t off)
{
	off_t end = s->base + (off_t)s->pending.len;

	return off < end ? (size_t)(end - off) : 0;
}

static void forget_before(struct stream *s, off_t off)
{
	size_t n = (size_t)(off - s->base), left = s->pending.len - n;

	s->base = off;
	if (!left) {
		buf_fini(&s->pending); /* a reader that waits costs no buffer */
		return;
	}
	if (n)
		memmove(s->pending.data, s->pending.data + n, left);
	buf_resize(&s->pending, left);
}

/* Open files follow the rules as they change. */
static int may_still_read(struct stream *s)
{
	uint64_t rules = permission_generation(s->h.fs);

	if (s->rules == rules)
		return 1;
	s->rules = rules;
	return node_allows(s->h.fs, s->h.who, s->h.node, PERM_R) == 0;
}

/* Whether a read at off would return now; with the lock. */
static int has_data(struct stream *s, off_t off)
{
	if (!s->failed && !may_still_read(s)) {
		/* nor what was made before and not read yet */
		buf_fini(&s->pending);
		s->base = off;
		s->failed = EACCES;
	}
	if (!n_pending(s, off) && !s->eof && !s->failed) {
		forget_before(s, off);
		s->failed = -s->ops->fill(s, &s->pending, &s->eof, s->first_off);
	}
	return n_pending(s, off) || s->eof || s->failed;
}

/* With the lock, and has_data() true. */
static void answer_read(struct stream *s, fuse_req_t req, size_t size, off_t off)
{
	size_t n = n_pending(s, off);

	if (n == 0 && s->failed) {
		fuse_reply_err(req, s->failed);
		return;
	}
	n = n < size ? n : size;
	s->read_to = off + (off_t)n;
	fuse_reply_buf(req, n ? s->pending.data + (off - s->base) : NULL, n);
}

static void on_interrupt(fuse_req_t req, void *data)
{
	/* answered by the thread: answering here would free the request under libfuse's hands */
	(void)req;
	stream_wake(data);
}

void stream_on_interrupt(struct stream *s, fuse_req_t req)
{
	fuse_req_interrupt_func(req, on_interrupt, s);
}

static void park(struct stream *s, fuse_req_t req, size_t size, off_t off)
{
	struct parked *p = xcalloc(1, sizeof(*p)), **last = &s->parked;

	*p = (struct parked){NULL, req, size, off};
	while (*last)
		last = &(*last)->next;
	*last = p;
}

static void begin(struct stream *s, off_t off)
{
	if (s->started)
		s->ops->rewind(s);
	s->started = 1;
	s->eof = s->failed = 0;
	buf_fini(&s->pending);
	s->base = s->first_off = s->read_to = off;
}

/* Where this read goes on; a seek to anywhere else begins anew there. */
static off_t place_of_read(struct stream *s, off_t off)
{
	int known = off >= s->base && off <= s->base + (off_t)s->pending.len;

	if (!s->ops->rewind) {
		if (!s->started)
			begin(s, off);
		return s->read_to;
	}
	/* whoever only polled may have seeked before: poll(2) does not tell */
	if (!s->started || !known || (s->only_polled && off != s->base))
		begin(s, off);
	s->only_polled = 0;
	forget_before(s, off);
	return off;
}

static void stream_read(struct handle *h, struct call *c, size_t size, off_t off)
{
	struct stream *s = (struct stream *)h;

	pthread_mutex_lock(&h->lock);
	off = place_of_read(s, off);
	if (has_data(s, off)) {
		answer_read(s, c->req, size, off);
	} else if (c->flags & O_NONBLOCK) {
		fuse_reply_err(c->req, EAGAIN);
	} else {
		park(s, c->req, size, off);
		stream_on_interrupt(s, c->req);
	}
	pthread_mutex_unlock(&h->lock);
}

static void stream_write(struct handle *h, struct call *c, const char *data, size_t len, off_t off)
{
	struct stream *s = (struct stream *)h;

	(void)off;
	if (s->ops->write)
		s->ops->write(s, c, data, len);
	else
		fuse_reply_err(c->req, EBADF);
}

static void stream_poll(struct handle *h, struct call *c, struct fuse_pollhandle *ph)
{
	struct stream *s = (struct stream *)h;
	struct fuse_pollhandle *old = ph;
	unsigned events = s->ops->write ? POLLOUT | POLLWRNORM : 0;

	pthread_mutex_lock(&h->lock);
	if (!s->started) {
		begin(s, 0);
		s->only_polled = 1;
	}
	if (has_data(s, s->read_to)) {
		events |= POLLIN | POLLRDNORM;
	} else if (ph) {
		old = s->poll;
		s->poll = ph;
	}
	pthread_mutex_unlock(&h->lock);
	if (old)
		fuse_pollhandle_destroy(old);
	fuse_reply_poll(c->req, events);
}

static void stream_release(struct handle *h)
{
	struct stream *s = (struct stream *)h;

	buf_fini(&s->pending);
	if (s->poll)
		fuse_pollhandle_destroy(s->poll);
}

/* The last reader closed it: from here on nothing may wake it. */
static void stream_close(struct handle *h)
{
	struct stream *s = (struct stream *)h;
	struct streams *all = h->fs->streams;

	pthread_mutex_lock(&all->lock);
	s->closing = 1;
	*s->prev = s->next;
	if (s->next)
		s->next->prev = s->prev;
	pthread_mutex_unlock(&all->lock);
	if (s->ops->close)
		s->ops->close(s);
	tenant_sub(h->tenant, TENANT_STREAMS, 1);
	stream_release(h);
}

static int stream_is_pipe(const struct handle *h)
{
	return !((const struct stream *)h)->ops->rewind;
}

static const struct handle_ops handle_ops = {
	.is_pipe = stream_is_pipe,
	.read = stream_read,
	.write = stream_write,
	.poll = stream_poll,
	.release = stream_close,
};

struct stream *stream_new(size_t size, const struct stream_ops *ops, struct call *c, struct node *n,
			  int flags)
{
	struct stream *s = (struct stream *)handle_new(size, &handle_ops, c, n, flags);

	s->ops = ops;
	tenant_add(s->h.tenant, TENANT_STREAMS, 1);
	s->rules = permission_generation(c->fs);
	pthread_mutex_lock(&c->fs->streams->lock);
	s->id = ++c->fs->streams->next_id;
	s->next = c->fs->streams->all;
	s->prev = &c->fs->streams->all;
	if (s->next)
		s->next->prev = &s->next;
	c->fs->streams->all = s;
	pthread_mutex_unlock(&c->fs->streams->lock);
	return s;
}

/* -- the thread -- */

/* Where a parked read goes on. Others may have read, or seeked, meanwhile. */
static off_t place_of_parked(const struct stream *s, const struct parked *p)
{
	off_t end = s->base + (off_t)s->pending.len;

	if (!s->ops->rewind)
		return s->read_to;
	return p->off < s->base ? s->base : p->off > end ? end : p->off;
}

/* Answer one parked read: first take the interrupt's hand off the request. */
static void unpark(struct stream *s, struct parked *p, int error)
{
	fuse_req_interrupt_func(p->req, NULL, NULL);
	if (error)
		fuse_reply_err(p->req, error);
	else
		answer_read(s, p->req, p->size, place_of_parked(s, p));
	free(p);
}

static void serve(struct stream *s, int stopping)
{
	struct parked **at = &s->parked;
	struct fuse_pollhandle *poll = NULL;

	pthread_mutex_lock(&s->h.lock);
	if (s->ops->woken)
		s->ops->woken(s, stopping);
	while (*at) {
		struct parked *p = *at;
		int error = stopping ? ENODEV : fuse_req_interrupted(p->req) ? EINTR : 0;

		if (!error && !has_data(s, place_of_parked(s, p))) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		unpark(s, p, error);
	}
	if (s->poll && (stopping || has_data(s, s->read_to)))
		poll = STEAL(s->poll);
	pthread_mutex_unlock(&s->h.lock);
	if (poll) {
		fuse_lowlevel_notify_poll(poll);
		fuse_pollhandle_destroy(poll);
	}
}

/* The next stream to look at; the caller has its reference. */
static struct stream *next_awake(struct streams *all, int *stopping)
{
	struct stream *s;

	pthread_mutex_lock(&all->lock);
	s = all->awake;
	if (s) {
		all->awake = s->next_awake;
		if (!all->awake)
			all->awake_end = &all->awake;
		s->awake = 0;
	}
	*stopping = all->stopping;
	pthread_mutex_unlock(&all->lock);
	return s;
}

static int serve_awake(struct streams *all)
{
	int stopping;
	struct stream *s;

	while ((s = next_awake(all, &stopping))) {
		serve(s, stopping);
		handle_unref(&s->h);
	}
	return stopping;
}

static void call_source(const struct source *source)
{
	source->fn(source->arg);
}

static void *run(void *arg)
{
	struct streams *all = arg;
	struct epoll_event events[64];
	int stopping = 0;

	while (!stopping) {
		int n = epoll_wait(all->epoll, events, ARRAY_LEN(events), -1);

		for (int i = 0; i < n; i++) {
			uint64_t count;

			if (events[i].data.u64 & 1)
				wake_id(all, events[i].data.u64 >> 1);
			else if (events[i].data.u64)
				call_source(events[i].data.ptr);
			else if (read(all->event, &count, sizeof(count)) < 0)
				continue;
		}
		stopping = serve_awake(all);
	}
	return NULL;
}

struct streams *streams_new(struct fs *fs)
{
	struct streams *all = xcalloc(1, sizeof(*all));
	struct epoll_event ev = {.events = EPOLLIN, .data = {.u64 = 0}};

	all->fs = fs;
	all->awake_end = &all->awake;
	pthread_mutex_init(&all->lock, NULL);
	all->epoll = epoll_create1(EPOLL_CLOEXEC);
	all->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	epoll_ctl(all->epoll, EPOLL_CTL_ADD, all->event, &ev);
	pthread_create(&all->thread, NULL, run, all);
	return all;
}

void streams_stop(struct streams *all)
{
	int was;

	pthread_mutex_lock(&all->lock);
	was = all->stopping;
	all->stopping = 1;
	pthread_mutex_unlock(&all->lock);
	streams_wake_all(all);
	signal_thread(all);
	if (!was)
		pthread_join(all->thread, NULL);
}

void streams_free(struct streams *all)
{
	if (!all)
		return;
	streams_stop(all);
	close(all->epoll);
	close(all->event);
	for (struct source *next; all->sources; all->sources = next) {
		next = all->sources->next;
		free(all->sources);
	}
	pthread_mutex_destroy(&all->lock);
	free(all);
}

int streams_add_fd(struct streams *all, int fd, unsigned events, struct stream *s)
{
	struct epoll_event ev = {.events = events, .data = {.u64 = stream_mark(s)}};

	return epoll_ctl(all->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

void streams_add_source(struct streams *all, int fd, void (*fn)(void *arg), void *arg)
{
	struct source *source = xcalloc(1, sizeof(*source));
	struct epoll_event ev = {.events = EPOLLIN, .data = {.ptr = source}};

	*source = (struct source){all->sources, fn, arg};
	all->sources = source;
	epoll_ctl(all->epoll, EPOLL_CTL_ADD, fd, &ev);
}

void streams_del_fd(struct streams *all, int fd)
{
	epoll_ctl(all->epoll, EPOLL_CTL_DEL, fd, NULL);
}
