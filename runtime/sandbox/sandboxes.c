/* SPDX-License-Identifier: MIT */
/* The node's pods: opening, finding those that run already, closing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/sandbox/connect.h"
#include "runtime/sandbox/sandbox_i.h"
#include "util/fd.h"
#include "util/log.h"

#define HELLO_TIMEOUT_S 5

static int make_directories(struct sandboxes *all, const struct sandboxes_config *cfg,
			    struct err *err)
{
	CLEANUP_FREE char *run_pods = xasprintf("%s/pods", cfg->run_dir);
	CLEANUP_FREE char *state_pods = xasprintf("%s/pods", cfg->state_dir);

	if (fd_mkdir_p(run_pods, 0700, err) < 0 || fd_mkdir_p(state_pods, 0700, err) < 0)
		return -err->code;
	all->run_dir = realpath(cfg->run_dir, NULL);
	all->state_dir = realpath(cfg->state_dir, NULL);
	return all->run_dir && all->state_dir ? 0 : err_sys(err, errno, "%s", cfg->run_dir);
}

static int find_supervisor(struct sandboxes *all, const struct sandboxes_config *cfg,
			   struct err *err)
{
	all->supervisor = cfg->supervisor_path ? xstrdup(cfg->supervisor_path) : supervisor_find();
	if (!all->supervisor || access(all->supervisor, X_OK) < 0)
		return err_set(err, ENOENT, "pod supervisor %s: not found",
			       all->supervisor ? all->supervisor : "k8sfs-pod");
	return 0;
}

/* One subtree per run directory, so that two daemons never share one. */
static int open_cgroups(struct sandboxes *all, struct err *err)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	all->root = xasprintf("k8sfs-%08x", hash_bytes(all->run_dir, strlen(all->run_dir)));
	all->cgroups = cgroups_open("/proc/self/mountinfo", all->root, err);
	if (!all->cgroups || cgroups_prepare(all->cgroups, err) < 0 ||
	    cgroup_make(all->cgroups, "supervisors", 0, err) < 0)
		return -err->code;
	cgroups_describe(all->cgroups, &text);
	all->hierarchies = buf_steal(&text);
	return 0;
}

struct sandboxes *sandboxes_open(struct loop *loop, const struct sandboxes_config *cfg,
				 struct err *err)
{
	struct sandboxes *all = xcalloc(1, sizeof(*all));
	struct err mine = ERR_INIT;

	if (!err)
		err = &mine;
	all->loop = loop;
	all->zygote_sock = -1;
	pthread_mutex_init(&all->lock, NULL);
	pthread_cond_init(&all->threads_changed, NULL);
	all->seccomp = seccomp_cache_new();
	if (make_directories(all, cfg, err) < 0 || find_supervisor(all, cfg, err) < 0 ||
	    open_cgroups(all, err) < 0 || ids_load(all, err) < 0 || zygote_start(all, err) < 0) {
		sandboxes_close(all);
		return NULL;
	}
	return all;
}

void sandboxes_close(struct sandboxes *all)
{
	if (!all)
		return;
	mounts_again_wait(all);
	STRMAP_FOREACH (s, &all->by_uid)
		sandbox_free(s->val);
	strmap_fini(&all->by_uid);
	ids_fini(all);
	seccomp_cache_free(all->seccomp);
	if (all->hierarchies)
		leftovers_close(all);
	if (all->cgroups)
		cgroups_close(all->cgroups);
	zygote_stop(all);
	pthread_cond_destroy(&all->threads_changed);
	pthread_mutex_destroy(&all->lock);
	free(all->hierarchies);
	free(all->root);
	free(all->supervisor);
	free(all->state_dir);
	free(all->run_dir);
	free(all);
}

int supervisor_connect(const struct sandboxes *all, const char *uid, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/pods/%s", all->run_dir, uid);
	CLEANUP_FD int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if (dir < 0 || sock < 0)
		return err_sys(err, errno, "pod %s", uid);
	/* By descriptor: the path itself may be longer than sun_path. */
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/ctl", dir);
	if (connect(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return err_sys(err, errno, "supervisor of pod %s", uid);
	return fd_steal(&sock);
}

/* -- adoption -- */

/* The process that listens there. */
static int open_peer(int sock, pid_t *pid_out)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -1;
	*pid_out = peer.pid;
	return (int)syscall(SYS_pidfd_open, peer.pid, 0);
}

static int say_hello(struct sandbox *sb, struct err *err)
{
	const struct timeval patience = {HELLO_TIMEOUT_S, 0};
	struct wire_msg m = WIRE_MSG_INIT;
	int rc;

	setsockopt(sb->sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	rc = wire_send(sb->sock, WIRE_HELLO, NULL, NULL, 0, 0);
	if (rc == 0)
		rc = wire_recv(sb->sock, &m, 0);
	if (rc == 0 && m.type == WIRE_POD_IS)
		sandbox_packet(sb, &m);
	wire_msg_fini(&m);
	if (rc < 0)
		return err_sys(err, -rc, "supervisor of pod %s does not answer", sb->uid);
	return sb->known ? 0
			 : err_set(err, EPROTO, "supervisor of pod %s is of another version",
				   sb->uid);
}

static struct sandbox *adopt(struct sandboxes *all, const char *uid, struct err *err)
{
	struct sandbox *sb;
	int sock = supervisor_connect(all, uid, err);

	if (sock < 0)
		return NULL;
	sb = sandbox_new(all, uid);
	sb->sock = sock;
	sb->replaying = 1;
	sb->pidfd = open_peer(sock, &sb->child);
	if (sb->pidfd >= 0 && say_hello(sb, err) == 0 && sandbox_attach(sb, err) == 0)
		return sb;
	/* It is there and does not answer: nothing can be done with its pod any more. */
	if (sb->pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, sb->pidfd, SIGKILL, NULL, 0);
	sandbox_free(sb);
	return NULL;
}

void sandboxes_adopt(struct sandboxes *all, sandbox_found_fn fn, void *arg)
{
	CLEANUP_FREE char *path = xasprintf("%s/pods", all->run_dir);
	DIR *dir = opendir(path);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		struct err err = ERR_INIT;
		struct sandbox *sb;

		if (e->d_name[0] == '.' || strmap_get(&all->by_uid, e->d_name))
			continue;
		sb = adopt(all, e->d_name, &err);
		if (sb) {
			fn(arg, sb->uid, sb);
			continue;
		}
		log_info("removing what pod %s left: %s", e->d_name, err.msg);
		leftovers_remove(all, e->d_name);
	}
	if (dir)
		closedir(dir);
	leftovers_sweep(all);
}
