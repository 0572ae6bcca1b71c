/* SPDX-License-Identifier: MIT */
#include "objects/store/definitions.h"

#include <errno.h>

#include "objects/custom.h"

static const struct kind *definitions(void)
{
	return kind_find("apiextensions.k8s.io", "v1", "customresourcedefinitions");
}

static int cmp_age(const void *a, const void *b)
{
	const struct object *x = *(struct object *const *)a, *y = *(struct object *const *)b;

	return (x->created_rv > y->created_rv) - (x->created_rv < y->created_rv);
}

void definitions_load(struct store *s)
{
	struct object_list list = {0};

	index_list(&s->index, definitions(), NULL, &list);
	if (list.n)
		qsort(list.list, list.n, sizeof(struct object *), cmp_age);
	for (size_t i = 0; i < list.n; i++)
		custom_claim(list.list[i]->value);
	for (size_t i = 0; i < list.n; i++)
		custom_define(list.list[i]->value);
	object_list_fini(&list);
}

void definitions_forget(struct store *s)
{
	struct object_list list = {0};

	index_list(&s->index, definitions(), NULL, &list);
	for (size_t i = 0; i < list.n; i++)
		custom_undefine(list.list[i]->name);
	object_list_fini(&list);
}

int definition_allows(struct store *s, struct objkey key, int is_new, struct err *err)
{
	const struct slot *slot =
		index_find(&s->index, (struct objkey){definitions(), "", kind_resource(key.kind)});
	const struct object *definition = slot ? slot_current(slot) : NULL;

	if (!definition)
		return err_set(err, ESTALE,
			       "no matches for kind \"%s\" in version \"%s\": its "
			       "CustomResourceDefinition is gone",
			       key.kind->kind, kind_api_version(key.kind));
	if (is_new && object_deleting(definition->value))
		return err_set(err, EPERM,
			       "%s \"%s\": create not allowed while custom resource definition is "
			       "terminating",
			       key.kind->plural, key.name);
	return 0;
}

void definition_changed(const struct object *before, const struct object *made)
{
	if (!made && before)
		custom_undefine(before->name);
	else if (made &&
		 (!before || value_get(before->value, "spec") != value_get(made->value, "spec")))
		custom_define(made->value);
}
