/* SPDX-License-Identifier: MIT */
#include "objects/controllers/deployment/deployment_i.h"

#include <stdio.h>

#include "objects/codec.h"
#include "objects/quantity.h"
#include "util/strmap.h"

void resolve_bounds(const struct value *spec, int64_t replicas, int64_t *surge,
		    int64_t *unavailable)
{
	const struct value *rolling = value_dig(spec, "strategy", "rollingUpdate", NULL);

	if (int_or_percent(value_get(rolling, "maxSurge"), replicas, 1, surge))
		*surge = 0;
	if (int_or_percent(value_get(rolling, "maxUnavailable"), replicas, 0, unavailable))
		*unavailable = 0;
	if (*surge == 0 && *unavailable == 0)
		*unavailable = 1; /* percentages that round to nothing must not stop the rollout */
}

static void set_init(struct set *s, const struct object *o)
{
	*s = (struct set){.o = o, .value = value_ref(o->value), .name = o->name};
	s->replicas = s->was_replicas = value_int(value_dig(o->value, "spec", "replicas", NULL), 1);
	s->actual = INT_AT(o->value, "status", "replicas");
	s->ready = INT_AT(o->value, "status", "readyReplicas");
	s->available = INT_AT(o->value, "status", "availableReplicas");
	s->terminating = INT_AT(o->value, "status", "terminatingReplicas");
	s->created = created_at(o->value);
}

static int oldest_first(const void *x, const void *y)
{
	const struct set *a = x, *b = y;

	if (a->created != b->created)
		return a->created < b->created ? -1 : 1;
	return strcmp(a->name, b->name);
}

static struct set *find_new(struct deployment *d)
{
	const struct value *template = value_dig(d->o->value, "spec", "template", NULL);

	EACH_SET(s, d)
	if (same_template(value_dig(s->value, "spec", "template", NULL), template))
		return s;
	return NULL;
}

void deployment_init(struct deployment *d, const struct object *o, struct object *const *sets,
		     size_t n, int64_t now)
{
	const struct value *spec = value_get(o->value, "spec");
	const struct value *status = value_get(o->value, "status");

	*d = (struct deployment){.o = o, .now = now, .n = n, .again_ms = UINT64_MAX};
	d->replicas = value_int(value_get(spec, "replicas"), 1);
	d->rolling = !str_eq(STR_AT(spec, "strategy", "type"), "Recreate");
	d->paused = value_bool(value_get(spec, "paused"), 0);
	d->deadline = value_int(value_get(spec, "progressDeadlineSeconds"), NO_DEADLINE);
	if (d->rolling)
		resolve_bounds(spec, d->replicas, &d->surge, &d->unavailable);
	d->status = status ? value_ref(status) : value_new_map();
	d->sets = xcalloc(n + 1, sizeof(*d->sets)); /* one more: the one that may be made */
	for (size_t i = 0; i < n; i++)
		set_init(&d->sets[i], sets[i]);
	if (n)
		qsort(d->sets, n, sizeof(*d->sets), oldest_first);
	d->new_set = find_new(d);
}

void deployment_fini(struct deployment *d)
{
	EACH_SET(s, d)
	value_unref(s->value);
	free(d->sets);
	free(d->revision);
	value_unref(d->status);
}

static struct value *without_hash(const struct value *template)
{
	const struct value *labels = value_dig(template, "metadata", "labels", NULL);
	struct value *rest;

	if (!value_get(labels, POD_TEMPLATE_HASH))
		return value_ref(template);
	rest = value_del(value_ref(labels), POD_TEMPLATE_HASH);
	return value_bury(value_ref(template), rest, "metadata", "labels", NULL);
}

int same_template(const struct value *a, const struct value *b)
{
	CLEANUP_VALUE struct value *x = without_hash(a), *y = without_hash(b);

	return value_equal(x, y);
}

char *template_hash(const struct value *template, int64_t collisions)
{
	/* apimachinery rand.SafeEncodeString: digits become letters that make no words. */
	static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	char digits[16];

	json_render(template, &text);
	if (collisions >= 0)
		buf_addf(&text, "/%lld", (long long)collisions);
	snprintf(digits, sizeof(digits), "%u", hash_bytes(text.data, text.len));
	for (char *p = digits; *p; p++)
		*p = letters[(unsigned char)*p % (sizeof(letters) - 1)];
	return xstrdup(digits);
}

int64_t sum_replicas(const struct deployment *d)
{
	int64_t sum = 0;

	EACH_SET(s, d)
	sum += s->replicas;
	return sum;
}

int64_t sum_available(const struct deployment *d)
{
	int64_t sum = 0;

	EACH_SET(s, d)
	sum += s->available;
	return sum;
}

int64_t max_unavailable(const struct deployment *d)
{
	if (!d->rolling || d->replicas == 0)
		return 0;
	return d->unavailable < d->replicas ? d->unavailable : d->replicas;
}
