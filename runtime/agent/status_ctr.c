/* SPDX-License-Identifier: MIT */
/* containerStatuses and initContainerStatuses. */
#include "runtime/agent/status.h"

#include "objects/quantity.h"

int ctr_is_ready(const struct ctr *c)
{
	if (c->kind == CTR_INIT)
		return c->state == CTR_EXITED && c->run.exit_code == 0;
	return c->state == CTR_RUNNING && c->startup_passed && c->ready_passed;
}

int ctr_is_started(const struct ctr *c)
{
	if (c->kind == CTR_INIT)
		return c->state == CTR_RUNNING;
	return c->state == CTR_RUNNING && c->startup_passed && !c->hook_pending;
}

enum ctr_shown ctr_shown(const struct pod_state *st, const struct ctr *c)
{
	switch (c->state) {
	case CTR_RUNNING:
		return SHOWN_RUNNING;
	case CTR_EXITED:
		return c->waiting_reason && !st->ending && !st->ended ? SHOWN_WAITING
								      : SHOWN_TERMINATED;
	case CTR_STARTING: /* until it is there, its last end is what is known */
		return c->has_last ? SHOWN_TERMINATED : SHOWN_WAITING;
	default:
		return SHOWN_WAITING;
	}
}

static struct value *time_value(int64_t sec)
{
	char text[32];

	return value_new_string(time_render(sec, text));
}

static struct value *id_value(const struct ctr_run *r)
{
	return value_new_stringf("k8sfs://%s", r->id);
}

static struct value *terminated(const struct ctr_run *r)
{
	struct value *t = value_new_map();

	t = value_set_int(t, "exitCode", r->exit_code);
	if (r->signal)
		t = value_set_int(t, "signal", r->signal);
	if (r->reason)
		t = value_set_str(t, "reason", r->reason);
	if (r->message)
		t = value_set_str(t, "message", r->message);
	t = value_set(t, "startedAt", time_value(r->started_sec));
	t = value_set(t, "finishedAt", time_value(r->finished_sec));
	if (r->id[0])
		t = value_set(t, "containerID", id_value(r));
	return value_set(value_new_map(), "terminated", t);
}

static struct value *running(const struct ctr_run *r)
{
	struct value *m = value_set(value_new_map(), "startedAt", time_value(r->started_sec));

	return value_set(value_new_map(), "running", m);
}

static struct value *waiting(const struct pod_state *st, const struct ctr *c)
{
	const char *usual = "ContainerCreating";
	struct value *m = value_new_map();

	if (value_count(value_dig(st->pod, "spec", "initContainers", NULL)))
		usual = "PodInitializing";
	m = value_set_str(m, "reason", c->waiting_reason ? c->waiting_reason : usual);
	if (c->waiting_reason && c->waiting_message)
		m = value_set_str(m, "message", c->waiting_message);
	return value_set(value_new_map(), "waiting", m);
}

static struct value *user(const struct ctr *c)
{
	struct value *groups = value_new_list(), *l = value_new_map();

	for (size_t i = 0; i < c->n_groups; i++)
		groups = value_append(groups, value_new_int(c->groups[i]));
	l = value_set_int(l, "uid", c->uid);
	l = value_set_int(l, "gid", c->gid);
	l = value_set(l, "supplementalGroups", groups);
	return value_set(value_new_map(), "linux", l);
}

/* status.volumeMounts: what was mounted where. */
static struct value *mounts(const struct value *spec)
{
	const struct value *list = value_get(spec, "volumeMounts");
	struct value *out = value_new_list();

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *m = value_at(list, i);
		struct value *s = value_new_map();

		s = value_set_str(s, "name", value_str(value_get(m, "name"), ""));
		s = value_set_str(s, "mountPath", value_str(value_get(m, "mountPath"), ""));
		if (value_bool(value_get(m, "readOnly"), 0)) {
			s = value_set_bool(s, "readOnly", 1);
			s = value_set_str(s, "recursiveReadOnly", "Disabled");
		}
		out = value_append(out, s);
	}
	return out;
}

static struct value *add_resources(struct value *s, const struct pod_state *st, const struct ctr *c)
{
	const struct value *r = value_get(ctr_spec(st, c), "resources");
	const struct value *requests = value_get(r, "requests");
	struct value *out = value_new_map();

	if (value_count(requests)) {
		s = value_set(s, "allocatedResources", value_ref(requests));
		out = value_set(out, "requests", value_ref(requests));
	}
	if (value_count(value_get(r, "limits")))
		out = value_set(out, "limits", value_ref(value_get(r, "limits")));
	return value_set(s, "resources", out);
}

static struct value *state_of(const struct pod_state *st, const struct ctr *c,
			      struct value **last_out)
{
	*last_out = c->has_last ? terminated(&c->last) : value_new_map();
	switch (ctr_shown(st, c)) {
	case SHOWN_RUNNING:
		return running(&c->run);
	case SHOWN_TERMINATED:
		if (c->state != CTR_STARTING)
			return terminated(&c->run);
		value_unref(*last_out);
		*last_out = value_new_map();
		return terminated(&c->last);
	default:
		if (c->state == CTR_EXITED) {
			value_unref(*last_out);
			*last_out = terminated(&c->run);
		}
		return waiting(st, c);
	}
}

static struct value *status_of(const struct pod_state *st, const struct ctr *c)
{
	const struct ctr_run *shown = c->state == CTR_STARTING && c->has_last ? &c->last : &c->run;
	const char *image = value_str(value_get(ctr_spec(st, c), "image"), "");
	struct value *s = value_new_map(), *last;

	s = value_set_str(s, "name", c->name);
	s = value_set(s, "state", state_of(st, c, &last));
	s = value_set(s, "lastState", last);
	s = value_set_bool(s, "ready", ctr_is_ready(c));
	s = value_set_bool(s, "started", ctr_is_started(c));
	s = value_set_int(s, "restartCount", c->restart_count);
	s = value_set_str(s, "image", c->image ? c->image : image);
	s = value_set_str(s, "imageID", c->image_id ? c->image_id : "");
	if (shown->id[0])
		s = value_set(s, "containerID", id_value(shown));
	if (value_count(value_get(ctr_spec(st, c), "volumeMounts")))
		s = value_set(s, "volumeMounts", mounts(ctr_spec(st, c)));
	if (c->state == CTR_RUNNING || c->state == CTR_EXITED) {
		s = add_resources(s, st, c);
		if (c->has_user)
			s = value_set(s, "user", user(c));
	}
	return s;
}

/* Ordinary containers stand sorted by name, init containers in their order. */
static size_t insert_at(const struct value *list, const struct ctr *c)
{
	size_t i = value_count(list);

	if (c->kind != CTR_MAIN)
		return i;
	while (i > 0 && strcmp(value_dig_str(value_at(list, i - 1), "name", NULL), c->name) > 0)
		i--;
	return i;
}

struct value *ctr_statuses(const struct pod_state *st, int init)
{
	struct value *list = value_new_list();

	for (size_t i = 0; i < st->n; i++) {
		const struct ctr *c = &st->ctrs[i];

		if ((c->kind != CTR_MAIN) == init)
			list = value_insert_at(list, insert_at(list, c), status_of(st, c));
	}
	return list;
}
