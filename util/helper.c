/* SPDX-License-Identifier: MIT */
/* Helper programs: see helper.h. */
#include "util/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/fd.h"

#define FDS_MAX 8

/* Installed (sbin and libexec, or all in one directory), in the build tree, and for tests of it. */
char *helper_find(const char *name, const char *room, struct err *err)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n < 0) {
		err_sys(err, errno, "/proc/self/exe");
		return NULL;
	}
	self[n] = '\0';
	slash = strrchr(self, '/');
	*slash = '\0';
	char *const places[] = {
		xasprintf("%s/%s", self, name),
		xasprintf("%s/../libexec/k8sfs/%s", self, name),
		xasprintf("%s/%s/%s", self, room, name),
		xasprintf("%s/../../%s/%s", self, room, name),
		xasprintf("%s/../lib/k8sfs/%s", self, name),
	};
	char *found = NULL;

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		if (!found && access(places[i], R_OK) == 0)
			found = realpath(places[i], NULL);
		free(places[i]);
	}
	if (!found)
		err_set(err, ENOENT, "%s: not found beside %s", name, self);
	return found;
}

/* Each above those that the helper will have, so that no dup2() hits one that is still to come. */
static int raise_fds(const int *fds, size_t n, int *high, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		CLEANUP_FD int null = fds[i] < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;

		high[i] = fcntl(fds[i] < 0 ? null : fds[i], F_DUPFD_CLOEXEC, FDS_MAX);
		if (high[i] < 0)
			return err_sys(err, errno, "descriptors of a helper");
	}
	return 0;
}

static int spawn(const char *path, const int *high, size_t n, pid_t *pid)
{
	char lang[] = "LANG=C.UTF-8", *const env[] = {lang, NULL};
	char *const argv[] = {(char *)path, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawn_file_actions_init(&files);
	for (size_t i = 0; i < n; i++)
		posix_spawn_file_actions_adddup2(&files, high[i], (int)i);
	posix_spawn_file_actions_addclosefrom_np(&files, n > 3 ? (int)n : 3);
	rc = posix_spawn(pid, path, &files, &attr, argv, env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return rc;
}

pid_t helper_start(const char *path, const int *fds, size_t n_fds, struct err *err)
{
	int high[FDS_MAX] = {-1, -1, -1, -1, -1, -1, -1, -1};
	pid_t pid = -1;
	int rc = n_fds > FDS_MAX ? err_set(err, EINVAL, "too many descriptors")
				 : raise_fds(fds, n_fds, high, err);

	if (rc == 0 && (rc = spawn(path, high, n_fds, &pid)) != 0)
		rc = err_sys(err, rc, "start %s", path);
	for (size_t i = 0; i < ARRAY_LEN(high); i++)
		fd_close_at(&high[i]);
	return rc < 0 ? rc : pid;
}

int helper_wait(pid_t pid, const char *name, struct err *err)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(err, errno, "wait for %s", name);
	if (WIFSIGNALED(status))
		return err_set(err, EIO, "%s was ended by signal %d (%s)", name, WTERMSIG(status),
			       strsignal(WTERMSIG(status)));
	return WEXITSTATUS(status)
		       ? err_set(err, EIO, "%s ended with status %d", name, WEXITSTATUS(status))
		       : 0;
}
