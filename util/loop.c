/* SPDX-License-Identifier: MIT */
/* The event loop: libuv with a posting queue. */
#include "util/loop.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>
#include <uv.h>

struct post {
	struct post *next;
	loop_fn fn;
	void *arg;
};

struct loop {
	uv_loop_t uv;
	uv_async_t wake;
	pthread_mutex_t lock;
	struct post *first, **last; /* lock */
	int stopping;               /* lock */
	pthread_t thread;
	_Atomic int running;
};

struct loop_timer {
	uv_timer_t uv;
	loop_fn fn;
	void *arg;
};

struct loop_fd {
	uv_poll_t uv;
	loop_fn fn;
	void *arg;
};

static void run_posts(struct loop *l)
{
	struct post *p, *next;

	pthread_mutex_lock(&l->lock);
	p = l->first;
	l->first = NULL;
	l->last = &l->first;
	pthread_mutex_unlock(&l->lock);
	for (; p; p = next) {
		next = p->next;
		p->fn(p->arg);
		free(p);
	}
}

static void on_wake(uv_async_t *wake)
{
	struct loop *l = wake->data;
	int stopping;

	run_posts(l);
	pthread_mutex_lock(&l->lock);
	stopping = l->stopping;
	pthread_mutex_unlock(&l->lock);
	if (stopping)
		uv_stop(&l->uv);
}

struct loop *loop_new(struct err *err)
{
	struct loop *l = xcalloc(1, sizeof(*l));
	int rc = uv_loop_init(&l->uv);

	if (rc == 0)
		rc = uv_async_init(&l->uv, &l->wake, on_wake);
	if (rc) {
		free(l);
		err_set(err, -rc, "event loop: %s", uv_strerror(rc));
		return NULL;
	}
	l->wake.data = l;
	l->last = &l->first;
	pthread_mutex_init(&l->lock, NULL);
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	while (l->first)
		run_posts(l);
	uv_close((uv_handle_t *)&l->wake, NULL);
	uv_run(&l->uv, UV_RUN_NOWAIT);
	uv_loop_close(&l->uv);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

void loop_run(struct loop *l)
{
	l->thread = pthread_self();
	l->running = 1;
	uv_run(&l->uv, UV_RUN_DEFAULT);
	l->running = 0;
}

void loop_stop(struct loop *l)
{
	pthread_mutex_lock(&l->lock);
	l->stopping = 1;
	pthread_mutex_unlock(&l->lock);
	uv_async_send(&l->wake);
}

void loop_post(struct loop *l, loop_fn fn, void *arg)
{
	struct post *p = xmalloc(sizeof(*p));

	*p = (struct post){NULL, fn, arg};
	pthread_mutex_lock(&l->lock);
	*l->last = p;
	l->last = &p->next;
	pthread_mutex_unlock(&l->lock);
	uv_async_send(&l->wake);
}

int loop_here(const struct loop *l)
{
	return l->running && pthread_equal(l->thread, pthread_self());
}

static void on_timer(uv_timer_t *uv)
{
	struct loop_timer *t = CONTAINER_OF(uv, struct loop_timer, uv);

	t->fn(t->arg);
}

struct loop_timer *loop_timer_new(struct loop *l, loop_fn fn, void *arg)
{
	struct loop_timer *t = xcalloc(1, sizeof(*t));

	uv_timer_init(&l->uv, &t->uv);
	t->fn = fn;
	t->arg = arg;
	return t;
}

void loop_timer_arm(struct loop_timer *t, uint64_t delay_ms)
{
	uv_update_time(t->uv.loop);
	uv_timer_start(&t->uv, on_timer, delay_ms, 0);
}

void loop_timer_cancel(struct loop_timer *t)
{
	uv_timer_stop(&t->uv);
}

static void timer_closed(uv_handle_t *h)
{
	free(CONTAINER_OF((uv_timer_t *)h, struct loop_timer, uv));
}

void loop_timer_free(struct loop_timer *t)
{
	if (t)
		uv_close((uv_handle_t *)&t->uv, timer_closed);
}

static void on_fd(uv_poll_t *uv, int status, int events)
{
	struct loop_fd *f = CONTAINER_OF(uv, struct loop_fd, uv);

	(void)status;
	(void)events;
	f->fn(f->arg);
}

struct loop_fd *loop_fd_new(struct loop *l, int fd, loop_fn fn, void *arg)
{
	struct loop_fd *f = xcalloc(1, sizeof(*f));

	f->fn = fn;
	f->arg = arg;
	if (uv_poll_init(&l->uv, &f->uv, fd)) {
		free(f);
		return NULL;
	}
	uv_poll_start(&f->uv, UV_READABLE | UV_DISCONNECT, on_fd);
	return f;
}

void loop_fd_want_write(struct loop_fd *f, int on)
{
	uv_poll_start(&f->uv, UV_READABLE | UV_DISCONNECT | (on ? UV_WRITABLE : 0), on_fd);
}

static void fd_closed(uv_handle_t *h)
{
	free(CONTAINER_OF((uv_poll_t *)h, struct loop_fd, uv));
}

void loop_fd_free(struct loop_fd *f)
{
	if (f)
		uv_close((uv_handle_t *)&f->uv, fd_closed);
}

uint64_t loop_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

struct timespec loop_time_after(uint64_t ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_nsec += (long)(ms % 1000) * 1000000;
	ts.tv_sec += (time_t)(ms / 1000) + ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	return ts;
}
