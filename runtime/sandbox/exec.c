/* SPDX-License-Identifier: MIT */
/* What any thread may ask about a running container: exec, its use of resources, its files. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "runtime/sandbox/connect.h"
#include "util/fd.h"

#define EXEC_TIMEOUT_S 30

/* -- the container by name -- */

static const struct running *find(struct sandboxes *all, const char *uid, const char *container,
				  struct err *err)
{
	const struct sandbox *sb = strmap_get(&all->by_uid, uid);
	const struct running *r = sb ? strmap_get(&sb->containers, container) : NULL;

	if (!r || r->pid <= 0) {
		err_set(err, ESRCH, "container %s is not running", container);
		return NULL;
	}
	return r;
}

int sandbox_stats(struct sandboxes *all, const char *uid, const char *container,
		  struct container_stats *out, struct err *err)
{
	CLEANUP_FREE char *cgroup = NULL;
	const struct running *r;

	pthread_mutex_lock(&all->lock);
	r = find(all, uid, container, err);
	if (r)
		cgroup = xstrdup(r->cgroup);
	pthread_mutex_unlock(&all->lock);
	if (!cgroup)
		return -ESRCH;
	if (cgroup_stats(all->cgroups, cgroup, out) < 0)
		return err_set(err, ESRCH, "container %s is not running", container);
	return 0;
}

int sandbox_proc_fd(struct sandboxes *all, const char *uid, const char *container, struct err *err)
{
	CLEANUP_FD int pidfd = -1;
	CLEANUP_FD int proc = -1;
	const struct running *r;
	char path[64] = "";

	pthread_mutex_lock(&all->lock);
	r = find(all, uid, container, err);
	if (r) {
		snprintf(path, sizeof(path), "/proc/%d", (int)r->pid);
		pidfd = fcntl(r->pidfd, F_DUPFD_CLOEXEC, 0);
	}
	pthread_mutex_unlock(&all->lock);
	if (!r)
		return -ESRCH;
	proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* Still alive afterwards: then the number was this process's when we used it. */
	if (proc < 0 || syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) < 0)
		return err_set(err, ESRCH, "container %s is not running", container);
	return fd_steal(&proc);
}

/* -- exec -- */

struct exec_pipes {
	int in[2], out[2], err[2], status[2]; /* read, write */
};

#define EXEC_PIPES_INIT                                                                            \
	{                                                                                          \
		{-1, -1}, {-1, -1}, {-1, -1},                                                      \
		{                                                                                  \
			-1, -1                                                                     \
		}                                                                                  \
	}

static void close_pair(int pair[2])
{
	fd_close_at(&pair[0]);
	fd_close_at(&pair[1]);
}

static void exec_pipes_fini(struct exec_pipes *p)
{
	close_pair(p->in);
	close_pair(p->out);
	close_pair(p->err);
	close_pair(p->status);
}

static int make_pipes(struct exec_pipes *p, int tty, struct err *err)
{
	if (pipe2(p->status, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe");
	if (!tty && (pipe2(p->in, O_CLOEXEC) < 0 || pipe2(p->out, O_CLOEXEC) < 0 ||
		     pipe2(p->err, O_CLOEXEC) < 0))
		return err_sys(err, errno, "pipes");
	if (!tty) {
		(void)fchmod(p->in[0], 0644);
		(void)fchmod(p->out[1], 0622);
		(void)fchmod(p->err[1], 0622);
	}
	return 0;
}

static int ask(int sock, const char *container, const struct exec_spec *spec,
	       const struct exec_pipes *p, struct wire_msg *answer, struct err *err)
{
	CLEANUP(buf_fini) struct buf payload = BUF_INIT;
	struct codec out = {.out = &payload};
	const struct timeval patience = {EXEC_TIMEOUT_S, 0};
	int fds[4] = {p->status[1], p->in[0], p->out[1], p->err[1]}, rc;
	struct exec_spec copy = *spec;
	char *name = (char *)(uintptr_t)container;

	codec_str(&out, &name);
	codec_exec(&out, &copy);
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	rc = wire_send(sock, WIRE_EXEC, &payload, fds, spec->tty ? 1 : 4, 0);
	if (rc == 0)
		rc = wire_recv(sock, answer, 0);
	if (rc == 0 && answer->type != WIRE_EXEC_DONE)
		rc = -EBADMSG;
	return rc < 0 ? err_sys(err, -rc, "exec in container %s", container) : 0;
}

/* 126, 127, 128: it could not be executed; else an errno. */
static int exec_error(int code, const char *text, struct err *err)
{
	int number = code < 0 ? -code : code == 127 ? ENOENT : code == 126 ? EACCES : EIO;

	return err_set(err, number, "%s", text ? text : "exec failed");
}

static int read_answer(struct wire_msg *answer, int tty, int *terminal, pid_t *pid, struct err *err)
{
	const unsigned char *data = (const unsigned char *)answer->payload.data;
	struct codec in = {.at = data, .end = data + answer->payload.len};
	CLEANUP_FREE char *text = NULL;
	int code = 0;

	codec_int(&in, &code);
	codec_str(&in, &text);
	if (in.bad)
		return err_set(err, EBADMSG, "exec: damaged answer");
	if (code)
		return exec_error(code, text, err);
	*pid = answer->fds[0] >= 0 ? pidfd_to_pid(answer->fds[0]) : 0;
	*terminal = wire_take_fd(answer, 1);
	if (tty && *terminal < 0)
		return err_set(err, EIO, "exec: no terminal");
	return 0;
}

int sandbox_exec(struct sandboxes *all, const char *uid, const char *container,
		 const struct exec_spec *spec, int *stdin_out, int *stdout_out, int *stderr_out,
		 int *status_out, pid_t *pid_out, struct err *err)
{
	CLEANUP(exec_pipes_fini) struct exec_pipes p = EXEC_PIPES_INIT;
	CLEANUP(wire_msg_fini) struct wire_msg answer = WIRE_MSG_INIT;
	CLEANUP_FD int sock = supervisor_connect(all, uid, err);
	int rc, terminal = -1;
	pid_t pid = 0;

	if (sock < 0)
		return sock;
	if ((rc = make_pipes(&p, spec->tty, err)) < 0 ||
	    (rc = ask(sock, container, spec, &p, &answer, err)) < 0 ||
	    (rc = read_answer(&answer, spec->tty, &terminal, &pid, err)) < 0)
		return rc;
	*stdin_out = spec->tty ? terminal : fd_steal(&p.in[1]);
	*stdout_out = fd_steal(&p.out[0]);
	*stderr_out = fd_steal(&p.err[0]);
	*status_out = fd_steal(&p.status[0]);
	if (pid_out)
		*pid_out = pid;
	return 0;
}
