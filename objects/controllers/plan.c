/* SPDX-License-Identifier: MIT */
/* Putting a plan together: requests and events, nothing is written here. */
#include "objects/controllers/plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

void plan_fini(struct plan *p)
{
	for (size_t i = 0; i < p->n_ops; i++) {
		api_request_free(p->ops[i].request);
		free((char *)p->ops[i].key.ns);
		free((char *)p->ops[i].key.name);
		faults_fini(&p->ops[i].faults);
	}
	for (size_t i = 0; i < p->n_events; i++) {
		object_unref(p->events[i].about);
		free(p->events[i].type);
		free(p->events[i].reason);
		free(p->events[i].message);
	}
	free(p->ops);
	free(p->events);
	*p = (struct plan){.again_ms = UINT64_MAX};
}

/* Room for one more of a list that grows by doubling. */
static void *grow(void *list, size_t n, size_t size)
{
	return n & (n - 1) ? list : xreallocarray(list, n ? n * 2 : 1, size);
}

void plan_request(struct plan *p, struct api_request *taken)
{
	struct planned_op *op;
	const char *name =
		taken->name ? taken->name : value_dig_str(taken->body, "metadata", "name", NULL);

	p->ops = grow(p->ops, p->n_ops, sizeof(*p->ops));
	op = &p->ops[p->n_ops++];
	*op = (struct planned_op){.request = taken, .joined = p->join, .verb = taken->verb};
	op->key = (struct objkey){taken->kind, xstrdup(taken->ns), xstrdup(name)};
	p->join = 0;
}

void plan_join(struct plan *p)
{
	p->join = p->n_ops > 0;
}

static struct api_request *request_for(struct plan *p, enum api_verb verb, const struct object *o)
{
	struct api_request *r = api_request_new(verb, o->kind, o->ns, o->name);

	r->flags |= API_IF_EXISTS; /* gone: its deletion is a change that is looked at anyway */
	plan_request(p, r);
	return r;
}

struct api_request *plan_create(struct plan *p, const struct kind *k, const char *ns,
				struct value *taken)
{
	struct api_request *r =
		api_request_new(API_CREATE, k, ns, value_dig_str(taken, "metadata", "name", NULL));

	r->body = taken;
	plan_request(p, r);
	return r;
}

struct api_request *plan_mutate(struct plan *p, const struct object *o, api_mutate_fn fn, void *arg,
				void (*free_arg)(void *arg))
{
	struct api_request *r = request_for(p, API_MUTATE, o);

	r->mutate = fn;
	r->mutate_arg = arg;
	r->mutate_free = free_arg;
	return r;
}

/* -- whole statuses -- */

struct status_change {
	struct value *was, *now; /* owned; was NULL: none */
	char *uid;               /* owned */
};

static void status_change_free(void *arg)
{
	struct status_change *c = arg;

	value_unref(c->was);
	value_unref(c->now);
	free(c->uid);
	free(c);
}

static struct value *change_status(void *arg, struct value *taken, struct err *err)
{
	const struct status_change *c = arg;
	const struct value *live = value_get(taken, "status");

	if (!str_eq(value_dig_str(taken, "metadata", "uid", NULL), c->uid) ||
	    (live != c->was && !value_equal(live, c->was))) {
		value_unref(taken);
		err_set(err, EBUSY, "the status was changed meanwhile");
		return NULL;
	}
	return value_set(taken, "status", value_ref(c->now));
}

void plan_status(struct plan *p, const struct object *o, struct value *taken_status)
{
	const struct value *was = value_get(o->value, "status");
	struct status_change *c;

	if (value_equal(was, taken_status)) {
		value_unref(taken_status);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	c->was = value_ref(was);
	c->now = taken_status;
	c->uid = xstrdup(o->uid);
	plan_mutate(p, o, change_status, c, status_change_free)->flags |= API_STATUS;
}

/* -- whole objects -- */

static void value_free(void *arg)
{
	value_unref(arg);
}

static struct value *replace(void *arg, struct value *taken, struct err *err)
{
	value_unref(taken);
	return value_ref(arg);
}

void plan_update(struct plan *p, const struct object *o, struct value *taken)
{
	struct api_request *r;

	if (value_equal(o->value, taken)) {
		value_unref(taken);
		return;
	}
	r = plan_mutate(p, o, replace, taken, value_free);
	r->flags |= API_EXPECT_RV;
	r->expect_rv = o->rv;
}

struct api_request *plan_delete(struct plan *p, const struct object *o)
{
	struct api_request *r = request_for(p, API_DELETE, o);

	r->expect_uid = xstrdup(o->uid);
	return r;
}

/* -- events -- */

__attribute__((format(printf, 6, 0))) static void add_event(struct plan *p, size_t after,
							    const struct object *o,
							    const char *type, const char *reason,
							    const char *fmt, va_list ap)
{
	struct planned_event *e;
	char *message;

	if (vasprintf(&message, fmt, ap) < 0)
		abort();
	p->events = grow(p->events, p->n_events, sizeof(*p->events));
	e = &p->events[p->n_events++];
	*e = (struct planned_event){object_ref(o), xstrdup(type), xstrdup(reason),
				    message,       after,         0};
}

void plan_event(struct plan *p, const struct object *o, const char *type, const char *reason,
		const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_event(p, PLAN_AT_ONCE, o, type, reason, fmt, ap);
	va_end(ap);
}

void plan_event_once(struct plan *p, const struct object *o, const char *type, const char *reason,
		     const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_event(p, PLAN_AT_ONCE, o, type, reason, fmt, ap);
	va_end(ap);
	p->events[p->n_events - 1].once = 1;
}

void plan_event_after(struct plan *p, const struct object *o, const char *type, const char *reason,
		      const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_event(p, p->n_ops ? p->n_ops - 1 : PLAN_AT_ONCE, o, type, reason, fmt, ap);
	va_end(ap);
}

void plan_again(struct plan *p, uint64_t delay_ms)
{
	if (delay_ms < p->again_ms)
		p->again_ms = delay_ms;
}
