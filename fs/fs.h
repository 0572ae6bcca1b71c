/* SPDX-License-Identifier: MIT */
/*
 * The tree: a mounted filesystem whose files are the objects of the store.
 *
 * fs_mount() mounts it, fs_serve() starts answering, fs_unmount() ends it. What the
 * tree shows of other rooms (containers' logs, exec, images, network tables, the
 * daemon's own verbs) comes through `struct fs_rooms`, filled in by main.c, so that
 * fs depends on auth and objects only.
 *
 * Locking: fs_mount, fs_serve and fs_unmount from one thread. Functions of fs_rooms are
 * called from the tree's threads, several at once; they must not touch the mount.
 */
#pragma once

#include <sys/stat.h>

#include "auth/audit.h"
#include "auth/authorize.h"
#include "auth/identity.h"
#include "objects/api.h"
#include "util/loop.h"
#include "objects/manifest.h"

struct fs;

/* A container of a pod on this node, by the pod's uid. Borrowed strings. */
struct fs_container {
	const char *pod_uid, *ns, *pod, *container;
};

/* A conversation of exec/: the ends are the tree's from then on (it closes them). */
struct fs_exec {
	char *const *argv; /* NULL-terminated */
	int tty;
	unsigned rows, columns;
	/* results; -1: none */
	int in, out, error;
	int status; /* "<exit code>\n" and EOF once the command ended */
	pid_t pid;
};

/*
 * The files of a running container, as its first process may use them (runtime/container_files.h
 * says more). path: names only, relative to the container's root, which is "". Ids as inside.
 * Return: 0, or -errno with err.
 */
struct fs_container_files {
	/* What is no file, directory or link is shown as a socket. */
	int (*stat)(void *runtime, const struct fs_container *c, const char *path, struct stat *out,
		    struct err *err);
	/* A link's target, relative and never out of the container's root. */
	int (*readlink)(void *runtime, const struct fs_container *c, const char *path,
			struct buf *out, struct err *err);
	int (*list)(void *runtime, const struct fs_container *c, const char *path,
		    void (*fn)(void *arg, const char *name, unsigned char type), void *arg,
		    struct err *err);
	/* A regular file: its descriptor, the tree's from then on. */
	int (*open)(void *runtime, const struct fs_container *c, const char *path, int flags,
		    mode_t mode, struct err *err);
	int (*mkdir)(void *runtime, const struct fs_container *c, const char *path, mode_t mode,
		     struct err *err);
	int (*symlink)(void *runtime, const struct fs_container *c, const char *path,
		       const char *target, struct err *err);
	int (*remove)(void *runtime, const struct fs_container *c, const char *path, int is_dir,
		      struct err *err);
	int (*rename)(void *runtime, const struct fs_container *c, const char *path, const char *to,
		      unsigned flags, struct err *err);
	/* The members of st that `what` names (enum fs_set). */
	int (*set)(void *runtime, const struct fs_container *c, const char *path,
		   const struct stat *st, unsigned what, struct err *err);
};
enum fs_set {
	FS_SET_MODE = 1,
	FS_SET_UID = 2,
	FS_SET_GID = 4,
	FS_SET_ATIME = 8,
	FS_SET_MTIME = 16
};

/* A verb of a `ctl` file that another room acts upon. */
struct fs_verb {
	const char *name;
	const char *usage; /* "kill [SIGNAL]": what reading `ctl` prints */
	const char *doc;
	/* args[0] is the verb itself, NULL-terminated. Return: 0 or -errno with err. */
	int (*run)(void *room, const struct identity *who, const char *const *args,
		   struct err *err);
};

/* Everything is optional: a NULL function answers EOPNOTSUPP (or an empty file). */
struct fs_rooms {
	void *runtime;
	/* Host path of the container's CRI log, owned by the caller; previous: of the run before.
	 * -ENOENT: no log yet. */
	int (*log_path)(void *runtime, const struct fs_container *c, int previous, char **path_out,
			struct err *err);
	int (*container_stats)(void *runtime, const struct fs_container *c, struct buf *out,
			       struct err *err);
	/* signal: "TERM", "SIGTERM" or "15". */
	int (*container_kill)(void *runtime, const struct fs_container *c, const char *signal,
			      struct err *err);
	int (*container_exec)(void *runtime, const struct fs_container *c, struct fs_exec *exec,
			      struct err *err);
	/* May take long. image: a reference. */
	int (*container_commit)(void *runtime, const struct fs_container *c, const char *image,
				struct err *err);
	const struct fs_container_files *files; /* NULL: none */

	void *images;
	/* A table: header line, then one image a line, its reference first. */
	void (*images_list)(void *images, struct buf *out);
	/* All images of the archive behind fd (read from its start); reports a line for each. May
	 * take long. */
	int (*images_import)(void *images, int fd, struct buf *report, struct err *err);
	int (*images_remove)(void *images, const char *reference, struct err *err);
	/* One line written to images/ctl, as words ("pull", "nginx:1.27"). */
	const struct fs_verb *images_verbs; /* ended by a row without a name */

	void *net;
	const char *const *net_files; /* names of the tables in net/, NULL-terminated */
	int (*net_render)(void *net, const char *what, struct buf *out, struct err *err);

	void *daemon;
	/* "<namespace>:<name>" of the ServiceAccount of the pod that the process is in, though it
	 * has ids of the host. Return: 0: it is in no such pod. */
	int (*account_of_process)(void *daemon, pid_t pid, struct buf *out);
	const struct fs_verb *daemon_verbs; /* /k8s/ctl, ended by a row without a name */
	/* Lines about what is wrong with other rooms; nothing: all is well. */
	void (*health)(void *daemon, struct buf *out);
	/* More figures in Prometheus' text format. */
	void (*metrics)(void *daemon, struct buf *out);
};

struct fs_config {
	const char *mountpoint;
	const char *state_dir; /* images/tmp below it holds archives while they are copied in */
	const char *version;   /* "0.1.0" */
	const char *kubernetes_version; /* "v1.36" */
	struct api *api;
	struct manifests *manifests;
	struct identities *identities;
	struct rbac *rbac;
	struct audit *audit;   /* NULL: none */
	struct fs_rooms rooms; /* copied */
};

/*
 * Mount. A stale mount on the same place (its daemon is gone: ENOTCONN) is detached first; one
 * that is alive is refused with -EBUSY. The directory is made when missing. NULL with err.
 * Nothing is answered before fs_serve().
 */
struct fs *fs_mount(const struct fs_config *cfg, struct err *err);
/* Start the threads that answer. From now on processes may use the tree. */
int fs_serve(struct fs *fs, struct err *err) MUST_CHECK;
/* True once somebody unmounted the tree from outside. */
int fs_gone(const struct fs *fs);
/* Call fn(arg) from a thread of the tree when it was unmounted from outside. Before fs_serve(). */
void fs_on_gone(struct fs *fs, void (*fn)(void *arg), void *arg);
/*
 * Detach the mount, answer everything that waits, end all threads, free. The store must still be
 * there, and no new object writes may be under way that answer requests of the tree: call it before
 * manifests_free(), api_free() and store_close().
 */
void fs_unmount(struct fs *fs);
/* Detach a dead mount (ENOTCONN). Return: 1 if there was one, 0 if not, -EBUSY when one is alive,
 * -errno. */
int fs_detach_stale(const char *mountpoint, struct err *err);

/* docs/files.md: every row of the table with its documentation. */
void fs_render_docs(struct buf *out);
