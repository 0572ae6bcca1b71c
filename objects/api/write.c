/* SPDX-License-Identifier: MIT */
/*
 * From what a verb wants to what is stored: the part of the path that is the
 * same for all of them.
 * Source of the order: apiserver pkg/registry/rest (BeforeCreate, BeforeUpdate),
 * pkg/endpoints/handlers (field managers run before the strategies).
 */
#include "objects/api/api_i.h"

#include <errno.h>

#include "objects/apply.h"

/* What only the server says about an object. */
static const char *const server_fields[] = {
	"creationTimestamp",
	"deletionGracePeriodSeconds",
	"deletionTimestamp",
	"generation",
	"resourceVersion",
	"selfLink",
	"uid",
};

static int same(const struct value *a, const struct value *b)
{
	return a == b || value_equal(a, b);
}

/* next's key is again what live says (also absent). */
static struct value *keep_key(struct value *taken, const struct value *live, const char *key)
{
	const struct value *was = value_get(live, key);

	if (same(value_get(taken, key), was))
		return taken;
	return was ? value_set(taken, key, value_ref(was)) : value_del(taken, key);
}

/* Replace one top-level field by what fn makes of it. */
static struct value *with_metadata(struct value *taken, struct value *taken_meta)
{
	if (value_get(taken, "metadata") == taken_meta) {
		value_unref(taken_meta);
		return taken;
	}
	return value_set(taken, "metadata", taken_meta);
}

static struct value *metadata_of(const struct value *obj)
{
	const struct value *meta = value_get(obj, "metadata");

	return value_is(meta, VALUE_MAP) ? value_ref(meta) : value_new_map();
}

/* managedFields of `stored` after `said` was written over `live` by operation Update. */
static struct value *track(struct step *s, struct value *taken_stored, const struct value *said)
{
	struct field_writer who = {step_manager(s), step_subresource(s), s->now};
	CLEANUP_VALUE struct value *tracked = NULL;
	const struct value *fields;
	struct value *draft = value_ref(said);

	/* What the strategy overruled is nobody's. */
	if (!same(value_get(said, "status"), value_get(taken_stored, "status")))
		draft = value_del(draft, "status");
	tracked = apply_track_update(s->r->kind, s->live, draft, &who);
	fields = value_dig(tracked, "metadata", "managedFields", NULL);
	if (!fields)
		return taken_stored;
	return with_metadata(taken_stored, value_set(metadata_of(taken_stored), "managedFields",
						     value_ref(fields)));
}

/* -- creation -- */

static struct value *new_metadata(struct step *s, struct value *taken, int tracked)
{
	char uuid[37];

	for (size_t i = 0; i < ARRAY_LEN(server_fields); i++)
		taken = value_del(taken, server_fields[i]);
	if (tracked)
		taken = value_del(taken, "managedFields");
	api_uuid(uuid);
	taken = value_set_str(taken, "uid", uuid);
	taken = value_set_str(taken, "creationTimestamp", s->now);
	taken = value_set_str(taken, "name", s->r->name);
	if (s->r->kind->flags & KIND_NAMESPACED)
		taken = value_set_str(taken, "namespace", s->r->ns);
	return taken;
}

void step_create(struct step *s, struct value *taken_body, int tracked)
{
	const struct kind *k = s->r->kind;
	CLEANUP_VALUE struct value *said = step_with_type(s, taken_body);
	struct value *next;

	if (s->r->faults.n)
		return;
	said = with_metadata(said, new_metadata(s, metadata_of(said), tracked));
	said = kind_default(k, said);
	next = kind_prepare(k, value_ref(said), NULL, 0);
	if (tracked)
		next = track(s, next, said);
	next = admit(s, next);
	kind_validate(k, next, NULL, 0, &s->r->faults);
	admit_check(s, next);
	s->outcome = OUTCOME_PUT;
	s->next = next;
}

/* -- change -- */

/* A patch in which something is not there has removed it; others may leave it out. */
static int takes_away(enum api_verb verb)
{
	return verb == API_PATCH_MERGE || verb == API_PATCH_STRATEGIC || verb == API_PATCH_JSON;
}

/* What an update may not touch is what it was. */
static struct value *keep_identity(struct step *s, struct value *taken, int tracked)
{
	const struct value *was = value_get(s->live, "metadata");
	struct value *meta = metadata_of(taken);

	if (value_get(meta, "name") ? !same(value_get(meta, "name"), value_get(was, "name"))
				    : takes_away(s->r->verb)) {
		fault_add(&s->r->faults, PATH_FIELD(PATH_FIELD(NULL, "metadata"), "name"),
			  FAULT_INVALID, value_get(meta, "name"), "field is immutable");
		fault_set_code(&s->r->faults, EPERM);
	}
	for (size_t i = 0; i < ARRAY_LEN(server_fields); i++)
		meta = keep_key(meta, was, server_fields[i]);
	meta = keep_key(meta, was, "name");
	meta = keep_key(meta, was, "namespace");
	if (tracked)
		meta = keep_key(meta, was, "managedFields");
	return with_metadata(taken, meta);
}

/* metadata.generation counts what was asked for, not what was observed. */
static int asks_for_something_else(const struct kind *k, const struct value *live,
				   const struct value *next)
{
	int observed = !(k->flags & KIND_CUSTOM) || (k->flags & KIND_STATUS);

	if (value_count(live) != value_count(next) &&
	    (!observed || !value_get(live, "status") == !value_get(next, "status")))
		return 1;
	for (size_t i = 0; i < value_count(next); i++) {
		const char *key = value_key_at(next, i);

		if (!str_eq(key, "metadata") && !(observed && str_eq(key, "status")) &&
		    !same(value_at(next, i), value_get(live, key)))
			return 1;
	}
	return 0;
}

static struct value *bump_generation(struct step *s, struct value *taken)
{
	int64_t generation;

	/* A binding says where, not what else: Kubernetes does not count it. */
	if (!(s->r->kind->flags & KIND_GENERATION) || (s->r->flags & API_BINDING) ||
	    !asks_for_something_else(s->r->kind, s->live, taken))
		return taken;
	generation = value_int(value_dig(s->live, "metadata", "generation", NULL), 0);
	return with_metadata(taken,
			     value_set_int(metadata_of(taken), "generation", generation + 1));
}

/* Only what this way of writing may say. */
static struct value *restrict_to_way(struct step *s, struct value *taken)
{
	const struct kind *k = s->r->kind;
	int status_only = !!(s->r->flags & API_STATUS);
	const struct value *status;
	struct value *next;

	if (status_only) {
		status = value_get(taken, "status");
		next = value_set(value_ref(s->live), "status", status ? value_ref(status) : NULL);
		value_unref(taken);
		taken = next;
	}
	/* The daemon's own parts write with care: scheduler and namespace controller must say what
	 * nobody else may. */
	if (s->run->who->trusted || s->own)
		return taken;
	return kind_prepare(k, kind_default(k, taken), s->live, status_only);
}

void step_finish_update(struct step *s, struct value *taken_next, int tracked)
{
	const struct kind *k = s->r->kind;
	int trusted_status =
		(s->run->who->trusted || s->own) && (s->r->flags & (API_STATUS | API_BINDING));
	CLEANUP_VALUE struct value *said = NULL;
	struct value *next = step_with_type(s, taken_next);

	if (!(s->r->flags & API_STATUS))
		next = keep_identity(s, next, tracked);
	if (s->r->faults.n) {
		value_unref(next);
		return;
	}
	said = restrict_to_way(s, next);
	next = apply_settle(s->live, admit(s, value_ref(said)));
	s->next = next;
	if (same(next, s->live))
		return; /* OUTCOME_KEEP */
	if (!trusted_status)
		kind_validate(k, next, s->live, !!(s->r->flags & API_STATUS), &s->r->faults);
	admit_check(s, next);
	next = bump_generation(s, next);
	s->next = tracked ? track(s, next, said) : next;
	s->outcome = deletion_is_complete(k, s->next) ? OUTCOME_DELETE : OUTCOME_PUT;
	if (s->outcome == OUTCOME_DELETE)
		admit_delete(s);
}
