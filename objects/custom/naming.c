/* SPDX-License-Identifier: MIT */
/*
 * Who has which name in a group: the first who asked. Compiled-in kinds were there before all.
 * Source of reasons and texts: apiextensions-apiserver pkg/controller/status/naming_controller.go.
 */
#include "objects/custom/definition.h"

struct asking {
	struct definition *d;
	const struct definition *all;
	const char *group;
	struct value *accepted; /* what becomes of d->accepted; owned */
};

static int has_string(const struct value *list, const char *s)
{
	for (size_t i = 0; i < value_count(list); i++)
		if (str_eq(value_str(value_at(list, i), NULL), s))
			return 1;
	return 0;
}

/* -- what others have -- */

static int is_builtin_resource(const char *group, const char *name)
{
	for (size_t i = 0; i < kinds_count(); i++) {
		const struct kind *k = kind_at(i);

		if ((k->flags & KIND_CUSTOM) || !str_eq(k->group, group))
			continue;
		if (str_eq(k->plural, name) || str_eq(k->singular, name))
			return 1;
		for (const char *const *s = k->short_names; s && *s; s++)
			if (str_eq(*s, name))
				return 1;
	}
	return 0;
}

static int is_builtin_kind(const char *group, const char *name)
{
	for (size_t i = 0; i < kinds_count(); i++) {
		const struct kind *k = kind_at(i);
		size_t n = strlen(k->kind);

		if (!(k->flags & KIND_CUSTOM) && str_eq(k->group, group) &&
		    strncmp(k->kind, name, n) == 0 && (!name[n] || str_eq(name + n, "List")))
			return 1;
	}
	return 0;
}

static int has_resource(const struct value *names, const char *name)
{
	return str_eq(value_dig_str(names, "plural", NULL), name) ||
	       str_eq(value_dig_str(names, "singular", NULL), name) ||
	       has_string(value_get(names, "shortNames"), name);
}

static int has_kind(const struct value *names, const char *name)
{
	return str_eq(value_dig_str(names, "kind", NULL), name) ||
	       str_eq(value_dig_str(names, "listKind", NULL), name);
}

typedef int (*has_fn)(const struct value *names, const char *name);

static int others_have(const struct asking *a, const char *name, has_fn has)
{
	for (const struct definition *o = a->all; o; o = o->next)
		if (o != a->d && str_eq(value_dig_str(o->spec, "group", NULL), a->group) &&
		    has(o->accepted, name))
			return 1;
	return has == has_kind ? is_builtin_kind(a->group, name)
			       : is_builtin_resource(a->group, name);
}

/* -- asking -- */

static void object_to(struct asking *a, const char *reason, const char *name)
{
	a->d->conflict = reason;
	free(a->d->message);
	a->d->message = xasprintf("\"%s\" is already in use", name);
}

static void ask_one(struct asking *a, const char *key, const char *reason, has_fn has)
{
	const char *name = value_dig_str(a->d->spec, "names", key, NULL);

	if (!name || !*name)
		return;
	if (!str_eq(name, value_dig_str(a->accepted, key, NULL)) && others_have(a, name, has))
		object_to(a, reason, name);
	else
		a->accepted = value_set_str(a->accepted, key, name);
}

static void ask_short(struct asking *a)
{
	const struct value *names = value_dig(a->d->spec, "names", "shortNames", NULL),
			   *had = value_get(a->d->accepted, "shortNames");
	const char *taken = NULL;

	for (size_t i = 0; i < value_count(names); i++) {
		const char *name = value_str(value_at(names, i), "");

		if (!has_string(had, name) && others_have(a, name, has_resource))
			taken = name;
	}
	if (taken)
		object_to(a, "ShortNamesConflict", taken);
	else
		a->accepted = value_set(a->accepted, "shortNames", names ? value_ref(names) : NULL);
}

void naming_decide(struct definition *d, const struct definition *all)
{
	const struct value *categories = value_dig(d->spec, "names", "categories", NULL);
	struct asking a = {
		.d = d,
		.all = all,
		.group = value_str(value_get(d->spec, "group"), ""),
		.accepted = d->accepted ? value_ref(d->accepted) : value_new_map(),
	};

	d->conflict = NULL;
	ask_one(&a, "plural", "PluralConflict", has_resource);
	ask_one(&a, "singular", "SingularConflict", has_resource);
	ask_short(&a);
	ask_one(&a, "kind", "KindConflict", has_kind);
	ask_one(&a, "listKind", "ListKindConflict", has_kind);
	a.accepted = value_set(a.accepted, "categories", categories ? value_ref(categories) : NULL);
	value_unref(d->accepted);
	d->accepted = a.accepted;
	if (!d->conflict)
		d->established = 1;
}
