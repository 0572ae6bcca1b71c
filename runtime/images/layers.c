/* SPDX-License-Identifier: MIT */
/* Layers by digest, counted; and the removal of those nobody needs, aside. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/images/store_i.h"
#include "util/fd.h"
#include "util/log.h"

#define REMOVAL_TRIES    50
#define REMOVAL_PAUSE_US 10000

int layer_on_disk(const struct images *im, const char *hex)
{
	CLEANUP_FREE char *path = images_path(im, "layers", hex);
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

struct layer *layer_pin(struct images *im, const char *hex)
{
	struct layer *l;

	pthread_mutex_lock(&im->lock);
	l = strmap_get(&im->layers, hex);
	if (l)
		l->refs++;
	pthread_mutex_unlock(&im->lock);
	return l;
}

static struct layer *insert(struct images *im, const char *hex, uint64_t size)
{
	struct layer *l = xcalloc(1, sizeof(*l));

	memcpy(l->hex, hex, DIGEST_HEX_SIZE);
	l->size = size;
	l->refs = 1;
	strmap_set(&im->layers, hex, l);
	return l;
}

struct layer *layer_adopt(struct images *im, const char *hex, const char *tmp, uint64_t size,
			  struct err *err)
{
	CLEANUP_FREE char *path = images_path(im, "layers", hex);
	struct layer *l;

	pthread_mutex_lock(&im->lock);
	l = strmap_get(&im->layers, hex);
	if (l)
		l->refs++;
	else if (!tmp || rename(tmp, path) == 0)
		l = insert(im, hex, size);
	else
		err_sys(err, errno, "rename %s to %s", tmp, path);
	pthread_mutex_unlock(&im->lock);
	return l;
}

void layer_unpin(struct images *im, struct layer *l)
{
	CLEANUP_FREE char *path = images_path(im, "layers", l->hex);
	CLEANUP_FREE char *trash = NULL;
	int gone = 0;

	pthread_mutex_lock(&im->lock);
	if (--l->refs == 0) {
		trash = xasprintf("%s/tmp/" TRASH "%lu", im->dir, im->serial++);
		if (rename(path, trash) < 0)
			log_warn("rename %s: %s", path, strerror(errno));
		strmap_del(&im->layers, l->hex);
		free(l);
		gone = 1;
	}
	pthread_mutex_unlock(&im->lock);
	if (gone)
		images_sweep(im);
}

/* -- removal -- */

/*
 * The worker of a daemon that was killed dies with it, but a moment later: until then it may add
 * to what is removed.
 */
static int remove_for_good(const char *path, struct err *err)
{
	for (int i = 0; i < REMOVAL_TRIES; i++) {
		struct err busy = ERR_INIT;

		if (fd_remove_tree(path, &busy) != -ENOTEMPTY)
			return busy.code ? err_set(err, busy.code, "%s", busy.msg) : 0;
		usleep(REMOVAL_PAUSE_US);
	}
	return fd_remove_tree(path, err);
}

static void remove_trash(const char *tmp)
{
	DIR *dir = opendir(tmp);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		CLEANUP_FREE char *path = NULL;
		struct err err = ERR_INIT;

		if (!str_starts(e->d_name, TRASH))
			continue;
		path = xasprintf("%s/%s", tmp, e->d_name);
		if (remove_for_good(path, &err) < 0)
			log_warn("%s", err.msg);
	}
	if (dir)
		closedir(dir);
}

static void *sweep(void *arg)
{
	struct images *im = arg;
	CLEANUP_FREE char *tmp = xasprintf("%s/tmp", im->dir);

	pthread_mutex_lock(&im->lock);
	while (im->sweep_again) {
		im->sweep_again = 0;
		pthread_mutex_unlock(&im->lock);
		remove_trash(tmp);
		pthread_mutex_lock(&im->lock);
	}
	im->sweeping = 0;
	pthread_cond_broadcast(&im->idle);
	pthread_mutex_unlock(&im->lock);
	return NULL;
}

void images_sweep(struct images *im)
{
	pthread_attr_t detached;
	pthread_t thread;
	int start;

	pthread_mutex_lock(&im->lock);
	im->sweep_again = 1;
	start = !im->sweeping;
	im->sweeping = 1;
	pthread_mutex_unlock(&im->lock);
	if (!start)
		return;
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &detached, sweep, im) != 0)
		sweep(im);
	pthread_attr_destroy(&detached);
}
