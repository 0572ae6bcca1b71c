/* SPDX-License-Identifier: MIT */
/*
 * The zygote: one supervisor that has no pod and waits to be copied. The
 * daemon starts it once; each pod's supervisor is a fork of it, which costs a
 * tenth of executing the program anew, and shares its memory. A copy is the
 * daemon's child, not the zygote's. It ends with the daemon's connection.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "runtime/supervisor/kernel.h"
#include "runtime/supervisor/pod.h"
#include "util/fd.h"

enum { FD_CONTROL, FD_DIR, FD_CGROUP };

struct arguments { /* what ps(1) shows, overwritten in place */
	char *at;
	size_t room;
};

static void set_title(const struct arguments *args, const char *title)
{
	memset(args->at, 0, args->room);
	snprintf(args->at, args->room, "k8sfs-pod %s", title);
	prctl(PR_SET_NAME, "k8sfs-pod");
}

/* In the copy: its socket and directory take the zygote's place. */
static void become_supervisor(struct wire_msg *m, const struct arguments *args, const char *title)
{
	if (setsid() < 0 || fchdir(m->fds[FD_DIR]) < 0 ||
	    dup2(m->fds[FD_CONTROL], DAEMON_SOCKET) < 0)
		_exit(1);
	set_title(args, title);
}

/* Return: 1 in the copy, 0 in the zygote. */
static int copy(struct wire_msg *m, const struct arguments *args)
{
	CLEANUP(buf_fini) struct buf answer = BUF_INIT;
	const unsigned char *data = (const unsigned char *)m->payload.data;
	struct codec in = {.at = data, .end = data + m->payload.len}, out = {.out = &answer};
	CLEANUP_FREE char *title = NULL;
	CLEANUP_FD int pidfd = -1;
	int host_pid = 0, pid;

	codec_int(&in, &host_pid);
	codec_str(&in, &title);
	pid = clone_process(CLONE_PARENT | (host_pid ? 0 : CLONE_NEWPID), m->fds[FD_CGROUP],
			    &pidfd);
	if (pid == 0) {
		become_supervisor(m, args, title ? title : "");
		return 1;
	}
	if (pid < 0)
		pid = -errno;
	codec_int(&out, &pid);
	if (wire_send(DAEMON_SOCKET, WIRE_FORKED, &answer, &pidfd, pidfd >= 0 ? 1 : 0, 0) < 0)
		_exit(0);
	return 0;
}

void zygote_run(int argc, char **argv)
{
	struct arguments args = {argv[0],
				 (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) - argv[0])};

	set_title(&args, "(zygote)");
	kernel_probe();
	/* The last to go, where we may say so (CAP_SYS_RESOURCE); containers have their own score.
	 */
	(void)!fd_write_file("/proc/self/oom_score_adj", "-998", NULL);
	for (;;) {
		struct wire_msg m = WIRE_MSG_INIT;
		int rc = wire_recv(DAEMON_SOCKET, &m, 0);

		if (rc < 0)
			_exit(0);
		rc = m.type == WIRE_FORK ? copy(&m, &args) : 0;
		wire_msg_fini(&m);
		if (rc)
			return;
	}
}
