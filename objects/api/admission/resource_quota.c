/* SPDX-License-Identifier: MIT */
/*
 * ResourceQuota: what an object uses is charged to the quotas of its namespace in the transaction
 * that stores it. The quota's version is part of that transaction, so of several writers who
 * would each fit, but not together, one commits and the others look again. What objects give back
 * is counted by the quota controller.
 * Source: Kubernetes "Resource Quotas"; plugin/pkg/admission/resourcequota.
 */
#include <errno.h>

#include "objects/api/admission/admission.h"
#include "objects/quota.h"

struct charge {
	const struct value *next;
	struct usage now, before;
};

/* -- a quota on cpu or memory wants every container to say how much -- */

static int resource_is_said(const struct value *resources, const char *limited)
{
	if (str_starts(limited, "limits."))
		return value_dig(resources, "limits", limited + 7, NULL) != NULL;
	if (str_starts(limited, "requests."))
		limited += 9;
	return value_dig(resources, "requests", limited, NULL) != NULL;
}

static int cmp_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names of the containers that do not say it: "c1,c2". */
static void add_silent(const struct value *spec, const char *limited, struct buf *out)
{
	const struct value *lists[] = {value_get(spec, "containers"),
				       value_get(spec, "initContainers")};
	const char **names =
		xcalloc(value_count(lists[0]) + value_count(lists[1]) + 1, sizeof(*names));
	size_t n = 0;

	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		for (size_t i = 0; i < value_count(lists[l]); i++) {
			const struct value *c = value_at(lists[l], i);

			if (!resource_is_said(value_get(c, "resources"), limited))
				names[n++] = value_dig_str(c, "name", NULL);
		}
	qsort(names, n, sizeof(*names), cmp_text);
	for (size_t i = 0; i < n; i++)
		buf_addf(out, "%s%s", i ? "," : "", names[i]);
	free(names);
}

static void demand_words(struct step *s, const struct value *quota, const struct value *pod)
{
	static const char *const wanted[] = {"cpu",    "limits.cpu",   "limits.memory",
					     "memory", "requests.cpu", "requests.memory"};
	const struct value *spec = value_get(pod, "spec");
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		CLEANUP(buf_fini) struct buf silent = BUF_INIT;

		if (!value_dig(quota, "spec", "hard", wanted[i], NULL) ||
		    resource_is_said(value_get(spec, "resources"), wanted[i]))
			continue;
		add_silent(spec, wanted[i], &silent);
		if (silent.len)
			buf_addf(&text, "%s%s for: %s", text.len ? "; " : "", wanted[i],
				 buf_str(&silent));
	}
	if (text.len)
		forbid(s, EDQUOT, "failed quota: %s: must specify %s",
		       value_dig_str(quota, "metadata", "name", NULL), buf_str(&text));
}

/* -- charging -- */

static void amount_of(const struct value *list, const char *name, struct quantity *out)
{
	const struct value *v = value_get(list, name);

	*out = (struct quantity){0};
	if (v && quantity_from_value(v, out, NULL))
		*out = (struct quantity){0};
}

static void say_amount(struct buf *out, const char *name, const struct quantity *q)
{
	char text[64];

	buf_addf(out, "%s%s=%s", out->len ? "," : "", name, quantity_render(q, text));
}

/* More of `name` than before: how much. */
static __int128 growth(const struct charge *c, const char *name)
{
	const struct quantity *now = usage_get(&c->now, name);
	const struct quantity *before = usage_get(&c->before, name);

	return (now ? now->nano : 0) - (before ? before->nano : 0);
}

/* `used` with the charge on it, unless that is too much. taken. */
static struct value *used_after(struct step *s, const struct value *quota, const struct charge *c,
				struct value *taken)
{
	const struct value *hard = value_dig(quota, "spec", "hard", NULL);
	CLEANUP(buf_fini) struct buf requested = BUF_INIT, used = BUF_INIT, limited = BUF_INIT;

	for (size_t i = 0; i < value_count(hard); i++) {
		const char *name = value_key_at(hard, i);
		const struct quantity *now = usage_get(&c->now, name);
		struct quantity more = {.nano = growth(c, name), .format = now ? now->format : 0};
		struct quantity has, most, sum;
		char text[64];

		if (!more.nano)
			continue;
		amount_of(taken, name, &has);
		amount_of(hard, name, &most);
		sum = (struct quantity){has.nano + more.nano, has.nano ? has.format : more.format};
		if (sum.nano < 0)
			sum.nano = 0;
		if (more.nano > 0 && quantity_cmp(&sum, &most) > 0) {
			say_amount(&requested, name, &more);
			say_amount(&used, name, &has);
			say_amount(&limited, name, &most);
		}
		taken = value_set_str(taken, name, quantity_render(&sum, text));
	}
	if (requested.len)
		forbid(s, EDQUOT, "exceeded quota: %s, requested: %s, used: %s, limited: %s",
		       value_dig_str(quota, "metadata", "name", NULL), buf_str(&requested),
		       buf_str(&used), buf_str(&limited));
	return taken;
}

static struct objkey key_of(const struct value *quota)
{
	return (struct objkey){kind_find("", "v1", "resourcequotas"),
			       value_dig_str(quota, "metadata", "namespace", NULL),
			       value_dig_str(quota, "metadata", "name", NULL)};
}

static void charge_quota(struct step *s, const struct value *quota, void *arg)
{
	const struct value *was = value_dig(quota, "status", "used", NULL);
	const struct charge *c = arg;
	CLEANUP_VALUE struct value *used = NULL;
	struct value *next;

	if (s->r->faults.n || !quota_covers(quota, s->r->kind, c->next))
		return;
	if (!s->live && str_eq(s->r->kind->plural, "pods"))
		demand_words(s, quota, c->next);
	if (s->r->faults.n)
		return;
	/* a quota that nobody counted for yet is counted by its first charge */
	used = quota_is_counted(quota) ? value_ref(was) : quota_used(s->run->api->store, quota);
	used = used_after(s, quota, c, STEAL(used));
	if (s->r->faults.n || value_equal(used, was) || (s->r->flags & API_DRY_RUN))
		return;
	next = value_bury(value_ref(quota), STEAL(used), "status", "used", NULL);
	next = value_bury(next, value_ref(value_dig(quota, "spec", "hard", NULL)), "status", "hard",
			  NULL);
	run_also_put(s->run, key_of(quota), next);
}

static int is_growing(const struct charge *c)
{
	for (size_t i = 0; i < c->now.n; i++)
		if (growth(c, c->now.list[i].name))
			return 1;
	return 0;
}

/* Most namespaces have none: then nothing is measured. */
static int may_have_quotas(const struct step *s)
{
	const struct kind *k = kind_find("", "v1", "resourcequotas");

	return run_has_kind(s->run, k) || store_count(s->run->api->store, k, s->r->ns);
}

static void charge(struct step *s, const struct value *next)
{
	struct charge c = {.next = next};

	if (!(s->r->kind->flags & KIND_NAMESPACED) || (s->r->flags & API_STATUS) ||
	    !may_have_quotas(s))
		return;
	usage_of_object(s->r->kind, next, &c.now);
	if (s->live)
		usage_of_object(s->r->kind, s->live, &c.before);
	if (is_growing(&c))
		look_at_all(s, "resourcequotas", "", s->r->ns, charge_quota, &c);
	usage_fini(&c.now);
	usage_fini(&c.before);
}

const struct plugin resource_quota = {.when = ON_CREATE | ON_UPDATE, .check = charge};
