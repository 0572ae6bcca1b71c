/* SPDX-License-Identifier: MIT */
/*
 * Patches and applies of any bytes. The input is JSON texts, one a line: the first byte of a
 * line chooses what it is (m, j, s: patches; a, b: applies by two managers; u: an update).
 * Whatever comes, nothing crashes or leaks, a refusal leaves the object as it was, and a
 * config that was applied twice changes nothing the third time.
 */
#include <stdint.h>
#include <stdlib.h>

#include "objects/apply.h"
#include "objects/codec.h"
#include "objects/patch.h"

#define MAX_LINES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct value *apply(const struct kind *k, const struct value *live,
			   const struct value *config, const char *who, struct faults *faults)
{
	struct field_writer writer = {who, "", "2026-01-01T00:00:00Z"};
	struct value *next, *again, *third;

	value_unref(schema_decode(k->schema, value_ref(config), NULL, faults));
	if (faults->n)
		return NULL;
	next = apply_merge(k, live, config, &writer, *who == 'b', faults);
	if (!next)
		return NULL;
	/* pruning leaves empty parts that only the next apply fills in */
	again = apply_merge(k, next, config, &writer, 1, faults);
	value_unref(next);
	if (!again)
		return NULL;
	third = apply_merge(k, again, config, &writer, 1, faults);
	if (third != again)
		abort();
	value_unref(third);
	return again;
}

static struct value *edit(const struct kind *k, char how, struct value *live,
			  const struct value *patch, struct faults *faults)
{
	struct field_writer writer = {"u", "", "2026-01-01T00:00:01Z"};
	struct value *next;

	switch (how) {
	case 'm':
		next = patch_merge(value_ref(live), patch);
		break;
	case 'j':
		next = patch_json(value_ref(live), patch, faults);
		break;
	case 's':
		next = patch_strategic(k->schema, value_ref(live), patch, faults);
		break;
	case 'a':
	case 'b':
		return apply(k, live, patch, how == 'a' ? "a" : "b", faults);
	default:
		next = value_ref(patch);
	}
	if (next)
		next = schema_decode(k->schema, next, NULL, faults);
	return next && !faults->n ? apply_track_update(k, live, next, &writer) : next;
}

static void line(const struct kind *k, const char *text, size_t len, struct value **live)
{
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	CLEANUP_VALUE struct value *patch = len < 2 ? NULL : json_parse(text + 1, len - 1, NULL);
	uint64_t before = value_hash(*live);
	struct value *next;

	if (!patch)
		return;
	next = edit(k, *text, *live, patch, &faults);
	if (value_hash(*live) != before)
		abort(); /* a shared tree was changed in place */
	if (!next || faults.n) {
		value_unref(next);
		return;
	}
	value_unref(*live);
	*live = next;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char start[] = "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{"
				    "\"name\":\"p\",\"namespace\":\"d\"},\"spec\":{\"containers\":"
				    "[{\"name\":\"a\",\"image\":\"i\",\"env\":[{\"name\":\"A\","
				    "\"value\":\"1\"}]},{\"name\":\"b\"}]}}";
	static const struct kind *k;
	const char *at = (const char *)data, *end = at + size;
	struct value *live;

	if (!k) {
		kinds_init();
		k = kind_by_gvk("v1", "Pod");
	}
	live = json_parse(start, sizeof(start) - 1, NULL);
	for (int i = 0; i < MAX_LINES && at < end; i++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));

		stop = stop ? stop : end;
		line(k, at, (size_t)(stop - at), &live);
		at = stop + 1;
	}
	value_unref(live);
	return 0;
}
