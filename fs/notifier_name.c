/* SPDX-License-Identifier: MIT */
/*
 * Names that come and go, and files that change, without an object: of images, of what is wrong
 * with a manifest. One note a change, told in their order.
 */
#include "fs/notifier_i.h"

#define NAMES_MAX 1024u /* more at once: whatever is watched is told */

struct name_note {
	struct name_note *next;
	char *dir, *name, *sub; /* owned; dir: its path */
	const struct row *row;
	uint64_t dir_ino;
	enum action action;
	int fresh;
};

static void name_note_free(struct name_note *n)
{
	free(n->dir);
	free(n->name);
	free(n->sub);
	free(n);
}

void names_free(struct name_note *list)
{
	for (struct name_note *next; list; list = next) {
		next = list->next;
		name_note_free(list);
	}
}

static struct place place_of(const struct name_note *n)
{
	return (struct place){n->row, NULL, "", "", "", n->sub};
}

static struct name_note *new_note(const struct notifier *n, const struct node *dir,
				  const char *name, const struct row *row, const char *sub,
				  enum action action)
{
	struct name_note *note = xcalloc(1, sizeof(*note));
	struct buf path = BUF_INIT;

	buf_addf(&path, "%s/", n->fs->mountpoint);
	node_path(dir, &path);
	*note = (struct name_note){.dir = buf_steal(&path),
				   .name = xstrdup(name),
				   .sub = xstrdup(sub),
				   .row = row,
				   .dir_ino = dir->ino,
				   .action = action};
	return note;
}

static int is_wanted(const struct name_note *note, const struct inode_set *by)
{
	struct place at = place_of(note);

	return inode_set_has(by, note->dir_ino) ||
	       (note->action != ACTION_MAKE && inode_set_has(by, place_ino(&at)));
}

static void enqueue(struct notifier *n, struct name_note *taken)
{
	if (n->n_names >= NAMES_MAX) {
		name_note_free(taken);
		notifier_lose(n);
		return;
	}
	*n->names_end = taken;
	n->names_end = &taken->next;
	n->n_names++;
	pthread_cond_broadcast(&n->wake);
}

static void note_name(struct notifier *n, const struct node *dir, const char *name,
		      const struct row *row, const char *sub, enum action action)
{
	struct name_note *note;

	if (!n)
		return;
	note = new_note(n, dir, name, row, sub, action);
	pthread_mutex_lock(&n->lock);
	note->fresh = dir->asked_until_ms >= n->scan_ms;
	if (!n->stopping && !n->lost && (note->fresh || is_wanted(note, &n->watched)))
		enqueue(n, STEAL(note));
	pthread_mutex_unlock(&n->lock);
	if (note)
		name_note_free(note);
}

void notifier_name_made(struct notifier *n, const struct node *dir, const char *name,
			const struct row *row, const char *sub)
{
	note_name(n, dir, name, row, sub, ACTION_MAKE);
}

void notifier_name_gone(struct notifier *n, const struct node *dir, const char *name,
			const struct row *row, const char *sub)
{
	note_name(n, dir, name, row, sub, ACTION_REMOVE);
}

void notifier_name_changed(struct notifier *n, const struct node *dir, const char *name,
			   const struct row *row, const char *sub)
{
	note_name(n, dir, name, row, sub, ACTION_NONE);
}

struct name_note *names_take(struct notifier *n)
{
	struct name_note *note = n->names;

	n->names = note->next;
	if (!n->names)
		n->names_end = &n->names;
	n->n_names--;
	note->next = NULL;
	return note;
}

void names_drop(struct notifier *n)
{
	names_free(STEAL(n->names));
	n->names_end = &n->names;
	n->n_names = 0;
}

static void tell(struct teller *t, const struct name_note *note, const struct inode_set *to)
{
	struct place at = place_of(note);

	if (!is_wanted(note, to))
		return;
	if (note->action == ACTION_NONE)
		call_modify(t, note->dir, note->name);
	else
		call_act_in(t, note->action, note->dir, note->name, &at, note->dir_ino);
}

void names_tell(struct teller *t, struct name_note *taken)
{
	tell(t, taken, &t->watched);
	t->scan_wanted |= taken->fresh;
	if (!taken->fresh && !t->scanning) {
		name_note_free(taken);
		return;
	}
	/* a scan comes soon: in their order until then */
	for (struct name_note **at = &t->told_names;; at = &(*at)->next)
		if (!*at) {
			*at = taken;
			break;
		}
}

void names_scanned(struct teller *t, const struct inode_set *new)
{
	for (const struct name_note *at = t->told_names; at && new->n; at = at->next)
		tell(t, at, new);
	names_free(STEAL(t->told_names));
}
