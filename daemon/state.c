/* SPDX-License-Identifier: MIT */
#include "daemon/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "objects/codec.h"
#include "util/fd.h"

struct state_lock {
	int fd;
};

#define RETRY_MS 10 /* flock(2) cannot wait with a timeout */

/* A state directory that others can read would show them Secrets. */
static int make_private_dir(const char *path, struct err *err)
{
	struct stat st;
	int rc = fd_mkdir_p(path, 0700, err);

	if (rc)
		return rc;
	if (stat(path, &st) != 0)
		return err_sys(err, errno, "%s", path);
	if (st.st_uid != geteuid())
		return err_set(err, EPERM,
			       "%s belongs to uid %u, not to the daemon's user: chown it, or "
			       "choose another directory",
			       path, st.st_uid);
	if ((st.st_mode & 0077) && chmod(path, 0700) != 0)
		return err_sys(err, errno, "chmod %s", path);
	return 0;
}

static long holder_pid(int fd)
{
	char text[32] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	return n > 0 ? strtol(text, NULL, 10) : 0;
}

static int try_lock(int fd, unsigned timeout_ms)
{
	struct timespec nap = {0, RETRY_MS * 1000000L};

	for (unsigned waited = 0;; waited += RETRY_MS) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (waited >= timeout_ms)
			return -EBUSY;
		nanosleep(&nap, NULL);
	}
}

struct state_lock *state_lock_wait(const struct options *o, unsigned timeout_ms, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/lock", o->state);
	CLEANUP_FD int fd = -1;
	struct state_lock *l;
	char pid[32];
	int rc;

	if (make_private_dir(o->state, err) || make_private_dir(o->run, err))
		return NULL;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		err_sys(err, errno, "%s", path);
		return NULL;
	}
	rc = try_lock(fd, timeout_ms);
	if (rc == -EBUSY) {
		err_set(err, EBUSY,
			"%s is in use by another k8sfs (process %ld): stop that one first (k8sfs "
			"--stop MOUNTPOINT), or give this "
			"one a --state of its own",
			o->state, holder_pid(fd));
		return NULL;
	}
	if (rc) {
		err_sys(err, -rc, "lock %s", path);
		return NULL;
	}
	snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, strlen(pid), 0) < 0) {
		err_sys(err, errno, "%s", path);
		return NULL;
	}
	l = xcalloc(1, sizeof(*l));
	l->fd = fd_steal(&fd);
	return l;
}

struct state_lock *state_lock(const struct options *o, struct err *err)
{
	return state_lock_wait(o, 0, err);
}

void state_unlock(struct state_lock *l)
{
	if (!l)
		return;
	close(l->fd);
	free(l);
}

/* -- what is known of a daemon that ended -- */

#define RECORD_MAX 65536

static char *record_path(const struct options *o)
{
	return xasprintf("%s/daemon.json", o->state);
}

int state_record(const struct options *o, struct err *err)
{
	CLEANUP_FREE char *path = record_path(o);
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	CLEANUP_VALUE struct value *v = value_new_map();

	v = value_set_str(STEAL(v), "mountpoint", o->mountpoint);
	v = value_set_str(STEAL(v), "run", o->run);
	v = value_set_str(STEAL(v), "podCIDR", o->pod_cidr);
	v = value_set_str(STEAL(v), "serviceCIDR", o->service_cidr);
	json_render(v, &text);
	buf_addc(&text, '\n');
	return fd_replace_file(path, text.data, text.len, 0600, 0, err);
}

int state_recall(struct options *o, struct value **keep, struct err *err)
{
	CLEANUP_FREE char *path = record_path(o);
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	int rc = fd_read_file(path, RECORD_MAX, &text, err);

	if (rc)
		return rc;
	*keep = json_parse(buf_str(&text), text.len, err);
	if (!*keep)
		return err_wrap(err, "%s", path);
	if (!o->run_given)
		o->run = value_str(value_get(*keep, "run"), o->run);
	o->pod_cidr = value_str(value_get(*keep, "podCIDR"), o->pod_cidr);
	o->service_cidr = value_str(value_get(*keep, "serviceCIDR"), o->service_cidr);
	return 0;
}

/* -- the end of all traces -- */

/* Only what a daemon makes: a directory that holds something else stays, with that. */
static int remove_names(const char *dir, const char *const *names, struct err *err)
{
	for (; *names; names++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", dir, *names);
		int rc = fd_remove_tree(path, err);

		if (rc)
			return rc;
	}
	if (rmdir(dir) != 0 && errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT &&
	    errno != EBUSY)
		return err_sys(err, errno, "rmdir %s", dir);
	return 0;
}

int state_remove(const struct options *o, struct err *err)
{
	static const char *const in_run[] = {"pods", "net", "volumes", "k8sfs.log", NULL};
	static const char *const in_state[] = {
		"pods",         "ids",         "images",      "k8sfs.db",    "k8sfs.db-wal",
		"k8sfs.db-shm", "daemon.json", "tokens.jwks", "ca.key",      "ca.crt",
		"audit.log",    "audit.log.1", "audit.log.2", "audit.log.3", "audit.log.4",
		"lock",         NULL};
	int rc = remove_names(o->run, in_run, err);

	return rc ? rc : remove_names(o->state, in_state, err);
}
