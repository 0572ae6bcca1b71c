/* SPDX-License-Identifier: MIT */
/* Kinds of definitions that are not stored yet. */
#include "objects/custom/custom_i.h"
#include "objects/schema/registry.h"

struct draft {
	struct kind kind;
	const struct custom_version *version; /* owned reference */
};

static const struct value *find_version(const struct value *spec, const char *api_version)
{
	const struct value *versions = value_get(spec, "versions");
	const char *group = value_str(value_get(spec, "group"), "");
	size_t n = strlen(group);

	if (strncmp(api_version, group, n) != 0 || api_version[n] != '/')
		return NULL;
	for (size_t i = 0; i < value_count(versions); i++) {
		const struct value *v = value_at(versions, i);

		if (str_eq(value_str(value_get(v, "name"), NULL), api_version + n + 1) &&
		    value_bool(value_get(v, "served"), 0))
			return v;
	}
	return NULL;
}

static struct kind *make(const struct kind *settled, const struct value *version)
{
	struct draft *d = xcalloc(1, sizeof(*d));
	struct kind *k = &d->kind;

	d->version = custom_compile(version);
	k->group = settled->group;
	k->version = settled->version;
	k->kind = settled->kind;
	k->plural = settled->plural;
	k->singular = settled->plural;
	k->flags = d->version->flags | KIND_CUSTOM | (settled->flags & KIND_NAMESPACED);
	k->name_format = settled->name_format;
	k->schema = d->version->schema;
	k->columns = d->version->columns;
	k->selectable = d->version->selectable;
	k->scale = d->version->scale;
	k->index = settled->index;
	k->api_version = settled->api_version;
	k->resource = settled->resource;
	k->home = settled->home;
	k->stored = settled;
	k->draft_of = settled;
	return k;
}

struct kind *custom_draft(const struct value *definition, const char *api_version, const char *kind,
			  struct err *err)
{
	const struct value *spec = value_get(definition, "spec");
	const struct value *version = find_version(spec, api_version);
	const struct kind *settled;

	if (!version || !str_eq(value_str(value_dig(spec, "names", "kind", NULL), NULL), kind))
		return NULL;
	settled = kind_reserve(
		&(struct kind_identity){
			.group = value_str(value_get(spec, "group"), ""),
			.version = value_str(value_get(version, "name"), ""),
			.kind = kind,
			.plural = value_str(value_dig(spec, "names", "plural", NULL), ""),
			.namespaced = str_eq(value_str(value_get(spec, "scope"), ""), "Namespaced"),
		},
		err);
	return settled ? make(settled, version) : NULL;
}

void custom_draft_free(struct kind *draft)
{
	struct draft *d = draft ? CONTAINER_OF(draft, struct draft, kind) : NULL;

	if (!d)
		return;
	custom_version_unref(d->version);
	free(d);
}
