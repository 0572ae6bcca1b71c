/* SPDX-License-Identifier: MIT */
/*
 * _watch and _watch.json: the present objects, then every change in the order of
 * the store. Each reader has a watch of its own; the change log is shared.
 */
#include <errno.h>
#include <stdio.h>

#include "fs/dirs.h"
#include "fs/stream.h"
#include "objects/codec.h"

struct watch_stream {
	struct stream s;
	struct watch *watch; /* NULL until the first read */
	int json, ended;
	char *ns; /* owned; NULL: all */
};

#define BATCH_BYTES (256u << 10) /* of text made at once: the reader takes the rest later */

static const char *const type_names[] = {
	[CHANGE_ADDED] = "ADDED",
	[CHANGE_MODIFIED] = "MODIFIED",
	[CHANGE_DELETED] = "DELETED",
};

static void add_line(const struct watch_stream *w, enum change_type type, const struct object *o,
		     uint64_t rv, struct buf *out)
{
	if (w->json) {
		buf_addf(out, "{\"type\":\"%s\",\"object\":", type_names[type]);
		json_render(o->value, out);
		buf_adds(out, "}\n");
	} else if (*o->ns) {
		buf_addf(out, "%s %s/%s %llu\n", type_names[type], o->ns, o->name,
			 (unsigned long long)rv);
	} else {
		buf_addf(out, "%s %s %llu\n", type_names[type], o->name, (unsigned long long)rv);
	}
}

static void add_gone(const struct watch_stream *w, struct buf *out)
{
	if (w->json)
		buf_adds(out, "{\"type\":\"ERROR\",\"object\":{\"apiVersion\":\"v1\",\"code\":410,"
			      "\"kind\":\"Status\",\"message\":\"too old resource version\","
			      "\"reason\":\"Expired\",\"status\":\"Failure\"}}\n");
	else
		buf_adds(out, "ERROR 410 Gone\n");
}

static void on_change(void *arg)
{
	stream_wake(arg);
}

/* From the beginning, or from the resourceVersion that the reader seeked to. */
static void start(struct watch_stream *w, off_t first_off, struct buf *out)
{
	struct store *store = w->s.h.fs->store;
	const struct kind *k = w->s.h.node->kind;
	struct object_list list;

	if (first_off > 0) {
		w->watch = store_watch(store, k, (uint64_t)first_off, on_change, w);
		return;
	}
	store_list(store, k, w->ns, &list);
	for (size_t i = 0; i < list.n; i++)
		add_line(w, CHANGE_ADDED, list.list[i], list.list[i]->rv, out);
	w->watch = store_watch(store, k, list.rv, on_change, w);
	object_list_fini(&list);
}

static int fill(struct stream *s, struct buf *out, int *eof, off_t first_off)
{
	struct watch_stream *w = (struct watch_stream *)s;
	struct change c;
	int rc = 0;

	if (!w->watch)
		start(w, first_off, out);
	while (out->len < BATCH_BYTES && (rc = watch_next(w->watch, &c)) == 1) {
		if (!w->ns || strcmp(c.now->ns, w->ns) == 0)
			add_line(w, c.type, c.now, c.rv, out);
		change_fini(&c);
	}
	if (rc == -ESTALE) {
		add_gone(w, out);
		*eof = 1;
	}
	return 0;
}

static void close_watch(struct stream *s)
{
	struct watch_stream *w = (struct watch_stream *)s;

	watch_free(w->watch);
	free(w->ns);
}

static const struct stream_ops ops = {.fill = fill, .close = close_watch};

static struct handle *open_as(struct call *c, struct node *n, int flags, int json)
{
	struct watch_stream *w;

	if (call_may(c, n, "watch") < 0)
		return NULL;
	w = (struct watch_stream *)stream_new(sizeof(*w), &ops, c, n, flags);
	w->json = json;
	w->ns = *n->ns ? xstrdup(n->ns) : NULL;
	return &w->s.h;
}

static struct handle *open_lines(struct call *c, struct node *n, int flags)
{
	return open_as(c, n, flags, 0);
}

static struct handle *open_json(struct call *c, struct node *n, int flags)
{
	return open_as(c, n, flags, 1);
}

extern const struct row row_watch, row_watch_json;

const struct row row_watch = {
	.name = "_watch",
	.where = "<resource>/",
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_HIDDEN | ROW_FIXED,
	.open = open_lines,
	.reads = "blocks; one line per change: `ADDED|MODIFIED|DELETED <namespace>/<name> "
		 "<resourceVersion>`, the present objects first. Seek to a resourceVersion before "
		 "the first "
		 "read to go on from there. A reader that falls too far behind gets `ERROR 410 "
		 "Gone`",
	.errors = "EAGAIN with O_NONBLOCK and nothing new; EINTR",
};
const struct row row_watch_json = {
	.name = "_watch.json",
	.where = "<resource>/",
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_HIDDEN | ROW_FIXED,
	.open = open_json,
	.reads = "the same with whole objects, one JSON document a line: "
		 "`{\"type\":...,\"object\":...}`",
	.errors = "as _watch",
};
