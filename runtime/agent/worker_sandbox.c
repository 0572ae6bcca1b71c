/* SPDX-License-Identifier: MIT */
/* What comes from the sandbox. */
#include "runtime/agent/agent_i.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/agent/cspec.h"
#include "runtime/agent/podfiles.h"
#include "util/fd.h"

#define MESSAGE_MAX    4096u /* bytes of a termination message */
#define LOG_TAIL_MAX   2048u /* of a log as a termination message */
#define LOG_TAIL_LINES 80

/* -- the sandbox as a whole -- */

static int attach(struct worker *w, int netns_fd, struct err *err)
{
	struct agent_core *a = w->a;
	char ip[INET_ADDRSTRLEN] = "";
	struct host_port *ports;
	size_t n;
	int rc;

	if (value_bool(value_dig(w->obj->value, "spec", "hostNetwork", NULL), 0)) {
		snprintf(w->st.ip, sizeof(w->st.ip), "%s", a->node->ip ? a->node->ip : "");
		return 0;
	}
	n = pod_host_ports(w->obj->value, &ports);
	rc = a->ops->net_attach(a->ctx, w->uid, netns_fd, ports, n, ip, err);
	free(ports);
	if (rc)
		return rc;
	w->network = 1;
	snprintf(w->st.ip, sizeof(w->st.ip), "%s", ip);
	return 0;
}

static int write_files(struct worker *w, struct err *err)
{
	struct agent_core *a = w->a;
	struct dns_config dns = {a->cluster_domain, a->dns_address, a->host_resolv};
	CLEANUP_FREE char *dir = pod_state_path(a->state_dir, w->uid);
	CLEANUP_FREE char *etc = xasprintf("%s/etc", dir);

	return pod_files_write(&w->st, &dns, etc, err);
}

/* Back to before there was one; another try comes later. */
static void sandbox_failed(struct worker *w, const char *why)
{
	worker_event(w, NULL, "Warning", "FailedCreatePodSandBox",
		     "Failed to create pod sandbox: %s", why);
	w->retry_ms = w->retry_ms ? w->retry_ms * 2 : FIRST_RETRY_MS;
	if (w->retry_ms > MAX_RETRY_MS)
		w->retry_ms = MAX_RETRY_MS;
	w->sandbox_retry_ms = worker_now(w) + w->retry_ms;
	if (w->sb)
		w->a->ops->sandbox_destroy(w->a->ctx, w->sb);
}

static void on_ready(struct worker *w, const struct sandbox_event *ev)
{
	struct err err = ERR_INIT;

	if (w->st.sandbox_ready)
		return; /* a pod that was found */
	w->sandbox_pending = 0;
	if (w->life != LIFE_RUN)
		return;
	if (attach(w, ev->netns_fd, &err) || write_files(w, &err)) {
		sandbox_failed(w, err.msg);
		return;
	}
	w->retry_ms = 0;
	w->st.sandbox_ready = 1;
}

void worker_drop_network(struct worker *w)
{
	if (w->network)
		w->a->ops->net_detach(w->a->ctx, w->uid);
	w->network = 0;
}

void worker_lose_ctr(struct worker *w, struct cwork *cw, const char *reason, int exit_code)
{
	struct ctr *c = cw->c;

	probes_stop(cw);
	hook_cancel(cw);
	if (c->state == CTR_RUNNING || c->state == CTR_STARTING)
		ctr_end(c, exit_code, 0, reason,
			"The container could not be located when the pod was looked for",
			w->a->ops->now_sec(w->a->ctx), worker_now(w));
}

void worker_lost_sandbox(struct worker *w, const char *reason, int exit_code)
{
	w->sb = NULL;
	w->sandbox_pending = 0;
	w->st.sandbox_ready = 0;
	w->st.ip[0] = '\0';
	worker_drop_network(w);
	for (size_t i = 0; i < w->st.n; i++) {
		worker_lose_ctr(w, &w->ctrs[i], reason, exit_code);
		w->st.ctrs[i].stale = w->st.ctrs[i].state == CTR_EXITED;
	}
}

static void on_gone(struct worker *w, const struct sandbox_event *ev)
{
	int failed_to_start = w->sandbox_pending || !w->st.sandbox_ready;

	w->sb = NULL;
	if (w->life == LIFE_UNMAKING) {
		worker_clean(w);
		return;
	}
	if (!failed_to_start) {
		worker_event(w, NULL, "Normal", "SandboxChanged",
			     "Pod sandbox changed, it will be killed and re-created.");
		worker_lost_sandbox(w, "ContainerStatusUnknown", 137);
		return;
	}
	w->sandbox_pending = 0;
	worker_drop_network(w);
	if (!w->sandbox_retry_ms)
		w->sandbox_retry_ms = worker_now(w) + FIRST_RETRY_MS;
}

/* -- containers -- */

/* The content of one line in CRI format: behind "<time> <stream> <tag> ". */
static const char *cri_content(const char *line)
{
	for (int i = 0; i < 3 && line; i++) {
		line = strchr(line, ' ');
		line += line != NULL;
	}
	return line;
}

/* terminationMessagePolicy FallbackToLogsOnError: the end of the log. */
static char *log_tail(const char *path)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP(buf_fini) struct buf raw = BUF_INIT;
	struct buf out = BUF_INIT;
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	off_t from = size > 16384 ? size - 16384 : 0;
	ssize_t n = fd < 0 ? 0 : pread(fd, buf_reserve(&raw, 16385), 16384, from);
	char *save = NULL, *text;
	int lines = 0;

	if (n <= 0)
		return NULL;
	raw.data[n] = '\0';
	text = raw.data;
	if (from && strchr(text, '\n'))
		text = strchr(text, '\n') + 1;
	for (char *p = text; *p; p++)
		lines += *p == '\n';
	for (; lines > LOG_TAIL_LINES; lines--)
		text = strchr(text, '\n') + 1;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *content = cri_content(line);

		if (content)
			buf_addf(&out, "%s\n", content);
	}
	if (out.len > LOG_TAIL_MAX) {
		memmove(out.data, out.data + out.len - LOG_TAIL_MAX, LOG_TAIL_MAX);
		buf_resize(&out, LOG_TAIL_MAX);
	}
	return buf_steal(&out);
}

/* Cut to whole UTF-8 characters; what is none becomes '?'. */
static char *clean_message(const char *text)
{
	size_t n = strnlen(text, MESSAGE_MAX);
	char *s;

	while (n && n == MESSAGE_MAX && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	s = xstrndup(text, n);
	for (unsigned char *p = (unsigned char *)s; *p;) {
		int more = *p < 0x80 ? 0
				     : (*p >= 0xf0 && *p < 0xf5
						? 3
						: (*p >= 0xe0 ? 2 : (*p >= 0xc2 ? 1 : -1)));
		int ok = more >= 0 && *p < 0xf5;

		for (int i = 1; ok && i <= more; i++)
			ok = (p[i] & 0xc0) == 0x80;
		if (ok) {
			p += more + 1;
		} else {
			*p++ = '?';
		}
	}
	return s;
}

static char *end_message(struct worker *w, struct ctr *c, const struct sandbox_event *ev)
{
	const char *policy =
		value_str(value_get(ctr_spec(&w->st, c), "terminationMessagePolicy"), "File");
	CLEANUP_FREE char *log = NULL, *tail = NULL;

	if (ev->message && *ev->message)
		return clean_message(ev->message);
	if (ev->exit_code == 0 || !str_eq(policy, "FallbackToLogsOnError"))
		return NULL;
	log = ctr_log_path(w->a->state_dir, w->uid, c->name, c->restart_count);
	tail = log_tail(log);
	return tail ? clean_message(tail) : NULL;
}

static void on_exited(struct worker *w, struct cwork *cw, const struct sandbox_event *ev)
{
	struct ctr *c = cw->c;
	CLEANUP_FREE char *message = end_message(w, c, ev);
	const char *reason = ev->oom_killed ? "OOMKilled" : (ev->exit_code ? "Error" : "Completed");
	int64_t sec = ev->finished_sec ? ev->finished_sec : w->a->ops->now_sec(w->a->ctx);

	if (ev->container_id && *ev->container_id && strcmp(ev->container_id, c->run.id) != 0 &&
	    !ev->replayed)
		return; /* of an earlier run */
	if (ev->replayed && ev->container_id && strcmp(ev->container_id, c->run.id) != 0)
		ctr_begin(c, ev->container_id); /* a run that the daemon did not live to tell of */
	else if (c->state == CTR_EXITED && ev->replayed)
		return; /* known */
	probes_stop(cw);
	hook_cancel(cw);
	if (ev->started_sec)
		c->run.started_sec = ev->started_sec;
	ctr_end(c, ev->exit_code, ev->signal, reason, message, sec, worker_now(w));
}

static void on_start_failed(struct worker *w, struct cwork *cw, const struct sandbox_event *ev)
{
	struct ctr *c = cw->c;
	int first = c->restart_count == 0;
	const char *why = ev->message ? ev->message : "cannot be started";

	if (ev->replayed && ev->container_id && strcmp(ev->container_id, c->run.id) != 0)
		ctr_begin(c, ev->container_id);
	if (c->state != CTR_STARTING)
		return;
	worker_event(w, c, "Warning", "Failed", "Error: %s", why);
	ctr_end(c, ev->exit_code ? ev->exit_code : 128, 0, "StartError", why,
		w->a->ops->now_sec(w->a->ctx), worker_now(w));
	if (first) {
		backoff_next(&c->restart, c->run.finished_ms, worker_now(w));
		c->retry_ms = c->run.finished_ms + c->restart.delay_ms;
	}
	if (ctr_should_restart(&w->st, c))
		ctr_set_waiting(c, "RunContainerError", why);
}

/* Found running, or started by us just now. */
static void on_started(struct worker *w, struct cwork *cw, const struct sandbox_event *ev)
{
	struct ctr *c = cw->c;
	const char *id = ev->container_id ? ev->container_id : "";

	int ours = c->state == CTR_STARTING && strcmp(id, c->run.id) == 0;

	if (!ours && strcmp(id, c->run.id) != 0) {
		if (!ev->replayed)
			return;
		ctr_begin(c, id); /* started, and the daemon fell before it could say so */
	}
	if (c->state == CTR_RUNNING || c->state == CTR_EXITED)
		return;
	c->state = CTR_RUNNING;
	c->run.started_sec = ev->started_sec ? ev->started_sec : w->a->ops->now_sec(w->a->ctx);
	ctr_set_waiting(c, NULL, NULL);
	if (ours)
		worker_event(w, c, "Normal", "Started", "Container started");
	worker_ctr_running(w, cw, !ours);
	if (c->stopping) /* its end was asked for before it was there */
		worker_stop_now(cw);
}

/* It ran before the daemon did: the tree that it shows is the last daemon's. */
static void show_tree_again(struct worker *w, struct cwork *cw)
{
	const struct cspec_source src = {worker_volume_ctx(w), w->volumes, w->n_volumes, NULL};
	struct container_spec spec;
	struct err err = ERR_INIT;
	int rc = cspec_tree_mounts(&src, cw->c, &spec, &err);

	for (size_t i = 0; rc == 0 && i < spec.n_mounts; i++)
		rc = w->a->ops->sandbox_mount_again(w->a->ctx, w->sb, cw->c->name, &spec.mounts[i],
						    &err);
	if (rc < 0)
		worker_event(w, cw->c, "Warning", "FailedMount", "Mounting the tree again: %s",
			     err.msg);
	cspec_fini(&spec);
}

static void on_container(struct worker *w, const struct sandbox_event *ev)
{
	struct cwork *cw = worker_ctr(w, ev->container ? ev->container : "");

	if (!cw)
		return;
	cw->seen = 1;
	if (ev->kind == CONTAINER_STARTED && ev->replayed && ev->pid > 0)
		show_tree_again(w, cw);
	if (ev->kind == CONTAINER_STARTED)
		on_started(w, cw, ev);
	else if (ev->kind == CONTAINER_EXITED)
		on_exited(w, cw, ev);
	else
		on_start_failed(w, cw, ev);
}

void worker_sandbox_event(void *arg, struct sandbox *sb, const struct sandbox_event *ev)
{
	struct worker *w = arg;

	if (w->sb && w->sb != sb)
		return;
	switch (ev->kind) {
	case SANDBOX_READY:
		on_ready(w, ev);
		break;
	case SANDBOX_FAILED: /* it frees itself */
		w->sb = NULL;
		w->sandbox_pending = 0;
		if (w->life == LIFE_UNMAKING) {
			worker_clean(w);
			break;
		}
		sandbox_failed(w, ev->message ? ev->message : "unknown");
		break;
	case SANDBOX_GONE:
		on_gone(w, ev);
		break;
	case SANDBOX_REPLAYED:
		if (w->replay_until_ms)
			w->replay_until_ms = worker_now(w);
		break;
	default:
		on_container(w, ev);
	}
	worker_touch(w);
}
