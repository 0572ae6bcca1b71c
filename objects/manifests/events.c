/* SPDX-License-Identifier: MIT */
/*
 * A refusal is told at the objects, too: one Event per object and writer, counted up, so that a
 * script that tries for ever does not fill the store.
 */
#include "objects/manifests/manifests_i.h"

#include <errno.h>

#define MAX_EVENTS  16   /* per refusal */
#define MAX_MESSAGE 1024 /* as Kubernetes has it */
#define REASON      "ManifestRefused"

struct telling {
	struct value *about; /* involvedObject, owned */
	char *message;       /* owned */
	char now[32];
};

static void telling_free(void *arg)
{
	struct telling *t = arg;

	value_unref(t->about);
	free(t->message);
	free(t);
}

/* Runs on what is there of the Event: nothing, or one that is counted up. */
static struct value *tell(void *arg, struct value *v, struct err *err)
{
	const struct telling *t = arg;
	int64_t count = value_int(value_get(v, "count"), 0);

	if (!count) {
		v = value_set(v, "involvedObject", value_ref(t->about));
		v = value_set_str(v, "reason", REASON);
		v = value_set_str(v, "type", "Warning");
		v = value_bury(v, value_new_string("k8sfs"), "source", "component", NULL);
		v = value_set_str(v, "firstTimestamp", t->now);
	}
	v = value_set_str(v, "message", t->message);
	v = value_set_str(v, "lastTimestamp", t->now);
	return value_set_int(v, "count", count + 1);
}

static struct value *reference(const struct object *o)
{
	struct value *v = value_set_str(value_new_map(), "apiVersion", kind_api_version(o->kind));

	v = value_set_str(v, "kind", o->kind->kind);
	v = value_set_str(v, "name", o->name);
	v = *o->ns ? value_set_str(v, "namespace", o->ns) : v;
	v = value_set_str(v, "uid", o->uid);
	return value_set(v, "resourceVersion",
			 value_new_stringf("%llu", (unsigned long long)o->rv));
}

/* At most max bytes, and no part of a character. */
static size_t cut(const char *s, size_t max)
{
	size_t n = strnlen(s, max);

	while (n && ((unsigned char)s[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* The same name for the same object and writer; not longer than a name may be. */
static char *event_name(const struct object *o, const char *user)
{
	uint64_t h = hash_bytes64(user, strlen(user), hash_bytes64(o->uid, strlen(o->uid), 0));
	size_t n = strnlen(o->name, 200);

	while (n && strchr(".-", o->name[n - 1]))
		n--;
	return xasprintf("%.*s.%016llx", (int)n, o->name, (unsigned long long)h);
}

static struct api_request *request(const struct kind *events, const struct object *o,
				   const char *user, const char *message)
{
	struct telling *t = xcalloc(1, sizeof(*t));
	CLEANUP_FREE char *name = event_name(o, user);
	struct api_request *r =
		api_request_new(API_MUTATE, events, *o->ns ? o->ns : "default", name);

	t->about = reference(o);
	t->message = xstrndup(message, cut(message, MAX_MESSAGE));
	api_now(t->now);
	r->flags |= API_UPSERT;
	r->mutate = tell;
	r->mutate_arg = t;
	r->mutate_free = telling_free;
	return r;
}

void events_tell(struct op *op, const char *text)
{
	static const struct caller self = {.user = "k8sfs", .trusted = 1};
	const struct kind *events = kind_find("", "v1", "events");
	struct store *store = api_store(op->all->api);
	size_t told = 0;

	for (size_t i = 0; events && i < op->wants.n && told < MAX_EVENTS; i++) {
		const struct wanted *w = &op->wants.list[i];
		CLEANUP_OBJECT struct object *o =
			store_get(store, (struct objkey){w->kind, w->ns, w->name});
		struct api_batch *b;

		if (!o || w->kind == events)
			continue;
		b = api_batch_new(NULL, NULL);
		api_batch_add(b, request(events, o, op->who.user ? op->who.user : "", text));
		api_submit(op->all->api, &self, b);
		told++;
	}
}
