/* SPDX-License-Identifier: MIT */
#include "objects/controllers/deployment/deployment_i.h"

#include <stdio.h>

#define NUMBER_MAX  (1LL << 53) /* anybody may write annotations: what is beyond is none */
#define HISTORY_MAX 2000        /* characters of the revision-history annotation */

static const char *annotation(const struct set *s, const char *key)
{
	return object_annotation(s->value, key);
}

static void annotate(struct set *s, const char *key, const char *text)
{
	if (!str_eq(annotation(s, key), text))
		s->value = value_bury(s->value, text ? value_new_string(text) : NULL, "metadata",
				      "annotations", key, NULL);
}

static void annotate_int(struct set *s, const char *key, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)n);
	annotate(s, key, text);
}

static int64_t parse_int(const char *text)
{
	char *end;
	long long n;

	if (!text || !*text)
		return -1;
	n = strtoll(text, &end, 10);
	return *end || n < 0 || n > NUMBER_MAX ? -1 : n;
}

int64_t revision_of(const struct value *obj)
{
	int64_t n = parse_int(object_annotation(obj, DEPLOYMENT_REVISION));

	return n < 0 ? 0 : n;
}

int64_t scale_annotation(const struct set *s, const char *key)
{
	return parse_int(annotation(s, key));
}

void set_scale_annotations(const struct deployment *d, struct set *s)
{
	annotate_int(s, DEPLOYMENT_DESIRED, d->replicas);
	annotate_int(s, DEPLOYMENT_MAX, d->replicas + d->surge);
}

int is_own_annotation(const char *key)
{
	static const char *const own[] = {
		"kubectl.kubernetes.io/last-applied-configuration",
		DEPLOYMENT_REVISION,
		DEPLOYMENT_REVISIONS,
		DEPLOYMENT_DESIRED,
		DEPLOYMENT_MAX,
		"deprecated.deployment.rollback.to",
	};

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (str_eq(key, own[i]))
			return 1;
	return 0;
}

static void copy_annotations(const struct deployment *d, struct set *s)
{
	const struct value *from = value_dig(d->o->value, "metadata", "annotations", NULL);

	for (size_t i = 0; i < value_count(from); i++)
		if (!is_own_annotation(value_key_at(from, i)))
			annotate(s, value_key_at(from, i), value_str(value_at(from, i), ""));
}

/* A revision that is used again remembers what numbers it had; the oldest are forgotten. */
static void remember_revision(struct set *s, const char *old)
{
	const char *history = annotation(s, DEPLOYMENT_REVISIONS);
	CLEANUP_FREE char *text = NULL;

	if (!history || !*history) {
		annotate(s, DEPLOYMENT_REVISIONS, old);
		return;
	}
	while (history && strlen(history) + strlen(old) + 1 > HISTORY_MAX) {
		history = strchr(history, ',');
		history += history != NULL;
	}
	text = history ? xasprintf("%s,%s", history, old) : xstrdup(old);
	annotate(s, DEPLOYMENT_REVISIONS, text);
}

static void set_revision(struct set *s, int64_t revision)
{
	CLEANUP_FREE char *old = xstrdup(annotation(s, DEPLOYMENT_REVISION));

	if (parse_int(old) >= revision)
		return;
	annotate_int(s, DEPLOYMENT_REVISION, revision);
	if (old)
		remember_revision(s, old);
}

static int64_t next_revision(const struct deployment *d)
{
	int64_t max = 0;

	EACH_OLD_SET(s, d)
	{
		int64_t n = revision_of(s->value);

		max = n > max ? n : max;
	}
	return max + 1;
}

static void want_revision(struct deployment *d, const char *text)
{
	if (!text || str_eq(object_annotation(d->o->value, DEPLOYMENT_REVISION), text))
		return;
	free(d->revision);
	d->revision = xstrdup(text);
}

/* -- a new ReplicaSet -- */

static struct value *with_label(const struct value *labels, const char *hash)
{
	return value_set_str(labels ? value_ref(labels) : value_new_map(), POD_TEMPLATE_HASH, hash);
}

static struct value *new_set_value(const struct deployment *d, const char *hash)
{
	const struct value *spec = value_get(d->o->value, "spec");
	const struct value *template = value_get(spec, "template");
	const struct value *labels = value_dig(template, "metadata", "labels", NULL);
	const struct value *min_ready = value_get(spec, "minReadySeconds");
	struct value *meta = value_new_map(), *rs = value_new_map(), *want = value_new_map();

	meta = value_set(meta, "name", value_new_stringf("%s-%s", d->o->name, hash));
	meta = value_set_str(meta, "namespace", d->o->ns);
	meta = value_set(meta, "labels", with_label(labels, hash));
	meta = value_set(meta, "ownerReferences",
			 value_append(value_new_list(), object_owner_reference(d->o)));
	want = value_set(want, "selector",
			 value_bury(value_ref(value_get(spec, "selector")), value_new_string(hash),
				    "matchLabels", POD_TEMPLATE_HASH, NULL));
	want = value_set(want, "template",
			 value_bury(value_ref(template), with_label(labels, hash), "metadata",
				    "labels", NULL));
	if (value_int(min_ready, 0))
		want = value_set(want, "minReadySeconds", value_ref(min_ready));
	rs = value_set_str(rs, "apiVersion", "apps/v1");
	rs = value_set_str(rs, "kind", "ReplicaSet");
	rs = value_set(rs, "metadata", meta);
	return value_set(rs, "spec", want);
}

static void make_new_set(struct deployment *d)
{
	const struct value *collisions = value_get(d->status, "collisionCount");
	CLEANUP_FREE char *hash = template_hash(value_dig(d->o->value, "spec", "template", NULL),
						value_int(collisions, -1));
	struct set *s = &d->sets[d->n];
	int64_t revision = next_revision(d);

	*s = (struct set){.value = new_set_value(d, hash), .created = d->now};
	s->replicas = new_set_replicas(d, s);
	s->value = value_bury(s->value, value_new_int(s->replicas), "spec", "replicas", NULL);
	copy_annotations(d, s);
	annotate_int(s, DEPLOYMENT_REVISION, revision);
	set_scale_annotations(d, s);
	s->name = STR_AT(s->value, "metadata", "name");
	d->n++;
	d->new_set = s;
	if (d->deadline != NO_DEADLINE)
		set_progress(d, "True", "NewReplicaSetCreated", "Created new replica set \"%s\"",
			     s->name);
}

static void update_new_set(struct deployment *d)
{
	const struct value *spec = value_get(d->o->value, "spec");
	int64_t min_ready = INT_AT(spec, "minReadySeconds");
	struct set *s = d->new_set;

	copy_annotations(d, s);
	set_revision(s, next_revision(d));
	if (INT_AT(s->value, "spec", "minReadySeconds") != min_ready)
		s->value = value_bury(s->value, value_new_int(min_ready), "spec", "minReadySeconds",
				      NULL);
	if (d->deadline != NO_DEADLINE && !condition(d->status, "Progressing"))
		set_progress(d, "True", "FoundNewReplicaSet", "Found new replica set \"%s\"",
			     s->name);
}

void sync_revision(struct deployment *d, int create)
{
	if (d->new_set && d->new_set->o)
		update_new_set(d);
	else if (!d->new_set && create)
		make_new_set(d);
	if (d->new_set)
		want_revision(d, annotation(d->new_set, DEPLOYMENT_REVISION));
}

/* -- history -- */

static int oldest_revision_first(const void *x, const void *y)
{
	const struct set *a = *(struct set *const *)x, *b = *(struct set *const *)y;
	int64_t ra = revision_of(a->value), rb = revision_of(b->value);

	return ra != rb ? (ra > rb) - (ra < rb) : strcmp(a->name, b->name);
}

static int is_unused(const struct set *s)
{
	return s->actual == 0 && s->replicas == 0 &&
	       INT_AT(s->value, "metadata", "generation") <=
		       INT_AT(s->value, "status", "observedGeneration");
}

void clean_up_history(struct deployment *d)
{
	int64_t limit =
		value_int(value_dig(d->o->value, "spec", "revisionHistoryLimit", NULL), INT32_MAX);
	struct set **old = xcalloc(d->n + 1, sizeof(*old));
	size_t n = 0;

	EACH_OLD_SET(s, d)
	if (!object_deleting(s->value))
		old[n++] = s;
	if ((int64_t)n > limit) {
		qsort(old, n, sizeof(*old), oldest_revision_first);
		for (size_t i = 0; i < n - (size_t)limit; i++)
			old[i]->remove = is_unused(old[i]);
	}
	free(old);
}
