/* SPDX-License-Identifier: MIT */
/*
 * Permissions as the kernel and `ls -l` have them: mode bits and POSIX ACLs, worked out once for
 * all objects that the same rules hold for, and the thread that tells the kernel when rules
 * changed.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fs/dirs.h"
#include "fs/permission_i.h"
#include "fs/permission_set.h"
#include "fs/stream.h"
#include "util/log.h"
#include "util/strmap.h"

#define ACCOUNT "system:serviceaccount"

#define CACHE_MS  60000u /* as long as names from NSS are believed */
#define CACHE_MAX 20000u /* entries; past it the cache starts anew */

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

struct permissions {
	struct fs *fs;
	pthread_mutex_t lock;
	uint64_t generation, until_ms; /* lock: of what is cached */
	struct strmap holders, acls;   /* lock; owned references */
	pthread_t thread;
	pthread_mutex_t wake_lock;
	pthread_cond_t wake;
	int woken, stopping, running; /* wake_lock */
};

static const char *const anyone_groups[] = {"system:authenticated", NULL};
static const struct caller anyone = {.user = "", .groups = anyone_groups, .uid = ACL_NO_ID};

/* -- holders -- */

static void holders_unref(void *arg)
{
	struct holders *h = arg;

	if (!h || --h->refs)
		return;
	for (size_t i = 0; i < h->n; i++) {
		free(h->list[i].group);
		identity_unref(h->list[i].who);
	}
	free(h->list);
	free(h);
}
DEFINE_CLEANUP(struct holders *, holders_unref)

static void acl_unref(struct acl *a)
{
	if (!a || --a->refs)
		return;
	free(a->list);
	free(a);
}
DEFINE_CLEANUP(struct acl *, acl_unref)

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
		if (strcmp(name, anyone_groups[0]) == 0 || identity_gid(name, &one.id) < 0)
			return;
		one.group = xstrdup(name);
	}
	if (h->n == h->cap) {
		h->cap = h->cap ? h->cap * 2 : 8;
		h->list = xreallocarray(h->list, h->cap, sizeof(*h->list));
	}
	h->list[h->n++] = one;
}

/* A process with this group, and nothing more. */
struct group_caller {
	const char *groups[3];
	struct caller caller;
};

static const struct caller *caller_of(const struct holder *one, struct group_caller *g)
{
	if (one->who)
		return &one->who->caller;
	g->groups[0] = one->group;
	g->groups[1] = anyone_groups[0];
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
	if (h->unknown ||
	    ((h->accounts || searches(s, &anyone, k, ns)) && !sees_all(s, &anyone, k, ns)))
		return 1;
	for (size_t i = 0; i < h->n; i++) {
		const struct caller *who = caller_of(&h->list[i], &g);

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

static void cache_drop(struct permissions *all)
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
static void cache_refresh(struct permissions *all, uint64_t generation)
{
	uint64_t now = loop_now_ms();

	if (all->generation == generation && now < all->until_ms &&
	    all->holders.n + all->acls.n < CACHE_MAX)
		return;
	cache_drop(all);
	all->generation = generation;
	all->until_ms = now + CACHE_MS;
}

static struct holders *holders_get(struct fs *fs, const struct kind *k, const char *ns)
{
	struct permissions *all = fs->permissions;
	uint64_t generation = rbac_generation(fs->rbac);
	CLEANUP_SNAPSHOT struct snapshot *s = NULL;
	char key[320];
	struct holders *h;

	snprintf(key, sizeof(key), "%u/%s", k->index, ns);
	pthread_mutex_lock(&all->lock);
	cache_refresh(all, generation);
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

/* -- ACLs -- */

static unsigned perms_of(const struct snapshot *s, const struct caller *who, const struct node *n)
{
	static const unsigned bits[] = {PERM_R, PERM_W, PERM_X};
	unsigned perm = 0;

	for (size_t i = 0; i < ARRAY_LEN(bits); i++)
		if ((n->row->mode >> 6 & bits[i]) && permission_answer(s, who, n, bits[i]))
			perm |= bits[i];
	return perm;
}

static int by_tag_and_id(const void *a, const void *b)
{
	const struct acl_entry *x = a, *y = b;

	if (x->tag != y->tag)
		return x->tag < y->tag ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

unsigned permission_of_subject(struct fs *fs, const struct snapshot *s, enum subject_type type,
			       const char *name, const struct node *n)
{
	struct holder one = {.type = type};
	struct group_caller g;
	unsigned perm = perms_of(s, &anyone, n);

	if (type == SUBJECT_USER) {
		one.who = identity_of_user(fs->identities, name);
		if (!one.who)
			return perm;
	} else {
		one.group = xstrdup(name);
	}
	perm |= perms_of(s, caller_of(&one, &g), n);
	identity_unref(one.who);
	free(one.group);
	return perm;
}

int acl_item_at(const void *data, size_t len, size_t i, struct posix_acl_item *out)
{
	const unsigned char *at = (const unsigned char *)data + 4 + i * 8;
	uint16_t tag, perm;
	uint32_t id;

	if (len < 4 + (i + 1) * 8)
		return 0;
	memcpy(&tag, at, 2);
	memcpy(&perm, at + 2, 2);
	memcpy(&id, at + 4, 4);
	*out = (struct posix_acl_item){le16toh(tag), le16toh(perm), le32toh(id)};
	return 1;
}

/* One more subject. root is the owner, and root's group the owning one. */
static void add_entry(struct acl *a, const struct holder *one, unsigned perm)
{
	perm |= a->other;
	if (one->is_account) {
		a->accounts |= perm;
		return;
	}
	if (one->id == 0) {
		if (one->type == SUBJECT_GROUP)
			a->group_obj |= perm;
		return;
	}
	if (perm == a->other)
		return;
	a->mask |= perm;
	a->list[a->n++] =
		(struct acl_entry){one->type == SUBJECT_USER ? ACL_USER : ACL_GROUP, perm, one->id};
}

static struct acl *make_acl(const struct snapshot *s, const struct holders *h, const struct node *n)
{
	struct acl *a = xcalloc(1, sizeof(*a));
	struct group_caller g;

	a->refs = 1;
	a->other = a->group_obj = a->mask = perms_of(s, &anyone, n);
	a->list = xcalloc(h->n + 1, sizeof(*a->list));
	for (size_t i = 0; i < h->n; i++)
		add_entry(a, &h->list[i], perms_of(s, caller_of(&h->list[i], &g), n));
	a->mask |= a->group_obj;
	a->accounts |= a->other;
	if (a->n)
		qsort(a->list, a->n, sizeof(*a->list), by_tag_and_id);
	if (h->unknown) {
		/* more than can be said one by one: the handler decides alone */
		a->accounts = a->group_obj = a->mask = n->row->mode >> 6 & 7;
		a->n = 0;
	}
	return a;
}

static void acl_key(const struct node *n, const struct holders *h, char *key, size_t size)
{
	snprintf(key, size, "%p/%u/%s/%s/%s", (const void *)n->row, n->kind->index, n->ns,
		 h->names_matter ? n->name
		 : *n->name      ? "*"
				 : "",
		 strcmp(n->sub, "spec/replicas") == 0 ? "scale" : "");
}

static struct acl *acl_get(struct fs *fs, const struct node *n)
{
	struct permissions *all = fs->permissions;
	uint64_t generation = rbac_generation(fs->rbac);
	CLEANUP(holders_unrefp) struct holders *h = holders_get(fs, n->kind, n->ns);
	CLEANUP_SNAPSHOT struct snapshot *s = NULL;
	char key[700];
	struct acl *a;

	acl_key(n, h, key, sizeof(key));
	pthread_mutex_lock(&all->lock);
	cache_refresh(all, generation);
	a = strmap_get(&all->acls, key);
	if (a)
		a->refs++;
	pthread_mutex_unlock(&all->lock);
	if (a)
		return a;
	s = rbac_current(fs->rbac);
	a = make_acl(s, h, n);
	pthread_mutex_lock(&all->lock);
	if (all->generation == generation) {
		a->refs++;
		acl_unref(strmap_set(&all->acls, key, a));
	}
	pthread_mutex_unlock(&all->lock);
	return a;
}

/* -- what is shown -- */

static unsigned mode_by_url(struct fs *fs, const struct node *n)
{
	const struct access what = {.verb = "get", .path = n->row->url};
	unsigned open = n->row->type == ROW_DIR ? 055 : 044;

	return auth_check(fs->rbac, &anyone, &what, NULL) == 0 ? n->row->mode & open : 0;
}

unsigned permission_mode(struct fs *fs, const struct node *n)
{
	unsigned owner = n->row->mode & 0700;
	struct acl *a;

	if (n->row->url)
		return owner | mode_by_url(fs, n);
	if (!permission_is_asked(n))
		return n->row->mode;
	if (!fs->rbac)
		return owner;
	a = acl_get(fs, n);
	owner |= (a->n ? a->mask : a->group_obj) << 3 | a->accounts;
	acl_unref(a);
	return owner;
}

static void put_entry(struct buf *out, unsigned tag, unsigned perm, unsigned id)
{
	struct {
		uint16_t tag, perm;
		uint32_t id;
	} e = {htole16((uint16_t)tag), htole16((uint16_t)perm), htole32(id)};

	buf_add(out, &e, sizeof(e));
}

void permission_acl(struct fs *fs, const struct node *n, struct buf *out)
{
	CLEANUP(acl_unrefp) struct acl *a = NULL;
	uint32_t version = htole32(ACL_VERSION);
	size_t i = 0;

	if (n->row->url || !permission_is_asked(n) || !fs->rbac)
		return;
	a = acl_get(fs, n);
	if (!a->n)
		return;
	buf_add(out, &version, sizeof(version));
	put_entry(out, ACL_USER_OBJ, n->row->mode >> 6 & 7, ACL_NO_ID);
	for (; i < a->n && a->list[i].tag == ACL_USER; i++)
		put_entry(out, ACL_USER, a->list[i].perm, a->list[i].id);
	put_entry(out, ACL_GROUP_OBJ, a->group_obj, ACL_NO_ID);
	for (; i < a->n; i++)
		put_entry(out, ACL_GROUP, a->list[i].perm, a->list[i].id);
	put_entry(out, ACL_MASK, a->mask, ACL_NO_ID);
	put_entry(out, ACL_OTHER, a->accounts, ACL_NO_ID);
}

int permission_names_private(struct fs *fs, const struct kind *k, const char *ns)
{
	CLEANUP(holders_unrefp) struct holders *h = NULL;

	if (!fs->rbac)
		return 0;
	h = holders_get(fs, k, ns);
	return h->private_names;
}

uint64_t permission_generation(struct fs *fs)
{
	return fs->rbac ? rbac_generation(fs->rbac) : 0;
}

/* -- the rules changed -- */

static void forget_attributes(struct fs *fs, struct node *n)
{
	if (!n->kind && !n->row->url)
		return;
	n->cached = 0;
	fuse_lowlevel_notify_inval_inode(fs->session, node_id(n), -1, 0); /* the ACL, too */
}

static void forget_name(struct fs *fs, struct node *n)
{
	if (!n->entry_cached || !n->parent || !permission_names_private(fs, n->kind, n->parent->ns))
		return;
	n->entry_cached = 0;
	fuse_lowlevel_notify_inval_entry(fs->session, node_id(n->parent), n->fname,
					 strlen(n->fname));
}

/* Names last: these may wait. */
static void forget_all(struct fs *fs)
{
	size_t n;
	struct node **list = nodes_all(fs->nodes, &n);

	for (size_t i = 0; i < n && !fs->stopping; i++)
		forget_attributes(fs, list[i]);
	for (size_t i = 0; i < n; i++) {
		if (!fs->stopping)
			forget_name(fs, list[i]);
		node_unref(list[i]);
	}
	free(list);
}

/*
 * A thread of its own: dropping a name waits for whoever holds its directory, which may be a
 * client that waits for an answer of ours.
 */
static void *run(void *arg)
{
	struct permissions *all = arg;
	int stopping = 0;

	while (!stopping) {
		pthread_mutex_lock(&all->wake_lock);
		while (!all->woken && !all->stopping)
			pthread_cond_wait(&all->wake, &all->wake_lock);
		all->woken = 0;
		stopping = all->stopping;
		pthread_mutex_unlock(&all->wake_lock);
		if (stopping)
			break;
		streams_wake_all(all->fs->streams);
		forget_all(all->fs);
	}
	return NULL;
}

static void on_rules(void *arg)
{
	struct permissions *all = arg;

	permission_set_settled(all->fs, 0);
	pthread_mutex_lock(&all->wake_lock);
	all->woken = 1;
	pthread_cond_signal(&all->wake);
	pthread_mutex_unlock(&all->wake_lock);
}

struct permissions *permissions_new(struct fs *fs)
{
	struct permissions *all = xcalloc(1, sizeof(*all));

	all->fs = fs;
	pthread_mutex_init(&all->lock, NULL);
	pthread_mutex_init(&all->wake_lock, NULL);
	pthread_cond_init(&all->wake, NULL);
	if (!fs->rbac)
		return all;
	all->running = pthread_create(&all->thread, NULL, run, all) == 0;
	if (!all->running)
		log_error("no thread to tell the kernel of new rules");
	rbac_on_change(fs->rbac, on_rules, all);
	return all;
}

void permissions_stop(struct permissions *all)
{
	if (!all || !all->running)
		return;
	rbac_on_change(all->fs->rbac, NULL, NULL);
	permission_set_settled(all->fs, 1);
	pthread_mutex_lock(&all->wake_lock);
	all->stopping = 1;
	pthread_cond_signal(&all->wake);
	pthread_mutex_unlock(&all->wake_lock);
	pthread_join(all->thread, NULL);
	all->running = 0;
}

void permissions_free(struct permissions *all)
{
	if (!all)
		return;
	permissions_stop(all);
	cache_drop(all);
	pthread_mutex_destroy(&all->lock);
	pthread_mutex_destroy(&all->wake_lock);
	pthread_cond_destroy(&all->wake);
	free(all);
}
