/* SPDX-License-Identifier: MIT */
/* Selectors of any text: the canonical text of one means the same, and is its own. */
#include <stdint.h>
#include <stdlib.h>

#include "objects/codec.h"
#include "objects/selector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void from_object(const char *text)
{
	CLEANUP_VALUE struct value *v = yaml_parse_value(text, strlen(text), NULL);
	CLEANUP(selector_freep) struct selector *s = selector_from_object(v, NULL);
	CLEANUP(selector_freep) struct selector *map = selector_from_map(v);

	selector_matches(s, v);
	selector_matches(map, v);
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
