/* SPDX-License-Identifier: MIT */
#include "objects/controllers/facts.h"

#include <time.h>

#include "objects/quantity.h"

int64_t time_of(const char *text)
{
	int64_t sec;
	int32_t nsec;

	return text && time_parse(text, &sec, &nsec) == 0 ? sec : 0;
}

int64_t created_at(const struct value *obj)
{
	return time_of(STR_AT(obj, "metadata", "creationTimestamp"));
}

int64_t now_seconds(void)
{
	return time(NULL);
}

const struct kind *known_kind(enum known_kind k)
{
	static const struct {
		const char *group, *version, *plural;
	} names[N_KNOWN_KINDS] = {
		[K_POD] = {"", "v1", "pods"},
		[K_NODE] = {"", "v1", "nodes"},
		[K_NAMESPACE] = {"", "v1", "namespaces"},
		[K_SERVICE] = {"", "v1", "services"},
		[K_ENDPOINTS] = {"", "v1", "endpoints"},
		[K_SERVICEACCOUNT] = {"", "v1", "serviceaccounts"},
		[K_CONFIGMAP] = {"", "v1", "configmaps"},
		[K_SECRET] = {"", "v1", "secrets"},
		[K_EVENT] = {"", "v1", "events"},
		[K_PVC] = {"", "v1", "persistentvolumeclaims"},
		[K_LEASE] = {"coordination.k8s.io", "v1", "leases"},
		[K_REPLICASET] = {"apps", "v1", "replicasets"},
		[K_REPLICATIONCONTROLLER] = {"", "v1", "replicationcontrollers"},
		[K_DEPLOYMENT] = {"apps", "v1", "deployments"},
		[K_CLUSTERROLE] = {"rbac.authorization.k8s.io", "v1", "clusterroles"},
	};
	/* Compiled-in kinds never move: whoever looks first remembers it for all. */
	static const struct kind *_Atomic found[N_KNOWN_KINDS];

	if (!found[k])
		found[k] = kind_find(names[k].group, names[k].version, names[k].plural);
	return found[k];
}

/* -- conditions -- */

static size_t condition_index(const struct value *list, const char *type)
{
	size_t n = value_count(list);

	for (size_t i = 0; i < n; i++)
		if (str_eq(STR_AT(value_at(list, i), "type"), type))
			return i;
	return n;
}

const struct value *condition(const struct value *status, const char *type)
{
	const struct value *list = value_get(status, "conditions");
	size_t i = condition_index(list, type);

	return i < value_count(list) ? value_at(list, i) : NULL;
}

int condition_is(const struct value *status, const char *type, const char *value)
{
	return str_eq(STR_AT(condition(status, type), "status"), value);
}

struct value *condition_new(const char *type, const char *status, const char *reason,
			    const char *message, const char *now)
{
	struct value *c = value_set_str(value_new_map(), "type", type);

	c = value_set_str(c, "status", status);
	if (reason)
		c = value_set_str(c, "reason", reason);
	if (message)
		c = value_set_str(c, "message", message);
	return value_set_str(c, "lastTransitionTime", now);
}

static struct value *keep_transition(struct value *taken, const struct value *was)
{
	const char *since = STR_AT(was, "lastTransitionTime");

	if (since && str_eq(STR_AT(was, "status"), STR_AT(taken, "status")))
		return value_set_str(taken, "lastTransitionTime", since);
	return taken;
}

struct value *condition_remove(struct value *taken, const char *type)
{
	const struct value *list = value_get(taken, "conditions");
	size_t i = condition_index(list, type);
	struct value *rest;

	if (i == value_count(list))
		return taken;
	rest = value_del_at(value_ref(list), i);
	if (value_count(rest) == 0) {
		value_unref(rest);
		return value_del(taken, "conditions");
	}
	return value_set(taken, "conditions", rest);
}

static struct value *conditions_of(const struct value *status)
{
	const struct value *list = value_get(status, "conditions");

	return list ? value_ref(list) : value_new_list();
}

struct value *condition_set(struct value *taken, struct value *c)
{
	const char *type = STR_AT(c, "type");
	const struct value *was = condition(taken, type);

	if (was && str_eq(STR_AT(was, "status"), STR_AT(c, "status")) &&
	    str_eq(STR_AT(was, "reason"), STR_AT(c, "reason"))) {
		value_unref(c);
		return taken;
	}
	c = keep_transition(c, was);
	taken = condition_remove(taken, type);
	return value_set(taken, "conditions", value_append(conditions_of(taken), c));
}

struct value *condition_put(struct value *taken, struct value *c)
{
	const char *type = STR_AT(c, "type");
	const struct value *list = value_get(taken, "conditions");
	size_t i = condition_index(list, type);

	if (i == value_count(list))
		return value_set(taken, "conditions", value_append(conditions_of(taken), c));
	c = keep_transition(c, value_at(list, i));
	if (value_equal(c, value_at(list, i))) {
		value_unref(c);
		return taken;
	}
	return value_set(taken, "conditions", value_set_at(value_ref(list), i, c));
}

/* -- pods -- */

const char *pod_phase(const struct value *pod)
{
	const char *phase = STR_AT(pod, "status", "phase");

	return phase ? phase : "Pending";
}

int pod_is_terminal(const struct value *pod)
{
	const char *phase = pod_phase(pod);

	return str_eq(phase, "Succeeded") || str_eq(phase, "Failed");
}

int pod_is_active(const struct value *pod)
{
	return !object_deleting(pod) && !pod_is_terminal(pod);
}

int pod_is_ready(const struct value *pod)
{
	return condition_is(value_get(pod, "status"), "Ready", "True");
}

int64_t pod_ready_since(const struct value *pod)
{
	const struct value *c = condition(value_get(pod, "status"), "Ready");

	return str_eq(STR_AT(c, "status"), "True") ? time_of(STR_AT(c, "lastTransitionTime")) : 0;
}

int pod_is_available(const struct value *pod, int64_t min_ready, int64_t now)
{
	int64_t since;

	if (!pod_is_ready(pod))
		return 0;
	if (min_ready <= 0)
		return 1;
	since = pod_ready_since(pod);
	return since && since + min_ready <= now;
}

/* -- owners -- */

const char *controller_uid(const struct value *obj)
{
	return STR_AT(object_controller(obj), "uid");
}

struct value *without_owner(struct value *taken, const char *uid)
{
	const struct value *was = value_dig(taken, "metadata", "ownerReferences", NULL);
	struct value *list = was ? value_ref(was) : NULL;

	for (size_t i = value_count(list); i-- > 0;)
		if (str_eq(STR_AT(value_at(list, i), "uid"), uid))
			list = value_del_at(list, i);
	if (value_count(list) == value_count(was)) {
		value_unref(list);
		return taken;
	}
	if (value_count(list) == 0) {
		value_unref(list);
		list = NULL;
	}
	return value_bury(taken, list, "metadata", "ownerReferences", NULL);
}

struct value *with_controller(struct value *taken, const struct object *owner)
{
	const struct value *was;
	struct value *list;

	taken = without_owner(taken, owner->uid);
	was = value_dig(taken, "metadata", "ownerReferences", NULL);
	list = value_append(was ? value_ref(was) : value_new_list(), object_owner_reference(owner));
	return value_bury(taken, list, "metadata", "ownerReferences", NULL);
}
