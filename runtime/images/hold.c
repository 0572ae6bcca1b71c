/* SPDX-License-Identifier: MIT */
/*
 * Layers that pods run on. A hold is a file, <state>/images/holds/<pod uid>, one
 * "<hex of diff id> <size>" a line, written before the container starts and not
 * synced: it has to outlive the daemon, not the machine. A pod whose directory
 * <state>/pods/<uid> is gone holds nothing any more.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/images/store_i.h"
#include "util/fd.h"
#include "util/log.h"

#define OWNER_MAX       128
#define FILE_MAX_BYTES  (1u << 20)
#define HOLD_MAX_LAYERS (8 * IMAGE_MAX_LAYERS)

struct hold {
	struct layer *layers[HOLD_MAX_LAYERS];
	size_t n;
};

static int owner_valid(const char *owner)
{
	size_t n = strlen(owner);

	return n > 0 && n <= OWNER_MAX && owner[0] != '.' &&
	       strspn(owner, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		       n;
}

static int has_layer(const struct hold *h, const char *hex)
{
	for (size_t i = 0; i < h->n; i++)
		if (str_eq(h->layers[i]->hex, hex))
			return 1;
	return 0;
}

/* lock held. The hold of this owner, made when missing. */
static struct hold *hold_of(struct images *im, const char *owner)
{
	struct hold *h = strmap_get(&im->holds, owner);

	if (!h) {
		h = xcalloc(1, sizeof(*h));
		strmap_set(&im->holds, owner, h);
	}
	return h;
}

/* lock held. */
static void render(const struct hold *h, struct buf *out)
{
	for (size_t i = 0; i < h->n; i++)
		buf_addf(out, "%s %llu\n", h->layers[i]->hex,
			 (unsigned long long)h->layers[i]->size);
}

/* lock held. Return: how many are new, or -errno. */
static int add_layers(struct images *im, struct hold *h, char *const *layers, struct err *err)
{
	int added = 0;

	for (; *layers; layers++) {
		const char *slash = strrchr(*layers, '/');
		const char *hex = slash ? slash + 1 : *layers;
		struct layer *l = strmap_get(&im->layers, hex);

		if (!l)
			return err_set(err, ENOENT, "layer %.100s is not stored", hex);
		if (has_layer(h, hex))
			continue;
		if (h->n == HOLD_MAX_LAYERS)
			return err_set(err, E2BIG, "more than %d layers", HOLD_MAX_LAYERS);
		l->refs++;
		h->layers[h->n++] = l;
		added++;
	}
	return added;
}

int images_hold(struct images *im, const char *owner, char *const *layers, struct err *err)
{
	CLEANUP_FREE char *path = images_path(im, "holds", owner);
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	int rc;

	if (!owner_valid(owner))
		return err_set(err, EINVAL, "pod uid \"%.100s\": cannot be a file's name", owner);
	pthread_mutex_lock(&im->lock);
	rc = add_layers(im, hold_of(im, owner), layers, err);
	if (rc > 0)
		render(strmap_get(&im->holds, owner), &text);
	pthread_mutex_unlock(&im->lock);
	return rc <= 0 ? rc : fd_replace_file(path, text.data, text.len, 0600, 0, err);
}

void images_release(struct images *im, const char *owner)
{
	CLEANUP_FREE char *path = images_path(im, "holds", owner);
	struct hold *h;

	pthread_mutex_lock(&im->lock);
	h = strmap_del(&im->holds, owner);
	pthread_mutex_unlock(&im->lock);
	if (!h)
		return;
	if (unlink(path) < 0 && errno != ENOENT)
		log_warn("images: remove %s: %s", path, strerror(errno));
	for (size_t i = 0; i < h->n; i++)
		layer_unpin(im, h->layers[i]);
	free(h);
}

/* -- at start, and before a prune -- */

static int owner_lives(const struct images *im, const char *owner)
{
	CLEANUP_FREE char *path = xasprintf("%s/../pods/%s", im->dir, owner);

	return access(path, F_OK) == 0;
}

static void load(struct images *im, const char *owner)
{
	CLEANUP_FREE char *path = images_path(im, "holds", owner);
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	struct hold *h;
	char *rest;

	if (!owner_valid(owner) || !owner_lives(im, owner) ||
	    fd_read_file(path, FILE_MAX_BYTES, &text, NULL) < 0 || !text.len) {
		unlink(path);
		return;
	}
	h = hold_of(im, owner);
	for (char *line = strtok_r(text.data, "\n", &rest); line && h->n < HOLD_MAX_LAYERS;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *size = strchr(line, ' ');

		if (size)
			*size++ = '\0';
		if (!digest_hex_valid(line) || has_layer(h, line) || !layer_on_disk(im, line))
			continue;
		h->layers[h->n++] =
			layer_adopt(im, line, NULL, size ? strtoull(size, NULL, 10) : 0, NULL);
	}
}

int images_holds_load(struct images *im, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/holds", im->dir);
	DIR *dir = opendir(path);
	struct dirent *e;

	if (!dir)
		return err_sys(err, errno, "open %s", path);
	while ((e = readdir(dir)))
		if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
			load(im, e->d_name);
	closedir(dir);
	return 0;
}

void images_holds_drop_dead(struct images *im)
{
	char **dead;
	size_t n = 0;

	pthread_mutex_lock(&im->lock);
	dead = xcalloc(im->holds.n + 1, sizeof(*dead));
	STRMAP_FOREACH (s, &im->holds) {
		if (!owner_lives(im, s->key))
			dead[n++] = xstrdup(s->key);
	}
	pthread_mutex_unlock(&im->lock);
	for (size_t i = 0; i < n; i++) {
		images_release(im, dead[i]);
		free(dead[i]);
	}
	free(dead);
}

void images_holds_fini(struct images *im)
{
	STRMAP_FOREACH (s, &im->holds) {
		free(s->val);
	}
	strmap_fini(&im->holds);
}
