/* SPDX-License-Identifier: MIT */
/* Mode bits and POSIX ACLs, worked out once for all objects that the same rules hold for. */
#include <endian.h>
#include <stdio.h>

#include "fs/dirs.h"
#include "fs/permission_i.h"

void acl_unref(struct acl *a)
{
	if (!a || --a->refs)
		return;
	free(a->list);
	free(a);
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
	unsigned perm = perms_of(s, &permission_anyone, n);

	if (type == SUBJECT_USER) {
		one.who = identity_of_user(fs->identities, name);
		if (!one.who)
			return perm;
	} else {
		one.group = xstrdup(name);
	}
	perm |= perms_of(s, holder_caller(&one, &g), n);
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
	a->other = a->group_obj = a->mask = perms_of(s, &permission_anyone, n);
	a->list = xcalloc(h->n + 1, sizeof(*a->list));
	for (size_t i = 0; i < h->n; i++)
		add_entry(a, &h->list[i], perms_of(s, holder_caller(&h->list[i], &g), n));
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
	permissions_cache_refresh(all, generation);
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

	return auth_check(fs->rbac, &permission_anyone, &what, NULL) == 0 ? n->row->mode & open : 0;
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
