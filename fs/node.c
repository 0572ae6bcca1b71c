/* SPDX-License-Identifier: MIT */
/*
 * The node table: a hash by what a node stands for and a second one by uid, under
 * one mutex that is held for a few instructions only.
 */
#include "fs/node.h"

#include <pthread.h>

#include "fs/row.h"
#include "util/strmap.h"

struct nodes {
	pthread_mutex_t lock;
	struct node **by_place, **by_uid; /* n_buckets each; lock */
	size_t n_buckets, n;              /* lock */
	struct node *retired;             /* lock; by hash_next */
	struct node *root;
};

#define MIN_BUCKETS 1024

static const char *text(const char *s)
{
	return s ? s : "";
}

static uint64_t hash_text(const char *s, uint64_t seed)
{
	return hash_bytes64(s, strlen(s) + 1, seed);
}

uint64_t place_ino(const struct place *at)
{
	uint64_t h = hash_text(at->row->where, 0x6b387366);

	h = hash_text(at->row->name, h);
	h = hash_text(text(at->uid), h);
	h = hash_text(text(at->sub), h);
	if (!at->uid || !*at->uid) {
		if (at->kind) {
			h = hash_text(kind_resource(at->kind), h);
			h = hash_text(at->kind->version, h);
		}
		h = hash_text(text(at->ns), h);
		h = hash_text(text(at->name), h);
	}
	return h > 1 ? h : h + 2; /* 1 is the root, 0 means none */
}

static uint64_t uid_hash(const char *uid)
{
	return hash_text(uid, 7);
}

static int same_place(const struct node *n, const struct place *at)
{
	return n->row == at->row && n->kind == at->kind && !strcmp(n->uid, text(at->uid)) &&
	       !strcmp(n->sub, text(at->sub)) && !strcmp(n->ns, text(at->ns)) &&
	       !strcmp(n->name, text(at->name));
}

static struct node *find_locked(struct nodes *t, const struct place *at, uint64_t ino)
{
	struct node *n = t->by_place[ino % t->n_buckets];

	while (n && !(n->ino == ino && same_place(n, at)))
		n = n->hash_next;
	return n;
}

static void link_node(struct nodes *t, struct node *n)
{
	struct node **at = &t->by_place[n->ino % t->n_buckets];

	n->hash_next = *at;
	*at = n;
	if (!*n->uid)
		return;
	at = &t->by_uid[uid_hash(n->uid) % t->n_buckets];
	n->uid_next = *at;
	*at = n;
}

static void unlink_retired(struct nodes *t, struct node *n)
{
	struct node **at = &t->retired;

	while (*at != n)
		at = &(*at)->hash_next;
	*at = n->hash_next;
}

static void unlink_node(struct nodes *t, struct node *n)
{
	struct node **at = &t->by_place[n->ino % t->n_buckets];

	if (n->retired) {
		unlink_retired(t, n);
		return;
	}
	while (*at != n)
		at = &(*at)->hash_next;
	*at = n->hash_next;
	if (!*n->uid)
		return;
	at = &t->by_uid[uid_hash(n->uid) % t->n_buckets];
	while (*at != n)
		at = &(*at)->uid_next;
	*at = n->uid_next;
}

/* Another number of buckets; a power of two. */
static void resize(struct nodes *t, size_t n_buckets)
{
	struct node **old = t->by_place;
	size_t n_old = t->n_buckets;

	t->n_buckets = n_buckets;
	free(t->by_uid);
	t->by_place = xcalloc(t->n_buckets, sizeof(*t->by_place));
	t->by_uid = xcalloc(t->n_buckets, sizeof(*t->by_uid));
	for (size_t i = 0; i < n_old; i++)
		for (struct node *n = old[i], *next; n; n = next) {
			next = n->hash_next;
			link_node(t, n);
		}
	free(old);
}

/* Adds s to a node's text. */
static const char *keep(char **at, const char *s)
{
	size_t len = strlen(s) + 1;
	char *to = *at;

	if (len == 1)
		return "";
	memcpy(to, s, len);
	*at += len;
	return to;
}

/* The file's name is often the object's, the row's, or the end of the path of a field. */
static const char *known_name(const struct node *n, const char *fname)
{
	if (strcmp(fname, n->row->name) == 0)
		return n->row->name;
	if (strcmp(fname, n->name) == 0)
		return n->name;
	if (str_ends(n->sub, fname))
		return n->sub + strlen(n->sub) - strlen(fname);
	return NULL;
}

static struct node *make_node(struct nodes *t, const char *fname, const struct place *at)
{
	size_t room = strlen(text(at->ns)) + strlen(text(at->name)) + strlen(text(at->uid)) +
		      strlen(text(at->sub)) + 4;
	struct node probe = {.row = at->row, .name = text(at->name), .sub = text(at->sub)};
	struct node *n;
	char *end;

	if (!known_name(&probe, fname))
		room += strlen(fname) + 1;
	n = xmalloc(sizeof(*n) + room);
	end = n->text;
	*n = (struct node){.table = t, .row = at->row, .kind = at->kind, .refs = 1};
	n->ns = keep(&end, text(at->ns));
	n->name = keep(&end, text(at->name));
	n->uid = keep(&end, text(at->uid));
	n->sub = keep(&end, text(at->sub));
	n->fname = known_name(n, fname);
	if (!n->fname)
		n->fname = keep(&end, fname);
	return n;
}

struct nodes *nodes_new(const struct row *root)
{
	struct nodes *t = xcalloc(1, sizeof(*t));

	pthread_mutex_init(&t->lock, NULL);
	t->n_buckets = MIN_BUCKETS;
	t->by_place = xcalloc(t->n_buckets, sizeof(*t->by_place));
	t->by_uid = xcalloc(t->n_buckets, sizeof(*t->by_uid));
	t->root = make_node(t, "", &(struct place){.row = root});
	t->root->ino = 1;
	link_node(t, t->root);
	t->n = 1;
	return t;
}

void nodes_free(struct nodes *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_buckets; i++)
		for (struct node *n = t->by_place[i], *next; n; n = next) {
			next = n->hash_next;
			free(n);
		}
	for (struct node *n = t->retired, *next; n; n = next) {
		next = n->hash_next;
		free(n);
	}
	free(t->by_place);
	free(t->by_uid);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

struct node *nodes_root(struct nodes *t)
{
	return t->root;
}

size_t nodes_count(struct nodes *t)
{
	size_t n;

	pthread_mutex_lock(&t->lock);
	n = t->n;
	pthread_mutex_unlock(&t->lock);
	return n;
}

/* Another place with the same hash: the next number that is free, as long as both live. */
static uint64_t free_ino(struct nodes *t, uint64_t ino)
{
	struct node *n = t->by_place[ino % t->n_buckets];

	while (n) {
		if (n->ino == ino)
			return free_ino(t, ino + 1);
		n = n->hash_next;
	}
	return ino;
}

struct node *node_get(struct node *parent, const char *fname, const struct place *at)
{
	struct nodes *t = parent->table;
	uint64_t ino = place_ino(at);
	struct node *n;

	pthread_mutex_lock(&t->lock);
	n = find_locked(t, at, ino);
	if (n) {
		n->refs++;
	} else {
		if (t->n >= t->n_buckets)
			resize(t, t->n_buckets * 2);
		n = make_node(t, fname, at);
		n->ino = free_ino(t, ino);
		n->parent = parent;
		parent->refs++;
		link_node(t, n);
		t->n++;
	}
	pthread_mutex_unlock(&t->lock);
	return n;
}

struct node *node_find(struct nodes *t, const struct place *at)
{
	struct node *n;

	pthread_mutex_lock(&t->lock);
	n = find_locked(t, at, place_ino(at));
	if (n)
		n->refs++;
	pthread_mutex_unlock(&t->lock);
	return n;
}

struct node *node_ref(struct node *n)
{
	pthread_mutex_lock(&n->table->lock);
	n->refs++;
	pthread_mutex_unlock(&n->table->lock);
	return n;
}

/* With the lock: frees n and what only n held of its ancestors. */
static void drop_if_unused(struct nodes *t, struct node *n)
{
	while (n && n != t->root && n->refs == 0 && n->n_lookups == 0) {
		struct node *parent = n->parent;

		unlink_node(t, n);
		t->n--;
		free(n);
		parent->refs--;
		n = parent;
	}
	if (t->n_buckets > MIN_BUCKETS && t->n < t->n_buckets / 8)
		resize(t, t->n_buckets / 4);
}

void node_unref(struct node *n)
{
	struct nodes *t = n->table;

	pthread_mutex_lock(&t->lock);
	n->refs--;
	drop_if_unused(t, n);
	pthread_mutex_unlock(&t->lock);
}

void node_looked_up(struct node *n)
{
	pthread_mutex_lock(&n->table->lock);
	n->n_lookups++;
	pthread_mutex_unlock(&n->table->lock);
}

int node_is_known(struct node *n)
{
	int known;

	pthread_mutex_lock(&n->table->lock);
	known = n->n_lookups > 0 || !n->parent;
	pthread_mutex_unlock(&n->table->lock);
	return known;
}

void node_forget(struct node *n, uint64_t n_lookups)
{
	struct nodes *t = n->table;

	pthread_mutex_lock(&t->lock);
	n->n_lookups = n->n_lookups > n_lookups ? n->n_lookups - n_lookups : 0;
	drop_if_unused(t, n);
	pthread_mutex_unlock(&t->lock);
}

static struct node **add_ref(struct node **list, size_t *n, struct node *at)
{
	if (*n % 16 == 0)
		list = xreallocarray(list, *n + 16, sizeof(struct node *));
	at->refs++;
	list[(*n)++] = at;
	return list;
}

struct node **nodes_of_uid(struct nodes *t, const char *uid, size_t *n_out)
{
	struct node **list = NULL;
	size_t n = 0;

	pthread_mutex_lock(&t->lock);
	for (struct node *at = t->by_uid[uid_hash(uid) % t->n_buckets]; at; at = at->uid_next)
		if (strcmp(at->uid, uid) == 0)
			list = add_ref(list, &n, at);
	pthread_mutex_unlock(&t->lock);
	*n_out = n;
	return list;
}

void nodes_visit_uid(struct nodes *t, const char *uid, void (*fn)(void *arg, const struct node *n),
		     void *arg)
{
	pthread_mutex_lock(&t->lock);
	for (struct node *at = t->by_uid[uid_hash(uid) % t->n_buckets]; at; at = at->uid_next)
		if (strcmp(at->uid, uid) == 0)
			fn(arg, at);
	pthread_mutex_unlock(&t->lock);
}

struct node *node_by_ino(struct nodes *t, uint64_t ino)
{
	struct node *n;

	pthread_mutex_lock(&t->lock);
	n = t->by_place[ino % t->n_buckets];
	while (n && n->ino != ino)
		n = n->hash_next;
	if (n)
		n->refs++;
	pthread_mutex_unlock(&t->lock);
	return n;
}

struct node *node_child(struct nodes *t, const struct node *parent, const char *fname)
{
	struct node *found = NULL;

	pthread_mutex_lock(&t->lock);
	for (struct node *n = t->by_uid[uid_hash(parent->uid) % t->n_buckets]; n && !found;
	     n = n->uid_next)
		if (n->parent == parent && strcmp(n->fname, fname) == 0)
			found = n;
	if (found)
		found->refs++;
	pthread_mutex_unlock(&t->lock);
	return found;
}

void node_retire(struct node *n)
{
	struct nodes *t = n->table;

	pthread_mutex_lock(&t->lock);
	if (!n->retired) {
		unlink_node(t, n);
		n->retired = 1;
		n->hash_next = t->retired;
		t->retired = n;
	}
	pthread_mutex_unlock(&t->lock);
}

struct node **nodes_all(struct nodes *t, size_t *n_out)
{
	struct node **list = NULL;
	size_t n = 0;

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->n_buckets; i++)
		for (struct node *at = t->by_place[i]; at; at = at->hash_next)
			list = add_ref(list, &n, at);
	pthread_mutex_unlock(&t->lock);
	*n_out = n;
	return list;
}

void node_path(const struct node *n, struct buf *out)
{
	if (!n->parent)
		return;
	node_path(n->parent, out);
	if (out->len)
		buf_addc(out, '/');
	buf_adds(out, n->fname);
}
