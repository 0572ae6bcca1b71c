/* SPDX-License-Identifier: MIT */
/*
 * YAML: read as go-yaml v2 and sigs.k8s.io/yaml read it (cases of their tests),
 * printed byte for byte as kubectl prints it, refused with all faults and their places.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "objects/codec.h"

static struct value *parse_n(const char *text, size_t n)
{
	struct err err = ERR_INIT;
	struct value *v = yaml_parse_value(text, n, &err);

	if (!v)
		fail_msg("%.100s: %s", text, err.msg);
	return v;
}

static struct value *parse(const char *text)
{
	return parse_n(text, strlen(text));
}

static void expect_json(const char *text, const char *wanted)
{
	CLEANUP_VALUE struct value *v = parse(text);
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	json_render(v, &out);
	if (strcmp(buf_str(&out), wanted) != 0)
		print_message("%s\n", text);
	assert_string_equal(buf_str(&out), wanted);
}

/* All faults of a text, one a line, without a file. */
static int faults_of(const char *text, size_t n, struct buf *out)
{
	struct documents docs;
	struct faults f = FAULTS_INIT;
	int rc = yaml_parse(text, n, &docs, &f);

	faults_render(&f, "f", out);
	faults_fini(&f);
	documents_fini(&docs);
	return rc;
}

static void expect_faults(const char *text, const char *wanted)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	assert_int_equal(faults_of(text, strlen(text), &out), -EINVAL);
	if (!strstr(buf_str(&out), wanted))
		fail_msg("%.100s: got '%s', wanted '%s'", text, buf_str(&out), wanted);
}

static void test_plain_scalars(void **state)
{
	expect_json("[true, True, yes, on, ON, y, false, No, off, n]",
		    "[true,true,true,true,true,true,false,false,false,false]");
	expect_json("[\"yes\", 'on', \"true\", tRue, yEs, nope]",
		    "[\"yes\",\"on\",\"true\",\"tRue\",\"yEs\",\"nope\"]");
	expect_json("[~, null, Null, NULL, \"null\"]", "[null,null,null,null,\"null\"]");
	expect_json("[10, -10, +685_230, 02472256, 0x_0A_74_AE, 0b1010, -0b101010, 0o17, 0xA]",
		    "[10,-10,685230,685230,685230,10,-42,15,10]");
	expect_json("[9223372036854775807, -9223372036854775808]",
		    "[9223372036854775807,-9223372036854775808]");
	expect_json("[-0b1000000000000000000000000000000000000000000000000000000000000000]",
		    "[-9223372036854775808]");
	expect_json("[0.1, .1, -.1, 1.5e3, 6.8523e+5, 685.230_15e+03, 123456e1, 1., 08]",
		    "[0.1,0.1,-0.1,1500,685230,685230.15,1234560,1,8]");
	expect_json(
		"[-b_c, +b_c, 50cent_of_dollar, 1:1, 1.2.3, 1e, 0x, 0xg, -, +, ., 1e400, 12e03x]",
		"[\"-b_c\",\"+b_c\",\"50cent_of_dollar\",\"1:1\",\"1.2.3\",\"1e\",\"0x\",\"0xg\","
		"\"-\",\"+\",\".\",\"1e400\",\"12e03x\"]");
	expect_json("[2015-01-01, 2015-02-24T18:19:39.12Z, 2015-02-24 18:19:39]",
		    "[\"2015-01-01\",\"2015-02-24T18:19:39.12Z\",\"2015-02-24 18:19:39\"]");
}

static void test_whole_numbers_are_integers(void **state)
{
	CLEANUP_VALUE struct value *v = parse("[1.0, 1e3, 08, 1.5]");

	assert_true(value_is(value_at(v, 0), VALUE_INT));
	assert_true(value_is(value_at(v, 1), VALUE_INT));
	assert_true(value_is(value_at(v, 2), VALUE_INT));
	assert_true(value_is(value_at(v, 3), VALUE_DOUBLE));
}

static void test_tags(void **state)
{
	expect_json("[!!str 123, !!int \"12\", !!float '1.5', !!null '', ! test, !!str, !mine x]",
		    "[\"123\",12,1.5,null,\"test\",\"\",\"x\"]");
	expect_json("!!binary aGVsbG8=", "\"hello\"");
	expect_json("[!!bool yes, !!timestamp 2015-01-01]", "[true,\"2015-01-01\"]");
	expect_faults("!!int abc", "not of its tag !!int");
	expect_faults("!!binary '*'", "base64");
	expect_faults("!!binary gIGC", "no text");
}

static void test_keys_become_text(void **state)
{
	expect_json("{1: a, 0x10: b, 1.5: c, true: d, yes!: e, 2015-01-01: f}",
		    "{\"1\":\"a\",\"1.5\":\"c\",\"16\":\"b\",\"2015-01-01\":\"f\",\"true\":\"d\","
		    "\"yes!\":\"e\"}");
	expect_json("1000000.5: a", "{\"1.0000005e+06\":\"a\"}");
	expect_faults("~: a", "a key must not be null");
	expect_faults("? [a]\n: b", "a key must be text");
	expect_faults("? {a: b}\n: b", "a key must be text");
}

static void test_blocks(void **state)
{
	expect_json("a: |\n  x\n   y\n\nb: |-\n  z\nc: |+\n  w\n\nd: >\n  f\n  g\n\n  h\n",
		    "{\"a\":\"x\\n y\\n\",\"b\":\"z\",\"c\":\"w\\n\\n\",\"d\":\"f g\\nh\\n\"}");
	expect_json("a: 'it''s'\nb: \"x\\ty\\u00e9\\\n   z\"",
		    "{\"a\":\"it's\",\"b\":\"x\\ty\u00e9z\"}");
	expect_json("a:\n- 1\n-   b: 2\n    c: 3\n- - 4\n", "{\"a\":[1,{\"b\":2,\"c\":3},[4]]}");
	expect_json("a: {b: https://x.y/z}\nc: [https://x.y/z]",
		    "{\"a\":{\"b\":\"https://x.y/z\"},\"c\":[\"https://x.y/z\"]}");
	expect_json("---\nhello\n...\n", "\"hello\"");
	expect_json("\xef\xbb\xbf"
		    "a: 1\r\nb: 2\r\n",
		    "{\"a\":1,\"b\":2}");
}

static void test_anchors_and_merges(void **state)
{
	expect_json("a: &x 1\nb: *x\nc: &l [1]\nd: *l\ne: &x 2\nf: *x",
		    "{\"a\":1,\"b\":1,\"c\":[1],\"d\":[1],\"e\":2,\"f\":2}");
	expect_json("base: &b {a: 1, b: 2}\nm:\n  <<: *b\n  b: 3",
		    "{\"base\":{\"a\":1,\"b\":2},\"m\":{\"a\":1,\"b\":3}}");
	expect_json("- &a {x: 1}\n- &b {x: 2, w: 3}\n- <<: [*a, *b]\n  z: 4\n- <<: {q: 1}",
		    "[{\"x\":1},{\"w\":3,\"x\":2},{\"w\":3,\"x\":1,\"z\":4},{\"q\":1}]");
	expect_json("\"<<\": 1", "{\"<<\":1}");
	expect_faults("a: *x", "f:1:4: unknown anchor 'x' referenced");
	expect_faults("a: &x [*x]", "anchor 'x' value contains itself");
	expect_faults("<<: 1", "f:1:1: map merge requires map or sequence of maps");
	expect_faults("<<: [{a: 1}, 2]", "map merge requires");
	expect_faults("--- &x {}\n--- *x", "unknown anchor");
}

static void test_json_is_read(void **state)
{
	expect_json("{\"a\":\"\\ud83d\\ude00\\/\",\n\t\"b\":[1,2.5,true,null]}",
		    "{\"a\":\"\U0001F600/\",\"b\":[1,2.5,true,null]}");
	expect_json("{\"a\":1, # comment\n b: yes}", "{\"a\":1,\"b\":true}");
	expect_faults("{\"a\":1,\n \"a\":2}", "f:2:2: key \"a\" already set in map");
}

static void test_documents(void **state)
{
	static const char text[] =
		"# nothing\n---\n---\na: 1\n---\n# empty\n---\n~\n---\n- b\n...\n";
	struct faults f = FAULTS_INIT;
	struct documents docs;

	assert_int_equal(yaml_parse(text, strlen(text), &docs, &f), 0);
	assert_int_equal(docs.n, 2);
	assert_int_equal(docs.list[0].index, 1);
	assert_int_equal(docs.list[0].line, 3);
	assert_int_equal(docs.list[1].index, 4);
	assert_true(value_is(docs.list[1].value, VALUE_LIST));
	documents_fini(&docs);
	assert_int_equal(yaml_parse("", 0, &docs, &f), 0);
	assert_int_equal(docs.n, 0);
	documents_fini(&docs);
	faults_fini(&f);
}

static void test_all_faults_at_once(void **state)
{
	static const char text[] = "good: 1\n"
				   "---\nx: [a, b\n"
				   "---\ndup: 1\nin: {dup: 2, dup: 3}\ndup: 4\n"
				   "---\nk: @bad\n"
				   "---\nkind: Pod\n\tname: x\n"
				   "---\nlast: 1\n";
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	struct faults f = FAULTS_INIT;
	struct documents docs;

	assert_int_equal(yaml_parse(text, strlen(text), &docs, &f), -EINVAL);
	faults_render(&f, "f", &out);
	assert_string_equal(buf_str(&out),
			    "f:4:1: did not find expected ',' or ']' (while parsing a flow "
			    "sequence that starts at line 3)\n"
			    "f:6:14: key \"dup\" already set in map\n"
			    "f:7:1: key \"dup\" already set in map\n"
			    "f:9:4: found character that cannot start any token\n"
			    "f:12:1: a tab in the indentation: YAML indents with spaces only\n");
	assert_int_equal(docs.n, 2);
	assert_int_equal(docs.list[1].index, 5);
	assert_int_equal(docs.list[1].line, 13);
	documents_fini(&docs);
	faults_fini(&f);
}

static void test_faults_of_text(void **state)
{
	static const char nul[] = "a: b\0c", latin[] = "a: caf\xe9", bell[] = "a: 1\nb: \x07";
	static const char utf16[] = "\xff\xfe"
				    "a\0:\0 \0b\0";
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	assert_int_equal(faults_of(nul, sizeof(nul) - 1, &out), -EINVAL);
	assert_int_equal(faults_of(latin, sizeof(latin) - 1, &out), -EINVAL);
	assert_int_equal(faults_of(bell, sizeof(bell) - 1, &out), -EINVAL);
	assert_int_equal(faults_of(utf16, sizeof(utf16) - 1, &out), -EINVAL);
	assert_string_equal(buf_str(&out), "f:1:5: text must not hold a NUL byte (byte 0x00)\n"
					   "f:1:7: invalid UTF-8 (byte 0xe9)\n"
					   "f:2:4: control characters are not allowed (byte 0x07)\n"
					   "f:1:1: invalid UTF-8 (byte 0xff)\n");
	expect_faults("a: \"x\\0y\"", "NUL");
	expect_faults("a: .inf", "no number that JSON can say");
	expect_faults("a: b: c", "mapping values are not allowed");
}

static void test_depth_is_bounded(void **state)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT;

	for (int i = 0; i < 10000; i++)
		buf_addc(&b, '[');
	expect_faults(buf_str(&b), "f:1:129: nested deeper than 128 levels");
	b.len = 0;
	for (int i = 0; i < 10000; i++)
		buf_adds(&b, "- ");
	expect_faults(buf_str(&b), "nested deeper than 128 levels");
	b.len = 0;
	for (int i = 0; i < 1000; i++) {
		buf_pad(&b, (size_t)i);
		buf_adds(&b, "a:\n");
	}
	expect_faults(buf_str(&b), "nested deeper than 128 levels");
	b.len = 0;
	buf_adds(&b, "a0: &a0 [x]\n");
	for (int i = 1; i < 200; i++)
		buf_addf(&b, "a%d: &a%d [*a%d]\n", i, i, i - 1);
	expect_faults(buf_str(&b), "nested deeper than 128 levels");
}

static void test_alias_bombs_are_refused_fast(void **state)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT;
	clock_t start = clock();

	buf_adds(&b, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
	for (int i = 1; i < 10; i++) {
		buf_addf(&b, "a%d: &a%d [", i, i);
		for (int j = 0; j < 10; j++)
			buf_addf(&b, "%s*a%d", j ? "," : "", i - 1);
		buf_adds(&b, "]\n");
	}
	expect_faults(buf_str(&b), "more than 1000000 values with its aliases written out");
	b.len = 0;
	buf_adds(&b, "a: &a ");
	for (int i = 0; i < 10000; i++)
		buf_adds(&b, "xxxxxxxxxx");
	buf_adds(&b, "\nb:\n");
	for (int i = 0; i < 10000; i++)
		buf_adds(&b, "- *a\n");
	expect_faults(buf_str(&b), "bytes with its aliases written out");
	b.len = 0;
	buf_adds(&b, "a: &a {b: 1}\nc: ");
	for (int i = 0; i < 100; i++)
		buf_adds(&b, "{<<: *a, d: ");
	buf_adds(&b, "1");
	for (int i = 0; i < 100; i++)
		buf_addc(&b, '}');
	value_unref(parse(buf_str(&b)));
	assert_true(clock() - start < CLOCKS_PER_SEC);
}

static void test_size_is_bounded(void **state)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT, out = BUF_INIT;

	while (b.len < CODEC_MAX_BYTES)
		buf_adds(&b, "# 16 bytes here\n");
	assert_int_equal(faults_of(b.data, CODEC_MAX_BYTES, &out), 0);
	assert_int_equal(faults_of(b.data, CODEC_MAX_BYTES + 1, &out), -EFBIG);
	assert_non_null(strstr(buf_str(&out), "larger than 3145728 bytes"));
}

static void test_hostile_texts_end_soon(void **state)
{
	static const char *const pieces[] = {
		"---\n@\n",     "%TAG !a! b\n", "&a ", "a: ",     "- ",
		"? ",           "\"",           "'",   "{",       "[",
		"!<a> ",        "|\n",          "\t",  "\r",      "---\n",
		"...\n",        "a\n",          "*a ", "a: *a\n", "#",
		"\xe2\x80\xa8", "{a: ",         "a,"};

	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		CLEANUP(buf_fini) struct buf b = BUF_INIT, out = BUF_INIT;
		clock_t start = clock();

		while (b.len < 300000)
			buf_adds(&b, pieces[i]);
		faults_of(b.data, b.len, &out);
		if (clock() - start > 2 * CLOCKS_PER_SEC)
			fail_msg("'%s' takes %.1f s", pieces[i],
				 (double)(clock() - start) / CLOCKS_PER_SEC);
	}
}

static void test_one_value(void **state)
{
	struct err err = ERR_INIT;

	assert_null(yaml_parse_value("", 0, &err));
	assert_null(yaml_parse_value(" \n", 2, NULL));
	assert_null(yaml_parse_value("a\n---\nb\n", 8, NULL));
	assert_null(yaml_parse_value("[", 1, NULL));
	expect_json("5\n", "5");
	expect_json("~", "null");
	expect_json("[a, b]", "[\"a\",\"b\"]");
}

static void locate(struct faults *f, const struct path *at)
{
	fault_add(f, at, FAULT_INVALID, NULL, "bad");
}

static void test_faults_are_located(void **state)
{
	static const char text[] = "a: 1\n---\n# c\nbase: &b\n  x: 1\nspec:\n  replicas: three\n"
				   "  containers:\n  - name: a\n    image: b\n  -   image: c\n"
				   "  flow: {p: [1, 2]}\n  merged:\n    <<: *b\n  alias: *b\n";
	const struct path *spec = PATH_FIELD(NULL, "spec");
	const struct path *containers = PATH_FIELD(spec, "containers");
	static const unsigned want[][2] = {{7, 3}, {11, 7}, {11, 7}, {12, 14}, {12, 17}, {5, 3},
					   {5, 3}, {6, 1},  {11, 7}, {4, 1},   {6, 1}};
	struct faults f = FAULTS_INIT;

	locate(&f, PATH_FIELD(spec, "replicas"));
	locate(&f, PATH_FIELD(PATH_INDEX(containers, 1), "image"));
	locate(&f, PATH_INDEX(containers, 1));
	locate(&f, PATH_INDEX(PATH_FIELD(PATH_FIELD(spec, "flow"), "p"), 0));
	locate(&f, PATH_INDEX(PATH_FIELD(PATH_FIELD(spec, "flow"), "p"), 1));
	locate(&f, PATH_FIELD(PATH_FIELD(spec, "merged"), "x"));
	locate(&f, PATH_FIELD(PATH_FIELD(spec, "alias"), "x"));
	locate(&f, PATH_FIELD(spec, "absent"));
	locate(&f, PATH_FIELD(PATH_INDEX(containers, 1), "name"));
	locate(&f, PATH_FIELD(NULL, "absent"));
	locate(&f, spec);
	yaml_locate(text, strlen(text), 1, &f);
	for (size_t i = 0; i < f.n; i++) {
		if (f.list[i].line != want[i][0] || f.list[i].column != want[i][1])
			print_message("%s\n", f.list[i].field);
		assert_int_equal(f.list[i].line, want[i][0]);
		assert_int_equal(f.list[i].column, want[i][1]);
	}
	faults_fini(&f);
}

static void expect_index(const char *text, unsigned index, unsigned line)
{
	struct faults f = FAULTS_INIT, ignored = FAULTS_INIT;
	struct documents docs;
	int rc = yaml_parse(text, strlen(text), &docs, &ignored);

	assert_int_equal(rc<0, ignored.n> 0);
	assert_true(docs.n > 0);
	assert_int_equal(docs.list[docs.n - 1].index, index);
	locate(&f, PATH_FIELD(NULL, "k"));
	yaml_locate(text, strlen(text), index, &f);
	assert_int_equal(f.list[0].line, line);
	documents_fini(&docs);
	faults_fini(&f);
	faults_fini(&ignored);
}

/* The index that parsing gives is the one that locating finds, whatever stands between. */
static void test_documents_are_counted_alike(void **state)
{
	expect_index("k: 1\n", 0, 1);
	expect_index("# c\n\n---\nk: 1\n", 0, 4);
	expect_index("%YAML 1.1\n---\nk: 1\n", 0, 3);
	expect_index("%YAML 1~1\n---\nk: 1\n", 0, 3);
	expect_index("a: 1\n---\nk: 1\n", 1, 3);
	expect_index("--- a\n--- {k: 1}\n", 1, 2);
	expect_index("---\n---\n# c\n---\nk: 1\n", 2, 5);
	expect_index("a: 1\n...\n# c\n%YAML 1.1\n---\nk: 1\n", 1, 6);
	expect_index("a: [\n---\nb: *x\nc: [\n---\nk: 1\n", 2, 6);
	expect_index("--- 'a\n--- b'\n---\nk: 1\n", 2, 4);
	expect_index("a\n- b\n---\nc\n# d\ne: [\n---\nk: 1\n", 2, 8);
	expect_index("a: |\n  ---\n  b\n---\nk: 1\n", 1, 5);
	expect_index("a: 1\r\n---\r\nk: 1\r\n", 1, 3);
}

static void test_many_faulty_documents_end_soon(void **state)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT, out = BUF_INIT;
	clock_t start = clock();

	while (b.len < CODEC_MAX_BYTES - 32)
		buf_adds(&b, "---\n{a: 1, a: 2}\n");
	assert_int_equal(faults_of(b.data, b.len, &out), -EINVAL);
	assert_non_null(strstr(buf_str(&out), "f:200:8: key \"a\" already set in map\n"));
	if (clock() - start > 4 * CLOCKS_PER_SEC)
		fail_msg("%.1f s", (double)(clock() - start) / CLOCKS_PER_SEC);
}

static void test_locating_survives_bad_texts(void **state)
{
	static const char *const texts[] = {
		"", "[", "a: *b", "a: &a [*a]", "\xff", "---\n---\n", "{\"a\":\"\\ud83d\\ude00\"}"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct faults f = FAULTS_INIT;

		locate(&f, PATH_INDEX(PATH_FIELD(NULL, "a"), 0));
		locate(&f, PATH_FIELD(PATH_INDEX(PATH_INDEX(PATH_FIELD(NULL, "a"), 0), 0), "x"));
		yaml_locate(texts[i], strlen(texts[i]), 0, &f);
		yaml_locate(texts[i], strlen(texts[i]), 7, &f);
		faults_fini(&f);
	}
}

static void test_fields_of_json_with_surrogates_are_located(void **state)
{
	static const char text[] = "{\"a\": \"\\ud83d\\ude00 \\\\ud83d\",\n\t\"b\": [1,\n  2]}";
	struct faults f = FAULTS_INIT;

	locate(&f, PATH_FIELD(NULL, "b"));
	locate(&f, PATH_INDEX(PATH_FIELD(NULL, "b"), 1));
	yaml_locate(text, strlen(text), 0, &f);
	assert_int_equal(f.list[0].line, 2);
	assert_int_equal(f.list[0].column, 2);
	assert_int_equal(f.list[1].line, 3);
	assert_int_equal(f.list[1].column, 3);
	faults_fini(&f);
}

static void expect_yaml(const char *json, const char *wanted)
{
	CLEANUP_VALUE struct value *v = json_parse(json, strlen(json), NULL);
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	CLEANUP_VALUE struct value *back = NULL;

	assert_non_null(v);
	yaml_render(v, &out);
	if (strcmp(buf_str(&out), wanted) != 0)
		print_message("%s\n", json);
	assert_string_equal(buf_str(&out), wanted);
	back = parse_n(out.data, out.len);
	assert_true(value_equal(v, back));
}

static void test_rendering_chooses_styles_as_kubectl(void **state)
{
	static const char *const cases[][2] = {
		{"{\"v\":\"hi\"}", "v: hi\n"},
		{"{\"v\":\"true\"}", "v: \"true\"\n"},
		{"{\"v\":\"10\"}", "v: \"10\"\n"},
		{"{\"v\":\"1e3\"}", "v: \"1e3\"\n"},
		{"{\"v\":\"0x1F\"}", "v: \"0x1F\"\n"},
		{"{\"v\":\"1_000\"}", "v: \"1_000\"\n"},
		{"{\"v\":\"1.2.3.4\"}", "v: 1.2.3.4\n"},
		{"{\"v\":\"1:1\"}", "v: \"1:1\"\n"},
		{"{\"v\":\"190:20:30.15\"}", "v: \"190:20:30.15\"\n"},
		{"{\"v\":\"10.0.0.1:80\"}", "v: 10.0.0.1:80\n"},
		{"{\"v\":\"yes\"}", "v: \"yes\"\n"},
		{"{\"v\":\"~\"}", "v: \"~\"\n"},
		{"{\"v\":\"null\"}", "v: \"null\"\n"},
		{"{\"v\":null}", "v: null\n"},
		{"{\"v\":\"\"}", "v: \"\"\n"},
		{"{\"v\":{}}", "v: {}\n"},
		{"{\"v\":[]}", "v: []\n"},
		{"{}", "{}\n"},
		{"[]", "[]\n"},
		{"\"x\"", "x\n"},
		{"{\"v\":[\"A\",\"B\\nC\"]}", "v:\n- A\n- |-\n  B\n  C\n"},
		{"{\"v\":[\"A\",1,{\"B\":[2,3]}]}", "v:\n- A\n- 1\n- B:\n  - 2\n  - 3\n"},
		{"[[1,[2]],{\"a\":{\"b\":1},\"c\":[]}]",
		 "- - 1\n  - - 2\n- a:\n    b: 1\n  c: []\n"},
		{"{\"a\":\"-\"}", "a: '-'\n"},
		{"{\"a\":\"- x\"}", "a: '- x'\n"},
		{"{\"a\":\"-x\"}", "a: -x\n"},
		{"{\"a\":\"--flag=x\"}", "a: --flag=x\n"},
		{"{\"a\":\"---x\"}", "a: '---x'\n"},
		{"{\"a\":\"b: c\"}", "a: 'b: c'\n"},
		{"{\"a\":\"b:\"}", "a: 'b:'\n"},
		{"{\"a\":\":b\"}", "a: :b\n"},
		{"{\"a\":\"Hello #comment\"}", "a: 'Hello #comment'\n"},
		{"{\"a\":\"Hello#comment\"}", "a: Hello#comment\n"},
		{"{\"a\":\"it's\"}", "a: it's\n"},
		{"{\"a\":\"'it'\"}", "a: '''it'''\n"},
		{"{\"a\":\" x\"}", "a: ' x'\n"},
		{"{\"a\":\"x \"}", "a: 'x '\n"},
		{"{\"a\":\"*x\"}", "a: '*x'\n"},
		{"{\"a\":\"{x}\"}", "a: '{x}'\n"},
		{"{\"a\":\"x{y},[z]\"}", "a: x{y},[z]\n"},
		{"{\"a\":\"%x\",\"b\":\"@x\",\"c\":\"`x\",\"d\":\"!x\",\"e\":\"&x\",\"f\":\">\","
		 "\"g\":\"|x\"}",
		 "a: '%x'\nb: '@x'\nc: '`x'\nd: '!x'\ne: '&x'\nf: '>'\ng: '|x'\n"},
		{"{\"a\":\"?x\",\"b\":\"? x\"}", "a: ?x\nb: '? x'\n"},
		{"{\"a\":\"<foo>\"}", "a: <foo>\n"},
		{"{\"a\":\"2015-02-24T18:19:39Z\"}", "a: \"2015-02-24T18:19:39Z\"\n"},
		{"{\"a\":\"2015-02-31\"}", "a: 2015-02-31\n"},
		{"{\"a\":\"\u4f60\u597d #c\"}", "a: '\u4f60\u597d #c'\n"},
		{"{\"a\":\"\U0001F600\"}", "a: \"\\U0001F600\"\n"},
		{"{\"a\":\"x\\ty\"}", "a: \"x\\ty\"\n"},
		{"{\"a\":\"x\\ty\\nz\"}", "a: \"x\\ty\\nz\"\n"},
		{"{\"a\":\"x \\ny\"}", "a: \"x \\ny\"\n"},
		{"{\"a\":\"x\\n\"}", "a: |\n  x\n"},
		{"{\"a\":\"x\\n\\n\",\"b\":1}", "a: |+\n  x\n\nb: 1\n"},
		{"{\"a\":\"\\n\"}", "a: |2+\n\n"},
		{"{\"a\":\"  x\\ny\"}", "a: |2-\n    x\n  y\n"},
		{"{\"a\":\"x\\n\\n  y\"}", "a: |-\n  x\n\n    y\n"},
		{"{\"a\":\"x\\r\\ny\"}", "a: \"x\\r\\ny\"\n"},
		{"{\"a\":\"x\\ny\\u0085\",\"b\":\"x\\u2028y\"}", "a: \"x\\ny\\N\"\nb: \"x\\Ly\"\n"},
		{"{\"a b\":1,\"1\":2,\"true\":3,\"x: y\":4,\"\":5}",
		 "\"\": 5\n\"1\": 2\na b: 1\n\"true\": 3\n'x: y': 4\n"},
		{"{\"a\":[0.1,-0.5,1e21,1e-7,1234567.5,123456.5,1e20,2.0]}",
		 "a:\n- 0.1\n- -0.5\n- 1e+21\n- 1e-07\n- 1.2345675e+06\n- 123456.5\n- "
		 "100000000000000000000\n- 2\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		expect_yaml(cases[i][0], cases[i][1]);
}

static void test_long_lines_are_wrapped(void **state)
{
	expect_yaml("{\"a\":\"abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 1234567890 "
		    "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 1234567890 \"}",
		    "a: 'abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 1234567890 "
		    "abcdefghijklmnopqrstuvwxyz\n"
		    "  ABCDEFGHIJKLMNOPQRSTUVWXYZ 1234567890 '\n");
	expect_yaml("{\"a\":{\"b\":\"pods \\\"nginx-deployment-66b6c48dd5-4gxzq\\\" and others "
		    "were not "
		    "found in the namespace default\"}}",
		    "a:\n  b: pods \"nginx-deployment-66b6c48dd5-4gxzq\" and others were not found "
		    "in the namespace\n"
		    "    default\n");
	expect_yaml(
		"{\"a\":\"\\t3456789 123456789 123456789 123456789 123456789 123456789 123456789 "
		"123456789 x  y z\"}",
		"a: \"\\t3456789 123456789 123456789 123456789 123456789 123456789 123456789 "
		"123456789\n"
		"  x  y z\"\n");
	expect_yaml("{\"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
		    "kkkkkkkkkkkkkkk"
		    "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk/k\":{\"a\":[1]}}",
		    "? "
		    "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
		    "kkkkkkkkkkkk"
		    "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk/k\n: a:\n  - 1\n");
}

static void test_keys_are_in_the_order_of_kubectl(void **state)
{
	static const char *const order[] = {
		".1",    ".2",    ".a",   "1",      "2",     "a!10", "a/0001", "a/002",
		"a/3",   "a/10",  "a/11", "a/0012", "a/100", "a~10", "ab/1",   "b/1",
		"b/01",  "b/2",   "b/02", "b/3",    "b/03",  "b1",   "b01",    "b3",
		"c2.10", "c10.2", "d1",   "d7",     "d7abc", "d12",  "d12a"};
	CLEANUP_VALUE struct value *v = value_new_map();
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	const char *last;

	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		v = value_set_int(v, order[i], 1);
	buf_addc(&out, '\n');
	yaml_render(v, &out);
	last = out.data;
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		char line[32];
		const char *at;

		snprintf(line, sizeof(line), "\n%s:", order[i]);
		at = strstr(out.data, line);
		if (!at) {
			snprintf(line, sizeof(line), "\n\"%s\":", order[i]);
			at = strstr(out.data, line);
		}
		if (!at || at < last)
			fail_msg("%s is not behind %s:\n%s", order[i], order[i ? i - 1 : 0],
				 out.data);
		last = at;
	}
}

static void test_scalars_of_one_value_files(void **state)
{
	static const char *const cases[][2] = {
		{"\"true\"", "true"}, {"true", "true"},      {"5", "5"},
		{"null", "null"},     {"\"a\\nb\"", "a\nb"}, {"0.5", "0.5"}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_VALUE struct value *v = json_parse(cases[i][0], strlen(cases[i][0]), NULL);
		CLEANUP(buf_fini) struct buf out = BUF_INIT;

		scalar_render(v, &out);
		assert_string_equal(buf_str(&out), cases[i][1]);
	}
}

/* Deterministic noise of letters that matter. */
static void add_noise(struct buf *b, uint32_t *seed, size_t n)
{
	static const char alphabet[] = "abz019 -.:#'\"\\\n\t,[]{}&*!|>%@`?_~=<yn";

	for (size_t i = 0; i < n; i++) {
		*seed = *seed * 1664525 + 1013904223;
		buf_addc(b, alphabet[(*seed >> 16) % (sizeof(alphabet) - 1)]);
	}
}

static void test_any_string_reads_back(void **state)
{
	uint32_t seed = 1;

	for (int i = 0; i < 20000; i++) {
		CLEANUP(buf_fini) struct buf s = BUF_INIT, out = BUF_INIT;
		CLEANUP_VALUE struct value *v = NULL, *back = NULL;
		struct err err = ERR_INIT;

		add_noise(&s, &seed, (size_t)i % (i % 50 ? 12 : 200));
		v = value_set(
			value_new_map(), buf_str(&s),
			value_append(value_new_list(), value_new_stringn(buf_str(&s), s.len)));
		v = value_set(v, "k", value_new_stringn(buf_str(&s), s.len));
		yaml_render(v, &out);
		back = yaml_parse_value(out.data, out.len, &err);
		if (!back || !value_equal(v, back))
			fail_msg("'%s' is written\n%s%s", buf_str(&s), out.data, err.msg);
	}
}

static const char *reference(char path[512], const char *name)
{
	static const char *const places[] = {"../shared/kubernetes", "../../shared/kubernetes",
					     "../../../shared/kubernetes"};
	const char *told = getenv("K8SFS_REFERENCE");

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		DIR *d;

		snprintf(path, 512, "%s/%s", told ? told : places[i], name);
		d = opendir(path);
		if (d) {
			closedir(d);
			return path;
		}
	}
	return NULL;
}

static void read_whole(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	while ((n = fread(buf_reserve(out, 65536), 1, 65536, f)) > 0)
		out->len += n;
	fclose(f);
	buf_addc(out, '\0');
	out->len--;
}

static void test_kubernetes_own_files_come_back_byte_for_byte(void **state)
{
	char dir[512];
	struct dirent *entry;
	unsigned n = 0;
	DIR *d;

	if (!reference(dir, "roundtrip")) {
		print_message("no reference data (K8SFS_REFERENCE)\n");
		skip();
	}
	d = opendir(dir);
	while ((entry = readdir(d))) {
		CLEANUP(buf_fini) struct buf text = BUF_INIT, out = BUF_INIT, json = BUF_INIT;
		CLEANUP_VALUE struct value *v = NULL, *back = NULL;
		CLEANUP_FREE char *path = xasprintf("%s/%s", dir, entry->d_name);

		if (!str_ends(entry->d_name, ".yaml"))
			continue;
		read_whole(path, &text);
		v = parse_n(text.data, text.len);
		yaml_render(v, &out);
		assert_string_equal(buf_str(&out), text.data);
		json_render(v, &json);
		back = json_parse(json.data, json.len, NULL);
		assert_true(value_equal(v, back));
		n++;
	}
	closedir(d);
	assert_true(n > 80);
}

/* Each line of the oracle is a JSON document with whole manifests in it. */
static void test_manifests_of_the_oracle_read_back(void **state)
{
	char dir[512];
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	CLEANUP_FREE char *path = NULL;
	unsigned n = 0;

	if (!reference(dir, "oracle")) {
		print_message("no reference data (K8SFS_REFERENCE)\n");
		skip();
	}
	path = xasprintf("%s/cases.jsonl", dir);
	read_whole(path, &text);
	for (char *line = text.data, *end; (end = strchr(line, '\n')); line = end + 1) {
		struct err err = ERR_INIT;
		CLEANUP_VALUE struct value *v = json_parse(line, (size_t)(end - line), &err);
		CLEANUP_VALUE struct value *back = NULL;
		CLEANUP(buf_fini) struct buf out = BUF_INIT;

		if (!v)
			fail_msg("%s", err.msg);
		yaml_render(value_get(v, "input"), &out);
		back = yaml_parse_value(out.data, out.len, &err);
		if (!back || !value_equal(back, value_get(v, "input")))
			fail_msg("%s\n%s", err.msg, out.data);
		n++;
	}
	assert_true(n > 1900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_scalars),
		cmocka_unit_test(test_whole_numbers_are_integers),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_keys_become_text),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_anchors_and_merges),
		cmocka_unit_test(test_json_is_read),
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_all_faults_at_once),
		cmocka_unit_test(test_faults_of_text),
		cmocka_unit_test(test_depth_is_bounded),
		cmocka_unit_test(test_alias_bombs_are_refused_fast),
		cmocka_unit_test(test_size_is_bounded),
		cmocka_unit_test(test_hostile_texts_end_soon),
		cmocka_unit_test(test_one_value),
		cmocka_unit_test(test_faults_are_located),
		cmocka_unit_test(test_documents_are_counted_alike),
		cmocka_unit_test(test_many_faulty_documents_end_soon),
		cmocka_unit_test(test_locating_survives_bad_texts),
		cmocka_unit_test(test_fields_of_json_with_surrogates_are_located),
		cmocka_unit_test(test_rendering_chooses_styles_as_kubectl),
		cmocka_unit_test(test_long_lines_are_wrapped),
		cmocka_unit_test(test_keys_are_in_the_order_of_kubectl),
		cmocka_unit_test(test_scalars_of_one_value_files),
		cmocka_unit_test(test_any_string_reads_back),
		cmocka_unit_test(test_kubernetes_own_files_come_back_byte_for_byte),
		cmocka_unit_test(test_manifests_of_the_oracle_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
