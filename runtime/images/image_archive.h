/* SPDX-License-Identifier: MIT */
/*
 * An image archive: a tar whose members are read in any order. One pass notes
 * where each member is; a member is then read by itself from there. What
 * cannot be read so (a pipe, a compressed tar) is written to a temporary file
 * first, decompressed.
 */
#pragma once

#include "runtime/images/stream.h"
#include "util/buf.h"
#include "util/strmap.h"

struct image_archive {
	int fd;
	int spool; /* -1 or an unnamed file, then fd is the same */
	struct strmap members;
};

/* Progress of a long copy: a negative errno stops it. */
typedef int (*archive_progress_fn)(void *arg, uint64_t bytes);

/* fd is borrowed until image_archive_close(). The temporary file is made in tmp_dir. */
int image_archive_open(struct image_archive *a, int fd, const char *tmp_dir,
		       archive_progress_fn progress, void *arg, struct err *err) MUST_CHECK;
void image_archive_close(struct image_archive *a);

int image_archive_has(const struct image_archive *a, const char *name);
/* A whole member; -ENOENT, -EFBIG past max. */
int image_archive_read(const struct image_archive *a, const char *name, size_t max, struct buf *out,
		       struct err *err) MUST_CHECK;

/* A member as a stream. */
struct member {
	struct stream base;
	struct fd_stream file;
	struct archive_in archive;
	uint64_t size;
};
int member_open(struct member *m, const struct image_archive *a, const char *name, struct err *err)
	MUST_CHECK;
void member_close(struct member *m);
