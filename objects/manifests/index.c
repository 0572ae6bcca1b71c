/* SPDX-License-Identifier: MIT */
/* The files and directories by path, and which file holds which object. */
#include "objects/manifests/manifests_i.h"

/* Paths in an order in which what is below a directory stands together: '/' before all else. */
static int cmp_paths(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	if (*a == *b)
		return 0;
	if (*a == '/' || !*b)
		return *b ? -1 : 1;
	if (*b == '/' || !*a)
		return *a ? 1 : -1;
	return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

static int cmp_entries(struct entry *a, struct entry *b)
{
	return cmp_paths(a->path, b->path);
}

RB_GENERATE_INTERNAL(files, entry, by_path, cmp_entries, static UNUSED)

struct entry *files_find(const struct manifests *all, const char *path)
{
	return strmap_get(&all->by_path, path);
}

struct entry *files_first(const struct manifests *all)
{
	return RB_MIN(files, (struct files *)&all->files);
}

struct entry *files_first_below(const struct manifests *all, const char *dir)
{
	CLEANUP_FREE char *prefix = xasprintf("%s/", dir);
	struct entry probe = {.path = prefix};

	return RB_NFIND(files, (struct files *)&all->files, &probe);
}

struct entry *files_next(struct entry *e)
{
	return RB_NEXT(files, NULL, e);
}

/* The entry holds this object no more. */
static void drop_held(struct entry *e, const char *key)
{
	for (size_t i = 0; i < e->holds.n; i++) {
		struct held *h = &e->holds.list[i];
		CLEANUP_FREE char *k = held_key(h->kind, h->ns, h->name);

		if (!str_eq(k, key))
			continue;
		free(h->ns);
		free(h->name);
		free(h->uid);
		*h = e->holds.list[--e->holds.n];
		return;
	}
}

static void disown(struct manifests *all, const struct entry *e)
{
	for (size_t i = 0; i < e->holds.n; i++) {
		const struct held *h = &e->holds.list[i];
		CLEANUP_FREE char *key = held_key(h->kind, h->ns, h->name);

		if (strmap_get(&all->owner, key) == e)
			strmap_del(&all->owner, key);
	}
}

static void own(struct manifests *all, struct entry *e)
{
	for (size_t i = 0; i < e->holds.n;) {
		const struct held *h = &e->holds.list[i];
		CLEANUP_FREE char *key = held_key(h->kind, h->ns, h->name);
		struct entry *other = strmap_get(&all->owner, key);

		if (other && other != e && other->seq > e->seq) {
			drop_held(e, key); /* puts another one here */
			continue;
		}
		if (other && other != e)
			drop_held(other, key);
		strmap_set(&all->owner, key, e);
		i++;
	}
}

static void take_out(struct manifests *all, struct entry *e)
{
	disown(all, e);
	RB_REMOVE(files, &all->files, e);
	entry_free(e);
	all->n--;
}

void files_put(struct manifests *all, struct entry *taken)
{
	struct entry *was = strmap_set(&all->by_path, taken->path, taken);

	if (was)
		take_out(all, was);
	RB_INSERT(files, &all->files, taken);
	all->n++;
	own(all, taken);
}

void files_remove(struct manifests *all, const char *path)
{
	struct entry *e = strmap_del(&all->by_path, path);

	if (e)
		take_out(all, e);
}

void files_fini(struct manifests *all)
{
	struct entry *e, *next;

	for (e = files_first(all); e; e = next) {
		next = files_next(e);
		RB_REMOVE(files, &all->files, e);
		entry_free(e);
	}
	strmap_fini(&all->by_path);
}

uint64_t files_next_seq(struct manifests *all)
{
	return ++all->last_seq;
}

/* -- directories -- */

int dirs_find(const struct manifests *all, const char *dir, size_t *at)
{
	size_t lo = 0, hi = all->n_dirs;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = cmp_paths(all->dirs[mid], dir);

		if (c == 0) {
			*at = mid;
			return 1;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*at = lo;
	return 0;
}

void dirs_insert(struct manifests *all, const char *dir)
{
	size_t at;

	if (dirs_find(all, dir, &at))
		return;
	if (all->n_dirs == all->cap_dirs) {
		all->cap_dirs = all->cap_dirs ? all->cap_dirs * 2 : 16;
		all->dirs = xreallocarray(all->dirs, all->cap_dirs, sizeof(char *));
	}
	memmove(all->dirs + at + 1, all->dirs + at, (all->n_dirs - at) * sizeof(char *));
	all->dirs[at] = xstrdup(dir);
	all->n_dirs++;
}

int dir_exists(const struct manifests *all, const char *dir)
{
	size_t at;

	return str_eq(dir, "apply") || str_eq(dir, "dry-run") || dirs_find(all, dir, &at);
}
