/* SPDX-License-Identifier: MIT */
/*
 * A pod on this node, as the daemon drives it: one supervisor process that
 * holds the pod's namespaces, starts and reaps its containers, writes their
 * logs, and keeps its state as files, so that it outlives the daemon.
 *
 *	<run>/pods/<uid>/   socket `ctl`, state files: what a reboot may lose
 *	<state>/pods/<uid>/ upper layers, volumes, logs, exit statuses
 *
 * The daemon sends commands and gets events over the socket; every answer comes
 * as an event, nothing here waits (exec excepted). After a restart of the daemon,
 * sandboxes_adopt() finds the running supervisors and replays what happened
 * meanwhile as events with `replayed` set: SANDBOX_READY, then for each container
 * STARTED (pid 0 when it has ended), and EXITED or START_FAILED; then SANDBOX_REPLAYED.
 *
 * Only root-side mechanics live here: what a Pod object means (restart policy,
 * back-off, phases) is runtime/agent's business.
 *
 * Locking: all on the loop's thread, except sandbox_exec_* (see there).
 */
#pragma once

#include <sys/types.h>

#include "util/err.h"
#include "util/loop.h"
#include "util/podids.h"

/*
 * Docker's capability set (moby, oci/caps/defaults.go): CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL,
 * SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, NET_RAW, SYS_CHROOT, MKNOD, AUDIT_WRITE, SETFCAP.
 */
#define SANDBOX_DEFAULT_CAPABILITIES 0xa80425fbull

struct mount_spec {
	char *source;  /* on the host; NULL with a type */
	char *target;  /* in the container, absolute; made when missing, never through a link out of
			  the rootfs */
	char *type;    /* NULL: bind mount of source; "tmpfs" with options */
	char *options; /* tmpfs: "size=...,mode=..." */
	int read_only;
	int recursive;   /* rbind */
	int propagation; /* 0 private, 1 HostToContainer (rslave), 2 Bidirectional (rshared,
			    privileged only) */
	int idmapped;    /* host ids are shown as the pod's, where the file system can (hostPath,
			    persistent volumes) */
	char *sub_path;  /* below source, resolved without leaving it; NULL: none */
};

struct resource_limits {
	uint64_t cpu_shares_millis; /* request; 0: the least */
	uint64_t cpu_quota_millis;  /* limit; 0: none */
	uint64_t memory_bytes;      /* limit; 0: none */
	uint64_t memory_request_bytes;
	uint64_t pids; /* 0: the runtime's default */
	int oom_score_adj;
};

/* Everything that a container needs to start; built by the agent, owned strings. */
struct container_spec {
	char *name;
	char *id;            /* 64 hex digits, new for each start */
	char **argv, **envp; /* NULL-terminated; argv[0] is looked up in PATH of envp inside the
				rootfs */
	char *cwd;           /* made when missing */
	uid_t uid;           /* as seen inside */
	gid_t gid;
	gid_t *groups;
	size_t n_groups;
	char **layers; /* directories, uppermost first, NULL-terminated */
	char *upper; /* <state>/pods/<uid>/<container>: upper/ and work/ are made below it, anew for
			each start, and `exit` says how the last run ended
			(runtime/supervisor/exitfile.h) */
	struct mount_spec *mounts;
	size_t n_mounts;
	struct resource_limits limits;
	uint64_t capabilities; /* bit per CAP_*: bounding, permitted, effective (for uid 0), ambient
				  as Docker does */
	int privileged, no_new_privs, read_only_rootfs, seccomp_unconfined, proc_unmasked;
	int tty, stdin_open, stdin_once;
	char *log_path;         /* CRI format, appended to; rotated to <log_path>.1, .2, ... */
	uint64_t log_max_bytes; /* 0: 10 MiB */
	unsigned log_max_files; /* kept, log_path included; 0: 5 */
	char *termination_log; /* host path of the file behind terminationMessagePath, NULL: none */
	char *termination_path; /* where it is mounted */
	int stop_signal;        /* 0: SIGTERM */
};

struct sandbox_spec {
	char *uid, *ns, *name; /* of the Pod */
	char *hostname, *domainname;
	uint32_t id_base; /* first host uid of the pod's range (id_alloc) */
	int host_network, host_pid, host_ipc, share_pids, host_users;
	char **sysctls;                 /* "net.ipv4.x=1", NULL-terminated */
	char *hosts_path, *resolv_path; /* files bind-mounted into each container, NULL: none */
	struct resource_limits limits;  /* of the pod as a whole */
	char *qos; /* "guaranteed", "burstable", "besteffort": the parent cgroup */
};

void container_spec_fini(struct container_spec *s);
void sandbox_spec_fini(struct sandbox_spec *s);

enum sandbox_event_kind {
	SANDBOX_READY, /* namespaces are there; netns_fd (-1: the host's) is valid until the handler
			  returns */
	SANDBOX_FAILED, /* could not be made: message; then sb is freed, as after SANDBOX_GONE */
	SANDBOX_GONE, /* everything removed, after sandbox_destroy (or the supervisor died: message)
		       */
	CONTAINER_STARTED,      /* pid */
	CONTAINER_START_FAILED, /* exit_code 128 (126 not executable, 127 not found), message as
				   runc words it */
	CONTAINER_EXITED,       /* exit_code (128 + signal when killed), signal, oom_killed, message
				   (termination log) */
	SANDBOX_REPLAYED,       /* after an adoption: what happened before has been told */
};

struct sandbox_event {
	enum sandbox_event_kind kind;
	const char *container, *container_id; /* borrowed */
	pid_t pid;
	int netns_fd;
	int exit_code, signal, oom_killed;
	int64_t started_sec, finished_sec; /* wall clock */
	int64_t started_nsec, finished_nsec;
	const char *message;
	int replayed; /* found at adoption, not new */
};

struct sandbox;   /* one pod's */
struct sandboxes; /* the node's: paths, cgroup driver, id ranges */

typedef void (*sandbox_event_fn)(void *arg, struct sandbox *sb, const struct sandbox_event *ev);

struct sandboxes_config {
	const char *state_dir, *run_dir;
	const char *supervisor_path; /* the k8sfs-pod binary; NULL: beside our own */
};

/* Prepares cgroup parents, seccomp programs, id ranges. */
struct sandboxes *sandboxes_open(struct loop *loop, const struct sandboxes_config *cfg,
				 struct err *err);
/* Pods go on running. */
void sandboxes_close(struct sandboxes *all);

/* Kill every pod and remove cgroups and run files, the daemon's own included (`--stop --purge`);
 * then close. */
int sandboxes_purge(struct sandboxes *all, struct err *err) MUST_CHECK;

/* Every supervisor that still runs: fn gets an own reference to attach events to; leftovers of dead
 * ones are removed. */
typedef void (*sandbox_found_fn)(void *arg, const char *uid, struct sandbox *sb);
void sandboxes_adopt(struct sandboxes *all, sandbox_found_fn fn, void *arg);

/* Start a supervisor; SANDBOX_READY or SANDBOX_FAILED follows. spec is copied. */
struct sandbox *sandbox_create(struct sandboxes *all, const struct sandbox_spec *spec,
			       sandbox_event_fn fn, void *arg, struct err *err);
void sandbox_set_handler(struct sandbox *sb, sandbox_event_fn fn, void *arg);
const char *sandbox_uid(const struct sandbox *sb);
uint32_t sandbox_id_base(const struct sandbox *sb);

/* CONTAINER_STARTED or CONTAINER_START_FAILED follows. spec is copied. */
int sandbox_start_container(struct sandbox *sb, const struct container_spec *spec, struct err *err)
	MUST_CHECK;
/* Signal the container's first process. -ESRCH when it does not run. */
int sandbox_signal(struct sandbox *sb, const char *container, int signal, struct err *err)
	MUST_CHECK;
/* stop_signal now, SIGKILL to everything in it after grace_ms; CONTAINER_EXITED follows. */
int sandbox_stop_container(struct sandbox *sb, const char *container, uint64_t grace_ms,
			   struct err *err) MUST_CHECK;
/* Kill what runs, remove namespaces, cgroups, mounts and run files; SANDBOX_GONE follows, then sb
 * is freed. */
void sandbox_destroy(struct sandbox *sb);
/* Forget sb without touching the pod (the daemon stops). */
void sandbox_release(struct sandbox *sb);

/*
 * Where a running container shows m->source, and that file system is served no more (the tree of a
 * daemon that ended), show it as it is now; what works is left alone. Only source, sub_path, target
 * and read_only count. Goes on in a thread of its own, which says in the log what failed.
 */
int sandbox_mount_again(struct sandbox *sb, const char *container, const struct mount_spec *m,
			struct err *err) MUST_CHECK;

/* The next free range of POD_ID_RANGE ids, by name of the pod's uid; the same again while the pod
 * exists. */
int id_range_alloc(struct sandboxes *all, const char *uid, uint32_t *base_out, struct err *err)
	MUST_CHECK;
void id_range_free(struct sandboxes *all, const char *uid);
/* Whose range a host uid is in: the pod's uid. Any thread. Return: 0, -ENOENT: nobody's. */
int id_range_owner(const struct sandboxes *all, uint32_t host_uid, char *uid_out, size_t size);

/*
 * The pod whose process this is, if the pod has the host's users (its ids say nothing then).
 * By its cgroup, which a container cannot leave. Any thread, for a process that is blocked
 * meanwhile. Return: 0, -ENOENT: no such pod's.
 */
int sandbox_of_process(struct sandboxes *all, pid_t pid, char *uid_out, size_t size);

/* -- exec -- */

struct exec_spec {
	char **argv, **envp; /* envp NULL: the container's own */
	char *cwd;           /* NULL: the container's own */
	int tty;
	unsigned rows, columns;
};

/*
 * Run a command in a container's namespaces, cgroup and restrictions. The pipe
 * ends (or the terminal, once, in stdin_out) are the caller's; status_fd becomes
 * readable with "<exit code>\n" when the command ended, then EOF. pid_out (may
 * be NULL) is 0 when it ended before this returned. -ENOENT, -EACCES: there is
 * no such command, or it cannot be executed. -ESRCH: the container does not run.
 * Any thread; waits for the supervisor, some milliseconds.
 */
int sandbox_exec(struct sandboxes *all, const char *uid, const char *container,
		 const struct exec_spec *spec, int *stdin_out, int *stdout_out, int *stderr_out,
		 int *status_out, pid_t *pid_out, struct err *err) MUST_CHECK;

/* Use of resources, from the cgroup; -ESRCH when it does not run. Any thread. */
struct container_stats {
	uint64_t cpu_usec, memory_bytes, memory_peak_bytes, pids, oom_kills;
};
int sandbox_stats(struct sandboxes *all, const char *uid, const char *container,
		  struct container_stats *out, struct err *err) MUST_CHECK;
/* A descriptor of the directory of the running container's first process in /proc: what is opened
 * by it is of that process, or fails. Any thread. */
int sandbox_proc_fd(struct sandboxes *all, const char *uid, const char *container, struct err *err);
