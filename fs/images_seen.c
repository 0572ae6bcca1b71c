/* SPDX-License-Identifier: MIT */
/* What images/ showed last, to tell inotify of what came, went and changed since. */
#include "fs/dirs.h"
#include "fs/images_dir.h"
#include "fs/notifier.h"
#include "util/strmap.h"

struct images_seen {
	pthread_mutex_t lock;
	struct strmap lines; /* lock; name -> line, owned */
};

struct images_seen *images_seen_new(void)
{
	struct images_seen *s = xcalloc(1, sizeof(*s));

	pthread_mutex_init(&s->lock, NULL);
	return s;
}

static void free_lines(struct strmap *lines)
{
	STRMAP_FOREACH (slot, lines)
		free(slot->val);
	strmap_fini(lines);
}

void images_seen_free(struct images_seen *s)
{
	if (!s)
		return;
	free_lines(&s->lines);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static void keep_line(void *arg, const char *name, const char *line, size_t len)
{
	free(strmap_set(arg, name, xstrndup(line, len)));
}

static void tell(struct fs *fs, const struct node *dir, const struct strmap *was,
		 const struct strmap *is, const char *by_client)
{
	int changed = 0;

	STRMAP_FOREACH (slot, is) {
		const char *before = strmap_get(was, slot->key);

		if (!before)
			notifier_name_made(fs->notifier, dir, slot->key, &row_image, slot->key);
		else if (strcmp(before, slot->val) != 0)
			notifier_name_changed(fs->notifier, dir, slot->key, &row_image, slot->key);
		changed |= !before || strcmp(before, slot->val) != 0;
	}
	STRMAP_FOREACH (slot, was) {
		if (strmap_get(is, slot->key))
			continue;
		changed = 1;
		if (!str_eq(by_client, slot->key))
			notifier_name_gone(fs->notifier, dir, slot->key, &row_image, slot->key);
	}
	if (changed)
		notifier_name_changed(fs->notifier, dir, "_index", &row_images_index, "");
}

void images_changed(struct fs *fs, const char *by_client)
{
	struct images_seen *s = fs->images_seen;
	struct node *dir = node_find(fs->nodes, &(struct place){.row = &row_images});
	struct strmap now = STRMAP_INIT;

	pthread_mutex_lock(&s->lock);
	each_image(fs, keep_line, &now);
	if (dir)
		tell(fs, dir, &s->lines, &now, by_client);
	free_lines(&s->lines);
	s->lines = now;
	pthread_mutex_unlock(&s->lock);
	if (dir)
		node_unref(dir);
}
