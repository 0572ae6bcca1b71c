/* SPDX-License-Identifier: MIT */
/* Quantities and times of any text: the canonical text reads back as the same number. */
#include <stdint.h>
#include <stdlib.h>

#include "objects/quantity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void quantity(const char *text)
{
	struct quantity q, back;
	struct err err = ERR_INIT;
	char once[64], twice[64];

	if (quantity_parse(text, &q, &err) < 0) {
		if (!err.code)
			abort();
		return;
	}
	if (quantity_parse(quantity_render(&q, once), &back, NULL) < 0 ||
	    quantity_cmp(&q, &back) != 0)
		abort();
	/* 62.5Ki is 64000, in binary without a suffix, and that read alone is 64k: so on Kubernetes */
	if (back.format == q.format && !str_eq(once, quantity_render(&back, twice)))
		abort();
	if (quantity_units(&q) > quantity_millis(&q) && q.nano > 0)
		abort();
}

static void point_in_time(const char *text)
{
	int64_t sec, back;
	int32_t nsec;
	char buf[32];

	if (time_parse(text, &sec, &nsec) < 0)
		return;
	if (nsec < 0 || nsec > 999999999)
		abort();
	if (time_parse(time_render(sec, buf), &back, NULL) < 0)
		abort();
	/* years that an offset carries out of 0..9999 are cut */
	if (back != sec && sec >= -62167219200 && sec <= 253402300799)
		abort();
	age_render(sec, (char[16]){0});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *text = xstrndup((const char *)data, strnlen((const char *)data, size));
	CLEANUP_VALUE struct value *v = value_new_string(text);
	int64_t out;

	quantity(text);
	point_in_time(text);
	if (int_or_percent(v, 10, 1, &out) == 0 && int_or_percent(v, 10, 0, &out) < 0)
		abort();
	return 0;
}
