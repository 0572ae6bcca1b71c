/* SPDX-License-Identifier: MIT */
/* Texts that are applied to nothing: dry runs, refused ones, and those that are not whole yet. */
#include "objects/manifests/manifests_i.h"

#include <errno.h>

#include "objects/codec.h"

/* -- dry runs -- */

static void dry_run_done(struct api_batch *b, int rc)
{
	struct op *op = b->arg;
	struct entry *was = manifest_entry(op->all, op->path);

	if (rc) {
		collect_faults(op, b, rc);
		refuse(op, op->path, was);
	} else {
		buf_resize(&op->bytes, 0);
		for (size_t i = 0; i < b->n; i++) {
			if (i)
				buf_adds(&op->bytes, "---\n");
			yaml_render(b->list[i]->preview, &op->bytes);
		}
		commit_record(op, op->path, successor(op, op->path, was), &op->bytes);
	}
	entry_free(was);
}

/* The text is refused already; what else is wrong with it is said in the same breath. */
static void found_more(struct api_batch *b, int rc)
{
	struct op *op = b->arg;
	struct entry *was = manifest_entry(op->all, op_target(op));

	if (rc)
		collect_faults(op, b, rc);
	refuse(op, op_target(op), was);
	entry_free(was);
}

void refuse_with_all(struct op *op)
{
	struct api_batch *b = api_batch_new(found_more, op);

	add_applies(op, b, API_DRY_RUN);
	api_submit(op->all->api, &op->who, b);
}

void dry_run(struct op *op)
{
	struct api_batch *b = api_batch_new(dry_run_done, op);

	add_applies(op, b, API_DRY_RUN);
	api_submit(op->all->api, &op->who, b);
}

/* -- trying: what is wrong with a text of which more may follow -- */

static void tried(struct api_batch *b, int rc)
{
	struct op *op = b->arg;

	if (rc)
		collect_faults(op, b, rc);
	op_end(op, op->faults.n ? -(op->faults.code ? op->faults.code : EINVAL) : 0, &op->faults);
}

static int says_more_than_its_name(const struct value *body)
{
	for (size_t i = 0; i < value_count(body); i++) {
		const char *key = value_key_at(body, i);

		if (!str_eq(key, "apiVersion") && !str_eq(key, "kind") && !str_eq(key, "metadata"))
			return 1;
	}
	return 0;
}

static const struct wanted *last_wanted(const struct wants *w)
{
	const struct wanted *last = NULL;

	for (size_t i = 0; i < w->n; i++)
		if (!last || w->list[i].document >= last->document)
			last = &w->list[i];
	return last;
}

/* The text ends where a parser wants more, or its last object has but a head. */
static int is_beginning(const struct op *op)
{
	const struct wanted *last = last_wanted(&op->wants);
	size_t lines = 1;

	for (size_t i = 0; i < op->bytes.len; i++)
		lines += op->bytes.data[i] == '\n';
	for (size_t i = 0; i < op->faults.n; i++) {
		const struct fault *f = &op->faults.list[i];

		if (f->kind == FAULT_SYNTAX ? f->line + 1 >= lines
					    : f->kind == FAULT_REQUIRED && !strchr(f->field, '.'))
			return 1;
	}
	return !op->faults.n && (!last || !says_more_than_its_name(last->body));
}

void try_run(struct op *op)
{
	struct api_batch *b;

	if (is_beginning(op)) {
		op_end(op, 0, NULL);
		return;
	}
	b = api_batch_new(tried, op);
	add_applies(op, b, API_DRY_RUN);
	api_submit(op->all->api, &op->who, b);
}
