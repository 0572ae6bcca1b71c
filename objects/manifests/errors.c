/* SPDX-License-Identifier: MIT */
/* The last refusals of each user: a few texts, bounded, in memory. */
#include "objects/manifests/manifests_i.h"

#define RING_BYTES (64u << 10)
#define MAX_RINGS  1024

struct ring {
	char *user;    /* owned; by name, as pods may share ids, and take many */
	uint64_t used; /* counter: the least recently written goes first */
	struct buf text;
};

struct rings {
	pthread_mutex_t lock;
	struct ring *list;
	size_t n;
	uint64_t clock;
};

struct rings *rings_new(void)
{
	struct rings *r = xcalloc(1, sizeof(*r));

	pthread_mutex_init(&r->lock, NULL);
	return r;
}

void rings_free(struct rings *r)
{
	for (size_t i = 0; i < r->n; i++) {
		buf_fini(&r->list[i].text);
		free(r->list[i].user);
	}
	free(r->list);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static struct ring *find(struct rings *r, const char *user)
{
	for (size_t i = 0; i < r->n; i++)
		if (str_eq(r->list[i].user, user))
			return &r->list[i];
	return NULL;
}

static struct ring *make(struct rings *r, const char *user)
{
	struct ring *oldest = r->list;

	if (r->n < MAX_RINGS) {
		r->list = xreallocarray(r->list, r->n + 1, sizeof(*r->list));
		r->list[r->n] = (struct ring){.user = xstrdup(user)};
		return &r->list[r->n++];
	}
	for (size_t i = 1; i < r->n; i++)
		if (r->list[i].used < oldest->used)
			oldest = &r->list[i];
	buf_fini(&oldest->text);
	free(oldest->user);
	*oldest = (struct ring){.user = xstrdup(user)};
	return oldest;
}

/* Whole lines go from the front. */
static void shrink(struct buf *text)
{
	size_t cut;
	char *line;

	if (text->len <= RING_BYTES)
		return;
	cut = text->len - RING_BYTES;
	line = memchr(text->data + cut, '\n', text->len - cut);
	cut = line ? (size_t)(line + 1 - text->data) : cut;
	memmove(text->data, text->data + cut, text->len - cut);
	buf_resize(text, text->len - cut);
}

/* Names come from users, who may put anything into them; who reads them has a terminal. */
static void hide_controls(char *text, int keep_lines)
{
	for (; *text; text++)
		if (((unsigned char)*text < ' ' && !(keep_lines && *text == '\n')) || *text == 0x7f)
			*text = '?';
}

char *printable_path(const char *path)
{
	char *s = xstrdup(path);

	hide_controls(s, 0);
	return s;
}

void rings_add(struct rings *r, const char *user, const char *text)
{
	size_t len = strlen(text), was;
	struct ring *ring;

	if (!len)
		return;
	pthread_mutex_lock(&r->lock);
	ring = find(r, user);
	if (!ring)
		ring = make(r, user);
	ring->used = ++r->clock;
	was = ring->text.len;
	buf_add(&ring->text, text, len);
	hide_controls(ring->text.data + was, 1);
	if (text[len - 1] != '\n')
		buf_addc(&ring->text, '\n');
	shrink(&ring->text);
	pthread_mutex_unlock(&r->lock);
}

void rings_read(struct rings *r, const char *user, struct buf *out)
{
	const struct ring *ring;

	pthread_mutex_lock(&r->lock);
	ring = find(r, user);
	if (ring && ring->text.len)
		buf_add(out, ring->text.data, ring->text.len);
	pthread_mutex_unlock(&r->lock);
}

void manifest_errors(struct manifests *all, const char *user, struct buf *out)
{
	rings_read(all->rings, user, out);
}

void manifest_note_error(struct manifests *all, const char *user, const char *path,
			 const char *text)
{
	CLEANUP(buf_fini) struct buf lines = BUF_INIT;
	CLEANUP_FREE char *shown = printable_path(path);

	while (*text) {
		size_t n = strcspn(text, "\n");

		if (n)
			buf_addf(&lines, "%s: %.*s\n", shown, (int)n, text);
		text += n + (text[n] == '\n');
	}
	rings_add(all->rings, user, buf_str(&lines));
}
