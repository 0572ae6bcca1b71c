/* SPDX-License-Identifier: MIT */
/* See workers.h. */
#include "fs/workers.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "util/log.h"
#include "util/podids.h"

#define WORKERS_MIN  4
#define WORKERS_MAX  8
#define WAKE_SIGNAL  SIGURG      /* ignored by default; its handler only interrupts a wait */
#define QUEUES_BYTES (64u << 20) /* in all queues: beyond, nobody is put off */

/* A request that waits: the bytes as the kernel gave them. */
struct job {
	struct job *next;
	struct fuse_buf buf;
	uint64_t bytes[]; /* aligned as the library reads them */
};

/* One who has requests under way. */
struct user {
	struct user *next;
	unsigned uid; /* the first one of a pod's */
	unsigned n_running;
	struct job *first, **end; /* waiting */
};

struct workers {
	struct fuse_session *session;
	int n, share;
	pthread_t threads[WORKERS_MAX];
	pthread_mutex_t lock;
	int running;        /* lock: threads are there to be woken */
	struct user *users; /* lock: whose turn is next first */
	struct user *spare; /* lock: to be used again */
	size_t n_bytes;     /* lock: in queues */
	_Atomic size_t n_waiting;
	_Atomic unsigned n_running; /* of all users */
	_Atomic uint64_t n_put_off;
};

struct workers *workers_new(struct fuse_session *session)
{
	struct workers *w = xcalloc(1, sizeof(*w));
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	w->session = session;
	w->n = processors * 2 < WORKERS_MIN   ? WORKERS_MIN
	       : processors * 2 > WORKERS_MAX ? WORKERS_MAX
					      : (int)processors * 2;
	w->share = w->n / 2;
	pthread_mutex_init(&w->lock, NULL);
	return w;
}

static void users_free(struct user *list)
{
	for (struct user *next; list; list = next) {
		next = list->next;
		for (struct job *j = list->first, *after; j; j = after) {
			after = j->next;
			free(j);
		}
		free(list);
	}
}

void workers_free(struct workers *w)
{
	if (!w)
		return;
	users_free(w->users);
	users_free(w->spare);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

uint64_t workers_put_off(const struct workers *w)
{
	return w->n_put_off;
}

/* -- whose turn it is; with the lock -- */

static struct user *user_of(struct workers *w, unsigned uid)
{
	struct user **at = &w->users, *u;

	for (; *at; at = &(*at)->next)
		if ((*at)->uid == uid)
			return *at;
	u = w->spare ? w->spare : xcalloc(1, sizeof(*u));
	if (w->spare)
		w->spare = u->next;
	*u = (struct user){.uid = uid};
	u->end = &u->first;
	*at = u;
	return u;
}

static void drop_if_idle(struct workers *w, struct user *u)
{
	struct user **at = &w->users;

	if (u->n_running || u->first)
		return;
	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
	u->next = w->spare;
	w->spare = u;
}

static void move_to_end(struct workers *w, struct user **at)
{
	struct user *u = *at;

	*at = u->next;
	u->next = NULL;
	while (*at)
		at = &(*at)->next;
	*at = u;
}

static void enqueue(struct workers *w, struct user *u, const struct fuse_buf *buf)
{
	struct job *j = xmalloc(sizeof(*j) + buf->size);

	j->next = NULL;
	j->buf = *buf;
	j->buf.mem = j->bytes;
	memcpy(j->bytes, buf->mem, buf->size);
	*u->end = j;
	u->end = &j->next;
	w->n_bytes += buf->size;
	w->n_waiting++;
	w->n_put_off++;
}

/* -- a request's way -- */

/* Return: its user, who has one more running; NULL: it waits, and buf may be used again. */
static struct user *admit(struct workers *w, unsigned uid, const struct fuse_buf *buf)
{
	struct user *u;

	pthread_mutex_lock(&w->lock);
	u = user_of(w, pod_id_base(uid));
	if ((u->n_running < (unsigned)w->share && !u->first) || w->n_bytes >= QUEUES_BYTES) {
		u->n_running++;
		w->n_running++;
	} else {
		enqueue(w, u, buf);
		u = NULL;
	}
	pthread_mutex_unlock(&w->lock);
	return u;
}

/* The next one that waits and may run; NULL: none. */
static struct job *take(struct workers *w, struct user **user_out)
{
	struct job *j = NULL;

	pthread_mutex_lock(&w->lock);
	for (struct user **at = &w->users; *at && !j; at = &(*at)->next) {
		struct user *u = *at;

		if (!u->first || u->n_running >= (unsigned)w->share)
			continue;
		j = u->first;
		u->first = j->next;
		if (!u->first)
			u->end = &u->first;
		u->n_running++;
		w->n_running++;
		w->n_bytes -= j->buf.size;
		w->n_waiting--;
		*user_out = u;
		move_to_end(w, at);
		break;
	}
	pthread_mutex_unlock(&w->lock);
	return j;
}

static void finish(struct workers *w, struct user *u)
{
	pthread_mutex_lock(&w->lock);
	u->n_running--;
	w->n_running--;
	drop_if_idle(w, u);
	pthread_mutex_unlock(&w->lock);
}

static int serve_waiting(struct workers *w)
{
	struct user *u = NULL;
	struct job *j = take(w, &u);

	if (!j)
		return 0;
	fuse_session_process_buf(w->session, &j->buf);
	free(j);
	finish(w, u);
	return 1;
}

/* Return: 0 at the session's end. */
static int serve_next(struct workers *w, struct fuse_buf *buf)
{
	int n = fuse_session_receive_buf(w->session, buf);
	const struct fuse_in_header *head = buf->mem;
	struct user *u;

	if (n == -EINTR || n == -EAGAIN)
		return 1;
	if (n <= 0)
		return 0;
	if ((size_t)n < sizeof(*head) || head->uid == 0) {
		fuse_session_process_buf(w->session, buf);
		return 1;
	}
	u = admit(w, head->uid, buf);
	if (!u)
		return 1;
	fuse_session_process_buf(w->session, buf);
	finish(w, u);
	return 1;
}

static int kernel_has_more(const struct workers *w)
{
	struct pollfd p = {.fd = fuse_session_fd(w->session), .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

/*
 * While somebody waits, the kernel's queue and ours take turns. Whoever reads the kernel's may be
 * left waiting there (another thread was faster), so the last one that answered somebody sees to
 * ours first: one who waits never waits for a further request to come.
 */
static int our_turn(const struct workers *w, int ours)
{
	return w->n_waiting && (ours || !w->n_running || !kernel_has_more(w));
}

static void *work(void *arg)
{
	struct workers *w = arg;
	struct fuse_buf buf = {0};
	int ours = 0;

	while (!fuse_session_exited(w->session)) {
		ours = !ours;
		if (our_turn(w, ours) && serve_waiting(w))
			continue;
		if (!serve_next(w, &buf))
			break;
	}
	free(buf.mem);
	return NULL;
}

/* -- start and end -- */

static void on_wake_signal(int number)
{
	(void)number;
}

int workers_joined(pthread_t thread)
{
	struct timespec soon;

	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_nsec += 20 * 1000 * 1000;
	if (soon.tv_nsec >= 1000000000) {
		soon.tv_sec++;
		soon.tv_nsec -= 1000000000;
	}
	return pthread_timedjoin_np(thread, NULL, &soon) == 0;
}

void workers_run(struct workers *w)
{
	struct sigaction wake = {.sa_handler = on_wake_signal}; /* no SA_RESTART: waits end */
	int n = 1;

	sigaction(WAKE_SIGNAL, &wake, NULL);
	w->threads[0] = pthread_self();
	for (; n < w->n; n++) {
		int rc = pthread_create(&w->threads[n], NULL, work, w);

		if (rc) {
			log_warn("%d threads answer, not %d: %s", n, w->n, strerror(rc));
			break;
		}
	}
	pthread_mutex_lock(&w->lock);
	w->running = n;
	pthread_mutex_unlock(&w->lock);
	work(w);
	fuse_session_exit(w->session);
	pthread_mutex_lock(&w->lock);
	w->running = 0;
	pthread_mutex_unlock(&w->lock);
	for (int i = 1; i < n; i++) {
		/* it may be between its look at the end and its wait */
		do {
			pthread_kill(w->threads[i], WAKE_SIGNAL);
		} while (!workers_joined(w->threads[i]));
	}
}

void workers_end(struct workers *w)
{
	fuse_session_exit(w->session);
	pthread_mutex_lock(&w->lock);
	if (w->running)
		pthread_kill(w->threads[0], WAKE_SIGNAL);
	pthread_mutex_unlock(&w->lock);
}
