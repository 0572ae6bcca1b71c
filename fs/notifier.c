/* SPDX-License-Identifier: MIT */
/*
 * A change is told at once to the watches that are known; every scan finds the new
 * ones, and those are told what happened since the scan before. So a watch that was
 * there before a change hears of it, and nobody is scanned for while nothing changes.
 */
#include "fs/notifier.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fs/attr.h"
#include "fs/dirs.h"
#include "fs/escape.h"
#include "fs/field_path.h"
#include "fs/inotify_scan.h"
#include "util/log.h"
#include "util/loop.h"

#define NOTES_MAX    4096
#define SCAN_MIN_MS  100 /* between scans; more where a scan costs more */
#define SCAN_SHARE   20	 /* a scan may take 1/20 of the time */

/* What became of one object since it was told last. */
struct note {
	struct note *next;
	struct object *old, *now; /* owned; old NULL: it is new; now NULL: it is gone */
};

enum action { ACTION_NONE, ACTION_MAKE, ACTION_REMOVE };

struct notifier {
	struct fs *fs;
	pthread_t thread;
	_Atomic pid_t tid;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct note *queue, **queue_end; /* lock */
	size_t n_queued;		 /* lock */
	int stopping, dropping;		 /* lock */

	/* the thread's own */
	dev_t device;
	struct inode_set watched;
	struct note *told; /* since the last scan */
	size_t n_told;
	uint64_t next_scan_ms;

	/* what it is doing to the mount, for the handlers; they run while the thread waits */
	enum action action;
	char name[FS_NAME_MAX + 1];
	struct place place; /* of what is removed */
};

static void note_free(struct note *n)
{
	object_unref(n->old);
	object_unref(n->now);
	free(n);
}

static void notes_free(struct note *list)
{
	for (struct note *next; list; list = next) {
		next = list->next;
		note_free(list);
	}
}

/* -- collecting --------------------------------------------------------------------- */

static int kernel_holds(struct fs *fs, const struct place *at)
{
	struct node *n = node_find(fs->nodes, at);

	if (n)
		node_unref(n);
	return n != NULL;
}

static const char *uid_of_event_object(const struct object *o)
{
	const char *uid = value_dig_str(o->value, "involvedObject", "uid", NULL);

	return uid ? uid : value_dig_str(o->value, "regarding", "uid", NULL);
}

static int kernel_holds_uid(struct fs *fs, const char *uid)
{
	size_t n;
	struct node **list = nodes_of_uid(fs->nodes, uid, &n);

	for (size_t i = 0; i < n; i++)
		node_unref(list[i]);
	free(list);
	return n > 0;
}

static int somebody_may_look(struct fs *fs, const struct object *o)
{
	struct place ns = {.row = &row_namespace, .kind = o->kind, .ns = o->ns};
	struct place all = {.row = &row_collection, .kind = o->kind};
	const char *about = uid_of_event_object(o);

	return kernel_holds_uid(fs, o->uid) || (*o->ns && kernel_holds(fs, &ns)) || kernel_holds(fs, &all) ||
	       (about && kernel_holds_uid(fs, about));
}

static struct note *find_queued(struct notifier *n, const char *uid)
{
	for (struct note *at = n->queue; at; at = at->next) {
		const struct object *o = at->now ? at->now : at->old;

		if (strcmp(o->uid, uid) == 0)
			return at;
	}
	return NULL;
}

static void enqueue(struct notifier *n, const struct change *c)
{
	/* a long queue is not searched: more than one note of an object does no harm */
	struct note *at = n->n_queued < 64 ? find_queued(n, c->now->uid) : NULL;

	if (at) {
		object_unref(at->now);
		at->now = c->type == CHANGE_DELETED ? NULL : object_ref(c->now);
		if (c->type == CHANGE_DELETED && !at->old)
			at->old = object_ref(c->now);
		return;
	}
	if (n->n_queued >= NOTES_MAX) {
		if (!n->dropping)
			log_warn("changes come faster than inotify can be told of them: some are left out");
		n->dropping = 1;
		return;
	}
	at = xcalloc(1, sizeof(*at));
	at->now = c->type == CHANGE_DELETED ? NULL : object_ref(c->now);
	at->old = c->type == CHANGE_DELETED ? object_ref(c->now) : object_ref(c->old);
	*n->queue_end = at;
	n->queue_end = &at->next;
	n->n_queued++;
	pthread_cond_signal(&n->wake);
}

void notifier_note(struct notifier *n, const struct change *c)
{
	if (!n || !somebody_may_look(n->fs, c->now))
		return;
	pthread_mutex_lock(&n->lock);
	if (!n->stopping)
		enqueue(n, c);
	pthread_mutex_unlock(&n->lock);
}

/* -- calls on the own mount -------------------------------------------------------------- */

static const char *group_dir(const struct kind *k)
{
	return *k->group ? k->group : "core";
}

/* The path of a resource's directory, a namespace's, or (o given) an object's. */
static char *path_of(const struct notifier *n, const struct kind *k, const char *ns, const char *name)
{
	struct buf path = BUF_INIT;

	buf_addf(&path, "%s/apis/%s/%s/%s", n->fs->mountpoint, group_dir(k), k->version, k->plural);
	if (*ns)
		buf_addf(&path, "/%s", ns);
	if (*name)
		buf_addf(&path, "/%s", name);
	return buf_steal(&path);
}

static void tell_modified(const char *dir, const char *name)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);

	if (truncate(path, 0) < 0 && errno != ENOENT && errno != ESTALE)
		log_debug("inotify: %s: %m", path);
}

static void act(struct notifier *n, enum action action, const char *dir, const char *name,
		const struct place *at)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
	int is_dir = at->row->type == ROW_DIR, rc;

	if (strlen(name) > FS_NAME_MAX)
		return;
	strcpy(n->name, name);
	n->place = *at;
	n->action = action;
	if (action == ACTION_MAKE)
		rc = is_dir ? mkdir(path, 0755) : mknod(path, S_IFREG | 0644, 0);
	else
		rc = is_dir ? rmdir(path) : unlink(path);
	n->action = ACTION_NONE;
	if (rc < 0)
		log_debug("inotify: %s: %m", path);
}

/* -- what an object's change means for watches ---------------------------------------------- */

struct telling {
	struct notifier *n;
	const struct inode_set *to;
	const struct object *o; /* what the places are about */
	char *dir;		/* path of the object's directory */
};

static int is_watched(const struct telling *t, const struct place *at)
{
	return inode_set_has(t->to, place_ino(at));
}

/* A fixed file of a directory, if it or its directory is watched. */
static void tell_file(const struct telling *t, const struct row *const *rows, const struct place *dir,
		      const char *path, const char *name)
{
	for (; *rows; rows++) {
		struct place at = *dir;

		at.row = *rows;
		if (strcmp((*rows)->name, name) != 0)
			continue;
		if (is_watched(t, dir) || is_watched(t, &at))
			tell_modified(path, name);
		return;
	}
}

static struct place object_place(const struct object *o, const struct row *row, const char *sub)
{
	return (struct place){row, o->kind, o->ns, o->name, o->uid, sub};
}

static void diff(const struct telling *t, const struct value *old, const struct value *now,
		 const struct schema *s, const char *sub);

static int is_dir_value(const struct value *v)
{
	return value_is(v, VALUE_MAP) || value_is(v, VALUE_LIST);
}

/* One field that is not what it was. */
static void diff_field(const struct telling *t, const struct value *old, const struct value *now,
		       const struct schema *s, const char *sub, const char *name)
{
	CLEANUP_FREE char *below = *sub ? xasprintf("%s/%s", sub, name) : xstrdup(name);
	CLEANUP_FREE char *dir_path = *sub ? xasprintf("%s/%s", t->dir, sub) : xstrdup(t->dir);
	struct place dir = object_place(t->o, *sub ? &row_field_dir : &row_object, sub);
	struct place at = object_place(t->o, field_row(ROW_FILE, below), below);

	if (strcmp(below, "metadata/managedFields") == 0)
		return; /* not listed */
	if (is_dir_value(old ? old : now))
		at.row = &row_field_dir;
	if ((!old || !now) && s && s->type == SCHEMA_MAP) {
		diff(t, old, now, s, below); /* such a map is there even when empty */
	} else if (!old || !now) {
		if (is_watched(t, &dir) || is_watched(t, &at))
			act(t->n, now ? ACTION_MAKE : ACTION_REMOVE, dir_path, name, &at);
	} else if (is_dir_value(old) && is_dir_value(now)) {
		diff(t, old, now, s, below);
	} else if (is_watched(t, &dir) || is_watched(t, &at)) {
		tell_modified(dir_path, name);
	}
}

static void diff_maps(const struct telling *t, const struct value *old, const struct value *now,
		      const struct schema *s, const char *sub)
{
	for (size_t i = 0; i < value_count(old); i++) {
		const char *key = value_key_at(old, i);
		const struct value *then = value_at(old, i), *is = value_get(now, key);
		CLEANUP(buf_fini) struct buf name = BUF_INIT;

		if (then == is || (is && value_equal(then, is)))
			continue;
		name_escape(key, &name);
		diff_field(t, then, is, s ? schema_child(s, key) : NULL, sub, buf_str(&name));
	}
	for (size_t i = 0; i < value_count(now); i++) {
		const char *key = value_key_at(now, i);
		CLEANUP(buf_fini) struct buf name = BUF_INIT;

		if (value_get(old, key))
			continue;
		name_escape(key, &name);
		diff_field(t, NULL, value_at(now, i), s ? schema_child(s, key) : NULL, sub, buf_str(&name));
	}
}

static void diff_lists(const struct telling *t, const struct value *old, const struct value *now,
		       const struct schema *s, const char *sub)
{
	for (size_t i = 0; i < value_count(old); i++) {
		CLEANUP(buf_fini) struct buf name = BUF_INIT;
		size_t j;

		element_name(old, s, i, &name);
		j = element_find(now, s, buf_str(&name));
		if (j == value_count(now) || !value_equal(value_at(old, i), value_at(now, j)))
			diff_field(t, value_at(old, i), j < value_count(now) ? value_at(now, j) : NULL,
				   s ? s->items : NULL, sub, buf_str(&name));
	}
	for (size_t i = 0; i < value_count(now); i++) {
		CLEANUP(buf_fini) struct buf name = BUF_INIT;

		element_name(now, s, i, &name);
		if (element_find(old, s, buf_str(&name)) == value_count(old))
			diff_field(t, NULL, value_at(now, i), s ? s->items : NULL, sub, buf_str(&name));
	}
}

static void diff(const struct telling *t, const struct value *old, const struct value *now,
		 const struct schema *s, const char *sub)
{
	if (strcmp(sub, "status") == 0)
		return; /* a file */
	if (value_is(old, VALUE_LIST) && value_is(now, VALUE_LIST))
		diff_lists(t, old, now, s, sub);
	else
		diff_maps(t, old, now, s, sub);
}

static void tell_object(const struct telling *t, const struct note *note)
{
	struct place dir = object_place(t->o, &row_object, "");
	const struct value *was = value_get(note->old->value, "status");
	const struct value *is = value_get(note->now->value, "status");

	tell_file(t, object_rows, &dir, t->dir, "object.yaml");
	tell_file(t, object_rows, &dir, t->dir, "object.json");
	if (was != is && !(was && is && value_equal(was, is)))
		tell_file(t, object_rows, &dir, t->dir, "status");
	diff(t, note->old->value, note->now->value, t->o->kind->schema, "");
}

/* An Event is also a line in `events` of what it is about. */
static void tell_event(struct notifier *n, const struct inode_set *to, const struct object *event)
{
	const char *uid = uid_of_event_object(event);
	struct object *about = uid ? store_get_uid(n->fs->store, uid) : NULL;

	if (!about)
		return;
	struct telling t = {n, to, about, path_of(n, about->kind, about->ns, about->name)};
	struct place dir = object_place(about, &row_object, "");

	tell_file(&t, object_rows, &dir, t.dir, "events");
	free(t.dir);
	object_unref(about);
}

/* The directories that it is listed in, and their _index. */
static void tell_dirs(const struct telling *t, const struct note *note)
{
	const struct object *o = t->o;
	struct place all = {.row = &row_collection, .kind = o->kind};
	struct place ns = {.row = &row_namespace, .kind = o->kind, .ns = o->ns};
	struct place own = object_place(o, &row_object, "");
	const struct place *in = *o->ns ? &ns : &all;
	CLEANUP_FREE char *all_path = path_of(t->n, o->kind, "", "");
	CLEANUP_FREE char *in_path = path_of(t->n, o->kind, o->ns, "");

	if ((!note->old || !note->now) && (is_watched(t, in) || is_watched(t, &own)))
		act(t->n, note->now ? ACTION_MAKE : ACTION_REMOVE, in_path, o->name, &own);
	tell_file(t, collection_rows, &all, all_path, "_index");
	if (*o->ns)
		tell_file(t, collection_rows, &ns, in_path, "_index");
}

static void tell(struct notifier *n, const struct note *note, const struct inode_set *to)
{
	const struct object *o = note->now ? note->now : note->old;
	struct telling t = {n, to, o, NULL};

	if (!to->n)
		return;
	t.dir = path_of(n, o->kind, o->ns, o->name);
	tell_dirs(&t, note);
	if (note->old && note->now)
		tell_object(&t, note);
	if (note->now && strcmp(o->kind->kind, "Event") == 0)
		tell_event(n, to, o);
	free(t.dir);
}

/* -- the thread ----------------------------------------------------------------------------------- */

/* Look for new watches, and tell them what they may have missed. */
static void scan(struct notifier *n)
{
	struct inode_set now, new;
	uint64_t start = loop_now_ms(), cost;
	struct stat st;

	if (!n->device && stat(n->fs->mountpoint, &st) == 0)
		n->device = st.st_dev;
	inotify_scan(n->device, &now);
	inode_set_minus(&now, &n->watched, &new);
	inode_set_fini(&n->watched);
	n->watched = now;
	for (const struct note *at = n->told; at && new.n; at = at->next)
		tell(n, at, &new);
	inode_set_fini(&new);
	notes_free(STEAL(n->told));
	n->n_told = 0;
	cost = loop_now_ms() - start;
	n->next_scan_ms = loop_now_ms() + (cost * SCAN_SHARE > SCAN_MIN_MS ? cost * SCAN_SHARE : SCAN_MIN_MS);
}

static void wait_until(struct notifier *n, uint64_t at_ms)
{
	uint64_t now = loop_now_ms(), ms = at_ms > now ? at_ms - now : 1;
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&n->wake, &n->lock, &until);
}

/* The next note; NULL: it is time to scan, or to stop. */
static struct note *next_note(struct notifier *n, int *stopping)
{
	struct note *note;

	pthread_mutex_lock(&n->lock);
	while (!n->queue && !n->stopping && (!n->told || loop_now_ms() < n->next_scan_ms)) {
		if (n->told)
			wait_until(n, n->next_scan_ms);
		else
			pthread_cond_wait(&n->wake, &n->lock);
	}
	note = n->queue;
	if (note) {
		n->queue = note->next;
		if (!n->queue) {
			n->queue_end = &n->queue;
			n->dropping = 0;
		}
		n->n_queued--;
		note->next = NULL;
	}
	*stopping = n->stopping;
	pthread_mutex_unlock(&n->lock);
	return note;
}

static void *run(void *arg)
{
	struct notifier *n = arg;
	struct note *note;
	int stopping = 0;

	n->tid = gettid();
	for (;;) {
		note = next_note(n, &stopping);
		if (stopping) {
			if (note)
				note_free(note);
			break;
		}
		if (note) {
			tell(n, note, &n->watched);
			note->next = n->told;
			n->told = note;
			n->n_told++;
		}
		if (n->told && (loop_now_ms() >= n->next_scan_ms || n->n_told > NOTES_MAX))
			scan(n);
	}
	return NULL;
}

struct notifier *notifier_new(struct fs *fs)
{
	struct notifier *n = xcalloc(1, sizeof(*n));
	pthread_condattr_t monotonic;

	n->fs = fs;
	n->queue_end = &n->queue;
	pthread_mutex_init(&n->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&n->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_create(&n->thread, NULL, run, n);
	return n;
}

void notifier_stop(struct notifier *n)
{
	int was;

	if (!n)
		return;
	pthread_mutex_lock(&n->lock);
	was = n->stopping;
	n->stopping = 1;
	pthread_cond_signal(&n->wake);
	pthread_mutex_unlock(&n->lock);
	if (!was)
		pthread_join(n->thread, NULL);
}

void notifier_free(struct notifier *n)
{
	if (!n)
		return;
	notifier_stop(n);
	notes_free(n->queue);
	notes_free(n->told);
	inode_set_fini(&n->watched);
	pthread_mutex_destroy(&n->lock);
	pthread_cond_destroy(&n->wake);
	free(n);
}

/* -- in the handlers ------------------------------------------------------------------------------- */

int notifier_is(const struct notifier *n, pid_t pid)
{
	return n && n->tid && n->tid == pid;
}

static int is_acted_upon(const struct notifier *n, const char *name)
{
	return n->action != ACTION_NONE && strcmp(n->name, name) == 0;
}

/* What is removed is gone already: for its own rmdir or unlink it is there once more. */
static void reply_ghost(struct call *c, struct node *dir, const char *name, const struct place *at)
{
	struct node *n = node_get(dir, name, at);
	struct fuse_entry_param e = {
		.ino = node_id(n),
		.generation = 1,
		.attr = {.st_ino = n->ino,
			 .st_nlink = 1,
			 .st_mode = (at->row->type == ROW_DIR ? S_IFDIR : S_IFREG) | 0700},
	};

	node_looked_up(n);
	fuse_reply_entry(c->req, &e);
	node_unref(n);
}

/* The last component only: the ways there are walked as by everybody. */
static int is_parent_of_place(const struct node *dir, const struct place *at, const char *name)
{
	size_t len = strlen(dir->sub);

	if (dir->kind != at->kind || strcmp(dir->ns, at->ns) != 0)
		return 0;
	if (at->row == &row_object)
		return !*dir->uid;
	if (strcmp(dir->uid, at->uid) != 0 || strncmp(dir->sub, at->sub, len) != 0)
		return 0;
	return strcmp(at->sub + len + (len ? 1 : 0), name) == 0;
}

int notifier_lookup(struct call *c, struct node *dir, const char *name)
{
	const struct notifier *n = c->fs->notifier;

	if (!is_acted_upon(n, name) || !is_parent_of_place(dir, &n->place, name))
		return 0;
	if (n->action == ACTION_MAKE)
		fuse_reply_err(c->req, ENOENT);
	else
		reply_ghost(c, dir, name, &n->place);
	return 1;
}

int notifier_made(struct call *c, struct node *dir, const char *name)
{
	struct fuse_entry_param e;
	struct node *n;
	int by_row;

	n = dir_child(c, dir, name, &by_row);
	if (n && node_entry(c, n, by_row, &e) == 0) {
		node_looked_up(n);
		fuse_reply_entry(c->req, &e);
	} else {
		fuse_reply_err(c->req, ENOENT);
	}
	if (n)
		node_unref(n);
	return 1;
}

int notifier_removed(struct call *c, struct node *dir, const char *name)
{
	(void)dir;
	(void)name;
	fuse_reply_err(c->req, 0);
	return 1;
}
