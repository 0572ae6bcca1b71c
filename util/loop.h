/* SPDX-License-Identifier: MIT */
/*
 * The event loop (libuv) that controllers, the node agent and the network run
 * on: one thread, no polling. It sleeps until a descriptor, a timer or a post
 * from another thread wakes it.
 *
 * Locking: loop_post() and the clock from any thread; everything else on the loop's thread
 * (or before loop_run()).
 */
#pragma once

#include <time.h>

#include "util/err.h"

struct loop;
struct loop_timer;
struct loop_fd;
typedef void (*loop_fn)(void *arg);

struct loop *loop_new(struct err *err) MUST_CHECK;
/* Runs what was posted but not yet run, then frees. Timers and fds must be gone. */
void loop_free(struct loop *l);
/* Until loop_stop(). */
void loop_run(struct loop *l);
/* Any thread. */
void loop_stop(struct loop *l);
/* Any thread: run fn(arg) on the loop, in order of posting. Never blocks. */
void loop_post(struct loop *l, loop_fn fn, void *arg);
/* True on the thread that runs the loop. */
int loop_here(const struct loop *l);

/* A timer, not armed yet. */
struct loop_timer *loop_timer_new(struct loop *l, loop_fn fn, void *arg);
/* Fire once, delay_ms from now; an armed timer is moved. */
void loop_timer_arm(struct loop_timer *t, uint64_t delay_ms);
void loop_timer_cancel(struct loop_timer *t);
void loop_timer_free(struct loop_timer *t);

/* Call fn whenever fd is readable (or closed by the peer). The caller owns fd and closes it after.
 */
struct loop_fd *loop_fd_new(struct loop *l, int fd, loop_fn fn, void *arg);
/* Also when writable / not any more. */
void loop_fd_want_write(struct loop_fd *f, int on);
void loop_fd_free(struct loop_fd *f);

/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t loop_now_ms(void);
/* The moment so many milliseconds from now, for the pthread_cond_timedwait of a condition with that
 * clock. */
struct timespec loop_time_after(uint64_t ms);
