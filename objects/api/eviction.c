/* SPDX-License-Identifier: MIT */
/*
 * Eviction: the deletion of a pod, if the disruption budget that it belongs to has one to give.
 * The budget is charged in the same transaction, so two evictions never share what is left.
 * Source: Kubernetes "API-initiated Eviction"; pkg/registry/core/pod/storage/eviction.go.
 */
#include "objects/api/api_i.h"

#include <errno.h>

#include "objects/selector.h"

#define DISRUPTED_MAX 2000 /* evictions that the controller has not confirmed yet */
#define REFUSED       "Cannot evict pod as it would violate the pod's disruption budget. "

/* -- the pod's budget -- */

struct found {
	struct value *budget; /* owned */
	size_t n;
};

static void find_budget(struct step *s, struct found *out)
{
	const struct kind *k = kind_find("policy", "v1", "poddisruptionbudgets");
	const struct value *labels = value_dig(s->live, "metadata", "labels", NULL);
	struct object_list all;
	uint64_t rv;

	store_list(s->run->api->store, k, s->r->ns, &all);
	for (size_t i = 0; i < all.n; i++) {
		struct value *v = run_current(s->run, object_key(all.list[i]), &rv);
		struct selector *sel =
			selector_from_object(value_dig(v, "spec", "selector", NULL), NULL);

		if (v && sel && selector_matches(sel, labels)) {
			out->n++;
			value_unref(out->budget);
			out->budget = value_ref(v);
		}
		selector_free(sel);
		value_unref(v);
	}
	object_list_fini(&all);
}

static const struct value *condition_of(const struct value *obj, const char *type)
{
	const struct value *list = value_dig(obj, "status", "conditions", NULL);

	for (size_t i = 0; i < value_count(list); i++)
		if (str_eq(value_dig_str(value_at(list, i), "type", NULL), type))
			return value_at(list, i);
	return NULL;
}

static int64_t status_int(const struct value *obj, const char *key)
{
	return value_int(value_dig(obj, "status", key, NULL), 0);
}

/* -- may it go? -- */

/* Pods that a budget does not count: they disturb nobody by going. */
static int needs_no_budget(const struct value *pod)
{
	const char *phase = value_dig_str(pod, "status", "phase", NULL);

	return object_deleting(pod) || str_eq(phase, "Succeeded") || str_eq(phase, "Failed") ||
	       str_eq(phase, "Pending");
}

/* A pod that is not ready may go for nothing: always, or while the ready ones are enough. */
static int goes_for_nothing(const struct value *pod, const struct value *budget)
{
	const struct value *ready = condition_of(pod, "Ready");
	const char *policy = value_dig_str(budget, "spec", "unhealthyPodEvictionPolicy", NULL);

	if (ready && str_eq(value_dig_str(ready, "status", NULL), "True"))
		return 0;
	return str_eq(policy, "AlwaysAllow") ||
	       (status_int(budget, "currentHealthy") >= status_int(budget, "desiredHealthy") &&
		status_int(budget, "desiredHealthy") > 0);
}

static int has_one_to_give(struct step *s, const struct value *budget)
{
	const char *name = value_dig_str(budget, "metadata", "name", NULL);
	const struct value *state = condition_of(budget, "DisruptionAllowed");

	if (status_int(budget, "observedGeneration") <
	    value_int(value_dig(budget, "metadata", "generation", NULL), 0))
		fault_add_code(&s->r->faults, EAGAIN,
			       REFUSED "The disruption budget %s is still being processed by the "
				       "server.",
			       name);
	else if (value_count(value_dig(budget, "status", "disruptedPods", NULL)) > DISRUPTED_MAX)
		fault_add_code(&s->r->faults, EAGAIN,
			       "DisruptedPods map too big - too many evictions not confirmed by "
			       "PDB controller");
	else if (status_int(budget, "disruptionsAllowed") > 0)
		return 1;
	else if (str_eq(value_dig_str(state, "reason", NULL), "SyncFailed"))
		fault_add_code(&s->r->faults, EAGAIN,
			       REFUSED "The disruption budget %s does not allow evicting pods "
				       "currently because it failed sync: %s",
			       name, value_str(value_get(state, "message"), ""));
	else
		fault_add_code(&s->r->faults, EAGAIN,
			       REFUSED "The disruption budget %s needs %lld healthy pods and has "
				       "%lld currently",
			       name, (long long)status_int(budget, "desiredHealthy"),
			       (long long)status_int(budget, "currentHealthy"));
	return 0;
}

/* -- then it goes -- */

static struct value *with_condition(struct value *taken, struct value *taken_condition)
{
	const struct value *was = value_dig(taken, "status", "conditions", NULL);
	const char *type = value_dig_str(taken_condition, "type", NULL);
	struct value *list = was ? value_ref(was) : value_new_list();
	size_t i = 0;

	while (i < value_count(list) &&
	       !str_eq(value_dig_str(value_at(list, i), "type", NULL), type))
		i++;
	list = i < value_count(list) ? value_set_at(list, i, taken_condition)
				     : value_append(list, taken_condition);
	return value_bury(taken, list, "status", "conditions", NULL);
}

static struct value *condition_made(const char *type, const char *status, const char *reason,
				    const char *message, const char *now)
{
	struct value *c = value_set_str(value_new_map(), "type", type);

	c = value_set_str(c, "status", status);
	c = value_set_str(c, "reason", reason);
	c = value_set_str(c, "message", message);
	return value_set_str(c, "lastTransitionTime", now);
}

static void charge(struct step *s, const struct value *budget)
{
	const struct kind *k = kind_find("policy", "v1", "poddisruptionbudgets");
	int64_t left = status_int(budget, "disruptionsAllowed") - 1;
	struct value *next = value_bury(value_ref(budget), value_new_int(left), "status",
					"disruptionsAllowed", NULL);
	struct value *c;

	next = value_bury(next, value_new_string(s->now), "status", "disruptedPods", s->r->name,
			  NULL);
	if (!left) {
		c = condition_made("DisruptionAllowed", "False", "InsufficientPods", "", s->now);
		c = value_set_int(c, "observedGeneration",
				  status_int(budget, "observedGeneration"));
		next = with_condition(next, c);
	}
	run_also_put(s->run,
		     (struct objkey){k, s->r->ns, value_dig_str(budget, "metadata", "name", NULL)},
		     next);
}

/* Return: whether the pod may be deleted; faults say why not. */
static int budget_allows(struct step *s)
{
	struct found f = {0};
	int allowed = 1;

	if (needs_no_budget(s->live))
		return 1;
	find_budget(s, &f);
	if (f.n > 1) {
		fault_add_code(&s->r->faults, EIO,
			       "This pod has more than one PodDisruptionBudget, which the eviction "
			       "subresource does not support.");
		allowed = 0;
	} else if (f.n && !goes_for_nothing(s->live, f.budget)) {
		allowed = has_one_to_give(s, f.budget);
		if (allowed && !(s->r->flags & API_DRY_RUN))
			charge(s, f.budget);
	}
	value_unref(f.budget);
	return allowed;
}

void step_evict(struct step *s)
{
	if (!budget_allows(s))
		return;
	step_delete(s);
	if (s->outcome == OUTCOME_PUT)
		s->next = with_condition(s->next, condition_made("DisruptionTarget", "True",
								 "EvictionByEvictionAPI",
								 "Eviction API: evicting", s->now));
}
