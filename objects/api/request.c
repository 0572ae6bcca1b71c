/* SPDX-License-Identifier: MIT */
/* Requests and batches: what they own. */
#include "objects/api.h"
#include "objects/store/store.h"

static char *copy_text(char **at, const char *text)
{
	char *start = *at;

	*at = stpcpy(start, text) + 1;
	return start;
}

struct caller *caller_copy(const struct caller *who)
{
	const char *user = who->user ? who->user : "";
	const char *manager = who->manager ? who->manager : user;
	size_t n = 0, bytes = strlen(user) + strlen(manager) + 2;
	const char **groups;
	struct caller *copy;
	char *at;

	for (; who->groups && who->groups[n]; n++)
		bytes += strlen(who->groups[n]) + 1;
	copy = xmalloc(sizeof(*copy) + (n + 1) * sizeof(char *) + bytes);
	groups = (const char **)(copy + 1);
	at = (char *)(groups + n + 1);
	for (size_t i = 0; i < n; i++)
		groups[i] = copy_text(&at, who->groups[i]);
	groups[n] = NULL;
	*copy = (struct caller){.user = copy_text(&at, user),
				.groups = groups,
				.manager = copy_text(&at, manager),
				.trusted = who->trusted,
				.uid = who->uid};
	return copy;
}

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
	value_unref(r->warnings);
	value_unref(r->audit_annotations);
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
