/* SPDX-License-Identifier: MIT */
/*
 * What one user feels of another who hammers the tree, for scripts/bench and tests.
 *
 *	bench_hammer FILE COUNT UID PROCESSES HIS_UID
 *
 * UID opens, reads and closes FILE COUNT times, alone, and again while PROCESSES of HIS_UID do
 * nothing else. Prints, on one line: the microseconds of one time alone, the same under load, and
 * how many times the others did it for each time of UID's. If requests were answered in the order
 * in which they came, the last would be PROCESSES.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES_MAX 512

struct shared {
	_Atomic unsigned long done;
};

static void die(const char *what)
{
	fprintf(stderr, "hammer: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void become(const char *uid)
{
	uid_t id = (uid_t)strtoul(uid, NULL, 10);
	const struct passwd *user = getpwuid(id);
	gid_t gid = user ? user->pw_gid : id;

	if ((user ? initgroups(user->pw_name, gid) : setgroups(0, NULL)) < 0 ||
	    setresgid(gid, gid, gid) < 0 || setresuid(id, id, id) < 0)
		die("becoming another user");
}

static void read_once(const char *path)
{
	char buf[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die(path);
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	close(fd);
}

static pid_t start_hammer(const char *path, const char *uid, struct shared *s)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	become(uid);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	for (;;) {
		read_once(path);
		s->done++;
	}
}

/* In a process of this user: its time for each, into *us. */
static void measure(const char *path, int count, const char *uid, double *us)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		die("fork");
	if (!pid) {
		double start;

		become(uid);
		read_once(path);
		start = now_us();
		for (int i = 0; i < count; i++)
			read_once(path);
		*us = (now_us() - start) / count;
		_exit(0);
	}
	if (waitpid(pid, &status, 0) < 0 || status != 0)
		exit(1);
}

int main(int argc, char **argv)
{
	struct {
		struct shared hammer;
		double us;
	} *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[PROCESSES_MAX];
	unsigned long before;
	int count, n;
	double alone;

	if (argc != 6 || s == MAP_FAILED || (count = atoi(argv[2])) < 1 ||
	    (n = atoi(argv[4])) < 1 || n > PROCESSES_MAX) {
		fprintf(stderr, "usage: bench_hammer FILE COUNT UID PROCESSES HIS_UID\n");
		return 2;
	}
	measure(argv[1], count, argv[3], &s->us);
	alone = s->us;
	for (int i = 0; i < n; i++)
		pids[i] = start_hammer(argv[1], argv[5], &s->hammer);
	while (s->hammer.done < (unsigned long)n * 10) {
		if (waitpid(-1, NULL, WNOHANG) != 0) {
			fprintf(stderr, "hammer: a process has ended\n");
			return 1;
		}
		usleep(1000);
	}
	before = s->hammer.done;
	measure(argv[1], count, argv[3], &s->us);
	printf("%.1f\t%.1f\t%.2f\n", alone, s->us,
	       (double)(s->hammer.done - before) / (double)count);
	for (int i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	return 0;
}
