/* SPDX-License-Identifier: MIT */
/*
 * The pod's namespaces, held by descriptors. They are made by one short-lived
 * process, which stays only where the containers share a pid namespace: then
 * it is that namespace's process 1 and reaps its orphans.
 *
 * The user namespace is made under the pod's own host id, so that the limits
 * that the kernel counts per owner (inotify instances among them) are the pod's.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/supervisor/pod.h"
#include "util/fd.h"

uint32_t host_root(void)
{
	return pod.spec.host_users ? 0 : pod.spec.id_base;
}

static uint64_t namespace_flags(const struct sandbox_spec *s)
{
	uint64_t flags = 0;

	flags |= s->host_users ? 0 : CLONE_NEWUSER;
	flags |= s->host_network ? 0 : CLONE_NEWNET | CLONE_NEWUTS;
	flags |= s->host_ipc ? 0 : CLONE_NEWIPC;
	flags |= s->share_pids && !s->host_pid ? CLONE_NEWPID : 0;
	return flags;
}

int become_root_inside(struct err *err)
{
	if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_sys(err, errno, "become root of the user namespace");
	return 0;
}

/* A sysctl that belongs to one of the pod's own namespaces. */
static int is_namespaced(const char *name)
{
	const struct sandbox_spec *s = &pod.spec;

	if (strstr(name, ".."))
		return 0;
	if (str_starts(name, "net/"))
		return !s->host_network;
	if (str_starts(name, "kernel/shm") || str_starts(name, "kernel/msg") ||
	    str_eq(name, "kernel/sem") || str_starts(name, "fs/mqueue/"))
		return !s->host_ipc;
	return 0;
}

static int set_sysctl(const char *setting, struct err *err)
{
	const char *equals = strchr(setting, '=');
	CLEANUP_FREE char *name = equals ? xstrndup(setting, (size_t)(equals - setting)) : NULL;
	CLEANUP_FREE char *path = NULL;

	if (!name)
		return err_set(err, EINVAL, "sysctl \"%s\": expected name=value", setting);
	if (!strchr(name, '/'))
		for (char *p = name; (p = strchr(p, '.'));)
			*p = '/';
	if (!is_namespaced(name))
		return err_set(err, EPERM, "sysctl \"%s\" is not in a separate kernel namespace",
			       setting);
	path = xasprintf("/proc/sys/%s", name);
	if (fd_write_file(path, equals + 1, err) < 0)
		return err_wrap(err, "sysctl \"%s\"", setting);
	return 0;
}

/* What Docker and containerd set: any port for anybody, ping without privileges. */
static void default_sysctls(void)
{
	if (pod.spec.host_network)
		return;
	(void)!fd_write_file("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0", NULL);
	(void)!fd_write_file("/proc/sys/net/ipv4/ping_group_range",
			     pod.spec.host_users ? "0 2147483647" : "0 65535", NULL);
}

static int set_up_inside(struct err *err)
{
	const struct sandbox_spec *s = &pod.spec;
	int rc;

	if (!s->host_users && (rc = become_root_inside(err)) < 0)
		return rc;
	if (!s->host_network && s->hostname && sethostname(s->hostname, strlen(s->hostname)) < 0)
		return err_sys(err, errno, "hostname %s", s->hostname);
	if (!s->host_network && s->domainname &&
	    setdomainname(s->domainname, strlen(s->domainname)) < 0)
		return err_sys(err, errno, "domain name %s", s->domainname);
	default_sysctls();
	for (char **setting = s->sysctls; setting && *setting; setting++)
		if ((rc = set_sysctl(*setting, err)) < 0)
			return rc;
	return 0;
}

/* Process 1 of the shared pid namespace: SIGCHLD ignored, the kernel reaps for us. */
static _Noreturn void pause_for_ever(void)
{
	signal(SIGCHLD, SIG_IGN);
	prctl(PR_SET_NAME, "pause");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close_range(0, ~0U, 0);
	for (;;)
		pause();
}

static _Noreturn void make_inside(int sock)
{
	struct err err = ERR_INIT;
	char go;

	if (read(sock, &go, 1) != 1)
		_exit(1);
	(void)set_up_inside(&err);
	if (send(sock, &err, sizeof(err), MSG_NOSIGNAL) < 0)
		_exit(1);
	/* Until our namespaces are open. */
	if (read(sock, &go, 1) == 1 && go == 'p')
		pause_for_ever();
	_exit(0);
}

static int write_map(pid_t pid, const char *file, struct err *err)
{
	char path[64], map[64];
	CLEANUP_FD int fd = -1;
	int n = snprintf(map, sizeof(map), "0 %u %u\n", pod.spec.id_base, POD_ID_RANGE);

	snprintf(path, sizeof(path), "%d/%s", (int)pid, file);
	fd = openat(pod.proc, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, map, (size_t)n) < 0)
		return err_sys(err, errno, "%s", file);
	return 0;
}

static int open_namespace(pid_t pid, const char *name, struct err *err)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%d/ns/%s", (int)pid, name);
	fd = openat(pod.proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err_sys(err, errno, "open namespace %s", name);
	return fd;
}

static int open_namespaces(pid_t pid, uint64_t flags, struct err *err)
{
	const struct {
		uint64_t flag;
		const char *name;
		int *fd;
	} all[] = {
		{CLONE_NEWUSER, "user", &pod.user_ns},
		{CLONE_NEWNET, "net", &pod.net_ns},
		{CLONE_NEWIPC, "ipc", &pod.ipc_ns},
		{CLONE_NEWUTS, "uts", &pod.uts_ns},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if ((flags & all[i].flag) &&
		    (*all[i].fd = open_namespace(pid, all[i].name, err)) < 0)
			return -err->code;
	return 0;
}

/* Our part of the conversation with make_inside(). */
static int serve_inside(pid_t pid, int sock, uint64_t flags, struct err *err)
{
	struct err theirs = ERR_INIT;
	int rc;

	if ((flags & CLONE_NEWUSER) && ((rc = write_map(pid, "gid_map", err)) < 0 ||
					(rc = write_map(pid, "uid_map", err)) < 0))
		return rc;
	if (send(sock, "g", 1, MSG_NOSIGNAL) != 1 ||
	    recv(sock, &theirs, sizeof(theirs), 0) != sizeof(theirs))
		return err_set(err, ECHILD, "the process that makes the namespaces died");
	if (theirs.code)
		return err_set(err, theirs.code, "%s", theirs.msg);
	rc = open_namespaces(pid, flags, err);
	if (rc == 0 && send(sock, flags & CLONE_NEWPID ? "p" : "x", 1, MSG_NOSIGNAL) != 1)
		rc = err_sys(err, errno, "namespaces");
	return rc;
}

/* The clone runs with the pod's own id as effective id: who creates a user namespace owns it. */
static pid_t clone_as_owner(uint64_t flags, int *pidfd)
{
	uint32_t owner = host_root();
	pid_t pid;

	if (owner && syscall(SYS_setresuid, -1, owner, -1) < 0)
		return -1;
	pid = clone_process(flags, -1, pidfd);
	if (pid != 0 && owner && syscall(SYS_setresuid, -1, 0, -1) < 0)
		abort();
	return pid;
}

int namespaces_make(struct err *err)
{
	uint64_t flags = namespace_flags(&pod.spec);
	int sock[2], rc, saved;
	pid_t pid;

	if (!flags)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock) < 0)
		return err_sys(err, errno, "socketpair");
	pid = clone_as_owner(flags, &pod.pause_fd);
	saved = errno;
	if (pid == 0) {
		close(sock[0]);
		make_inside(sock[1]);
	}
	close(sock[1]);
	rc = pid < 0 ? err_sys(err, saved, "create namespaces")
		     : serve_inside(pid, sock[0], flags, err);
	close(sock[0]);
	if (rc == 0 && (flags & CLONE_NEWPID)) {
		pod.pause = pid;
		return 0;
	}
	if (pid > 0) {
		if (rc < 0)
			kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		fd_close_at(&pod.pause_fd);
	}
	return rc;
}

int namespaces_join(struct err *err)
{
	const struct {
		int fd, type;
		const char *name;
	} all[] = {
		/* By a process, which asks for rights over it: before they are given up. */
		{pod.pause ? pod.pause_fd : -1, CLONE_NEWPID, "pid"},
		{pod.user_ns, CLONE_NEWUSER, "user"},
		{pod.net_ns, CLONE_NEWNET, "net"},
		{pod.ipc_ns, CLONE_NEWIPC, "ipc"},
		{pod.uts_ns, CLONE_NEWUTS, "uts"},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (all[i].fd >= 0 && setns(all[i].fd, all[i].type) < 0)
			return err_sys(err, errno, "join the pod's %s namespace", all[i].name);
	return 0;
}
