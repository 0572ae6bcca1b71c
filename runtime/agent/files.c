/* SPDX-License-Identifier: MIT */
/* What the tree shows of containers. Any thread. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/agent/cspec.h"
#include "runtime/agent/real.h"
#include "util/fd.h"

const char agent_container_ctl_usage[] =
	"kill [SIGNAL]\tsend a signal (TERM) to the container's first process\n";

/* Names come from paths in the tree. */
static int is_plain(const char *s)
{
	return *s && !strchr(s, '/') && !str_eq(s, ".") && !str_eq(s, "..");
}

/* The number of the newest run that has a log, and of the one before; -1: none. */
static void newest_logs(const char *dir, int *newest, int *before)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	*newest = *before = -1;
	while (d && (e = readdir(d))) {
		char *end;
		long n = strtol(e->d_name, &end, 10);

		if (!isdigit((unsigned char)e->d_name[0]) || !str_eq(end, ".log") || n > INT32_MAX)
			continue;
		if (n > *newest) {
			*before = *newest;
			*newest = (int)n;
		} else if (n > *before) {
			*before = (int)n;
		}
	}
	if (d)
		closedir(d);
}

char *agent_log_path(const struct agent *a, const char *uid, const char *container, int previous,
		     struct err *err)
{
	CLEANUP_FREE char *dir = NULL;
	int newest, before, run;

	if (!is_plain(uid) || !is_plain(container)) {
		err_set(err, ENOENT, "no such container");
		return NULL;
	}
	dir = ctr_dir(a->state_dir, uid, container);
	newest_logs(dir, &newest, &before);
	run = previous ? before : newest;
	if (run < 0) {
		if (previous)
			err_set(err, ENOENT, "previous terminated container \"%s\" not found",
				container);
		else
			err_set(err, ENOENT, "container \"%s\" has not started yet", container);
		return NULL;
	}
	return ctr_log_path(a->state_dir, uid, container, run);
}

int agent_changes_open(const struct agent *a, const char *uid, const char *container,
		       struct err *err)
{
	CLEANUP_FREE char *dir = NULL, *base = NULL, *path = NULL;
	int newest, before, fd;

	if (!is_plain(uid) || !is_plain(container))
		return err_set(err, ENOENT, "no such container");
	dir = ctr_dir(a->state_dir, uid, container);
	newest_logs(dir, &newest, &before);
	if (newest < 0)
		return err_set(err, ENOENT, "container \"%s\" has not started yet", container);
	base = ctr_upper_path(a->state_dir, uid, container, newest);
	path = xasprintf("%s/upper", base);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(err, errno, "the changes of %s", container) : fd;
}

int agent_log_open(const struct agent *a, const char *uid, const char *container, int previous,
		   struct err *err)
{
	CLEANUP_FREE char *path = agent_log_path(a, uid, container, previous, err);
	int fd;

	if (!path)
		return -ENOENT;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? err_sys(err, errno, "log of %s", container) : fd;
}

int agent_container_stats(const struct agent *a, const char *uid, const char *container,
			  struct buf *out, struct err *err)
{
	struct container_stats s;
	int rc = sandbox_stats(a->sandboxes, uid, container, &s, err);

	if (rc)
		return rc;
	buf_addf(out,
		 "cpu_usec %llu\nmemory_bytes %llu\nmemory_peak_bytes %llu\npids %llu\noom_kills "
		 "%llu\n",
		 (unsigned long long)s.cpu_usec, (unsigned long long)s.memory_bytes,
		 (unsigned long long)s.memory_peak_bytes, (unsigned long long)s.pids,
		 (unsigned long long)s.oom_kills);
	return 0;
}

/* -- ctl -- */

/* The writer's, who waits for it; done on the loop. */
struct kill_call {
	struct agent *agent;
	char *uid, *container;
	int signal, rc, over;
	struct err err;
	pthread_mutex_t lock;
	pthread_cond_t done;
};

static void kill_on_loop(void *arg)
{
	struct kill_call *k = arg;
	struct err err = ERR_INIT;
	struct agent *a = k->agent;
	const struct worker *w = a->stopped ? NULL : core_find(a->core, k->uid);
	int rc;

	if (w && w->sb)
		rc = sandbox_signal(w->sb, k->container, k->signal, &err);
	else
		rc = err_set(&err, ESRCH, "container %s is not running", k->container);
	pthread_mutex_lock(&k->lock);
	k->rc = rc;
	k->err = err;
	k->over = 1;
	pthread_cond_signal(&k->done);
	pthread_mutex_unlock(&k->lock); /* k is its writer's again */
	agent_put(a);
}

/* "TERM", "SIGTERM", "15". 0: none such. */
static int signal_number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*text && !*end)
		return n > 0 && n < NSIG ? (int)n : 0;
	if (str_starts(text, "SIG"))
		text += 3;
	for (int s = 1; s < NSIG; s++)
		if (str_eq(sigabbrev_np(s), text))
			return s;
	return 0;
}

static int send_signal(struct agent *a, const char *uid, const char *container, int signal,
		       struct err *err)
{
	struct kill_call k = {.agent = agent_get(a),
			      .uid = (char *)uid,
			      .container = (char *)container,
			      .signal = signal,
			      .err = ERR_INIT};

	pthread_mutex_init(&k.lock, NULL);
	pthread_cond_init(&k.done, NULL);
	loop_post(a->loop, kill_on_loop, &k);
	pthread_mutex_lock(&k.lock);
	while (!k.over)
		pthread_cond_wait(&k.done, &k.lock);
	pthread_mutex_unlock(&k.lock);
	pthread_mutex_destroy(&k.lock);
	pthread_cond_destroy(&k.done);
	return k.rc ? err_set(err, k.err.code, "%s", k.err.msg) : 0;
}

int agent_container_ctl(struct agent *a, const char *uid, const char *container, const char *line,
			struct err *err)
{
	CLEANUP_FREE char *copy = xstrdup(line);
	char *save = NULL;
	const char *verb = strtok_r(copy, " \t\n", &save);
	const char *word = strtok_r(NULL, " \t\n", &save);
	int signal;

	if (!str_eq(verb, "kill"))
		return err_set(err, EINVAL, "%s: unknown command, expected: kill [SIGNAL]",
			       verb ? verb : "");
	signal = signal_number(word ? word : "TERM");
	if (!signal)
		return err_set(err, EINVAL, "%s: unknown signal", word);
	if (strtok_r(NULL, " \t\n", &save))
		return err_set(err, EINVAL, "kill: expected one signal");
	return send_signal(a, uid, container, signal, err);
}
