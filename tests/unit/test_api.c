/* SPDX-License-Identifier: MIT */
/* The write path: each verb against a real store on SQLite. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "objects/api.h"
#include "objects/codec.h"
#include "objects/store/backend.h"
#include "util/fd.h"

struct fixture {
	char dir[64];
	struct store *store;
	struct api *api;
};

static const struct caller alice = {.user = "alice"};

static const struct kind *kind(const char *plural)
{
	const struct kind *k = kind_by_name(plural);

	assert_non_null(k);
	return k;
}

static struct value *parse(const char *json)
{
	struct err err = ERR_INIT;
	struct value *v = json_parse(json, strlen(json), &err);

	if (!v)
		fail_msg("%s", err.msg);
	return v;
}

static struct api_request *request(enum api_verb verb, const char *plural, const char *ns,
				   const char *name, const char *body)
{
	struct api_request *r = api_request_new(verb, kind(plural), ns, name);

	if (body)
		r->body = parse(body);
	return r;
}

/* Submit, and let the request go. Return: api_call's. */
static int call(struct fixture *f, struct api_request *r, struct object **result)
{
	int rc = api_call(f->api, &alice, r);

	if (rc)
		assert_true(r->faults.n > 0);
	if (result)
		*result = object_ref(r->result);
	api_request_free(r);
	return rc;
}

static void must(struct fixture *f, struct api_request *r)
{
	int rc = api_call(f->api, &alice, r);

	if (rc)
		fail_msg("%s %s: %s", r->kind->plural, r->name,
			 r->faults.n ? r->faults.list[0].message : "?");
	api_request_free(r);
}

static struct object *get(struct fixture *f, const char *plural, const char *ns, const char *name)
{
	return store_get(f->store, (struct objkey){kind(plural), ns, name});
}

static int64_t generation(const struct object *o)
{
	return value_int(value_dig(o->value, "metadata", "generation", NULL), -1);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct err err = ERR_INIT;
	char path[96];

	strcpy(f->dir, "/tmp/k8sfs-api-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(path, sizeof(path), "%s/db", f->dir);
	f->store = store_open(backend_sqlite_open(path, &err), &err);
	assert_non_null(f->store);
	f->api = api_new(f->store, &(struct api_hooks){.service_cidr = "10.96.0.0/29"}, &err);
	assert_non_null(f->api);
	must(f, request(API_CREATE, "namespaces", "", "default", "{}"));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	api_free(f->api);
	store_close(f->store);
	assert_int_equal(fd_remove_tree(f->dir, NULL), 0);
	free(f);
	return 0;
}

#define CONFIG(data) "{\"data\":" data "}"

static void test_create(void **state)
{
	struct fixture *f = *state;
	CLEANUP_OBJECT struct object *o = NULL, *generated = NULL;

	assert_int_equal(
		call(f, request(API_CREATE, "configmaps", "default", "c", CONFIG("{\"a\":\"1\"}")),
		     &o),
		0);
	assert_string_equal(value_dig_str(o->value, "apiVersion", NULL), "v1");
	assert_string_equal(value_dig_str(o->value, "kind", NULL), "ConfigMap");
	assert_int_equal(strlen(o->uid), 36);
	assert_non_null(value_dig(o->value, "metadata", "creationTimestamp", NULL));
	assert_string_equal(
		value_dig_str(value_at(value_dig(o->value, "metadata", "managedFields", NULL), 0),
			      "manager", NULL),
		"alice");
	assert_int_equal(
		call(f, request(API_CREATE, "configmaps", "default", "c", CONFIG("{}")), NULL),
		-EEXIST);
	assert_int_equal(
		call(f, request(API_CREATE, "configmaps", "nowhere", "c", CONFIG("{}")), NULL),
		-ENOENT);
	assert_int_equal(
		call(f, request(API_CREATE, "configmaps", "default", "No", CONFIG("{}")), NULL),
		-EINVAL);
	assert_int_equal(
		call(f, request(API_CREATE, "configmaps", "default", "d", "{\"dta\":{}}"), NULL),
		-EINVAL);
	assert_int_equal(call(f,
			      request(API_CREATE, "configmaps", "default", NULL,
				      "{\"metadata\":{\"generateName\":\"g-\"}}"),
			      &generated),
			 0);
	assert_true(str_starts(generated->name, "g-"));
	assert_int_equal(strlen(generated->name), 7);
}

static void test_all_faults_at_once(void **state)
{
	struct fixture *f = *state;
	struct api_request *r = request(API_CREATE, "configmaps", "default", "No", "{\"dta\":{}}");

	assert_int_equal(api_call(f->api, &alice, r), -EINVAL);
	assert_int_equal(r->faults.n, 2);
	assert_string_equal(r->faults.list[0].field, "dta");
	assert_string_equal(r->faults.list[1].field, "metadata.name");
	api_request_free(r);
}

static void test_update_demands_the_version_it_names(void **state)
{
	struct fixture *f = *state;
	CLEANUP_OBJECT struct object *one = NULL, *two = NULL, *three = NULL;
	struct api_request *r;

	assert_int_equal(
		call(f, request(API_CREATE, "configmaps", "default", "c", CONFIG("{\"a\":\"1\"}")),
		     &one),
		0);
	r = request(API_UPDATE, "configmaps", "default", "c", CONFIG("{\"a\":\"2\"}"));
	assert_int_equal(call(f, r, &two), 0);
	assert_true(two->rv > one->rv);
	assert_string_equal(two->uid, one->uid);
	/* the first snapshot is old now */
	r = api_request_new(API_UPDATE, kind("configmaps"), "default", "c");
	r->body = value_ref(one->value);
	assert_int_equal(call(f, r, NULL), -EBUSY);
	/* the same again changes nothing */
	r = request(API_UPDATE, "configmaps", "default", "c", CONFIG("{\"a\":\"2\"}"));
	assert_int_equal(call(f, r, &three), 0);
	assert_true(three->rv == two->rv);
	r = request(API_UPDATE, "configmaps", "default", "absent", CONFIG("{}"));
	assert_int_equal(call(f, r, NULL), -ENOENT);
}

#define DEPLOYMENT                                                                                 \
	"{\"spec\":{\"replicas\":2,\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{"    \
	"\"metadata\":{"                                                                           \
	"\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}" \
	"}"

static void test_generation_counts_spec_only(void **state)
{
	struct fixture *f = *state;
	CLEANUP_OBJECT struct object *made = NULL, *labelled = NULL, *scaled = NULL, *status = NULL;

	assert_int_equal(
		call(f, request(API_CREATE, "deployments", "default", "d", DEPLOYMENT), &made), 0);
	assert_int_equal(generation(made), 1);
	assert_string_equal(value_dig_str(made->value, "spec", "strategy", "type", NULL),
			    "RollingUpdate");
	assert_int_equal(call(f,
			      request(API_PATCH_MERGE, "deployments", "default", "d",
				      "{\"metadata\":{\"labels\":{\"x\":\"y\"}}}"),
			      &labelled),
			 0);
	assert_int_equal(generation(labelled), 1);
	assert_int_equal(call(f,
			      request(API_PATCH_MERGE, "deployments", "default", "d",
				      "{\"spec\":{\"replicas\":3}}"),
			      &scaled),
			 0);
	assert_int_equal(generation(scaled), 2);
	/* status goes its own way, and takes nothing else along */
	struct api_request *r = request(API_PATCH_MERGE, "deployments", "default", "d",
					"{\"spec\":{\"replicas\":9},\"status\":{\"replicas\":1}}");

	r->flags |= API_STATUS;
	assert_int_equal(call(f, r, &status), 0);
	assert_int_equal(value_int(value_dig(status->value, "spec", "replicas", NULL), 0), 3);
	assert_int_equal(value_int(value_dig(status->value, "status", "replicas", NULL), 0), 1);
	assert_int_equal(generation(status), 2);
	/* and an ordinary write does not touch it */
	struct object *again = NULL;

	assert_int_equal(call(f,
			      request(API_PATCH_MERGE, "deployments", "default", "d",
				      "{\"spec\":{\"replicas\":4},\"status\":{\"replicas\":7}}"),
			      &again),
			 0);
	assert_int_equal(value_int(value_dig(again->value, "status", "replicas", NULL), 0), 1);
	object_unref(again);
}

static void test_immutable_is_eperm(void **state)
{
	struct fixture *f = *state;

	must(f, request(API_CREATE, "deployments", "default", "d", DEPLOYMENT));
	assert_int_equal(call(f,
			      request(API_PATCH_MERGE, "deployments", "default", "d",
				      "{\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"c\"}},"
				      "\"template\":{\"metadata\":{"
				      "\"labels\":{\"a\":\"c\"}}}}}"),
			      NULL),
			 -EPERM);
	assert_int_equal(call(f,
			      request(API_PATCH_MERGE, "deployments", "default", "d",
				      "{\"metadata\":{\"name\":\"e\"}}"),
			      NULL),
			 -EPERM);
}

static void test_a_patch_cannot_take_the_name(void **state)
{
	struct fixture *f = *state;

	must(f, request(API_CREATE, "configmaps", "default", "c", CONFIG("{\"a\":\"1\"}")));
	assert_int_equal(
		call(f,
		     request(API_PATCH_MERGE, "configmaps", "default", "c", "{\"metadata\":null}"),
		     NULL),
		-EPERM);
	assert_int_equal(call(f,
			      request(API_PATCH_JSON, "configmaps", "default", "c",
				      "[{\"op\":\"remove\",\"path\":\"/metadata/name\"}]"),
			      NULL),
			 -EPERM);
}

static void test_finalizers_hold_a_deletion(void **state)
{
	struct fixture *f = *state;
	CLEANUP_OBJECT struct object *deleting = NULL, *gone = NULL;

	must(f, request(API_CREATE, "configmaps", "default", "c",
			"{\"metadata\":{\"finalizers\":[\"example.com/hold\"]}}"));
	must(f, request(API_DELETE, "configmaps", "default", "c", NULL));
	deleting = get(f, "configmaps", "default", "c");
	assert_non_null(deleting);
	assert_true(object_deleting(deleting->value));
	must(f, request(API_PATCH_MERGE, "configmaps", "default", "c",
			"{\"metadata\":{\"finalizers\":null}}"));
	gone = get(f, "configmaps", "default", "c");
	assert_null(gone);
	assert_int_equal(call(f, request(API_DELETE, "configmaps", "default", "c", NULL), NULL),
			 -ENOENT);
}

#define POD "{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}"

static struct value *bind_it(void *arg, struct value *taken, struct err *err)
{
	return value_bury(taken, value_new_string("node-1"), "spec", "nodeName", NULL);
}

static void test_pods_end_gracefully(void **state)
{
	struct fixture *f = *state;
	struct caller scheduler = {.user = "system:kube-scheduler", .trusted = 1};
	CLEANUP_OBJECT struct object *pod = NULL, *shorter = NULL;
	struct api_request *r;

	must(f, request(API_CREATE, "pods", "default", "p", POD));
	pod = get(f, "pods", "default", "p");
	assert_string_equal(value_dig_str(pod->value, "status", "phase", NULL), "Pending");
	assert_string_equal(value_dig_str(pod->value, "status", "qosClass", NULL), "BestEffort");
	assert_string_equal(value_dig_str(pod->value, "spec", "serviceAccountName", NULL),
			    "default");
	assert_int_equal(value_count(value_dig(pod->value, "spec", "tolerations", NULL)), 2);
	r = api_request_new(API_MUTATE, kind("pods"), "default", "p");
	r->flags = API_BINDING;
	r->mutate = bind_it;
	assert_int_equal(api_call(f->api, &scheduler, r), 0);
	api_request_free(r);
	must(f, request(API_DELETE, "pods", "default", "p", NULL));
	object_unref(pod);
	pod = get(f, "pods", "default", "p");
	assert_int_equal(
		value_int(value_dig(pod->value, "metadata", "deletionGracePeriodSeconds", NULL),
			  -1),
		30);
	r = request(API_DELETE, "pods", "default", "p", NULL);
	r->grace_seconds = 5;
	must(f, r);
	shorter = get(f, "pods", "default", "p");
	assert_int_equal(
		value_int(value_dig(shorter->value, "metadata", "deletionGracePeriodSeconds", NULL),
			  -1),
		5);
	r = request(API_DELETE, "pods", "default", "p", NULL);
	r->grace_seconds = 0;
	must(f, r);
	assert_null(get(f, "pods", "default", "p"));
	/* one that no node has needs no grace */
	must(f, request(API_CREATE, "pods", "default", "q", POD));
	must(f, request(API_DELETE, "pods", "default", "q", NULL));
	assert_null(get(f, "pods", "default", "q"));
}

static void batch_done(struct api_batch *b, int rc)
{
	__atomic_store_n((int *)b->arg, rc, __ATOMIC_RELEASE);
}

/* Runs on the calling thread when refused; waits for the store otherwise. */
static int submit_pair(struct fixture *f, struct api_request *a, struct api_request *b)
{
	int rc = 1;
	struct api_batch *batch = api_batch_new(batch_done, &rc);

	api_batch_add(batch, a);
	api_batch_add(batch, b);
	api_submit(f->api, &alice, batch);
	for (int i = 0; i < 5000 && __atomic_load_n(&rc, __ATOMIC_ACQUIRE) == 1; i++)
		usleep(1000);
	return rc;
}

static void test_a_batch_is_all_or_nothing(void **state)
{
	struct fixture *f = *state;
	struct object *o;

	/* a namespace and what goes into it */
	assert_int_equal(submit_pair(f, request(API_CREATE, "namespaces", "", "prod", "{}"),
				     request(API_CREATE, "configmaps", "prod", "c", CONFIG("{}"))),
			 0);
	assert_int_equal(
		submit_pair(f, request(API_CREATE, "configmaps", "default", "good", CONFIG("{}")),
			    request(API_CREATE, "configmaps", "default", "bad",
				    "{\"data\":{\"a\":1}}")),
		-EINVAL);
	assert_null(get(f, "configmaps", "default", "good"));
	/* two changes of one object in one batch */
	assert_int_equal(submit_pair(f,
				     request(API_CREATE, "configmaps", "default", "twice",
					     CONFIG("{\"a\":\"1\"}")),
				     request(API_PATCH_MERGE, "configmaps", "default", "twice",
					     CONFIG("{\"b\":\"2\"}"))),
			 0);
	o = get(f, "configmaps", "default", "twice");
	assert_int_equal(value_count(value_get(o->value, "data")), 2);
	object_unref(o);
}

static void test_dry_run_stores_nothing(void **state)
{
	struct fixture *f = *state;
	struct api_request *r = request(API_CREATE, "deployments", "default", "d", DEPLOYMENT);

	r->flags |= API_DRY_RUN;
	assert_int_equal(api_call(f->api, &alice, r), 0);
	assert_int_equal(
		value_int(value_dig(r->preview, "spec", "progressDeadlineSeconds", NULL), 0), 600);
	api_request_free(r);
	assert_null(get(f, "deployments", "default", "d"));
}

#define SERVICE(ip)                                                                                \
	"{\"spec\":{\"clusterIP\":\"" ip "\",\"ports\":[{\"port\":80}],\"selector\":{\"a\":\"b\"}" \
	"}}"

static void test_service_addresses(void **state)
{
	struct fixture *f = *state;
	CLEANUP_OBJECT struct object *a = NULL;
	char name[8];

	/* a /29 has 6 hosts, the first is kept back */
	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		must(f, request(API_CREATE, "services", "default", name, SERVICE("")));
	}
	a = get(f, "services", "default", "s0");
	assert_string_equal(value_dig_str(a->value, "spec", "clusterIP", NULL), "10.96.0.2");
	assert_string_equal(
		value_str(value_at(value_dig(a->value, "spec", "clusterIPs", NULL), 0), NULL),
		"10.96.0.2");
	assert_int_equal(
		call(f, request(API_CREATE, "services", "default", "full", SERVICE("")), NULL),
		-EAGAIN);
	must(f, request(API_DELETE, "services", "default", "s0", NULL));
	assert_int_equal(
		call(f, request(API_CREATE, "services", "default", "far", SERVICE("10.97.0.1")),
		     NULL),
		-EINVAL);
	must(f, request(API_CREATE, "services", "default", "mine", SERVICE("10.96.0.2")));
	assert_int_equal(
		call(f, request(API_CREATE, "services", "default", "his", SERVICE("10.96.0.2")),
		     NULL),
		-EINVAL);
	/* an update keeps it */
	must(f, request(API_UPDATE, "services", "default", "mine",
			"{\"spec\":{\"ports\":[{\"port\":81}],\"selector\":{\"a\":\"b\"}}}"));
	object_unref(a);
	a = get(f, "services", "default", "mine");
	assert_string_equal(value_dig_str(a->value, "spec", "clusterIP", NULL), "10.96.0.2");
}

/* A removal that is only asked about frees no address, also when records are committed with it. */
static void test_dry_deletion_keeps_the_address(void **state)
{
	struct fixture *f = *state;
	struct api_request *r;

	must(f, request(API_CREATE, "services", "default", "a", SERVICE("10.96.0.3")));
	r = request(API_DELETE, "services", "default", "a", NULL);
	r->flags |= API_DRY_RUN;
	must(f, r);
	object_unref(get(f, "services", "default", "a"));
	assert_int_equal(call(f,
			      request(API_CREATE, "services", "default", "b", SERVICE("10.96.0.3")),
			      NULL),
			 -EINVAL);
}

static void count_batch(struct api_batch *b, int rc)
{
	*(int *)b->arg = rc;
}

static void test_dry_batch_sees_itself(void **state)
{
	struct fixture *f = *state;
	struct api_request *ns = request(API_CREATE, "namespaces", "", "later", "{}"),
			   *map = request(API_CREATE, "configmaps", "later", "c", CONFIG("{}"));
	int rc = 1;
	struct api_batch *b = api_batch_new(count_batch, &rc);

	ns->flags |= API_DRY_RUN;
	map->flags |= API_DRY_RUN;
	api_batch_add(b, ns);
	api_batch_add(b, map);
	api_submit(f->api, &alice, b); /* nothing is committed: done at once */
	assert_int_equal(rc, 0);
	assert_null(get(f, "namespaces", "", "later"));
	assert_null(get(f, "configmaps", "later", "c"));
}

static void test_apply_merges_and_takes_away(void **state)
{
	struct fixture *f = *state;
	CLEANUP_OBJECT struct object *o = NULL;

	must(f,
	     request(API_APPLY, "configmaps", "default", "c", CONFIG("{\"a\":\"1\",\"b\":\"2\"}")));
	must(f,
	     request(API_PATCH_MERGE, "configmaps", "default", "c", CONFIG("{\"other\":\"x\"}")));
	must(f, request(API_APPLY, "configmaps", "default", "c", CONFIG("{\"a\":\"1\"}")));
	o = get(f, "configmaps", "default", "c");
	assert_int_equal(value_count(value_get(o->value, "data")), 2);
	assert_non_null(value_dig(o->value, "data", "other", NULL));
	assert_null(value_dig(o->value, "data", "b", NULL));
	/* the same again is no change */
	struct object *again = NULL;

	assert_int_equal(
		call(f, request(API_APPLY, "configmaps", "default", "c", CONFIG("{\"a\":\"1\"}")),
		     &again),
		0);
	assert_true(again->rv == o->rv);
	object_unref(again);
}

/* -- writers in parallel -- */

static struct value *increment(void *arg, struct value *taken, struct err *err)
{
	const char *was = value_dig_str(taken, "data", "n", NULL);

	return value_bury(taken, value_new_stringf("%d", (was ? atoi(was) : 0) + 1), "data", "n",
			  NULL);
}

static void *incrementer(void *arg)
{
	struct fixture *f = arg;

	for (int i = 0; i < 50; i++) {
		struct api_request *r =
			api_request_new(API_MUTATE, kind("configmaps"), "default", "n");

		r->mutate = increment;
		r->flags = API_UPSERT;
		if (api_call(f->api, &alice, r))
			abort();
		api_request_free(r);
	}
	return NULL;
}

static void test_parallel_changes_are_all_made(void **state)
{
	struct fixture *f = *state;
	CLEANUP_OBJECT struct object *o = NULL;
	pthread_t threads[8];

	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_create(&threads[i], NULL, incrementer, f);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	o = get(f, "configmaps", "default", "n");
	assert_string_equal(value_dig_str(o->value, "data", "n", NULL), "400");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_create),
		TEST(test_all_faults_at_once),
		TEST(test_update_demands_the_version_it_names),
		TEST(test_generation_counts_spec_only),
		TEST(test_immutable_is_eperm),
		TEST(test_a_patch_cannot_take_the_name),
		TEST(test_finalizers_hold_a_deletion),
		TEST(test_pods_end_gracefully),
		TEST(test_a_batch_is_all_or_nothing),
		TEST(test_dry_run_stores_nothing),
		TEST(test_dry_batch_sees_itself),
		TEST(test_dry_deletion_keeps_the_address),
		TEST(test_service_addresses),
		TEST(test_apply_merges_and_takes_away),
		TEST(test_parallel_changes_are_all_made),
	};

	kinds_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
