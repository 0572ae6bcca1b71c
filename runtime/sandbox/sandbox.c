/* SPDX-License-Identifier: MIT */
/* One pod, as the daemon drives it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/sandbox/sandbox_i.h"
#include "util/fd.h"
#include "util/log.h"

#define DESTROY_PATIENCE_MS 10000

static void gone(struct sandbox *sb);

/* -- lifetime -- */

struct sandbox *sandbox_new(struct sandboxes *all, const char *uid)
{
	struct sandbox *sb = xcalloc(1, sizeof(*sb));

	sb->all = all;
	sb->uid = xstrdup(uid);
	sb->sock = sb->pidfd = -1;
	pthread_mutex_lock(&all->lock);
	strmap_set(&all->by_uid, uid, sb);
	pthread_mutex_unlock(&all->lock);
	return sb;
}

void sandbox_set_host_users(struct sandbox *sb, int host_users)
{
	if (sb->host_users)
		sb->all->n_host_users--;
	sb->host_users = host_users;
	if (host_users)
		sb->all->n_host_users++;
}

static void running_free(struct running *r)
{
	if (!r)
		return;
	fd_close_at(&r->pidfd);
	free(r->id);
	free(r->cgroup);
	free(r);
}

void sandbox_reap(struct sandbox *sb)
{
	if (sb->child)
		waitpid(sb->child, NULL, 0);
	sb->child = 0;
}

void sandbox_free(struct sandbox *sb)
{
	struct sandboxes *all = sb->all;

	sandbox_set_host_users(sb, 0);
	loop_fd_free(sb->sock_watch);
	loop_fd_free(sb->pidfd_watch);
	loop_timer_free(sb->patience);
	pthread_mutex_lock(&all->lock);
	if (strmap_get(&all->by_uid, sb->uid) == sb)
		strmap_del(&all->by_uid, sb->uid);
	pthread_mutex_unlock(&all->lock);
	STRMAP_FOREACH (s, &sb->containers)
		running_free(s->val);
	strmap_fini(&sb->containers);
	fd_close_at(&sb->sock);
	fd_close_at(&sb->pidfd);
	free(sb->failure);
	free(sb->cgroup);
	free(sb->uid);
	free(sb);
}

void sandbox_release(struct sandbox *sb)
{
	if (!sb)
		return;
	if (sb->in_handler)
		sb->released = 1;
	else
		sandbox_free(sb);
}

void sandbox_set_handler(struct sandbox *sb, sandbox_event_fn fn, void *arg)
{
	sb->fn = fn;
	sb->arg = arg;
}

const char *sandbox_uid(const struct sandbox *sb)
{
	return sb->uid;
}

uint32_t sandbox_id_base(const struct sandbox *sb)
{
	return sb->id_base;
}

void sandbox_emit(struct sandbox *sb, struct sandbox_event *ev)
{
	if (sb->fn && !sb->released)
		sb->fn(sb->arg, sb, ev);
}

/* -- what the supervisor says, and its end -- */

/* Return: could there be more? */
static int take_packet(struct sandbox *sb)
{
	struct wire_msg m = WIRE_MSG_INIT;
	int rc = wire_recv(sb->sock, &m, MSG_DONTWAIT);

	if (rc == 0) {
		sb->in_handler = 1;
		sandbox_packet(sb, &m);
		sb->in_handler = 0;
	}
	wire_msg_fini(&m);
	if (rc < 0 && rc != -EAGAIN) { /* its end is told by its pidfd */
		loop_fd_free(sb->sock_watch);
		sb->sock_watch = NULL;
	}
	return rc == 0;
}

static void on_packet(void *arg)
{
	struct sandbox *sb = arg;

	while (!sb->released && take_packet(sb))
		;
	if (sb->released)
		sandbox_free(sb);
}

static void on_death(void *arg)
{
	struct sandbox *sb = arg;

	while (!sb->released && take_packet(sb))
		;
	if (sb->child)
		waitpid(sb->child, NULL, WNOHANG);
	sb->child = 0;
	if (sb->released)
		sandbox_free(sb);
	else
		gone(sb);
}

int sandbox_attach(struct sandbox *sb, struct err *err)
{
	sb->sock_watch = loop_fd_new(sb->all->loop, sb->sock, on_packet, sb);
	sb->pidfd_watch = loop_fd_new(sb->all->loop, sb->pidfd, on_death, sb);
	if (!sb->sock_watch || !sb->pidfd_watch)
		return err_set(err, EIO, "pod %s: cannot watch its supervisor", sb->uid);
	return 0;
}

static void gone(struct sandbox *sb)
{
	struct sandbox_event ev = {.kind = SANDBOX_GONE, .netns_fd = -1};

	if (sb->failure) {
		ev.kind = SANDBOX_FAILED;
		ev.message = sb->failure;
	} else if (!sb->destroying) {
		ev.message = "the pod's supervisor was killed";
	}
	leftovers_remove(sb->all, sb->uid);
	sb->in_handler = 1;
	sandbox_emit(sb, &ev);
	sandbox_free(sb);
}

/* -- commands -- */

static int send_command(struct sandbox *sb, uint32_t type, const struct buf *payload, int fd,
			struct err *err)
{
	int rc = wire_send(sb->sock, type, payload, &fd, fd >= 0 ? 1 : 0, MSG_DONTWAIT);

	return rc < 0 ? err_sys(err, -rc, "supervisor of pod %s", sb->uid) : 0;
}

static int send_pod(struct sandbox *sb, const struct sandbox_spec *spec, struct err *err)
{
	CLEANUP(buf_fini) struct buf payload = BUF_INIT;
	struct codec out = {.out = &payload};
	struct sandbox_spec copy =
		*spec; /* the walk is written for both directions; it does not change it */

	codec_sandbox(&out, &copy);
	codec_str(&out, &sb->all->root);
	codec_str(&out, &sb->all->hierarchies);
	return send_command(sb, WIRE_POD, &payload, -1, err);
}

static int uid_is_safe(const char *uid)
{
	return uid && *uid && *uid != '.' && !strchr(uid, '/') && strlen(uid) < 128;
}

static int class_is_known(const char *qos)
{
	return !qos || str_eq(qos, "guaranteed") || str_eq(qos, "burstable") ||
	       str_eq(qos, "besteffort");
}

static int start_supervisor(struct sandbox *sb, const struct sandbox_spec *spec, struct err *err)
{
	CLEANUP_FREE char *dir = xasprintf("%s/pods/%s", sb->all->run_dir, sb->uid);
	int pair[2], rc;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_sys(err, errno, "mkdir %s", dir);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, errno, "socketpair");
	sb->sock = pair[0];
	rc = send_pod(sb, spec, err);
	if (rc == 0) {
		rc = supervisor_spawn(sb->all, spec, dir, pair[1], &sb->pidfd, err);
		sb->child = rc > 0 ? rc : 0;
	}
	close(pair[1]);
	return rc < 0 ? rc : sandbox_attach(sb, err);
}

struct sandbox *sandbox_create(struct sandboxes *all, const struct sandbox_spec *spec,
			       sandbox_event_fn fn, void *arg, struct err *err)
{
	struct sandbox *sb;

	if (!uid_is_safe(spec->uid) || !class_is_known(spec->qos)) {
		err_set(err, EINVAL, "pod uid \"%s\", class \"%s\"", spec->uid ? spec->uid : "",
			spec->qos ? spec->qos : "");
		return NULL;
	}
	if (strmap_get(&all->by_uid, spec->uid)) {
		err_set(err, EEXIST, "pod %s has a sandbox", spec->uid);
		return NULL;
	}
	sb = sandbox_new(all, spec->uid);
	sandbox_set_handler(sb, fn, arg);
	sb->id_base = spec->id_base;
	sb->host_pid = spec->host_pid;
	sandbox_set_host_users(sb, spec->host_users);
	if (start_supervisor(sb, spec, err) == 0)
		return sb;
	if (sb->pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, sb->pidfd, SIGKILL, NULL, 0);
	if (sb->child)
		waitpid(sb->child, NULL, 0);
	sandbox_free(sb);
	leftovers_remove(all, spec->uid);
	return NULL;
}

int sandbox_start_container(struct sandbox *sb, const struct container_spec *spec, struct err *err)
{
	CLEANUP(buf_fini) struct buf payload = BUF_INIT;
	struct codec out = {.out = &payload};
	struct container_spec copy = *spec;
	int program = -1;

	if (!spec->seccomp_unconfined && !spec->privileged) {
		program = seccomp_program(sb->all->seccomp, spec->capabilities, err);
		if (program < 0)
			return program;
	}
	codec_container(&out, &copy);
	return send_command(sb, WIRE_START, &payload, program, err);
}

static const struct running *find_running(const struct sandbox *sb, const char *container,
					  struct err *err)
{
	const struct running *r = strmap_get(&sb->containers, container);

	if (r && r->pid > 0)
		return r;
	err_set(err, ESRCH, "container %s is not running", container);
	return NULL;
}

int sandbox_signal(struct sandbox *sb, const char *container, int signal, struct err *err)
{
	const struct running *r = find_running(sb, container, err);

	if (!r)
		return -ESRCH;
	if (syscall(SYS_pidfd_send_signal, r->pidfd, signal, NULL, 0) < 0)
		return err_sys(err, errno, "signal %d to container %s", signal, container);
	return 0;
}

int sandbox_stop_container(struct sandbox *sb, const char *container, uint64_t grace_ms,
			   struct err *err)
{
	CLEANUP(buf_fini) struct buf payload = BUF_INIT;
	struct codec out = {.out = &payload};
	char *name = (char *)(uintptr_t)container;

	if (!find_running(sb, container, err))
		return -ESRCH;
	codec_str(&out, &name);
	codec_u64(&out, &grace_ms);
	return send_command(sb, WIRE_STOP, &payload, -1, err);
}

static void kill_supervisor(void *arg)
{
	struct sandbox *sb = arg;

	(void)syscall(SYS_pidfd_send_signal, sb->pidfd, SIGKILL, NULL, 0);
}

void sandbox_destroy(struct sandbox *sb)
{
	if (sb->destroying)
		return;
	sb->destroying = 1;
	if (send_command(sb, WIRE_DESTROY, NULL, -1, NULL) < 0)
		kill_supervisor(sb);
	sb->patience = loop_timer_new(sb->all->loop, kill_supervisor, sb);
	loop_timer_arm(sb->patience, DESTROY_PATIENCE_MS);
}
