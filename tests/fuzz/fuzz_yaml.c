/* SPDX-License-Identifier: MIT */
/*
 * YAML of any bytes. Nothing crashes or leaks; a refusal has a fault with a
 * place; what was read is written and read again the same, as YAML and as JSON;
 * locating a field never leaves the text.
 */
#include <stdint.h>
#include <stdlib.h>

#include "objects/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

static unsigned lines_of(const char *text, size_t n)
{
	unsigned lines = 1;

	for (size_t i = 0; i < n; i++) /* libyaml counts these, and others beyond ASCII */
		lines += text[i] == '\n' || text[i] == '\r' || ((unsigned char)text[i] & 0x80) != 0;
	return lines + 1;
}

static void round_trip(const struct value *v)
{
	CLEANUP(buf_fini) struct buf yaml = BUF_INIT, json = BUF_INIT, pretty = BUF_INIT;
	CLEANUP_VALUE struct value *back = NULL, *again = NULL, *third = NULL;

	yaml_render(v, &yaml);
	json_render(v, &json);
	json_render_pretty(v, &pretty);
	again = json_parse(json.data, json.len, NULL);
	third = json_parse(pretty.data, pretty.len, NULL);
	must(again && value_equal(v, again) && third && value_equal(v, third));
	if (yaml.len > CODEC_MAX_BYTES)
		return;
	back = yaml_parse_value(yaml.data, yaml.len, NULL);
	must(back && value_equal(v, back));
}

static void locate_all(const struct value *v, const struct path *at, struct faults *faults)
{
	fault_add(faults, at, FAULT_INVALID, NULL, "x");
	for (size_t i = 0; i < value_count(v) && faults->n < FAULTS_MAX; i++) {
		const char *key = value_key_at(v, i);

		if (key)
			locate_all(value_at(v, i), PATH_FIELD(at, key), faults);
		else
			locate_all(value_at(v, i), PATH_INDEX(at, i), faults);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct faults faults = FAULTS_INIT;
	struct documents docs;
	int rc = yaml_parse(text, size, &docs, &faults);
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	unsigned lines = lines_of(text, size);

	must((rc == 0) == (faults.n == 0));
	for (size_t i = 0; i < faults.n; i++)
		must(faults.list[i].line > 0 && faults.list[i].line <= lines &&
		     faults.list[i].column > 0 && faults.list[i].column <= size + 2);
	faults_render(&faults, "f", &out);
	faults_fini(&faults);
	for (size_t i = 0; i < docs.n; i++) {
		round_trip(docs.list[i].value);
		locate_all(docs.list[i].value, NULL, &faults);
		yaml_locate(text, size, docs.list[i].index, &faults);
		for (size_t j = 0; j < faults.n; j++)
			must(faults.list[j].line <= lines && faults.list[j].column <= size + 2);
		faults_fini(&faults);
	}
	documents_fini(&docs);
	return 0;
}
