/* SPDX-License-Identifier: MIT */
/*
 * Namespaces: the four that every cluster has, and the end of those that are
 * deleted: all content goes, conditions say what is left, then the finalizer
 * `kubernetes` is taken away.
 * Source: Kubernetes "Namespaces"; pkg/controller/namespace/deletion.
 */
#include "objects/controllers/controller.h"
#include "objects/controllers/facts.h"
#include "util/strmap.h"

struct namespaces {
	struct strmap ending; /* names of those being deleted -> anything */
};

static const char *const system_namespaces[] = {"default", "kube-node-lease", "kube-public",
						"kube-system"};

static void init(struct controller *c)
{
	for (size_t i = 0; i < ARRAY_LEN(system_namespaces); i++)
		controller_enqueue(
			c, (struct objkey){known_kind(K_NAMESPACE), "", system_namespaces[i]});
}

static void fini(struct controller *c)
{
	struct namespaces *n = controller_state(c);

	strmap_fini(&n->ending);
}

static void observe(struct controller *c, const struct change *ch)
{
	struct namespaces *n = controller_state(c);
	const struct object *o = ch->now;

	if (is_kind(o, K_NAMESPACE)) {
		if (ch->type == CHANGE_DELETED)
			strmap_del(&n->ending, o->name);
		else if (object_deleting(o->value))
			strmap_set(&n->ending, o->name, n);
		controller_enqueue(c, object_key(o));
	} else if (n->ending.n && *o->ns && strmap_get(&n->ending, o->ns)) {
		controller_enqueue(c, (struct objkey){known_kind(K_NAMESPACE), "", o->ns});
	}
}

/* -- the ones that are always there -- */

static void create_if_system(struct plan *plan, const char *name)
{
	struct value *v;

	for (size_t i = 0; i < ARRAY_LEN(system_namespaces); i++) {
		if (!str_eq(name, system_namespaces[i]))
			continue;
		v = value_set_str(value_new_map(), "apiVersion", "v1");
		v = value_set_str(v, "kind", "Namespace");
		v = value_set(v, "metadata", value_set_str(value_new_map(), "name", name));
		plan_create(plan, known_kind(K_NAMESPACE), "", v);
	}
}

/* -- the end -- */

struct content {
	size_t left;
	struct strmap kinds;      /* resource -> number left */
	struct strmap finalizers; /* finalizer -> number of objects */
};

static void count(struct strmap *m, const char *key)
{
	strmap_set(m, key, (char *)strmap_get(m, key) + 1);
}

static void remove_object(struct plan *plan, const struct object *o, struct content *content)
{
	const struct value *finalizers = value_dig(o->value, "metadata", "finalizers", NULL);

	content->left++;
	count(&content->kinds, kind_resource(o->kind));
	for (size_t i = 0; i < value_count(finalizers); i++)
		count(&content->finalizers, value_str(value_at(finalizers, i), ""));
	if (!object_deleting(o->value))
		plan_delete(plan, o)->propagation = PROPAGATE_BACKGROUND;
}

static void remove_kind(struct store *s, const struct kind *k, const char *ns, struct plan *plan,
			struct content *content)
{
	struct object_list list;

	store_list(s, k, ns, &list);
	for (size_t i = 0; i < list.n; i++)
		remove_object(plan, list.list[i], content);
	object_list_fini(&list);
}

/* Pods first, until they are gone: what they rely on (policies, secrets) stays as long. */
static void remove_content(struct store *s, const char *ns, struct plan *plan,
			   struct content *content)
{
	remove_kind(s, known_kind(K_POD), ns, plan, content);
	if (content->left)
		return;
	for (size_t i = 0; i < kinds_count(); i++) {
		const struct kind *k = kind_at(i);

		if ((k->flags & KIND_NAMESPACED) && !(k->flags & KIND_VIRTUAL))
			remove_kind(s, k, ns, plan, content);
	}
}

static int cmp_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "pods. has 2 resource instances, secrets. has 1 resource instances", sorted. */
static void list_counts(const struct strmap *m, const char *fmt_before, const char *fmt_after,
			struct buf *out)
{
	const char **keys = xcalloc(m->n + 1, sizeof(*keys));
	size_t n = 0;

	STRMAP_FOREACH (s, m)
		keys[n++] = s->key;
	qsort(keys, n, sizeof(*keys), cmp_text);
	for (size_t i = 0; i < n; i++)
		buf_addf(out, "%s%s%s%zu %s", i ? ", " : "", keys[i], fmt_before,
			 (size_t)(uintptr_t)strmap_get(m, keys[i]), fmt_after);
	free(keys);
}

static struct value *say(struct value *taken, const char *type, int bad, const char *bad_reason,
			 const char *good_reason, const char *message)
{
	char now[32];

	return condition_put(taken,
			     condition_new(type, bad ? "True" : "False",
					   bad ? bad_reason : good_reason, message, api_now(now)));
}

static struct value *ending_status(const struct object *o, const struct content *content)
{
	CLEANUP(buf_fini) struct buf left = BUF_INIT, held = BUF_INIT;
	const struct value *was = value_get(o->value, "status");
	struct value *s = was ? value_ref(was) : value_new_map();

	buf_adds(&left, "Some resources are remaining: ");
	list_counts(&content->kinds, ". has ", "resource instances", &left);
	buf_adds(&held, "Some content in the namespace has finalizers remaining: ");
	list_counts(&content->finalizers, " in ", "resource instances", &held);
	s = value_set_str(s, "phase", "Terminating");
	s = say(s, "NamespaceDeletionDiscoveryFailure", 0, NULL, "ResourcesDiscovered",
		"All resources successfully discovered");
	s = say(s, "NamespaceDeletionGroupVersionParsingFailure", 0, NULL, "ParsedGroupVersions",
		"All legacy kube types successfully parsed");
	s = say(s, "NamespaceDeletionContentFailure", 0, NULL, "ContentDeleted",
		"All content successfully deleted, may be waiting on finalization");
	s = say(s, "NamespaceContentRemaining", content->kinds.n > 0, "SomeResourcesRemain",
		"ContentRemoved",
		content->kinds.n ? buf_str(&left) : "All content successfully removed");
	return say(s, "NamespaceFinalizersRemaining", content->finalizers.n > 0,
		   "SomeFinalizersRemain", "ContentHasNoFinalizers",
		   content->finalizers.n ? buf_str(&held)
					 : "All content-preserving finalizers finished");
}

static struct value *finalize(void *arg, struct value *taken, struct err *err)
{
	const struct value *was = value_dig(taken, "spec", "finalizers", NULL);
	struct value *list = was ? value_ref(was) : value_new_list();

	for (size_t i = value_count(list); i-- > 0;)
		if (str_eq(value_str(value_at(list, i), NULL), "kubernetes"))
			list = value_del_at(list, i);
	if (value_count(list) == 0) {
		value_unref(list);
		list = NULL;
	}
	return value_bury(taken, list, "spec", "finalizers", NULL);
}

static void end(struct controller *c, const struct object *o, struct plan *plan)
{
	struct content content = {0};

	if (!value_count(value_dig(o->value, "spec", "finalizers", NULL)))
		return;
	remove_content(controller_store(c), o->name, plan, &content);
	if (content.left)
		plan_status(plan, o, ending_status(o, &content));
	else
		plan_mutate(plan, o, finalize, NULL, NULL);
	strmap_fini(&content.kinds);
	strmap_fini(&content.finalizers);
}

static int sync(struct controller *c, struct objkey key, struct plan *plan, struct err *err)
{
	struct object *o = store_get(controller_store(c), key);

	if (!o)
		create_if_system(plan, key.name);
	else if (object_deleting(o->value))
		end(c, o, plan);
	object_unref(o);
	return 0;
}

const struct controller_class namespace_controller = {
	.name = "namespace-controller",
	.state_size = sizeof(struct namespaces),
	.init = init,
	.fini = fini,
	.observe = observe,
	.sync = sync,
};
