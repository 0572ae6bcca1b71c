/* SPDX-License-Identifier: MIT */
/* The handlers of names: lookup, attributes, links, and what clients do to names. */
#include <errno.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "fs/attr.h"
#include "fs/content.h"
#include "fs/detour.h"
#include "fs/dirs.h"
#include "fs/handle.h"
#include "fs/notifier.h"
#include "fs/permission.h"
#include "fs/permission_set.h"
#include "fs/reply.h"
#include "fs/trim.h"
#include "fs/tenant.h"

static void on_init(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	/* errors of write() must reach the writer; no page of ours is ever spliced */
	conn->want &= ~(FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
			FUSE_CAP_SPLICE_MOVE);
	conn->want |= conn->capable &
		      (FUSE_CAP_POSIX_ACL | FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_CACHE_SYMLINKS |
		       FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO);
	conn->max_background = 64;
	conn->congestion_threshold = 48;
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	CLEANUP(call_fini) struct call c = {0};
	struct fuse_entry_param e;
	struct node *dir, *n;
	int by_row;

	if (detour_name(req, parent, name, on_lookup))
		return;
	call_init(&c, req);
	dir = node_of(c.fs, parent);
	if (call_is_own(&c) && notifier_lookup(&c, dir, name))
		return;
	n = dir_child(&c, dir, name, &by_row);
	if (!n || node_entry(&c, n, by_row, &e) < 0) {
		if (c.err.code == ESTALE && n)
			c.err.code = ENOENT;
		reply_error(&c);
	} else {
		node_looked_up(n);
		if (fuse_reply_entry(req, &e) == -ENOENT)
			node_forget(n, 1); /* interrupted: the kernel never saw it */
	}
	if (n)
		node_unref(n);
	trim_if_many(c.fs);
}

static void on_forget(fuse_req_t req, fuse_ino_t id, uint64_t n_lookups)
{
	struct fs *fs = fuse_req_userdata(req);

	if (id != FUSE_ROOT_ID)
		node_forget(node_of(fs, id), n_lookups);
	fuse_reply_none(req);
}

static void on_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *list)
{
	struct fs *fs = fuse_req_userdata(req);

	for (size_t i = 0; i < count; i++)
		if (list[i].ino != FUSE_ROOT_ID)
			node_forget(node_of(fs, list[i].ino), list[i].nlookup);
	fuse_reply_none(req);
}

static void reply_attr(struct call *c, struct node *n, struct handle *h)
{
	CLEANUP(handle_unrefp)
	struct handle *found = h ? NULL : handle_being_read(c->fs, n, c->pid);
	struct keeping k;
	struct stat st;
	int shown, rc;

	if (call_is_own(c)) {
		notifier_stat(c, n, &st);
		fuse_reply_attr(c->req, &st, 0);
		return;
	}
	h = h ? h : found;
	shown = h && h->ops->stat;
	k = keeping_begin(c, n);
	rc = shown ? node_stat_outside(c, n, &st) : node_stat(c, n, &st);
	/* an open file shows what it holds, also when its object is gone meanwhile */
	if (rc < 0 && !shown) {
		reply_error(c);
		return;
	}
	if (shown && h->ops->stat(h, &st) == 0)
		k.timeout = 0;
	fuse_reply_attr(c->req, &st, keeping_end(&k, n));
}

static struct handle *handle_at(struct fuse_file_info *fi)
{
	return fi ? (struct handle *)(uintptr_t)fi->fh : NULL;
}

static void on_getattr(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi)
{
	CLEANUP(call_fini) struct call c = {0};

	if (detour_file(req, id, fi, on_getattr))
		return;
	call_init(&c, req);
	reply_attr(&c, node_of(c.fs, id), handle_at(fi));
}

static void on_setattr(fuse_req_t req, fuse_ino_t id, struct stat *st, int to_set,
		       struct fuse_file_info *fi)
{
	CLEANUP(call_fini) struct call c;
	struct handle *h = handle_at(fi);
	struct node *n;
	int rc = 0;

	call_init(&c, req);
	n = node_of(c.fs, id);
	if (call_is_own(&c)) {
		reply_attr(&c, n, NULL);
		return;
	}
	if (h && (to_set & FUSE_SET_ATTR_SIZE) && h->ops->truncate)
		rc = h->ops->truncate(h, st->st_size);
	if (h && h->ops->truncate)
		to_set &= ~FUSE_SET_ATTR_SIZE;
	if (rc < 0) {
		err_set(&c.err, -rc, "cannot be cut or extended to %lld bytes",
			(long long)st->st_size);
		reply_refused(&c, n, NULL);
		return;
	}
	if (n->row == &row_object && (to_set & FUSE_SET_ATTR_MODE))
		permission_set_mode(&c, n, st->st_mode & 07777);
	else if (n->row->setattr && to_set)
		n->row->setattr(&c, n, st, to_set);
	else
		/* modes, owners and times follow from the object: tools that set them go on */
		reply_attr(&c, n, h);
}

static void on_readlink(fuse_req_t req, fuse_ino_t id)
{
	CLEANUP(call_fini) struct call c;
	CLEANUP_OBJECT struct object *o = NULL;
	CLEANUP_CONTENT struct content *t = NULL;
	struct node *n;

	call_init(&c, req);
	n = node_of(c.fs, id);
	if (n->row->flags & ROW_OBJECT)
		o = node_get_object(c.fs, n, &c.err);
	if (!c.err.code)
		t = content_get(&c, n, o);
	if (t)
		fuse_reply_readlink(req, t->data);
	else
		reply_error(&c);
}

/* -- names that clients make, move and remove -- */

static void refuse_name(struct call *c, struct node *dir, const char *name)
{
	err_set(&c->err, EPERM, "nothing can be made, moved or removed here under this name");
	reply_refused(c, dir, name);
}

static int name_is_fine(struct call *c, struct node *dir, const char *name)
{
	if (strlen(name) <= FS_NAME_MAX)
		return 1;
	err_set(&c->err, ENAMETOOLONG, "name of more than %d bytes", FS_NAME_MAX);
	reply_refused(c, dir, NULL);
	return 0;
}

#define NAME_HANDLER(handler_, member_, ...)                                                       \
	do {                                                                                       \
		CLEANUP(call_fini) struct call c;                                                  \
		struct node *dir;                                                                  \
                                                                                                   \
		call_init(&c, req);                                                                \
		dir = node_of(c.fs, parent);                                                       \
		if (handler_(&c, dir, name))                                                       \
			return;                                                                    \
		if (!name_is_fine(&c, dir, name))                                                  \
			return;                                                                    \
		if (dir->row->names && dir->row->names->member_)                                   \
			dir->row->names->member_(&c, dir, name, ##__VA_ARGS__);                    \
		else                                                                               \
			refuse_name(&c, dir, name);                                                \
	} while (0)

/* What is asked before a name's handler: return whether it was answered here. */
static int not_ours(struct call *c, struct node *dir, const char *name)
{
	(void)c;
	(void)dir;
	(void)name;
	return 0;
}

static int told_made(struct call *c, struct node *dir, const char *name)
{
	return call_is_own(c) && notifier_made(c, dir, name);
}

static int told_removed(struct call *c, struct node *dir, const char *name)
{
	return call_is_own(c) && notifier_removed(c, dir, name);
}

static int too_many_files(struct call *c, struct node *dir, const char *name)
{
	if (call_may_have(c, TENANT_FILES) == 0)
		return 0;
	reply_refused(c, dir, name);
	return 1;
}

static void on_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	NAME_HANDLER(told_made, mkdir, mode);
}

static void on_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	NAME_HANDLER(told_removed, unlink);
}

static void on_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	NAME_HANDLER(told_removed, rmdir);
}

static void on_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	NAME_HANDLER(not_ours, symlink, target);
}

void files_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		  struct fuse_file_info *fi)
{
	NAME_HANDLER(too_many_files, create, mode, fi);
}

static void on_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev)
{
	CLEANUP(call_fini) struct call c;
	struct node *dir;

	(void)mode;
	(void)dev;
	call_init(&c, req);
	dir = node_of(c.fs, parent);
	if (call_is_own(&c) && notifier_made(&c, dir, name))
		return;
	refuse_name(&c, dir, name);
}

static void on_link(fuse_req_t req, fuse_ino_t id, fuse_ino_t parent, const char *name)
{
	CLEANUP(call_fini) struct call c;

	(void)id;
	call_init(&c, req);
	err_set(&c.err, EPERM, "hard links are not possible here");
	reply_refused(&c, node_of(c.fs, parent), name);
}

static void on_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
		      const char *new_name, unsigned flags)
{
	CLEANUP(call_fini) struct call c;
	struct node *dir, *to;

	call_init(&c, req);
	dir = node_of(c.fs, parent);
	to = node_of(c.fs, new_parent);
	if (!name_is_fine(&c, to, new_name))
		return;
	if (dir->row->names && dir->row->names->rename)
		dir->row->names->rename(&c, dir, name, to, new_name, flags);
	else
		refuse_name(&c, dir, name);
}

/* -- extended attributes: the ACL that RBAC makes -- */

#define ACL_ACCESS "system.posix_acl_access"

static void reply_xattr(fuse_req_t req, const char *data, size_t len, size_t size)
{
	if (!size)
		fuse_reply_xattr(req, len);
	else if (size < len)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, data, len);
}

static void on_getxattr(fuse_req_t req, fuse_ino_t id, const char *name, size_t size)
{
	CLEANUP(buf_fini) struct buf acl = BUF_INIT;
	struct fs *fs = fuse_req_userdata(req);

	fs->n_requests++;
	if (strcmp(name, ACL_ACCESS) == 0)
		permission_acl(fs, node_of(fs, id), &acl);
	if (acl.len)
		reply_xattr(req, acl.data, acl.len, size);
	else /* told that there are no others, `ls` asks once, not for each file */
		fuse_reply_err(req, str_starts(name, "system.posix_acl_") ? ENODATA : EOPNOTSUPP);
}

static void on_listxattr(fuse_req_t req, fuse_ino_t id, size_t size)
{
	CLEANUP(buf_fini) struct buf acl = BUF_INIT;
	struct fs *fs = fuse_req_userdata(req);

	fs->n_requests++;
	permission_acl(fs, node_of(fs, id), &acl);
	reply_xattr(req, ACL_ACCESS, acl.len ? sizeof(ACL_ACCESS) : 0, size);
}

static void on_setxattr(fuse_req_t req, fuse_ino_t id, const char *name, const char *value,
			size_t size, int flags)
{
	CLEANUP(call_fini) struct call c;

	(void)flags;
	call_init(&c, req);
	if (strcmp(name, ACL_ACCESS) == 0 && !(node_of(c.fs, id)->row->flags & ROW_OWN_MODE))
		permission_set_acl(&c, node_of(c.fs, id), value, size);
	else
		fuse_reply_err(req, EOPNOTSUPP);
}

static void on_removexattr(fuse_req_t req, fuse_ino_t id, const char *name)
{
	CLEANUP(call_fini) struct call c;

	call_init(&c, req);
	if (strcmp(name, ACL_ACCESS) == 0)
		permission_set_acl(&c, node_of(c.fs, id), NULL, 0);
	else
		fuse_reply_err(req, ENODATA);
}

static void on_statfs(fuse_req_t req, fuse_ino_t id)
{
	struct fs *fs = fuse_req_userdata(req);
	struct store_stats figures;
	struct statvfs st;

	(void)id;
	if (statvfs(fs->state_dir, &st) < 0) {
		fuse_reply_err(req, EIO);
		return;
	}
	store_stats(fs->store, &figures);
	st.f_files = figures.objects + st.f_ffree;
	st.f_namemax = FS_NAME_MAX;
	fuse_reply_statfs(req, &st);
}

const struct fuse_lowlevel_ops fs_operations = {
	.init = on_init,
	.lookup = on_lookup,
	.forget = on_forget,
	.forget_multi = on_forget_multi,
	.getattr = on_getattr,
	.setattr = on_setattr,
	.readlink = on_readlink,
	.mknod = on_mknod,
	.mkdir = on_mkdir,
	.unlink = on_unlink,
	.rmdir = on_rmdir,
	.symlink = on_symlink,
	.rename = on_rename,
	.link = on_link,
	.open = files_open,
	.create = files_create,
	.read = files_read,
	.write = files_write,
	.flush = files_flush,
	.release = files_release,
	.fsync = files_fsync,
	.poll = files_poll,
	.opendir = dirs_open,
	.readdir = dirs_read,
	.readdirplus = dirs_read_plus,
	.releasedir = dirs_release,
	.statfs = on_statfs,
	.getxattr = on_getxattr,
	.listxattr = on_listxattr,
	.setxattr = on_setxattr,
	.removexattr = on_removexattr,
};
