/* SPDX-License-Identifier: MIT */
#include "fs/permission_set.h"

#include <endian.h>
#include <errno.h>

#include "fs/attr.h"
#include "fs/changes.h"
#include "fs/dirs.h"
#include "fs/permission_i.h"
#include "fs/reply.h"

#define RBAC_GROUP "rbac.authorization.k8s.io"

/* A request that is answered when what it wrote holds. */
struct setting {
	struct setting *next;
	struct fs *fs;
	fuse_req_t req;
	struct node *node;    /* owned reference */
	struct identity *who; /* owned reference */
	int with_attr;        /* chmod is answered with attributes */
	uint64_t revision;    /* of the commit */
};

static void answer(struct setting *s, int rc)
{
	struct call c = {.fs = s->fs, .req = s->req};
	struct stat st;

	if (rc)
		fuse_reply_err(s->req, reply_errno(rc));
	else if (!s->with_attr)
		fuse_reply_err(s->req, 0);
	else if (node_stat(&c, s->node, &st) < 0)
		reply_error(&c);
	else
		fuse_reply_attr(s->req, &st, 0);
	node_unref(s->node);
	identity_unref(s->who);
	s->fs->n_background--;
	free(s);
}

void permission_set_settled(struct fs *fs, int all)
{
	struct setting *done = NULL, **at, *s;

	pthread_mutex_lock(&fs->open_lock);
	for (at = &fs->settings; (s = *at);) {
		if (!all && s->revision > fs->permissions->told) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		s->next = done;
		done = s;
	}
	pthread_mutex_unlock(&fs->open_lock);
	while ((s = done)) {
		done = s->next;
		answer(s, 0);
	}
}

/* On the committer thread, mostly. */
static void on_written(struct api_batch *b, int rc)
{
	struct setting *s = b->arg;
	struct fs *fs = s->fs;
	int changed = 0;

	for (size_t i = 0; i < b->n; i++) {
		CLEANUP(buf_fini) struct buf text = BUF_INIT;

		changed |= b->list[i]->changed;
		if (!b->list[i]->faults.n)
			continue;
		faults_render(&b->list[i]->faults, NULL, &text);
		note_refusal(fs, s->who, s->node->fname, buf_str(&text));
	}
	if (rc || !changed) {
		answer(s, rc);
		return;
	}
	s->revision = store_revision(fs->store);
	pthread_mutex_lock(&fs->open_lock);
	s->next = fs->settings;
	fs->settings = s;
	pthread_mutex_unlock(&fs->open_lock);
	permission_set_settled(fs, fs->stopping); /* the index may have been faster */
}

/* -- what was asked for -- */

struct wish {
	enum subject_type type;
	char *name; /* owned */
	unsigned perm;
};

struct wishes {
	struct wish list[ACL_MAX + 1];
	size_t n;
	unsigned other, owner, group_obj, mask;
	int has_mask;
};

static void wishes_free(struct wishes *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->list[i].name);
	free(w);
}
DEFINE_CLEANUP(struct wishes *, wishes_free)

static void add_wish(struct wishes *w, enum subject_type type, const char *name, unsigned perm)
{
	if (w->n <= ACL_MAX)
		w->list[w->n++] = (struct wish){type, xstrdup(name), perm};
}

static void add_named(struct fs *fs, struct wishes *w, const struct posix_acl_item *e)
{
	enum subject_type type = e->tag == ACL_USER ? SUBJECT_USER : SUBJECT_GROUP;
	unsigned id = e->id;
	struct identity *who = type == SUBJECT_USER
				       ? identity_get(fs->identities, id, 65534, NULL, 0)
				       : identity_get(fs->identities, 65534, id, NULL, 0);

	add_wish(w, type, type == SUBJECT_USER ? who->user : who->groups[0], e->perm & 7);
	identity_unref(who);
}

static struct wishes *parse_acl(struct call *c, const void *data, size_t len)
{
	struct wishes *w = xcalloc(1, sizeof(*w));
	struct posix_acl_item e;

	w->owner = 7;
	for (size_t i = 0; acl_item_at(data, len, i, &e); i++) {
		if (e.tag == ACL_USER_OBJ)
			w->owner = e.perm;
		else if (e.tag == ACL_GROUP_OBJ)
			w->group_obj = e.perm;
		else if (e.tag == ACL_OTHER)
			w->other = e.perm;
		else if (e.tag == ACL_MASK) {
			w->has_mask = 1;
			w->mask = e.perm;
		} else {
			add_named(c->fs, w, &e);
		}
	}
	for (size_t i = 0; w->has_mask && i < w->n; i++)
		w->list[i].perm &= w->mask;
	return w;
}

static const struct wish *find_wish(const struct wishes *w, enum subject_type type,
				    const char *name)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->list[i].type == type && strcmp(w->list[i].name, name) == 0)
			return &w->list[i];
	return NULL;
}

/* -- as roles -- */

static int is_object(const struct node *n)
{
	return n->row == &row_object;
}

/* The verbs that show as perm, NULL-terminated into out. Return: 0, or -EINVAL: none do. */
static int verbs_for(const struct node *n, unsigned perm, const char *out[12])
{
	static const char *const reads[] = {"get", "list", "watch", NULL},
				 *const object_reads[] = {"get", "watch", NULL},
				 *const writes[] = {"create", "update",           "patch",
						    "delete", "deletecollection", NULL},
				 *const object_writes[] = {"update", "patch", NULL};
	const char *const *lists[2] = {NULL, NULL};
	int all = n->row == &row_collection && (n->kind->flags & KIND_NAMESPACED);
	size_t count = 0;

	if (perm && !(perm & PERM_X))
		return -EINVAL;
	if (perm & PERM_R)
		lists[0] = is_object(n) ? object_reads : reads;
	if (perm & PERM_W)
		lists[1] = is_object(n) ? object_writes : writes;
	/* over namespaces, whoever may do anything may also read the directory */
	if ((perm & 5) == PERM_X && (all || (is_object(n) && !(perm & PERM_W))))
		return -EINVAL;
	if (perm == PERM_X)
		out[count++] = "get";
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		for (const char *const *v = lists[l]; v && *v; v++)
			out[count++] = *v;
	if (is_object(n) && perm == 7)
		out[count++] = "delete";
	out[count] = NULL;
	return 0;
}

static char *name_for(const struct node *n, enum subject_type type, const char *name)
{
	return xasprintf("acl:%s:%s:%s%s%s", kind_resource(n->kind),
			 type == SUBJECT_USER ? "user" : "group", name, is_object(n) ? ":" : "",
			 is_object(n) ? n->name : "");
}

static int is_of_cluster(const struct node *n)
{
	return !*n->ns;
}

static const struct kind *role_kind(const struct node *n, int binding)
{
	static const char *const plurals[2][2] = {{"roles", "clusterroles"},
						  {"rolebindings", "clusterrolebindings"}};

	return kind_find(RBAC_GROUP, "v1", plurals[binding][is_of_cluster(n)]);
}

static struct value *one(const char *text)
{
	return value_append(value_new_list(), value_new_string(text));
}

static struct value *object_of(const struct kind *k, const char *name, const char *ns)
{
	struct value *v = value_set_str(value_new_map(), "apiVersion", kind_api_version(k));

	v = value_set_str(v, "kind", k->kind);
	v = value_bury(v, value_new_string(name), "metadata", "name", NULL);
	return *ns ? value_bury(v, value_new_string(ns), "metadata", "namespace", NULL) : v;
}

static void add_put(struct api_batch *b, const struct node *n, const struct kind *k,
		    const char *name, struct value *taken)
{
	struct api_request *r = api_request_new(API_UPDATE, k, n->ns, name);

	r->flags = API_UPSERT;
	r->body = taken;
	api_batch_add(b, r);
}

static void add_role(struct api_batch *b, const struct node *n, const char *name,
		     const char *const *verbs)
{
	const struct kind *k = role_kind(n, 0);
	struct value *rule = value_new_map(), *list = value_new_list();

	for (; *verbs; verbs++)
		list = value_append(list, value_new_string(*verbs));
	rule = value_set(rule, "apiGroups", one(n->kind->group));
	rule = value_set(rule, "resources", one(n->kind->plural));
	rule = value_set(rule, "verbs", list);
	if (is_object(n))
		rule = value_set(rule, "resourceNames", one(n->name));
	add_put(b, n, k, name,
		value_set(object_of(k, name, n->ns), "rules",
			  value_append(value_new_list(), rule)));
}

static void add_binding(struct api_batch *b, const struct node *n, const char *name,
			const struct wish *w)
{
	const struct kind *k = role_kind(n, 1);
	struct value *ref = value_set_str(value_new_map(), "apiGroup", RBAC_GROUP);
	struct value *subject = value_set_str(value_new_map(), "apiGroup", RBAC_GROUP), *v;

	ref = value_set_str(ref, "kind", role_kind(n, 0)->kind);
	ref = value_set_str(ref, "name", name);
	subject = value_set_str(subject, "kind", w->type == SUBJECT_USER ? "User" : "Group");
	subject = value_set_str(subject, "name", w->name);
	v = value_set(object_of(k, name, n->ns), "roleRef", ref);
	add_put(b, n, k, name, value_set(v, "subjects", value_append(value_new_list(), subject)));
}

static void add_removal(struct api_batch *b, const struct node *n, const char *name)
{
	for (int binding = 1; binding >= 0; binding--) {
		struct api_request *r =
			api_request_new(API_DELETE, role_kind(n, binding), n->ns, name);

		r->flags = API_IF_EXISTS;
		api_batch_add(b, r);
	}
}

/* -- from what is to what is wished -- */

struct change_of {
	struct call *c;
	struct node *n;
	struct api_batch *b;
};

static int is_ours(struct fs *fs, const struct node *n, const char *name)
{
	struct object *o = store_get(fs->store, (struct objkey){role_kind(n, 1), n->ns, name});

	object_unref(o);
	return o != NULL;
}

/* What the subject may without the binding of ours. */
static unsigned base_of(struct fs *fs, const struct node *n, const struct wish *w, const char *name,
			unsigned now)
{
	CLEANUP_SNAPSHOT struct snapshot *s = NULL, *without = NULL;

	if (!is_ours(fs, n, name))
		return now;
	s = rbac_current(fs->rbac);
	without = snapshot_without(fs->store, s, (struct objkey){role_kind(n, 1), n->ns, name});
	return permission_of_subject(fs, without, w->type, w->name, n);
}

static int change_one(struct change_of *ch, const struct wish *w)
{
	CLEANUP_FREE char *name = name_for(ch->n, w->type, w->name);
	struct fs *fs = ch->c->fs;
	CLEANUP_SNAPSHOT struct snapshot *s = rbac_current(fs->rbac);
	unsigned now = permission_of_subject(fs, s, w->type, w->name, ch->n), base;
	const char *verbs[12];

	if (now == w->perm)
		return 0;
	base = base_of(fs, ch->n, w, name, now);
	if (base & ~w->perm)
		return err_set(&ch->c->err, EPERM,
			       "%s \"%s\" may this by other bindings, groups or as everybody "
			       "else: these are to be changed",
			       w->type == SUBJECT_USER ? "user" : "group", w->name);
	if (base == w->perm) {
		add_removal(ch->b, ch->n, name);
		return 0;
	}
	if (verbs_for(ch->n, w->perm, verbs) < 0)
		return err_set(&ch->c->err, EINVAL,
			       "%c%c%c of %s \"%s\" cannot be said by a role: r-x, -wx, rwx can",
			       w->perm & 4 ? 'r' : '-', w->perm & 2 ? 'w' : '-',
			       w->perm & 1 ? 'x' : '-', w->type == SUBJECT_USER ? "user" : "group",
			       w->name);
	add_role(ch->b, ch->n, name, verbs);
	add_binding(ch->b, ch->n, name, w);
	return 0;
}

static void submit(struct call *c, struct node *n, struct api_batch *b, int with_attr)
{
	struct setting *s = xcalloc(1, sizeof(*s));
	struct identity *who = call_who(c);

	who->refs++;
	*s = (struct setting){.fs = c->fs,
			      .req = c->req,
			      .node = node_ref(n),
			      .who = who,
			      .with_attr = with_attr};
	c->fs->n_background++;
	b->arg = s;
	who->refs++; /* s, and all that it holds, may be gone before api_submit() returns */
	api_submit(c->fs->api, &who->caller, b);
	identity_unref(who);
}

/* Everybody else, by the group that all are in. */
static struct wish of_others(unsigned perm)
{
	static char all[] = "system:authenticated";

	return (struct wish){SUBJECT_GROUP, all, perm};
}

static int can_be_set(struct call *c, const struct node *n)
{
	if (n->row != &row_collection && n->row != &row_namespace && n->row != &row_object)
		return err_set(&c->err, n->kind ? EPERM : EOPNOTSUPP,
			       "what may be done with a file follows from its object's directory: "
			       "set it there");
	return c->fs->rbac ? 0 : err_set(&c->err, EOPNOTSUPP, "no roles");
}

/* The bits of others show what pods may besides: as they are, they wish for nothing. others->perm
 * becomes what everybody may. */
static int change_others(struct change_of *ch, struct wish *others)
{
	struct fs *fs = ch->c->fs;
	CLEANUP_SNAPSHOT struct snapshot *s = NULL;

	if (others->perm != (permission_mode(fs, ch->n) & 7))
		return change_one(ch, others);
	s = rbac_current(fs->rbac);
	others->perm = permission_of_subject(fs, s, others->type, others->name, ch->n);
	return 0;
}

static int change_all(struct change_of *ch, const struct wishes *w)
{
	CLEANUP(buf_fini) struct buf now = BUF_INIT;
	CLEANUP(wishes_freep) struct wishes *old = NULL;
	struct wish others = of_others(w->other);
	int rc = change_others(ch, &others);

	permission_acl(ch->c->fs, ch->n, &now);
	old = parse_acl(ch->c, now.data, now.len);
	if (!now.len)
		old->group_obj = permission_mode(ch->c->fs, ch->n) >> 3 & 7;
	if (!rc && w->group_obj != old->group_obj && w->group_obj != (old->group_obj | w->other) &&
	    w->group_obj != w->other)
		rc = err_set(&ch->c->err, EPERM,
			     "root's group is given nothing of its own: name "
			     "another group");
	if (!rc && (w->owner & 7) != (ch->n->row->mode >> 6 & 7))
		rc = err_set(&ch->c->err, EPERM, "root may all, whatever is said");
	for (size_t i = 0; !rc && i < w->n; i++)
		rc = change_one(ch, &w->list[i]);
	for (size_t i = 0; !rc && i < old->n; i++) {
		struct wish gone = old->list[i];

		gone.perm = others.perm;
		if (!find_wish(w, gone.type, gone.name))
			rc = change_one(ch, &gone);
	}
	return rc;
}

void permission_set_acl(struct call *c, struct node *n, const void *data, size_t len)
{
	CLEANUP(wishes_freep) struct wishes *w = NULL;
	struct change_of ch = {c, n, NULL};

	if (can_be_set(c, n) < 0) {
		reply_refused(c, n, NULL);
		return;
	}
	w = parse_acl(c, data, len);
	if (!len) {
		w->other = permission_mode(c->fs, n) & 7;
		w->group_obj = w->other;
	}
	ch.b = api_batch_new(on_written, NULL);
	if (change_all(&ch, w) < 0) {
		api_batch_free(ch.b);
		reply_refused(c, n, NULL);
	} else if (!ch.b->n) {
		api_batch_free(ch.b);
		reply_ok(c);
	} else {
		submit(c, n, ch.b, 0);
	}
}

void permission_set_mode(struct call *c, struct node *n, unsigned mode)
{
	unsigned now = permission_mode(c->fs, n) & 0777;
	struct wish others = of_others(mode & 7);
	struct change_of ch = {c, n, api_batch_new(on_written, NULL)};
	struct stat st;

	if ((mode & 0700) != (now & 0700) ||
	    ((mode & 0070) != (now & 0070) && (mode >> 3 & 7) != (mode & 7)))
		err_set(&c->err, EPERM,
			"only what others may can be changed by chmod: setfacl says the rest");
	else
		change_others(&ch, &others);
	if (!c->err.code && ch.b->n) {
		submit(c, n, ch.b, 1);
		return;
	}
	api_batch_free(ch.b);
	if (c->err.code || node_stat(c, n, &st) < 0)
		reply_refused(c, n, NULL);
	else
		fuse_reply_attr(c->req, &st, 0);
}
