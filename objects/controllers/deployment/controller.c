/* SPDX-License-Identifier: MIT */
/*
 * Deployments: revisions of a template, one ReplicaSet each, and the way from
 * one to the next.
 */
#include "objects/controllers/claims.h"
#include "objects/controllers/deployment/deployment_i.h"

#include <errno.h>

struct deployment_state {
	struct orphans orphans; /* ReplicaSets */
};

static void fini(struct controller *c)
{
	struct deployment_state *s = controller_state(c);

	orphans_fini(&s->orphans);
}

/* -- whom a change concerns -- */

static const struct claimant deployments = {K_DEPLOYMENT, selector_from_object};

/* Recreate waits for the last pod of the old revision to be gone. */
static void observe_pod_gone(struct controller *c, const struct object *pod)
{
	const char *uid = controller_uid(pod->value);
	struct object *set = uid ? store_get_uid(controller_store(c), uid) : NULL;

	if (set && is_kind(set, K_REPLICASET))
		claims_enqueue_owner(c, &deployments, set);
	object_unref(set);
}

static void observe(struct controller *c, const struct change *ch)
{
	struct deployment_state *s = controller_state(c);

	if (is_kind(ch->now, K_DEPLOYMENT))
		controller_enqueue(c, object_key(ch->now));
	else if (is_kind(ch->now, K_REPLICASET))
		claims_observe(c, &s->orphans, &deployments, ch);
	else if (ch->type == CHANGE_DELETED && is_kind(ch->now, K_POD))
		observe_pod_gone(c, ch->now);
}

/* -- the view's results become a plan -- */

static struct value *set_revision_annotation(void *arg, struct value *taken, struct err *err)
{
	return value_bury(taken, value_new_string(arg), "metadata", "annotations",
			  DEPLOYMENT_REVISION, NULL);
}

static void plan_set(struct plan *p, const struct deployment *d, struct set *s)
{
	if (s->remove) {
		plan_delete(p, s->o);
		return;
	}
	if (s->o && value_equal(s->o->value, s->value))
		return;
	if (s->o)
		plan_update(p, s->o, value_ref(s->value));
	else
		plan_create(p, known_kind(K_REPLICASET), d->o->ns, value_ref(s->value));
	if (s->replicas != s->was_replicas)
		plan_event_after(p, d->o, "Normal", "ScalingReplicaSet",
				 "Scaled %s replica set %s from %lld to %lld",
				 s->replicas > s->was_replicas ? "up" : "down", s->name,
				 (long long)s->was_replicas, (long long)s->replicas);
}

static void plan_results(struct plan *p, struct deployment *d)
{
	size_t before;

	EACH_SET(s, d)
	plan_set(p, d, s);
	before = !!d->revision;
	if (d->revision)
		plan_mutate(p, d->o, set_revision_annotation, xstrdup(d->revision), free);
	if (!value_equal(d->status, value_get(d->o->value, "status"))) {
		if (before)
			plan_join(p);
		plan_status(p, d->o, value_ref(d->status));
	}
	if (d->again_ms != UINT64_MAX)
		plan_again(p, d->again_ms);
}

/* -- strategies -- */

static void sync_scale(struct deployment *d)
{
	sync_revision(d, 0);
	scale_in_proportion(d);
	if (d->paused)
		clean_up_history(d);
	count_status(d);
}

static void sync_rolling(struct deployment *d)
{
	sync_revision(d, 1);
	if (!roll(d) && is_complete(d, value_get(d->o->value, "status")))
		clean_up_history(d);
	rollout_status(d);
}

static void sync_recreate(struct deployment *d)
{
	int waits;

	sync_revision(d, 0);
	waits = scale_down_for_recreate(d) || d->old_pods;
	EACH_OLD_SET(s, d)
	waits |= s->actual > 0;
	if (!waits) {
		sync_revision(d, 1);
		if (d->new_set->replicas != d->replicas)
			resize_set(d, d->new_set, d->replicas);
		if (is_complete(d, value_get(d->o->value, "status")))
			clean_up_history(d);
	}
	rollout_status(d);
}

static int has_running_pods(struct store *s, const struct object *set)
{
	struct object_list pods;
	int found = 0;

	store_list_owned(s, set->uid, &pods);
	for (size_t i = 0; i < pods.n && !found; i++)
		found = is_kind(pods.list[i], K_POD) && !pod_is_terminal(pods.list[i]->value);
	object_list_fini(&pods);
	return found;
}

static void look_for_old_pods(struct store *s, struct deployment *d)
{
	EACH_OLD_SET(set, d)
	d->old_pods |= has_running_pods(s, set->o);
}

static void decide(struct store *s, struct deployment *d)
{
	if (object_deleting(d->o->value)) {
		count_status(d);
		return;
	}
	note_pause(d);
	if (d->paused || is_scaling(d)) {
		sync_scale(d);
	} else if (d->rolling) {
		sync_rolling(d);
	} else {
		look_for_old_pods(s, d);
		sync_recreate(d);
	}
}

static int sync_object(struct controller *c, const struct object *o, struct plan *plan,
		       struct err *err)
{
	struct deployment_state *state = controller_state(c);
	struct selector *sel =
		selector_from_object(value_dig(o->value, "spec", "selector", NULL), err);
	struct object_list sets;
	struct deployment d;

	if (!sel)
		return err_wrap(err, "spec.selector");
	if (selector_is_empty(sel)) {
		plan_event(
			plan, o, "Warning", "SelectingAll",
			"This deployment is selecting all pods. A non-empty selector is required.");
		selector_free(sel);
		return 0;
	}
	claim_objects(&state->orphans, controller_store(c), o, known_kind(K_REPLICASET), sel, plan,
		      &sets);
	selector_free(sel);
	deployment_init(&d, o, sets.list, sets.n, now_seconds());
	decide(controller_store(c), &d);
	plan_results(plan, &d);
	deployment_fini(&d);
	object_list_fini(&sets);
	return 0;
}

static int sync(struct controller *c, struct objkey key, struct plan *plan, struct err *err)
{
	struct object *o = store_get(controller_store(c), key);
	int rc;

	if (!o)
		return 0;
	rc = sync_object(c, o, plan, err);
	object_unref(o);
	return rc;
}

/* -- what was refused -- */

static struct value *count_collision(struct value *taken_status)
{
	return value_set_int(taken_status, "collisionCount",
			     INT_AT(taken_status, "collisionCount") + 1);
}

static void tell_creation_failed(struct plan *plan, const struct object *o,
				 const struct plan_fault *f)
{
	CLEANUP_FREE char *message = NULL;
	struct err err = ERR_INIT;
	struct deployment d;

	faults_to_err(f->faults, &err);
	message = xasprintf("Failed to create new replica set \"%s\": %s", f->key.name, err.msg);
	deployment_init(&d, o, NULL, 0, now_seconds());
	if (d.deadline != NO_DEADLINE)
		set_progress(&d, "False", "ReplicaSetCreateError", "%s", message);
	plan_event(plan, o, "Warning", "ReplicaSetCreateError", "%s", message);
	plan_status(plan, o, STEAL(d.status));
	deployment_fini(&d);
}

/* The name of the new set is taken by a set of another template, or of somebody else. */
static int is_collision(struct controller *c, const struct object *o, struct objkey key)
{
	struct object *set = store_get(controller_store(c), key);
	int collision = set && !(str_eq(controller_uid(set->value), o->uid) &&
				 same_template(value_dig(set->value, "spec", "template", NULL),
					       value_dig(o->value, "spec", "template", NULL)));

	object_unref(set);
	return collision;
}

static void failed(struct controller *c, struct objkey key, const struct plan_fault *faults,
		   size_t n, struct plan *plan)
{
	struct object *o = store_get(controller_store(c), key);
	const struct plan_fault *f = NULL;

	for (size_t i = 0; i < n && !f; i++)
		if (faults[i].verb == API_CREATE)
			f = &faults[i];
	if (o && f && f->faults->code == EEXIST) {
		if (is_collision(c, o, f->key)) {
			struct value *status = value_ref(value_get(o->value, "status"));

			plan_status(plan, o, count_collision(status ? status : value_new_map()));
		}
	} else if (o && f) {
		tell_creation_failed(plan, o, f);
	}
	object_unref(o);
}

const struct controller_class deployment_controller = {
	.name = "deployment-controller",
	.state_size = sizeof(struct deployment_state),
	.fini = fini,
	.observe = observe,
	.sync = sync,
	.failed = failed,
};
