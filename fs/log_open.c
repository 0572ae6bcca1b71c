/* SPDX-License-Identifier: MIT */
#include "fs/log_text.h"

#define N_SIZES 256u

/* How far a file was decoded for its size the last time, so that the next stat(2) goes on there. */
struct known_size {
	uint64_t ino; /* the log's */
	dev_t device;
	ino_t file;
	off_t at;
	uint64_t len;
};

struct open_logs {
	pthread_mutex_t lock;
	struct open_log *list;            /* lock; few are open at a time */
	struct known_size sizes[N_SIZES]; /* lock; by ino */
};

struct open_logs *open_logs_new(void)
{
	struct open_logs *all = xcalloc(1, sizeof(*all));

	pthread_mutex_init(&all->lock, NULL);
	return all;
}

void open_logs_free(struct open_logs *all)
{
	if (!all)
		return;
	pthread_mutex_destroy(&all->lock);
	free(all);
}

struct open_log *open_log_new(struct fs *fs, const struct node *log)
{
	struct open_logs *all = fs->open_logs;
	struct open_log *l = xcalloc(1, sizeof(*l));

	pthread_mutex_init(&l->lock, NULL);
	log_text_init(&l->text);
	l->ino = log->ino;
	l->refs = 1;
	pthread_mutex_lock(&all->lock);
	l->next = all->list;
	all->list = l;
	pthread_mutex_unlock(&all->lock);
	return l;
}

void open_log_put(struct fs *fs, struct open_log *l)
{
	struct open_log **at = &fs->open_logs->list;

	pthread_mutex_lock(&fs->open_logs->lock);
	if (--l->refs) {
		l = NULL;
	} else {
		while (*at != l)
			at = &(*at)->next;
		*at = l->next;
	}
	pthread_mutex_unlock(&fs->open_logs->lock);
	if (!l)
		return;
	log_text_fini(&l->text);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* Where to begin counting in this file. */
static void recall(struct open_logs *all, uint64_t ino, const struct stat *st, struct log_text *t)
{
	const struct known_size *known = &all->sizes[ino % N_SIZES];

	pthread_mutex_lock(&all->lock);
	if (known->ino == ino && known->device == st->st_dev && known->file == st->st_ino &&
	    known->at <= st->st_size) {
		t->at = known->at;
		t->len = known->len;
	}
	pthread_mutex_unlock(&all->lock);
}

static void remember(struct open_logs *all, uint64_t ino, const struct stat *st,
		     const struct log_text *t)
{
	pthread_mutex_lock(&all->lock);
	all->sizes[ino % N_SIZES] = (struct known_size){ino, st->st_dev, st->st_ino, t->at, t->len};
	pthread_mutex_unlock(&all->lock);
}

/* The n-th that is open of this log; owned reference, NULL: there are not so many. */
static struct open_log *nth_open(struct open_logs *all, uint64_t ino, size_t n)
{
	struct open_log *l;

	pthread_mutex_lock(&all->lock);
	for (l = all->list; l && !(l->ino == ino && n-- == 0);)
		l = l->next;
	if (l)
		l->refs++;
	pthread_mutex_unlock(&all->lock);
	return l;
}

/* Of the longest text that somebody reads. */
static uint64_t size_of_open(struct fs *fs, const struct node *log)
{
	struct open_log *l;
	uint64_t size = 0;

	for (size_t i = 0; (l = nth_open(fs->open_logs, log->ino, i)); i++) {
		pthread_mutex_lock(&l->lock);
		log_text_grow(&l->text, fs, log, l->read_to);
		if (l->text.len > size)
			size = l->text.len;
		pthread_mutex_unlock(&l->lock);
		open_log_put(fs, l);
	}
	return size;
}

int open_log_size(struct fs *fs, const struct node *log, uint64_t *size_out, struct stat *real_out)
{
	struct open_logs *all = fs->open_logs;
	struct log_text t;
	int there;

	log_text_init(&t);
	there = log_text_start(&t, fs, log) && fstat(log_text_fd(&t), real_out) == 0;
	if (there) {
		recall(all, log->ino, real_out, &t);
		log_text_grow(&t, fs, log, 0);
		remember(all, log->ino, real_out, &t);
	}
	*size_out = size_of_open(fs, log);
	if (t.len > *size_out)
		*size_out = t.len;
	log_text_fini(&t);
	return there;
}
