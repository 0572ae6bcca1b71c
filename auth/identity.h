/* SPDX-License-Identifier: MIT */
/*
 * Who is calling, by the kernel's word alone: the uid and gid of a request and
 * the supplementary groups of the calling thread, with names from passwd and
 * group (NSS, cached for a minute). An unknown uid is "uid:1234", an unknown gid
 * "gid:1234". uid 0 is in "system:masters" besides its groups; everybody is in
 * "system:authenticated".
 *
 * Processes of a pod have uids that belong to that pod alone: they are its ServiceAccount,
 * "system:serviceaccount:<namespace>:<name>", whatever uid and groups they took within it.
 *
 * Locking: any thread.
 */
#pragma once

#include "objects/api.h"

struct identity { /* refcounted, immutable */
	_Atomic unsigned refs;
	unsigned uid, gid;
	char *user;
	char **groups;        /* NULL-terminated */
	struct caller caller; /* the same for api_submit: manager is the user's name */
};

struct identities;
struct identities *identities_new(void);
/*
 * Whose pod a uid belongs to: fn puts "<namespace>:<name>" of the ServiceAccount into out and
 * returns 1, or 0 for a uid that is no pod's. Asked anew each time, from any thread. Before the
 * first identity_get.
 */
void identities_set_accounts(struct identities *all,
			     int (*fn)(void *arg, unsigned uid, struct buf *out), void *arg);
/* The caller that a process of this ServiceAccount ("<namespace>:<name>") is. Owned reference. */
struct identity *identity_of_account(const char *account, unsigned uid, unsigned gid);
void identities_free(struct identities *all);

/* Supplementary groups: ids (n of them), as fuse_req_getgroups gave them; n 0: none known. Owned
 * reference, never NULL. */
struct identity *identity_get(struct identities *all, unsigned uid, unsigned gid,
			      const unsigned *groups, size_t n);
void identity_unref(struct identity *i);
/* The caller that a process of this user is after a login: the groups that NSS gives him.
 * "uid:1234" is a user without a name. Owned reference; NULL: no such user on this machine. */
struct identity *identity_of_user(struct identities *all, const char *user);
/* The group's number; "gid:1234" is one without a name. Return: 0, or -ENOENT. */
int identity_gid(const char *group, unsigned *gid_out) MUST_CHECK;
/* uid 0, or a member of system:masters. */
int identity_is_master(const struct identity *i);
/* YAML for /k8s/whoami: "user: alice\ngroups: dev staff\n" */
void identity_render(const struct identity *i, struct buf *out);
