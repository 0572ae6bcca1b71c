/* SPDX-License-Identifier: MIT */
#include "objects/controllers/deployment_ops.h"

#include <errno.h>

#include "objects/controllers/deployment/deployment_i.h"

static struct api_request *edit(const struct object *o, api_mutate_fn fn, void *arg,
				void (*free_arg)(void *))
{
	struct api_request *r = api_request_new(API_MUTATE, o->kind, o->ns, o->name);

	r->mutate = fn;
	r->mutate_arg = arg;
	r->mutate_free = free_arg;
	return r;
}

static void value_free(void *arg)
{
	value_unref(arg);
}

static struct value *refuse(struct value *taken, struct err *err, const char *why)
{
	err_set(err, EINVAL, "%s \"%s\": %s", STR_AT(taken, "kind") ? STR_AT(taken, "kind") : "",
		STR_AT(taken, "metadata", "name") ? STR_AT(taken, "metadata", "name") : "", why);
	value_unref(taken);
	return NULL;
}

static int is_paused(const struct value *v)
{
	return value_bool(value_dig(v, "spec", "paused", NULL), 0);
}

/* -- scale -- */

/* arg: {path, replicas}. A path is keys with dots between them. */
static struct value *set_at(struct value *taken, const char *path, struct value *taken_child)
{
	size_t n = strcspn(path, ".");
	CLEANUP_FREE char *key = xstrndup(path, n);
	const struct value *was = value_get(taken, key);

	if (path[n])
		taken_child = set_at(value_is(was, VALUE_MAP) ? value_ref(was) : value_new_map(),
				     path + n + 1, taken_child);
	return value_set(taken, key, taken_child);
}

static struct value *set_replicas(void *arg, struct value *taken, struct err *err)
{
	return set_at(taken, value_str(value_get(arg, "path"), ""),
		      value_ref(value_get(arg, "replicas")));
}

struct api_request *deployment_scale(const struct object *o, int64_t replicas, struct err *err)
{
	const struct kind_scale *scale = o->kind->scale;
	struct api_request *r;
	struct value *arg;

	if (replicas < 0 || replicas > INT32_MAX) {
		err_set(err, EINVAL, "spec.replicas: Invalid value: %lld: must be between 0 and %d",
			(long long)replicas, INT32_MAX);
		return NULL;
	}
	arg = value_set_str(value_new_map(), "path",
			    scale ? scale->spec_replicas : "spec.replicas");
	r = edit(o, set_replicas, value_set_int(arg, "replicas", replicas), value_free);
	r->flags |= API_SCALE;
	return r;
}

/* -- restart, pause, resume -- */

static struct value *restart(void *arg, struct value *taken, struct err *err)
{
	if (is_paused(taken))
		return refuse(taken, err, "can't restart paused deployment (resume it first)");
	return value_bury(taken, value_ref(arg), "spec", "template", "metadata", "annotations",
			  "kubectl.kubernetes.io/restartedAt", NULL);
}

struct api_request *deployment_restart(const struct object *o)
{
	char now[32];

	return edit(o, restart, value_new_string(api_now(now)), value_free);
}

static struct value *pause(void *arg, struct value *taken, struct err *err)
{
	if (is_paused(taken))
		return refuse(taken, err, "is already paused");
	return value_bury(taken, value_new_bool(1), "spec", "paused", NULL);
}

struct api_request *deployment_pause(const struct object *o)
{
	return edit(o, pause, NULL, NULL);
}

static struct value *resume(void *arg, struct value *taken, struct err *err)
{
	if (!is_paused(taken))
		return refuse(taken, err, "is not paused");
	return value_bury(taken, NULL, "spec", "paused", NULL);
}

struct api_request *deployment_resume(const struct object *o)
{
	return edit(o, resume, NULL, NULL);
}

/* -- undo -- */

/* arg: {template, annotations} of the revision. */
static struct value *roll_back(void *arg, struct value *taken, struct err *err)
{
	const struct value *template = value_get(arg, "template"),
			   *from = value_get(arg, "annotations");
	const struct value *own = value_dig(taken, "metadata", "annotations", NULL);
	struct value *annotations = value_new_map();

	if (is_paused(taken)) {
		value_unref(annotations);
		return refuse(
			taken, err,
			"you cannot rollback a paused deployment; resume it first and try again");
	}
	for (size_t i = 0; i < value_count(own); i++)
		if (is_own_annotation(value_key_at(own, i)))
			annotations = value_set(annotations, value_key_at(own, i),
						value_ref(value_at(own, i)));
	for (size_t i = 0; i < value_count(from); i++)
		if (!is_own_annotation(value_key_at(from, i)))
			annotations = value_set(annotations, value_key_at(from, i),
						value_ref(value_at(from, i)));
	if (value_count(annotations) == 0) {
		value_unref(annotations);
		annotations = NULL;
	}
	taken = value_bury(taken, annotations, "metadata", "annotations", NULL);
	return value_bury(taken, value_ref(template), "spec", "template", NULL);
}

/* The set of a revision; 0: of the second highest. NULL: there is none. */
static const struct object *find_revision(const struct object_list *sets, const struct object *o,
					  int64_t revision)
{
	const struct object *newest = NULL, *previous = NULL;
	int64_t high = -1, second = -1;

	for (size_t i = 0; i < sets->n; i++) {
		const struct object *s = sets->list[i];
		int64_t n = revision_of(s->value);

		if (!is_kind(s, K_REPLICASET) || !str_eq(controller_uid(s->value), o->uid))
			continue;
		if (revision && n == revision)
			return s;
		if (n > high) {
			previous = newest;
			second = high;
			newest = s;
			high = n;
		} else if (n > second) {
			previous = s;
			second = n;
		}
	}
	return revision ? NULL : previous;
}

static struct value *target_of(const struct object *set)
{
	const struct value *template = value_dig(set->value, "spec", "template", NULL);
	const struct value *annotations = value_dig(set->value, "metadata", "annotations", NULL);
	const struct value *labels = value_dig(template, "metadata", "labels", NULL);
	struct value *target = value_new_map();

	target = value_set(target, "annotations", value_ref(annotations));
	return value_set(target, "template",
			 value_bury(value_ref(template),
				    value_del(value_ref(labels), POD_TEMPLATE_HASH), "metadata",
				    "labels", NULL));
}

struct api_request *deployment_undo(struct store *s, const struct object *o, int64_t revision,
				    struct err *err)
{
	const struct object *set;
	struct api_request *r = NULL;
	struct object_list sets;

	store_list_owned(s, o->uid, &sets);
	set = find_revision(&sets, o, revision);
	if (!set && revision)
		err_set(err, ENOENT, "unable to find specified revision %lld in history",
			(long long)revision);
	else if (!set)
		err_set(err, ENOENT, "no rollout history found for deployment \"%s\"", o->name);
	else if (same_template(value_dig(set->value, "spec", "template", NULL),
			       value_dig(o->value, "spec", "template", NULL)))
		err_set(err, EINVAL,
			"skipped rollback (current template already matches revision %lld)",
			(long long)revision_of(set->value));
	else
		r = edit(o, roll_back, target_of(set), value_free);
	object_list_fini(&sets);
	return r;
}
