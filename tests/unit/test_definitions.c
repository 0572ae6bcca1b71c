/* SPDX-License-Identifier: MIT */
/* CustomResourceDefinitions and their objects in the store: born, seen, changed, restarted, gone.
 */
#include <errno.h>

#include "tests/unit/controllers_rig.h"

#include "objects/controllers/facts.h"
#include "objects/custom.h"

#define CRD "customresourcedefinitions"

/* As a user: what the daemon's own parts may do besides is not what is tested here. */
static int call(struct rig *r, struct api_request *q, char *message)
{
	static const struct caller alice = {.user = "alice"};
	struct err err = ERR_INIT;
	int rc = api_call(r->api, &alice, q);

	if (rc)
		faults_to_err(&q->faults, &err);
	if (message)
		snprintf(message, 512, "%s", err.msg);
	else if (rc)
		fail_msg("%s: %s", q->name ? q->name : "", err.msg);
	api_request_free(q);
	return rc;
}

/* Cars of the versions v1 and v1beta1; which one is stored. */
static struct value *cars(const char *stored, int beta_served)
{
	CLEANUP_FREE char *json = xasprintf(
		"{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\","
		"\"metadata\":{\"name\":\"cars.example.com\"},\"spec\":{\"group\":\"example.com\","
		"\"scope\":\"Namespaced\",\"names\":{\"plural\":\"cars\",\"kind\":\"Car\","
		"\"shortNames\":[\"c\"]},\"versions\":["
		"{\"name\":\"v1\",\"served\":true,\"storage\":%s,\"subresources\":{\"status\":{}},"
		"\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"spec\":{"
		"\"type\":\"object\",\"properties\":{\"doors\":{\"type\":\"integer\",\"default\":"
		"4}}},\"status\":{\"type\":\"object\",\"properties\":{\"speed\":{\"type\":"
		"\"integer\"}}}}}}},"
		"{\"name\":\"v1beta1\",\"served\":%s,\"storage\":%s,\"subresources\":{\"status\":{}"
		"},"
		"\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"spec\":{"
		"\"type\":\"object\",\"properties\":{\"doors\":{\"type\":\"integer\"}}}}}}}]}}",
		str_eq(stored, "v1") ? "true" : "false", beta_served ? "true" : "false",
		str_eq(stored, "v1beta1") ? "true" : "false");

	return rig_json(json);
}

static const struct kind *version(const char *name)
{
	return kind_find("example.com", name, "cars");
}

static struct object *car(struct rig *r, const char *v, const char *name)
{
	return store_get(r->store, (struct objkey){version(v), "default", name});
}

static int write_car(struct rig *r, const char *v, const char *name, int doors, char *message)
{
	struct api_request *q = api_request_new(API_UPDATE, version(v), "default", name);
	CLEANUP_FREE char *json = xasprintf("{\"spec\":{\"doors\":%d}}", doors);

	q->flags = API_UPSERT;
	q->body = rig_json(json);
	return call(r, q, message);
}

static void expect_version(const struct object *o, const char *api_version)
{
	assert_non_null(o);
	assert_string_equal(value_dig_str(o->value, "apiVersion", NULL), api_version);
	assert_string_equal(kind_api_version(o->kind), api_version);
}

static void test_kinds_are_there_when_the_write_returns(void **state)
{
	struct rig *r = rig_new(NULL);
	struct object *o;

	rig_settle(r);
	assert_null(version("v1"));
	rig_create_value(r, CRD, "", cars("v1", 1));
	assert_non_null(version("v1"));
	write_car(r, "v1", "a", 2, NULL);
	rig_settle(r);
	o = rig_get(r, CRD, "", "cars.example.com");
	assert_true(condition_is(value_get(o->value, "status"), "Established", "True"));
	assert_true(condition_is(value_get(o->value, "status"), "NamesAccepted", "True"));
	assert_string_equal(STR_AT(o->value, "status", "acceptedNames", "kind"), "Car");
	assert_string_equal(STR_AT(o->value, "status", "acceptedNames", "listKind"), "CarList");
	object_unref(o);
	rig_free(r);
	assert_null(version("v1"));
}

static void wake_nobody(void *arg)
{
}

static void test_one_object_in_every_version(void **state)
{
	struct rig *r = rig_new(NULL);
	struct object *a, *b;
	struct watch *w;
	struct change c;
	struct object_list l;

	rig_settle(r);
	rig_create_value(r, CRD, "", cars("v1", 1));
	rig_settle(r);
	w = store_watch(r->store, version("v1beta1"), store_revision(r->store), wake_nobody, NULL);
	write_car(r, "v1", "a", 2, NULL);
	a = car(r, "v1", "a");
	b = car(r, "v1beta1", "a");
	expect_version(a, "example.com/v1");
	expect_version(b, "example.com/v1beta1");
	assert_string_equal(a->uid, b->uid);
	object_unref(a);
	object_unref(b);
	/* written in another version than it is stored in */
	write_car(r, "v1beta1", "a", 3, NULL);
	a = car(r, "v1", "a");
	assert_int_equal(INT_AT(a->value, "spec", "doors"), 3);
	assert_int_equal(INT_AT(a->value, "metadata", "generation"), 2);
	object_unref(a);
	store_list(r->store, version("v1beta1"), "default", &l);
	assert_int_equal(l.n, 1);
	expect_version(l.list[0], "example.com/v1beta1");
	object_list_fini(&l);
	assert_int_equal(store_count(r->store, version("v1beta1"), NULL), 1);
	assert_int_equal(store_count(r->store, version("v1"), "default"), 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(watch_next(w, &c), 1);
		expect_version(c.now, "example.com/v1beta1");
		change_fini(&c);
	}
	assert_int_equal(watch_next(w, &c), 0);
	watch_free(w);
	rig_free(r);
}

static void test_restart(void **state)
{
	struct rig *r = rig_new(NULL);
	const struct kind *before;
	struct object *o;

	rig_settle(r);
	rig_create_value(r, CRD, "", cars("v1beta1", 1));
	write_car(r, "v1", "a", 2, NULL);
	write_car(r, "v1beta1", "b", 5, NULL);
	rig_settle(r);
	before = version("v1");
	rig_close(r);
	assert_null(version("v1"));
	rig_open(r);
	assert_ptr_equal(version("v1"), before);
	o = car(r, "v1", "a");
	expect_version(o, "example.com/v1");
	assert_int_equal(INT_AT(o->value, "spec", "doors"), 2);
	object_unref(o);
	assert_int_equal(store_count(r->store, before, NULL), 2);
	write_car(r, "v1", "a", 3, NULL);
	rig_settle(r);
	rig_free(r);
}

/* A new version is stored from now on; old objects are seen in it all the same. */
static void test_storage_version_moves(void **state)
{
	struct rig *r = rig_new(NULL);
	struct object *o;
	const struct value *stored;
	char message[512];

	rig_settle(r);
	rig_create_value(r, CRD, "", cars("v1beta1", 1));
	rig_settle(r);
	write_car(r, "v1beta1", "old", 2, NULL);
	{
		CLEANUP_VALUE struct value *v = cars("v1", 0);
		struct api_request *q =
			api_request_new(API_PATCH_MERGE, rig_kind(CRD), "", "cars.example.com");

		q->body = value_set(value_new_map(), "spec", value_ref(value_get(v, "spec")));
		call(r, q, NULL);
	}
	rig_settle(r);
	assert_null(version("v1beta1"));
	o = car(r, "v1", "old");
	expect_version(o, "example.com/v1");
	object_unref(o);
	o = rig_get(r, CRD, "", "cars.example.com");
	stored = value_dig(o->value, "status", "storedVersions", NULL);
	assert_int_equal(value_count(stored), 2);
	object_unref(o);
	rig_close(r);
	rig_open(r);
	o = car(r, "v1", "old");
	expect_version(o, "example.com/v1");
	object_unref(o);
	write_car(r, "v1", "old", 7, NULL);
	/* the version that objects may be stored in cannot be taken out */
	{
		CLEANUP_VALUE struct value *v = cars("v1", 0);
		struct api_request *q =
			api_request_new(API_PATCH_MERGE, rig_kind(CRD), "", "cars.example.com");
		struct value *list = value_append(
			value_new_list(),
			value_ref(value_at(value_dig(v, "spec", "versions", NULL), 0)));

		q->body = value_bury(value_new_map(), list, "spec", "versions", NULL);
		assert_int_not_equal(call(r, q, message), 0);
		assert_non_null(strstr(message, "must appear in spec.versions"));
	}
	rig_settle(r);
	rig_free(r);
}

static void test_deletion_takes_objects_along(void **state)
{
	struct rig *r = rig_new(NULL);
	char message[512];
	struct object *o;
	struct api_request *late;

	rig_settle(r);
	rig_create_value(r, CRD, "", cars("v1", 1));
	write_car(r, "v1", "a", 2, NULL);
	write_car(r, "v1", "held", 2, NULL);
	{
		struct api_request *q =
			api_request_new(API_PATCH_MERGE, version("v1"), "default", "held");

		q->body = rig_json("{\"metadata\":{\"finalizers\":[\"example.com/wait\"]}}");
		call(r, q, NULL);
	}
	rig_settle(r);
	late = api_request_new(API_CREATE, version("v1"), "default", "late");
	late->body = rig_json("{\"spec\":{}}");
	rig_delete(r, CRD, "", "cars.example.com", PROPAGATE_DEFAULT);
	rig_settle(r);
	o = rig_get(r, CRD, "", "cars.example.com");
	assert_non_null(o);
	assert_true(condition_is(value_get(o->value, "status"), "Terminating", "True"));
	object_unref(o);
	assert_int_equal(store_count(r->store, version("v1"), NULL), 1);
	assert_int_equal(write_car(r, "v1", "b", 1, message), -EPERM);
	assert_non_null(strstr(message, "create not allowed while custom resource definition is "
					"terminating"));
	{
		struct api_request *q =
			api_request_new(API_PATCH_MERGE, version("v1"), "default", "held");

		q->body = rig_json("{\"metadata\":{\"finalizers\":null}}");
		call(r, q, NULL);
	}
	rig_settle(r);
	assert_null(rig_get(r, CRD, "", "cars.example.com"));
	assert_null(version("v1"));
	/* whoever still has the kind in his hands */
	assert_int_equal(call(r, late, message), -ESTALE);
	assert_non_null(strstr(message, "its CustomResourceDefinition is gone"));
	rig_free(r);
}

/* Objects whose definition somebody forced away are not shown, and do no harm. */
static void test_objects_of_a_vanished_definition(void **state)
{
	struct rig *r = rig_new((const struct controller_class *const[]){NULL});
	struct api_request *q;
	struct object *o;

	rig_create(r, "namespaces", "", "{\"metadata\":{\"name\":\"default\"}}");
	rig_create_value(r, CRD, "", cars("v1", 1));
	write_car(r, "v1", "a", 2, NULL);
	rig_delete(r, CRD, "", "cars.example.com", PROPAGATE_DEFAULT);
	q = api_request_new(API_PATCH_MERGE, rig_kind(CRD), "", "cars.example.com");
	q->body = rig_json("{\"metadata\":{\"finalizers\":null}}");
	call(r, q, NULL);
	assert_null(version("v1"));
	rig_close(r);
	rig_open(r);
	assert_null(version("v1"));
	rig_create_value(r, CRD, "", cars("v1", 1));
	write_car(r, "v1", "a", 3, NULL);
	rig_close(r);
	rig_open(r); /* two rows of one name: the newer counts */
	o = car(r, "v1", "a");
	assert_int_equal(INT_AT(o->value, "spec", "doors"), 3);
	object_unref(o);
	assert_int_equal(store_count(r->store, version("v1"), NULL), 1);
	rig_free(r);
}

static void test_namespace_takes_objects_along(void **state)
{
	struct rig *r = rig_new(NULL);
	struct api_request *q;

	rig_settle(r);
	rig_create_value(r, CRD, "", cars("v1", 1));
	rig_create(r, "namespaces", "", "{\"metadata\":{\"name\":\"prod\"}}");
	q = api_request_new(API_CREATE, version("v1beta1"), "prod", "a");
	q->body = rig_json("{\"spec\":{}}");
	call(r, q, NULL);
	rig_delete(r, "namespaces", "", "prod", PROPAGATE_DEFAULT);
	rig_settle(r);
	assert_null(rig_get(r, "namespaces", "", "prod"));
	assert_int_equal(store_count(r->store, version("v1"), NULL), 0);
	rig_free(r);
}

static void test_owners(void **state)
{
	struct rig *r = rig_new(NULL);
	struct object *owner;
	struct value *v;

	rig_settle(r);
	rig_create_value(r, CRD, "", cars("v1", 1));
	write_car(r, "v1", "a", 2, NULL);
	owner = car(r, "v1beta1", "a");
	v = value_bury(rig_json("{\"metadata\":{\"name\":\"seat\"}}"),
		       value_append(value_new_list(), object_owner_reference(owner)), "metadata",
		       "ownerReferences", NULL);
	rig_create_value(r, "configmaps", "default", v);
	rig_settle(r);
	object_unref(owner);
	owner = rig_get(r, "configmaps", "default", "seat");
	assert_non_null(owner);
	object_unref(owner);
	rig_delete(r, "cars", "default", "a", PROPAGATE_DEFAULT);
	rig_settle(r);
	assert_null(rig_get(r, "configmaps", "default", "seat"));
	rig_free(r);
}

static void test_status_and_generation(void **state)
{
	struct rig *r = rig_new(NULL);
	struct object *o;

	rig_settle(r);
	rig_create_value(r, CRD, "", cars("v1", 1));
	write_car(r, "v1", "a", 2, NULL);
	{
		struct api_request *q =
			api_request_new(API_PATCH_MERGE, version("v1"), "default", "a");

		q->flags = API_STATUS;
		q->body = rig_json("{\"spec\":{\"doors\":9},\"status\":{\"speed\":50}}");
		call(r, q, NULL);
	}
	o = car(r, "v1", "a");
	assert_int_equal(INT_AT(o->value, "status", "speed"), 50);
	assert_int_equal(INT_AT(o->value, "spec", "doors"), 2);
	assert_int_equal(INT_AT(o->value, "metadata", "generation"), 1);
	object_unref(o);
	write_car(r, "v1", "a", 3, NULL);
	o = car(r, "v1", "a");
	assert_int_equal(INT_AT(o->value, "status", "speed"), 50);
	assert_int_equal(INT_AT(o->value, "metadata", "generation"), 2);
	object_unref(o);
	rig_free(r);
}

/* The cars' first version gets a default for a field, instead of the one it had. */
static void set_default(struct rig *r, const char *field)
{
	CLEANUP_VALUE struct value *v = cars("v1", 1);
	const struct value *versions = value_dig(v, "spec", "versions", NULL);
	struct api_request *q =
		api_request_new(API_PATCH_MERGE, rig_kind(CRD), "", "cars.example.com");
	struct value *props = rig_json("{\"doors\":{\"type\":\"integer\"},\"seats\":{\"type\":"
				       "\"integer\"}}"),
		     *first;

	if (field)
		props = value_bury(props, value_new_int(5), field, "default", NULL);
	first = value_bury(value_ref(value_at(versions, 0)), props, "schema", "openAPIV3Schema",
			   "properties", "spec", "properties", NULL);
	q->body = value_bury(value_new_map(), value_set_at(value_ref(versions), 0, first), "spec",
			     "versions", NULL);
	call(r, q, NULL);
}

static int64_t read_field(struct rig *r, const char *name, const char *field)
{
	struct object *o = car(r, "v1", name);
	struct object_list l;
	int64_t n = value_int(value_dig(o->value, "spec", field, NULL), -1);

	object_unref(o);
	store_list(r->store, version("v1"), "default", &l);
	for (size_t i = 0; i < l.n; i++)
		if (str_eq(l.list[i]->name, name))
			assert_int_equal(
				value_int(value_dig(l.list[i]->value, "spec", field, NULL), -1), n);
	object_list_fini(&l);
	return n;
}

static void write_empty_car(struct rig *r, const char *name)
{
	struct api_request *q = api_request_new(API_CREATE, version("v1"), "default", name);

	q->body = rig_json("{\"spec\":{}}");
	call(r, q, NULL);
}

/* C036: defaults for requests, and for what is stored already. */
static void test_defaults_when_reading(void **state)
{
	struct rig *r = rig_new(NULL);

	rig_settle(r);
	rig_create_value(r, CRD, "", cars("v1", 1));
	set_default(r, NULL);
	write_empty_car(r, "a");
	assert_int_equal(read_field(r, "a", "doors"), -1);
	set_default(r, "doors");
	assert_int_equal(read_field(r, "a", "doors"), 5);
	write_empty_car(r, "b");
	set_default(r, "seats");
	assert_int_equal(read_field(r, "a", "doors"), -1); /* was never stored */
	assert_int_equal(read_field(r, "b", "doors"), 5);
	assert_int_equal(read_field(r, "a", "seats"), 5);
	assert_int_equal(read_field(r, "b", "seats"), 5);
	rig_free(r);
}

/* What was stored under an older schema is in nobody's way. */
static void test_unknown_fields_are_not_seen(void **state)
{
	struct rig *r = rig_new(NULL);
	struct api_request *q;

	rig_settle(r);
	rig_create_value(r, CRD, "", cars("v1", 1));
	set_default(r, NULL);
	q = api_request_new(API_CREATE, version("v1"), "default", "a");
	q->body = rig_json("{\"spec\":{\"doors\":2,\"seats\":3}}");
	call(r, q, NULL);
	assert_int_equal(read_field(r, "a", "seats"), 3);
	q = api_request_new(API_UPDATE, rig_kind(CRD), "", "cars.example.com");
	q->body = cars("v1", 1);
	call(r, q, NULL);
	assert_int_equal(read_field(r, "a", "seats"), -1);
	q = api_request_new(API_PATCH_MERGE, version("v1"), "default", "a");
	q->body = rig_json("{\"spec\":{\"doors\":4}}");
	call(r, q, NULL);
	assert_int_equal(read_field(r, "a", "doors"), 4);
	rig_free(r);
}

/* Readers and writers of objects while their definition changes under them. */
struct reader {
	struct rig *r;
	_Atomic int stop;
	size_t n;
};

static void *read_and_write(void *arg)
{
	struct reader *me = arg;

	while (!me->stop) {
		const struct kind *k = kind_by_gvk("example.com/v1", "Car");
		CLEANUP(buf_fini) struct buf out = BUF_INIT;
		struct object_list l;

		for (size_t i = 0; i < kinds_count(); i++)
			assert_non_null(kind_at(i));
		if (!k)
			continue;
		schema_render_fields(k, &out);
		store_list(me->r->store, k, NULL, &l);
		object_list_fini(&l);
		if (kind_by_name("c"))
			me->n++;
		struct api_request *q = api_request_new(API_UPDATE, k, "default", "busy");
		q->flags = API_UPSERT;
		q->body = rig_json("{\"spec\":{}}");
		if (api_call(me->r->api, &rig_tester, q))
			assert_true(q->faults.n > 0);
		api_request_free(q);
	}
	return NULL;
}

static void test_changes_under_readers(void **state)
{
	struct rig *r = rig_new(NULL);
	struct reader me[2] = {{.r = r}, {.r = r}};
	pthread_t threads[2];

	rig_settle(r);
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, read_and_write, &me[i]);
	for (int i = 0; i < 20; i++) {
		struct api_request *q = api_request_new(API_UPDATE, rig_kind(CRD), "", NULL);
		struct value *v = cars("v1", i % 2);

		q->flags = API_UPSERT;
		q->body = v;
		if (i % 3 == 2) {
			rig_delete(r, CRD, "", "cars.example.com", PROPAGATE_DEFAULT);
			rig_settle(r);
		}
		call(r, q, NULL);
		rig_sleep_ms(2);
	}
	for (int i = 0; i < 2; i++) {
		me[i].stop = 1;
		pthread_join(threads[i], NULL);
	}
	rig_settle(r);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds_are_there_when_the_write_returns),
		cmocka_unit_test(test_one_object_in_every_version),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_storage_version_moves),
		cmocka_unit_test(test_deletion_takes_objects_along),
		cmocka_unit_test(test_objects_of_a_vanished_definition),
		cmocka_unit_test(test_namespace_takes_objects_along),
		cmocka_unit_test(test_owners),
		cmocka_unit_test(test_status_and_generation),
		cmocka_unit_test(test_defaults_when_reading),
		cmocka_unit_test(test_unknown_fields_are_not_seen),
		cmocka_unit_test(test_changes_under_readers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
