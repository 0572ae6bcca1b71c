/* SPDX-License-Identifier: MIT */
/* The daemon's side of pods, between its own files. */
#pragma once

#include <pthread.h>

#include "runtime/sandbox.h"
#include "runtime/sandbox/syscall_filter.h"
#include "runtime/supervisor/cgroup.h"
#include "runtime/supervisor/wire.h"
#include "util/strmap.h"

struct sandboxes {
	struct loop *loop;
	char *state_dir, *run_dir, *supervisor;
	char *root; /* name of our cgroup subtree */
	struct cgroups *cgroups;
	char *hierarchies; /* their description, for supervisors */
	struct seccomp_cache *seccomp;
	pid_t zygote; /* what supervisors are copies of */
	int zygote_sock;
	struct strmap id_bases; /* uid -> struct id_range */
	uint32_t next_index;
	pthread_mutex_t lock;
	struct strmap by_uid; /* lock: struct sandbox; changed on the loop's thread only */
	unsigned n_threads;   /* lock: of mount_again.c */
	pthread_cond_t threads_changed;
	_Atomic unsigned n_host_users;
};

struct running { /* a container, as last heard of */
	char *id, *cgroup;
	pid_t pid; /* 0: does not run */
	int pidfd;
};

struct sandbox {
	struct sandboxes *all;
	char *uid, *cgroup;
	uint32_t id_base;
	int host_pid;
	int host_users; /* its processes have the host's ids: counted in all->n_host_users */
	sandbox_event_fn fn;
	void *arg;
	int sock, pidfd;
	pid_t child; /* the supervisor; ours to reap unless it was adopted */
	struct loop_fd *sock_watch, *pidfd_watch;
	struct loop_timer *patience; /* while it is being destroyed */
	struct strmap containers;    /* lock: struct running */
	int known;                   /* adopted: it speaks our version */
	int destroying, replaying, in_handler, released;
	char *failure; /* why it could not be made */
};

/* -- sandbox.c -- */
struct sandbox *sandbox_new(struct sandboxes *all, const char *uid);
void sandbox_free(struct sandbox *sb);
void sandbox_set_host_users(struct sandbox *sb, int host_users);
/* Wait for a supervisor that was killed. */
void sandbox_reap(struct sandbox *sb);
/* Begin to listen to the supervisor. */
int sandbox_attach(struct sandbox *sb, struct err *err) MUST_CHECK;
void sandbox_emit(struct sandbox *sb, struct sandbox_event *ev);

/* -- events.c -- */

/* The pid in our namespace (the supervisor numbers processes otherwise); 0 when it is gone. Any
 * thread. */
pid_t pidfd_to_pid(int pidfd);
/* One packet of the supervisor. */
void sandbox_packet(struct sandbox *sb, struct wire_msg *m);

/* -- spawn.c -- */
int zygote_start(struct sandboxes *all, struct err *err) MUST_CHECK;
void zygote_stop(struct sandboxes *all);
/* Start the supervisor in dir with its end of the socket. Return: its pid, or -errno. */
pid_t supervisor_spawn(struct sandboxes *all, const struct sandbox_spec *spec, const char *dir,
		       int sock, int *pidfd_out, struct err *err);
char *supervisor_find(void);

/* -- mount_again.c -- */
void mounts_again_wait(struct sandboxes *all);

/* -- leftovers.c -- */
/* What a supervisor that is gone left: processes, cgroups, run files. */
void leftovers_remove(struct sandboxes *all, const char *uid);
/* At the end of a daemon without pods: its cgroups go, too. */
void leftovers_close(struct sandboxes *all);
/* The pods in cgroups that have no run directory. */
void leftovers_sweep(struct sandboxes *all);

/* -- ids.c -- */
int ids_load(struct sandboxes *all, struct err *err) MUST_CHECK;
void ids_fini(struct sandboxes *all);
