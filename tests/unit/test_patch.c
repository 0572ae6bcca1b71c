/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "objects/codec.h"
#include "objects/patch.h"
#include "objects/patch/pointer.h"

static struct value *json(const char *text)
{
	struct err err = ERR_INIT;
	struct value *v = json_parse(text, strlen(text), &err);

	if (!v)
		fail_msg("%s: %s", text, err.msg);
	return v;
}

static void assert_json(const struct value *got, const char *want)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT;
	CLEANUP_VALUE struct value *w = json(want), *g = value_ref(got);
	CLEANUP(buf_fini) struct buf canonical = BUF_INIT;

	json_render(w, &canonical);
	json_render(g, &b);
	assert_string_equal(buf_str(&b), buf_str(&canonical));
}

/* -- RFC 7396 -- */

static void test_merge_follows_the_rfc(void **state)
{
	/* appendix A */
	static const char *const cases[][3] = {
		{"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
		{"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
		{"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
		{"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
		{"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
		{"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
		{"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}",
		 "{\"a\":{\"b\":\"d\"}}"},
		{"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
		{"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
		{"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
		{"{\"a\":\"foo\"}", "null", "null"},
		{"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
		{"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
		{"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
		{"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_VALUE struct value *patch = json(cases[i][1]);
		CLEANUP_VALUE struct value *got = patch_merge(json(cases[i][0]), patch);

		assert_json(got, cases[i][2]);
	}
}

static void test_merge_of_nothing_new_is_the_same_tree(void **state)
{
	CLEANUP_VALUE struct value *live = json("{\"a\":{\"b\":[1,2]},\"c\":1}");
	CLEANUP_VALUE struct value *patch = json("{\"a\":{\"b\":[1,2],\"x\":null}}");
	CLEANUP_VALUE struct value *got = patch_merge(value_ref(live), patch);

	assert_ptr_equal(got, live);
}

/* -- RFC 6901, 6902 -- */

static void test_pointers(void **state)
{
	/* RFC 6901, section 5 */
	CLEANUP_VALUE struct value *doc =
		json("{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"m~n\":8}");
	static const struct {
		const char *pointer;
		int64_t want;
	} cases[] = {{"/", 0}, {"/a~1b", 1}, {"/c%d", 2}, {"/m~0n", 8}};
	struct pointer p;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(pointer_parse(cases[i].pointer, &p), 0);
		assert_int_equal(value_int(pointer_get(doc, &p), -1), cases[i].want);
		pointer_fini(&p);
	}
	assert_int_equal(pointer_parse("", &p), 0);
	assert_ptr_equal(pointer_get(doc, &p), doc);
	pointer_fini(&p);
	assert_int_equal(pointer_parse("/foo/1", &p), 0);
	assert_string_equal(value_str(pointer_get(doc, &p), ""), "baz");
	pointer_fini(&p);
	assert_true(pointer_parse("foo", &p) < 0);
	assert_true(pointer_parse("/a~2", &p) < 0);
	assert_true(pointer_parse("/a~", &p) < 0);
	assert_int_equal(pointer_index("01", 5, 0), -1);
	assert_int_equal(pointer_index("-", 5, 0), -1);
	assert_int_equal(pointer_index("-", 5, 1), 5);
	assert_int_equal(pointer_index("5", 5, 1), 5);
	assert_int_equal(pointer_index("5", 5, 0), -1);
	assert_int_equal(pointer_index("99999999999999999999999", 5, 1), -1);
}

static struct value *patched(const char *doc, const char *patch, struct faults *faults)
{
	CLEANUP_VALUE struct value *p = json(patch);

	return patch_json(json(doc), p, faults);
}

static void test_json_patch_operations(void **state)
{
	static const char *const cases[][3] = {
		{"{\"a\":[1,3]}", "[{\"op\":\"add\",\"path\":\"/a/1\",\"value\":2}]",
		 "{\"a\":[1,2,3]}"},
		{"{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/-\",\"value\":2}]",
		 "{\"a\":[1,2]}"},
		{"{\"a\":[1,2]}", "[{\"op\":\"remove\",\"path\":\"/a/0\"}]", "{\"a\":[2]}"},
		{"{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":null}]",
		 "{\"a\":null}"},
		{"{\"a\":{\"b\":1},\"c\":{}}",
		 "[{\"op\":\"move\",\"from\":\"/a/b\",\"path\":\"/c/d\"}]",
		 "{\"a\":{},\"c\":{\"d\":1}}"},
		{"{\"a\":[1,2,3]}", "[{\"op\":\"move\",\"from\":\"/a/0\",\"path\":\"/a/2\"}]",
		 "{\"a\":[2,3,1]}"},
		{"{\"a\":{\"b\":1}}", "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/a/c\"}]",
		 "{\"a\":{\"b\":1,\"c\":{\"b\":1}}}"},
		{"{\"a\":1}",
		 "[{\"op\":\"test\",\"path\":\"/a\",\"value\":1.0},{\"op\":\"add\",\"path\":\"/"
		 "b\",\"value\":2}]",
		 "{\"a\":1,\"b\":2}"},
		{"{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/none\",\"value\":null}]", "{\"a\":1}"},
		{"{\"a\":1}", "[{\"op\":\"add\",\"path\":\"\",\"value\":{\"z\":1}}]", "{\"z\":1}"},
		{"{\"a\":1}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a\"}]", "{\"a\":1}"},
		{"{\"a\":1}", "[]", "{\"a\":1}"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
		CLEANUP_VALUE struct value *got = patched(cases[i][0], cases[i][1], &faults);

		assert_int_equal(faults.n, 0);
		assert_json(got, cases[i][2]);
	}
}

static void test_json_patch_refusals(void **state)
{
	static const char *const cases[][2] = {
		{"[{\"op\":\"remove\",\"path\":\"/l/7\"}]", "missing path: \"/l/7\""},
		{"[{\"op\":\"remove\",\"path\":\"\"}]", "the whole document"},
		{"[{\"op\":\"replace\",\"path\":\"/l/9\",\"value\":1}]", "missing key: /l/9"},
		{"[{\"op\":\"replace\",\"path\":\"/no/way\",\"value\":1}]", "missing key: /no/way"},
		{"[{\"op\":\"replace\",\"path\":\"/l/-\",\"value\":1}]", "missing key: /l/-"},
		{"[{\"op\":\"add\",\"path\":\"/no/way\",\"value\":1}]",
		 "missing path: \"/no/way\""},
		{"[{\"op\":\"add\",\"path\":\"/l/9\",\"value\":1}]", "missing path: \"/l/9\""},
		{"[{\"op\":\"add\",\"path\":\"/s/x\",\"value\":1}]", "missing path: \"/s/x\""},
		{"[{\"op\":\"test\",\"path\":\"/s\",\"value\":\"u\"}]", "testing value /s failed"},
		{"[{\"op\":\"bogus\",\"path\":\"/s\"}]", "Unexpected kind: bogus"},
		{"[{\"path\":\"/s\"}]", "Unexpected kind: unknown"},
		{"[{\"op\":\"add\",\"path\":\"/s\"}]", "\"value\" is missing"},
		{"[{\"op\":\"copy\",\"path\":\"/s\"}]", "\"from\" is missing"},
		{"[{\"op\":\"add\",\"path\":\"s\",\"value\":1}]", "no JSON pointer"},
		{"[{\"op\":\"move\",\"from\":\"/m\",\"path\":\"/m/x\"}]", "is below"},
		{"[7]", "Unexpected kind"},
		{"{\"op\":\"add\"}", "a list of operations"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
		struct value *got =
			patched("{\"s\":\"t\",\"l\":[1,2],\"m\":{}}", cases[i][0], &faults);

		if (got)
			fail_msg("accepted: %s", cases[i][0]);
		assert_int_equal(faults.n, 1);
		if (!strstr(faults.list[0].message, cases[i][1]))
			fail_msg("%s: %s", cases[i][0], faults.list[0].message);
	}
}

/* The original is untouched when a later operation fails. */
static void test_json_patch_is_all_or_nothing(void **state)
{
	CLEANUP_VALUE struct value *doc = json("{\"a\":{\"b\":[1]}}");
	CLEANUP_VALUE struct value *patch =
		json("[{\"op\":\"add\",\"path\":\"/a/b/-\",\"value\":2},"
		     "{\"op\":\"remove\",\"path\":\"/none\"}]");
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;

	assert_null(patch_json(value_ref(doc), patch, &faults));
	assert_json(doc, "{\"a\":{\"b\":[1]}}");
}

static void test_json_patch_cannot_explode(void **state)
{
	CLEANUP_VALUE struct value *patch = value_new_list();
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT, deep = FAULTS_INIT;
	CLEANUP(buf_fini) struct buf path = BUF_INIT;

	for (int i = 0; i < 200; i++)
		patch = value_append(patch,
				     json("{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/a/-\"}"));
	assert_null(patch_json(json("{\"a\":[1]}"), patch, &faults));
	assert_int_equal(faults.n, 1);

	value_unref(patch);
	patch = value_new_list();
	for (int i = 0; i < 2 * VALUE_MAX_DEPTH; i++) {
		struct value *op = value_set_str(value_new_map(), "op", "add");

		buf_adds(&path, "/x");
		op = value_set_str(op, "path", buf_str(&path));
		patch = value_append(patch, value_set(op, "value", value_new_map()));
	}
	assert_null(patch_json(json("{}"), patch, &deep));
	assert_int_equal(deep.n, 1);
}

/* -- strategic merge patch -- */

static const struct schema *pod_spec(void)
{
	return schema_field(kind_by_gvk("v1", "Pod")->schema, "spec")->schema;
}

static void assert_strategic(const char *live, const char *patch, const char *want)
{
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	CLEANUP_VALUE struct value *p = json(patch);
	CLEANUP_VALUE struct value *got = patch_strategic(pod_spec(), json(live), p, &faults);

	if (faults.n)
		fail_msg("%s: %s", patch, faults.list[0].message);
	assert_json(got, want);
}

static void refuse_strategic(const char *live, const char *patch, const char *why)
{
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	CLEANUP_VALUE struct value *p = json(patch);
	struct value *got = patch_strategic(pod_spec(), json(live), p, &faults);

	assert_null(got);
	assert_true(faults.n >= 1);
	if (!strstr(faults.list[0].message, why))
		fail_msg("%s: %s", patch, faults.list[0].message);
}

static void test_strategic_lists(void **state)
{
	static const char two[] = "{\"containers\":[{\"name\":\"a\",\"image\":\"x\",\"args\":["
				  "\"1\"]},{\"name\":\"b\"}]}";

	assert_strategic(two, "{\"containers\":[{\"name\":\"b\",\"image\":\"y\"}]}",
			 "{\"containers\":[{\"name\":\"a\",\"image\":\"x\",\"args\":[\"1\"]},{"
			 "\"name\":\"b\",\"image\":\"y\"}]}");
	assert_strategic(
		two,
		"{\"containers\":[{\"name\":\"a\",\"args\":[\"2\",\"3\"]},{\"name\":\"b\",\"$"
		"patch\":\"delete\"}]}",
		"{\"containers\":[{\"name\":\"a\",\"image\":\"x\",\"args\":[\"2\",\"3\"]}]}");
	assert_strategic(two, "{\"containers\":[{\"$patch\":\"replace\"},{\"name\":\"c\"}]}",
			 "{\"containers\":[{\"name\":\"c\"}]}");
	assert_strategic(two,
			 "{\"$setElementOrder/containers\":[{\"name\":\"b\"},{\"name\":\"a\"}]}",
			 "{\"containers\":[{\"name\":\"b\"},{\"name\":\"a\",\"image\":\"x\","
			 "\"args\":[\"1\"]}]}");
	assert_strategic(two,
			 "{\"$setElementOrder/"
			 "containers\":[{\"name\":\"c\"},{\"name\":\"b\"}],\"containers\":[{"
			 "\"name\":\"c\"}]}",
			 "{\"containers\":[{\"name\":\"c\"},{\"name\":\"a\",\"image\":\"x\","
			 "\"args\":[\"1\"]},{\"name\":\"b\"}]}");
	assert_strategic("{}",
			 "{\"containers\":[{\"name\":\"a\",\"image\":null},{\"name\":\"b\",\"$"
			 "patch\":\"delete\"}]}",
			 "{\"containers\":[{\"name\":\"a\"}]}");
	refuse_strategic(two, "{\"containers\":[{\"image\":\"q\"}]}",
			 "map: map[image:q] does not contain declared merge key: name");
	refuse_strategic(two, "{\"containers\":[{\"name\":\"a\",\"$patch\":\"eat\"}]}",
			 "unknown patch type 'eat'");
	refuse_strategic(two, "{\"$setElementOrder/containers\":7}", "expected a list");
	refuse_strategic(two,
			 "{\"$setElementOrder/containers\":[{\"name\":\"b\"},{\"name\":\"a\"}],"
			 "\"containers\":[{\"name\":\"a\",\"image\":\"p\"},{\"name\":\"b\","
			 "\"image\":\"q\"}]}",
			 "does not match its $setElementOrder list");
	refuse_strategic(two,
			 "{\"$setElementOrder/containers\":[{\"name\":\"a\"}],\"containers\":[{"
			 "\"name\":\"b\",\"image\":\"q\"}]}",
			 "does not match its $setElementOrder list");
	refuse_strategic(two, "{\"containers\":[{\"$patch\":\"merge\",\"name\":\"a\"}]}",
			 "merging lists cannot yet be specified");
	assert_strategic(two,
			 "{\"$setElementOrder/containers\":[],\"containers\":[{\"name\":\"c\"}]}",
			 "{\"containers\":[{\"name\":\"a\",\"image\":\"x\",\"args\":[\"1\"]},{"
			 "\"name\":\"b\"},{\"name\":\"c\"}]}");
	/* a list that is replaced knows no directives: decoding refuses what looks like one */
	assert_strategic("{\"tolerations\":[{\"key\":\"k\"}]}",
			 "{\"tolerations\":[{\"$patch\":\"replace\"}]}",
			 "{\"tolerations\":[{\"$patch\":\"replace\"}]}");
	refuse_strategic("{\"tolerations\":[{\"key\":\"k\"}]}",
			 "{\"$setElementOrder/tolerations\":[{\"key\":\"k\"}]}",
			 "replaced as a whole");
}

static void test_strategic_maps(void **state)
{
	assert_strategic("{\"nodeSelector\":{\"a\":\"1\",\"b\":\"2\"}}",
			 "{\"nodeSelector\":{\"a\":null,\"c\":\"3\"}}",
			 "{\"nodeSelector\":{\"b\":\"2\",\"c\":\"3\"}}");
	assert_strategic("{\"nodeSelector\":{\"a\":\"1\"}}",
			 "{\"nodeSelector\":{\"$patch\":\"replace\",\"c\":\"3\"}}",
			 "{\"nodeSelector\":{\"c\":\"3\"}}");
	assert_strategic("{\"nodeSelector\":{\"a\":\"1\"}}",
			 "{\"nodeSelector\":{\"$patch\":\"delete\"}}", "{\"nodeSelector\":{}}");
	refuse_strategic("{\"nodeSelector\":{\"a\":\"1\"}}",
			 "{\"nodeSelector\":{\"$patch\":\"merge\",\"b\":\"2\"}}",
			 "unknown patch type 'merge'");
	assert_strategic("{\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]}",
			 "{\"volumes\":[{\"name\":\"v\",\"$retainKeys\":[\"name\",\"hostPath\"],"
			 "\"hostPath\":{\"path\":\"/\"}}]}",
			 "{\"volumes\":[{\"name\":\"v\",\"hostPath\":{\"path\":\"/\"}}]}");
	refuse_strategic("{\"nodeSelector\":{\"a\":\"1\"}}", "{\"nodeSelector\":{\"$patch\":7}}",
			 "unknown patch type '7'");
	refuse_strategic("{\"nodeSelector\":{\"a\":\"1\"}}",
			 "{\"nodeSelector\":{\"$retainKeys\":[\"x\"],\"y\":\"1\"}}",
			 "invalid patch format of retainKeys");
	refuse_strategic("{}", "[1]", "is a map");
}

static void test_strategic_primitive_lists(void **state)
{
	const struct schema *meta =
		schema_field(kind_by_gvk("v1", "Pod")->schema, "metadata")->schema;
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	CLEANUP_VALUE struct value *patch =
		json("{\"$deleteFromPrimitiveList/finalizers\":[\"a/1\"],"
		     "\"$setElementOrder/finalizers\":[\"c/3\",\"b/2\"],\"finalizers\":[\"c/3\"]}");
	CLEANUP_VALUE struct value *got =
		patch_strategic(meta, json("{\"finalizers\":[\"a/1\",\"b/2\"]}"), patch, &faults);

	assert_int_equal(faults.n, 0);
	assert_json(got, "{\"finalizers\":[\"c/3\",\"b/2\"]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merge_follows_the_rfc),
		cmocka_unit_test(test_merge_of_nothing_new_is_the_same_tree),
		cmocka_unit_test(test_pointers),
		cmocka_unit_test(test_json_patch_operations),
		cmocka_unit_test(test_json_patch_refusals),
		cmocka_unit_test(test_json_patch_is_all_or_nothing),
		cmocka_unit_test(test_json_patch_cannot_explode),
		cmocka_unit_test(test_strategic_lists),
		cmocka_unit_test(test_strategic_maps),
		cmocka_unit_test(test_strategic_primitive_lists),
	};

	kinds_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
