/* SPDX-License-Identifier: MIT */
/*
 * Inside the supervisor: the one pod it is there for, its containers, and the
 * processes that it started.
 *
 *	zygote.c	what supervisors are copies of
 *	kernel.c	what the kernel can do
 *	main.c		the loop: signals, timers
 *	control.c	packets of the daemon, answers, what a daemon missed
 *	namespaces.c	the pod's namespaces, and joining them
 *	start.c		a container from its spec: cgroup, stage 1 (in the host's namespaces)
 *	layers.c	its file systems, made as detached mounts with the host's rights
 *	overlay.c	the root among them
 *	workshop.c	a mount namespace for kernels that do too little with detached mounts
 *	shelf.c		volumes whose read-only flag is locked
 *	rootfs.c	the same put together inside (stage 2, in the container's namespaces)
 *	restrict.c	identity, capabilities, seccomp, exec
 *	container.c	streams, exit, stopping
 *	exec.c		further commands in a running container
 *	state.c		exit statuses as files
 *
 * One thread, no locks. The supervisor is process 1 of a pid namespace that
 * holds all of the pod's processes (unless they are in the host's), so whatever
 * ends it ends them.
 */
#pragma once

#include <sys/epoll.h>
#include <time.h>

#include "runtime/supervisor/cgroup.h"
#include "runtime/supervisor/crilog.h"
#include "runtime/supervisor/wire.h"

/* A descriptor in the loop. */
struct watch {
	int fd; /* -1: none */
	void (*fn)(struct watch *w, uint32_t events);
};

int watch_add(struct watch *w, int fd, void (*fn)(struct watch *w, uint32_t events));
/* Also closes. */
void watch_close(struct watch *w);

enum container_state { CONTAINER_STARTING, CONTAINER_RUNNING, CONTAINER_ENDED };

/* What the daemon has not heard yet. */
enum unsent { UNSENT_STARTED = 1, UNSENT_ENDED = 2 };

struct container {
	struct container *next;
	struct container_spec spec;
	char *cgroup;
	enum container_state state;
	pid_t pid;
	int pidfd;
	int seccomp;           /* memfd with the program; -1: unconfined */
	int stdin_write;       /* keeps stdin open */
	struct watch out, err; /* pipes; a terminal is in out */
	struct watch setup;    /* what the first process says until it executes */
	struct crilog log;
	struct timespec started, ended;
	int64_t kill_at_ms; /* CLOCK_MONOTONIC; 0: not stopping */
	int announced;      /* it said that it executes now */
	int start_failed;
	int exit_code, signal, oom_killed;
	char *message;
	unsigned unsent; /* enum unsent */
};

struct exec { /* a further process in a container */
	struct exec *next;
	struct container *container; /* NULL when that one is gone */
	pid_t pid;
	int status;         /* where the exit code goes */
	struct watch setup; /* until it executes */
	int reply;          /* the connection that asked; -1 when answered */
	int terminal;       /* to hand over with the answer */
	int announced, failed;
};

struct pod {
	struct sandbox_spec spec;
	struct cgroups *cgroups;
	char *cgroup; /* <qos>/pod<uid> */
	char *hostname_file;
	int user_ns, net_ns, ipc_ns, uts_ns; /* -1: the host's */
	int shm;      /* detached mount of /dev/shm; -1: in the workshop, or the host's */
	int workshop; /* mount namespace (workshop.c); -1: not needed so far */
	pid_t pause;  /* process 1 of a shared pid namespace; 0 */
	int pause_fd; /* its pidfd */
	int proc;     /* procfs that shows the processes as we number them */
	int epoll;
	struct watch control, listener, signals, timers;
	int control_blocked;
	int replaying; /* a daemon that came back has not heard everything yet */
	int destroying;
	struct container *containers;
	struct exec *execs;
};

/* -- main.c -- */
extern struct pod pod; /* the one that this process is there for */
int64_t now_ms(void);
int dup_cloexec(int fd);
/* Cgroups, namespaces, the control socket; pod.spec is set. */
int pod_make(const char *root, const char *hierarchies, struct err *err) MUST_CHECK;
/* Arm the timer for the next container that is to be killed. */
void timers_update(void);

/* -- zygote.c -- */
#define DAEMON_SOCKET 3
/* Returns in each copy, which is a supervisor then. */
void zygote_run(int argc, char **argv);

/* -- control.c -- */
int control_listen(struct err *err) MUST_CHECK;
void control_packet(struct watch *w, uint32_t events);
/* Send what is unsent, as far as the daemon takes it. */
void control_flush(void);
void control_failed(const struct err *err);
void control_ready(void);
void control_exec_done(struct exec *e, int code, const char *message);

/* -- namespaces.c -- */
int namespaces_make(struct err *err) MUST_CHECK;
/* Go into the pod's user, net, ipc and uts namespaces, and its shared pid namespace for children.
 */
int namespaces_join(struct err *err) MUST_CHECK;
/* As the first user of the current user namespace. */
int become_root_inside(struct err *err) MUST_CHECK;
uint32_t host_root(void); /* the host id of the pod's root */

/* -- workshop.c -- */
int workshop_make(struct err *err) MUST_CHECK;
/* A detached clone of the pod's /dev/shm in it. */
int workshop_shm(struct err *err) MUST_CHECK;
/*
 * An overlay of detached mounts: trees, uppermost first, over the directories upper/ and work/ of
 * the mount `writable`. All of them are used up. Return: a detached mount, or -errno (-EINVAL and
 * the like are left to the caller to explain: err is not set for what the overlay itself refuses).
 */
int workshop_overlay(const int *trees, size_t n, int writable, unsigned long flags,
		     const char *options, struct err *err) MUST_CHECK;

/* -- start.c -- */
int container_start(struct container *c, struct err *err) MUST_CHECK;
/* fork(2) by clone3(2) into a v2 cgroup (or -1). flags: CLONE_*. */
pid_t clone_process(uint64_t flags, int cgroup_fd, int *pidfd_out);

/* -- container.c -- */
struct container *container_find(const char *name);
/* As part of a path. */
int name_is_safe(const char *s);
/* Takes the content of spec and the descriptor. */
struct container *container_new(struct container_spec *spec, int seccomp_fd, struct err *err);
void container_free(struct container *c);
void container_setup_event(struct watch *w, uint32_t events);
void container_stream_event(struct watch *w, uint32_t events);
void container_reaped(struct container *c, int status);
void container_start_failed(struct container *c, int code, const char *message);
void container_stop(struct container *c, uint64_t grace_ms);
void container_kill(struct container *c);
void pod_destroy(void);
void pod_check_destroyed(void);

/* -- exec.c -- */
void exec_start(int reply, struct wire_msg *m);
int exec_reaped(pid_t pid, int status); /* Return: was it an exec? */
void exec_forget_container(struct container *c);

/* -- state.c -- */
void state_save_exit(const struct container *c);
/* Up to 4096 bytes of the termination log. NULL: none. */
char *state_termination_message(const struct container *c);
