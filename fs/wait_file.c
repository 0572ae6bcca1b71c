/* SPDX-License-Identifier: MIT */
/* wait/<Condition> and events.follow: files of one object that block. */
#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "fs/changes.h"
#include "fs/dirs.h"
#include "fs/stream.h"
#include "objects/print.h"

/* -- wait/<Condition> -- */

struct wait_stream {
	struct stream s;
	struct change_listener listener;
	_Atomic int came_true; /* in a state that may have passed since */
};

/* Condition types are found as `kubectl wait` does, whatever their case. */
static const struct value *find_condition(const struct object *o, const char *type)
{
	/* of an object that no webhook has shown yet: as it is stored */
	const struct value *list =
		value_dig((o->of ? o->of : o)->value, "status", "conditions", NULL);

	for (size_t i = 0; i < value_count(list); i++) {
		const char *t = value_dig_str(value_at(list, i), "type", NULL);

		if (t && strcasecmp(t, type) == 0)
			return value_at(list, i);
	}
	return NULL;
}

/* Does the status speak of an earlier spec than what is there now? */
static int is_stale(const struct object *o, const struct value *condition)
{
	const struct value *observed = value_get(condition, "observedGeneration");
	int64_t generation = value_int(value_dig(o->value, "metadata", "generation", NULL), 0);

	if (!observed)
		observed = value_dig(o->value, "status", "observedGeneration", NULL);
	return observed && value_int(observed, 0) < generation;
}

static int is_true(const struct object *o, const char *type)
{
	const struct value *condition = find_condition(o, type);

	return str_eq(value_dig_str(condition, "status", NULL), "True") && !is_stale(o, condition);
}

static int wait_fill(struct stream *s, struct buf *out, int *eof, off_t first_off)
{
	const struct wait_stream *w = (const struct wait_stream *)s;
	const struct node *n = s->h.node;
	CLEANUP_OBJECT struct object *o = node_see_object(s->h.fs, n, NULL);
	int for_end = strcasecmp(n->sub, "Deleted") == 0;

	(void)first_off;
	if (for_end ? !o : w->came_true || (o && is_true(o, n->sub))) {
		buf_adds(out, "True\n");
		*eof = 1;
	} else if (!o) {
		return -ENOENT; /* it can never become true */
	}
	return 0;
}

static void on_object_change(void *arg, const struct change *c)
{
	struct wait_stream *w = arg;

	if (c->type != CHANGE_DELETED && is_true(c->now, w->s.h.node->sub))
		w->came_true = 1;
	stream_wake(&w->s);
}

static void wait_close(struct stream *s)
{
	struct wait_stream *w = (struct wait_stream *)s;

	changes_unlisten(s->h.fs->changes, &w->listener);
}

static const struct stream_ops wait_ops = {.fill = wait_fill, .close = wait_close};

static struct handle *open_wait(struct call *c, struct node *n, int flags)
{
	struct wait_stream *w =
		(struct wait_stream *)stream_new(sizeof(*w), &wait_ops, c, n, flags);

	w->listener =
		(struct change_listener){.uid = xstrdup(n->uid), .fn = on_object_change, .arg = w};
	changes_listen(c->fs->changes, &w->listener);
	return &w->s.h;
}

static const struct row row_wait = {
	.name = "<Condition>",
	.where = "<object>/wait/",
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_HIDDEN | ROW_OBJECT | ROW_STREAM,
	.open = open_wait,
	.reads = "blocks until the condition is True of the spec as it is now, then `True`: "
		 "`wait/Ready`, `wait/Available`; `wait/Deleted` until the object is gone",
	.errors = "ENOENT the object was deleted meanwhile; EAGAIN with O_NONBLOCK; EINTR",
};

static struct node *find_wait(struct call *c, struct node *dir, const char *name)
{
	(void)c;
	return node_get(dir, name,
			&(struct place){&row_wait, dir->kind, dir->ns, dir->name, dir->uid, name});
}

extern const struct row row_wait_dir, row_events_follow;
extern const struct row *const wait_rows[];

const struct row row_wait_dir = {
	.name = "wait",
	.where = "<object>/",
	.type = ROW_DIR,
	.mode = 0555,
	.flags = ROW_HIDDEN | ROW_OBJECT,
	.find = find_wait,
	.reads = "nothing to list: any condition may be waited for",
};
const struct row *const wait_rows[] = {&row_wait, NULL};

/* -- events.follow -- */

struct follow_stream {
	struct stream s;
	struct change_listener own, about;
	struct buf seen; /* the lines that were given out at the last look; s.h.lock */
};

/* Is this line (with its newline) one of text's? */
static int has_line(const struct buf *text, const char *line, size_t len)
{
	const char *at = buf_str(text), *end = at + text->len;

	while (at < end) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		size_t n = nl ? (size_t)(nl - at) + 1 : (size_t)(end - at);

		if (n == len && memcmp(at, line, len) == 0)
			return 1;
		at += n;
	}
	return 0;
}

static int follow_fill(struct stream *s, struct buf *out, int *eof, off_t first_off)
{
	struct follow_stream *f = (struct follow_stream *)s;
	CLEANUP_OBJECT struct object *o = node_see_object(s->h.fs, s->h.node, NULL);
	struct buf now = BUF_INIT;
	const char *at, *end;

	(void)first_off;
	if (!o) {
		*eof = 1;
		return 0;
	}
	print_events(s->h.fs->store, o, &now);
	for (at = buf_str(&now), end = at + now.len; at < end;) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		size_t n = nl ? (size_t)(nl - at) + 1 : (size_t)(end - at);

		if (!has_line(&f->seen, at, n))
			buf_add(out, at, n);
		at += n;
	}
	buf_fini(&f->seen);
	f->seen = now;
	return 0;
}

static void on_event(void *arg, const struct change *c)
{
	struct follow_stream *f = arg;

	/* of the object itself only its end is seen here */
	if (c->type == CHANGE_DELETED || !str_eq(c->now->uid, f->own.uid))
		stream_wake(&f->s);
}

static void follow_close(struct stream *s)
{
	struct follow_stream *f = (struct follow_stream *)s;

	changes_unlisten(s->h.fs->changes, &f->own);
	changes_unlisten(s->h.fs->changes, &f->about);
	buf_fini(&f->seen);
}

static const struct stream_ops follow_ops = {.fill = follow_fill, .close = follow_close};

static struct handle *open_follow(struct call *c, struct node *n, int flags)
{
	struct follow_stream *f =
		(struct follow_stream *)stream_new(sizeof(*f), &follow_ops, c, n, flags);

	/* the node agent names a Node by its name where a uid belongs */
	f->own = (struct change_listener){.uid = xstrdup(n->uid), .fn = on_event, .arg = f};
	f->about = (struct change_listener){.uid = xstrdup(n->name), .fn = on_event, .arg = f};
	changes_listen(c->fs->changes, &f->own);
	changes_listen(c->fs->changes, &f->about);
	return &f->s.h;
}

const struct row row_events_follow = {
	.read_as = "watch@events",
	.name = "events.follow",
	.where = "<object>/",
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_HIDDEN | ROW_OBJECT | ROW_STREAM,
	.open = open_follow,
	.reads = "blocks; the events that are there, then each new one (or a repeated one with its "
		 "new "
		 "count); ends when the object is gone",
	.errors = "EAGAIN with O_NONBLOCK and nothing new; EINTR",
};
