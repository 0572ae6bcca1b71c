/* SPDX-License-Identifier: MIT */
#include "fs/log_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "fs/containers.h"
#include "fs/cri_log.h"
#include "util/fd.h"

#define CHUNK       (64u << 10)
#define ROTATED_MAX 64

void log_text_init(struct log_text *t)
{
	*t = (struct log_text){0};
	for (size_t i = 0; i < LOG_FILES; i++)
		t->fds[i] = -1;
}

void log_text_fini(struct log_text *t)
{
	for (size_t i = 0; i < LOG_FILES; i++)
		fd_close_at(&t->fds[i]);
	free(t->path);
	free(t->marks);
	buf_fini(&t->part);
}

int log_text_fd(const struct log_text *t)
{
	return t->fds[t->file % LOG_FILES];
}

static int *fd_at(struct log_text *t, unsigned file)
{
	return &t->fds[file % LOG_FILES];
}

/* Decode a chunk of a file. Return: bytes of it used, 0: no whole entry there. */
static size_t decode_chunk(int fd, off_t at, char *chunk, struct buf *out)
{
	ssize_t n = fd < 0 ? 0 : pread(fd, chunk, CHUNK, at);
	size_t used;

	if (n <= 0)
		return 0;
	used = cri_log_decode(chunk, (size_t)n, out);
	if (!used && n == CHUNK) {
		/* an entry longer than the format allows: shown as it is */
		buf_add(out, chunk, (size_t)n);
		used = (size_t)n;
	}
	return used;
}

static void mark(struct log_text *t)
{
	if (t->n_marks && t->len - t->marks[t->n_marks - 1].text < LOG_STEP &&
	    t->marks[t->n_marks - 1].in == t->file)
		return;
	if (t->n_marks % 64 == 0)
		t->marks = xreallocarray(t->marks, t->n_marks + 64, sizeof(*t->marks));
	t->marks[t->n_marks++] = (struct log_mark){t->len, t->at, t->file};
}

/* Count what the current file has more than last time. */
static void count_more(struct log_text *t)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	char *chunk = xmalloc(CHUNK);
	size_t used;

	for (;;) {
		buf_resize(&text, 0);
		mark(t);
		used = decode_chunk(*fd_at(t, t->file), t->at, chunk, &text);
		if (!used)
			break;
		t->at += (off_t)used;
		t->len += text.len;
	}
	free(chunk);
}

/* The path of the run that is the newest now; owned, NULL: none. */
static char *newest_path(struct fs *fs, const struct node *log)
{
	const struct fs_rooms *rooms = &fs->rooms;
	int previous = strcmp(log->row->name, "log.previous") == 0;
	char name[256], *path = NULL;
	struct fs_container c = container_of(log, name);
	struct err err = ERR_INIT;

	if (rooms->log_path && rooms->log_path(rooms->runtime, &c, previous, &path, &err) < 0)
		path = NULL;
	return path;
}

static int is_same(const struct stat *a, const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && a->st_ino == st.st_ino && a->st_dev == st.st_dev;
}

/* <path>.1 is the newest of those that were rotated away. Owned; NULL: there is none after it. */
static char *path_after(const char *path, const struct stat *now)
{
	unsigned oldest = 0;

	if (is_same(now, path))
		return NULL;
	for (unsigned i = 1; i <= ROTATED_MAX; i++) {
		CLEANUP_FREE char *rotated = xasprintf("%s.%u", path, i);

		if (is_same(now, rotated))
			return i == 1 ? xstrdup(path) : xasprintf("%s.%u", path, i - 1);
		if (access(rotated, F_OK) == 0)
			oldest = i;
	}
	return oldest ? xasprintf("%s.%u", path, oldest) : xstrdup(path);
}

static int open_next(struct log_text *t, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return 0;
	if (*fd_at(t, t->file) >= 0) {
		count_more(t); /* nothing is written to it any more: now all of it was seen */
		t->file++;
		fd_close_at(fd_at(t, t->file));
	}
	*fd_at(t, t->file) = fd;
	t->at = 0;
	return 1;
}

/* The file was rotated away, or the container runs anew: go on with the next one. */
static int follow_on(struct log_text *t, struct fs *fs, const struct node *log)
{
	CLEANUP_FREE char *next = NULL, *newest = NULL;
	struct stat now;
	int fd = *fd_at(t, t->file);

	if (t->path && fd >= 0 && fstat(fd, &now) == 0) {
		next = path_after(t->path, &now);
		if (next && open_next(t, next))
			return 1;
	}
	newest = newest_path(fs, log);
	if (!newest || (fd >= 0 && str_eq(newest, t->path)) || !open_next(t, newest))
		return 0;
	if (t->path && !str_eq(newest, t->path))
		t->run_ends[t->run++ % LOG_FILES] = t->len;
	free(t->path);
	t->path = STEAL(newest);
	return 1;
}

uint64_t log_text_run_end(const struct log_text *t, unsigned run)
{
	if (run == t->run)
		return UINT64_MAX;
	return t->run - run > LOG_FILES ? 0 : t->run_ends[run % LOG_FILES];
}

int log_text_start(struct log_text *t, struct fs *fs, const struct node *log)
{
	return log_text_fd(t) >= 0 || follow_on(t, fs, log);
}

int log_text_grow(struct log_text *t, struct fs *fs, const struct node *log, uint64_t read_to)
{
	uint64_t was = t->len;

	log_text_start(t, fs, log);
	do
		count_more(t);
	while (read_to >= t->len && follow_on(t, fs, log));
	return t->len > was;
}

/* The last mark at or before off. */
static struct log_mark find_mark(const struct log_text *t, uint64_t off)
{
	size_t lo = 0, hi = t->n_marks;

	while (lo + 1 < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->marks[mid].text <= off)
			lo = mid;
		else
			hi = mid;
	}
	return t->marks[lo];
}

/* Have the part of the text at off decoded. */
static int load_part(struct log_text *t, uint64_t off)
{
	char *chunk = xmalloc(CHUNK);
	struct log_mark at = t->part_to;
	size_t used;

	if (!t->part.len || off != t->part_from + t->part.len)
		at = find_mark(t, off);
	do {
		if (t->file - at.in >= LOG_FILES) {
			free(chunk);
			return -EIO;
		}
		buf_resize(&t->part, 0);
		t->part_from = at.text;
		used = decode_chunk(*fd_at(t, at.in), at.file, chunk, &t->part);
		at.text += t->part.len;
		at.file += (off_t)used;
		if (!used && at.in < t->file)
			at = (struct log_mark){at.text, 0, at.in + 1};
		else if (!used)
			break;
	} while (at.text <= off);
	t->part_to = at;
	free(chunk);
	return used ? 0 : -EIO;
}

int log_text_read(struct log_text *t, uint64_t off, size_t size, struct buf *out)
{
	while (size && off < t->len) {
		size_t n;

		if ((off < t->part_from || off >= t->part_from + t->part.len) &&
		    load_part(t, off) < 0)
			return -EIO;
		n = t->part_from + t->part.len - off;
		n = n < size ? n : size;
		n = n < t->len - off ? n : t->len - off;
		buf_add(out, t->part.data + (off - t->part_from), n);
		off += n;
		size -= n;
	}
	return 0;
}
