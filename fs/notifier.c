/* SPDX-License-Identifier: MIT */
/*
 * A change is told at once to the watches that are known; every scan finds the new
 * ones, and those are told what happened since the scan before. So a watch that was
 * there before a change hears of it, and nobody is scanned for while nothing changes.
 */
#include "fs/notifier_i.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <linux/close_range.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fs/attr.h"
#include "fs/changes.h"
#include "fs/dirs.h"
#include "util/log.h"
#include "util/loop.h"

#define NOTES_MAX   4096
#define SCAN_MIN_MS 100 /* between scans; more where a scan costs more */
#define SCAN_SHARE  20  /* a scan may take 1/20 of the time */

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

/* -- collecting -- */

static int kernel_holds(struct fs *fs, const struct place *at)
{
	struct node *n = node_find(fs->nodes, at);

	if (n)
		node_unref(n);
	return n != NULL;
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

	return kernel_holds_uid(fs, o->uid) || (*o->ns && kernel_holds(fs, &ns)) ||
	       kernel_holds(fs, &all) || (about && kernel_holds_uid(fs, about));
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
			log_warn("changes come faster than inotify can be told of them: some are "
				 "left out");
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

void notifier_lost(struct notifier *n)
{
	(void)n;
}

/* -- the thread -- */

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
		notifier_tell(n, at, &new);
	inode_set_fini(&new);
	notes_free(STEAL(n->told));
	n->n_told = 0;
	cost = loop_now_ms() - start;
	n->next_scan_ms =
		loop_now_ms() + (cost * SCAN_SHARE > SCAN_MIN_MS ? cost * SCAN_SHARE : SCAN_MIN_MS);
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

	/*
	 * Without the device of the mount: when the daemon is killed while this thread waits for an
	 * answer of the mount, the other threads' end closes the device, and that ends the wait.
	 */
	if (close_range(3, ~0u, CLOSE_RANGE_UNSHARE) < 0) {
		log_warn("inotify will not be told of changes: %m");
		return NULL;
	}
	n->tid = gettid();
	for (;;) {
		note = next_note(n, &stopping);
		if (stopping) {
			if (note)
				note_free(note);
			break;
		}
		if (note) {
			notifier_tell(n, note, &n->watched);
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

/* -- in the handlers -- */

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
