/* SPDX-License-Identifier: MIT */
/*
 * Who watches, and whether he may still hear of it: an inotify watch outlives the right that it
 * was set up with. The kernel tells all watches of an inode or none, so what nobody may hear of
 * any more who watches it is not told; what somebody may, all of its watchers hear.
 *
 * In a resource's directory over its namespaces only those are told who may list it in all of
 * them: for the others some of the names are not there.
 */
#include <stdio.h>

#include "fs/dirs.h"
#include "fs/notifier_i.h"
#include "fs/permission.h"

#define GROUPS_MAX_READ 1024

/* -- who a process is -- */

struct credentials {
	unsigned uid, gid, groups[GROUPS_MAX_READ];
	size_t n;
};

static void read_groups(const char *text, struct credentials *c)
{
	unsigned group;
	int len;

	while (c->n < GROUPS_MAX_READ && sscanf(text, "%u%n", &group, &len) == 1) {
		c->groups[c->n++] = group;
		text += len;
	}
}

/* As the kernel would name it in a request: the ids for files, and the groups. */
static int read_credentials(pid_t pid, struct credentials *c)
{
	CLEANUP_FREE char *path = xasprintf("/proc/%d/status", (int)pid);
	CLEANUP_FREE char *line = NULL;
	FILE *f = fopen(path, "re");
	size_t size = 0;
	int n = 0;

	c->n = 0;
	while (f && n < 3 && getline(&line, &size, f) > 0) {
		n += sscanf(line, "Uid: %*u %*u %*u %u", &c->uid) == 1;
		n += sscanf(line, "Gid: %*u %*u %*u %u", &c->gid) == 1;
		if (str_starts(line, "Groups:")) {
			read_groups(line + strlen("Groups:"), c);
			n++;
		}
	}
	if (f)
		fclose(f);
	return n == 3;
}

/* Owned; NULL: root. */
static struct identity *identity_of_process(struct fs *fs, pid_t pid)
{
	const struct fs_rooms *rooms = &fs->rooms;
	CLEANUP(buf_fini) struct buf account = BUF_INIT;
	struct credentials c;

	if (rooms->account_of_process && rooms->account_of_process(rooms->daemon, pid, &account))
		return identity_of_account(buf_str(&account), ~0u, ~0u);
	if (!read_credentials(pid, &c)) /* it has ended: nobody hears of anything by it */
		return identity_get(fs->identities, ~0u, ~0u, NULL, 0);
	return c.uid ? identity_get(fs->identities, c.uid, c.gid, c.groups, c.n) : NULL;
}

size_t watchers_identify(void *arg, pid_t pid)
{
	struct teller *t = arg;
	struct watchers *w = &t->watchers;
	struct identity *who = identity_of_process(t->n->fs, pid);

	if (!who)
		return 0;
	w->scanned = xreallocarray(w->scanned, w->n_scanned + 1, sizeof(struct identity *));
	w->scanned[w->n_scanned++] = who;
	return w->n_scanned;
}

/* -- what was found -- */

static void drop(struct identity **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		identity_unref(list[i]);
	free((void *)list);
}

void watchers_fini(struct watchers *w)
{
	drop(w->names, w->n_names);
	drop(w->scanned, w->n_scanned);
	free(w->list);
	*w = (struct watchers){0};
}

void watchers_take(struct teller *t)
{
	struct watchers *w = &t->watchers;

	drop(w->names, w->n_names);
	free(w->list);
	w->names = STEAL(w->scanned);
	w->n_names = w->n_scanned;
	w->n_scanned = 0;
	w->list = STEAL(t->scan.found);
	w->n = t->scan.n;
	t->scan.n = 0;
}

/* -- what he may hear of -- */

static int may_hear(struct fs *fs, const struct identity *who, const struct node *n)
{
	return node_allows(fs, who, n, PERM_R) == 0 &&
	       (n->row != &row_collection || node_shows_all_names(fs, who, n));
}

static int somebody_may(struct teller *t, size_t first, size_t end)
{
	const struct watchers *w = &t->watchers;
	struct fs *fs = t->n->fs;
	struct node *n = NULL;
	int may = 0;

	for (size_t i = first; i < end; i++)
		if (!w->list[i].who)
			return 1;
	n = node_by_ino(fs->nodes, w->list[first].ino);
	if (!n)
		return 1; /* nor does the kernel have it, so nothing would be told of it */
	for (size_t i = first; i < end && !may; i++)
		may = may_hear(fs, w->names[w->list[i].who - 1], n);
	node_unref(n);
	return may;
}

void watchers_allowed(struct teller *t, struct inode_set *out)
{
	struct watchers *w = &t->watchers;

	*out = (struct inode_set){0};
	w->rules = permission_generation(t->n->fs);
	for (size_t i = 0, end; i < w->n; i = end) {
		for (end = i + 1; end < w->n && w->list[end].ino == w->list[i].ino; end++)
			;
		if (somebody_may(t, i, end))
			inode_set_add(out, w->list[i].ino);
	}
}
