/* SPDX-License-Identifier: MIT */
/*
 * The registry of kinds: finds a kind by what a path, a manifest or a command
 * says. The compiled-in rows come first, then those that CustomResourceDefinitions make at run
 * time; a name that several kinds have belongs to the first (core before groups, the preferred
 * version first, definitions by age).
 *
 * Readers take no lock: the table of kinds and the tables of names only ever grow, and what an
 * entry leads to is one atomic word.
 */
#include "objects/conversion/views.h"
#include "objects/schema/registry.h"
#include "objects/schema/tables.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "objects/codec.h"
#include "objects/schema/names.h"
#include "util/log.h"

#define KEY_MAX 512

static struct names by_plural, by_gvk, by_name;
static const struct kind *_Atomic kinds[KINDS_MAX];
static _Atomic size_t n_kinds;
static pthread_mutex_t reserving = PTHREAD_MUTEX_INITIALIZER; /* who adds to kinds */
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

/* -- names -- */

static int is_named(const struct kind *k)
{
	return !(k->flags & (KIND_GONE | KIND_VIEW)) || !(k->flags & KIND_CUSTOM);
}

/* Lower case, as names of resources are. Return: 0 when it is too long for one. */
static int lower_case(const char *name, char out[KEY_MAX])
{
	size_t n = strlen(name);

	if (!n || n >= KEY_MAX)
		return 0;
	for (size_t i = 0; i <= n; i++)
		out[i] = (char)tolower((unsigned char)name[i]);
	return 1;
}

/* taken_names: whose entries lead somewhere already, in this round. */
static void set_name(struct names *taken_names, const char *name, const struct kind *k)
{
	char lower[KEY_MAX];

	if (!lower_case(name, lower) || names_get(taken_names, lower))
		return;
	names_set(taken_names, lower, k);
}

static void set_full_names(struct names *to, const struct kind *k)
{
	set_name(to, k->plural, k);
	set_name(to, k->singular, k);
	set_name(to, k->kind, k);
	set_name(to, k->resource, k);
}

static void set_short_names(struct names *to, const struct kind *k)
{
	for (const char *const *s = k->short_names; s && *s; s++)
		set_name(to, *s, k);
}

/* Where the names of all kinds lead now. Short names last: a full name wins over somebody else's
 * short one. */
static void name_all(struct names *to)
{
	for (size_t i = 0; i < kinds_count(); i++)
		if (is_named(kinds[i]))
			set_full_names(to, kinds[i]);
	for (size_t i = 0; i < kinds_count(); i++)
		if (is_named(kinds[i]))
			set_short_names(to, kinds[i]);
}

static void names_drop(struct names *n)
{
	for (size_t i = 0; i < NAMES_BUCKETS; i++) {
		for (struct name_entry *e = n->bucket[i], *next; e; e = next) {
			next = e->next;
			free((char *)(uintptr_t)e->key);
			free(e);
		}
	}
	free(n);
}

void kinds_rename(void)
{
	struct names *fresh = xcalloc(1, sizeof(*fresh));

	name_all(fresh);
	for (size_t i = 0; i < NAMES_BUCKETS; i++) {
		for (struct name_entry *e = fresh->bucket[i]; e; e = e->next)
			names_set(&by_name, e->key, e->kind);
		for (struct name_entry *e = by_name.bucket[i]; e; e = e->next)
			if (e->kind && !names_get(fresh, e->key))
				e->kind = NULL;
	}
	names_drop(fresh);
}

/* -- the table -- */

static void lead_to(const struct kind *k, const struct kind *target)
{
	char key[KEY_MAX];

	snprintf(key, sizeof(key), "%s/%s/%s", k->group, k->version, k->plural);
	names_set(&by_plural, key, target);
	snprintf(key, sizeof(key), "%s %s", k->api_version, k->kind);
	names_set(&by_gvk, key, target);
}

/* reserving held, or before threads. */
static void add_kind(struct kind *k)
{
	size_t index = n_kinds;

	k->index = (unsigned)index;
	k->api_version = *k->group ? xasprintf("%s/%s", k->group, k->version) : xstrdup(k->version);
	k->resource = *k->group ? xasprintf("%s.%s", k->plural, k->group) : xstrdup(k->plural);
	if (!k->home)
		k->home = k;
	kinds[index] = k;
	n_kinds = index + 1; /* seen from here on */
}

static struct kind *own(const struct kind *k);

static void make_view(struct kind *k)
{
	struct kind *stored = own(kind_by_gvk(k->view_of, k->kind));

	k->home = stored;
	k->flags |= KIND_VIEW | KIND_SHARED;
	stored->flags |= KIND_SHARED;
}

void kinds_init(void)
{
	if (ready)
		return;
	ready = 1;
	parse_defaults();
	for (size_t i = 0; i < kinds_table_n; i++) {
		kinds_table[i].stored = &kinds_table[i];
		add_kind(&kinds_table[i]);
		lead_to(&kinds_table[i], &kinds_table[i]);
	}
	for (size_t i = 0; i < kinds_table_n; i++)
		if (kinds_table[i].view)
			make_view(&kinds_table[i]);
	name_all(&by_name);
}

/* -- kinds made at run time -- */

/* The identity itself, or (home_out) another version of its resource. */
static const struct kind *find_identity(const struct kind_identity *id,
					const struct kind **home_out)
{
	*home_out = NULL;
	for (size_t i = kinds_table_n; i < kinds_count(); i++) {
		const struct kind *k = kinds[i];

		if (!str_eq(k->plural, id->plural) || !str_eq(k->group, id->group) ||
		    !str_eq(k->kind, id->kind) || !(k->flags & KIND_NAMESPACED) != !id->namespaced)
			continue;
		if (str_eq(k->version, id->version))
			return k;
		*home_out = k->home;
	}
	return NULL;
}

static const struct kind *make_kind(const struct kind_identity *id, const struct kind *home)
{
	struct kind *k = xcalloc(1, sizeof(*k));

	k->group = xstrdup(id->group);
	k->version = xstrdup(id->version);
	k->kind = xstrdup(id->kind);
	k->plural = xstrdup(id->plural);
	k->singular = k->plural;
	k->flags = KIND_CUSTOM | KIND_GONE | KIND_VIRTUAL |
		   (id->namespaced ? (unsigned)KIND_NAMESPACED : 0);
	k->name_format = FORMAT_DNS_SUBDOMAIN;
	k->home = home ? home : k;
	k->stored = k;
	add_kind(k);
	return k;
}

const struct kind *kind_reserve(const struct kind_identity *id, struct err *err)
{
	const struct kind *k, *home;

	pthread_mutex_lock(&reserving);
	k = find_identity(id, &home);
	if (!k && n_kinds < KINDS_MAX)
		k = make_kind(id, home);
	pthread_mutex_unlock(&reserving);
	if (!k)
		err_set(err, ENOSPC, "there are %u kinds already", KINDS_MAX);
	return k;
}

/* Who makes kinds may change what readers hold as const. */
static struct kind *own(const struct kind *k)
{
	return (struct kind *)(uintptr_t)k;
}

void kind_show(const struct kind *ck, const struct kind_state *s)
{
	struct kind *k = own(ck);
	unsigned hidden = s->flags & KIND_GONE ? KIND_VIRTUAL : 0;

	k->schema = s->schema;
	k->columns = s->columns;
	k->selectable = s->selectable;
	k->scale = s->scale;
	k->singular = s->singular;
	k->short_names = s->short_names;
	k->categories = s->categories;
	k->flags = s->flags | hidden | KIND_CUSTOM | (k->flags & KIND_NAMESPACED);
	lead_to(k, hidden ? NULL : k);
}

void kind_hide(const struct kind *ck)
{
	struct kind *k = own(ck);

	k->flags |= KIND_GONE | KIND_VIRTUAL;
	lead_to(k, NULL);
}

void kind_store_as(const struct kind *k)
{
	own(k->home)->stored = k;
}

void kind_convert_by(const struct kind *k, unsigned number)
{
	own(k->home)->conversion = number;
}

/* -- looking up -- */

size_t kinds_count(void)
{
	return n_kinds;
}

const struct kind *kind_at(size_t index)
{
	return index < n_kinds ? kinds[index] : NULL;
}

const struct kind *kind_find(const char *group, const char *version, const char *plural)
{
	char key[KEY_MAX];
	int n;

	if (!group || !version || !plural)
		return NULL;
	n = snprintf(key, sizeof(key), "%s/%s/%s", str_eq(group, "core") ? "" : group, version,
		     plural);
	return n < 0 || (size_t)n >= sizeof(key) ? NULL : names_get(&by_plural, key);
}

const struct kind *kind_by_gvk(const char *api_version, const char *kind)
{
	char key[KEY_MAX];
	int n;

	if (!api_version || !kind)
		return NULL;
	n = snprintf(key, sizeof(key), "%s %s", api_version, kind);
	return n < 0 || (size_t)n >= sizeof(key) ? NULL : names_get(&by_gvk, key);
}

const struct kind *kind_by_name(const char *name)
{
	char lower[KEY_MAX];

	return name && lower_case(name, lower) ? names_get(&by_name, lower) : NULL;
}

const char *kind_api_version(const struct kind *k)
{
	return k->api_version;
}

const char *kind_resource(const struct kind *k)
{
	return k->resource;
}

/* -- versions -- */

struct value *kind_convert(const struct kind *to, struct value *taken)
{
	const char *version = value_dig_str(taken, "apiVersion", NULL);
	const struct kind *from;

	if (str_eq(version, to->api_version))
		return taken;
	from = to->flags & KIND_SHARED ? kind_by_gvk(version, to->kind) : NULL;
	if (from && from->view)
		taken = from->view->to_stored(taken);
	if (to->view)
		taken = to->view->from_stored(taken);
	return value_set_str(taken, "apiVersion", to->api_version);
}

const struct kind *kind_next_version(const struct kind *of, const struct kind *k)
{
	size_t i = k ? k->index + 1 : of->flags & KIND_SHARED ? 0 : of->home->index;

	if (!(of->flags & (KIND_CUSTOM | KIND_SHARED)))
		return k ? NULL : of;
	for (; i < kinds_count(); i++)
		if (kinds[i]->home == of->home)
			return kinds[i];
	return NULL;
}
