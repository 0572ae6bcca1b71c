/* SPDX-License-Identifier: MIT */
/*
 * A stored object: one immutable snapshot. Whoever holds a reference may read
 * it for as long as he likes; a change makes a new snapshot, it never touches
 * the old one.
 */
#pragma once

#include "objects/schema.h"
#include "objects/value.h"

struct object {
	_Atomic uint32_t refs;
	const struct kind *kind;
	const struct value *value; /* owned, the whole object as it is shown, never NULL */
	const char *ns;            /* "" when cluster-scoped; borrowed from value */
	const char *name;          /* borrowed from value */
	const char *uid;           /* borrowed from value */
	uint64_t rv;         /* metadata.resourceVersion as a number: the commit that made it */
	uint64_t created_rv; /* of the first snapshot of this uid: a stable cookie, unique */
	/*
	 * Set when only a webhook can show the object in this version, and has not been asked yet:
	 * the object as it is stored, owned. value has its apiVersion, kind and metadata then, and
	 * nothing else. objects/webhook.h makes it whole.
	 */
	struct object *of;
	/* -- what webhooks made of it: store/object.c's alone -- */
	struct object *_Atomic views; /* owned */
	struct object *next_view;     /* owned */
	unsigned conversion;          /* of a view: kind->conversion when it was made */
};

struct object *object_ref(const struct object *o); /* NULL gives NULL */
void object_unref(struct object *o);
DEFINE_CLEANUP(struct object *, object_unref)
#define CLEANUP_OBJECT CLEANUP(object_unrefp)

/* Names an object without holding it. Strings are borrowed; ns "" for cluster scope. */
struct objkey {
	const struct kind *kind;
	const char *ns, *name;
};

/*
 * An object of a custom kind as one of another version of its resource, and as its definition is
 * today: with its defaults, without what it does not know. taken itself when nothing differs (or it
 * is of another resource), NULL gives NULL. Owned. Where versions are converted by a webhook, what
 * it said before, or an object that is not whole (object->of): this never waits.
 */
struct object *object_as(struct object *taken, const struct kind *k);
/* What the webhook made of this snapshot: object_as() finds it from now on, until the definition
 * changes. conversion: kind->home->conversion from before it was asked. */
void object_add_view(struct object *o, const struct kind *k, struct value *taken,
		     unsigned conversion);
/* The object with what its version's schema knows alone, and its defaults. */
struct value *object_settled(const struct kind *k, struct value *taken);

static inline struct objkey object_key(const struct object *o)
{
	return (struct objkey){o->kind, o->ns, o->name};
}

/* metadata.* shorthands, NULL when absent; borrowed. */
const char *object_label(const struct value *obj, const char *key);
const char *object_annotation(const struct value *obj, const char *key);
int object_deleting(const struct value *obj); /* has a deletionTimestamp */
int object_has_finalizer(const struct value *obj, const char *finalizer);
/* The owner reference with controller: true, NULL if none. */
const struct value *object_controller(const struct value *obj);
/* {apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true}: owned. */
struct value *object_owner_reference(const struct object *owner);
