/* SPDX-License-Identifier: MIT */
/* Label selectors: the three forms, what they match, their canonical text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "objects/codec.h"
#include "objects/selector.h"

static struct value *yaml(const char *text)
{
	struct err err = ERR_INIT;
	struct value *v = yaml_parse_value(text, strlen(text), &err);

	if (!v)
		fail_msg("%s: %s", text, err.msg);
	return v;
}

static int matches(const char *selector, const char *labels)
{
	CLEANUP_VALUE struct value *map = yaml(labels);
	struct err err = ERR_INIT;
	CLEANUP(selector_freep) struct selector *s = selector_parse(selector, &err);

	if (!s)
		fail_msg("%s: %s", selector, err.msg);
	return selector_matches(s, map);
}

static void test_text_matches(void **state)
{
	assert_true(matches("", "{}"));
	assert_true(matches("app=nginx", "{app: nginx}"));
	assert_true(matches(" app == nginx ", "{app: nginx}"));
	assert_false(matches("app=nginx", "{app: apache}"));
	assert_false(matches("app=nginx", "{}"));
	assert_true(matches("app!=nginx", "{}"));
	assert_true(matches("app!=nginx", "{app: apache}"));
	assert_false(matches("app!=nginx", "{app: nginx}"));
	assert_true(matches("app", "{app: x}"));
	assert_false(matches("app", "{}"));
	assert_true(matches("!app", "{}"));
	assert_false(matches("! app", "{app: x}"));
	assert_true(matches("env in (a,b)", "{env: b}"));
	assert_false(matches("env in (a,b)", "{env: c}"));
	assert_false(matches("env in (a,b)", "{}"));
	assert_true(matches("env notin (a,b)", "{}"));
	assert_false(matches("env notin (a, b)", "{env: a}"));
	assert_true(matches("env in (a,)", "{env: \"\"}"));
	assert_true(matches("env in ()", "{env: \"\"}"));
	assert_true(matches("env=", "{env: \"\"}"));
	assert_false(matches("env=", "{env: x}"));
	assert_true(matches("n>5", "{\"n\": \"6\"}"));
	assert_false(matches("n>5", "{\"n\": \"5\"}"));
	assert_false(matches("n>5", "{\"n\": x}"));
	assert_true(matches("n<5", "{\"n\": \"-6\"}"));
	assert_true(matches("in in (in,notin),notin", "{in: notin, notin: in}"));
	assert_true(matches("a=1,b!=2,c in (3),!d,kubernetes.io/e",
			    "{a: \"1\", c: \"3\", kubernetes.io/e: x}"));
	assert_false(matches("a=1,b!=2,c in (3),!d", "{a: \"1\", c: \"3\", d: \"\"}"));
}

static void test_canonical_text(void **state)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"b = 1, a==2", "a==2,b=1"},
		{"x notin (c,a,b),!y,z", "x notin (a,b,c),!y,z"},
		{"x in ()", "x in ()"},
		{"n>5,m<3", "m<3,n>5"},
		{"app=nginx,tier!=db,env in (a,b),!old", "app=nginx,env in (a,b),!old,tier!=db"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(selector_freep) struct selector *s = selector_parse(cases[i][0], NULL);
		CLEANUP(buf_fini) struct buf out = BUF_INIT;

		assert_non_null(s);
		selector_render(s, &out);
		assert_string_equal(buf_str(&out), cases[i][1]);
		assert_int_equal(selector_is_empty(s), *cases[i][0] == '\0');
	}
}

static void test_malformed_text_is_refused(void **state)
{
	static const char *const bad[] = {
		",",       "a,",
		",a",      "a,,b",
		"=",       "a b",
		"a=b c",   "a in",
		"a in a",  "a in (",
		"a in (a", "a in (a b)",
		"a in a)", "a notin",
		"!",       "!!a",
		"!a=b",    "a>",
		"a>x",     "a>1.5",
		"a=b=c",   "a=!b",
		"-a",      "a-",
		"a/b/c",   "/a",
		"a/",      "A_B/c",
		"a.-b/c",  "a=-",
		"a=b_",    "a=b/c",
		"(a)",     "a=\xc3\xa9",
		"x<>1",    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_INIT;

		if (selector_parse(bad[i], &err))
			fail_msg("'%s' is accepted", bad[i]);
		assert_int_equal(err.code, EINVAL);
		assert_true(strlen(err.msg) > 0);
	}
}

static void test_label_selector_objects(void **state)
{
	CLEANUP_VALUE struct value *obj = yaml("matchLabels: {b: \"1\", a: \"2\"}\n"
					       "matchExpressions:\n"
					       "- {key: c, operator: In, values: [yy, x]}\n"
					       "- {key: d, operator: NotIn, values: [z]}\n"
					       "- {key: e, operator: Exists}\n"
					       "- {key: f, operator: DoesNotExist}\n");
	CLEANUP_VALUE struct value *good = yaml("{a: \"2\", b: \"1\", c: x, e: \"\"}");
	CLEANUP_VALUE struct value *bad = yaml("{a: \"2\", b: \"1\", c: x, d: z, e: \"\"}");
	CLEANUP_VALUE struct value *empty = value_new_map();
	CLEANUP(selector_freep) struct selector *s = selector_from_object(obj, NULL);
	CLEANUP(selector_freep) struct selector *all = selector_from_object(empty, NULL);
	CLEANUP(selector_freep) struct selector *none = selector_from_object(NULL, NULL);
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	assert_true(selector_matches(s, good));
	assert_false(selector_matches(s, bad));
	selector_render(s, &out);
	assert_string_equal(buf_str(&out), "a=2,b=1,c in (x,yy),d notin (z),e,!f");
	assert_true(selector_matches(all, NULL));
	assert_true(selector_is_empty(all));
	assert_false(selector_matches(none, good));
	assert_false(selector_is_empty(none));
}

static void test_bad_label_selectors_are_refused(void **state)
{
	static const char *const bad[] = {
		"matchExpressions: [{key: c, operator: in, values: [y]}]",
		"matchExpressions: [{key: c, operator: In}]",
		"matchExpressions: [{key: c, operator: Exists, values: [y]}]",
		"matchExpressions: [{operator: Exists}]",
		"matchExpressions: [1]",
		"matchLabels: {\"a b\": c}",
		"matchLabels: {a: \"b c\"}",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CLEANUP_VALUE struct value *v = yaml(bad[i]);
		struct err err = ERR_INIT;

		assert_null(selector_from_object(v, &err));
		assert_int_equal(err.code, EINVAL);
	}
}

static void test_plain_maps(void **state)
{
	CLEANUP_VALUE struct value *map = yaml("{app: nginx}"), *empty = value_new_map();
	CLEANUP(selector_freep) struct selector *s = selector_from_map(map);
	CLEANUP(selector_freep) struct selector *none = selector_from_map(empty);
	CLEANUP(selector_freep) struct selector *null = selector_from_map(NULL);

	assert_true(selector_matches(s, map));
	assert_false(selector_matches(s, empty));
	assert_false(selector_matches(none, map));
	assert_false(selector_matches(null, map));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_matches),
		cmocka_unit_test(test_canonical_text),
		cmocka_unit_test(test_malformed_text_is_refused),
		cmocka_unit_test(test_label_selector_objects),
		cmocka_unit_test(test_bad_label_selectors_are_refused),
		cmocka_unit_test(test_plain_maps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
