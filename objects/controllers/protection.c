/* SPDX-License-Identifier: MIT */
/*
 * Storage objects in use: a claim that is deleted stays until no pod uses it, a volume until no
 * claim is bound to it.
 * Source: Kubernetes "Storage Object in Use Protection"; pkg/controller/volume/{pvc,pv}protection.
 */
#include "objects/controllers/controller.h"
#include "objects/controllers/facts.h"

#define CLAIM_FINALIZER  "kubernetes.io/pvc-protection"
#define VOLUME_FINALIZER "kubernetes.io/pv-protection"

static const struct kind *volume_kind(void)
{
	return kind_find("", "v1", "persistentvolumes");
}

/* Claims that a pod names, ephemeral volumes' included: call fn with each name. */
static void each_claim(const struct value *pod, void (*fn)(void *arg, const char *name), void *arg)
{
	const struct value *list = value_dig(pod, "spec", "volumes", NULL);

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *v = value_at(list, i);
		const char *name = STR_AT(v, "persistentVolumeClaim", "claimName");
		CLEANUP_FREE char *made =
			value_get(v, "ephemeral")
				? xasprintf("%s-%s", STR_AT(pod, "metadata", "name"),
					    STR_AT(v, "name"))
				: NULL;

		if (name || made)
			fn(arg, made ? made : name);
	}
}

struct waking {
	struct controller *c;
	const char *ns;
};

static void wake_claim(void *arg, const char *name)
{
	const struct waking *w = arg;

	controller_enqueue(w->c, (struct objkey){known_kind(K_PVC), w->ns, name});
}

static void observe(struct controller *c, const struct change *ch)
{
	struct waking w = {c, ch->now->ns};
	int gone = ch->type == CHANGE_DELETED;

	if ((is_kind(ch->now, K_PVC) || ch->now->kind == volume_kind()) && !gone &&
	    object_deleting(ch->now->value))
		controller_enqueue(c, object_key(ch->now));
	else if (is_kind(ch->now, K_POD) && (gone || pod_is_terminal(ch->now->value)))
		each_claim(ch->now->value, wake_claim, &w);
}

struct search {
	const char *name;
	int found;
};

static void compare_claim(void *arg, const char *name)
{
	struct search *s = arg;

	s->found |= str_eq(s->name, name);
}

static int is_used(struct store *store, const struct object *claim)
{
	struct search s = {.name = claim->name};
	struct object_list pods;

	store_list(store, known_kind(K_POD), claim->ns, &pods);
	for (size_t i = 0; i < pods.n && !s.found; i++)
		if (!pod_is_terminal(pods.list[i]->value) &&
		    *value_str(value_dig(pods.list[i]->value, "spec", "nodeName", NULL), ""))
			each_claim(pods.list[i]->value, compare_claim, &s);
	object_list_fini(&pods);
	return s.found;
}

static struct value *release(void *arg, struct value *taken, struct err *err)
{
	const struct value *was = value_dig(taken, "metadata", "finalizers", NULL);
	struct value *list;

	(void)err;
	if (!was)
		return taken;
	list = value_ref(was);
	for (size_t i = value_count(list); i-- > 0;)
		if (str_eq(value_str(value_at(list, i), NULL), arg))
			list = value_del_at(list, i);
	if (!value_count(list)) {
		value_unref(list);
		list = NULL;
	}
	return value_bury(taken, list, "metadata", "finalizers", NULL);
}

static int sync(struct controller *c, struct objkey key, struct plan *plan, struct err *err)
{
	struct object *o = store_get(controller_store(c), key);
	static char claim_finalizer[] = CLAIM_FINALIZER, volume_finalizer[] = VOLUME_FINALIZER;
	int of_claim = key.kind == known_kind(K_PVC);
	char *finalizer = of_claim ? claim_finalizer : volume_finalizer;

	(void)err;
	if (o && object_deleting(o->value) && object_has_finalizer(o->value, finalizer) &&
	    (of_claim ? !is_used(controller_store(c), o)
		      : !str_eq(STR_AT(o->value, "status", "phase"), "Bound")))
		plan_mutate(plan, o, release, finalizer, NULL);
	object_unref(o);
	return 0;
}

const struct controller_class protection_controller = {
	.name = "storage-protection-controller",
	.observe = observe,
	.sync = sync,
};
