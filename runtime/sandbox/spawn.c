/* SPDX-License-Identifier: MIT */
/* Starting a supervisor: a new process in a pid namespace of its own, without copying the daemon's memory. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/sandbox/sandbox_i.h"
#include "util/fd.h"

#define STACK_SIZE 65536

struct start { /* for the child, which shares our memory until it executes */
	const char *path, *dir;
	char *const *argv;
	int sock, null, error;
};

/* Only system calls: other threads of the daemon may hold any lock. */
static int in_child(void *arg)
{
	struct start *s = arg;
	static char *const no_env[] = {NULL};

	signal(SIGCHLD, SIG_DFL);
	if (setsid() < 0 || chdir(s->dir) < 0 || dup2(s->sock, 3) < 0 || dup2(s->null, 0) < 0 ||
	    dup2(s->null, 1) < 0 || dup2(s->null, 2) < 0 || close_range(4, ~0U, 0) < 0) {
		s->error = errno;
		_exit(127);
	}
	execve(s->path, s->argv, no_env);
	s->error = errno;
	_exit(127);
}

static pid_t spawn(struct sandboxes *all, struct start *s, int host_pid, int *pidfd_out)
{
	int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD | (host_pid ? 0 : CLONE_NEWPID);
	sigset_t every, before;
	pid_t pid;
	int saved;

	/* A signal handler of ours must not run in the child. */
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	pid = clone(in_child, (char *)all->stack + STACK_SIZE, flags, s, pidfd_out);
	saved = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	return pid;
}

pid_t supervisor_spawn(struct sandboxes *all, const struct sandbox_spec *spec, const char *dir, int sock,
		       int *pidfd_out, struct err *err)
{
	CLEANUP_FREE char *name = xasprintf("%s/%s", spec->ns ? spec->ns : "", spec->name ? spec->name : "");
	CLEANUP_FREE char *uid = xstrdup(spec->uid), *program = xstrdup("k8sfs-pod");
	/* Above 3, so that the child's dup2 onto 0 to 3 cannot hit them. */
	CLEANUP_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	CLEANUP_FD int high_null = null < 0 ? -1 : fcntl(null, F_DUPFD_CLOEXEC, 4);
	CLEANUP_FD int high_sock = fcntl(sock, F_DUPFD_CLOEXEC, 4);
	char *argv[] = {program, name, uid, NULL};
	struct start s = {all->supervisor, dir, argv, high_sock, high_null, 0};
	pid_t pid;

	if (!all->stack) {
		all->stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
		if (all->stack == MAP_FAILED) {
			all->stack = NULL;
			return err_sys(err, errno, "stack");
		}
	}
	if (high_null < 0 || high_sock < 0)
		return err_sys(err, errno, "descriptors for %s", all->supervisor);
	*pidfd_out = -1;
	pid = spawn(all, &s, spec->host_pid, pidfd_out);
	if (pid < 0)
		return err_sys(err, errno, "start %s", all->supervisor);
	if (s.error) {
		fd_close_at(pidfd_out);
		return err_sys(err, s.error, "start %s", all->supervisor);
	}
	return pid;
}

/* Beside our own program: installed, in the build tree, and for tests of the build tree. */
char *supervisor_find(void)
{
	static const char *const places[] = {
		"k8sfs-pod", "../libexec/k8sfs/k8sfs-pod", "runtime/supervisor/k8sfs-pod",
		"../../runtime/supervisor/k8sfs-pod", "../lib/k8sfs/k8sfs-pod",
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
