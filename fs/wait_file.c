/* SPDX-License-Identifier: MIT */
/* wait/<Condition> and events.follow: files of one object that block. */
#include <errno.h>
#include <stdio.h>

#include "fs/changes.h"
#include "fs/dirs.h"
#include "fs/stream.h"
#include "objects/print.h"

/* -- wait/<Condition> -- */

struct wait_stream {
	struct stream s;
	struct change_listener listener;
};

static const struct value *find_condition(const struct object *o, const char *type)
{
	const struct value *list = value_dig(o->value, "status", "conditions", NULL);

	for (size_t i = 0; i < value_count(list); i++)
		if (str_eq(value_dig_str(value_at(list, i), "type", NULL), type))
			return value_at(list, i);
	return NULL;
}

static int wait_fill(struct stream *s, struct buf *out, int *eof, off_t first_off)
{
	const struct node *n = s->h.node;
	CLEANUP_OBJECT struct object *o = node_get_object(s->h.fs, n, NULL);
	const struct value *condition;

	(void)first_off;
	if (strcmp(n->sub, "Deleted") == 0) {
		if (o)
			return 0;
		buf_adds(out, "True\n");
		*eof = 1;
		return 0;
	}
	if (!o)
		return -ENOENT; /* it can never become true */
	condition = find_condition(o, n->sub);
	if (!str_eq(value_dig_str(condition, "status", NULL), "True"))
		return 0;
	buf_adds(out, "True\n");
	*eof = 1;
	return 0;
}

static void on_object_change(void *arg, const struct change *c)
{
	(void)c;
	stream_wake(arg);
}

static void wait_close(struct stream *s)
{
	struct wait_stream *w = (struct wait_stream *)s;

	changes_unlisten(s->h.fs->changes, &w->listener);
	free(w->listener.uid);
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
	.flags = ROW_HIDDEN | ROW_OBJECT,
	.open = open_wait,
	.reads = "blocks until the condition is True, then `True`: `wait/Ready`, `wait/Available`; "
		 "`wait/Deleted` until the object is gone",
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
	struct change_listener listener;
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
	CLEANUP_OBJECT struct object *o = node_get_object(s->h.fs, s->h.node, NULL);
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

/* Of all changes, those of Events about the object, and the object's own end. */
static void on_any_change(void *arg, const struct change *c)
{
	struct follow_stream *f = arg;
	const char *uid = f->s.h.node->uid;

	if (str_eq(value_dig_str(c->now->value, "involvedObject", "uid", NULL), uid) ||
	    str_eq(value_dig_str(c->now->value, "regarding", "uid", NULL), uid) ||
	    (c->type == CHANGE_DELETED && str_eq(c->now->uid, uid)))
		stream_wake(&f->s);
}

static void follow_close(struct stream *s)
{
	struct follow_stream *f = (struct follow_stream *)s;

	changes_unlisten(s->h.fs->changes, &f->listener);
	buf_fini(&f->seen);
}

static const struct stream_ops follow_ops = {.fill = follow_fill, .close = follow_close};

static struct handle *open_follow(struct call *c, struct node *n, int flags)
{
	struct follow_stream *f =
		(struct follow_stream *)stream_new(sizeof(*f), &follow_ops, c, n, flags);

	f->listener = (struct change_listener){.fn = on_any_change, .arg = f};
	changes_listen(c->fs->changes, &f->listener);
	return &f->s.h;
}

const struct row row_events_follow = {
	.name = "events.follow",
	.where = "<object>/",
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_HIDDEN | ROW_OBJECT,
	.open = open_follow,
	.reads = "blocks; the events that are there, then each new one (or a repeated one with its "
		 "new "
		 "count); ends when the object is gone",
	.errors = "EAGAIN with O_NONBLOCK and nothing new; EINTR",
};
