/* SPDX-License-Identifier: MIT */
/*
 * `authorizer`: authorizer.group('apps').resource('deployments').namespace('prod').check('get')
 * gives a decision. Each step is a copy of what was said so far.
 */
#include "objects/cel/lib.h"

#define FN(name) static struct cel_val name(struct cel_run *r, const struct cel_val *a, size_t n)

struct decision {
	int allowed;
	char why[512];
};

/* What is asked so far; NULL of an authorizer: nothing. */
static struct cel_access *more(struct cel_run *r, const struct cel_val *a)
{
	struct cel_access *out = cel_alloc(r, 1, sizeof(*out));

	if (!out)
		return NULL;
	*out = a->other ? *(const struct cel_access *)a->other : (struct cel_access){0};
	return out;
}

static const char *text(struct cel_run *r, const struct cel_val *a)
{
	return cel_c_string(r, a[1]);
}

#define STEP(name, field, result)                                                                  \
	FN(name)                                                                                   \
	{                                                                                          \
		struct cel_access *q = more(r, a);                                                 \
		const char *s = text(r, a);                                                        \
                                                                                                   \
		if (!q || !s)                                                                      \
			return cel_error(r, "a name holds a NUL");                                 \
		q->field = s;                                                                      \
		return cel_other(result, q);                                                       \
	}

STEP(path, path, CEL_PATH_CHECK)
STEP(group, group, CEL_GROUP_CHECK)
STEP(resource, resource, CEL_RESOURCE_CHECK)
STEP(subresource, subresource, CEL_RESOURCE_CHECK)
STEP(namespace, ns, CEL_RESOURCE_CHECK)
STEP(name, name, CEL_RESOURCE_CHECK)
STEP(field_selector, field_selector, CEL_RESOURCE_CHECK)
STEP(label_selector, label_selector, CEL_RESOURCE_CHECK)

FN(service_account)
{
	struct cel_access *q = more(r, a);

	if (!q)
		return cel_stop(r);
	q->account_ns = cel_c_string(r, a[1]);
	q->account = cel_c_string(r, a[2]);
	if (!q->account_ns || !q->account)
		return cel_error(r, "a name holds a NUL");
	return cel_other(CEL_AUTHORIZER, q);
}

FN(check)
{
	struct cel_access *q = more(r, a);
	struct decision *d = cel_alloc(r, 1, sizeof(*d));

	if (!q || !d)
		return cel_stop(r);
	q->verb = text(r, a);
	if (!q->verb)
		return cel_error(r, "a name holds a NUL");
	d->allowed = r->authorize && r->authorize(r->authorize_arg, q, d->why) > 0;
	return cel_other(CEL_DECISION, d);
}

FN(allowed)
{
	return cel_bool(((const struct decision *)a->other)->allowed);
}

FN(reason)
{
	const struct decision *d = a->other;

	return cel_text(d->why, strlen(d->why));
}

FN(errored)
{
	return cel_bool(0);
}

FN(error)
{
	return cel_text("", 0);
}

static const struct cel_function rows[] = {
	{"path", ".Zs>P", path, COST_1},
	{"group", ".Zs>G", group, COST_1},
	{"serviceAccount", ".Zss>Z", service_account, COST_1},
	{"resource", ".Gs>R", resource, COST_1},
	{"subresource", ".Rs>R", subresource, COST_1},
	{"namespace", ".Rs>R", namespace, COST_1},
	{"name", ".Rs>R", name, COST_1},
	{"fieldSelector", ".Rs>R", field_selector, COST_1},
	{"labelSelector", ".Rs>R", label_selector, COST_1},
	{"check", ".Ps>X", check, COST_CHECK},
	{"check", ".Rs>X", check, COST_CHECK},
	{"allowed", ".X>b", allowed, COST_1},
	{"reason", ".X>s", reason, COST_1},
	{"errored", ".X>b", errored, COST_1},
	{"error", ".X>s", error, COST_1},
};
CEL_LIBRARY(lib_authorizer, rows);
