/* SPDX-License-Identifier: MIT */
#include "fs/trim.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <unistd.h>

#include "fs/fs_i.h"
#include "util/fd.h"
#include "util/log.h"

/* Some 8 MB of ours, and twenty times that of the kernel's. */
#define MANY 32768u

/* Walks the path to the mount point, but sends no request to the mount itself. */
static int shrink_dentries(const char *mountpoint)
{
	CLEANUP_FD int fd = fspick(AT_FDCWD, mountpoint, FSPICK_CLOEXEC | FSPICK_NO_AUTOMOUNT);

	if (fd < 0 || fsconfig(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
		return -errno;
	return 0;
}

/* The kernel's forgets come as requests: until no more do. */
static size_t await_forgets(struct nodes *all)
{
	size_t left = nodes_count(all), before;

	do {
		before = left;
		usleep(20 * 1000);
		left = nodes_count(all);
	} while (left < before);
	return left;
}

static void *trim(void *arg)
{
	struct fs *fs = arg;
	size_t before = nodes_count(fs->nodes), left;
	int rc = shrink_dentries(fs->mountpoint);

	if (rc < 0)
		log_debug("%s: the kernel does not shrink its cache of names: %s", fs->mountpoint,
			  strerror(-rc));
	left = await_forgets(fs->nodes);
	malloc_trim(0);
	/* what is in use cannot go: not again before as many have come */
	fs->trim_above = left + (left > MANY ? left : MANY);
	log_debug("%zu of %zu nodes are in use", left, before);
	fs->trimming = 0;
	fs->n_background--;
	return NULL;
}

void trim_if_many(struct fs *fs)
{
	size_t above = fs->trim_above ? fs->trim_above : MANY;
	pthread_attr_t attr;
	pthread_t thread;

	if (nodes_count(fs->nodes) < above || atomic_exchange(&fs->trimming, 1))
		return;
	fs->n_background++;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, trim, fs)) {
		fs->trimming = 0;
		fs->n_background--;
	}
	pthread_attr_destroy(&attr);
}
