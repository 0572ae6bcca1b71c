/* SPDX-License-Identifier: MIT */
/* Requests and batches: what they own. */
#include "objects/api.h"
#include "objects/store/store.h"

struct api_request *api_request_new(enum api_verb verb, const struct kind *kind, const char *ns,
				    const char *name)
{
	struct api_request *r = xcalloc(1, sizeof(*r));

	r->verb = verb;
	r->kind = kind;
	r->ns = xstrdup(ns && (kind->flags & KIND_NAMESPACED) ? ns : "");
	r->name = xstrdup(name);
	r->grace_seconds = -1;
	return r;
}

void api_request_free(struct api_request *r)
{
	if (!r)
		return;
	if (r->mutate_free)
		r->mutate_free(r->mutate_arg);
	free(r->ns);
	free(r->name);
	free(r->manager);
	free(r->expect_uid);
	value_unref(r->body);
	value_unref(r->preview);
	object_unref(r->result);
	faults_fini(&r->faults);
	free(r);
}

struct api_batch *api_batch_new(void (*done)(struct api_batch *b, int rc), void *arg)
{
	struct api_batch *b = xcalloc(1, sizeof(*b));

	b->done = done;
	b->arg = arg;
	return b;
}

void api_batch_add(struct api_batch *b, struct api_request *taken)
{
	/* Grows by doubling: the capacity is the next power of two. */
	if ((b->n & (b->n - 1)) == 0)
		b->list = xreallocarray(b->list, b->n ? b->n * 2 : 1, sizeof(struct api_request *));
	b->list[b->n++] = taken;
}

void api_batch_free(struct api_batch *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->n; i++)
		if (!(b->list[i]->flags & API_KEEP))
			api_request_free(b->list[i]);
	free(b->list);
	store_txn_free(b->extra);
	free(b);
}
