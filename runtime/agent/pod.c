/* SPDX-License-Identifier: MIT */
/* The observed pod. */
#include "runtime/agent/pod.h"

#include <stdio.h>

#include "objects/quantity.h"
#include "runtime/agent/agent.h"
#include "runtime/agent/qos.h"

const char *pod_uid(const struct value *pod)
{
	const char *s = value_dig_str(pod, "metadata", "uid", NULL);

	return s ? s : "";
}

const char *pod_name(const struct value *pod)
{
	const char *s = value_dig_str(pod, "metadata", "name", NULL);

	return s ? s : "";
}

const char *pod_ns(const struct value *pod)
{
	const char *s = value_dig_str(pod, "metadata", "namespace", NULL);

	return s ? s : "";
}

const char *pod_restart_policy(const struct value *pod)
{
	const char *s = value_dig_str(pod, "spec", "restartPolicy", NULL);

	return s ? s : "Always";
}

int64_t pod_grace(const struct value *pod)
{
	int64_t spec = value_int(value_dig(pod, "spec", "terminationGracePeriodSeconds", NULL), 30);

	return value_int(value_dig(pod, "metadata", "deletionGracePeriodSeconds", NULL), spec);
}

const char *pod_qos(const struct value *pod)
{
	return qos_name(qos_class(pod));
}

static void add_ctr(struct pod_state *st, const struct value *spec, size_t index,
		    enum ctr_kind kind)
{
	struct ctr *c = &st->ctrs[st->n++];

	c->name = xstrdup(value_str(value_get(spec, "name"), ""));
	c->kind = kind;
	c->index = index;
}

void pod_state_init(struct pod_state *st, const struct value *pod)
{
	const struct value *init = value_dig(pod, "spec", "initContainers", NULL);
	const struct value *mains = value_dig(pod, "spec", "containers", NULL);

	*st = (struct pod_state){.pod = pod};
	st->ctrs = xcalloc(value_count(init) + value_count(mains) + 1, sizeof(*st->ctrs));
	for (size_t i = 0; i < value_count(init); i++) {
		const struct value *spec = value_at(init, i);
		int sidecar = str_eq(value_str(value_get(spec, "restartPolicy"), NULL), "Always");

		add_ctr(st, spec, i, sidecar ? CTR_SIDECAR : CTR_INIT);
	}
	for (size_t i = 0; i < value_count(mains); i++)
		add_ctr(st, value_at(mains, i), i, CTR_MAIN);
}

void ctr_run_fini(struct ctr_run *r)
{
	free(r->reason);
	free(r->message);
	*r = (struct ctr_run){0};
}

void pod_state_fini(struct pod_state *st)
{
	for (size_t i = 0; i < st->n; i++) {
		struct ctr *c = &st->ctrs[i];

		ctr_run_fini(&c->run);
		ctr_run_fini(&c->last);
		free(c->name);
		free(c->waiting_reason);
		free(c->waiting_message);
		free(c->spec_image);
		free(c->image);
		free(c->image_id);
		free(c->groups);
	}
	free(st->ctrs);
	free(st->failed_reason);
	free(st->failed_message);
	*st = (struct pod_state){0};
}

struct ctr *pod_ctr(const struct pod_state *st, const char *name)
{
	for (size_t i = 0; i < st->n; i++)
		if (str_eq(st->ctrs[i].name, name))
			return &st->ctrs[i];
	return NULL;
}

const struct value *ctr_spec(const struct pod_state *st, const struct ctr *c)
{
	const char *field = c->kind == CTR_MAIN ? "containers" : "initContainers";
	const struct value *list = value_dig(st->pod, "spec", field, NULL);

	return c->index < value_count(list) ? value_at(list, c->index) : NULL;
}

const char *ctr_field_path(const struct ctr *c, char buf[320])
{
	snprintf(buf, 320, "spec.%s{%.260s}", c->kind == CTR_MAIN ? "containers" : "initContainers",
		 c->name);
	return buf;
}

void ctr_set_waiting(struct ctr *c, const char *reason, const char *message)
{
	char *r = xstrdup(reason), *m = xstrdup(message);

	free(c->waiting_reason);
	free(c->waiting_message);
	c->waiting_reason = r;
	c->waiting_message = m;
}

void ctr_begin(struct ctr *c, const char id[65])
{
	if (c->run.id[0] || c->state == CTR_EXITED) {
		ctr_run_fini(&c->last);
		c->last = c->run;
		c->has_last = 1;
		c->run = (struct ctr_run){0};
		c->restart_count++;
	}
	snprintf(c->run.id, sizeof(c->run.id), "%s", id);
	c->state = CTR_STARTING;
	c->stale = 0;
	c->retry_ms = 0;
	c->stopping = c->liveness_failed = c->startup_failed = 0;
	c->startup_passed = c->ready_passed = c->hook_pending = 0;
}

void ctr_end(struct ctr *c, int exit_code, int signal, const char *reason, const char *message,
	     int64_t finished_sec, uint64_t now_ms)
{
	free(c->run.reason);
	free(c->run.message);
	c->run.reason = xstrdup(reason);
	c->run.message = message && *message ? xstrdup(message) : NULL;
	c->run.exit_code = exit_code;
	c->run.signal = signal;
	c->run.finished_sec = finished_sec;
	c->run.finished_ms = now_ms;
	c->state = CTR_EXITED;
	c->startup_passed = c->ready_passed = c->hook_pending = c->stopping = 0;
	ctr_set_waiting(c, NULL, NULL);
}

/* containers[].restartPolicyRules: the first rule that matches decides. */
static int rule_restarts(const struct value *spec, int exit_code)
{
	const struct value *rules = value_get(spec, "restartPolicyRules");

	for (size_t i = 0; i < value_count(rules); i++) {
		const struct value *codes = value_get(value_at(rules, i), "exitCodes");
		const struct value *values = value_get(codes, "values");
		int in = 0;

		for (size_t j = 0; j < value_count(values); j++)
			in |= value_int(value_at(values, j), -1) == exit_code;
		if (in == str_eq(value_str(value_get(codes, "operator"), "In"), "In"))
			return 1;
	}
	return 0;
}

int ctr_should_restart(const struct pod_state *st, const struct ctr *c)
{
	const struct value *spec = ctr_spec(st, c);
	const char *policy =
		value_str(value_get(spec, "restartPolicy"), pod_restart_policy(st->pod));

	if (st->ending || st->ended)
		return 0;
	if (c->state != CTR_EXITED || c->kind == CTR_SIDECAR)
		return 1;
	if (rule_restarts(spec, c->run.exit_code))
		return 1;
	if (c->kind == CTR_INIT) /* Always means: until it succeeds */
		return c->run.exit_code != 0 && !str_eq(policy, "Never");
	if (str_eq(policy, "Never"))
		return 0;
	return !str_eq(policy, "OnFailure") || c->run.exit_code != 0;
}

int pod_initialized(const struct pod_state *st)
{
	for (size_t i = 0; i < st->n; i++) {
		const struct ctr *c = &st->ctrs[i];

		if (c->kind == CTR_MAIN && !c->stale && (c->run.id[0] || c->state == CTR_EXITED))
			return 1;
	}
	return 0;
}

/* -- what the stored status remembers -- */

static int64_t time_of(const struct value *v)
{
	int64_t sec = 0;
	int32_t nsec;

	if (!value_is(v, VALUE_STRING) || time_parse(value_str(v, ""), &sec, &nsec))
		return 0;
	return sec;
}

static void recall_id(struct ctr_run *r, const struct value *from)
{
	const char *id = value_str(from, "");
	const char *bare = strstr(id, "://");

	snprintf(r->id, sizeof(r->id), "%s", bare ? bare + 3 : id);
}

static void recall_terminated(struct ctr_run *r, const struct value *t, int64_t now_sec,
			      uint64_t now_ms)
{
	uint64_t ago_ms;

	ctr_run_fini(r);
	recall_id(r, value_get(t, "containerID"));
	r->started_sec = time_of(value_get(t, "startedAt"));
	r->finished_sec = time_of(value_get(t, "finishedAt"));
	r->exit_code = (int)value_int(value_get(t, "exitCode"), 0);
	r->signal = (int)value_int(value_get(t, "signal"), 0);
	r->reason = xstrdup(value_str(value_get(t, "reason"), NULL));
	r->message = xstrdup(value_str(value_get(t, "message"), NULL));
	ago_ms = now_sec > r->finished_sec ? (uint64_t)(now_sec - r->finished_sec) * 1000 : 0;
	r->finished_ms = now_ms > ago_ms ? now_ms - ago_ms : 0;
}

static void recall_user(struct ctr *c, const struct value *user)
{
	const struct value *groups = value_get(user, "supplementalGroups");

	if (!user)
		return;
	c->has_user = 1;
	c->uid = (unsigned)value_int(value_get(user, "uid"), 0);
	c->gid = (unsigned)value_int(value_get(user, "gid"), 0);
	c->n_groups = value_count(groups);
	free(c->groups);
	c->groups = xcalloc(c->n_groups + 1, sizeof(*c->groups));
	for (size_t i = 0; i < c->n_groups; i++)
		c->groups[i] = (unsigned)value_int(value_at(groups, i), 0);
}

static void recall_ctr(struct ctr *c, const struct value *status, int64_t now_sec, uint64_t now_ms)
{
	const struct value *state = value_get(status, "state");
	const struct value *last = value_dig(status, "lastState", "terminated", NULL);
	const struct value *running = value_get(state, "running");
	const struct value *done = value_get(state, "terminated");

	c->restart_count = (int)value_int(value_get(status, "restartCount"), 0);
	free(c->image);
	free(c->image_id);
	c->image = xstrdup(value_str(value_get(status, "image"), NULL));
	c->image_id = xstrdup(value_str(value_get(status, "imageID"), NULL));
	recall_user(c, value_dig(status, "user", "linux", NULL));
	if (running) {
		c->state = CTR_RUNNING;
		recall_id(&c->run, value_get(status, "containerID"));
		c->run.started_sec = time_of(value_get(running, "startedAt"));
	} else if (done) {
		c->state = CTR_EXITED;
		recall_terminated(&c->run, done, now_sec, now_ms);
	} else if (last) { /* waits for its next run: the last one is how it ended */
		c->state = CTR_EXITED;
		recall_terminated(&c->run, last, now_sec, now_ms);
		return;
	}
	if (last) {
		recall_terminated(&c->last, last, now_sec, now_ms);
		c->has_last = 1;
	}
}

void pod_state_recall(struct pod_state *st, int64_t now_sec, uint64_t now_ms)
{
	static const char *const fields[] = {"initContainerStatuses", "containerStatuses"};
	const struct value *status = value_get(st->pod, "status");
	const char *ip = value_str(value_get(status, "podIP"), "");

	snprintf(st->ip, sizeof(st->ip), "%s", ip);
	st->started_sec = time_of(value_get(status, "startTime"));
	for (size_t f = 0; f < ARRAY_LEN(fields); f++) {
		const struct value *list = value_get(status, fields[f]);

		for (size_t i = 0; i < value_count(list); i++) {
			const struct value *s = value_at(list, i);
			struct ctr *c = pod_ctr(st, value_str(value_get(s, "name"), ""));

			if (c)
				recall_ctr(c, s, now_sec, now_ms);
		}
	}
}

const struct value *agent_container_status(const struct value *pod, const char *container)
{
	static const char *const fields[] = {"containerStatuses", "initContainerStatuses",
					     "ephemeralContainerStatuses"};

	for (size_t f = 0; f < ARRAY_LEN(fields); f++) {
		const struct value *list = value_dig(pod, "status", fields[f], NULL);

		for (size_t i = 0; i < value_count(list); i++)
			if (str_eq(value_str(value_get(value_at(list, i), "name"), NULL),
				   container))
				return value_at(list, i);
	}
	return NULL;
}
