/* SPDX-License-Identifier: MIT */
/*
 * The rules of aggregated ClusterRoles.
 * Source: Kubernetes "Using RBAC Authorization", aggregated ClusterRoles;
 * pkg/controller/clusterroleaggregation.
 */
#include "objects/controllers/aggregation.h"

#include "objects/controllers/controller.h"
#include "objects/controllers/facts.h"
#include "objects/selector.h"

static int holds(const struct value *list, const struct value *rule)
{
	for (size_t i = 0; i < value_count(list); i++)
		if (value_equal(value_at(list, i), rule))
			return 1;
	return 0;
}

static struct value *add_matching(struct value *taken_rules, const struct object_list *all,
				  const struct selector *s, const char *self)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct value *other = all->list[i]->value, *rules = value_get(other, "rules");

		if (str_eq(all->list[i]->name, self) ||
		    !selector_matches(s, value_dig(other, "metadata", "labels", NULL)))
			continue;
		for (size_t r = 0; r < value_count(rules); r++)
			if (!holds(taken_rules, value_at(rules, r)))
				taken_rules =
					value_append(taken_rules, value_ref(value_at(rules, r)));
	}
	return taken_rules;
}

struct value *aggregated_rules(struct store *store, const struct value *role)
{
	const struct value *selectors =
		value_dig(role, "aggregationRule", "clusterRoleSelectors", NULL);
	const char *self = value_dig_str(role, "metadata", "name", NULL);
	struct value *rules;
	struct object_list all;

	if (!value_count(selectors))
		return NULL;
	rules = value_new_list();
	store_list(store, known_kind(K_CLUSTERROLE), NULL, &all);
	for (size_t i = 0; i < value_count(selectors); i++) {
		struct selector *s = selector_from_object(value_at(selectors, i), NULL);

		if (s)
			rules = add_matching(rules, &all, s, self);
		selector_free(s);
	}
	object_list_fini(&all);
	return rules;
}

/* One without labels is in nobody's sum. */
static int matters(const struct change *ch)
{
	const struct value *was = ch->old ? ch->old->value : NULL;

	return value_get(ch->now->value, "aggregationRule") ||
	       value_dig(ch->now->value, "metadata", "labels", NULL) ||
	       value_dig(was, "metadata", "labels", NULL);
}

static void observe(struct controller *c, const struct change *ch)
{
	struct object_list all;

	if (!is_kind(ch->now, K_CLUSTERROLE) || !matters(ch))
		return;
	store_list(controller_store(c), known_kind(K_CLUSTERROLE), NULL, &all);
	for (size_t i = 0; i < all.n; i++)
		if (value_get(all.list[i]->value, "aggregationRule"))
			controller_enqueue(c, object_key(all.list[i]));
	object_list_fini(&all);
}

static int sync(struct controller *c, struct objkey key, struct plan *plan, struct err *err)
{
	CLEANUP_OBJECT struct object *o = store_get(controller_store(c), key);
	CLEANUP_VALUE struct value *rules = NULL;

	if (!o || object_deleting(o->value))
		return 0;
	rules = aggregated_rules(controller_store(c), o->value);
	if (!rules || value_equal(rules, value_get(o->value, "rules")) ||
	    (!value_count(rules) && !value_get(o->value, "rules")))
		return 0;
	plan_update(plan, o, value_set(value_ref(o->value), "rules", STEAL(rules)));
	return 0;
}

const struct controller_class aggregation_controller = {
	.name = "clusterrole-aggregation-controller",
	.manager = "clusterrole-aggregation-controller",
	.observe = observe,
	.sync = sync,
};
