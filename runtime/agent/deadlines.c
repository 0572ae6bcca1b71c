/* SPDX-License-Identifier: MIT */
/* Points in time, sorted. */
#include "runtime/agent/deadlines.h"

#include <stddef.h>

void deadline_disarm(struct deadlines *all, struct deadline *d)
{
	if (!d->at_ms)
		return;
	if (d->prev)
		d->prev->next = d->next;
	else
		all->first = d->next;
	if (d->next)
		d->next->prev = d->prev;
	d->prev = d->next = NULL;
	d->at_ms = 0;
}

void deadline_arm(struct deadlines *all, struct deadline *d, uint64_t at_ms)
{
	struct deadline *after = NULL, *next;

	deadline_disarm(all, d);
	d->at_ms = at_ms ? at_ms : 1;
	for (next = all->first; next && next->at_ms <= d->at_ms; next = next->next)
		after = next;
	d->prev = after;
	d->next = next;
	if (after)
		after->next = d;
	else
		all->first = d;
	if (next)
		next->prev = d;
}

void deadlines_run(struct deadlines *all, uint64_t now_ms)
{
	struct deadline *d;

	while ((d = all->first) && d->at_ms <= now_ms) {
		deadline_disarm(all, d);
		d->fn(d->arg);
	}
}

uint64_t deadlines_next(const struct deadlines *all)
{
	return all->first ? all->first->at_ms : 0;
}
