/* SPDX-License-Identifier: MIT */
/*
 * A container's log as one growing text: the entries of its file decoded, and of those that
 * follow it when it is rotated or the container runs anew. What was decoded is not kept: places to
 * begin from are, one in LOG_STEP bytes, and the files while the text in them may be
 * asked for.
 *
 * Locking: the caller's.
 */
#pragma once

#include <sys/stat.h>

#include "fs/fs_i.h"

#define LOG_STEP  (64u << 10)
#define LOG_FILES 8 /* of one text: the current one and those before it */

struct log_mark {
	uint64_t text; /* offset in the text */
	off_t file;    /* ... is this one in the file */
	unsigned in;   /* number of the file */
};

struct log_text {
	char *path;         /* owned: of the current run, NULL: none yet */
	int fds[LOG_FILES]; /* of file number n at n % LOG_FILES, -1: none */
	unsigned file;      /* the current file's number */
	off_t at;           /* what of it was decoded */
	uint64_t len;       /* of the text so far */
	unsigned run;       /* number of the container's run that the current file is of */
	uint64_t run_ends[LOG_FILES]; /* of run n at n % LOG_FILES: where its text ends */
	struct log_mark *marks;       /* owned */
	size_t n_marks;
	/* the part of the text that was decoded last */
	struct buf part;
	uint64_t part_from;
	struct log_mark part_to;
};

void log_text_init(struct log_text *t);
void log_text_fini(struct log_text *t);
/* Open its file. Return: whether there is one. */
int log_text_start(struct log_text *t, struct fs *fs, const struct node *log);
/*
 * Look for more. The next file is gone on to when its reader has read all of the current one: so a
 * slow one finds it still open. Return: whether there is more.
 */
int log_text_grow(struct log_text *t, struct fs *fs, const struct node *log, uint64_t read_to);
/* Append up to size bytes at off. Return: 0, or -EIO: that file is gone. */
int log_text_read(struct log_text *t, uint64_t off, size_t size, struct buf *out);

/* Where the text of a run ends; UINT64_MAX: it is the current one. */
uint64_t log_text_run_end(const struct log_text *t, unsigned run);

/* The current file; -1: none. */
int log_text_fd(const struct log_text *t);

/*
 * A log that somebody has open. fstat(2) asks for the size of the file, not of an open one: so it
 * is that of the longest text that is read, and does not shrink under `tail -f` when the
 * file is rotated.
 */
struct open_log {
	pthread_mutex_t lock;
	struct log_text text; /* lock */
	uint64_t read_to;     /* lock */
	/* the table's */
	unsigned refs;
	uint64_t ino;
	struct open_log *next;
};
struct open_logs;

struct open_logs *open_logs_new(void);
void open_logs_free(struct open_logs *all);
/* Owned. */
struct open_log *open_log_new(struct fs *fs, const struct node *log);
void open_log_put(struct fs *fs, struct open_log *taken);
/* The size, and the real file's attributes in real_out. Return: whether there is one. */
int open_log_size(struct fs *fs, const struct node *log, uint64_t *size_out, struct stat *real_out);
