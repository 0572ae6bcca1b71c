/* SPDX-License-Identifier: MIT */
#include "auth/snapshot.h"

#include <stdio.h>

#include "util/strmap.h"

/* Past so many tables of one subject in one namespace they are merged into one. */
#define TABLES_MAX 4

struct scope {
	const char *ns;        /* "": everywhere; borrowed from subject's binding */
	struct rules **tables; /* owned references */
	size_t n;
};

struct subject {
	enum subject_type type;
	const char *name;
	struct scope *scopes; /* owned; sorted by ns, so that "" is first */
	size_t n;
};

struct role {
	struct object *o; /* owned reference */
	struct rules *rules;
};

struct snapshot {
	_Atomic unsigned refs;
	struct strmap roles;    /* "<ns>/<name>" -> struct role, owned; "" for ClusterRoles */
	struct strmap index[2]; /* by enum subject_type: name -> struct subject, owned */
	char **strings;         /* owned: names that are put together */
	size_t n_strings;
	struct object_list bindings[2]; /* whose strings are borrowed */
};

/* While it is made: one line a subject of a binding. */
struct grant {
	enum subject_type type;
	const char *name, *ns;
	struct rules *rules; /* borrowed from the role */
};

struct maker {
	struct snapshot *s;
	const struct objkey *without; /* a binding to leave out, NULL: none */
	struct grant *list;
	size_t n, cap;
};

static const struct kind *rbac_kind(const char *plural)
{
	return kind_find("rbac.authorization.k8s.io", "v1", plural);
}

static const char *str_of(const struct value *v, const char *key)
{
	return value_str(value_get(v, key), "");
}

/* -- roles -- */

static void role_key(const char *ns, const char *name, struct buf *out)
{
	buf_addf(out, "%s/%s", ns, name);
}

static void add_role(struct snapshot *s, const struct snapshot *prev, struct object *o)
{
	CLEANUP(buf_fini) struct buf key = BUF_INIT;
	struct role *r = xcalloc(1, sizeof(*r)), *was;

	role_key(o->ns, o->name, &key);
	was = prev ? strmap_get(&prev->roles, key.data) : NULL;
	r->o = object_ref(o);
	r->rules = was && was->o == o ? rules_ref(was->rules)
				      : rules_new(value_get(o->value, "rules"));
	strmap_set(&s->roles, key.data, r);
}

static void add_roles(struct snapshot *s, const struct snapshot *prev, struct store *store,
		      const char *plural)
{
	struct object_list list;

	store_list(store, rbac_kind(plural), NULL, &list);
	for (size_t i = 0; i < list.n; i++)
		add_role(s, prev, list.list[i]);
	object_list_fini(&list);
}

/* -- bindings -- */

static struct rules *rules_of_ref(const struct snapshot *s, const struct value *ref, const char *ns)
{
	CLEANUP(buf_fini) struct buf key = BUF_INIT;
	const char *kind = str_of(ref, "kind");
	const struct role *r;

	if (strcmp(kind, "ClusterRole") == 0)
		role_key("", str_of(ref, "name"), &key);
	else if (strcmp(kind, "Role") == 0 && *ns)
		role_key(ns, str_of(ref, "name"), &key);
	else
		return NULL;
	r = strmap_get(&s->roles, key.data);
	return r ? r->rules : NULL;
}

/* The user that a service account calls as; NULL: it names no namespace. */
static const char *account_user(struct snapshot *s, const struct value *subject, const char *ns)
{
	const char *own = str_of(subject, "namespace");

	if (!*own)
		own = ns;
	if (!*own)
		return NULL;
	if ((s->n_strings & (s->n_strings - 1)) == 0)
		s->strings = xreallocarray(s->strings, s->n_strings ? s->n_strings * 2 : 1,
					   sizeof(char *));
	return s->strings[s->n_strings++] =
		       xasprintf("system:serviceaccount:%s:%s", own, str_of(subject, "name"));
}

static void add_grant(struct maker *m, enum subject_type type, const char *name, const char *ns,
		      struct rules *rules)
{
	if (m->n == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 64;
		m->list = xreallocarray(m->list, m->cap, sizeof(*m->list));
	}
	m->list[m->n++] = (struct grant){type, name, ns, rules};
}

static void add_binding(struct maker *m, const struct object *o)
{
	struct rules *rules = rules_of_ref(m->s, value_get(o->value, "roleRef"), o->ns);
	const struct value *subjects = value_get(o->value, "subjects");

	if (!rules || !value_is(subjects, VALUE_LIST))
		return;
	for (size_t i = 0; i < value_count(subjects); i++) {
		const struct value *subject = value_at(subjects, i);
		const char *kind = str_of(subject, "kind"), *name = str_of(subject, "name");
		enum subject_type type = SUBJECT_USER;

		if (strcmp(kind, "Group") == 0)
			type = SUBJECT_GROUP;
		else if (strcmp(kind, "ServiceAccount") == 0)
			name = account_user(m->s, subject, o->ns);
		else if (strcmp(kind, "User") != 0)
			continue;
		if (name)
			add_grant(m, type, name, o->ns, rules);
	}
}

static int is_left_out(const struct maker *m, const struct object *o)
{
	return m->without && m->without->kind == o->kind && strcmp(m->without->ns, o->ns) == 0 &&
	       strcmp(m->without->name, o->name) == 0;
}

static void add_bindings(struct maker *m, struct store *store, const char *plural,
			 struct object_list *keep)
{
	store_list(store, rbac_kind(plural), NULL, keep);
	for (size_t i = 0; i < keep->n; i++)
		if (!is_left_out(m, keep->list[i]))
			add_binding(m, keep->list[i]);
}

/* -- the index -- */

static int by_subject(const void *a, const void *b)
{
	const struct grant *x = a, *y = b;
	int c = (int)x->type - (int)y->type;

	c = c ? c : strcmp(x->name, y->name);
	c = c ? c : strcmp(x->ns, y->ns);
	return c ? c : (x->rules > y->rules) - (x->rules < y->rules);
}

/* All grants of one subject in one namespace, sorted: the same role twice is one. */
static void add_scope(struct subject *sub, const struct grant *list, size_t n)
{
	struct scope *at;
	struct rules **tables = xcalloc(n, sizeof(struct rules *));
	size_t count = 0;

	sub->scopes = xreallocarray(sub->scopes, sub->n + 1, sizeof(*sub->scopes));
	at = &sub->scopes[sub->n++];
	for (size_t i = 0; i < n; i++)
		if (!count || tables[count - 1] != list[i].rules)
			tables[count++] = list[i].rules;
	*at = (struct scope){.ns = list->ns, .tables = tables, .n = count};
	if (count > TABLES_MAX) {
		tables[0] = rules_merge(tables, count);
		at->n = 1;
		return;
	}
	for (size_t i = 0; i < count; i++)
		rules_ref(tables[i]);
}

static size_t same_scope(const struct grant *list, size_t n)
{
	size_t i = 1;

	while (i < n && list[i].type == list->type && strcmp(list[i].name, list->name) == 0 &&
	       strcmp(list[i].ns, list->ns) == 0)
		i++;
	return i;
}

static void make_index(struct maker *m)
{
	struct subject *sub = NULL;

	if (m->n)
		qsort(m->list, m->n, sizeof(*m->list), by_subject);
	for (size_t at = 0, n; at < m->n; at += n) {
		const struct grant *g = &m->list[at];

		n = same_scope(g, m->n - at);
		if (!sub || sub->type != g->type || strcmp(sub->name, g->name) != 0) {
			sub = xcalloc(1, sizeof(*sub));
			sub->type = g->type;
			sub->name = g->name;
			strmap_set(&m->s->index[g->type], g->name, sub);
		}
		add_scope(sub, g, n);
	}
}

static struct snapshot *make(struct store *store, const struct snapshot *prev,
			     const struct objkey *without)
{
	struct snapshot *s = xcalloc(1, sizeof(*s));
	struct maker m = {.s = s, .without = without};

	s->refs = 1;
	add_roles(s, prev, store, "clusterroles");
	add_roles(s, prev, store, "roles");
	add_bindings(&m, store, "clusterrolebindings", &s->bindings[0]);
	add_bindings(&m, store, "rolebindings", &s->bindings[1]);
	make_index(&m);
	free(m.list);
	return s;
}

struct snapshot *snapshot_new(struct store *store, const struct snapshot *prev)
{
	return make(store, prev, NULL);
}

struct snapshot *snapshot_without(struct store *store, const struct snapshot *prev,
				  struct objkey binding)
{
	return make(store, prev, &binding);
}

struct snapshot *snapshot_ref(struct snapshot *s)
{
	s->refs++;
	return s;
}

static void subject_free(struct subject *sub)
{
	for (size_t i = 0; i < sub->n; i++) {
		for (size_t t = 0; t < sub->scopes[i].n; t++)
			rules_unref(sub->scopes[i].tables[t]);
		free(sub->scopes[i].tables);
	}
	free(sub->scopes);
	free(sub);
}

void snapshot_unref(struct snapshot *s)
{
	if (!s || --s->refs)
		return;
	for (size_t i = 0; i < ARRAY_LEN(s->index); i++) {
		STRMAP_FOREACH (slot, &s->index[i])
			subject_free(slot->val);
		strmap_fini(&s->index[i]);
	}
	STRMAP_FOREACH (slot, &s->roles) {
		struct role *r = slot->val;

		object_unref(r->o);
		rules_unref(r->rules);
		free(r);
	}
	strmap_fini(&s->roles);
	for (size_t i = 0; i < s->n_strings; i++)
		free(s->strings[i]);
	free(s->strings);
	for (size_t i = 0; i < ARRAY_LEN(s->bindings); i++)
		object_list_fini(&s->bindings[i]);
	free(s);
}

/* -- asking -- */

static const struct scope *scope_of(const struct subject *sub, const char *ns)
{
	size_t lo = 0, hi = sub->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(sub->scopes[mid].ns, ns);

		if (c == 0)
			return &sub->scopes[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static const struct subject *subject_of(const struct snapshot *s, enum subject_type type,
					const char *name)
{
	return name ? strmap_get(&s->index[type], name) : NULL;
}

static int scope_allows(const struct scope *at, const struct question *q)
{
	for (size_t i = 0; at && i < at->n; i++)
		if (rules_allow(at->tables[i], q))
			return 1;
	return 0;
}

static int any_scope_allows(const struct subject *sub, const struct question *q)
{
	for (size_t i = 0; i < sub->n; i++)
		if (scope_allows(&sub->scopes[i], q))
			return 1;
	return 0;
}

static int subject_allows(const struct subject *sub, const struct question *q)
{
	const char *ns = q->what->ns;

	if (!sub)
		return 0;
	if (ns == access_any)
		return any_scope_allows(sub, q);
	return scope_allows(scope_of(sub, ""), q) ||
	       (ns && *ns && !q->what->path && scope_allows(scope_of(sub, ns), q));
}

int snapshot_allows(const struct snapshot *s, const struct caller *who, const struct access *what)
{
	struct question q;

	if (question_init(&q, what) < 0)
		return 0;
	if (subject_allows(subject_of(s, SUBJECT_USER, who->user), &q))
		return 1;
	for (const char *const *g = who->groups; g && *g; g++)
		if (subject_allows(subject_of(s, SUBJECT_GROUP, *g), &q))
			return 1;
	return 0;
}

/* -- walking -- */

static void rules_of_scope(const struct scope *at, void (*fn)(void *arg, const struct value *rules),
			   void *arg)
{
	for (size_t i = 0; at && i < at->n; i++)
		rules_sources(at->tables[i], fn, arg);
}

static void rules_of_subject(const struct subject *sub, const char *ns,
			     void (*fn)(void *arg, const struct value *rules), void *arg)
{
	if (!sub)
		return;
	rules_of_scope(scope_of(sub, ""), fn, arg);
	if (*ns)
		rules_of_scope(scope_of(sub, ns), fn, arg);
}

void snapshot_rules_of(const struct snapshot *s, const struct caller *who, const char *ns,
		       void (*fn)(void *arg, const struct value *rules), void *arg)
{
	rules_of_subject(subject_of(s, SUBJECT_USER, who->user), ns, fn, arg);
	for (const char *const *g = who->groups; g && *g; g++)
		rules_of_subject(subject_of(s, SUBJECT_GROUP, *g), ns, fn, arg);
}

static int scope_touches(const struct scope *at, const char *group, const char *resource,
			 const char *name)
{
	for (size_t i = 0; at && i < at->n; i++)
		if (rules_touch(at->tables[i], group, resource, name))
			return 1;
	return 0;
}

static int subject_touches(const struct subject *sub, const char *group, const char *resource,
			   const char *ns, const char *name)
{
	if (!sub)
		return 0;
	if (ns != access_any)
		return scope_touches(scope_of(sub, ""), group, resource, name) ||
		       (*ns && scope_touches(scope_of(sub, ns), group, resource, name));
	for (size_t i = 0; i < sub->n; i++)
		if (scope_touches(&sub->scopes[i], group, resource, name))
			return 1;
	return 0;
}

int snapshot_touches(const struct snapshot *s, const struct caller *who, const char *group,
		     const char *resource, const char *ns, const char *name)
{
	if (subject_touches(subject_of(s, SUBJECT_USER, who->user), group, resource, ns, name))
		return 1;
	for (const char *const *g = who->groups; g && *g; g++)
		if (subject_touches(subject_of(s, SUBJECT_GROUP, *g), group, resource, ns, name))
			return 1;
	return 0;
}

void snapshot_subjects(const struct snapshot *s, const char *group, const char *resource,
		       const char *ns,
		       void (*fn)(void *arg, enum subject_type type, const char *name), void *arg)
{
	for (size_t i = 0; i < ARRAY_LEN(s->index); i++)
		STRMAP_FOREACH (slot, &s->index[i]) {
			const struct subject *sub = slot->val;

			if (subject_touches(sub, group, resource, ns, access_any))
				fn(arg, sub->type, sub->name);
		}
}

static int scope_names(const struct scope *at, const char *group, const char *resource)
{
	for (size_t i = 0; at && i < at->n; i++)
		if (rules_name(at->tables[i], group, resource))
			return 1;
	return 0;
}

static int subject_names(const struct subject *sub, const char *group, const char *resource,
			 const char *ns)
{
	if (ns != access_any)
		return scope_names(scope_of(sub, ""), group, resource) ||
		       (*ns && scope_names(scope_of(sub, ns), group, resource));
	for (size_t i = 0; i < sub->n; i++)
		if (scope_names(&sub->scopes[i], group, resource))
			return 1;
	return 0;
}

int snapshot_names(const struct snapshot *s, const char *group, const char *resource,
		   const char *ns)
{
	for (size_t i = 0; i < ARRAY_LEN(s->index); i++)
		STRMAP_FOREACH (slot, &s->index[i])
			if (subject_names(slot->val, group, resource, ns))
				return 1;
	return 0;
}
