/* SPDX-License-Identifier: MIT */
/*
 * A change is told at once to the watches that are known; a scan of all processes finds
 * the new ones, and those are told what happened since the scan before. So a watch that was
 * there before a change hears of it, and there is no scan while nobody could have set
 * one up.
 */
#include <errno.h>
#include <linux/close_range.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fs/notifier_i.h"
#include "fs/permission.h"
#include "util/log.h"
#include "util/loop.h"

#define SCAN_MIN_MS  100  /* between scans; more where a scan costs more */
#define SCAN_MAX_MS  300  /* ... while no scan finds a watch */
#define SCAN_SHARE   20   /* scans may take 1/20 of the time */
#define SCAN_SHARE0  50   /* ... while no scan finds a watch */
#define SCAN_STEP_MS 1    /* at a time, while there is something to tell */
#define SCAN_OLD_MS  2000 /* while watches are told: are they still there? */

static int copy_watched(const struct inode_set *from, struct inode_set *to)
{
	inode_set_fini(to);
	if (!from->n)
		return 0;
	to->list = xreallocarray(NULL, from->n, sizeof(*to->list));
	memcpy(to->list, from->list, from->n * sizeof(*to->list));
	to->n = from->n;
	return 1;
}

static uint64_t cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void begin_scan(struct teller *t)
{
	struct stat st;

	if (!t->device && stat(t->n->fs->mountpoint, &st) == 0)
		t->device = st.st_dev;
	t->scan_wanted = 0;
	t->scanning = 1;
	t->scan_cost = 0;
	t->last_scan_ms = loop_now_ms();
	t->n->scan_ms = t->last_scan_ms;
	t->n->fs->n_scans++;
	inotify_scan_begin(&t->scan, t->device, watchers_identify, t);
}

static void plan_next_scan(struct teller *t)
{
	uint64_t cost = t->scan_cost * (t->watched.n ? SCAN_SHARE : SCAN_SHARE0);

	t->pause_ms = t->watched.n ? SCAN_MIN_MS : t->pause_ms * 2;
	if (t->pause_ms < SCAN_MIN_MS)
		t->pause_ms = SCAN_MIN_MS;
	if (t->pause_ms > SCAN_MAX_MS)
		t->pause_ms = SCAN_MAX_MS;
	t->next_scan_ms = loop_now_ms() + (cost > t->pause_ms ? cost : t->pause_ms);
}

/* Takes the set. */
static void set_watched(struct teller *t, struct inode_set *taken)
{
	struct notifier *n = t->n;

	inode_set_fini(&t->watched);
	t->watched = *taken;
	pthread_mutex_lock(&n->lock);
	if (!t->abandoned)
		copy_watched(&t->watched, &n->watched);
	pthread_mutex_unlock(&n->lock);
}

/* Who has lost his right since the last scan hears of nothing that comes after. */
static void look_at_rules(struct teller *t)
{
	struct inode_set allowed;

	if (permission_generation(t->n->fs) == t->watchers.rules)
		return;
	watchers_allowed(t, &allowed);
	set_watched(t, &allowed);
}

/* Tell the new watches what they may have missed. */
static void end_scan(struct teller *t)
{
	struct inode_set found, new;

	t->scanning = 0;
	watchers_take(t);
	watchers_allowed(t, &found);
	inode_set_minus(&found, &t->watched, &new);
	set_watched(t, &found);
	for (const struct note *at = t->told; at && new.n; at = at->next)
		tell_note(t, at, &new);
	tell_indexes(t, &new);
	names_scanned(t, &new);
	inode_set_fini(&new);
	notes_free(STEAL(t->told));
	t->n_told = 0;
	logs_scanned(t, t->last_scan_ms);
	plan_next_scan(t);
}

/* Part of a look at all processes: who is to be told meanwhile does not wait for all of it. */
static void scan_some(struct teller *t)
{
	uint64_t start = cpu_ms(), until = loop_now_ms() + SCAN_STEP_MS;
	int more;

	if (!t->scanning)
		begin_scan(t);
	do
		more = inotify_scan_step(&t->scan);
	while (more && loop_now_ms() < until);
	t->scan_cost += cpu_ms() - start;
	if (!more)
		end_scan(t);
}

static void scan_all(struct teller *t)
{
	do
		scan_some(t);
	while (t->scanning);
}

enum work { WORK_END, WORK_NOTE, WORK_NAME, WORK_LOGS, WORK_ALL, WORK_INDEXES, WORK_SCAN };

static void wait_for_scan(struct teller *t)
{
	uint64_t now = loop_now_ms(), ms = t->next_scan_ms > now ? t->next_scan_ms - now : 1;
	struct timespec until = loop_time_after(ms);

	pthread_cond_timedwait(&t->n->wake, &t->n->lock, &until);
}

static struct note *take_note(struct notifier *n)
{
	struct note *note = n->queue;
	const struct object *o = note->now ? note->now : note->passed ? note->passed : note->old;
	CLEANUP(buf_fini) struct buf key = BUF_INIT;

	n->queue = note->next;
	if (!n->queue)
		n->queue_end = &n->queue;
	n->n_queued--;
	note->next = NULL;
	note_key(o, &key);
	strmap_del(&n->by_uid, buf_str(&key));
	return note;
}

static enum work what_to_tell(const struct teller *t)
{
	const struct notifier *n = t->n;

	if (n->queue)
		return WORK_NOTE;
	if (n->names)
		return WORK_NAME;
	if (t->indexes)
		return WORK_INDEXES;
	return logs_any(n->logs) ? WORK_LOGS : WORK_END;
}

/* Scanning and telling take turns, however much there is of each. */
static enum work what_now(struct teller *t)
{
	struct notifier *n = t->n;
	int scan = t->scanning || (t->scan_wanted && loop_now_ms() >= t->next_scan_ms);
	enum work tell;

	if (n->stopping || t->abandoned)
		return WORK_END;
	if (n->lost)
		return WORK_ALL;
	tell = what_to_tell(t);
	if (!scan || (t->scanned_last && tell != WORK_END)) {
		t->scanned_last = 0;
		return tell;
	}
	t->scanned_last = 1;
	return WORK_SCAN;
}

/* Wait for the next thing to do. */
static enum work next_work(struct teller *t, struct note **note, struct name_note **name)
{
	struct notifier *n = t->n;
	enum work work;

	pthread_mutex_lock(&n->lock);
	while ((work = what_now(t)) == WORK_END && !n->stopping && !t->abandoned) {
		if (t->scan_wanted)
			wait_for_scan(t);
		else
			pthread_cond_wait(&n->wake, &n->lock);
	}
	if (work == WORK_NOTE)
		*note = take_note(n);
	if (work == WORK_NAME)
		*name = names_take(n);
	if (work == WORK_ALL)
		n->lost = 0;
	if (work != WORK_END)
		notifier_arm(n);
	pthread_mutex_unlock(&n->lock);
	return work;
}

void teller_check_old(struct teller *t)
{
	if (t->watched.n && loop_now_ms() - t->last_scan_ms > SCAN_OLD_MS)
		t->scan_wanted = 1;
}

static void tell_new(struct teller *t, struct note *note)
{
	tell_note(t, note, &t->watched);
	t->scan_wanted |= note->fresh;
	if (note->fresh || t->scanning) {
		note->next = t->told;
		t->told = note;
		t->n_told++;
	} else {
		notes_free(note);
	}
	teller_check_old(t);
	if (t->n_told > NOTES_MAX)
		scan_all(t);
}

static void *run(void *arg)
{
	struct teller *t = arg;
	struct note *note = NULL;
	struct name_note *name = NULL;
	enum work work;

	/*
	 * Without the device of the mount: when the daemon is killed while this thread waits for an
	 * answer of the mount, the other threads' end closes the device, and that ends the wait.
	 */
	if (close_range(3, ~0u, CLOSE_RANGE_UNSHARE) < 0) {
		log_warn("inotify will not be told of changes: %m");
		t->ended = 1;
		return NULL;
	}
	*t->tid = gettid();
	while ((work = next_work(t, &note, &name)) != WORK_END) {
		look_at_rules(t);
		if (work == WORK_NOTE)
			tell_new(t, STEAL(note));
		else if (work == WORK_NAME)
			names_tell(t, STEAL(name));
		else if (work == WORK_INDEXES)
			tell_indexes(t, &t->watched);
		else if (work == WORK_LOGS)
			logs_tell(t);
		else if (work == WORK_SCAN)
			scan_some(t);
		if (work == WORK_ALL) {
			scan_all(t);
			tell_all(t);
		}
	}
	inotify_scan_fini(&t->scan); /* its descriptor is one of this thread's */
	pthread_mutex_lock(&t->n->lock);
	t->ended = 1; /* from here on it may be joined, with the lock */
	pthread_cond_broadcast(&t->n->wake);
	pthread_cond_signal(&t->n->guard_wake);
	pthread_mutex_unlock(&t->n->lock);
	return NULL;
}

static _Atomic pid_t *free_tid(struct notifier *n)
{
	size_t i = 0;

	for (const struct teller *t = n->tellers; t;)
		if (t->tid == &n->tids[i]) {
			i++; /* at most TELLERS_MAX - 1 others */
			t = n->tellers;
		} else {
			t = t->next;
		}
	return &n->tids[i];
}

void teller_start(struct notifier *n)
{
	struct teller *t = xcalloc(1, sizeof(*t));

	t->n = n;
	t->tid = free_tid(n);
	copy_watched(&n->watched, &t->watched);
	pthread_mutex_init(&t->doing, NULL);
	t->next = n->tellers;
	n->tellers = n->current = t;
	if (pthread_create(&t->thread, NULL, run, t) != 0)
		log_warn("inotify will not be told of changes: no thread");
}

void teller_free(struct teller *t)
{
	*t->tid = 0;
	inode_set_fini(&t->watched);
	watchers_fini(&t->watchers);
	notes_free(t->told);
	names_free(t->told_names);
	tell_indexes(t, NULL);
	pthread_mutex_destroy(&t->doing);
	free(t);
}
