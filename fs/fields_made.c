/* SPDX-License-Identifier: MIT */
#include <pthread.h>

#include "fs/fields.h"
#include "util/base.h"

#define MADE_MAX 512

struct made {
	char *uid, *sub; /* owned; NULL: free */
	enum row_type type;
};

struct fields_made {
	pthread_mutex_t lock;
	struct made list[MADE_MAX];
	size_t next; /* the oldest, to be replaced */
};

struct fields_made *fields_made_new(void)
{
	struct fields_made *all = xcalloc(1, sizeof(*all));

	pthread_mutex_init(&all->lock, NULL);
	return all;
}

static void drop(struct made *m)
{
	free(m->uid);
	free(m->sub);
	*m = (struct made){0};
}

void fields_made_free(struct fields_made *all)
{
	if (!all)
		return;
	for (size_t i = 0; i < MADE_MAX; i++)
		drop(&all->list[i]);
	pthread_mutex_destroy(&all->lock);
	free(all);
}

static struct made *find(struct fields_made *all, const char *uid, const char *sub)
{
	for (size_t i = 0; i < MADE_MAX; i++) {
		struct made *m = &all->list[i];

		if (m->uid && strcmp(m->uid, uid) == 0 && strcmp(m->sub, sub) == 0)
			return m;
	}
	return NULL;
}

void fields_made_add(struct fields_made *all, const char *uid, const char *sub, enum row_type type)
{
	struct made *m;

	pthread_mutex_lock(&all->lock);
	m = find(all, uid, sub);
	if (!m) {
		m = &all->list[all->next++ % MADE_MAX];
		drop(m);
		*m = (struct made){xstrdup(uid), xstrdup(sub), type};
	}
	m->type = type;
	pthread_mutex_unlock(&all->lock);
}

void fields_made_remove(struct fields_made *all, const char *uid, const char *sub)
{
	struct made *m;

	pthread_mutex_lock(&all->lock);
	m = find(all, uid, sub);
	if (m)
		drop(m);
	pthread_mutex_unlock(&all->lock);
}

static int is_at_or_above(const char *dir, const char *sub)
{
	size_t n = strlen(dir);

	return strncmp(dir, sub, n) == 0 && (!sub[n] || sub[n] == '/');
}

void fields_made_stored(struct fields_made *all, const char *uid, const char *sub)
{
	pthread_mutex_lock(&all->lock);
	for (size_t i = 0; i < MADE_MAX; i++) {
		struct made *m = &all->list[i];

		if (m->uid && strcmp(m->uid, uid) == 0 && is_at_or_above(m->sub, sub))
			drop(m);
	}
	pthread_mutex_unlock(&all->lock);
}

int fields_made_get(struct fields_made *all, const char *uid, const char *sub,
		    enum row_type *type_out)
{
	struct made *m;

	pthread_mutex_lock(&all->lock);
	m = find(all, uid, sub);
	if (m)
		*type_out = m->type;
	pthread_mutex_unlock(&all->lock);
	return m != NULL;
}

void fields_made_list(struct fields_made *all, const char *uid, const char *sub,
		      void (*fn)(void *arg, const char *name, enum row_type type), void *arg)
{
	size_t len = strlen(sub);

	pthread_mutex_lock(&all->lock);
	for (size_t i = 0; i < MADE_MAX; i++) {
		const struct made *m = &all->list[i];
		const char *rest;

		if (!m->uid || strcmp(m->uid, uid) != 0 || strncmp(m->sub, sub, len) != 0)
			continue;
		rest = m->sub + len;
		if (len && *rest++ != '/')
			continue;
		if (*rest && !strchr(rest, '/'))
			fn(arg, rest, m->type);
	}
	pthread_mutex_unlock(&all->lock);
}
