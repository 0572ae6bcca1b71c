/* SPDX-License-Identifier: MIT */
/*
 * Deletion: at once, or marked until finalizers and the node are done with it.
 * Source: apiserver pkg/registry/rest/delete.go (BeforeDelete), Pod strategy
 * CheckGracefulDelete, "Garbage Collection" and "Finalizers" of the documentation.
 */
#include "objects/api/api_i.h"

#include <errno.h>
#include <time.h>

#include "objects/custom.h"
#include "objects/quantity.h"

static const struct value *meta_get(const struct value *obj, const char *key)
{
	return value_dig(obj, "metadata", key, NULL);
}

/* A Namespace has a second list, which the namespace controller empties. */
static int is_namespace(const struct kind *k)
{
	return !*k->group && str_eq(k->plural, "namespaces");
}

static int has_finalizers(const struct kind *k, const struct value *obj)
{
	return value_count(meta_get(obj, "finalizers")) ||
	       (is_namespace(k) && value_count(value_dig(obj, "spec", "finalizers", NULL)));
}

int deletion_is_complete(const struct kind *k, const struct value *obj)
{
	return object_deleting(obj) && !has_finalizers(k, obj) &&
	       (!(k->flags & KIND_GRACEFUL) ||
		value_int(meta_get(obj, "deletionGracePeriodSeconds"), 0) == 0);
}

static struct value *without_string(struct value *taken_list, const char *s)
{
	for (size_t i = value_count(taken_list); i-- > 0;)
		if (str_eq(value_str(value_at(taken_list, i), NULL), s))
			taken_list = value_del_at(taken_list, i);
	return taken_list;
}

/* How dependents are treated is a finalizer that garbage collection answers to. */
static struct value *with_propagation(struct value *taken, enum propagation how)
{
	const struct value *was = meta_get(taken, "finalizers");
	struct value *list;

	if (how == PROPAGATE_DEFAULT)
		return taken;
	list = was ? value_ref(was) : value_new_list();
	list = without_string(without_string(list, "orphan"), "foregroundDeletion");
	if (how == PROPAGATE_FOREGROUND)
		list = value_append(list, value_new_string("foregroundDeletion"));
	else if (how == PROPAGATE_ORPHAN)
		list = value_append(list, value_new_string("orphan"));
	if (value_equal(list, was) || (!was && !value_count(list))) {
		value_unref(list);
		return taken;
	}
	if (value_count(list) == 0) {
		value_unref(list);
		list = NULL;
	}
	return value_bury(taken, list, "metadata", "finalizers", NULL);
}

/* Seconds that the node gets to end the pod's processes. */
static int64_t pod_grace(const struct step *s)
{
	const char *phase = value_dig_str(s->live, "status", "phase", NULL);
	const char *node = value_dig_str(s->live, "spec", "nodeName", NULL);
	int64_t grace = s->r->grace_seconds;

	if (grace < 0)
		grace = value_int(value_dig(s->live, "spec", "terminationGracePeriodSeconds", NULL),
				  30);
	if (grace < 0)
		grace = 1;
	if (!node || !*node || str_eq(phase, "Failed") || str_eq(phase, "Succeeded"))
		grace = 0;
	return grace;
}

static struct value *mark(struct step *s, struct value *taken, int64_t when, int64_t grace)
{
	int64_t generation = value_int(meta_get(taken, "generation"), 0);
	char text[32];

	taken = value_bury(taken, value_new_string(time_render(when, text)), "metadata",
			   "deletionTimestamp", NULL);
	taken = value_bury(taken, value_new_int(grace), "metadata", "deletionGracePeriodSeconds",
			   NULL);
	if (generation > 0 && !object_deleting(s->live))
		taken = value_bury(taken, value_new_int(generation + 1), "metadata", "generation",
				   NULL);
	if (is_namespace(s->r->kind))
		taken = value_bury(taken, value_new_string("Terminating"), "status", "phase", NULL);
	return taken;
}

/* A second deletion may only shorten the grace. */
static struct value *mark_again(struct step *s, struct value *taken, int64_t grace)
{
	int64_t was = value_int(meta_get(taken, "deletionGracePeriodSeconds"), 0), at;
	int32_t nsec;

	if (s->r->grace_seconds < 0 || grace >= was ||
	    time_parse(value_str(meta_get(taken, "deletionTimestamp"), ""), &at, &nsec))
		return taken;
	return mark(s, taken, at - was + grace, grace);
}

/* A definition waits until its objects are gone. */
static struct value *hold_definition(struct value *taken)
{
	const struct value *was = meta_get(taken, "finalizers");

	if (object_deleting(taken) || object_has_finalizer(taken, CUSTOM_CLEANUP))
		return taken;
	return value_bury(taken,
			  value_append(was ? value_ref(was) : value_new_list(),
				       value_new_string(CUSTOM_CLEANUP)),
			  "metadata", "finalizers", NULL);
}

static int meets_preconditions(struct step *s)
{
	const char *uid = value_str(meta_get(s->live, "uid"), "");

	if (s->r->expect_uid && !str_eq(uid, s->r->expect_uid))
		fault_add_code(
			&s->r->faults, EBUSY,
			"Operation cannot be fulfilled on %s \"%s\": Precondition failed: UID in "
			"precondition: %s, UID in object meta: %s",
			kind_resource(s->r->kind), s->r->name, s->r->expect_uid, uid);
	else if ((s->r->flags & API_EXPECT_RV) && s->r->expect_rv != s->live_rv)
		fault_add_code(&s->r->faults, EBUSY,
			       "Operation cannot be fulfilled on %s \"%s\": the object has been "
			       "modified; please "
			       "apply your changes to the latest version and try again",
			       kind_resource(s->r->kind), s->r->name);
	else if (is_namespace(s->r->kind) &&
		 (str_eq(s->r->name, "default") || str_eq(s->r->name, "kube-system") ||
		  str_eq(s->r->name, "kube-public")))
		fault_add_code(&s->r->faults, EPERM,
			       "namespaces \"%s\" is forbidden: this namespace may not be deleted",
			       s->r->name);
	else
		return 1;
	return 0;
}

void step_delete(struct step *s)
{
	int graceful = s->r->kind->flags & KIND_GRACEFUL;
	int64_t grace = graceful ? pod_grace(s) : 0;
	struct value *next;

	if (!meets_preconditions(s))
		return;
	if (s->r->verb == API_DELETE) { /* an eviction was asked about as such */
		check_deletion_by_policies(s);
		if (!s->r->faults.n)
			admit_deletion(s);
	}
	if (s->r->faults.n)
		return;
	next = with_propagation(value_ref(s->live), s->r->propagation);
	if (custom_is_definition(s->r->kind))
		next = hold_definition(next);
	if (object_deleting(next))
		next = mark_again(s, next, grace);
	else
		next = mark(s, next, time(NULL) + grace, grace);
	s->next = next;
	if (deletion_is_complete(s->r->kind, next)) {
		s->outcome = OUTCOME_DELETE;
		admit_delete(s);
	} else if (!value_equal(next, s->live)) {
		s->outcome = OUTCOME_PUT;
	}
}
