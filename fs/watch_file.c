/* SPDX-License-Identifier: MIT */
/*
 * _watch and _watch.json: the present objects, then every change in the order of
 * the store. Each reader has a watch of its own; the change log is shared.
 */
#include <errno.h>
#include <stdio.h>

#include "fs/content.h"
#include "fs/detour.h"
#include "fs/dirs.h"
#include "fs/escape.h"
#include "fs/stream.h"
#include "objects/codec.h"
#include "objects/selection.h"

struct watch_stream {
	struct stream s;
	struct watch *watch;        /* NULL until the first read */
	struct object_list present; /* what is still to be shown of what was there at the start */
	size_t n_shown;             /* of present */
	/* of _watch.json: what only a webhook can show is asked for before anything after it */
	struct change held;      /* now NULL: none */
	struct webhook_job *job; /* under way, NULL: none */
	struct err why;          /* code not 0: it was asked in vain */
	int json;
	char *ns;                    /* owned; NULL: all */
	struct selection *selection; /* owned; NULL: all */
};

#define BATCH_BYTES (256u << 10) /* of text made at once: the reader takes the rest later */

static const char *const type_names[] = {
	[CHANGE_ADDED] = "ADDED",
	[CHANGE_MODIFIED] = "MODIFIED",
	[CHANGE_DELETED] = "DELETED",
};

/* Whoever goes on after a deletion does so at its own resourceVersion, not the object's. */
static struct content *render_json(enum change_type type, const struct object *o, uint64_t rv)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	struct value *v = value_ref(o->value);

	if (rv != o->rv) {
		CLEANUP_FREE char *version = xasprintf("%llu", (unsigned long long)rv);

		v = value_bury(v, value_new_string(version), "metadata", "resourceVersion", NULL);
	}
	buf_addf(&text, "{\"type\":\"%s\",\"object\":", type_names[type]);
	json_render(v, &text);
	buf_adds(&text, "}\n");
	value_unref(v);
	return content_new(text.data, text.len);
}

/* All readers are shown the same, about at the same time: made once. */
static void add_json(const struct watch_stream *w, enum change_type type, const struct object *o,
		     uint64_t rv, struct buf *out)
{
	struct contents *made = w->s.h.fs->contents;
	uint64_t version = rv << 2 | (uint64_t)type;
	CLEANUP_CONTENT struct content *text = contents_find(made, version, version);

	if (!text) {
		text = render_json(type, o, rv);
		text->version = version;
		contents_keep(made, version, text);
	}
	buf_add(out, text->data, text->len);
}

static void add_line(const struct watch_stream *w, enum change_type type, const struct object *o,
		     uint64_t rv, struct buf *out)
{
	char version[24];

	if (w->json) {
		add_json(w, type, o, rv, out);
		return;
	}
	buf_adds(out, type_names[type]);
	buf_addc(out, ' ');
	if (*o->ns) {
		buf_adds(out, o->ns);
		buf_addc(out, '/');
	}
	buf_adds(out, o->name);
	buf_add(out, version,
		(size_t)snprintf(version, sizeof(version), " %llu\n", (unsigned long long)rv));
}

static void add_error(const struct watch_stream *w, int code, const char *reason, const char *text,
		      const char *message, struct buf *out)
{
	if (w->json)
		buf_addf(out,
			 "{\"type\":\"ERROR\",\"object\":{\"apiVersion\":\"v1\",\"code\":%d,"
			 "\"kind\":\"Status\",\"message\":\"%s\",\"metadata\":{},"
			 "\"reason\":\"%s\",\"status\":\"Failure\"}}\n",
			 code, message, reason);
	else
		buf_addf(out, "ERROR %d %s\n", code, text);
}

static void add_gone(const struct watch_stream *w, struct buf *out)
{
	add_error(w, 410, "Expired", "Gone", "too old resource version", out);
}

/* Of another history, as after a restore: waiting for it would hide what happens until then. */
static void add_too_new(const struct watch_stream *w, uint64_t since, uint64_t now, struct buf *out)
{
	CLEANUP_FREE char *message = xasprintf("Too large resource version: %llu, current: %llu",
					       (unsigned long long)since, (unsigned long long)now);

	add_error(w, 504, "Timeout", message, message, out);
}

static void on_change(void *arg)
{
	stream_wake(arg);
}

static int by_version(const void *a, const void *b)
{
	const struct object *const *x = a, *const *y = b;

	return ((*x)->rv > (*y)->rv) - ((*x)->rv < (*y)->rv);
}

/*
 * From the beginning, or from the resourceVersion that the reader seeked to. What is there is
 * shown in the order of its last changes: so the last line is always where to go on.
 * Return: 0, or -ERANGE for a resourceVersion that was not reached yet.
 */
static int start(struct watch_stream *w, off_t first_off, struct buf *out)
{
	struct store *store = w->s.h.fs->store;
	const struct kind *k = w->s.h.node->kind;
	uint64_t since = (uint64_t)first_off, now = store_revision(store);

	if (first_off > 0 && since > now) {
		add_too_new(w, since, now, out);
		return -ERANGE;
	}
	if (first_off <= 0) {
		store_list(store, k, w->ns, &w->present);
		if (w->present.n)
			qsort(w->present.list, w->present.n, sizeof(*w->present.list), by_version);
		since = w->present.rv;
	}
	w->watch = store_watch(store, k, since, on_change, w);
	return 0;
}

static int is_selected(const struct watch_stream *w, const struct object *o)
{
	return o && selection_matches(w->selection, o->value);
}

/* -- objects that only a webhook can show -- */

struct webhook_job {
	struct watch_stream *w; /* a reference of its handle */
	struct object **list;   /* owned, each too */
	size_t n;
};

/* On a thread that may wait. What is made whole is found by object_as() from then on. */
static void ask(void *arg)
{
	struct webhook_job *job = arg;
	struct watch_stream *w = job->w;
	struct err why = ERR_INIT;

	if (objects_make_whole(w->s.h.fs, job->list, job->n, &why) == 0)
		err_clear(&why);
	pthread_mutex_lock(&w->s.h.lock);
	if (w->job == job) { /* else the reader has begun anew */
		w->job = NULL;
		w->why = why;
	}
	pthread_mutex_unlock(&w->s.h.lock);
	stream_wake(&w->s);
	for (size_t i = 0; i < job->n; i++)
		object_unref(job->list[i]);
	free(job->list);
	free(job);
	handle_unref(&w->s.h);
}

/* As it is known by now. */
static void look_again(struct watch_stream *w, struct object **o, struct webhook_job *job)
{
	if (!*o || !(*o)->of)
		return;
	*o = object_as(*o, (*o)->kind);
	if (!(*o)->of)
		return;
	job->list = xreallocarray(job->list, job->n + 1, sizeof(struct object *));
	job->list[job->n++] = object_ref(*o);
}

/* Return: whether the reader has to wait for a webhook's answer. */
static int wait_for_webhook(struct watch_stream *w)
{
	struct webhook_job job = {.w = w};

	if (!(w->json || selection_reads_content(w->selection)) || w->why.code ||
	    !w->s.h.node->kind->home->conversion)
		return 0;
	for (size_t i = w->n_shown; i < w->present.n; i++)
		look_again(w, &w->present.list[i], &job);
	look_again(w, &w->held.now, &job);
	look_again(w, &w->held.old, &job);
	if (!job.n)
		return 0;
	w->job = xmalloc(sizeof(*w->job));
	*w->job = job;
	handle_ref(&w->s.h);
	detour_run(w->s.h.fs, ask, w->job);
	return 1;
}

static void add_unconverted(const struct watch_stream *w, struct buf *out)
{
	CLEANUP_VALUE struct value *text = value_new_string(w->why.msg);
	CLEANUP(buf_fini) struct buf quoted = BUF_INIT;

	json_render(text, &quoted);
	/* without its quotes, which add_error() makes */
	buf_resize(&quoted, quoted.len - 1);
	add_error(w, 500, "InternalError", w->why.msg, buf_str(&quoted) + 1, out);
}

static void show_present(struct watch_stream *w, struct buf *out)
{
	for (; out->len < BATCH_BYTES && w->n_shown < w->present.n; w->n_shown++) {
		const struct object *o = w->present.list[w->n_shown];

		if (is_selected(w, o))
			add_line(w, CHANGE_ADDED, o, o->rv, out);
	}
	if (w->n_shown == w->present.n) {
		object_list_fini(&w->present);
		w->n_shown = 0;
	}
}

/*
 * What begins to match the selector is new to its reader, and what matches no more is gone:
 * shown as it was before. Source: apiserver, pkg/storage/cacher/cache_watcher.go.
 */
static void show_change(struct watch_stream *w, const struct change *c, struct buf *out)
{
	int was = c->type == CHANGE_ADDED     ? 0
		  : c->type == CHANGE_DELETED ? is_selected(w, c->now)
					      : is_selected(w, c->old);
	int is = c->type != CHANGE_DELETED && is_selected(w, c->now);

	if (w->ns && strcmp(c->now->ns, w->ns) != 0)
		return;
	if (is)
		add_line(w, was ? CHANGE_MODIFIED : CHANGE_ADDED, c->now, c->rv, out);
	else if (was)
		add_line(w, CHANGE_DELETED, c->type == CHANGE_DELETED ? c->now : c->old, c->rv,
			 out);
}

/* The next change; held back when it has to be made whole first. Return: as watch_next(), and 2 when
 * that is under way. */
static int next_change(struct watch_stream *w, struct change *out)
{
	int rc = w->held.now ? 1 : watch_next(w->watch, &w->held);

	if (rc != 1)
		return rc;
	if (wait_for_webhook(w))
		return 2;
	*out = w->held;
	w->held = (struct change){0};
	return 1;
}

static int show_changes(struct watch_stream *w, struct buf *out)
{
	struct change c;
	int rc = 0;

	while (out->len < BATCH_BYTES && (rc = next_change(w, &c)) == 1) {
		show_change(w, &c, out);
		change_fini(&c);
	}
	return rc;
}

static int fill(struct stream *s, struct buf *out, int *eof, off_t first_off)
{
	struct watch_stream *w = (struct watch_stream *)s;

	if (w->job)
		return 0;
	if (!w->watch && start(w, first_off, out) < 0) {
		*eof = 1;
		return 0;
	}
	if (wait_for_webhook(w))
		return 0;
	if (w->why.code) {
		add_unconverted(w, out);
		*eof = 1;
		return 0;
	}
	show_present(w, out);
	if (show_changes(w, out) == -ESTALE) {
		add_gone(w, out);
		*eof = 1;
	}
	return 0;
}

static void rewind_watch(struct stream *s)
{
	struct watch_stream *w = (struct watch_stream *)s;

	watch_free(STEAL(w->watch));
	object_list_fini(&w->present);
	change_fini(&w->held);
	w->n_shown = 0;
	w->job = NULL;
	err_clear(&w->why);
}

static void close_watch(struct stream *s)
{
	struct watch_stream *w = (struct watch_stream *)s;

	rewind_watch(s);
	free(w->ns);
	selection_free(w->selection);
}

static const struct stream_ops ops = {.fill = fill, .rewind = rewind_watch, .close = close_watch};

static struct handle *open_as(struct call *c, struct node *n, int flags, int json)
{
	CLEANUP_FREE char *text = name_unescape(n->sub);
	struct selection *selection = *text ? selection_parse(n->kind, text, &c->err) : NULL;
	struct watch_stream *w;

	if (c->err.code)
		return NULL;
	w = (struct watch_stream *)stream_new(sizeof(*w), &ops, c, n, flags);
	w->json = json;
	w->selection = selection;
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

const struct row row_watch = {
	.name = "_watch",
	.where = "<resource>/",
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_HIDDEN | ROW_FIXED | ROW_STREAM,
	.open = open_lines,
	.read_as = "watch",
	.reads = "blocks; one line per change: `ADDED|MODIFIED|DELETED <namespace>/<name> "
		 "<resourceVersion>`, the present objects first, all in the order of the "
		 "resourceVersions. Seek to a resourceVersion before the first read to go on after "
		 "it. A reader that falls too far behind, or asks for a version that is not kept "
		 "any more, gets `ERROR 410 Gone` and the end of the file; one that asks for a "
		 "version that was not reached yet `ERROR 504 Too large resource version`. In "
		 "`@<selector>/` of what the selector matches: what begins to match is ADDED, what "
		 "matches no more DELETED",
	.errors = "EAGAIN with O_NONBLOCK and nothing new; EINTR",
};
const struct row row_watch_json = {
	.name = "_watch.json",
	.where = "<resource>/",
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_HIDDEN | ROW_FIXED | ROW_STREAM,
	.open = open_json,
	.read_as = "watch",
	.reads = "the same with whole objects, one JSON document a line: "
		 "`{\"type\":...,\"object\":...}`",
	.errors = "as _watch",
};
