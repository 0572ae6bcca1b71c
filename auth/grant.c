/* SPDX-License-Identifier: MIT */
/*
 * Nobody grants what he does not hold. A rule is broken down into atoms (one verb, group, resource,
 * name or path each); an atom is held if the decision says so, its words taken literally: a "*" in
 * it is matched by a "*" only.
 */
#include <errno.h>

#include "auth/auth_i.h"
#include "util/strmap.h"

struct missing {
	struct strmap lines; /* key of a simple rule -> struct line, owned */
};

/* Rules that differ in their verbs only are one line of the refusal. */
struct line {
	struct buf head;  /* "{APIGroups:["apps"], Resources:["x"]" */
	struct buf verbs; /* `"get" "list"` */
};

struct grant_check {
	const struct snapshot *s;
	const struct caller *who;
	const char *ns;
	struct missing missing;
};

static const char *text_at(const struct value *list, size_t i)
{
	return value_str(value_at(list, i), "");
}

/* -- the refusal -- */

static void quote_into(struct buf *out, const char *field, const char *text)
{
	buf_addf(out, "%s%s:[\"%s\"]", out->len > 1 ? ", " : "", field, text);
}

static void note_missing(struct missing *m, const struct access *what, const char *resource)
{
	CLEANUP(buf_fini) struct buf head = BUF_INIT;
	CLEANUP_FREE char *verb = xasprintf("\"%s\"", what->verb);
	struct line *l;

	buf_addc(&head, '{');
	if (what->path) {
		/* kept apart by verb, as Kubernetes does */
		quote_into(&head, "NonResourceURLs", what->path);
		buf_addf(&head, ", Verbs:[%s]}", verb);
	} else {
		quote_into(&head, "APIGroups", what->group);
		quote_into(&head, "Resources", resource);
		if (*what->name)
			quote_into(&head, "ResourceNames", what->name);
	}
	l = strmap_get(&m->lines, head.data);
	if (!l) {
		l = xcalloc(1, sizeof(*l));
		buf_adds(&l->head, head.data);
		strmap_set(&m->lines, head.data, l);
	}
	if (what->path || (l->verbs.data && strstr(l->verbs.data, verb)))
		return;
	buf_addf(&l->verbs, "%s%s", l->verbs.len ? " " : "", verb);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_missing(struct missing *m, struct buf *out)
{
	char **lines = xcalloc(m->lines.n + 1, sizeof(char *));
	size_t n = 0;

	STRMAP_FOREACH (slot, &m->lines) {
		struct line *l = slot->val;

		if (l->verbs.len)
			buf_addf(&l->head, ", Verbs:[%s]}", l->verbs.data);
		lines[n++] = buf_steal(&l->head);
		buf_fini(&l->verbs);
		free(l);
	}
	strmap_fini(&m->lines);
	qsort(lines, n, sizeof(char *), by_text);
	for (size_t i = 0; i < n; i++) {
		buf_addf(out, "\n%s", lines[i]);
		free(lines[i]);
	}
	free(lines);
}

static void refuse_grant(struct grant_check *g, const struct api_request *r, struct faults *faults)
{
	CLEANUP(buf_fini) struct buf groups = BUF_INIT;
	CLEANUP(buf_fini) struct buf lines = BUF_INIT;

	for (const char *const *at = g->who->groups; at && *at; at++)
		buf_addf(&groups, "%s\"%s\"", groups.len ? " " : "", *at);
	list_missing(&g->missing, &lines);
	fault_add_code(faults, EACCES,
		       "%s \"%s\" is forbidden: user \"%s\" (groups=[%s]) is attempting to grant "
		       "RBAC permissions not currently held:%s",
		       kind_resource(r->kind), r->name, g->who->user, buf_str(&groups),
		       buf_str(&lines));
}

/* -- atoms -- */

static void check_atom(struct grant_check *g, const struct access *what, const char *resource)
{
	if (!snapshot_allows(g->s, g->who, what))
		note_missing(&g->missing, what, resource);
}

static void check_names(struct grant_check *g, const struct value *names, struct access what,
			const char *resource)
{
	what.name = "";
	if (!value_count(names))
		check_atom(g, &what, resource);
	for (size_t i = 0; i < value_count(names); i++) {
		what.name = text_at(names, i);
		check_atom(g, &what, resource);
	}
}

/* "pods/log" is asked about as what it is made of. */
static void check_resource(struct grant_check *g, const struct value *rule, const char *verb,
			   const char *group, const char *resource)
{
	CLEANUP_FREE char *main = xstrdup(resource);
	char *slash = strchr(main, '/');
	struct access what = {.verb = verb, .group = group, .resource = main, .ns = g->ns};

	what.subresource = slash ? slash + 1 : "";
	if (slash)
		*slash = '\0';
	check_names(g, value_get(rule, "resourceNames"), what, resource);
}

static void check_verb(struct grant_check *g, const struct value *rule, const char *verb)
{
	const struct value *groups = value_get(rule, "apiGroups"),
			   *resources = value_get(rule, "resources"),
			   *urls = value_get(rule, "nonResourceURLs");

	for (size_t i = 0; i < value_count(groups); i++)
		for (size_t j = 0; j < value_count(resources); j++)
			check_resource(g, rule, verb, text_at(groups, i), text_at(resources, j));
	for (size_t i = 0; i < value_count(urls); i++) {
		struct access what = {.verb = verb, .path = text_at(urls, i)};

		check_atom(g, &what, NULL);
	}
}

static int holds_all(struct grant_check *g, const struct value *rules)
{
	for (size_t i = 0; i < value_count(rules); i++) {
		const struct value *verbs = value_get(value_at(rules, i), "verbs");

		for (size_t v = 0; v < value_count(verbs); v++)
			check_verb(g, value_at(rules, i), text_at(verbs, v));
	}
	return g->missing.lines.n == 0;
}

/* -- roles -- */

static int holds_everything(struct grant_check *g)
{
	const struct access resources = {"*", "*", "*", "", g->ns, "", NULL},
			    paths = {.verb = "*", .path = "*"};

	return snapshot_allows(g->s, g->who, &resources) && snapshot_allows(g->s, g->who, &paths);
}

static int sums_up(const struct value *role)
{
	return value_count(value_dig(role, "aggregationRule", "clusterRoleSelectors", NULL)) > 0;
}

static int check_role(struct grant_check *g, const struct api_request *r, const struct value *live,
		      const struct value *next, struct faults *faults)
{
	const struct access escalate = {"escalate",          RBAC_GROUP, r->kind->plural, "", r->ns,
					live ? r->name : "", NULL};

	if (snapshot_allows(g->s, g->who, &escalate))
		return 0;
	/* such a role can come to hold anything */
	if ((sums_up(next) || sums_up(live)) && !holds_everything(g)) {
		fault_add_code(faults, EACCES,
			       "%s \"%s\" is forbidden: must have cluster-admin privileges to use "
			       "an aggregationRule",
			       kind_resource(r->kind), r->name);
		return -EACCES;
	}
	if (holds_all(g, value_get(next, "rules")))
		return 0;
	refuse_grant(g, r, faults);
	return -EACCES;
}

/* -- bindings -- */

static int check_binding(struct grant_check *g, struct store *store, const struct api_request *r,
			 const struct value *next, struct faults *faults)
{
	const char *kind = value_dig_str(next, "roleRef", "kind", NULL);
	const char *name = value_dig_str(next, "roleRef", "name", NULL);
	int of_cluster = str_eq(kind, "ClusterRole");
	const char *plural = of_cluster ? "clusterroles" : "roles";
	const struct access bind = {"bind", RBAC_GROUP, plural, "", r->ns, name ? name : "", NULL};
	CLEANUP_OBJECT struct object *role = NULL;

	if (snapshot_allows(g->s, g->who, &bind))
		return 0;
	role = store_get(store, (struct objkey){kind_find(RBAC_GROUP, "v1", plural),
						of_cluster ? "" : r->ns, bind.name});
	if (!role) {
		fault_add_code(faults, ENOENT, "%s.%s \"%s\" not found", plural, RBAC_GROUP,
			       bind.name);
		return -ENOENT;
	}
	if (holds_all(g, value_get(role->value, "rules")))
		return 0;
	refuse_grant(g, r, faults);
	return -EACCES;
}

/* What the garbage collector needs to say is no grant. */
static int only_collects(const struct value *live, const struct value *next)
{
	static const char *const fields[] = {"ownerReferences", "finalizers", "managedFields",
					     "resourceVersion"};
	CLEANUP_VALUE struct value *a = value_ref(live), *b = value_ref(next);

	for (size_t i = 0; live && i < ARRAY_LEN(fields); i++) {
		a = value_bury(a, NULL, "metadata", fields[i], NULL);
		b = value_bury(b, NULL, "metadata", fields[i], NULL);
	}
	return live && value_equal(a, b);
}

int auth_check_grant(void *arg, const struct caller *who, const struct api_request *r,
		     const struct value *live, const struct value *next, struct faults *faults)
{
	struct rbac *rbac = arg;
	CLEANUP_SNAPSHOT struct snapshot *s = NULL;
	struct grant_check g = {.who = who, .ns = r->ns};

	if (strcmp(r->kind->group, RBAC_GROUP) != 0 || auth_is_master(who) ||
	    only_collects(live, next))
		return 0;
	g.s = s = rbac_current(rbac);
	if (str_ends(r->kind->plural, "bindings"))
		return check_binding(&g, rbac_store(rbac), r, next, faults);
	return check_role(&g, r, live, next, faults);
}
