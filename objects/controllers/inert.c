/* SPDX-License-Identifier: MIT */
/*
 * Whoever writes what is stored and not acted upon is told so, once, by an event: of a kind that is
 * inert as a whole when the object is made, of fields when they are first said. What another built-in
 * object controls says what its owner said already.
 */
#include "objects/controllers/controller.h"
#include "objects/controllers/facts.h"
#include "objects/events.h"

/* "" when there is nothing to tell. */
static void inert_fields(const struct object *o, struct buf *out)
{
	if (!(o->kind->flags & KIND_CUSTOM))
		schema_list_inert(o->kind, o->value, out);
}

static int is_told_of_owner(const struct object *o)
{
	const struct value *ref = object_controller(o->value);
	const struct kind *k = ref ? kind_by_gvk(value_dig_str(ref, "apiVersion", NULL),
						 value_dig_str(ref, "kind", NULL))
				   : NULL;

	return k && !(k->flags & KIND_CUSTOM);
}

/* Parts that did not change are the same values: most changes are of the status alone. */
static int is_same_wish(const struct value *old, const struct value *now)
{
	for (size_t i = 0; i < value_count(now); i++) {
		const char *key = value_key_at(now, i);

		if (!str_eq(key, "status") && !str_eq(key, "metadata") &&
		    value_get(old, key) != value_at(now, i))
			return 0;
	}
	return 1;
}

static int says_more(const struct object *old, const struct object *now)
{
	CLEANUP(buf_fini) struct buf before = BUF_INIT, after = BUF_INIT;

	if (is_same_wish(old->value, now->value))
		return 0;
	inert_fields(old, &before);
	inert_fields(now, &after);
	return after.len && !str_eq(buf_str(&before), buf_str(&after));
}

/* At start all objects come as added: those that are older than any Event were told of. */
static int is_news(const struct object *o)
{
	CLEANUP(buf_fini) struct buf fields = BUF_INIT;

	if (now_seconds() - created_at(o->value) > EVENT_TTL)
		return 0;
	inert_fields(o, &fields);
	return (o->kind->flags & KIND_INERT) || fields.len;
}

static void observe(struct controller *c, const struct change *ch)
{
	if (ch->type == CHANGE_DELETED || (ch->now->kind->flags & KIND_EPHEMERAL) ||
	    object_deleting(ch->now->value))
		return;
	if (ch->type == CHANGE_ADDED ? is_news(ch->now) : says_more(ch->old, ch->now))
		controller_enqueue(c, object_key(ch->now));
}

static int sync(struct controller *c, struct objkey key, struct plan *plan, struct err *err)
{
	CLEANUP_OBJECT struct object *o = store_get(controller_store(c), key);
	CLEANUP(buf_fini) struct buf fields = BUF_INIT;

	(void)err;
	if (!o || is_told_of_owner(o))
		return 0;
	inert_fields(o, &fields);
	if (o->kind->flags & KIND_INERT)
		plan_event_once(plan, o, "Warning", "NotActedUpon",
				"%s is stored, but nothing here acts upon objects of its kind",
				o->kind->kind);
	else if (fields.len)
		plan_event_once(plan, o, "Warning", "FieldsNotActedUpon",
				"stored, but not acted upon: %s", buf_str(&fields));
	return 0;
}

const struct controller_class inert_controller = {
	.name = "inert-controller",
	.observe = observe,
	.sync = sync,
};
