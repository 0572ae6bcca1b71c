/* SPDX-License-Identifier: MIT */
/*
 * What the API server's create and update strategies do to an object: who may
 * say what. The one who writes a spec does not write the status, and the other
 * way round; what the server made (uid, times, addresses) stays when an update
 * leaves it out.
 * Source: Kubernetes pkg/registry/<group>/<kind>/strategy.go.
 */
#include "objects/schema.h"

#include "objects/defaults/fills.h"

/* Copies taken[...] = old[...] for a field that the new one leaves out. */
static struct value *keep_field(struct value *taken, const struct value *old, const char *name)
{
	const struct value *was = value_get(old, name);

	return was && !value_get(taken, name) ? value_set(taken, name, value_ref(was)) : taken;
}

static struct value *set_from(struct value *taken, const struct value *old, const char *name)
{
	const struct value *was = value_get(old, name);

	return was ? value_set(taken, name, value_ref(was)) : value_del(taken, name);
}

static struct value *take_map(const struct value *v)
{
	return value_is(v, VALUE_MAP) ? value_ref(v) : value_new_map();
}

static int is_core(const struct kind *k, const char *name)
{
	return !*k->group && str_eq(k->kind, name);
}

static struct value *prepare_meta(const struct kind *k, struct value *taken,
				  const struct value *old)
{
	static const char *const kept[] = {"uid", "creationTimestamp", "deletionTimestamp",
					   "deletionGracePeriodSeconds", "selfLink"};
	struct value *meta = take_map(value_get(taken, "metadata"));
	const struct value *was = value_get(old, "metadata");

	if (!(k->flags & KIND_NAMESPACED))
		meta = value_del(meta, "namespace");
	if (old) {
		for (size_t i = 0; i < ARRAY_LEN(kept); i++)
			meta = keep_field(meta, was, kept[i]);
		meta = set_from(meta, was, "generation");
	} else {
		meta = value_del(meta, "deletionTimestamp");
		meta = value_del(meta, "deletionGracePeriodSeconds");
		meta = k->flags & KIND_GENERATION ? value_set_int(meta, "generation", 1)
						  : value_del(meta, "generation");
	}
	return value_set(taken, "metadata", meta);
}

/* The status of a new object: what the defaults make of an empty one. */
static struct value *empty_status(const struct kind *k, struct value *taken)
{
	return kind_default(k, value_del(taken, "status"));
}

static struct value *create_pod(struct value *taken)
{
	struct value *status = value_new_map(), *gated;

	status = value_set_str(status, "phase", "Pending");
	status = value_set_str(status, "qosClass", pod_qos_class(value_get(taken, "spec")));
	if (value_count(value_dig(taken, "spec", "schedulingGates", NULL))) {
		gated = value_set_str(value_new_map(), "type", "PodScheduled");
		gated = value_set_str(gated, "status", "False");
		gated = value_set_str(gated, "reason", "SchedulingGated");
		gated = value_set_str(gated, "message",
				      "Scheduling is blocked due to non-empty scheduling gates");
		status = value_set(status, "conditions", value_append(value_new_list(), gated));
	}
	return value_set(taken, "status", status);
}

static struct value *create_namespace(struct value *taken)
{
	const struct value *list = value_dig(taken, "spec", "finalizers", NULL);
	int has = 0;

	for (size_t i = 0; i < value_count(list); i++)
		has |= str_eq(value_str(value_at(list, i), ""), "kubernetes");
	if (!has)
		taken = value_bury(taken,
				   value_append(list ? value_ref(list) : value_new_list(),
						value_new_string("kubernetes")),
				   "spec", "finalizers", NULL);
	return value_set(taken, "status", value_set_str(value_new_map(), "phase", "Active"));
}

static int is_definition(const struct kind *k)
{
	return str_eq(k->group, "apiextensions.k8s.io") &&
	       str_eq(k->kind, "CustomResourceDefinition");
}

/* Objects may be stored in this version from now on: nobody removes it by mistake. */
static struct value *definition_note_stored(struct value *taken)
{
	const struct value *versions = value_dig(taken, "spec", "versions", NULL),
			   *was = value_dig(taken, "status", "storedVersions", NULL);
	const struct value *name = NULL;

	for (size_t i = 0; i < value_count(versions); i++)
		if (value_bool(value_get(value_at(versions, i), "storage"), 0))
			name = value_get(value_at(versions, i), "name");
	for (size_t i = 0; name && i < value_count(was); i++)
		if (value_equal(value_at(was, i), name))
			name = NULL;
	if (!value_strlen(name))
		return taken;
	return value_bury(taken,
			  value_append(was ? value_ref(was) : value_new_list(), value_ref(name)),
			  "status", "storedVersions", NULL);
}

static struct value *prepare_create(const struct kind *k, struct value *taken)
{
	if (!(k->flags & KIND_STATUS) || is_core(k, "Node"))
		return taken;
	taken = empty_status(k, taken);
	if (is_core(k, "Pod"))
		return create_pod(taken);
	if (is_core(k, "Namespace"))
		return create_namespace(taken);
	if (str_eq(k->group, "batch") && str_eq(k->kind, "Job"))
		return job_select_own(taken);
	if (is_definition(k))
		return definition_note_stored(taken);
	return taken;
}

static struct value *prepare_update(const struct kind *k, struct value *taken,
				    const struct value *old)
{
	if (is_core(k, "Namespace") && value_dig(old, "spec", "finalizers", NULL))
		taken = value_bury(taken, value_ref(value_dig(old, "spec", "finalizers", NULL)),
				   "spec", "finalizers", NULL);
	if (is_core(k, "Service"))
		taken = service_keep_allocated(taken, old);
	if (!(k->flags & KIND_STATUS))
		return taken;
	taken = set_from(taken, old, "status");
	return is_definition(k) ? definition_note_stored(taken) : taken;
}

/* Everything but the status is the old one's, and who wrote it when. */
static struct value *prepare_status(struct value *taken, const struct value *old)
{
	struct value *out = value_ref(old), *meta = take_map(value_get(old, "metadata"));

	meta = set_from(meta, value_get(taken, "metadata"), "managedFields");
	if (value_dig(taken, "metadata", "resourceVersion", NULL))
		meta = set_from(meta, value_get(taken, "metadata"), "resourceVersion");
	out = value_set(out, "metadata", meta);
	out = set_from(out, taken, "status");
	value_unref(taken);
	return out;
}

struct value *kind_prepare(const struct kind *k, struct value *taken, const struct value *old,
			   int status_only)
{
	if (!value_is(taken, VALUE_MAP))
		return taken;
	if (old && status_only)
		return prepare_status(taken, old);
	taken = prepare_meta(k, taken, old);
	return old ? prepare_update(k, taken, old) : prepare_create(k, taken);
}
