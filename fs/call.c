/* SPDX-License-Identifier: MIT */
/* Who asks, and what he may do. */
#include <errno.h>

#include "fs/detour.h"
#include "fs/handle.h"
#include "fs/notifier.h"
#include "fs/tenant.h"

#define GROUPS_FEW 256
#define GROUPS_MAX 65536 /* NGROUPS_MAX of Linux */

#define UNNAMED_ID 0xfffffffeu /* of a pod that has the host's users: not root, whatever it says */

/* A pod with `hostUsers: true` has the ids of the host, root's too, and is its ServiceAccount. */
static void call_as_pod(struct call *c)
{
	const struct fs_rooms *rooms = &c->fs->rooms;
	CLEANUP(buf_fini) struct buf account = BUF_INIT;

	if (!c->pid || !rooms->account_of_process ||
	    !rooms->account_of_process(rooms->daemon, c->pid, &account))
		return;
	c->uid = c->gid = UNNAMED_ID;
	c->who = identity_of_account(buf_str(&account), c->uid, c->gid);
}

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
	call_as_pod(c);
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

/* All groups of the calling thread: many more than usual are asked for a second time. */
static gid_t *groups_of(struct call *c, gid_t *few, int *n)
{
	gid_t *many = NULL;

	*n = fuse_req_getgroups(c->req, GROUPS_FEW, few);
	if (*n <= GROUPS_FEW)
		return NULL;
	if (*n > GROUPS_MAX)
		*n = GROUPS_MAX;
	many = xcalloc((size_t)*n, sizeof(*many));
	*n = fuse_req_getgroups(c->req, *n, many);
	return many;
}

/* root may all, so his groups are not looked up (a read of /proc for each request). */
struct identity *call_who(struct call *c)
{
	gid_t few[GROUPS_FEW];
	CLEANUP_FREE gid_t *many = NULL;
	int n = 0;

	if (c->who)
		return c->who;
	if (c->uid != 0)
		many = groups_of(c, few, &n);
	c->who = identity_get(c->fs->identities, c->uid, c->gid, many ? many : few,
			      n > 0 ? (size_t)n : 0);
	return c->who;
}

int call_may_have(struct call *c, unsigned what)
{
	if (c->uid == 0 && !c->who)
		return 0;
	return tenant_may_have(tenant_of(c->fs->tenants, call_who(c)), what, 1, &c->err);
}

int call_is_own(const struct call *c)
{
	return notifier_is(c->fs->notifier, c->pid);
}

struct object *node_get_object(struct fs *fs, const struct node *n, struct err *err)
{
	struct object *o = node_see_object(fs, n, err);

	if (o && objects_make_whole(fs, &o, 1, err) < 0) {
		object_unref(o);
		return NULL;
	}
	return o;
}

struct object *node_see_object(struct fs *fs, const struct node *n, struct err *err)
{
	struct object *o = store_get(fs->store, (struct objkey){n->kind, n->ns, n->name});

	if (o && strcmp(o->uid, n->uid) == 0)
		return o;
	object_unref(o);
	err_set(err, ESTALE, "%s \"%s\" is gone", kind_resource(n->kind), n->name);
	return NULL;
}
