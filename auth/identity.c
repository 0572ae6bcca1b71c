/* SPDX-License-Identifier: MIT */
#include "auth/identity.h"

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>

#include "util/loop.h"
#include "util/strmap.h"

#define CACHE_MS   60000u /* how long a name from NSS is believed */
#define CACHE_SIZE 4096u  /* callers; past it the cache starts anew */

struct cached {
	struct identity *who; /* owned */
	uint64_t until_ms;
};

struct identities {
	int (*account_of)(void *arg, unsigned uid, struct buf *out); /* NULL: no pods */
	void *account_arg;
	pthread_mutex_t lock;
	struct strmap cache; /* the ids as bytes in hex -> struct cached, owned */
};

struct identities *identities_new(void)
{
	struct identities *all = xcalloc(1, sizeof(*all));

	pthread_mutex_init(&all->lock, NULL);
	return all;
}

static void cache_drop(struct identities *all)
{
	STRMAP_FOREACH (slot, &all->cache) {
		struct cached *c = slot->val;

		identity_unref(c->who);
		free(c);
	}
	strmap_fini(&all->cache);
	all->cache = (struct strmap)STRMAP_INIT;
}

void identities_free(struct identities *all)
{
	if (!all)
		return;
	cache_drop(all);
	pthread_mutex_destroy(&all->lock);
	free(all);
}

static struct identity *identity_ref(struct identity *i)
{
	i->refs++;
	return i;
}

void identity_unref(struct identity *i)
{
	if (!i || --i->refs)
		return;
	for (char **g = i->groups; *g; g++)
		free(*g);
	free(i->groups);
	free(i->user);
	free(i);
}

/* -- names -- */

/* What begins so is Kubernetes' to give, not a directory service's. */
static int is_ours(const char *name)
{
	return *name && !str_starts(name, "system:") && !str_starts(name, "uid:") &&
	       !str_starts(name, "gid:");
}

/*
 * The entry of a user by name, or with name NULL by number; its strings live in *buf_out, owned.
 * The buffer grows: an entry may list thousands of members. Return: 0 or -ENOENT.
 */
static int find_user(const char *name, unsigned uid, struct passwd *entry, char **buf_out)
{
	struct passwd *found = NULL;
	size_t size = 1024;
	int rc;

	do {
		*buf_out = xrealloc(*buf_out, size);
		rc = name ? getpwnam_r(name, entry, *buf_out, size, &found)
			  : getpwuid_r(uid, entry, *buf_out, size, &found);
		size *= 4;
	} while (rc == ERANGE && size <= 1u << 20);
	return rc || !found ? -ENOENT : 0;
}

/* The same of a group. */
static int find_group(const char *name, unsigned gid, struct group *entry, char **buf_out)
{
	struct group *found = NULL;
	size_t size = 1024;
	int rc;

	do {
		*buf_out = xrealloc(*buf_out, size);
		rc = name ? getgrnam_r(name, entry, *buf_out, size, &found)
			  : getgrgid_r(gid, entry, *buf_out, size, &found);
		size *= 4;
	} while (rc == ERANGE && size <= 1u << 20);
	return rc || !found ? -ENOENT : 0;
}

static char *user_name(unsigned uid)
{
	CLEANUP_FREE char *buf = NULL;
	struct passwd entry;

	return find_user(NULL, uid, &entry, &buf) == 0 && is_ours(entry.pw_name)
		       ? xstrdup(entry.pw_name)
		       : xasprintf("uid:%u", uid);
}

static char *group_name(unsigned gid)
{
	CLEANUP_FREE char *buf = NULL;
	struct group entry;

	return find_group(NULL, gid, &entry, &buf) == 0 && is_ours(entry.gr_name)
		       ? xstrdup(entry.gr_name)
		       : xasprintf("gid:%u", gid);
}

static struct identity *identity_look_up(unsigned uid, unsigned gid, const unsigned *groups,
					 size_t n)
{
	struct identity *i = xcalloc(1, sizeof(*i));
	size_t at = 0;

	i->refs = 1;
	i->uid = uid;
	i->gid = gid;
	i->user = user_name(uid);
	i->groups = xcalloc(n + 4, sizeof(char *));
	i->groups[at++] = group_name(gid);
	for (size_t g = 0; g < n; g++)
		if (groups[g] != gid)
			i->groups[at++] = group_name(groups[g]);
	if (uid == 0)
		i->groups[at++] = xstrdup("system:masters");
	i->groups[at++] = xstrdup("system:authenticated");
	i->caller = (struct caller){.user = i->user,
				    .groups = (const char *const *)i->groups,
				    .manager = i->user,
				    .uid = uid};
	return i;
}

struct identity *identity_of_account(const char *account, unsigned uid, unsigned gid)
{
	struct identity *i = xcalloc(1, sizeof(*i));

	i->refs = 1;
	i->uid = uid;
	i->gid = gid;
	i->user = xasprintf("system:serviceaccount:%s", account);
	i->groups = xcalloc(4, sizeof(char *));
	i->groups[0] = xstrdup("system:serviceaccounts");
	i->groups[1] =
		xasprintf("system:serviceaccounts:%.*s", (int)strcspn(account, ":"), account);
	i->groups[2] = xstrdup("system:authenticated");
	i->caller = (struct caller){.user = i->user,
				    .groups = (const char *const *)i->groups,
				    .manager = i->user,
				    .uid = uid};
	return i;
}

void identities_set_accounts(struct identities *all,
			     int (*fn)(void *arg, unsigned uid, struct buf *out), void *arg)
{
	all->account_of = fn;
	all->account_arg = arg;
}

static void cache_key(unsigned uid, unsigned gid, const unsigned *groups, size_t n, struct buf *out)
{
	buf_addf(out, "%u:%u", uid, gid);
	for (size_t g = 0; g < n; g++)
		buf_addf(out, ",%u", groups[g]);
}

struct identity *identity_get(struct identities *all, unsigned uid, unsigned gid,
			      const unsigned *groups, size_t n)
{
	CLEANUP(buf_fini) struct buf key = BUF_INIT, account = BUF_INIT;
	uint64_t now = loop_now_ms();
	struct identity *who;
	struct cached *c;

	/* never from the cache: the next pod may have the range of the last one */
	if (uid && all->account_of && all->account_of(all->account_arg, uid, &account))
		return identity_of_account(buf_str(&account), uid, gid);
	cache_key(uid, gid, groups, n, &key);
	pthread_mutex_lock(&all->lock);
	c = strmap_get(&all->cache, key.data);
	who = c && now < c->until_ms ? identity_ref(c->who) : NULL;
	pthread_mutex_unlock(&all->lock);
	if (who)
		return who;
	/* NSS may ask the network: never under the lock. */
	who = identity_look_up(uid, gid, groups, n);
	pthread_mutex_lock(&all->lock);
	if (all->cache.n >= CACHE_SIZE)
		cache_drop(all);
	c = strmap_get(&all->cache, key.data);
	if (c) {
		identity_unref(c->who);
	} else {
		c = xcalloc(1, sizeof(*c));
		strmap_set(&all->cache, key.data, c);
	}
	c->who = identity_ref(who);
	c->until_ms = now + CACHE_MS;
	pthread_mutex_unlock(&all->lock);
	return who;
}

/* -- from a name -- */

/* "uid:1234" of prefix "uid:". Return: whether it is one. */
static int number_of(const char *name, const char *prefix, unsigned *out)
{
	unsigned long n;
	char *end;

	if (!str_starts(name, prefix) || name[strlen(prefix)] < '0' || name[strlen(prefix)] > '9')
		return 0;
	n = strtoul(name + strlen(prefix), &end, 10);
	*out = (unsigned)n;
	return !*end && n < 0xffffffffu;
}

static unsigned *groups_of(const char *user, unsigned gid, int *n)
{
	unsigned *list = NULL;

	*n = 64;
	do {
		list = xreallocarray(list, (size_t)*n, sizeof(*list));
	} while (getgrouplist(user, gid, list, n) < 0 && *n < 65536);
	return list;
}

struct identity *identity_of_user(struct identities *all, const char *user)
{
	CLEANUP_FREE unsigned *groups = NULL;
	CLEANUP_FREE char *name = NULL, *buf = NULL;
	struct passwd entry;
	unsigned uid;
	int n = 0;

	if (number_of(user, "uid:", &uid)) {
		name = user_name(uid);
		return str_eq(name, user) ? identity_get(all, uid, uid, NULL, 0) : NULL;
	}
	if (!is_ours(user) || find_user(user, 0, &entry, &buf) < 0)
		return NULL;
	groups = groups_of(user, entry.pw_gid, &n);
	return identity_get(all, entry.pw_uid, entry.pw_gid, groups, (size_t)n);
}

int identity_gid(const char *group, unsigned *gid_out)
{
	CLEANUP_FREE char *name = NULL, *buf = NULL;
	struct group entry;

	if (number_of(group, "gid:", gid_out)) {
		name = group_name(*gid_out);
		return str_eq(name, group) ? 0 : -ENOENT;
	}
	if (!is_ours(group) || find_group(group, 0, &entry, &buf) < 0)
		return -ENOENT;
	*gid_out = entry.gr_gid;
	return 0;
}

/* -- questions -- */

int identity_is_master(const struct identity *i)
{
	for (char **g = i->groups; *g; g++)
		if (str_eq(*g, "system:masters"))
			return 1;
	return i->uid == 0;
}

void identity_render(const struct identity *i, struct buf *out)
{
	buf_addf(out, "user: %s\ngroups:", i->user);
	for (char **g = i->groups; *g; g++)
		buf_addf(out, " %s", *g);
	buf_addc(out, '\n');
}
