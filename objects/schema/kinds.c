/* SPDX-License-Identifier: MIT */
/*
 * The registry of kinds: finds a kind by what a path, a manifest or a command
 * says. Three hash tables over the compiled-in rows; a name that several kinds
 * have belongs to the first row (core before groups, the stored version first).
 */
#include "objects/schema/tables.h"

#include <ctype.h>
#include <stdio.h>

#include "objects/codec.h"
#include "util/log.h"
#include "util/strmap.h"

#define KEY_MAX 512

static struct strmap by_plural, by_gvk, by_name;
static char **api_versions, **resources;
static int ready;

static void parse_defaults(void)
{
	for (size_t i = 0; i < kinds_fields_n; i++) {
		for (size_t j = 0; j < kinds_fields[i].n; j++) {
			struct schema_field *f = &kinds_fields[i].list[j];
			struct err err = ERR_INIT;

			value_intern(f->name);
			if (!f->dflt_json)
				continue;
			f->dflt = json_parse(f->dflt_json, strlen(f->dflt_json), &err);
			if (!f->dflt) {
				log_error("default of %s: %s", f->name, err.msg);
				abort(); /* the build made it: a test would have seen this */
			}
		}
	}
}

/* Lower case, as names of resources are. */
static void set_name(const char *name, struct kind *k)
{
	char lower[KEY_MAX];
	size_t n = strlen(name);

	if (n >= sizeof(lower))
		return;
	for (size_t i = 0; i <= n; i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	if (!strmap_get(&by_name, lower))
		strmap_set(&by_name, lower, k);
}

static void add_kind(struct kind *k)
{
	char key[KEY_MAX];

	api_versions[k->index] =
		*k->group ? xasprintf("%s/%s", k->group, k->version) : xstrdup(k->version);
	resources[k->index] =
		*k->group ? xasprintf("%s.%s", k->plural, k->group) : xstrdup(k->plural);
	snprintf(key, sizeof(key), "%s/%s/%s", k->group, k->version, k->plural);
	strmap_set(&by_plural, key, k);
	snprintf(key, sizeof(key), "%s %s", api_versions[k->index], k->kind);
	strmap_set(&by_gvk, key, k);
	set_name(k->plural, k);
	set_name(k->singular, k);
	set_name(k->kind, k);
	set_name(resources[k->index], k);
}

void kinds_init(void)
{
	if (ready)
		return;
	ready = 1;
	parse_defaults();
	api_versions = xcalloc(kinds_table_n, sizeof(*api_versions));
	resources = xcalloc(kinds_table_n, sizeof(*resources));
	for (size_t i = 0; i < kinds_table_n; i++) {
		kinds_table[i].index = (unsigned)i;
		add_kind(&kinds_table[i]);
	}
	/* Short names last: a full name wins over somebody else's short one. */
	for (size_t i = 0; i < kinds_table_n; i++) {
		const char *const *s = kinds_table[i].short_names;

		for (; s && *s; s++)
			set_name(*s, &kinds_table[i]);
	}
}

size_t kinds_count(void)
{
	return kinds_table_n;
}

const struct kind *kind_at(size_t index)
{
	return index < kinds_table_n ? &kinds_table[index] : NULL;
}

const struct kind *kind_find(const char *group, const char *version, const char *plural)
{
	char key[KEY_MAX];
	int n;

	if (!group || !version || !plural)
		return NULL;
	n = snprintf(key, sizeof(key), "%s/%s/%s", str_eq(group, "core") ? "" : group, version,
		     plural);
	return n < 0 || (size_t)n >= sizeof(key) ? NULL : strmap_get(&by_plural, key);
}

const struct kind *kind_by_gvk(const char *api_version, const char *kind)
{
	char key[KEY_MAX];
	int n;

	if (!api_version || !kind)
		return NULL;
	n = snprintf(key, sizeof(key), "%s %s", api_version, kind);
	return n < 0 || (size_t)n >= sizeof(key) ? NULL : strmap_get(&by_gvk, key);
}

const struct kind *kind_by_name(const char *name)
{
	char lower[KEY_MAX];
	size_t n = name ? strlen(name) : 0;

	if (!n || n >= sizeof(lower))
		return NULL;
	for (size_t i = 0; i <= n; i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	return strmap_get(&by_name, lower);
}

const char *kind_api_version(const struct kind *k)
{
	return api_versions[k->index];
}

const char *kind_resource(const struct kind *k)
{
	return resources[k->index];
}
