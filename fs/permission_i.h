/* SPDX-License-Identifier: MIT */
/* Between the files of fs/permission*.c only. */
#pragma once

#include "fs/permission.h"
#include "util/strmap.h"

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

/* -- permission_holders.c -- */

/* Somebody who holds a right on a resource in a namespace. */
struct holder {
	enum subject_type type;
	char *group; /* owned; SUBJECT_GROUP */
	struct identity
		*who; /* owned reference; SUBJECT_USER: with the groups that NSS gives him */
	unsigned id;
	int is_account; /* of pods, that have no number of their own */
};

/* All who do. */
struct holders {
	_Atomic unsigned refs;
	struct holder *list; /* owned */
	size_t n, cap;
	int names_matter;  /* some rule is about single objects */
	int private_names; /* permission_names_private() */
	int unknown;       /* more than an ACL can list */
	int accounts;      /* some are ServiceAccounts */
};

/* A process with this group, and nothing more. */
struct group_caller {
	const char *groups[3];
	struct caller caller;
};

/* Everybody who is logged in, and nothing more. */
extern const char *const permission_anyone_groups[];
extern const struct caller permission_anyone;

/* As a caller; g is room for one that is a group. */
const struct caller *holder_caller(const struct holder *one, struct group_caller *g);
/* Owned reference. */
struct holders *holders_get(struct fs *fs, const struct kind *k, const char *ns);
void holders_unref(struct holders *h);
DEFINE_CLEANUP(struct holders *, holders_unref)

/* -- permission_acl.c -- */

struct acl_entry {
	unsigned tag, perm, id;
};

struct acl {
	_Atomic unsigned refs;
	unsigned group_obj, other, mask;
	unsigned accounts;      /* what pods may: shown with other, and decided by the handler */
	struct acl_entry *list; /* owned; named users, then named groups */
	size_t n;
};

void acl_unref(struct acl *a);
DEFINE_CLEANUP(struct acl *, acl_unref)

/* -- what is cached of one generation of rules -- */

struct permissions {
	struct fs *fs;
	pthread_mutex_t lock;
	uint64_t generation, until_ms; /* lock: of what is cached */
	struct strmap holders, acls;   /* lock; owned references */
	_Atomic uint64_t told;         /* the kernel knows of rules up to this resourceVersion */
	pthread_t thread;
	pthread_mutex_t wake_lock;
	pthread_cond_t wake;
	int woken, stopping, running; /* wake_lock */
};

void permissions_cache_drop(struct permissions *all);
/* With the lock: what is cached is of these rules from now on. */
void permissions_cache_refresh(struct permissions *all, uint64_t generation);
