/* SPDX-License-Identifier: MIT */
/*
 * setfacl and chmod: the permission of a directory, said as roles and bindings.
 *
 * Each subject that is given something at a place gets a Role and a RoleBinding of its own (of a
 * resource's directory: a ClusterRole and ClusterRoleBinding), called
 * `acl:<resource>:<user|group>:<name>[:<object>]`; taking it away removes both. What a subject
 * holds by other bindings cannot be taken away here: EPERM names nothing more than that.
 *
 *	of a collection or namespace	r-x get, list, watch; rwx also create, update, patch,
 *					delete, deletecollection; --x get; -wx all of the
 *					writing ones
 *	of an object			r-x get, watch; -wx update, patch; rwx also delete
 *
 * Everything else (r or w without x, --x of an object, the owner, a file's own ACL, default ACLs)
 * cannot be said: EINVAL or EPERM.
 */
#pragma once

#include "fs/fs_i.h"

struct acl_wish;

/* system.posix_acl_access was set; len 0: removed. Answers the request. */
void permission_set_acl(struct call *c, struct node *n, const void *data, size_t len);
/* The mode of an object's directory was set: the bits of others are what everybody may. Answers
 * the request with attributes. */
void permission_set_mode(struct call *c, struct node *n, unsigned mode);
/* Answer those whose rules hold now; all: the end. */
void permission_set_settled(struct fs *fs, int all);
