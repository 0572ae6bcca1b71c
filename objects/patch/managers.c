/* SPDX-License-Identifier: MIT */
#include "objects/patch/managers.h"

#include <errno.h>

#define MAX_UPDATERS 10
#define MAX_FOREIGN  1000 /* nobody needs more, and they are looked up one by one */
#define ANCIENT      "ancient-changes"

static struct manager *append(struct managers *m)
{
	m->list = xreallocarray(m->list, m->n + 1, sizeof(*m->list));
	m->list[m->n] =
		(struct manager){.name = "", .api_version = "", .subresource = "", .time = ""};
	return &m->list[m->n++];
}

static int read_entry(const struct value *entry, struct manager *out)
{
	const char *operation = value_dig_str(entry, "operation", NULL);

	out->applies = str_eq(operation, "Apply");
	if (!out->applies && !str_eq(operation, "Update"))
		return -EINVAL;
	out->name = value_str(value_get(entry, "manager"), "");
	out->api_version = value_str(value_get(entry, "apiVersion"), "");
	out->subresource = value_str(value_get(entry, "subresource"), "");
	out->time = value_str(value_get(entry, "time"), "");
	return 0;
}

void managers_read(const struct value *managed, struct managers *out)
{
	*out = (struct managers){0};
	for (size_t i = 0; i < value_count(managed); i++) {
		const struct value *entry = value_at(managed, i),
				   *set = value_get(entry, "fieldsV1");
		struct manager m = {0};

		if (read_entry(entry, &m) || value_count(set) == 0)
			continue;
		m.entry = entry;
		m.was = set;
		m.set = value_ref(set);
		*append(out) = m;
	}
}

int managers_read_foreign(const struct value *managed, struct managers *out)
{
	*out = (struct managers){0};
	if (!value_is(managed, VALUE_LIST) || value_count(managed) > MAX_FOREIGN)
		return -EINVAL;
	for (size_t i = 0; i < value_count(managed); i++) {
		const struct value *entry = value_at(managed, i),
				   *set = value_get(entry, "fieldsV1");
		struct manager m = {0}, *known;
		struct value *fields;

		if (read_entry(entry, &m) || (set && fieldset_decode(set, &fields, NULL))) {
			managers_fini(out);
			return -EINVAL;
		}
		if (!set)
			continue;
		known = managers_get(out, m.name, m.applies, m.api_version, m.subresource);
		known->time = m.time;
		if (value_count(fields))
			fieldset_add(&known->set, fields);
		value_unref(fields);
	}
	return 0;
}

void managers_fini(struct managers *m)
{
	for (size_t i = 0; i < m->n; i++)
		value_unref(m->list[i].set);
	free(m->list);
	*m = (struct managers){0};
}

struct manager *managers_get(struct managers *m, const char *name, int applies,
			     const char *api_version, const char *subresource)
{
	struct manager *fresh;

	for (size_t i = 0; i < m->n; i++) {
		struct manager *one = &m->list[i];

		if (one->applies == applies && str_eq(one->name, name) &&
		    str_eq(one->subresource, subresource) &&
		    (applies || str_eq(one->api_version, api_version)))
			return one;
	}
	fresh = append(m);
	fresh->name = name;
	fresh->applies = applies;
	fresh->api_version = api_version;
	fresh->subresource = subresource;
	return fresh;
}

struct value *managers_union(const struct managers *m)
{
	struct value *all = NULL;

	for (size_t i = 0; i < m->n; i++)
		fieldset_add(&all, m->list[i].set);
	return all;
}

/* -- order, and the oldest -- */

static int cmp_managers(const void *a, const void *b)
{
	const struct manager *x = a, *y = b;
	int c = y->applies - x->applies; /* "Apply" sorts before "Update" */

	/* times are RFC 3339 in UTC: their order is that of their text */
	if (!c)
		c = strcmp(x->time, y->time);
	if (!c)
		c = strcmp(x->name, y->name);
	if (!c)
		c = strcmp(x->api_version, y->api_version);
	return c ? c : strcmp(x->subresource, y->subresource);
}

static void drop_empty(struct managers *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->n; i++) {
		if (value_count(m->list[i].set)) {
			m->list[kept++] = m->list[i];
			continue;
		}
		value_unref(m->list[i].set);
	}
	m->n = kept;
}

static size_t count_updaters(const struct managers *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += !m->list[i].applies;
	return n;
}

void managers_cap(struct managers *m)
{
	size_t n;

	drop_empty(m);
	n = count_updaters(m);
	if (n <= MAX_UPDATERS)
		return;
	qsort(m->list, m->n, sizeof(*m->list), cmp_managers);
	/* Fold from the oldest on; the fold itself is not folded again. */
	for (size_t i = 0; i < m->n && n > MAX_UPDATERS; i++) {
		struct manager *into, *old = &m->list[i];
		struct value *set;
		const char *version = old->api_version, *time = old->time;
		size_t before = m->n;

		if (old->applies || str_eq(old->name, ANCIENT))
			continue;
		set = STEAL(old->set);
		into = managers_get(m, ANCIENT, 0, version, "");
		n -= m->n == before;
		fieldset_add(&into->set, set);
		value_unref(set);
		if (strcmp(into->time, time) < 0)
			into->time = time;
	}
	drop_empty(m);
}

void manager_render(const struct manager *m, struct buf *out)
{
	buf_addf(out, "\"%s\"", m->name);
	if (*m->subresource)
		buf_addf(out, " with subresource \"%s\"", m->subresource);
	if (!m->applies)
		buf_addf(out, " using %s", m->api_version);
}

static struct value *write_one(const struct manager *m)
{
	struct value *entry;

	if (m->entry && m->set == m->was &&
	    str_eq(m->time, value_str(value_get(m->entry, "time"), "")) &&
	    str_eq(m->api_version, value_str(value_get(m->entry, "apiVersion"), "")))
		return value_ref(m->entry);
	entry = value_set_str(value_new_map(), "manager", m->name);
	entry = value_set_str(entry, "operation", m->applies ? "Apply" : "Update");
	entry = value_set_str(entry, "apiVersion", m->api_version);
	entry = value_set_str(entry, "fieldsType", "FieldsV1");
	entry = value_set(entry, "fieldsV1", value_ref(m->set));
	if (*m->subresource)
		entry = value_set_str(entry, "subresource", m->subresource);
	if (*m->time)
		entry = value_set_str(entry, "time", m->time);
	return entry;
}

struct value *managers_write(struct managers *m)
{
	struct value *out;

	drop_empty(m);
	if (!m->n)
		return NULL;
	qsort(m->list, m->n, sizeof(*m->list), cmp_managers);
	out = value_new_list();
	for (size_t i = 0; i < m->n; i++)
		out = value_append(out, write_one(&m->list[i]));
	return out;
}

/* -- comparing -- */

static int entries_alike(const struct value *a, const struct value *b)
{
	static const char *const keys[] = {"manager", "operation", "apiVersion", "subresource",
					   "fieldsV1"};

	if (a == b)
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (!value_equal(value_get(a, keys[i]), value_get(b, keys[i])))
			return 0;
	return 1;
}

/* The order may differ, as it follows the times: an entry is looked for, first where it should be.
 */
static int has_alike(const struct value *list, const struct value *entry, size_t near)
{
	if (near < value_count(list) && entries_alike(value_at(list, near), entry))
		return 1;
	for (size_t i = 0; i < value_count(list); i++)
		if (entries_alike(value_at(list, i), entry))
			return 1;
	return 0;
}

int managers_alike(const struct value *a, const struct value *b)
{
	if (a == b)
		return 1;
	if (value_count(a) != value_count(b))
		return 0;
	for (size_t i = 0; i < value_count(a); i++)
		if (!has_alike(b, value_at(a, i), i))
			return 0;
	return 1;
}
