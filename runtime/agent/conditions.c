/* SPDX-License-Identifier: MIT */
/* status.conditions. */
#include "runtime/agent/status.h"

#include "objects/quantity.h"

struct condition {
	const char *type;
	int is_true;
	const char *reason; /* NULL: none */
	struct buf message;
};

static const struct value *find_condition(const struct value *list, const char *type)
{
	for (size_t i = 0; i < value_count(list); i++)
		if (str_eq(value_str(value_get(value_at(list, i), "type"), NULL), type))
			return value_at(list, i);
	return NULL;
}

static struct value *condition_value(const struct pod_state *st, const struct condition *c,
				     const struct value *old, int64_t now_sec)
{
	const struct value *before = find_condition(old, c->type);
	const char *status = c->is_true ? "True" : "False";
	const struct value *since = value_get(before, "lastTransitionTime");
	int64_t generation = value_int(value_dig(st->pod, "metadata", "generation", NULL), 0);
	struct value *v = value_new_map();
	char text[32];

	v = value_set_str(v, "type", c->type);
	v = value_set_str(v, "status", status);
	if (c->reason)
		v = value_set_str(v, "reason", c->reason);
	if (c->message.len)
		v = value_set_str(v, "message", c->message.data);
	if (generation)
		v = value_set_int(v, "observedGeneration", generation);
	if (since && str_eq(value_str(value_get(before, "status"), NULL), status))
		return value_set(v, "lastTransitionTime", value_ref(since));
	return value_set_str(v, "lastTransitionTime", time_render(now_sec, text));
}

static void list_add(struct buf *list, const char *name)
{
	if (list->len)
		buf_addc(list, ' ');
	buf_adds(list, name);
}

/* What of an init container counts as done. */
static int init_complete(const struct pod_state *st, const struct ctr *c)
{
	if (c->kind == CTR_INIT)
		return (c->state == CTR_EXITED && c->run.exit_code == 0) ||
		       (pod_initialized(st) && c->state == CTR_WAITING);
	return ctr_is_started(c) || pod_initialized(st);
}

static void say_initialized(const struct pod_state *st, const char *phase, struct condition *c)
{
	CLEANUP(buf_fini) struct buf names = BUF_INIT;

	c->is_true = 1;
	if (str_eq(phase, "Succeeded")) {
		c->reason = "PodCompleted";
		return;
	}
	for (size_t i = 0; i < st->n; i++)
		if (st->ctrs[i].kind != CTR_MAIN && !init_complete(st, &st->ctrs[i]))
			list_add(&names, st->ctrs[i].name);
	if (!names.len)
		return;
	c->is_true = 0;
	c->reason = "ContainersNotInitialized";
	buf_addf(&c->message, "containers with incomplete status: [%s]", names.data);
}

static void say_containers_ready(const struct pod_state *st, const char *phase, struct condition *c)
{
	CLEANUP(buf_fini) struct buf names = BUF_INIT;

	c->is_true = 0;
	if (str_eq(phase, "Succeeded")) {
		c->reason = "PodCompleted";
		return;
	}
	if (str_eq(phase, "Failed")) {
		c->reason = "PodFailed";
		return;
	}
	for (size_t i = 0; i < st->n; i++) {
		const struct ctr *x = &st->ctrs[i];

		if (x->kind != CTR_INIT && !ctr_is_ready(x))
			list_add(&names, x->name);
	}
	c->is_true = !names.len;
	if (c->is_true)
		return;
	c->reason = "ContainersNotReady";
	buf_addf(&c->message, "containers with unready status: [%s]", names.data);
}

static void say_gates(const struct pod_state *st, const struct value *old, struct buf *out)
{
	const struct value *gates = value_dig(st->pod, "spec", "readinessGates", NULL);

	for (size_t i = 0; i < value_count(gates); i++) {
		const char *type = value_str(value_get(value_at(gates, i), "conditionType"), "");
		const struct value *c = find_condition(old, type);
		const char *status = value_str(value_get(c, "status"), "Unknown");

		if (c && str_eq(status, "True"))
			continue;
		if (out->len)
			buf_adds(out, ", ");
		if (!c)
			buf_addf(out,
				 "corresponding condition of pod readiness gate \"%s\" does not "
				 "exist.",
				 type);
		else
			buf_addf(out,
				 "the status of pod readiness gate \"%s\" is not \"True\", but %s",
				 type, status);
	}
}

static void say_ready(const struct pod_state *st, const struct value *old,
		      const struct condition *containers, struct condition *c)
{
	if (!containers->is_true) {
		c->is_true = 0;
		c->reason = containers->reason;
		buf_adds(&c->message, buf_str(&containers->message));
		return;
	}
	say_gates(st, old, &c->message);
	c->is_true = !c->message.len;
	c->reason = c->is_true ? NULL : "ReadinessGatesNotReady";
}

struct value *status_conditions(const struct pod_state *st, const struct value *old,
				const char *phase, int64_t now_sec)
{
	struct condition own[] = {
		{.type = "PodReadyToStartContainers"},
		{.type = "Initialized"},
		{.type = "Ready"},
		{.type = "ContainersReady"},
	};
	struct value *list = value_new_list();
	const struct value *scheduled = find_condition(old, "PodScheduled");

	own[0].is_true = st->sandbox_ready;
	say_initialized(st, phase, &own[1]);
	say_containers_ready(st, phase, &own[3]);
	say_ready(st, old, &own[3], &own[2]);
	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		list = value_append(list, condition_value(st, &own[i], old, now_sec));
		buf_fini(&own[i].message);
	}
	if (scheduled)
		list = value_append(list, value_ref(scheduled));
	else
		list = value_append(
			list,
			condition_value(st, &(struct condition){"PodScheduled", 1, NULL, BUF_INIT},
					old, now_sec));
	for (size_t i = 0; i < value_count(old); i++) {
		const struct value *c = value_at(old, i);

		if (!find_condition(list, value_str(value_get(c, "type"), "")))
			list = value_append(list, value_ref(c));
	}
	return list;
}
