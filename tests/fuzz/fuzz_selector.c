/* SPDX-License-Identifier: MIT */
/* Selectors of any text: the canonical text of one means the same, and is its own. Selections of
 * any text: what has no field in it means what the selector means. */
#include <stdint.h>
#include <stdlib.h>

#include "objects/codec.h"
#include "objects/selection.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void from_object(const char *text)
{
	CLEANUP_VALUE struct value *v = yaml_parse_value(text, strlen(text), NULL);
	CLEANUP(selector_freep) struct selector *s = selector_from_object(v, NULL);
	CLEANUP(selector_freep) struct selector *map = selector_from_map(v);

	selector_matches(s, v);
	selector_matches(map, v);
}

static void as_selection(const char *text, const struct selector *plain, const struct value *labels)
{
	static int ready;
	struct err err = ERR_INIT;
	CLEANUP(selection_freep) struct selection *s = NULL;
	CLEANUP_VALUE struct value *pod =
		value_bury(value_new_map(), value_ref(labels), "metadata", "labels", NULL);

	if (!ready)
		kinds_init();
	ready = 1;
	s = selection_parse(kind_by_gvk("v1", "Pod"), text, &err);
	if (!s != !!err.code || (plain && !s) ||
	    (plain && selection_matches(s, pod) != selector_matches(plain, labels)))
		abort();
	if (s && selection_add_fields(s, kind_by_gvk("v1", "Pod"), text, &err) == 0)
		selection_matches(s, pod);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *text = xstrndup((const char *)data, strnlen((const char *)data, size));
	struct err err = ERR_INIT;
	CLEANUP(selector_freep) struct selector *s = selector_parse(text, &err), *back = NULL;
	CLEANUP(buf_fini) struct buf once = BUF_INIT, twice = BUF_INIT;
	CLEANUP_VALUE struct value *labels =
		value_set_str(value_set_str(value_new_map(), "a", "b"), "n", "5");

	from_object(text);
	as_selection(text, s, labels);
	if (!s) {
		if (!err.code)
			abort();
		return 0;
	}
	selector_render(s, &once);
	back = selector_parse(buf_str(&once), &err);
	if (!back)
		abort();
	selector_render(back, &twice);
	if (!str_eq(buf_str(&once), buf_str(&twice)) ||
	    selector_matches(s, labels) != selector_matches(back, labels) ||
	    selector_matches(s, NULL) != selector_matches(back, NULL))
		abort();
	return 0;
}
