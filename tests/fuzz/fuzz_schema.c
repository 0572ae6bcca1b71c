/* SPDX-License-Identifier: MIT */
/*
 * Any JSON object as a manifest: decoded, defaulted, prepared, validated, as
 * creation and as an update of itself. Holds what callers build on: defaults
 * are idempotent, decoding what was decoded changes nothing.
 *
 *	clang -fsanitize=fuzzer,address,undefined -I. ... fuzz_schema.c; see HACKING.md
 */
#include <stddef.h>
#include <stdint.h>

#include "objects/codec.h"
#include "objects/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

/* The types are right: no fault but unknown fields. */
static int is_typed(const struct faults *faults)
{
	for (size_t i = 0; i < faults->n; i++)
		if (faults->list[i].kind != FAULT_UNKNOWN)
			return 0;
	return 1;
}

static void go_through(const struct kind *k, const struct value *decoded, struct faults *faults)
{
	CLEANUP(faults_fini) struct faults ignored = FAULTS_INIT;
	int clean = faults->n == 0;
	CLEANUP_VALUE struct value *once = kind_default(k, value_ref(decoded));
	CLEANUP_VALUE struct value *twice = kind_default(k, value_ref(once));
	CLEANUP_VALUE struct value *made = kind_prepare(k, value_ref(once), NULL, 0);
	CLEANUP_VALUE struct value *changed = kind_prepare(k, value_ref(once), made, 0);
	CLEANUP_VALUE struct value *observed = kind_prepare(k, value_ref(once), made, 1);

	must(!clean || value_equal(once, twice));
	kind_validate(k, made, NULL, 0, faults);
	kind_validate(k, changed, made, 0, faults);
	kind_validate(k, observed, made, 1, faults);
	if (clean) {
		CLEANUP_VALUE struct value *again =
			schema_decode(k->schema, value_ref(once), NULL, &ignored);

		must(ignored.n == 0 && value_equal(once, again));
	}
}

static void run(const struct kind *k, const struct value *input)
{
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	CLEANUP_VALUE struct value *v = schema_decode(k->schema, value_ref(input), NULL, &faults);

	if (is_typed(&faults))
		go_through(k, v, &faults);
	faults_render(&faults, "f.yaml", &text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_VALUE struct value *input = json_parse((const char *)data, size, NULL);
	const struct kind *k;

	kinds_init();
	if (!value_is(input, VALUE_MAP))
		return 0;
	k = kind_by_gvk(value_str(value_get(input, "apiVersion"), ""),
			value_str(value_get(input, "kind"), ""));
	if (k)
		run(k, input);
	else if (size)
		run(kind_at(data[size / 2] % kinds_count()), input);
	return 0;
}
