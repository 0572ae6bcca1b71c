/* SPDX-License-Identifier: MIT */
#include "auth/rules.h"

#include <errno.h>
#include <stdio.h>

#include "util/strmap.h"

/* One PolicyRule. Strings are borrowed from the value that the table holds. */
struct rule {
	unsigned verbs; /* bits of the well-known ones */
	const struct value *other_verbs, *names, *urls;
};

struct item {
	uint64_t key;
	const char *group, *resource;
	const struct rule *rule; /* owned by the table or by one of its parts */
};

struct rules {
	_Atomic unsigned refs;
	struct value *source; /* owned; NULL when merged */
	struct rule *rules;   /* owned */
	size_t n_rules;
	struct item *items; /* owned; sorted by key */
	size_t n_items;
	const struct rule **paths; /* owned: rules with nonResourceURLs */
	size_t n_paths;
	struct rules **parts; /* owned references, when merged */
	size_t n_parts;
};

static const char *const known_verbs[] = {"get",    "list",  "watch",  "create",
					  "update", "patch", "delete", "deletecollection"};

/* create, deletecollection: done without knowing a name */
#define BLIND_VERBS (1u << 3 | 1u << 7)

const char access_any[] = "*";

static unsigned verb_bit(const char *verb)
{
	for (unsigned i = 0; i < ARRAY_LEN(known_verbs); i++)
		if (strcmp(known_verbs[i], verb) == 0)
			return 1u << i;
	return 0;
}

static uint64_t key_of(const char *group, const char *resource)
{
	return hash_bytes64(resource, strlen(resource),
			    hash_bytes64(group, strlen(group) + 1, 0x72626163));
}

static const char *string_at(const struct value *list, size_t i)
{
	return value_str(value_at(list, i), "");
}

static int has(const struct value *list, const char *word)
{
	for (size_t i = 0; i < value_count(list); i++)
		if (strcmp(string_at(list, i), word) == 0)
			return 1;
	return 0;
}

/* -- making -- */

static struct rule compile(const struct value *v)
{
	const struct value *verbs = value_get(v, "verbs");
	struct rule r = {.other_verbs = verbs,
			 .names = value_get(v, "resourceNames"),
			 .urls = value_get(v, "nonResourceURLs")};

	for (size_t i = 0; i < value_count(verbs); i++)
		r.verbs |=
			strcmp(string_at(verbs, i), "*") == 0 ? ~0u : verb_bit(string_at(verbs, i));
	return r;
}

static int by_key(const void *a, const void *b)
{
	uint64_t x = ((const struct item *)a)->key, y = ((const struct item *)b)->key;

	return x < y ? -1 : x > y;
}

static size_t count_items(const struct value *list)
{
	size_t n = 0;

	for (size_t i = 0; i < value_count(list); i++)
		n += value_count(value_get(value_at(list, i), "apiGroups")) *
		     value_count(value_get(value_at(list, i), "resources"));
	return n;
}

static void add_items(struct rules *r, const struct value *v, const struct rule *rule)
{
	const struct value *groups = value_get(v, "apiGroups"),
			   *resources = value_get(v, "resources");

	for (size_t g = 0; g < value_count(groups); g++)
		for (size_t i = 0; i < value_count(resources); i++)
			r->items[r->n_items++] =
				(struct item){key_of(string_at(groups, g), string_at(resources, i)),
					      string_at(groups, g), string_at(resources, i), rule};
	if (value_count(rule->urls))
		r->paths[r->n_paths++] = rule;
}

struct rules *rules_new(const struct value *list)
{
	struct rules *r = xcalloc(1, sizeof(*r));

	r->refs = 1;
	r->source = value_ref(list);
	r->n_rules = value_is(list, VALUE_LIST) ? value_count(list) : 0;
	r->rules = xcalloc(r->n_rules + 1, sizeof(*r->rules));
	r->paths = xcalloc(r->n_rules + 1, sizeof(struct rule *));
	r->items = xcalloc((r->n_rules ? count_items(list) : 0) + 1, sizeof(*r->items));
	for (size_t i = 0; i < r->n_rules; i++) {
		r->rules[i] = compile(value_at(list, i));
		add_items(r, value_at(list, i), &r->rules[i]);
	}
	qsort(r->items, r->n_items, sizeof(*r->items), by_key);
	return r;
}

struct rules *rules_merge(struct rules *const *list, size_t n)
{
	struct rules *r = xcalloc(1, sizeof(*r));
	size_t items = 0, paths = 0;

	for (size_t i = 0; i < n; i++) {
		items += list[i]->n_items;
		paths += list[i]->n_paths;
	}
	r->refs = 1;
	r->items = xcalloc(items + 1, sizeof(*r->items));
	r->paths = xcalloc(paths + 1, sizeof(struct rule *));
	r->parts = xcalloc(n + 1, sizeof(struct rules *));
	for (size_t i = 0; i < n; i++) {
		r->parts[r->n_parts++] = rules_ref(list[i]);
		for (size_t j = 0; j < list[i]->n_items; j++)
			r->items[r->n_items++] = list[i]->items[j];
		for (size_t j = 0; j < list[i]->n_paths; j++)
			r->paths[r->n_paths++] = list[i]->paths[j];
	}
	qsort(r->items, r->n_items, sizeof(*r->items), by_key);
	return r;
}

struct rules *rules_ref(struct rules *r)
{
	r->refs++;
	return r;
}

void rules_unref(struct rules *r)
{
	if (!r || --r->refs)
		return;
	for (size_t i = 0; i < r->n_parts; i++)
		rules_unref(r->parts[i]);
	free(r->parts);
	free(r->items);
	free(r->paths);
	free(r->rules);
	value_unref(r->source);
	free(r);
}

/* -- asking -- */

int question_init(struct question *q, const struct access *what)
{
	const char *sub = what->subresource ? what->subresource : "";
	size_t room = sizeof(q->combined);
	int n;

	q->what = what;
	q->verb = verb_bit(what->verb);
	q->n_keys = 0;
	q->any[0] = '\0';
	if (what->path)
		return 0;
	n = snprintf(q->combined, room, "%s%s%s", what->resource, *sub ? "/" : "", sub);
	if (n < 0 || (size_t)n >= room || strlen(sub) > sizeof(q->any) - 3)
		return -ENAMETOOLONG;
	for (int all = 0; all < 2; all++) {
		const char *group = all ? "*" : what->group;

		q->keys[q->n_keys++] = key_of(group, q->combined);
		q->keys[q->n_keys++] = key_of(group, "*");
		if (*sub) {
			snprintf(q->any, sizeof(q->any), "*/%s", sub);
			q->keys[q->n_keys++] = key_of(group, q->any);
		}
	}
	return 0;
}

static int verb_matches(const struct rule *r, const struct question *q)
{
	return q->verb ? (r->verbs & q->verb) != 0
		       : r->verbs == ~0u || has(r->other_verbs, q->what->verb);
}

static int name_matches(const struct rule *r, const struct question *q)
{
	const char *name = q->what->name ? q->what->name : "";

	return name == access_any || !value_count(r->names) || has(r->names, name);
}

/* Two pairs may share a hash: the words decide. */
static int item_matches(const struct item *i, const struct question *q)
{
	return verb_matches(i->rule, q) && name_matches(i->rule, q) &&
	       (strcmp(i->group, "*") == 0 || strcmp(i->group, q->what->group) == 0) &&
	       (strcmp(i->resource, "*") == 0 || strcmp(i->resource, q->combined) == 0 ||
		(q->any[0] && strcmp(i->resource, q->any) == 0));
}

static size_t first_of(const struct rules *r, uint64_t key)
{
	size_t lo = 0, hi = r->n_items;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->items[mid].key < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int url_matches(const char *rule, const char *path)
{
	size_t n = strlen(rule);

	/* Kubernetes trims every star at the end */
	if (n && rule[n - 1] == '*') {
		while (n && rule[n - 1] == '*')
			n--;
		return strncmp(rule, path, n) == 0;
	}
	return strcmp(rule, path) == 0;
}

static int path_allowed(const struct rules *r, const struct question *q)
{
	for (size_t i = 0; i < r->n_paths; i++) {
		const struct value *urls = r->paths[i]->urls;

		if (!verb_matches(r->paths[i], q))
			continue;
		for (size_t u = 0; u < value_count(urls); u++)
			if (url_matches(string_at(urls, u), q->what->path))
				return 1;
	}
	return 0;
}

int rules_allow(const struct rules *r, const struct question *q)
{
	if (q->what->path)
		return path_allowed(r, q);
	for (size_t k = 0; k < q->n_keys; k++)
		for (size_t i = first_of(r, q->keys[k]);
		     i < r->n_items && r->items[i].key == q->keys[k]; i++)
			if (item_matches(&r->items[i], q))
				return 1;
	return 0;
}

static int resource_touches(const char *rule, const char *resource)
{
	size_t n = strlen(resource);

	return strcmp(rule, "*") == 0 || str_starts(rule, "*/") ||
	       (strncmp(rule, resource, n) == 0 && (rule[n] == '\0' || rule[n] == '/'));
}

static int item_touches(const struct item *i, const char *group, const char *resource,
			const char *name)
{
	const struct rule *r = i->rule;

	if ((strcmp(i->group, "*") != 0 && strcmp(i->group, group) != 0) ||
	    !resource_touches(i->resource, resource) || !value_count(r->other_verbs))
		return 0;
	if (name == access_any)
		return 1;
	if (value_count(r->names) && !has(r->names, name))
		return 0;
	/* whoever may `create pods/exec` must get at the pod */
	return strchr(i->resource, '/') || (r->verbs & ~BLIND_VERBS);
}

int rules_touch(const struct rules *r, const char *group, const char *resource, const char *name)
{
	for (size_t i = 0; i < r->n_items; i++)
		if (item_touches(&r->items[i], group, resource, name))
			return 1;
	return 0;
}

int rules_name(const struct rules *r, const char *group, const char *resource)
{
	for (size_t i = 0; i < r->n_items; i++)
		if (value_count(r->items[i].rule->names) &&
		    item_touches(&r->items[i], group, resource, access_any))
			return 1;
	return 0;
}

void rules_sources(const struct rules *r, void (*fn)(void *arg, const struct value *list),
		   void *arg)
{
	if (r->source)
		fn(arg, r->source);
	for (size_t i = 0; i < r->n_parts; i++)
		rules_sources(r->parts[i], fn, arg);
}
