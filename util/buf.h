/* SPDX-License-Identifier: MIT */
/*
 * A growing byte buffer: the only way text is put together. `data` is always
 * NUL-terminated once anything was added (the NUL is not counted in `len`).
 *
 *	CLEANUP(buf_fini) struct buf b = BUF_INIT;
 *	buf_addf(&b, "%s/%s\n", ns, name);
 */
#pragma once

#include "util/base.h"

struct buf {
	char *data; /* owned; NULL while empty */
	size_t len;
	size_t cap;
};

#define BUF_INIT                                                                                   \
	{                                                                                          \
		NULL, 0, 0                                                                         \
	}

void buf_fini(struct buf *b);
/* Make room for `more` bytes beyond len; returns where they go. */
char *buf_reserve(struct buf *b, size_t more) __attribute__((returns_nonnull));
void buf_add(struct buf *b, const void *data, size_t len);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* n spaces. */
void buf_pad(struct buf *b, size_t n);
/* Replace bytes [off, off+len), zero-filling a gap before off: a file's pwrite. */
void buf_pwrite(struct buf *b, const void *data, size_t len, size_t off);
/* Cut or zero-extend to len. */
void buf_resize(struct buf *b, size_t len);
/* Take the text out: the caller frees it, the buffer is empty again. Never NULL. */
char *buf_steal(struct buf *b) __attribute__((returns_nonnull));
/* The text, "" while empty. Borrowed. */
static inline const char *buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}
