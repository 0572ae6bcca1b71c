/* SPDX-License-Identifier: MIT */
/* A file was written, or renamed: its objects are applied, and those that it held before go. */
#include "objects/manifests/manifests_i.h"

#include <errno.h>

#include "objects/codec.h"

struct entry *manifest_entry(struct manifests *all, const char *path)
{
	struct entry *copy = NULL;
	const struct entry *e;

	pthread_mutex_lock(&all->lock);
	e = files_find(all, path);
	if (e)
		copy = entry_copy(e);
	pthread_mutex_unlock(&all->lock);
	return copy;
}

static int same_attrs(const struct manifest_attrs *a, const struct manifest_attrs *b)
{
	return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid &&
	       a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec;
}

struct entry *successor(struct op *op, const char *path, const struct entry *was)
{
	struct entry *e = entry_new(path);
	int fresh = !was || was->removed_ms;

	pthread_mutex_lock(&op->all->lock);
	e->seq = files_next_seq(op->all);
	pthread_mutex_unlock(&op->all->lock);
	e->id = fresh ? e->seq : was->id;
	e->size = op->bytes.len;
	if (op->has_attrs)
		e->attrs = op->attrs;
	else if (was)
		e->attrs = was->attrs;
	return e;
}

/* -- refusal -- */

/* Whether this user may have another draft. Small ones are looked at when there are many files. */
static int draft_fits(const struct manifests *all, const char *path, unsigned uid, size_t size)
{
	size_t n = 0, bytes = size;

	if (all->n <= MAX_DRAFTS_PER_UID && size <= SMALL_DRAFT)
		return 1;
	for (struct entry *e = files_first(all); e; e = files_next(e))
		if (e->draft && e->attrs.uid == uid && strcmp(e->path, path) != 0) {
			n++;
			bytes += e->size;
		}
	return n < MAX_DRAFTS_PER_UID && bytes <= MAX_DRAFT_BYTES_PER_UID;
}

/* Return: an errno when there is no room for another file. */
static int check_room(struct op *op, const char *path, int draft)
{
	struct manifests *all = op->all;
	int code = 0;

	pthread_mutex_lock(&all->lock);
	if (!files_find(all, path) && all->n >= MAX_FILES)
		code = ENOSPC;
	else if (draft && op->has_attrs && !draft_fits(all, path, op->attrs.uid, op->bytes.len))
		code = EDQUOT;
	pthread_mutex_unlock(&all->lock);
	return code;
}

static char *faults_text(const struct faults *faults, const char *file)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	CLEANUP_FREE char *shown = printable_path(file);
	size_t cut = MAX_FAULTS_TEXT;

	faults_render(faults, shown, &text);
	if (text.len > cut) {
		while (cut && text.data[cut - 1] != '\n')
			cut--;
		buf_resize(&text, cut);
		buf_adds(&text, "(and more)\n");
	}
	return buf_steal(&text);
}

void refuse(struct op *op, const char *path, const struct entry *was)
{
	CLEANUP_FREE char *for_ring = faults_text(&op->faults, path);
	struct entry *e;

	rings_add(op->all->rings, op->who.user, for_ring);
	if (!op->place.dry)
		events_tell(op, for_ring);
	if (check_room(op, path, 1)) {
		op_end(op, -(op->faults.code ? op->faults.code : EINVAL), &op->faults);
		return;
	}
	e = successor(op, path, was);
	e->draft = 1;
	e->faults = faults_text(&op->faults, op->place.file ? op->place.file : path);
	if (was) {
		e->seq = was->seq;
		holds_copy(&e->holds, &was->holds);
	}
	commit_record(op, path, e, &op->bytes);
}

const char *op_target(const struct op *op)
{
	return op->to ? op->to : op->path;
}

static int cmp_document(const void *a, const void *b, void *arg)
{
	const struct wanted *list = arg, *x = &list[*(const size_t *)a],
			    *y = &list[*(const size_t *)b];

	return x->document != y->document
		       ? (x->document > y->document) - (x->document < y->document)
		       : (x->item > y->item) - (x->item < y->item);
}

/* Faults of what was applied, document after document, each with its place in the text. */
static void collect_wanted(struct op *op, struct api_batch *b)
{
	CLEANUP(faults_fini) struct faults of_one = FAULTS_INIT;
	CLEANUP_FREE size_t *order = xcalloc(op->wants.n + 1, sizeof(*order));
	const struct wanted *list = op->wants.list;

	for (size_t i = 0; i < op->wants.n; i++)
		order[i] = i;
	qsort_r(order, op->wants.n, sizeof(*order), cmp_document, op->wants.list);
	for (size_t i = 0; i < op->wants.n; i++) {
		const struct wanted *w = &list[order[i]];

		faults_of_item(&b->list[order[i]]->faults, w->item);
		faults_move(&of_one, &b->list[order[i]]->faults);
		if (i + 1 == op->wants.n || list[order[i + 1]].document != w->document)
			faults_place(&op->faults, &of_one, buf_str(&op->bytes), op->bytes.len,
				     w->document, w->line);
	}
}

void collect_faults(struct op *op, struct api_batch *b, int rc)
{
	collect_wanted(op, b);
	for (size_t i = op->wants.n; i < b->n; i++) {
		const struct faults *f = &b->list[i]->faults;

		if (f->n)
			fault_add_code(
				&op->faults, f->code ? f->code : EINVAL,
				"%s \"%s\", which the file says no more, cannot be deleted: %s",
				kind_resource(b->list[i]->kind), b->list[i]->name,
				f->list[0].message);
	}
	if (!op->faults.n)
		fault_add_code(&op->faults, -rc, "the store refused the write");
}

/* -- the batch -- */

void add_applies(struct op *op, struct api_batch *b, unsigned flags)
{
	for (size_t i = 0; i < op->wants.n; i++) {
		struct wanted *w = &op->wants.list[i];
		struct api_request *r = api_request_new(API_APPLY, w->kind, w->ns, w->name);

		r->body = value_ref(w->body);
		r->flags |= API_FORCE | flags;
		api_batch_add(b, r);
	}
}

void batch_delete(struct manifests *all, struct api_batch *b, const struct holds *h, unsigned flags)
{
	for (size_t i = h->n; i-- > 0;) {
		const struct held *one = &h->list[i];
		CLEANUP_OBJECT struct object *o = store_get(
			api_store(all->api), (struct objkey){one->kind, one->ns, one->name});
		struct api_request *r;

		/* Somebody else deleted it, and perhaps made another one: not ours any more. */
		if (!o || (one->uid && !str_eq(one->uid, o->uid)) || object_deleting(o->value))
			continue;
		r = api_request_new(API_DELETE, one->kind, one->ns, one->name);
		r->flags |= API_IF_EXISTS | flags;
		r->expect_uid = xstrdup(o->uid);
		api_batch_add(b, r);
	}
}

static int cmp_held(const void *a, const void *b)
{
	const struct held *x = a, *y = b;
	unsigned i = x->kind->home->index, j = y->kind->home->index;
	int c = (i > j) - (i < j);

	if (!c)
		c = strcmp(x->ns, y->ns);
	return c ? c : strcmp(x->name, y->name);
}

static int has(const struct holds *sorted, const struct held *one)
{
	return sorted->n &&
	       bsearch(one, sorted->list, sorted->n, sizeof(*sorted->list), cmp_held) != NULL;
}

/* What the file will hold: each object once, sorted; uids as far as they are known now. */
static void hold_wants(struct op *op, struct holds *out)
{
	struct store *store = api_store(op->all->api);
	size_t kept = 0;

	for (size_t i = 0; i < op->wants.n; i++) {
		const struct wanted *w = &op->wants.list[i];
		CLEANUP_OBJECT struct object *o =
			store_get(store, (struct objkey){w->kind, w->ns, w->name});

		holds_add(out, kind_settled(w->kind), w->ns, w->name, o ? o->uid : NULL);
	}
	if (out->n > 1)
		qsort(out->list, out->n, sizeof(*out->list), cmp_held);
	for (size_t i = 0; i < out->n; i++) {
		struct held *h = &out->list[i];

		if (kept && cmp_held(&out->list[kept - 1], h) == 0) {
			free(h->ns);
			free(h->name);
			free(h->uid);
		} else {
			out->list[kept++] = *h;
		}
	}
	out->n = kept;
}

static void add_gone(struct op *op, struct api_batch *b, const struct entry *was,
		     const struct holds *now)
{
	struct holds gone = {0};

	for (size_t i = 0; was && i < was->holds.n; i++) {
		const struct held *h = &was->holds.list[i];

		if (!has(now, h))
			holds_add(&gone, h->kind, h->ns, h->name, h->uid);
	}
	batch_delete(op->all, b, &gone, 0);
	holds_fini(&gone);
}

/* Objects that were made have uids now. */
static void learn_uids(struct op *op, const struct api_batch *b)
{
	struct holds *h = &op->next->holds;

	for (size_t i = 0; i < op->wants.n; i++) {
		const struct object *o = b->list[i]->result;
		struct held probe, *one;

		if (!o)
			continue;
		probe = (struct held){o->kind, (char *)o->ns, (char *)o->name, NULL};
		one = bsearch(&probe, h->list, h->n, sizeof(*h->list), cmp_held);
		if (!one || str_eq(one->uid, o->uid))
			continue;
		free(one->uid);
		one->uid = xstrdup(o->uid);
	}
}

/* What admission says besides, whether it went well or not. */
static void note_warnings(struct op *op, const struct api_batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		for (size_t k = 0; k < value_count(b->list[i]->warnings); k++) {
			const char *said = value_str(value_at(b->list[i]->warnings, k), "");
			CLEANUP_FREE char *line =
				xasprintf("%s: Warning: %s\n", op_target(op), said);

			rings_add(op->all->rings, op->who.user, line);
		}
}

static void applied(struct api_batch *b, int rc)
{
	struct op *op = b->arg;
	struct manifests *all = op->all;

	note_warnings(op, b);
	if (rc) {
		struct entry *was = manifest_entry(all, op_target(op));

		/* the text went into the transaction: it is needed for the draft */
		op->bytes = b->extra->ops[0].bytes;
		b->extra->ops[0].bytes = (struct buf)BUF_INIT;
		collect_faults(op, b, rc);
		refuse(op, op_target(op), was);
		entry_free(was);
		return;
	}
	learn_uids(op, b);
	pthread_mutex_lock(&all->lock);
	if (op->to)
		files_remove(all, op->path);
	files_put(all, STEAL(op->next));
	pthread_mutex_unlock(&all->lock);
	op_end(op, 0, NULL);
}

/* from: of a rename, the file that goes away. */
static void apply(struct op *op, const struct entry *was, const struct entry *from)
{
	struct api_batch *b = api_batch_new(applied, op);
	CLEANUP_FREE char *meta = NULL;

	op->next = successor(op, op_target(op), was);
	hold_wants(op, &op->next->holds);
	add_applies(op, b, 0);
	add_gone(op, b, was, &op->next->holds);
	add_gone(op, b, from, &op->next->holds);
	meta = record_meta(op->next);
	b->extra = store_txn_new();
	store_txn_record_put(b->extra, RECORD_SPACE, op_target(op), meta, &op->bytes);
	if (from)
		store_txn_record_delete(b->extra, RECORD_SPACE, from->path);
	api_submit(op->all->api, &op->who, b);
}

/* -- entry points -- */

/* `touch`, or a file that was emptied: it is a draft, and its objects stay as they are. */
static void write_empty(struct op *op, const char *path, const struct entry *was)
{
	struct entry *e;
	int code = check_room(op, path, 1);

	if (code) {
		op_fail(op, code, "%s: there is no room for more drafts", path);
		return;
	}
	e = successor(op, path, was);
	e->draft = 1;
	if (was) {
		e->seq = was->seq;
		holds_copy(&e->holds, &was->holds);
	}
	commit_record(op, path, e, &op->bytes);
}

static void keep(struct op *op, const struct entry *was)
{
	struct entry *e;

	if (!op->has_attrs || same_attrs(&op->attrs, &was->attrs)) {
		op_end(op, 0, NULL);
		return;
	}
	e = entry_copy(was);
	e->attrs = op->attrs;
	commit_record(op, op->path, e, NULL);
}

/* In apply/ and dry-run/ a name is of who took it, also while its removal is under way. */
static int is_others(const struct op *op, const char *path, const struct entry *was)
{
	return was && place_is_shared(path) && op->who.uid != 0 && was->attrs.uid != op->who.uid;
}

void write_run(struct op *op)
{
	struct entry *was = manifest_entry(op->all, op->path);
	int code;

	if (is_others(op, op->path, was))
		op_fail(op, EACCES, "%s: another user has a file of this name", op->path);
	else if (op->bytes.len == 0 && was && !was->removed_ms && was->size == 0)
		keep(op, was);
	else if (op->bytes.len == 0)
		write_empty(op, op->path, was);
	else if (op->faults.n)
		refuse_with_all(op);
	else if ((code = check_room(op, op->path, 0)))
		op_fail(op, code, "%s: there are %u manifests already", op->path, MAX_FILES);
	else if (op->place.dry)
		dry_run(op);
	else
		apply(op, was, NULL);
	entry_free(was);
}

/* An empty draft moves with all that it may still hold. */
static void rename_empty(struct op *op, const struct entry *was, const struct entry *from)
{
	struct api_batch *b = api_batch_new(applied, op);
	CLEANUP_FREE char *meta = NULL;

	op->next = successor(op, op->to, was);
	op->next->draft = 1;
	if (was)
		holds_copy(&op->next->holds, &was->holds);
	for (size_t i = 0; i < from->holds.n; i++) {
		const struct held *h = &from->holds.list[i];

		holds_add(&op->next->holds, h->kind, h->ns, h->name, h->uid);
	}
	meta = record_meta(op->next);
	b->extra = store_txn_new();
	store_txn_record_put(b->extra, RECORD_SPACE, op->to, meta, &op->bytes);
	store_txn_record_delete(b->extra, RECORD_SPACE, op->path);
	api_submit(op->all->api, &op->who, b);
}

void rename_run(struct op *op)
{
	struct entry *from = manifest_entry(op->all, op->path),
		     *was = manifest_entry(op->all, op->to);
	struct err err = ERR_INIT;
	int rc = 0;

	if (!from || from->removed_ms) {
		op_fail(op, ENOENT, "%s: no such manifest", op->path);
	} else if (is_others(op, op->path, from) || is_others(op, op->to, was)) {
		op_fail(op, EACCES, "%s: another user has a file of this name",
			is_others(op, op->to, was) ? op->to : op->path);
	} else if (from->size && (rc = store_record_read(api_store(op->all->api), RECORD_SPACE,
							 op->path, &op->bytes, &err))) {
		op_fail(op, -rc, "%s", err.msg);
	} else {
		op->has_attrs = 1;
		op->attrs = from->attrs;
		op->place.writer = op;
		if (op->bytes.len)
			wants_parse(&op->place, op->bytes.data, op->bytes.len, &op->wants,
				    &op->faults);
		if (op->bytes.len == 0)
			rename_empty(op, was, from);
		else if (op->faults.n)
			refuse_with_all(op);
		else
			apply(op, was, from);
	}
	entry_free(from);
	entry_free(was);
}

void attrs_run(struct op *op)
{
	struct entry *was = manifest_entry(op->all, op->path);

	if (!was || was->removed_ms)
		op_fail(op, ENOENT, "%s: no such manifest", op->path);
	else
		keep(op, was);
	entry_free(was);
}
