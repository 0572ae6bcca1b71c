/* SPDX-License-Identifier: MIT */
/* Policies, their bindings and parameters: which cases a request makes. */
#include "objects/api/admission/policies.h"

#include "objects/api/admission/admission.h"
#include "objects/api/admission/webhook_review.h"
#include "objects/conditions.h"
#include "objects/selector.h"
#include "util/strmap.h"

#define GROUP "admissionregistration.k8s.io"

/* -- compiled policies -- */

struct policies {
	pthread_mutex_t lock;
	struct strmap
		by_name; /* "<plural>/<name>" -> struct policy, a reference each; under lock */
};

#define KEPT_MAX 1024 /* policies that are gone are forgotten with all others, now and then */

struct policies *policies_new(void)
{
	struct policies *p = xcalloc(1, sizeof(*p));

	pthread_mutex_init(&p->lock, NULL);
	return p;
}

static void forget_all(struct policies *p)
{
	STRMAP_FOREACH (s, &p->by_name)
		policy_unref(s->val);
	strmap_fini(&p->by_name);
	p->by_name = (struct strmap)STRMAP_INIT;
}

void policies_free(struct policies *p)
{
	if (!p)
		return;
	forget_all(p);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

struct policy *policies_get(struct policies *p, const struct object *o)
{
	CLEANUP_FREE char *key = xasprintf("%s/%s", o->kind->plural, o->name);
	const struct value *spec = value_get(o->value, "spec");
	struct policy *found, *made;

	pthread_mutex_lock(&p->lock);
	found = strmap_get(&p->by_name, key);
	if (found && (found->spec == spec || value_equal(found->spec, spec)))
		policy_ref(found);
	else
		found = NULL;
	pthread_mutex_unlock(&p->lock);
	if (found)
		return found;
	made = policy_compile(spec, PATH_FIELD(NULL, "spec"), NULL);
	pthread_mutex_lock(&p->lock);
	if (p->by_name.n >= KEPT_MAX)
		forget_all(p);
	policy_unref(strmap_set(&p->by_name, key, policy_ref(made)));
	pthread_mutex_unlock(&p->lock);
	return made;
}

/* -- matching -- */

/* Labels of what a namespaceSelector is about: the namespace, or the Namespace itself. */
static int namespace_matches(const struct policy_request *q, const struct value *selector)
{
	const struct kind *k = q->match.kind;
	const struct value *labels;

	if (!value_count(value_get(selector, "matchLabels")) &&
	    !value_count(value_get(selector, "matchExpressions")))
		return 1;
	if (str_eq(k->plural, "namespaces") && !*k->group)
		labels = value_dig(q->object ? q->object : q->old, "metadata", "labels", NULL);
	else if (!(k->flags & KIND_NAMESPACED))
		return 1;
	else
		labels = value_dig(q->ns, "metadata", "labels", NULL);
	return match_labels(selector, labels);
}

/* Return: the version that the resources speak of; NULL: they do not match. */
static const struct kind *match_resources(const struct policy_request *q, const struct value *m)
{
	int equivalent = !str_eq(value_str(value_get(m, "matchPolicy"), ""), "Exact");
	const struct value *rules = value_get(m, "resourceRules");

	if (match_rules(value_get(m, "excludeResourceRules"), &q->match, equivalent))
		return NULL;
	if (!namespace_matches(q, value_get(m, "namespaceSelector")) ||
	    !match_objects(value_get(m, "objectSelector"), q->object, q->old))
		return NULL;
	/* a binding without rules takes what its policy takes */
	return value_count(rules) ? match_rules(rules, &q->match, equivalent)
				  : kind_settled(q->match.kind);
}

/* -- one case -- */

static struct value *in_version(const struct policy_request *q, const struct kind *as,
				const struct value *v)
{
	if (!v || as == kind_settled(q->match.kind) || q->object_kind)
		return v ? value_ref(v) : NULL;
	return kind_convert(as, value_ref(v));
}

/* What is in a review, without the objects: those are variables of their own. */
static struct value *request_of(const struct policy_case *c)
{
	const struct policy_request *q = c->q;
	const struct review_question question = {
		.request = &q->match,
		.as = c->as,
		.object_kind = q->object_kind,
		.object_api_version = q->object_api_version,
		.who = q->who,
		.dry_run = !!(q->r->flags & API_DRY_RUN),
		.version = "v1",
		.uid = "",
	};
	CLEANUP_VALUE struct value *review = review_make(&question);
	struct value *request = value_ref(value_get(review, "request"));

	request = value_del(request, "object");
	return value_del(request, "oldObject");
}

static void case_fini(struct policy_case *c)
{
	value_unref(c->object);
	value_unref(c->old);
	value_unref(c->request);
}

void policy_deny(const struct policy_case *c, int code, const char *kind, const char *why)
{
	struct api_request *r = c->q->r;

	fault_add_code(&r->faults, code,
		       "%s \"%s\" is forbidden: %s '%s' with binding '%s' denied request: %s",
		       kind_resource(r->kind), r->name, kind, c->name, c->binding, why);
}

int policy_has_action(const struct policy_case *c, const char *action)
{
	const struct value *list = value_get(c->binding_spec, "validationActions");

	for (size_t i = 0; i < value_count(list); i++)
		if (str_eq(value_str(value_at(list, i), ""), action))
			return 1;
	return 0;
}

/* -- evaluation -- */

static int may(void *arg, const struct cel_access *a, char why[512])
{
	const struct policy_request *q = arg;

	return api_access(q->api, q->who, a, why);
}

struct cel_run *policy_run(const struct policy_case *c, struct cel_access *access, uint64_t budget)
{
	const struct policy *p = c->policy;
	struct cel_run *run = cel_run_new(p->env, budget);
	const struct match_request *m = &c->q->match;

	cel_run_bind(run, p->slots.object, c->object);
	cel_run_bind(run, p->slots.old, c->old);
	cel_run_bind(run, p->slots.request, c->request);
	cel_run_bind(run, p->slots.ns, c->q->ns);
	if (p->slots.params >= 0)
		cel_run_bind(run, p->slots.params, c->params);
	*access = (struct cel_access){.group = m->kind->group,
				      .resource = m->kind->plural,
				      .subresource = m->sub,
				      .ns = m->ns,
				      .name = m->name};
	cel_run_bind_check(run, p->slots.resource, access);
	cel_run_authorize(run, may, (void *)(uintptr_t)c->q);
	for (size_t i = 0; i < p->variables.n; i++)
		cel_run_bind_program(run, p->variables.list[i].slot, p->variables.list[i].program);
	return run;
}

struct conditions {
	const struct policy_list *list;
	struct cel_run *run;
};

static int evaluate_condition(void *arg, size_t i, const char **name, int *holds, struct err *err)
{
	struct conditions *c = arg;
	const struct policy_expression *e = &c->list->list[i];

	*name = value_str(value_get(e->source, "name"), "");
	return cel_eval_bool(c->run, e->program, holds, err);
}

int policy_conditions_hold(const struct policy_case *c, struct err *err)
{
	struct cel_access access;
	struct conditions conditions = {&c->policy->conditions, NULL};
	CLEANUP(cel_run_freep) struct cel_run *run = NULL;

	if (!conditions.list->n)
		return 1;
	conditions.run = run = policy_run(c, &access, CEL_COST_CONDITIONS);
	return conditions_all(conditions.list->n, evaluate_condition, &conditions, err);
}

/* -- parameters -- */

struct walk {
	const struct policy_request *q;
	policy_fn fn;
	void (*refuse)(void *arg, struct policy_case *c, const char *why);
	void *arg;
};

static void refuse(const struct walk *w, struct policy_case *c, const char *fmt, const char *what)
{
	CLEANUP_FREE char *why = xasprintf("failed to configure binding: %s%s", fmt, what);

	w->refuse(w->arg, c, why);
}

static void call(const struct walk *w, struct policy_case *c, const struct value *params)
{
	c->params = params;
	w->fn(w->arg, c);
}

static void not_found(const struct walk *w, struct policy_case *c, const struct value *ref)
{
	if (str_eq(value_str(value_get(ref, "parameterNotFoundAction"), ""), "Allow"))
		return; /* as if the binding were not there */
	refuse(w, c, "no params found for policy binding with `Deny` parameterNotFoundAction", "");
}

/* All parameters that are selected, in the order of their names. */
static void call_selected(const struct walk *w, struct policy_case *c, const struct kind *k,
			  const char *ns, const struct value *ref)
{
	CLEANUP(selector_freep)
	struct selector *s = selector_from_object(value_get(ref, "selector"), NULL);
	struct object_list list = {0};
	size_t found = 0;

	if (s)
		store_list(w->q->api->store, k, *ns ? ns : NULL, &list);
	for (size_t i = 0; i < list.n; i++)
		if (selector_matches(s,
				     value_dig(list.list[i]->value, "metadata", "labels", NULL))) {
			call(w, c, list.list[i]->value);
			found++;
		}
	if (!found)
		not_found(w, c, ref);
	object_list_fini(&list);
}

static void call_with_params(const struct walk *w, struct policy_case *c)
{
	const struct value *kind = value_get(c->policy->spec, "paramKind"),
			   *ref = value_get(c->binding_spec, "paramRef");
	const struct kind *k;
	const char *ns = value_str(value_get(ref, "namespace"), "");

	if (!value_is(kind, VALUE_MAP) || !value_is(ref, VALUE_MAP)) {
		call(w, c, NULL);
		return;
	}
	k = kind_by_gvk(value_str(value_get(kind, "apiVersion"), ""),
			value_str(value_get(kind, "kind"), ""));
	if (!k || (k->flags & KIND_VIRTUAL)) {
		refuse(w, c, "failed to find resource referenced by paramKind: ",
		       value_str(value_get(kind, "kind"), ""));
		return;
	}
	if (!(k->flags & KIND_NAMESPACED) && *ns) {
		refuse(w, c,
		       "paramRef.namespace must not be provided for a cluster-scoped `paramKind`",
		       "");
		return;
	}
	if ((k->flags & KIND_NAMESPACED) && !*ns)
		ns = w->q->match.ns;
	if ((k->flags & KIND_NAMESPACED) && !*ns) {
		refuse(w, c,
		       "cannot use namespaced paramRef in policy binding that matches "
		       "cluster-scoped "
		       "resources",
		       "");
		return;
	}
	if (value_is(value_get(ref, "selector"), VALUE_MAP)) {
		call_selected(w, c, k, ns, ref);
	} else {
		CLEANUP(object_unrefp)
		struct object *o =
			store_get(w->q->api->store,
				  (struct objkey){k, ns, value_str(value_get(ref, "name"), "")});

		if (o)
			call(w, c, o->value);
		else
			not_found(w, c, ref);
	}
}

/* -- bindings of policies -- */

static void walk_binding(const struct walk *w, const struct object *binding,
			 const struct object *policy_object, const struct kind *as)
{
	CLEANUP(policy_unrefp) struct policy *p = NULL;
	const struct value *spec = value_get(binding->value, "spec");
	struct policy_case c = {.q = w->q,
				.name = policy_object->name,
				.binding = binding->name,
				.binding_spec = spec,
				.as = as};

	if (!match_resources(w->q, value_get(spec, "matchResources")))
		return;
	p = policies_get(w->q->api->policies, policy_object);
	c.policy = p;
	c.object = in_version(w->q, as, w->q->object);
	c.old = in_version(w->q, as, w->q->old);
	c.request = request_of(&c);
	if (p->error)
		w->refuse(w->arg, &c, p->error);
	else
		call_with_params(w, &c);
	case_fini(&c);
}

static void walk_policy(const struct walk *w, const struct object *policy_object,
			const struct object_list *bindings)
{
	const struct value *constraints =
		value_dig(policy_object->value, "spec", "matchConstraints", NULL);
	const struct kind *as = value_count(value_get(constraints, "resourceRules"))
					? match_resources(w->q, constraints)
					: NULL;

	for (size_t i = 0; as && i < bindings->n; i++)
		if (str_eq(value_dig_str(bindings->list[i]->value, "spec", "policyName", NULL),
			   policy_object->name))
			walk_binding(w, bindings->list[i], policy_object, as);
}

void policy_cases(const struct policy_request *q, const char *plural, const char *bindings,
		  policy_fn fn,
		  void (*refuse_fn)(void *arg, struct policy_case *c, const char *why), void *arg)
{
	const struct kind *k = kind_find(GROUP, "v1", plural),
			  *b = kind_find(GROUP, "v1", bindings);
	const struct walk w = {q, fn, refuse_fn, arg};
	struct store *store = q->api->store;
	struct object_list all = {0}, bound = {0};

	if (!store_count(store, b, NULL) || !store_count(store, k, NULL))
		return;
	store_list(store, k, NULL, &all);
	store_list(store, b, NULL, &bound);
	for (size_t i = 0; i < all.n; i++)
		walk_policy(&w, all.list[i], &bound);
	object_list_fini(&all);
	object_list_fini(&bound);
}
