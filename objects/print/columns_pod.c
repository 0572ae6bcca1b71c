/* SPDX-License-Identifier: MIT */
/* READY, STATUS and RESTARTS of a pod. Source: Kubernetes, pkg/printers/internalversion: printPod.
 */
#include <inttypes.h>

#include "objects/print/print_i.h"

struct summary {
	int64_t ready, total, restarts;
	const char *last_restart; /* newest finishedAt, NULL: none known */
	struct buf reason;
};

static const struct value *init_container(const struct value *pod, const char *name)
{
	const struct value *list = value_dig(pod, "spec", "initContainers", NULL);

	for (size_t i = 0; i < value_count(list); i++)
		if (str_eq(value_dig_str(value_at(list, i), "name", NULL), name))
			return value_at(list, i);
	return NULL;
}

static int is_sidecar(const struct value *container)
{
	return str_eq(value_dig_str(container, "restartPolicy", NULL), "Always");
}

static void set_reason(struct summary *s, const char *reason)
{
	s->reason.len = 0;
	buf_adds(&s->reason, reason);
}

static void add_restarts(struct summary *s, const struct value *status)
{
	const char *when = value_dig_str(status, "lastState", "terminated", "finishedAt", NULL);

	s->restarts += int_at(status, 0, "restartCount", NULL);
	if (when && (!s->last_restart || strcmp(when, s->last_restart) > 0))
		s->last_restart = when;
}

/* "Error", "Signal:9", "ExitCode:1". */
static void terminated_reason(struct summary *s, const char *prefix, const struct value *terminated)
{
	const char *reason = text_at(terminated, NULL, "reason", NULL);
	int64_t signal = int_at(terminated, 0, "signal", NULL);

	set_reason(s, prefix);
	if (reason)
		buf_adds(&s->reason, reason);
	else if (signal)
		buf_addf(&s->reason, "Signal:%" PRId64, signal);
	else
		buf_addf(&s->reason, "ExitCode:%" PRId64, int_at(terminated, 0, "exitCode", NULL));
}

/* One init container's part. Return: whether it is still in the way of the others. */
static int init_status(struct summary *s, const struct value *pod, const struct value *status,
		       size_t i)
{
	const struct value *terminated = value_dig(status, "state", "terminated", NULL);
	const char *waiting = text_at(status, "", "state", "waiting", "reason", NULL);
	int sidecar = is_sidecar(init_container(pod, text_at(status, "", "name", NULL)));

	if (terminated && int_at(terminated, 0, "exitCode", NULL) == 0)
		return 0;
	if (sidecar && value_bool(value_get(status, "started"), 0)) {
		s->ready += value_bool(value_get(status, "ready"), 0);
		return 0;
	}
	if (terminated) {
		terminated_reason(s, "Init:", terminated);
	} else if (*waiting && !str_eq(waiting, "PodInitializing")) {
		set_reason(s, "Init:");
		buf_adds(&s->reason, waiting);
	} else {
		s->reason.len = 0;
		buf_addf(&s->reason, "Init:%zu/%zu", i,
			 value_count(value_dig(pod, "spec", "initContainers", NULL)));
	}
	return 1;
}

/* Return: whether the pod is still initializing. */
static int init_containers(struct summary *s, const struct value *pod, struct summary *sidecars)
{
	const struct value *list = value_dig(pod, "status", "initContainerStatuses", NULL);

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *status = value_at(list, i);

		add_restarts(s, status);
		if (is_sidecar(init_container(pod, text_at(status, "", "name", NULL))))
			add_restarts(sidecars, status);
		if (init_status(s, pod, status, i))
			return 1;
	}
	return 0;
}

static int is_true(const struct value *pod, const char *condition)
{
	return str_eq(value_dig_str(condition_of(pod, condition), "status", NULL), "True");
}

static void containers(struct summary *s, const struct value *pod)
{
	const struct value *list = value_dig(pod, "status", "containerStatuses", NULL);
	int running = 0;

	for (size_t i = value_count(list); i-- > 0;) {
		const struct value *status = value_at(list, i);
		const struct value *terminated = value_dig(status, "state", "terminated", NULL);
		const char *waiting = text_at(status, NULL, "state", "waiting", "reason", NULL);

		add_restarts(s, status);
		if (waiting) {
			set_reason(s, waiting);
		} else if (terminated) {
			terminated_reason(s, "", terminated);
		} else if (value_bool(value_get(status, "ready"), 0) &&
			   value_dig(status, "state", "running", NULL)) {
			running = 1;
			s->ready++;
		}
	}
	if (running && str_eq(buf_str(&s->reason), "Completed"))
		set_reason(s, is_true(pod, "Ready") ? "Running" : "NotReady");
}

static void deletion(struct summary *s, const struct value *pod)
{
	const char *phase = text_at(pod, "", "status", "phase", NULL);

	if (!object_deleting(pod))
		return;
	if (str_eq(text_at(pod, "", "status", "reason", NULL), "NodeLost"))
		set_reason(s, "Unknown");
	else if (!str_eq(phase, "Failed") && !str_eq(phase, "Succeeded"))
		set_reason(s, "Terminating");
}

static struct summary summarize(const struct value *pod)
{
	const struct value *inits = value_dig(pod, "spec", "initContainers", NULL);
	struct summary s = {
		.total = (int64_t)value_count(value_dig(pod, "spec", "containers", NULL))};
	struct summary sidecars = {.total = 0};

	for (size_t i = 0; i < value_count(inits); i++)
		s.total += is_sidecar(value_at(inits, i));
	set_reason(&s, text_at(pod, text_at(pod, "", "status", "phase", NULL), "status", "reason",
			       NULL));
	if (str_eq(value_dig_str(condition_of(pod, "PodScheduled"), "reason", NULL),
		   "SchedulingGated"))
		set_reason(&s, "SchedulingGated");
	if (!init_containers(&s, pod, &sidecars) || is_true(pod, "Initialized")) {
		s.restarts = sidecars.restarts;
		s.last_restart = sidecars.last_restart;
		containers(&s, pod);
	}
	deletion(&s, pod);
	return s;
}

void column_pod_ready(const struct value *o, struct buf *out)
{
	struct summary s = summarize(o);

	buf_addf(out, "%" PRId64 "/%" PRId64, s.ready, s.total);
	buf_fini(&s.reason);
}

void column_pod_status(const struct value *o, struct buf *out)
{
	struct summary s = summarize(o);

	buf_adds(out, buf_str(&s.reason));
	buf_fini(&s.reason);
}

void column_pod_restarts(const struct value *o, struct buf *out)
{
	struct summary s = summarize(o);
	char age[16];

	buf_addf(out, "%" PRId64, s.restarts);
	if (s.restarts && s.last_restart)
		buf_addf(out, " (%s ago)", age_since(s.last_restart, age));
	buf_fini(&s.reason);
}

void column_pod_gates(const struct value *o, struct buf *out)
{
	const struct value *gates = value_dig(o, "spec", "readinessGates", NULL);
	size_t open = 0;

	for (size_t i = 0; i < value_count(gates); i++)
		open += (size_t)is_true(o, text_at(value_at(gates, i), "", "conditionType", NULL));
	if (value_count(gates))
		buf_addf(out, "%zu/%zu", open, value_count(gates));
	else
		buf_adds(out, "<none>");
}
