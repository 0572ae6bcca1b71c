/* SPDX-License-Identifier: MIT */
/* What is to be told: one note an object, taken by the teller in the order of their first change.
 */
#include <errno.h>
#include <time.h>

#include "fs/changes.h"
#include "fs/dirs.h"
#include "fs/notifier_i.h"
#include "util/log.h"
#include "util/loop.h"

#define STUCK_MS 2000 /* a call on the mount that takes longer is left behind */
#define GUARD_MS 1000

static void note_free(struct note *n)
{
	object_unref(n->old);
	object_unref(n->now);
	object_unref(n->passed);
	free(n);
}

void notes_free(struct note *list)
{
	for (struct note *next; list; list = next) {
		next = list->next;
		note_free(list);
	}
}

/* -- who may want to know -- */

struct looking {
	struct notifier *n;
	uint64_t since;
	int watched, fresh;
};

/* With the locks of the notifier and of the node table. */
static void look_at(void *arg, const struct node *node)
{
	struct looking *l = arg;

	l->fresh |= node->asked_until_ms >= l->since;
	l->watched |= inode_set_has(&l->n->watched, node->ino);
}

static void look_at_dir(struct looking *l, const struct place *dir)
{
	struct node *node = node_find(l->n->fs->nodes, dir);

	if (!node)
		return; /* nor does the kernel hold anything in it */
	look_at(l, node);
	node_unref(node);
	for (const struct row *const *r = dir->row->rows; *r && l->n->watched.n; r++) {
		struct place at = *dir;

		at.row = *r;
		l->watched |= inode_set_has(&l->n->watched, place_ino(&at));
	}
}

/* Whether somebody may watch what shows this object. */
static struct looking look(struct notifier *n, const struct object *o)
{
	struct looking l = {n, n->scan_ms, 0, 0};
	const char *about = uid_of_event_object(o);

	nodes_visit_uid(n->fs->nodes, o->uid, look_at, &l);
	if (*o->ns)
		look_at_dir(&l,
			    &(struct place){.row = &row_namespace, .kind = o->kind, .ns = o->ns});
	look_at_dir(&l, &(struct place){.row = &row_collection, .kind = o->kind});
	if (about) {
		CLEANUP_OBJECT struct object *subject = object_of_event(n->fs->store, o);

		if (subject)
			nodes_visit_uid(n->fs->nodes, subject->uid, look_at, &l);
	}
	/* its directory is in every collection */
	l.fresh |= strcmp(o->kind->kind, "Namespace") == 0;
	return l;
}

/* -- collecting -- */

/* An object of a custom kind is seen once in each version. */
void note_key(const struct object *o, struct buf *out)
{
	buf_adds(out, o->uid);
	if (o->kind->flags & KIND_CUSTOM)
		buf_addf(out, "/%s", o->kind->version);
}

static void enqueue_new(struct notifier *n, const struct change *c, int fresh)
{
	CLEANUP(buf_fini) struct buf key = BUF_INIT;
	struct note *note = xcalloc(1, sizeof(*note));

	note_key(c->now, &key);
	note->fresh = fresh;
	note->now = c->type == CHANGE_DELETED ? NULL : object_ref(c->now);
	note->old = c->type == CHANGE_DELETED ? object_ref(c->now) : object_ref(c->old);
	*n->queue_end = note;
	n->queue_end = &note->next;
	n->n_queued++;
	strmap_set(&n->by_uid, buf_str(&key), note);
}

static void coalesce(struct note *note, const struct change *c, int fresh)
{
	note->fresh |= fresh;
	object_unref(STEAL(note->now));
	if (c->type != CHANGE_DELETED)
		note->now = object_ref(c->now);
	else if (!note->old)
		note->passed = object_ref(c->now);
}

static void drop_queue(struct notifier *n)
{
	notes_free(STEAL(n->queue));
	n->queue_end = &n->queue;
	n->n_queued = 0;
	names_drop(n);
	strmap_fini(&n->by_uid);
	n->by_uid = (struct strmap)STRMAP_INIT;
}

void notifier_lose(struct notifier *n)
{
	if (!n->lost)
		log_warn("changes come faster than inotify can be told of them one by one: all "
			 "that is watched is told");
	drop_queue(n);
	n->lost = 1;
	pthread_cond_broadcast(&n->wake);
}

void notifier_note(struct notifier *n, const struct change *c)
{
	struct looking l;
	struct note *note;

	if (!n)
		return;
	pthread_mutex_lock(&n->lock);
	l = look(n, c->now);
	if (!n->stopping && !n->lost && (l.watched || l.fresh)) {
		CLEANUP(buf_fini) struct buf key = BUF_INIT;

		note_key(c->now, &key);
		note = strmap_get(&n->by_uid, buf_str(&key));
		if (note)
			coalesce(note, c, l.fresh);
		else
			enqueue_new(n, c, l.fresh);
		if (n->n_queued > NOTES_MAX)
			notifier_lose(n);
		else if (!note && n->n_queued == 1)
			pthread_cond_broadcast(&n->wake);
	}
	pthread_mutex_unlock(&n->lock);
}

void notifier_lost(struct notifier *n)
{
	if (!n)
		return;
	pthread_mutex_lock(&n->lock);
	notifier_lose(n);
	pthread_mutex_unlock(&n->lock);
}

/* -- the guard: a teller that hangs is replaced -- */

static void wait_ms(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t ms)
{
	struct timespec until = loop_time_after(ms);

	pthread_cond_timedwait(cond, lock, &until);
}

static uint64_t call_since(struct teller *t)
{
	uint64_t since;

	pthread_mutex_lock(&t->doing);
	since = t->call_since_ms;
	pthread_mutex_unlock(&t->doing);
	return since;
}

/* With n->lock: joins and frees those that came back. Return: how many still hang. */
static size_t reap_tellers(struct notifier *n)
{
	size_t stuck = 0;

	for (struct teller **at = &n->tellers, *t; (t = *at);) {
		if (!t->abandoned || !t->ended) {
			stuck += t->abandoned;
			at = &t->next;
			continue;
		}
		*at = t->next;
		pthread_join(t->thread, NULL);
		teller_free(t);
	}
	return stuck;
}

static void replace_if_stuck(struct notifier *n)
{
	struct teller *t = n->current;
	uint64_t since = call_since(t);

	if (!since || loop_now_ms() - since < STUCK_MS || reap_tellers(n) + 1 >= TELLERS_MAX)
		return;
	log_warn("inotify cannot be told of changes in %s: a client holds its lock; going on "
		 "elsewhere",
		 t->dir);
	t->abandoned = 1;
	teller_start(n);
}

/* Awake only while there is something to tell. */
static void *guard(void *arg)
{
	struct notifier *n = arg;

	pthread_mutex_lock(&n->lock);
	while (!n->stopping) {
		if (n->armed)
			wait_ms(&n->guard_wake, &n->lock, GUARD_MS);
		else
			pthread_cond_wait(&n->guard_wake, &n->lock);
		if (n->stopping)
			break;
		replace_if_stuck(n);
		if (!reap_tellers(n) && !n->queue && !n->names && !call_since(n->current))
			n->armed = 0;
	}
	pthread_mutex_unlock(&n->lock);
	return NULL;
}

void notifier_arm(struct notifier *n)
{
	if (n->armed)
		return;
	n->armed = 1;
	if (!n->guarded)
		n->guarded = pthread_create(&n->guard, NULL, guard, n) == 0;
	pthread_cond_signal(&n->guard_wake);
}

/* -- beginning and end -- */

struct notifier *notifier_new(struct fs *fs)
{
	struct notifier *n = xcalloc(1, sizeof(*n));
	pthread_condattr_t monotonic;

	n->fs = fs;
	n->queue_end = &n->queue;
	n->names_end = &n->names;
	pthread_mutex_init(&n->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&n->wake, &monotonic);
	pthread_cond_init(&n->guard_wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	n->logs = logs_new(n);
	pthread_mutex_lock(&n->lock);
	teller_start(n);
	pthread_mutex_unlock(&n->lock);
	return n;
}

static int all_ended(struct notifier *n)
{
	for (struct teller *t = n->tellers; t; t = t->next)
		if (!t->ended)
			return 0;
	return 1;
}

/* What still hangs in a call is left: the end of the process or of the client frees it. */
void notifier_stop(struct notifier *n)
{
	uint64_t until = loop_now_ms() + 1000;

	if (!n)
		return;
	pthread_mutex_lock(&n->lock);
	if (n->stopping) {
		pthread_mutex_unlock(&n->lock);
		return;
	}
	n->stopping = 1;
	pthread_cond_broadcast(&n->wake);
	pthread_cond_broadcast(&n->guard_wake);
	pthread_mutex_unlock(&n->lock);
	if (n->guarded)
		pthread_join(n->guard, NULL);
	pthread_mutex_lock(&n->lock);
	while (!all_ended(n) && loop_now_ms() < until)
		wait_ms(&n->wake, &n->lock, 20);
	for (struct teller *t = n->tellers; t; t = t->next)
		t->abandoned = 1;
	reap_tellers(n);
	pthread_mutex_unlock(&n->lock);
}

void notifier_free(struct notifier *n)
{
	if (!n)
		return;
	notifier_stop(n);
	drop_queue(n);
	logs_free(n->logs);
	inode_set_fini(&n->watched);
	if (n->tellers)
		return; /* a call hangs: what its thread looks at when it returns must stay */
	pthread_mutex_destroy(&n->lock);
	pthread_cond_destroy(&n->wake);
	pthread_cond_destroy(&n->guard_wake);
	free(n);
}
