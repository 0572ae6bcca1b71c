/* SPDX-License-Identifier: MIT */
/* Removing trees may take long: one thread does it, in order. */
#include <dirent.h>
#include <errno.h>
#include <sys/mount.h>
#include <time.h>

#include "runtime/agent/real.h"
#include "util/fd.h"
#include "util/log.h"

struct job {
	struct job *next;
	char **paths;
	ops_done_fn done;
	void *arg;
};

struct cleaner {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct job *first, **last; /* lock */
	int ending;                /* lock */
};

/* Mounts of ours directly below: tmpfs of emptyDir, overlays of image volumes. */
static void unmount_below(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		CLEANUP_FREE char *child = xasprintf("%s/%s", path, e->d_name);

		if (e->d_type != DT_DIR || str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		while (umount2(child, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
			; /* EINVAL: not a mount point */
	}
	if (d)
		closedir(d);
}

/* A supervisor may still be writing how a run ended, beside what is being removed. */
static int remove_tree(const char *path, struct err *err)
{
	const struct timespec moment = {0, 20000000};
	int rc = 0;

	for (int round = 0; round < 10; round++) {
		err_clear(err);
		unmount_below(path);
		rc = fd_remove_tree(path, err);
		if (err->code != ENOTEMPTY && err->code != EBUSY)
			break;
		nanosleep(&moment, NULL);
	}
	return rc;
}

static void run_job(struct job *j)
{
	int rc = 0;

	for (char **p = j->paths; *p; p++) {
		struct err err = ERR_INIT;

		if (remove_tree(*p, &err)) {
			log_warn("removing %s: %s", *p, err.msg);
			rc = -err.code;
		}
		free(*p);
	}
	free(j->paths);
	j->done(j->arg, rc);
	free(j);
}

static void *run(void *arg)
{
	struct cleaner *c = arg;

	pthread_mutex_lock(&c->lock);
	while (c->first || !c->ending) {
		struct job *j = c->first;

		if (!j) {
			pthread_cond_wait(&c->wake, &c->lock);
			continue;
		}
		c->first = j->next;
		if (!c->first)
			c->last = &c->first;
		pthread_mutex_unlock(&c->lock);
		run_job(j);
		pthread_mutex_lock(&c->lock);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

struct cleaner *cleaner_new(void)
{
	struct cleaner *c = xcalloc(1, sizeof(*c));

	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->wake, NULL);
	c->last = &c->first;
	if (pthread_create(&c->thread, NULL, run, c)) {
		log_error("no thread to remove files with");
		abort();
	}
	return c;
}

void cleaner_free(struct cleaner *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->ending = 1;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->wake);
	free(c);
}

void cleaner_add(struct cleaner *c, char **paths, ops_done_fn done, void *arg)
{
	struct job *j = xcalloc(1, sizeof(*j));

	*j = (struct job){NULL, paths, done, arg};
	pthread_mutex_lock(&c->lock);
	*c->last = j;
	c->last = &j->next;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
}
