/* SPDX-License-Identifier: MIT */
/* ctl of a container: its verbs. One that may take long runs in a thread of its own. */
#include <errno.h>

#include "fs/containers.h"
#include "fs/images_dir.h"
#include "fs/message.h"
#include "fs/permission.h"
#include "fs/verbs.h"

static int do_kill(struct message *m, const struct fs_container *c, const struct words *w,
		   struct err *err)
{
	const struct fs_rooms *rooms = &m->fs->rooms;

	if (w->n > 2)
		return err_set(err, EINVAL, "usage: kill [SIGNAL]");
	if (!rooms->container_kill)
		return err_set(err, EOPNOTSUPP, "no runtime: no container runs here");
	return rooms->container_kill(rooms->runtime, c, w->n == 2 ? w->word[1] : "TERM", err);
}

/* Whoever makes images decides what others' pods run. */
static int do_commit(struct message *m, const struct fs_container *c, const struct words *w,
		     struct err *err)
{
	const struct fs_rooms *rooms = &m->fs->rooms;
	int rc;

	if (w->n != 2)
		return err_set(err, EINVAL, "usage: commit IMAGE");
	if (!auth_is_master(&m->who->caller))
		return err_set(err, EACCES, "images are made by root alone");
	if (!rooms->container_commit)
		return err_set(err, EOPNOTSUPP, "no runtime: no container runs here");
	rc = rooms->container_commit(rooms->runtime, c, w->word[1], err);
	if (rc == 0)
		images_changed(m->fs, NULL);
	return rc;
}

static const struct verb_of_container {
	const char *name, *usage, *doc;
	int takes_long;
	int (*run)(struct message *m, const struct fs_container *c, const struct words *w,
		   struct err *err);
} verbs[] = {
	{"kill", "kill [SIGNAL]", "signal the container's first process; TERM by default", 0,
	 do_kill},
	{"commit", "commit IMAGE", "make an image of its files as they are now; it runs on", 1,
	 do_commit},
};

static const struct verb_of_container *verb_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static int render_ctl(struct call *c, const struct node *n, const struct object *o, struct buf *out)
{
	(void)c;
	(void)n;
	(void)o;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		buf_addf(out, "%-40s # %s\n", verbs[i].usage, verbs[i].doc);
	buf_adds(out,
		 "# Files that block are there without being listed: log.follow, exec/; so are\n"
		 "# the container's files: root/.\n");
	return 0;
}

static int look_at_line(void *arg, const struct words *w, struct err *err)
{
	const struct verb_of_container *v = verb_named(w->word[0]);

	if (!v)
		return err_set(err, EINVAL, "%s: no such verb; reading this file lists them",
			       w->word[0]);
	*(int *)arg |= v->takes_long;
	return 0;
}

struct running {
	struct message *m;
	struct fs_container container;
};

static int run_line(void *arg, const struct words *w, struct err *err)
{
	const struct running *r = arg;

	return verb_named(w->word[0])->run(r->m, &r->container, w, err);
}

static void run_lines(struct message *m)
{
	char name[256];
	struct running r = {m, container_of(m->node, name)};
	struct err err = ERR_INIT;
	int rc = verbs_each_line(m, run_line, &r, &err);

	message_done(m, rc, &err);
}

static void *run_aside(void *arg)
{
	struct message *m = arg;
	struct fs *fs = m->fs;

	run_lines(m);
	fs->n_background--;
	return NULL;
}

static int start_aside(struct message *m, struct err *err)
{
	pthread_attr_t detached;
	pthread_t thread;
	int rc;

	m->fs->n_background++;
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &detached, run_aside, m);
	pthread_attr_destroy(&detached);
	if (rc == 0)
		return 0;
	m->fs->n_background--;
	return err_sys(err, rc, "a thread");
}

static void act_ctl(struct call *c, struct message *m)
{
	struct err err = ERR_INIT;
	struct access what = {"create", "", "pods", "exec", m->node->ns, m->node->name};
	int takes_long = 0;
	int rc = c->uid == 0 ? 0 : fs_check(m->fs, &m->who->caller, &what, &err);

	if (rc == 0)
		rc = verbs_each_line(m, look_at_line, &takes_long, &err);
	if (rc == 0 && !takes_long)
		run_lines(m);
	else if (rc < 0 || start_aside(m, &err) < 0)
		message_done(m, -err.code, &err);
}

const struct row row_container_ctl = {
	.name = "ctl",
	.where = "<pod>/containers/<name>/",
	.type = ROW_FILE,
	.mode = 0644,
	.flags = ROW_ACT_WRITE | ROW_COMMANDS,
	.render = render_ctl,
	.act = act_ctl,
	.write_as = "create:exec",
	.reads = "the verbs and their usage",
	.writes = "`kill [SIGNAL]`; `commit IMAGE` makes an image of the container's files (root "
		  "alone): "
		  "answered when it is stored",
	.errors =
		"EINVAL no such verb; ESRCH it does not run; EACCES; of commit EEXIST there are no "
		"changes, ENOENT its image was removed meanwhile, ENOSPC",
};
