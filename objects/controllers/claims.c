/* SPDX-License-Identifier: MIT */
#include "objects/controllers/claims.h"

#include <errno.h>

#include "objects/controllers/facts.h"

void orphans_fini(struct orphans *o)
{
	STRMAP_FOREACH (s, &o->by_ns) {
		struct strmap *names = s->val;

		strmap_fini(names);
		free(names);
	}
	strmap_fini(&o->by_ns);
}

static void orphans_observe(struct orphans *o, const struct change *ch)
{
	struct strmap *names = strmap_get(&o->by_ns, ch->now->ns);

	if (ch->type != CHANGE_DELETED && !object_controller(ch->now->value)) {
		if (!names) {
			names = xcalloc(1, sizeof(*names));
			strmap_set(&o->by_ns, ch->now->ns, names);
		}
		strmap_set(names, ch->now->name, names);
		return;
	}
	if (!names)
		return;
	strmap_del(names, ch->now->name);
	if (names->n == 0) {
		strmap_del(&o->by_ns, ch->now->ns);
		strmap_fini(names);
		free(names);
	}
}

/* -- whom a change concerns -- */

void claims_enqueue_owner(struct controller *c, const struct claimant *by, const struct object *o)
{
	const struct value *ref = object_controller(o->value);
	const struct kind *kind = known_kind(by->kind);

	if (ref && str_eq(STR_AT(ref, "kind"), kind->kind) && STR_AT(ref, "name"))
		controller_enqueue(c, (struct objkey){kind, o->ns, STR_AT(ref, "name")});
}

static void enqueue_adopters(struct controller *c, const struct claimant *by,
			     const struct object *o)
{
	struct object_list all;

	store_list(controller_store(c), known_kind(by->kind), o->ns, &all);
	for (size_t i = 0; i < all.n; i++) {
		struct selector *sel =
			by->selector(value_dig(all.list[i]->value, "spec", "selector", NULL), NULL);

		if (sel && selector_matches(sel, value_dig(o->value, "metadata", "labels", NULL)))
			controller_enqueue(c, object_key(all.list[i]));
		selector_free(sel);
	}
	object_list_fini(&all);
}

void claims_observe(struct controller *c, struct orphans *o, const struct claimant *by,
		    const struct change *ch)
{
	orphans_observe(o, ch);
	claims_enqueue_owner(c, by, ch->now);
	if (ch->old && !str_eq(controller_uid(ch->old->value), controller_uid(ch->now->value)))
		claims_enqueue_owner(c, by, ch->old);
	if (ch->type != CHANGE_DELETED && !object_controller(ch->now->value))
		enqueue_adopters(c, by, ch->now);
}

/* -- edits that hold on whatever the object is by then -- */

struct claim {
	struct object *owner; /* owned */
	char *uid;            /* owned: of the object that is meant */
};

static void claim_free(void *arg)
{
	struct claim *c = arg;

	object_unref(c->owner);
	free(c->uid);
	free(c);
}

static struct claim *claim_new(const struct object *owner, const struct object *o)
{
	struct claim *c = xcalloc(1, sizeof(*c));

	c->owner = object_ref(owner);
	c->uid = xstrdup(o->uid);
	return c;
}

static int is_meant(const struct claim *c, const struct value *v, struct err *err)
{
	if (str_eq(STR_AT(v, "metadata", "uid"), c->uid))
		return 1;
	err_set(err, EBUSY, "another object of this name came instead");
	return 0;
}

static struct value *adopt(void *arg, struct value *taken, struct err *err)
{
	const struct claim *c = arg;
	const char *controller = controller_uid(taken);

	if (is_meant(c, taken, err) && (!controller || str_eq(controller, c->owner->uid)) &&
	    !object_deleting(taken))
		return with_controller(taken, c->owner);
	err_set(err, EBUSY, "somebody else adopted it");
	value_unref(taken);
	return NULL;
}

static struct value *release(void *arg, struct value *taken, struct err *err)
{
	const struct claim *c = arg;

	if (is_meant(c, taken, err))
		return without_owner(taken, c->owner->uid);
	value_unref(taken);
	return NULL;
}

static void list_add(struct object_list *l, struct object *taken)
{
	if ((l->n & (l->n - 1)) == 0)
		l->list = xreallocarray(l->list, l->n ? l->n * 2 : 1, sizeof(struct object *));
	l->list[l->n++] = taken;
}

static const struct value *labels_of(const struct object *o)
{
	return value_dig(o->value, "metadata", "labels", NULL);
}

static void claim_owned(struct store *s, const struct object *owner, const struct kind *kind,
			const struct selector *selector, struct plan *plan, struct object_list *out)
{
	struct object_list owned;
	int deleting = object_deleting(owner->value);

	store_list_owned(s, owner->uid, &owned);
	for (size_t i = 0; i < owned.n; i++) {
		struct object *o = owned.list[i];

		if (o->kind != kind || !str_eq(o->ns, owner->ns) ||
		    !str_eq(controller_uid(o->value), owner->uid))
			continue;
		if (selector_matches(selector, labels_of(o)))
			list_add(out, object_ref(o));
		else if (!deleting)
			plan_mutate(plan, o, release, claim_new(owner, o), claim_free);
	}
	object_list_fini(&owned);
}

void claim_objects(const struct orphans *orphans, struct store *s, const struct object *owner,
		   const struct kind *kind, const struct selector *selector, struct plan *plan,
		   struct object_list *out)
{
	const struct strmap *names = strmap_get(&orphans->by_ns, owner->ns);

	*out = (struct object_list){0};
	claim_owned(s, owner, kind, selector, plan, out);
	if (names && !object_deleting(owner->value)) {
		STRMAP_FOREACH (slot, names) {
			struct object *o =
				store_get(s, (struct objkey){kind, owner->ns, slot->key});

			if (o && !object_controller(o->value) && !object_deleting(o->value) &&
			    selector_matches(selector, labels_of(o))) {
				plan_mutate(plan, o, adopt, claim_new(owner, o), claim_free);
				list_add(out, STEAL(o));
			}
			object_unref(o);
		}
	}
}
