/* SPDX-License-Identifier: MIT */
/* Who asks, and what he may do. */
#include <errno.h>

#include "fs/handle.h"
#include "fs/notifier.h"

#define GROUPS_MAX 256

void call_init(struct call *c, fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	*c = (struct call){
		.fs = fuse_req_userdata(req),
		.req = req,
		.uid = ctx->uid,
		.gid = ctx->gid,
		.pid = ctx->pid,
	};
	c->fs->n_requests++;
}

void call_fini(struct call *c)
{
	if (c->who)
		identity_unref(c->who);
}

void call_as_opener(struct call *c, const struct handle *h)
{
	call_fini(c);
	c->who = h->who;
	c->who->refs++;
	c->uid = h->who->uid;
	c->gid = h->who->gid;
}

/* root may all, so his groups are not looked up (a read of /proc for each request). */
struct identity *call_who(struct call *c)
{
	gid_t groups[GROUPS_MAX];
	int n = 0;

	if (c->who)
		return c->who;
	if (c->uid != 0)
		n = fuse_req_getgroups(c->req, GROUPS_MAX, groups);
	if (n > GROUPS_MAX)
		n = GROUPS_MAX;
	c->who = identity_get(c->fs->identities, c->uid, c->gid, groups, n > 0 ? (size_t)n : 0);
	return c->who;
}

static int check(struct fs *fs, const struct caller *who, const struct node *n, const char *verb,
		 struct err *err)
{
	const struct access what = {
		.verb = verb,
		.group = n->kind->group,
		.resource = n->kind->plural,
		.subresource = n->row->subresource ? n->row->subresource : "",
		.ns = n->ns,
		.name = n->name,
	};

	return auth_check(fs->rbac, who, &what, err);
}

int call_may(struct call *c, const struct node *n, const char *verb)
{
	if (c->uid == 0 || !n->kind || (n->row->flags & ROW_PUBLIC))
		return 0;
	return check(c->fs, &call_who(c)->caller, n, verb, &c->err);
}

int anyone_may(struct fs *fs, const struct node *n, const char *verb)
{
	static const char *const groups[] = {"system:authenticated", NULL};
	static const struct caller anyone = {.user = "", .groups = groups, .uid = 65534};

	if (!n->kind || (n->row->flags & ROW_PUBLIC))
		return 1;
	return check(fs, &anyone, n, verb, NULL) == 0;
}

int call_is_own(const struct call *c)
{
	return notifier_is(c->fs->notifier, c->pid);
}

struct object *node_get_object(struct fs *fs, const struct node *n, struct err *err)
{
	struct object *o = store_get(fs->store, (struct objkey){n->kind, n->ns, n->name});

	if (o && strcmp(o->uid, n->uid) == 0)
		return o;
	object_unref(o);
	err_set(err, ESTALE, "%s \"%s\" is gone", kind_resource(n->kind), n->name);
	return NULL;
}
