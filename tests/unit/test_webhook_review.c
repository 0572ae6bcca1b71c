/* SPDX-License-Identifier: MIT */
/* AdmissionReview: what is asked, and what is made of any answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "objects/api/admission/webhook_review.h"
#include "objects/codec.h"

static struct value *json(const char *text)
{
	struct err err = ERR_INIT;
	struct value *v = json_parse(text, strlen(text), &err);

	if (!v)
		fail_msg("%s: %s", text, err.msg);
	return v;
}

static const char *const groups[] = {"staff", NULL};
static const struct caller alice = {.user = "alice", .groups = groups};
static struct match_request request;

static struct review_question question(void)
{
	request = (struct match_request){"CREATE", kind_by_gvk("v1", "Pod"), "", "default", "p"};
	return (struct review_question){.request = &request,
					.as = request.kind,
					.who = &alice,
					.version = "v1",
					.uid = "u1"};
}

static void assert_text(const struct value *v, const char *expected)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	json_render(v, &text);
	assert_string_equal(buf_str(&text), expected);
}

static void test_question(void **state)
{
	struct review_question q = question();
	CLEANUP_VALUE struct value *object = json("{\"kind\":\"Pod\"}"), *v = NULL;

	q.object = object;
	v = review_make(&q);
	assert_text(
		v,
		"{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{"
		"\"dryRun\":false,\"kind\":{\"group\":\"\",\"kind\":\"Pod\",\"version\":\"v1\"},"
		"\"name\":\"p\",\"namespace\":\"default\",\"object\":{\"kind\":\"Pod\"},"
		"\"oldObject\":null,\"operation\":\"CREATE\",\"options\":{\"apiVersion\":"
		"\"meta.k8s.io/v1\",\"kind\":\"CreateOptions\"},\"requestKind\":{\"group\":\"\","
		"\"kind\":\"Pod\",\"version\":\"v1\"},\"requestResource\":{\"group\":\"\","
		"\"resource\":\"pods\",\"version\":\"v1\"},\"resource\":{\"group\":\"\","
		"\"resource\":\"pods\",\"version\":\"v1\"},\"uid\":\"u1\",\"userInfo\":{\"groups\":"
		"["
		"\"staff\"],\"username\":\"alice\"}}}");
}

static void test_question_of_a_subresource(void **state)
{
	struct review_question q = question();
	CLEANUP_VALUE struct value *v = NULL;

	request.operation = "CONNECT";
	request.sub = "exec";
	q.object_kind = "PodExecOptions";
	q.object_api_version = "v1";
	q.dry_run = 1;
	v = review_make(&q);
	assert_string_equal(value_dig_str(v, "request", "kind", "kind", NULL), "PodExecOptions");
	assert_string_equal(value_dig_str(v, "request", "resource", "resource", NULL), "pods");
	assert_string_equal(value_dig_str(v, "request", "subResource", NULL), "exec");
	assert_true(value_bool(value_dig(v, "request", "dryRun", NULL), 0));
	assert_true(value_is(value_dig(v, "request", "options", NULL), VALUE_NULL));
}

/* An answer with this response, that is right otherwise. */
static int take(const char *response, int mutating, struct review_answer *out, struct err *err)
{
	CLEANUP_FREE char *text = xasprintf("{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":"
					    "\"AdmissionReview\",\"response\":%s}",
					    response);
	CLEANUP_VALUE struct value *v = json(text);
	struct review_question q = question();

	return review_take(&q, "x.y.z", mutating, v, out, err);
}

static void assert_refused(const char *response, int code, const char *why)
{
	struct review_answer a;
	struct err err = ERR_INIT;

	assert_int_equal(take(response, 0, &a, &err), 0);
	assert_false(a.allowed);
	assert_int_equal(a.code, code);
	assert_string_equal(a.why, why);
	review_answer_fini(&a);
}

static void test_refusals(void **state)
{
	assert_refused("{\"uid\":\"u1\",\"allowed\":false,\"status\":{\"message\":\"no\","
		       "\"reason\":\"R\"}}",
		       EACCES, "admission webhook \"x.y.z\" denied the request: no");
	assert_refused("{\"uid\":\"u1\",\"allowed\":false,\"status\":{\"reason\":\"Nope\"}}",
		       EACCES, "admission webhook \"x.y.z\" denied the request: Nope");
	assert_refused("{\"uid\":\"u1\",\"allowed\":false}", EACCES,
		       "admission webhook \"x.y.z\" denied the request without explanation");
	assert_refused("{\"uid\":\"u1\"}", EACCES,
		       "admission webhook \"x.y.z\" denied the request without explanation");
	/* "yes" is not true */
	assert_refused("{\"uid\":\"u1\",\"allowed\":\"yes\"}", EACCES,
		       "admission webhook \"x.y.z\" denied the request without explanation");
	assert_refused("{\"uid\":\"u1\",\"status\":{\"code\":200,\"message\":\"a\\nb\"}}", EACCES,
		       "admission webhook \"x.y.z\" denied the request: a b");
	assert_refused("{\"uid\":\"u1\",\"status\":{\"code\":409,\"message\":\"m\"}}", EBUSY,
		       "admission webhook \"x.y.z\" denied the request: m");
	assert_refused("{\"uid\":\"u1\",\"status\":{\"code\":422,\"message\":\"m\"}}", EINVAL,
		       "admission webhook \"x.y.z\" denied the request: m");
	assert_refused("{\"uid\":\"u1\",\"status\":{\"code\":429,\"message\":\"m\"}}", EAGAIN,
		       "admission webhook \"x.y.z\" denied the request: m");
}

static void assert_invalid(const char *response, const char *why)
{
	struct review_answer a;
	struct err err = ERR_INIT;

	assert_int_equal(take(response, 1, &a, &err), -EINVAL);
	assert_non_null(strstr(err.msg, why));
	review_answer_fini(&a);
}

static void test_answers_that_are_none(void **state)
{
	assert_invalid("null", "webhook response was absent");
	assert_invalid("[]", "webhook response was absent");
	assert_invalid("{\"allowed\":true}", "expected response.uid=\"u1\", got \"\"");
	assert_invalid("{\"uid\":\"u2\",\"allowed\":true}",
		       "expected response.uid=\"u1\", got \"u2\"");
	assert_invalid("{\"uid\":7,\"allowed\":true}", "expected response.uid=\"u1\"");
	assert_invalid("{\"uid\":\"u1\",\"allowed\":true,\"patch\":\"W10=\"}",
		       "not response.patchType");
	assert_invalid("{\"uid\":\"u1\",\"allowed\":true,\"patchType\":\"JSONPatch\"}",
		       "response.patch");
	assert_invalid(
		"{\"uid\":\"u1\",\"allowed\":true,\"patch\":\"W10=\",\"patchType\":\"Merge\"}",
		"invalid response.patchType of \"Merge\"");
	assert_invalid(
		"{\"uid\":\"u1\",\"allowed\":true,\"patch\":\"*\",\"patchType\":\"JSONPatch\"}",
		"not base64");
	assert_invalid(
		"{\"uid\":\"u1\",\"allowed\":true,\"patch\":\"e30=\",\"patchType\":\"JSONPatch\"}",
		"a list was expected");
	assert_invalid(
		"{\"uid\":\"u1\",\"allowed\":true,\"patch\":\"W3s=\",\"patchType\":\"JSONPatch\"}",
		"no JSON");
}

static void test_another_review(void **state)
{
	struct review_question q = question();
	struct review_answer a;
	struct err err = ERR_INIT;
	CLEANUP_VALUE struct value *v =
		json("{\"apiVersion\":\"admission.k8s.io/v1beta1\",\"kind\":\"AdmissionReview\","
		     "\"response\":{\"uid\":\"u1\",\"allowed\":true}}");

	assert_int_equal(review_take(&q, "x.y.z", 0, v, &a, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "expected webhook response of admission.k8s.io/v1, "
					"Kind=AdmissionReview, got admission.k8s.io/v1beta1"));
	q.version = "v1beta1";
	err_clear(&err);
	assert_int_equal(review_take(&q, "x.y.z", 0, v, &a, &err), 0);
	assert_true(a.allowed);
	review_answer_fini(&a);
}

static void test_patch(void **state)
{
	static const char response[] =
		"{\"uid\":\"u1\",\"allowed\":true,\"patch\":\"W10=\",\"patchType\":\"JSONPatch\"}";
	struct review_answer a;
	struct err err = ERR_INIT;

	assert_int_equal(take(response, 1, &a, &err), 0);
	assert_text(a.patch, "[]");
	review_answer_fini(&a);
	/* who only validates has nothing to change */
	assert_int_equal(take(response, 0, &a, &err), 0);
	assert_null(a.patch);
	review_answer_fini(&a);
}

static void test_warnings_are_bounded(void **state)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	struct review_answer a;
	struct err err = ERR_INIT;

	buf_adds(&text, "{\"uid\":\"u1\",\"allowed\":true,\"warnings\":[7");
	for (int i = 0; i < 100; i++) {
		buf_adds(&text, ",\"");
		for (int k = 0; k < 200; k++)
			buf_adds(&text, "\xc3\xa4"); /* two bytes each */
		buf_adds(&text, "\"");
	}
	buf_adds(&text, "],\"auditAnnotations\":{\"k\":\"v\\u0007\"}}");
	assert_int_equal(take(buf_str(&text), 0, &a, &err), 0);
	assert_int_equal(value_count(a.warnings), 16);
	assert_int_equal(value_strlen(value_at(a.warnings, 1)), 256);
	assert_text(a.audit_annotations, "{\"x.y.z/k\":\"v \"}");
	review_answer_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_question),
		cmocka_unit_test(test_question_of_a_subresource),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_answers_that_are_none),
		cmocka_unit_test(test_another_review),
		cmocka_unit_test(test_patch),
		cmocka_unit_test(test_warnings_are_bounded),
	};

	kinds_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
