/* SPDX-License-Identifier: MIT */
/*
 * Logs grow without a change of their pod. When a log was asked for, somebody may watch it: from
 * then on it is listened for whether the real file grows; the first time it does, a scan
 * says whether there is a watch, and if there is none it is forgotten.
 */
#include "fs/notifier_i.h"

#include "fs/containers.h"
#include "fs/dirs.h"
#include "fs/log_watch.h"
#include "util/loop.h"

#define LOGS_MAX 4096
#define ASKED_MS 12000 /* attributes are kept for 10 s, and then a watch is set */

struct log_note {
	struct log_note *next;
	struct logs *all;
	char *path; /* owned: in the mount, of its directory */
	uint64_t ino, dir_ino;
	struct log_watch watch;
	_Atomic uint64_t asked_until_ms;
	int grown, untold; /* logs' lock; untold: it grew while no watch was known */
};

struct logs {
	struct notifier *n;
	pthread_mutex_t lock;  /* after the log watches' own and the notifier's */
	struct strmap by_path; /* lock */
	_Atomic size_t n_grown;
};

struct logs *logs_new(struct notifier *n)
{
	struct logs *all = xcalloc(1, sizeof(*all));

	all->n = n;
	pthread_mutex_init(&all->lock, NULL);
	return all;
}

static void log_note_free(struct log_note *l)
{
	log_watch_stop(l->all->n->fs->log_watches, &l->watch);
	pthread_mutex_lock(&l->all->lock);
	l->all->n_grown -= (size_t)l->grown;
	pthread_mutex_unlock(&l->all->lock);
	free(l->path);
	free(l);
}

void logs_free(struct logs *all)
{
	STRMAP_FOREACH (s, &all->by_path)
		log_note_free(s->val);
	strmap_fini(&all->by_path);
	pthread_mutex_destroy(&all->lock);
	free(all);
}

int logs_any(const struct logs *all)
{
	return all->n_grown > 0;
}

/* With the lock. Return: whether that is new. */
static int set_grown(struct log_note *l, int grown)
{
	if (!grown || l->grown)
		return 0;
	l->grown = 1;
	l->all->n_grown++;
	return 1;
}

/* On the streams' thread. */
static void on_growth(void *arg)
{
	struct log_note *l = arg;
	int news;

	pthread_mutex_lock(&l->all->lock);
	news = set_grown(l, 1);
	pthread_mutex_unlock(&l->all->lock);
	if (!news)
		return;
	pthread_mutex_lock(&l->all->n->lock);
	pthread_cond_broadcast(&l->all->n->wake);
	pthread_mutex_unlock(&l->all->n->lock);
}

static char *real_path(struct fs *fs, const struct node *container)
{
	char name[256], *path = NULL;
	struct fs_container c = container_of(container, name);
	struct err err = ERR_INIT;

	if (fs->rooms.log_path && fs->rooms.log_path(fs->rooms.runtime, &c, 0, &path, &err) == 0)
		return path;
	return NULL;
}

static int is_known(struct logs *all, const char *path)
{
	struct log_note *l;

	pthread_mutex_lock(&all->lock);
	l = strmap_get(&all->by_path, path);
	if (l)
		l->asked_until_ms = loop_now_ms() + ASKED_MS;
	pthread_mutex_unlock(&all->lock);
	return l != NULL;
}

static struct log_note *new_note(struct notifier *n, const struct node *dir, const char *path)
{
	struct log_note *l = xcalloc(1, sizeof(*l));
	struct place log = {&row_log, dir->kind, dir->ns, dir->name, dir->uid, dir->sub};

	*l = (struct log_note){
		.all = n->logs,
		.path = xasprintf("%s/%s", n->fs->mountpoint, path),
		.ino = place_ino(&log),
		.dir_ino = dir->ino,
		.watch = {.wd = -1, .fn = on_growth, .arg = l},
		.asked_until_ms = loop_now_ms() + ASKED_MS,
	};
	return l;
}

void notifier_log_asked(struct notifier *n, const struct node *dir)
{
	CLEANUP(buf_fini) struct buf path = BUF_INIT;
	CLEANUP_FREE char *real = NULL;
	struct log_note *l;

	if (!n || dir->row != &row_container)
		return;
	node_path(dir, &path);
	if (is_known(n->logs, buf_str(&path)))
		return;
	real = real_path(n->fs, dir);
	if (!real)
		return; /* it has not started: asked again when its pod changes */
	l = new_note(n, dir, buf_str(&path));
	if (log_watch_start(n->fs->log_watches, &l->watch, real)) {
		pthread_mutex_lock(&n->logs->lock);
		if (n->logs->by_path.n < LOGS_MAX &&
		    !strmap_get(&n->logs->by_path, buf_str(&path))) {
			strmap_set(&n->logs->by_path, buf_str(&path), l);
			l = NULL; /* else another was faster */
		}
		pthread_mutex_unlock(&n->logs->lock);
	}
	if (l)
		log_note_free(l);
}

static int is_watched_log(const struct teller *t, const struct log_note *l)
{
	return inode_set_has(&t->watched, l->ino) || inode_set_has(&t->watched, l->dir_ino);
}

/* One that grew. Owned path in the mount, NULL: none that is watched. */
static char *take_grown(struct teller *t)
{
	struct logs *all = t->n->logs;
	char *path = NULL;

	pthread_mutex_lock(&all->lock);
	STRMAP_FOREACH (s, &all->by_path) {
		struct log_note *l = s->val;

		if (!l->grown)
			continue;
		l->grown = 0;
		all->n_grown--;
		if (is_watched_log(t, l))
			path = xstrdup(l->path);
		else
			l->untold = t->scan_wanted = 1;
		if (path)
			break;
	}
	pthread_mutex_unlock(&all->lock);
	return path;
}

void logs_tell(struct teller *t)
{
	char *path;

	while ((path = take_grown(t))) {
		call_modify(t, path, row_log.name);
		free(path);
		teller_check_old(t);
	}
}

/* A watch that is new may have missed the growth for which it was looked. */
void logs_scanned(struct teller *t, uint64_t ms)
{
	struct logs *all = t->n->logs;
	struct log_note *gone = NULL, *l;
	struct strmap kept = STRMAP_INIT;

	pthread_mutex_lock(&all->lock);
	STRMAP_FOREACH (s, &all->by_path) {
		l = s->val;
		if (is_watched_log(t, l) || l->asked_until_ms >= ms) {
			strmap_set(&kept, s->key, l);
			set_grown(l, l->untold && is_watched_log(t, l));
			l->untold = 0;
			continue;
		}
		l->next = gone;
		gone = l;
	}
	strmap_fini(&all->by_path);
	all->by_path = kept;
	pthread_mutex_unlock(&all->lock);
	for (; gone; gone = l) {
		l = gone->next;
		log_note_free(gone);
	}
}
