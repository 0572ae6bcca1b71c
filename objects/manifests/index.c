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

static size_t files_at(const struct manifests *all, const char *path, int *found)
{
	size_t lo = 0, hi = all->n;

	*found = 0;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = cmp_paths(all->list[mid]->path, path);

		if (c == 0) {
			*found = 1;
			return mid;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct entry *files_find(const struct manifests *all, const char *path)
{
	int found;
	size_t at = files_at(all, path, &found);

	return found ? all->list[at] : NULL;
}

size_t files_first_below(const struct manifests *all, const char *dir)
{
	CLEANUP_FREE char *prefix = xasprintf("%s/", dir);
	int found;

	return files_at(all, prefix, &found);
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

void files_put(struct manifests *all, struct entry *taken)
{
	int found;
	size_t at = files_at(all, taken->path, &found);

	if (found) {
		disown(all, all->list[at]);
		entry_free(all->list[at]);
	} else {
		if (all->n == all->cap) {
			all->cap = all->cap ? all->cap * 2 : 16;
			all->list = xreallocarray(all->list, all->cap, sizeof(struct entry *));
		}
		memmove(all->list + at + 1, all->list + at, (all->n - at) * sizeof(struct entry *));
		all->n++;
	}
	all->list[at] = taken;
	own(all, taken);
}

void files_remove(struct manifests *all, const char *path)
{
	int found;
	size_t at = files_at(all, path, &found);

	if (!found)
		return;
	disown(all, all->list[at]);
	entry_free(all->list[at]);
	all->n--;
	memmove(all->list + at, all->list + at + 1, (all->n - at) * sizeof(struct entry *));
}

uint64_t files_next_seq(struct manifests *all)
{
	return ++all->last_seq;
}

/* -- directories --------------------------------------------------------------------- */

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
