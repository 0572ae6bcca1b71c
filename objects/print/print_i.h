/* SPDX-License-Identifier: MIT */
/* What the files of print share: words for values, columns, the describers. */
#pragma once

#include "objects/object.h"
#include "objects/print.h"

/* -- words -- */

/* How many members a map has: 0 for anything else, whose children have no keys. */
static inline size_t members(const struct value *map)
{
	return value_is(map, VALUE_MAP) ? value_count(map) : 0;
}
/* The string at a path of keys, or `otherwise` when it is absent or empty. */
const char *text_at(const struct value *v, const char *otherwise, ...) __attribute__((sentinel));
int64_t int_at(const struct value *v, int64_t otherwise, ...) __attribute__((sentinel));
/* "10s" since an RFC 3339 text; "<unknown>" without one. buf of 16. */
const char *age_since(const char *time, char buf[16]);
/* The same for what is still to come or was: the distance. */
const char *age_until(const char *time, char buf[16]);
/* "Mon, 23 Nov 2026 06:25:29 +0000"; otherwise when there is no time. buf of 40. */
const char *date_of_time(const char *time, const char *otherwise, char buf[40]);
/* One scalar as Go's %v has it: text raw. */
void add_scalar(struct buf *out, const struct value *v);
/* "a=b,c=d", "<none>". */
void add_labels(struct buf *out, const struct value *map);
/* A LabelSelector, "<none>" when it is empty. */
void add_selector(struct buf *out, const struct value *selector);
/* The names of a list of maps by key, joined by commas. */
void add_joined(struct buf *out, const struct value *list, const char *key);
/* The strings of a list, joined; otherwise when there are none. */
void add_strings(struct buf *out, const struct value *list, const char *between,
		 const char *otherwise);
/* The condition of a type, NULL if there is none. Borrowed. */
const struct value *condition_of(const struct value *o, const char *type);
/* host:port, in brackets when the host is an IPv6 address. */
void add_host_port(struct buf *out, const char *host, int64_t port);

/* -- columns -- */

/* What a column of a kind shows; `title` for those that serve several. */
typedef void (*column_fn)(const struct value *o, struct buf *out);
struct column_maker {
	const char *kind, *title;
	const char *path;      /* a plain path after all, or NULL */
	const char *otherwise; /* of path: what stands for nothing */
	column_fn make;        /* NULL with path */
};
/* NULL if there is none. */
const struct column_maker *column_maker(const char *kind, const char *title);
/* Pods, in columns_pod.c. */
void column_pod_ready(const struct value *o, struct buf *out);
void column_pod_status(const struct value *o, struct buf *out);
void column_pod_restarts(const struct value *o, struct buf *out);
void column_pod_gates(const struct value *o, struct buf *out);
/* Endpoints of a port name, NULL: of all; at most three. */
void add_endpoints(struct buf *out, const struct value *endpoints, const char *port);
/* The value at a dotted path with [n], [*] and [?(@.key=="text")]; NULL if there is none. Borrowed.
 */
const struct value *path_value(const struct value *o, const char *path);

/* -- describe -- */

/* Lines with tabs, aligned at the end. */
struct page_writer {
	struct store *store; /* NULL: no other objects can be seen */
	const struct object *object;
	const struct value *o; /* its value */
	struct buf text;
};
/* A line's text behind 2 * level spaces; the fmt has its own tabs and line end. */
void line(struct page_writer *w, int level, const char *fmt, ...) PRINTF_LIKE(3, 4)
	__attribute__((nonnull(3)));
void describe_head(struct page_writer *w, int with_namespace); /* Name, Namespace */
void describe_labels(struct page_writer *w, const char *title, const struct value *map);
void describe_annotations(struct page_writer *w, const char *title, const struct value *map);
void describe_meta(struct page_writer *w); /* name, namespace, labels, annotations */
void describe_controlled_by(struct page_writer *w);
void describe_conditions(struct page_writer *w);
void describe_events(struct page_writer *w);
void describe_tolerations(struct page_writer *w, const char *title, const struct value *list);
void describe_containers(struct page_writer *w, const char *title, const struct value *containers,
			 const struct value *statuses, const char *space);
void describe_volumes(struct page_writer *w, const struct value *volumes, const char *space);
void describe_template(struct page_writer *w, const struct value *template);

/* Of one kind each. */
void describe_pod(struct page_writer *w);
void describe_deployment(struct page_writer *w);
void describe_replica_set(struct page_writer *w);
void describe_stateful_set(struct page_writer *w);
void describe_daemon_set(struct page_writer *w);
void describe_job(struct page_writer *w);
void describe_node(struct page_writer *w);
void describe_service(struct page_writer *w);
void describe_config_map(struct page_writer *w);
void describe_secret(struct page_writer *w);
void describe_namespace(struct page_writer *w);
void describe_service_account(struct page_writer *w);
/* Any other: every field, except for those that the schema calls secret. */
void describe_any(struct page_writer *w);

/* -- events -- */

/* When it was last seen; "" when nobody says. Borrowed. */
const char *event_last(const struct value *e);
const char *event_first(const struct value *e);
int64_t event_count(const struct value *e);
const char *event_source(const struct value *e);
