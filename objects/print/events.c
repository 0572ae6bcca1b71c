/* SPDX-License-Identifier: MIT */
/* Events of one object: found by its uid in its namespace, oldest first. */
#include <inttypes.h>

#include "objects/print/print_i.h"

const char *event_last(const struct value *e)
{
	const char *when = text_at(e, NULL, "series", "lastObservedTime", NULL);

	if (!when)
		when = text_at(e, NULL, "lastTimestamp", NULL);
	if (!when)
		when = text_at(e, NULL, "deprecatedLastTimestamp", NULL);
	if (!when)
		when = text_at(e, NULL, "eventTime", NULL);
	return when ? when : text_at(e, "", "metadata", "creationTimestamp", NULL);
}

const char *event_first(const struct value *e)
{
	const char *when = text_at(e, NULL, "eventTime", NULL);

	if (!when)
		when = text_at(e, NULL, "firstTimestamp", NULL);
	if (!when)
		when = text_at(e, NULL, "deprecatedFirstTimestamp", NULL);
	return when ? when : text_at(e, "", "metadata", "creationTimestamp", NULL);
}

int64_t event_count(const struct value *e)
{
	int64_t n = int_at(e, 0, "series", "count", NULL);

	if (!n)
		n = int_at(e, 0, "count", NULL);
	if (!n)
		n = int_at(e, 0, "deprecatedCount", NULL);
	return n > 0 ? n : 1;
}

const char *event_source(const struct value *e)
{
	const char *who = text_at(e, NULL, "source", "component", NULL);

	return who ? who : text_at(e, "", "reportingComponent", NULL);
}

/* The kubelet names a node by its name where a uid belongs. */
static int is_about(const struct value *e, const struct object *o)
{
	const char *uid = text_at(e, "", "involvedObject", "uid", NULL);

	if (o->uid && *o->uid && str_eq(uid, o->uid))
		return 1;
	return str_eq(o->kind->kind, "Node") && str_eq(uid, o->name) &&
	       str_eq(text_at(e, "", "involvedObject", "kind", NULL), "Node");
}

static int by_age(const void *a, const void *b)
{
	const struct object *const *x = a, *const *y = b;
	int c = strcmp(event_last((*x)->value), event_last((*y)->value));

	/* within one second, in the order in which they were made */
	return c ? c
		 : ((*x)->created_rv > (*y)->created_rv) - ((*x)->created_rv < (*y)->created_rv);
}

void events_of(struct store *s, const struct object *o, struct object_list *out)
{
	const struct kind *kind = kind_by_gvk("v1", "Event");
	size_t n = 0;

	*out = (struct object_list){NULL, 0, 0};
	if (!s || !kind)
		return;
	store_list(s, kind, *o->ns ? o->ns : "default", out);
	for (size_t i = 0; i < out->n; i++) {
		if (is_about(out->list[i]->value, o))
			out->list[n++] = out->list[i];
		else
			object_unref(out->list[i]);
	}
	out->n = n;
	if (n > 1)
		qsort(out->list, n, sizeof(*out->list), by_age);
}

/* One line, whatever the message holds. */
static void add_one_line(struct buf *out, const char *text)
{
	while (*text == ' ' || *text == '\n' || *text == '\t' || *text == '\r')
		text++;
	for (; *text; text++)
		buf_addc(out, *text == '\n' || *text == '\r' || *text == '\t' ? ' ' : *text);
	while (out->len && out->data[out->len - 1] == ' ')
		out->len--;
}

static const char *or_dash(const char *s)
{
	return *s ? s : "-";
}

void print_events(struct store *s, const struct object *o, struct buf *out)
{
	struct object_list events;

	events_of(s, o, &events);
	for (size_t i = 0; i < events.n; i++) {
		const struct value *e = events.list[i]->value;

		buf_addf(out, "%s %s %s %" PRId64 " %s ", or_dash(event_last(e)),
			 text_at(e, "-", "type", NULL), text_at(e, "-", "reason", NULL),
			 event_count(e), or_dash(event_source(e)));
		add_one_line(out, text_at(e, "", "message", NULL));
		buf_addc(out, '\n');
	}
	object_list_fini(&events);
}
