/* SPDX-License-Identifier: MIT */
/*
 * A schedule in the first line, the bytes of a time zone's file after it: a moment that comes is
 * later than the one before, and fits.
 */
#include <stdint.h>
#include <stdlib.h>

#include "objects/cron.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const struct cron *c, const struct zone *zone)
{
	int64_t t = 1795465038, next;

	for (int i = 0; i < 8 && cron_next(c, zone, t, &next) == 0; i++) {
		if (next <= t)
			abort();
		if (!c->every && !(c->minutes >> ((next + zone_offset(zone, next)) / 60 % 60) & 1))
			abort();
		t = next;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	size_t n = end ? (size_t)(end - data) : size;
	CLEANUP_FREE char *text = xstrndup((const char *)data, n);
	CLEANUP(zone_freep)
	struct zone *zone = end ? zone_parse(end + 1, size - n - 1, NULL) : zone_open("UTC", NULL);
	struct cron c;

	if (cron_parse(text, &c, NULL) < 0)
		return 0;
	if (zone)
		walk(&c, zone);
	return 0;
}
