/* SPDX-License-Identifier: MIT */
/*
 * A file was removed: it is hidden at once, and its objects go after a grace in which it may be
 * written again (tar, git, rsync and editors replace files by removing them first).
 */
#include "objects/manifests/manifests_i.h"

#include <errno.h>
#include <time.h>

#include "util/log.h"

int64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* -- the removal -- */

static void removed(struct api_batch *b, int rc)
{
	struct op *op = b->arg;
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	if (!rc) {
		pthread_mutex_lock(&op->all->lock);
		files_put(op->all, STEAL(op->next));
		pthread_mutex_unlock(&op->all->lock);
		grace_add(op->all, op->path, MANIFEST_GRACE_MS);
		op_end(op, 0, NULL);
		return;
	}
	for (size_t i = 0; i < b->n; i++)
		faults_move(&faults, &b->list[i]->faults);
	if (!faults.n)
		fault_add_code(&faults, -rc, "the store refused the write");
	faults_render(&faults, op->path, &text);
	rings_add(op->all->rings, op->who.user, buf_str(&text));
	op_end(op, rc, &faults);
}

/* Whether the remover may delete the objects is asked now; they are deleted in his name later. */
static void mark_removed(struct op *op, const struct entry *e)
{
	struct api_batch *b = api_batch_new(removed, op);
	CLEANUP_FREE char *meta = NULL;

	batch_delete(op->all, b, &e->holds, API_DRY_RUN);
	op->next = entry_copy(e);
	op->next->removed_ms = wall_ms();
	op->next->removed_by = xstrdup(op->who.manager ? op->who.manager : op->who.user);
	op->next->removed_uid = op->who.uid;
	meta = record_meta(op->next);
	b->extra = store_txn_new();
	store_txn_record_put(b->extra, RECORD_SPACE, op->path, meta, NULL);
	api_submit(op->all->api, &op->who, b);
}

void remove_run(struct op *op)
{
	struct entry *e = manifest_entry(op->all, op->path);

	if (!e || e->removed_ms)
		op_fail(op, ENOENT, "%s: no such manifest", op->path);
	else if (e->holds.n == 0)
		commit_record(op, op->path, NULL, NULL);
	else
		mark_removed(op, e);
	entry_free(e);
}

/* -- the end of the grace -- */

static int is_transient(int rc)
{
	return rc == -EIO || rc == -ENOSPC || rc == -EAGAIN || rc == -EBUSY;
}

static void expired(struct api_batch *b, int rc)
{
	struct op *op = b->arg;
	const char *why = "the store refused the write";

	for (size_t i = b->n; i-- > 0;)
		if (b->list[i]->faults.n)
			why = b->list[i]->faults.list[0].message;
	if (!rc) {
		pthread_mutex_lock(&op->all->lock);
		files_remove(op->all, op->path);
		pthread_mutex_unlock(&op->all->lock);
	} else if (is_transient(rc)) {
		grace_add(op->all, op->path, RETRY_MS);
	} else {
		/* what may not be deleted stays, without the file */
		log_warn("manifest %s is removed, but not all of its objects: %s", op->path, why);
		manifest_note_error(op->all, op->who.user, op->path, why);
		commit_record(op, op->path, NULL, NULL);
		return;
	}
	op_end(op, 0, NULL);
}

void expire_run(struct op *op)
{
	struct entry *e = manifest_entry(op->all, op->path);
	struct caller deleter = {.trusted = 1};
	struct api_batch *b;

	if (!e || !e->removed_ms) { /* written again meanwhile */
		entry_free(e);
		op_end(op, 0, NULL);
		return;
	}
	b = api_batch_new(expired, op);
	op->who.uid = e->removed_uid;
	batch_delete(op->all, b, &e->holds, 0);
	b->extra = store_txn_new();
	store_txn_record_delete(b->extra, RECORD_SPACE, op->path);
	deleter.user = e->removed_by ? e->removed_by : "manifests";
	api_submit(op->all->api, &deleter, b);
	entry_free(e);
}

/* -- the timer -- */

/* Take all that is due, and say when the next is. Under the lock. */
static char **take_due(struct manifests *all, size_t *n_out, uint64_t *next_out)
{
	uint64_t now = loop_now_ms();
	char **due = xcalloc(all->n_pending + 1, sizeof(*due));
	size_t kept = 0;

	*n_out = 0;
	*next_out = UINT64_MAX;
	for (size_t i = 0; i < all->n_pending; i++) {
		struct pending *p = &all->pending[i];

		if (p->due <= now) {
			due[(*n_out)++] = p->path;
			continue;
		}
		*next_out = p->due < *next_out ? p->due : *next_out;
		all->pending[kept++] = *p;
	}
	all->n_pending = kept;
	return due;
}

void grace_arm(struct manifests *all)
{
	uint64_t next, now;
	size_t n = 0;
	char **due;

	pthread_mutex_lock(&all->lock);
	if (all->closed) {
		pthread_mutex_unlock(&all->lock);
		return;
	}
	due = take_due(all, &n, &next);
	all->armed = next != UINT64_MAX;
	all->armed_for = next;
	pthread_mutex_unlock(&all->lock);
	now = loop_now_ms();
	if (next != UINT64_MAX)
		loop_timer_arm(all->timer, next > now ? next - now : 1);
	for (size_t i = 0; i < n; i++) {
		op_submit(op_new(all, OP_EXPIRE, NULL, due[i], NULL, NULL));
		free(due[i]);
	}
	free(due);
}

static void arm_posted(void *arg)
{
	struct manifests *all = arg;

	grace_arm(all);
	manifests_unref(all);
}

void grace_add(struct manifests *all, const char *path, uint64_t delay_ms)
{
	uint64_t due = loop_now_ms() + delay_ms;
	int post;

	pthread_mutex_lock(&all->lock);
	if (all->n_pending == all->cap_pending) {
		all->cap_pending = all->cap_pending ? all->cap_pending * 2 : 16;
		all->pending = xreallocarray(all->pending, all->cap_pending, sizeof(*all->pending));
	}
	all->pending[all->n_pending++] = (struct pending){xstrdup(path), due};
	post = !all->closed && (!all->armed || due < all->armed_for);
	if (post) {
		all->armed = 1;
		all->armed_for = due;
		all->refs++;
	}
	pthread_mutex_unlock(&all->lock);
	if (post)
		loop_post(all->loop, arm_posted, all);
}
