/* SPDX-License-Identifier: MIT */
#include "objects/controllers/deployment/deployment_i.h"

#include <math.h>

static int64_t min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t max(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

void resize_set(const struct deployment *d, struct set *s, int64_t replicas)
{
	if (s->replicas != replicas)
		s->value = value_bury(s->value, value_new_int(replicas), "spec", "replicas", NULL);
	s->replicas = replicas;
	set_scale_annotations(d, s);
}

/*
 * Pods that are there or will be: a set that was made smaller may not have got rid of them yet.
 * Stricter than Kubernetes, which counts what is wanted only.
 */
static int64_t sum_occupied(const struct deployment *d)
{
	int64_t sum = 0;

	EACH_SET(s, d)
	sum += max(s->replicas, s->actual);
	return sum;
}

int64_t new_set_replicas(const struct deployment *d, const struct set *new_set)
{
	int64_t room = d->replicas + d->surge - sum_occupied(d);

	if (!d->rolling)
		return d->replicas;
	if (room <= 0)
		return new_set->replicas;
	return new_set->replicas + min(room, d->replicas - new_set->replicas);
}

int is_scaling(const struct deployment *d)
{
	EACH_SET(s, d)
	{
		int64_t desired = scale_annotation(s, DEPLOYMENT_DESIRED);

		if (s->replicas > 0 && desired >= 0 && desired != d->replicas)
			return 1;
	}
	return 0;
}

/* -- in proportion -- */

/* The only set with pods, or the newest when none has; NULL: several have. */
static struct set *only_active(struct deployment *d)
{
	struct set *found = NULL, *newest = NULL;
	size_t n = 0;

	EACH_SET(s, d)
	{
		if (s->replicas > 0) {
			found = s;
			n++;
		}
		newest = s; /* oldest first */
	}
	if (n == 0)
		return d->new_set ? d->new_set : newest;
	return n == 1 ? found : NULL;
}

static int is_saturated(const struct deployment *d, const struct set *s)
{
	return s && s->replicas == d->replicas && s->available == d->replicas &&
	       scale_annotation(s, DEPLOYMENT_DESIRED) == d->replicas;
}

static int largest_first(const struct set *a, const struct set *b, int newer_first)
{
	int order;

	if (a->replicas != b->replicas)
		return a->replicas > b->replicas ? -1 : 1;
	order = (a->created > b->created) - (a->created < b->created);
	if (!order)
		order = strcmp(a->name, b->name);
	return newer_first ? -order : order;
}

static int largest_newer_first(const void *a, const void *b)
{
	return largest_first(*(struct set *const *)a, *(struct set *const *)b, 1);
}

static int largest_older_first(const void *a, const void *b)
{
	return largest_first(*(struct set *const *)a, *(struct set *const *)b, 0);
}

/* By how much a set grows or shrinks when the whole does. */
static int64_t fraction(const struct deployment *d, const struct set *s)
{
	int64_t before = scale_annotation(s, DEPLOYMENT_MAX);

	if (d->replicas == 0)
		return -s->replicas;
	if (before <= 0)
		before = INT_AT(d->o->value, "status", "replicas");
	if (before <= 0)
		return 0;
	return llround(fmin(INT32_MAX, (double)s->replicas * (double)(d->replicas + d->surge) /
					       (double)before)) -
	       s->replicas;
}

static int64_t proportion(const struct deployment *d, const struct set *s, int64_t to_add,
			  int64_t added)
{
	int64_t left = to_add - added;

	if (s->replicas == 0 || to_add == 0 || left == 0)
		return 0;
	return to_add > 0 ? min(fraction(d, s), left) : max(fraction(d, s), left);
}

static void scale_all(struct deployment *d)
{
	struct set **active = xcalloc(d->n + 1, sizeof(*active));
	int64_t *size = xcalloc(d->n + 1, sizeof(*size));
	int64_t to_add = (d->replicas > 0 ? d->replicas + d->surge : 0) - sum_replicas(d),
		added = 0;
	size_t n = 0;

	EACH_SET(s, d)
	if (s->replicas > 0)
		active[n++] = s;
	if (n)
		qsort(active, n, sizeof(*active),
		      to_add > 0 ? largest_newer_first : largest_older_first);
	for (size_t i = 0; i < n; i++) {
		int64_t more = proportion(d, active[i], to_add, added);

		size[i] = active[i]->replicas + more;
		added += more;
	}
	for (size_t i = 0; i < n; i++) /* what rounding leaves goes to the largest */
		resize_set(d, active[i], max(0, size[i] + (i == 0 ? to_add - added : 0)));
	free(active);
	free(size);
}

void scale_in_proportion(struct deployment *d)
{
	struct set *only = only_active(d);

	if (!d->n)
		return;
	if (only) {
		if (only->replicas != d->replicas)
			resize_set(d, only, d->replicas);
	} else if (is_saturated(d, d->new_set)) {
		EACH_OLD_SET(s, d)
		if (s->replicas > 0)
			resize_set(d, s, 0);
	} else if (d->rolling) {
		scale_all(d);
	}
}

/* -- rolling update -- */

static int scale_new_set(struct deployment *d)
{
	struct set *s = d->new_set;
	int64_t was = s->replicas;

	if (!s->o || was == d->replicas)
		return 0; /* one that is made now has its size already */
	resize_set(d, s, was > d->replicas ? d->replicas : new_set_replicas(d, s));
	return s->replicas != was;
}

/*
 * Pods that are available and will stay: a set that was made smaller a moment ago still reports
 * those that are on their way out. Here we are stricter than Kubernetes, which takes its word.
 */
static int64_t sum_staying(const struct deployment *d)
{
	int64_t sum = 0;

	EACH_SET(s, d)
	sum += min(s->available, s->replicas);
	return sum;
}

/* Pods that never got available go first: they cost no availability. */
static int64_t drop_unhealthy(struct deployment *d, int64_t most)
{
	int64_t dropped = 0;

	EACH_OLD_SET(s, d)
	{
		int64_t n = min(most - dropped, s->replicas - s->available);

		if (dropped >= most)
			break;
		if (s->replicas == 0 || n <= 0)
			continue;
		resize_set(d, s, s->replicas - n);
		dropped += n;
	}
	return dropped;
}

static int64_t drop_available(struct deployment *d)
{
	int64_t most = sum_staying(d) - (d->replicas - max_unavailable(d)), dropped = 0;

	EACH_OLD_SET(s, d)
	{
		int64_t n = min(most - dropped, s->replicas);

		if (n <= 0)
			continue;
		resize_set(d, s, s->replicas - n);
		dropped += n;
	}
	return dropped;
}

static int scale_old_sets(struct deployment *d)
{
	const struct set *s = d->new_set;
	int64_t all = sum_replicas(d), old = all - s->replicas;
	int64_t min_available = d->replicas - max_unavailable(d);
	int64_t most = all - min_available - (s->replicas - s->available);

	if (old == 0 || most <= 0)
		return 0;
	return drop_unhealthy(d, most) + drop_available(d) > 0;
}

int roll(struct deployment *d)
{
	return scale_new_set(d) || scale_old_sets(d);
}

int scale_down_for_recreate(struct deployment *d)
{
	int changed = 0;

	EACH_OLD_SET(s, d)
	{
		if (s->replicas == 0)
			continue;
		resize_set(d, s, 0);
		changed = 1;
	}
	return changed;
}
