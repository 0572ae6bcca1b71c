/* SPDX-License-Identifier: MIT */
/*
 * The default roles and bindings.
 * Source: Kubernetes "Using RBAC Authorization", default roles and role bindings,
 * auto-reconciliation; pkg/registry/rbac/reconciliation.
 */
#include <errno.h>
#include <pthread.h>

#include "auth/auth_i.h"
#include "objects/codec.h"
#include "objects/controllers/aggregation.h"

extern const char default_roles_yaml[];

#define AUTOUPDATE "rbac.authorization.kubernetes.io/autoupdate"

static const struct caller self = {
	.user = "system:apiserver", .manager = "kube-apiserver", .trusted = 1};

/* What all of them have in common. */
static struct value *complete(const struct value *from)
{
	struct value *v = value_set_str(value_ref(from), "apiVersion", RBAC_GROUP "/v1");
	struct value *subjects = value_new_list(), *subject, *ref;

	v = value_bury(v, value_new_string("rbac-defaults"), "metadata", "labels",
		       "kubernetes.io/bootstrapping", NULL);
	v = value_bury(v, value_new_string("true"), "metadata", "annotations", AUTOUPDATE, NULL);
	if (!value_get(v, "roleRef")) {
		value_unref(subjects);
		return v;
	}
	ref = value_set_str(value_ref(value_get(v, "roleRef")), "apiGroup", RBAC_GROUP);
	for (size_t i = 0; i < value_count(value_get(v, "subjects")); i++) {
		subject = value_ref(value_at(value_get(v, "subjects"), i));
		subjects = value_append(subjects, value_set_str(subject, "apiGroup", RBAC_GROUP));
	}
	return value_set(value_set(v, "roleRef", ref), "subjects", subjects);
}

/* taken with every element of wanted's list that it has not. */
static struct value *add_elements(struct value *taken, const struct value *wanted, const char *key)
{
	const struct value *list = value_get(wanted, key);
	struct value *has =
		value_get(taken, key) ? value_ref(value_get(taken, key)) : value_new_list();
	size_t before = value_count(has);

	for (size_t i = 0; i < value_count(list); i++) {
		int there = 0;

		for (size_t j = 0; j < before && !there; j++)
			there = value_equal(value_at(has, j), value_at(list, i));
		if (!there)
			has = value_append(has, value_ref(value_at(list, i)));
	}
	if (value_count(has) > before)
		return value_set(taken, key, has);
	value_unref(has);
	return taken;
}

static struct value *add_metadata(struct value *taken, const struct value *wanted, const char *key)
{
	const struct value *map = value_dig(wanted, "metadata", key, NULL);

	for (size_t i = 0; i < value_count(map); i++)
		if (!value_dig(taken, "metadata", key, value_key_at(map, i), NULL))
			taken = value_bury(taken, value_ref(value_at(map, i)), "metadata", key,
					   value_key_at(map, i), NULL);
	return taken;
}

/* What is there, with what is missing from it. NULL: nothing is, or it is left alone. Owned. */
static struct value *reconciled(const struct value *live, const struct value *wanted)
{
	struct value *v;

	if (str_eq(object_annotation(live, AUTOUPDATE), "false"))
		return NULL;
	v = add_metadata(add_metadata(value_ref(live), wanted, "labels"), wanted, "annotations");
	if (value_get(wanted, "aggregationRule")) {
		if (!value_get(live, "aggregationRule"))
			v = value_set(v, "aggregationRule",
				      value_ref(value_get(wanted, "aggregationRule")));
	} else {
		v = add_elements(v, wanted, value_get(wanted, "roleRef") ? "subjects" : "rules");
	}
	if (value_equal(v, live)) {
		value_unref(v);
		return NULL;
	}
	return v;
}

static struct api_request *request(enum api_verb verb, const struct kind *k, struct value *taken)
{
	struct api_request *r =
		api_request_new(verb, k, "", value_dig_str(taken, "metadata", "name", NULL));

	r->body = taken;
	return r;
}

static void plan(struct api *api, struct api_batch *b, const struct value *document)
{
	CLEANUP_VALUE struct value *wanted = complete(document);
	const struct kind *k = kind_by_gvk(RBAC_GROUP "/v1", value_dig_str(wanted, "kind", NULL));
	CLEANUP_OBJECT struct object *live =
		store_get(api_store(api),
			  (struct objkey){k, "", value_dig_str(wanted, "metadata", "name", NULL)});
	struct value *next;

	if (!live) {
		api_batch_add(b, request(API_CREATE, k, STEAL(wanted)));
		return;
	}
	/* whom a binding gives what cannot be changed: an own one of that name stays */
	if (!value_equal(value_get(live->value, "roleRef"), value_get(wanted, "roleRef")))
		return;
	next = reconciled(live->value, wanted);
	if (next)
		api_batch_add(b, request(API_UPDATE, k, next));
}

/* -- committing, waited for -- */

struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	int done, rc;
	struct err *err;
};

static void on_done(struct api_batch *b, int rc)
{
	struct waiter *w = b->arg;

	for (size_t i = 0; rc && i < b->n; i++)
		if (b->list[i]->faults.n)
			faults_to_err(&b->list[i]->faults, w->err);
	pthread_mutex_lock(&w->lock);
	w->rc = rc;
	w->done = 1;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

static int commit_all(struct api *api, struct documents *docs, struct err *err)
{
	struct waiter w = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, err};
	struct api_batch *b = api_batch_new(on_done, &w);

	for (size_t i = 0; i < docs->n; i++)
		plan(api, b, docs->list[i].value);
	if (!b->n) {
		api_batch_free(b);
		return 0;
	}
	api_submit(api, &self, b);
	pthread_mutex_lock(&w.lock);
	while (!w.done)
		pthread_cond_wait(&w.cond, &w.lock);
	pthread_mutex_unlock(&w.lock);
	return w.rc;
}

/* What the controller does from then on: so the roles hold something at once. */
static int aggregate(struct api *api, const char *name, struct err *err)
{
	const struct kind *k = kind_find(RBAC_GROUP, "v1", "clusterroles");
	CLEANUP_OBJECT struct object *o = store_get(api_store(api), (struct objkey){k, "", name});
	struct value *rules = o ? aggregated_rules(api_store(api), o->value) : NULL;
	struct api_request *r;
	int rc;

	if (!rules || value_equal(rules, value_get(o->value, "rules"))) {
		value_unref(rules);
		return 0;
	}
	r = request(API_UPDATE, k, value_set(value_ref(o->value), "rules", rules));
	r->manager = xstrdup("clusterrole-aggregation-controller");
	rc = api_call(api, &self, r);
	if (rc)
		faults_to_err(&r->faults, err);
	api_request_free(r);
	return rc;
}

int auth_bootstrap(struct api *api, struct err *err)
{
	/* each takes in the one before */
	static const char *const sums[] = {"view", "edit", "admin"};
	struct documents docs = {0};
	struct faults faults = FAULTS_INIT;
	int rc = yaml_parse(default_roles_yaml, strlen(default_roles_yaml), &docs, &faults);

	if (rc)
		faults_to_err(&faults, err);
	else
		rc = commit_all(api, &docs, err);
	documents_fini(&docs);
	faults_fini(&faults);
	for (size_t i = 0; !rc && i < ARRAY_LEN(sums); i++)
		rc = aggregate(api, sums[i], err);
	if (rc)
		err_wrap(err, "default roles");
	return rc;
}
