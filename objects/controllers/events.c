/* SPDX-License-Identifier: MIT */
/* The recorder: correlate, make the Event, write it without waiting. */
#include "objects/events.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "objects/quantity.h"
#include "util/log.h"

#define MESSAGE_MAX 1024 /* what validation of Events accepts */

/* Outlives the recorder while writes are in flight. */
struct in_flight {
	_Atomic size_t n; /* writes, and one for the recorder */
};

struct event_recorder {
	struct api *api;
	struct correlator *correlator;
	const struct kind *kind;
	struct in_flight *in_flight;
};

struct event_recorder *event_recorder_new(struct api *api)
{
	struct event_recorder *r = xcalloc(1, sizeof(*r));

	r->api = api;
	r->correlator = correlator_new();
	r->kind = kind_find("", "v1", "events");
	r->in_flight = xcalloc(1, sizeof(*r->in_flight));
	r->in_flight->n = 1;
	return r;
}

static void in_flight_put(struct in_flight *f)
{
	if (--f->n == 0)
		free(f);
}

void event_recorder_free(struct event_recorder *r)
{
	if (!r)
		return;
	in_flight_put(r->in_flight);
	correlator_free(r->correlator);
	free(r);
}

size_t event_recorder_pending(const struct event_recorder *r)
{
	return r->in_flight->n - 1;
}

static void written(struct api_batch *b, int rc)
{
	struct err err = ERR_INIT;

	if (rc && faults_to_err(&b->list[0]->faults, &err))
		log_debug("event: %s", err.msg);
	in_flight_put(b->arg);
}

static struct value *involved_object(const struct object *o, const char *field_path)
{
	struct value *v = value_new_map();
	const char *rv = value_dig_str(o->value, "metadata", "resourceVersion", NULL);

	v = value_set_str(v, "apiVersion", kind_api_version(o->kind));
	v = value_set_str(v, "kind", o->kind->kind);
	v = value_set_str(v, "name", o->name);
	if (*o->ns)
		v = value_set_str(v, "namespace", o->ns);
	v = value_set_str(v, "uid", o->uid);
	if (rv)
		v = value_set_str(v, "resourceVersion", rv);
	if (field_path)
		v = value_set_str(v, "fieldPath", field_path);
	return v;
}

static struct value *event_value(const struct kind *k, const struct event_source *source,
				 const struct object *about, const char *field_path,
				 const char *type, const char *reason, const struct event_sum *sum,
				 int64_t now)
{
	struct value *v = value_new_map(), *meta = value_new_map(), *from = value_new_map();
	char first[32], last[32];

	meta = value_set_str(meta, "name", sum->name);
	/* Events about cluster-scoped objects live in "default". */
	meta = value_set_str(meta, "namespace", *about->ns ? about->ns : "default");
	from = value_set_str(from, "component", source->component);
	if (source->host)
		from = value_set_str(from, "host", source->host);
	v = value_set_str(v, "apiVersion", kind_api_version(k));
	v = value_set_str(v, "kind", k->kind);
	v = value_set(v, "metadata", meta);
	v = value_set(v, "involvedObject", involved_object(about, field_path));
	v = value_set_str(v, "reason", reason);
	v = value_set(v, "message",
		      value_new_stringn(sum->message, strnlen(sum->message, MESSAGE_MAX)));
	v = value_set(v, "source", from);
	v = value_set_str(v, "firstTimestamp", time_render(sum->first / 1000000000, first));
	v = value_set_str(v, "lastTimestamp", time_render(now / 1000000000, last));
	v = value_set_int(v, "count", sum->count);
	v = value_set_str(v, "type", type);
	v = value_set_str(v, "reportingComponent", source->component);
	return value_set_str(v, "reportingInstance", source->host ? source->host : "");
}

static void write_event(struct event_recorder *r, const struct event_source *source, const char *ns,
			const char *name, struct value *taken, int again)
{
	struct caller who = {.user = source->component, .manager = source->manager, .trusted = 1};
	struct api_batch *b = api_batch_new(written, r->in_flight);
	struct api_request *q = api_request_new(again ? API_UPDATE : API_CREATE, r->kind, ns, name);

	if (again)
		q->flags |= API_UPSERT; /* it may have expired */
	q->body = taken;
	api_batch_add(b, q);
	r->in_flight->n++;
	api_submit(r->api, &who, b);
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void event_record_once(struct event_recorder *r, const struct event_source *source,
		       const struct object *about, const char *type, const char *reason,
		       const char *message)
{
	CLEANUP_FREE char *name = event_name_once(about, reason, message);
	int64_t now = now_ns();
	const struct event_sum sum = {name, (char *)(uintptr_t)message, now, 1};

	write_event(r, source, *about->ns ? about->ns : "default", name,
		    event_value(r->kind, source, about, NULL, type, reason, &sum, now), 0);
}

void event_record(struct event_recorder *r, const struct event_source *source,
		  const struct object *about, const char *field_path, const char *type,
		  const char *reason, const char *fmt, ...)
{
	CLEANUP_FREE char *message = NULL;
	struct event_sum sum;
	int64_t now = now_ns();
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&message, fmt, ap) < 0)
		abort();
	va_end(ap);
	correlate(r->correlator, source, about, field_path, type, reason, message, now, &sum);
	if (sum.count)
		write_event(
			r, source, *about->ns ? about->ns : "default", sum.name,
			event_value(r->kind, source, about, field_path, type, reason, &sum, now),
			sum.count > 1);
	free(sum.name);
	free(sum.message);
}
