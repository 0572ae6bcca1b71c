/* SPDX-License-Identifier: MIT */
/* The daemon's end of k8sfs-image: see worker_link.h. */
#include "runtime/images/worker_link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/helper.h"

#define END_TIMEOUT_MS 2000

struct image_worker {
	int sock;
	pid_t pid;
};

/* merged: -1, it imports. */
static struct image_worker *start(int archive_fd, const char *dir, int merged, struct err *err)
{
	CLEANUP_FREE char *path = helper_find("k8sfs-image", "runtime/images", err);
	CLEANUP_FD int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int ours = -1;
	CLEANUP_FD int theirs = -1;
	struct image_worker *w;
	int pair[2];
	pid_t pid;

	if (!path)
		return NULL;
	if (dirfd < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		err_sys(err, errno, "start k8sfs-image");
		return NULL;
	}
	ours = pair[0];
	theirs = pair[1];
	const int fds[] = {[WORKER_ARCHIVE] = archive_fd,
			   [WORKER_SOCKET] = theirs,
			   [2] = STDERR_FILENO,
			   [WORKER_DIR] = dirfd,
			   [WORKER_MERGED] = merged};
	pid = helper_start(path, fds, ARRAY_LEN(fds) - (merged < 0), err);
	if (pid < 0)
		return NULL;
	w = xcalloc(1, sizeof(*w));
	w->sock = fd_steal(&ours);
	w->pid = pid;
	return w;
}

struct image_worker *image_worker_start(int archive_fd, const char *dir, struct err *err)
{
	return start(archive_fd, dir, -1, err);
}

struct image_worker *image_worker_start_packing(int upper, int merged, const char *dir,
						struct err *err)
{
	return start(upper, dir, merged, err);
}

/* Once. It closed its end: it is about to be gone, or else it is made to be. */
static int finish(struct image_worker *w, struct err *err)
{
	CLEANUP_FD int pidfd = (int)syscall(SYS_pidfd_open, w->pid, 0);
	struct pollfd p = {pidfd, POLLIN, 0};
	pid_t pid = w->pid;

	fd_close_at(&w->sock);
	w->pid = 0;
	if (pidfd < 0 || poll(&p, 1, END_TIMEOUT_MS) <= 0)
		kill(pid, SIGKILL);
	return helper_wait(pid, "k8sfs-image", err);
}

static int failed(const char *text, struct err *err)
{
	char *end;
	long code = strtol(text, &end, 10);

	if (code <= 0 || code > 4095 || *end != ' ')
		return err_set(err, EPROTO, "k8sfs-image: damaged message");
	return err_set(err, (int)code, "%s", end + 1);
}

int image_worker_receive(struct image_worker *w, char text[WORKER_PACKET_MAX], struct err *err)
{
	ssize_t n;
	int rc;

	if (!w->pid)
		return err_set(err, EPIPE, "k8sfs-image has ended");
	do {
		n = recv(w->sock, text, WORKER_PACKET_MAX - 1, 0);
	} while (n < 0 && errno == EINTR);
	if (n <= 0) {
		rc = finish(w, err);
		return rc < 0 ? rc : err_set(err, EIO, "k8sfs-image ended before its work");
	}
	text[n] = '\0';
	return str_starts(text, "fail ") ? failed(text + 5, err) : 0;
}

static int ask(struct image_worker *w, const char *text, size_t n, struct err *err)
{
	if (!w->pid)
		return err_set(err, EPIPE, "k8sfs-image has ended");
	/* If it is gone, the next image_worker_receive() says why. */
	if (send(w->sock, text, n, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET)
		return err_sys(err, errno, "k8sfs-image");
	return 0;
}

int image_worker_ask(struct image_worker *w, size_t image, size_t layer, struct err *err)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "layer %zu %zu", image, layer);

	return ask(w, text, (size_t)n, err);
}

int image_worker_ask_pack(struct image_worker *w, unsigned base, unsigned count, struct err *err)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "pack %u %u", base, count);

	return ask(w, text, (size_t)n, err);
}

void image_worker_free(struct image_worker *w)
{
	if (!w)
		return;
	if (w->pid) {
		kill(w->pid, SIGKILL);
		(void)!finish(w, NULL);
	}
	free(w);
}
