/* SPDX-License-Identifier: MIT */
/* Fields as files: names of elements, what text becomes, edits at a path. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fs/field_path.h"
#include "objects/codec.h"

static struct value *parse(const char *yaml)
{
	struct err err = ERR_INIT;
	struct value *v = yaml_parse_value(yaml, strlen(yaml), &err);

	assert_non_null(v);
	return v;
}

static const char deployment[] = "apiVersion: apps/v1\n"
				 "kind: Deployment\n"
				 "metadata: {name: web, labels: {app: web}}\n"
				 "spec:\n"
				 "  replicas: 2\n"
				 "  template:\n"
				 "    spec:\n"
				 "      containers:\n"
				 "      - {name: a, image: x:1, args: [one, two]}\n"
				 "      - {name: b, image: y:1}\n";

static const struct kind *deployments(void)
{
	return kind_find("apps", "v1", "deployments");
}

/* Edit the deployment; NULL text removes. Owned, NULL when refused (err filled). */
static struct value *edit(const char *sub, const char *text, struct err *err)
{
	struct field_path path;
	struct field_edit e = {.path = &path, .text = text, .len = text ? strlen(text) : 0};
	struct value *v;

	field_path_parse(sub, &path);
	v = field_edit(parse(deployment), deployments()->schema, &e, err);
	field_path_fini(&path);
	return v;
}

static void expect_at(const struct value *root, const char *sub, const char *shown)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	struct object o = {.kind = deployments(), .value = root};
	struct field_path path;
	struct spot at;

	field_path_parse(sub, &path);
	spot_walk(&o, &path, &at);
	field_render(at.value, &out);
	if (shown)
		assert_string_equal(buf_str(&out), shown);
	else
		assert_null(at.value);
	field_path_fini(&path);
}

static void expect_edit(const char *sub, const char *text, const char *shown)
{
	struct err err = ERR_INIT;
	CLEANUP_VALUE struct value *v = edit(sub, text, &err);

	if (!v)
		fail_msg("%s: %s", sub, err.msg);
	expect_at(v, sub, shown);
}

static void expect_refused(const char *sub, const char *text, int code, const char *words)
{
	struct err err = ERR_INIT;

	assert_null(edit(sub, text, &err));
	assert_int_equal(err.code, code);
	if (!strstr(err.msg, words))
		fail_msg("%s: \"%s\" is not in \"%s\"", sub, words, err.msg);
}

static void test_set(void **state)
{
	(void)state;
	expect_edit("spec/replicas", "5\n", "5\n");
	expect_edit("metadata/labels/tier", "web\n", "web\n");
	expect_edit("metadata/labels/version", "1.10\n", "1.10\n"); /* a string stays one */
	expect_edit("metadata/labels/app.kubernetes.io%2Fname", "x", "x\n");
	expect_edit("spec/template/spec/containers/b/image", "y:2\n", "y:2\n");
	expect_edit("spec/template/spec/containers/c/image", "z:1\n", "z:1\n"); /* a new element */
	expect_edit("spec/template/spec/containers/a/args/1", "three\n", "three\n");
	expect_edit("metadata/annotations/text", "a\nb\n", "a\nb\n");
	expect_edit("spec/strategy/rollingUpdate/maxSurge", "25%\n", "25%\n");
	expect_edit("spec/strategy/rollingUpdate/maxSurge", "3\n", "3\n");
}

static void test_new_element_has_its_key(void **state)
{
	struct err err = ERR_INIT;
	CLEANUP_VALUE struct value *v = edit("spec/template/spec/containers/c/image", "z:1", &err);

	(void)state;
	expect_at(v, "spec/template/spec/containers/c/name", "c\n");
	expect_at(v, "spec/template/spec/containers/a/image", "x:1\n");
}

static void test_remove(void **state)
{
	(void)state;
	expect_edit("metadata/labels/app", NULL, NULL);
	expect_edit("spec/template/spec/containers/b", NULL, NULL);
	expect_edit("spec/template/spec/containers/a/args/1", NULL, NULL);
	expect_refused("metadata/labels/none", NULL, ENOENT, "no such field");
	expect_refused("spec/template/spec/containers/zz", NULL, ENOENT, "no element");
}

static void test_refused(void **state)
{
	(void)state;
	expect_refused("spec/replicas", "three\n", EINVAL, "spec.replicas");
	expect_refused("spec/replica", "3\n", EINVAL, "did you mean \"replicas\"?");
	expect_refused("spec/replicas/x", "3\n", ENOTDIR, "single value");
	expect_refused("metadata/labels/x", "\xff\xfe", EINVAL, "UTF-8");
	expect_refused("metadata/labels/x", "\xed\xa0\x80", EINVAL, "UTF-8");
}

static void test_element_names(void **state)
{
	CLEANUP_VALUE struct value *unique = parse("[{name: a}, {name: b}]");
	CLEANUP_VALUE struct value *twice = parse("[{name: a}, {name: a}]");
	CLEANUP_VALUE struct value *unnamed = parse("[{name: a}, {}]");
	struct schema s = {.type = SCHEMA_LIST, .merge_key = "name"};
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	(void)state;
	element_name(unique, &s, 1, &out);
	buf_addc(&out, ' ');
	element_name(twice, &s, 1, &out);
	buf_addc(&out, ' ');
	element_name(unnamed, &s, 0, &out);
	assert_string_equal(buf_str(&out), "b 1 0");
	assert_int_equal(element_find(unique, &s, "b"), 1);
	assert_int_equal(element_find(unique, &s, "1"), 2);
	assert_int_equal(element_find(twice, &s, "1"), 1);
	assert_int_equal(element_find(twice, &s, "01"), 2);
	assert_int_equal(element_find(twice, &s, "-1"), 2);
	assert_int_equal(element_find(twice, &s, "99999999999999999999"), 2);
}

static int start(void **state)
{
	(void)state;
	kinds_init();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_new_element_has_its_key),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_element_names),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
