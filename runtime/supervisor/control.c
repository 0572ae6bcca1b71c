/* SPDX-License-Identifier: MIT */
/*
 * The daemon's side of the supervisor. One connection is the daemon's; it may
 * break at any time, and a new daemon says HELLO on a new one and hears the
 * state of everything. Nothing here waits for the daemon: what it does not take
 * now is sent when it can.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/supervisor/pod.h"
#include "util/fd.h"

struct client { /* connected, has not said what it wants */
	struct watch watch;
};

static struct codec decoder(const struct wire_msg *m)
{
	const unsigned char *data = (const unsigned char *)m->payload.data;

	return (struct codec){.at = data, .end = data + m->payload.len};
}

static int send_now(uint32_t type, const struct buf *payload, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT, .data.ptr = &pod.control};
	int rc;

	if (pod.control.fd < 0)
		return -EPIPE;
	rc = wire_send(pod.control.fd, type, payload, &fd, fd >= 0 ? 1 : 0, MSG_DONTWAIT);
	if (rc == -EAGAIN) {
		pod.control_blocked = 1;
		epoll_ctl(pod.epoll, EPOLL_CTL_MOD, pod.control.fd, &ev);
	} else if (rc < 0) {
		watch_close(&pod.control);
	}
	return rc;
}

static void put_time(struct codec *out, const struct timespec *t)
{
	uint64_t sec = (uint64_t)t->tv_sec, nsec = (uint64_t)t->tv_nsec;

	codec_u64(out, &sec);
	codec_u64(out, &nsec);
}

static int send_state(struct container *c, uint32_t type)
{
	CLEANUP(buf_fini) struct buf payload = BUF_INIT;
	struct codec out = {.out = &payload};

	codec_str(&out, &c->spec.name);
	codec_str(&out, &c->spec.id);
	put_time(&out, &c->started);
	put_time(&out, &c->ended);
	codec_int(&out, &c->exit_code);
	codec_int(&out, &c->signal);
	codec_int(&out, &c->oom_killed);
	codec_str(&out, &c->message);
	codec_str(&out, &c->cgroup);
	return send_now(type, &payload, type == WIRE_STARTED ? c->pidfd : -1);
}

static int is_starting(void)
{
	for (const struct container *c = pod.containers; c; c = c->next)
		if (c->state == CONTAINER_STARTING)
			return 1;
	return 0;
}

void control_flush(void)
{
	if (pod.control_blocked)
		return;
	for (struct container *c = pod.containers; c; c = c->next) {
		if ((c->unsent & UNSENT_STARTED) && send_state(c, WIRE_STARTED) < 0)
			return;
		c->unsent &= ~(unsigned)UNSENT_STARTED;
		if ((c->unsent & UNSENT_ENDED) &&
		    send_state(c, c->start_failed ? WIRE_START_FAILED : WIRE_EXITED) < 0)
			return;
		c->unsent &= ~(unsigned)UNSENT_ENDED;
	}
	/* What is being started was asked for by the last daemon: its outcome is part of it. */
	if (pod.replaying && !is_starting() && send_now(WIRE_REPLAYED, NULL, -1) == 0)
		pod.replaying = 0;
}

void control_failed(const struct err *err)
{
	CLEANUP(buf_fini) struct buf payload = BUF_INIT;
	struct codec out = {.out = &payload};
	char *text = (char *)(uintptr_t)err->msg;

	codec_str(&out, &text);
	(void)send_now(WIRE_FAILED, &payload, -1);
}

void control_ready(void)
{
	(void)send_now(WIRE_READY, NULL, pod.net_ns);
}

void control_exec_done(struct exec *e, int code, const char *message)
{
	CLEANUP(buf_fini) struct buf payload = BUF_INIT;
	struct codec out = {.out = &payload};
	char *text = (char *)(uintptr_t)message;
	int pidfd = -1, fds[2];

	if (e->reply < 0)
		return;
	codec_int(&out, &code);
	codec_str(&out, &text);
	if (code == 0)
		pidfd = (int)syscall(SYS_pidfd_open, e->pid, 0);
	fds[0] = pidfd;
	fds[1] = e->terminal;
	(void)!wire_send(e->reply, WIRE_EXEC_DONE, &payload, fds,
			 pidfd < 0          ? 0
			 : e->terminal >= 0 ? 2
					    : 1,
			 MSG_DONTWAIT);
	fd_close_at(&pidfd);
	fd_close_at(&e->reply);
	fd_close_at(&e->terminal);
}

/* -- commands -- */

static void on_pod(struct wire_msg *m)
{
	struct codec in = decoder(m);
	struct err err = ERR_INIT;
	CLEANUP_FREE char *root = NULL, *hierarchies = NULL;

	if (pod.spec.uid)
		return;
	codec_sandbox(&in, &pod.spec);
	codec_str(&in, &root);
	codec_str(&in, &hierarchies);
	if (in.bad || !name_is_safe(pod.spec.uid) || !root || !hierarchies)
		err_set(&err, EBADMSG, "damaged sandbox_spec");
	else if (pod_make(root, hierarchies, &err) < 0 && !err.code)
		err_set(&err, EIO, "the pod could not be made");
	if (!err.code) {
		control_ready();
		return;
	}
	control_failed(&err);
	pod_destroy();
}

/* A container that does not even come to be. */
static void refuse(const struct container_spec *spec, const struct err *err)
{
	struct container c = {
		.spec = *spec, .exit_code = 128, .message = (char *)(uintptr_t)err->msg};

	clock_gettime(CLOCK_REALTIME, &c.ended);
	(void)send_state(&c, WIRE_START_FAILED);
}

static void on_start(struct wire_msg *m)
{
	struct codec in = decoder(m);
	struct container_spec spec = {0};
	struct container *c;
	struct err err = ERR_INIT;

	codec_container(&in, &spec);
	if (in.bad || pod.destroying || !pod.cgroup) {
		container_spec_fini(&spec);
		return;
	}
	c = container_new(&spec, wire_take_fd(m, 0), &err);
	if (!c && spec.name && spec.id)
		refuse(&spec, &err);
	container_spec_fini(&spec);
	if (c && container_start(c, &err) < 0)
		container_start_failed(c, 128, err.msg);
}

static void on_stop(struct wire_msg *m)
{
	struct codec in = decoder(m);
	CLEANUP_FREE char *name = NULL;
	struct container *c;
	uint64_t grace_ms;

	codec_str(&in, &name);
	codec_u64(&in, &grace_ms);
	c = in.bad ? NULL : container_find(name);
	if (c)
		container_stop(c, grace_ms);
}

static void on_hello(void)
{
	CLEANUP(buf_fini) struct buf payload = BUF_INIT;
	struct codec out = {.out = &payload};
	uint32_t version = WIRE_VERSION;

	codec_u32(&out, &version);
	codec_sandbox(&out, &pod.spec);
	if (send_now(WIRE_POD_IS, &payload, -1) < 0)
		return;
	control_ready();
	for (struct container *c = pod.containers; c; c = c->next) {
		c->unsent = c->state == CONTAINER_STARTING ? 0
			    : c->start_failed              ? UNSENT_ENDED
							   : UNSENT_STARTED;
		c->unsent |= c->state == CONTAINER_ENDED ? UNSENT_ENDED : 0;
	}
	pod.replaying = 1;
	control_flush();
}

static void handle(struct wire_msg *m)
{
	switch (m->type) {
	case WIRE_POD:
		on_pod(m);
		return;
	case WIRE_START:
		on_start(m);
		return;
	case WIRE_STOP:
		on_stop(m);
		return;
	case WIRE_DESTROY:
		pod_destroy();
		return;
	default:
		return;
	}
}

/* The daemon takes packets again. */
static void unblock(void)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &pod.control};

	pod.control_blocked = 0;
	epoll_ctl(pod.epoll, EPOLL_CTL_MOD, pod.control.fd, &ev);
	control_flush();
}

void control_packet(struct watch *w, uint32_t events)
{
	struct wire_msg m = WIRE_MSG_INIT;
	int rc;

	if (events & EPOLLOUT)
		unblock();
	if (w->fd < 0 || !(events & ~(uint32_t)EPOLLOUT))
		return;
	rc = wire_recv(w->fd, &m, MSG_DONTWAIT);
	if (rc == 0)
		handle(&m);
	wire_msg_fini(&m);
	if (rc < 0 && rc != -EAGAIN && w->fd >= 0) {
		watch_close(w);
		/* Never told what it is for: nobody will come back for it. */
		if (!pod.spec.uid)
			_exit(1);
	}
}

/* -- connections -- */

static void take_over(int fd)
{
	watch_close(&pod.control);
	pod.control_blocked = pod.replaying = 0;
	watch_add(&pod.control, fd, control_packet);
	on_hello();
}

static void client_packet(struct watch *w, uint32_t events)
{
	struct client *client = CONTAINER_OF(w, struct client, watch);
	struct wire_msg m = WIRE_MSG_INIT;
	int rc = wire_recv(w->fd, &m, MSG_DONTWAIT), fd;

	(void)events;
	if (rc == -EAGAIN)
		return;
	fd = rc == 0 ? dup_cloexec(w->fd) : -1;
	watch_close(w);
	free(client);
	if (fd >= 0 && m.type == WIRE_HELLO)
		take_over(fd);
	else if (fd >= 0 && m.type == WIRE_EXEC)
		exec_start(fd, &m);
	else if (fd >= 0)
		close(fd);
	wire_msg_fini(&m);
}

static void on_connect(struct watch *w, uint32_t events)
{
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC);
	struct client *client;

	(void)events;
	if (fd < 0)
		return;
	client = xcalloc(1, sizeof(*client));
	if (watch_add(&client->watch, fd, client_packet) < 0)
		free(client);
}

int control_listen(struct err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = "ctl"};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	/* Relative: our working directory is <run>/pods/<uid>, whose name may be longer than
	 * sun_path. */
	unlink(addr.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 64) < 0) {
		int code = errno;

		fd_close_at(&fd);
		return err_sys(err, code, "control socket");
	}
	return watch_add(&pod.listener, fd, on_connect);
}
