/* SPDX-License-Identifier: MIT */
/* A batch and objects whose versions a webhook converts: it sees them whole, and stores them as
 * they are to be stored. */
#include "objects/api/api_i.h"

#include <errno.h>

#include "objects/webhook.h"

/* Another one is to be found by then: whose object is changed all the time is told so. */
#define MAX_CONVERSIONS 8

/* When the attempt began nothing had to be converted. */
static void misplaced(struct run *run, const struct kind *k)
{
	err_set(&run->unconverted, EAGAIN, "%s: the definition is changing: try again",
		kind_resource(k));
}

struct object *run_get(struct run *run, struct objkey key)
{
	struct object *o = store_get(run->api->store, key);

	if (o && o->of && !run->waits)
		misplaced(run, key.kind);
	for (int i = 0; o && o->of && i < MAX_CONVERSIONS && !run->unconverted.code; i++) {
		if (webhook_convert(run->api->hooks.webhooks, &o, 1, &run->unconverted) == 0 &&
		    o->of) { /* its definition changed meanwhile */
			object_unref(o);
			o = store_get(run->api->store, key);
		}
	}
	if (!o || !o->of)
		return o;
	err_set(&run->unconverted, EAGAIN, "%s \"%s\": its versions are changing: try again",
		kind_resource(key.kind), key.name);
	object_unref(o);
	return NULL;
}

struct value *run_convert(struct run *run, const struct kind *to, const struct value *v)
{
	int same = str_eq(value_dig_str(v, "apiVersion", NULL), kind_api_version(to));

	if (same || !to->home->conversion)
		return kind_convert(to, value_ref(v));
	if (!run->waits) {
		misplaced(run, to);
		return NULL;
	}
	return webhook_convert_value(run->api->hooks.webhooks, to, v, &run->unconverted);
}

int run_convert_for_store(struct run *run, struct step *s, struct objkey *key)
{
	const struct kind *stored = key->kind->home->stored;
	struct value *v;

	if (!key->kind->home->conversion || s->outcome == OUTCOME_DELETE)
		return 1;
	v = run_convert(run, stored, s->next);
	if (!v) {
		fault_add_code(&s->r->faults, run->unconverted.code, "%s", run->unconverted.msg);
		return 0;
	}
	value_unref(s->next);
	s->next = v;
	key->kind = stored;
	return 1;
}

void run_see_as_stored(struct run *run, struct api_request *r)
{
	struct object *o;

	if (!r->kind->home->conversion || r->body)
		return;
	o = store_get(run->api->store, request_key(r));
	if (o)
		r->kind = o->of ? o->of->kind : o->kind;
	object_unref(o);
}
