/* SPDX-License-Identifier: MIT */
/* Back-off of restarts and image pulls. */
#include "runtime/agent/backoff.h"

#include <stdio.h>

static int expired(const struct backoff *b, uint64_t since_ms)
{
	return since_ms > b->updated_ms && since_ms - b->updated_ms > 2 * BACKOFF_MAX_MS;
}

uint64_t backoff_until(const struct backoff *b, uint64_t since_ms, uint64_t now_ms)
{
	if (!b->delay_ms || expired(b, since_ms))
		return 0;
	return since_ms + b->delay_ms > now_ms ? since_ms + b->delay_ms : 0;
}

void backoff_next(struct backoff *b, uint64_t since_ms, uint64_t now_ms)
{
	if (!b->delay_ms || expired(b, since_ms))
		b->delay_ms = BACKOFF_FIRST_MS;
	else
		b->delay_ms = b->delay_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : b->delay_ms * 2;
	b->updated_ms = now_ms;
}

void backoff_reset(struct backoff *b)
{
	*b = (struct backoff){0, 0};
}

const char *backoff_text(uint64_t delay_ms, char buf[24])
{
	unsigned seconds = (unsigned)(delay_ms / 1000);

	if (seconds < 60)
		snprintf(buf, 24, "%us", seconds);
	else
		snprintf(buf, 24, "%um%us", seconds / 60, seconds % 60);
	return buf;
}
