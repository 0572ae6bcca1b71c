/* SPDX-License-Identifier: MIT */
/*
 * Objects with every field set: decoding and both encodings lose and invent
 * nothing. Types that are no resource of ours (options, subresources) go
 * through the encodings alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "objects/codec.h"
#include "objects/schema.h"

#define KINDS_WITH_SAMPLE 69 /* of 70: the samples have no CustomResourceDefinition */

static const char *name_of(const struct value *v)
{
	return value_str(value_get(v, "kind"), "?");
}

static void check_yaml(const struct value *v)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	CLEANUP(documents_fini) struct documents docs = {0};
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;

	yaml_render(v, &text);
	if (yaml_parse(buf_str(&text), text.len, &docs, &faults) < 0 || docs.n != 1)
		fail_msg("%s as YAML: %s", name_of(v), faults.n ? faults.list[0].message : "");
	if (!value_equal(v, docs.list[0].value))
		fail_msg("%s changes in YAML", name_of(v));
}

static void check_json(const struct value *v)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	struct err err = ERR_INIT;

	json_render(v, &text);
	CLEANUP_VALUE struct value *back = json_parse(buf_str(&text), text.len, &err);
	if (!value_equal(v, back))
		fail_msg("%s changes in JSON %s", name_of(v), err.msg);
}

/* Where two trees differ first, for the message. */
static void find_difference(const struct value *a, const struct value *b, const struct path *at,
			    struct buf *out)
{
	if (out->len || value_equal(a, b))
		return;
	if (value_is(a, VALUE_MAP) && value_is(b, VALUE_MAP)) {
		for (size_t i = 0; i < value_count(a); i++)
			find_difference(value_at(a, i), value_get(b, value_key_at(a, i)),
					PATH_FIELD(at, value_key_at(a, i)), out);
		for (size_t i = 0; i < value_count(b); i++)
			find_difference(value_get(a, value_key_at(b, i)), value_at(b, i),
					PATH_FIELD(at, value_key_at(b, i)), out);
	} else if (value_is(a, VALUE_LIST) && value_count(a) == value_count(b)) {
		for (size_t i = 0; i < value_count(a); i++)
			find_difference(value_at(a, i), value_at(b, i), PATH_INDEX(at, i), out);
	}
	if (out->len)
		return;
	path_render(at, out);
	buf_adds(out, ": ");
	json_render(a ? a : value_new_null(), out);
	buf_adds(out, " became ");
	json_render(b ? b : value_new_null(), out);
}

static size_t check_decoding(const struct value *v)
{
	const struct kind *k = kind_by_gvk(value_str(value_get(v, "apiVersion"), ""), name_of(v));
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	CLEANUP(buf_fini) struct buf why = BUF_INIT;
	CLEANUP_VALUE struct value *decoded = NULL;

	if (!k)
		return 0;
	decoded = schema_decode(k->schema, value_ref(v), NULL, &faults);
	faults_render(&faults, NULL, &why);
	if (faults.n)
		fail_msg("%s: %s", name_of(v), buf_str(&why));
	find_difference(v, decoded, NULL, &why);
	if (why.len)
		fail_msg("%s: %s", name_of(v), buf_str(&why));
	return 1;
}

static void test_nothing_is_lost(void **state)
{
	CLEANUP_FREE char *line = NULL;
	size_t cap = 0, n = 0, decoded = 0;
	FILE *f = fopen(TEST_DATA "/roundtrip.jsonl", "r");
	ssize_t len;

	assert_non_null(f);
	while ((len = getline(&line, &cap, f)) > 0) {
		CLEANUP_VALUE struct value *v = json_parse(line, (size_t)len, NULL);

		assert_non_null(v);
		check_yaml(v);
		check_json(v);
		decoded += check_decoding(v);
		n++;
	}
	fclose(f);
	assert_int_equal(n, 93);
	assert_int_equal(decoded, KINDS_WITH_SAMPLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing_is_lost)};

	kinds_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
