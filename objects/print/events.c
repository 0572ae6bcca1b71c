/* SPDX-License-Identifier: MIT */
/* Events of one object: those of its namespace that name its uid, oldest first. */
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

static int by_age(const void *a, const void *b)
{
	const struct object *const *x = a, *const *y = b;
	int c = strcmp(event_last((*x)->value), event_last((*y)->value));

	/* within one second, in the order in which they were made */
	return c ? c
		 : ((*x)->created_rv > (*y)->created_rv) - ((*x)->created_rv < (*y)->created_rv);
}

/* Move what `from` has in the namespace (of_kind given: about such an object) to out. */
static void take_events(struct object_list *from, const char *ns, const char *of_kind,
			struct object_list *out)
{
	if (from->n)
		out->list = xreallocarray(out->list, out->n + from->n, sizeof(*out->list));
	for (size_t i = 0; i < from->n; i++) {
		struct object *e = from->list[i];

		if (str_eq(e->ns, ns) &&
		    (!of_kind ||
		     str_eq(text_at(e->value, "", "involvedObject", "kind", NULL), of_kind)))
			out->list[out->n++] = object_ref(e);
	}
	out->rv = from->rv;
	object_list_fini(from);
}

void events_of(struct store *s, const struct object *o, struct object_list *out)
{
	const char *ns = *o->ns ? o->ns : "default";
	struct object_list found;

	*out = (struct object_list){NULL, 0, 0};
	if (!s)
		return;
	if (o->uid && *o->uid) {
		store_list_about(s, o->uid, &found);
		take_events(&found, ns, NULL, out);
	}
	/* the kubelet names a node by its name where a uid belongs */
	if (str_eq(o->kind->kind, "Node") && !str_eq(o->uid, o->name)) {
		store_list_about(s, o->name, &found);
		take_events(&found, ns, "Node", out);
	}
	if (out->n > 1)
		qsort(out->list, out->n, sizeof(*out->list), by_age);
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
