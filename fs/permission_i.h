/* SPDX-License-Identifier: MIT */
/* Between the files of fs/permission*.c only. */
#pragma once

#include "fs/permission.h"

/* Does RBAC decide about the node (and not its row's mode or url)? */
int permission_is_asked(const struct node *n);
/* The decision, for anybody. */
int permission_answer(const struct snapshot *s, const struct caller *who, const struct node *n,
		      unsigned bit);
/* What a user (with his groups) or a group may do to the node, everybody's rights included. */
unsigned permission_of_subject(struct fs *fs, const struct snapshot *s, enum subject_type type,
			       const char *name, const struct node *n);

/* linux/posix_acl_xattr.h */
#define ACL_VERSION   2u
#define ACL_USER_OBJ  0x01u
#define ACL_USER      0x02u
#define ACL_GROUP_OBJ 0x04u
#define ACL_GROUP     0x08u
#define ACL_MASK      0x10u
#define ACL_OTHER     0x20u
#define ACL_NO_ID     0xffffffffu

struct posix_acl_item {
	unsigned tag, perm, id;
};
/* The i-th entry of an ACL as the kernel has it. Return: 0, there is none. */
int acl_item_at(const void *data, size_t len, size_t i, struct posix_acl_item *out);
