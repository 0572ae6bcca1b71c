/* SPDX-License-Identifier: MIT */
/*
 * A command in a container, for probes and hooks: a thread each, since asking the
 * supervisor may take its time. It ends with the command, the timeout or the
 * cancellation, whichever is first.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "runtime/agent/real.h"
#include "util/fd.h"

#define MAX_OUTPUT 10240u
#define STACK_SIZE 131072u

struct exec_action {
	struct action base;
	struct agent *agent; /* a reference */
	char *uid, *container, **argv;
	uint64_t timeout_ms;
	int cancel_fd;
	_Atomic int cancelled, leave_it; /* leave_it: the daemon stops, the command may go on */
	action_done_fn done;
	void *arg;
	enum action_result result;
	struct buf output;
};

static void exec_free(struct exec_action *x)
{
	for (char **s = x->argv; *s; s++)
		free(*s);
	free(x->argv);
	free(x->uid);
	free(x->container);
	buf_fini(&x->output);
	close(x->cancel_fd);
	agent_put(x->agent);
	free(x);
}

static void deliver(void *arg)
{
	struct exec_action *x = arg;

	if (!x->cancelled && !x->agent->stopped)
		x->done(x->arg, x->result, buf_str(&x->output));
	exec_free(x);
}

/* Return: 0 at the end of the stream. */
static int take_output(int fd, struct buf *out)
{
	char text[4096];
	ssize_t n = read(fd, text, sizeof(text));

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n > 0 && out->len < MAX_OUTPUT)
		buf_add(out, text,
			(size_t)n > MAX_OUTPUT - out->len ? MAX_OUTPUT - out->len : (size_t)n);
	return n > 0;
}

static void timed_out(struct exec_action *x)
{
	CLEANUP(buf_fini) struct buf command = BUF_INIT;

	for (char **s = x->argv; *s; s++)
		buf_addf(&command, "%s%s", command.len ? " " : "", *s);
	buf_resize(&x->output, 0);
	buf_addf(&x->output, "command timed out: \"%s\" timed out after %llus", buf_str(&command),
		 (unsigned long long)(x->timeout_ms / 1000));
	x->result = ACTION_FAILURE;
}

static void take_status(struct exec_action *x, int status)
{
	char text[32] = "";
	ssize_t n = read(status, text, sizeof(text) - 1);

	x->result = n > 0 && atoi(text) == 0 ? ACTION_SUCCESS : ACTION_FAILURE;
}

/* Until the command's status is there. fds: stdout, stderr, status, cancellation. */
static void follow(struct exec_action *x, struct pollfd fds[4], pid_t pid)
{
	uint64_t end = loop_now_ms() + x->timeout_ms;

	for (;;) {
		uint64_t now = loop_now_ms(), left = end > now ? end - now : 0;
		int n = poll(fds, 4, left > 3600000 ? 3600000 : (int)left);

		if (n < 0 && errno != EINTR)
			break;
		if (fds[3].revents || (n == 0 && loop_now_ms() >= end)) {
			if (!x->cancelled)
				timed_out(x);
			if (pid > 0 && !x->leave_it)
				kill(pid, SIGKILL);
			return;
		}
		for (int i = 0; i < 2; i++)
			if (fds[i].revents && !take_output(fds[i].fd, &x->output))
				fds[i].fd = -1;
		if (fds[2].revents)
			break;
	}
	for (int i = 0; i < 2; i++) /* what was written before the end is there by now */
		while (fds[i].fd >= 0 && fcntl(fds[i].fd, F_SETFL, O_NONBLOCK) == 0 &&
		       poll(&fds[i], 1, 0) > 0 && take_output(fds[i].fd, &x->output))
			;
	take_status(x, fds[2].fd);
}

static void run_command(struct exec_action *x)
{
	struct exec_spec spec = {.argv = x->argv};
	struct err err = ERR_INIT;
	CLEANUP_FD int in = -1;
	CLEANUP_FD int out = -1;
	CLEANUP_FD int errors = -1;
	CLEANUP_FD int status = -1;
	pid_t pid = 0;
	int rc = sandbox_exec(x->agent->sandboxes, x->uid, x->container, &spec, &in, &out, &errors,
			      &status, &pid, &err);

	if (rc) { /* a command that is not there has failed; a pod that does not answer is an error
		   */
		x->result = rc == -ENOENT || rc == -EACCES ? ACTION_FAILURE : ACTION_ERROR;
		buf_adds(&x->output, err.msg);
		return;
	}
	fd_close_at(&in);
	{
		struct pollfd fds[4] = {
			{.fd = out, .events = POLLIN},
			{.fd = errors, .events = POLLIN},
			{.fd = status, .events = POLLIN},
			{.fd = x->cancel_fd, .events = POLLIN},
		};

		follow(x, fds, pid);
	}
}

static void *exec_thread(void *arg)
{
	struct exec_action *x = arg;
	struct agent *a = agent_get(x->agent);

	run_command(x);
	loop_post(a->loop, deliver, x);
	pthread_mutex_lock(&a->lock);
	a->execs--;
	pthread_cond_broadcast(&a->quiet);
	pthread_mutex_unlock(&a->lock);
	agent_put(a);
	return NULL;
}

static void exec_cancel(struct action *base)
{
	struct exec_action *x = CONTAINER_OF(base, struct exec_action, base);

	x->leave_it = x->agent->stopped;
	x->cancelled = 1;
	if (eventfd_write(x->cancel_fd, 1))
		return; /* it is told already */
}

struct action *exec_act(struct agent *a, const struct action_spec *spec, action_done_fn done,
			void *arg)
{
	struct exec_action *x = xcalloc(1, sizeof(*x));
	pthread_attr_t attr;
	pthread_t thread;
	size_t n = 0;

	while (spec->argv[n])
		n++;
	x->argv = xcalloc(n + 1, sizeof(*x->argv));
	for (size_t i = 0; i < n; i++)
		x->argv[i] = xstrdup(spec->argv[i]);
	x->base.cancel = exec_cancel;
	x->agent = agent_get(a);
	x->uid = xstrdup(spec->pod_uid);
	x->container = xstrdup(spec->container);
	x->timeout_ms = spec->timeout_ms;
	x->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	x->done = done;
	x->arg = arg;
	x->result = ACTION_ERROR;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_mutex_lock(&a->lock);
	a->execs++;
	pthread_mutex_unlock(&a->lock);
	if (pthread_create(&thread, &attr, exec_thread, x)) {
		buf_adds(&x->output, "no thread to run it");
		pthread_mutex_lock(&a->lock);
		a->execs--;
		pthread_mutex_unlock(&a->lock);
		loop_post(a->loop, deliver, x);
	}
	pthread_attr_destroy(&attr);
	return &x->base;
}

void exec_wait(struct agent *a)
{
	pthread_mutex_lock(&a->lock);
	while (a->execs)
		pthread_cond_wait(&a->quiet, &a->lock);
	pthread_mutex_unlock(&a->lock);
}
