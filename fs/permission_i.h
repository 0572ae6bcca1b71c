/* SPDX-License-Identifier: MIT */
/* Between permission.c and permission_acl.c only. */
#pragma once

#include "fs/permission.h"

/* Does RBAC decide about the node (and not its row's mode or url)? */
int permission_is_asked(const struct node *n);
/* The decision, for anybody. */
int permission_answer(const struct snapshot *s, const struct caller *who, const struct node *n,
		      unsigned bit);
