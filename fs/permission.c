/* SPDX-License-Identifier: MIT */
/* The questions that a node's bits stand for, and their answers for one caller. */
#include "fs/permission_i.h"

#include <errno.h>

#include "fs/dirs.h"

/* What somebody may do with a row that says nothing. */
#define READS_OBJECT  "get"
#define WRITES_OBJECT "patch|update"
#define WRITES_SCALE  "patch|update|patch:scale|update:scale"
#define READS_LIST    "list"
#define WRITES_LIST   "create|patch|update|delete|deletecollection"

static int is_collection(const struct node *n)
{
	return n->row == &row_collection || n->row == &row_namespace;
}

/* A resource's directory that holds namespaces, not objects. */
static int spans_namespaces(const struct node *n)
{
	return n->row == &row_collection && (n->kind->flags & KIND_NAMESPACED);
}

static const char *write_words(const struct node *n)
{
	if (n->row->write_as)
		return n->row->write_as;
	if (is_collection(n))
		return WRITES_LIST;
	if ((n->kind->flags & KIND_SCALE) && strcmp(n->sub, "spec/replicas") == 0)
		return WRITES_SCALE;
	return WRITES_OBJECT;
}

static const char *read_words(const struct node *n)
{
	if (n->row->read_as)
		return n->row->read_as;
	/* _index, _ctl ... and selections: what is in a collection, not in an object */
	return *n->name ? READS_OBJECT : READS_LIST;
}

/* -- one word: "verb", "verb:subresource", "verb@plural" -- */

struct word {
	char verb[32], rest[64]; /* rest: a subresource or a plural */
	struct access what;
};

static const char *next_word(const char *words, struct word *w, const struct node *n)
{
	size_t len = strcspn(words, "|"), verb = strcspn(words, "|:@");
	size_t rest = verb < len ? len - verb - 1 : 0;
	int other = words[verb] == '@';

	memcpy(w->verb, words, verb);
	w->verb[verb] = '\0';
	memcpy(w->rest, words + len - rest, rest);
	w->rest[rest] = '\0';
	w->what = (struct access){.verb = w->verb,
				  .group = other ? "" : n->kind->group,
				  .resource = other ? w->rest : n->kind->plural,
				  .subresource = other ? "" : w->rest,
				  /* events of what has no namespace are in `default` */
				  .ns = other && !*n->ns ? "default" : n->ns,
				  .name = other ? "" : n->name};
	return words[len] ? words + len + 1 : NULL;
}

/* In a directory of many, writing is about some name in it, in some namespace. */
static struct access widened(const struct node *n, unsigned bit, struct access what)
{
	if (bit == PERM_W && !*n->name) {
		if (strcmp(what.verb, "create") != 0)
			what.name = access_any;
		if (!*n->ns && (n->kind->flags & KIND_NAMESPACED))
			what.ns = access_any;
	}
	return what;
}

static int any_word(const struct snapshot *s, const struct caller *who, const struct node *n,
		    unsigned bit)
{
	const char *at = bit == PERM_W ? write_words(n) : read_words(n);
	struct word w;

	while (at) {
		struct access what;

		at = next_word(at, &w, n);
		what = widened(n, bit, w.what);
		if (auth_may(s, who, &what))
			return 1;
	}
	return 0;
}

/* Any right there at all. */
static int touches(const struct snapshot *s, const struct caller *who, const struct node *n)
{
	const char *ns = *n->ns || !(n->kind->flags & KIND_NAMESPACED) ? n->ns : access_any;
	const char *name = *n->name ? n->name : access_any;

	/* A Namespace is asked about in itself. */
	if (n->kind->group[0] == '\0' && strcmp(n->kind->plural, "namespaces") == 0)
		ns = *n->name ? n->name : access_any;
	return snapshot_touches(s, who, n->kind->group, n->kind->plural, ns, name);
}

int permission_answer(const struct snapshot *s, const struct caller *who, const struct node *n,
		      unsigned bit)
{
	if (auth_is_master(who))
		return 1;
	/* a directory that needs more than others to be read needs that to be entered, too */
	if (bit == PERM_X && n->row->read_as)
		return any_word(s, who, n, PERM_R);
	if (bit == PERM_X || (bit == PERM_R && spans_namespaces(n)))
		return touches(s, who, n);
	return any_word(s, who, n, bit);
}

int permission_is_asked(const struct node *n)
{
	return n->kind && !(n->row->flags & ROW_PUBLIC) && n->row->type != ROW_LINK;
}

/* -- callers -- */

int fs_check(struct fs *fs, const struct caller *who, const struct access *what, struct err *err)
{
	int rc = auth_check(fs->rbac, who, what, err);

	if (rc && err)
		audit_refused(fs->audit, who, what, err->msg);
	return rc;
}

static int check_url(struct fs *fs, const struct caller *who, const struct node *n, struct err *err)
{
	const struct access what = {.verb = "get", .path = n->row->url};

	return fs_check(fs, who, &what, err);
}

/* The refusal of the first word. */
static int refuse(struct fs *fs, const struct caller *who, const struct node *n, unsigned bit,
		  struct err *err)
{
	struct word w;

	next_word(bit == PERM_W ? write_words(n) : read_words(n), &w, n);
	if (fs_check(fs, who, &w.what, err) == 0)
		err_set(err, EACCES, "%s is forbidden", kind_resource(n->kind));
	return -EACCES;
}

static int check(struct fs *fs, const struct caller *who, const struct node *n, unsigned bit,
		 struct err *err)
{
	CLEANUP_SNAPSHOT struct snapshot *s = NULL;

	if (n->row->url)
		return check_url(fs, who, n, err);
	if (!permission_is_asked(n) || auth_is_master(who))
		return 0;
	s = fs->rbac ? rbac_current(fs->rbac) : NULL;
	if (s && permission_answer(s, who, n, bit))
		return 0;
	return refuse(fs, who, n, bit, err);
}

int call_allows(struct call *c, const struct node *n, unsigned bit)
{
	if (c->uid == 0 || (!n->row->url && !permission_is_asked(n)))
		return 0;
	return check(c->fs, &call_who(c)->caller, n, bit, &c->err);
}

int node_allows(struct fs *fs, const struct identity *who, const struct node *n, unsigned bit)
{
	return check(fs, &who->caller, n, bit, NULL);
}

int node_shows_all_names(struct fs *fs, const struct identity *who, const struct node *n)
{
	const struct access list = {.verb = "list",
				    .group = n->kind->group,
				    .resource = n->kind->plural,
				    .subresource = "",
				    .ns = "",
				    .name = ""};

	return auth_is_master(&who->caller) ||
	       (fs->rbac && auth_check(fs->rbac, &who->caller, &list, NULL) == 0);
}

int call_may(struct call *c, const struct node *n, const char *verb)
{
	const struct access what = {.verb = verb,
				    .group = n->kind ? n->kind->group : "",
				    .resource = n->kind ? n->kind->plural : "",
				    .subresource = "",
				    .ns = n->ns,
				    .name = n->name};

	if (c->uid == 0 || !n->kind)
		return 0;
	return fs_check(c->fs, &call_who(c)->caller, &what, &c->err);
}

unsigned scaling_flag(struct fs *fs, const struct identity *who, const struct node *n)
{
	static const char *const verbs[] = {"patch", "update"};
	struct access what = {NULL, n->kind->group, n->kind->plural, "", n->ns, n->name, NULL};

	if (!(n->kind->flags & KIND_SCALE))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		what.verb = verbs[i];
		if (auth_check(fs->rbac, &who->caller, &what, NULL) == 0)
			return 0;
	}
	return API_SCALE;
}

/* What `describe` prints of other objects, by kind; ns NULL: the object's own. */
static const struct {
	const char *of_group, *of;
	const char *group, *resource, *ns;
} around[] = {
	{"", "nodes", "", "pods", ""},
	{"", "nodes", "coordination.k8s.io", "leases", "kube-node-lease"},
	{"", "namespaces", "", "resourcequotas", ""},
	{"", "namespaces", "", "limitranges", ""},
	{"", "serviceaccounts", "", "secrets", NULL},
	{"", "services", "", "endpoints", NULL},
	{"apps", "deployments", "apps", "replicasets", NULL},
	{"apps", "replicasets", "", "pods", NULL},
	{"apps", "statefulsets", "", "pods", NULL},
	{"apps", "daemonsets", "", "pods", NULL},
};

int call_sees_around(struct call *c, const struct node *n)
{
	CLEANUP_SNAPSHOT struct snapshot *s = NULL;
	struct access list = {"list", "", "events", "", *n->ns ? n->ns : "default", "", NULL};
	const struct caller *who;

	if (c->uid == 0 || !c->fs->rbac)
		return c->uid == 0;
	who = &call_who(c)->caller;
	s = rbac_current(c->fs->rbac);
	if (!auth_may(s, who, &list))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(around); i++) {
		if (strcmp(around[i].of, n->kind->plural) != 0 ||
		    strcmp(around[i].of_group, n->kind->group) != 0)
			continue;
		list.group = around[i].group;
		list.resource = around[i].resource;
		list.ns = around[i].ns ? around[i].ns : n->ns;
		if (!auth_may(s, who, &list))
			return 0;
	}
	return 1;
}

int call_sees(struct call *c, const struct kind *k, const char *ns, const char *name)
{
	CLEANUP_SNAPSHOT struct snapshot *s = NULL;
	const struct access list = {"list", k->group, k->plural, "", ns, "", NULL};
	const struct caller *who;

	if (c->uid == 0)
		return 1;
	who = &call_who(c)->caller;
	if (auth_is_master(who))
		return 1;
	if (!c->fs->rbac)
		return 0;
	s = rbac_current(c->fs->rbac);
	if (auth_may(s, who, &list))
		return 1;
	if (name && !*k->group && strcmp(k->plural, "namespaces") == 0)
		ns = name;
	return snapshot_touches(s, who, k->group, k->plural, ns, name ? name : access_any);
}
