/* SPDX-License-Identifier: MIT */
/*
 * Starting supervisors. The program runs from a sealed copy in memory, so that
 * a container that gets hold of its /proc/<pid>/exe cannot change it; it is
 * executed once, as the zygote that all supervisors are copied from.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/sandbox/sandbox_i.h"
#include "runtime/supervisor/kernel.h"
#include "util/fd.h"

#define STACK_SIZE       65536
#define ZYGOTE_TIMEOUT_S 10

/* Room for what ps(1) shows of a pod: namespace, name and uid. */
#define TITLE                                                                                      \
	"                                                                                        " \
	"  "

/* -- the program -- */

static int copy_program(const char *path, struct err *err)
{
	CLEANUP_FD int file = open(path, O_RDONLY | O_CLOEXEC);
	CLEANUP_FD int mem = memfd_create("k8sfs-pod", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct stat st;
	off_t at = 0;

	if (file < 0 || mem < 0 || fstat(file, &st) < 0)
		return err_sys(err, errno, "%s", path);
	while (at < st.st_size) {
		ssize_t n = sendfile(mem, file, &at, (size_t)(st.st_size - at));

		if (n <= 0)
			return err_sys(err, n ? errno : EIO, "copy %s", path);
	}
	if (fcntl(mem, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return err_sys(err, errno, "seal %s", path);
	return fd_steal(&mem);
}

/* -- the zygote -- */

struct start { /* for the child, which shares our memory until it executes */
	const char *path;
	char *const *argv;
	char *const *envp;
	int program, sock, null, error;
};

/* Only system calls: other threads of the daemon may hold any lock. */
static int in_child(void *arg)
{
	struct start *s = arg;

	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	if (setsid() < 0 || chdir("/") < 0 || dup2(s->sock, 3) < 0 || dup2(s->null, 0) < 0 ||
	    dup2(s->null, 1) < 0 || dup2(s->null, 2) < 0 ||
	    close_range(4, ~0U, CLOSE_RANGE_CLOEXEC) < 0) {
		s->error = errno;
		_exit(127);
	}
	syscall(SYS_execveat, s->program, "", s->argv, s->envp, AT_EMPTY_PATH);
	/* Where programs in memory are forbidden (vm.memfd_noexec). */
	execve(s->path, s->argv, s->envp);
	s->error = errno;
	_exit(127);
}

static pid_t spawn(struct start *s, struct err *err)
{
	char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	sigset_t every, before;
	int saved;
	pid_t pid;

	if (stack == MAP_FAILED)
		return err_sys(err, errno, "stack");
	/* A signal handler of ours must not run in the child. */
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	pid = clone(in_child, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD, s);
	saved = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	munmap(stack, STACK_SIZE);
	if (pid > 0 && s->error) {
		waitpid(pid, NULL, 0);
		saved = s->error;
		pid = -1;
	}
	return pid < 0 ? err_sys(err, saved, "start %s", s->path) : pid;
}

int zygote_start(struct sandboxes *all, struct err *err)
{
	const struct timeval patience = {ZYGOTE_TIMEOUT_S, 0};
	char name[] = "k8sfs-pod", title[] = TITLE TITLE TITLE;
	char *argv[] = {name, title, NULL};
	const char *without = getenv(KERNEL_WITHOUT);
	CLEANUP_FREE char *setting = without ? xasprintf("%s=%s", KERNEL_WITHOUT, without) : NULL;
	char *envp[] = {setting, NULL};
	CLEANUP_FD int program = copy_program(all->supervisor, err);
	/* Above 3, so that the child's dup2 onto 0 to 3 cannot hit them. */
	CLEANUP_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	CLEANUP_FD int high_null = null < 0 ? -1 : fcntl(null, F_DUPFD_CLOEXEC, 4);
	CLEANUP_FD int high_sock = -1;
	int pair[2];
	struct start s;

	zygote_stop(all);
	if (program < 0)
		return program;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, errno, "socketpair");
	high_sock = fcntl(pair[1], F_DUPFD_CLOEXEC, 4);
	close(pair[1]);
	all->zygote_sock = pair[0];
	if (high_null < 0 || high_sock < 0)
		return err_sys(err, errno, "descriptors for %s", all->supervisor);
	setsockopt(all->zygote_sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(all->zygote_sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	s = (struct start){all->supervisor, argv, envp, program, high_sock, high_null, 0};
	all->zygote = spawn(&s, err);
	return all->zygote < 0 ? -err->code : 0;
}

void zygote_stop(struct sandboxes *all)
{
	fd_close_at(&all->zygote_sock);
	if (all->zygote > 0) {
		kill(all->zygote, SIGKILL);
		waitpid(all->zygote, NULL, 0);
	}
	all->zygote = 0;
}

/* -- a supervisor -- */

static int ask_zygote(struct sandboxes *all, const struct buf *payload, const int *fds,
		      unsigned n_fds, struct wire_msg *answer)
{
	int rc = wire_send(all->zygote_sock, WIRE_FORK, payload, fds, n_fds, 0);

	if (rc == 0)
		rc = wire_recv(all->zygote_sock, answer, 0);
	return rc == 0 && answer->type != WIRE_FORKED ? -EBADMSG : rc;
}

static pid_t read_answer(struct wire_msg *answer, int *pidfd_out, struct err *err)
{
	const unsigned char *data = (const unsigned char *)answer->payload.data;
	struct codec in = {.at = data, .end = data + answer->payload.len};
	int pid = 0;

	codec_int(&in, &pid);
	if (in.bad || (pid > 0 && answer->fds[0] < 0))
		return err_set(err, EBADMSG, "start a supervisor: damaged answer");
	if (pid < 0)
		return err_sys(err, -pid, "start a supervisor");
	*pidfd_out = wire_take_fd(answer, 0);
	return pid;
}

pid_t supervisor_spawn(struct sandboxes *all, const struct sandbox_spec *spec, const char *dir,
		       int sock, int *pidfd_out, struct err *err)
{
	CLEANUP_FREE char *title = xasprintf("%s/%s %s", spec->ns ? spec->ns : "",
					     spec->name ? spec->name : "", spec->uid);
	CLEANUP(buf_fini) struct buf payload = BUF_INIT;
	CLEANUP(wire_msg_fini) struct wire_msg answer = WIRE_MSG_INIT;
	CLEANUP_FD int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int cgroup = cgroup_open_v2(all->cgroups, "supervisors");
	int fds[] = {sock, dir_fd, cgroup}, host_pid = spec->host_pid, rc;
	unsigned n_fds = cgroup < 0 ? 2 : 3;
	struct codec out = {.out = &payload};

	if (dir_fd < 0)
		return err_sys(err, errno, "open %s", dir);
	codec_int(&out, &host_pid);
	codec_str(&out, &title);
	rc = ask_zygote(all, &payload, fds, n_fds, &answer);
	if (rc < 0) { /* it was killed: another one */
		wire_msg_fini(&answer);
		if (zygote_start(all, err) < 0)
			return -err->code;
		rc = ask_zygote(all, &payload, fds, n_fds, &answer);
	}
	return rc < 0 ? err_sys(err, -rc, "start a supervisor")
		      : read_answer(&answer, pidfd_out, err);
}

/* Beside our own program: installed, in the build tree, and for tests of the build tree. */
char *supervisor_find(void)
{
	static const char *const places[] = {
		"k8sfs-pod",
		"../libexec/k8sfs/k8sfs-pod",
		"runtime/supervisor/k8sfs-pod",
		"../../runtime/supervisor/k8sfs-pod",
		"../lib/k8sfs/k8sfs-pod",
	};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n < 0)
		return NULL;
	self[n] = '\0';
	slash = strrchr(self, '/');
	*slash = '\0';
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", self, places[i]);

		if (access(path, X_OK) == 0)
			return realpath(path, NULL);
	}
	return NULL;
}
