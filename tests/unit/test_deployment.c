/* SPDX-License-Identifier: MIT */
/* Deployments: the arithmetic of rollouts, bounds kept at every moment, what people do to them. */
#include "tests/unit/controllers_rig.h"
#include "tests/unit/script_kubelet.h"

#include <errno.h>

#include "objects/controllers/deployment/deployment_i.h"
#include "objects/controllers/deployment_ops.h"

/* -- arithmetic -- */

static void expect_bounds(const char *surge, const char *unavailable, int64_t replicas,
			  int64_t want_surge, int64_t want_unavailable)
{
	CLEANUP_FREE char *json = xasprintf(
		"{\"strategy\":{\"rollingUpdate\":{\"maxSurge\":%s,\"maxUnavailable\":%s}}}", surge,
		unavailable);
	CLEANUP_VALUE struct value *spec = rig_json(json);
	int64_t s, u;

	resolve_bounds(spec, replicas, &s, &u);
	assert_int_equal(s, want_surge);
	assert_int_equal(u, want_unavailable);
}

static void test_bounds(void **state)
{
	expect_bounds("\"25%\"", "\"25%\"", 3, 1, 0); /* surge up, unavailable down */
	expect_bounds("\"25%\"", "\"25%\"", 4, 1, 1);
	expect_bounds("\"25%\"", "\"25%\"", 10, 3, 2);
	expect_bounds("0", "\"10%\"", 5, 0, 1); /* nothing and nothing would never end */
	expect_bounds("2", "0", 5, 2, 0);
	expect_bounds("\"100%\"", "\"100%\"", 7, 7, 7);
}

static void test_hash_is_stable_and_made_of_safe_letters(void **state)
{
	CLEANUP_VALUE struct value *a =
		rig_json("{\"spec\":{\"containers\":[{\"image\":\"i:1\"}]}}");
	CLEANUP_VALUE struct value *b =
		rig_json("{\"spec\":{\"containers\":[{\"image\":\"i:2\"}]}}");
	CLEANUP_FREE char *h1 = template_hash(a, -1), *h2 = template_hash(a, -1),
			  *h3 = template_hash(b, -1), *h4 = template_hash(a, 1);

	assert_string_equal(h1, h2);
	assert_string_equal(
		h1, "7d9b7f4ddc"); /* the same for ever: names of ReplicaSets are made of it */
	assert_string_not_equal(h1, h3);
	assert_string_not_equal(h1, h4);
	assert_int_equal(strspn(h1, "bcdfghjklmnpqrstvwxz2456789"), strlen(h1));
}

static void test_templates_differ_by_more_than_the_hash(void **state)
{
	CLEANUP_VALUE struct value *a =
		rig_json("{\"metadata\":{\"labels\":{\"a\":\"x\"}},\"spec\":{}}");
	CLEANUP_VALUE struct value *b = rig_json("{\"metadata\":{\"labels\":{\"a\":\"x\",\"pod-"
						 "template-hash\":\"1\"}},\"spec\":{}}");
	CLEANUP_VALUE struct value *c =
		rig_json("{\"metadata\":{\"labels\":{\"a\":\"y\"}},\"spec\":{}}");

	assert_true(same_template(a, b));
	assert_false(same_template(b, c));
}

/* A Deployment with three old sets, newest last; max is what their annotations say. */
static void make_view(struct deployment *d, struct object *o, struct object *sets, int64_t replicas,
		      const int *sizes, int64_t max)
{
	struct object *list[3];

	*o = (struct object){.name = "d", .uid = "d"};
	o->value = rig_json("{\"spec\":{\"strategy\":{\"type\":\"RollingUpdate\",\"rollingUpdate\":"
			    "{\"maxSurge\":\"25%\","
			    "\"maxUnavailable\":\"25%\"}},\"template\":{\"spec\":{\"x\":2}}}}");
	o->value = value_bury((struct value *)o->value, value_new_int(replicas), "spec", "replicas",
			      NULL);
	for (int i = 0; i < 3; i++) {
		CLEANUP_FREE char *json =
			xasprintf("{\"metadata\":{\"creationTimestamp\":\"2024-01-01T00:00:0%dZ\","
				  "\"annotations\":{"
				  "\"deployment.kubernetes.io/"
				  "desired-replicas\":\"10\",\"deployment.kubernetes.io/"
				  "max-replicas\":\"%d\"}},"
				  "\"spec\":{\"replicas\":%d,\"template\":{\"spec\":{\"x\":%d}}}}",
				  i, (int)max, sizes[i], i);
		static const char *const names[] = {"s0", "s1", "s2"};

		sets[i] = (struct object){.name = names[i], .value = rig_json(json)};
		list[i] = &sets[i];
	}
	deployment_init(d, o, list, 3, 1800000000);
}

static void drop_view(struct deployment *d, struct object *o, struct object *sets)
{
	deployment_fini(d);
	value_unref((struct value *)o->value);
	for (int i = 0; i < 3; i++)
		value_unref((struct value *)sets[i].value);
}

static void expect_scaled(int64_t replicas, const int *before, int64_t max, const int *after)
{
	struct deployment d;
	struct object o, sets[3];

	make_view(&d, &o, sets, replicas, before, max);
	assert_true(is_scaling(&d));
	scale_in_proportion(&d);
	for (int i = 0; i < 3; i++)
		assert_int_equal(d.sets[i].replicas, after[i]);
	drop_view(&d, &o, sets);
}

static void test_scaling_is_proportional(void **state)
{
	/* "Proportional scaling" of the documentation: 10 -> 15, 8 and 5 pods, surge 3 */
	expect_scaled(15, (int[]){8, 0, 5}, 13, (int[]){12, 0, 7});
	expect_scaled(5, (int[]){8, 0, 5}, 13, (int[]){4, 0, 3});
	expect_scaled(0, (int[]){8, 0, 5}, 13, (int[]){0, 0, 0});
	expect_scaled(20, (int[]){0, 0, 10}, 13, (int[]){0, 0, 20});
	expect_scaled(20, (int[]){0, 10, 0}, 13, (int[]){0, 20, 0});
	/* of equals the newest grow first, the oldest shrink first */
	expect_scaled(11, (int[]){4, 4, 4}, 12, (int[]){4, 5, 5});
	expect_scaled(8, (int[]){4, 4, 4}, 12, (int[]){3, 3, 4});
	/* what rounding leaves goes to the largest */
	expect_scaled(12, (int[]){6, 1, 1}, 13, (int[]){13, 1, 1});
}

/* -- rollouts -- */

static struct rig *start(void)
{
	struct rig *r;
	static const struct controller_class *classes[64];
	size_t n = 0;

	played_unready = 0;
	for (const struct controller_class *const *c = all_controllers; *c; c++) {
		assert_true(n + 2 < ARRAY_LEN(classes));
		classes[n++] = *c;
	}
	classes[n++] = &script_kubelet;
	r = rig_new(classes);
	rig_settle(r);
	rig_create(r, "nodes", "",
		   "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"n1\"}}");
	rig_patch(r, "nodes", "", "n1", API_STATUS,
		  "{\"status\":{\"allocatable\":{\"cpu\":\"64\",\"memory\":\"64Gi\",\"pods\":"
		  "\"5000\"},\"conditions\":["
		  "{\"type\":\"Ready\",\"status\":\"True\"}]}}");
	rig_settle(r);
	return r;
}

static void make_deployment(struct rig *r, int replicas, const char *more)
{
	CLEANUP_FREE char *json =
		xasprintf("{\"apiVersion\":\"apps/"
			  "v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"web\"},\"spec\":{"
			  "\"replicas\":%d%s,"
			  "\"selector\":{\"matchLabels\":{\"a\":\"web\"}},\"template\":{"
			  "\"metadata\":{\"labels\":{\"a\":\"web\"}},\"spec\":{"
			  "\"terminationGracePeriodSeconds\":0,\"containers\":[{\"name\":\"c\","
			  "\"image\":\"i:1\"}]}}}}",
			  replicas, more);

	rig_create(r, "deployments", "default", json);
	rig_settle(r);
}

static void set_image(struct rig *r, const char *image)
{
	CLEANUP_FREE char *json = xasprintf("{\"spec\":{\"template\":{\"spec\":{\"containers\":[{"
					    "\"name\":\"c\",\"image\":\"%s\"}]}}}}",
					    image);

	rig_patch(r, "deployments", "default", "web", 0, json);
}

static struct object *web(struct rig *r)
{
	return rig_get(r, "deployments", "default", "web");
}

static const char *image_of(const struct object *o)
{
	return STR_AT(
		value_at(value_dig(o->value, "spec", "template", "spec", "containers", NULL), 0),
		"image");
}

static size_t n_sets(struct rig *r)
{
	return store_count(r->store, rig_kind("replicasets"), "default");
}

struct bounds {
	struct watch *watch;
	int64_t total, available; /* pods of the Deployment now */
	int64_t most, least;
};

static int counts(const struct object *o)
{
	return o && str_eq(o->kind->plural, "pods") && pod_is_active(o->value);
}

static void follow(struct bounds *b)
{
	struct change ch;

	while (watch_next(b->watch, &ch) > 0) {
		int was = ch.old && ch.type != CHANGE_ADDED && counts(ch.old);
		int is = ch.type != CHANGE_DELETED && counts(ch.now);

		b->total += is - was;
		b->available +=
			(is && pod_is_ready(ch.now->value)) - (was && pod_is_ready(ch.old->value));
		b->most = b->total > b->most ? b->total : b->most;
		b->least = b->available < b->least ? b->available : b->least;
		change_fini(&ch);
	}
}

static void no_notice(void *arg)
{
}

static void test_bounds_hold_at_every_moment(void **state)
{
	struct rig *r = start();
	struct bounds b = {.total = 10, .available = 10, .most = 10, .least = 10};

	make_deployment(r, 10, "");
	b.watch =
		store_watch(r->store, rig_kind("pods"), store_revision(r->store), no_notice, NULL);
	set_image(r, "i:2");
	rig_settle(r);
	follow(&b);
	assert_int_equal(b.total, 10);
	assert_int_equal(b.available, 10);
	assert_in_range(b.most, 11, 13);
	assert_in_range(b.least, 8, 10);
	watch_free(b.watch);
	rig_free(r);
}

static void test_recreate_never_mixes(void **state)
{
	struct rig *r = start();
	struct bounds b = {.total = 4, .available = 4, .most = 4, .least = 4};

	make_deployment(r, 4, ",\"strategy\":{\"type\":\"Recreate\"}");
	b.watch =
		store_watch(r->store, rig_kind("pods"), store_revision(r->store), no_notice, NULL);
	set_image(r, "i:2");
	rig_settle(r);
	follow(&b);
	assert_int_equal(b.most, 4);
	assert_int_equal(b.least, 0);
	assert_int_equal(b.available, 4);
	watch_free(b.watch);
	rig_free(r);
}

static void test_history_is_limited(void **state)
{
	struct rig *r = start();
	char image[16];

	make_deployment(r, 1, ",\"revisionHistoryLimit\":2");
	for (int i = 2; i < 7; i++) {
		snprintf(image, sizeof(image), "i:%d", i);
		set_image(r, image);
		rig_settle(r);
	}
	assert_int_equal(n_sets(r), 3);
	rig_free(r);
}

/* -- what people do -- */

static int ask(struct rig *r, struct api_request *taken, char *message)
{
	int rc;

	assert_non_null(taken);
	rc = rig_call(r, taken, message);
	rig_settle(r);
	return rc;
}

static void test_undo(void **state)
{
	struct rig *r = start();
	struct err err = ERR_INIT;
	struct object *o;
	char message[512];

	make_deployment(r, 2, "");
	o = web(r);
	assert_null(deployment_undo(r->store, o, 0, &err));
	assert_string_equal(err.msg, "no rollout history found for deployment \"web\"");
	object_unref(o);
	for (int i = 2; i <= 3; i++) {
		snprintf(message, sizeof(message), "i:%d", i);
		set_image(r, message);
		rig_settle(r);
	}
	o = web(r);
	assert_int_equal(ask(r, deployment_undo(r->store, o, 0, NULL), NULL), 0);
	object_unref(o);
	o = web(r);
	assert_string_equal(image_of(o), "i:2");
	assert_null(
		object_label(value_dig(o->value, "spec", "template", NULL), "pod-template-hash"));
	assert_int_equal(revision_of(o->value), 4);
	assert_int_equal(ask(r, deployment_undo(r->store, o, 1, NULL), NULL), 0);
	object_unref(o);
	o = web(r);
	assert_string_equal(image_of(o), "i:1");
	assert_int_equal(revision_of(o->value), 5);
	err_clear(&err);
	assert_null(deployment_undo(r->store, o, 77, &err));
	assert_int_equal(err.code, ENOENT);
	err_clear(&err);
	assert_null(deployment_undo(r->store, o, 5, &err));
	assert_string_equal(err.msg,
			    "skipped rollback (current template already matches revision 5)");
	object_unref(o);
	assert_int_equal(n_sets(r), 3);
	rig_free(r);
}

static void test_pause_restart_resume_scale(void **state)
{
	struct rig *r = start();
	struct object *o;
	char message[512];

	make_deployment(r, 2, "");
	o = web(r);
	assert_int_equal(ask(r, deployment_pause(o), NULL), 0);
	assert_int_equal(ask(r, deployment_pause(o), message), -EINVAL);
	assert_string_equal(message, "Deployment \"web\": is already paused");
	assert_int_equal(ask(r, deployment_restart(o), message), -EINVAL);
	set_image(r, "i:2");
	rig_settle(r);
	assert_int_equal(n_sets(r), 1); /* paused: nothing rolls */
	assert_int_equal(ask(r, deployment_scale(o, 5, NULL), NULL), 0);
	assert_int_equal(store_count(r->store, rig_kind("pods"), "default"), 5); /* but scales */
	assert_int_equal(ask(r, deployment_resume(o), NULL), 0);
	assert_int_equal(n_sets(r), 2);
	assert_int_equal(ask(r, deployment_restart(o), NULL), 0);
	assert_int_equal(n_sets(r), 3);
	assert_null(deployment_scale(o, -1, NULL));
	object_unref(o);
	o = web(r);
	assert_int_equal(INT_AT(o->value, "status", "availableReplicas"), 5);
	object_unref(o);
	rig_free(r);
}

/* -- what goes wrong -- */

static void test_name_of_the_new_set_is_taken(void **state)
{
	struct rig *r = start();
	struct object *o;

	/* somebody made a ReplicaSet of the very name, with another selector */
	make_deployment(r, 1, "");
	o = web(r);
	{
		CLEANUP_VALUE struct value *t =
			value_ref(value_dig(o->value, "spec", "template", NULL));
		CLEANUP_FREE char *hash = NULL, *json = NULL;

		t = value_bury(t,
			       rig_json("[{\"name\":\"c\",\"image\":\"i:2\",\"imagePullPolicy\":"
					"\"IfNotPresent\","
					"\"resources\":{},\"terminationMessagePath\":\"/dev/"
					"termination-log\","
					"\"terminationMessagePolicy\":\"File\"}]"),
			       "spec", "containers", NULL);
		hash = template_hash(t, -1);
		json = xasprintf("{\"apiVersion\":\"apps/"
				 "v1\",\"kind\":\"ReplicaSet\",\"metadata\":{\"name\":\"web-%s\"},"
				 "\"spec\":{\"replicas\":0,\"selector\":{\"matchLabels\":{\"b\":"
				 "\"z\"}},\"template\":{\"metadata\":{"
				 "\"labels\":{\"b\":\"z\"}},\"spec\":{\"containers\":[{\"name\":"
				 "\"c\",\"image\":\"x\"}]}}}}",
				 hash);
		rig_create(r, "replicasets", "default", json);
	}
	object_unref(o);
	set_image(r, "i:2");
	rig_settle(r);
	o = web(r);
	assert_int_equal(INT_AT(o->value, "status", "collisionCount"), 1);
	assert_int_equal(INT_AT(o->value, "status", "updatedReplicas"), 1);
	object_unref(o);
	assert_int_equal(n_sets(r), 3);
	rig_free(r);
}

static void test_other_annotations_go_to_the_sets(void **state)
{
	struct rig *r = start();
	struct object_list sets;

	make_deployment(r, 1, "");
	rig_patch(r, "deployments", "default", "web", 0,
		  "{\"metadata\":{\"annotations\":{\"team\":\"blue\",\"kubectl.kubernetes.io/"
		  "last-applied-configuration\":\"{}\"}}}");
	rig_settle(r);
	sets = rig_list(r, "replicasets", "default");
	assert_int_equal(sets.n, 1);
	assert_string_equal(object_annotation(sets.list[0]->value, "team"), "blue");
	assert_null(object_annotation(sets.list[0]->value,
				      "kubectl.kubernetes.io/last-applied-configuration"));
	object_list_fini(&sets);
	rig_free(r);
}

/* Annotations are anybody's to write. */
static void test_absurd_revisions_harm_nobody(void **state)
{
	struct rig *r = start();
	struct object_list sets;
	struct object *o;

	make_deployment(r, 2, "");
	sets = rig_list(r, "replicasets", "default");
	rig_patch(r, "replicasets", "default", sets.list[0]->name, 0,
		  "{\"metadata\":{\"annotations\":{\"deployment.kubernetes.io/revision\":"
		  "\"9223372036854775807\",\"deployment.kubernetes.io/max-replicas\":\"-7\","
		  "\"deployment.kubernetes.io/desired-replicas\":\"x\"}}}");
	object_list_fini(&sets);
	set_image(r, "i:2");
	rig_settle(r);
	rig_patch(r, "deployments", "default", "web", 0, "{\"spec\":{\"replicas\":4}}");
	rig_settle(r);
	o = web(r);
	assert_int_equal(INT_AT(o->value, "status", "availableReplicas"), 4);
	assert_int_equal(INT_AT(o->value, "status", "updatedReplicas"), 4);
	assert_in_range(revision_of(o->value), 1, 10);
	object_unref(o);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_hash_is_stable_and_made_of_safe_letters),
		cmocka_unit_test(test_templates_differ_by_more_than_the_hash),
		cmocka_unit_test(test_scaling_is_proportional),
		cmocka_unit_test(test_bounds_hold_at_every_moment),
		cmocka_unit_test(test_recreate_never_mixes),
		cmocka_unit_test(test_history_is_limited),
		cmocka_unit_test(test_undo),
		cmocka_unit_test(test_pause_restart_resume_scale),
		cmocka_unit_test(test_name_of_the_new_set_is_taken),
		cmocka_unit_test(test_other_annotations_go_to_the_sets),
		cmocka_unit_test(test_absurd_revisions_harm_nobody),
	};

	return cmocka_run_group_tests_name("deployment", tests, NULL, NULL);
}
