/* SPDX-License-Identifier: MIT */
#include "fs/changes.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>

#include "fs/dir_times.h"
#include "fs/dirs.h"
#include "fs/fs_i.h"
#include "fs/notifier.h"
#include "fs/stream.h"
#include "objects/custom.h"
#include "util/log.h"
#include "util/strmap.h"

#define N_BUCKETS 256

struct moved_name {
	struct moved_name *next;
	struct node *dir; /* owned reference */
	char *name;       /* owned */
};

struct changes {
	struct fs *fs;
	struct watch *watch;
	pthread_t thread;
	pthread_mutex_t wake_lock;
	pthread_cond_t wake;
	int woken, stopping;                          /* wake_lock */
	struct moved_name *moved;                     /* wake_lock */
	pthread_mutex_t lock;                         /* one drains at a time; listeners */
	struct change_listener *listeners[N_BUCKETS]; /* lock; by uid */
};

const char *uid_of_event_object(const struct object *o)
{
	const char *uid;

	if (strcmp(o->kind->kind, "Event") != 0)
		return NULL;
	uid = value_dig_str(o->value, "involvedObject", "uid", NULL);
	return uid ? uid : value_dig_str(o->value, "regarding", "uid", NULL);
}

struct object *object_of_event(struct store *store, const struct object *event)
{
	const char *uid = uid_of_event_object(event);
	struct object *o = uid ? store_get_uid(store, uid) : NULL;

	if (!o && uid &&
	    str_eq(value_dig_str(event->value, "involvedObject", "kind", NULL), "Node"))
		o = store_get(store, (struct objkey){kind_find("", "v1", "nodes"), "", uid});
	return o;
}

static struct change_listener **bucket_of(struct changes *ch, const char *uid)
{
	return &ch->listeners[hash_bytes(uid, strlen(uid)) % N_BUCKETS];
}

static void tell_listeners(struct changes *ch, const char *uid, const struct change *c)
{
	if (!uid)
		return;
	for (struct change_listener *l = *bucket_of(ch, uid), *next; l; l = next) {
		next = l->next;
		if (strcmp(l->uid, uid) == 0)
			l->fn(l->arg, c);
	}
}

static void invalidate(struct fs *fs, struct node *n)
{
	n->n_changed++;
	if (atomic_exchange(&n->cached, 0))
		fuse_lowlevel_notify_inval_inode(fs->session, node_id(n), -1, 0);
}

static void invalidate_place(struct fs *fs, const struct place *at)
{
	struct node *n = node_find(fs->nodes, at);

	if (!n)
		return;
	invalidate(fs, n);
	node_unref(n);
}

static void invalidate_list(struct fs *fs, struct node **taken, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		invalidate(fs, taken[i]);
		node_unref(taken[i]);
	}
	free(taken);
}

static void invalidate_all(struct fs *fs)
{
	size_t n;
	struct node **list = nodes_all(fs->nodes, &n);

	invalidate_list(fs, list, n);
}

/* A namespace came or went: its directory in every collection. */
static void invalidate_namespace(struct fs *fs, const char *ns)
{
	for (size_t i = 0; i < kinds_count(); i++) {
		if (!(kind_at(i)->flags & KIND_NAMESPACED))
			continue;
		dir_times_touch_kind(fs->dir_times, kind_at(i), "");
		invalidate_place(fs, &(struct place){.row = &row_collection, .kind = kind_at(i)});
		invalidate_place(
			fs, &(struct place){.row = &row_namespace, .kind = kind_at(i), .ns = ns});
	}
}

/*
 * Attributes of the directories that an object appears in. A collection of namespaced objects
 * has only their manifests: the kernel knows of one that comes, for it made it, but not of one
 * that goes with its object. Not more than needed: the way to a file leads through these
 * directories, and each that is invalid costs who goes there a request.
 */
static void invalidate_dirs(struct fs *fs, const struct object *o, int gone)
{
	dir_times_touch_kind(fs->dir_times, o->kind, o->ns);
	if (o->kind->group[0] == '\0' && strcmp(o->kind->kind, "Namespace") == 0)
		invalidate_namespace(fs, o->name);
	for (const struct kind *k = NULL; (k = kind_next_version(o->kind, k));) {
		if (gone || !*o->ns)
			invalidate_place(fs, &(struct place){.row = &row_collection, .kind = k});
		if (*o->ns)
			invalidate_place(
				fs, &(struct place){.row = &row_namespace, .kind = k, .ns = o->ns});
	}
}

/* An object that is whole, and one that is not, differ in nothing but that. */
static void make_comparable(struct change *c)
{
	if (!c->old || !c->old->of == !c->now->of)
		return;
	if (c->old->of) {
		object_unref(c->now);
		c->now = object_ref(c->old);
	} else {
		object_unref(c->old);
		c->old = object_ref(c->now);
	}
}

/* The notifier hears of an object once for each version that it can be seen in. */
static void tell_notifier(struct fs *fs, const struct change *c)
{
	const struct kind *k = NULL;

	if (!(c->now->kind->flags & KIND_CUSTOM)) {
		notifier_note(fs->notifier, c);
		return;
	}
	while ((k = kind_next_version(c->now->kind, k))) {
		struct change seen = {c->type, c->rv, object_as(object_ref(c->now), k),
				      object_as(object_ref(c->old), k)};

		make_comparable(&seen);
		if (!(k->flags & KIND_VIRTUAL))
			notifier_note(fs->notifier, &seen);
		change_fini(&seen);
	}
}

/* What a definition says of its objects has changed: defaults, sizes of files. */
static void invalidate_objects_of(struct fs *fs, const char *resource)
{
	size_t n;
	struct node **list = nodes_all(fs->nodes, &n);

	for (size_t i = 0; i < n; i++) {
		const struct kind *k = list[i]->kind;

		if (k && (k->flags & KIND_CUSTOM) && strcmp(kind_resource(k), resource) == 0)
			invalidate(fs, list[i]);
		node_unref(list[i]);
	}
	free(list);
}

static int redefines(const struct change *c)
{
	return custom_is_definition(c->now->kind) && c->old &&
	       value_get(c->old->value, "spec") != value_get(c->now->value, "spec");
}

static void work_off(struct changes *ch, struct change *c)
{
	struct fs *fs = ch->fs;
	size_t n;
	struct node **list = nodes_of_uid(fs->nodes, c->now->uid, &n);

	invalidate_list(fs, list, n);
	if (c->type != CHANGE_MODIFIED)
		invalidate_dirs(fs, c->now, c->type == CHANGE_DELETED);
	if (redefines(c))
		invalidate_objects_of(fs, c->now->name);
	tell_listeners(ch, c->now->uid, c);
	tell_listeners(ch, uid_of_event_object(c->now), c);
	tell_notifier(fs, c);
}

static void start_watch(struct changes *ch);

void changes_drain(struct changes *ch)
{
	struct change c;
	int rc;

	pthread_mutex_lock(&ch->lock);
	while ((rc = watch_next(ch->watch, &c)) == 1) {
		work_off(ch, &c);
		change_fini(&c);
	}
	if (rc == -ESTALE) {
		/* more changes at once than the log holds: every cached attribute may be wrong */
		log_warn("changes came faster than the kernel could be told: all attributes are "
			 "asked anew");
		watch_free(ch->watch);
		start_watch(ch);
		invalidate_all(ch->fs);
		streams_wake_all(ch->fs->streams);
		notifier_lost(ch->fs->notifier);
	}
	pthread_mutex_unlock(&ch->lock);
}

static void on_change(void *arg)
{
	struct changes *ch = arg;

	pthread_mutex_lock(&ch->wake_lock);
	ch->woken = 1;
	pthread_cond_signal(&ch->wake);
	pthread_mutex_unlock(&ch->wake_lock);
}

static void start_watch(struct changes *ch)
{
	ch->watch = store_watch(ch->fs->store, NULL, store_revision(ch->fs->store), on_change, ch);
}

void changes_forget_name(struct changes *ch, struct node *dir, const char *name)
{
	struct moved_name *m = xcalloc(1, sizeof(*m));

	m->dir = node_ref(dir);
	m->name = xstrdup(name);
	pthread_mutex_lock(&ch->wake_lock);
	m->next = ch->moved;
	ch->moved = m;
	ch->woken = 1;
	pthread_cond_signal(&ch->wake);
	pthread_mutex_unlock(&ch->wake_lock);
}

/* Unlike an inode's, an entry's invalidation waits for who changes its directory. */
static void forget_names(struct fs *fs, struct moved_name *taken)
{
	while (taken) {
		struct moved_name *next = taken->next;

		fuse_lowlevel_notify_inval_entry(fs->session, node_id(taken->dir), taken->name,
						 strlen(taken->name));
		node_unref(taken->dir);
		free(taken->name);
		free(taken);
		taken = next;
	}
}

static void *run(void *arg)
{
	struct changes *ch = arg;
	struct moved_name *moved;
	int stopping = 0;

	while (!stopping) {
		pthread_mutex_lock(&ch->wake_lock);
		while (!ch->woken && !ch->stopping)
			pthread_cond_wait(&ch->wake, &ch->wake_lock);
		ch->woken = 0;
		stopping = ch->stopping;
		moved = STEAL(ch->moved);
		pthread_mutex_unlock(&ch->wake_lock);
		changes_drain(ch);
		forget_names(ch->fs, moved);
	}
	return NULL;
}

struct changes *changes_new(struct fs *fs)
{
	struct changes *ch = xcalloc(1, sizeof(*ch));

	ch->fs = fs;
	pthread_mutex_init(&ch->lock, NULL);
	pthread_mutex_init(&ch->wake_lock, NULL);
	pthread_cond_init(&ch->wake, NULL);
	start_watch(ch);
	/* the first watch_next arms the notification */
	changes_drain(ch);
	pthread_create(&ch->thread, NULL, run, ch);
	return ch;
}

void changes_free(struct changes *ch)
{
	if (!ch)
		return;
	pthread_mutex_lock(&ch->wake_lock);
	ch->stopping = 1;
	pthread_cond_signal(&ch->wake);
	pthread_mutex_unlock(&ch->wake_lock);
	pthread_join(ch->thread, NULL);
	watch_free(ch->watch);
	pthread_mutex_destroy(&ch->lock);
	pthread_mutex_destroy(&ch->wake_lock);
	pthread_cond_destroy(&ch->wake);
	free(ch);
}

void changes_listen(struct changes *ch, struct change_listener *l)
{
	struct change_listener **at = bucket_of(ch, l->uid);

	pthread_mutex_lock(&ch->lock);
	l->next = *at;
	if (l->next)
		l->next->prev = &l->next;
	l->prev = at;
	*at = l;
	pthread_mutex_unlock(&ch->lock);
}

void changes_unlisten(struct changes *ch, struct change_listener *l)
{
	pthread_mutex_lock(&ch->lock);
	*l->prev = l->next;
	if (l->next)
		l->next->prev = l->prev;
	pthread_mutex_unlock(&ch->lock);
	free(STEAL(l->uid));
}
