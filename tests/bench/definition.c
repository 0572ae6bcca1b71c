/* SPDX-License-Identifier: MIT */
/*
 * bench_definition FILE: what each step of accepting a CustomResourceDefinition costs, in CPU time.
 *
 *	tests/bench/make-definition --yaml >/tmp/large.yaml && bench_definition /tmp/large.yaml
 */
#include <stdio.h>
#include <time.h>

#include "objects/apply.h"
#include "objects/codec.h"
#include "objects/custom.h"
#include "util/fd.h"

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void lap(const char *what, double *since)
{
	double now = cpu_ms();

	printf("%-10s %7.2f ms\n", what, now - *since);
	*since = cpu_ms();
}

static int accept_definition(const struct buf *text)
{
	const struct kind *k = kind_by_gvk("apiextensions.k8s.io/v1", "CustomResourceDefinition");
	const struct field_writer who = {"bench", "", "2026-01-01T00:00:00Z"};
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	CLEANUP(buf_fini) struct buf json = BUF_INIT, said = BUF_INIT;
	struct documents docs = {0};
	double start = cpu_ms(), since = start;
	CLEANUP_VALUE struct value *v = NULL;

	if (yaml_parse(text->data, text->len, &docs, &faults) == 0 && docs.n == 1) {
		lap("parse", &since);
		v = schema_decode(k->schema, value_ref(docs.list[0].value), NULL, &faults);
		lap("decode", &since);
		value_unref(v);
		v = apply_merge(k, NULL, docs.list[0].value, &who, 1, &faults);
		lap("apply", &since);
	}
	if (v && !faults.n) {
		v = kind_prepare(k, kind_default(k, v), NULL, 0);
		lap("default", &since);
		kind_validate(k, v, NULL, 0, &faults);
		lap("validate", &since);
		custom_define(v);
		lap("define", &since);
		json_render(v, &json);
		lap("render", &since);
	}
	printf("%-10s %7.2f ms of %zu bytes\n", "all", cpu_ms() - start, text->len);
	faults_render(&faults, NULL, &said);
	fputs(buf_str(&said), stderr);
	documents_fini(&docs);
	return faults.n ? 1 : 0;
}

int main(int argc, char **argv)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	struct err err = ERR_INIT;

	kinds_init();
	if (argc != 2 || fd_read_file(argv[1], CODEC_MAX_BYTES, &text, &err) < 0) {
		fprintf(stderr, "usage: bench_definition FILE %s\n", err.msg);
		return 2;
	}
	return accept_definition(&text);
}
