/* SPDX-License-Identifier: MIT */
/* Who holds a right on a resource in a namespace, as numbers that the kernel knows, worked out
 * once. */
#include <stdio.h>

#include "fs/permission_i.h"
#include "util/loop.h"

#define ACCOUNT "system:serviceaccount"

#define CACHE_MS  60000u /* as long as names from NSS are believed */
#define CACHE_MAX 20000u /* entries; past it the cache starts anew */

const char *const permission_anyone_groups[] = {"system:authenticated", NULL};
const struct caller permission_anyone = {
	.user = "", .groups = permission_anyone_groups, .uid = ACL_NO_ID};

/* -- holders -- */

void holders_unref(struct holders *h)
{
	if (!h || --h->refs)
		return;
	for (size_t i = 0; i < h->n; i++) {
		free(h->list[i].group);
		identity_unref(h->list[i].who);
	}
	free(h->list);
	free(h);
}

struct making {
	struct fs *fs;
	struct holders *h;
};

static void add_holder(void *arg, enum subject_type type, const char *name)
{
	struct making *m = arg;
	struct holders *h = m->h;
	struct holder one = {.type = type};

	if (h->n >= ACL_MAX) {
		h->unknown = 1;
		return;
	}
	if (str_starts(name, ACCOUNT) && (type == SUBJECT_USER || name[strlen(ACCOUNT)] == 's')) {
		one.is_account = h->accounts = 1;
		one.id = ACL_NO_ID;
		if (type == SUBJECT_USER)
			one.who = identity_of_account(name + strlen(ACCOUNT) + 1, ACL_NO_ID,
						      ACL_NO_ID);
		else
			one.group = xstrdup(name);
	} else if (type == SUBJECT_USER) {
		one.who = identity_of_user(m->fs->identities, name);
		if (!one.who)
			return;
		one.id = one.who->uid;
	} else {
		if (strcmp(name, permission_anyone_groups[0]) == 0 ||
		    identity_gid(name, &one.id) < 0)
			return;
		one.group = xstrdup(name);
	}
	if (h->n == h->cap) {
		h->cap = h->cap ? h->cap * 2 : 8;
		h->list = xreallocarray(h->list, h->cap, sizeof(*h->list));
	}
	h->list[h->n++] = one;
}

const struct caller *holder_caller(const struct holder *one, struct group_caller *g)
{
	if (one->who)
		return &one->who->caller;
	g->groups[0] = one->group;
	g->groups[1] = permission_anyone_groups[0];
	g->groups[2] = NULL;
	g->caller = (struct caller){.user = "", .groups = g->groups, .uid = ACL_NO_ID};
	return &g->caller;
}

/* Whether he who may search the directory sees all that is in it. ns "": of namespaces. */
static int sees_all(const struct snapshot *s, const struct caller *who, const struct kind *k,
		    const char *ns)
{
	const struct access list = {"list", k->group, k->plural, "", ns, "", NULL};

	return auth_may(s, who, &list) || snapshot_touches(s, who, k->group, k->plural, ns, "");
}

static int is_namespaces(const struct kind *k)
{
	return !*k->group && strcmp(k->plural, "namespaces") == 0;
}

/* Where rights on what is in the directory come from. */
static const char *where_of(const struct kind *k, const char *ns)
{
	return *ns || !((k->flags & KIND_NAMESPACED) || is_namespaces(k)) ? ns : access_any;
}

static int searches(const struct snapshot *s, const struct caller *who, const struct kind *k,
		    const char *ns)
{
	return snapshot_touches(s, who, k->group, k->plural, where_of(k, ns), access_any);
}

static int names_are_private(const struct snapshot *s, const struct holders *h,
			     const struct kind *k, const char *ns)
{
	struct group_caller g;

	/* what pods may is in the bits of everybody */
	if (h->unknown || ((h->accounts || searches(s, &permission_anyone, k, ns)) &&
			   !sees_all(s, &permission_anyone, k, ns)))
		return 1;
	for (size_t i = 0; i < h->n; i++) {
		const struct caller *who = holder_caller(&h->list[i], &g);

		if (!auth_is_master(who) && searches(s, who, k, ns) && !sees_all(s, who, k, ns))
			return 1;
	}
	return 0;
}

static struct holders *make_holders(struct fs *fs, const struct snapshot *s, const struct kind *k,
				    const char *ns)
{
	struct holders *h = xcalloc(1, sizeof(*h));
	struct making m = {fs, h};
	const char *where = where_of(k, ns);

	h->refs = 1;
	snapshot_subjects(s, k->group, k->plural, where, add_holder, &m);
	h->names_matter = is_namespaces(k) || snapshot_names(s, k->group, k->plural, where);
	h->private_names = names_are_private(s, h, k, ns);
	return h;
}

/* -- the cache -- */

void permissions_cache_drop(struct permissions *all)
{
	STRMAP_FOREACH (slot, &all->holders)
		holders_unref(slot->val);
	STRMAP_FOREACH (slot, &all->acls)
		acl_unref(slot->val);
	strmap_fini(&all->holders);
	strmap_fini(&all->acls);
	all->holders = (struct strmap)STRMAP_INIT;
	all->acls = (struct strmap)STRMAP_INIT;
}

/* With the lock: what is cached is of these rules. */
void permissions_cache_refresh(struct permissions *all, uint64_t generation)
{
	uint64_t now = loop_now_ms();

	if (all->generation == generation && now < all->until_ms &&
	    all->holders.n + all->acls.n < CACHE_MAX)
		return;
	permissions_cache_drop(all);
	all->generation = generation;
	all->until_ms = now + CACHE_MS;
}

struct holders *holders_get(struct fs *fs, const struct kind *k, const char *ns)
{
	struct permissions *all = fs->permissions;
	uint64_t generation = rbac_generation(fs->rbac);
	CLEANUP_SNAPSHOT struct snapshot *s = NULL;
	char key[320];
	struct holders *h;

	snprintf(key, sizeof(key), "%u/%s", k->index, ns);
	pthread_mutex_lock(&all->lock);
	permissions_cache_refresh(all, generation);
	h = strmap_get(&all->holders, key);
	if (h)
		h->refs++;
	pthread_mutex_unlock(&all->lock);
	if (h)
		return h;
	s = rbac_current(fs->rbac);
	h = make_holders(fs, s, k, ns);
	pthread_mutex_lock(&all->lock);
	if (all->generation == generation) {
		h->refs++;
		holders_unref(strmap_set(&all->holders, key, h));
	}
	pthread_mutex_unlock(&all->lock);
	return h;
}

int permission_names_private(struct fs *fs, const struct kind *k, const char *ns)
{
	CLEANUP(holders_unrefp) struct holders *h = NULL;

	if (!fs->rbac)
		return 0;
	h = holders_get(fs, k, ns);
	return h->private_names;
}
