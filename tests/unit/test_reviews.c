/* SPDX-License-Identifier: MIT */
/* What is written to be answered: evictions against budgets, scale, bindings, questions. */
#include "tests/unit/controllers_rig.h"

#include <errno.h>

extern const struct controller_class disruption_controller;
static const struct controller_class *const classes[] = {&disruption_controller, NULL};
static const struct controller_class *const none[] = {NULL};

static int setup(void **state)
{
	struct rig *r = rig_new(classes);

	rig_create(r, "namespaces", "", "{\"metadata\":{\"name\":\"n\"}}");
	*state = r;
	return 0;
}

/* No controller: the budget's status is what the test says. */
static int setup_alone(void **state)
{
	struct rig *r = rig_new(none);

	rig_create(r, "namespaces", "", "{\"metadata\":{\"name\":\"n\"}}");
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	rig_free(*state);
	return 0;
}

/* answer_out, owned: NULL: not wanted. */
static int review(struct rig *r, const char *plural, const char *name, const char *sub,
		  const char *body, char message[512], struct value **answer_out)
{
	struct api_request *q = api_request_new(API_REVIEW, rig_kind(plural), "n", name);
	struct err err = ERR_INIT;
	int rc;

	q->sub = sub;
	q->body = rig_json(body);
	rc = api_call(r->api, &rig_tester, q);
	if (rc)
		faults_to_err(&q->faults, &err);
	snprintf(message, 512, "%s", err.msg);
	if (answer_out)
		*answer_out = rc ? NULL : api_answer(q);
	api_request_free(q);
	return rc;
}

static int evict(struct rig *r, const char *pod, const char *body, char message[512])
{
	return review(r, "pods", pod, "eviction", body, message, NULL);
}

/* A pod on a node; ready NULL: Pending. */
static void make_pod(struct rig *r, const char *name, const char *ready)
{
	CLEANUP_FREE char *pod = xasprintf(
		"{\"metadata\":{\"name\":\"%s\",\"labels\":{\"a\":\"b\"}},\"spec\":{\"nodeName\":"
		"\"x\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}",
		name);
	CLEANUP_FREE char *status = ready ? xasprintf("{\"status\":{\"phase\":\"Running\","
						      "\"conditions\":[{\"type\":\"Ready\","
						      "\"status\":\"%s\"}]}}",
						      ready)
					  : NULL;

	rig_create(r, "pods", "n", pod);
	if (status)
		rig_patch(r, "pods", "n", name, API_STATUS, status);
}

static void make_budget(struct rig *r, const char *name, const char *spec)
{
	CLEANUP_FREE char *json =
		xasprintf("{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"selector\":"
			  "{\"matchLabels\":{\"a\":\"b\"}},%s}}",
			  name, spec);

	rig_create(r, "poddisruptionbudgets", "n", json);
}

static int64_t allowed(struct rig *r)
{
	struct object *o = rig_get(r, "poddisruptionbudgets", "n", "b");
	int64_t n = value_int(value_dig(o->value, "status", "disruptionsAllowed", NULL), -1);

	object_unref(o);
	return n;
}

/* -- eviction -- */

static void test_eviction_without_a_budget(void **state)
{
	struct rig *r = *state;
	char message[512];
	struct object *o;

	make_pod(r, "p", "True");
	assert_int_equal(evict(r, "p", "{}", message), 0);
	o = rig_get(r, "pods", "n", "p"); /* it gets its grace */
	assert_non_null(o);
	assert_true(object_deleting(o->value));
	assert_string_equal(
		value_dig_str(value_at(value_dig(o->value, "status", "conditions", NULL), 1),
			      "reason", NULL),
		"EvictionByEvictionAPI");
	object_unref(o);
	assert_int_equal(evict(r, "nobody", "{}", message), -ENOENT);
}

static void test_budget_is_charged_and_counted(void **state)
{
	struct rig *r = *state;
	char message[512];

	make_pod(r, "p1", "True");
	make_pod(r, "p2", "True");
	make_budget(r, "b", "\"minAvailable\":1");
	rig_settle(r);
	assert_int_equal(allowed(r), 1);
	assert_int_equal(evict(r, "p1", "{\"deleteOptions\":{\"dryRun\":[\"All\"]}}", message), 0);
	assert_int_equal(allowed(r), 1);
	assert_int_equal(evict(r, "p1", "{}", message), 0);
	rig_settle(r);
	assert_int_equal(evict(r, "p2", "{}", message), -EAGAIN);
	assert_string_equal(message,
			    "Cannot evict pod as it would violate the pod's disruption budget. The "
			    "disruption budget b needs 1 healthy pods and has 1 currently");
	/* a pod that goes already is let go again */
	assert_int_equal(evict(r, "p1", "{}", message), 0);
}

#define THREADS 6

struct racer {
	struct rig *rig;
	char pod[8];
	int rc;
};

static void *race(void *arg)
{
	struct racer *me = arg;
	char message[512];

	me->rc = evict(me->rig, me->pod, "{}", message);
	return NULL;
}

static void test_one_disruption_is_given_once(void **state)
{
	struct rig *r = *state;
	struct racer racers[THREADS];
	pthread_t threads[THREADS];
	int gone = 0;

	for (int i = 0; i < THREADS; i++) {
		racers[i] = (struct racer){.rig = r};
		snprintf(racers[i].pod, sizeof(racers[i].pod), "p%d", i);
		make_pod(r, racers[i].pod, "True");
	}
	make_budget(r, "b", "\"minAvailable\":1");
	rig_patch(r, "poddisruptionbudgets", "n", "b", API_STATUS,
		  "{\"status\":{\"observedGeneration\":1,\"disruptionsAllowed\":2,"
		  "\"currentHealthy\":6,\"desiredHealthy\":4,\"expectedPods\":6}}");
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, race, &racers[i]);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		gone += racers[i].rc == 0;
		assert_true(racers[i].rc == 0 || racers[i].rc == -EAGAIN);
	}
	assert_int_equal(gone, 2);
	assert_int_equal(allowed(r), 0);
}

static void test_a_budget_that_is_not_counted_yet(void **state)
{
	struct rig *r = *state;
	char message[512];

	make_pod(r, "p", "True");
	make_budget(r, "b", "\"minAvailable\":0");
	assert_int_equal(evict(r, "p", "{}", message), -EAGAIN);
	assert_non_null(strstr(message, "The disruption budget b is still being processed by the "
					"server."));
}

static void test_pods_that_are_not_ready(void **state)
{
	struct rig *r = *state;
	char message[512];

	make_pod(r, "sick", "False");
	make_pod(r, "pending", NULL);
	make_budget(r, "b", "\"minAvailable\":1");
	rig_patch(r, "poddisruptionbudgets", "n", "b", API_STATUS,
		  "{\"status\":{\"observedGeneration\":1,\"disruptionsAllowed\":0,"
		  "\"currentHealthy\":0,\"desiredHealthy\":1,\"expectedPods\":2}}");
	assert_int_equal(evict(r, "pending", "{}", message), 0);
	/* the healthy ones are too few */
	assert_int_equal(evict(r, "sick", "{}", message), -EAGAIN);
	rig_patch(r, "poddisruptionbudgets", "n", "b", 0,
		  "{\"spec\":{\"unhealthyPodEvictionPolicy\":\"AlwaysAllow\"}}");
	assert_int_equal(evict(r, "sick", "{}", message), 0);
}

static void test_two_budgets_are_one_too_many(void **state)
{
	struct rig *r = *state;
	char message[512];

	make_pod(r, "p", "True");
	make_budget(r, "b", "\"minAvailable\":0");
	make_budget(r, "c", "\"minAvailable\":0");
	assert_true(evict(r, "p", "{}", message) < 0);
	assert_non_null(strstr(message, "more than one PodDisruptionBudget"));
}

static void test_preconditions_of_an_eviction(void **state)
{
	struct rig *r = *state;
	char message[512];

	make_pod(r, "p", "True");
	assert_int_equal(
		evict(r, "p", "{\"deleteOptions\":{\"preconditions\":{\"uid\":\"x\"}}}", message),
		-EBUSY);
	assert_int_equal(
		evict(r, "p", "{\"deleteOptions\":{\"preconditions\":{\"resourceVersion\":\"1\"}}}",
		      message),
		-EBUSY);
	assert_int_equal(evict(r, "p", "{\"metadata\":{\"name\":\"q\"}}", message), -EINVAL);
	assert_int_equal(evict(r, "p", "{\"kind\":\"Pod\"}", message), -EINVAL);
	assert_int_equal(evict(r, "p", "{\"what\":1}", message), -EINVAL);
}

/* -- scale, binding -- */

static void test_scale(void **state)
{
	struct rig *r = *state;
	struct value *answer = NULL;
	char message[512];
	struct object *o;

	rig_create(r, "deployments", "n",
		   "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"replicas\":2,\"selector\":{"
		   "\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":"
		   "\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}");
	assert_int_equal(review(r, "deployments", "d", "scale", "{\"spec\":{\"replicas\":5}}",
				message, &answer),
			 0);
	assert_string_equal(value_dig_str(answer, "kind", NULL), "Scale");
	assert_string_equal(value_dig_str(answer, "status", "selector", NULL), "a=b");
	assert_int_equal(value_int(value_dig(answer, "spec", "replicas", NULL), 0), 5);
	o = rig_get(r, "deployments", "n", "d");
	assert_int_equal(value_int(value_dig(o->value, "spec", "replicas", NULL), 0), 5);
	assert_string_equal(value_dig_str(answer, "metadata", "resourceVersion", NULL),
			    value_dig_str(o->value, "metadata", "resourceVersion", NULL));
	object_unref(o);
	value_unref(answer);
	assert_int_equal(
		review(r, "deployments", "d", "scale",
		       "{\"metadata\":{\"resourceVersion\":\"1\"},\"spec\":{\"replicas\":1}}",
		       message, NULL),
		-EBUSY);
	assert_int_equal(review(r, "deployments", "d", "scale", "{\"spec\":{\"replicas\":-1}}",
				message, NULL),
			 -EINVAL);
	/* no ConfigMap has a scale */
	rig_create(r, "configmaps", "n", "{\"metadata\":{\"name\":\"c\"}}");
	assert_int_equal(review(r, "configmaps", "c", "scale", "{}", message, NULL), -EINVAL);
}

static void test_binding(void **state)
{
	struct rig *r = *state;
	char message[512];
	struct object *o;

	rig_create(r, "pods", "n",
		   "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\","
		   "\"image\":\"i\"}]}}");
	assert_int_equal(review(r, "pods", "p", "binding", "{\"target\":{}}", message, NULL),
			 -EINVAL);
	assert_string_equal(message, "target.name: Required value");
	assert_int_equal(
		review(r, "pods", "p", "binding", "{\"target\":{\"name\":\"n1\"}}", message, NULL),
		0);
	o = rig_get(r, "pods", "n", "p");
	assert_string_equal(value_dig_str(o->value, "spec", "nodeName", NULL), "n1");
	assert_string_equal(
		value_dig_str(value_at(value_dig(o->value, "status", "conditions", NULL), 0),
			      "type", NULL),
		"PodScheduled");
	object_unref(o);
	assert_int_equal(
		review(r, "pods", "p", "binding", "{\"target\":{\"name\":\"n2\"}}", message, NULL),
		-EBUSY);
}

/* -- questions -- */

static struct value *answer_reviews(void *arg, const struct caller *who, const struct kind *k,
				    const char *ns, const struct value *body, struct faults *faults)
{
	int *asked = arg;

	(*asked)++;
	if (!str_eq(k->kind, "SubjectAccessReview"))
		return NULL;
	if (!value_dig(body, "spec", "user", NULL)) {
		fault_add_code(faults, EINVAL, "who?");
		return NULL;
	}
	assert_string_equal(who->user, "tester");
	assert_string_equal(ns, "");
	return value_set_bool(value_new_map(), "allowed", 1);
}

static int ask(struct api *api, const char *plural, const char *body, struct value **answer_out)
{
	struct api_request *q = api_request_new(API_REVIEW, rig_kind(plural), "", NULL);
	int rc;

	q->body = rig_json(body);
	rc = api_call(api, &rig_tester, q);
	*answer_out = rc ? NULL : api_answer(q);
	api_request_free(q);
	return rc;
}

static void test_questions_go_to_the_house(void **state)
{
	struct rig *r = *state;
	int asked = 0;
	struct api_hooks hooks = {.review = answer_reviews, .arg = &asked};
	struct api *api = api_new(r->store, &hooks, NULL);
	struct value *answer;

	assert_int_equal(
		ask(api, "subjectaccessreviews", "{\"spec\":{\"user\":\"alice\"}}", &answer), 0);
	assert_true(value_bool(value_dig(answer, "status", "allowed", NULL), 0));
	assert_string_equal(value_dig_str(answer, "spec", "user", NULL), "alice");
	assert_string_equal(value_dig_str(answer, "kind", NULL), "SubjectAccessReview");
	value_unref(answer);
	assert_int_equal(ask(api, "subjectaccessreviews", "{\"spec\":{}}", &answer), -EINVAL);
	assert_int_equal(ask(api, "selfsubjectreviews", "{}", &answer), -EOPNOTSUPP);
	assert_int_equal(ask(api, "subjectaccessreviews", "{\"spec\":{\"users\":1}}", &answer),
			 -EINVAL);
	assert_int_equal(asked, 3); /* what does not decode is asked of nobody */
	api_free(api);
}

/* A question is no object. */
static void test_questions_are_not_stored(void **state)
{
	struct rig *r = *state;
	struct api_request *q =
		api_request_new(API_CREATE, rig_kind("subjectaccessreviews"), "", "x");
	char message[512];

	q->body = rig_json("{\"spec\":{\"user\":\"alice\"}}");
	assert_int_equal(rig_call(r, q, message), -EINVAL);
	assert_non_null(strstr(message, "is not stored"));
}

int main(void)
{
#define CASE(fn)  cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define ALONE(fn) cmocka_unit_test_setup_teardown(fn, setup_alone, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_eviction_without_a_budget),
		CASE(test_budget_is_charged_and_counted),
		ALONE(test_one_disruption_is_given_once),
		ALONE(test_a_budget_that_is_not_counted_yet),
		ALONE(test_pods_that_are_not_ready),
		ALONE(test_two_budgets_are_one_too_many),
		ALONE(test_preconditions_of_an_eviction),
		ALONE(test_scale),
		ALONE(test_binding),
		ALONE(test_questions_go_to_the_house),
		ALONE(test_questions_are_not_stored),
	};

	return cmocka_run_group_tests_name("reviews", tests, NULL, NULL);
}
