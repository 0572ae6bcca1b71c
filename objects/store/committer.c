/* SPDX-License-Identifier: MIT */
/* The one thread that writes: check, stamp, commit, publish, tell. */
#include "objects/store/committer.h"

#include <errno.h>
#include <stdio.h>
#include <inttypes.h>

#include "objects/codec.h"
#include "objects/custom.h"
#include "objects/store/definitions.h"
#include "objects/store/object_new.h"
#include "objects/store/store_i.h"
#include "util/log.h"

struct compaction {
	struct compaction *next;
	int done, rc;
	struct err *err;
};

/* A change that the running batch has prepared in the index. */
struct touched {
	struct slot *slot;
	struct store_op *op;
	struct object *before; /* owned; what the change finds, NULL: nothing */
	struct object *made;   /* owned; what it leaves, NULL: deleted */
	size_t earlier;        /* the slot's last_touch before this one */
	size_t bytes;          /* of the object as JSON */
	uint64_t rv;
};

struct refused {
	struct store_txn *txn;
	int rc;
	struct err err;
};

struct batch {
	struct store *store;
	struct store_txn *txns, **txns_tail; /* accepted ones, linked */
	struct refused *refused;
	size_t n_refused;
	struct touched *touched;
	size_t n_touched, cap_touched;
	struct backend_row *rows;
	size_t n_rows, cap_rows;
	char **texts; /* owned: what rows point to */
	size_t n_texts, cap_texts;
	uint64_t revision;
};

static int check_expect(const struct store_op *op, const struct object *now, struct err *err)
{
	const char *name = op->key.name, *kind = op->key.kind->plural;

	if (op->expect == STORE_ABSENT && op->op == STORE_PUT)
		return now ? err_set(err, EEXIST, "%s \"%s\" already exists", kind, name) : 0;
	if (op->op == STORE_DELETE && !now)
		return err_set(err, ENOENT, "%s \"%s\" not found", kind, name);
	if (op->expect == STORE_ANY)
		return 0;
	if (!now)
		return err_set(err, ENOENT, "%s \"%s\" not found", kind, name);
	if (now->rv != op->expect)
		return err_set(err, EBUSY,
			       "%s \"%s\": the object has been modified (version %" PRIu64
			       ", expected %" PRIu64
			       "); apply your changes to the latest version and try again",
			       kind, name, now->rv, op->expect);
	return 0;
}

static void touch(struct batch *b, struct slot *slot, struct store_op *op,
		  struct object *taken_made)
{
	if (b->n_touched == b->cap_touched) {
		b->cap_touched = b->cap_touched ? b->cap_touched * 2 : 64;
		b->touched = xreallocarray(b->touched, b->cap_touched, sizeof(*b->touched));
	}
	b->touched[b->n_touched++] = (struct touched){
		.slot = slot,
		.op = op,
		.before = object_ref(slot_current(slot)),
		.made = taken_made,
		.earlier = slot->last_touch,
		.rv = b->revision,
	};
	slot->last_touch = b->n_touched - 1;
	slot->pending = taken_made;
	slot->has_pending = 1;
}

static struct slot *slot_for(struct batch *b, const struct store_op *op)
{
	struct store *s = b->store;
	struct slot *slot = index_find(&s->index, op->key);

	if (slot)
		return slot;
	pthread_rwlock_wrlock(&s->index_lock);
	slot = index_insert(&s->index, op->key);
	pthread_rwlock_unlock(&s->index_lock);
	slot->row = s->next_row++;
	return slot;
}

static void drop_if_empty(struct store *s, struct slot *slot)
{
	if (slot->obj || slot->has_pending)
		return;
	pthread_rwlock_wrlock(&s->index_lock);
	index_remove(&s->index, slot);
	pthread_rwlock_unlock(&s->index_lock);
}

static struct object *stamp(struct batch *b, struct store_op *op, const struct slot *slot)
{
	const struct object *before = slot_current(slot);
	const struct kind *stored = op->key.kind->home->stored;
	char rv[24];

	/* A webhook has converted it already, to what was the stored version then. */
	if (op->key.kind->home->conversion)
		stored = kind_settled(op->key.kind);
	/* Its definition is in this batch, too, and will say which version it stores. */
	if (op->key.kind->draft_of && (stored->flags & KIND_GONE))
		stored = op->key.kind->draft_of;
	snprintf(rv, sizeof(rv), "%" PRIu64, b->revision);
	op->value = kind_convert(stored, op->value);
	op->value =
		value_bury(op->value, value_new_string(rv), "metadata", "resourceVersion", NULL);
	return object_new(stored, STEAL(op->value), b->revision,
			  before ? before->created_rv : b->revision);
}

static int prepare_op(struct batch *b, struct store_op *op, struct err *err)
{
	struct slot *slot;
	int rc;

	if (op->op == STORE_RECORD_PUT || op->op == STORE_RECORD_DELETE)
		return 0;
	slot = slot_for(b, op);
	rc = check_expect(op, slot_current(slot), err);
	if (rc == 0 && op->op == STORE_PUT && (op->key.kind->flags & KIND_CUSTOM))
		rc = definition_allows(b->store, op->key, !slot_current(slot), err);
	if (rc < 0) {
		drop_if_empty(b->store, slot);
		return rc;
	}
	b->revision++;
	touch(b, slot, op, op->op == STORE_PUT ? stamp(b, op, slot) : NULL);
	return 0;
}

/* Undo what a refused transaction, or a failed batch, prepared: back to `mark`. */
static void rollback(struct batch *b, size_t mark)
{
	while (b->n_touched > mark) {
		struct touched *t = &b->touched[--b->n_touched];

		t->slot->pending = t->before;
		t->slot->has_pending = t->before != t->slot->obj;
		t->slot->last_touch = t->earlier;
		if (t->made) /* whoever retries has his value again */
			t->op->value = value_ref(t->made->value);
		object_unref(t->made);
		object_unref(t->before);
		drop_if_empty(b->store, t->slot);
	}
}

static void finish(struct store_txn *txn, int rc, const struct err *err)
{
	txn->next = NULL;
	txn->done(txn, rc, err);
}

/* Return: whether the transaction is part of the batch. */
static int prepare_txn(struct batch *b, struct store_txn *txn)
{
	struct err err = ERR_INIT;
	size_t mark = b->n_touched;
	uint64_t revision = b->revision;
	int rc = 0;

	for (txn->failed = 0; txn->failed < txn->n_ops; txn->failed++) {
		rc = prepare_op(b, &txn->ops[txn->failed], &err);
		if (rc < 0)
			break;
	}
	if (rc == 0)
		return 1;
	rollback(b, mark);
	b->revision = revision;
	b->refused = xreallocarray(b->refused, b->n_refused + 1, sizeof(*b->refused));
	b->refused[b->n_refused++] = (struct refused){txn, rc, err};
	return 0;
}

static char *keep_text(struct batch *b, char *taken)
{
	if (b->n_texts == b->cap_texts) {
		b->cap_texts = b->cap_texts ? b->cap_texts * 2 : 64;
		b->texts = xreallocarray(b->texts, b->cap_texts, sizeof(*b->texts));
	}
	return b->texts[b->n_texts++] = taken;
}

static struct backend_row *add_row(struct batch *b)
{
	if (b->n_rows == b->cap_rows) {
		b->cap_rows = b->cap_rows ? b->cap_rows * 2 : 64;
		b->rows = xreallocarray(b->rows, b->cap_rows, sizeof(*b->rows));
	}
	b->rows[b->n_rows] = (struct backend_row){0};
	return &b->rows[b->n_rows++];
}

static void object_row(struct batch *b, struct touched *t)
{
	const struct slot *slot = t->slot;
	struct backend_row *row = add_row(b);
	struct buf body = BUF_INIT;

	row->table = BACKEND_OBJECT;
	row->row = slot->row;
	row->space = kind_resource(slot->kind);
	row->id = keep_text(b,
			    xasprintf("%s/%s", value_str(slot->ns, ""), value_str(slot->name, "")));
	if (t->made) {
		json_render(t->made->value, &body);
		row->body_len = body.len;
		row->body = keep_text(b, buf_steal(&body));
	}
	t->bytes = row->body_len;
}

static void record_row(struct batch *b, const struct store_op *op)
{
	struct backend_row *row = add_row(b);

	row->table = BACKEND_RECORD;
	row->space = op->space;
	row->id = op->id;
	if (op->op == STORE_RECORD_DELETE)
		return;
	row->body = op->meta;
	row->body_len = strlen(op->meta);
	row->bytes = op->keep_bytes ? NULL : buf_str(&op->bytes);
	row->bytes_len = op->bytes.len;
}

/* The i-th change is the last one of its object in this batch. */
static int is_final(const struct batch *b, size_t i)
{
	return b->touched[i].slot->last_touch == i;
}

static void collect_rows(struct batch *b)
{
	/* of an object written several times in a batch only the last state is stored */
	for (size_t i = 0; i < b->n_touched; i++)
		if (is_final(b, i))
			object_row(b, &b->touched[i]);
	for (struct store_txn *txn = b->txns; txn; txn = txn->next)
		for (size_t i = 0; i < txn->n_ops; i++)
			if (txn->ops[i].op == STORE_RECORD_PUT ||
			    txn->ops[i].op == STORE_RECORD_DELETE)
				record_row(b, &txn->ops[i]);
}

static void publish_slot(struct store *s, struct slot *slot)
{
	slot->has_pending = 0;
	object_unref(index_publish(&s->index, slot, object_ref(slot->pending)));
	slot->pending = NULL;
	if (!slot->obj)
		index_remove(&s->index, slot);
}

/* The kinds are there before anybody hears of their definition. */
static void define_kinds(const struct batch *b)
{
	for (size_t i = 0; i < b->n_touched; i++)
		if (is_final(b, i) && custom_is_definition(b->touched[i].slot->kind))
			definition_changed(b->touched[i].before, b->touched[i].made);
}

/* Readers see the new state from here on; each change of a batch is told, also the ones in between.
 */
static void publish(struct batch *b)
{
	struct store *s = b->store;
	struct change *changes = xcalloc(b->n_touched ? b->n_touched : 1, sizeof(*changes));
	struct slot **slots = xcalloc(b->n_touched ? b->n_touched : 1, sizeof(*slots));
	size_t n_slots = 0;

	for (size_t i = 0; i < b->n_touched; i++) {
		struct touched *t = &b->touched[i];

		changes[i].rv = t->rv;
		changes[i].type = !t->made    ? CHANGE_DELETED
				  : t->before ? CHANGE_MODIFIED
					      : CHANGE_ADDED;
		changes[i].now = object_ref(t->made ? t->made : t->before);
		changes[i].old = object_ref(t->before);
		changes[i].bytes = b->touched[t->slot->last_touch].bytes;
		t->op->result = object_ref(changes[i].now);
		if (is_final(b, i))
			slots[n_slots++] = t->slot;
	}
	define_kinds(b);
	pthread_rwlock_wrlock(&s->index_lock);
	for (size_t i = 0; i < n_slots; i++)
		publish_slot(s, slots[i]);
	s->revision = b->revision;
	pthread_rwlock_unlock(&s->index_lock);
	changelog_append(&s->log, changes, b->n_touched);
	free(slots);
	free(changes);
}

static void batch_fini(struct batch *b)
{
	for (size_t i = 0; i < b->n_touched; i++) {
		object_unref(b->touched[i].made);
		object_unref(b->touched[i].before);
	}
	for (size_t i = 0; i < b->n_texts; i++)
		free(b->texts[i]);
	free(b->refused);
	free(b->touched);
	free(b->rows);
	free(b->texts);
}

static void note_outcome(struct store *s, size_t n_commits, const struct err *err)
{
	pthread_mutex_lock(&s->queue_lock);
	s->n_batches++;
	s->n_commits += n_commits;
	snprintf(s->failing, sizeof(s->failing), "%.*s", (int)sizeof(s->failing) - 1, err->msg);
	pthread_mutex_unlock(&s->queue_lock);
}

static void run_batch(struct store *s, struct store_txn *queue)
{
	struct batch b = {.store = s, .revision = s->revision};
	struct err err = ERR_INIT;
	struct store_txn *txn, *next;
	size_t n = 0;
	int rc = 0;

	b.txns_tail = &b.txns;
	for (txn = queue; txn; txn = next) {
		next = txn->next;
		txn->next = NULL;
		if (!prepare_txn(&b, txn))
			continue;
		*b.txns_tail = txn;
		b.txns_tail = &txn->next;
		n++;
	}
	collect_rows(&b);
	if (b.n_rows)
		rc = s->backend->ops->commit(s->backend, b.rows, b.n_rows, b.revision, &err);
	if (rc == 0)
		publish(&b);
	else
		log_error("commit of %zu changes failed: %s", b.n_rows, err.msg);
	if (rc < 0)
		rollback(&b, 0);
	if (n)
		note_outcome(s, n, &err);
	/* Only now: who tries again must see what this batch made. */
	for (size_t i = 0; i < b.n_refused; i++)
		finish(b.refused[i].txn, b.refused[i].rc, &b.refused[i].err);
	for (txn = b.txns; txn; txn = next) {
		next = txn->next;
		finish(txn, rc, &err);
	}
	/* after `done`: who looked at the changes there need not be woken for them */
	changelog_notify(&s->log);
	batch_fini(&b);
}

/* Up to COMMITTER_BATCH_MAX transactions, retries first. queue_lock held. */
static struct store_txn *take_queue(struct store *s)
{
	struct store_txn *first, *last;
	unsigned n = 1;

	*s->urgent_tail = s->queue;
	first = s->urgent;
	s->urgent = NULL;
	s->urgent_tail = &s->urgent;
	for (last = first; last && last->next && n < COMMITTER_BATCH_MAX; last = last->next)
		n++;
	s->queue = last ? last->next : NULL;
	if (last)
		last->next = NULL;
	if (!s->queue)
		s->queue_tail = &s->queue;
	return first;
}

static void run_compactions(struct store *s, struct compaction *list)
{
	for (struct compaction *c = list, *next; c; c = next) {
		int rc = s->backend->ops->compact(s->backend, c->err);

		next = c->next;
		pthread_mutex_lock(&s->queue_lock);
		c->rc = rc;
		c->done = 1;
		pthread_cond_broadcast(&s->settled);
		pthread_mutex_unlock(&s->queue_lock);
	}
}

static void *committer_main(void *arg)
{
	struct store *s = arg;

	pthread_mutex_lock(&s->queue_lock);
	for (;;) {
		while (!s->queue && !s->urgent && !s->compactions && !s->stopping) {
			s->waiting = 1;
			pthread_cond_wait(&s->queue_filled, &s->queue_lock);
		}
		struct store_txn *txns = take_queue(s);
		struct compaction *compactions = s->compactions;
		s->compactions = NULL;
		if (!txns && !compactions)
			break; /* stopping, and nothing is left */
		pthread_mutex_unlock(&s->queue_lock);
		if (txns)
			run_batch(s, txns);
		run_compactions(s, compactions);
		pthread_mutex_lock(&s->queue_lock);
	}
	pthread_mutex_unlock(&s->queue_lock);
	return NULL;
}

int committer_start(struct store *s, struct err *err)
{
	int rc;

	pthread_mutex_init(&s->queue_lock, NULL);
	pthread_cond_init(&s->queue_filled, NULL);
	pthread_cond_init(&s->settled, NULL);
	s->queue_tail = &s->queue;
	s->urgent_tail = &s->urgent;
	rc = pthread_create(&s->committer, NULL, committer_main, s);
	if (rc)
		return err_sys(err, rc, "committer thread");
	pthread_setname_np(s->committer, "committer");
	return 0;
}

void committer_stop(struct store *s)
{
	pthread_mutex_lock(&s->queue_lock);
	s->stopping = 1;
	pthread_cond_signal(&s->queue_filled);
	pthread_mutex_unlock(&s->queue_lock);
	pthread_join(s->committer, NULL);
	pthread_mutex_destroy(&s->queue_lock);
	pthread_cond_destroy(&s->queue_filled);
	pthread_cond_destroy(&s->settled);
}

void committer_stats(struct store *s, struct store_stats *out)
{
	pthread_mutex_lock(&s->queue_lock);
	out->commits = s->n_commits;
	out->batches = s->n_batches;
	memcpy(out->failing, s->failing, sizeof(out->failing));
	pthread_mutex_unlock(&s->queue_lock);
}

void store_commit(struct store *s, struct store_txn *txn)
{
	int urgent = pthread_equal(pthread_self(), s->committer), wake = 0;

	txn->next = NULL;
	pthread_mutex_lock(&s->queue_lock);
	if (urgent) {
		*s->urgent_tail = txn;
		s->urgent_tail = &txn->next;
	} else {
		*s->queue_tail = txn;
		s->queue_tail = &txn->next;
		wake = s->waiting;
		s->waiting = 0;
	}
	/* Not under the lock, which is what it takes first. The condition lives as long as the
	 * store, which nobody may close before his commit is done. */
	pthread_mutex_unlock(&s->queue_lock);
	if (wake)
		pthread_cond_signal(&s->queue_filled);
}

struct waiter {
	struct store *store;
	struct err *err;
	int done, rc;
};

static void wake_waiter(struct store_txn *txn, int rc, const struct err *err)
{
	struct waiter *w = txn->arg;

	pthread_mutex_lock(&w->store->queue_lock);
	w->rc = rc;
	if (w->err && rc < 0)
		*w->err = *err;
	w->done = 1;
	pthread_cond_broadcast(&w->store->settled);
	pthread_mutex_unlock(&w->store->queue_lock);
}

int store_commit_wait(struct store *s, struct store_txn *txn, struct err *err)
{
	struct waiter w = {.store = s, .err = err};

	txn->done = wake_waiter;
	txn->arg = &w;
	store_commit(s, txn);
	pthread_mutex_lock(&s->queue_lock);
	while (!w.done)
		pthread_cond_wait(&s->settled, &s->queue_lock);
	pthread_mutex_unlock(&s->queue_lock);
	return w.rc;
}

int store_compact(struct store *s, struct err *err)
{
	struct compaction c = {.err = err};

	pthread_mutex_lock(&s->queue_lock);
	c.next = s->compactions;
	s->compactions = &c;
	pthread_cond_signal(&s->queue_filled);
	while (!c.done)
		pthread_cond_wait(&s->settled, &s->queue_lock);
	pthread_mutex_unlock(&s->queue_lock);
	return c.rc;
}
