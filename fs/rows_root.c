/* SPDX-License-Identifier: MIT */
/* The mount's own directory, and the way down to the resources: apis/, api/ and the short names. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "fs/dirs.h"
#include "fs/verbs.h"
#include "fs/workers.h"

static int render_version(struct call *c, const struct node *n, const struct object *o,
			  struct buf *out)
{
	(void)n;
	(void)o;
	buf_addf(out, "k8sfs %s kubernetes %s\n", c->fs->version, c->fs->kubernetes_version);
	return 0;
}

static int render_whoami(struct call *c, const struct node *n, const struct object *o,
			 struct buf *out)
{
	(void)n;
	(void)o;
	identity_render(call_who(c), out);
	return 0;
}

static int render_health(struct call *c, const struct node *n, const struct object *o,
			 struct buf *out)
{
	struct store_stats figures;

	(void)n;
	(void)o;
	store_stats(c->fs->store, &figures);
	if (c->fs->rooms.health)
		c->fs->rooms.health(c->fs->rooms.daemon, out);
	else if (figures.failing[0])
		buf_addf(out, "store: %s\n", figures.failing);
	if (!out->len)
		buf_adds(out, "ok\n");
	return 0;
}

static void figure(struct buf *out, const char *name, const char *type, const char *help,
		   uint64_t value)
{
	buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name,
		 (unsigned long long)value);
}

/* Versions of one resource are one figure. */
static void figure_of_kind(struct call *c, size_t index, struct buf *out)
{
	const char *name = kind_resource(kind_at(index));
	size_t count = 0;

	for (size_t i = 0; i < kinds_count(); i++) {
		if (strcmp(kind_resource(kind_at(i)), name) != 0 ||
		    (kind_at(i)->flags & (KIND_VIRTUAL | KIND_VIEW)))
			continue;
		if (i < index)
			return; /* the version before told it */
		count += store_count(c->fs->store, kind_at(i), NULL);
	}
	buf_addf(out, "k8sfs_objects{resource=\"%s\"} %zu\n", name, count);
}

static void figures_of_kinds(struct call *c, struct buf *out)
{
	buf_adds(out,
		 "# HELP k8sfs_objects Objects stored, by resource.\n# TYPE k8sfs_objects gauge\n");
	for (size_t i = 0; i < kinds_count(); i++)
		if (!(kind_at(i)->flags & (KIND_VIRTUAL | KIND_VIEW)))
			figure_of_kind(c, i, out);
}

static int render_metrics(struct call *c, const struct node *n, const struct object *o,
			  struct buf *out)
{
	struct fs *fs = c->fs;

	(void)n;
	(void)o;
	figure(out, "k8sfs_requests_total", "counter", "Requests of the kernel.", fs->n_requests);
	figure(out, "k8sfs_request_errors_total", "counter", "Requests that were refused.",
	       fs->n_errors);
	figure(out, "k8sfs_requests_put_off_total", "counter",
	       "Requests that waited because their user had as many under way as are his share.",
	       workers_put_off(fs->workers));
	figure(out, "k8sfs_opens_total", "counter", "Files opened.", fs->n_opens);
	figure(out, "k8sfs_writes_total", "counter", "Messages written.", fs->n_writes);
	figure(out, "k8sfs_inodes", "gauge", "Files that the kernel holds.",
	       nodes_count(fs->nodes));
	figure(out, "k8sfs_inotify_scans_total", "counter", "Looks at all inotify watches.",
	       fs->n_scans);
	figure(out, "k8sfs_inotify_calls_total", "counter", "Calls that told inotify of changes.",
	       fs->n_told);
	figure(out, "k8sfs_start_time_seconds", "gauge", "When the tree was mounted, unix time.",
	       (uint64_t)fs->started.tv_sec);
	figures_of_kinds(c, out);
	if (fs->rooms.metrics)
		fs->rooms.metrics(fs->rooms.daemon, out);
	return 0;
}

static int render_errors(struct call *c, const struct node *n, const struct object *o,
			 struct buf *out)
{
	(void)n;
	(void)o;
	manifest_errors(c->fs->manifests, call_who(c)->user, out);
	return 0;
}

static int render_daemon_ctl(struct call *c, const struct node *n, const struct object *o,
			     struct buf *out)
{
	(void)n;
	(void)o;
	room_verbs_usage(c->fs->rooms.daemon_verbs, out);
	return 0;
}

static void act_daemon_ctl(struct call *c, struct message *m)
{
	(void)c;
	room_verbs_act(m, m->fs->rooms.daemon_verbs, m->fs->rooms.daemon);
}

/* -- links from the root -- */

static int render_plural_link(struct call *c, const struct node *n, const struct object *o,
			      struct buf *out)
{
	(void)c;
	(void)o;
	buf_addf(out, "apis/%s/%s/%s", group_dir(n->kind), n->kind->version, n->kind->plural);
	return 0;
}

static const struct row row_plural_link = {
	.name = "<plural or short name>",
	.where = "",
	.type = ROW_LINK,
	.mode = 0777,
	.flags = ROW_KEEP | ROW_FIXED | ROW_PUBLIC,
	.render = render_plural_link,
	.reads = "a link to the resource's directory below apis/: `pods`, `po`, `deployments`, "
		 "`deploy` ...",
};

static int kind_goes_by(const struct kind *k, const char *name)
{
	if (k->flags & KIND_VIEW)
		return 0; /* names lead to the preferred version */
	if (strcmp(k->plural, name) == 0)
		return 1;
	for (const char *const *s = k->short_names; s && *s; s++)
		if (strcmp(*s, name) == 0)
			return 1;
	return 0;
}

static struct node *find_plural(struct call *c, struct node *dir, const char *name)
{
	(void)c;
	for (size_t i = 0; i < kinds_count(); i++) {
		const struct kind *k = kind_at(i);

		if (!(k->flags & KIND_VIRTUAL) && kind_goes_by(k, name))
			return node_get(
				dir, name,
				&(struct place){.row = &row_plural_link, .kind = k, .sub = name});
	}
	return NULL;
}

/* The first kind of a name has it; a later one (events.k8s.io) is below apis/ only. */
static int is_first_of_name(size_t index, const char *name)
{
	for (size_t i = 0; i < index; i++)
		if (!(kind_at(i)->flags & KIND_VIRTUAL) && kind_goes_by(kind_at(i), name))
			return 0;
	return 1;
}

static void list_plural(struct call *c, struct node *dir, struct listing *out, size_t index,
			const char *name)
{
	struct place at = {.row = &row_plural_link, .kind = kind_at(index), .sub = name};

	/* users' kinds may be called like one of our own files (`images`), which goes before */
	if (kind_goes_by(kind_at(index), name) && is_first_of_name(index, name) &&
	    !row_child(c, dir, name))
		listing_add(out, name, ROW_LINK, place_ino(&at));
}

static void list_plurals(struct call *c, struct node *dir, struct listing *out)
{
	for (size_t i = 0; i < kinds_count(); i++) {
		const struct kind *k = kind_at(i);

		if (k->flags & KIND_VIRTUAL)
			continue;
		list_plural(c, dir, out, i, k->plural);
		for (const char *const *s = k->short_names; s && *s; s++)
			list_plural(c, dir, out, i, *s);
	}
}

/* -- net/ -- */

static int render_net(struct call *c, const struct node *n, const struct object *o, struct buf *out)
{
	const struct fs_rooms *rooms = &c->fs->rooms;

	(void)o;
	return rooms->net_render ? rooms->net_render(rooms->net, n->sub, out, &c->err) : 0;
}

static const struct row row_net_table = {
	.name = "<table>",
	.where = "net/",
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_LIVE,
	.render = render_net,
	.url = "/net",
	.reads = "a table of the node's network, one line an entry: `addresses`, `links`, `ports`",
};

static struct node *find_net(struct call *c, struct node *dir, const char *name)
{
	for (const char *const *f = c->fs->rooms.net_files; f && *f; f++)
		if (strcmp(*f, name) == 0)
			return node_get(dir, name,
					&(struct place){.row = &row_net_table, .sub = name});
	return NULL;
}

static void list_net(struct call *c, struct node *dir, struct listing *out)
{
	(void)dir;
	for (const char *const *f = c->fs->rooms.net_files; f && *f; f++) {
		struct place at = {.row = &row_net_table, .sub = *f};

		listing_add(out, *f, ROW_FILE, place_ino(&at));
	}
}

/* -- the table -- */

static const struct row row_file_version = {
	.name = "version",
	.where = "",
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_FIXED | ROW_PUBLIC,
	.render = render_version,
	.url = "/version",
	.reads = "one line: name, version, Kubernetes API version",
};
static const struct row row_whoami = {
	.name = "whoami",
	.where = "",
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_ASKER | ROW_PUBLIC,
	.render = render_whoami,
	.reads = "the reader as YAML: `user: alice`, `groups: dev staff`",
};
static const struct row row_health = {
	.name = "health",
	.where = "",
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_LIVE | ROW_PUBLIC,
	.render = render_health,
	.url = "/healthz",
	.reads = "`ok`, or one line per problem",
};
static const struct row row_metrics = {
	.name = "metrics",
	.where = "",
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_TIMED | ROW_PUBLIC,
	.render = render_metrics,
	.url = "/metrics",
	.reads = "figures in the Prometheus text format",
};
static const struct row row_errors = {
	.name = "errors",
	.where = "",
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_ASKER | ROW_LIVE | ROW_PUBLIC,
	.render = render_errors,
	.reads = "the reader's own last refused writes, newest last: time, path and text of each "
		 "fault",
};
static const struct row row_daemon_ctl = {
	.name = "ctl",
	.where = "",
	.type = ROW_FILE,
	.mode = 0600,
	.flags = ROW_FIXED | ROW_ACT_WRITE | ROW_COMMANDS,
	.render = render_daemon_ctl,
	.act = act_daemon_ctl,
	.reads = "the verbs and their usage",
	.writes = "one command a line: `shutdown`, `compact` ...",
	.errors = "EINVAL no such verb or wrong arguments; EACCES not root",
};
const struct row row_net = {
	.name = "net",
	.where = "",
	.type = ROW_DIR,
	.mode = 0755,
	.flags = ROW_FIXED | ROW_PUBLIC,
	.find = find_net,
	.url = "/net",
	.list = list_net,
	.reads = "tables of the node's network (read only)",
};

static const struct row *const rows[] = {
	&row_file_version, &row_whoami, &row_health,  &row_metrics, &row_daemon_ctl,
	&row_errors,       &row_apply,  &row_dry_run, &row_images,  &row_net,
	&row_apis,         &row_api,    NULL,
};
const struct row *const *const root_rows = rows;

/*
 * The kernel never keeps the ACL of a mount's own directory (its inode is older than the
 * connection's options), and asks for it at each look-up of a path by somebody who is not root,
 * unless the mode gives the group nothing. So it gives it to a group that nobody is in.
 */
#define NOBODYS_GROUP ((gid_t)-2)

static int stat_root(struct call *c, const struct node *n, struct stat *st)
{
	(void)c;
	(void)n;
	st->st_gid = NOBODYS_GROUP;
	return 0;
}

const struct row row_root = {
	.name = "",
	.where = "",
	.type = ROW_DIR,
	.mode = 0705,
	.stat = stat_root,
	.flags = ROW_FIXED | ROW_PUBLIC,
	.rows = rows,
	.find = find_plural,
	.list = list_plurals,
	.reads = "the tree",
};

/* For docs and tests: the rows that directories find rather than list. */
const struct row *const found_rows[] = {
	&row_plural_link, &row_group, &row_version, &row_core_link, &row_net_table, NULL,
};
