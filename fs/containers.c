/* SPDX-License-Identifier: MIT */
/* containers/ of a pod: logs, state, use of resources, commands. */
#include "fs/containers.h"

#include <errno.h>

#include "fs/dirs.h"
#include "fs/notifier.h"
#include "objects/codec.h"

struct fs_container container_of(const struct node *n, char name[256])
{
	size_t len = strcspn(n->sub, "/");

	len = len < 255 ? len : 255;
	memcpy(name, n->sub, len);
	name[len] = '\0';
	return (struct fs_container){n->uid, n->ns, n->name, name};
}

static int is_pod(struct call *c, const struct node *dir)
{
	(void)c;
	return dir->kind->group[0] == '\0' && strcmp(dir->kind->kind, "Pod") == 0;
}

static const char *const lists[] = {"containers", "initContainers", "ephemeralContainers"};
static const char *const status_lists[] = {"containerStatuses", "initContainerStatuses",
					   "ephemeralContainerStatuses"};

static const struct value *find_named(const struct value *list, const char *name)
{
	for (size_t i = 0; i < value_count(list); i++)
		if (str_eq(value_dig_str(value_at(list, i), "name", NULL), name))
			return value_at(list, i);
	return NULL;
}

static int has_container(const struct object *o, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (find_named(value_dig(o->value, "spec", lists[i], NULL), name))
			return 1;
	return 0;
}

const struct value *container_status(const struct object *pod, const char *name)
{
	const struct value *v = NULL;

	for (size_t i = 0; !v && i < ARRAY_LEN(status_lists); i++)
		v = find_named(value_dig(pod->value, "status", status_lists[i], NULL), name);
	return v;
}

/* -- files of one container -- */

static int render_status(struct call *c, const struct node *n, const struct object *o,
			 struct buf *out)
{
	const struct value *v = container_status(o, n->sub);

	(void)c;
	if (v)
		yaml_render(v, out);
	return 0;
}

static int render_stats(struct call *c, const struct node *n, const struct object *o,
			struct buf *out)
{
	const struct fs_rooms *rooms = &c->fs->rooms;
	char name[256];
	struct fs_container container = container_of(n, name);
	int rc = 0;

	(void)o;
	if (rooms->container_stats)
		rc = rooms->container_stats(rooms->runtime, &container, out, &c->err);
	/* one that does not run uses nothing */
	if (rc < 0)
		err_clear(&c->err);
	return 0;
}

#define CONTAINER_DIR "<pod>/containers/<name>/"

const struct row row_log = {
	.name = "log",
	.where = CONTAINER_DIR,
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_OBJECT | ROW_LIVE,
	.open = open_log,
	.stat = stat_log,
	.read_as = "get:log",
	.reads = "what the container wrote to stdout and stderr; grows, so that `tail -f` follows "
		 "it; empty "
		 "before it runs",
};
static const struct row row_log_previous = {
	.name = "log.previous",
	.where = CONTAINER_DIR,
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_OBJECT | ROW_LIVE,
	.open = open_log,
	.stat = stat_log,
	.read_as = "get:log",
	.reads = "the same of the run before the last restart; empty if there was none",
};
static const struct row row_container_status = {
	.name = "status",
	.where = CONTAINER_DIR,
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_OBJECT,
	.render = render_status,
	.part = container_status,
	.reads = "the container's entry of .status.containerStatuses as YAML",
};
static const struct row row_stats = {
	.name = "stats",
	.where = CONTAINER_DIR,
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_OBJECT | ROW_LIVE,
	.render = render_stats,
	.reads = "use of CPU and memory, one `name value` a line; empty while it does not run",
};
const struct row *const container_rows[] = {
	&row_log,        &row_log_previous, &row_container_status, &row_stats, &row_container_ctl,
	&row_log_follow, &row_exec,         &row_root_dir,         NULL,
};

/* Whoever watches the directory watches the log in it. */
static int stat_container(struct call *c, const struct node *n, struct stat *st)
{
	(void)st;
	if (!call_is_own(c))
		notifier_log_asked(c->fs->notifier, n);
	return 0;
}

const struct row row_container = {
	.name = "<name>",
	.where = "<pod>/containers/",
	.type = ROW_DIR,
	.mode = 0755,
	.flags = ROW_OBJECT | ROW_KEEP,
	.rows = container_rows,
	.stat = stat_container,
	.reads = "one container",
};

static struct node *find_container(struct call *c, struct node *dir, const char *name)
{
	CLEANUP_OBJECT struct object *o = node_get_object(c->fs, dir, &c->err);

	if (!o || !has_container(o, name))
		return NULL;
	return node_get(
		dir, name,
		&(struct place){&row_container, dir->kind, dir->ns, dir->name, dir->uid, name});
}

static void list_containers(struct call *c, struct node *dir, struct listing *out)
{
	CLEANUP_OBJECT struct object *o = node_get_object(c->fs, dir, &c->err);

	for (size_t i = 0; o && i < ARRAY_LEN(lists); i++) {
		const struct value *list = value_dig(o->value, "spec", lists[i], NULL);

		for (size_t j = 0; j < value_count(list); j++) {
			const char *name = value_str(value_get(value_at(list, j), "name"), "");
			struct place at = {.row = &row_container, .uid = o->uid, .sub = name};

			listing_add(out, name, ROW_DIR, place_ino(&at));
		}
	}
}

const struct row row_containers = {
	.name = "containers",
	.where = "<pod>/",
	.type = ROW_DIR,
	.mode = 0755,
	.flags = ROW_OBJECT,
	.there = is_pod,
	.find = find_container,
	.list = list_containers,
	.reads = "the pod's containers, init containers included",
};

static int render_log_link(struct call *c, const struct node *n, const struct object *o,
			   struct buf *out)
{
	const struct value *list = value_dig(o->value, "spec", "containers", NULL);

	(void)c;
	(void)n;
	buf_addf(out, "containers/%s/log",
		 value_count(list) ? value_str(value_get(value_at(list, 0), "name"), "") : "");
	return 0;
}

const struct row row_log_link = {
	.name = "log",
	.where = "<pod>/",
	.type = ROW_LINK,
	.mode = 0777,
	.flags = ROW_OBJECT,
	.there = is_pod,
	.render = render_log_link,
	.reads = "a link to the first container's log",
};
const struct row *const container_dir_rows[] = {&row_container, NULL};
