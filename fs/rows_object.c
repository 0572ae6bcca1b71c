/* SPDX-License-Identifier: MIT */
/* An object's directory: the whole of it, its parts, and what can be done to it. */
#include <errno.h>

#include "fs/attr.h"
#include "fs/content.h"
#include "fs/dirs.h"
#include "fs/handle.h"
#include "fs/permission.h"
#include "fs/reply.h"
#include "fs/verbs.h"
#include "objects/codec.h"
#include "objects/print.h"

/* -- reading -- */

static int render_yaml(struct call *c, const struct node *n, const struct object *o,
		       struct buf *out)
{
	(void)c;
	(void)n;
	yaml_render(o->value, out);
	return 0;
}

static int render_json(struct call *c, const struct node *n, const struct object *o,
		       struct buf *out)
{
	(void)c;
	(void)n;
	json_render_pretty(o->value, out);
	if (out->len && out->data[out->len - 1] != '\n')
		buf_addc(out, '\n');
	return 0;
}

static const struct value *status_part(const struct object *o, const char *sub)
{
	(void)sub;
	return value_get(o->value, "status");
}

static int render_status(struct call *c, const struct node *n, const struct object *o,
			 struct buf *out)
{
	const struct value *status = value_get(o->value, "status");

	(void)c;
	(void)n;
	if (value_count(status))
		yaml_render(status, out);
	return 0;
}

/* It changes with the Events about the object. */
static const struct value *no_part(const struct object *o, const char *sub)
{
	(void)o;
	(void)sub;
	return NULL;
}

static int render_events(struct call *c, const struct node *n, const struct object *o,
			 struct buf *out)
{
	(void)n;
	print_events(c->fs->store, o, out);
	return 0;
}

/* The time of the newest event, or `newest`. */
static struct timespec newest_event(struct call *c, const struct object *o, struct timespec newest)
{
	struct object_list events;

	events_of(c->fs->store, o, &events);
	for (size_t i = 0; i < events.n; i++) {
		struct timespec t = object_time(events.list[i]);

		if (t.tv_sec > newest.tv_sec ||
		    (t.tv_sec == newest.tv_sec && t.tv_nsec > newest.tv_nsec))
			newest = t;
	}
	object_list_fini(&events);
	return newest;
}

static struct timespec events_changed(struct call *c, const struct node *n, const struct object *o)
{
	(void)n;
	return newest_event(c, o, object_created(o));
}

/* Ages are no changes. */
static struct timespec description_changed(struct call *c, const struct node *n,
					   const struct object *o)
{
	(void)n;
	return newest_event(c, o, object_time(o));
}

static int render_describe(struct call *c, const struct node *n, const struct object *o,
			   struct buf *out)
{
	(void)n;
	print_describe(c->fs->store, o, out);
	return 0;
}

/* Who may not see events and what else belongs to the object is told of the object alone. */
static struct handle *open_describe(struct call *c, struct node *n, int flags)
{
	CLEANUP_OBJECT struct object *o = node_get_object(c->fs, n, &c->err);
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	struct content *t;

	if (o && flags_want_write(flags))
		err_set(&c->err, EPERM, "read only");
	if (c->err.code)
		return NULL;
	if (call_sees_around(c, n)) {
		t = content_get(c, n, o);
	} else {
		print_describe(NULL, o, &text);
		t = content_new(text.data, text.len);
	}
	return t ? handle_of_content(c, n, t, flags) : NULL;
}

static int render_ctl(struct call *c, const struct node *n, const struct object *o, struct buf *out)
{
	(void)c;
	(void)o;
	verbs_usage(object_verbs, n->kind, out);
	return 0;
}

/* -- writing -- */

static void submit_body(struct message *m, enum api_verb verb, unsigned flags,
			struct value *taken_body)
{
	struct api_batch *b = message_batch(m);
	struct api_request *r = message_request(m, verb);

	r->body = taken_body;
	r->flags = flags;
	api_batch_add(b, r);
	message_submit(m, b);
}

static void act_object(struct call *c, struct message *m)
{
	struct value *v = message_document(m);

	(void)c;
	if (v)
		submit_body(m, API_UPDATE, 0, v);
}

static void act_patch(struct call *c, struct message *m, enum api_verb verb)
{
	struct value *v = message_document(m);

	(void)c;
	if (v)
		submit_body(m, verb, 0, v);
}

static void act_patch_strategic(struct call *c, struct message *m)
{
	act_patch(c, m, API_PATCH_STRATEGIC);
}

static void act_patch_merge(struct call *c, struct message *m)
{
	act_patch(c, m, API_PATCH_MERGE);
}

static void act_patch_json(struct call *c, struct message *m)
{
	act_patch(c, m, API_PATCH_JSON);
}

/* What names the object may be left out in its own directory. */
static struct value *fill_in_names(const struct node *n, struct value *taken)
{
	if (!value_is(taken, VALUE_MAP))
		return taken;
	if (!value_get(taken, "apiVersion"))
		taken = value_set_str(taken, "apiVersion", kind_api_version(n->kind));
	if (!value_get(taken, "kind"))
		taken = value_set_str(taken, "kind", n->kind->kind);
	if (!value_dig(taken, "metadata", "name", NULL))
		taken = value_bury(taken, value_new_string(n->name), "metadata", "name", NULL);
	if (*n->ns && !value_dig(taken, "metadata", "namespace", NULL))
		taken = value_bury(taken, value_new_string(n->ns), "metadata", "namespace", NULL);
	return taken;
}

static void act_apply_with(struct message *m, unsigned flags)
{
	struct value *v = message_document(m);

	if (v)
		submit_body(m, API_APPLY, flags, fill_in_names(m->node, v));
}

static void act_apply(struct call *c, struct message *m)
{
	(void)c;
	act_apply_with(m, 0);
}

static void act_apply_force(struct call *c, struct message *m)
{
	(void)c;
	act_apply_with(m, API_FORCE);
}

static struct value *replace_status(void *arg, struct value *taken, struct err *err)
{
	(void)err;
	return value_set(taken, "status", value_ref(arg));
}

static void free_value(void *arg)
{
	value_unref(arg);
}

static void act_status(struct call *c, struct message *m)
{
	struct value *v = message_document(m);
	struct api_batch *b;
	struct api_request *r;

	(void)c;
	if (!v)
		return;
	b = message_batch(m);
	r = message_request(m, API_MUTATE);
	r->flags = API_STATUS;
	r->mutate = replace_status;
	r->mutate_arg = v;
	r->mutate_free = free_value;
	api_batch_add(b, r);
	message_submit(m, b);
}

static void act_ctl(struct call *c, struct message *m)
{
	(void)c;
	verbs_act(m, object_verbs);
}

/* -- the table -- */

static int has_status(struct call *c, const struct node *dir)
{
	(void)c;
	return (dir->kind->flags & KIND_STATUS) ||
	       schema_field(dir->kind->schema, "status") != NULL;
}

static int is_no_event(struct call *c, const struct node *dir)
{
	(void)c;
	return strcmp(dir->kind->kind, "Event") != 0;
}

#define OBJECT_DIR "<object>/"
#define WRITE_ERRORS                                                                               \
	"EINVAL refused (every fault is a line in /k8s/errors); EACCES forbidden; EBUSY "          \
	"resourceVersion conflict or a field that another manager holds; EPERM immutable; EDQUOT " \
	"quota; EFBIG over 3 MiB"

static const struct row row_object_yaml = {
	.name = "object.yaml",
	.where = OBJECT_DIR,
	.type = ROW_FILE,
	.mode = 0644,
	.flags = ROW_OBJECT,
	.render = render_yaml,
	.act = act_object,
	.write_as = "update",
	.reads = "the whole live object as YAML",
	.writes =
		"the object that replaces it, at close, or by renaming a file from beside it onto "
		"this one (`sed -i`, vim, emacs); a resourceVersion in it must match. It cannot be "
		"removed, and so `mv` from another file system, which removes first, is refused: "
		"`cp`",
	.errors = WRITE_ERRORS,
};
static const struct row row_object_json = {
	.name = "object.json",
	.where = OBJECT_DIR,
	.type = ROW_FILE,
	.mode = 0644,
	.flags = ROW_OBJECT,
	.render = render_json,
	.act = act_object,
	.write_as = "update",
	.reads = "the whole live object as JSON",
	.writes = "as object.yaml",
	.errors = WRITE_ERRORS,
};
static const struct row row_patch = {
	.name = "patch",
	.where = OBJECT_DIR,
	.type = ROW_FILE,
	.mode = 0200,
	.flags = ROW_ACT_LINE,
	.act = act_patch_strategic,
	.write_as = "patch",
	.writes = "a strategic merge patch, YAML or JSON: in write() when the first one is short, "
		  "ends in a newline and is whole (a single line is tried in write(), and acted "
		  "upon at close with those that follow it), else at close",
	.errors = WRITE_ERRORS,
};
static const struct row row_patch_merge = {
	.name = "patch.merge",
	.where = OBJECT_DIR,
	.type = ROW_FILE,
	.mode = 0200,
	.flags = ROW_ACT_LINE,
	.act = act_patch_merge,
	.write_as = "patch",
	.writes = "a JSON Merge Patch (RFC 7396), YAML or JSON; when: as patch",
	.errors = WRITE_ERRORS,
};
static const struct row row_patch_json = {
	.name = "patch.json",
	.where = OBJECT_DIR,
	.type = ROW_FILE,
	.mode = 0200,
	.flags = ROW_ACT_LINE,
	.act = act_patch_json,
	.write_as = "patch",
	.writes = "a JSON Patch (RFC 6902): a list of operations; when: as patch",
	.errors = WRITE_ERRORS,
};
static const struct row row_object_apply = {
	.name = "apply",
	.where = OBJECT_DIR,
	.type = ROW_FILE,
	.mode = 0200,
	.flags = ROW_ACT_LINE,
	.act = act_apply,
	.write_as = "patch",
	.writes =
		"a partial manifest: server-side apply without force; when: as patch. It is all "
		"that this user applies: a field that an earlier one of his (a manifest, too) says "
		"and this one does not goes away",
	.errors = WRITE_ERRORS,
};
static const struct row row_object_apply_force = {
	.name = "apply.force",
	.where = OBJECT_DIR,
	.type = ROW_FILE,
	.mode = 0200,
	.flags = ROW_ACT_LINE,
	.act = act_apply_force,
	.write_as = "patch",
	.writes = "the same with force: fields that other managers hold are taken over",
	.errors = WRITE_ERRORS,
};
static const struct row row_status = {
	.name = "status",
	.where = OBJECT_DIR,
	.type = ROW_FILE,
	.mode = 0644,
	.flags = ROW_OBJECT | ROW_ACT_LINE,
	.there = has_status,
	.render = render_status,
	.part = status_part,
	.act = act_status,
	.read_as = "get|get:status",
	.write_as = "patch:status|update:status",
	.reads = "the .status subtree as YAML; empty while nobody reported one",
	.writes = "the new .status, for whoever may update `<resource>/status`",
	.errors = WRITE_ERRORS,
};
const struct row row_events = {
	.name = "events",
	.where = OBJECT_DIR,
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_OBJECT | ROW_TIMED,
	.there = is_no_event,
	.render = render_events,
	.part = no_part,
	.read_as = "list@events",
	.changed = events_changed,
	.reads = "one line per event of the object, oldest first: time type reason count source "
		 "message",
};
const struct row row_describe = {
	.name = "describe",
	.where = OBJECT_DIR,
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_OBJECT | ROW_TIMED,
	.render = render_describe,
	.changed = description_changed,
	.open = open_describe,
	.reads = "what `kubectl describe` prints, events included for whoever may list them; "
		 "secrets show sizes only",
};
static const struct row row_ctl = {
	.name = "ctl",
	.where = OBJECT_DIR,
	.type = ROW_FILE,
	.mode = 0644,
	.flags = ROW_ACT_WRITE | ROW_COMMANDS,
	.render = render_ctl,
	.act = act_ctl,
	.write_as = "patch|update|delete|patch:scale|update:scale|create:eviction|deletecollection",
	.reads = "the verbs of this kind, their usage, and the names of the files that block",
	.writes = "one command a line, words quoted as in Plan 9 (`'it''s'`); all lines of a write "
		  "happen "
		  "or none",
	.errors = "EINVAL no such verb or wrong arguments; ENOENT; EACCES; EBUSY",
};

extern const struct row row_wait_dir, row_events_follow;

static const struct row *const rows[] = {
	&row_object_yaml,
	&row_object_json,
	&row_status,
	&row_events,
	&row_describe,
	&row_ctl,
	&row_patch,
	&row_patch_merge,
	&row_patch_json,
	&row_object_apply,
	&row_object_apply_force,
	&row_scale,
	&row_eviction,
	&row_binding,
	&row_token,
	&row_finalize,
	&row_approval,
	&row_wait_dir,
	&row_events_follow,
	&row_log_link,
	&row_containers,
	NULL,
};
const struct row *const *const object_rows = rows;

const struct row row_object = {
	.name = "<object>",
	.where = "<resource>/<namespace>/",
	.type = ROW_DIR,
	.mode = 0755,
	.flags = ROW_KEEP | ROW_OBJECT,
	.rows = rows,
	.find = field_find,
	.list = field_list_top,
	.names = &field_names,
	.reads = "one object; directly in the resource's directory when it is cluster-scoped",
	.writes = "`rmdir` (and `rm -r`) deletes the object; tools may keep scratch files here",
};
