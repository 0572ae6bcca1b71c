/* SPDX-License-Identifier: MIT */
/*
 * What a user has of the tree at a time: open files, and what he has written into them and not
 * closed. Bounded for each, so that nobody takes the daemon's memory from the others. root is not
 * bounded. By name, so that a pod is one user, whatever uids it takes.
 *
 * Locking: any thread.
 */
#pragma once

#include "auth/identity.h"

enum tenant_what {
	TENANT_FILES,   /* open files, streams too */
	TENANT_DIRS,    /* open directories: each may hold a long listing */
	TENANT_STREAMS, /* open files that block: watches, waits, followed logs, exec */
	TENANT_BYTES,   /* written, not yet acted upon */
	N_TENANT_BOUNDS
};

#define TENANT_FILES_MAX   4096u
#define TENANT_DIRS_MAX    1024u
#define TENANT_STREAMS_MAX 1024u
#define TENANT_BYTES_MAX   (64u << 20)

struct tenants;
struct tenants *tenants_new(void);
void tenants_free(struct tenants *all);

/* One of the table's; NULL: of one who is not bounded, which the others take, too. */
struct tenant *tenant_of(struct tenants *all, const struct identity *who);
/* Return: 0, or -EDQUOT with err when n more were too many. Nothing is counted. */
int tenant_may_have(const struct tenant *u, enum tenant_what what, size_t n, struct err *err)
	MUST_CHECK;
void tenant_add(struct tenant *u, enum tenant_what what, size_t n);
void tenant_sub(struct tenant *u, enum tenant_what what, size_t n);
