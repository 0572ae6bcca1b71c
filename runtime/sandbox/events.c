/* SPDX-License-Identifier: MIT */
/* What supervisors report, turned into events for the agent. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/sandbox/sandbox_i.h"
#include "util/fd.h"
#include "util/log.h"

static struct codec decoder(const struct wire_msg *m)
{
	const unsigned char *data = (const unsigned char *)m->payload.data;

	return (struct codec){.at = data, .end = data + m->payload.len};
}

struct report { /* a container's state on the wire */
	char *name, *id, *message, *cgroup;
	uint64_t started_sec, started_nsec, ended_sec, ended_nsec;
	int exit_code, signal, oom_killed;
};

static int decode_report(const struct wire_msg *m, struct report *r)
{
	struct codec in = decoder(m);

	codec_str(&in, &r->name);
	codec_str(&in, &r->id);
	codec_u64(&in, &r->started_sec);
	codec_u64(&in, &r->started_nsec);
	codec_u64(&in, &r->ended_sec);
	codec_u64(&in, &r->ended_nsec);
	codec_int(&in, &r->exit_code);
	codec_int(&in, &r->signal);
	codec_int(&in, &r->oom_killed);
	codec_str(&in, &r->message);
	codec_str(&in, &r->cgroup);
	return in.bad || !r->name || !r->id ? -EBADMSG : 0;
}

static void report_fini(struct report *r)
{
	free(r->name);
	free(r->id);
	free(r->message);
	free(r->cgroup);
}

pid_t pidfd_to_pid(int pidfd)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	char path[64];
	const char *line;
	pid_t pid;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	if (fd_read_file(path, 4096, &text, NULL) < 0)
		return 0;
	line = strstr(buf_str(&text), "\nPid:");
	pid = line ? (pid_t)strtol(line + 5, NULL, 10) : 0;
	return pid > 0 ? pid : 0;
}

static struct running *running_of(struct sandbox *sb, const char *name)
{
	struct running *r = strmap_get(&sb->containers, name);

	if (!r) {
		r = xcalloc(1, sizeof(*r));
		r->pidfd = -1;
		strmap_set(&sb->containers, name, r);
	}
	return r;
}

static pid_t note_started(struct sandbox *sb, struct report *r, int pidfd)
{
	/* Replayed after its end: the process is gone, and so is its descriptor. */
	pid_t pid = pidfd >= 0 ? pidfd_to_pid(pidfd) : 0;
	struct running *running;

	pthread_mutex_lock(&sb->all->lock);
	running = running_of(sb, r->name);
	fd_close_at(&running->pidfd);
	running->pidfd = pidfd;
	running->pid = pid;
	free(running->id);
	running->id = xstrdup(r->id);
	free(running->cgroup);
	running->cgroup = xstrdup(r->cgroup);
	pthread_mutex_unlock(&sb->all->lock);
	return pid;
}

static void note_ended(struct sandbox *sb, const struct report *r)
{
	struct running *running;

	pthread_mutex_lock(&sb->all->lock);
	running = running_of(sb, r->name);
	/* A second one of the name that was refused is not the one that runs. */
	if (!running->id || str_eq(running->id, r->id)) {
		fd_close_at(&running->pidfd);
		running->pid = 0;
	}
	pthread_mutex_unlock(&sb->all->lock);
}

static void on_report(struct sandbox *sb, struct wire_msg *m, enum sandbox_event_kind kind)
{
	struct report r = {0};
	struct sandbox_event ev = {.kind = kind, .netns_fd = -1, .replayed = sb->replaying};

	if (decode_report(m, &r) < 0) {
		log_error("pod %s: damaged packet of its supervisor", sb->uid);
		report_fini(&r);
		return;
	}
	if (kind == CONTAINER_STARTED)
		ev.pid = note_started(sb, &r, wire_take_fd(m, 0));
	else
		note_ended(sb, &r);
	ev.container = r.name;
	ev.container_id = r.id;
	ev.exit_code = r.exit_code;
	ev.signal = r.signal;
	ev.oom_killed = r.oom_killed;
	ev.started_sec = (int64_t)r.started_sec;
	ev.started_nsec = (int64_t)r.started_nsec;
	ev.finished_sec = (int64_t)r.ended_sec;
	ev.finished_nsec = (int64_t)r.ended_nsec;
	ev.message = r.message;
	sandbox_emit(sb, &ev);
	report_fini(&r);
}

static void on_ready(struct sandbox *sb, struct wire_msg *m)
{
	struct sandbox_event ev = {
		.kind = SANDBOX_READY, .netns_fd = m->fds[0], .replayed = sb->replaying};

	sandbox_emit(sb, &ev);
}

static void on_replayed(struct sandbox *sb)
{
	struct sandbox_event ev = {.kind = SANDBOX_REPLAYED, .netns_fd = -1};

	sb->replaying = 0;
	sandbox_emit(sb, &ev);
}

static void on_failed(struct sandbox *sb, struct wire_msg *m)
{
	struct codec in = decoder(m);

	free(sb->failure);
	codec_str(&in, &sb->failure);
	if (!sb->failure)
		sb->failure = xstrdup("the pod's supervisor failed");
}

static void on_pod_is(struct sandbox *sb, struct wire_msg *m)
{
	struct codec in = decoder(m);
	struct sandbox_spec spec = {0};
	uint32_t version;

	codec_u32(&in, &version);
	if (version != WIRE_VERSION)
		return;
	codec_sandbox(&in, &spec);
	sb->known = !in.bad;
	sb->id_base = spec.id_base;
	sb->host_pid = spec.host_pid;
	sandbox_set_host_users(sb, spec.host_users);
	sandbox_spec_fini(&spec);
}

void sandbox_packet(struct sandbox *sb, struct wire_msg *m)
{
	switch (m->type) {
	case WIRE_READY:
		on_ready(sb, m);
		return;
	case WIRE_FAILED:
		on_failed(sb, m);
		return;
	case WIRE_POD_IS:
		on_pod_is(sb, m);
		return;
	case WIRE_REPLAYED:
		on_replayed(sb);
		return;
	case WIRE_STARTED:
		on_report(sb, m, CONTAINER_STARTED);
		return;
	case WIRE_START_FAILED:
		on_report(sb, m, CONTAINER_START_FAILED);
		return;
	case WIRE_EXITED:
		on_report(sb, m, CONTAINER_EXITED);
		return;
	default:
		log_warn("pod %s: unknown packet %u of its supervisor", sb->uid, m->type);
	}
}
