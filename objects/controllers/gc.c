/* SPDX-License-Identifier: MIT */
/*
 * Garbage collection: objects whose owners are gone go too; deletion that waits
 * for dependents (foregroundDeletion), or lets them live (orphan).
 * Source: Kubernetes "Garbage Collection", "Owners and Dependents";
 * pkg/controller/garbagecollector.
 */
#include <errno.h>

#include "objects/controllers/controller.h"
#include "objects/controllers/facts.h"

#define FOREGROUND "foregroundDeletion"
#define ORPHAN     "orphan"

static const struct value *owners_of(const struct value *obj)
{
	return value_dig(obj, "metadata", "ownerReferences", NULL);
}

/* -- owners -- */

enum owner { OWNER_SOLID, OWNER_GONE, OWNER_WAITS };

/* An owner lives in the dependent's namespace or in none: what is elsewhere does not count. */
static enum owner look_up_owner(struct store *s, const struct value *ref, const char *ns)
{
	const char *uid = STR_AT(ref, "uid");
	struct object *o = uid ? store_get_uid(s, uid) : NULL;
	enum owner found = OWNER_GONE;

	if (o && str_eq(o->kind->kind, STR_AT(ref, "kind")) &&
	    str_eq(o->name, STR_AT(ref, "name")) && (!*o->ns || str_eq(o->ns, ns)))
		found = object_deleting(o->value) && object_has_finalizer(o->value, FOREGROUND)
				? OWNER_WAITS
				: OWNER_SOLID;
	object_unref(o);
	return found;
}

static int has_lost_owner(struct store *s, const struct object *o)
{
	const struct value *owners = owners_of(o->value);

	for (size_t i = 0; i < value_count(owners); i++)
		if (look_up_owner(s, value_at(owners, i), o->ns) != OWNER_SOLID)
			return 1;
	return 0;
}

/* -- changes -- */

static void enqueue_dependents(struct controller *c, const char *uid)
{
	struct object_list list;

	store_list_owned(controller_store(c), uid, &list);
	for (size_t i = 0; i < list.n; i++)
		controller_enqueue(c, object_key(list.list[i]));
	object_list_fini(&list);
}

/* Whoever waits for the last of its dependents. */
static void enqueue_waiting_owners(struct controller *c, const struct value *obj)
{
	const struct value *owners = owners_of(obj);

	for (size_t i = 0; i < value_count(owners); i++) {
		const char *uid = STR_AT(value_at(owners, i), "uid");
		struct object *o = uid ? store_get_uid(controller_store(c), uid) : NULL;

		if (o && object_deleting(o->value))
			controller_enqueue(c, object_key(o));
		object_unref(o);
	}
}

static int waits_for_us(const struct value *obj)
{
	return object_deleting(obj) &&
	       (object_has_finalizer(obj, FOREGROUND) || object_has_finalizer(obj, ORPHAN));
}

static void observe(struct controller *c, const struct change *ch)
{
	const struct object *o = ch->now;
	int owners_changed = !ch->old || owners_of(ch->old->value) != owners_of(o->value);

	if (ch->type == CHANGE_DELETED) {
		enqueue_dependents(c, o->uid);
		enqueue_waiting_owners(c, o->value);
		return;
	}
	if (ch->old && owners_changed) /* let go, or blocking no more */
		enqueue_waiting_owners(c, ch->old->value);
	if (waits_for_us(o->value))
		controller_enqueue(c, object_key(o));
	else if (owners_changed && owners_of(o->value) && has_lost_owner(controller_store(c), o))
		controller_enqueue(c, object_key(o));
}

/* -- edits that hold on whatever the object is by then -- */

static struct value *drop_finalizer(void *arg, struct value *taken, struct err *err)
{
	const struct value *was = value_dig(taken, "metadata", "finalizers", NULL);
	struct value *list = was ? value_ref(was) : value_new_list();

	for (size_t i = value_count(list); i-- > 0;)
		if (str_eq(value_str(value_at(list, i), NULL), arg))
			list = value_del_at(list, i);
	if (value_count(list) == 0) {
		value_unref(list);
		list = NULL;
	}
	return value_bury(taken, list, "metadata", "finalizers", NULL);
}

/* arg: a list of uids. */
static struct value *drop_owners(void *arg, struct value *taken, struct err *err)
{
	for (size_t i = 0; i < value_count(arg); i++)
		taken = without_owner(taken, value_str(value_at(arg, i), ""));
	return taken;
}

static void value_free(void *arg)
{
	value_unref(arg);
}

static void plan_drop_finalizer(struct plan *plan, const struct object *o, const char *finalizer)
{
	plan_mutate(plan, o, drop_finalizer, (void *)(uintptr_t)finalizer, NULL);
}

/* -- deletion that waits -- */

static int blocks(const struct value *dependent, const char *uid)
{
	const struct value *owners = owners_of(dependent);

	for (size_t i = 0; i < value_count(owners); i++)
		if (str_eq(STR_AT(value_at(owners, i), "uid"), uid))
			return value_bool(value_get(value_at(owners, i), "blockOwnerDeletion"), 0);
	return 0;
}

static int blocks_any(const struct value *dependent)
{
	const struct value *owners = owners_of(dependent);

	for (size_t i = 0; i < value_count(owners); i++)
		if (value_bool(value_get(value_at(owners, i), "blockOwnerDeletion"), 0))
			return 1;
	return 0;
}

static void sync_foreground(struct controller *c, const struct object *o, struct plan *plan)
{
	struct object_list list;
	size_t blocking = 0;

	store_list_owned(controller_store(c), o->uid, &list);
	for (size_t i = 0; i < list.n; i++) {
		blocking += blocks(list.list[i]->value, o->uid);
		if (!object_deleting(list.list[i]->value))
			controller_enqueue(c, object_key(list.list[i]));
	}
	object_list_fini(&list);
	if (!blocking)
		plan_drop_finalizer(plan, o, FOREGROUND);
}

static void sync_orphan(struct controller *c, const struct object *o, struct plan *plan)
{
	struct object_list list;

	store_list_owned(controller_store(c), o->uid, &list);
	for (size_t i = 0; i < list.n; i++)
		plan_mutate(plan, list.list[i], drop_owners,
			    value_append(value_new_list(), value_new_string(o->uid)), value_free);
	if (!list.n)
		plan_drop_finalizer(plan, o, ORPHAN);
	else
		plan_again(plan, 0);
	object_list_fini(&list);
}

/* -- dependents -- */

/* Return: 0 no dependents; 1 some; 2 some of them wait for us: a cycle. */
static int look_at_dependents(struct store *s, const struct object *o)
{
	struct object_list list;
	int found = 0;

	store_list_owned(s, o->uid, &list);
	for (size_t i = 0; i < list.n; i++) {
		const struct value *v = list.list[i]->value;
		int waits = object_deleting(v) && object_has_finalizer(v, FOREGROUND);

		found = waits ? 2 : found ? found : 1;
	}
	object_list_fini(&list);
	return found;
}

static struct value *unblock_owners(void *arg, struct value *taken, struct err *err)
{
	const struct value *was = owners_of(taken);
	struct value *list = was ? value_ref(was) : value_new_list();

	for (size_t i = 0; i < value_count(list); i++)
		list = value_set_at(
			list, i,
			value_set_bool(value_ref(value_at(list, i)), "blockOwnerDeletion", 0));
	return value_bury(taken, list, "metadata", "ownerReferences", NULL);
}

static enum propagation propagation_for(const struct object *o, int has_dependents)
{
	if (has_dependents)
		return PROPAGATE_FOREGROUND;
	if (object_has_finalizer(o->value, ORPHAN))
		return PROPAGATE_ORPHAN;
	return object_has_finalizer(o->value, FOREGROUND) ? PROPAGATE_FOREGROUND
							  : PROPAGATE_BACKGROUND;
}

static void sync_dependent(struct controller *c, const struct object *o, struct plan *plan)
{
	const struct value *owners = owners_of(o->value);
	struct value *lost = value_new_list();
	int solid = 0, waiting = 0;

	for (size_t i = 0; i < value_count(owners); i++) {
		const struct value *ref = value_at(owners, i);
		enum owner found = look_up_owner(controller_store(c), ref, o->ns);

		solid += found == OWNER_SOLID;
		waiting += found == OWNER_WAITS;
		if (found != OWNER_SOLID && STR_AT(ref, "uid"))
			lost = value_append(lost, value_new_string(STR_AT(ref, "uid")));
	}
	if (!value_count(owners) || !value_count(lost)) {
		value_unref(lost);
	} else if (solid) {
		plan_mutate(plan, o, drop_owners, lost, value_free);
	} else {
		int dependents = waiting ? look_at_dependents(controller_store(c), o) : 0;
		struct api_request *r;

		value_unref(lost);
		if (dependents == 2 && blocks_any(o->value)) {
			plan_mutate(plan, o, unblock_owners, NULL, NULL);
			plan_again(plan, 0);
			return;
		}
		r = plan_delete(plan, o);
		r->propagation = propagation_for(o, dependents);
		/* somebody may adopt it between this look and the commit */
		r->flags |= API_EXPECT_RV;
		r->expect_rv = o->rv;
	}
}

static int sync(struct controller *c, struct objkey key, struct plan *plan, struct err *err)
{
	struct object *o = store_get(controller_store(c), key);

	if (o && object_deleting(o->value) && object_has_finalizer(o->value, ORPHAN))
		sync_orphan(c, o, plan);
	else if (o && object_deleting(o->value) && object_has_finalizer(o->value, FOREGROUND))
		sync_foreground(c, o, plan);
	else if (o && !object_deleting(o->value))
		sync_dependent(c, o, plan);
	object_unref(o);
	return 0;
}

const struct controller_class gc_controller = {
	.name = "garbage-collector-controller",
	.observe = observe,
	.sync = sync,
};
