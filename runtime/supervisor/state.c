/* SPDX-License-Identifier: MIT */
/* What outlives the supervisor: each container's last exit, as a file beside its writable layer. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/supervisor/exitfile.h"
#include "runtime/supervisor/pod.h"
#include "util/fd.h"

#define MAX_MESSAGE 4096 /* of a termination log; the kubelet's */

void state_save_exit(const struct container *c)
{
	struct container_exit e = {.id = c->spec.id,
				   .exit_code = c->exit_code,
				   .signal = c->signal,
				   .oom_killed = c->oom_killed,
				   .start_failed = c->start_failed,
				   .started_sec = c->started.tv_sec,
				   .started_nsec = c->started.tv_nsec,
				   .finished_sec = c->ended.tv_sec,
				   .finished_nsec = c->ended.tv_nsec,
				   .message = c->message};

	/* A full disk must not keep the daemon from hearing of it: it is in memory, too. */
	(void)!exitfile_write(c->spec.upper, &e, NULL);
}

char *state_termination_message(const struct container *c)
{
	char text[MAX_MESSAGE + 1];
	ssize_t n;
	CLEANUP_FD int fd = c->spec.termination_log
				    ? open(c->spec.termination_log,
					   O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
				    : -1;

	if (fd < 0)
		return NULL;
	n = read(fd, text, MAX_MESSAGE);
	if (n <= 0)
		return NULL;
	return xstrndup(text, strnlen(text, (size_t)n));
}
