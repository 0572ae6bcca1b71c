/* SPDX-License-Identifier: MIT */
#include "objects/api/admission/webhooks.h"

#include <errno.h>

#include "objects/api/admission/webhook_review.h"
#include "objects/conditions.h"
#include "objects/patch.h"
#include "objects/webhook.h"
#include "util/log.h"

struct hook_state {
	int asked, again;
};

/* -- whether a webhook wants to be asked -- */

void hook_asking_fini(struct hook_asking *a)
{
	value_unref(a->object);
	value_unref(a->ns);
	free(a->states);
}

static const struct value *labels_of(const struct value *object)
{
	return value_dig(object, "metadata", "labels", NULL);
}

/* Those of a Namespace that is written are what is written. */
static const struct value *namespace_labels(struct hook_asking *a)
{
	const struct kind *k = kind_find("", "v1", "namespaces");
	struct object *o;

	if (a->request.kind == k)
		return labels_of(a->object && !*a->request.sub ? a->object : a->old);
	if (!a->ns && (o = store_get(a->api->store, (struct objkey){k, "", a->request.ns}))) {
		a->ns = value_ref(o->value);
		object_unref(o);
	}
	return labels_of(a->ns);
}

static int selects_namespace(struct hook_asking *a, const struct value *selector)
{
	const struct kind *k = a->request.kind;
	int is_namespace = k == kind_find("", "v1", "namespaces");

	if (!value_count(selector) || (!(k->flags & KIND_NAMESPACED) && !is_namespace))
		return 1;
	return match_labels(selector, namespace_labels(a));
}

static const struct kind *wants(struct hook_asking *a, const struct value *hook)
{
	const struct kind *as =
		match_rules(value_get(hook, "rules"), &a->request, hook_is_equivalent(hook));

	if (!as || !selects_namespace(a, value_get(hook, "namespaceSelector")) ||
	    !match_objects(value_get(hook, "objectSelector"), a->object, a->old))
		return NULL;
	return as;
}

/* -- what it said besides -- */

static void add_warnings(struct hook_asking *a, const struct value *list)
{
	for (size_t i = 0; a->warnings && i < value_count(list); i++) {
		if (!*a->warnings)
			*a->warnings = value_new_list();
		*a->warnings = value_append(*a->warnings, value_ref(value_at(list, i)));
	}
}

static void add_annotations(struct hook_asking *a, const struct value *map)
{
	for (size_t i = 0; a->audit_annotations && i < value_count(map); i++) {
		if (!*a->audit_annotations)
			*a->audit_annotations = value_new_map();
		*a->audit_annotations = value_set(*a->audit_annotations, value_key_at(map, i),
						  value_ref(value_at(map, i)));
	}
}

/* -- the object in the version that it is asked about -- */

static struct value *convert(struct hook_asking *a, const struct kind *to, const struct value *v,
			     struct err *err)
{
	const char *version = value_dig_str(v, "apiVersion", NULL);

	if (!v || a->object_kind || str_eq(version, kind_api_version(to)))
		return value_ref(v);
	return to->home->conversion ? webhook_convert_value(a->api->hooks.webhooks, to, v, err)
				    : kind_convert(to, value_ref(v));
}

/* -- failures -- */

static int fails_open(const struct value *hook)
{
	return str_eq(value_str(value_get(hook, "failurePolicy"), ""), "Ignore");
}

/* The webhook did not do its part: what its configuration says about that. */
static void call_failed(struct hook_asking *a, const struct value *hook, const char *name,
			const struct err *err)
{
	if (err->code == ECANCELED) {
		fault_add_code(a->faults, EAGAIN, "failed calling webhook \"%s\": %s", name,
			       err->msg);
	} else if (fails_open(hook)) {
		log_warn("failed calling webhook, failing open %s: %s", name, err->msg);
	} else {
		fault_add_code(a->faults, err->code == ETIMEDOUT ? ETIMEDOUT : EACCES,
			       "Internal error occurred: failed calling webhook \"%s\": %s", name,
			       err->msg);
	}
}

/* -- what a patch may do -- */

static const char *const fixed_metadata[] = {
	"creationTimestamp", "deletionGracePeriodSeconds",
	"deletionTimestamp", "generation",
	"managedFields",     "name",
	"namespace",         "resourceVersion",
	"selfLink",          "uid",
};

static struct value *keep_identity(const struct value *was, struct value *taken)
{
	const struct value *before = value_get(was, "metadata"),
			   *now = value_get(taken, "metadata");
	struct value *meta = value_is(now, VALUE_MAP) ? value_ref(now) : value_new_map();

	for (size_t i = 0; i < ARRAY_LEN(fixed_metadata); i++) {
		const struct value *v = value_get(before, fixed_metadata[i]);

		meta = value_set(meta, fixed_metadata[i], v ? value_ref(v) : NULL);
	}
	return value_set(taken, "metadata", meta);
}

/* As a request's body after decoding: what the schema does not know is dropped, and what is left
 * out has its default. NULL with err. */
static struct value *settle(const struct kind *k, const struct value *was, struct value *taken,
			    struct err *err)
{
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	struct value *v;

	if (!value_is(taken, VALUE_MAP) ||
	    !value_equal(value_get(taken, "apiVersion"), value_get(was, "apiVersion")) ||
	    !value_equal(value_get(taken, "kind"), value_get(was, "kind"))) {
		err_set(err, EINVAL, "a patch may not change apiVersion and kind");
		value_unref(taken);
		return NULL;
	}
	v = keep_identity(was, taken);
	if (!k->schema)
		return v;
	v = schema_decode(k->schema, schema_drop_unknown(k->schema, v), NULL, &faults);
	if (!faults.n)
		return kind_default(k, v);
	value_unref(v);
	faults_to_err(&faults, err);
	return NULL;
}

/* Return: the object after the patch, in the version of the request. NULL with err. */
static struct value *patched(struct hook_asking *a, const struct kind *as,
			     const struct value *shown, const struct value *patch, struct err *err)
{
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	const struct kind *own = kind_settled(a->request.kind);
	struct value *v = patch_json(value_ref(shown), patch, &faults), *back;

	if (!v || faults.n) {
		value_unref(v);
		faults_to_err(&faults, err);
		return NULL;
	}
	if (a->object_kind)
		return v;
	/* a draft has no other versions yet */
	v = settle(as == own ? a->request.kind : as, shown, v, err);
	if (!v || as == own)
		return v;
	back = convert(a, own, v, err);
	value_unref(v);
	return back;
}

static void take_patch(struct hook_asking *a, const struct kind *as, const char *name,
		       const struct value *shown, const struct value *patch)
{
	struct err err = ERR_INIT;
	struct value *v = patched(a, as, shown, patch, &err);

	if (!v) {
		fault_add_code(a->faults, EACCES,
			       "Internal error occurred: the patch of the admission webhook \"%s\" "
			       "cannot be applied: %s",
			       name, err.msg);
		return;
	}
	value_unref(a->object);
	a->object = v;
}

/* -- one webhook -- */

struct one {
	struct hook_asking *a;
	const struct value *hook;
	const struct kind *as;
	const char *name;
	int mutating;
	char uid[37];
};

static int call(struct one *o, const struct review_question *q, const struct value *review,
		struct review_answer *out, struct err *err)
{
	unsigned timeout = (unsigned)value_int(value_get(o->hook, "timeoutSeconds"), 10);
	CLEANUP_VALUE struct value *answer = NULL;
	int rc = webhook_ask(o->a->api->hooks.webhooks, value_get(o->hook, "clientConfig"), timeout,
			     review, &answer, err);

	if (rc < 0)
		return err_wrap(err, "failed to call webhook");
	return review_take(q, o->name, o->mutating, answer, out, err);
}

static void take_answer(struct one *o, const struct value *shown, const struct review_answer *said)
{
	struct hook_asking *a = o->a;

	add_warnings(a, said->warnings);
	add_annotations(a, said->audit_annotations);
	if (!said->allowed)
		fault_add_code(a->faults, said->code, "%s", said->why);
	else if (said->patch && a->object)
		take_patch(a, o->as, o->name, shown, said->patch);
	else if (said->patch)
		fault_add_code(a->faults, EACCES,
			       "Internal error occurred: admission webhook \"%s\" attempted to "
			       "modify the object, which is not supported for this operation",
			       o->name);
}

/* `authorizer` in an expression: a SubjectAccessReview of whoever makes the request. */
static int authorize(void *arg, const struct cel_access *q, char why[512])
{
	struct hook_asking *a = arg;

	return api_access(a->api, a->who, q, why);
}

/* Return: whether the match conditions let the request through to the webhook. */
static int conditions_let_through(struct one *o, const struct review_question *q,
				  const struct value *review)
{
	struct hook_asking *a = o->a;
	struct condition_facts facts = {
		.object = q->object,
		.old = q->old,
		.request = value_get(review, "request"),
		.authorize = authorize,
		.arg = a,
	};
	struct err err = ERR_INIT;
	int rc = conditions_hold(value_get(o->hook, "matchConditions"), &facts, &err);

	if (rc < 0 && !fails_open(o->hook))
		fault_add_code(a->faults, EACCES, "%s \"%s\" is forbidden: %s",
			       kind_resource(a->request.kind), a->request.name, err.msg);
	return rc == 1;
}

/* Return: whether it was asked. */
static int ask(struct one *o)
{
	struct hook_asking *a = o->a;
	struct err err = ERR_INIT;
	CLEANUP_VALUE struct value *object = convert(a, o->as, a->object, &err);
	CLEANUP_VALUE struct value *old = err.code ? NULL : convert(a, o->as, a->old, &err);
	CLEANUP_VALUE struct value *review = NULL;
	CLEANUP(review_answer_fini) struct review_answer said = {0};
	struct review_question q = {
		.request = &a->request,
		.as = o->as,
		.object_kind = a->object_kind,
		.object_api_version = a->object_api_version,
		.object = object,
		.old = old,
		.who = a->who,
		.dry_run = a->dry_run,
		.version = webhook_version(value_get(o->hook, "admissionReviewVersions")),
		.uid = o->uid,
	};

	if (!err.code && !q.version)
		err_set(&err, EINVAL,
			"webhook does not accept known AdmissionReview versions (v1, v1beta1)");
	if (!err.code) {
		review = review_make(&q);
		if (!conditions_let_through(o, &q, review))
			return 0;
		call(o, &q, review, &said, &err);
	}
	if (err.code)
		call_failed(a, o->hook, o->name, &err);
	else
		take_answer(o, object, &said);
	return 1;
}

/* Return: whether it was asked. */
static int ask_if_wanted(struct hook_asking *a, const struct value *hook, int mutating)
{
	const char *effects = value_str(value_get(hook, "sideEffects"), "");
	struct one o = {.a = a, .hook = hook, .mutating = mutating};

	o.name = value_str(value_get(hook, "name"), "");
	o.as = wants(a, hook);
	if (!o.as)
		return 0;
	if (a->dry_run && !str_eq(effects, "None") && !str_eq(effects, "NoneOnDryRun")) {
		fault_add_code(a->faults, EINVAL,
			       "admission webhook \"%s\" does not support dry run", o.name);
		return 0;
	}
	api_uuid(o.uid);
	return ask(&o);
}

/* -- all of them -- */

struct mutation {
	struct hook_asking *a;
	size_t i;
	int again, changed;
};

static int wants_to_see_more(const struct value *hook)
{
	return str_eq(value_str(value_get(hook, "reinvocationPolicy"), ""), "IfNeeded");
}

static int count_one(void *arg, const struct value *hook)
{
	++*(size_t *)arg;
	return 1;
}

static int mutate_one(void *arg, const struct value *hook)
{
	struct mutation *m = arg;
	struct hook_asking *a = m->a;
	struct hook_state *state = &a->states[m->i++];
	CLEANUP_VALUE struct value *before = value_ref(a->object);

	if (m->again && !state->again)
		return 1;
	if (!ask_if_wanted(a, hook, 1))
		return !a->faults->n;
	if (a->object != before && !value_equal(a->object, before)) {
		m->changed = 1;
		hooks_note_change(a);
	}
	state->asked = wants_to_see_more(hook);
	state->again = 0;
	return !a->faults->n;
}

int hooks_mutate(struct hook_asking *a, int again)
{
	struct mutation m = {.a = a, .again = again};

	if (!a->states) {
		hooks_each(&a->configs->mutating, count_one, &a->n_states);
		a->states = xcalloc(a->n_states + 1, sizeof(*a->states));
	}
	hooks_each(&a->configs->mutating, mutate_one, &m);
	return m.changed;
}

void hooks_note_change(struct hook_asking *a)
{
	for (size_t i = 0; i < a->n_states; i++)
		a->states[i].again |= a->states[i].asked;
}

static int validate_one(void *arg, const struct value *hook)
{
	struct hook_asking *a = arg;

	ask_if_wanted(a, hook, 0);
	return !a->faults->n;
}

void hooks_validate(struct hook_asking *a)
{
	hooks_each(&a->configs->validating, validate_one, a);
}
