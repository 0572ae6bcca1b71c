/* SPDX-License-Identifier: MIT */
/*
 * Further commands in a running container: the same cgroup, namespaces and
 * restrictions. The connection that asked gets one answer: started, with the
 * terminal if there is one, or why not. The exit code goes to a pipe of its own.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/supervisor/stage.h"
#include "util/fd.h"

enum { FD_STATUS, FD_STDIN, FD_STDOUT, FD_STDERR };

static void exec_free(struct exec *e)
{
	struct exec **at = &pod.execs;

	while (*at && *at != e)
		at = &(*at)->next;
	if (*at)
		*at = e->next;
	watch_close(&e->setup);
	fd_close_at(&e->reply);
	fd_close_at(&e->terminal);
	fd_close_at(&e->status);
	free(e);
}

void exec_forget_container(struct container *c)
{
	for (struct exec *e = pod.execs; e; e = e->next)
		if (e->container == c)
			e->container = NULL;
}

static int join_container(const struct container *c, struct err *err)
{
	int flags = CLONE_NEWNS | CLONE_NEWCGROUP;

	flags |= pod.user_ns >= 0 ? CLONE_NEWUSER : 0;
	flags |= pod.net_ns >= 0 ? CLONE_NEWNET : 0;
	flags |= pod.ipc_ns >= 0 ? CLONE_NEWIPC : 0;
	flags |= pod.uts_ns >= 0 ? CLONE_NEWUTS : 0;
	flags |= pod.spec.host_pid ? 0 : CLONE_NEWPID;
	if (setns(c->pidfd, flags) < 0)
		return err_sys(err, errno, "join container %s", c->spec.name);
	return pod.user_ns >= 0 ? become_root_inside(err) : 0;
}

static _Noreturn void exec_stage_2(struct stage *s)
{
	struct err err = ERR_INIT;

	if (s->stdio[1] < 0 && rootfs_terminal(s, &err) < 0)
		setup_fail(s->setup, 128, &err);
	restrict_and_execute(s);
}

static pid_t exec_stage_1(struct stage *s, int in_v2, struct err *err)
{
	struct container *c = s->container;
	int rc = cgroup_join(pod.cgroups, c->cgroup, !in_v2, err);
	pid_t pid;

	if (rc < 0)
		return rc;
	set_oom_score(&c->spec);
	if ((rc = join_container(c, err)) < 0)
		return rc;
	pid = clone_process(CLONE_PARENT, -1, NULL);
	if (pid == 0)
		exec_stage_2(s);
	return pid < 0 ? err_sys(err, errno, "create a process in %s", c->spec.name) : pid;
}

static void exec_setup_event(struct watch *w, uint32_t events)
{
	struct exec *e = CONTAINER_OF(w, struct exec, setup);
	struct setup_msg msg;
	int fd, rc;

	(void)events;
	while ((rc = setup_next(w, &msg, &fd)) > 0) {
		if (msg.kind == SETUP_TERMINAL && e->terminal < 0)
			e->terminal = fd_steal(&fd);
		else if (msg.kind == SETUP_EXECUTES)
			e->announced = 1;
		else if (msg.kind == SETUP_FAILED && e->reply >= 0) {
			e->failed = 1;
			control_exec_done(e, msg.code, msg.text);
		}
		fd_close_at(&fd);
	}
	if (rc == 0 || e->failed)
		return;
	if (e->announced)
		control_exec_done(e, 0, "");
	else
		control_exec_done(e, 128, "the process was killed while it was set up");
}

static int start_exec(struct exec *e, struct exec_spec *spec, struct wire_msg *m, struct err *err)
{
	struct container *c = e->container;
	CLEANUP_FD int theirs = -1;
	int setup[2];
	struct stage s = {.container = c,
			  .stdio = {m->fds[FD_STDIN], m->fds[FD_STDOUT], m->fds[FD_STDERR]},
			  .terminal = -1,
			  .rows = spec->rows,
			  .columns = spec->columns,
			  .argv = spec->argv,
			  .envp = spec->envp ? spec->envp : c->spec.envp,
			  .cwd = spec->cwd ? spec->cwd : c->spec.cwd};

	if (!spec->tty && m->n_fds != 4)
		return err_set(err, EINVAL, "exec: expected four descriptors");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, setup) < 0)
		return err_sys(err, errno, "socketpair");
	theirs = s.setup = setup[1];
	e->pid = stages_run(&s, exec_stage_1, err);
	if (e->pid < 0) {
		close(setup[0]);
		return -err->code;
	}
	return watch_add(&e->setup, setup[0], exec_setup_event);
}

/* Owns reply. */
void exec_start(int reply, struct wire_msg *m)
{
	struct codec in = {.at = (unsigned char *)m->payload.data,
			   .end = (unsigned char *)m->payload.data + m->payload.len};
	struct exec *e = xcalloc(1, sizeof(*e));
	struct exec_spec spec = {0};
	struct err err = ERR_INIT;
	CLEANUP_FREE char *name = NULL;

	*e = (struct exec){.next = pod.execs,
			   .status = wire_take_fd(m, FD_STATUS),
			   .reply = reply,
			   .terminal = -1};
	e->setup.fd = -1;
	pod.execs = e;
	codec_str(&in, &name);
	codec_exec(&in, &spec);
	e->container = container_find(name);
	if (in.bad || e->status < 0)
		err_set(&err, EBADMSG, "exec: damaged message");
	else if (!e->container || e->container->state != CONTAINER_RUNNING)
		err_set(&err, ESRCH, "container %s is not running", name ? name : "");
	else
		(void)start_exec(e, &spec, m, &err);
	exec_spec_fini(&spec);
	if (!err.code)
		return;
	control_exec_done(e, -err.code, err.msg);
	exec_free(e);
}

int exec_reaped(pid_t pid, int status)
{
	struct exec *e = pod.execs;
	char line[16];
	int n;

	while (e && e->pid != pid)
		e = e->next;
	if (!e)
		return 0;
	if (e->setup.fd >= 0)
		exec_setup_event(&e->setup, 0);
	n = snprintf(line, sizeof(line), "%d\n",
		     WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	(void)!write(e->status, line, (size_t)n);
	exec_free(e);
	return 1;
}
