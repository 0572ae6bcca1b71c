/* SPDX-License-Identifier: MIT */
/* A container while it runs: what it writes, how it is stopped, and its end. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/supervisor/stage.h"
#include "util/fd.h"

#define READ_SIZE    16384
#define MAX_GRACE_MS (365ull * 24 * 3600 * 1000)

struct container *container_find(const char *name)
{
	struct container *c = pod.containers;

	while (c && !str_eq(c->spec.name, name))
		c = c->next;
	return c;
}

int name_is_safe(const char *s)
{
	return s && *s && *s != '.' && !strchr(s, '/') && strlen(s) < 128;
}

/* The last run of a container goes away when the next one starts. */
static int forget_last_run(const char *name, struct err *err)
{
	struct container **at = &pod.containers, *c;

	while (*at && !str_eq((*at)->spec.name, name))
		at = &(*at)->next;
	c = *at;
	if (!c)
		return 0;
	if (c->state != CONTAINER_ENDED || c->pid > 0)
		return err_set(err, EBUSY, "container %s runs already", name);
	*at = c->next;
	container_free(c);
	return 0;
}

struct container *container_new(struct container_spec *spec, int seccomp_fd, struct err *err)
{
	CLEANUP_FD int seccomp = seccomp_fd;
	struct container *c;

	if (!name_is_safe(spec->name) || !name_is_safe(spec->id) || !spec->upper ||
	    !spec->log_path) {
		err_set(err, EINVAL, "container: expected name, id, upper and log_path");
		return NULL;
	}
	if (forget_last_run(spec->name, err) < 0)
		return NULL;
	c = xcalloc(1, sizeof(*c));
	c->spec = *spec;
	*spec = (struct container_spec){0};
	c->seccomp = fd_steal(&seccomp);
	c->pidfd = c->stdin_write = c->out.fd = c->err.fd = c->setup.fd = c->log.fd = -1;
	c->next = pod.containers;
	pod.containers = c;
	return c;
}

static void close_streams(struct container *c)
{
	watch_close(&c->out);
	watch_close(&c->err);
	watch_close(&c->setup);
	fd_close_at(&c->stdin_write);
	crilog_close(&c->log);
}

void container_free(struct container *c)
{
	exec_forget_container(c);
	close_streams(c);
	fd_close_at(&c->pidfd);
	fd_close_at(&c->seccomp);
	if (c->cgroup)
		(void)cgroup_remove(pod.cgroups, c->cgroup);
	free(c->cgroup);
	free(c->message);
	container_spec_fini(&c->spec);
	free(c);
}

/* -- streams -- */

/* Return: is there more to come? */
static int read_stream(struct container *c, struct watch *w)
{
	char data[READ_SIZE];
	struct timespec now;
	ssize_t n = read(w->fd, data, sizeof(data));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return errno == EINTR;
	if (n <= 0) { /* a terminal that nobody has open: EIO */
		watch_close(w);
		return 0;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	crilog_add(&c->log, w == &c->err ? "stderr" : "stdout", data, (size_t)n, &now);
	return 1;
}

static struct container *container_of_stream(struct watch *w)
{
	struct container *c = pod.containers;

	while (c && w != &c->out && w != &c->err)
		c = c->next;
	return c;
}

void container_stream_event(struct watch *w, uint32_t events)
{
	struct container *c = container_of_stream(w);

	(void)events;
	if (c)
		(void)read_stream(c, w);
}

/* At the end of the processes: what is still in the pipes. */
static void drain(struct container *c, struct watch *w)
{
	if (w->fd < 0)
		return;
	(void)fcntl(w->fd, F_SETFL, O_NONBLOCK);
	while (w->fd >= 0 && read_stream(c, w))
		;
}

/* -- from its start -- */

static void tell_failure(struct container *c)
{
	c->unsent = UNSENT_ENDED;
	control_flush();
	state_save_exit(c);
}

void container_start_failed(struct container *c, int code, const char *message)
{
	clock_gettime(CLOCK_REALTIME, &c->ended);
	c->state = CONTAINER_ENDED;
	c->start_failed = 1;
	c->exit_code = code;
	free(c->message);
	c->message = xasprintf("unable to start container process: %s", message);
	/* Its process, if there is one, is about to exit: then the container can be started again.
	 */
	if (c->pid > 0)
		return;
	close_streams(c);
	tell_failure(c);
}

static void executes(struct container *c)
{
	c->state = CONTAINER_RUNNING;
	clock_gettime(CLOCK_REALTIME, &c->started);
	c->unsent |= UNSENT_STARTED;
	control_flush();
}

/* Return: 1 for a message, 0 for none now, -1 at the end. The descriptor is the caller's. */
static int setup_receive(int sock, struct setup_msg *msg, int *fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {msg, sizeof(*msg)};
	struct msghdr packet = {.msg_iov = &iov,
				.msg_iovlen = 1,
				.msg_control = &control,
				.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(sock, &packet, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	struct cmsghdr *c;

	*fd = -1;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n != sizeof(*msg))
		return -1;
	msg->text[sizeof(msg->text) - 1] = '\0';
	c = CMSG_FIRSTHDR(&packet);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return 1;
}

int setup_next(struct watch *w, struct setup_msg *msg, int *fd)
{
	int rc = setup_receive(w->fd, msg, fd);

	if (rc < 0)
		watch_close(w);
	return rc;
}

void container_setup_event(struct watch *w, uint32_t events)
{
	struct container *c = CONTAINER_OF(w, struct container, setup);
	struct setup_msg msg;
	int fd, rc;

	(void)events;
	while ((rc = setup_next(w, &msg, &fd)) > 0) {
		if (msg.kind == SETUP_TERMINAL && fd >= 0 && c->out.fd < 0)
			watch_add(&c->out, fd_steal(&fd), container_stream_event);
		else if (msg.kind == SETUP_EXECUTES)
			c->announced = 1;
		else if (msg.kind == SETUP_FAILED)
			container_start_failed(c, msg.code, msg.text);
		fd_close_at(&fd);
	}
	if (rc == 0 || c->start_failed)
		return;
	if (c->announced)
		executes(c);
	else
		container_start_failed(
			c, 128, "the container's first process was killed while it was set up");
}

/* -- to its end -- */

/* Its processes are not in a pid namespace of their own, which would end them with the first one.
 */
static int shares_pids(void)
{
	return pod.pause || pod.spec.host_pid;
}

void container_kill(struct container *c)
{
	if (c->pid <= 0)
		return;
	(void)syscall(SYS_pidfd_send_signal, c->pidfd, SIGKILL, NULL, 0);
	if (shares_pids())
		(void)cgroup_kill(pod.cgroups, c->cgroup);
}

void container_stop(struct container *c, uint64_t grace_ms)
{
	/* No grace is longer than a year, and none overflows. */
	int64_t at = now_ms() + (int64_t)(grace_ms < MAX_GRACE_MS ? grace_ms : MAX_GRACE_MS);

	if (c->pid <= 0)
		return;
	if (grace_ms == 0 || c->state == CONTAINER_STARTING) {
		container_kill(c);
		return;
	}
	(void)syscall(SYS_pidfd_send_signal, c->pidfd,
		      c->spec.stop_signal ? c->spec.stop_signal : SIGTERM, NULL, 0);
	/* A second stop may shorten the time, never lengthen it. */
	if (!c->kill_at_ms || at < c->kill_at_ms)
		c->kill_at_ms = at;
	timers_update();
}

static void take_status(struct container *c, int status)
{
	struct container_stats stats;

	c->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	c->exit_code = c->signal ? 128 + c->signal : WEXITSTATUS(status);
	c->oom_killed = c->exit_code && cgroup_stats(pod.cgroups, c->cgroup, &stats) == 0 &&
			stats.oom_kills > 0;
}

void container_reaped(struct container *c, int status)
{
	if (c->setup.fd >= 0)
		container_setup_event(&c->setup, 0);
	if (shares_pids())
		(void)cgroup_kill(pod.cgroups, c->cgroup);
	drain(c, &c->out);
	drain(c, &c->err);
	c->pid = 0;
	c->kill_at_ms = 0;
	if (c->start_failed) {
		tell_failure(c);
	} else {
		clock_gettime(CLOCK_REALTIME, &c->ended);
		take_status(c, status);
		c->state = CONTAINER_ENDED;
		c->message = state_termination_message(c);
		c->unsent |= UNSENT_ENDED;
		control_flush();
		state_save_exit(c); /* after: it waits for the disk */
	}
	close_streams(c);
	fd_close_at(&c->pidfd);
	/* Busy while killed processes of a shared pid namespace go: then with the next start or the
	 * pod. */
	(void)cgroup_remove(pod.cgroups, c->cgroup);
	timers_update();
	pod_check_destroyed();
}

/* -- the pod's end -- */

void pod_destroy(void)
{
	pod.destroying = 1;
	for (struct container *c = pod.containers; c; c = c->next)
		container_kill(c);
	pod_check_destroyed();
}

/* Killed processes leave their cgroup a moment after they were reaped. */
static void remove_cgroups(void)
{
	const struct timespec moment = {0, 1000000};

	if (!pod.cgroups || !pod.cgroup)
		return;
	for (int round = 0; round < 200 && cgroup_remove(pod.cgroups, pod.cgroup) == -EBUSY;
	     round++) {
		(void)cgroup_kill(pod.cgroups, pod.cgroup);
		nanosleep(&moment, NULL);
	}
}

void pod_check_destroyed(void)
{
	if (!pod.destroying)
		return;
	for (struct container *c = pod.containers; c; c = c->next)
		if (c->pid > 0)
			return;
	if (pod.pause) {
		kill(pod.pause, SIGKILL);
		waitpid(pod.pause, NULL, 0);
	}
	remove_cgroups();
	unlink("ctl");
	_exit(0);
}
