/* SPDX-License-Identifier: MIT */
/* Batches: authorized and decoded once, tried until they commit, answered once. */
#include "objects/api/api_i.h"

#include <errno.h>

#include "objects/api/admission/policies.h"
#include "objects/api/admission/webhooks.h"
#include "util/jobs.h"

/* Batches that wait for webhooks at a time; more wait for their turn. */
#define MAX_ASKING 512

/*
 * Of a batch whose objects others change under it. The committer takes retries first, so each round
 * lets one of the contenders through: only more writers of one object than this would see a
 * conflict.
 */
#define MAX_ATTEMPTS 1024

struct api *api_new(struct store *store, const struct api_hooks *hooks, struct err *err)
{
	const char *cidr = hooks && hooks->service_cidr ? hooks->service_cidr : "10.96.0.0/16";
	struct pools *pools = pools_new(cidr, err);
	struct object_list services = {0};
	struct api *a;

	if (!pools)
		return NULL;
	a = xcalloc(1, sizeof(*a));
	a->store = store;
	a->pools = pools;
	a->policies = policies_new();
	if (hooks)
		a->hooks = *hooks;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->idle, NULL);
	a->jobs = jobs_new("asking", MAX_ASKING);
	hooks_find_kinds(a);
	store_list(store, kind_find("", "v1", "services"), NULL, &services);
	for (size_t i = 0; i < services.n; i++)
		pools_adopt(pools, services.list[i]->value);
	object_list_fini(&services);
	return a;
}

void api_free(struct api *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	while (a->in_flight)
		pthread_cond_wait(&a->idle, &a->lock);
	pthread_mutex_unlock(&a->lock);
	jobs_free(a->jobs);
	pools_free(a->pools);
	policies_free(a->policies);
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->idle);
	free(a);
}

struct store *api_store(struct api *a)
{
	return a->store;
}

/* -- the end of a run -- */

static int first_fault(const struct api_batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->list[i]->faults.n)
			return -(b->list[i]->faults.code ? b->list[i]->faults.code : EINVAL);
	return 0;
}

static void run_end(struct run *run)
{
	struct api_batch *b = run->batch;
	struct api *a = run->api;
	int rc = first_fault(b);

	if (!rc)
		rc = run->record_rc;
	if (rc || !run->committed)
		claims_drop(a->pools, &run->claims);
	else
		claims_keep(a->pools, &run->claims);
	for (size_t i = 0; !run->who->trusted && a->hooks.audit && i < b->n; i++)
		a->hooks.audit(a->hooks.audit_arg, run->who, b->list[i], rc);
	strmap_fini(&run->made);
	hooks_free(run->hooks);
	if (run->txn && run->txn != b->extra)
		store_txn_free(run->txn);
	free(run->op_of);
	free(run->kinds);
	free(run->who);
	free(run);
	if (b->done)
		b->done(b, rc);
	if (!b->keep)
		api_batch_free(b);
	pthread_mutex_lock(&a->lock);
	if (--a->in_flight == 0)
		pthread_cond_broadcast(&a->idle);
	pthread_mutex_unlock(&a->lock);
}

/* -- one attempt -- */

/* What this batch has made so far is found by key; a batch of one needs no table. */
static void op_key(struct objkey key, struct buf *out)
{
	buf_addf(out, "%u/%s/%s", key.kind->home->index, key.ns, key.name);
}

static size_t find_op(const struct run *run, struct objkey key)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	void *found;

	if (run->batch->n == 1)
		return NO_OP;
	op_key(key, &text);
	found = strmap_get(&run->made, text.data);
	return found ? (size_t)(uintptr_t)found - 1 : NO_OP;
}

static size_t note_op(struct run *run, struct objkey key)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	size_t at = run->txn->n_ops - 1;

	if (run->batch->n > 1) {
		op_key(key, &text);
		strmap_set(&run->made, text.data, (void *)(uintptr_t)(at + 1));
		if (key.kind->index < run->n_kinds)
			run->kinds[key.kind->index] = 1;
	}
	return at;
}

int run_has_kind(const struct run *run, const struct kind *k)
{
	return k->index >= run->n_kinds ? run->kinds != NULL : run->kinds[k->index];
}

struct value *run_current(struct run *run, struct objkey key, uint64_t *rv_out)
{
	size_t at = find_op(run, key);
	struct object *o;
	struct value *v;

	*rv_out = 0;
	if (at != NO_OP) {
		const struct store_op *op = &run->txn->ops[at];

		*rv_out = op->expect;
		return op->op == STORE_PUT ? run_convert(run, key.kind, op->value) : NULL;
	}
	o = run_get(run, key);
	if (!o)
		return NULL;
	*rv_out = o->rv;
	v = value_ref(o->value);
	object_unref(o);
	return v;
}

/* Put what the step decided into the transaction. Return: the operation's index. */
static size_t add_op(struct run *run, struct step *s)
{
	struct objkey key = request_key(s->r);
	size_t at = find_op(run, key);
	uint64_t expect = s->live ? s->live_rv : STORE_ABSENT;

	if (!run_convert_for_store(run, s, &key))
		return NO_OP;
	if (at != NO_OP) { /* a second change of the same object: one operation says both */
		struct store_op *op = &run->txn->ops[at];

		if (op->op == STORE_DELETE ||
		    (s->outcome == OUTCOME_DELETE && op->expect == STORE_ABSENT)) {
			fault_add_code(&s->r->faults, EINVAL,
				       "%s \"%s\" is both made and deleted in one write",
				       kind_resource(key.kind), key.name);
			return NO_OP;
		}
		value_unref(op->value);
		op->op = s->outcome == OUTCOME_DELETE ? STORE_DELETE : STORE_PUT;
		op->value = s->outcome == OUTCOME_DELETE ? NULL : STEAL(s->next);
		return at;
	}
	if (s->outcome == OUTCOME_DELETE)
		store_txn_delete(run->txn, key, expect);
	else
		store_txn_put(run->txn, key, STEAL(s->next), expect);
	return note_op(run, key);
}

void run_also_put(struct run *run, struct objkey key, struct value *taken)
{
	size_t at = find_op(run, key);
	uint64_t rv = strtoull(
		value_str(value_dig(taken, "metadata", "resourceVersion", NULL), "0"), NULL, 10);

	if (at == NO_OP) {
		store_txn_put(run->txn, key, taken, rv);
		note_op(run, key);
		return;
	}
	value_unref(run->txn->ops[at].value);
	run->txn->ops[at].value = taken;
}

/* What the caller may do to the object as it is: asked again whenever that changed. */
static int allow_state(const struct step *s)
{
	const struct run *run = s->run;
	const struct api_hooks *hooks = &run->api->hooks;
	struct err err = ERR_INIT;
	int rc;

	if (run->who->trusted || !hooks->authorize_state)
		return 1;
	rc = hooks->authorize_state(hooks->arg, run->who, s->r, s->live, &err);
	if (rc)
		fault_add_code(&s->r->faults, -rc, "%s", err.msg);
	return !rc;
}

static void allow_result(const struct step *s)
{
	const struct run *run = s->run;
	const struct api_hooks *hooks = &run->api->hooks;

	if (!run->who->trusted && hooks->authorize_result && s->outcome == OUTCOME_PUT)
		hooks->authorize_result(hooks->arg, run->who, s->r, s->live, s->next,
					&s->r->faults);
}

static void try_step(struct run *run, size_t i)
{
	struct api_request *r = run->batch->list[i];
	CLEANUP_VALUE struct value *live = NULL;
	struct step s = {.run = run, .r = r};

	if (r->verb == API_REVIEW ? r->preview != NULL : request_resolve_key(r) != 0)
		return;
	live = run_current(run, request_key(r), &s.live_rv);
	for (int tries = 0; live && tries < 8 && request_rename(r); tries++) {
		value_unref(live);
		live = run_current(run, request_key(r), &s.live_rv);
	}
	if (run->unconverted.code) {
		fault_add_code(&r->faults, run->unconverted.code, "%s", run->unconverted.msg);
		value_unref(live);
		live = NULL;
		return;
	}
	s.live = live;
	api_now(s.now);
	if (allow_state(&s))
		step_take(&s);
	if (!r->faults.n)
		allow_result(&s);
	if (!r->faults.n && (r->flags & API_DRY_RUN)) {
		value_unref(r->preview);
		r->preview = value_ref(s.outcome == OUTCOME_KEEP ? live : s.next);
	}
	if (r->faults.n) {
		;
	} else if (s.outcome == OUTCOME_KEEP) {
		object_unref(r->result);
		r->result = store_get(run->api->store, request_key(r));
	} else {
		run->op_of[i] = add_op(run, &s);
		r->changed = 1;
	}
	value_unref(s.next);
}

/* A misspelt field says nothing about the others: what is wrong with those is told at once, too. */
static int only_unknown_fields(const struct faults *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->list[i].kind != FAULT_UNKNOWN)
			return 0;
	return 1;
}

static void run_step(struct run *run, size_t i)
{
	struct api_request *r = run->batch->list[i];
	struct faults decoding = r->faults;

	if (!only_unknown_fields(&r->faults) || (r->verb == API_REVIEW && r->faults.n))
		return;
	r->faults = (struct faults)FAULTS_INIT;
	run->in_vain = decoding.n != 0;
	try_step(run, i);
	faults_move(&decoding, &r->faults);
	r->faults = decoding;
}

static void committed(struct store_txn *txn, int rc, const struct err *err);

/* Forget the last attempt. */
static void run_reset(struct run *run)
{
	store_txn_truncate(run->txn, run->n_extra);
	strmap_fini(&run->made);
	run->made = (struct strmap)STRMAP_INIT;
	if (run->kinds)
		memset(run->kinds, 0, run->n_kinds);
	claims_drop(run->api->pools, &run->claims);
	err_clear(&run->unconverted);
	for (size_t i = 0; i < run->batch->n; i++) {
		struct api_request *r = run->batch->list[i];

		run->op_of[i] = NO_OP;
		r->changed = 0;
		value_unref(STEAL(r->warnings));
		value_unref(STEAL(r->audit_annotations));
	}
}

static int is_dry(const struct api_batch *b)
{
	return b->n && (b->list[0]->flags & API_DRY_RUN);
}

static void attempt(struct run *run)
{
	run->attempts++;
	run_reset(run);
	for (size_t i = 0; i < run->batch->n; i++)
		run_step(run, i);
	if (is_dry(run->batch)) /* each saw what those before it would make: that was all */
		run_reset(run);
	if (first_fault(run->batch) || run->txn->n_ops == 0) {
		run_end(run);
		return;
	}
	run->txn->done = committed;
	run->txn->arg = run;
	store_commit(run->api->store, run->txn);
}

/* -- attempts that wait -- */

static void attempt_and_wait(void *arg)
{
	struct run *run = arg;

	run->waits = 1;
	attempt(run);
}

/* Does the batch need somebody who is not here? Nothing is looked at where there are no webhooks. */
static int has_to_ask(struct run *run)
{
	const struct api_batch *b = run->batch;
	int found = 0;

	hooks_free(STEAL(run->hooks));
	run->hooks = hooks_load(run->api);
	for (size_t i = 0; run->hooks && !found && i < b->n; i++)
		found = hooks_concern(run->hooks, b->list[i]);
	if (!found)
		hooks_free(STEAL(run->hooks));
	for (size_t i = 0; !found && i < b->n; i++)
		found = b->list[i]->kind->home->conversion != 0;
	return found;
}

/* On the thread of who submitted, or the committer's: neither may wait for a network. */
static void run_attempt(struct run *run)
{
	if (has_to_ask(run)) {
		jobs_add(run->api->jobs, attempt_and_wait, run);
		return;
	}
	run->waits = 0;
	attempt(run);
}

/* Which request the failed operation belongs to; the first one when it is a record's. */
static struct api_request *request_of_op(const struct run *run, size_t op)
{
	for (size_t i = 0; i < run->batch->n; i++)
		if (run->op_of[i] == op)
			return run->batch->list[i];
	return run->batch->n ? run->batch->list[0] : NULL;
}

static void take_results(struct run *run)
{
	for (size_t i = 0; i < run->batch->n; i++) {
		struct api_request *r = run->batch->list[i];

		if (run->op_of[i] == NO_OP)
			continue;
		object_unref(r->result);
		r->result = object_as(object_ref(run->txn->ops[run->op_of[i]].result), r->kind);
	}
}

/* On the committer thread. */
static void committed(struct store_txn *txn, int rc, const struct err *err)
{
	struct run *run = txn->arg;
	int moved = rc == -EBUSY || rc == -EEXIST || rc == -ENOENT;
	struct api_request *r;

	if (moved && run->attempts < MAX_ATTEMPTS) {
		/* The state moved on: a request that demanded a version finds that out by itself.
		 */
		run_attempt(run);
		return;
	}
	if (!rc) {
		run->committed = 1;
		take_results(run);
	} else if ((r = request_of_op(run, txn->failed))) {
		fault_add_code(&r->faults, -rc, "%s",
			       err && err->msg[0] ? err->msg : "the store refused the write");
	} else {
		run->record_rc = rc;
	}
	run_end(run);
}

/* -- the beginning -- */

/* What does not depend on the state of the store: asked and decoded once. */
static void prepare_request(struct run *run, const struct caller *who, struct api_request *r)
{
	struct err err = ERR_INIT;
	int rc;

	if (r->verb == API_REVIEW) {
		/* the body says what is asked, not which object is written */
		if (!r->name)
			r->name = xstrdup("");
	} else if (request_resolve_key(r)) {
		return;
	}
	rc = api_may(run->api, who, r, &err);
	if (rc) {
		fault_add_code(&r->faults, -rc, "%s", err.msg);
		return;
	}
	if (who->trusted)
		run_see_as_stored(run, r);
	if (r->verb == API_REVIEW) {
		review_prepare(run->api, who, r);
		return;
	}
	if ((r->kind->flags & (KIND_VIRTUAL | KIND_GONE)) == KIND_VIRTUAL) {
		fault_add_code(&r->faults, EINVAL,
			       "a %s is not stored: write it into its own directory (or the file "
			       "of its object) and read the answer from the same open file",
			       r->kind->kind);
		return;
	}
	/* A configuration is applied as it was written (an empty map in it is held, too); what
	 * comes of it is decoded after the merge. */
	if (r->body && r->verb == API_APPLY)
		value_unref(schema_decode(r->kind->schema, value_ref(r->body), NULL, &r->faults));
	else if (r->body && (r->verb == API_CREATE || r->verb == API_UPDATE) &&
		 !(r->flags & API_STATUS && who->trusted))
		r->body = schema_decode(r->kind->schema, r->body, NULL, &r->faults);
}

void api_submit(struct api *a, const struct caller *who, struct api_batch *taken)
{
	struct run *run = xcalloc(1, sizeof(*run));

	pthread_mutex_lock(&a->lock);
	a->in_flight++;
	pthread_mutex_unlock(&a->lock);
	run->api = a;
	run->batch = taken;
	run->who = caller_copy(who);
	run->txn = taken->extra ? taken->extra : store_txn_new();
	run->n_extra = run->txn->n_ops;
	if (taken->n > 1) {
		run->n_kinds = kinds_count();
		run->kinds = xcalloc(run->n_kinds, 1);
	}
	run->op_of = xcalloc(taken->n ? taken->n : 1, sizeof(*run->op_of));
	for (size_t i = 0; i < taken->n; i++)
		prepare_request(run, who, taken->list[i]);
	run_attempt(run);
}
