/* SPDX-License-Identifier: MIT */
/*
 * Any JSON as the schema of a CustomResourceDefinition, and (behind a newline) any JSON as an
 * object of it. A schema that is refused is compiled all the same: what is stored may be old.
 * Holds what callers build on: defaults are idempotent, and what was decoded, defaulted and
 * found good is found good again.
 */
#include <stddef.h>
#include <stdint.h>

#include "objects/codec.h"
#include "objects/custom.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

static struct value *definition(struct value *taken_schema)
{
	static const char text[] =
		"{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\","
		"\"metadata\":{\"name\":\"xs.example.com\"},\"spec\":{\"group\":\"example.com\","
		"\"scope\":\"Cluster\",\"names\":{\"plural\":\"xs\",\"kind\":\"X\"}}}";
	struct value *version = value_set_str(value_new_map(), "name", "v1");

	version = value_set_bool(version, "served", 1);
	version = value_set_bool(version, "storage", 1);
	version = value_bury(version, taken_schema, "schema", "openAPIV3Schema", NULL);
	return value_bury(json_parse(text, sizeof(text) - 1, NULL),
			  value_append(value_new_list(), version), "spec", "versions", NULL);
}

static int is_good(struct value **crd)
{
	const struct kind *k = kind_by_gvk("apiextensions.k8s.io/v1", "CustomResourceDefinition");
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	CLEANUP_VALUE struct value *v = schema_decode(k->schema, value_ref(*crd), NULL, &faults);
	size_t undecoded = faults.n;

	if (!undecoded) {
		v = kind_default(k, v);
		kind_validate(k, v, NULL, 0, &faults);
		value_unref(*crd);
		*crd = value_ref(v);
	}
	faults_render(&faults, "f.yaml", &text);
	return faults.n == 0;
}

/* Whatever is stored: once pruned, nothing is unknown, and pruning changes nothing any more. */
static void try_stored(const struct kind *k, const struct value *object)
{
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	CLEANUP_VALUE struct value *pruned = schema_prune(k->schema, value_ref(object));
	CLEANUP_VALUE struct value *again = schema_prune(k->schema, value_ref(pruned));

	must(again == pruned);
	value_unref(schema_decode(k->schema, value_ref(pruned), NULL, &faults));
	for (size_t i = 0; i < faults.n; i++)
		must(faults.list[i].kind != FAULT_UNKNOWN ||
		     str_starts(faults.list[i].field, "metadata.") ||
		     strstr(faults.list[i].field, ".metadata."));
}

static void try_object(const struct kind *k, const struct value *object, int good)
{
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT, again = FAULTS_INIT;
	CLEANUP_VALUE struct value *v = schema_decode(k->schema, value_ref(object), NULL, &faults);
	size_t undecoded = faults.n;
	CLEANUP_VALUE struct value *once = kind_default(k, value_ref(v));
	CLEANUP_VALUE struct value *twice = kind_default(k, value_ref(once));

	kind_validate(k, once, NULL, 0, &faults);
	kind_validate(k, twice, once, 0, &faults);
	kind_validate(k, once, object, 0, &faults);
	kind_validate(k, once, v, 1, &faults);
	if (!good || undecoded)
		return;
	must(value_equal(once, twice));
	once = schema_decode(k->schema, STEAL(once), NULL, &again);
	must(again.n == 0 && value_equal(once, twice));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	size_t n = end ? (size_t)(end - data) : size;
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	struct value *schema = json_parse((const char *)data, n, NULL), *crd;
	struct value *object = end ? json_parse((const char *)end + 1, size - n - 1, NULL) : NULL;
	struct kind *k;
	int good;

	kinds_init();
	if (value_is(schema, VALUE_MAP)) {
		crd = definition(STEAL(schema));
		good = is_good(&crd);
		k = custom_draft(crd, "example.com/v1", "X", NULL);
		must(k != NULL);
		schema_render_fields(k, &text);
		if (object) {
			try_object(k, object, good);
			try_stored(k, object);
		}
		custom_draft_free(k);
		value_unref(crd);
	}
	value_unref(schema);
	value_unref(object);
	return 0;
}
