/* SPDX-License-Identifier: MIT */
/* Mounting, the threads that answer, unmounting. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "fs/changes.h"
#include "fs/content.h"
#include "fs/dir_times.h"
#include "fs/exec_dir.h"
#include "fs/fields.h"
#include "fs/fs_i.h"
#include "fs/images_dir.h"
#include "fs/log_text.h"
#include "fs/log_watch.h"
#include "fs/memfile.h"
#include "fs/notifier.h"
#include "fs/permission.h"
#include "fs/stream.h"
#include "fs/tenant.h"
#include "fs/workers.h"
#include "util/fd.h"
#include "util/jobs.h"
#include "util/log.h"

#define FUSE_MAGIC  0x65735546
#define MAX_DETOURS 512 /* requests that wait for a webhook at a time */

/* -- the mount point -- */

int fs_detach_stale(const char *mountpoint, struct err *err)
{
	struct statfs st;

	/* Not stat(2): the kernel may still have the root's attributes of a daemon that is gone. */
	if (statfs(mountpoint, &st) < 0) {
		if (errno == ENOENT)
			return 0;
		if (errno != ENOTCONN && errno != ECONNABORTED)
			return err_sys(err, errno, "mount point %s", mountpoint);
		log_info("%s: detaching the mount of a daemon that is gone", mountpoint);
		if (umount2(mountpoint, MNT_DETACH) < 0)
			return err_sys(err, errno, "detaching the stale mount on %s", mountpoint);
		return 1;
	}
	if (st.f_type == FUSE_MAGIC)
		return err_set(err, EBUSY,
			       "%s is mounted and alive: stop that daemon first (k8sfs --stop %s)",
			       mountpoint, mountpoint);
	return 0;
}

static int prepare_mountpoint(const char *mountpoint, struct err *err)
{
	int rc;

	do {
		rc = fs_detach_stale(mountpoint, err);
	} while (rc == 1); /* mounts may be stacked */
	if (rc < 0)
		return rc;
	return fd_mkdir_p(mountpoint, 0755, err);
}

/* The source of the mount is the state directory: that says whose mount it is. */
static char *mount_options(const struct fs *fs)
{
	struct buf out = BUF_INIT;

	buf_adds(&out, "allow_other,default_permissions,nosuid,nodev,subtype=k8sfs,fsname=");
	for (const char *s = fs->state_dir; *s; s++) {
		if (*s == ',' || *s == '\\')
			buf_addc(&out, '\\');
		buf_addc(&out, *s);
	}
	return buf_steal(&out);
}

static struct fuse_session *new_session(struct fs *fs)
{
	static char name[] = "k8sfs", option[] = "-o";
	CLEANUP_FREE char *options = mount_options(fs);
	char *argv[] = {name, option, options, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, argv);
	struct fuse_session *se =
		fuse_session_new(&args, &fs_operations, sizeof(fs_operations), fs);

	fuse_opt_free_args(&args);
	return se;
}

static void copy_config(struct fs *fs, const struct fs_config *cfg)
{
	fs->mountpoint = xstrdup(cfg->mountpoint);
	fs->state_dir = xstrdup(cfg->state_dir ? cfg->state_dir : "/");
	fs->version = xstrdup(cfg->version ? cfg->version : "");
	fs->kubernetes_version = xstrdup(cfg->kubernetes_version ? cfg->kubernetes_version : "");
	fs->api = cfg->api;
	fs->store = api_store(cfg->api);
	fs->manifests = cfg->manifests;
	fs->identities = cfg->identities;
	fs->rbac = cfg->rbac;
	fs->audit = cfg->audit;
	fs->rooms = cfg->rooms;
	clock_gettime(CLOCK_REALTIME, &fs->started);
}

static void free_parts(struct fs *fs)
{
	permissions_stop(fs->permissions);
	notifier_stop(fs->notifier);
	if (fs->streams)
		streams_stop(fs->streams);
	jobs_free(fs->jobs);
	handles_drop(fs);
	dirs_drop(fs);
	changes_free(fs->changes);
	notifier_free(fs->notifier);
	streams_free(fs->streams);
	log_watches_free(fs->log_watches);
	workers_free(fs->workers);
	if (fs->session)
		fuse_session_destroy(fs->session);
	tenants_free(fs->tenants);
	permissions_free(fs->permissions);
	nodes_free(fs->nodes);
	contents_free(fs->contents);
	dir_times_free(fs->dir_times);
	memfiles_free(fs->memfiles);
	fields_made_free(fs->made);
	execs_free(fs->execs);
	open_logs_free(fs->open_logs);
	recent_archives_free(fs->recent);
	images_seen_free(fs->images_seen);
	pthread_mutex_destroy(&fs->open_lock);
	free(fs->mountpoint);
	free(fs->state_dir);
	free(fs->version);
	free(fs->kubernetes_version);
	free(fs);
}

struct fs *fs_mount(const struct fs_config *cfg, struct err *err)
{
	struct fs *fs;

	if (prepare_mountpoint(cfg->mountpoint, err) < 0)
		return NULL;
	fs = xcalloc(1, sizeof(*fs));
	copy_config(fs, cfg);
	pthread_mutex_init(&fs->open_lock, NULL);
	fs->nodes = nodes_new(&row_root);
	fs->contents = contents_new();
	fs->jobs = jobs_new("detour", MAX_DETOURS);
	fs->dir_times = dir_times_new();
	fs->memfiles = memfiles_new();
	fs->tenants = tenants_new();
	fs->made = fields_made_new();
	fs->execs = execs_new();
	fs->open_logs = open_logs_new();
	fs->recent = recent_archives_new();
	fs->images_seen = images_seen_new();
	fs->session = new_session(fs);
	if (!fs->session || fuse_session_mount(fs->session, cfg->mountpoint) < 0) {
		err_set(err, EIO, "mounting on %s failed (is /dev/fuse there, and are you root?)",
			cfg->mountpoint);
		if (fs->session)
			fuse_session_destroy(STEAL(fs->session));
		free_parts(fs);
		return NULL;
	}
	/* children that are started must not keep the mount alive */
	fcntl(fuse_session_fd(fs->session), F_SETFD, FD_CLOEXEC);
	fs->workers = workers_new(fs->session);
	fs->streams = streams_new(fs);
	fs->log_watches = log_watches_new(fs);
	fs->changes = changes_new(fs);
	fs->permissions = permissions_new(fs);
	fs->notifier = notifier_new(fs);
	return fs;
}

/* -- threads -- */

static void *run_loop(void *arg)
{
	struct fs *fs = arg;

	workers_run(fs->workers);
	fs->gone = 1;
	if (!fs->stopping) {
		log_warn("%s was unmounted from outside", fs->mountpoint);
		if (fs->on_gone)
			fs->on_gone(fs->on_gone_arg);
	}
	return NULL;
}

int fs_serve(struct fs *fs, struct err *err)
{
	int rc;

	images_changed(fs, NULL);
	rc = pthread_create(&fs->loop, NULL, run_loop, fs);
	if (rc)
		return err_sys(err, rc, "starting the tree's threads");
	fs->serving = 1;
	return 0;
}

int fs_gone(const struct fs *fs)
{
	return fs->gone;
}

void fs_on_gone(struct fs *fs, void (*fn)(void *arg), void *arg)
{
	fs->on_gone = fn;
	fs->on_gone_arg = arg;
}

static void end_loop(struct fs *fs)
{
	do
		workers_end(fs->workers);
	while (!workers_joined(fs->loop));
}

void fs_unmount(struct fs *fs)
{
	if (!fs)
		return;
	fs->stopping = 1;
	permissions_stop(fs->permissions);
	notifier_stop(fs->notifier);
	streams_stop(fs->streams);
	if (fs->serving)
		end_loop(fs);
	while (fs->n_background)
		usleep(1000); /* commits and imports under way answer their requests first */
	/* closes the device, which ends what clients still wait for, and detaches the mount */
	fuse_session_unmount(fs->session);
	free_parts(fs);
}
