/* SPDX-License-Identifier: MIT */
/*
 * Streams of bytes that are pulled block by block: a descriptor, what another
 * stream gives after decompression, a tap that counts and hashes what passes.
 * A layer is read as file -> tap (blob digest) -> decompression -> tap (diff id)
 * -> tar, in one pass and with constant memory.
 */
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include "runtime/images/digest.h"
#include "util/err.h"

struct stream {
	/* The next block, valid until the following call. Return: its size, 0 at the end, -errno.
	 */
	int64_t (*next)(struct stream *s, const void **block, struct err *err);
	/* Leave out up to n bytes, if it costs nothing. Return: how many. NULL: it cannot. */
	int64_t (*skip)(struct stream *s, int64_t n);
};

/* Reads a borrowed descriptor from an offset on; -1: from where it stands, pipes too. */
struct fd_stream {
	struct stream base;
	int fd;
	int64_t at;
	char *block;
};
void fd_stream_init(struct fd_stream *s, int fd, int64_t at);
void fd_stream_fini(struct fd_stream *s);

/* Passes `in` on, hashed and counted; -EFBIG once more than max bytes passed. */
struct tap {
	struct stream base;
	struct stream *in;
	struct digest *digest;
	uint64_t count, max;
	const char *what;                                     /* names the stream in errors */
	void (*see)(void *arg, const void *data, size_t len); /* NULL, or somebody who looks on */
	void *see_arg;
};
void tap_init(struct tap *t, struct stream *in, uint64_t max, const char *what);
void tap_fini(struct tap *t);
/* Read on to the end: what a tar has after its last entry counts for the digest, too. */
int tap_drain(struct tap *t, struct err *err) MUST_CHECK;

/* libarchive over a stream. */
enum archive_in_kind {
	ARCHIVE_IN_TAR,       /* a plain tar */
	ARCHIVE_IN_DECOMPRESS /* any bytes, gzip or zstd taken off */
};
struct archive_in {
	struct archive *a;
	struct stream *in;
	struct err err; /* of `in` */
};
int archive_in_open(struct archive_in *in, struct stream *from, enum archive_in_kind kind,
		    struct err *err) MUST_CHECK;
void archive_in_close(struct archive_in *in);
/* Why libarchive stopped, as an error. */
int archive_in_fail(struct archive_in *in, struct err *err);
/* The next entry. Return: 1, 0 at the end, -errno. */
int archive_in_next(struct archive_in *in, struct archive_entry **entry, struct err *err)
	MUST_CHECK;

/* `in` after decompression; not compressed bytes come out as they are. */
struct inflate {
	struct stream base;
	struct archive_in archive;
	int opened, ended;
};
int inflate_init(struct inflate *s, struct stream *in, struct err *err) MUST_CHECK;
void inflate_fini(struct inflate *s);
