/* SPDX-License-Identifier: MIT */
/*
 * LimitRanger: requests and limits that containers do not say, and bounds of those that they,
 * pods and claims say.
 * Source: Kubernetes "Limit Ranges"; plugin/pkg/admission/limitranger.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "objects/api/admission/admission.h"
#include "objects/quota.h"

#define NOTE "kubernetes.io/limit-ranger"

/* -- defaults -- */

struct defaults {
	struct value *pod; /* owned */
	struct buf note;   /* of the LimitRange at hand */
	const struct value *range;
};

/* What was set is said: "cpu, memory request for container c". */
static void note_set(struct buf *note, const char *names, const char *what, const char *whose,
		     const char *container)
{
	if (*names)
		buf_addf(note, "%s%s %s for %s %s", note->len ? "; " : "", names, what, whose,
			 container);
}

/* resources.<which> gets what is missing of `more`; the names go into `set`. */
static struct value *fill_list(struct value *taken_container, const char *which,
			       const struct value *more, struct buf *set)
{
	const struct value *has = value_dig(taken_container, "resources", which, NULL);
	struct value *list = has ? value_ref(has) : value_new_map();

	for (size_t i = 0; i < value_count(more); i++) {
		const char *name = value_key_at(more, i);

		if (value_get(has, name))
			continue;
		buf_addf(set, "%s%s", set->len ? ", " : "", name);
		list = value_set(list, name, value_ref(value_at(more, i)));
	}
	if (!set->len) {
		value_unref(list);
		return taken_container;
	}
	return value_bury(taken_container, list, "resources", which, NULL);
}

static struct value *fill_container(struct value *taken, const struct value *item,
				    const char *whose, struct buf *note)
{
	CLEANUP(buf_fini) struct buf requests = BUF_INIT, limits = BUF_INIT;

	taken = fill_list(taken, "limits", value_get(item, "default"), &limits);
	taken = fill_list(taken, "requests", value_get(item, "defaultRequest"), &requests);
	note_set(note, buf_str(&requests), "request", whose, value_dig_str(taken, "name", NULL));
	note_set(note, buf_str(&limits), "limit", whose, value_dig_str(taken, "name", NULL));
	return taken;
}

static void fill_containers(struct defaults *d, const struct value *item, const char *list_name,
			    const char *whose)
{
	const struct value *was = value_dig(d->pod, "spec", list_name, NULL);
	CLEANUP_VALUE struct value *list = was ? value_ref(was) : NULL;
	size_t said = d->note.len;

	for (size_t i = 0; i < value_count(list); i++)
		list = value_set_at(
			list, i,
			fill_container(value_ref(value_at(list, i)), item, whose, &d->note));
	if (d->note.len > said)
		d->pod = value_bury(d->pod, STEAL(list), "spec", list_name, NULL);
}

static void fill_from_range(struct step *s, const struct value *range, void *arg)
{
	const struct value *items = value_dig(range, "spec", "limits", NULL);
	struct defaults *d = arg;

	(void)s;
	buf_resize(&d->note, 0);
	for (size_t i = 0; i < value_count(items); i++) {
		const struct value *item = value_at(items, i);

		if (!str_eq(value_dig_str(item, "type", NULL), "Container"))
			continue;
		fill_containers(d, item, "containers", "container");
		fill_containers(d, item, "initContainers", "init container");
	}
	if (d->note.len)
		d->pod = value_bury(
			d->pod, value_new_stringf("LimitRanger plugin set: %s", buf_str(&d->note)),
			"metadata", "annotations", NOTE, NULL);
}

static struct value *admit_defaults(struct step *s, struct value *taken)
{
	struct defaults d = {.pod = taken};

	look_at_all(s, "limitranges", "", s->r->ns, fill_from_range, &d);
	buf_fini(&d.note);
	return d.pod;
}

/* -- bounds -- */

/* Everything that one LimitRange finds wrong. */
struct findings {
	struct buf text;
	size_t n;
};

static void find(struct findings *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void find(struct findings *f, const char *fmt, ...)
{
	CLEANUP_FREE char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = xstrdup("");
	va_end(args);
	buf_addf(&f->text, "%s%s", f->n++ ? ", " : "", text);
}

/* What is bounded: its requests and limits, and what it is called. */
struct bounded {
	const char *type; /* "Container", "Pod", "PersistentVolumeClaim" */
	struct usage requests, limits;
};

static void check_min(const struct bounded *b, const char *name, const struct quantity *min,
		      struct findings *f)
{
	const struct quantity *request = usage_get(&b->requests, name);
	const struct quantity *limit = usage_get(&b->limits, name);
	char bound[64], has[64];

	quantity_render(min, bound);
	if (!request)
		find(f, "minimum %s usage per %s is %s.  No request is specified", name, b->type,
		     bound);
	else if (quantity_cmp(request, min) < 0)
		find(f, "minimum %s usage per %s is %s, but request is %s", name, b->type, bound,
		     quantity_render(request, has));
	else if (limit && quantity_cmp(limit, min) < 0)
		find(f, "minimum %s usage per %s is %s, but limit is %s", name, b->type, bound,
		     quantity_render(limit, has));
}

static void check_max(const struct bounded *b, const char *name, const struct quantity *max,
		      struct findings *f)
{
	const struct quantity *request = usage_get(&b->requests, name);
	const struct quantity *limit = usage_get(&b->limits, name);
	int of_claim = str_eq(b->type, "PersistentVolumeClaim"); /* it has requests only */
	char bound[64], has[64];

	quantity_render(max, bound);
	if (of_claim ? !request : !limit)
		find(f, "maximum %s usage per %s is %s.  No %s is specified", name, b->type, bound,
		     of_claim ? "request" : "limit");
	else if (limit && quantity_cmp(limit, max) > 0)
		find(f, "maximum %s usage per %s is %s, but limit is %s", name, b->type, bound,
		     quantity_render(limit, has));
	else if (request && quantity_cmp(request, max) > 0)
		find(f, "maximum %s usage per %s is %s, but request is %s", name, b->type, bound,
		     quantity_render(request, has));
}

static void check_ratio(const struct bounded *b, const char *name, const struct quantity *max,
			struct findings *f)
{
	const struct quantity *request = usage_get(&b->requests, name);
	const struct quantity *limit = usage_get(&b->limits, name);
	char bound[64];
	double ratio;

	quantity_render(max, bound);
	if (!request || !request->nano) {
		find(f,
		     "%s max limit to request ratio per %s is %s, but no request is specified or "
		     "request is 0",
		     name, b->type, bound);
	} else if (!limit || !limit->nano) {
		find(f,
		     "%s max limit to request ratio per %s is %s, but no limit is specified or "
		     "limit is 0",
		     name, b->type, bound);
	} else {
		ratio = (double)limit->nano / (double)request->nano;
		if (ratio > (double)max->nano / 1e9)
			find(f,
			     "%s max limit to request ratio per %s is %s, but provided ratio is "
			     "%f",
			     name, b->type, bound, ratio);
	}
}

static void check_item(const struct value *item, const struct bounded *b, struct findings *f)
{
	static const struct {
		const char *list;
		void (*check)(const struct bounded *b, const char *name, const struct quantity *q,
			      struct findings *f);
	} bounds[] = {
		{"min", check_min}, {"max", check_max}, {"maxLimitRequestRatio", check_ratio}};

	for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
		const struct value *list = value_get(item, bounds[i].list);
		struct quantity q;

		for (size_t j = 0; j < value_count(list); j++)
			if (quantity_from_value(value_at(list, j), &q, NULL) == 0)
				bounds[i].check(b, value_key_at(list, j), &q, f);
	}
}

static void add_said(struct usage *u, const struct value *list)
{
	struct quantity q;

	for (size_t i = 0; i < value_count(list); i++)
		if (quantity_from_value(value_at(list, i), &q, NULL) == 0)
			usage_add(u, value_key_at(list, i), &q);
}

static void check_resources(const struct value *item, const struct value *resources,
			    const char *type, struct findings *f)
{
	struct bounded b = {.type = type};

	add_said(&b.requests, value_get(resources, "requests"));
	add_said(&b.limits, value_get(resources, "limits"));
	check_item(item, &b, f);
	usage_fini(&b.requests);
	usage_fini(&b.limits);
}

static void check_containers(const struct value *item, const struct value *list, struct findings *f)
{
	for (size_t i = 0; i < value_count(list); i++)
		check_resources(item, value_get(value_at(list, i), "resources"), "Container", f);
}

static void check_whole_pod(const struct value *item, const struct value *spec, struct findings *f)
{
	struct bounded b = {.type = "Pod"};

	usage_of_containers(spec, "requests", 0, &b.requests);
	usage_of_containers(spec, "limits", 0, &b.limits);
	check_item(item, &b, f);
	usage_fini(&b.requests);
	usage_fini(&b.limits);
}

static void check_range(struct step *s, const struct value *range, void *arg)
{
	const struct value *items = value_dig(range, "spec", "limits", NULL);
	const struct value *next = arg, *spec = value_get(next, "spec");
	int of_claim = str_eq(s->r->kind->plural, "persistentvolumeclaims");
	struct findings f = {BUF_INIT, 0};

	for (size_t i = 0; i < value_count(items) && !s->r->faults.n; i++) {
		const struct value *item = value_at(items, i);
		const char *type = value_dig_str(item, "type", NULL);

		if (of_claim && str_eq(type, "PersistentVolumeClaim")) {
			check_resources(item, value_get(spec, "resources"), type, &f);
		} else if (!of_claim && str_eq(type, "Container")) {
			check_containers(item, value_get(spec, "containers"), &f);
			check_containers(item, value_get(spec, "initContainers"), &f);
		} else if (!of_claim && str_eq(type, "Pod")) {
			check_whole_pod(item, spec, &f);
		}
	}
	if (f.n)
		forbid(s, EACCES, f.n > 1 ? "[%s]" : "%s", buf_str(&f.text));
	buf_fini(&f.text);
}

static void check_bounds(struct step *s, const struct value *next)
{
	if (!(s->r->flags & API_STATUS))
		look_at_all(s, "limitranges", "", s->r->ns, check_range, (void *)(uintptr_t)next);
}

const struct plugin limit_ranger = {.plural = "pods",
				    .group = "",
				    .when = ON_CREATE,
				    .admit = admit_defaults,
				    .check = check_bounds};
const struct plugin limit_ranger_claims = {.plural = "persistentvolumeclaims",
					   .group = "",
					   .when = ON_CREATE | ON_UPDATE,
					   .check = check_bounds};
