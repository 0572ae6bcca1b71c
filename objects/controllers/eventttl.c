/* SPDX-License-Identifier: MIT */
/*
 * Events live for an hour after they were last seen, and there are not more than
 * so many of them: the oldest go first. One key, one deadline for all.
 */
#include "objects/controllers/controller.h"
#include "objects/controllers/facts.h"
#include "objects/events.h"

#define EVENTS_MAX     10000
#define EVENTS_AFTER   9000 /* how many a sweep leaves when there were too many */
#define SWEEP_INTERVAL 60   /* seconds: expiry need not be punctual */

struct sweeper {
	int planned;
};

static struct objkey the_key(void)
{
	return (struct objkey){known_kind(K_EVENT), "", ""};
}

static void observe(struct controller *c, const struct change *ch)
{
	struct sweeper *s = controller_state(c);

	if (!is_kind(ch->now, K_EVENT) || ch->type != CHANGE_ADDED)
		return;
	if (store_count(controller_store(c), ch->now->kind, NULL) > EVENTS_MAX)
		controller_enqueue(c, the_key());
	if (s->planned)
		return;
	s->planned = 1;
	controller_enqueue_after(c, the_key(), (EVENT_TTL + SWEEP_INTERVAL) * 1000ull);
}

/* The latest of the times that an Event tells. One that lies in the future tells nothing. */
static int64_t last_seen(const struct value *event, int64_t now)
{
	const int64_t times[] = {
		created_at(event),
		time_of(STR_AT(event, "eventTime")),
		time_of(STR_AT(event, "lastTimestamp")),
		time_of(STR_AT(event, "series", "lastObservedTime")),
	};
	int64_t last = 0;

	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		if (times[i] > last && times[i] <= now)
			last = times[i];
	return last;
}

struct aged {
	const struct object *o;
	int64_t seen;
};

static int oldest_first(const void *a, const void *b)
{
	int64_t x = ((const struct aged *)a)->seen, y = ((const struct aged *)b)->seen;

	return (x > y) - (x < y);
}

static int sync(struct controller *c, struct objkey key, struct plan *plan, struct err *err)
{
	struct sweeper *s = controller_state(c);
	int64_t now = now_seconds();
	struct object_list all;
	struct aged *aged;
	size_t drop = 0, surplus;

	store_list(controller_store(c), known_kind(K_EVENT), NULL, &all);
	aged = xcalloc(all.n + 1, sizeof(*aged));
	for (size_t i = 0; i < all.n; i++)
		aged[i] = (struct aged){all.list[i], last_seen(all.list[i]->value, now)};
	qsort(aged, all.n, sizeof(*aged), oldest_first);
	surplus = all.n > EVENTS_MAX ? all.n - EVENTS_AFTER : 0;
	for (; drop < all.n && (drop < surplus || aged[drop].seen + EVENT_TTL <= now); drop++)
		plan_delete(plan, aged[drop].o);
	s->planned = drop < all.n;
	if (drop < all.n)
		plan_again(plan,
			   (uint64_t)(aged[drop].seen + EVENT_TTL - now + SWEEP_INTERVAL) * 1000);
	free(aged);
	object_list_fini(&all);
	return 0;
}

const struct controller_class event_ttl_controller = {
	.name = "event-ttl-controller",
	.state_size = sizeof(struct sweeper),
	.observe = observe,
	.sync = sync,
};
