/* SPDX-License-Identifier: MIT */
/* How command lines become one transaction. The verbs themselves: verbs_object.c. */
#include "fs/verbs.h"

#include <errno.h>

static int verb_applies(const struct verb *v, const struct kind *k)
{
	return !v->applies || v->applies(k);
}

static const struct verb *find_verb(const struct verb *table, const struct kind *k,
				    const char *name)
{
	for (const struct verb *v = table; v->name; v++)
		if (strcmp(v->name, name) == 0 && verb_applies(v, k))
			return v;
	return NULL;
}

static int plan_line(struct message *m, const struct verb *table, const struct words *w,
		     struct api_batch *batch, struct err *err)
{
	const struct verb *v = find_verb(table, m->node->kind, w->word[0]);

	if (!v)
		return err_set(err, EINVAL, "%s: no such verb for %s; reading this file lists them",
			       w->word[0], kind_resource(m->node->kind));
	if (w->n - 1 < v->min_args || w->n - 1 > v->max_args)
		return err_set(err, EINVAL, "usage: %s", v->usage);
	if (v->plan(m, w->word + 1, w->n - 1, batch, err) < 0)
		return err_wrap(err, "%s", w->word[0]);
	return 0;
}

int verbs_each_line(const struct message *m,
		    int (*fn)(void *arg, const struct words *w, struct err *err), void *arg,
		    struct err *err)
{
	const char *at = m->text, *end = m->text + m->len;
	int rc = 0;

	while (at < end && rc == 0) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		const char *stop = nl ? nl : end;
		struct words w;

		rc = words_split(at, (size_t)(stop - at), &w, err);
		if (rc == 0 && w.n)
			rc = fn(arg, &w, err);
		words_fini(&w);
		at = nl ? nl + 1 : end;
	}
	return rc;
}

struct planning {
	struct message *m;
	const struct verb *table;
	struct api_batch *batch;
};

static int plan_words(void *arg, const struct words *w, struct err *err)
{
	struct planning *p = arg;

	return plan_line(p->m, p->table, w, p->batch, err);
}

void verbs_act(struct message *m, const struct verb *table)
{
	struct planning p = {m, table, message_batch(m)};
	struct err err = ERR_INIT;
	int rc = verbs_each_line(m, plan_words, &p, &err);

	if (rc == 0 && p.batch->n) {
		message_submit(m, p.batch);
		return;
	}
	api_batch_free(p.batch);
	message_done(m, rc, &err);
}

static const char blocking_files[] =
	"# Files that block are there without being listed: wait/<Condition>, events.follow;\n"
	"# of a container log.follow, exec/; of a collection _watch, _watch.json, @<selector>.\n";

void verbs_usage(const struct verb *table, const struct kind *k, struct buf *out)
{
	for (const struct verb *v = table; v->name; v++)
		if (verb_applies(v, k))
			buf_addf(out, "%-40s # %s\n", v->usage, v->doc);
	buf_adds(out, blocking_files);
}

/* -- verbs of other rooms -- */

struct running {
	struct message *m;
	const struct fs_verb *table;
	void *room;
};

static int run_words(void *arg, const struct words *w, struct err *err)
{
	struct running *r = arg;

	for (const struct fs_verb *v = r->table; v && v->name; v++)
		if (strcmp(v->name, w->word[0]) == 0)
			return v->run(r->room, r->m->who, (const char *const *)w->word, err);
	return err_set(err, EINVAL, "%s: no such verb; reading this file lists them", w->word[0]);
}

void room_verbs_act(struct message *m, const struct fs_verb *table, void *room)
{
	struct running r = {m, table, room};
	struct err err = ERR_INIT;
	int rc = verbs_each_line(m, run_words, &r, &err);

	message_done(m, rc, &err);
}

void room_verbs_usage(const struct fs_verb *table, struct buf *out)
{
	for (const struct fs_verb *v = table; v && v->name; v++)
		buf_addf(out, "%-40s # %s\n", v->usage, v->doc);
}
