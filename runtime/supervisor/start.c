/* SPDX-License-Identifier: MIT */
/*
 * Starting a container: its cgroup, its writable layer, its streams, and the
 * two stages (stage.h). Stage 1 is over when container_start() returns; stage 2
 * goes on alone and speaks on the setup socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/supervisor/stage.h"
#include "util/fd.h"

pid_t clone_process(uint64_t flags, int cgroup_fd, int *pidfd_out)
{
	struct clone_args args = {
		.flags = flags | (pidfd_out ? CLONE_PIDFD : 0) |
			 (cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0),
		.pidfd = (uint64_t)(uintptr_t)pidfd_out,
		.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
		.cgroup = cgroup_fd >= 0 ? (uint64_t)cgroup_fd : 0,
	};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

void setup_send(int sock, int kind, int code, const char *text, int fd)
{
	struct setup_msg msg = {.kind = kind, .code = code};
	struct iovec iov = {&msg, sizeof(msg)};
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.room = {0}};
	struct msghdr packet = {.msg_iov = &iov, .msg_iovlen = 1};

	snprintf(msg.text, sizeof(msg.text), "%s", text);
	if (fd >= 0) {
		struct cmsghdr *c;

		packet.msg_control = &control;
		packet.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&packet);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	(void)!sendmsg(sock, &packet, MSG_NOSIGNAL);
}

void setup_fail(int sock, int code, const struct err *err)
{
	setup_send(sock, SETUP_FAILED, code, err->msg, -1);
	_exit(code);
}

/* -- the writable layer -- */

static void remove_in_background(const char *path)
{
	pid_t pid = clone_process(0, -1, NULL);

	if (pid == 0) {
		if (nice(10) < 0)
			errno = 0;
		(void)!fd_remove_tree(path, NULL);
		_exit(0);
	}
}

/* A restarted container begins with a fresh one. */
static int make_writable(const struct container_spec *spec, struct err *err)
{
	static const char *const names[] = {"upper", "work"};
	uint32_t owner = host_root();
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(names); i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", spec->upper, names[i]);

		rc = mkdir(path, 0755);
		if (rc < 0 && errno == ENOENT && (rc = fd_mkdir_p(spec->upper, 0755, err)) == 0)
			rc = mkdir(path, 0755);
		if (rc < 0 && errno == EEXIST) {
			CLEANUP_FREE char *old =
				xasprintf("%s/old-%s-%s", spec->upper, names[i], spec->id);

			if ((rc = rename(path, old)) == 0) {
				remove_in_background(old);
				rc = mkdir(path, 0755);
			}
		}
		if (rc == 0 && i == 0 && owner)
			rc = chown(path, owner, owner);
		if (rc < 0)
			return err_sys(err, errno, "writable layer %s", path);
	}
	return rc;
}

/* The file behind terminationMessagePath, empty, for any user of the container to write. */
static int make_termination_log(const struct container_spec *spec, struct err *err)
{
	int fd;

	if (!spec->termination_log)
		return 0;
	fd = open(spec->termination_log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		  0666);
	if (fd < 0)
		return err_sys(err, errno, "termination log %s", spec->termination_log);
	(void)fchmod(fd, 0666);
	close(fd);
	return 0;
}

/* -- cgroup -- */

static int make_cgroup(struct container *c, struct err *err)
{
	const struct container_spec *spec = &c->spec;
	int rc;

	c->cgroup = xasprintf("%s/%s-%.12s", pod.cgroup, spec->name, spec->id);
	rc = cgroup_make(pod.cgroups, c->cgroup, 0, err);
	if (rc == 0)
		rc = cgroup_limit(pod.cgroups, c->cgroup, &spec->limits, err);
	if (rc == 0)
		cgroup_treat_as_container(pod.cgroups, c->cgroup);
	if (rc == 0 && !(spec->privileged && pod.spec.host_users))
		rc = cgroup_restrict_devices(pod.cgroups, c->cgroup, err);
	return rc;
}

/* -- the stages -- */

struct shared { /* with stage 1, which is another process */
	pid_t pid;
	struct err err;
};

static struct shared *shared_page(void)
{
	static struct shared *page;

	if (!page) {
		page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			    -1, 0);
		if (page == MAP_FAILED)
			abort();
	}
	memset(page, 0, sizeof(*page));
	return page;
}

void set_oom_score(const struct container_spec *spec)
{
	char value[16];

	snprintf(value, sizeof(value), "%d", spec->limits.oom_score_adj);
	/* Below what we have needs CAP_SYS_RESOURCE; without it the score stays. */
	(void)!fd_write_file("/proc/self/oom_score_adj", value, NULL);
}

static _Noreturn void stage_2(struct stage *s)
{
	struct err err = ERR_INIT;

	if (rootfs_enter(s, &err) < 0)
		setup_fail(s->setup, 128, &err);
	restrict_and_execute(s);
}

static int stage_1(struct stage *s, int in_v2, struct err *err)
{
	struct container *c = s->container;
	uint64_t flags = CLONE_PARENT | CLONE_NEWNS | CLONE_NEWCGROUP;
	int rc;
	pid_t pid;

	if ((rc = cgroup_join(pod.cgroups, c->cgroup, !in_v2, err)) < 0)
		return rc;
	set_oom_score(&c->spec);
	if ((rc = layers_prepare(s, err)) < 0 || (rc = namespaces_join(err)) < 0)
		return rc;
	if (pod.user_ns >= 0 && (rc = become_root_inside(err)) < 0)
		return rc;
	if (!pod.pause && !pod.spec.host_pid)
		flags |= CLONE_NEWPID;
	pid = clone_process(flags, -1, NULL);
	if (pid == 0)
		stage_2(s);
	return pid < 0 ? err_sys(err, errno, "create the container's process") : pid;
}

pid_t stages_run(struct stage *s, stage_1_fn first, struct err *err)
{
	struct shared *shared = shared_page();
	int v2 = cgroup_open_v2(pod.cgroups, s->container->cgroup);
	pid_t pid = clone_process(CLONE_VFORK, v2, NULL);
	int saved = errno, status = 0;

	if (pid == 0) {
		shared->pid = first(s, v2 >= 0, &shared->err);
		_exit(0);
	}
	fd_close_at(&v2);
	if (pid < 0)
		return err_sys(err, saved, "create a process in cgroup %s", s->container->cgroup);
	waitpid(pid, &status, 0);
	if (shared->err.code)
		return err_set(err, shared->err.code, "%s", shared->err.msg);
	if (shared->pid <= 0)
		return err_set(err, ECHILD, "the process that prepares the container was killed%s",
			       WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL
				       ? " (out of memory?)"
				       : "");
	return shared->pid;
}

/* -- streams -- */

struct pipes {
	int in[2], out[2], err[2]; /* read, write */
};

static void close_pair(int pair[2])
{
	fd_close_at(&pair[0]);
	fd_close_at(&pair[1]);
}

static int make_pipes(struct pipes *p, const struct container_spec *spec, struct err *err)
{
	if (spec->tty)
		return 0;
	if (pipe2(p->out, O_CLOEXEC) < 0 || pipe2(p->err, O_CLOEXEC) < 0 ||
	    (spec->stdin_open && pipe2(p->in, O_CLOEXEC) < 0))
		return err_sys(err, errno, "pipes");
	return 0;
}

static void own_streams(struct pipes *p)
{
	/* The container's user may open /dev/stdout anew, whoever it is. */
	if (p->out[1] >= 0) {
		(void)fchmod(p->out[1], 0622);
		(void)fchmod(p->err[1], 0622);
	}
	if (p->in[0] >= 0)
		(void)fchmod(p->in[0], 0644);
}

static void keep_streams(struct container *c, struct pipes *p)
{
	c->stdin_write = fd_steal(&p->in[1]);
	if (p->out[0] >= 0) {
		watch_add(&c->out, fd_steal(&p->out[0]), container_stream_event);
		watch_add(&c->err, fd_steal(&p->err[0]), container_stream_event);
	}
}

static int start(struct container *c, struct pipes *p, int setup[2], struct err *err)
{
	struct stage s = {.container = c,
			  .setup = setup[1],
			  .stdio = {p->in[0], p->out[1], p->err[1]},
			  .terminal = -1,
			  .root = -1,
			  .dev = -1,
			  .proc = -1,
			  .sys = -1,
			  .mqueue = -1,
			  .shm = -1,
			  .argv = c->spec.argv,
			  .envp = c->spec.envp,
			  .cwd = c->spec.cwd};

	own_streams(p);
	c->pid = stages_run(&s, stage_1, err);
	if (c->pid < 0)
		return c->pid;
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	keep_streams(c, p);
	return watch_add(&c->setup, fd_steal(&setup[0]), container_setup_event);
}

int container_start(struct container *c, struct err *err)
{
	struct pipes p = {{-1, -1}, {-1, -1}, {-1, -1}};
	int setup[2] = {-1, -1}, rc;

	rc = crilog_open(&c->log, c->spec.log_path, c->spec.log_max_bytes, c->spec.log_max_files,
			 err);
	if (rc == 0)
		rc = make_cgroup(c, err);
	if (rc == 0)
		rc = make_writable(&c->spec, err);
	if (rc == 0)
		rc = make_termination_log(&c->spec, err);
	if (rc == 0)
		rc = make_pipes(&p, &c->spec, err);
	if (rc == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, setup) < 0)
		rc = err_sys(err, errno, "socketpair");
	if (rc == 0)
		rc = start(c, &p, setup, err);
	close_pair(p.in);
	close_pair(p.out);
	close_pair(p.err);
	close_pair(setup);
	return rc;
}
