/* SPDX-License-Identifier: MIT */
/*
 * What `kubectl describe` prints: the parts that all kinds share, and who
 * describes which kind. Source: kubectl, pkg/describe/describe.go.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "objects/print/print_i.h"
#include "objects/print/tabs.h"

#define ANNOTATION_MAX 140 /* longer ones stand on lines of their own */

void line(struct page_writer *w, int level, const char *fmt, ...)
{
	char small[512];
	char *text = small;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(small)) {
		text = xmalloc((size_t)n + 1);
		va_start(ap, fmt);
		vsnprintf(text, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	buf_pad(&w->text, 2 * (size_t)level);
	if (n > 0)
		buf_add(&w->text, text, (size_t)n);
	if (text != small)
		free(text);
}

void describe_head(struct page_writer *w, int with_namespace)
{
	line(w, 0, "Name:\t%s\n", w->object->name);
	if (with_namespace)
		line(w, 0, "Namespace:\t%s\n", w->object->ns);
}

void describe_labels(struct page_writer *w, const char *title, const struct value *map)
{
	line(w, 0, "%s:\t", title);
	if (members(map) == 0)
		line(w, 0, "<none>\n");
	for (size_t i = 0; i < members(map); i++)
		line(w, 0, "%s%s=%s\n", i ? "\t" : "", value_key_at(map, i),
		     value_str(value_at(map, i), ""));
}

static void long_annotation(struct page_writer *w, const char *key, const char *value)
{
	line(w, 0, "%s:\n", key);
	while (*value) {
		size_t n = strcspn(value, "\n");
		int shown = n > ANNOTATION_MAX - 2 ? ANNOTATION_MAX - 2 : (int)n;

		while (shown && ((unsigned char)value[shown] & 0xc0) == 0x80)
			shown--;
		line(w, 0, "\t  %.*s%s\n", shown, value, (size_t)shown < n ? "..." : "");
		value += n + (value[n] == '\n');
	}
}

void describe_annotations(struct page_writer *w, const char *title, const struct value *map)
{
	int any = 0;

	line(w, 0, "%s:\t", title);
	for (size_t i = 0; i < members(map); i++) {
		const char *key = value_key_at(map, i), *value = value_str(value_at(map, i), "");

		if (str_eq(key, "kubectl.kubernetes.io/last-applied-configuration"))
			continue;
		line(w, 0, "%s", any ? "\t" : "");
		any = 1;
		if (strlen(key) + strlen(value) + 2 > ANNOTATION_MAX || strchr(value, '\n'))
			long_annotation(w, key, value);
		else
			line(w, 0, "%s: %s\n", key, value);
	}
	if (!any)
		line(w, 0, "<none>\n");
}

void describe_meta(struct page_writer *w)
{
	describe_head(w, 1);
	describe_labels(w, "Labels", value_dig(w->o, "metadata", "labels", NULL));
	describe_annotations(w, "Annotations", value_dig(w->o, "metadata", "annotations", NULL));
}

void describe_controlled_by(struct page_writer *w)
{
	const struct value *ref = object_controller(w->o);

	if (ref)
		line(w, 0, "Controlled By:\t%s/%s\n", text_at(ref, "", "kind", NULL),
		     text_at(ref, "", "name", NULL));
}

/* Type, status and reason, as workloads show them. */
void describe_conditions(struct page_writer *w)
{
	const struct value *list = value_dig(w->o, "status", "conditions", NULL);

	if (value_count(list) == 0)
		return;
	line(w, 0, "Conditions:\n  Type\tStatus\tReason\n  ----\t------\t------\n");
	for (size_t i = 0; i < value_count(list); i++)
		line(w, 1, "%s \t%s\t%s\n", text_at(value_at(list, i), "", "type", NULL),
		     text_at(value_at(list, i), "", "status", NULL),
		     text_at(value_at(list, i), "", "reason", NULL));
}

static void event_age(const struct value *e, char out[64])
{
	int64_t count = event_count(e);
	char last[16], first[16];

	if (count > 1)
		snprintf(out, 64, "%s (x%" PRId64 " over %s)", age_since(event_last(e), last),
			 count, age_since(event_first(e), first));
	else
		snprintf(out, 64, "%s", age_since(event_first(e), first));
}

void describe_events(struct page_writer *w)
{
	struct object_list events;
	char age[64];

	events_of(w->store, w->object, &events);
	if (events.n == 0)
		line(w, 0, "Events:\t<none>\n");
	else
		line(w, 0,
		     "Events:\n  Type\tReason\tAge\tFrom\tMessage\n"
		     "  ----\t------\t----\t----\t-------\n");
	for (size_t i = 0; i < events.n; i++) {
		const struct value *e = events.list[i]->value;
		const char *message = text_at(e, "", "message", NULL);
		size_t n = strlen(message);

		while (n && strchr(" \t\r\n", message[n - 1]))
			n--;
		event_age(e, age);
		line(w, 1, "%s\t%s\t%s\t%s\t%.*s\n", text_at(e, "", "type", NULL),
		     text_at(e, "", "reason", NULL), age, event_source(e), (int)n, message);
	}
	object_list_fini(&events);
}

static const struct {
	const char *group, *kind;
	void (*describe)(struct page_writer *w);
} describers[] = {
	{"", "Pod", describe_pod},
	{"apps", "Deployment", describe_deployment},
	{"apps", "ReplicaSet", describe_replica_set},
	{"", "ReplicationController", describe_replica_set},
	{"apps", "StatefulSet", describe_stateful_set},
	{"apps", "DaemonSet", describe_daemon_set},
	{"batch", "Job", describe_job},
	{"", "Node", describe_node},
	{"", "Service", describe_service},
	{"", "ConfigMap", describe_config_map},
	{"", "Secret", describe_secret},
	{"", "Namespace", describe_namespace},
	{"", "ServiceAccount", describe_service_account},
};

void print_describe(struct store *s, const struct object *o, struct buf *out)
{
	struct page_writer w = {.store = s, .object = o, .o = o->value};
	void (*describe)(struct page_writer *) = describe_any;

	for (size_t i = 0; i < ARRAY_LEN(describers); i++)
		if (str_eq(describers[i].kind, o->kind->kind) &&
		    str_eq(describers[i].group, o->kind->group))
			describe = describers[i].describe;
	describe(&w);
	tabs_align(buf_str(&w.text), 0, 2, out);
	buf_fini(&w.text);
}
