/* SPDX-License-Identifier: MIT */
/*
 * Built-in admission: the plugins in the order in which Kubernetes runs them.
 * Source: Kubernetes pkg/kubeapiserver/options/plugins.go.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "objects/api/admission/admission.h"

/* Webhooks come after what chooses for the user, and before what is given out and charged for. */
static const struct plugin *const before[] = {
	&namespace_lifecycle,   &limit_ranger,      &limit_ranger_claims,
	&service_account,       &pod_security,      &pod_security_templates,
	&pod_security_labels,   &pod_priority,      &default_toleration_seconds,
	&claim_protection,      &volume_protection, &runtime_class,
	&default_storage_class,
};
static const struct plugin *const after[] = {
	&service_numbers,
	&resource_quota, /* last: what is charged for is what the others made of it */
};

static int concerns(const struct plugin *p, const struct step *s)
{
	unsigned when = s->live ? ON_UPDATE : ON_CREATE;

	return (p->when & when) && (!p->plural || (str_eq(p->plural, s->r->kind->plural) &&
						   str_eq(p->group, s->r->kind->group)));
}

static struct value *admit_by(const struct plugin *const *list, size_t n, struct step *s,
			      struct value *taken)
{
	for (size_t i = 0; i < n && !s->r->faults.n; i++)
		if (list[i]->admit && concerns(list[i], s))
			taken = list[i]->admit(s, taken);
	return taken;
}

/* Not about what is refused already. */
static int asks_webhooks(const struct step *s)
{
	return s->run->hooks && !s->run->in_vain && !s->r->faults.n;
}

struct value *admit(struct step *s, struct value *taken)
{
	taken = admit_by(before, ARRAY_LEN(before), s, taken);
	taken = admit_by_policies(s, taken);
	if (asks_webhooks(s))
		taken = admit_by_webhooks(s, taken);
	return admit_by(after, ARRAY_LEN(after), s, taken);
}

struct value *admit_again(struct step *s, struct value *taken)
{
	return admit_by(before, ARRAY_LEN(before), s, taken);
}

static void check_by(const struct plugin *const *list, size_t n, struct step *s,
		     const struct value *next)
{
	for (size_t i = 0; i < n && !s->r->faults.n; i++)
		if (list[i]->check && concerns(list[i], s))
			list[i]->check(s, next);
}

void admit_check(struct step *s, const struct value *next)
{
	check_by(before, ARRAY_LEN(before), s, next);
	check_by_policies(s, next);
	if (asks_webhooks(s))
		check_by_webhooks(s, next);
	check_by(after, ARRAY_LEN(after), s, next);
}

static void leave_by(const struct plugin *const *list, size_t n, struct step *s)
{
	for (size_t i = 0; i < n; i++)
		if (list[i]->leave && concerns(list[i], s))
			list[i]->leave(s);
}

void admit_delete(struct step *s)
{
	leave_by(before, ARRAY_LEN(before), s);
	leave_by(after, ARRAY_LEN(after), s);
}

/* -- what plugins share -- */

struct value *look_up(struct step *s, const char *plural, const char *group, const char *ns,
		      const char *name)
{
	const struct kind *k = kind_find(group, "v1", plural);
	uint64_t rv;

	return k ? run_current(s->run, (struct objkey){k, ns, name}, &rv) : NULL;
}

void look_at_all(struct step *s, const char *plural, const char *group, const char *ns,
		 void (*fn)(struct step *s, const struct value *v, void *arg), void *arg)
{
	const struct kind *k = kind_find(group, "v1", plural);
	struct object_list stored = {0};
	size_t n = s->run->txn->n_ops;
	uint64_t rv;

	if (!k)
		return;
	if (store_count(s->run->api->store, k, *ns ? ns : NULL))
		store_list(s->run->api->store, k, *ns ? ns : NULL, &stored);
	for (size_t i = 0; i < stored.n; i++) {
		struct value *v = run_current(s->run, object_key(stored.list[i]), &rv);

		if (v)
			fn(s, v, arg);
		value_unref(v);
	}
	object_list_fini(&stored);
	if (!run_has_kind(s->run, k))
		return;
	for (size_t i = s->run->n_extra; i < n; i++) { /* made by this batch */
		const struct store_op *op = &s->run->txn->ops[i];
		CLEANUP_VALUE struct value *v = NULL;

		if (op->op != STORE_PUT || op->key.kind != k || op->expect != STORE_ABSENT ||
		    (*ns && !str_eq(op->key.ns, ns)))
			continue;
		v = value_ref(op->value); /* fn may add operations: op moves */
		fn(s, v, arg);
	}
}

void warn_writer(struct api_request *r, struct value *taken_text)
{
	r->warnings = value_append(r->warnings ? r->warnings : value_new_list(), taken_text);
}

void annotate_audit(struct api_request *r, const char *key, const char *text)
{
	r->audit_annotations = value_set_str(
		r->audit_annotations ? r->audit_annotations : value_new_map(), key, text);
}

void forbid(struct step *s, int code, const char *fmt, ...)
{
	CLEANUP_FREE char *why = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&why, fmt, args) < 0)
		why = xstrdup("");
	va_end(args);
	fault_add_code(&s->r->faults, code, "%s \"%s\" is forbidden: %s", kind_resource(s->r->kind),
		       s->r->name, why);
}
