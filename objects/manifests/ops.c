/* SPDX-License-Identifier: MIT */
/*
 * Operations and their order. Each has keys: its paths, and the objects that it may touch. Those
 * that share a key run one after the other, in the order in which they came; all keys are taken
 * at once under the lock, so nobody waits in a circle.
 */
#include "objects/manifests/manifests_i.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static const char **groups_copy(const char *const *groups)
{
	const char **copy;
	size_t n = 0;

	while (groups && groups[n])
		n++;
	copy = xcalloc(n + 1, sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = xstrdup(groups[i]);
	return copy;
}

struct op *op_new(struct manifests *all, enum op_type type, const struct caller *who,
		  const char *path, manifest_done_fn done, void *arg)
{
	struct op *op = xcalloc(1, sizeof(*op));

	op->all = all;
	op->type = type;
	op->path = xstrdup(path);
	op->done = done;
	op->arg = arg;
	if (who) {
		op->who = *who;
		op->who.user = xstrdup(who->user);
		op->who.manager = xstrdup(who->manager);
		op->who.groups = groups_copy(who->groups);
	}
	return op;
}

void op_discard(struct op *op)
{
	for (const char *const *g = op->who.groups; g && *g; g++)
		free((char *)*g);
	free((void *)op->who.groups);
	free((char *)op->who.user);
	free((char *)op->who.manager);
	free(op->path);
	free(op->to);
	buf_fini(&op->bytes);
	place_fini(&op->place);
	wants_fini(&op->wants);
	faults_fini(&op->faults);
	entry_free(op->next);
	for (size_t i = 0; i < op->n_keys; i++)
		free(op->keys[i].key);
	free(op->keys);
	free(op);
}

/* -- keys -- */

static void add_key(struct op *op, char *taken_key)
{
	if (op->n_keys == op->cap_keys) {
		op->cap_keys = op->cap_keys ? op->cap_keys * 2 : 8;
		op->keys = xreallocarray(op->keys, op->cap_keys, sizeof(*op->keys));
	}
	op->keys[op->n_keys++] = (struct op_key){.key = taken_key};
}

/* What the file holds, and what operations before this one may make it hold. */
static void add_path_keys(struct op *op, const char *path)
{
	CLEANUP_FREE char *key = xasprintf("path:%s", path);
	const struct entry *e = files_find(op->all, path);
	const struct op *before = strmap_get(&op->all->tails, key);

	for (size_t i = 0; e && i < e->holds.n; i++)
		add_key(op, held_key(e->holds.list[i].kind, e->holds.list[i].ns,
				     e->holds.list[i].name));
	for (size_t i = 0; before && i < before->n_keys; i++)
		add_key(op, xstrdup(before->keys[i].key));
	add_key(op, STEAL(key));
}

static int cmp_keys(const void *a, const void *b)
{
	return strcmp(((const struct op_key *)a)->key, ((const struct op_key *)b)->key);
}

static void unique_keys(struct op *op)
{
	size_t kept = 0;

	qsort(op->keys, op->n_keys, sizeof(*op->keys), cmp_keys);
	for (size_t i = 0; i < op->n_keys; i++) {
		if (kept && str_eq(op->keys[kept - 1].key, op->keys[i].key))
			free(op->keys[i].key);
		else
			op->keys[kept++] = op->keys[i];
	}
	op->n_keys = kept;
}

static struct op_key *key_of(struct op *op, const char *key)
{
	struct op_key probe = {.key = (char *)key};

	return bsearch(&probe, op->keys, op->n_keys, sizeof(*op->keys), cmp_keys);
}

static void take_keys(struct op *op)
{
	if (op->type != OP_ATTRS) {
		add_path_keys(op, op->path);
		if (op->to)
			add_path_keys(op, op->to);
	} else {
		add_key(op, xasprintf("path:%s", op->path));
	}
	for (size_t i = 0; i < op->wants.n; i++)
		add_key(op, held_key(op->wants.list[i].kind, op->wants.list[i].ns,
				     op->wants.list[i].name));
	unique_keys(op);
	for (size_t i = 0; i < op->n_keys; i++) {
		struct op *before = strmap_set(&op->all->tails, op->keys[i].key, op);

		if (!before)
			continue;
		key_of(before, op->keys[i].key)->next = op;
		op->waits++;
	}
}

/* -- running -- */

static void run(struct op *op)
{
	switch (op->type) {
	case OP_WRITE:
		write_run(op);
		break;
	case OP_TRY:
		try_run(op);
		break;
	case OP_RENAME:
		rename_run(op);
		break;
	case OP_REMOVE:
		remove_run(op);
		break;
	case OP_ATTRS:
		attrs_run(op);
		break;
	case OP_EXPIRE:
		expire_run(op);
		break;
	}
}

void op_submit(struct op *op)
{
	struct manifests *all = op->all;
	int now;

	pthread_mutex_lock(&all->lock);
	all->in_flight++;
	take_keys(op);
	now = op->waits == 0;
	pthread_mutex_unlock(&all->lock);
	if (now)
		run(op);
}

static void release_keys(struct op *op)
{
	struct manifests *all = op->all;

	for (size_t i = 0; i < op->n_keys; i++) {
		struct op *next = op->keys[i].next;

		if (!next) {
			strmap_del(&all->tails, op->keys[i].key);
			continue;
		}
		if (--next->waits)
			continue;
		*all->ready_end = next;
		all->ready_end = &next->next_ready;
	}
}

/* One thread runs what became ready; others leave theirs to it, so that nothing recurses. Under the
 * lock. */
static void drain(struct manifests *all)
{
	if (all->draining)
		return;
	all->draining = 1;
	while (all->ready) {
		struct op *op = all->ready;

		all->ready = op->next_ready;
		if (!all->ready)
			all->ready_end = &all->ready;
		pthread_mutex_unlock(&all->lock);
		run(op);
		pthread_mutex_lock(&all->lock);
	}
	all->draining = 0;
}

void op_end(struct op *op, int rc, const struct faults *faults)
{
	static const struct faults none;
	struct manifests *all = op->all;

	if (op->done)
		op->done(op->arg, rc, faults ? faults : &none);
	pthread_mutex_lock(&all->lock);
	release_keys(op);
	drain(all);
	if (--all->in_flight == 0)
		pthread_cond_broadcast(&all->idle);
	pthread_mutex_unlock(&all->lock);
	op_discard(op);
}

void op_fail(struct op *op, int code, const char *fmt, ...)
{
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fault_add_code(&faults, code, "%s", text);
	op_end(op, -code, &faults);
}

/* -- records -- */

static void record_committed(struct store_txn *txn, int rc, const struct err *err)
{
	struct op *op = txn->arg;
	struct manifests *all = op->all;
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	int removal = txn->ops[0].op == STORE_RECORD_DELETE;

	pthread_mutex_lock(&all->lock);
	if (!rc && removal)
		files_remove(all, txn->ops[0].id);
	else if (!rc)
		files_put(all, STEAL(op->next));
	pthread_mutex_unlock(&all->lock);
	store_txn_free(txn);
	if (rc)
		fault_add_code(&faults, -rc, "%s",
			       err && err->msg[0] ? err->msg : "the store refused the write");
	/* a refused text stays refused, whether its draft could be kept or not */
	if (op->faults.n)
		op_end(op, -(op->faults.code ? op->faults.code : EINVAL), &op->faults);
	else
		op_end(op, rc, &faults);
}

void commit_record(struct op *op, const char *path, struct entry *taken_next,
		   struct buf *taken_bytes)
{
	struct store_txn *txn = store_txn_new();

	entry_free(op->next);
	op->next = taken_next;
	if (taken_next) {
		CLEANUP_FREE char *meta = record_meta(taken_next);

		store_txn_record_put(txn, RECORD_SPACE, path, meta, taken_bytes);
	} else {
		store_txn_record_delete(txn, RECORD_SPACE, path);
	}
	txn->done = record_committed;
	txn->arg = op;
	store_commit(api_store(op->all->api), txn);
}
