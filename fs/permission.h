/* SPDX-License-Identifier: MIT */
/*
 * Who may do what to a node: r, w and x as questions of RBAC. One table of questions says what a
 * file's mode and ACL show and what its handler answers, so that the two agree.
 *
 *	collection, namespace	r list; w create, patch, update or delete of any object; x any right
 *				on the resource there
 *	a resource's directory
 *	over its namespaces	r, x any right on the resource in any namespace: the listing
 *				shows the namespaces of those rights only
 *	object and below	r get; x any right by which one learns that it is there
 *	files			r get; w patch or update (`spec/replicas` also through scale); or
 *				what the row says
 *	no resource's		get of the row's url, or what its mode says
 *
 * The kernel checks mode and ACL before it asks us; the handler then has the last word, with the
 * caller as he is: an ACL cannot know groups that a process took on besides those of its user, and
 * one of more than ACL_MAX holders is shown as what the most permitted of its subjects may.
 *
 * Pods call with any of the thousands of ids of their range, which an ACL cannot name: what
 * their ServiceAccounts may is in the bits of everybody else, and the handler decides.
 *
 * Names: where a directory may be searched by somebody who may not see all of its names, the
 * kernel does not keep them (permission_names_private): each look-up is ours, except within a
 * tick of one of hundreds in a row that somebody makes who may see the name.
 *
 * Locking: any thread.
 */
#pragma once

#include "fs/fs_i.h"

#define PERM_R 4u
#define PERM_W 2u
#define PERM_X 1u

#define ACL_MAX 500 /* holders: the kernel asks for an ACL of one page at most */

struct permissions;
struct acl;

struct permissions *permissions_new(struct fs *fs);
/* The thread that tells the kernel of new rules ends here; permissions_free after all handlers. */
void permissions_stop(struct permissions *all);
void permissions_free(struct permissions *all);

/* auth_check(), and a refusal is a line of the audit log. */
int fs_check(struct fs *fs, const struct caller *who, const struct access *what, struct err *err);
/* May the caller do this to the node? 0, or -EACCES with c->err in Kubernetes' words. */
int call_allows(struct call *c, const struct node *n, unsigned bit);
/* The same of somebody who opened the node earlier: 0 or -EACCES. */
int node_allows(struct fs *fs, const struct identity *who, const struct node *n, unsigned bit);
/* Of a resource's directory: are all names in it there for him? */
int node_shows_all_names(struct fs *fs, const struct identity *who, const struct node *n);
/* May the caller learn that the resource has this object (name NULL: that there is this
 * namespace in it)? */
int call_sees(struct call *c, const struct kind *k, const char *ns, const char *name);
/* May he see what `describe` says of other objects than this one: events, pods of a node ... */
int call_sees_around(struct call *c, const struct node *n);
/* API_SCALE for an edit of spec.replicas by somebody who may scale the object and not change it;
 * else 0. */
unsigned scaling_flag(struct fs *fs, const struct identity *who, const struct node *n);
/* May he `verb` on all of the node's resource where the node is? 0, or -EACCES with c->err. */
int call_may(struct call *c, const struct node *n, const char *verb);

/* Mode bits for group and others besides the owner's (root: what the row says). */
unsigned permission_mode(struct fs *fs, const struct node *n);
/* system.posix_acl_access, as the kernel has it; empty: none besides the mode. */
void permission_acl(struct fs *fs, const struct node *n, struct buf *out);
/* Is there somebody who may search the directory but not see all names of this resource in it?
 * ns "": the namespaces of the resource. */
int permission_names_private(struct fs *fs, const struct kind *k, const char *ns);
/* Counts changes of the rules. */
uint64_t permission_generation(struct fs *fs);
