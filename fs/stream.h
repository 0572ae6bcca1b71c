/* SPDX-License-Identifier: MIT */
/*
 * Files that block: a read with nothing to give is parked and answered later, by one
 * thread for all of them, so that no reader holds a thread. poll(2), O_NONBLOCK and
 * interruption are handled here; a kind of stream only says what there is to read.
 *
 * Locking: stream_wake() from any thread, also within a watch's notify. `fill` runs
 * with the stream's lock held and must not wait.
 */
#pragma once

#include "fs/handle.h"

struct stream;
struct streams; /* the thread */

struct stream_ops {
	/*
	 * Append what there is to read to out; set *eof when nothing will follow. first_off: the
	 * offset of the reader's first read (lseek before it). Return: 0 or -errno (ends the
	 * stream).
	 */
	int (*fill)(struct stream *s, struct buf *out, int *eof, off_t first_off);
	/*
	 * Begin anew at another offset: the next fill is like the first. Present: the
	 * offsets of reads count (lseek(2) works); absent: it is a pipe.
	 */
	void (*rewind)(struct stream *s);
	/* Called on the thread at each wake, with the lock: answer parked writes. May be absent. */
	void (*woken)(struct stream *s, int stopping);
	/* Write to it; answers the request. Absent: EBADF. */
	void (*write)(struct stream *s, struct call *c, const char *data, size_t len);
	/* Frees what the kind of stream holds; nothing wakes it any more after this. */
	void (*close)(struct stream *s);
};

struct stream {
	struct handle h;
	const struct stream_ops *ops;
	/* below: implementation-specific; h.lock */
	struct buf pending; /* what begins at offset base */
	off_t base, read_to, first_off;
	int started, only_polled, eof, failed;
	uint64_t rules; /* permission_generation() of the last look at what its opener may */
	struct parked *parked;
	struct fuse_pollhandle *poll;
	/* streams' lock */
	struct stream *next_awake;
	struct stream *next, **prev; /* of all streams */
	uint64_t id;
	int awake, closing;
};

struct streams *streams_new(struct fs *fs);
/* Answers whoever still waits (ENODEV), and ends the thread. */
void streams_stop(struct streams *all);
void streams_free(struct streams *all);

/* size: of the struct that begins with struct stream. */
struct stream *stream_new(size_t size, const struct stream_ops *ops, struct call *c, struct node *n,
			  int flags);
/* There may be something to read now. */
void stream_wake(struct stream *s);
void streams_wake_all(struct streams *all);
/* Have the stream woken when the reader of this parked request is interrupted. */
void stream_on_interrupt(struct stream *s, fuse_req_t req);
/* Wake s whenever fd is readable (or at its end), on the streams' thread; events as epoll(7). */
int streams_add_fd(struct streams *all, int fd, unsigned events, struct stream *s);
/* Call fn whenever fd is readable, on the streams' thread, until streams_stop(). */
void streams_add_source(struct streams *all, int fd, void (*fn)(void *arg), void *arg);
void streams_del_fd(struct streams *all, int fd);
