/* SPDX-License-Identifier: MIT */
/* mkdir makes an object that needs nothing but a name (a Namespace), rmdir deletes one. */
#include <errno.h>

#include "fs/attr.h"
#include "fs/changes.h"
#include "fs/dirs.h"
#include "fs/manifest_files.h"
#include "fs/message.h"
#include "fs/notifier.h"
#include "fs/reply.h"

/* A mkdir that waits for its commit: answered with the new directory. */
struct making {
	struct fs *fs;
	fuse_req_t req;
	struct node *dir;     /* owned reference */
	struct identity *who; /* owned reference */
	char *name;
};

static void refuse_making(struct making *m, struct api_batch *b, int rc)
{
	CLEANUP_FREE char *path = path_below(m->dir, m->name);
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	faults_render(&b->list[0]->faults, NULL, &text);
	note_refusal(m->fs, m->who, path, buf_str(&text));
	fuse_reply_err(m->req, reply_errno(rc));
}

static void on_made(struct api_batch *b, int rc)
{
	struct making *m = b->arg;
	struct call c = {.fs = m->fs, .req = m->req, .uid = m->who->uid, .gid = m->who->gid};
	struct object *o = b->list[0]->result;
	struct fuse_entry_param e;
	struct fs *fs = m->fs;
	struct node *n;

	changes_drain(fs->changes);
	if (rc < 0 || !o) {
		refuse_making(m, b, rc < 0 ? rc : -EIO);
	} else {
		n = object_node(m->dir, o);
		if (node_entry(&c, n, 0, &e) < 0) {
			reply_error(&c);
		} else {
			notifier_client_did(fs->notifier, o->uid, 0);
			node_looked_up(n);
			fuse_reply_entry(m->req, &e);
		}
		node_unref(n);
	}
	node_unref(m->dir);
	identity_unref(m->who);
	free(m->name);
	free(m);
	fs->n_background--;
}

void mkdir_object(struct call *c, struct node *dir, const char *name, unsigned mode)
{
	struct making *m;
	struct api_batch *b;
	struct api_request *r;
	struct value *body = value_new_map();
	struct identity *who;

	(void)mode;
	if (!*dir->ns && (dir->kind->flags & KIND_NAMESPACED)) {
		value_unref(body);
		err_set(&c->err, EPERM,
			"a namespace is made by mkdir in the namespaces' directory");
		reply_refused(c, dir, name);
		return;
	}
	who = call_who(c);
	who->refs++;
	m = xcalloc(1, sizeof(*m));
	*m = (struct making){c->fs, c->req, node_ref(dir), who, xstrdup(name)};
	c->fs->n_background++;
	b = api_batch_new(on_made, m);
	r = api_request_new(API_CREATE, dir->kind, dir->ns, name);
	body = value_set_str(body, "apiVersion", kind_api_version(dir->kind));
	body = value_set_str(body, "kind", dir->kind->kind);
	body = value_bury(body, value_new_string(name), "metadata", "name", NULL);
	if (*dir->ns)
		body = value_bury(body, value_new_string(dir->ns), "metadata", "namespace", NULL);
	r->body = body;
	api_batch_add(b, r);
	who->refs++;
	api_submit(c->fs->api, &who->caller, b);
	identity_unref(who);
}

void rmdir_object(struct call *c, struct node *dir, const char *name)
{
	CLEANUP_OBJECT struct object *o =
		store_get(c->fs->store, (struct objkey){dir->kind, dir->ns, name});
	CLEANUP_NODE struct node *n = NULL;
	struct api_batch *b;
	struct api_request *r;
	struct message *m;

	if (!o) {
		err_set(&c->err, !*dir->ns && (dir->kind->flags & KIND_NAMESPACED) ? EPERM : ENOENT,
			"%s is no object here", name);
		reply_refused(c, dir, name);
		return;
	}
	n = object_node(dir, o);
	m = message_new(c, n, "");
	m->removes_dir = 1;
	b = message_batch(m);
	r = message_request(m, API_DELETE);
	r->grace_seconds = -1;
	api_batch_add(b, r);
	message_submit(m, b);
}
