/* SPDX-License-Identifier: MIT */
/* The configurations of webhooks, and which requests may concern one of them. */
#include "objects/api/admission/webhooks.h"

/* -- which there are -- */

void hooks_find_kinds(struct api *a)
{
	static const char group[] = "admissionregistration.k8s.io";

	a->mutating = kind_find(group, "v1", "mutatingwebhookconfigurations");
	a->validating = kind_find(group, "v1", "validatingwebhookconfigurations");
}

struct hook_configs *hooks_load(struct api *a)
{
	struct store *store = a->store;
	const struct kind *m = a->mutating, *v = a->validating;
	struct hook_configs *c;

	if (!a->asks || (!store_count(store, m, NULL) && !store_count(store, v, NULL)))
		return NULL;
	c = xcalloc(1, sizeof(*c));
	store_list(store, m, NULL, &c->mutating);
	store_list(store, v, NULL, &c->validating);
	return c;
}

void hooks_free(struct hook_configs *c)
{
	if (!c)
		return;
	object_list_fini(&c->mutating);
	object_list_fini(&c->validating);
	free(c);
}

void hooks_each(const struct object_list *l, int (*fn)(void *arg, const struct value *hook),
		void *arg)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct value *hooks = value_get(l->list[i]->value, "webhooks");

		for (size_t j = 0; j < value_count(hooks); j++)
			if (!fn(arg, value_at(hooks, j)))
				return;
	}
}

/* -- whether a request concerns any: before its object is known -- */

struct concern {
	struct match_request request;
	const char *const *operations; /* NULL-terminated: one of these it will be */
	int found;
};

static const char *sub_of(const struct api_request *r)
{
	if (r->flags & API_STATUS)
		return "status";
	if (r->flags & API_SCALE)
		return "scale";
	return r->sub ? r->sub : "";
}

int hook_is_equivalent(const struct value *hook)
{
	return str_eq(value_str(value_get(hook, "matchPolicy"), ""), "Equivalent");
}

static int concerns_hook(void *arg, const struct value *hook)
{
	struct concern *c = arg;

	for (const char *const *op = c->operations; *op && !c->found; op++) {
		c->request.operation = *op;
		c->found = match_rules(value_get(hook, "rules"), &c->request,
				       hook_is_equivalent(hook)) != NULL;
	}
	return !c->found;
}

static int concerns(const struct hook_configs *configs, struct concern *c)
{
	hooks_each(&configs->mutating, concerns_hook, c);
	if (!c->found)
		hooks_each(&configs->validating, concerns_hook, c);
	return c->found;
}

int hooks_concern(const struct hook_configs *configs, const struct api_request *r)
{
	/* a write that makes something, or changes it: which, is not known yet */
	static const char *const writes[] = {"CREATE", "UPDATE", NULL};
	static const char *const deletes[] = {"DELETE", NULL};
	struct concern c = {
		.request = {.kind = r->kind, .sub = sub_of(r), .ns = r->ns, .name = ""},
		.operations = r->verb == API_DELETE ? deletes : writes,
	};

	return !match_is_exempt(r->kind) && concerns(configs, &c);
}

int hooks_concern_connection(const struct hook_configs *configs, const struct match_request *m)
{
	static const char *const connects[] = {"CONNECT", NULL};
	struct concern c = {.request = *m, .operations = connects};

	return concerns(configs, &c);
}
