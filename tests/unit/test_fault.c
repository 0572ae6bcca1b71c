/* SPDX-License-Identifier: MIT */
/* Faults: Kubernetes' words, places, codes and bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "objects/codec.h"

static void expect_rendered(struct faults *f, const char *file, const char *wanted)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	faults_render(f, file, &out);
	assert_string_equal(buf_str(&out), wanted);
	faults_fini(f);
}

static void test_words_of_each_kind(void **state)
{
	struct faults f = FAULTS_INIT;
	CLEANUP_VALUE struct value *three = value_new_string("thr\"ee");
	CLEANUP_VALUE struct value *five = value_new_int(5);
	const struct path *spec = PATH_FIELD(NULL, "spec");
	const struct path *image =
		PATH_FIELD(PATH_INDEX(PATH_FIELD(spec, "containers"), 0), "image");

	fault_add(&f, PATH_FIELD(spec, "replicas"), FAULT_TYPE, three, "must be an integer");
	fault_add(&f, image, FAULT_REQUIRED, NULL, "%s", "");
	fault_add(&f, PATH_FIELD(spec, "type"), FAULT_NOT_SUPPORTED, three,
		  "supported values: \"a\", \"b\"");
	fault_add(&f, PATH_FIELD(spec, "n"), FAULT_INVALID, five, "must be less than 5");
	fault_add(&f, PATH_FIELD(spec, "n"), FAULT_DUPLICATE, five, "%s", "");
	fault_add(&f, PATH_FIELD(spec, "n"), FAULT_NOT_FOUND, three, "%s", "");
	fault_add(&f, PATH_FIELD(spec, "n"), FAULT_FORBIDDEN, three, "may not be set");
	fault_add(&f, PATH_FIELD(spec, "n"), FAULT_TOO_LONG, NULL, "may not be more than 63 bytes");
	fault_add(&f, PATH_FIELD(spec, "n"), FAULT_TOO_MANY, NULL, "5: must have at most 3 items");
	fault_add(&f, PATH_FIELD(spec, "replica"), FAULT_UNKNOWN, NULL,
		  "did you mean \"replicas\"?");
	fault_add(&f, PATH_KEY(PATH_FIELD(PATH_FIELD(NULL, "metadata"), "labels"), "a.b/c"),
		  FAULT_INVALID, NULL, "bad");
	expect_rendered(
		&f, NULL,
		"spec.replicas: Invalid value: \"thr\\\"ee\": must be an integer\n"
		"spec.containers[0].image: Required value\n"
		"spec.type: Unsupported value: \"thr\\\"ee\": supported values: \"a\", \"b\"\n"
		"spec.n: Invalid value: 5: must be less than 5\n"
		"spec.n: Duplicate value: 5\n"
		"spec.n: Not found: \"thr\\\"ee\"\n"
		"spec.n: Forbidden: may not be set\n"
		"spec.n: Too long: may not be more than 63 bytes\n"
		"spec.n: Too many: 5: must have at most 3 items\n"
		"spec.replica: unknown field \"replica\", did you mean \"replicas\"?\n"
		"metadata.labels[a.b/c]: Invalid value: bad\n");
}

static void test_place_stands_before_the_field(void **state)
{
	struct faults f = FAULTS_INIT;

	fault_add(&f, PATH_FIELD(NULL, "spec"), FAULT_REQUIRED, NULL, "%s", "");
	f.list[0].line = 12;
	f.list[0].column = 5;
	fault_add_code(&f, EACCES, "user \"alice\" cannot create pods");
	expect_rendered(&f, "nginx.yaml",
			"nginx.yaml:12:5: spec: Required value\n"
			"nginx.yaml: user \"alice\" cannot create pods\n");
}

static void test_strongest_code_wins(void **state)
{
	struct faults f = FAULTS_INIT, more = FAULTS_INIT;
	struct err err = ERR_INIT;

	fault_add(&f, PATH_FIELD(NULL, "a"), FAULT_REQUIRED, NULL, "%s", "");
	assert_int_equal(f.code, EINVAL);
	fault_add_code(&more, EBUSY, "changed meanwhile");
	faults_move(&f, &more);
	assert_int_equal(f.code, EBUSY);
	assert_int_equal(more.n, 0);
	fault_set_code(&f, EPERM);
	assert_int_equal(f.code, EBUSY);
	assert_int_equal(faults_to_err(&f, &err), -EBUSY);
	assert_string_equal(err.msg, "a: Required value (and 1 more)");
	faults_fini(&f);
}

static void test_hostile_faults_stay_small(void **state)
{
	struct faults f = FAULTS_INIT;
	CLEANUP_FREE char *text = xmalloc(1 << 20);
	CLEANUP_VALUE struct value *bad = NULL;

	memset(text, 'x', (1 << 20) - 1);
	text[(1 << 20) - 1] = '\0';
	bad = value_new_string(text);
	for (int i = 0; i < 1000; i++)
		fault_add(&f, PATH_KEY(NULL, text), FAULT_INVALID, bad, "%s", "");
	assert_int_equal(f.n, FAULTS_MAX);
	assert_true(strlen(f.list[0].message) < 1024);
	assert_true(strlen(f.list[0].field) < 1024);
	fault_add_code(&f, EDQUOT, "over quota");
	assert_int_equal(f.code, EDQUOT);
	faults_fini(&f);
}

static void test_a_cut_keeps_characters_whole(void **state)
{
	struct faults f = FAULTS_INIT;
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	CLEANUP_VALUE struct value *bad = NULL, *back = NULL;
	const char *quoted;

	for (int i = 0; i < 300; i++)
		buf_adds(&text, "\u20ac");
	bad = value_new_string(buf_str(&text));
	fault_add(&f, NULL, FAULT_INVALID, bad, "%s", "");
	quoted = strchr(f.list[0].message, '"');
	assert_non_null(quoted);
	back = json_parse(quoted, strlen(quoted) - strlen("..."), NULL);
	assert_non_null(back);
	faults_fini(&f);
}

static void test_causes_are_those_of_kubernetes(void **state)
{
	assert_string_equal(fault_cause(FAULT_REQUIRED), "FieldValueRequired");
	assert_string_equal(fault_cause(FAULT_NOT_SUPPORTED), "FieldValueNotSupported");
	assert_string_equal(fault_cause(FAULT_TOO_MANY), "FieldValueTooMany");
	assert_null(fault_cause(FAULT_OTHER));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_of_each_kind),
		cmocka_unit_test(test_place_stands_before_the_field),
		cmocka_unit_test(test_strongest_code_wins),
		cmocka_unit_test(test_hostile_faults_stay_small),
		cmocka_unit_test(test_a_cut_keeps_characters_whole),
		cmocka_unit_test(test_causes_are_those_of_kubernetes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
