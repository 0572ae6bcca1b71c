/* SPDX-License-Identifier: MIT */
#include "daemon/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/fd.h"

void notify_systemd(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	CLEANUP_FD int fd = -1;
	size_t n = path ? strlen(path) : 0;

	if (!n || n >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, n);
	if (*path == '@') /* sd_notify(3): an abstract socket */
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
}

static int ready_fd = -1; /* the one pipe to the one parent */

/* One byte 'R' is ready; anything else is why not, up to the end of the pipe. */
static void wait_for_child(int fd)
{
	char text[2048];
	size_t n = 0;
	ssize_t got;

	while (n < sizeof(text) - 1) {
		got = read(fd, text + n, sizeof(text) - 1 - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
		if (text[0] == 'R')
			_exit(0);
	}
	text[n] = '\0';
	fprintf(stderr, "k8sfs: %s\n", n ? text : "ended before it was ready; its log says why");
	_exit(1);
}

int background_enter(const char *log_path, struct err *err)
{
	CLEANUP_FD int log =
		open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	CLEANUP_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int ends[2];
	pid_t pid;

	if (log < 0)
		return err_sys(err, errno, "%s", log_path);
	if (null < 0 || pipe2(ends, O_CLOEXEC) != 0)
		return err_sys(err, errno, "cannot go into the background");
	pid = fork();
	if (pid < 0)
		return err_sys(err, errno, "fork");
	if (pid > 0) {
		close(ends[1]);
		wait_for_child(ends[0]);
	}
	close(ends[0]);
	ready_fd = ends[1];
	setsid();
	dup2(null, 0);
	dup2(null, 1);
	dup2(log, 2);
	return 0;
}

void background_ready(void)
{
	if (ready_fd >= 0)
		(void)!write(ready_fd, "R", 1);
	fd_close_at(&ready_fd);
}

void background_failed(const char *text)
{
	if (ready_fd >= 0)
		(void)!write(ready_fd, text, strlen(text));
	fd_close_at(&ready_fd);
}
