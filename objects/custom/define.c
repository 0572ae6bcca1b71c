/* SPDX-License-Identifier: MIT */
/* Definitions as kinds in the registry. */
#include "objects/custom/definition.h"

#include <pthread.h>

#include "objects/schema/registry.h"
#include "util/log.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct definition *all;                 /* lock; oldest first */
static struct arena for_ever;                  /* lock; names that kinds point to */
static const struct custom_version **replaced; /* lock; readers may still hold on to them */
static size_t n_replaced;
static unsigned n_conversions; /* lock; states of definitions that convert by a webhook */

int custom_is_definition(const struct kind *k)
{
	return !(k->flags & KIND_CUSTOM) && str_eq(k->kind, "CustomResourceDefinition") &&
	       str_eq(k->group, "apiextensions.k8s.io");
}

/* -- the list -- */

static struct definition *find(const char *name)
{
	struct definition *d = all;

	while (d && !str_eq(d->name, name))
		d = d->next;
	return d;
}

static struct definition *find_or_add(const char *name)
{
	struct definition **at = &all;

	while (*at && !str_eq((*at)->name, name))
		at = &(*at)->next;
	if (!*at) {
		*at = xcalloc(1, sizeof(**at));
		(*at)->name = xstrdup(name);
	}
	return *at;
}

static void definition_free(struct definition *d)
{
	free(d->name);
	free(d->message);
	free(d->shown);
	value_unref(d->spec);
	value_unref(d->accepted);
	free(d);
}

static struct definition *take(const struct value *obj)
{
	const char *name = value_dig_str(obj, "metadata", "name", NULL);
	const struct value *spec = value_get(obj, "spec");
	struct definition *d;

	if (!name || !value_is(spec, VALUE_MAP))
		return NULL;
	d = find_or_add(name);
	value_unref(d->spec);
	d->spec = value_ref(spec);
	return d;
}

/* -- showing -- */

static int same_strings(const char *const *have, const struct value *want)
{
	size_t n = value_count(want), i = 0;

	for (; have && have[i]; i++)
		if (i >= n || !str_eq(have[i], value_str(value_at(want, i), NULL)))
			return 0;
	return i == n;
}

/* The strings of a list for ever; those that the kind has already, if they are the same. */
static const char *const *keep_strings(const char *const *have, const struct value *want)
{
	const char **out;
	size_t n = 0;

	if (same_strings(have, want))
		return have;
	if (!value_count(want))
		return NULL;
	out = arena_alloc(&for_ever, value_count(want) + 1, sizeof(*out));
	for (size_t i = 0; i < value_count(want); i++)
		out[n++] = arena_strdup(&for_ever, value_str(value_at(want, i), ""));
	return out;
}

static const char *keep_string(const char *have, const char *want)
{
	return str_eq(have, want) || !want ? have : arena_strdup(&for_ever, want);
}

static struct shown *shown_as(struct definition *d, const struct kind *k)
{
	for (size_t i = 0; i < d->n_shown; i++)
		if (d->shown[i].kind == k)
			return &d->shown[i];
	d->shown = xreallocarray(d->shown, d->n_shown + 1, sizeof(*d->shown));
	d->shown[d->n_shown] = (struct shown){k, NULL};
	return &d->shown[d->n_shown++];
}

static void retire(const struct custom_version *taken)
{
	if (!taken)
		return;
	replaced = xreallocarray(replaced, n_replaced + 1, sizeof(*replaced));
	replaced[n_replaced++] = taken;
}

static void show(struct definition *d, struct shown *s, const struct value *version,
		 unsigned more_flags)
{
	const struct custom_version *v = custom_compile(version);
	const struct kind *k = s->kind;

	if (v == s->version) {
		custom_version_unref(v);
	} else {
		retire(s->version);
		s->version = v;
	}
	kind_show(k, &(struct kind_state){
			     .schema = s->version->schema,
			     .columns = s->version->columns,
			     .selectable = s->version->selectable,
			     .scale = s->version->scale,
			     .singular = keep_string(k->singular,
						     value_dig_str(d->accepted, "singular", NULL)),
			     .short_names = keep_strings(k->short_names,
							 value_get(d->accepted, "shortNames")),
			     .categories = keep_strings(k->categories,
							value_get(d->accepted, "categories")),
			     .flags = s->version->flags | more_flags,
		     });
}

static int is_served(const struct value *version)
{
	return value_bool(value_get(version, "served"), 0);
}

static const char *name_of(const struct value *version)
{
	return value_str(value_get(version, "name"), "");
}

/* The version that short names lead to. NULL: none is served. */
static const char *preferred(const struct value *versions)
{
	const char *best = NULL;

	for (size_t i = 0; i < value_count(versions); i++) {
		const struct value *v = value_at(versions, i);

		if (is_served(v) && (!best || version_compare(name_of(v), best) < 0))
			best = name_of(v);
	}
	return best;
}

static const struct kind *kind_of(const struct value *spec, const struct value *version)
{
	struct err err = ERR_INIT;
	const struct kind_identity id = {
		.group = value_str(value_get(spec, "group"), ""),
		.version = name_of(version),
		.kind = value_str(value_dig(spec, "names", "kind", NULL), ""),
		.plural = value_str(value_dig(spec, "names", "plural", NULL), ""),
		.namespaced = str_eq(value_str(value_get(spec, "scope"), ""), "Namespaced"),
	};
	const struct kind *k = kind_reserve(&id, &err);

	if (!k)
		log_error("%s.%s: %s", id.plural, id.group, err.msg);
	return k;
}

static void show_versions(struct definition *d)
{
	const struct value *versions = value_get(d->spec, "versions");
	const char *best = preferred(versions);

	for (size_t i = 0; i < value_count(versions); i++) {
		const struct value *v = value_at(versions, i);
		const struct kind *k = kind_of(d->spec, v);
		unsigned flags = 0;

		if (!k)
			continue;
		if (!is_served(v) || !d->established)
			flags |= KIND_GONE;
		if (!str_eq(name_of(v), best))
			flags |= KIND_VIEW;
		show(d, shown_as(d, k), v, flags);
		if (value_bool(value_get(v, "storage"), 0))
			kind_store_as(k);
	}
}

static int converts_by_webhook(const struct value *spec)
{
	return str_eq(value_dig_str(spec, "conversion", "strategy", NULL), "Webhook");
}

static void show_conversion(struct definition *d)
{
	unsigned number = converts_by_webhook(d->spec) ? ++n_conversions : 0;

	for (size_t i = 0; i < d->n_shown; i++)
		kind_convert_by(d->shown[i].kind, number);
}

static int has_version(const struct definition *d, const struct kind *k)
{
	const struct value *versions = value_get(d->spec, "versions");
	int namespaced = str_eq(value_dig_str(d->spec, "scope", NULL), "Namespaced");

	if (!str_eq(value_dig_str(d->spec, "names", "kind", NULL), k->kind) ||
	    namespaced != !!(k->flags & KIND_NAMESPACED))
		return 0;
	for (size_t i = 0; i < value_count(versions); i++)
		if (str_eq(name_of(value_at(versions, i)), k->version))
			return 1;
	return 0;
}

/* First what goes: it may be in the way of what comes. */
static void show_definition(struct definition *d)
{
	for (size_t i = 0; i < d->n_shown; i++)
		if (!has_version(d, d->shown[i].kind))
			kind_hide(d->shown[i].kind);
	show_versions(d);
	show_conversion(d);
}

/* Names may have become free for those who asked in vain. */
static void ask_again(const struct definition *except)
{
	for (struct definition *d = all; d; d = d->next) {
		if (d == except || !d->conflict || !d->spec)
			continue;
		naming_decide(d, all);
		show_definition(d);
	}
}

/* -- the doors -- */

void custom_claim(const struct value *obj)
{
	const struct value *names = value_dig(obj, "status", "acceptedNames", NULL),
			   *conditions = value_dig(obj, "status", "conditions", NULL);
	struct definition *d;

	pthread_mutex_lock(&lock);
	d = take(obj);
	if (d && value_strlen(value_get(names, "plural"))) {
		value_unref(d->accepted);
		d->accepted = value_ref(names);
	}
	for (size_t i = 0; d && i < value_count(conditions); i++) {
		const struct value *c = value_at(conditions, i);

		if (str_eq(value_dig_str(c, "type", NULL), "Established") &&
		    str_eq(value_dig_str(c, "status", NULL), "True"))
			d->established = 1;
	}
	pthread_mutex_unlock(&lock);
}

void custom_define(const struct value *obj)
{
	struct definition *d;

	pthread_mutex_lock(&lock);
	d = take(obj);
	if (d) {
		naming_decide(d, all);
		show_definition(d);
		ask_again(d);
		kinds_rename();
	}
	pthread_mutex_unlock(&lock);
}

void custom_undefine(const char *name)
{
	struct definition **at = &all, *d;

	pthread_mutex_lock(&lock);
	while (*at && !str_eq((*at)->name, name))
		at = &(*at)->next;
	d = *at;
	if (d) {
		*at = d->next;
		for (size_t i = 0; i < d->n_shown; i++) {
			kind_hide(d->shown[i].kind);
			retire(d->shown[i].version);
		}
		definition_free(d);
		ask_again(NULL);
		kinds_rename();
	}
	pthread_mutex_unlock(&lock);
}

/* -- what became of it -- */

static struct value *condition(const char *type, int is_true, const char *reason,
			       const char *message)
{
	struct value *c = value_set_str(value_new_map(), "type", type);

	c = value_set_str(c, "status", is_true ? "True" : "False");
	c = value_set_str(c, "reason", reason);
	return value_set_str(c, "message", message);
}

struct value *custom_status(const char *name)
{
	struct value *status = NULL, *list = value_new_list();
	const struct definition *d;

	pthread_mutex_lock(&lock);
	d = find(name);
	if (d && d->accepted) {
		list = value_append(list,
				    condition("NamesAccepted", !d->conflict,
					      d->conflict ? d->conflict : "NoConflicts",
					      d->conflict ? d->message : "no conflicts found"));
		list = value_append(
			list, d->established ? condition("Established", 1, "InitialNamesAccepted",
							 "the initial names have been accepted")
					     : condition("Established", 0, "NotAccepted",
							 "not all names are accepted"));
		status = value_set(value_new_map(), "acceptedNames", value_ref(d->accepted));
		status = value_set(status, "conditions", STEAL(list));
	}
	pthread_mutex_unlock(&lock);
	value_unref(list);
	return status;
}

const struct kind *custom_stored(const char *name)
{
	const struct kind *k = NULL;
	const struct definition *d;

	pthread_mutex_lock(&lock);
	d = find(name);
	if (d && d->n_shown)
		k = d->shown[0].kind->home->stored;
	pthread_mutex_unlock(&lock);
	return k;
}

struct value *custom_conversion(const struct kind *k)
{
	struct value *webhook = NULL;
	const struct definition *d;

	if (!k->home->conversion)
		return NULL;
	pthread_mutex_lock(&lock);
	d = find(kind_resource(k));
	if (d && converts_by_webhook(d->spec))
		webhook = value_ref(value_dig(d->spec, "conversion", "webhook", NULL));
	pthread_mutex_unlock(&lock);
	return webhook;
}
