/* SPDX-License-Identifier: MIT */
/*
 * k8sfs-pod: the supervisor of one pod. A copy of the zygote, with its
 * working directory in <run>/pods/<uid> and the daemon's socket as descriptor
 * 3; the first packet says what the pod is. See pod.h for the rest.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/supervisor/kernel.h"
#include "runtime/supervisor/mounts.h"
#include "runtime/supervisor/stage.h"
#include "util/fd.h"

struct pod pod = {
	.user_ns = -1,
	.net_ns = -1,
	.ipc_ns = -1,
	.uts_ns = -1,
	.shm = -1,
	.workshop = -1,
	.pause_fd = -1,
	.proc = -1,
	.epoll = -1,
	.control = {.fd = -1},
	.listener = {.fd = -1},
	.signals = {.fd = -1},
	.timers = {.fd = -1},
};

int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int watch_add(struct watch *w, int fd, void (*fn)(struct watch *w, uint32_t events))
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = w};

	*w = (struct watch){fd, fn};
	if (epoll_ctl(pod.epoll, EPOLL_CTL_ADD, fd, &ev) == 0)
		return 0;
	int rc = -errno;
	fd_close_at(&w->fd);
	return rc;
}

void watch_close(struct watch *w)
{
	/* A child that has not yet executed may hold a copy: closing alone would not take it out.
	 */
	if (w->fd >= 0)
		epoll_ctl(pod.epoll, EPOLL_CTL_DEL, w->fd, NULL);
	fd_close_at(&w->fd);
}

int dup_cloexec(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

/* -- what the pod is -- */

static int write_hostname(struct err *err)
{
	CLEANUP_FREE char *line = xasprintf("%s\n", pod.spec.hostname ? pod.spec.hostname : "");

	pod.hostname_file = xstrdup("hostname");
	return fd_replace_file(pod.hostname_file, line, strlen(line), 0644, 0, err);
}

static int make_shared_memory(struct err *err)
{
	int rc;

	if (!(kernel.detached_clones && kernel.detached_layers) && (rc = workshop_make(err)) < 0)
		return rc;
	if (pod.spec.host_ipc || !kernel.detached_clones)
		return 0;
	pod.shm = mount_detached("tmpfs", "mode=1777,size=65536k",
				 MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, err);
	return pod.shm < 0 ? -err->code : 0;
}

/* Best-effort pods get only the CPU time that nobody else wants: their class has the least weight.
 */
static int limit_class(struct err *err)
{
	const struct resource_limits least = {0};

	return str_eq(pod.spec.qos, "besteffort")
		       ? cgroup_limit(pod.cgroups, pod.spec.qos, &least, err)
		       : 0;
}

static int make_cgroups(const char *root, const char *hierarchies, struct err *err)
{
	int rc;

	pod.cgroups = cgroups_parse(hierarchies, root, err);
	if (!pod.cgroups)
		return -err->code;
	pod.cgroup = xasprintf("%s/pod%s", pod.spec.qos ? pod.spec.qos : "burstable", pod.spec.uid);
	if ((rc = cgroups_prepare(pod.cgroups, err)) < 0 ||
	    (rc = cgroup_join(pod.cgroups, "supervisors", 0, err)) < 0 ||
	    (rc = cgroup_make(pod.cgroups, pod.cgroup, 1, err)) < 0 || (rc = limit_class(err)) < 0)
		return rc;
	return cgroup_limit(pod.cgroups, pod.cgroup, &pod.spec.limits, err);
}

int pod_make(const char *root, const char *hierarchies, struct err *err)
{
	int rc;

	if (pod.spec.host_pid)
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	if ((rc = make_cgroups(root, hierarchies, err)) < 0 || (rc = namespaces_make(err)) < 0 ||
	    (rc = make_shared_memory(err)) < 0 || (rc = write_hostname(err)) < 0)
		return rc;
	return control_listen(err);
}

/* -- signals: only children ending -- */

static struct container *container_of_pid(pid_t pid)
{
	struct container *c = pod.containers;

	while (c && c->pid != pid)
		c = c->next;
	return c;
}

static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct container *c = container_of_pid(pid);

		if (c)
			container_reaped(c, status);
		else
			(void)exec_reaped(pid, status);
	}
}

static void on_signal(struct watch *w, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	while (read(w->fd, &info, sizeof(info)) == sizeof(info))
		;
	reap();
}

/* -- timers: containers that do not stop -- */

void timers_update(void)
{
	struct itimerspec t = {{0, 0}, {0, 0}};
	int64_t first = 0;

	for (struct container *c = pod.containers; c; c = c->next)
		if (c->kill_at_ms && (!first || c->kill_at_ms < first))
			first = c->kill_at_ms;
	t.it_value.tv_sec = first / 1000;
	t.it_value.tv_nsec = first % 1000 * 1000000;
	timerfd_settime(pod.timers.fd, TFD_TIMER_ABSTIME, &t, NULL);
}

static void on_timer(struct watch *w, uint32_t events)
{
	uint64_t n;

	(void)events;
	(void)!read(w->fd, &n, sizeof(n));
	for (struct container *c = pod.containers; c; c = c->next)
		if (c->kill_at_ms && c->kill_at_ms <= now_ms()) {
			c->kill_at_ms = 0;
			container_kill(c);
		}
	timers_update();
}

static int set_up(struct err *err)
{
	sigset_t mask;

	sigfillset(&mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	umask(022);
	pod.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (pod.epoll < 0 || watch_add(&pod.control, DAEMON_SOCKET, control_packet) < 0 ||
	    watch_add(&pod.signals, signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK), on_signal) <
		    0 ||
	    watch_add(&pod.timers, timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
		      on_timer) < 0)
		return err_sys(err, errno, "event loop");
	(void)fcntl(DAEMON_SOCKET, F_SETFD, FD_CLOEXEC);
	pod.proc = mount_detached("proc", NULL,
				  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, err);
	return pod.proc < 0 ? pod.proc : 0;
}

int main(int argc, char **argv)
{
	struct epoll_event ev;
	struct err err = ERR_INIT;

	prctl(PR_SET_DUMPABLE, 0);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	zygote_run(argc, argv);

	if (set_up(&err) < 0) {
		control_failed(&err);
		return 1;
	}
	/* One event at a time: what one does may close what another was about. */
	for (;;)
		if (epoll_wait(pod.epoll, &ev, 1, -1) == 1) {
			struct watch *w = ev.data.ptr;

			w->fn(w, ev.events);
		}
}
