/* SPDX-License-Identifier: MIT */
/*
 * The two stages between the supervisor and the container's own program.
 * Stage 1 runs in the host's namespaces with the host's rights: it enters the
 * cgroups, opens whatever the host has and makes the mounts, all detached.
 * Stage 2 is its child in the container's namespaces: it puts the mounts in
 * place, gives up every right that the container does not have, and executes.
 *
 * Both only run between clone and execve, so neither frees anything.
 */
#pragma once

#include "runtime/supervisor/pod.h"

/* What stage 2 says on the setup socket, one packet each. */
enum setup_kind {
	SETUP_EXECUTES = 1, /* the next thing is execve */
	SETUP_FAILED,       /* code is what the exit code would be: 126, 127, 128 */
	SETUP_TERMINAL,     /* with the terminal's descriptor */
};

struct setup_msg {
	int kind, code;
	char text[480];
};

/* The next packet of a setup socket (see container.c). Return: 1, 0 for none now, -1 at the end
 * (closed). */
int setup_next(struct watch *w, struct setup_msg *msg, int *fd_out);
void setup_send(int sock, int kind, int code, const char *text, int fd);
_Noreturn void setup_fail(int sock, int code, const struct err *err);

struct planned_mount {
	int fd; /* a detached tree */
	const char *target;
	int is_dir;
	int lock; /* its flags must not be changed inside */
};

struct stage {
	struct container *container;
	int setup;    /* our end of the setup socket */
	int stdio[3]; /* -1: the terminal's */
	int terminal;
	unsigned rows, columns;
	/* made by stage 1 */
	int root, dev, proc, sys, mqueue, shm; /* detached mounts; -1: stage 2 makes its own */
	struct planned_mount *mounts;
	size_t n_mounts;
	/* what to run */
	char **argv, **envp;
	const char *cwd;
};

/* -- start.c -- */
/* in_v2: already in the container's v2 cgroup. Return: the pid of stage 2, as the supervisor
 * numbers it. */
typedef pid_t (*stage_1_fn)(struct stage *s, int in_v2, struct err *err);
/* Run stage 1 in a process of its own and wait for its end. Return: the pid of stage 2, or -errno.
 */
pid_t stages_run(struct stage *s, stage_1_fn first, struct err *err);

/* For the calling process and its children. */
void set_oom_score(const struct container_spec *spec);

/* -- layers.c: stage 1 -- */
int layers_prepare(struct stage *s, struct err *err) MUST_CHECK;

/* -- overlay.c: stage 1 -- */
/* The root: the image's layers, idmapped, under the writable directory. */
int overlay_make(struct stage *s, struct err *err) MUST_CHECK;

/* -- shelf.c -- */
/* Must the flags of this volume be locked? */
int shelf_wants(const struct container_spec *spec, const struct mount_spec *m);
/* Stage 1, the last mounts that it makes: its mount namespace becomes a private one. */
int shelf_fill(struct stage *s, struct err *err) MUST_CHECK;
/* Stage 2, before anything else. */
int shelf_take(struct stage *s, struct err *err) MUST_CHECK;

/* -- rootfs.c: stage 2 -- */
int rootfs_enter(struct stage *s, struct err *err) MUST_CHECK;
/* A path inside, never through a link that leads out, made when missing. Return: O_PATH descriptor.
 */
int rootfs_open(const char *path, int is_dir, struct err *err);
/* The container's terminal becomes our controlling one; its other side goes to the supervisor. */
int rootfs_terminal(struct stage *s, struct err *err) MUST_CHECK;

/* -- restrict.c: stage 2, from here to the program -- */
_Noreturn void restrict_and_execute(struct stage *s);
