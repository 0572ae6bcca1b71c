/* SPDX-License-Identifier: MIT */
/* How the tree reaches the rooms that it does not know: logs, exec, images, tables, our own ctl. */
#include <errno.h>
#include <stdio.h>

#include "daemon/daemon_i.h"

/* -- containers of pods on this node -- */

static int no_node(struct err *err)
{
	return err_set(err, EOPNOTSUPP, "this daemon runs no pods (--no-reconcile)");
}

static int log_path(void *room, const struct fs_container *c, int previous, char **path_out,
		    struct err *err)
{
	struct daemon *d = room;

	if (!d->agent)
		return no_node(err);
	*path_out = agent_log_path(d->agent, c->pod_uid, c->container, previous, err);
	return *path_out ? 0 : -err->code;
}

static int container_stats(void *room, const struct fs_container *c, struct buf *out,
			   struct err *err)
{
	struct daemon *d = room;

	return d->agent ? agent_container_stats(d->agent, c->pod_uid, c->container, out, err)
			: no_node(err);
}

static int container_kill(void *room, const struct fs_container *c, const char *signal,
			  struct err *err)
{
	struct daemon *d = room;
	CLEANUP_FREE char *line = xasprintf("kill %s", signal ? signal : "TERM");

	return d->agent ? agent_container_ctl(d->agent, c->pod_uid, c->container, line, err)
			: no_node(err);
}

static int container_exec(void *room, const struct fs_container *c, struct fs_exec *exec,
			  struct err *err)
{
	struct daemon *d = room;
	struct exec_spec spec = {.argv = (char **)exec->argv,
				 .tty = exec->tty,
				 .rows = exec->rows,
				 .columns = exec->columns};

	if (!d->sandboxes)
		return no_node(err);
	return sandbox_exec(d->sandboxes, c->pod_uid, c->container, &spec, &exec->in, &exec->out,
			    &exec->error, &exec->status, &exec->pid, err);
}

/* -- images -- */

static void list_images(void *room, struct buf *out)
{
	struct daemon *d = room;

	images_list(d->images, out);
}

static int import_images(void *room, int fd, struct buf *report, struct err *err)
{
	struct daemon *d = room;
	int rc = images_import(d->images, fd, report, err);

	if (!rc && d->agent)
		agent_image_added(d->agent, NULL);
	return rc;
}

static int remove_image(void *room, const char *reference, struct err *err)
{
	struct daemon *d = room;

	return images_remove(d->images, reference, err);
}

/* -- network -- */

static const char *const net_files[] = {"addresses", "links", "ports", NULL};

static int render_net(void *room, const char *what, struct buf *out, struct err *err)
{
	struct daemon *d = room;

	return d->net ? net_render(d->net, what, out, err) : 0;
}

/* -- our own -- */

static int masters_only(const struct identity *who, const char *verb, struct err *err)
{
	if (identity_is_master(who))
		return 0;
	return err_set(err, EACCES,
		       "%s is forbidden: User \"%s\" is not in the group \"system:masters\"", verb,
		       who->user);
}

static int shut_down(void *room, const struct identity *who, const char *const *args,
		     struct err *err)
{
	int purge = args[1] && str_eq(args[1], "purge");

	if (masters_only(who, args[0], err))
		return -err->code;
	if (args[1] && (!purge || args[2]))
		return err_set(err, EINVAL,
			       "shutdown: `%s` was not expected; usage: shutdown [purge]", args[1]);
	daemon_shut_down(room, purge);
	return 0;
}

static int compact(void *room, const struct identity *who, const char *const *args, struct err *err)
{
	struct daemon *d = room;

	if (masters_only(who, args[0], err))
		return -err->code;
	return store_compact(d->store, err);
}

static const struct fs_verb verbs[] = {
	{"shutdown", "shutdown [purge]",
	 "end the daemon; pods go on running, unless `purge` ends them and removes every trace",
	 shut_down},
	{"compact", "compact", "give unused space of the database back", compact},
	{NULL, NULL, NULL, NULL},
};

static void health(void *room, struct buf *out)
{
	struct daemon *d = room;
	struct store_stats stats;

	store_stats(d->store, &stats);
	if (stats.failing[0])
		buf_addf(out, "store: %s\n", stats.failing);
}

static void figure(struct buf *out, const char *name, const char *type, const char *help,
		   uint64_t value)
{
	buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name,
		 (unsigned long long)value);
}

static void metrics(void *room, struct buf *out)
{
	struct daemon *d = room;
	struct store_stats s;

	store_stats(d->store, &s);
	figure(out, "k8sfs_store_revision", "counter", "The newest resourceVersion.", s.revision);
	figure(out, "k8sfs_store_commits_total", "counter", "Transactions committed.", s.commits);
	figure(out, "k8sfs_store_batches_total", "counter",
	       "Durable writes; one holds several commits.", s.batches);
	figure(out, "k8sfs_store_objects", "gauge", "Objects stored.", s.objects);
	figure(out, "k8sfs_store_database_bytes", "gauge", "Size of the database.",
	       s.database_bytes);
}

struct fs_rooms daemon_rooms(struct daemon *d)
{
	return (struct fs_rooms){
		.runtime = d,
		.log_path = log_path,
		.container_stats = container_stats,
		.container_kill = container_kill,
		.container_exec = container_exec,
		.files = &container_files,
		.container_commit = container_commit,
		.images = d,
		.images_list = list_images,
		.images_import = import_images,
		.images_remove = remove_image,
		.net = d,
		.net_files = net_files,
		.net_render = render_net,
		.daemon = d,
		.account_of_process = account_of_process,
		.daemon_verbs = verbs,
		.health = health,
		.metrics = metrics,
	};
}
