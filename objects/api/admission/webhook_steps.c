/* SPDX-License-Identifier: MIT */
/* Where webhooks stand in the write path: a step's writes, deletions, subresources, connections. */
#include <errno.h>

#include "objects/api/admission/admission.h"
#include "objects/api/admission/webhooks.h"

static struct hook_asking asking_of(struct step *s, const char *operation, const char *sub)
{
	struct api_request *r = s->r;

	return (struct hook_asking){
		.api = s->run->api,
		.configs = s->run->hooks,
		.who = s->run->who,
		.request = {operation, r->kind, sub, r->ns, r->name},
		.old = s->live,
		/* perhaps of this batch */
		.ns = *r->ns ? look_up(s, "namespaces", "", "", r->ns) : NULL,
		.dry_run = !!(r->flags & API_DRY_RUN),
		.faults = &r->faults,
		.warnings = &r->warnings,
		.audit_annotations = &r->audit_annotations,
	};
}

/* -- writes -- */

/* Through the scale subresource it is a Scale that is written. Owned: what old is then. */
static struct value *show_as_scale(struct hook_asking *a, const struct value *object)
{
	const struct kind *k = a->request.kind;
	struct value *old = a->old ? api_review_show(k, "scale", a->old) : NULL;

	a->object_kind = "Scale";
	a->object_api_version = "autoscaling/v1";
	a->object = api_review_show(k, "scale", object);
	a->old = old;
	return old;
}

/* What mutating webhooks made of it. */
static struct value *take_scale(const struct hook_asking *a, struct value *taken)
{
	const struct value *n = value_dig(a->object, "spec", "replicas", NULL);

	if (value_int(n, -1) < 0)
		return taken;
	return value_bury(taken, value_ref(n), "spec", "replicas", NULL);
}

static int is_scale(const struct step *s)
{
	return str_eq(step_subresource(s), "scale");
}

struct value *admit_by_webhooks(struct step *s, struct value *taken)
{
	CLEANUP(hook_asking_fini)
	struct hook_asking a = asking_of(s, s->live ? "UPDATE" : "CREATE", step_subresource(s));
	CLEANUP_VALUE struct value *old = NULL;
	struct value *seen;

	/* of reviews it was the review that was asked about (admit_review) */
	if (s->own || match_is_exempt(s->r->kind))
		return taken;
	if (is_scale(s)) {
		old = show_as_scale(&a, taken);
		hooks_mutate(&a, 0);
		return take_scale(&a, taken);
	}
	a.object = taken;
	if (hooks_mutate(&a, 0) && !s->r->faults.n) {
		seen = value_ref(a.object);
		a.object = admit_again(s, a.object);
		if (a.object != seen && !value_equal(a.object, seen))
			hooks_note_change(&a);
		value_unref(seen);
		if (!s->r->faults.n)
			hooks_mutate(&a, 1);
	}
	return STEAL(a.object);
}

void check_by_webhooks(struct step *s, const struct value *next)
{
	CLEANUP(hook_asking_fini)
	struct hook_asking a = asking_of(s, s->live ? "UPDATE" : "CREATE", step_subresource(s));
	CLEANUP_VALUE struct value *old = NULL;

	if (s->own || match_is_exempt(s->r->kind))
		return;
	if (is_scale(s))
		old = show_as_scale(&a, next);
	else
		a.object = value_ref(next);
	hooks_validate(&a);
}

/* -- deletions -- */

static void ask_all(struct hook_asking *a)
{
	hooks_mutate(a, 0);
	if (!a->faults->n)
		hooks_validate(a);
}

void admit_deletion(struct step *s)
{
	CLEANUP(hook_asking_fini) struct hook_asking a = {0};

	if (!s->run->hooks || match_is_exempt(s->r->kind))
		return;
	a = asking_of(s, "DELETE", "");
	ask_all(&a);
}

/* -- what is written to a subresource -- */

/* What is no part has a kind of its own, and is made anew. */
int review_is_part(const struct step *s)
{
	return str_eq(s->r->sub, "scale") || str_eq(s->r->sub, "approval") ||
	       str_eq(s->r->sub, "finalize");
}

void admit_review(struct step *s)
{
	struct api_request *r = s->r;
	const struct kind *k = r->sub ? api_review_kind(r->kind, r->sub) : NULL;
	CLEANUP(hook_asking_fini) struct hook_asking a = {0};
	CLEANUP_VALUE struct value *old = NULL;

	if (!s->run->hooks || !k)
		return;
	a = asking_of(s, review_is_part(s) ? "UPDATE" : "CREATE", r->sub);
	old = review_is_part(s) ? api_review_show(r->kind, r->sub, s->live) : NULL;
	a.old = old;
	a.object = value_ref(r->body);
	if (k != r->kind) {
		a.object_kind = k->kind;
		a.object_api_version = kind_api_version(k);
	}
	ask_all(&a);
	if (r->faults.n || a.object == r->body)
		return;
	value_unref(r->body);
	r->body = STEAL(a.object);
}

/* -- connections -- */

int api_connect_waits(struct api *a, const struct kind *k, const char *sub)
{
	struct hook_configs *c = hooks_load(a);
	const struct match_request m = {"CONNECT", k, sub, "", ""};
	/* policies do not wait, but the place where they are asked is the same */
	int waits = (c && hooks_concern_connection(c, &m)) || policies_are_bound(a);

	hooks_free(c);
	return waits;
}

int api_connect(struct api *a, const struct caller *who, struct objkey key, const char *sub,
		const struct value *options, struct err *err)
{
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	struct hook_configs *c = hooks_load(a);
	CLEANUP(hook_asking_fini)
	struct hook_asking asking = {
		.api = a,
		.configs = c,
		.who = who,
		.request = {"CONNECT", key.kind, sub, key.ns, key.name},
		.object_kind = value_str(value_get(options, "kind"), ""),
		.object_api_version = value_str(value_get(options, "apiVersion"), ""),
		.object = value_ref(options),
		.faults = &faults,
	};

	check_connection_by_policies(a, who, key, sub, options, &faults);
	if (c && !who->trusted && !faults.n)
		ask_all(&asking);
	hooks_free(c);
	return faults.n ? faults_to_err(&faults, err) : 0;
}
