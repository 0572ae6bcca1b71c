/* SPDX-License-Identifier: MIT */
/* See tenant.h. */
#include "fs/tenant.h"

#include <errno.h>

#include "util/strmap.h"

/* A few users may share one: the table of them cannot grow. */
#define N_USERS 4096u

struct tenant {
	_Atomic size_t now[N_TENANT_BOUNDS];
};

struct tenants {
	struct tenant users[N_USERS];
};

static const struct {
	const char *of_what;
	size_t max;
} bounds[N_TENANT_BOUNDS] = {
	[TENANT_FILES] = {"open files", TENANT_FILES_MAX},
	[TENANT_DIRS] = {"open directories", TENANT_DIRS_MAX},
	[TENANT_STREAMS] = {"open files that block", TENANT_STREAMS_MAX},
	[TENANT_BYTES] = {"bytes in files that are not closed yet", TENANT_BYTES_MAX},
};

struct tenants *tenants_new(void)
{
	return xcalloc(1, sizeof(struct tenants));
}

void tenants_free(struct tenants *all)
{
	free(all);
}

struct tenant *tenant_of(struct tenants *all, const struct identity *who)
{
	if (who->uid == 0)
		return NULL;
	return &all->users[hash_bytes(who->user, strlen(who->user)) % N_USERS];
}

int tenant_may_have(const struct tenant *u, enum tenant_what what, size_t n, struct err *err)
{
	if (!u || u->now[what] + n <= bounds[what].max)
		return 0;
	return err_set(err, EDQUOT, "too many %s: a user may have %zu", bounds[what].of_what,
		       bounds[what].max);
}

void tenant_add(struct tenant *u, enum tenant_what what, size_t n)
{
	if (u)
		u->now[what] += n;
}

void tenant_sub(struct tenant *u, enum tenant_what what, size_t n)
{
	if (u)
		u->now[what] -= n;
}
