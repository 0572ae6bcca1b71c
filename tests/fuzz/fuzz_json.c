/* SPDX-License-Identifier: MIT */
/* JSON of any bytes: refused with a text, or written and read again the same. */
#include <stdint.h>
#include <stdlib.h>

#include "objects/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	CLEANUP_VALUE struct value *v = json_parse((const char *)data, size, &err), *back = NULL;
	CLEANUP(buf_fini) struct buf out = BUF_INIT, again = BUF_INIT;

	if (!v) {
		if (!err.code || !*err.msg)
			abort();
		return 0;
	}
	json_render(v, &out);
	back = json_parse(out.data, out.len, &err);
	if (!back || !value_equal(v, back))
		abort();
	json_render(back, &again);
	if (again.len != out.len || memcmp(again.data, out.data, out.len) != 0)
		abort();
	return 0;
}
