/* SPDX-License-Identifier: MIT */
/* Streams of bytes: see stream.h. */
#include "runtime/images/stream.h"

#include <errno.h>
#include <unistd.h>

#define BLOCK_SIZE (64u << 10)

/* -- a descriptor -- */

static int64_t fd_next(struct stream *base, const void **block, struct err *err)
{
	struct fd_stream *s = CONTAINER_OF(base, struct fd_stream, base);
	ssize_t n;

	do {
		n = s->at < 0 ? read(s->fd, s->block, BLOCK_SIZE)
			      : pread(s->fd, s->block, BLOCK_SIZE, s->at);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, errno, "read archive");
	if (s->at >= 0)
		s->at += n;
	*block = s->block;
	return n;
}

static int64_t fd_skip(struct stream *base, int64_t n)
{
	struct fd_stream *s = CONTAINER_OF(base, struct fd_stream, base);

	int64_t at;

	if (s->at < 0 || n < 0 || __builtin_add_overflow(s->at, n, &at))
		return 0;
	s->at = at;
	return n;
}

void fd_stream_init(struct fd_stream *s, int fd, int64_t at)
{
	*s = (struct fd_stream){
		.base = {fd_next, fd_skip}, .fd = fd, .at = at, .block = xmalloc(BLOCK_SIZE)};
}

void fd_stream_fini(struct fd_stream *s)
{
	free(s->block);
	s->block = NULL;
}

/* -- a tap -- */

static int64_t tap_next(struct stream *base, const void **block, struct err *err)
{
	struct tap *t = CONTAINER_OF(base, struct tap, base);
	int64_t n = t->in->next(t->in, block, err);

	if (n <= 0)
		return n;
	t->count += (uint64_t)n;
	if (t->count > t->max)
		return err_set(err, EFBIG, "%s: larger than %llu bytes", t->what,
			       (unsigned long long)t->max);
	digest_add(t->digest, *block, (size_t)n);
	if (t->see)
		t->see(t->see_arg, *block, (size_t)n);
	return n;
}

void tap_init(struct tap *t, struct stream *in, uint64_t max, const char *what)
{
	*t = (struct tap){
		.base.next = tap_next, .in = in, .digest = digest_new(), .max = max, .what = what};
}

void tap_fini(struct tap *t)
{
	digest_free(t->digest);
	t->digest = NULL;
}

int tap_drain(struct tap *t, struct err *err)
{
	const void *block;
	int64_t n;

	do {
		n = tap_next(&t->base, &block, err);
	} while (n > 0);
	return (int)n;
}

/* -- libarchive -- */

static la_ssize_t archive_pull(struct archive *a, void *arg, const void **block)
{
	struct archive_in *in = arg;
	int64_t n = in->in->next(in->in, block, &in->err);

	if (n < 0) {
		archive_set_error(a, (int)-n, "%s", in->err.msg);
		return ARCHIVE_FATAL;
	}
	return (la_ssize_t)n;
}

static la_int64_t archive_skip(struct archive *a, void *arg, la_int64_t n)
{
	struct archive_in *in = arg;

	return in->in->skip ? in->in->skip(in->in, n) : 0;
}

int archive_in_fail(struct archive_in *in, struct err *err)
{
	const char *text = in->a ? archive_error_string(in->a) : NULL;
	int code = in->a ? archive_errno(in->a) : 0;

	if (in->err.code)
		return err_set(err, in->err.code, "%s", in->err.msg);
	/* libarchive has numbers of its own for damaged input. */
	if (code != ENOMEM && code != ENOSPC && code != EIO)
		code = EINVAL;
	return err_set(err, code, "archive: %s", text ? text : "damaged");
}

int archive_in_open(struct archive_in *in, struct stream *from, enum archive_in_kind kind,
		    struct err *err)
{
	*in = (struct archive_in){.a = archive_read_new(), .in = from};
	if (!in->a)
		return err_set(err, ENOMEM, "archive: no memory");
	if (kind == ARCHIVE_IN_TAR) {
		archive_read_support_format_tar(in->a);
	} else {
		archive_read_support_format_raw(in->a);
		archive_read_support_filter_gzip(in->a);
		archive_read_support_filter_zstd(in->a);
	}
	archive_read_support_format_empty(in->a);
	if (archive_read_open2(in->a, in, NULL, archive_pull, archive_skip, NULL) != ARCHIVE_OK)
		return archive_in_fail(in, err);
	return 0;
}

void archive_in_close(struct archive_in *in)
{
	if (in->a)
		archive_read_free(in->a);
	in->a = NULL;
}

int archive_in_next(struct archive_in *in, struct archive_entry **entry, struct err *err)
{
	int rc = archive_read_next_header(in->a, entry);

	if (rc == ARCHIVE_EOF)
		return 0;
	/* A warning is about one attribute; RETRY and below lost the entry. */
	return rc == ARCHIVE_OK || rc == ARCHIVE_WARN ? 1 : archive_in_fail(in, err);
}

/* -- decompression -- */

static int64_t inflate_next(struct stream *base, const void **block, struct err *err)
{
	struct inflate *s = CONTAINER_OF(base, struct inflate, base);
	size_t n = 0;
	la_int64_t off;
	int rc;

	if (!s->opened) {
		struct archive_entry *entry;
		int more = archive_in_next(&s->archive, &entry, err);

		if (more < 0)
			return more;
		s->opened = 1;
		s->ended = !more;
	}
	if (s->ended)
		return 0;
	do {
		rc = archive_read_data_block(s->archive.a, block, &n, &off);
	} while (rc == ARCHIVE_OK && n == 0);
	s->ended = rc == ARCHIVE_EOF;
	if (s->ended)
		return 0;
	return rc == ARCHIVE_OK || rc == ARCHIVE_WARN ? (int64_t)n
						      : archive_in_fail(&s->archive, err);
}

int inflate_init(struct inflate *s, struct stream *in, struct err *err)
{
	*s = (struct inflate){.base.next = inflate_next};
	return archive_in_open(&s->archive, in, ARCHIVE_IN_DECOMPRESS, err);
}

void inflate_fini(struct inflate *s)
{
	archive_in_close(&s->archive);
}
