/* SPDX-License-Identifier: MIT */
/*
 * Calls on the own mount, and the handlers' answers to them. What is made is there
 * already, and not yet for the one who makes it; what is removed is gone already, and once more
 * there for the one who removes it, with the directories on the way.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/attr.h"
#include "fs/dirs.h"
#include "fs/notifier_i.h"
#include "util/log.h"
#include "util/loop.h"

#define REMOVE_TRIES 20

/* -- the teller's side -- */

/* Does another teller hang in this directory, or above it? */
static int is_stuck(struct teller *t, const char *dir)
{
	int stuck = 0;

	pthread_mutex_lock(&t->n->lock);
	for (struct teller *other = t->n->tellers; other && !stuck; other = other->next) {
		if (other == t || !other->abandoned)
			continue;
		pthread_mutex_lock(&other->doing);
		stuck = other->call_since_ms && str_starts(dir, other->dir);
		pthread_mutex_unlock(&other->doing);
	}
	pthread_mutex_unlock(&t->n->lock);
	return stuck;
}

static int begin(struct teller *t, const char *dir, enum action action, const char *name,
		 const struct place *at, uint64_t dir_ino)
{
	if (strlen(dir) >= sizeof(t->dir) || strlen(name) > FS_NAME_MAX || t->abandoned ||
	    is_stuck(t, dir))
		return 0;
	t->n->fs->n_told++;
	pthread_mutex_lock(&t->doing);
	strcpy(t->dir, dir);
	strcpy(t->name, name);
	t->call_since_ms = loop_now_ms();
	t->action = action;
	t->asked = 0;
	if (at)
		t->place = *at;
	t->place_dir = dir_ino;
	pthread_mutex_unlock(&t->doing);
	return 1;
}

static void end(struct teller *t)
{
	pthread_mutex_lock(&t->doing);
	t->call_since_ms = 0;
	t->action = ACTION_NONE;
	pthread_mutex_unlock(&t->doing);
}

void call_modify(struct teller *t, const char *dir, const char *name)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);

	if (!begin(t, dir, ACTION_NONE, name, NULL, 0))
		return;
	if (truncate(path, 0) < 0 && errno != ENOENT && errno != ESTALE && errno != ENOTDIR)
		log_debug("inotify: %s: %m", path);
	end(t);
}

static int act(struct teller *t, enum action action, const char *dir, const char *name,
	       const struct place *at, uint64_t dir_ino)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
	int is_dir = at->row->type == ROW_DIR, rc;

	if (!begin(t, dir, action, name, at, dir_ino))
		return 0;
	if (action == ACTION_MAKE)
		rc = is_dir ? mkdir(path, 0755) : mknod(path, S_IFREG | 0644, 0);
	else
		rc = is_dir ? rmdir(path) : unlink(path);
	if (rc < 0)
		rc = -errno;
	end(t);
	return rc;
}

void call_act_in(struct teller *t, enum action action, const char *dir, const char *name,
		 const struct place *at, uint64_t dir_ino)
{
	int rc = act(t, action, dir, name, at, dir_ino);

	/* the kernel had the next one of this name, and has forgotten it now, if nobody was faster
	 */
	for (int i = 0; rc == -ENOENT && action == ACTION_REMOVE && !t->asked && i < REMOVE_TRIES;
	     i++)
		rc = act(t, action, dir, name, at, dir_ino);
	if (rc < 0 && !t->asked)
		log_debug("inotify: %s/%s: %s", dir, name, strerror(-rc));
}

void call_act(struct teller *t, enum action action, const char *dir, const char *name,
	      const struct place *at)
{
	call_act_in(t, action, dir, name, at, 0);
}

/* -- the handlers' side -- */

static struct teller *teller_of(struct notifier *n, pid_t pid)
{
	struct teller *t = NULL;

	pthread_mutex_lock(&n->lock);
	for (t = n->tellers; t && *t->tid != pid;)
		t = t->next;
	pthread_mutex_unlock(&n->lock);
	return t; /* lives at least as long as its request */
}

int notifier_is(struct notifier *n, pid_t pid)
{
	for (size_t i = 0; n && i < TELLERS_MAX; i++)
		if (n->tids[i] == pid && pid)
			return 1;
	return 0;
}

static void ghost_attr(const struct node *n, struct stat *st)
{
	*st = (struct stat){
		.st_ino = n->ino,
		.st_nlink = 1,
		.st_mode = (n->row->type == ROW_DIR ? S_IFDIR : S_IFREG) | 0700,
	};
}

void notifier_stat(struct call *c, struct node *n, struct stat *st)
{
	if (node_stat(c, n, st) == 0)
		return;
	err_clear(&c->err);
	ghost_attr(n, st);
}

/* n may be NULL. */
static void reply_node(struct call *c, struct node *n)
{
	struct fuse_entry_param e = {0};

	if (!n) {
		fuse_reply_err(c->req, ENOENT);
		return;
	}
	/* kept for no time: the next who comes is answered anew */
	e.ino = node_id(n);
	e.generation = 1;
	notifier_stat(c, n, &e.attr);
	node_looked_up(n);
	if (fuse_reply_entry(c->req, &e) == -ENOENT)
		node_forget(n, 1);
	node_unref(n);
}

/* The last component only: the ways there are walked as by everybody. */
static int is_parent_of_place(const struct node *dir, const struct place *at, const char *name)
{
	size_t len = strlen(dir->sub);

	if (dir->kind != at->kind)
		return 0;
	if (at->row == &row_namespace)
		return dir->row == &row_collection;
	if (strcmp(dir->ns, at->ns) != 0)
		return 0;
	if (at->row == &row_object)
		return !*dir->uid;
	if (strcmp(dir->uid, at->uid) != 0 || strncmp(dir->sub, at->sub, len) != 0)
		return 0;
	return strcmp(at->sub + len + (len ? 1 : 0), name) == 0;
}

/* What the kernel still holds of an object that is gone. Owned. */
static struct node *ghost_child(struct call *c, const struct object *o, struct node *dir,
				const char *name)
{
	struct place top = object_place(o, &row_object, "");

	if (strcmp(dir->uid, o->uid) == 0)
		return node_child(c->fs->nodes, dir, name);
	if (strcmp(name, o->name) == 0 && is_parent_of_place(dir, &top, name))
		return node_find(c->fs->nodes, &top);
	return NULL;
}

static uint64_t by_client_hash(const char *uid, int removed)
{
	return hash_bytes64(uid, strlen(uid), 1 + (uint64_t)removed);
}

void notifier_client_did(struct notifier *n, const char *uid, int removed)
{
	if (n)
		n->by_clients[n->n_by_clients++ % BY_CLIENTS] = by_client_hash(uid, removed);
}

/* The teller's call waits for the client's to end: so what it did is known here. */
static int client_did(const struct notifier *n, const struct place *at, enum action action)
{
	uint64_t hash = by_client_hash(at->uid ? at->uid : "", action == ACTION_REMOVE);

	if (at->row != &row_object)
		return 0;
	for (size_t i = 0; i < BY_CLIENTS; i++)
		if (n->by_clients[i] == hash)
			return 1;
	return 0;
}

/* What the teller does while this request of its is served. */
struct doing {
	enum action action;
	struct place place; /* strings of the teller, who waits for the answer */
	uint64_t place_dir;
	const struct object *ghost;
	int asked, this_name;
};

static struct doing doing_of(struct call *c, const char *name)
{
	struct teller *t = teller_of(c->fs->notifier, c->pid);
	struct doing d;

	pthread_mutex_lock(&t->doing);
	d = (struct doing){t->action, t->place, t->place_dir,
			   t->ghost,  t->asked, strcmp(t->name, name) == 0};
	pthread_mutex_unlock(&t->doing);
	d.this_name &= d.action != ACTION_NONE;
	return d;
}

static void note_asked(struct call *c)
{
	struct teller *t = teller_of(c->fs->notifier, c->pid);

	pthread_mutex_lock(&t->doing);
	t->asked = 1;
	pthread_mutex_unlock(&t->doing);
}

static int is_where(const struct node *dir, const struct doing *d, const char *name)
{
	return d->place_dir ? dir->ino == d->place_dir : is_parent_of_place(dir, &d->place, name);
}

int notifier_lookup(struct call *c, struct node *dir, const char *name)
{
	struct doing d = doing_of(c, name);
	struct node *n = NULL;

	if (d.this_name && is_where(dir, &d, name)) {
		note_asked(c);
		if (client_did(c->fs->notifier, &d.place, d.action))
			return 0; /* it is there, or not, as for everybody: the call fails */
		reply_node(c, d.action == ACTION_MAKE ? NULL : node_get(dir, name, &d.place));
		return 1;
	}
	if (d.ghost)
		n = ghost_child(c, d.ghost, dir, name);
	if (!n)
		return 0;
	reply_node(c, n);
	return 1;
}

int notifier_made(struct call *c, struct node *dir, const char *name)
{
	struct doing d = doing_of(c, name);
	struct node *n;
	int by_row;

	if (d.this_name && client_did(c->fs->notifier, &d.place, d.action)) {
		fuse_reply_err(c->req, EEXIST);
		return 1;
	}
	n = dir_child(c, dir, name, &by_row);
	err_clear(&c->err);
	if (!n && d.this_name)
		n = node_get(dir, name, &d.place); /* it is gone again */
	reply_node(c, n);
	return 1;
}

/*
 * The kernel may remove what it has under this name without having asked: then it must not
 * be the next one of the same name, whose directory would be dead.
 */
static int may_remove(struct call *c, struct node *dir, const char *name, const struct doing *d)
{
	struct node *now;
	int by_row, fine;

	if (!d->this_name || client_did(c->fs->notifier, &d->place, d->action))
		return 0;
	if (d->asked)
		return 1;
	now = dir_child(c, dir, name, &by_row);
	err_clear(&c->err);
	fine = !now || place_ino(&d->place) == now->ino;
	if (now)
		node_unref(now);
	return fine;
}

int notifier_removed(struct call *c, struct node *dir, const char *name)
{
	struct doing d = doing_of(c, name);
	struct node *n;

	if (!may_remove(c, dir, name, &d)) {
		fuse_reply_err(c->req, ENOENT); /* it asks before it tries again */
		return 1;
	}
	n = node_find(c->fs->nodes, &d.place);
	if (n && n->row->type == ROW_DIR)
		node_retire(n); /* the kernel uses a removed directory for nothing else */
	if (n)
		node_unref(n);
	fuse_reply_err(c->req, 0);
	return 1;
}
