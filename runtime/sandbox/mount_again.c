/* SPDX-License-Identifier: MIT */
/*
 * A container that outlived the daemon shows a tree of files that nobody serves any more:
 * what is mounted there is replaced by the tree of the daemon that came back.
 *
 * A thread of its own goes into the container's mount namespace (setns(2): it must not share
 * its root with other threads), and everything on the way there is the container's, so hostile:
 * paths are resolved below its root, without magic links, and only a dead mount is taken away,
 * by its descriptor, so that nobody can make us take away another one. What has its place
 * swapped meanwhile gets the tree at another place of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/sandbox/sandbox_i.h"
#include "util/fd.h"
#include "util/log.h"

struct again {
	struct sandboxes *all;
	char *container, *source, *sub_path, *target;
	int read_only;
	int pidfd, ns; /* of the container */
};

static void again_free(struct again *a)
{
	fd_close_at(&a->pidfd);
	fd_close_at(&a->ns);
	free(a->container);
	free(a->source);
	free(a->sub_path);
	free(a->target);
	free(a);
}

static int resolve(int dir, const char *path, uint64_t how_resolve, struct err *err)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
			       .resolve = how_resolve | RESOLVE_NO_MAGICLINKS};
	int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));

	return fd >= 0 ? fd : err_sys(err, errno, "%s", path);
}

/* The source as a detached mount. */
static int clone_source(const struct again *a, struct err *err)
{
	unsigned attributes =
		MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (a->read_only ? MOUNT_ATTR_RDONLY : 0);
	struct mount_attr attr = {.attr_set = attributes};
	CLEANUP_FD int top = resolve(AT_FDCWD, a->source, 0, err);
	CLEANUP_FD int at = top >= 0 && a->sub_path
				    ? resolve(top, a->sub_path, RESOLVE_BENEATH, err)
				    : fd_steal(&top);
	CLEANUP_FD int tree = -1;

	if (at < 0)
		return at;
	tree = open_tree(at, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0 || mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return err_sys(err, errno, "clone the mount of %s", a->source);
	return fd_steal(&tree);
}

static int enter(int ns, struct err *err)
{
	if (unshare(CLONE_FS) < 0 || setns(ns, CLONE_NEWNS) < 0)
		return err_sys(err, errno, "enter the container's mounts");
	return 0;
}

/* Return: 1 taken away, 0 there is no dead one. fds: the directory of our own descriptors. */
static int take_away_dead(const char *target, int fds, struct err *err)
{
	CLEANUP_FD int at = resolve(AT_FDCWD, target, RESOLVE_IN_ROOT, err);
	struct statfs fs;
	char name[16];

	if (at < 0)
		return at;
	if (fstatfs(at, &fs) == 0 || errno != ENOTCONN)
		return 0;
	snprintf(name, sizeof(name), "%d", at);
	if (fchdir(fds) < 0 || umount2(name, MNT_DETACH) < 0 || chdir("/") < 0)
		return err_sys(err, errno, "unmount what was at %s", target);
	return 1;
}

static int put(int tree, const char *target, struct err *err)
{
	CLEANUP_FD int at = resolve(AT_FDCWD, target, RESOLVE_IN_ROOT, err);
	struct statfs fs;

	if (at < 0)
		return at;
	if (fstatfs(at, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC)
		return err_set(err, EPERM, "%s: it is inside of /proc", target);
	if (move_mount(tree, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_sys(err, errno, "mount %s", target);
	return 0;
}

static int replace(const struct again *a, struct err *err)
{
	CLEANUP_FD int fds = open("/proc/thread-self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int tree = clone_source(a, err);
	int rc;

	if (tree < 0)
		return tree;
	if (fds < 0)
		return err_sys(err, errno, "/proc/thread-self/fd");
	if ((rc = enter(a->ns, err)) < 0)
		return rc;
	rc = take_away_dead(a->target, fds, err);
	return rc > 0 ? put(tree, a->target, err) : rc;
}

static void *run(void *arg)
{
	struct again *a = arg;
	struct sandboxes *all = a->all;
	struct err err = ERR_INIT;

	if (replace(a, &err) < 0)
		log_warn("container %s: %s is not the tree again: %s", a->container, a->target,
			 err.msg);
	again_free(a);
	pthread_mutex_lock(&all->lock);
	all->n_threads--;
	pthread_cond_broadcast(&all->threads_changed);
	pthread_mutex_unlock(&all->lock);
	return NULL;
}

static int spawn(struct again *taken, struct err *err)
{
	struct sandboxes *all = taken->all;
	pthread_attr_t detached;
	pthread_t thread;
	int rc;

	pthread_mutex_lock(&all->lock);
	all->n_threads++;
	pthread_mutex_unlock(&all->lock);
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &detached, run, taken);
	pthread_attr_destroy(&detached);
	if (rc == 0)
		return 0;
	pthread_mutex_lock(&all->lock);
	all->n_threads--;
	pthread_mutex_unlock(&all->lock);
	again_free(taken);
	return err_sys(err, rc, "a thread to mount again");
}

static int find_container(struct again *a, const struct sandbox *sb, struct err *err)
{
	const struct running *r;
	char path[64];

	pthread_mutex_lock(&sb->all->lock);
	r = strmap_get(&sb->containers, a->container);
	if (r && r->pid > 0) {
		snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)r->pid);
		a->ns = open(path, O_RDONLY | O_CLOEXEC);
		a->pidfd = fcntl(r->pidfd, F_DUPFD_CLOEXEC, 0);
	}
	pthread_mutex_unlock(&sb->all->lock);
	/* Still alive afterwards: then the number was this process's when we used it. */
	if (a->ns < 0 || syscall(SYS_pidfd_send_signal, a->pidfd, 0, NULL, 0) < 0)
		return err_set(err, ESRCH, "container %s is not running", a->container);
	return 0;
}

int sandbox_mount_again(struct sandbox *sb, const char *container, const struct mount_spec *m,
			struct err *err)
{
	struct again *a = xcalloc(1, sizeof(*a));
	int rc;

	*a = (struct again){.all = sb->all,
			    .container = xstrdup(container),
			    .source = xstrdup(m->source),
			    .sub_path = xstrdup(m->sub_path),
			    .target = xstrdup(m->target),
			    .read_only = m->read_only,
			    .pidfd = -1,
			    .ns = -1};
	if ((rc = find_container(a, sb, err)) < 0) {
		again_free(a);
		return rc;
	}
	return spawn(a, err);
}

void mounts_again_wait(struct sandboxes *all)
{
	pthread_mutex_lock(&all->lock);
	while (all->n_threads)
		pthread_cond_wait(&all->threads_changed, &all->lock);
	pthread_mutex_unlock(&all->lock);
}
