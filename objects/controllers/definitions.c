/* SPDX-License-Identifier: MIT */
/*
 * CustomResourceDefinitions: .status says what became of their names, and one that is deleted
 * takes its objects along before it goes. That the kinds are there is not done here: the store
 * does it when it commits (objects/custom.h).
 * Source: apiextensions-apiserver pkg/controller/{status,establish,finalizer}.
 */
#include "objects/controllers/controller.h"
#include "objects/controllers/facts.h"
#include "objects/custom.h"

static const struct kind *definitions(void)
{
	return kind_find("apiextensions.k8s.io", "v1", "customresourcedefinitions");
}

/* -- what concerns whom -- */

/* Names that one gives up may be what another waits for. */
static void enqueue_disappointed(struct controller *c)
{
	struct object_list list;

	store_list(controller_store(c), definitions(), NULL, &list);
	for (size_t i = 0; i < list.n; i++)
		if (condition_is(value_get(list.list[i]->value, "status"), "NamesAccepted",
				 "False"))
			controller_enqueue(c, object_key(list.list[i]));
	object_list_fini(&list);
}

/* An object that goes may be the last that its definition waits for. */
static void enqueue_definition_of(struct controller *c, const struct object *o)
{
	struct objkey key = {definitions(), "", kind_resource(o->kind)};
	struct object *d = store_get(controller_store(c), key);

	if (d && object_deleting(d->value))
		controller_enqueue(c, key);
	object_unref(d);
}

static void observe(struct controller *c, const struct change *ch)
{
	const struct object *o = ch->now;

	if (o->kind->flags & KIND_CUSTOM) {
		if (ch->type != CHANGE_MODIFIED) /* a late one is to go, too */
			enqueue_definition_of(c, o);
		return;
	}
	if (!custom_is_definition(o->kind))
		return;
	if (ch->type != CHANGE_DELETED)
		controller_enqueue(c, object_key(o));
	if (ch->old && (ch->type == CHANGE_DELETED ||
			value_get(ch->old->value, "spec") != value_get(o->value, "spec")))
		enqueue_disappointed(c);
}

/* -- status -- */

static struct value *take_conditions(struct value *status, const struct value *fresh)
{
	const struct value *list = value_get(fresh, "conditions");
	char now[32];

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *c = value_at(list, i);

		status = condition_put(status, condition_new(STR_AT(c, "type"), STR_AT(c, "status"),
							     STR_AT(c, "reason"),
							     STR_AT(c, "message"), api_now(now)));
	}
	return status;
}

static void sync_status(const struct object *o, struct plan *plan)
{
	CLEANUP_VALUE struct value *fresh = custom_status(o->name);
	const struct value *was = value_get(o->value, "status");
	int64_t generation = INT_AT(o->value, "metadata", "generation");
	struct value *status;

	if (!fresh)
		return;
	status = take_conditions(was ? value_ref(was) : value_new_map(), fresh);
	status = value_set(status, "acceptedNames", value_ref(value_get(fresh, "acceptedNames")));
	status = value_set_int(status, "observedGeneration", generation);
	plan_status(plan, o, status);
}

/* -- the end -- */

static struct value *drop_finalizer(void *arg, struct value *taken, struct err *err)
{
	const struct value *was = value_dig(taken, "metadata", "finalizers", NULL);
	struct value *list = was ? value_ref(was) : value_new_list();

	for (size_t i = value_count(list); i-- > 0;)
		if (str_eq(value_str(value_at(list, i), NULL), CUSTOM_CLEANUP))
			list = value_del_at(list, i);
	if (value_count(list) == 0) {
		value_unref(list);
		list = NULL;
	}
	return value_bury(taken, list, "metadata", "finalizers", NULL);
}

static void remove_objects(struct controller *c, const struct object *o, struct plan *plan)
{
	const struct kind *k = custom_stored(o->name);
	const struct value *was = value_get(o->value, "status");
	struct object_list list = {0};
	char now[32];

	if (k)
		store_list(controller_store(c), k, NULL, &list);
	for (size_t i = 0; i < list.n; i++)
		if (!object_deleting(list.list[i]->value))
			plan_delete(plan, list.list[i])->propagation = PROPAGATE_BACKGROUND;
	if (list.n)
		plan_status(plan, o,
			    condition_put(was ? value_ref(was) : value_new_map(),
					  condition_new("Terminating", "True",
							"InstanceDeletionInProgress",
							"CustomResource deletion is in progress",
							api_now(now))));
	else
		plan_mutate(plan, o, drop_finalizer, NULL, NULL);
	object_list_fini(&list);
}

static int sync(struct controller *c, struct objkey key, struct plan *plan, struct err *err)
{
	struct object *o = store_get(controller_store(c), key);

	if (o && !object_deleting(o->value))
		sync_status(o, plan);
	else if (o && object_has_finalizer(o->value, CUSTOM_CLEANUP))
		remove_objects(c, o, plan);
	object_unref(o);
	return 0;
}

const struct controller_class definition_controller = {
	.name = "customresourcedefinition-controller",
	.observe = observe,
	.sync = sync,
};
