/* SPDX-License-Identifier: MIT */
/* Snapshots of stored objects, and what the house often asks of their metadata. */
#include "objects/object.h"

#include <stdatomic.h>

#include "objects/store/object_new.h"

struct object *object_new(const struct kind *kind, struct value *taken, uint64_t rv,
			  uint64_t created_rv)
{
	const struct value *meta = value_get(taken, "metadata");
	struct object *o = xmalloc(sizeof(*o));

	atomic_init(&o->refs, 1);
	o->kind = kind;
	o->value = taken;
	o->ns = value_str(value_get(meta, "namespace"), "");
	o->name = value_str(value_get(meta, "name"), "");
	o->uid = value_str(value_get(meta, "uid"), "");
	o->rv = rv;
	o->created_rv = created_rv;
	o->of = o->next_view = NULL;
	atomic_init(&o->views, NULL);
	o->conversion = 0;
	return o;
}

struct object *object_ref(const struct object *co)
{
	struct object *o = (struct object *)co;

	if (o)
		atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
	return o;
}

void object_unref(struct object *o)
{
	struct object *next;

	if (!o || atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (struct object *v = o->views; v; v = next) {
		next = STEAL(v->next_view);
		object_unref(v);
	}
	object_unref(o->of);
	value_unref((struct value *)o->value);
	free(o);
}

/*
 * An object of a custom kind as its definition is today: what that has learnt to default counts
 * for what was stored before, too, and what it knows no more is gone. Defaults are those of the
 * stored version.
 */
static struct value *as_defined(const struct kind *k, struct value *taken)
{
	const struct kind *stored = k->home->stored;
	const struct schema *s = stored->schema, *seen = k->schema;

	if (s)
		taken = kind_default(stored, schema_prune(s, taken));
	if (seen && seen != s)
		taken = schema_prune(seen, taken);
	return kind_convert(k, taken);
}

/* -- versions that a webhook converts -- */

struct value *object_settled(const struct kind *k, struct value *taken)
{
	const struct schema *s = k->schema;

	return s ? kind_default(k, schema_prune(s, taken)) : taken;
}

void object_add_view(struct object *o, const struct kind *k, struct value *taken,
		     unsigned conversion)
{
	struct object *view = object_new(k, taken, o->rv, o->created_rv);

	view->conversion = conversion;
	view->next_view = o->views;
	while (!atomic_compare_exchange_weak(&o->views, &view->next_view, view))
		;
}

static struct object *find_view(struct object *o, const struct kind *k)
{
	for (struct object *v = o->views; v; v = v->next_view)
		if (v->kind == k && v->conversion == k->home->conversion)
			return object_ref(v);
	return NULL;
}

/* What is true of the object in every version; the webhook may change its labels and annotations
 * all the same. */
static struct value *head_of(const struct kind *k, const struct object *o)
{
	struct value *v = value_set_str(value_new_map(), "apiVersion", kind_api_version(k));

	v = value_set_str(v, "kind", k->kind);
	return value_set(v, "metadata", value_ref(value_get(o->value, "metadata")));
}

static struct object *as_converted(struct object *taken, const struct kind *k)
{
	struct object *o = taken->of ? object_ref(taken->of) : object_ref(taken), *out;

	object_unref(taken);
	out = find_view(o, k);
	if (!out) {
		out = object_new(k, head_of(k, o), o->rv, o->created_rv);
		out->of = STEAL(o);
	}
	object_unref(o);
	return out;
}

/* In its own version, which no webhook is needed for. */
static struct value *as_it_is(const struct kind *k, struct value *taken)
{
	return kind_convert(k, object_settled(k, taken));
}

static struct value *value_as(const struct kind *k, struct value *taken)
{
	if (!(k->flags & KIND_CUSTOM))
		return kind_convert(k, taken);
	return k->home->conversion ? as_it_is(k, taken) : as_defined(k, taken);
}

struct object *object_as(struct object *taken, const struct kind *k)
{
	struct value *v;
	struct object *o;

	k = kind_settled(k);
	if (!taken || !(k->flags & (KIND_CUSTOM | KIND_SHARED)) ||
	    !kind_is_same_resource(taken->kind, k))
		return taken;
	if (k->home->conversion && (taken->kind != k || taken->of))
		return as_converted(taken, k);
	v = value_as(k, value_ref(taken->value));
	if (v == taken->value && taken->kind == k) {
		value_unref(v);
		return taken;
	}
	o = object_new(k, v, taken->rv, taken->created_rv);
	object_unref(taken);
	return o;
}

const char *object_label(const struct value *obj, const char *key)
{
	return value_str(value_get(value_dig(obj, "metadata", "labels", NULL), key), NULL);
}

const char *object_annotation(const struct value *obj, const char *key)
{
	return value_str(value_get(value_dig(obj, "metadata", "annotations", NULL), key), NULL);
}

int object_deleting(const struct value *obj)
{
	return value_dig(obj, "metadata", "deletionTimestamp", NULL) != NULL;
}

int object_has_finalizer(const struct value *obj, const char *finalizer)
{
	const struct value *list = value_dig(obj, "metadata", "finalizers", NULL);

	for (size_t i = 0; i < value_count(list); i++)
		if (str_eq(value_str(value_at(list, i), NULL), finalizer))
			return 1;
	return 0;
}

const struct value *object_controller(const struct value *obj)
{
	const struct value *list = value_dig(obj, "metadata", "ownerReferences", NULL);

	for (size_t i = 0; i < value_count(list); i++)
		if (value_bool(value_get(value_at(list, i), "controller"), 0))
			return value_at(list, i);
	return NULL;
}

struct value *object_owner_reference(const struct object *owner)
{
	struct value *ref = value_new_map();

	ref = value_set_str(ref, "apiVersion", kind_api_version(owner->kind));
	ref = value_set_str(ref, "kind", owner->kind->kind);
	ref = value_set_str(ref, "name", owner->name);
	ref = value_set_str(ref, "uid", owner->uid);
	ref = value_set_bool(ref, "controller", 1);
	return value_set_bool(ref, "blockOwnerDeletion", 1);
}
